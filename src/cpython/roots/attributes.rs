//! An object and a name → the value of that attribute in its instance dict or inline values; a dict → its items, also of
//! a split one. For the few objects that name things (threads, modules); it knows no slots and no descriptors.

use super::Places;
use crate::addr::Addr;
use crate::cpython::dict;
use crate::cpython::managed::Managed;
use crate::memory::Memory;

/// More attributes of one instance are not looked at.
const MOST: usize = 1 << 12;

impl<M: Memory + ?Sized> Places<'_, M> {
    /// The value of an attribute that an instance has itself.
    pub(super) fn attribute(&self, object: Addr, name: &str) -> Option<Addr> {
        let l = self.layout;
        let of = self.type_of(object)?;
        let view = self.mem.view(of, l.heap_type.size).ok()?;
        let basicsize = u64::try_from(view.get(l.type_.tp_basicsize)?).ok()?;
        let dict = if let Some(how) = Managed::of(l, view.get(l.type_.tp_flags)?, basicsize) {
            let keys = view.get(l.heap_type.ht_cached_keys?)?;
            let stored = how.stored(l, object, |at, len| self.mem.view(at, len).ok())?;
            if let Some(value) = stored.values.and_then(|values| self.among(keys, values, name)) {
                return Some(value);
            }
            stored.dict
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
            None => self.types.entry(self.mem, self.layout, dict, name),
        }
    }

    /// From the start of a split dict's values to the first, in bytes.
    fn values_at(&self) -> u64 {
        self.layout.dict_values.as_ref().map_or(0, |l| l.values.at as u64)
    }

    /// The value whose name stands at the same place among the shared keys.
    fn among(&self, keys: Addr, values: Addr, name: &str) -> Option<Addr> {
        let keys = dict::key_list(self.mem, self.layout, keys)?;
        let (i, _) = (0u64..).zip(keys).take(MOST).find(|(_, key)| self.text(*key).is_some_and(|text| text == name))?;
        let value = self.mem.word(values.up(i.checked_mul(8)?)?).ok().map(Addr)?;
        (!value.is_null()).then_some(value)
    }
}
