//! Instances → their attributes: a dict at some place, or values that lie in the instance. What the names are, the type's
//! plan knows.

use super::Reader;
use crate::addr::Addr;
use crate::cpython::managed::Managed;
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
    /// Where the class's managed ones lie; values by name, in the order of the class's shared keys.
    Managed { how: Managed, names: Vec<LabelId> },
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
            Attributes::Managed { how, names } => self.managed(at, *how, names),
        }
    }

    /// The items of an object of variable size, whatever its sign.
    pub(super) fn item_count(&self, at: Addr) -> Option<u64> {
        let l = self.layout;
        Some(self.view(at, l.var_object.size)?.get(l.var_object.ob_size)?.unsigned_abs())
    }

    fn managed(&mut self, at: Addr, how: Managed, names: &[LabelId]) -> Option<()> {
        let stored = how.stored(self.layout, at, |at, len| self.view(at, len))?;
        if let Some(values) = stored.values.filter(|_| !names.is_empty()) {
            let view = self.view(values, names.len().checked_mul(8)?)?;
            for (word, name) in view.bytes().chunks_exact(8).zip(names) {
                self.sink.edge(super::pointer(word), *name);
            }
        }
        self.sink.edge(stored.dict, self.labels.attribute_dict);
        Some(())
    }
}
