//! Refcounts against the references that were found: what they explain, what only native code can hold, and which
//! references are one too many. Traces no cause.

use rustc_hash::FxHashMap;

use crate::heap::{Heap, Id};

/// The refcount of one object and what was found of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// `ob_refcnt`.
    pub refcount: u32,
    /// Does it stay as it is, whoever refers to the object?
    pub immortal: bool,
    /// References from objects that it counts.
    pub from_objects: u64,
    /// References from outside that it counts.
    pub from_roots: u64,
}

impl Account {
    /// References found that it counts.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.from_objects.saturating_add(self.from_roots)
    }

    /// References that it counts and nothing found explains: native code's. 0 of an immortal object.
    #[must_use]
    pub fn native(&self) -> u64 {
        if self.immortal { 0 } else { u64::from(self.refcount).saturating_sub(self.found()) }
    }

    /// References found beyond what it counts: false ones. 0 of an immortal object.
    #[must_use]
    pub fn deficit(&self) -> u64 {
        if self.immortal { 0 } else { self.found().saturating_sub(u64::from(self.refcount)) }
    }
}

/// Objects whose count is off, and by how many references.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Difference {
    /// How many objects.
    pub objects: u64,
    /// Sum of their differences.
    pub references: u64,
}

impl Difference {
    fn add(&mut self, references: u64) {
        if references > 0 {
            self.objects = self.objects.saturating_add(1);
            self.references = self.references.saturating_add(references);
        }
    }
}

/// An object whose count is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// The object.
    pub id: Id,
    /// Its refcount.
    pub refcount: u32,
    /// References found that it counts.
    pub found: u32,
}

/// The differences of one type's objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypeAudit {
    /// The type's name; raw text of the target.
    pub name: String,
    /// Counts that are higher than what was found.
    pub surplus: Difference,
    /// Counts that are lower.
    pub deficit: Difference,
    /// Some of them, in the order of the heap.
    pub examples: Vec<Example>,
}

/// What a heap's refcounts say of the references found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// Objects whose refcount moves.
    pub mortal: u64,
    /// Objects whose refcount does not: nothing is said of them.
    pub immortal: u64,
    /// Mortal objects whose refcount is exactly what was found.
    pub explained: u64,
    /// Counts that are higher than what was found.
    pub surplus: Difference,
    /// Counts that are lower.
    pub deficit: Difference,
    /// By type: most deficit objects first, then most surplus objects.
    pub types: Vec<TypeAudit>,
    /// Types that a limit cut off.
    pub hidden: u64,
}

impl Audit {
    /// The part of mortal objects whose count is explained, 0 to 1; 1 where there are none.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.mortal == 0 { 1.0 } else { self.explained as f64 / self.mortal as f64 }
    }
}

/// How much is to be told.
#[derive(Debug, Clone, Copy)]
pub struct AuditOptions {
    /// At most so many types; `None` for all.
    pub limit: Option<usize>,
    /// At most so many examples a type.
    pub examples: usize,
}

impl Default for AuditOptions {
    fn default() -> Self {
        AuditOptions { limit: None, examples: 3 }
    }
}

/// Compares every mortal object's refcount with the references found to it.
#[must_use]
pub fn audit(heap: &Heap, options: &AuditOptions) -> Audit {
    let mut audit = Audit::default();
    let mut types: FxHashMap<&str, TypeAudit> = FxHashMap::default();
    let found = heap.references_found();
    for (id, found) in heap.objects.ids().zip(found) {
        if heap.objects.is_immortal(id) {
            audit.immortal = audit.immortal.saturating_add(1);
            continue;
        }
        audit.mortal = audit.mortal.saturating_add(1);
        let refcount = heap.objects.refcount(id);
        if refcount == found {
            audit.explained = audit.explained.saturating_add(1);
            continue;
        }
        let (over, under) = (refcount.saturating_sub(found).into(), found.saturating_sub(refcount).into());
        audit.surplus.add(over);
        audit.deficit.add(under);
        let name = heap.type_name(id);
        let of = types.entry(name).or_default();
        of.surplus.add(over);
        of.deficit.add(under);
        if of.examples.len() < options.examples {
            of.examples.push(Example { id, refcount, found });
        }
    }
    let mut types: Vec<TypeAudit> =
        types.into_iter().map(|(name, of)| TypeAudit { name: name.to_owned(), ..of }).collect();
    types.sort_by(|a, b| {
        let key = |of: &TypeAudit| (of.deficit.objects, of.surplus.objects);
        key(b).cmp(&key(a)).then_with(|| a.name.cmp(&b.name))
    });
    let shown = options.limit.unwrap_or(types.len()).min(types.len());
    audit.hidden = types.len().saturating_sub(shown) as u64;
    types.truncate(shown);
    audit.types = types;
    audit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::{Label, LabelId, RootKind, Sketch};

    #[test]
    fn surplus_deficit_and_what_is_explained() {
        // app.X -> [a, b, c]   a: one more held by C; b: as found; c: an edge too many; app's root counts
        let mut sketch = Sketch::new();
        let app = sketch.module("app", RootKind::UserModule);
        let [a, b, c] = ["app.A", "app.B", "app.C"].map(|name| sketch.object(name, 48));
        let list = sketch.list(&[a, b, c]);
        sketch.attribute(app, "X", list);
        sketch.refcount(a, 3);
        sketch.refcount(c, 0);
        // Neither counts: what a refcount does not count, and what leads past objects that stand between.
        sketch.marked(list, LabelId::item(3).uncounted(), b);
        sketch.marked(app, LabelId::item(4).shortcut(), b);
        let audit = audit(&sketch.heap(), &AuditOptions::default());
        assert_eq!((audit.mortal, audit.immortal, audit.explained), (6, 0, 4));
        assert_eq!(audit.surplus, Difference { objects: 1, references: 2 });
        assert_eq!(audit.deficit, Difference { objects: 1, references: 1 });
        let names: Vec<_> = audit.types.iter().map(|of| of.name.as_str()).collect();
        assert_eq!(names, ["app.C", "app.A"]);
        assert_eq!(audit.types[1].examples, [Example { id: a, refcount: 3, found: 1 }]);
    }

    #[test]
    fn a_limit_says_how_many_types_it_cut_off() {
        let mut sketch = Sketch::new();
        for name in ["a.A", "b.B", "c.C"] {
            let id = sketch.object(name, 16);
            sketch.refcount(id, 1);
        }
        let audit = audit(&sketch.heap(), &AuditOptions { limit: Some(1), examples: 0 });
        assert_eq!((audit.types.len(), audit.hidden), (1, 2));
        assert_eq!(audit.share(), 0.0);
        assert_eq!(audit.types[0].examples, []);
    }

    #[test]
    fn an_account_explains_one_refcount() {
        let account = Account { refcount: 5, immortal: false, from_objects: 3, from_roots: 1 };
        assert_eq!((account.found(), account.native(), account.deficit()), (4, 1, 0));
        let account = Account { refcount: 2, ..account };
        assert_eq!((account.native(), account.deficit()), (0, 2));
        let account = Account { immortal: true, ..account };
        assert_eq!((account.native(), account.deficit()), (0, 0));
    }

    #[test]
    fn fields_do_not_matter_where_nothing_refers() {
        let mut sketch = Sketch::new();
        let (one, two) = (sketch.object("a.A", 16), sketch.object("a.A", 16));
        let name = sketch.named(Label::Field, "twin");
        sketch.edge(one, name, two);
        let audit = audit(&sketch.heap(), &AuditOptions::default());
        assert_eq!((audit.explained, audit.share()), (2, 1.0));
    }
}
