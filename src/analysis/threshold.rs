//! A limit that a person sets for growth → was it crossed, and with which number. Reads no text; how a limit is typed is not
//! known here.

use regex::Regex;

use super::comparison::{Balance, Changed};
use super::diff::delta;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Objects.
    Count,
    /// Their sizes, in bytes.
    Bytes,
}

/// Of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// More than at the first look.
    Growth,
    /// At the last look, in all.
    After,
    /// New at the last look, where objects are told apart.
    New,
}

/// A limit.
#[derive(Debug, Clone)]
pub struct Threshold {
    /// As it was typed.
    pub text: String,
    /// What is measured.
    pub measure: Measure,
    /// Of when.
    pub extent: Extent,
    /// Types whose whole name it matches; the whole heap without.
    pub types: Option<Regex>,
    /// The number that may not be exceeded.
    pub limit: u64,
    /// May it not even be reached?
    pub reached: bool,
}

/// What a limit is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The number; negative where less is there than before.
    pub value: i64,
    /// How many types it is the sum of.
    pub types: u64,
}

impl Threshold {
    /// Measures; `all` holds every type, changed or not.
    #[must_use]
    pub fn measure(&self, all: &[Changed]) -> Measured {
        let is_meant = |row: &&Changed| self.types.as_ref().is_none_or(|types| types.is_match(&row.change.name));
        let sums = Balance::of(all.iter().filter(is_meant));
        let (first, after, new) = (sums.first, sums.after, sums.moved.new);
        let value = match (self.measure, self.extent) {
            (Measure::Count, Extent::Growth) => delta(first.count, after.count),
            (Measure::Bytes, Extent::Growth) => delta(first.bytes, after.bytes),
            (Measure::Count, Extent::After) => delta(0, after.count),
            (Measure::Bytes, Extent::After) => delta(0, after.bytes),
            (Measure::Count, Extent::New) => delta(0, new.count),
            (Measure::Bytes, Extent::New) => delta(0, new.bytes),
        };
        Measured { value, types: sums.types }
    }

    /// Is this number over the limit?
    #[must_use]
    pub fn is_crossed(&self, measured: Measured) -> bool {
        u64::try_from(measured.value).is_ok_and(|value| value > self.limit || self.reached && value == self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Change, Moved, paths::Sum};

    fn rows() -> Vec<Changed> {
        let row = |name: &str, first: u64, before: u64, after: u64| Changed {
            change: Change {
                name: name.to_owned(),
                count_before: before,
                count_after: after,
                bytes_before: before * 10,
                bytes_after: after * 10,
                ..Change::default()
            },
            first: Sum { count: first, bytes: first * 10 },
            moved: Moved { new: Sum { count: 1, bytes: 7 }, ..Moved::default() },
            ..Changed::default()
        };
        vec![row("app.Page", 10, 15, 20), row("app.Timing", 9, 5, 1)]
    }

    fn value(measure: Measure, extent: Extent, types: Option<&str>) -> i64 {
        let types = types.map(|types| Regex::new(types).expect("good"));
        let threshold = Threshold { text: String::new(), measure, extent, types, limit: 0, reached: false };
        threshold.measure(&rows()).value
    }

    #[test]
    fn growth_is_since_the_first_look() {
        assert_eq!(value(Measure::Count, Extent::Growth, None), 2);
        assert_eq!(value(Measure::Bytes, Extent::Growth, Some("^app.Page$")), 100);
        assert_eq!(value(Measure::Count, Extent::Growth, Some("Timing")), -8);
        assert_eq!(value(Measure::Count, Extent::After, None), 21);
        assert_eq!(value(Measure::Bytes, Extent::New, None), 14);
    }

    #[test]
    fn a_limit_is_crossed_above_it_and_with_reached_at_it() {
        let at = |reached, value| {
            let (measure, extent) = (Measure::Count, Extent::Growth);
            let threshold = Threshold { text: String::new(), measure, extent, types: None, limit: 5, reached };
            threshold.is_crossed(Measured { value, types: 1 })
        };
        assert_eq!([4, 5, 6, -6].map(|value| at(false, value)), [false, false, true, false]);
        assert_eq!([4, 5, 6, -6].map(|value| at(true, value)), [false, true, true, false]);
    }
}
