//! The collector's counters → what `gc.get_count()` and `gc.get_stats()` tell (`Modules/gcmodule.c`, from 3.13 on
//! `Python/gc.c`). A few words of each interpreter, cheap enough to ask of a running process; it walks no list.

use super::layout::Layout;
use crate::addr::Addr;
use crate::heap::GenerationPoint;
use crate::memory::{Field, Memory, View};

/// Generations that a collector has, besides the permanent one.
const GENERATIONS: usize = 3;

/// Where one collector counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Its generations, youngest first.
    pub generations: Addr,
    /// What its collections came to, in the same order; none in 2.7, and in a stripped 3.6 nobody tells where.
    pub stats: Option<Addr>,
}

impl Counters {
    /// The generations, youngest first; `None` where they cannot be read.
    #[must_use]
    pub fn read<M: Memory + ?Sized>(&self, mem: &M, layout: &Layout) -> Option<Vec<GenerationPoint>> {
        let of = &layout.gc_generation;
        let generations = mem.view(self.generations, of.size.checked_mul(GENERATIONS)?).ok()?;
        let stats = self.stats.zip(layout.gc_generation_stats.as_ref());
        let stats = stats.and_then(|(at, of)| Some((mem.view(at, of.size.checked_mul(GENERATIONS)?).ok()?, of)));
        let point = |n: usize| {
            let count: i32 = generations.at(n.checked_mul(of.size)?.checked_add(of.count.at)?)?;
            let told = |field: fn(&super::layout::GcGenerationStatsLayout) -> Field<i64>| {
                let (view, of) = stats.as_ref()?;
                whole(view, n.checked_mul(of.size)?.checked_add(field(of).at)?)
            };
            Some(GenerationPoint {
                count: u64::try_from(count).unwrap_or(0),
                collections: told(|of| of.collections),
                collected: told(|of| of.collected),
                uncollectable: told(|of| of.uncollectable),
            })
        };
        (0..GENERATIONS).map(point).collect()
    }
}

/// A count; `None` for what cannot be one.
fn whole(view: &View<'_>, at: usize) -> Option<u64> {
    u64::try_from(view.at::<i64>(at)?).ok()
}

/// The collectors of all interpreters as one: empty where there are none. What one of them does not tell, the sum does
/// not tell.
#[must_use]
pub fn sum(collectors: &[Vec<GenerationPoint>]) -> Vec<GenerationPoint> {
    let add = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
    let one = |a: &GenerationPoint, b: &GenerationPoint| GenerationPoint {
        count: a.count.saturating_add(b.count),
        collections: add(a.collections, b.collections),
        collected: add(a.collected, b.collected),
        uncollectable: add(a.uncollectable, b.uncollectable),
    };
    let both = |a: Vec<GenerationPoint>, b: &Vec<GenerationPoint>| a.iter().zip(b).map(|(a, b)| one(a, b)).collect();
    let mut all = collectors.iter();
    all.next().map(|first| all.fold(first.clone(), both)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_interpreter_does_not_tell_the_sum_does_not_tell() {
        let point =
            |count, collections| GenerationPoint { count, collections, collected: Some(9), ..Default::default() };
        let one = vec![point(1, Some(10)), point(2, Some(20))];
        let other = vec![point(5, Some(1)), point(6, None)];
        let both = sum(&[one.clone(), other]);
        assert_eq!((both[0].count, both[0].collections, both[0].collected), (6, Some(11), Some(18)));
        assert_eq!((both[1].count, both[1].collections, both[1].uncollectable), (8, None, None));
        assert_eq!(sum(std::slice::from_ref(&one)), one);
        assert!(sum(&[]).is_empty());
    }
}
