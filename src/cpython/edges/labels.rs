//! The labels that every heap needs, made once.

use std::sync::PoisonError;

use super::World;
use crate::heap::{Label, LabelId, TextId};

/// Labels without a name, and how to make those with one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Labels {
    pub dict_key: LabelId,
    pub member: LabelId,
    pub class: LabelId,
    pub attribute_dict: LabelId,
    pub cache: LabelId,
}

impl Labels {
    pub fn new<M: ?Sized>(world: &World<'_, M>) -> Labels {
        let mut names = world.names.lock().unwrap_or_else(PoisonError::into_inner);
        Labels {
            dict_key: names.label(Label::DictKey),
            member: names.label(Label::Member),
            class: names.label(Label::Class),
            attribute_dict: names.label(Label::AttributeDict),
            cache: names.label(Label::Cache),
        }
    }

    pub fn named<M: ?Sized>(&self, world: &World<'_, M>, label: fn(TextId) -> Label, name: &str) -> LabelId {
        let mut names = world.names.lock().unwrap_or_else(PoisonError::into_inner);
        let text = names.text(name);
        names.label(label(text))
    }

    /// The label of a member of a C struct, by what the layout calls it.
    pub fn member<M: ?Sized>(&self, world: &World<'_, M>, name: &str) -> LabelId {
        match name {
            "__dict__" => self.attribute_dict,
            "__class__" => self.class,
            "<cache>" => self.cache,
            "cell_contents" | "<result>" => self.named(world, Label::Through, name.trim_matches(['<', '>'])),
            _ => self.named(world, Label::Field, name),
        }
    }

    /// The label of a word of a body.
    pub fn word<M: ?Sized>(&self, world: &World<'_, M>, at: usize) -> LabelId {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        world.names.lock().unwrap_or_else(PoisonError::into_inner).label(Label::Word(at)).inferred()
    }
}
