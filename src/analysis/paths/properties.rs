//! What holds of every heap: random graphs against searches that are slow and plain.

use proptest::prelude::*;

use super::*;
use crate::heap::{Label, RootKind, Sketch};

const OBJECTS: usize = 14;

/// A reference by the numbers of its objects, and which label it has.
type Drawn = (usize, usize, usize);

/// A heap to be built in any order of its objects.
#[derive(Debug, Clone)]
struct Plan {
    edges: Vec<Drawn>,
    roots: Vec<(usize, usize)>,
    types: Vec<usize>,
    order: Vec<usize>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let edges = prop::collection::vec((0..OBJECTS, 0..OBJECTS, 0..14usize), 0..40);
    let roots = prop::collection::vec((0..OBJECTS, 0..5usize), 0..4);
    let types = prop::collection::vec(0..4usize, OBJECTS);
    let order = Just((0..OBJECTS).collect::<Vec<_>>()).prop_shuffle();
    (edges, roots, types, order).prop_map(|(edges, roots, types, order)| Plan { edges, roots, types, order })
}

const TYPES: [&str; 4] = ["app.Target", "builtins.dict", "app.Node", "builtins.list"];

/// The heap, its objects numbered in this order; each object's place in the plan by its number.
fn build(plan: &Plan, order: &[usize]) -> (Heap, Vec<Id>) {
    let mut sketch = Sketch::new();
    let mut ids = vec![Id(0); OBJECTS];
    for at in order {
        // Sizes tell the objects apart, whatever their number.
        ids[*at] = sketch.object(TYPES[plan.types[*at]], *at as u64);
    }
    // Labels are numbered in another order, too.
    if order[0].is_multiple_of(2) {
        for name in ["z", "y", "x"] {
            let label = sketch.named(Label::Key, name);
            sketch.label(label);
        }
    }
    for (from, to, label) in &plan.edges {
        let label = match label {
            0..=2 => Label::Item(*label as u32),
            3..=5 => sketch.named(Label::Key, ["x", "y", "z"][label - 3]),
            6 => Label::AttributeDict,
            7 => sketch.named(Label::Through, "cell_contents"),
            8 => sketch.named(Label::Field, "f_back"),
            9 => Label::Class,
            10 => sketch.named(Label::Attribute, "next"),
            11 => Label::DictKey,
            12 => Label::Member,
            _ => Label::Word(8),
        };
        sketch.edge(ids[*from], label, ids[*to]);
    }
    for (object, kind) in &plan.roots {
        let (kind, text) = [
            (RootKind::UserModule, "app"),
            (RootKind::LibraryModule, "lib"),
            (RootKind::Frame, "thread 'main' › f() a.py:1 › x"),
            (RootKind::Interpreter, "signal[15]"),
            (RootKind::Cache, "<cache>"),
        ][*kind];
        // Roots of one text are told apart by addresses alone, which no two heaps share.
        sketch.root(ids[*object], kind, &format!("{text}{object}"), 1);
    }
    (sketch.heap(), ids)
}

fn targets(heap: &Heap) -> Vec<Id> {
    heap.objects.ids().filter(|id| heap.type_name(*id) == TYPES[0]).collect()
}

/// All that roots reach.
fn reachable(heap: &Heap) -> FxHashSet<Id> {
    let mut seen: FxHashSet<Id> = heap.roots.iter().map(|root| root.object).collect();
    let mut waiting: Vec<Id> = seen.iter().copied().collect();
    while let Some(id) = waiting.pop() {
        waiting.extend(heap.edges.of(id).map(|edge| edge.to).filter(|to| seen.insert(*to)));
    }
    seen
}

/// What the ways cost that lead through no other target, by trying all references again and again.
/// A target that is somebody's `__dict__` stands in nobody's way.
fn is_in_the_way(heap: &Heap, targets: &[Id], id: Id) -> bool {
    let is_dict = |edge: crate::heap::Edge| edge.to == id && heap.names.label_of(edge.label) == Label::AttributeDict;
    targets.contains(&id) && !heap.edges.all().any(is_dict)
}

fn bellman_ford(terrain: &Terrain<'_>, targets: &[Id]) -> Vec<u32> {
    let heap = terrain.heap;
    let mut cost = vec![search::UNREACHED; heap.objects.len()];
    let dicts: FxHashSet<u32> = terrain.home.dicts().collect();
    for root in &heap.roots {
        let start = u32::from(cost::of_root(root.kind, heap.type_name(root.object) == "builtins.frame"));
        cost[root.object.at()] = cost[root.object.at()].min(start);
    }
    for _ in 0..heap.objects.len() {
        for id in heap.objects.ids().filter(|id| !is_in_the_way(heap, targets, *id)) {
            if cost[id.at()] == search::UNREACHED {
                continue;
            }
            for (place, edge) in (0..).zip(heap.edges.of(id)) {
                let mut step = terrain.costs.of(edge.label);
                if dicts.contains(&id.0) {
                    step = terrain.home.cost(id.0, place, edge.to.0, step);
                }
                cost[edge.to.at()] = cost[edge.to.at()].min(cost[id.at()] + u32::from(step));
            }
        }
    }
    cost
}

/// A finding without numbers of objects.
fn told(heap: &Heap, found: &Paths) -> Vec<String> {
    let way = |way: &Way| {
        // The example is the object at the lowest address, and addresses go by the numbers of a sketch.
        format!("{} {:?} {:?} {} {:?} {}", way.text, way.sum, way.behind, way.fingerprint, way.native, way.inferred)
    };
    let mut told: Vec<String> = found.ways.iter().map(way).collect();
    told.push(format!("{:?} {:?} {:?}", found.unreached, found.held_most, found.removals));
    told.push(format!("{}", heap.objects.len()));
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_step_is_a_reference_and_the_first_a_root(plan in plan()) {
        let (heap, _) = build(&plan, &plan.order);
        let found = paths(&heap, &targets(&heap), &PathsOptions::default());
        for way in &found.ways {
            let mut before: Option<&PathStep> = None;
            for step in &way.steps {
                match before {
                    None => {
                        let is_root = |root: &crate::heap::Root| {
                            root.object == step.object && heap.names.get(root.text) == step.edge
                        };
                        prop_assert!(step.edge == "<native>" || heap.roots.iter().any(is_root), "{:?}", way);
                    }
                    Some(before) => {
                        let is_edge = |edge: crate::heap::Edge| {
                            edge.to == step.object && heap.label_text(edge.label) == step.edge
                        };
                        prop_assert!(heap.edges.of(before.object).any(is_edge), "{:?}", way);
                    }
                }
                before = Some(step);
            }
            prop_assert_eq!(before.map(|step| step.object), Some(way.example));
            // Only the last step is a target.
            let targets = targets(&heap);
            prop_assert!(way.steps.iter().rev().skip(1).all(|step| !is_in_the_way(&heap, &targets, step.object)));
        }
    }

    #[test]
    fn counts_add_up_and_what_is_reachable_is_reached(plan in plan()) {
        let (heap, _) = build(&plan, &plan.order);
        let targets = targets(&heap);
        let found = paths(&heap, &targets, &PathsOptions::default());
        let mut sum = found.unreached;
        found.ways.iter().for_each(|way| sum.join(way.sum));
        prop_assert_eq!(sum, found.objects);
        prop_assert_eq!(found.objects.count, targets.len() as u64);
        let reachable = reachable(&heap);
        let rooted: u64 = found.ways.iter().filter(|way| way.native.is_none()).map(|way| way.sum.count).sum();
        prop_assert_eq!(rooted, targets.iter().filter(|id| reachable.contains(id)).count() as u64);
        let limit = PathsOptions { limit: Some(1), ..PathsOptions::default() };
        let mut shown = paths(&heap, &targets, &limit);
        shown.ways.iter().for_each(|way| shown.hidden.join(way.sum));
        shown.hidden.join(shown.unreached);
        prop_assert_eq!(shown.hidden, found.objects);
        if let (Some((_, most)), Some(removal)) = (&found.held_most, found.removals.first()) {
            prop_assert_eq!(most.count, removal.freed.count + removal.held.count);
        }
    }

    #[test]
    fn no_way_is_cheaper(plan in plan()) {
        let (heap, _) = build(&plan, &plan.order);
        let targets = targets(&heap);
        let terrain = Terrain::of(&heap);
        let blocks = Blocks::default();
        let mut search = Search::new(&terrain, &targets, &blocks);
        let (direct, _) = search.search_roots();
        let expected = bellman_ford(&terrain, &targets);
        for id in &targets {
            let is_direct = direct.contains(&id.0);
            prop_assert_eq!(is_direct, expected[id.at()] != search::UNREACHED);
            if is_direct {
                prop_assert_eq!(search.cost(id.0), expected[id.at()]);
            }
        }
    }

    #[test]
    fn numbers_of_objects_and_labels_decide_nothing(plan in plan()) {
        let (heap, _) = build(&plan, &(0..OBJECTS).collect::<Vec<_>>());
        let (other, _) = build(&plan, &plan.order);
        let options = PathsOptions { top: 2, ..PathsOptions::default() };
        let [a, b] = [heap, other].map(|heap| told(&heap, &paths(&heap, &targets(&heap), &options)));
        prop_assert_eq!(a, b);
    }
}

#[test]
fn a_very_long_list_takes_no_stack_and_no_square() {
    let mut sketch = Sketch::new();
    let app = sketch.module("app", RootKind::UserModule);
    let next = sketch.named(Label::Attribute, "next");
    let mut last = sketch.object("app.Node", 48);
    sketch.attribute(app, "HEAD", last);
    for _ in 0..1_000_000 {
        let node = sketch.object("app.Node", 48);
        sketch.edge(last, next, node);
        last = node;
    }
    let end = sketch.object("app.Target", 48);
    sketch.edge(last, next, end);
    let heap = sketch.heap();
    let found = paths(&heap, &[end], &PathsOptions::default());
    assert_eq!(found.ways[0].text, "app.HEAD.next⁺");
    assert_eq!((found.ways[0].steps.len(), found.ways[0].omitted), (STEPS, 1_000_004 - STEPS as u64));
    let nodes: Vec<Id> = heap.objects.ids().filter(|id| heap.type_name(*id) == "app.Node").collect();
    let found = paths(&heap, &nodes, &PathsOptions::default());
    assert_eq!((found.ways[0].text.as_str(), found.ways[0].sum.count), ("app.HEAD.next⁺", 1_000_001));
    assert_eq!(found.removals[0].freed.count, 1_000_001);
}
