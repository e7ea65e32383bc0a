//! References as readers tell them (an address and a label) → rows of numbers. Addresses that are no live object's are
//! counted, not kept. It reads no memory.

use std::sync::{Mutex, PoisonError};

use crate::addr::Addr;
use crate::cpython::objects::Index;
use crate::heap::{Edges, Gaps, Id, Label, LabelId, Names, TextId};

/// Nothing is mapped below.
const LOWEST: u64 = 4096;

/// Takes the references of one object after the other.
pub struct Sink<'a> {
    index: &'a Index<'a>,
    names: &'a Mutex<Names>,
    /// Are the references of the object under way none that refcounts count?
    pub uncounted: bool,
    /// The object under way.
    pub at: Addr,
    /// The rows so far.
    pub rows: Edges,
    /// What objects are called.
    pub called: Vec<(Id, TextId)>,
    /// What could not be told.
    pub gaps: Gaps,
}

impl<'a> Sink<'a> {
    /// An empty one. Texts and labels are shared by all sinks of a heap.
    #[must_use]
    pub fn new(index: &'a Index<'a>, names: &'a Mutex<Names>) -> Sink<'a> {
        Sink {
            index,
            names,
            at: Addr::NULL,
            uncounted: false,
            rows: Edges::default(),
            called: Vec::new(),
            gaps: Gaps::default(),
        }
    }

    /// The object under way refers to the one at `to`; `false` where none lives there. Null is no reference, nor is what
    /// lies below any memory: codecs keep 1 to 3 where others keep the name of an error handler.
    #[inline]
    pub fn edge(&mut self, to: Addr, label: LabelId) -> bool {
        if to.0 < LOWEST {
            return false;
        }
        let Some(id) = self.index.get(to) else {
            self.gaps.dangling = self.gaps.dangling.saturating_add(1);
            log::debug!("{label:?} of {} leads to {to}, where no object lives", self.at);
            return false;
        };
        self.edge_to(id, label);
        true
    }

    /// The same to an object that is known by its number.
    #[inline]
    pub fn edge_to(&mut self, to: Id, label: LabelId) {
        if !self.rows.push(to, if self.uncounted { label.uncounted() } else { label }) {
            self.gaps.dropped = self.gaps.dropped.saturating_add(1);
        }
    }

    /// The object under way may refer to what is at `to`, if an object is.
    #[inline]
    pub fn maybe(&mut self, to: Addr, label: LabelId) {
        if let Some(id) = self.index.get(to) {
            self.edge_to(id, label);
        }
    }

    /// The number of the object at this address, if one lives there.
    #[inline]
    #[must_use]
    pub fn find(&self, at: Addr) -> Option<Id> {
        self.index.get(at)
    }

    /// The number of a label; takes a lock, so what is used again and again is to be remembered.
    pub fn label(&self, label: Label) -> LabelId {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).label(label)
    }

    /// The number of a text; takes a lock.
    pub fn text(&self, text: &str) -> TextId {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).text(text)
    }

    /// The number of a label that bears a name; takes a lock.
    pub fn named(&self, label: fn(TextId) -> Label, name: &str) -> LabelId {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let text = names.text(name);
        names.label(label(text))
    }

    /// Says what the object at this address is called.
    pub fn call(&mut self, at: Addr, name: &str) {
        if let Some(id) = self.index.get(at) {
            let text = self.text(name);
            self.called.push((id, text));
        }
    }

    /// The references of the object under way could not all be read.
    pub fn damaged(&mut self) {
        self.gaps.damaged = self.gaps.damaged.saturating_add(1);
        log::debug!("the references of {} could not all be read", self.at);
    }
}
