//! The interpreter's own state, its threads and its static memory → roots: references from outside any object.
//!
//! Most are certain: a member of a struct, a variable of a frame. Others are possible (a slot above a running frame's
//! unknown stack top, a word of static data) and become roots only where the refcount audit misses a reference to their
//! object. What only native code holds is no root; it stays the surplus of the audit.

mod attributes;
mod interpreter;
mod modules;
mod statics;
mod threads;

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::frames::Frames;
use super::layout::Layout;
use super::locate::Globals;
use super::objects::{Index, Row};
use super::types::{TypeWorld, Types};
use crate::addr::{Addr, AddrRange};
use crate::heap::{Heap, Id, Names, Root, RootKind};
use crate::memory::Memory;

/// More interpreters, threads, frames or entries of one list are not believed.
const MOST: usize = 1 << 20;
/// More static data in one piece is not looked through, in bytes.
const LONGEST: u64 = 64 << 20;
/// What is mapped and copied as a whole, in bytes.
const PAGE: u64 = 4096;

/// Where the roots of one target are.
pub struct Places<'a, M: ?Sized> {
    /// Its memory.
    pub mem: &'a M,
    /// Its layout.
    pub layout: &'a Layout,
    /// Addresses of globals.
    pub globals: &'a Globals,
    /// `PyInterpreterState`s, newest first.
    pub interpreters: &'a [Addr],
    /// Writable data of the interpreter and of its standard library's extensions, sorted.
    pub own_data: &'a [AddrRange],
    /// What its strings are told by.
    pub types: &'a TypeWorld,
    /// The thread states of all interpreters, found once.
    threads: Vec<threads::Thread>,
}

/// All roots of a heap.
#[derive(Debug, Default)]
pub struct Roots {
    /// Those that are certain.
    pub certain: Vec<Root>,
    /// Those that are one if its object misses a reference, in the order in which they are to be believed.
    possible: Vec<Root>,
}

impl<'a, M: Memory + ?Sized> Places<'a, M> {
    /// Finds the threads and their names.
    #[must_use]
    pub fn new(
        mem: &'a M,
        layout: &'a Layout,
        globals: &'a Globals,
        interpreters: &'a [Addr],
        own_data: &'a [AddrRange],
        types: &'a TypeWorld,
    ) -> Self {
        let mut places = Places { mem, layout, globals, interpreters, own_data, types, threads: Vec::new() };
        places.threads = threads::find(&places);
        places
    }

    /// The dicts of `threading.local`s by address, each with the name of its thread.
    #[must_use]
    pub fn thread_dicts(&self, types: &Types<'_, M>, rows: &[Row]) -> FxHashMap<u64, String> {
        threads::local_dicts(self, types, rows)
    }

    /// All roots. `types` knows the types of `rows`.
    #[must_use]
    pub fn roots(&self, types: &Types<'_, M>, rows: &[Row], index: &Index<'_>, names: &Mutex<Names>) -> Roots {
        let mut found = Finder { index, names, roots: Roots::default() };
        for interpreter in self.interpreters {
            modules::read(self, *interpreter, &mut found);
        }
        let mut frames = Frames::new(self.mem, self.layout, self.types);
        threads::read(self, &mut frames, &mut found);
        for interpreter in self.interpreters {
            interpreter::read(self, *interpreter, &mut found);
        }
        statics::read(self, types, rows, &mut found);
        found.roots
    }

    /// The bytes of a range; zeros where a page was never touched, and so was not copied.
    fn bytes(&self, range: AddrRange) -> Vec<u8> {
        let len = usize::try_from(range.len().min(LONGEST)).unwrap_or(0);
        if let Ok(view) = self.mem.view(range.start, len) {
            return view.bytes().to_vec();
        }
        let mut bytes = vec![0; len];
        let mut rest = bytes.as_mut_slice();
        let mut at = range.start;
        while !rest.is_empty() {
            let room = PAGE.saturating_sub(at.0 % PAGE);
            let (piece, behind) = rest.split_at_mut(usize::try_from(room).unwrap_or(0).clamp(1, rest.len()));
            if self.mem.read(at, piece).is_err() {
                piece.fill(0);
            }
            at = Addr(at.0.saturating_add(room));
            rest = behind;
        }
        bytes
    }

    fn word(&self, at: Addr, offset: usize) -> Option<Addr> {
        self.mem.word(at.up(offset as u64)?).ok().map(Addr)
    }

    fn text(&self, at: Addr) -> Option<String> {
        self.types.text(self.mem, self.layout, at)
    }

    fn type_of(&self, at: Addr) -> Option<Addr> {
        self.word(at, self.layout.object.ob_type.at)
    }

    /// Is the type at `at` the one of this `tp_name`, or derived from it?
    fn derives(&self, at: Addr, tp_name: &str) -> bool {
        let mut at = at;
        for _ in 0..64 {
            let name = self.word(at, self.layout.type_.tp_name.at);
            let name = name.and_then(|name| super::text::c_string(self.mem, name));
            if name.as_deref() == Some(tp_name) {
                return true;
            }
            match self.word(at, self.layout.type_.tp_base.at) {
                Some(base) if !base.is_null() => at = base,
                _ => return false,
            }
        }
        false
    }
}

/// CPython keeps dead lists and dicts in arrays (`free_list`, `Objects/listobject.c`, `dictobject.c`), where words past
/// the end are stale and name what lives there now. So a word of static data tells nothing about those.
fn is_reused(type_name: &str) -> bool {
    matches!(type_name.split_once('.'), Some(("builtins" | "__builtin__", "list" | "dict")))
}

impl Roots {
    /// The possible roots that explain a reference which `heap`, with its certain roots, does not: each takes one.
    #[must_use]
    pub fn believed(&self, heap: &Heap) -> Vec<Root> {
        let mut found = heap.references_found();
        let mut believed = Vec::new();
        let is_static = |root: &Root| heap.names.get(root.text) == STATIC_DATA;
        for root in &self.possible {
            if is_static(root) && is_reused(heap.type_name(root.object)) {
                continue;
            }
            let Some(known) = found.get_mut(root.object.at()) else { continue };
            if !heap.objects.is_immortal(root.object) && heap.objects.refcount(root.object) > *known {
                *known = known.saturating_add(1);
                believed.push(*root);
            }
        }
        believed
    }
}

/// A word of static data that may hold a reference.
const STATIC_DATA: &str = "<static data>";

/// Takes roots as they are found.
struct Finder<'a> {
    index: &'a Index<'a>,
    names: &'a Mutex<Names>,
    roots: Roots,
}

impl Finder<'_> {
    /// The object at `at` is held from a place of this name, by so many references that its refcount counts.
    fn add(&mut self, at: Addr, kind: RootKind, text: &str, references: u32) -> Option<Id> {
        let root = self.root(at, kind, text, references)?;
        self.roots.certain.push(root);
        Some(root.object)
    }

    /// It may be held from there, by one reference.
    fn perhaps(&mut self, at: Addr, kind: RootKind, text: &str) {
        if let Some(root) = self.root(at, kind, text, 1) {
            self.roots.possible.push(root);
        }
    }

    fn root(&self, at: Addr, kind: RootKind, text: &str, references: u32) -> Option<Root> {
        let object = if at.is_null() { None } else { self.index.get(at) }?;
        let text = self.names.lock().unwrap_or_else(PoisonError::into_inner).text(text);
        Some(Root { object, kind, text, references })
    }
}
