//! A heap written by hand, for tests: objects and references in any order → a [`Heap`]; and where it came from.

use super::census::SizeBasis;
use super::edges::Edges;
use super::graph::{Heap, Type};
use super::label::{Label, LabelId};
use super::objects::{FoundBy, Generation, Id, Object, TypeId};
use super::provenance::{Build, Capture, Coverage};
use super::roots::{Root, RootKind};
use crate::addr::Addr;

/// A look in which nothing went wrong, at a process that is held still.
#[must_use]
pub fn capture() -> Capture {
    Capture {
        source: "process".into(),
        pid: Some(25867),
        started_at: None,
        program: None,
        python: "3.11.7".into(),
        build: Build { debug: false, free_threaded: false, allocator: "pymalloc".into() },
        taken_at: "2026-11-20T17:00:00Z".into(),
        frozen: true,
        pause_ms: 41.2,
        one_instant: true,
        consistent: true,
        coverage: Coverage { used_bytes: 160_838_240, explained_bytes: 160_101_200, ratio: Some(0.9954) },
        copied_bytes: 153 << 20,
        skipped: 0,
        warnings: vec![],
    }
}

/// A heap under way.
#[derive(Debug, Default)]
pub struct Sketch {
    heap: Heap,
    edges: Vec<(Id, Id, LabelId)>,
    roots: Vec<(Id, RootKind, String, u32)>,
    refcounts: Vec<Option<u32>>,
}

impl Sketch {
    /// An empty heap.
    #[must_use]
    pub fn new() -> Self {
        Sketch::default()
    }

    /// An object of this type and size. Its refcount will be what refers to it, unless [`Sketch::refcount`] says else.
    pub fn object(&mut self, of: &str, bytes: u64) -> Id {
        let of = self.of(of);
        let addr = Addr(0x7f00_0000_0000 + 0x40 * self.heap.objects.len() as u64);
        self.refcounts.push(None);
        let generation = Generation::Number(2);
        let object = Object { addr, of, bytes, refcount: 0, immortal: false, generation, found_by: FoundBy::Block };
        self.heap.objects.push(object).expect("a sketch is small")
    }

    fn of(&mut self, name: &str) -> TypeId {
        let types = &mut self.heap.types;
        let at = types.iter().position(|t| t.name == name).unwrap_or_else(|| {
            types.push(Type { name: name.to_owned(), basis: SizeBasis::Exact, object: None });
            types.len() - 1
        });
        TypeId(at as u32)
    }

    /// What an object is called.
    pub fn call(&mut self, id: Id, name: &str) {
        let name = self.heap.names.text(name);
        self.heap.called.insert(id, name);
    }

    /// A module in `sys.modules`, of the user's own or not: gives its object. Globals are added with [`Sketch::attribute`].
    pub fn module(&mut self, name: &str, kind: RootKind) -> Id {
        let module = self.object("builtins.module", 72);
        let dict = self.object("builtins.dict", 232);
        self.call(module, name);
        self.edge(module, Label::AttributeDict, dict);
        self.root(module, kind, name, 1);
        module
    }

    /// An attribute of a module, class or instance, in its dict; the dict is made where there is none.
    pub fn attribute(&mut self, of: Id, name: &str, value: Id) {
        let link = self.label(Label::AttributeDict);
        let dict = match self.edges.iter().find(|(from, _, label)| *from == of && *label == link) {
            Some((_, dict, _)) => *dict,
            None => {
                let dict = self.object("builtins.dict", 232);
                self.edge(of, Label::AttributeDict, dict);
                dict
            }
        };
        self.key(dict, name, value);
    }

    /// A value under a string key.
    pub fn key(&mut self, dict: Id, key: &str, value: Id) {
        let key = self.heap.names.text(key);
        self.edge(dict, Label::Key(key), value);
    }

    /// Any label, with its number.
    pub fn label(&mut self, label: Label) -> LabelId {
        self.heap.names.label(label)
    }

    /// A label that bears a name.
    pub fn named(&mut self, label: fn(super::text::TextId) -> Label, name: &str) -> Label {
        label(self.heap.names.text(name))
    }

    /// A reference.
    pub fn edge(&mut self, from: Id, label: Label, to: Id) {
        let label = self.label(label);
        self.edges.push((from, to, label));
    }

    /// A reference with marks.
    pub fn marked(&mut self, from: Id, label: LabelId, to: Id) {
        self.edges.push((from, to, label));
    }

    /// A list of these objects.
    pub fn list(&mut self, items: &[Id]) -> Id {
        let list = self.object("builtins.list", 56 + 8 * items.len() as u64);
        for (i, item) in items.iter().enumerate() {
            self.edge(list, Label::Item(i as u32), *item);
        }
        list
    }

    /// A reference from outside.
    pub fn root(&mut self, object: Id, kind: RootKind, text: &str, references: u32) {
        self.roots.push((object, kind, text.to_owned(), references));
    }

    /// Sets a refcount, whatever refers to the object.
    pub fn refcount(&mut self, id: Id, refcount: u32) {
        self.refcounts[id.at()] = Some(refcount);
    }

    /// The heap.
    #[must_use]
    pub fn heap(mut self) -> Heap {
        self.edges.sort_by_key(|(from, ..)| *from);
        let mut edges = Edges::default();
        let mut rest = self.edges.iter().peekable();
        for id in self.heap.objects.ids() {
            while let Some((_, to, label)) = rest.next_if(|(from, ..)| *from == id) {
                edges.push(*to, *label);
            }
            edges.end_row();
        }
        self.heap.edges = edges;
        for (object, kind, text, references) in self.roots {
            let text = self.heap.names.text(&text);
            self.heap.roots.push(Root { object, kind, text, references });
        }
        let found = self.heap.references_found();
        let mut objects = super::objects::Objects::with_capacity(found.len());
        for id in self.heap.objects.ids() {
            if let Some(object) = self.heap.objects.get(id) {
                let refcount = self.refcounts[id.at()].unwrap_or(found[id.at()]);
                objects.push(Object { refcount, ..object });
            }
        }
        self.heap.objects = objects;
        self.heap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sketch_is_a_heap() {
        // app.RESULTS -> [timing, timing]
        let mut sketch = Sketch::new();
        let app = sketch.module("app", RootKind::UserModule);
        let timings = [sketch.object("app.Timing", 48), sketch.object("app.Timing", 48)];
        let results = sketch.list(&timings);
        sketch.attribute(app, "RESULTS", results);
        let heap = sketch.heap();
        assert_eq!(heap.objects.len(), 5);
        assert_eq!(heap.edges.of(results).map(|e| e.to).collect::<Vec<_>>(), timings);
        assert_eq!(heap.objects.refcount(timings[0]), 1);
        assert_eq!(heap.type_name(timings[1]), "app.Timing");
        let timing = heap.census().types.into_iter().find(|t| t.name == "app.Timing").expect("counted");
        assert_eq!((timing.count, timing.bytes, timing.tracked), (2, 96, 2));
    }
}
