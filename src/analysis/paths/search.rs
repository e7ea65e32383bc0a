//! Roots and references → the cheapest way to each object: one search with small whole costs in buckets (Dial), O(V + E),
//! without recursion. Targets are leaves, so no way leads through another target, but for the `__dict__` of an object, a module
//! or a class, which is a part of that; a second run finds what lies behind them.
//!
//! Equal costs are decided by the order in which objects are met: roots by their text, references by the text of their
//! labels. So the answer depends on no number of an object or label, and on addresses only between roots of one text. It
//! writes no path.

use rustc_hash::FxHashMap;

use super::builtin;
use super::cost::{self, Costs, MOST};
use super::home::{Home, is_alias};
use super::merge::Step;
use crate::heap::{Heap, Id, Label, LabelId, Root, RootKind};

/// The cost of what was not reached.
pub(super) const UNREACHED: u32 = u32::MAX;
/// In place of a root's number: native code.
pub(super) const NATIVE: u32 = u32::MAX;
/// More buckets than any step costs; a power of two.
const BUCKETS: usize = 32;

const TARGET: u8 = 1;
const MODULE_DICT: u8 = 2;
const BLOCKED: u8 = 4;
/// Reached by a run before this one, and not to be led through what this one begins at.
const FIXED: u8 = 8;
/// Somebody's `__dict__`.
const NAMESPACE: u8 = 16;

/// What is known of a heap before any search.
pub(super) struct Terrain<'a> {
    pub(super) heap: &'a Heap,
    pub(super) costs: Costs,
    pub(super) home: Home,
    /// The label of `__dict__`, where any object has one.
    attribute_dict: Option<LabelId>,
    /// Roots by cost, then text: their number and the object.
    roots: Vec<(u8, u32, u32)>,
}

impl<'a> Terrain<'a> {
    pub(super) fn of(heap: &'a Heap) -> Terrain<'a> {
        let mut roots: Vec<_> = heap.roots.iter().zip(0u32..).collect();
        let is_frame = |id: Id| builtin(heap.type_name(id)) == Some("frame");
        let cost = |root: &Root| cost::of_root(root.kind, root.kind == RootKind::Frame && is_frame(root.object));
        roots.sort_by_key(|(root, _)| {
            let address = heap.objects.addr(root.object);
            (cost(root), is_alias(heap, root.object, root.text), heap.names.get(root.text), address)
        });
        let roots = roots.into_iter().map(|(root, at)| (cost(root), at, root.object.0)).collect();
        let attribute_dict = heap.names.labels().position(|label| label == Label::AttributeDict).map(LabelId::kept);
        Terrain { heap, costs: Costs::new(&heap.names), home: Home::of(heap), attribute_dict, roots }
    }
}

/// References and roots that a search does as if they were not there.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    steps: FxHashMap<u32, Vec<Step>>,
    roots: Vec<u32>,
}

impl Blocks {
    /// Leaves out the references of an object that a merged step stands for.
    pub(super) fn step(&mut self, from: u32, step: Step) {
        self.steps.entry(from).or_default().push(step);
    }

    /// Leaves out all roots of this text.
    pub(super) fn root(&mut self, text: u32) {
        self.roots.push(text);
    }
}

/// A search under way, and what it found.
pub(super) struct Search<'t, 'a> {
    pub(super) terrain: &'t Terrain<'a>,
    blocks: &'t Blocks,
    cost: Vec<u32>,
    /// The object before; an object itself where its way begins there.
    parent: Vec<u32>,
    /// The place in the parent's row; the number of the root where a way begins.
    via: Vec<u32>,
    marks: Vec<u8>,
    buckets: Vec<Vec<u32>>,
    waiting: usize,
    /// Targets that no run has met yet.
    missing: usize,
    order: Vec<(u32, u32)>,
}

/// How a run treats targets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    /// They are what is looked for, and nothing is looked for behind them, `__dict__`s left aside.
    ToTargets,
    /// It begins at targets and looks for further ones.
    Behind,
}

/// A place where an object's way may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A root, by its number; [`NATIVE`] for native code.
    Root(u32),
    /// An object and the label of its reference.
    Object(u32, LabelId),
}

impl<'t, 'a> Search<'t, 'a> {
    /// A search for these objects.
    pub(super) fn new(terrain: &'t Terrain<'a>, targets: &[Id], blocks: &'t Blocks) -> Self {
        let n = terrain.heap.objects.len();
        let mut marks = vec![0u8; n];
        let mut mark = |id: u32, with: u8| {
            if let Some(marks) = marks.get_mut(id as usize) {
                *marks |= with;
            }
        };
        targets.iter().for_each(|id| mark(id.0, TARGET));
        let missing = targets.len();
        terrain.home.dicts().for_each(|id| mark(id, MODULE_DICT));
        blocks.steps.keys().for_each(|id| mark(*id, BLOCKED));
        if let Some(dict) = terrain.attribute_dict {
            let dicts = terrain.heap.edges.all().filter(|edge| edge.label.plain() == dict);
            dicts.for_each(|edge| mark(edge.to.0, NAMESPACE));
        }
        Search {
            terrain,
            blocks,
            cost: vec![UNREACHED; n],
            parent: vec![0; n],
            via: vec![0; n],
            marks,
            buckets: vec![Vec::new(); BUCKETS],
            waiting: 0,
            missing,
            order: Vec::new(),
        }
    }

    /// Searches from all roots: gives the targets reached, in the order in which they were met, and those behind them.
    pub(super) fn search_roots(&mut self) -> (Vec<u32>, Vec<u32>) {
        let mut seeds = Vec::new();
        for (cost, root, object) in &self.terrain.roots {
            let text = self.terrain.heap.roots.get(*root as usize).map_or(0, |root| root.text.0);
            if !self.blocks.roots.contains(&text) {
                seeds.extend(self.begin(*object, u32::from(*cost), *root));
            }
        }
        self.both(&seeds)
    }

    /// Searches on from objects that only native code holds; the same as [`Search::search_roots`] of what was not reached.
    pub(super) fn search_native(&mut self, held: impl Iterator<Item = u32>) -> (Vec<u32>, Vec<u32>) {
        let mut seeds = Vec::new();
        self.fix();
        for id in held {
            seeds.extend(self.begin(id, 0, NATIVE));
        }
        self.both(&seeds)
    }

    fn begin(&mut self, object: u32, cost: u32, root: u32) -> Option<(u32, u32)> {
        let at = object as usize;
        let known = self.cost.get_mut(at)?;
        // The first root of an object is the one it keeps.
        if *known != UNREACHED {
            return None;
        }
        *known = cost;
        *self.parent.get_mut(at)? = object;
        *self.via.get_mut(at)? = root;
        Some((cost, object))
    }

    fn both(&mut self, seeds: &[(u32, u32)]) -> (Vec<u32>, Vec<u32>) {
        self.run(seeds, Run::ToTargets);
        let direct = std::mem::take(&mut self.order);
        self.missing = self.missing.saturating_sub(direct.len());
        if self.missing > 0 {
            self.fix();
            self.run(&direct, Run::Behind);
        }
        let behind = std::mem::take(&mut self.order);
        self.missing = self.missing.saturating_sub(behind.len());
        let ids = |found: Vec<(u32, u32)>| found.into_iter().map(|(_, id)| id).collect();
        (ids(direct), ids(behind))
    }

    /// What was reached so far keeps its way.
    fn fix(&mut self) {
        for (marks, cost) in self.marks.iter_mut().zip(&self.cost) {
            if *cost != UNREACHED {
                *marks |= FIXED;
            }
        }
    }

    /// How many targets were not reached.
    pub(super) fn missing(&self) -> usize {
        self.missing
    }

    /// Goes on from `seeds`, which are sorted by cost and have theirs already.
    fn run(&mut self, seeds: &[(u32, u32)], run: Run) {
        let mut seeds = seeds.iter().peekable();
        let mut now = 0u32;
        loop {
            if self.waiting == 0 {
                match seeds.peek() {
                    Some((cost, _)) => now = now.max(*cost),
                    None => return,
                }
            }
            while let Some((_, id)) = seeds.next_if(|(cost, _)| *cost <= now) {
                match run {
                    Run::ToTargets => self.settle(*id, now, run),
                    Run::Behind => self.expand(*id, now),
                }
            }
            // Steps that cost nothing put more into this bucket while it is read.
            let mut read = 0;
            while let Some(id) = self.bucket(now).get(read).copied() {
                read += 1;
                self.settle(id, now, run);
            }
            self.waiting -= read;
            self.bucket(now).clear();
            if now >= UNREACHED - u32::from(MOST) - 1 {
                return;
            }
            now += 1;
        }
    }

    fn bucket(&mut self, cost: u32) -> &mut Vec<u32> {
        &mut self.buckets[cost as usize % BUCKETS]
    }

    fn settle(&mut self, id: u32, now: u32, run: Run) {
        // A cheaper way was found after it was put here.
        if self.cost.get(id as usize) != Some(&now) {
            return;
        }
        if self.has(id, TARGET) {
            self.order.push((now, id));
            if run == Run::ToTargets && !self.has(id, NAMESPACE) {
                return;
            }
        }
        self.expand(id, now);
    }

    fn has(&self, id: u32, mark: u8) -> bool {
        self.marks.get(id as usize).is_some_and(|marks| marks & mark != 0)
    }

    fn expand(&mut self, id: u32, now: u32) {
        let terrain = self.terrain;
        let (to, labels) = terrain.heap.edges.row(Id(id));
        let special = self.has(id, MODULE_DICT | BLOCKED);
        let ranks = labels.iter().map(|label| terrain.costs.rank(*label));
        if ranks.is_sorted() {
            for (place, (to, label)) in (0u32..).zip(to.iter().zip(labels)) {
                self.step(id, place, *to, *label, now, special);
            }
            return;
        }
        let ranks = labels.iter().map(|label| terrain.costs.rank(*label));
        let mut places: Vec<(u32, u32)> = ranks.zip(0u32..).collect();
        places.sort_unstable();
        for (_, place) in places {
            if let (Some(to), Some(label)) = (to.get(place as usize), labels.get(place as usize)) {
                self.step(id, place, *to, *label, now, special);
            }
        }
    }

    #[inline]
    fn step(&mut self, from: u32, place: u32, to: u32, label: LabelId, now: u32, special: bool) {
        let mut cost = self.terrain.costs.of(label);
        if special {
            let blocked = self.blocks.steps.get(&from);
            if blocked.is_some_and(|steps| steps.iter().any(|s| s.covers(self.terrain.heap.names.label_of(label)))) {
                return;
            }
            if self.has(from, MODULE_DICT) {
                cost = self.terrain.home.cost(from, place, to, cost);
            }
        }
        let at = to as usize;
        let Some(known) = self.cost.get(at).copied() else { return };
        let cost = now.saturating_add(u32::from(cost));
        // Of two ways that cost the same the one that says the same again tells more: `.parent⁺`.
        if cost == known && cost > now && self.marks[at] & FIXED == 0 && self.repeats(from, label) {
            let rival = match self.origin(to) {
                Origin::Object(parent, label) => self.repeats(parent, label),
                Origin::Root(_) => true,
            };
            if !rival {
                self.parent[at] = from;
                self.via[at] = place;
            }
            return;
        }
        if cost < known && self.marks[at] & FIXED == 0 {
            self.cost[at] = cost;
            self.parent[at] = from;
            self.via[at] = place;
            self.buckets[cost as usize % BUCKETS].push(to);
            self.waiting += 1;
        }
    }

    /// Is a step by this label from this object the same as the step before it? An attribute is two references where
    /// objects have dicts.
    fn repeats(&self, from: u32, label: LabelId) -> bool {
        let label = label.plain();
        if label.index().is_ok() {
            return false;
        }
        match self.origin(from) {
            Origin::Object(_, before) if before.plain() == label => true,
            Origin::Object(owner, before) if Some(before.plain()) == self.terrain.attribute_dict => {
                matches!(self.origin(owner), Origin::Object(_, before) if before.plain() == label)
            }
            _ => false,
        }
    }

    /// What the way to an object costs; [`UNREACHED`] where there is none.
    pub(super) fn cost(&self, id: u32) -> u32 {
        self.cost.get(id as usize).copied().unwrap_or(UNREACHED)
    }

    /// From where the way leads to an object.
    pub(super) fn origin(&self, id: u32) -> Origin {
        let (Some(parent), Some(via)) = (self.parent.get(id as usize), self.via.get(id as usize)) else {
            return Origin::Root(NATIVE);
        };
        if *parent == id {
            return Origin::Root(*via);
        }
        let (_, labels) = self.terrain.heap.edges.row(Id(*parent));
        Origin::Object(*parent, labels.get(*via as usize).copied().unwrap_or(LabelId::item(0)))
    }
}
