//! Sets and frozensets → their members (`Objects/setobject.c`).

use super::Reader;
use crate::addr::Addr;
use crate::memory::{Memory, View};

impl<M: Memory + ?Sized> Reader<'_, M> {
    pub(super) fn set(&mut self, at: Addr) -> Option<()> {
        let (set, entry) = (&self.layout.set, &self.layout.set_entry);
        let view = self.view(at, set.size)?;
        let slots = u64::try_from(view.get(set.mask)?).ok()?.checked_add(1)?;
        let table = view.get(set.table)?;
        // Where the key comes first, a hash of -1 marks what was removed: the static dummy. 2.7 counts its dummy.
        let hash = if entry.key.at == 0 { 8 } else { 0 };
        let dummies = entry.key.at == 0;
        let member = self.labels.member;
        let key = entry.key;
        self.array(table, slots, entry.size, |reader, _, slot| {
            let slot = View::new(slot);
            let to = slot.get(key)?;
            if !(to.is_null() || dummies && slot.at::<i64>(hash)? == -1) {
                reader.sink.edge(to, member);
            }
            Some(())
        })
    }
}
