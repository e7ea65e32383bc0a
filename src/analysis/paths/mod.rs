//! Why are these objects alive? A heap and some of its objects → the ways from roots to them, merged by how they read, with exact
//! counts; what nothing reaches; and what would be freed without the holder. Reads no process and prints nothing.
//!
//! One search finds the cheapest way to each object (`search`, by the costs of `cost` and the homes of `home`), the ways are
//! merged as states of a trie (`merge`), and each state is written once (`text`). `ways` counts, `holders` asks what if.

mod cost;
mod holders;
mod home;
mod merge;
mod search;
mod text;
mod ways;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use rustc_hash::FxHashSet;

use crate::addr::Addr;
use crate::heap::{Heap, Id};

use merge::Kinds;
use search::{Blocks, Origin, Search, Terrain};
use ways::{Draft, Met};

/// Steps of one path that are told; of a longer one the first and last half of them.
const STEPS: usize = 1000;

/// What the paths are sorted by; ties stand in the order of their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathSort {
    /// Objects, most first.
    #[default]
    Count,
    /// Bytes, most first.
    Bytes,
    /// Text, `a` first.
    Text,
}

/// What is wanted of the paths.
#[derive(Debug, Clone)]
pub struct PathsOptions {
    /// The order of the paths.
    pub sort: PathSort,
    /// At most so many paths; `None` for all.
    pub limit: Option<usize>,
    /// How many holders are taken away, one after the other, to see what still holds the objects.
    pub top: usize,
}

impl Default for PathsOptions {
    fn default() -> Self {
        PathsOptions { sort: PathSort::Count, limit: None, top: 1 }
    }
}

/// Some objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// Their sizes, in bytes.
    pub bytes: u64,
}

impl Sum {
    pub(in crate::analysis) fn add(&mut self, bytes: u64) {
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(in crate::analysis) fn join(&mut self, other: Sum) {
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// A step of one object's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathStep {
    /// The root, or the reference; raw text of the target.
    pub edge: String,
    /// The object to which it leads.
    pub object: Id,
    /// Was it found by scanning memory, not by knowing the type?
    pub inferred: bool,
    /// Is the object the last one that all objects of this path have in common?
    pub fan_out: bool,
}

/// The one object, or variable, through which all objects of a path are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its path; raw text of the target.
    pub text: String,
    /// The object; `None` where a root itself holds them.
    pub object: Option<Id>,
}

/// Objects that other objects of the same question hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// How many.
    pub count: u64,
    /// The way to most of them, from an object that is reached directly: `.next⁺`.
    pub text: String,
}

/// Ways that read alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// As the contract writes paths; raw text of the target.
    pub text: String,
    /// The objects, those behind others included.
    pub sum: Sum,
    /// Those of them that are only reached through others.
    pub behind: Option<Behind>,
    /// The same for the same leak in each worker and release.
    pub fingerprint: String,
    /// Was a step of it found by scanning memory?
    pub inferred: bool,
    /// Native code holds them: references that nothing found explains.
    pub native: Option<u64>,
    /// What all of them have in common.
    pub holder: Option<Holder>,
    /// One of the objects: the one at the lowest address.
    pub example: Id,
    /// The way to it.
    pub steps: Vec<PathStep>,
    /// Steps left out in the middle of a very long way.
    pub omitted: u64,
}

/// What the objects of the biggest holder would come to without it, and without those named before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The holder that is taken away, after the ones before it; raw text of the target.
    pub without: String,
    /// What nothing would reach any more.
    pub freed: Sum,
    /// What something else still holds.
    pub held: Sum,
    /// The biggest path that still holds some; raw text of the target.
    pub by: Option<String>,
}

/// Why some objects are alive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paths {
    /// Their type, where it is one; raw text of the target.
    pub of: Option<String>,
    /// The objects asked for.
    pub objects: Sum,
    /// Those that nothing reaches: garbage that was not collected yet, and what it holds.
    pub unreached: Sum,
    /// Where the objects hang, in the order asked for.
    pub ways: Vec<Way>,
    /// How many further paths the limit cut off.
    pub hidden_ways: u64,
    /// And their objects.
    pub hidden: Sum,
    /// The holder of most objects, and how many.
    pub held_most: Option<(String, Sum)>,
    /// What taking holders away would free.
    pub removals: Vec<Removal>,
}

impl Paths {
    /// The part of the objects that `sum` makes up, 0 to 1.
    #[must_use]
    pub fn share(&self, sum: Sum) -> f64 {
        if self.objects.count == 0 { 0.0 } else { sum.count as f64 / self.objects.count as f64 }
    }
}

/// Finds out why these objects are alive.
#[must_use]
pub fn paths(heap: &Heap, targets: &[Id], options: &PathsOptions) -> Paths {
    let mut found = Paths::default();
    let targets = distinct(heap, targets);
    for id in &targets {
        found.objects.add(heap.objects.bytes(*id));
    }
    let names: FxHashSet<&str> = targets.iter().map(|id| heap.type_name(*id)).collect();
    found.of = names.iter().next().filter(|_| names.len() == 1).map(|name| (*name).to_owned());
    if targets.is_empty() {
        return found;
    }
    let terrain = Terrain::of(heap);
    let kinds = Kinds::of(heap);
    let blocks = Blocks::default();
    let met = Met::look(&terrain, &targets, &blocks);
    let mut drafts = ways::drafts(&met, &kinds, &|_| true);
    let unreached = targets.iter().filter(|id| met.search.cost(id.0) == search::UNREACHED);
    unreached.for_each(|id| found.unreached.add(heap.objects.bytes(*id)));

    let most = holders::most(&drafts);
    found.held_most = most.as_ref().map(|most| (most.text.clone(), most.sum));
    if let Some(most) = most.filter(|_| options.top > 0) {
        found.removals = holders::removals(&terrain, &kinds, &targets, most, options.top);
    }

    drafts.sort_by(|a, b| {
        let key = |draft: &Draft| match options.sort {
            PathSort::Count => Reverse(draft.sum.count),
            PathSort::Bytes => Reverse(draft.sum.bytes),
            PathSort::Text => Reverse(0),
        };
        key(a).cmp(&key(b)).then_with(|| a.text.cmp(&b.text))
    });
    let hidden = drafts.split_off(options.limit.unwrap_or(drafts.len()).min(drafts.len()));
    found.hidden_ways = hidden.len() as u64;
    hidden.iter().for_each(|draft| found.hidden.join(draft.sum));
    found.ways = drafts.into_iter().map(|draft| way(&met.search, draft)).collect();
    found
}

/// Each object once, by address: what is asked twice is not held twice.
fn distinct(heap: &Heap, targets: &[Id]) -> Vec<Id> {
    let mut seen = vec![false; heap.objects.len()];
    let first = |id: &Id| seen.get_mut(id.at()).is_some_and(|seen| !std::mem::replace(seen, true));
    let mut targets: Vec<Id> = targets.iter().copied().filter(first).collect();
    targets.sort_by_key(|id| heap.objects.addr(*id));
    targets
}

fn way(search: &Search<'_, '_>, draft: Draft) -> Way {
    let holder = draft.holding.as_ref().map(|holding| Holder { text: holding.text.clone(), object: holding.object() });
    let shared = holder.as_ref().and_then(|holder| holder.object);
    let (steps, omitted) = steps(search, draft.example, shared);
    Way {
        fingerprint: text::fingerprint(&draft.constant),
        text: draft.text,
        sum: draft.sum,
        behind: draft.behind,
        inferred: draft.inferred,
        native: draft.native,
        holder,
        example: Id(draft.example),
        steps,
        omitted,
    }
}

/// The way to one object, step by step.
fn steps(search: &Search<'_, '_>, to: u32, shared: Option<Id>) -> (Vec<PathStep>, u64) {
    let heap = search.terrain.heap;
    let mut back = Vec::new();
    let mut at = to;
    loop {
        let origin = search.origin(at);
        back.push((at, origin));
        match origin {
            Origin::Object(parent, _) => at = parent,
            Origin::Root(_) => break,
        }
    }
    back.reverse();
    let omitted = back.len().saturating_sub(STEPS);
    let left_out = STEPS / 2..STEPS / 2 + omitted;
    let told = back.into_iter().enumerate().filter(|(place, _)| !left_out.contains(place));
    let steps = told.map(|(_, (id, origin))| {
        let (edge, inferred) = match origin {
            Origin::Object(_, label) => (heap.label_text(label), label.is_inferred()),
            Origin::Root(root) => {
                let root = heap.roots.get(root as usize);
                (root.map_or("<native>", |root| heap.names.get(root.text)).to_owned(), false)
            }
        };
        PathStep { edge, object: Id(id), inferred, fan_out: shared == Some(Id(id)) }
    });
    (steps.collect(), omitted as u64)
}

/// The name of a type of the interpreter's own, without the module that it was given (2.7: `__builtin__`).
fn builtin(of: &str) -> Option<&str> {
    of.strip_prefix("builtins.").or_else(|| of.strip_prefix("__builtin__."))
}

/// Where an object lies, for orders that do not depend on its number.
fn address(heap: &Heap, id: u32) -> Addr {
    heap.objects.addr(Id(id))
}
