//! Looks at one process, told apart object by object → what is new, what is gone, and what was made after the first of three
//! looks and never let go. Judges no single object: that is `identity`'s.

use rustc_hash::FxHashMap;

use super::comparison::{Changed, Moved};
use super::diff::changes;
use super::identity::Identity;
use super::paths::{Paths, PathsOptions, Sum, paths};
use crate::addr::Addr;
use crate::heap::{Census, Heap, Id, Objects, TypeId};

/// What is remembered of a look once its heap is gone: enough to tell what went away.
#[derive(Debug, Clone, Default)]
pub struct Track {
    census: Census,
    names: Vec<String>,
    objects: Vec<(Addr, TypeId, u64)>,
}

/// One object that is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone<'a> {
    /// Where it lay.
    pub addr: Addr,
    /// Its type; raw text of the target.
    pub of: &'a str,
    /// Its size, in bytes.
    pub bytes: u64,
}

impl Track {
    /// Remembers a look.
    #[must_use]
    pub fn of(heap: &Heap) -> Track {
        let objects: &Objects = &heap.objects;
        Track {
            census: heap.census(),
            names: heap.types.iter().map(|of| of.name.clone()).collect(),
            objects: objects.ids().map(|id| (objects.addr(id), objects.of(id), objects.bytes(id))).collect(),
        }
    }

    /// Counts by type.
    #[must_use]
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// One of its objects.
    #[must_use]
    pub fn get(&self, id: Id) -> Option<Gone<'_>> {
        let (addr, of, bytes) = *self.objects.get(id.at())?;
        Some(Gone { addr, of: self.names.get(of.at()).map_or("?", String::as_str), bytes })
    }
}

/// What came and went between two looks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moves {
    /// Every type, changed or not, by name.
    pub types: Vec<Changed>,
    /// What is there now and was not: numbers of the later heap, by address.
    pub new: Vec<Id>,
    /// What was there and is no more: numbers of the earlier look, by address.
    pub gone: Vec<Id>,
}

impl Moves {
    /// Tells what came and went, by who is who.
    #[must_use]
    pub fn between(earlier: &Track, later: &Heap, identity: &Identity) -> Moves {
        let mut moved: FxHashMap<&str, Moved> = FxHashMap::default();
        let mut kept = vec![false; earlier.objects.len()];
        let mut found = Moves::default();
        for id in later.objects.ids() {
            match identity.earlier(id).and_then(|at| kept.get_mut(at.at())) {
                Some(kept) => *kept = true,
                None => {
                    moved.entry(later.type_name(id)).or_default().new.add(later.objects.bytes(id));
                    found.new.push(id);
                }
            }
        }
        for (id, _) in (0u32..).zip(&kept).filter(|(_, kept)| !**kept) {
            if let Some(gone) = earlier.get(Id(id)) {
                moved.entry(gone.of).or_default().gone.add(gone.bytes);
                found.gone.push(Id(id));
            }
        }
        found.new.sort_by_key(|id| later.objects.addr(*id));
        found.gone.sort_by_key(|id| earlier.get(*id).map(|gone| gone.addr));
        let types = changes(&earlier.census, &later.census()).into_iter().map(|change| {
            let moved = moved.get(change.name.as_str()).copied().unwrap_or_default();
            Changed { moved, ..Changed::from(change) }
        });
        found.types = types.collect();
        found
    }
}

/// What was made after the first of three looks, was there at the second, and is still there at the third.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survivors {
    /// All of them.
    pub sum: Sum,
    /// By type, most bytes first; raw text of the target.
    pub types: Vec<(String, Sum)>,
    /// Who holds them: paths of all of them together, what the others hold behind them.
    pub paths: Paths,
}

/// Finds them in the heap of the third look, and who holds them.
#[must_use]
pub fn survivors(first: &Identity, second: &Identity, last: &Heap, options: &PathsOptions) -> Survivors {
    let made_between = |id: &Id| second.earlier(*id).is_some_and(|middle| first.earlier(middle).is_none());
    let ids: Vec<Id> = last.objects.ids().filter(made_between).collect();
    let mut by_type: FxHashMap<&str, Sum> = FxHashMap::default();
    let mut sum = Sum::default();
    for id in &ids {
        let bytes = last.objects.bytes(*id);
        sum.add(bytes);
        by_type.entry(last.type_name(*id)).or_default().add(bytes);
    }
    let mut types: Vec<(String, Sum)> = by_type.into_iter().map(|(name, sum)| (name.to_owned(), sum)).collect();
    types.sort_by(|(a, x), (b, y)| y.bytes.cmp(&x.bytes).then_with(|| a.cmp(b)));
    Survivors { sum, types, paths: paths(last, &ids, options) }
}
