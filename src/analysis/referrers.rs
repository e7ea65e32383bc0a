//! Some objects → what refers to them, merged, and what refers to that: a tree of holders. Does not search for ways to a
//! root; that is another question.
//!
//! **A row** stands for all references of one text from objects of one type name to the objects of the row above it.
//! Indices and numbers are `[*]`. A string key stays as it is while keys are few: where more than [`MOST_KEYS`] distinct
//! string keys of one referrer type lead to one object each, all of these are `[*]` too; keys that lead to several objects
//! stay. Roots are rows as well, by their text (merged by kind under the same rule), and so is what the refcounts say
//! that nothing found explains: `<native>`.
//!
//! **What is counted** are references, so that the counts below a row add up to all references to its objects. References
//! that lead past other objects (shortcuts) are left out; those that no refcount counts are not.
//!
//! **An object is followed once**, on the first level that it stands on, in the row with most references among those shown
//! that it belongs to; the objects asked for are not followed again. So the tree is finite, and a cycle ends where it closes.

mod merge;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};

use rustc_hash::FxHashMap;

use self::merge::{By, Group, Groups, Keys, Memo};
use super::owners::Owners;
use crate::heap::{Heap, Id, Label, LabelId, RootKind};

/// More string keys than these, each of one object only, are merged.
pub const MOST_KEYS: usize = 8;

/// How far to look, and how much of it to tell.
#[derive(Debug, Clone, Copy)]
pub struct ReferrersOptions {
    /// Levels of referrers; at least one.
    pub depth: usize,
    /// At most so many rows below each row; `None` for all.
    pub limit: Option<usize>,
}

impl Default for ReferrersOptions {
    fn default() -> Self {
        ReferrersOptions { depth: 1, limit: None }
    }
}

/// Who refers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// No one: these are the objects asked for. Their type's name, if they have all the same one.
    Asked(Option<String>),
    /// Objects of this type name.
    Type(String),
    /// A place outside of the heap.
    Root(RootKind),
    /// Native code: references that nothing found explains.
    Native,
}

/// Merged references from one kind of holder to the objects of the row above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row whose objects it refers to.
    pub parent: usize,
    /// 0 for the objects asked for, 1 for what refers to them …
    pub level: usize,
    /// Merged text of the references; raw text of the target within.
    pub edge: String,
    /// Who refers.
    pub holder: Holder,
    /// How many references.
    pub count: u64,
    /// How many of them were found by scanning memory.
    pub inferred: u64,
    /// How many objects refer; 0 of roots and native code.
    pub objects: u64,
    /// The object that refers, where it is a single one.
    pub only: Option<Id>,
    /// How many of those objects are followed below this row.
    pub followed: u64,
    /// The row below which all of them are followed instead; itself where nothing is left to say.
    pub elsewhere: Option<usize>,
    /// References to the objects that are followed here; 0 where the tree ends.
    pub references: u64,
    /// The rows below, most references first.
    pub below: Vec<usize>,
    /// Further rows below that a limit cut off.
    pub hidden_rows: u64,
    /// References in those rows.
    pub hidden: u64,
}

/// A tree of holders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrers {
    /// The rows, level by level; the first are the objects asked for.
    pub rows: Vec<Row>,
    /// Whose `__dict__` the single dicts among the referrers are.
    pub owners: Owners,
}

impl Referrers {
    /// The part of all references to the row above that a row makes up, 0 to 1.
    #[must_use]
    pub fn share(&self, row: &Row) -> f64 {
        let all = self.rows.get(row.parent).map_or(0, |parent| parent.references);
        if all == 0 { 0.0 } else { row.count as f64 / all as f64 }
    }

    /// The objects asked for.
    #[must_use]
    pub fn asked(&self) -> Option<&Row> {
        self.rows.first()
    }

    /// The rows below a row.
    pub fn below<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (usize, &'a Row)> + 'a {
        row.below.iter().filter_map(|at| self.rows.get(*at).map(|row| (*at, row)))
    }
}

const NO_ROW: u32 = u32::MAX;

/// A set of objects.
struct Set(Vec<u64>);

impl Set {
    fn new(objects: usize) -> Set {
        Set(vec![0; objects.div_ceil(64)])
    }

    fn add(&mut self, id: u32) {
        if let Some(word) = self.0.get_mut(id as usize / 64) {
            *word |= 1 << (id % 64);
        }
    }

    fn has(&self, id: u32) -> bool {
        self.0.get(id as usize / 64).is_some_and(|word| word & 1 << (id % 64) != 0)
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn members(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let first = at as u32 * 64;
            (0..64).filter(move |bit| word & 1 << bit != 0).map(move |bit| first + bit)
        })
    }
}

/// Where the objects of a tree stand.
struct Walk<'a> {
    heap: &'a Heap,
    /// One number for all types of one name.
    names: Vec<u32>,
    /// In which row each object is followed.
    row_of: Vec<u32>,
    /// The objects of the level under way.
    level: Set,
    rows: Vec<Row>,
}

/// Finds what refers to these objects. A level takes three passes over all references, however many objects stand on it.
#[must_use]
pub fn referrers(heap: &Heap, asked: &[Id], options: &ReferrersOptions) -> Referrers {
    let mut walk = Walk::new(heap, asked);
    for level in 1..=options.depth.max(1) {
        let groups = walk.groups();
        let placed = walk.place(level, &groups, options.limit);
        if !walk.follow(&groups, &placed, level < options.depth) {
            break;
        }
    }
    let owners = Owners::of(heap, walk.rows.iter().filter_map(|row| row.only));
    Referrers { rows: walk.rows, owners }
}

impl<'a> Walk<'a> {
    fn new(heap: &'a Heap, asked: &[Id]) -> Walk<'a> {
        let mut numbers: FxHashMap<&str, u32> = FxHashMap::default();
        let names =
            heap.types.iter().enumerate().map(|(at, of)| *numbers.entry(&of.name).or_insert(at as u32)).collect();
        let mut row_of = vec![NO_ROW; heap.objects.len()];
        let mut level = Set::new(heap.objects.len());
        let mut objects = 0;
        for id in asked {
            if let Some(row) = row_of.get_mut(id.at()).filter(|row| **row == NO_ROW) {
                *row = 0;
                level.add(id.0);
                objects += 1;
            }
        }
        let mut types = asked.iter().map(|id| heap.type_name(*id));
        let first = types.next();
        let one = first.filter(|first| types.all(|of| of == *first));
        let row = Row {
            parent: 0,
            level: 0,
            edge: String::new(),
            holder: Holder::Asked(one.map(str::to_owned)),
            count: 0,
            inferred: 0,
            objects,
            only: asked.first().copied().filter(|_| objects == 1),
            followed: objects,
            elsewhere: None,
            references: 0,
            below: Vec::new(),
            hidden_rows: 0,
            hidden: 0,
        };
        Walk { heap, names, row_of, level, rows: vec![row] }
    }

    fn name(&self, id: Id) -> u32 {
        self.names.get(self.heap.objects.of(id).at()).copied().unwrap_or(u32::MAX)
    }

    /// In which row an object of this level is followed.
    fn row(&self, id: u32) -> u32 {
        // Of the objects asked for there is nothing to look up.
        if self.rows.len() == 1 { 0 } else { self.row_of.get(id as usize).copied().unwrap_or(NO_ROW) }
    }

    /// Calls `each` with every reference to an object of this level: from which, to which, how; `end` after the last one of
    /// each object that has any.
    fn references(&self, mut each: impl FnMut(Id, u32, LabelId), mut end: impl FnMut(Id)) {
        for from in self.heap.objects.ids() {
            let (to, labels) = self.heap.edges.row(from);
            let mut any = false;
            for (to, label) in to.iter().zip(labels) {
                if self.level.has(*to) && !label.is_shortcut() {
                    any = true;
                    each(from, *to, *label);
                }
            }
            if any {
                end(from);
            }
        }
    }

    /// The references to the objects of this level, merged.
    fn groups(&self) -> Groups {
        let names = &self.heap.names;
        let mut keys = Keys::default();
        let mut several = Memo::default();
        self.references(
            |from, to, label| {
                let (row, name) = (self.row(to), self.name(from));
                if label.index().is_err()
                    && several.get((row, name), label).is_none()
                    && let Label::Key(text) = names.label_of(label)
                    && keys.note((row, name), text, to)
                {
                    several.put((row, name), label, 0);
                }
            },
            |_| {},
        );
        keys.count();
        let mut groups = Groups { keys, all: Vec::new(), at: FxHashMap::default() };
        let mut memo = Memo::default();
        let mut found: Vec<u32> = vec![0; self.heap.objects.len()];
        self.references(
            |from, to, label| {
                let (row, name) = (self.row(to), self.name(from));
                let at = memo.get((row, name), label).unwrap_or_else(|| {
                    let by = By::Type(name, groups.keys.merged((row, name), names.label_of(label)));
                    let at = groups.at(row, by);
                    memo.put((row, name), label, at);
                    at
                });
                groups.add(at, Some(from), 1, label.is_inferred());
                if label.is_counted() {
                    found.get_mut(to as usize).into_iter().for_each(|found| *found = found.saturating_add(1));
                }
            },
            |_| {},
        );

        let roots = || self.heap.roots.iter().filter(|root| self.level.has(root.object.0));
        let mut texts: Keys<(u32, RootKind)> = Keys::default();
        for root in roots() {
            texts.note((self.row(root.object.0), root.kind), root.text, root.object.0);
        }
        texts.count();
        for root in roots() {
            let row = self.row(root.object.0);
            let text = Some(root.text).filter(|text| !texts.is_merged((row, root.kind), *text));
            let at = groups.at(row, By::Root(root.kind, text));
            groups.add(at, None, 1, false);
            let found = found.get_mut(root.object.at());
            found.into_iter().for_each(|found| *found = found.saturating_add(root.references));
        }
        for id in self.level.members() {
            let count = found.get(id as usize).copied().unwrap_or(0);
            let native = self.heap.objects.refcount(Id(id)).saturating_sub(count);
            if native > 0 && !self.heap.objects.is_immortal(Id(id)) {
                let at = groups.at(self.row(id), By::Native);
                groups.add(at, None, native.into(), false);
            }
        }
        groups
    }

    /// Makes rows of the groups, most references first; says for each group which row it is, if it is not cut off.
    fn place(&mut self, level: usize, groups: &Groups, limit: Option<usize>) -> Vec<Option<u32>> {
        let mut rows: Vec<(usize, Row)> =
            groups.all.iter().enumerate().map(|(at, group)| (at, self.row_for(level, group))).collect();
        rows.sort_by(|(_, a), (_, b)| {
            let key = |row: &Row| (std::cmp::Reverse(row.count), std::cmp::Reverse(row.objects));
            (a.parent, key(a)).cmp(&(b.parent, key(b))).then_with(|| (&a.edge, &a.holder).cmp(&(&b.edge, &b.holder)))
        });
        let mut placed = vec![None; groups.all.len()];
        for (group, row) in rows {
            let at = self.rows.len();
            let Some(parent) = self.rows.get_mut(row.parent) else { continue };
            parent.references = parent.references.saturating_add(row.count);
            if limit.is_some_and(|limit| parent.below.len() >= limit) {
                parent.hidden_rows += 1;
                parent.hidden = parent.hidden.saturating_add(row.count);
                continue;
            }
            parent.below.push(at);
            self.rows.push(row);
            if let Some(placed) = placed.get_mut(group) {
                *placed = u32::try_from(at).ok();
            }
        }
        placed
    }

    fn row_for(&self, level: usize, group: &Group) -> Row {
        let names = &self.heap.names;
        let (edge, holder) = match group.by {
            By::Type(name, label) => {
                let name = self.heap.types.get(name as usize).map_or("?", |of| &of.name);
                (label.merged(names), Holder::Type(name.to_owned()))
            }
            By::Root(kind, Some(text)) => (names.get(text).to_owned(), Holder::Root(kind)),
            By::Root(kind, None) => (many(kind).to_owned(), Holder::Root(kind)),
            By::Native => ("<native>".to_owned(), Holder::Native),
        };
        Row {
            parent: group.row as usize,
            level,
            edge,
            holder,
            count: group.count,
            inferred: group.inferred,
            objects: group.objects,
            only: group.last.filter(|_| group.objects == 1),
            followed: 0,
            elsewhere: None,
            references: 0,
            below: Vec::new(),
            hidden_rows: 0,
            hidden: 0,
        }
    }

    /// Gives the referring objects to the rows in which they are followed, and makes them the next level; `false` where there
    /// is none. Where the tree ends, says only which of them stand above already.
    fn follow(&mut self, groups: &Groups, placed: &[Option<u32>], on: bool) -> bool {
        let mut next = Set::new(self.heap.objects.len());
        let mut row_of = std::mem::take(&mut self.row_of);
        let mut followed = vec![0_u64; self.rows.len()];
        let mut seen = vec![Seen::Nowhere; self.rows.len()];
        // The rows that one object belongs to.
        let touched = RefCell::new(Vec::<u32>::new());
        let mut memo = Memo::default();
        // Objects of this level have their rows already: none that is looked up is changed.
        let rows = Cell::from_mut(&mut row_of[..]).as_slice_of_cells();
        self.references(
            |from, to, label| {
                let (row, name) = (rows.get(to as usize).map_or(NO_ROW, Cell::get), self.name(from));
                let at = memo.get((row, name), label).unwrap_or_else(|| {
                    let by = By::Type(name, groups.keys.merged((row, name), self.heap.names.label_of(label)));
                    let at = groups.at.get(&(row, by)).and_then(|at| placed.get(*at as usize).copied().flatten());
                    memo.put((row, name), label, at.unwrap_or(NO_ROW));
                    at.unwrap_or(NO_ROW)
                });
                let mut touched = touched.borrow_mut();
                if at != NO_ROW && touched.last() != Some(&at) {
                    touched.push(at);
                }
            },
            |from| {
                let mut touched = touched.borrow_mut();
                if let Some(at) = rows.get(from.at()) {
                    if at.get() == NO_ROW && on {
                        let rank = |row: &u32| {
                            (self.rows.get(*row as usize).map_or(0, |row| row.count), std::cmp::Reverse(*row))
                        };
                        if let Some(best) = touched.iter().copied().max_by_key(rank) {
                            at.set(best);
                            next.add(from.0);
                            followed.get_mut(best as usize).into_iter().for_each(|n| *n += 1);
                        }
                    }
                    for row in touched.iter() {
                        seen.get_mut(*row as usize).into_iter().for_each(|seen| seen.add(at.get()));
                    }
                }
                touched.clear();
            },
        );
        for ((row, followed), seen) in self.rows.iter_mut().zip(followed).zip(seen) {
            row.followed += followed;
            if let (Seen::In(at), 0) = (seen, row.followed) {
                row.elsewhere = Some(at as usize);
            }
        }
        self.row_of = row_of;
        self.level = next;
        !self.level.is_empty()
    }
}

/// In which row the objects of another are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nowhere,
    In(u32),
    Several,
}

impl Seen {
    fn add(&mut self, row: u32) {
        *self = match *self {
            Seen::Nowhere if row != NO_ROW => Seen::In(row),
            Seen::In(before) if before == row => Seen::In(row),
            _ => Seen::Several,
        };
    }
}

/// Many roots of one kind.
fn many(kind: RootKind) -> &'static str {
    match kind {
        RootKind::UserModule => "<modules>",
        RootKind::LibraryModule => "<library modules>",
        RootKind::Frame => "<frames>",
        RootKind::Thread => "<threads>",
        RootKind::Interpreter => "<interpreter>",
        RootKind::StaticType => "<static types>",
        RootKind::Cache => "<caches>",
    }
}
