//! Lists, tuples, deques → their items (`Objects/listobject.c`, `Objects/tupleobject.c`, `Modules/_collectionsmodule.c`).

use super::Reader;
use crate::addr::Addr;
use crate::heap::LabelId;
use crate::memory::Memory;

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
        self.pieces(array, len, |reader, i, to| {
            reader.sink.edge(to, item(i));
        })
    }

    /// A deque's items stand in linked blocks; the first block's begin at `leftindex`.
    pub(super) fn deque(&mut self, at: Addr) -> Option<()> {
        let (deque, block) = (self.layout.deque.as_ref()?, self.layout.deque_block.as_ref()?);
        let view = self.view(at, deque.size)?;
        let len = match deque.len {
            Some(len) => view.get(len)?,
            None => view.get(self.layout.var_object.ob_size)?,
        };
        let len = u64::try_from(len).ok()?;
        let mut from = u64::try_from(view.get(deque.leftindex)?).ok()?;
        let mut here = view.get(deque.leftblock)?;
        let room = (block.data.size / 8) as u64;
        let mut done = 0u64;
        // As many blocks as the length asks for, so a ring of them ends too.
        while done < len {
            let view = self.view(here, block.size)?;
            let some = room.checked_sub(from)?.min(len.saturating_sub(done));
            let start = usize::try_from(from.checked_mul(8)?).ok()?.checked_add(block.data.at)?;
            let items = view.bytes().get(start..)?.chunks_exact(8).take(usize::try_from(some).ok()?);
            for (i, word) in (done..).zip(items) {
                self.sink.edge(super::pointer(word), item(i));
            }
            here = view.get(block.rightlink)?;
            done = done.checked_add(some.max(1))?;
            from = 0;
        }
        Some(())
    }
}

/// The label of the item with this index.
pub(super) fn item(index: u64) -> LabelId {
    LabelId::item(u32::try_from(index).unwrap_or(u32::MAX))
}
