//! Objects → the references in them, each with its label: one small reader a kind of container.
//!
//! What a type's instances hold at fixed places is planned once a type, along its chain of bases; where structs lie is
//! the layout's business. It finds no objects and no roots.

mod array;
mod attributes;
mod body;
mod class;
mod element;
mod frame;
mod function;
mod hamt;
mod keys;
mod labels;
mod local;
mod mapping;
mod module;
mod pickle;
mod plan;
mod sequence;
mod set;
mod side;
mod sink;

use std::cell::Cell;
use std::sync::Mutex;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

pub use sink::Sink;

use self::body::Body;
use self::keys::Recent;
use self::labels::Labels;
use self::plan::{Plan, Planner};
use crate::addr::{Addr, AddrRange};
use crate::cpython::frames::Frames;
use crate::cpython::layout::{Layout, RefcountShape};
use crate::cpython::objects::{Index, Row};
use crate::cpython::types::{TypeWorld, Types};
use crate::heap::{Edges, Gaps, Id, LabelId, Names, TextId};
use crate::memory::{Memory, View};

/// Objects whose references are read in one go.
const BATCH: usize = 1 << 14;
/// Most items of one container that are followed.
const MOST: u64 = 1 << 32;
/// Bytes of an array that are read at once: what a length claims may not be there, and what a copy left out is no larger.
const PIECE: u64 = 1 << 16;
/// After so many pieces in a row that cannot be read, no further ones are tried.
const MOST_MISSING: u64 = 16;

/// What all readers need to know of the target.
pub struct World<'a, M: ?Sized> {
    /// Its memory.
    pub mem: &'a M,
    /// Its layout.
    pub layout: &'a Layout,
    /// What its types and strings are told by.
    pub types: &'a TypeWorld,
    /// Its objects by address.
    pub index: &'a Index<'a>,
    /// Its texts and labels.
    pub names: &'a Mutex<Names>,
    /// Its `PyInterpreterState`s: some keep the dicts of static types.
    pub interpreters: &'a [Addr],
    /// The dicts of `threading.local`s by address, with their threads' names.
    pub thread_dicts: FxHashMap<u64, String>,
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

/// What is to be read of a heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All references, and what objects are called.
    All,
    /// Only what objects are called; the answer has no references.
    Names,
}

/// Reads the references of all objects.
pub fn read<M: Memory + ?Sized>(world: &World<'_, M>, types: &Types<'_, M>, rows: &[Row], wanted: Wanted) -> Found {
    let labels = Labels::new(world);
    let planner = Planner { world, types, labels: &labels };
    let plans: Vec<Plan> = types.all().map(|(_, info)| planner.plan(info)).collect();
    let bodies: FxHashMap<u64, Body> =
        types.all().zip(&plans).map(|((_, info), plan)| (info.addr.0, plan.body)).collect();
    let batches: Vec<&[Row]> = rows.chunks(BATCH).collect();
    let share = batches.len().div_ceil(rayon::current_num_threads().max(1).saturating_mul(4)).max(1);
    let parts: Vec<Sink<'_>> = batches
        .par_iter()
        .with_min_len(share)
        .fold(
            || Reader::new(world, types.clone(), labels, &bodies),
            |mut reader, batch| {
                for row in *batch {
                    if let Some(plan) = plans.get(row.of as usize)
                        && (wanted == Wanted::All || plan.body.is_called())
                    {
                        reader.object(row, plan);
                    }
                    reader.sink.rows.end_row();
                }
                reader
            },
        )
        .map(|reader| reader.sink)
        .collect();
    let mut found = Found::default();
    for mut part in parts {
        found.called.append(&mut part.called);
        if wanted == Wanted::Names {
            continue;
        }
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
    world: &'a World<'a, M>,
    mem: &'a M,
    layout: &'a Layout,
    types: Types<'a, M>,
    /// What there is to read of instances, by the address of their type.
    bodies: &'a FxHashMap<u64, Body>,
    labels: Labels,
    recent: Recent,
    frames: Frames<'a, M>,
    /// Labels of the variables of each code object, by its address.
    locals: FxHashMap<u64, Vec<LabelId>>,
    /// Labels of members of frames and generators, by name.
    members: FxHashMap<&'static str, LabelId>,
    /// The stretch of memory that was read last.
    window: Cell<(AddrRange, &'a [u8])>,
    sink: Sink<'a>,
}

impl<'a, M: Memory + ?Sized> Reader<'a, M> {
    fn new(world: &'a World<'a, M>, types: Types<'a, M>, labels: Labels, bodies: &'a FxHashMap<u64, Body>) -> Self {
        let sink = Sink::new(world.index, world.names);
        let window = Cell::new((AddrRange::default(), [].as_slice()));
        let recent = Recent::default();
        Reader {
            world,
            mem: world.mem,
            layout: world.layout,
            frames: Frames::new(world.mem, world.layout, world.types),
            types,
            bodies,
            labels,
            recent,
            locals: FxHashMap::default(),
            members: FxHashMap::default(),
            window,
            sink,
        }
    }

    /// Reads all references of one object.
    fn object(&mut self, row: &Row, plan: &Plan) {
        let at = row.at;
        self.sink.at = at;
        // 3.11's tuples in static memory count nothing of what they hold.
        self.sink.uncounted = plan.body == Body::Tuple
            && self.layout.shape.refcount == RefcountShape::Plain
            && self.layout.shape.refcount.is_immortal(row.refcount);
        let damaged = [
            self.body(at, plan.body).is_none(),
            self.fields(at, plan).is_none(),
            self.attributes(at, &plan.attributes).is_none(),
        ];
        if let Some((of, label)) = plan.class {
            self.sink.edge_to(of, label);
        }
        if damaged.contains(&true) {
            self.sink.damaged();
        }
    }

    fn fields(&mut self, at: Addr, plan: &Plan) -> Option<()> {
        if plan.len > 0 {
            let view = self.view(at, plan.len)?;
            for (place, label) in &plan.fields {
                self.sink.edge(view.pointer(*place)?, *label);
            }
            for (place, label) in &plan.words {
                let to = view.pointer(*place)?;
                // What points to itself (a function of Cython's) does not count itself.
                if to != at && (!plan.arrays_only || self.is_array(to)) {
                    self.sink.maybe(to, *label);
                }
            }
        }
        if let Some((behind, size)) = plan.items {
            let start = at.up(behind)?;
            let words = self.item_count(at)?.min(MOST).checked_mul(size / 8)?.min(MOST);
            self.scan(start, words, behind)?;
        }
        Some(())
    }

    fn is_array(&self, at: Addr) -> bool {
        self.sink.find(at).is_some()
            && self.type_of(at).and_then(|of| self.bodies.get(&of.0)).is_some_and(|body| *body == Body::Ndarray)
    }

    /// Words that may be references, in a stretch that begins so many bytes behind the object's header.
    fn scan(&mut self, start: Addr, words: u64, behind: u64) -> Option<()> {
        self.pieces(start, words, |reader, i, to| {
            if reader.sink.find(to).is_some() {
                let at = i.saturating_mul(8).saturating_add(behind);
                let label = reader.labels.word(reader.world, usize::try_from(at).unwrap_or(usize::MAX));
                reader.sink.maybe(to, label);
            }
        })
    }

    fn body(&mut self, at: Addr, body: Body) -> Option<()> {
        match body {
            Body::Plain | Body::LruCache => Some(()),
            Body::Frame => self.frame(at),
            Body::Generator(kind) => self.generator(at, kind),
            Body::LruElement => self.lru_element(at),
            Body::List => self.list(at),
            Body::Tuple => self.tuple(at),
            Body::StructSequence(items) => self.items(at.up(self.layout.tuple.ob_item.at as u64)?, items),
            Body::Fields27(items) => self.items(at.up(self.layout.struct_sequence.as_ref()?.ob_item.at as u64)?, items),
            Body::Dict => self.dict(at),
            Body::OrderedDict => self.ordered_dict(at),
            Body::Set => self.set(at),
            Body::Deque => self.deque(at),
            Body::Function => self.function(at),
            Body::Code => self.code(at),
            Body::BuiltinFunction => self.builtin_function(at),
            Body::Method(function, this) => self.method(at, function, this),
            Body::Partial(args) => self.partial(at, args),
            Body::Module => self.module(at),
            Body::Type => self.class(at),
            Body::Tee => self.tee(at),
            Body::SimpleQueue => self.simple_queue(at),
            Body::HamtBitmap => self.hamt_bitmap(at),
            Body::HamtArray => self.hamt_array(at),
            Body::HamtCollision => self.hamt_collision(at),
            Body::Element => self.element(at),
            Body::ElementIterator => self.element_iterator(at),
            Body::Pickler => self.pickler(at),
            Body::Unpickler => self.unpickler(at),
            Body::Pdata => self.pdata(at),
            Body::ThreadLocal => self.thread_local(at),
            Body::Stg => self.dict(at),
            Body::XmlParser => self.xml_parser(at),
            Body::SreTemplate => self.sre_template(at),
            Body::Zoneinfo => self.zoneinfo(at),
            Body::SqliteConnection => self.sqlite_connection(at),
            Body::MethodCaller => self.method_caller(at),
            Body::Time | Body::Datetime => self.datetime(at, body),
            Body::Ndarray => self.ndarray(at),
        }
    }

    /// The struct of `len` bytes at `at`.
    #[inline]
    fn view(&self, at: Addr, len: usize) -> Option<View<'a>> {
        let (range, bytes) = self.window.get();
        if range.contains_all(at, len as u64) {
            let skip = usize::try_from(at.0.checked_sub(range.start.0)?).ok()?;
            return Some(View::new(bytes.get(skip..skip.checked_add(len)?)?));
        }
        if at.is_null() {
            return None;
        }
        if let Some(window) = self.mem.window(at) {
            self.window.set(window);
        }
        self.mem.view(at, len).ok()
    }

    /// The pointer at `at`.
    fn word(&self, at: Addr) -> Option<Addr> {
        self.view(at, 8)?.pointer(0)
    }

    /// An array of `count` pointers, each with its index.
    fn pieces(&mut self, array: Addr, count: u64, mut each: impl FnMut(&mut Self, u64, Addr)) -> Option<()> {
        self.array(array, count, 8, |reader, i, word| {
            each(reader, i, pointer(word));
            Some(())
        })
    }

    /// An array of `count` structs of `size` bytes, read in pieces, each with its index. What cannot be read is passed
    /// over, and told by the answer.
    fn array(
        &mut self,
        start: Addr,
        count: u64,
        size: usize,
        mut each: impl FnMut(&mut Self, u64, &[u8]) -> Option<()>,
    ) -> Option<()> {
        let count = count.min(MOST);
        let whole = PIECE.checked_div(size as u64)?.max(1);
        let mut answer = Some(());
        let (mut done, mut missing) = (0u64, 0u64);
        while done < count && missing < MOST_MISSING {
            let some = count.saturating_sub(done).min(whole);
            let at = start.up(done.checked_mul(size as u64)?)?;
            match self.view(at, usize::try_from(some.checked_mul(size as u64)?).ok()?) {
                Some(view) => {
                    missing = 0;
                    for (i, one) in (done..).zip(view.bytes().chunks_exact(size)) {
                        each(self, i, one)?;
                    }
                }
                None => {
                    missing = missing.saturating_add(1);
                    answer = None;
                }
            }
            done = done.saturating_add(some);
        }
        answer
    }
}

/// The pointer that these eight bytes are.
fn pointer(word: &[u8]) -> Addr {
    View::new(word).pointer(0).unwrap_or_default()
}
