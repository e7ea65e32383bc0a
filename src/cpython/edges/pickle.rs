//! Picklers and unpicklers → their memos and stacks (`Modules/_pickle.c`). Their other members are planned.

use super::Reader;
use crate::addr::Addr;
use crate::memory::{Memory, View};

impl<M: Memory + ?Sized> Reader<'_, M> {
    /// A memo is a table of what was pickled, with holes.
    pub(super) fn pickler(&mut self, at: Addr) -> Option<()> {
        let (pickler, table, entry) =
            (self.layout.pickler.as_ref()?, self.layout.memo_table.as_ref()?, self.layout.memo_entry.as_ref()?);
        let memo = self.view(at, pickler.size)?.get(pickler.memo)?;
        if memo.is_null() {
            return Some(());
        }
        let view = self.view(memo, table.size)?;
        let (slots, start) = (view.get(table.mt_allocated)?, view.get(table.mt_table)?);
        self.array(start, slots, entry.size, |reader, _, slot| {
            reader.sink.edge(View::new(slot).get(entry.me_key)?, reader.labels.member);
            Some(())
        })
    }

    pub(super) fn unpickler(&mut self, at: Addr) -> Option<()> {
        let unpickler = self.layout.unpickler.as_ref()?;
        let view = self.view(at, unpickler.size)?;
        let memo = view.get(unpickler.memo)?;
        if memo.is_null() {
            return Some(());
        }
        self.items(memo, view.get(unpickler.memo_size)?)
    }

    pub(super) fn pdata(&mut self, at: Addr) -> Option<()> {
        let pdata = self.layout.pdata.as_ref()?;
        let view = self.view(at, pdata.size)?;
        let length = match pdata.length {
            // an int in 2.7
            Some(length) => i64::from(view.at::<i32>(length.at)?),
            None => view.get(self.layout.var_object.ob_size)?,
        };
        self.items(view.get(pdata.data)?, u64::try_from(length).ok()?)
    }
}
