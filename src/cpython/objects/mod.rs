//! The object table: arenas, GC lists and pointers → every live object of the target, once, with its type and size.
//!
//! Three sources, none of which suffices alone:
//! - blocks that pymalloc has handed out: all small objects, tracked or not;
//! - the collector's lists: large objects that it tracks;
//! - words anywhere in writable memory that point outside the arenas at something that proves to be an object: large
//!   untracked ones (long strings, code), static types and singletons.
//!
//! A block holds an object if its header proves it: a plausible refcount, a verified type, the header where that
//! type's instances have it, a GC head that is linked or says untracked, a size that fits. Dead objects on CPython's
//! free lists are blocks in use with refcount 0, so they fall out.

mod blocks;
mod index;
mod large;
mod numbers;
mod pointers;

pub use index::Index;
pub use large::{note, padding};

use std::sync::atomic::AtomicU64;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::gc::{self, HeadState, Members, Membership};
use super::layout::{Layout, PreHeader, RefcountShape};
use super::pymalloc::ArenaMap;
use super::size::Sizer;
use super::types::{TypeId, TypeWorld, Types};
use crate::addr::{Addr, AddrRange};
use crate::heap::{FoundBy, Generation, SizeBasis};
use crate::memory::{Memory, View};

/// Pieces in which memory outside arenas is looked through.
const PIECE: u64 = 1 << 20;
/// What a word that may turn out to be an object outside the arenas takes here, in bytes: its place in a set of each
/// worker's, in the joint one, and in a list.
pub const CANDIDATE: u64 = 48;

/// What the walk needs to know of the target.
pub struct World<'a, M: ?Sized> {
    /// Its memory.
    pub mem: &'a M,
    /// Its layout.
    pub layout: &'a Layout,
    /// What types are verified against.
    pub types: TypeWorld,
    /// Its arenas.
    pub map: ArenaMap,
    /// Objects in the collector's lists.
    pub members: Members,
    /// Was a collection under way? Then objects may hang on a list whose head is not known.
    pub collecting: bool,
    /// Memory outside arenas that is to be looked through for pointers, sorted.
    pub elsewhere: Vec<AddrRange>,
    /// Writable data of all modules, sorted: what lies there was not allocated.
    pub modules_data: Vec<AddrRange>,
    /// The interpreter's own data.
    pub own_data: Vec<AddrRange>,
    /// `PyInt_Type` and `PyFloat_Type` of 2.7, which have an allocator of their own.
    pub number_types: [Option<Addr>; 2],
    /// What the debug hooks of the allocators put before each block, in bytes; 0 without them.
    pub padding: u64,
    /// How many words may still be noted as perhaps an object outside the arenas, over all workers.
    pub candidates_left: AtomicU64,
    /// Objects whose type and size are to be told one by one.
    pub watched: FxHashSet<u64>,
    /// Is each object to be kept as a row, or are sums enough?
    pub keep_rows: bool,
}

/// One object, as the walk found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Where its header lies.
    pub at: Addr,
    /// Its type, by its number in the table's [`Types`].
    pub of: TypeId,
    /// `ob_refcnt`, its low 32 bits.
    pub refcount: u32,
    /// `sys.getsizeof`, in bytes.
    pub bytes: u64,
    /// In which of the collector's lists it stands.
    pub generation: Generation,
    /// How it was found.
    pub found_by: FoundBy,
}

/// Objects of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// How many.
    pub count: u64,
    /// Their sizes, in bytes.
    pub bytes: u64,
    /// How many `gc.get_objects()` would return.
    pub tracked: u64,
}

/// One object that was watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Where its header lies.
    pub at: Addr,
    /// Its type.
    pub of: Addr,
    /// `sys.getsizeof`, in bytes.
    pub bytes: u64,
    /// Would `gc.get_objects()` return it?
    pub tracked: bool,
}

/// What the walk could and could not account for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// Bytes in blocks that are in use, without dead objects on free lists.
    pub used_bytes: u64,
    /// Of these, bytes in blocks that are an object or belong to one.
    pub explained_bytes: u64,
    /// Objects left out because they contradict themselves.
    pub skipped: u64,
    /// Objects outside the arenas that the copy did not hold, so that they were read from the live process.
    pub late: u64,
    /// Words that could not be noted, since there were too many: then the table is not complete.
    pub unnoted: u64,
    /// Pools whose count or chain did not agree.
    pub torn_pools: u64,
}

impl Account {
    fn add(&mut self, other: &Account) {
        self.used_bytes = self.used_bytes.saturating_add(other.used_bytes);
        self.explained_bytes = self.explained_bytes.saturating_add(other.explained_bytes);
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.unnoted = self.unnoted.saturating_add(other.unnoted);
        self.late = self.late.saturating_add(other.late);
        self.torn_pools = self.torn_pools.saturating_add(other.torn_pools);
    }
}

/// The outcome of a walk.
pub struct Table<'a, M: ?Sized> {
    /// Counts by address of the type object.
    pub counts: FxHashMap<u64, Count>,
    /// The types, for names.
    pub types: Types<'a, M>,
    /// The objects that were watched for.
    pub sightings: Vec<Sighting>,
    /// All objects, where they were to be kept: those in arenas by address, then the others by address.
    pub rows: Vec<Row>,
    /// What was accounted for.
    pub account: Account,
}

impl<'a, M: Memory + ?Sized> World<'a, M> {
    /// Finds and measures all objects.
    pub fn walk(&'a self) -> Table<'a, M> {
        let mut first = Walker::new(self, Types::new(self.mem, self.layout, &self.types));
        first.numbers();
        let types = first.types.clone();
        let arenas = self.map.arenas();
        let pieces: Vec<AddrRange> = self.elsewhere.iter().flat_map(pieces).collect();
        let share = |n: usize| n.div_ceil(rayon::current_num_threads().max(1).saturating_mul(4)).max(1);
        let start = || Walker::new(self, types.clone());
        let mut walkers: Vec<Walker<'a, M>> = arenas
            .par_iter()
            .with_min_len(share(arenas.len()))
            .fold(start, |mut walker, arena| {
                walker.arena(arena);
                walker
            })
            .chain(pieces.par_iter().with_min_len(share(pieces.len())).fold(start, |mut walker, piece| {
                walker.elsewhere(*piece);
                walker
            }))
            .collect();
        for walker in &mut walkers {
            first.candidates.extend(walker.candidates.drain());
        }
        first.large();
        self.merge(first, walkers)
    }

    fn merge(&self, first: Walker<'a, M>, mut walkers: Vec<Walker<'a, M>>) -> Table<'a, M> {
        let mut types = first.types.clone();
        let mut rows =
            Vec::with_capacity(walkers.iter().map(|w| w.rows.len()).fold(first.rows.len(), usize::saturating_add));
        walkers.push(first);
        let mut counts: FxHashMap<u64, Count> = FxHashMap::default();
        let mut account = Account::default();
        let mut sightings = Vec::new();
        for walker in &mut walkers {
            for (id, info) in walker.types.all() {
                let Some(count) = walker.counts.get(id as usize).filter(|c| c.count > 0) else { continue };
                let sum = counts.entry(info.addr.0).or_default();
                sum.count = sum.count.saturating_add(count.count);
                sum.bytes = sum.bytes.saturating_add(count.bytes);
                sum.tracked = sum.tracked.saturating_add(count.tracked);
            }
            account.add(&walker.account);
            sightings.append(&mut walker.sightings);
            // Each walker numbers types in the order in which it met them.
            let number: Vec<Option<TypeId>> = match walker.rows.is_empty() {
                true => Vec::new(),
                false => walker.types.all().map(|(_, info)| info.addr).map(|at| types.find(at)).collect(),
            };
            let renumbered = walker.rows.iter().filter_map(|row| {
                let of = (*number.get(row.of as usize)?)?;
                Some(Row { of, ..*row })
            });
            rows.extend(renumbered);
            walker.rows = Vec::new();
        }
        account.explained_bytes = account.explained_bytes.min(account.used_bytes);
        for at in counts.keys() {
            types.find(Addr(*at));
        }
        let place = |row: &Row| (!self.map.contains(row.at), row.at);
        if !rows.is_sorted_by_key(place) {
            rows.par_sort_unstable_by_key(place);
        }
        rows.dedup_by_key(|row| row.at);
        Table { counts, types, sightings, rows, account }
    }

    fn is_module_data(&self, at: Addr) -> bool {
        AddrRange::holding(&self.modules_data, at).is_some()
    }

    fn is_own_data(&self, at: Addr) -> bool {
        self.own_data.iter().any(|r| r.contains(at))
    }
}

fn pieces(range: &AddrRange) -> Vec<AddrRange> {
    let starts = (0..range.len().div_ceil(PIECE)).filter_map(|i| range.start.up(i.checked_mul(PIECE)?));
    starts.map(|start| AddrRange::new(start, start.up(PIECE).unwrap_or(range.end).min(range.end))).collect()
}

/// From the start of a block to the header in it: without a GC head, with one, with a pre-header too (where the version
/// has none, the second again).
fn header_offsets(layout: &Layout) -> [u64; 3] {
    let head = layout.gc_head.size as u64;
    let far = match layout.shape.pre_header {
        PreHeader::None => head,
        PreHeader::ManagedDict | PreHeader::ManagedDictWeakref => head.saturating_add(16),
    };
    [0, head, far]
}

const RECENT: usize = 1024;

struct Walker<'a, M: ?Sized> {
    world: &'a World<'a, M>,
    types: Types<'a, M>,
    counts: Vec<Count>,
    sightings: Vec<Sighting>,
    rows: Vec<Row>,
    account: Account,
    candidates: FxHashSet<u64>,
    /// Words that were noted lately, by their low bits.
    recent: Box<[u64; RECENT]>,
    /// MiBs of address space that are arenas all through, by their low bits.
    arena_granules: Box<[u64; RECENT]>,
    offsets: [u64; 3],
}

impl<'a, M: Memory + ?Sized> Walker<'a, M> {
    fn new(world: &'a World<'a, M>, types: Types<'a, M>) -> Self {
        Walker {
            world,
            types,
            counts: Vec::new(),
            sightings: Vec::new(),
            rows: Vec::new(),
            account: Account::default(),
            candidates: FxHashSet::default(),
            recent: Box::new([0; RECENT]),
            arena_granules: Box::new([u64::MAX; RECENT]),
            offsets: header_offsets(world.layout),
        }
    }

    /// In which of the collector's lists an object of a GC type stands. `None` where its head is neither linked nor says
    /// untracked.
    fn gc_state(&self, object: Addr) -> Option<Generation> {
        let w = self.world;
        if let Some(membership) = w.members.get(&w.map, object) {
            return Some(generation(membership));
        }
        let at = object.down(w.layout.gc_head.size as u64)?;
        let head = w.mem.view(at, w.layout.gc_head.size).ok()?;
        match gc::head_state(w.layout, &head)? {
            HeadState::Untracked => Some(Generation::None),
            HeadState::Linked(next) => {
                let link = w.layout.gc_head.gc_prev.at as u64;
                let back = next.up(link).and_then(|at| w.mem.word(at).ok()).map(|back| gc::link(w.layout, back));
                // What was not allocated hangs on no list of the collector's.
                let adrift = w.collecting && next.is_aligned(16) && w.mem.holds(next) && !w.is_module_data(object);
                let linked = back == Some(at) || adrift;
                linked.then_some(Generation::Unlisted)
            }
        }
    }

    fn object(&mut self, id: TypeId, at: Addr, body: &View<'_>, generation: Generation, found_by: FoundBy) {
        let w = self.world;
        let Some(info) = self.types.info(id) else { return };
        let sizer = Sizer { mem: w.mem, layout: w.layout };
        let mut explained = 0u64;
        let mut buffer = |at: Addr| {
            if !at.is_null() {
                let block = w.map.block_holding(w.mem, w.layout, at);
                explained = explained.saturating_add(block.unwrap_or(0));
            }
        };
        let Some(bytes) = sizer.measure(info, at, body, &mut buffer) else {
            self.account.skipped = self.account.skipped.saturating_add(1);
            return;
        };
        self.account.explained_bytes = self.account.explained_bytes.saturating_add(explained);
        if !w.watched.is_empty() && w.watched.contains(&at.0) {
            self.sightings.push(Sighting { at, of: info.addr, bytes, tracked: generation.is_tracked() });
        }
        if w.keep_rows {
            let refcount = body.at(w.layout.object.ob_refcnt.at).unwrap_or(0);
            self.rows.push(Row { at, of: id, refcount, bytes, generation, found_by });
        }
        let tracked = generation.is_tracked();
        let index = id as usize;
        if index >= self.counts.len() {
            self.counts.resize(index.saturating_add(1), Count::default());
        }
        if let Some(count) = self.counts.get_mut(index) {
            count.count = count.count.saturating_add(1);
            count.bytes = count.bytes.saturating_add(bytes);
            count.tracked = count.tracked.saturating_add(u64::from(tracked));
        }
    }
}

fn generation(membership: Membership) -> Generation {
    match membership {
        Membership::Generation(n) => Generation::Number(n),
        Membership::Permanent => Generation::Permanent,
    }
}

/// Can a live object's refcount word be this? `allocated`: does the object lie in memory that was allocated, so that the
/// word may be an allocator's link? (3.11 starts the counts of static objects at 999,999,999, which a low heap may hold.)
fn is_alive<M: Memory + ?Sized>(world: &World<'_, M>, refcount: u64, allocated: bool) -> bool {
    match world.layout.shape.refcount {
        // In a program that is not position-independent the heap lies so low that a pointer passes as a count.
        RefcountShape::Plain | RefcountShape::Immortal32 => {
            let link = allocated && refcount & 7 == 0 && refcount > 0xffff && world.mem.holds(Addr(refcount));
            refcount > 0 && refcount <= 0xffff_ffff && !link
        }
    }
}

/// How the bytes of a type were found; what the table says of types beyond counts.
#[must_use]
pub fn basis<M: Memory + ?Sized>(types: &mut Types<'_, M>, at: Addr) -> SizeBasis {
    types.find(at).and_then(|id| types.info(id)).map_or(SizeBasis::Basic, |info| info.basis)
}
