//! Texts of the target and labels of references → small numbers. Each is kept once; nothing is escaped here.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::label::{Label, LabelId};

/// Number of a text in its [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(pub u32);

/// All texts and labels of a heap.
#[derive(Debug, Clone, Default)]
pub struct Names {
    texts: IndexSet<Box<str>, FxBuildHasher>,
    labels: IndexSet<Label, FxBuildHasher>,
}

impl Names {
    /// The number of a text, kept from now on. Past four billion texts all further ones are the last.
    pub fn text(&mut self, text: &str) -> TextId {
        let at = match self.texts.get_index_of(text) {
            Some(at) => at,
            None => self.texts.insert_full(text.into()).0,
        };
        TextId(u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// The number of a text that was kept before.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<TextId> {
        self.texts.get_index_of(text).and_then(|at| u32::try_from(at).ok()).map(TextId)
    }

    /// The text behind a number; empty for a number that is none of these.
    #[must_use]
    pub fn get(&self, id: TextId) -> &str {
        self.texts.get_index(id.0 as usize).map_or("", |text| text)
    }

    /// The number of a label, kept from now on. Items of lists need none: see [`LabelId::item`].
    pub fn label(&mut self, label: Label) -> LabelId {
        match label {
            Label::Item(index) => LabelId::item(index),
            _ => LabelId::kept(self.labels.insert_full(label).0),
        }
    }

    /// The number of a label that was kept before.
    #[must_use]
    pub fn find_label(&self, label: Label) -> Option<LabelId> {
        match label {
            Label::Item(index) => Some(LabelId::item(index)),
            _ => self.labels.get_index_of(&label).map(LabelId::kept),
        }
    }

    /// All labels that were kept, by their number.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = Label> + '_ {
        self.labels.iter().copied()
    }

    /// The label behind a number.
    #[must_use]
    pub fn label_of(&self, id: LabelId) -> Label {
        match id.index() {
            Ok(item) => Label::Item(item),
            Err(at) => self.labels.get_index(at).copied().unwrap_or(Label::Unknown),
        }
    }
}
