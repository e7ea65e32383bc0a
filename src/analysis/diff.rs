//! Two censuses → what changed, type by type. Knows nothing of single objects.

use rustc_hash::FxHashMap;

use crate::heap::{Census, SizeBasis};

/// What became of one type between two looks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// `module.qualname`; raw text of the target.
    pub name: String,
    /// Live objects at the first look.
    pub count_before: u64,
    /// And at the second.
    pub count_after: u64,
    /// Their sizes at the first look, in bytes.
    pub bytes_before: u64,
    /// And at the second.
    pub bytes_after: u64,
    /// How the bytes were found.
    pub basis: SizeBasis,
}

impl Change {
    /// Objects more than before; negative where there are fewer.
    #[must_use]
    pub fn count_delta(&self) -> i64 {
        delta(self.count_before, self.count_after)
    }

    /// Bytes more than before.
    #[must_use]
    pub fn bytes_delta(&self) -> i64 {
        delta(self.bytes_before, self.bytes_after)
    }
}

/// How much more; negative where it is less.
pub(super) fn delta(before: u64, after: u64) -> i64 {
    let (less, more) = (before.min(after), before.max(after));
    let by = i64::try_from(more.saturating_sub(less)).unwrap_or(i64::MAX);
    if after < before { -by } else { by }
}

/// Every type of either census, changed or not, by name.
#[must_use]
pub fn changes(before: &Census, after: &Census) -> Vec<Change> {
    let mut by_name: FxHashMap<&str, Change> = FxHashMap::default();
    for tally in &before.types {
        let change = by_name.entry(&tally.name).or_default();
        change.count_before = tally.count;
        change.bytes_before = tally.bytes;
        change.basis = tally.basis;
    }
    for tally in &after.types {
        let change = by_name.entry(&tally.name).or_default();
        change.count_after = tally.count;
        change.bytes_after = tally.bytes;
        if tally.basis == SizeBasis::Basic {
            change.basis = SizeBasis::Basic;
        }
    }
    let mut changes: Vec<Change> =
        by_name.into_iter().map(|(name, change)| Change { name: name.to_owned(), ..change }).collect();
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::TypeTally;

    fn census(of: &[(&str, u64, u64)]) -> Census {
        let types = of
            .iter()
            .map(|(name, count, bytes)| TypeTally {
                name: (*name).to_owned(),
                count: *count,
                bytes: *bytes,
                ..TypeTally::default()
            })
            .collect();
        Census { types }
    }

    #[test]
    fn what_came_went_and_stayed() {
        let found = changes(&census(&[("gone", 2, 64), ("less", 5, 50)]), &census(&[("less", 3, 30), ("new", 7, 7)]));
        let told: Vec<_> = found.iter().map(|c| (c.name.as_str(), c.count_delta(), c.bytes_delta())).collect();
        assert_eq!(told, [("gone", -2, -64), ("less", -2, -20), ("new", 7, 7)]);
    }
}
