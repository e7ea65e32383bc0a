//! A heap: objects, their types, the references between them and from outside, and what things are called. Independent of
//! any Python version and of where it was read: a live process, a file and a sketch in a test all end here.

use std::num::NonZeroU32;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::census::{Census, SizeBasis, TypeTally};
use super::edges::Edges;
use super::label::LabelId;
use super::objects::{Id, Objects, TypeId};
use super::roots::Root;
use super::text::{Names, TextId};

/// One type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    /// `module.qualname`; raw text of the target. Two types may bear the same name.
    pub name: String,
    /// How the sizes of its instances were found.
    pub basis: SizeBasis,
    /// The type object.
    pub object: Option<Id>,
}

/// What the references of a heap do not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gaps {
    /// Pointers of known meaning that led to no live object.
    pub dangling: u64,
    /// Objects whose references could not all be read.
    pub damaged: u64,
    /// References left out for want of room.
    pub dropped: u64,
}

/// A heap.
#[derive(Debug, Clone, Default)]
pub struct Heap {
    /// The objects.
    pub objects: Objects,
    /// Their types, by [`TypeId`].
    pub types: Vec<Type>,
    /// References between objects: a row an object.
    pub edges: Edges,
    /// References from outside.
    pub roots: Vec<Root>,
    /// Texts and labels.
    pub names: Names,
    /// What some objects are called: a module `foo_module`, a class or function `foo_module.append_to`, a frame,
    /// generator or coroutine that is not done `handle() app.py:42`.
    pub called: FxHashMap<Id, TextId>,
    /// Short renderings of contents, where they were asked for.
    pub values: FxHashMap<Id, Box<str>>,
    /// A keyed digest of what each number, string and the like holds, by object, 0 for none: equal in two looks at one process
    /// where the contents are. Empty where it was not asked for.
    pub contents: Vec<u32>,
    /// What the references do not cover.
    pub gaps: Gaps,
}

impl Heap {
    /// The name of an object's type; `?` where it has none.
    #[must_use]
    pub fn type_name(&self, id: Id) -> &str {
        self.type_named(self.objects.of(id))
    }

    /// The name of a type; `?` where it is none.
    #[must_use]
    pub fn type_named(&self, of: TypeId) -> &str {
        self.types.get(of.at()).map_or("?", |t| &t.name)
    }

    /// What an object is called.
    #[must_use]
    pub fn called(&self, id: Id) -> Option<&str> {
        self.called.get(&id).map(|text| self.names.get(*text))
    }

    /// The text of an edge's label, alone.
    #[must_use]
    pub fn label_text(&self, label: LabelId) -> String {
        self.names.label_of(label).text(&self.names)
    }

    /// The digest of what an object holds that does not change while it lives.
    #[must_use]
    pub fn content(&self, id: Id) -> Option<NonZeroU32> {
        self.contents.get(id.at()).copied().and_then(NonZeroU32::new)
    }

    /// For each object, how many references to it were found that its refcount counts.
    #[must_use]
    pub fn references_found(&self) -> Vec<u32> {
        let mut found = vec![0u32; self.objects.len()];
        let mut add = |to: Id, n: u32| {
            if let Some(count) = found.get_mut(to.at()) {
                *count = count.saturating_add(n);
            }
        };
        for edge in self.edges.all().filter(|e| e.label.is_counted()) {
            add(edge.to, 1);
        }
        for root in &self.roots {
            add(root.object, root.references);
        }
        found
    }

    /// Counts and sizes by type name.
    #[must_use]
    pub fn census(&self) -> Census {
        let mut by_type = vec![TypeTally::default(); self.types.len()];
        for id in self.objects.ids() {
            let Some(tally) = by_type.get_mut(self.objects.of(id).at()) else { continue };
            tally.count = tally.count.saturating_add(1);
            tally.bytes = tally.bytes.saturating_add(self.objects.bytes(id));
            tally.tracked = tally.tracked.saturating_add(u64::from(self.objects.generation(id).is_tracked()));
        }
        let named = self.types.iter().zip(by_type).filter(|(_, tally)| tally.count > 0);
        named.map(|(of, tally)| TypeTally { name: of.name.clone(), basis: of.basis, ..tally }).collect()
    }
}
