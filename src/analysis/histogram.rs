//! A census → the rows of a histogram by type, sorted, filtered and cut, with totals that always cover the whole heap.
//! Does not print.

use std::cmp::Ordering;

use regex::Regex;

use crate::heap::{Census, SizeBasis, TypeTally};

/// What the rows are sorted by; ties stand in the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Bytes, most first.
    #[default]
    Bytes,
    /// Live objects, most first.
    Count,
    /// Objects that the collector tracks, most first.
    Tracked,
    /// Bytes an object, most first.
    Average,
    /// Type name, `a` first.
    Type,
}

/// Which rows are wanted and in what order.
#[derive(Debug, Clone, Default)]
pub struct HistogramOptions {
    /// Only types whose name it matches, anywhere in the name.
    pub filter: Option<Regex>,
    /// The order of the rows.
    pub sort: Sort,
    /// At most this many rows; `None` for all.
    pub limit: Option<usize>,
}

/// Sums over some types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Types.
    pub types: u64,
    /// Live objects.
    pub objects: u64,
    /// Their sizes, in bytes.
    pub bytes: u64,
    /// How many of them the collector tracks.
    pub tracked: u64,
    /// Types whose bytes are not exact ([`SizeBasis::Basic`]).
    pub basic: u64,
}

/// A heap's objects by type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    /// The types shown, in the order asked for.
    pub rows: Vec<TypeTally>,
    /// The whole heap, whatever is shown of it.
    pub totals: Totals,
    /// What the filter let through, shown or not; `None` without a filter.
    pub matched: Option<Totals>,
    /// What would stand in further rows, had the limit not cut them off.
    pub hidden: Totals,
}

/// Bytes an object of this type; 0 where there is none.
#[must_use]
pub fn average(tally: &TypeTally) -> f64 {
    ratio(tally.bytes, tally.count)
}

impl Totals {
    /// Bytes an object; 0 where there is none.
    #[must_use]
    pub fn average(&self) -> f64 {
        ratio(self.bytes, self.objects)
    }

    /// The part of these bytes that `bytes` makes up, 0 to 1; 0 where there are none.
    #[must_use]
    pub fn share(&self, bytes: u64) -> f64 {
        ratio(bytes, self.bytes)
    }

    fn add(&mut self, tally: &TypeTally) {
        self.types = self.types.saturating_add(1);
        self.objects = self.objects.saturating_add(tally.count);
        self.bytes = self.bytes.saturating_add(tally.bytes);
        self.tracked = self.tracked.saturating_add(tally.tracked);
        if tally.basis == SizeBasis::Basic {
            self.basic = self.basic.saturating_add(1);
        }
    }

    fn of<'a>(tallies: impl IntoIterator<Item = &'a TypeTally>) -> Totals {
        let mut totals = Totals::default();
        tallies.into_iter().for_each(|tally| totals.add(tally));
        totals
    }
}

/// Sorts, filters and cuts a census. The same census and options give the same rows, whatever the census's own order.
#[must_use]
pub fn histogram(census: &Census, options: &HistogramOptions) -> Histogram {
    let lets_through = |tally: &&TypeTally| options.filter.as_ref().is_none_or(|regex| regex.is_match(&tally.name));
    let mut found: Vec<&TypeTally> = census.types.iter().filter(lets_through).collect();
    found.sort_unstable_by(|a, b| order(options.sort, a, b));
    let (shown, hidden) = found.split_at(options.limit.unwrap_or(found.len()).min(found.len()));

    Histogram {
        rows: shown.iter().map(|&tally| tally.clone()).collect(),
        totals: Totals::of(&census.types),
        matched: options.filter.as_ref().map(|_| Totals::of(found.iter().copied())),
        hidden: Totals::of(hidden.iter().copied()),
    }
}

fn order(sort: Sort, a: &TypeTally, b: &TypeTally) -> Ordering {
    let by_key = match sort {
        Sort::Bytes => b.bytes.cmp(&a.bytes),
        Sort::Count => b.count.cmp(&a.count),
        Sort::Tracked => b.tracked.cmp(&a.tracked),
        Sort::Average => average(b).total_cmp(&average(a)),
        Sort::Type => Ordering::Equal,
    };
    by_key.then_with(|| a.name.cmp(&b.name))
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(name: &str, count: u64, bytes: u64, tracked: u64) -> TypeTally {
        TypeTally { name: name.to_owned(), count, bytes, tracked, basis: SizeBasis::Exact }
    }

    fn census() -> Census {
        Census {
            types: vec![
                tally("builtins.str", 100, 5_000, 0),
                tally("app.Timing", 10, 800, 10),
                tally("builtins.dict", 20, 5_000, 5),
                TypeTally { basis: SizeBasis::Basic, ..tally("numpy.ndarray", 1, 112, 0) },
            ],
        }
    }

    fn names(found: &Histogram) -> Vec<&str> {
        found.rows.iter().map(|row| row.name.as_str()).collect()
    }

    fn sorted(sort: Sort) -> Histogram {
        histogram(&census(), &HistogramOptions { sort, ..HistogramOptions::default() })
    }

    #[test]
    fn biggest_first_and_ties_by_name() {
        assert_eq!(names(&sorted(Sort::Bytes)), ["builtins.dict", "builtins.str", "app.Timing", "numpy.ndarray"]);
        assert_eq!(names(&sorted(Sort::Count)), ["builtins.str", "builtins.dict", "app.Timing", "numpy.ndarray"]);
        assert_eq!(names(&sorted(Sort::Tracked)), ["app.Timing", "builtins.dict", "builtins.str", "numpy.ndarray"]);
        assert_eq!(names(&sorted(Sort::Average)), ["builtins.dict", "numpy.ndarray", "app.Timing", "builtins.str"]);
        assert_eq!(names(&sorted(Sort::Type)), ["app.Timing", "builtins.dict", "builtins.str", "numpy.ndarray"]);
    }

    #[test]
    fn the_order_of_the_census_does_not_matter() {
        let mut turned = census();
        turned.types.reverse();
        let options = HistogramOptions::default();
        assert_eq!(histogram(&turned, &options), histogram(&census(), &options));
    }

    #[test]
    fn totals_cover_the_heap_whatever_is_shown() {
        let options = HistogramOptions {
            filter: Some(Regex::new("^builtins").expect("a good regex")),
            limit: Some(1),
            ..HistogramOptions::default()
        };
        let found = histogram(&census(), &options);
        assert_eq!(names(&found), ["builtins.dict"]);
        assert_eq!(found.totals, Totals { types: 4, objects: 131, bytes: 10_912, tracked: 15, basic: 1 });
        assert_eq!(found.matched, Some(Totals { types: 2, objects: 120, bytes: 10_000, tracked: 5, basic: 0 }));
        assert_eq!(found.hidden, Totals { types: 1, objects: 100, bytes: 5_000, tracked: 0, basic: 0 });
    }

    #[test]
    fn an_empty_heap_has_no_rows_and_no_average() {
        let found = histogram(&Census::default(), &HistogramOptions { limit: Some(20), ..Default::default() });
        assert!(found.rows.is_empty());
        assert_eq!(found.totals.average(), 0.0);
        assert_eq!(found.totals.share(0), 0.0);
    }

    #[test]
    fn sums_do_not_wrap() {
        let census = Census { types: vec![tally("a", u64::MAX, u64::MAX, 0), tally("b", 1, 1, 0)] };
        assert_eq!(histogram(&census, &HistogramOptions::default()).totals.bytes, u64::MAX);
    }
}
