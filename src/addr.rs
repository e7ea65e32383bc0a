//! Addresses of a target process, with checked arithmetic only. Knows nothing of what lies there.

use std::fmt;

use serde::{Serialize, Serializer};

/// An address in the target, in bytes. Prints and serialises as `0x7f…`, since JSON numbers hold 53 bits only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Addr(pub u64);

impl Addr {
    /// The null pointer.
    pub const NULL: Addr = Addr(0);

    /// This address moved up by `bytes`; `None` past the end of the address space.
    #[must_use]
    pub fn up(self, bytes: u64) -> Option<Addr> {
        self.0.checked_add(bytes).map(Addr)
    }

    /// This address moved down by `bytes`; `None` below zero.
    #[must_use]
    pub fn down(self, bytes: u64) -> Option<Addr> {
        self.0.checked_sub(bytes).map(Addr)
    }

    /// This address moved by a signed number of bytes.
    #[must_use]
    pub fn offset(self, bytes: i64) -> Option<Addr> {
        self.0.checked_add_signed(bytes).map(Addr)
    }

    /// Can a process on x86_64 or aarch64 Linux have mapped it (48-bit, lower half)?
    #[must_use]
    pub fn is_user(self) -> bool {
        self.0 < 1 << 47
    }

    /// Is it the null pointer?
    #[must_use]
    pub fn is_null(self) -> bool {
        self.0 == 0
    }

    /// Is it a multiple of `align` (a power of two)?
    #[must_use]
    pub fn is_aligned(self, align: u64) -> bool {
        align.is_power_of_two() && self.0 & (align - 1) == 0
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl Serialize for Addr {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// A half-open range of addresses, `start..end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AddrRange {
    /// First address in the range.
    pub start: Addr,
    /// First address after it; never below `start` in a range made by [`AddrRange::new`].
    pub end: Addr,
}

impl AddrRange {
    /// `start..end`, or an empty range at `start` where `end` lies below it.
    #[must_use]
    pub fn new(start: Addr, end: Addr) -> Self {
        AddrRange { start, end: end.max(start) }
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end.0.saturating_sub(self.start.0)
    }

    /// Does it hold no address?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// Does it hold `at`?
    #[must_use]
    pub fn contains(&self, at: Addr) -> bool {
        self.start <= at && at < self.end
    }

    /// Does it hold all of `len` bytes from `at` on?
    #[must_use]
    pub fn contains_all(&self, at: Addr, len: u64) -> bool {
        self.start <= at && at.up(len).is_some_and(|end| end <= self.end)
    }

    /// The one of these sorted, disjoint ranges that holds `at`.
    #[inline]
    #[must_use]
    pub fn holding(sorted: &[AddrRange], at: Addr) -> Option<&AddrRange> {
        let i = sorted.partition_point(|r| r.end <= at);
        sorted.get(i).filter(|r| r.contains(at))
    }

    /// What both ranges hold; empty where they do not meet.
    #[must_use]
    pub fn intersection(&self, other: &AddrRange) -> AddrRange {
        AddrRange::new(self.start.max(other.start), self.end.min(other.end))
    }
}

impl fmt::Debug for AddrRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_never_wraps() {
        assert_eq!(Addr(u64::MAX).up(1), None);
        assert_eq!(Addr(0).down(1), None);
        assert_eq!(Addr(8).offset(-16), None);
        assert_eq!(Addr(16).offset(-16), Some(Addr(0)));
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_empty() {
        let r = AddrRange::new(Addr(10), Addr(4));
        assert!(r.is_empty());
        assert!(!r.contains(Addr(10)));
        assert!(!AddrRange::new(Addr(0), Addr(u64::MAX)).contains_all(Addr(u64::MAX), 2));
    }

    #[test]
    fn the_range_that_holds_an_address_is_found_among_many() {
        let ranges = [(0, 4), (4, 8), (16, 32)].map(|(start, end)| AddrRange::new(Addr(start), Addr(end)));
        let found = |at| AddrRange::holding(&ranges, Addr(at)).map(|r| r.start.0);
        assert_eq!([0, 3, 4, 8, 16, 31, 32].map(found), [Some(0), Some(0), Some(4), None, Some(16), Some(16), None]);
    }
}
