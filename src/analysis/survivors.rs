//! Looks at one process, told apart object by object → what is new, what is gone, and what was made after the first of three
//! looks and never let go. Judges no single object: that is `identity`'s.

use regex::Regex;
use rustc_hash::FxHashMap;

use super::comparison::{Changed, Compared, Moved};
use super::diff::changes;
use super::identity::Identity;
use super::paths::{Paths, PathsOptions, Sum, paths};
use crate::addr::Addr;
use crate::heap::{Capture, Census, Heap, Id, Objects, Type, TypeId};

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

    /// How many objects there were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Were there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// One of its objects.
    #[must_use]
    pub fn get(&self, id: Id) -> Option<Gone<'_>> {
        let (addr, of, bytes) = *self.objects.get(id.at())?;
        Some(Gone { addr, of: self.names.get(of.at()).map_or("?", String::as_str), bytes })
    }
}

/// What two or three looks tell.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The first look.
    pub before: Capture,
    /// The second of three.
    pub middle: Option<Capture>,
    /// The last one.
    pub after: Capture,
    /// What is remembered of the first look.
    pub earlier: Track,
    /// The last heap.
    pub heap: Heap,
    /// Every type, changed or not, by name.
    pub types: Vec<Changed>,
    /// What came and went from the first look to the last, of one process.
    pub moves: Option<Moves>,
    /// What three looks tell.
    pub survivors: Option<Survivors>,
}

impl Difference {
    /// Compares a look with what is remembered of an earlier one; object by object where it is known who is who, and of those
    /// only the ones whose type's name `filter` matches.
    #[must_use]
    pub fn of(
        earlier: Track,
        heap: Heap,
        identity: Option<&Identity>,
        filter: Option<&Regex>,
        before: Capture,
        after: Capture,
    ) -> Difference {
        let (types, moves) = match identity {
            Some(identity) => {
                let (types, moves) = Moves::between(&earlier, &heap, identity);
                (types, Some(moves.only(&earlier, &heap, filter)))
            }
            None => (changes(&earlier.census, &heap.census()).into_iter().map(Changed::from).collect(), None),
        };
        Difference { before, middle: None, after, earlier, heap, types, moves, survivors: None }
    }

    /// What was compared.
    #[must_use]
    pub fn compared(&self) -> Compared {
        if self.moves.is_some() { Compared::Objects } else { Compared::Types }
    }
}

/// What came and went between two looks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moves {
    /// What is there now and was not: numbers of the later heap, by address.
    pub new: Vec<Id>,
    /// What was there and is no more: numbers of the earlier look, by address.
    pub gone: Vec<Id>,
}

impl Moves {
    /// Tells what came and went, by who is who: every type, changed or not, by name, and the objects.
    #[must_use]
    pub fn between(earlier: &Track, later: &Heap, identity: &Identity) -> (Vec<Changed>, Moves) {
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
        (types.collect(), found)
    }

    fn only(mut self, earlier: &Track, later: &Heap, filter: Option<&Regex>) -> Moves {
        let Some(filter) = filter else { return self };
        self.new.retain(|id| filter.is_match(later.type_name(*id)));
        self.gone.retain(|id| earlier.get(*id).is_some_and(|gone| filter.is_match(gone.of)));
        self
    }
}

/// What was made after the first of three looks, was there at the second, and is still there at the third.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survivors {
    /// All of them.
    pub sum: Sum,
    /// Those of which nothing but their place tells that they are the ones of the second look: what has nothing of its own
    /// (an empty list, equal texts) cannot be told from another that has taken its place since.
    pub unproven: Sum,
    /// By type, most bytes first; raw text of the target.
    pub types: Vec<(String, Sum)>,
    /// Who holds them: paths of all of them together, what the others hold behind them.
    pub paths: Paths,
}

/// Finds them in the heap of the third look, and who holds them.
#[must_use]
pub fn survivors(
    first: &Identity,
    second: &Identity,
    last: &Heap,
    filter: Option<&Regex>,
    options: &PathsOptions,
) -> Survivors {
    let asked = asked(&last.types, filter);
    let is_asked = |id: &Id| asked.get(last.objects.of(*id).at()).is_some_and(|asked| *asked);
    let made_between = |id: &Id| second.earlier(*id).is_some_and(|middle| first.earlier(middle).is_none());
    let ids: Vec<Id> = last.objects.ids().filter(|id| is_asked(id) && made_between(id)).collect();
    let mut by_type: FxHashMap<&str, Sum> = FxHashMap::default();
    let (mut sum, mut unproven) = (Sum::default(), Sum::default());
    for id in &ids {
        let bytes = last.objects.bytes(*id);
        sum.add(bytes);
        if !second.is_proven(*id) {
            unproven.add(bytes);
        }
        by_type.entry(last.type_name(*id)).or_default().add(bytes);
    }
    let mut types: Vec<(String, Sum)> = by_type.into_iter().map(|(name, sum)| (name.to_owned(), sum)).collect();
    types.sort_by(|(a, x), (b, y)| y.bytes.cmp(&x.bytes).then_with(|| a.cmp(b)));
    Survivors { sum, unproven, types, paths: paths(last, &ids, options) }
}

/// Which types a filter lets through.
fn asked(types: &[Type], filter: Option<&Regex>) -> Vec<bool> {
    types.iter().map(|of| filter.is_none_or(|filter| filter.is_match(&of.name))).collect()
}
