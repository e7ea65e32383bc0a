//! Lists and tuples → their items (`Objects/listobject.c`, `Objects/tupleobject.c`).

use super::{MOST, Reader};
use crate::addr::Addr;
use crate::heap::LabelId;
use crate::memory::{Memory, View};

/// Items that are read at once: what a length claims may not be there.
const PIECE: u64 = 1 << 16;

impl<M: Memory + ?Sized> Reader<'_, M> {
    pub(super) fn list(&mut self, at: Addr) -> Option<()> {
        let view = self.view(at, self.layout.list.size)?;
        let len = u64::try_from(view.get(self.layout.var_object.ob_size)?).ok()?;
        self.items(view.get(self.layout.list.ob_item)?, len)
    }

    pub(super) fn tuple(&mut self, at: Addr) -> Option<()> {
        let view = self.view(at, self.layout.var_object.size)?;
        let len = u64::try_from(view.get(self.layout.var_object.ob_size)?).ok()?;
        self.items(at.up(self.layout.tuple.ob_item.at as u64)?, len)
    }

    /// An array of `len` pointers to objects.
    pub(super) fn items(&mut self, array: Addr, len: u64) -> Option<()> {
        let len = len.min(MOST);
        let mut done = 0u64;
        while done < len {
            let count = len.saturating_sub(done).min(PIECE);
            let at = array.up(done.checked_mul(8)?)?;
            let view = self.view(at, usize::try_from(count.checked_mul(8)?).ok()?)?;
            for (i, word) in (done..).zip(view.bytes().chunks_exact(8)) {
                let label = LabelId::item(u32::try_from(i).unwrap_or(u32::MAX));
                self.sink.edge(View::new(word).pointer(0)?, label);
            }
            done = done.saturating_add(count);
        }
        Some(())
    }
}
