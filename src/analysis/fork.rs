//! A forked process and its parent → what is new in it since the fork. A fork keeps addresses and contents, so the two are
//! compared as two looks at one process are (`identity`); `docs/identity.md` says what that gets wrong.
//!
//! Both begin with the same free blocks, so a parent that goes on to work fills the same ones as its child, often by
//! objects of the same type: these are told apart by what they hold, and taken for one where they hold the same.

use super::comparison::Changed;
use super::identity::Identity;
use super::survivors::{Moves, Track};
use crate::heap::{Heap, Id, RootKind};

/// What a forked process has that its parent has not.
#[derive(Debug, Clone, Default)]
pub struct SinceFork {
    /// Every type, changed or not, by name: before is the parent, after is its child.
    pub all: Vec<Changed>,
    /// The new objects, by address.
    pub new: Vec<Id>,
    /// Objects that are the same in both.
    pub shared: u64,
    /// The modules among the new objects by name, sorted: loaded since the fork.
    pub modules: Vec<String>,
    /// Is one of them the program's own, not of a library?
    pub own_modules: bool,
}

/// Compares a forked process with its parent.
#[must_use]
pub fn since_fork(parent: &Heap, child: &Heap) -> SinceFork {
    let (all, moves) = Moves::between(&Track::of(parent), child, &Identity::of(parent, child));
    let new = moves.new;
    let mut modules: Vec<String> =
        new.iter().filter(|id| is_module(child.type_name(**id))).map(|id| called(child, *id)).collect();
    modules.sort();
    let is_new = |id: Id| new.binary_search_by_key(&child.objects.addr(id), |id| child.objects.addr(*id)).is_ok();
    let own_modules = child.roots.iter().any(|root| root.kind == RootKind::UserModule && is_new(root.object));
    let shared = child.objects.len().saturating_sub(new.len()) as u64;
    SinceFork { all, new, shared, modules, own_modules }
}

fn is_module(of: &str) -> bool {
    matches!(of, "builtins.module" | "__builtin__.module")
}

fn called(heap: &Heap, id: Id) -> String {
    heap.called(id).unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::paths::Sum;
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
