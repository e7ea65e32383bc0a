//! Modules → what their C code keeps for them in a block (`PyModuleDef.m_size`), and what they are called. The members
//! that all have are planned.

use super::Reader;
use crate::addr::Addr;
use crate::heap::Label;
use crate::memory::Memory;

/// Longest state that is scanned, in bytes.
const LONGEST_STATE: u64 = 1 << 16;

impl<M: Memory + ?Sized> Reader<'_, M> {
    pub(super) fn module(&mut self, at: Addr) -> Option<()> {
        let m = &self.layout.module;
        let view = self.view(at, m.size)?;
        let mut name = m.md_name.and_then(|field| view.get(field)).and_then(|name| self.types.text(name));
        if name.is_none() {
            let dict = view.get(m.md_dict)?;
            name = self.types.entry(dict, "__name__").and_then(|name| self.types.text(name));
        }
        if let Some(name) = name {
            self.sink.call(at, &name);
        }
        let (Some(def), Some(state), Some(d)) = (m.md_def, m.md_state, &self.layout.module_def) else {
            return Some(());
        };
        let (def, state) = (view.get(def)?, view.get(state)?);
        if def.is_null() {
            return Some(());
        }
        let view = self.view(def, d.size)?;
        let copy = view.get(d.m_copy)?;
        if !copy.is_null() && self.sink.find(def).is_none() {
            let label = self.sink.named(Label::Field, "m_copy");
            self.sink.edge(copy, label);
        }
        let size = u64::try_from(view.get(d.m_size)?).unwrap_or(0).min(LONGEST_STATE);
        if !state.is_null() && size >= 8 && !view.get(d.m_traverse)?.is_null() {
            self.scan(state, size / 8, 0)?;
        }
        Some(())
    }
}
