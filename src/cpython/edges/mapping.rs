//! Dicts of every shape → their values under their keys, and the keys (`Objects/dictobject.c`, `Objects/odictobject.c`).
//!
//! The keys of a table that several dicts or instances share are counted once, by the class that keeps it: no dict tells
//! them. The dict of interned strings counts nothing, and is skipped.

use super::{PIECE, Reader};
use crate::addr::Addr;
use crate::cpython::dict::{self, Entry, Keys};
use crate::cpython::layout::DictShape;
use crate::cpython::text::StrState;
use crate::memory::{Memory, View};

/// A smaller dict is not asked whether it is that of interned strings, which holds thousands.
const FEW: u64 = 256;

impl<M: Memory + ?Sized> Reader<'_, M> {
    pub(super) fn dict(&mut self, at: Addr) -> Option<()> {
        let l = self.layout;
        let view = self.view(at, l.dict.size)?;
        if l.shape.dict == DictShape::Py27Table {
            let slots = u64::try_from(view.get(l.dict.ma_mask?)?).ok()?.checked_add(1)?;
            let used = view.get(l.dict.ma_used)?;
            let entry = Entry::of(l, false);
            let slots = if entry.size == 0 { 0 } else { slots };
            return self.entries(view.get(l.dict.ma_table?)?, slots, u64::try_from(used).ok()?, entry);
        }
        let at_keys = view.get(l.dict.ma_keys?)?;
        let values = view.get(l.dict.ma_values?)?;
        let keys = dict::keys_in(l, &self.view(at_keys, l.dict_keys.as_ref()?.dk_indices.at)?)?;
        let entry = Entry::of(l, keys.unicode);
        if entry.size == 0 {
            return None;
        }
        let first = at_keys.up(keys.entries_at)?;
        if values.is_null() {
            let used = u64::try_from(view.get(l.dict.ma_used)?).ok()?;
            return self.entries(first, keys.nentries, used, entry);
        }
        self.split(first, &keys, values, entry)
    }

    /// Entries with both keys and values.
    fn entries(&mut self, table: Addr, count: u64, used: u64, entry: Entry) -> Option<()> {
        if used >= FEW && self.is_of_interned(table, count, entry) {
            return Some(());
        }
        let dict_key = self.labels.dict_key;
        self.array(table, count, entry.size, |reader, _, slot| {
            let slot = View::new(slot);
            let (key, value) = (slot.get(entry.key)?, slot.get(entry.value)?);
            if !key.is_null() {
                reader.sink.edge(key, dict_key);
            }
            if !value.is_null() {
                let label = reader.key_label(key);
                reader.sink.edge(value, label);
            }
            Some(())
        })
    }

    /// Values in an array of their own. Where they lie in an instance (3.13), that counts them.
    fn split(&mut self, first: Addr, keys: &Keys, values: Addr, entry: Entry) -> Option<()> {
        let l = self.layout;
        let mut embedded = false;
        let mut values = values;
        if let Some(v) = l.dict_values.as_ref() {
            if let Some(flag) = v.embedded {
                embedded = self.view(values, flag.at.checked_add(1)?)?.get(flag)? != 0;
            }
            values = values.up(v.values.at as u64)?;
        }
        if keys.nentries > PIECE {
            return None; // shared tables are small
        }
        let count = usize::try_from(keys.nentries).ok()?;
        let table = self.view(first, count.checked_mul(entry.size)?)?;
        let values = self.view(values, count.checked_mul(8)?)?;
        for (slot, word) in table.bytes().chunks_exact(entry.size).zip(values.bytes().chunks_exact(8)) {
            let key = View::new(slot).get(entry.key)?;
            if keys.refcnt == 1 && !key.is_null() {
                self.sink.edge(key, self.labels.dict_key);
            }
            let value = super::pointer(word);
            if !value.is_null() {
                let label = self.key_label(key);
                self.sink.edge(value, if embedded { label.uncounted() } else { label });
            }
        }
        Some(())
    }

    /// Is it the dict of interned strings? All its keys are such, and each leads to itself. Strings do not count it.
    fn is_of_interned(&self, table: Addr, count: u64, entry: Entry) -> bool {
        let of_interned = |from: u64, some: u64| -> Option<bool> {
            let size = entry.size as u64;
            let bytes = usize::try_from(some.checked_mul(size)?).ok()?;
            let view = self.view(table.up(from.checked_mul(size)?)?, bytes)?;
            for slot in view.bytes().chunks_exact(entry.size) {
                let slot = View::new(slot);
                let (key, value) = (slot.get(entry.key)?, slot.get(entry.value)?);
                if !value.is_null() && (key != value || !self.is_interned(key)) {
                    return Some(false);
                }
            }
            Some(true)
        };
        let mut from = 0u64;
        while from < count {
            // The first piece is small: nearly all dicts are told by their first entry.
            let some = count.saturating_sub(from).min(if from == 0 { 16 } else { PIECE / 64 });
            if of_interned(from, some) != Some(true) {
                return false;
            }
            from = from.saturating_add(some);
        }
        true
    }

    fn is_interned(&self, at: Addr) -> bool {
        let l = self.layout;
        if self.type_of(at).is_none_or(|of| !self.types.world().str_types.contains(&of)) {
            return false;
        }
        match &l.ascii {
            Some(ascii) => self
                .view(at, ascii.size)
                .and_then(|view| view.get(ascii.state))
                .is_some_and(|state| StrState(state).interned() != 0),
            // PyStringObject.ob_sstate stands before the characters
            None => (l.bytes.ob_sval.at as u64)
                .checked_sub(4)
                .and_then(|back| self.view(at.up(back)?, 4)?.at::<i32>(0))
                .is_some_and(|state| state != 0),
        }
    }

    /// An `OrderedDict` is a dict and a chain of nodes, each of which counts its key once more.
    pub(super) fn ordered_dict(&mut self, at: Addr) -> Option<()> {
        self.dict(at)?;
        let (odict, node) = (self.layout.odict.as_ref()?, self.layout.odict_node.as_ref()?);
        let view = self.view(at, odict.size)?;
        let mut left = view.get(self.layout.dict.ma_used)?;
        let mut here = view.get(odict.od_first)?;
        while !here.is_null() && left > 0 {
            let view = self.view(here, node.size)?;
            self.sink.edge(view.get(node.key)?, self.labels.dict_key);
            here = view.get(node.next)?;
            left = left.saturating_sub(1);
        }
        Some(())
    }
}
