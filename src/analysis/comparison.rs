//! What changed, type by type → the rows of a comparison, sorted, filtered and cut, with totals that always cover the
//! whole heap. Takes no look and prints nothing.

use std::cmp::Ordering;
use std::cmp::Reverse;

use regex::Regex;

use super::diff::{Change, delta};
use super::paths::Sum;
use crate::heap::SizeBasis;

/// What the rows are sorted by; ties stand in the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChangeSort {
    /// Bytes more than before, the biggest grower first and what shrank most last.
    #[default]
    Bytes,
    /// Objects more than before, in the same way.
    Count,
    /// Bytes of new objects, most first; of use where objects were told apart.
    New,
    /// Objects that are new, most first.
    CountNew,
    /// Type name, `a` first.
    Type,
}

/// Which rows are wanted and in what order.
#[derive(Debug, Clone, Default)]
pub struct ChangeOptions {
    /// Only types whose name it matches, anywhere in the name.
    pub filter: Option<Regex>,
    /// The order of the rows.
    pub sort: ChangeSort,
    /// At most this many rows; `None` for all.
    pub limit: Option<usize>,
}

/// What is compared, which decides what there is to say of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compared {
    /// Two looks, by type.
    #[default]
    Types,
    /// A look with the one before it and with the first of a series, by type: so many comparisons as yet.
    Series(u64),
    /// Two looks, object by object.
    Objects,
}

/// Objects of one type, told apart one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    /// There now, not before.
    pub new: Sum,
    /// There before, not now.
    pub gone: Sum,
}

/// What became of one type, and what else is known of that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changed {
    /// Since the look before.
    pub change: Change,
    /// What there was at the first look of a series.
    pub first: Sum,
    /// Did it grow from each look of a series to the next, and were there two comparisons at least?
    pub grew_every_look: bool,
    /// The objects that came and went, where they were told apart.
    pub moved: Moved,
}

/// Sums over some types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// Types.
    pub types: u64,
    /// Objects and bytes before.
    pub before: Sum,
    /// And after.
    pub after: Sum,
    /// And at the first look of a series.
    pub first: Sum,
    /// Objects that came and went, where they were told apart.
    pub moved: Moved,
    /// Types whose bytes are not exact ([`SizeBasis::Basic`]).
    pub basic: u64,
}

/// What changed in a heap, by type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// What was compared.
    pub of: Compared,
    /// The types shown, in the order asked for: changed ones only.
    pub rows: Vec<Changed>,
    /// The whole heap, whatever is shown of it.
    pub totals: Balance,
    /// What changed and the filter let through, shown or not; `None` without a filter.
    pub matched: Option<Balance>,
    /// What would stand in further rows, had the limit not cut them off.
    pub hidden: Balance,
    /// Types in which nothing changed; they are never among the rows.
    pub unchanged: u64,
}

impl Changed {
    /// Objects more than at the first look of a series.
    #[must_use]
    pub fn count_since_first(&self) -> i64 {
        delta(self.first.count, self.change.count_after)
    }

    /// Bytes more than at the first look of a series.
    #[must_use]
    pub fn bytes_since_first(&self) -> i64 {
        delta(self.first.bytes, self.change.bytes_after)
    }

    fn is_changed(&self, of: Compared) -> bool {
        let other = match of {
            Compared::Types => false,
            Compared::Series(_) => self.count_since_first() != 0 || self.bytes_since_first() != 0,
            Compared::Objects => self.moved.new.count > 0 || self.moved.gone.count > 0,
        };
        self.change.count_delta() != 0 || self.change.bytes_delta() != 0 || other
    }
}

impl From<Change> for Changed {
    /// Of two looks, the first of which is the first of all.
    fn from(change: Change) -> Changed {
        let first = Sum { count: change.count_before, bytes: change.bytes_before };
        Changed { change, first, ..Changed::default() }
    }
}

impl Balance {
    /// Objects more than before.
    #[must_use]
    pub fn count_delta(&self) -> i64 {
        delta(self.before.count, self.after.count)
    }

    /// Bytes more than before.
    #[must_use]
    pub fn bytes_delta(&self) -> i64 {
        delta(self.before.bytes, self.after.bytes)
    }

    /// Objects more than at the first look of a series.
    #[must_use]
    pub fn count_since_first(&self) -> i64 {
        delta(self.first.count, self.after.count)
    }

    /// Bytes more than at the first look of a series.
    #[must_use]
    pub fn bytes_since_first(&self) -> i64 {
        delta(self.first.bytes, self.after.bytes)
    }

    /// Sums them up.
    pub fn of<'a>(changed: impl IntoIterator<Item = &'a Changed>) -> Balance {
        let mut sums = Balance::default();
        for Changed { change, first, moved, .. } in changed {
            sums.types = sums.types.saturating_add(1);
            sums.before.join(Sum { count: change.count_before, bytes: change.bytes_before });
            sums.after.join(Sum { count: change.count_after, bytes: change.bytes_after });
            sums.first.join(*first);
            sums.moved.new.join(moved.new);
            sums.moved.gone.join(moved.gone);
            if change.basis == SizeBasis::Basic {
                sums.basic = sums.basic.saturating_add(1);
            }
        }
        sums
    }
}

/// Sorts, filters and cuts what changed; `all` holds every type, changed or not. The same changes and options give the
/// same rows, whatever their order was.
#[must_use]
pub fn compare(all: Vec<Changed>, of: Compared, options: &ChangeOptions) -> Comparison {
    let totals = Balance::of(&all);
    let (mut rows, unchanged): (Vec<Changed>, Vec<Changed>) = all.into_iter().partition(|row| row.is_changed(of));
    if let Some(filter) = &options.filter {
        rows.retain(|row| filter.is_match(&row.change.name));
    }
    let matched = options.filter.as_ref().map(|_| Balance::of(&rows));
    rows.sort_unstable_by(|a, b| order(options.sort, a, b));
    let hidden = rows.split_off(options.limit.unwrap_or(rows.len()).min(rows.len()));
    Comparison { of, rows, totals, matched, hidden: Balance::of(&hidden), unchanged: unchanged.len() as u64 }
}

/// What is level since the look before is told apart by what it did since the first.
fn order(sort: ChangeSort, a: &Changed, b: &Changed) -> Ordering {
    let by_key = match sort {
        ChangeSort::Bytes => {
            let key =
                |row: &Changed| Reverse((row.change.bytes_delta(), row.change.count_delta(), row.bytes_since_first()));
            key(a).cmp(&key(b))
        }
        ChangeSort::Count => {
            let key =
                |row: &Changed| Reverse((row.change.count_delta(), row.change.bytes_delta(), row.count_since_first()));
            key(a).cmp(&key(b))
        }
        ChangeSort::New => {
            let key = |row: &Changed| Reverse((row.moved.new.bytes, row.moved.new.count, row.change.bytes_delta()));
            key(a).cmp(&key(b))
        }
        ChangeSort::CountNew => {
            let key = |row: &Changed| Reverse((row.moved.new.count, row.moved.new.bytes, row.change.count_delta()));
            key(a).cmp(&key(b))
        }
        ChangeSort::Type => Ordering::Equal,
    };
    by_key.then_with(|| a.change.name.cmp(&b.change.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, before: (u64, u64), after: (u64, u64)) -> Changed {
        Changed::from(Change {
            name: name.to_owned(),
            count_before: before.0,
            count_after: after.0,
            bytes_before: before.1,
            bytes_after: after.1,
            basis: SizeBasis::Exact,
        })
    }

    fn rows() -> Vec<Changed> {
        vec![
            row("app.Less", (5, 500), (1, 100)),
            row("app.Same", (7, 70), (7, 70)),
            row("app.Many", (0, 0), (90, 900)),
            row("lib.Big", (1, 100), (2, 9_100)),
            row("lib.Longer", (3, 300), (3, 301)),
        ]
    }

    fn names(found: &Comparison) -> Vec<&str> {
        found.rows.iter().map(|row| row.change.name.as_str()).collect()
    }

    #[test]
    fn the_biggest_grower_first_and_what_shrank_last() {
        let by = |sort| compare(rows(), Compared::Types, &ChangeOptions { sort, ..ChangeOptions::default() });
        assert_eq!(names(&by(ChangeSort::Bytes)), ["lib.Big", "app.Many", "lib.Longer", "app.Less"]);
        assert_eq!(names(&by(ChangeSort::Count)), ["app.Many", "lib.Big", "lib.Longer", "app.Less"]);
        assert_eq!(names(&by(ChangeSort::Type)), ["app.Less", "app.Many", "lib.Big", "lib.Longer"]);
        assert_eq!(by(ChangeSort::Bytes).unchanged, 1);
        let mut turned = rows();
        turned.reverse();
        assert_eq!(compare(turned, Compared::Types, &ChangeOptions::default()), by(ChangeSort::Bytes));
    }

    #[test]
    fn totals_cover_the_heap_whatever_is_shown() {
        let filter = Some(Regex::new("^app").expect("good"));
        let options = ChangeOptions { filter, limit: Some(1), ..ChangeOptions::default() };
        let found = compare(rows(), Compared::Types, &options);
        assert_eq!(names(&found), ["app.Many"]);
        assert_eq!((found.totals.types, found.totals.count_delta(), found.totals.bytes_delta()), (5, 87, 9_501));
        let matched = found.matched.expect("filtered");
        assert_eq!((matched.types, matched.count_delta()), (2, 86));
        assert_eq!((found.hidden.types, found.hidden.bytes_delta()), (1, -400));
    }

    #[test]
    fn what_changed_earlier_in_a_series_stays_in_sight() {
        let mut all = rows();
        all[1].first = Sum { count: 2, bytes: 20 };
        let found = compare(all.clone(), Compared::Series(2), &ChangeOptions::default());
        assert_eq!(names(&found), ["lib.Big", "app.Many", "lib.Longer", "app.Same", "app.Less"]);
        assert_eq!((found.rows[3].count_since_first(), found.rows[3].bytes_since_first()), (5, 50));
        assert_eq!(names(&compare(all, Compared::Types, &ChangeOptions::default())).len(), 4);
    }

    #[test]
    fn as_many_new_as_gone_is_a_change() {
        let mut all = rows();
        let sum = Sum { count: 3, bytes: 30 };
        all[1].moved = Moved { new: sum, gone: sum };
        let options = ChangeOptions { sort: ChangeSort::New, limit: Some(1), ..ChangeOptions::default() };
        let found = compare(all, Compared::Objects, &options);
        assert_eq!(names(&found), ["app.Same"]);
        assert_eq!(found.totals.moved.new, sum);
    }
}
