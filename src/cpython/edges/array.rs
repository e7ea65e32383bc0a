//! numpy's arrays of objects → their items (`PyArrayObject_fields` of numpy's `ndarraytypes.h`, the same since 1.7). What
//! an array itself holds (base, type of its items) is found by scanning its body.

use super::Reader;
use crate::addr::Addr;
use crate::memory::Memory;

/// Where the members of an array lie, in bytes.
const DATA: u64 = 16;
const DIMENSIONS: usize = 24;
const FIXED: usize = 64;
/// Where `kind` of a `PyArray_Descr` lies, in bytes.
const KIND: u64 = 24;
/// Most dimensions an array has.
const MOST_DIMENSIONS: u64 = 64;

impl<M: Memory + ?Sized> Reader<'_, M> {
    pub(super) fn ndarray(&mut self, at: Addr) -> Option<()> {
        let view = self.view(at, FIXED)?;
        let base = view.pointer(48)?;
        let descr = view.pointer(56)?;
        let kind = self.view(descr.up(KIND)?, 1)?.at::<u8>(0)?;
        // A view's items are those of its base.
        if kind != b'O' || !base.is_null() {
            return Some(());
        }
        let dimensions = u64::try_from(view.at::<i32>(DIMENSIONS)?).ok()?.min(MOST_DIMENSIONS);
        let data = self.word(at.up(DATA)?)?;
        let mut items = 1u64;
        if dimensions > 0 {
            let bytes = usize::try_from(dimensions.checked_mul(8)?).ok()?;
            let shape = self.view(view.pointer(32)?, bytes)?;
            for extent in shape.bytes().chunks_exact(8) {
                items = items.checked_mul(super::pointer(extent).0)?;
            }
        }
        self.items(data, items)
    }
}
