//! Nodes of the mapping in a `contextvars.Context` → keys, values and further nodes (`Python/hamt.c`, 3.7+).

use super::Reader;
use crate::addr::Addr;
use crate::memory::Memory;

impl<M: Memory + ?Sized> Reader<'_, M> {
    pub(super) fn hamt_bitmap(&mut self, at: Addr) -> Option<()> {
        let start = at.up(self.layout.hamt_bitmap.as_ref()?.b_array.at as u64)?;
        self.pairs(start, self.length(at)?)
    }

    pub(super) fn hamt_collision(&mut self, at: Addr) -> Option<()> {
        let start = at.up(self.layout.hamt_collision.as_ref()?.c_array.at as u64)?;
        self.pairs(start, self.length(at)?)
    }

    pub(super) fn hamt_array(&mut self, at: Addr) -> Option<()> {
        let array = self.layout.hamt_array.as_ref()?.a_array;
        self.items(at.up(array.at as u64)?, (array.size / 8) as u64)
    }

    /// Keys and their values; without a key, a node.
    fn pairs(&mut self, start: Addr, words: u64) -> Option<()> {
        let mut key = Addr::NULL;
        let mut items = 0u64;
        self.pieces(start, words.min(1 << 10), |reader, i, to| {
            if i % 2 == 0 {
                key = to;
                reader.sink.edge(to, reader.labels.dict_key);
            } else if key.is_null() {
                reader.sink.edge(to, super::sequence::item(items));
                items = items.saturating_add(1);
            } else {
                let label = reader.key_label(key);
                reader.sink.edge(to, label);
            }
        })
    }
}
