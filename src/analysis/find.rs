//! Selected objects → those of a size, sorted, sampled and cut, with totals over all of them. Does not decide who holds them.

use std::cmp::Ordering;

use crate::heap::{Heap, Id};

/// What objects are sorted by; ties stand in the order of their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FindSort {
    /// Address, lowest first.
    #[default]
    Address,
    /// Bytes, most first.
    Bytes,
    /// Refcount, highest first.
    Refcount,
    /// Type name, `a` first.
    Type,
}

/// A sample, the same each time for the same objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// So many of them, or all where there are fewer.
    pub of: usize,
    /// Another number picks others.
    pub seed: u64,
}

/// Which of the selected objects are wanted and in what order.
#[derive(Debug, Clone, Copy, Default)]
pub struct FindOptions {
    /// Only objects of at least so many bytes.
    pub min_bytes: u64,
    /// The order.
    pub sort: FindSort,
    /// Only a sample, spread evenly over all that match by address.
    pub sample: Option<Sample>,
    /// At most so many; `None` for all.
    pub limit: Option<usize>,
}

/// Objects found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Those shown, in the order asked for.
    pub shown: Vec<Id>,
    /// How many match, shown or not.
    pub total: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many a sample was to leave, where one was asked for.
    pub sampled: Option<u64>,
    /// How many more would be shown, had the limit not cut them off.
    pub hidden: u64,
}

/// Sorts, samples and cuts. The same objects and options give the same answer.
#[must_use]
pub fn find(heap: &Heap, selected: &[Id], options: &FindOptions) -> Found {
    let objects = &heap.objects;
    let mut found: Vec<Id> = selected.iter().copied().filter(|id| objects.bytes(*id) >= options.min_bytes).collect();
    let total = found.len() as u64;
    let bytes = found.iter().fold(0_u64, |sum, id| sum.saturating_add(objects.bytes(*id)));

    let mut sampled = None;
    if let Some(sample) = options.sample {
        found.sort_unstable_by_key(|id| objects.addr(*id));
        found = spread(&found, sample);
        sampled = Some(found.len() as u64);
    }
    let by = |a: &Id, b: &Id| order(heap, options.sort, *a, *b);
    let shown = options.limit.unwrap_or(found.len()).min(found.len());
    let hidden = found.len().saturating_sub(shown) as u64;
    if shown > 0 && hidden > 0 {
        // Only what is shown need be in order.
        found.select_nth_unstable_by(shown - 1, by);
    }
    found.truncate(shown);
    found.sort_unstable_by(by);
    Found { shown: found, total, bytes, sampled, hidden }
}

/// One out of each of as many runs, all of one length but for rounding.
fn spread(found: &[Id], sample: Sample) -> Vec<Id> {
    let (all, of) = (found.len() as u128, sample.of as u128);
    if of >= all {
        return found.to_vec();
    }
    let cut = |run: u128| (run * all / of) as usize;
    (0..of)
        .filter_map(|run| {
            let (start, end) = (cut(run), cut(run + 1));
            let length = end.saturating_sub(start).max(1) as u64;
            found.get(start + (mixed(sample.seed, run as u64) % length) as usize).copied()
        })
        .collect()
}

/// A number that looks like chance and is none (the finalizer of SplitMix64, by Steele, Lea and Flood).
fn mixed(seed: u64, n: u64) -> u64 {
    let z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn order(heap: &Heap, sort: FindSort, a: Id, b: Id) -> Ordering {
    let objects = &heap.objects;
    let by_key = match sort {
        FindSort::Address => Ordering::Equal,
        FindSort::Bytes => objects.bytes(b).cmp(&objects.bytes(a)),
        FindSort::Refcount => objects.refcount(b).cmp(&objects.refcount(a)),
        FindSort::Type => heap.type_name(a).cmp(heap.type_name(b)),
    };
    by_key.then_with(|| (objects.addr(a), a).cmp(&(objects.addr(b), b)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::heap::Sketch;

    fn heap(sizes: &[u64]) -> (Heap, Vec<Id>) {
        let mut sketch = Sketch::new();
        let ids = sizes.iter().map(|bytes| sketch.object("app.Blob", *bytes)).collect();
        (sketch.heap(), ids)
    }

    fn ids(found: &Found) -> Vec<u32> {
        found.shown.iter().map(|id| id.0).collect()
    }

    #[test]
    fn the_largest_come_first_and_totals_cover_all_that_match() {
        let (heap, all) = heap(&[10, 500, 30, 500, 70]);
        let options = FindOptions { min_bytes: 30, sort: FindSort::Bytes, limit: Some(3), ..FindOptions::default() };
        let found = find(&heap, &all, &options);
        assert_eq!(ids(&found), [1, 3, 4]);
        assert_eq!((found.total, found.bytes, found.hidden), (4, 1100, 1));
        let none = find(&heap, &all, &FindOptions { limit: Some(0), ..FindOptions::default() });
        assert_eq!((ids(&none), none.hidden), (vec![], 5));
    }

    #[test]
    fn a_sample_is_spread_the_same_each_time_and_another_with_another_seed() {
        let (heap, all) = heap(&[16; 1000]);
        let take = |seed| {
            let sample = Some(Sample { of: 10, seed });
            ids(&find(&heap, &all, &FindOptions { sample, ..FindOptions::default() }))
        };
        assert_eq!(take(0), take(0));
        assert_ne!(take(0), take(1));
        for (run, id) in take(7).into_iter().enumerate() {
            assert_eq!(id as usize / 100, run, "one of each hundred");
        }
    }

    proptest! {
        #[test]
        fn a_sample_has_as_many_as_asked_each_once(all in 0usize..200, of in 0usize..250, seed in any::<u64>()) {
            let (heap, all) = heap(&vec![16; all]);
            let sample = Some(Sample { of, seed });
            let found = find(&heap, &all, &FindOptions { sample, ..FindOptions::default() });
            let mut once = ids(&found);
            once.dedup();
            prop_assert_eq!(once.len(), of.min(all.len()));
            prop_assert_eq!(found.sampled, Some(once.len() as u64));
            prop_assert_eq!(found.total, all.len() as u64);
        }

        #[test]
        fn a_limit_cuts_the_sorted_list(sizes in prop::collection::vec(0u64..20, 0..60), limit in 0usize..70) {
            let (heap, all) = heap(&sizes);
            let options = FindOptions { sort: FindSort::Bytes, ..FindOptions::default() };
            let whole = ids(&find(&heap, &all, &options));
            let cut = ids(&find(&heap, &all, &FindOptions { limit: Some(limit), ..options }));
            prop_assert_eq!(&cut[..], &whole[..limit.min(whole.len())]);
        }
    }
}
