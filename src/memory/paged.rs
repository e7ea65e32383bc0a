//! A live address space read through a cache of bounded size: for targets whose copy would not fit.
//!
//! Pages are read when first asked for, so the answers are not of one instant. It never holds more than it was given.

use std::sync::{Mutex, PoisonError};

use super::{Fault, FaultKind, Live, Memory, Regions};
use crate::addr::{Addr, AddrRange};

/// What one slot of the cache holds, in bytes.
const PAGE: u64 = 16 << 10;

struct Slot {
    base: u64,
    bytes: Vec<u8>,
}

/// A live address space behind a direct-mapped cache.
pub struct Paged {
    live: Live,
    slots: Vec<Mutex<Slot>>,
    /// Private writable ranges, where objects may lie.
    writable: Vec<AddrRange>,
}

impl Paged {
    /// A cache of at most `budget` bytes.
    #[must_use]
    pub fn new(live: Live, regions: &Regions, budget: u64) -> Self {
        let slots = usize::try_from(budget / PAGE).unwrap_or(1).max(1);
        let slots = (0..slots).map(|_| Mutex::new(Slot { base: u64::MAX, bytes: Vec::new() })).collect();
        let mut writable: Vec<AddrRange> = Vec::new();
        for region in regions.iter().filter(|r| r.read && r.write && !r.shared) {
            match writable.last_mut() {
                Some(last) if last.end == region.range.start => last.end = region.range.end,
                _ => writable.push(region.range),
            }
        }
        Paged { live, slots, writable }
    }

    fn read_in_page(&self, at: Addr, out: &mut [u8]) -> Result<(), Fault> {
        let base = at.0 & !(PAGE - 1);
        let skip = usize::try_from(at.0 & (PAGE - 1)).unwrap_or(0);
        let index = usize::try_from(base / PAGE).unwrap_or(0).checked_rem(self.slots.len()).unwrap_or(0);
        let Some(slot) = self.slots.get(index) else { return self.live.read(at, out) };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.base != base {
            slot.base = u64::MAX;
            slot.bytes.resize(PAGE as usize, 0);
            if self.live.read(Addr(base), &mut slot.bytes).is_err() {
                // a page that is mapped in part only
                return self.live.read(at, out);
            }
            slot.base = base;
        }
        let end = skip.saturating_add(out.len());
        match slot.bytes.get(skip..end) {
            Some(bytes) => {
                out.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(Fault::new(at, out.len(), FaultKind::Short)),
        }
    }
}

impl Memory for Paged {
    fn read(&self, at: Addr, out: &mut [u8]) -> Result<(), Fault> {
        if !at.is_user() || at.0 < PAGE {
            return Err(Fault::new(at, out.len(), FaultKind::Unmapped));
        }
        if out.len() as u64 > PAGE {
            return self.live.read(at, out);
        }
        let room = usize::try_from(PAGE.saturating_sub(at.0 & (PAGE - 1))).unwrap_or(0).min(out.len());
        let (head, tail) = out.split_at_mut(room);
        self.read_in_page(at, head)?;
        if tail.is_empty() {
            return Ok(());
        }
        let next = at.up(room as u64).ok_or(Fault::new(at, room, FaultKind::Unmapped))?;
        self.read_in_page(next, tail)
    }

    fn holds(&self, at: Addr) -> bool {
        AddrRange::holding(&self.writable, at).is_some()
    }
}
