//! numpy's arrays of objects → what they hold (`PyArrayObject_fields` of numpy's `ndarraytypes.h`, the same since 1.7).
//!
//! numpy's layout is checked against nothing, so all of this is marked as inferred.

use super::Reader;
use super::sequence::item;
use crate::addr::Addr;
use crate::heap::Label;
use crate::memory::{Memory, View};

/// Where the members of an array lie, in bytes.
const DATA: u64 = 16;
const DIMENSIONS: usize = 24;
const FIXED: usize = 64;
/// Where `kind` of a `PyArray_Descr` lies, in bytes.
const KIND: u64 = 24;
/// Most bytes of records that are looked through.
const MOST_RECORDS: u64 = 1 << 30;
/// Most dimensions an array has.
const MOST_DIMENSIONS: u64 = 64;

impl<M: Memory + ?Sized> Reader<'_, M> {
    pub(super) fn ndarray(&mut self, at: Addr) -> Option<()> {
        let view = self.view(at, FIXED)?;
        let base = view.pointer(48)?;
        let descr = view.pointer(56)?;
        for (name, to) in [("base", base), ("dtype", descr)] {
            let label = self.labels.named(self.world, Label::Field, name).inferred();
            self.sink.maybe(to, label);
        }
        let kind = self.view(descr.up(KIND)?, 1)?.at::<u8>(0)?;
        // A view's items are those of its base.
        if !matches!(kind, b'O' | b'V') || !base.is_null() {
            return Some(());
        }
        let dimensions = u64::try_from(view.at::<i32>(DIMENSIONS)?).ok()?.min(MOST_DIMENSIONS);
        let data = self.word(at.up(DATA)?)?;
        if kind == b'V' {
            return self.records(&view, dimensions, data);
        }
        let mut items = 1u64;
        if dimensions > 0 {
            for extent in self.extents(view.pointer(32)?, dimensions)? {
                items = items.checked_mul(extent)?;
            }
        }
        self.pieces(data, items, |reader, i, to| {
            reader.sink.edge(to, item(i).inferred());
        })
    }

    /// Records may hold objects beside numbers: every word of them that points to an object is taken for one.
    fn records(&mut self, view: &View<'_>, dimensions: u64, data: Addr) -> Option<()> {
        if dimensions == 0 {
            return Some(());
        }
        let extents = self.extents(view.pointer(32)?, dimensions)?;
        let strides = self.extents(view.pointer(40)?, dimensions)?;
        let (count, stride) = (*extents.first()?, *strides.first()?);
        let bytes = count.checked_mul(stride).filter(|bytes| *bytes <= MOST_RECORDS && stride >= 8)?;
        self.pieces(data, bytes / 8, |reader, i, to| {
            let record = i.saturating_mul(8).checked_div(stride).unwrap_or(0);
            reader.sink.maybe(to, item(record).inferred());
        })
    }

    /// The shape of an array, or its strides.
    fn extents(&self, at: Addr, dimensions: u64) -> Option<Vec<u64>> {
        let bytes = usize::try_from(dimensions.checked_mul(8)?).ok()?;
        Some(self.view(at, bytes)?.bytes().chunks_exact(8).map(|extent| super::pointer(extent).0).collect())
    }
}
