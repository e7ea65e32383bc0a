//! Trees of holders over heaps that are written by hand.

use proptest::prelude::*;

use super::*;
use crate::heap::Sketch;

fn look(heap: &Heap, asked: &[Id], depth: usize) -> Referrers {
    referrers(heap, asked, &ReferrersOptions { depth, limit: None })
}

/// The rows as indented lines: `edge of holder xcount (objects, followed)`.
fn drawn(tree: &Referrers) -> String {
    fn lines(tree: &Referrers, row: &Row, out: &mut String) {
        for (at, row) in tree.below(row) {
            let indent = "  ".repeat(row.level - 1);
            let holder = match &row.holder {
                Holder::Type(name) => name.clone(),
                Holder::Root(kind) => kind.word().to_owned(),
                other => format!("{other:?}"),
            };
            let elsewhere = row.elsewhere.map_or(String::new(), |row| format!(" ={row}"));
            out.push_str(&format!(
                "{at} {indent}{} of {holder} x{} ({}, {}){elsewhere}\n",
                row.edge, row.count, row.objects, row.followed
            ));
            lines(tree, row, out);
        }
    }
    let mut out = String::new();
    lines(tree, tree.asked().expect("a row"), &mut out);
    out
}

#[test]
fn indices_merge_and_the_tree_leads_up_to_the_module() {
    // app -.__dict__-> dict -['RESULTS']-> list -[0..3]-> timing x3 -['first']- dict <-.__dict__- page
    let mut sketch = Sketch::new();
    let app = sketch.module("app", RootKind::UserModule);
    let timings: Vec<Id> = (0..3).map(|_| sketch.object("app.Timing", 48)).collect();
    let list = sketch.list(&timings);
    sketch.attribute(app, "RESULTS", list);
    let page = sketch.object("app.Page", 48);
    sketch.attribute(page, "first", timings[0]);
    sketch.attribute(app, "PAGE", page);
    let heap = sketch.heap();
    assert_eq!(
        drawn(&look(&heap, &timings, 9)),
        "\
1 [*] of builtins.list x3 (1, 1)
3   ['RESULTS'] of builtins.dict x1 (1, 1)
5     .__dict__ of builtins.module x1 (1, 1)
7       app of user_module x1 (0, 0)
2 ['first'] of builtins.dict x1 (1, 1)
4   .__dict__ of app.Page x1 (1, 1)
6     ['PAGE'] of builtins.dict x1 (1, 0) =3
"
    );
    let tree = look(&heap, &timings, 1);
    assert_eq!(tree.rows[1].only, Some(list));
    assert_eq!(tree.owners.known_as(&heap, tree.rows[2].only.expect("one")).as_deref(), Some("__dict__ of app.Page"));
    assert_eq!((tree.share(&tree.rows[1]), tree.rows[0].references), (0.75, 4));
}

#[test]
fn a_cycle_ends_where_it_closes() {
    // app.HEAD -> a -next-> b -next-> c -next-> a     and c -owner-> tree -top-> c
    let mut sketch = Sketch::new();
    let nodes: Vec<Id> = (0..3).map(|_| sketch.object("app.Node", 48)).collect();
    let next = sketch.named(Label::Attribute, "next");
    for i in 0..3 {
        sketch.edge(nodes[i], next, nodes[(i + 1) % 3]);
    }
    let tree = sketch.object("app.Tree", 48);
    let (owner, top) = (sketch.named(Label::Attribute, "owner"), sketch.named(Label::Attribute, "top"));
    sketch.edge(nodes[2], owner, tree);
    sketch.edge(tree, top, nodes[2]);
    let heap = sketch.heap();
    assert_eq!(
        drawn(&look(&heap, &nodes, 50)),
        "1 .next of app.Node x3 (3, 0) =0\n2 .top of app.Tree x1 (1, 1)\n3   .owner of app.Node x1 (1, 0) =0\n"
    );
}

#[test]
fn keys_stay_while_they_are_few_or_lead_to_many() {
    // cache: 9 keys of one object each, and 'all' in two dicts, of two objects
    let mut sketch = Sketch::new();
    let ids: Vec<Id> = (0..9).map(|_| sketch.object("app.Row", 48)).collect();
    let (one, two) = (sketch.object("builtins.dict", 64), sketch.object("builtins.dict", 64));
    for (i, id) in ids.iter().enumerate() {
        sketch.key(one, &format!("k{i}"), *id);
    }
    sketch.key(one, "all", ids[0]);
    sketch.key(two, "all", ids[1]);
    sketch.edge(two, Label::NumberKey(7), ids[2]);
    let heap = sketch.heap();
    assert_eq!(
        drawn(&look(&heap, &ids, 1)),
        "1 [*] of builtins.dict x10 (2, 0)\n2 ['all'] of builtins.dict x2 (2, 0)\n"
    );
    // With one object less there are eight keys, and they stay.
    let few = look(&heap, &ids[..8], 1);
    assert_eq!(few.rows.len() - 1, 8 + 2, "{}", drawn(&few));
}

#[test]
fn roots_and_native_holds_are_rows() {
    let mut sketch = Sketch::new();
    let ids: Vec<Id> = (0..12).map(|_| sketch.object("app.Held", 48)).collect();
    for (i, id) in ids.iter().enumerate().take(10) {
        sketch.root(*id, RootKind::Cache, &format!("name {i}"), 1);
    }
    sketch.root(ids[10], RootKind::Frame, "thread 'w' › run() app.py:3 › held", 1);
    sketch.refcount(ids[11], 2);
    let heap = sketch.heap();
    assert_eq!(
        drawn(&look(&heap, &ids, 3)),
        "1 <caches> of cache x10 (0, 0)\n2 <native> of Native x2 (0, 0)\n3 thread 'w' › run() app.py:3 › held of frame x1 (0, 0)\n"
    );
}

#[test]
fn shortcuts_are_left_out_and_uncounted_references_are_not() {
    let mut sketch = Sketch::new();
    let (held, holder) = (sketch.object("app.Held", 48), sketch.object("app.Holder", 48));
    sketch.marked(holder, LabelId::item(0).shortcut(), held);
    sketch.marked(holder, LabelId::item(1).uncounted().inferred(), held);
    let tree = look(&sketch.heap(), &[held], 1);
    assert_eq!(tree.rows[0].references, 1);
    assert_eq!((tree.rows[1].count, tree.rows[1].inferred), (1, 1));
}

#[test]
fn a_limit_says_what_it_cut_off() {
    let mut sketch = Sketch::new();
    let held = sketch.object("app.Held", 48);
    for (i, of) in ["a.A", "b.B", "b.B", "c.C"].into_iter().enumerate() {
        let holder = sketch.object(of, 48);
        sketch.edge(holder, Label::Item(i as u32), held);
    }
    let tree = referrers(&sketch.heap(), &[held], &ReferrersOptions { depth: 2, limit: Some(1) });
    assert_eq!(drawn(&tree), "1 [*] of b.B x2 (2, 2)\n");
    assert_eq!((tree.rows[0].hidden_rows, tree.rows[0].hidden, tree.rows[0].references), (2, 2, 4));
    let none = referrers(&Heap::default(), &[], &ReferrersOptions::default());
    assert_eq!(none.rows.len(), 1);
}

/// A heap of some types with edges by all sorts of labels, roots and surplus.
fn any_heap() -> impl Strategy<Value = Heap> {
    let edges = prop::collection::vec((0u32..24, 0u32..24, 0u32..40), 0..120);
    let roots = prop::collection::vec((0u32..24, 0usize..12), 0..24);
    (edges, roots, prop::collection::vec(0u32..3, 24)).prop_map(|(edges, roots, surplus)| {
        let mut sketch = Sketch::new();
        let ids: Vec<Id> = (0..24).map(|i| sketch.object(["builtins.dict", "app.A", "app.B"][i % 3], 16)).collect();
        for (from, to, label) in edges {
            let (from, to) = (ids[from as usize], ids[to as usize]);
            match label {
                0..=9 => sketch.edge(from, Label::Item(label), to),
                10..=29 => sketch.key(from, &format!("key {label}"), to),
                30 => sketch.edge(from, Label::AttributeDict, to),
                31 => sketch.marked(from, LabelId::item(1).shortcut(), to),
                32..=35 => sketch.marked(from, LabelId::item(2).uncounted(), to),
                _ => sketch.edge(from, Label::Member, to),
            }
        }
        for (to, text) in roots {
            sketch.root(ids[to as usize], RootKind::Cache, &format!("root {text}"), 1);
        }
        let heap = sketch.heap();
        let found = heap.references_found();
        let mut objects = crate::heap::Objects::default();
        for id in heap.objects.ids() {
            let object = heap.objects.get(id).expect("there");
            let refcount = found[id.at()] + surplus[id.at()];
            objects.push(crate::heap::Object { refcount, ..object });
        }
        Heap { objects, ..heap }
    })
}

proptest! {
    #[test]
    fn counts_add_up_to_all_references(heap in any_heap(), asked in prop::collection::btree_set(0u32..24, 1..8), limit in prop::option::of(0usize..4)) {
        let asked: Vec<Id> = asked.into_iter().map(Id).collect();
        let tree = referrers(&heap, &asked, &ReferrersOptions { depth: 4, limit });
        let edges = heap.edges.all().filter(|e| asked.contains(&e.to) && !e.label.is_shortcut()).count();
        let roots = heap.roots.iter().filter(|root| asked.contains(&root.object)).count();
        let found = heap.references_found();
        let native: u32 = asked.iter().map(|id| heap.objects.refcount(*id) - found[id.at()]).sum();
        prop_assert_eq!(tree.rows[0].references, (edges + roots) as u64 + u64::from(native));
        let mut followed = 0;
        for (at, row) in tree.rows.iter().enumerate() {
            let below: u64 = tree.below(row).map(|(_, row)| row.count).sum();
            prop_assert_eq!(below + row.hidden, row.references);
            prop_assert!(row.followed <= row.objects && row.objects <= row.count || at == 0);
            prop_assert!(tree.below(row).all(|(_, below)| below.level == row.level + 1 && below.parent == at));
            prop_assert!(row.followed > 0 || row.below.is_empty());
            followed += row.followed;
        }
        prop_assert!(followed <= 24, "each object at most once");
        if let Some(limit) = limit {
            prop_assert!(tree.rows.iter().all(|row| row.below.len() <= limit));
        }
    }

    #[test]
    fn without_a_limit_all_that_can_reach_is_followed(heap in any_heap(), asked in 0u32..24) {
        let tree = look(&heap, &[Id(asked)], 24);
        let reverse = heap.edges.reverse();
        let mut seen = std::collections::BTreeSet::from([asked]);
        let mut rest = vec![asked];
        while let Some(id) = rest.pop() {
            for edge in reverse.of(Id(id)).filter(|e| !e.label.is_shortcut()) {
                if seen.insert(edge.from.0) {
                    rest.push(edge.from.0);
                }
            }
        }
        prop_assert_eq!(tree.rows.iter().map(|row| row.followed).sum::<u64>(), seen.len() as u64);
    }
}
