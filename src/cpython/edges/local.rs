//! `threading.local` → each thread's dict, with the thread's name (`Modules/_threadmodule.c`). The dict that holds them
//! under weak references is a member as any other.

use super::Reader;
use crate::addr::Addr;
use crate::cpython::dict;
use crate::heap::Label;
use crate::memory::Memory;

impl<M: Memory + ?Sized> Reader<'_, M> {
    pub(super) fn thread_local(&mut self, at: Addr) -> Option<()> {
        let local = self.layout.thread_local.as_ref()?;
        let view = self.view(at, local.size)?;
        let dicts = local.dummies.or(local.localdicts).and_then(|field| view.get(field)).unwrap_or_default();
        if dicts.is_null() {
            return Some(());
        }
        for (_, to) in dict::entries(self.mem, self.layout, dicts)? {
            if let Some(thread) = self.world.thread_dicts.get(&to.0) {
                let label = self.sink.named(Label::ThreadDict, thread).shortcut();
                self.sink.edge(to, label);
            }
        }
        Some(())
    }
}
