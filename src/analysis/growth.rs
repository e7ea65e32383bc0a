//! Looks at one process, one after the other → what changed since the look before and since the first, which types grew
//! each time, and who holds them. Decides neither when to look nor when to stop.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::comparison::{Changed, Compared, Comparison};
use super::diff::changes;
use super::paths::{PathsOptions, Sum, paths};
use crate::heap::{Census, Heap, Id};

/// What the looks of a series have shown up to now.
#[derive(Debug, Clone, Default)]
pub struct Series {
    first: FxHashMap<String, Sum>,
    last: Census,
    comparisons: u64,
    /// In how many comparisons in a row, up to the last one, a type grew.
    streaks: FxHashMap<String, u64>,
}

/// Which comparison of a series it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Step {
    /// Number of the later look; that of the first look of all is 1.
    pub look: u64,
    /// How many looks there are to be; `None` where nobody knows.
    pub looks: Option<u64>,
    /// Since the look before, in milliseconds.
    pub elapsed_ms: u64,
    /// Since the first look, in milliseconds.
    pub since_first_ms: u64,
}

/// Who holds most objects of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The type; raw text of the target.
    pub of: String,
    /// The path to most of them as the contract writes it, raw text of the target, and its fingerprint; `None` where
    /// nothing reaches any of them.
    pub path: Option<(String, String)>,
    /// How many objects are on that path, or are reached by nothing.
    pub count: u64,
    /// Of so many.
    pub objects: u64,
}

impl Series {
    /// Begins with a look.
    #[must_use]
    pub fn new(first: Census) -> Series {
        let sums = first.types.iter().map(|of| (of.name.clone(), Sum { count: of.count, bytes: of.bytes }));
        Series { first: sums.collect(), last: first, ..Series::default() }
    }

    /// One more look: every type of it or of the look before or the first, changed or not, by name.
    pub fn look(&mut self, census: Census) -> Vec<Changed> {
        self.comparisons = self.comparisons.saturating_add(1);
        let mut all: Vec<Changed> = changes(&self.last, &census).into_iter().map(Changed::from).collect();
        for changed in &mut all {
            changed.first = self.first.get(&changed.change.name).copied().unwrap_or_default();
            let streak = self.streaks.entry(changed.change.name.clone()).or_default();
            // An object that is replaced by a larger one is growth, and so are more objects of no size at all.
            let grew = (changed.change.bytes_delta(), changed.change.count_delta()) > (0, 0);
            *streak = if grew { streak.saturating_add(1) } else { 0 };
            changed.grew_every_look = self.comparisons > 1 && *streak == self.comparisons;
        }
        // What died out before the look before is in neither.
        let met: rustc_hash::FxHashSet<&str> = all.iter().map(|changed| changed.change.name.as_str()).collect();
        let extinct: Vec<Changed> = self
            .first
            .iter()
            .filter(|(name, _)| !met.contains(name.as_str()))
            .map(|(name, first)| {
                let mut changed = Changed { first: *first, ..Changed::default() };
                changed.change.name.clone_from(name);
                changed
            })
            .collect();
        all.extend(extinct);
        all.sort_by(|a, b| a.change.name.cmp(&b.change.name));
        self.last = census;
        all
    }

    /// What a comparison of these looks is.
    #[must_use]
    pub fn compared(&self) -> Compared {
        Compared::Series(self.comparisons)
    }
}

/// The types that grew most, most first: since the first look of a series, by new objects where they were told apart, else
/// since the look before. Of those that are shown.
#[must_use]
pub fn growers(found: &Comparison, many: usize) -> Vec<&str> {
    let grown = |changed: &Changed| match found.of {
        Compared::Types => (changed.change.bytes_delta(), changed.change.count_delta()),
        Compared::Series(_) => (changed.bytes_since_first(), changed.count_since_first()),
        Compared::Objects => {
            let new = changed.moved.new;
            (i64::try_from(new.bytes).unwrap_or(i64::MAX), i64::try_from(new.count).unwrap_or(i64::MAX))
        }
    };
    let mut rows: Vec<&Changed> = found.rows.iter().filter(|row| grown(row) > (0, 0)).collect();
    rows.sort_by_key(|row| (Reverse(grown(row)), &row.change.name));
    rows.into_iter().take(many).map(|row| row.change.name.as_str()).collect()
}

/// Who holds the objects of each of these types: all of them, or those among `of_these`.
#[must_use]
pub fn holdings(heap: &Heap, types: &[&str], of_these: Option<&[Id]>) -> Vec<Holding> {
    let of = |name: &str| {
        let is_meant = |id: &Id| heap.type_name(*id) == name;
        let objects: Vec<Id> = match of_these {
            Some(ids) => ids.iter().copied().filter(is_meant).collect(),
            None => heap.objects.ids().filter(is_meant).collect(),
        };
        let found = paths(heap, &objects, &PathsOptions { limit: Some(1), top: 0, ..PathsOptions::default() });
        let way = found.ways.into_iter().next();
        Holding {
            of: name.to_owned(),
            count: way.as_ref().map_or(found.unreached.count, |way| way.sum.count),
            objects: found.objects.count,
            path: way.map(|way| (way.text, way.fingerprint)),
        }
    };
    types.iter().map(|name| of(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{ChangeOptions, compare};
    use crate::heap::{RootKind, Sketch, TypeTally};

    fn census(of: &[(&str, u64)]) -> Census {
        let tally = |(name, count): &(&str, u64)| TypeTally {
            name: (*name).to_owned(),
            count: *count,
            bytes: count * 10,
            ..TypeTally::default()
        };
        Census { types: of.iter().map(tally).collect() }
    }

    fn told(all: &[Changed]) -> Vec<(&str, i64, i64, bool)> {
        let tell = |c: &Changed| (c.change.count_delta(), c.count_since_first(), c.grew_every_look);
        all.iter().map(|c| (c.change.name.as_str(), tell(c).0, tell(c).1, tell(c).2)).collect()
    }

    #[test]
    fn a_series_tells_what_grew_each_time() {
        let mut series = Series::new(census(&[("fading", 9), ("leak", 1), ("wave", 5)]));
        assert_eq!(
            told(&series.look(census(&[("fading", 1), ("leak", 3), ("wave", 7)]))),
            [("fading", -8, -8, false), ("leak", 2, 2, false), ("wave", 2, 2, false)],
            "once is not each time"
        );
        assert_eq!(
            told(&series.look(census(&[("leak", 4), ("wave", 7), ("late", 2)]))),
            [("fading", -1, -9, false), ("late", 2, 2, false), ("leak", 1, 3, true), ("wave", 0, 2, false)]
        );
        assert_eq!(
            told(&series.look(census(&[("leak", 6), ("wave", 8), ("late", 3)]))),
            [("fading", 0, -9, false), ("late", 1, 3, false), ("leak", 2, 5, true), ("wave", 1, 3, false)],
            "what died out is still known"
        );
    }

    #[test]
    fn growers_are_those_of_the_whole_series() {
        let mut series = Series::new(census(&[("leak", 1), ("wave", 0)]));
        series.look(census(&[("leak", 900), ("wave", 0)]));
        let all = series.look(census(&[("leak", 901), ("wave", 40)]));
        let found = compare(all, series.compared(), &ChangeOptions::default());
        assert_eq!(found.rows[0].change.name, "wave");
        assert_eq!(growers(&found, 5), ["leak", "wave"]);
        assert_eq!(growers(&found, 1), ["leak"]);
    }

    #[test]
    fn who_holds_them_is_told_for_all_or_for_some() {
        let mut sketch = Sketch::new();
        let app = sketch.module("app", RootKind::UserModule);
        let timings = [(); 3].map(|()| sketch.object("app.Timing", 48));
        let (old, new) = (sketch.list(&timings[..2]), sketch.list(&timings[2..]));
        sketch.attribute(app, "OLD", old);
        sketch.attribute(app, "NEW", new);
        let heap = sketch.heap();
        let all = holdings(&heap, &["app.Timing"], None);
        assert_eq!((all[0].count, all[0].objects), (2, 3));
        assert_eq!(all[0].path.as_ref().expect("held").0, "app.OLD[*]");
        let some = holdings(&heap, &["app.Timing"], Some(&timings[2..]));
        assert_eq!((some[0].count, some[0].objects), (1, 1));
        assert_eq!(some[0].path.as_ref().expect("held").0, "app.NEW[*]");
    }
}
