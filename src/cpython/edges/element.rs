//! XML elements and iterators over them → tags, texts, attributes, children (`Modules/_elementtree.c`).

use super::Reader;
use crate::addr::Addr;
use crate::heap::Label;
use crate::memory::{Memory, View};

/// Most parents of an iterator.
const MOST_PARENTS: u64 = 1 << 20;

impl<M: Memory + ?Sized> Reader<'_, M> {
    pub(super) fn element(&mut self, at: Addr) -> Option<()> {
        let (element, more) = (self.layout.element.as_ref()?, self.layout.element_extra.as_ref()?);
        let view = self.view(at, element.size)?;
        // The lowest bit says that a list of strings is yet to be joined.
        for (name, field) in [("text", element.text), ("tail", element.tail)] {
            let label = self.sink.named(Label::Field, name);
            self.sink.edge(Addr(view.get(field)?.0 & !1), label);
        }
        let extra = view.get(element.extra)?;
        if extra.is_null() {
            return Some(());
        }
        let view = self.view(extra, more.size)?;
        let label = self.sink.named(Label::Field, "attrib");
        self.sink.edge(view.get(more.attrib)?, label);
        let length = match more.length.size {
            4 => u64::from(view.at::<u32>(more.length.at)?),
            _ => view.at::<u64>(more.length.at)?,
        };
        self.items(view.get(more.children)?, length)
    }

    pub(super) fn element_iterator(&mut self, at: Addr) -> Option<()> {
        let (iterator, parent) = (self.layout.element_iterator.as_ref()?, self.layout.parent_locator.as_ref()?);
        let view = self.view(at, iterator.size)?;
        let used = u64::try_from(view.get(iterator.parent_stack_used)?).ok()?.min(MOST_PARENTS);
        let bytes = usize::try_from(used.checked_mul(parent.size as u64)?).ok()?;
        if bytes == 0 {
            return Some(());
        }
        let stack = self.view(view.get(iterator.parent_stack)?, bytes)?;
        for (i, one) in (0u64..).zip(stack.bytes().chunks_exact(parent.size)) {
            self.sink.edge(View::new(one).get(parent.parent)?, super::sequence::item(i));
        }
        Some(())
    }
}
