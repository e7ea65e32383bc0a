//! Words of writable memory → candidates for objects outside the arenas. Only notes them: `large` asks what they are.

use std::sync::atomic::Ordering;

use super::{RECENT, Walker};
use crate::addr::{Addr, AddrRange};
use crate::cpython::int;
use crate::cpython::layout::IntShape;
use crate::memory::{Memory, View};

impl<M: Memory + ?Sized> Walker<'_, M> {
    pub(super) fn elsewhere(&mut self, piece: AddrRange) {
        let len = usize::try_from(piece.len()).unwrap_or(0);
        if let Ok(view) = self.world.mem.view(piece.start, len) {
            self.scan(view.bytes());
            if self.world.is_own_data(piece.start) {
                self.static_numbers_and_strings(piece.start, view.bytes());
            }
        }
    }

    /// Notes each word that points outside the arenas.
    #[inline]
    pub(super) fn scan(&mut self, bytes: &[u8]) {
        for word in bytes.chunks_exact(8) {
            let Some(word) = word.first_chunk().map(|w| u64::from_le_bytes(*w)) else { continue };
            if word & 7 != 0 || word < 1 << 16 || word >> 47 != 0 {
                continue;
            }
            let known = self.recent.get((word >> 4) as usize % RECENT) == Some(&word);
            if !known && self.arena_granules.get((word >> 20) as usize % RECENT) != Some(&(word >> 20)) {
                self.candidate(word);
            }
        }
    }

    #[cold]
    fn candidate(&mut self, word: u64) {
        let at = Addr(word);
        let w = self.world;
        if w.map.contains(at) {
            // Is all of this MiB arenas? Then its other words need not be asked.
            let base = Addr(word & !((1 << 20) - 1));
            let last = Addr(base.0.saturating_add((1 << 20) - 8));
            if w.map.contains(base)
                && w.map.cell(last).zip(w.map.cell(base)).is_some_and(|(l, b)| l.saturating_sub(b) == (1 << 17) - 1)
                && let Some(granule) = self.arena_granules.get_mut((word >> 20) as usize % RECENT)
            {
                *granule = word >> 20;
            }
            return;
        }
        if let Some(recent) = self.recent.get_mut((word >> 4) as usize % RECENT) {
            *recent = word;
        }
        if !w.mem.holds(at) || !self.may_be_object(at) {
            return;
        }
        if self.candidates.contains(&word) {
            return;
        }
        let one_less = |left: u64| left.checked_sub(1);
        match w.candidates_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less) {
            Ok(_) => {
                self.candidates.insert(word);
            }
            Err(_) => self.account.unnoted = self.account.unnoted.saturating_add(1),
        }
    }

    /// A first glance at a header, so that what is noted stays little: does a type stand in it that is not one of
    /// numbers, which have been counted?
    fn may_be_object(&mut self, at: Addr) -> bool {
        let w = self.world;
        let of =
            at.up(w.layout.object.ob_type.at as u64).and_then(|at| w.mem.word(at).ok()).map(Addr).unwrap_or_default();
        let plausible = of.is_aligned(8) && of.is_user() && of.0 >= 1 << 16 && !w.map.contains(of);
        plausible && !w.number_types.contains(&Some(of)) && self.types.find(of).is_some()
    }

    /// Immortal ints, strings and bytes that are part of the interpreter's data, and to 3.7 its small ints: they live
    /// whether or not anything points to them.
    fn static_numbers_and_strings(&mut self, start: Addr, bytes: &[u8]) {
        let l = self.world.layout;
        let types = &self.world.types;
        let wanted = [types.int_type, types.str_types.first().copied(), types.str_types.get(1).copied()];
        for (i, word) in (0u64..).zip(bytes.chunks_exact(8)) {
            let of = View::new(word).pointer(0).unwrap_or_default();
            if of.is_null() || !wanted.contains(&Some(of)) {
                continue;
            }
            let at =
                i.checked_mul(8).and_then(|skip| start.up(skip)).and_then(|at| at.down(l.object.ob_type.at as u64));
            let Some(at) = at else { continue };
            let refcount = self.world.mem.word(at).unwrap_or(0) & 0xffff_ffff;
            let small = Some(of) == types.int_type
                && int::small(self.world.mem, l, at).is_some_and(|n| (-5..=1024).contains(&n));
            if refcount > 900_000_000 || small && refcount > 0 && l.shape.int == IntShape::ObSize {
                self.candidates.insert(at.0);
            }
        }
    }
}
