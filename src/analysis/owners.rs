//! Dicts → whose `__dict__` they are, so that a referrer can be recognised. Says nothing of other objects.

use rustc_hash::FxHashMap;

use crate::heap::{Heap, Id, Label};

/// What the type of a `__dict__` is called, on Python 3 and 2.
const DICTS: [&str; 2] = ["builtins.dict", "__builtin__.dict"];

/// Dicts that are some object's `__dict__`, with that object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owners(FxHashMap<Id, Option<Id>>);

impl Owners {
    /// Looks for the owners of those of these objects that are dicts, once through all references.
    #[must_use]
    pub fn of(heap: &Heap, objects: impl Iterator<Item = Id>) -> Owners {
        let is_dict: Vec<bool> = heap.types.iter().map(|of| DICTS.contains(&of.name.as_str())).collect();
        let dicts = objects.filter(|id| is_dict.get(heap.objects.of(*id).at()).copied().unwrap_or(false));
        let mut owners: FxHashMap<Id, Option<Id>> = dicts.map(|id| (id, None)).collect();
        if owners.is_empty() {
            return Owners(owners);
        }
        for from in heap.objects.ids() {
            let (to, labels) = heap.edges.row(from);
            for (to, label) in to.iter().zip(labels) {
                // Items are most of all references, and no dict of attributes.
                if label.index().is_err()
                    && heap.names.label_of(*label) == Label::AttributeDict
                    && let Some(owner) = owners.get_mut(&Id(*to))
                {
                    owner.get_or_insert(from);
                }
            }
        }
        Owners(owners)
    }

    /// Whose `__dict__` it is.
    #[must_use]
    pub fn owner(&self, dict: Id) -> Option<Id> {
        self.0.get(&dict).copied().flatten()
    }

    /// How an object is known: by its name, or by that of what it is the `__dict__` of. Raw text of the target.
    #[must_use]
    pub fn known_as(&self, heap: &Heap, id: Id) -> Option<String> {
        let owner = |owner: Id| format!("__dict__ of {}", heap.called(owner).unwrap_or_else(|| heap.type_name(owner)));
        heap.called(id).map(str::to_owned).or_else(|| self.owner(id).map(owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::{RootKind, Sketch};

    #[test]
    fn a_dict_is_known_by_its_owner() {
        // app -.__dict__-> dict -['X']-> page -.__dict__-> dict -['cache']-> dict
        let mut sketch = Sketch::new();
        let app = sketch.module("app", RootKind::UserModule);
        let page = sketch.object("app.Page", 48);
        let cache = sketch.object("builtins.dict", 64);
        sketch.attribute(app, "X", page);
        sketch.attribute(page, "cache", cache);
        let heap = sketch.heap();
        let owners = Owners::of(&heap, heap.objects.ids());
        let known: Vec<_> = heap.objects.ids().map(|id| owners.known_as(&heap, id)).collect();
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(known, [said("app"), said("__dict__ of app"), None, None, said("__dict__ of app.Page")]);
        assert_eq!(owners.owner(cache), None);
    }
}
