//! An object and a name → the value of that attribute in its instance dict or inline values; a dict → its items, also of
//! a split one. For the few objects that name things (threads, modules); it knows no slots and no descriptors.

use super::Places;
use crate::addr::Addr;
use crate::cpython::dict;
use crate::cpython::layout::{DictShape, PreHeader};
use crate::cpython::types::flags;
use crate::memory::Memory;

/// More attributes of one instance are not looked at.
const MOST: usize = 1 << 12;

impl<M: Memory + ?Sized> Places<'_, M> {
    /// The value of an attribute that an instance has itself.
    pub(super) fn attribute(&self, object: Addr, name: &str) -> Option<Addr> {
        let l = self.layout;
        let of = self.type_of(object)?;
        let view = self.mem.view(of, l.heap_type.size).ok()?;
        let type_flags = view.get(l.type_.tp_flags)?;
        let dict = if l.shape.pre_header != PreHeader::None && type_flags & flags::MANAGED_DICT != 0 {
            let keys = view.get(l.heap_type.ht_cached_keys?)?;
            let (values, dict) =
                self.managed(object, type_flags, u64::try_from(view.get(l.type_.tp_basicsize)?).ok()?)?;
            if let Some(value) = values.and_then(|values| self.among(keys, values, name)) {
                return Some(value);
            }
            dict
        } else {
            let offset = u64::try_from(view.get(l.type_.tp_dictoffset)?).ok().filter(|offset| *offset > 0)?;
            self.word(object, usize::try_from(offset).ok()?)?
        };
        self.item(dict, name)
    }

    /// The value under a string key.
    pub(super) fn item(&self, dict: Addr, name: &str) -> Option<Addr> {
        if dict.is_null() {
            return None;
        }
        let l = &self.layout.dict;
        let split = l.ma_values.and_then(|field| self.word(dict, field.at)).filter(|values| !values.is_null());
        match split {
            Some(values) => {
                let values = values.up(self.values_at())?;
                self.among(self.word(dict, l.ma_keys?.at)?, values, name)
            }
            None => dict::entries(self.mem, self.layout, dict)?
                .into_iter()
                .find(|(key, _)| self.text(*key).is_some_and(|text| text == name))
                .map(|(_, value)| value),
        }
    }

    /// Where an instance with a managed dict has its values (the first of them) and its dict (0: none).
    fn managed(&self, object: Addr, type_flags: u64, basicsize: u64) -> Option<(Option<Addr>, Addr)> {
        let word = |below: u64| self.mem.word(object.down(below)?).ok();
        let first = |values: u64| Addr(values).up(self.values_at());
        let dict = word(24)?;
        match (self.layout.shape.pre_header, self.layout.shape.dict) {
            (PreHeader::ManagedDict, _) => {
                let values = word(32)?;
                Some((if values == 0 { None } else { first(values) }, Addr(dict)))
            }
            (_, DictShape::Log2KindsInline) => {
                let values = (type_flags & flags::INLINE_VALUES != 0).then(|| object.up(basicsize)).flatten();
                let valid = self.layout.dict_values.as_ref()?.valid?;
                let alive = values.filter(|values| {
                    self.mem.view(*values, valid.at.saturating_add(1)).ok().and_then(|v| v.get(valid)) == Some(1)
                });
                Some((alive.and_then(|values| first(values.0)), Addr(dict)))
            }
            // 3.12: one word is either, told by its lowest bit.
            _ if dict & 1 == 1 => Some((first(dict.checked_add(1)?), Addr::NULL)),
            _ => Some((None, Addr(dict))),
        }
    }

    /// From the start of a split dict's values to the first, in bytes.
    fn values_at(&self) -> u64 {
        self.layout.dict_values.as_ref().map_or(0, |l| l.values.at as u64)
    }

    /// The value whose name stands at the same place among the shared keys.
    fn among(&self, keys: Addr, values: Addr, name: &str) -> Option<Addr> {
        let l = self.layout;
        let read = dict::keys(self.mem, l, keys)?;
        let key = match &l.dict_unicode_entry {
            Some(entry) if read.unicode => entry.me_key,
            _ => l.dict_entry.me_key,
        };
        let mut entry = keys.up(read.entries_at)?;
        for i in (0u64..read.nentries).take(MOST) {
            if self.text(self.word(entry, key.at)?).is_some_and(|text| text == name) {
                let value = self.mem.word(values.up(i.checked_mul(8)?)?).ok().map(Addr)?;
                return (!value.is_null()).then_some(value);
            }
            entry = entry.up(read.entry)?;
        }
        None
    }
}
