//! Two looks at one process → which objects of the later one were there at the earlier one. An address is used again, often by
//! an object of the same type, so that address and type alone do not tell. Reads no process; `docs/identity.md` has the rule
//! in words, with what it gets wrong.
//!
//! Every pair of one address and type is first open. What speaks for sameness spreads first (names from the roots, rare
//! contents), then what speaks against it; a pair of which nothing speaks is the same. No verdict is ever taken back, so each
//! part ends.

mod rows;

#[cfg(test)]
mod tests;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::addr::Addr;
use crate::heap::{Heap, Id, RootKind, TypeId};
use rows::{Meeting, Rows};

/// No object.
const NONE: u32 = u32::MAX;

/// Passes over all open pairs, of each of the two parts. What is decided takes effect within a pass too, so that more are
/// needed only for long chains of objects of which nothing is known.
const PASSES: usize = 24;

/// A reference to something that so small a part of the same references leads to is no accident.
const RARE: u32 = 32;

/// Which objects of a later look were there at an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// By the number in the later heap: that in the earlier one.
    earlier: Vec<u32>,
    /// Of which something speaks for it.
    proven: Vec<bool>,
}

impl Identity {
    /// Compares two looks at one process.
    #[must_use]
    pub fn of(earlier: &Heap, later: &Heap) -> Identity {
        let mut pairs = Pairs::of(earlier, later);
        pairs.spread_sameness();
        pairs.spread_difference();
        let same = |(state, at): (&State, &u32)| if *state == State::Other { NONE } else { *at };
        let earlier = pairs.state.iter().zip(&pairs.rows.earlier_of).map(same).collect();
        Identity { earlier, proven: pairs.state.iter().map(|state| *state == State::Same).collect() }
    }

    /// The object's number at the earlier look; `None` of one that was not there.
    #[must_use]
    pub fn earlier(&self, id: Id) -> Option<Id> {
        self.earlier.get(id.at()).copied().filter(|at| *at != NONE).map(Id)
    }

    /// Does anything but its place and its type speak for it that the object is the one that lay there earlier?
    #[must_use]
    pub fn is_proven(&self, id: Id) -> bool {
        self.proven.get(id.at()).copied().unwrap_or(false)
    }

    /// How many objects there are at the later look.
    #[must_use]
    pub fn len(&self) -> usize {
        self.earlier.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.earlier.is_empty()
    }

    /// This comparison, and that of its later look with one after it → the one of the first with the last.
    #[must_use]
    pub fn then(&self, next: &Identity) -> Identity {
        let first = |at: &u32| if *at == NONE { NONE } else { self.earlier.get(*at as usize).copied().unwrap_or(NONE) };
        let proven = |(at, proven): (&u32, &bool)| *proven && *at != NONE && self.is_proven(Id(*at));
        Identity {
            earlier: next.earlier.iter().map(first).collect(),
            proven: next.earlier.iter().zip(&next.proven).map(proven).collect(),
        }
    }
}

/// What is known of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing yet; or there is no object to compare with.
    Open,
    /// It is the same object.
    Same,
    /// It is another object of the same type at the same address.
    Other,
}

/// What the references of a pair tell of it.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// References to things of its own that are the same.
    same: u32,
    /// References by one name to different things.
    differ: u32,
    /// References to things of which nothing is known.
    open: u32,
    /// Names of keys, and those that both looks have.
    keys: u32,
    common_keys: u32,
}

/// The objects of a later look with those of an earlier one at the same addresses and of the same types.
struct Pairs<'a> {
    rows: Rows<'a>,
    later: &'a Heap,
    state: Vec<State>,
    /// References to each object of the later heap.
    degree: Vec<u32>,
    /// References to each object of the earlier heap.
    earlier_degree: Vec<u32>,
    /// All digests of contents of the later heap, sorted: how often one comes tells what it is worth.
    contents: Vec<u32>,
    /// References by each label, by its number.
    by_label: Vec<u32>,
    tuples: Vec<TypeId>,
    /// Tuples that hold the same as before, by number in the later heap.
    equal: Vec<bool>,
    /// Pairs found to be the same, whose references are still to be followed.
    todo: Vec<u32>,
}

impl<'a> Pairs<'a> {
    fn of(earlier: &'a Heap, later: &'a Heap) -> Pairs<'a> {
        let rows = Rows::of(earlier, later, paired(earlier, later));
        let mut contents = later.contents.clone();
        contents.sort_unstable();
        let mut by_label = vec![0u32; later.names.labels().len()];
        for id in later.objects.ids() {
            for label in later.edges.row(id).1 {
                if let Err(number) = label.index()
                    && let Some(count) = by_label.get_mut(number)
                {
                    *count = count.saturating_add(1);
                }
            }
        }
        let is_tuple = |name: &str| matches!(name, "builtins.tuple" | "__builtin__.tuple");
        let tuples =
            (0u32..).zip(&later.types).filter(|(_, of)| is_tuple(&of.name)).map(|(at, _)| TypeId(at)).collect();
        let mut pairs = Pairs {
            state: vec![State::Open; later.objects.len()],
            degree: degrees(later),
            earlier_degree: degrees(earlier),
            contents,
            by_label,
            tuples,
            equal: vec![false; later.objects.len()],
            todo: Vec::new(),
            rows,
            later,
        };
        pairs.begin(earlier);
        pairs
    }

    /// What contents, sizes and roots tell.
    fn begin(&mut self, earlier: &Heap) {
        for id in self.later.objects.ids() {
            let Some(before) = self.rows.earlier(id.0) else { continue };
            let immortal = self.later.objects.is_immortal(id) && earlier.objects.is_immortal(before);
            let state = match (self.later.content(id), earlier.content(before)) {
                _ if immortal => State::Same,
                (Some(now), Some(then)) if now != then => State::Other,
                (Some(_), Some(_)) if self.copies(id) == 1 => State::Same,
                _ if self.is_tuple(id) && self.later.objects.bytes(id) != earlier.objects.bytes(before) => State::Other,
                _ => State::Open,
            };
            self.set(id.0, state);
        }
        let held: FxHashSet<(RootKind, &str, u32)> =
            earlier.roots.iter().map(|root| (root.kind, earlier.names.get(root.text), root.object.0)).collect();
        for root in &self.later.roots {
            let before = self.rows.earlier(root.object.0);
            let same = before.is_some_and(|id| held.contains(&(root.kind, self.later.names.get(root.text), id.0)));
            if same && self.is_open(root.object.0) {
                self.set(root.object.0, State::Same);
            }
        }
    }

    fn is_tuple(&self, id: Id) -> bool {
        self.tuples.contains(&self.later.objects.of(id))
    }

    fn is_open(&self, id: u32) -> bool {
        self.state.get(id as usize) == Some(&State::Open) && self.rows.earlier(id).is_some()
    }

    fn set(&mut self, id: u32, state: State) {
        if let Some(place) = self.state.get_mut(id as usize) {
            *place = state;
        }
        // What holds nothing leads nowhere.
        if state == State::Same && !self.later.edges.row(Id(id)).0.is_empty() {
            self.todo.push(id);
        }
    }

    /// How many objects of the later look hold what this one does; 0 where that is not known.
    fn copies(&self, id: Id) -> u32 {
        let Some(content) = self.later.content(id) else { return 0 };
        let rest = &self.contents[self.contents.partition_point(|c| *c < content.get())..];
        rest.partition_point(|c| *c == content.get()) as u32
    }

    /// What is held under a name by the same object is the same object, and so is what has things of its own that are.
    fn spread_sameness(&mut self) {
        let mut meetings = Vec::new();
        for _ in 0..PASSES {
            while let Some(id) = self.todo.pop() {
                self.rows.meet(id, &mut meetings);
                for Meeting { label, to, same_place, .. } in &meetings {
                    // A tuple's items stay as they are: it is told by them alone.
                    if *same_place && self.rows.is_name(*label) && self.is_open(*to) && !self.is_tuple(Id(*to)) {
                        self.set(*to, State::Same);
                    }
                }
            }
            let mut found = false;
            for id in 0..self.state.len() as u32 {
                if !self.is_open(id) || self.later.content(Id(id)).is_some() {
                    continue;
                }
                let told = self.told(id, &mut meetings);
                match self.is_tuple(Id(id)) {
                    true if told.differ > 0 => self.set(id, State::Other),
                    _ if told.same > 0 => self.set(id, State::Same),
                    true if told.open == 0 => found |= !std::mem::replace(&mut self.equal[id as usize], true),
                    _ => {}
                }
            }
            if self.todo.is_empty() && !found {
                break;
            }
        }
    }

    /// Of what is still open, another object is what holds different things under the same names, or is held by nobody who
    /// held it before.
    fn spread_difference(&mut self) {
        let mut meetings = Vec::new();
        for _ in 0..PASSES {
            let mut changed = false;
            for id in 0..self.state.len() as u32 {
                if !self.is_open(id) || self.later.content(Id(id)).is_some() {
                    continue;
                }
                let told = self.told(id, &mut meetings);
                if told.differ > 0 && told.same == 0 {
                    self.set(id, State::Other);
                    changed = true;
                }
            }
            let held = self.still_held();
            for id in 0..self.state.len() as u32 {
                let Some(before) = self.rows.earlier(id).filter(|_| self.is_open(id)) else { continue };
                let referred = self.degree[id as usize] > 0 && self.earlier_degree[before.at()] > 0;
                if referred && !held[id as usize] {
                    self.set(id, State::Other);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
    }

    /// Which objects something refers to that did so before, in whatever way.
    fn still_held(&self) -> Vec<bool> {
        let mut held = vec![false; self.state.len()];
        let mut common = Vec::new();
        for id in 0..self.state.len() as u32 {
            if self.state[id as usize] != State::Other && self.rows.earlier(id).is_some() {
                self.rows.common(id, &mut common);
                common.iter().for_each(|to| held[*to as usize] = true);
            }
        }
        for root in &self.later.roots {
            if let Some(before) = self.rows.earlier(root.object.0) {
                held[root.object.at()] |= self.rows.is_root(before);
            }
        }
        held
    }

    /// What its references tell of a pair.
    fn told(&self, id: u32, meetings: &mut Vec<Meeting>) -> Told {
        let mut told = Told::default();
        (told.keys, told.common_keys) = self.rows.meet(id, meetings);
        // Of what may come and go, what may have stayed and what did not; of all, what nothing else refers to and is alike.
        let (mut kept, mut lost, mut alike) = (0u32, 0u32, 0u32);
        for Meeting { label, to, same_place, many } in meetings.iter() {
            let to_id = Id(*to);
            if self.later.objects.is_immortal(to_id) && *same_place || *to == id {
                continue;
            }
            let state = self.state.get(*to as usize).copied().unwrap_or(State::Other);
            let degree = self.degree[to_id.at()];
            if !same_place || state == State::Other {
                *if *many { &mut lost } else { &mut told.differ } += 1;
            } else if state == State::Same || self.later.content(to_id).is_some() {
                // Known to be the same, or at least to hold the same: worth as much as it is rare. Of many by one label
                // each is rare, even the keys that all dicts of a kind have: there only what is its own counts.
                let shared = degree.max(self.copies(to_id));
                let by_label = label.index().err().and_then(|number| self.by_label.get(number));
                let rare = !many && by_label.is_some_and(|count| shared.saturating_mul(RARE) <= *count);
                told.same += u32::from(shared <= 1 || rare);
                kept += u32::from(*many && shared <= RARE);
                alike += u32::from(degree <= 1);
            } else {
                let equal = self.equal[to_id.at()];
                alike += u32::from(equal && degree <= 1);
                told.open += u32::from(!equal);
                kept += u32::from(*many);
            }
        }
        // So many things alike at their old places are no accident either.
        told.same += u32::from(alike >= RARE && alike > lost.saturating_add(told.differ));
        // Of many, one at a place that was used again says little; most of them do, unless something alike is left.
        told.differ += u32::from(lost > 0 && lost >= kept && alike == 0);
        // Two dicts without one key in common are two dicts, unless a name leads to them.
        if told.keys > 0 && told.common_keys == 0 {
            told.differ += 1;
        }
        told
    }
}

/// How many references lead to each object, roots counted.
fn degrees(heap: &Heap) -> Vec<u32> {
    let mut degrees = vec![0u32; heap.objects.len()];
    let edges = heap.edges.all().filter(|edge| !edge.label.is_shortcut()).map(|edge| edge.to);
    for to in edges.chain(heap.roots.iter().map(|root| root.object)) {
        if let Some(count) = degrees.get_mut(to.at()) {
            *count = count.saturating_add(1);
        }
    }
    degrees
}

/// For each object of the later heap, the one of the earlier at the same address and of the same type.
fn paired(earlier: &Heap, later: &Heap) -> Vec<u32> {
    // A class that was made anew has the name of the old one, and lies elsewhere.
    let kind = |heap: &Heap| -> Vec<(String, Option<Addr>)> {
        let of = |of: &crate::heap::Type| (of.name.clone(), of.object.map(|id| heap.objects.addr(id)));
        heap.types.iter().map(of).collect()
    };
    let (mut numbers, mut named) = (FxHashMap::default(), FxHashMap::default());
    let before: Vec<u32> = (0u32..)
        .zip(kind(earlier))
        .map(|(at, (name, object))| {
            let number = *numbers.entry((name.clone(), object)).or_insert(at);
            named.entry((name, object.is_some())).or_insert(number);
            number
        })
        .collect();
    let now: Vec<u32> = kind(later)
        .into_iter()
        .map(|(name, object)| {
            let known = numbers.get(&(name.clone(), object));
            // Where one of the looks does not know the type's object, its name must do.
            let unknown = || named.get(&(name.clone(), object.is_none()));
            known.or_else(unknown).copied().unwrap_or(NONE)
        })
        .collect();
    let sorted = |heap: &Heap| {
        let mut ids: Vec<u32> = heap.objects.ids().map(|id| id.0).collect();
        ids.sort_by_key(|id| heap.objects.addr(Id(*id)));
        ids
    };
    let mut pairs = vec![NONE; later.objects.len()];
    let old = sorted(earlier);
    let mut rest = old.iter().peekable();
    for id in sorted(later) {
        let at = later.objects.addr(Id(id));
        while rest.next_if(|old| earlier.objects.addr(Id(**old)) < at).is_some() {}
        let of = now.get(later.objects.of(Id(id)).at());
        let same = |old: &&u32| {
            let (old_at, old_of) = (earlier.objects.addr(Id(**old)), earlier.objects.of(Id(**old)));
            old_at == at && before.get(old_of.at()) == of
        };
        if let Some(old) = rest.next_if(same) {
            pairs[id as usize] = *old;
        }
    }
    pairs
}
