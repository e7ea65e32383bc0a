//! A forked process and its parent → what is new in it since the fork: a fork keeps addresses, so an object of the same
//! type at the same address is taken for the same one. Tells nothing of what changed within an object.
//!
//! What this cannot see: an object that took the place of one of the same type that the child let go since the fork (a list or a
//! dict now and then); and an object that the parent, too, made since the fork, of the same type at the same address. Both
//! begin with the same free blocks, so a parent that goes on to work hides as much of what its child made. The parent of a
//! pre-forking server waits for its children and makes next to nothing.

use rustc_hash::{FxHashMap, FxHashSet};

use super::comparison::{Changed, Moved};
use super::diff::{Change, changes};
use super::paths::Sum;
use crate::addr::Addr;
use crate::heap::{Heap, Id, TypeId};

/// What a forked process has that its parent has not.
#[derive(Debug, Clone, Default)]
pub struct SinceFork {
    /// Every type, changed or not, by name: before is the parent, after is its child.
    pub all: Vec<Changed>,
    /// The new objects, in the order of the child's heap.
    pub new: Vec<Id>,
    /// Objects of the same type at the same address in both.
    pub shared: u64,
    /// The modules among the new objects by name, sorted: loaded since the fork.
    pub modules: Vec<String>,
}

/// Compares a forked process with its parent.
#[must_use]
pub fn since_fork(parent: &Heap, child: &Heap) -> SinceFork {
    let mut found = SinceFork::default();
    let mut moved: FxHashMap<&str, Moved> = FxHashMap::default();
    let names = Names::of(parent, child);
    let before: FxHashMap<Addr, u32> =
        parent.objects.ids().map(|id| (parent.objects.addr(id), names.parent(parent.objects.of(id)))).collect();
    let mut kept: FxHashSet<Addr> = FxHashSet::default();
    for id in child.objects.ids() {
        let at = child.objects.addr(id);
        if before.get(&at).is_some_and(|name| *name == names.child(child.objects.of(id))) {
            kept.insert(at);
            continue;
        }
        found.new.push(id);
        moved.entry(child.type_name(id)).or_default().new.add(child.objects.bytes(id));
    }
    found.shared = kept.len() as u64;
    for id in parent.objects.ids().filter(|id| !kept.contains(&parent.objects.addr(*id))) {
        moved.entry(parent.type_name(id)).or_default().gone.add(parent.objects.bytes(id));
    }
    found.modules =
        found.new.iter().filter(|id| is_module(child.type_name(**id))).map(|id| called(child, *id)).collect();
    found.modules.sort();
    found.all = changes(&parent.census(), &child.census())
        .into_iter()
        .map(|change: Change| {
            let moved = moved.get(change.name.as_str()).copied().unwrap_or_default();
            let first = Sum { count: change.count_before, bytes: change.bytes_before };
            Changed { change, first, moved, ..Changed::default() }
        })
        .collect();
    found
}

fn is_module(of: &str) -> bool {
    matches!(of, "builtins.module" | "__builtin__.module")
}

fn called(heap: &Heap, id: Id) -> String {
    heap.called(id).unwrap_or("?").to_owned()
}

/// Type numbers of two heaps as numbers of their names.
struct Names {
    parent: Vec<u32>,
    child: Vec<u32>,
}

impl Names {
    fn of(parent: &Heap, child: &Heap) -> Names {
        let mut numbers: FxHashMap<String, u32> = FxHashMap::default();
        let mut numbered = |heap: &Heap| {
            let mut number = |name: &str| {
                let next = numbers.len() as u32;
                *numbers.entry(name.to_owned()).or_insert(next)
            };
            heap.types.iter().map(|of| number(&of.name)).collect()
        };
        Names { parent: numbered(parent), child: numbered(child) }
    }

    fn parent(&self, of: TypeId) -> u32 {
        self.parent.get(of.at()).copied().unwrap_or(u32::MAX)
    }

    fn child(&self, of: TypeId) -> u32 {
        self.child.get(of.at()).copied().unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::Sketch;

    /// parent: Page Page Timing str | child: Page Timing Timing str module Timing
    fn heaps() -> (Heap, Heap) {
        let (mut parent, mut child) = (Sketch::new(), Sketch::new());
        // Sketches lay their objects at the same addresses, one after the other.
        for of in ["app.Page", "app.Page", "app.Timing", "builtins.str"] {
            parent.object(of, 48);
        }
        for of in ["app.Page", "app.Timing", "app.Timing", "builtins.str"] {
            child.object(of, 48);
        }
        let module = child.object("builtins.module", 72);
        child.call(module, "app");
        child.object("app.Timing", 50);
        (parent.heap(), child.heap())
    }

    #[test]
    fn what_is_at_its_old_place_is_not_new() {
        let (parent, child) = heaps();
        let found = since_fork(&parent, &child);
        let told: Vec<_> = found.all.iter().map(|c| (c.change.name.as_str(), c.moved.new, c.moved.gone)).collect();
        let sum = |count, bytes| Sum { count, bytes };
        assert_eq!(
            told,
            [
                ("app.Page", sum(0, 0), sum(1, 48)),
                ("app.Timing", sum(2, 98), sum(0, 0)),
                ("builtins.module", sum(1, 72), sum(0, 0)),
                ("builtins.str", sum(0, 0), sum(0, 0)),
            ]
        );
        assert_eq!(found.shared, 3);
        assert_eq!(found.new, [1, 4, 5].map(Id));
        assert_eq!(found.modules, ["app"]);
    }

    #[test]
    fn a_child_that_made_nothing_has_nothing_new() {
        let (parent, _) = heaps();
        let found = since_fork(&parent, &parent);
        assert!(found.new.is_empty() && found.modules.is_empty());
        assert_eq!(found.shared, 4);
    }
}
