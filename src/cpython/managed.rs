//! Instances of classes with `MANAGED_DICT` (3.11+) → where their dict and their values lie (`Objects/object.c`,
//! `_PyObject_GetDictPtr`; `Objects/dictobject.c`). What the values are called, the class's shared keys know.

use super::layout::{DictShape, Layout, PreHeader};
use super::types::flags;
use crate::addr::Addr;
use crate::memory::View;

/// What the words before the GC head are.
#[derive(Debug, Clone, Copy)]
pub enum Managed {
    /// 3.11: two pointers, to the dict and to the values.
    TwoPointers,
    /// 3.12: one pointer, tagged where it leads to values.
    Tagged,
    /// 3.13: a pointer to the dict. The values, where the class has room for them, lie behind this many bytes.
    Inline(Option<u64>),
}

/// Where an instance's attributes lie.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    /// The first of the values, where there are any.
    pub values: Option<Addr>,
    /// The dict; null where there is none.
    pub dict: Addr,
}

impl Managed {
    /// For instances of a type with these flags and this `tp_basicsize`; `None` where they have no managed dict.
    #[must_use]
    pub fn of(layout: &Layout, type_flags: u64, basicsize: u64) -> Option<Managed> {
        if type_flags & flags::MANAGED_DICT == 0 {
            return None;
        }
        Some(match (layout.shape.pre_header, layout.shape.dict) {
            (PreHeader::None, _) => return None,
            (PreHeader::ManagedDict, _) => Managed::TwoPointers,
            (_, DictShape::Log2KindsInline) => {
                Managed::Inline((type_flags & flags::INLINE_VALUES != 0).then_some(basicsize))
            }
            _ => Managed::Tagged,
        })
    }

    /// Where the instance at `at` has them, read by `view`.
    pub fn stored<'a>(
        self,
        layout: &Layout,
        at: Addr,
        view: impl Fn(Addr, usize) -> Option<View<'a>>,
    ) -> Option<Stored> {
        let word = |at: Option<Addr>| view(at?, 8)?.pointer(0);
        let first = word(at.down(24))?;
        let (dict, values) = match self {
            Managed::TwoPointers => (first, word(at.down(32))?),
            Managed::Tagged if first.0 & 1 != 0 => (Addr::NULL, first.up(1)?),
            Managed::Tagged | Managed::Inline(None) => (first, Addr::NULL),
            Managed::Inline(Some(behind)) => {
                let values = at.up(behind)?;
                let flag = layout.dict_values.as_ref()?.valid?;
                let valid = view(values, flag.at.checked_add(1)?)?.get(flag)? != 0;
                (first, if valid { values } else { Addr::NULL })
            }
        };
        let values = match &layout.dict_values {
            Some(l) if !values.is_null() => Some(values.up(l.values.at as u64)?),
            _ => None,
        };
        Some(Stored { values, dict })
    }
}
