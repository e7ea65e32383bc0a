//! A count of a heap's objects by type: what a walk over the object table leaves behind.

use rustc_hash::FxHashMap;

/// How the bytes of a type were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SizeBasis {
    /// Equal to `sys.getsizeof` for each object.
    #[default]
    Exact,
    /// A type of a third-party extension, or with a `__sizeof__` written in Python: `tp_basicsize` and items only.
    Basic,
}

/// The live objects of exactly one type name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypeTally {
    /// `module.qualname`, as `type(o).__module__ + "." + type(o).__qualname__` gives it; raw text of the target, so
    /// it may hold control characters.
    pub name: String,
    /// Live objects.
    pub count: u64,
    /// Sum of their sizes as `sys.getsizeof` gives them, in bytes.
    pub bytes: u64,
    /// How many of them `gc.get_objects()` would return.
    pub tracked: u64,
    /// How `bytes` was found.
    pub basis: SizeBasis,
}

/// All live objects, by type name; names are unique, in no particular order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census {
    /// One tally a name.
    pub types: Vec<TypeTally>,
}

/// Sums by name: two classes may bear the same one.
impl FromIterator<TypeTally> for Census {
    fn from_iter<I: IntoIterator<Item = TypeTally>>(tallies: I) -> Census {
        let mut by_name: FxHashMap<String, TypeTally> = FxHashMap::default();
        for tally in tallies {
            let Some(sum) = by_name.get_mut(&tally.name) else {
                by_name.insert(tally.name.clone(), tally);
                continue;
            };
            sum.count = sum.count.saturating_add(tally.count);
            sum.bytes = sum.bytes.saturating_add(tally.bytes);
            sum.tracked = sum.tracked.saturating_add(tally.tracked);
            if tally.basis == SizeBasis::Basic {
                sum.basis = SizeBasis::Basic;
            }
        }
        Census { types: by_name.into_values().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_classes_of_one_name_are_one_tally() {
        let of = |name: &str, count, basis| TypeTally { name: name.into(), count, bytes: 8 * count, tracked: 1, basis };
        let both = [of("a.B", 2, SizeBasis::Exact), of("c", 1, SizeBasis::Exact), of("a.B", 3, SizeBasis::Basic)];
        let mut census: Census = both.into_iter().collect();
        census.types.sort_by(|a, b| a.name.cmp(&b.name));
        let sum = TypeTally { tracked: 2, ..of("a.B", 5, SizeBasis::Basic) };
        assert_eq!(census.types, [sum, of("c", 1, SizeBasis::Exact)]);
    }
}
