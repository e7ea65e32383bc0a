//! The map of an address space: which ranges exist, with which rights, backed by which file. Reads nothing.

use crate::addr::{Addr, AddrRange};

/// One line of `/proc/PID/maps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Where it lies.
    pub range: AddrRange,
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
    /// May be executed.
    pub exec: bool,
    /// Shared with other processes (`s` in the fourth place).
    pub shared: bool,
    /// Offset in the file behind it, in bytes.
    pub offset: u64,
    /// Device of the file, major and minor.
    pub device: (u32, u32),
    /// Inode of the file; 0 for anonymous memory.
    pub inode: u64,
    /// What stands in the last column: a path (with ` (deleted)` where the kernel says so), `[heap]`, `[stack]`,
    /// `[anon:…]`, or nothing.
    pub name: String,
}

impl Region {
    /// Anonymous memory: no file behind it. `[heap]`, `[stack]` and named anonymous memory count too.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.inode == 0
    }
}

/// All regions of an address space, sorted by start.
#[derive(Debug, Clone, Default)]
pub struct Regions(Vec<Region>);

impl Regions {
    /// Sorts the regions; they must not overlap, as the kernel guarantees.
    #[must_use]
    pub fn new(mut regions: Vec<Region>) -> Self {
        regions.sort_by_key(|r| r.range.start);
        Regions(regions)
    }

    /// The region that holds `at`.
    #[must_use]
    pub fn find(&self, at: Addr) -> Option<&Region> {
        let i = self.0.partition_point(|r| r.range.end <= at);
        self.0.get(i).filter(|r| r.range.contains(at))
    }

    /// All of them, by start.
    pub fn iter(&self) -> std::slice::Iter<'_, Region> {
        self.0.iter()
    }

    /// As a slice, by start.
    #[must_use]
    pub fn as_slice(&self) -> &[Region] {
        &self.0
    }
}

impl<'a> IntoIterator for &'a Regions {
    type Item = &'a Region;
    type IntoIter = std::slice::Iter<'a, Region>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
