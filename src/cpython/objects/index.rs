//! Addresses of objects → their numbers. A bit a cell and running sums for those in arenas, a map for the others: a
//! heap's references ask this some ten million times.

use rustc_hash::FxHashMap;

use super::Row;
use crate::addr::Addr;
use crate::cpython::pymalloc::ArenaMap;
use crate::heap::Id;

/// Numbers of objects by address.
pub struct Index<'a> {
    map: &'a ArenaMap,
    /// One bit for each 8 bytes of arenas.
    cells: Vec<u64>,
    /// Bits set before each word.
    before: Vec<u32>,
    outside: FxHashMap<u64, u32>,
}

impl<'a> Index<'a> {
    /// Of rows in the order of a [`Table`](super::Table): the place of a row is its number.
    #[must_use]
    pub fn new(map: &'a ArenaMap, rows: &[Row]) -> Index<'a> {
        let words = usize::try_from(map.cells() / 64).unwrap_or(0).saturating_add(1);
        let mut index = Index { map, cells: vec![0; words], before: vec![0; words], outside: FxHashMap::default() };
        for (number, row) in (0u32..).zip(rows) {
            match map.cell(row.at) {
                Some(cell) => {
                    let word = usize::try_from(cell / 64).ok().and_then(|at| index.cells.get_mut(at));
                    if let Some(word) = word {
                        *word |= 1 << (cell % 64);
                    }
                }
                None => {
                    index.outside.insert(row.at.0, number);
                }
            }
        }
        let mut sum = 0u32;
        for (word, before) in index.cells.iter().zip(&mut index.before) {
            *before = sum;
            sum = sum.saturating_add(word.count_ones());
        }
        index
    }

    /// The number of the object whose header lies at `at`.
    #[inline]
    #[must_use]
    pub fn get(&self, at: Addr) -> Option<Id> {
        if !at.is_aligned(8) {
            return None;
        }
        let Some(cell) = self.map.cell(at) else { return self.outside.get(&at.0).copied().map(Id) };
        let place = usize::try_from(cell / 64).ok()?;
        let word = *self.cells.get(place)?;
        let bit = 1u64 << (cell % 64);
        if word & bit == 0 {
            return None;
        }
        let below = (word & bit.wrapping_sub(1)).count_ones();
        Some(Id(self.before.get(place)?.checked_add(below)?))
    }
}
