//! Instances → their attributes: a dict at some place, or values that lie in the instance (`Objects/object.c`,
//! `_PyObject_GetDictPtr`; `Objects/dictobject.c`). What the names are, the type's plan knows.

use super::Reader;
use crate::addr::Addr;
use crate::cpython::layout::{DictShape, PreHeader};
use crate::cpython::types::{TypeInfo, flags};
use crate::heap::LabelId;
use crate::memory::Memory;

/// Where instances of a type keep attributes that stand at no fixed place.
#[derive(Debug, Default)]
pub(super) enum Attributes {
    /// Nowhere.
    #[default]
    None,
    /// A dict behind a body of variable size; `offset` counts from the end of it.
    FromEnd { offset: i64, basicsize: u64, itemsize: u64, int: bool },
    /// Before the GC head; values by name, in the order of the class's shared keys.
    Managed { place: Managed, names: Vec<LabelId> },
}

/// What the words before the GC head are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Managed {
    /// 3.11: two pointers, to the dict and to the values.
    TwoPointers,
    /// 3.12: one pointer, tagged where it leads to values.
    Tagged,
    /// 3.13: a pointer to the dict. The values, where the class has room for them, lie behind this many bytes.
    Inline(Option<u64>),
}

impl Attributes {
    pub fn managed(pre: PreHeader, dict: DictShape, info: &TypeInfo, names: Vec<LabelId>) -> Attributes {
        let place = match (pre, dict) {
            (PreHeader::None, _) => return Attributes::None,
            (PreHeader::ManagedDict, _) => Managed::TwoPointers,
            (_, DictShape::Log2KindsInline) => {
                Managed::Inline((info.flags & flags::INLINE_VALUES != 0).then_some(info.basicsize))
            }
            _ => Managed::Tagged,
        };
        Attributes::Managed { place, names }
    }
}

impl<M: Memory + ?Sized> Reader<'_, M> {
    pub(super) fn attributes(&mut self, at: Addr, attributes: &Attributes) -> Option<()> {
        match attributes {
            Attributes::None => Some(()),
            Attributes::FromEnd { offset, basicsize, itemsize, int } => {
                let count = match self.layout.long.lv_tag {
                    Some(tag) if *int => self.view(at, self.layout.long.size)?.get(tag)? >> 3,
                    _ => self.item_count(at)?,
                };
                let items = count.checked_mul(*itemsize)?;
                let end = basicsize.checked_add(items)?.checked_next_multiple_of(8)?;
                let dict = self.word(at.up(end)?.offset(*offset)?)?;
                self.sink.edge(dict, self.labels.attribute_dict);
                Some(())
            }
            Attributes::Managed { place, names } => self.managed(at, *place, names),
        }
    }

    /// The items of an object of variable size, whatever its sign.
    pub(super) fn item_count(&self, at: Addr) -> Option<u64> {
        let l = self.layout;
        Some(self.view(at, l.var_object.size)?.get(l.var_object.ob_size)?.unsigned_abs())
    }

    fn managed(&mut self, at: Addr, place: Managed, names: &[LabelId]) -> Option<()> {
        let first = self.word(at.down(24)?)?;
        let (dict, values) = match place {
            Managed::TwoPointers => (first, self.word(at.down(32)?)?),
            Managed::Tagged if first.0 & 1 != 0 => (Addr::NULL, first.up(1)?),
            Managed::Tagged => (first, Addr::NULL),
            Managed::Inline(None) => (first, Addr::NULL),
            Managed::Inline(Some(behind)) => {
                let values = at.up(behind)?;
                let flag = self.layout.dict_values.as_ref()?.valid?;
                let valid = self.view(values, flag.at.checked_add(1)?)?.get(flag)? != 0;
                (first, if valid { values } else { Addr::NULL })
            }
        };
        if !values.is_null() && !names.is_empty() {
            let l = self.layout.dict_values.as_ref()?;
            let view = self.view(values.up(l.values.at as u64)?, names.len().checked_mul(8)?)?;
            for (word, name) in view.bytes().chunks_exact(8).zip(names) {
                self.sink.edge(super::pointer(word), *name);
            }
        }
        self.sink.edge(dict, self.labels.attribute_dict);
        Some(())
    }
}
