//! One object → all that is known of it: its refcount explained, what it refers to, what refers to it. Follows nothing
//! further than one step.

use super::audit::Account;
use super::owners::Owners;
use crate::heap::{Heap, Id, LabelId, Object, Root};

/// One reference from or to the object shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The object at its other end.
    pub other: Id,
    /// How.
    pub label: LabelId,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The object.
    pub id: Id,
    /// Its columns.
    pub object: Object,
    /// Its refcount, explained.
    pub account: Account,
    /// The references from outside, in the order in which they were found.
    pub roots: Vec<Root>,
    /// What it refers to, in the order in which it was read.
    pub references: Vec<Link>,
    /// What refers to it, in the order of the heap.
    pub referrers: Vec<Link>,
    /// Whose `__dict__` the dicts among all of these are.
    pub owners: Owners,
}

/// Tells of one object; `None` for a number that is none. References that lead past objects are left out. One look through
/// all references, and another where dicts refer to it.
#[must_use]
pub fn show(heap: &Heap, id: Id) -> Option<Shown> {
    let object = heap.objects.get(id)?;
    let link = |other: Id, label: LabelId| Link { other, label };
    let real = |label: LabelId| !label.is_shortcut();
    let references: Vec<Link> = heap.edges.of(id).filter(|e| real(e.label)).map(|e| link(e.to, e.label)).collect();
    let mut referrers = Vec::new();
    for from in heap.objects.ids() {
        let (to, labels) = heap.edges.row(from);
        let here = to.iter().zip(labels).filter(|(to, label)| **to == id.0 && real(**label));
        referrers.extend(here.map(|(_, label)| link(from, *label)));
    }
    let roots: Vec<Root> = heap.roots.iter().copied().filter(|root| root.object == id).collect();
    let account = Account {
        refcount: object.refcount,
        immortal: object.immortal,
        from_objects: referrers.iter().filter(|link| link.label.is_counted()).count() as u64,
        from_roots: roots.iter().map(|root| u64::from(root.references)).sum(),
    };
    let others = references.iter().chain(&referrers).map(|link| link.other);
    let owners = Owners::of(heap, others.chain([id]));
    Some(Shown { id, object, account, roots, references, referrers, owners })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::{Label, RootKind, Sketch};

    #[test]
    fn one_object_with_both_its_sides() {
        // module app -.__dict__-> dict -['RESULTS']-> list -[0]-> timing <-(local t)- thread
        //                                                           '-.__class__-> Timing
        let mut sketch = Sketch::new();
        let app = sketch.module("app", RootKind::UserModule);
        let timing = sketch.object("app.Timing", 48);
        let class = sketch.object("builtins.type", 1064);
        sketch.edge(timing, Label::Class, class);
        let list = sketch.list(&[timing]);
        sketch.attribute(app, "RESULTS", list);
        sketch.attribute(app, "LAST", timing);
        sketch.root(timing, RootKind::Frame, "thread 'MainThread' › main() app.py:7 › t", 1);
        sketch.refcount(timing, 5);
        let past = sketch.label(Label::Cache).shortcut();
        sketch.marked(app, past, timing);
        let heap = sketch.heap();

        let shown = show(&heap, timing).expect("there");
        let dict = heap.edges.of(app).next().expect("its dict").to;
        let sides = |links: &[Link]| -> Vec<(Id, String)> {
            links.iter().map(|link| (link.other, heap.label_text(link.label))).collect()
        };
        assert_eq!(sides(&shown.references), [(class, ".__class__".into())]);
        assert_eq!(sides(&shown.referrers), [(dict, "['LAST']".into()), (list, "[0]".into())]);
        assert_eq!(shown.owners.owner(dict), Some(app));
        assert_eq!(shown.account, Account { refcount: 5, immortal: false, from_objects: 2, from_roots: 1 });
        assert_eq!(shown.account.native(), 2);
        assert_eq!(shown.roots.len(), 1);
        assert_eq!(show(&heap, Id(99)), None);
    }

    #[test]
    fn what_one_refers_to_is_what_the_other_is_referred_to_by() {
        let mut sketch = Sketch::new();
        let ids: Vec<Id> = (0..6).map(|_| sketch.object("a.A", 16)).collect();
        for (i, from) in ids.iter().enumerate() {
            for to in [&ids[(i * 2 + 1) % 6], &ids[(i + 3) % 6]] {
                sketch.edge(*from, Label::Item(i as u32), *to);
            }
        }
        let heap = sketch.heap();
        let mut forward = Vec::new();
        let mut back = Vec::new();
        for id in heap.objects.ids() {
            let shown = show(&heap, id).expect("there");
            forward.extend(shown.references.iter().map(|link| (id, link.other, link.label)));
            back.extend(shown.referrers.iter().map(|link| (link.other, id, link.label)));
        }
        forward.sort();
        back.sort();
        assert_eq!(forward, back);
        assert_eq!(forward.len(), 12);
    }
}
