//! Objects → the references in them, each with its label: one small reader a kind of container.
//!
//! Which reader a type has is found once a type, along its chain of bases; where structs lie is the layout's business.
//! It finds no objects and no roots.

mod frame;
mod sequence;
mod sink;

use std::sync::Mutex;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

pub use sink::Sink;

use crate::addr::Addr;
use crate::cpython::frames::Frames;
use crate::cpython::layout::Layout;
use crate::cpython::objects::{Index, Row};
use crate::cpython::types::{TypeId, TypeInfo, TypeWorld, Types};
use crate::heap::{Edges, Gaps, Id, LabelId, Names, TextId};
use crate::memory::{Memory, View};

/// Objects whose references are read in one go.
const BATCH: usize = 1 << 14;
/// Most items of one container that are followed.
const MOST: u64 = 1 << 32;

/// How a type's references are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    List,
    Tuple,
    Frame,
    Generator(frame::Kind),
    /// Nothing is known of it.
    Unknown,
}

/// What all readers need to know of the target.
pub struct World<'a, M: ?Sized> {
    /// Its memory.
    pub mem: &'a M,
    /// Its layout.
    pub layout: &'a Layout,
    /// What its strings are told by.
    pub types: &'a TypeWorld,
    /// The dicts of `threading.local`s by address, each with the name of its thread.
    pub thread_dicts: &'a FxHashMap<u64, String>,
    /// The dict of interned strings: the refcounts of its keys and values do not count it.
    pub interned: Option<Addr>,
    /// Its objects by address.
    pub index: &'a Index<'a>,
    /// Its texts and labels.
    pub names: &'a Mutex<Names>,
}

/// The references of a whole heap.
#[derive(Debug, Default)]
pub struct Found {
    /// A row an object, in the order of the rows given.
    pub edges: Edges,
    /// What objects are called.
    pub called: Vec<(Id, TextId)>,
    /// What could not be read.
    pub gaps: Gaps,
}

/// Reads the references of all objects.
pub fn read<M: Memory + ?Sized>(world: &World<'_, M>, types: &Types<'_, M>, rows: &[Row]) -> Found {
    let batches: Vec<&[Row]> = rows.chunks(BATCH).collect();
    let share = batches.len().div_ceil(rayon::current_num_threads().max(1).saturating_mul(4)).max(1);
    let parts: Vec<Sink<'_>> = batches
        .par_iter()
        .with_min_len(share)
        .fold(
            || Reader::new(world, types.clone()),
            |mut reader, batch| {
                batch.iter().for_each(|row| reader.object(row));
                reader
            },
        )
        .map(|reader| reader.sink)
        .collect();
    let mut found = Found::default();
    for mut part in parts {
        found.called.append(&mut part.called);
        found.gaps.dangling = found.gaps.dangling.saturating_add(part.gaps.dangling);
        found.gaps.damaged = found.gaps.damaged.saturating_add(part.gaps.damaged);
        found.gaps.dropped = found.gaps.dropped.saturating_add(part.gaps.dropped);
        let lost = part.rows.len() as u64;
        if !found.edges.append(part.rows) {
            found.gaps.dropped = found.gaps.dropped.saturating_add(lost);
            break;
        }
    }
    while found.edges.rows() < rows.len() {
        found.edges.end_row();
    }
    found
}

/// Reads one object after the other; one a worker.
struct Reader<'a, M: ?Sized> {
    mem: &'a M,
    layout: &'a Layout,
    types: Types<'a, M>,
    rules: Vec<Option<Rule>>,
    frames: Frames<'a, M>,
    /// Labels of the variables of each code object.
    locals: FxHashMap<u64, Vec<LabelId>>,
    /// Labels of members, by name.
    fields: FxHashMap<&'static str, LabelId>,
    sink: Sink<'a>,
}

impl<'a, M: Memory + ?Sized> Reader<'a, M> {
    fn new(world: &World<'a, M>, types: Types<'a, M>) -> Self {
        let sink = Sink::new(world.index, world.names);
        Reader {
            mem: world.mem,
            layout: world.layout,
            frames: Frames::new(world.mem, world.layout, world.types),
            types,
            rules: Vec::new(),
            locals: FxHashMap::default(),
            fields: FxHashMap::default(),
            sink,
        }
    }

    /// Reads all references of one object and ends its row.
    fn object(&mut self, row: &Row) {
        if let Some(info) = self.types.info(row.of).cloned() {
            let read = match self.rule(row.of, &info) {
                Rule::List => self.list(row.at),
                Rule::Tuple => self.tuple(row.at),
                Rule::Frame => self.frame(row.at),
                Rule::Generator(kind) => self.generator(row.at, kind),
                Rule::Unknown => Some(()),
            };
            if read.is_none() {
                self.sink.damaged();
            }
        }
        self.sink.rows.end_row();
    }

    fn rule(&mut self, id: TypeId, info: &TypeInfo) -> Rule {
        let at = id as usize;
        if let Some(Some(rule)) = self.rules.get(at) {
            return *rule;
        }
        let rule = match self.types.qualified_name(id).as_str() {
            "builtins.list" => Rule::List,
            "builtins.tuple" => Rule::Tuple,
            "builtins.frame" | "__builtin__.frame" => Rule::Frame,
            name => match name.split_once('.') {
                Some(("builtins" | "__builtin__", name)) => {
                    frame::Kind::of(name).map_or(Rule::Unknown, Rule::Generator)
                }
                _ => Rule::Unknown,
            },
        };
        let _ = info;
        if at >= self.rules.len() {
            self.rules.resize(at.saturating_add(1), None);
        }
        if let Some(known) = self.rules.get_mut(at) {
            *known = Some(rule);
        }
        rule
    }

    /// The struct of `len` bytes at `at`.
    fn view(&self, at: Addr, len: usize) -> Option<View<'a>> {
        self.mem.view(at, len).ok()
    }
}
