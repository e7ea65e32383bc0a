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

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::gc::{self, HeadState, Members, Membership};
use super::layout::{IntShape, Layout, PreHeader, RefcountShape};
use super::pymalloc::{self, ArenaMap, Pool, PoolState};
use super::size::{SizeRule, Sizer};
use super::types::{TypeId, TypeInfo, TypeWorld, Types, flags};
use crate::addr::{Addr, AddrRange};
use crate::heap::SizeBasis;
use crate::memory::{Memory, View};

/// Pieces in which memory outside arenas is looked through.
const PIECE: u64 = 1 << 20;
/// Most words that may turn out to be objects outside the arenas; more is damage or a hostile target.
const MOST_CANDIDATES: usize = 1 << 27;

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
    /// Objects whose type and size are to be told one by one.
    pub watched: FxHashSet<u64>,
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
    /// Blocks in use.
    pub blocks: u64,
    /// Blocks that hold a dead object, kept by the interpreter for reuse.
    pub dead: u64,
    /// Objects left out because they contradict themselves.
    pub skipped: u64,
    /// Pools whose count or chain did not agree.
    pub torn_pools: u64,
}

impl Account {
    fn add(&mut self, other: &Account) {
        self.used_bytes = self.used_bytes.saturating_add(other.used_bytes);
        self.explained_bytes = self.explained_bytes.saturating_add(other.explained_bytes);
        self.blocks = self.blocks.saturating_add(other.blocks);
        self.dead = self.dead.saturating_add(other.dead);
        self.skipped = self.skipped.saturating_add(other.skipped);
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
        Self::merge(first, walkers)
    }

    fn merge(first: Walker<'a, M>, mut walkers: Vec<Walker<'a, M>>) -> Table<'a, M> {
        let mut types = first.types.clone();
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
        }
        account.explained_bytes = account.explained_bytes.min(account.used_bytes);
        for at in counts.keys() {
            types.find(Addr(*at));
        }
        Table { counts, types, sightings, account }
    }

    fn is_module_data(&self, at: Addr) -> bool {
        let i = self.modules_data.partition_point(|r| r.end <= at);
        self.modules_data.get(i).is_some_and(|r| r.contains(at))
    }

    fn is_own_data(&self, at: Addr) -> bool {
        self.own_data.iter().any(|r| r.contains(at))
    }
}

fn pieces(range: &AddrRange) -> Vec<AddrRange> {
    let starts = (0..range.len().div_ceil(PIECE)).filter_map(|i| range.start.up(i.checked_mul(PIECE)?));
    starts.map(|start| AddrRange::new(start, start.up(PIECE).unwrap_or(range.end).min(range.end))).collect()
}

/// What a block holds.
enum Verdict {
    Object { skip: u64, id: TypeId, tracked: bool },
    Dead,
    Other,
}

const RECENT: usize = 1024;

struct Walker<'a, M: ?Sized> {
    world: &'a World<'a, M>,
    types: Types<'a, M>,
    counts: Vec<Count>,
    sightings: Vec<Sighting>,
    account: Account,
    candidates: FxHashSet<u64>,
    recent: Box<[u64; RECENT]>,
    granules: Box<[(u64, bool); RECENT]>,
    offsets: [u64; 3],
}

impl<'a, M: Memory + ?Sized> Walker<'a, M> {
    fn new(world: &'a World<'a, M>, types: Types<'a, M>) -> Self {
        let head = world.layout.gc_head.size as u64;
        let far = match world.layout.shape.pre_header {
            PreHeader::None => head,
            PreHeader::ManagedDict | PreHeader::ManagedDictWeakref => head.saturating_add(16),
        };
        Walker {
            world,
            types,
            counts: Vec::new(),
            sightings: Vec::new(),
            account: Account::default(),
            candidates: FxHashSet::default(),
            recent: Box::new([0; RECENT]),
            granules: Box::new([(u64::MAX, false); RECENT]),
            offsets: [0, head, far],
        }
    }

    fn arena(&mut self, arena: &pymalloc::Arena) {
        let mem = self.world.mem;
        let len = usize::try_from(arena.pools.len()).unwrap_or(0);
        let size = usize::try_from(self.world.layout.shape.pool_size).unwrap_or(usize::MAX);
        if let Ok(view) = mem.view(arena.pools.start, len) {
            for (i, bytes) in (0u64..).zip(view.bytes().chunks_exact(size)) {
                let at = i.checked_mul(size as u64).and_then(|skip| arena.pools.start.up(skip));
                self.pool(arena, at.unwrap_or_default(), bytes);
            }
            return;
        }
        // A part of it is not there: take what is.
        let mut at = arena.pools.start;
        while at < arena.pools.end {
            match mem.view(at, size) {
                Ok(view) => self.pool(arena, at, view.bytes()),
                Err(_) => self.account.torn_pools = self.account.torn_pools.saturating_add(1),
            }
            at = at.up(size as u64).unwrap_or(arena.pools.end);
        }
    }

    fn pool(&mut self, arena: &pymalloc::Arena, at: Addr, bytes: &[u8]) {
        let pool = match pymalloc::pool(self.world.layout, arena, at, bytes) {
            PoolState::Empty => return,
            PoolState::Damaged => {
                self.account.torn_pools = self.account.torn_pools.saturating_add(1);
                return;
            }
            PoolState::Used(pool) => pool,
        };
        if pool.torn {
            self.account.torn_pools = self.account.torn_pools.saturating_add(1);
        }
        let size = usize::try_from(pool.size).unwrap_or(usize::MAX);
        let mut block = pool.first;
        for (i, bytes) in pool.blocks.chunks_exact(size).enumerate() {
            if !pool.is_free(i) {
                self.block(&pool, block, bytes);
            }
            block = block.up(pool.size).unwrap_or_default();
        }
    }

    fn block(&mut self, pool: &Pool<'_>, at: Addr, bytes: &[u8]) {
        self.account.blocks = self.account.blocks.saturating_add(1);
        match self.classify(at, bytes, pool.size) {
            Verdict::Object { skip, id, tracked } => {
                self.account.used_bytes = self.account.used_bytes.saturating_add(pool.size);
                self.account.explained_bytes = self.account.explained_bytes.saturating_add(pool.size);
                let body = View::new(usize::try_from(skip).ok().and_then(|skip| bytes.get(skip..)).unwrap_or_default());
                self.object(id, at.up(skip).unwrap_or_default(), &body, tracked);
            }
            Verdict::Dead => {
                self.account.dead = self.account.dead.saturating_add(1);
                return;
            }
            Verdict::Other => self.account.used_bytes = self.account.used_bytes.saturating_add(pool.size),
        }
        self.scan(bytes);
    }

    /// Is there an object in this block of `size` bytes, and where is its header?
    fn classify(&mut self, at: Addr, bytes: &[u8], size: u64) -> Verdict {
        let l = self.world.layout;
        let mut dead = false;
        let room = match self.world.padding {
            0 => Room::Block(size),
            _ => Room::Requested(requested(bytes)),
        };
        for (i, skip) in self.offsets.into_iter().enumerate() {
            if i == 2 && skip == self.offsets[1] {
                break;
            }
            let before = self.world.padding.saturating_add(skip);
            let Some(header) = usize::try_from(before).ok().and_then(|before| bytes.get(before..)) else { break };
            let header = View::new(header);
            let Some(of) = header.get(l.object.ob_type) else { break };
            // No type lies in an arena: they are larger than its largest block.
            if of.is_null() || !of.is_aligned(8) || !of.is_user() || self.world.map.contains(of) {
                continue;
            }
            let Some(id) = self.types.find(of) else { continue };
            let Some(info) = self.types.info(id) else { continue };
            if info.offset != skip || !fits(l, info, skip, &header, &room) {
                continue;
            }
            let Some(refcount) = header.at::<u64>(l.object.ob_refcnt.at) else { break };
            if refcount == 0 {
                // or the remains of one, where an untracked object's GC head was never written
                dead = true;
                continue;
            }
            if !is_alive(self.world, refcount) {
                continue;
            }
            let tracked = if info.has_gc() {
                let object = at.up(before).unwrap_or_default();
                match self.gc_state(object) {
                    Some(tracked) => tracked,
                    None => continue,
                }
            } else {
                false
            };
            return Verdict::Object { skip: before, id, tracked };
        }
        if dead { Verdict::Dead } else { Verdict::Other }
    }

    /// Is the object of a GC type tracked? `None` where its head is neither linked nor says untracked.
    fn gc_state(&self, object: Addr) -> Option<bool> {
        let w = self.world;
        if let Some(membership) = w.members.get(&w.map, object) {
            return Some(membership == Membership::Tracked);
        }
        let at = object.down(w.layout.gc_head.size as u64)?;
        let head = w.mem.view(at, w.layout.gc_head.size).ok()?;
        match gc::head_state(w.layout, &head)? {
            HeadState::Untracked => Some(false),
            HeadState::Linked(next) => {
                let link = w.layout.gc_head.gc_prev.at as u64;
                let back = next.up(link).and_then(|at| w.mem.word(at).ok()).map(|back| back & !3);
                let linked = back == Some(at.0) || w.collecting && next.is_aligned(8) && w.mem.holds(next);
                linked.then_some(true)
            }
        }
    }

    fn object(&mut self, id: TypeId, at: Addr, body: &View<'_>, tracked: bool) {
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
            self.sightings.push(Sighting { at, of: info.addr, bytes, tracked });
        }
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

    fn elsewhere(&mut self, piece: AddrRange) {
        let len = usize::try_from(piece.len()).unwrap_or(0);
        if let Ok(view) = self.world.mem.view(piece.start, len) {
            self.scan(view.bytes());
            if self.world.is_own_data(piece.start) {
                self.static_numbers_and_strings(piece.start, view.bytes());
            }
        }
    }

    /// Notes each word that points outside the arenas.
    #[inline]
    fn scan(&mut self, bytes: &[u8]) {
        for word in bytes.chunks_exact(8) {
            let Some(word) = word.first_chunk().map(|w| u64::from_le_bytes(*w)) else { continue };
            if word & 7 != 0 || word < 1 << 16 || word >> 47 != 0 {
                continue;
            }
            let slot = (word >> 4) as usize % RECENT;
            match self.recent.get_mut(slot) {
                Some(recent) if *recent == word => continue,
                Some(recent) if self.granules.get((word >> 20) as usize % RECENT) == Some(&(word >> 20, false)) => {
                    let _ = recent;
                    continue;
                }
                _ => self.candidate(word, slot),
            }
        }
    }

    #[cold]
    fn candidate(&mut self, word: u64, slot: usize) {
        let at = Addr(word);
        let w = self.world;
        if w.map.contains(at) {
            // Is all of this MiB arenas? Then its other words need not be asked.
            let base = Addr(word & !((1 << 20) - 1));
            let last = Addr(base.0.saturating_add((1 << 20) - 8));
            if w.map.contains(base)
                && w.map.cell(last).zip(w.map.cell(base)).is_some_and(|(l, b)| l.saturating_sub(b) == (1 << 17) - 1)
                && let Some(granule) = self.granules.get_mut((word >> 20) as usize % RECENT)
            {
                *granule = (word >> 20, false);
            }
            return;
        }
        if !w.mem.holds(at) || self.candidates.len() >= MOST_CANDIDATES {
            return;
        }
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = word;
        }
        self.candidates.insert(word);
    }

    /// Immortal ints and strings that are part of the interpreter's data, and to 3.7 its small ints: they live whether
    /// or not anything points to them.
    fn static_numbers_and_strings(&mut self, start: Addr, bytes: &[u8]) {
        let l = self.world.layout;
        let wanted = [self.world.types.int_type, self.world.types.str_types.first().copied()];
        for (i, word) in (0u64..).zip(bytes.chunks_exact(8)) {
            let of = View::new(word).pointer(0).unwrap_or_default();
            if of.is_null() || !wanted.contains(&Some(of)) {
                continue;
            }
            let at =
                i.checked_mul(8).and_then(|skip| start.up(skip)).and_then(|at| at.down(l.object.ob_type.at as u64));
            let Some(at) = at else { continue };
            let refcount = self.world.mem.word(at).unwrap_or(0) & 0xffff_ffff;
            let small = Some(of) == self.world.types.int_type
                && super::size::small_int(self.world.mem, l, at).is_some_and(|n| (-5..=1024).contains(&n));
            if refcount > 900_000_000 || small && refcount > 0 && l.shape.int == IntShape::ObSize {
                self.candidates.insert(at.0);
            }
        }
    }

    /// Objects outside arenas: those in GC lists, then what words point to.
    fn large(&mut self) {
        let w = self.world;
        let glibc = self.is_glibc();
        let mut members: Vec<(Addr, Membership)> = w.members.outside().collect();
        members.sort_by_key(|(at, _)| *at);
        for (at, membership) in members {
            match self.typed(at) {
                Some((id, refcount)) if is_alive(w, refcount) => {
                    self.outside(id, at, membership == Membership::Tracked);
                }
                _ => self.account.skipped = self.account.skipped.saturating_add(1),
            }
        }
        let mut candidates: Vec<u64> = std::mem::take(&mut self.candidates).into_iter().collect();
        candidates.sort_unstable();
        for at in candidates.into_iter().map(Addr) {
            if w.members.get(&w.map, at).is_some() {
                continue;
            }
            let Some((id, refcount)) = self.typed(at) else { continue };
            let Some(info) = self.types.info(id) else { continue };
            if !is_alive(w, refcount) || w.number_types.contains(&Some(info.addr)) {
                continue;
            }
            let allocated = !w.is_module_data(at);
            // Static type objects are of a GC type and have no GC head.
            let headless = info.is_metatype() && !self.is_heap_type(at);
            if info.is_metatype() && self.types.find(at).is_none() {
                continue;
            }
            let Some(info) = self.types.info(id) else { continue };
            let tracked = if info.has_gc() && !headless {
                match self.gc_state(at) {
                    Some(tracked) => tracked,
                    None => continue,
                }
            } else {
                false
            };
            if allocated && !self.is_chunk(at, info, glibc) {
                continue;
            }
            self.outside(id, at, tracked);
        }
    }

    /// Type and refcount word of what may be an object.
    fn typed(&mut self, at: Addr) -> Option<(TypeId, u64)> {
        let l = self.world.layout;
        let header = self.world.mem.view(at, l.object.size).ok()?;
        let of = header.get(l.object.ob_type)?;
        if of.is_null() || self.world.map.contains(of) {
            return None;
        }
        let refcount = header.at(l.object.ob_refcnt.at)?;
        Some((self.types.find(of)?, refcount))
    }

    fn is_heap_type(&self, at: Addr) -> bool {
        let l = &self.world.layout.type_;
        let flags = at.up(l.tp_flags.at as u64).and_then(|at| self.world.mem.word(at).ok());
        flags.is_some_and(|f| f & flags::HEAPTYPE != 0)
    }

    fn outside(&mut self, id: TypeId, at: Addr, tracked: bool) {
        let Some(info) = self.types.info(id) else { return };
        let l = self.world.layout;
        // enough for every fixed part; what varies is read by the rules themselves
        let fixed = if info.is_metatype() && !self.is_heap_type(at) {
            l.type_.size
        } else {
            usize::try_from(info.basicsize).unwrap_or(0).clamp(l.var_object.size, 1 << 16)
        };
        match self.world.mem.view(at, fixed) {
            Ok(body) => self.object(id, at, &body, tracked),
            Err(_) => self.account.skipped = self.account.skipped.saturating_add(1),
        }
    }

    /// Do large objects lie where glibc's malloc puts them? Asked of those that are surely objects.
    fn is_glibc(&self) -> bool {
        let w = self.world;
        let known = w.members.outside().take(2000);
        let (mut chunks, mut all) = (0u32, 0u32);
        for (at, _) in known {
            let mut skips = self.offsets.iter().skip(1).map(|skip| skip.saturating_add(w.padding));
            all = all.saturating_add(1);
            let found = skips.any(|skip| {
                chunk(w.mem, at, skip).is_some() || chunk(w.mem, at, skip.saturating_add(w.padding)).is_some()
            });
            chunks = chunks.saturating_add(u32::from(found));
        }
        all > 0 && chunks.saturating_mul(10) >= all.saturating_mul(9)
    }

    /// Does this object begin a chunk of glibc's malloc that is in use and large enough for it?
    fn is_chunk(&self, at: Addr, info: &TypeInfo, glibc: bool) -> bool {
        if !glibc {
            return true;
        }
        let before = info.offset.saturating_add(self.world.padding);
        // From 3.11 on the hooks of both allocators note a block that pymalloc passes on to malloc.
        let twice = before.saturating_add(self.world.padding);
        let room = chunk(self.world.mem, at, before).or_else(|| chunk(self.world.mem, at, twice));
        let Some(room) = room else { return false };
        let items = match info.rule {
            SizeRule::Default if info.itemsize > 0 => {
                let at = at.up(self.world.layout.var_object.ob_size.at as u64);
                at.and_then(|at| self.world.mem.word(at).ok()).unwrap_or(0).cast_signed().unsigned_abs()
            }
            _ => 0,
        };
        let fixed = match info.rule {
            // a short string takes less than its type's basic size
            SizeRule::Str | SizeRule::Int | SizeRule::Generator => self.world.layout.var_object.size as u64,
            _ => info.shortest,
        };
        let need = items.checked_mul(info.itemsize).and_then(|n| n.checked_add(fixed)?.checked_add(before));
        need.is_some_and(|need| need <= room)
    }

    /// 2.7 keeps ints and floats in blocks of its own, chained from two statics: found by their shape.
    fn numbers(&mut self) {
        let l = self.world.layout;
        let blocks = [&l.int_block, &l.float_block];
        for (of, block) in self.world.number_types.into_iter().zip(blocks) {
            let (Some(of), Some(block)) = (of, block) else { continue };
            let Some(id) = self.types.find(of) else { continue };
            let Some(first) = self.number_blocks(of, block) else { continue };
            let mut at = first;
            let mut seen = FxHashSet::default();
            while !at.is_null() && seen.insert(at.0) {
                let Some(next) = self.number_block(id, of, at, block) else {
                    self.account.skipped = self.account.skipped.saturating_add(1);
                    break;
                };
                at = next;
            }
        }
    }

    fn number_blocks(&self, of: Addr, block: &super::layout::NumberBlockLayout) -> Option<Addr> {
        let w = self.world;
        w.own_data.iter().find_map(|range| {
            let view = w.mem.view(range.start, usize::try_from(range.len().min(64 << 20)).ok()?).ok()?;
            view.bytes().chunks_exact(8).find_map(|word| {
                let at = View::new(word).pointer(0)?;
                let plausible = at.is_aligned(8) && at.0 > 1 << 16 && w.mem.holds(at) && !w.is_module_data(at);
                (plausible && self.is_number_block(of, at, block)).then_some(at)
            })
        })
    }

    /// Do its slots hold numbers of this type, or links to free slots? A block may have free slots only: then the next
    /// ones tell.
    fn is_number_block(&self, of: Addr, at: Addr, block: &super::layout::NumberBlockLayout) -> bool {
        let w = self.world;
        let size = w.layout.var_object.size;
        let mut at = at;
        // a sum over 5,000 temporaries leaves more than a hundred empty ones behind
        for _ in 0..1 << 16 {
            let Ok(view) = w.mem.view(at, block.size) else { return false };
            let mut live = 0u32;
            for slot in view.bytes().get(block.objects.at..).unwrap_or_default().chunks_exact(size) {
                let Some(kind) = View::new(slot).get(w.layout.object.ob_type) else { return false };
                if kind == of {
                    live = live.saturating_add(1);
                } else if !kind.is_null() && (!w.mem.holds(kind) || w.is_module_data(kind)) {
                    return false;
                }
            }
            let next = view.get(block.next).unwrap_or_default();
            if !next.is_null() && !w.mem.holds(next) {
                return false;
            }
            if live > 0 || next.is_null() {
                return live > 0;
            }
            at = next;
        }
        false
    }

    fn number_block(
        &mut self,
        id: TypeId,
        of: Addr,
        at: Addr,
        block: &super::layout::NumberBlockLayout,
    ) -> Option<Addr> {
        let l = self.world.layout;
        let view = self.world.mem.view(at, block.size).ok()?;
        let first = at.up(block.objects.at as u64)?;
        let size = l.var_object.size;
        for (i, slot) in (0u64..).zip(view.bytes().get(block.objects.at..)?.chunks_exact(size)) {
            let slot = View::new(slot);
            let refcount = slot.at::<u64>(l.object.ob_refcnt.at)?;
            // A free slot holds a link in place of its type.
            if slot.get(l.object.ob_type)? == of && refcount > 0 {
                self.object(id, first.up(i.checked_mul(size as u64)?)?, &slot, false);
            }
        }
        view.get(block.next)
    }
}

/// The room in the chunk of glibc's malloc whose user part begins `skip` bytes before `at`, if there is such a chunk
/// and it is in use (`malloc/malloc.c`: sizes are multiples of 16, bit 0 says that the chunk before is in use, bit 1
/// that it was mapped on its own).
fn chunk<M: Memory + ?Sized>(mem: &M, at: Addr, skip: u64) -> Option<u64> {
    let user = at.down(skip)?;
    if !user.is_aligned(16) {
        return None;
    }
    let size = mem.word(user.down(8)?).ok()?;
    let room = (size & !7).checked_sub(8).filter(|room| *room >= 24 && size & 8 == 0 && size >> 40 == 0)?;
    if size & 2 == 0 {
        // `room` bytes on lies the next chunk's size
        let next = mem.word(user.up(room)?).ok()?;
        if next & 1 == 0 {
            return None;
        }
    }
    Some(room)
}

fn is_alive<M: Memory + ?Sized>(world: &World<'_, M>, refcount: u64) -> bool {
    match world.layout.shape.refcount {
        // In a program that is not position-independent the heap lies so low that a pointer passes as a count.
        RefcountShape::Plain | RefcountShape::Immortal32 => {
            refcount > 0
                && refcount <= 0xffff_ffff
                && !(refcount & 7 == 0 && refcount > 0xffff && world.mem.holds(Addr(refcount)))
        }
    }
}

/// How much room an object has.
enum Room {
    /// A block of a size class, in bytes.
    Block(u64),
    /// What was asked for, which the debug hooks write down, in bytes.
    Requested(u64),
}

/// What the debug hooks noted in a block: how many bytes were asked for (`Objects/obmalloc.c`, big endian).
fn requested(block: &[u8]) -> u64 {
    block.first_chunk().map_or(0, |size| u64::from_be_bytes(*size))
}

/// Bytes that the debug hooks put before each block: its size, a letter for the API and seven fill bytes. Asked of
/// objects that are surely ones.
pub fn padding<M: Memory + ?Sized>(mem: &M, layout: &Layout, members: &Members) -> u64 {
    let head = layout.gc_head.size as u64;
    let far = if layout.shape.pre_header == PreHeader::None { head } else { head.saturating_add(16) };
    let (mut hooked, mut all) = (0u32, 0u32);
    for (at, _) in members.outside().take(500) {
        let noted = |skip: u64| {
            let mut note = [0; 8];
            let at = at.down(skip)?.down(8)?;
            mem.read(at, &mut note).ok()?;
            // 0xFB in 3.6
            Some(matches!(note, [b'o' | b'm' | b'r', fill @ ..] if fill == [0xfd; 7] || fill == [0xfb; 7]))
        };
        all = all.saturating_add(1);
        hooked = hooked.saturating_add(u32::from([head, far].into_iter().any(|skip| noted(skip) == Some(true))));
    }
    if hooked > all / 2 { 16 } else { 0 }
}

/// Can an instance of this type fill this room?
fn fits(l: &Layout, info: &TypeInfo, skip: u64, header: &View<'_>, room: &Room) -> bool {
    let (Room::Block(block) | Room::Requested(block)) = *room;
    if let (Room::Requested(bytes), 0) = (room, info.itemsize) {
        let exact = |n: u64| skip.saturating_add(n) == *bytes;
        let open = matches!(info.rule, SizeRule::Str | SizeRule::Generator) || info.flags & flags::INLINE_VALUES != 0;
        return open && skip.saturating_add(l.object.size as u64) <= *bytes
            || exact(info.basicsize)
            || exact(info.shortest);
    }
    let rounded = |bytes: u64| skip.saturating_add(bytes).checked_next_multiple_of(16).unwrap_or(u64::MAX);
    if info.itemsize == 0 {
        return match info.rule {
            // text follows the header
            SizeRule::Str | SizeRule::Generator => rounded(info.basicsize.min(l.object.size as u64)) <= block,
            _ if info.flags & flags::INLINE_VALUES != 0 => rounded(info.basicsize) <= block,
            _ => {
                let eight = |bytes: u64| skip.saturating_add(bytes).checked_next_multiple_of(8).unwrap_or(u64::MAX);
                [info.basicsize, info.shortest].into_iter().any(|n| rounded(n) == block || eight(n) == block)
            }
        };
    }
    match info.rule {
        SizeRule::Default => {
            let items = header.get(l.var_object.ob_size).unwrap_or(0).unsigned_abs();
            let need = items.checked_mul(info.itemsize).and_then(|n| n.checked_add(info.basicsize));
            need.is_some_and(|need| skip.saturating_add(need) <= block)
        }
        _ => skip.saturating_add(info.basicsize.min(l.var_object.size as u64)) <= block,
    }
}

/// How the bytes of a type were found; what the table says of types beyond counts.
#[must_use]
pub fn basis<M: Memory + ?Sized>(types: &mut Types<'_, M>, at: Addr) -> SizeBasis {
    types.find(at).and_then(|id| types.info(id)).map_or(SizeBasis::Basic, |info| info.basis)
}
