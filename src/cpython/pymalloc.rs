//! pymalloc's arenas → which blocks are handed out (`Objects/obmalloc.c`). Knows nothing of what lies in a block.

use super::layout::Layout;
use crate::addr::{Addr, AddrRange};
use crate::memory::{Memory, View};

/// Most arenas that are believed: 1 TiB of the larger kind.
const MOST_ARENAS: u64 = 1 << 20;
/// Most blocks a pool can hold: 16 KiB of 8 bytes.
const MOST_BLOCKS: usize = 2048;
/// Largest block, in bytes.
pub const LARGEST: u64 = 512;

/// One arena in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arena {
    /// Its index in `arenas`.
    pub index: u32,
    /// All of it, as allocated.
    pub range: AddrRange,
    /// The pools that were carved so far.
    pub pools: AddrRange,
}

/// The arena records at `table`: those in use, and how many were inconsistent.
#[must_use]
pub fn arenas<M: Memory + ?Sized>(mem: &M, layout: &Layout, table: Addr, count: u64) -> (Vec<Arena>, u64) {
    let mut found = Vec::new();
    let mut damaged = 0u64;
    let record = layout.arena.size;
    let mut index = 0u64;
    while index < count.min(MOST_ARENAS) {
        let batch = count.saturating_sub(index).min(512);
        let at = index.checked_mul(record as u64).and_then(|skip| table.up(skip));
        let len = usize::try_from(batch).unwrap_or(0).saturating_mul(record);
        let Some(view) = at.and_then(|at| mem.view(at, len).ok()) else {
            damaged = damaged.saturating_add(batch);
            break;
        };
        for (i, bytes) in (index..).zip(view.bytes().chunks_exact(record)) {
            match parse(layout, &View::new(bytes), i) {
                Record::Unused => {}
                Record::Used(arena) => found.push(arena),
                Record::Damaged => damaged = damaged.saturating_add(1),
            }
        }
        index = index.saturating_add(batch);
    }
    found.sort_by_key(|a| a.range.start);
    // An arena that overlaps its neighbour is no arena.
    let before = found.len();
    found.dedup_by(|next, kept| next.range.start < kept.range.end);
    damaged = damaged.saturating_add(before.saturating_sub(found.len()) as u64);
    (found, damaged)
}

/// What an arena record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// No arena hangs on it.
    Unused,
    /// An arena.
    Used(Arena),
    /// Its fields contradict each other.
    Damaged,
}

/// Reads one record and checks its fields against each other.
#[must_use]
pub fn parse(layout: &Layout, view: &View<'_>, index: u64) -> Record {
    checked(layout, view, index).unwrap_or(Record::Damaged)
}

fn checked(layout: &Layout, view: &View<'_>, index: u64) -> Option<Record> {
    let (a, shape) = (&layout.arena, &layout.shape);
    let address = view.get(a.address)?;
    if address.is_null() {
        return Some(Record::Unused);
    }
    if !address.is_user() || !address.is_aligned(8) {
        return None;
    }
    let first = Addr(address.0.checked_next_multiple_of(shape.pool_size)?);
    let all = shape.arena_size.checked_div(shape.pool_size)?;
    let pools = all.checked_sub(u64::from(first != address))?;
    let total = u64::from(view.get(a.ntotalpools)?);
    let free = u64::from(view.get(a.nfreepools)?);
    let carved_to = view.get(a.pool_address)?;
    let end = first.up(pools.checked_mul(shape.pool_size)?)?;
    let carved = carved_to.0.checked_sub(first.0)?;
    let uncarved = end.0.checked_sub(carved_to.0)?;
    let good = total == pools
        && free <= total
        && carved.checked_rem(shape.pool_size)? == 0
        && uncarved.checked_div(shape.pool_size)? <= free;
    good.then_some(Record::Used(Arena {
        index: u32::try_from(index).ok()?,
        range: AddrRange::new(address, address.up(shape.arena_size)?),
        pools: AddrRange::new(first, carved_to),
    }))
}

/// A pool with blocks in use.
pub struct Pool<'a> {
    /// Where it lies.
    pub at: Addr,
    /// Bytes a block.
    pub size: u64,
    /// The blocks that were carved so far, as bytes.
    pub blocks: &'a [u8],
    /// Where the first block lies.
    pub first: Addr,
    /// Blocks in use.
    pub used: u64,
    /// Did `ref.count` or the free chain contradict the rest (a torn moment)?
    pub torn: bool,
    free: [u64; MOST_BLOCKS / 64],
}

impl Pool<'_> {
    /// Is block number `i` on the free chain?
    #[inline]
    #[must_use]
    pub fn is_free(&self, i: usize) -> bool {
        self.free.get(i / 64).is_some_and(|word| word >> (i % 64) & 1 == 1)
    }
}

/// What is in a pool's place.
pub enum PoolState<'a> {
    /// No block in use; all other fields are stale.
    Empty,
    /// Blocks in use.
    Used(Box<Pool<'a>>),
    /// Its header contradicts itself or the arena.
    Damaged,
}

/// Reads the pool whose bytes are `bytes`.
#[must_use]
pub fn pool<'a>(layout: &Layout, arena: &Arena, at: Addr, bytes: &'a [u8]) -> PoolState<'a> {
    read_pool(layout, arena, at, bytes).unwrap_or(PoolState::Damaged)
}

/// Size of the blocks of the pool whose header `view` shows, and how many bytes of them are carved.
#[must_use]
pub fn block_size(layout: &Layout, view: &View<'_>) -> Option<(u64, u64)> {
    let (p, shape) = (&layout.pool, &layout.shape);
    // the largest `nextoffset` at which one more block fits: so block size = POOL_SIZE - maxnextoffset
    let size = shape.pool_size.checked_sub(u64::from(view.get(p.maxnextoffset)?))?;
    let class = u64::from(view.get(p.szidx)?).checked_add(1)?;
    if !(8..=LARGEST).contains(&size) || !(size == class.checked_mul(16)? || size == class.checked_mul(8)?) {
        return None;
    }
    let carved = u64::from(view.get(p.nextoffset)?).checked_sub(p.size as u64)?;
    let room = shape.pool_size.checked_sub(p.size as u64)?;
    (carved <= room).then_some((size, carved))
}

fn read_pool<'a>(layout: &Layout, arena: &Arena, at: Addr, bytes: &'a [u8]) -> Option<PoolState<'a>> {
    let p = &layout.pool;
    let view = View::new(bytes);
    let count = u64::from(view.get(p.ref_count)?);
    if count == 0 {
        return Some(PoolState::Empty);
    }
    if view.get(p.arenaindex)? != arena.index {
        return None;
    }
    let (size, carved) = block_size(layout, &view)?;
    let carved_blocks = carved.checked_div(size)?;
    let blocks = bytes.get(p.size..)?.get(..usize::try_from(carved_blocks.checked_mul(size)?).ok()?)?;
    let first = at.up(p.size as u64)?;
    let mut free = [0u64; MOST_BLOCKS / 64];
    let mut freed = 0u64;
    let mut torn = false;
    let mut link = view.get(p.freeblock)?;
    while !link.is_null() {
        let skip = link.0.checked_sub(first.0).filter(|s| s.checked_rem(size) == Some(0));
        let index = skip.and_then(|s| s.checked_div(size)).filter(|i| *i < carved_blocks);
        let Some(index) = index.and_then(|i| usize::try_from(i).ok()) else {
            torn = true;
            break;
        };
        let word = free.get_mut(index / 64)?;
        let bit = 1u64 << (index % 64);
        if *word & bit != 0 {
            torn = true;
            break;
        }
        *word |= bit;
        freed = freed.saturating_add(1);
        link = View::new(blocks).pointer(usize::try_from(skip?).ok()?)?;
    }
    let used = carved_blocks.checked_sub(freed)?;
    torn |= used != count;
    Some(PoolState::Used(Box::new(Pool { at, size, blocks, first, used, torn, free })))
}

/// Arenas as contiguous spans, and in which arena an address lies.
#[derive(Debug, Default)]
pub struct ArenaMap {
    arenas: Vec<Arena>,
    spans: Vec<Span>,
}

/// Neighbouring arenas, seen as one range.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The addresses.
    pub range: AddrRange,
    /// Number of 8-byte cells in the spans before this one.
    pub cells_before: u64,
}

impl ArenaMap {
    /// From arenas of any number of interpreters.
    #[must_use]
    pub fn new(mut arenas: Vec<Arena>) -> Self {
        arenas.sort_by_key(|a| a.range.start);
        arenas.dedup_by(|next, kept| next.range.start < kept.range.end);
        let mut spans: Vec<Span> = Vec::new();
        for arena in &arenas {
            match spans.last_mut() {
                Some(span) if span.range.end == arena.range.start => span.range.end = arena.range.end,
                last => {
                    let cells_before = last.map_or(0, |s| s.cells_before.saturating_add(s.range.len() / 8));
                    spans.push(Span { range: arena.range, cells_before });
                }
            }
        }
        ArenaMap { arenas, spans }
    }

    /// All arenas, by address.
    #[must_use]
    pub fn arenas(&self) -> &[Arena] {
        &self.arenas
    }

    /// How many 8-byte cells all spans hold.
    #[must_use]
    pub fn cells(&self) -> u64 {
        self.spans.last().map_or(0, |s| s.cells_before.saturating_add(s.range.len() / 8))
    }

    /// Does an arena hold this address?
    #[inline]
    #[must_use]
    pub fn contains(&self, at: Addr) -> bool {
        self.span(at).is_some()
    }

    #[inline]
    fn span(&self, at: Addr) -> Option<&Span> {
        let i = self.spans.partition_point(|s| s.range.end <= at);
        self.spans.get(i).filter(|s| s.range.start <= at)
    }

    /// The number of the 8-byte cell at this address, over all spans.
    #[inline]
    #[must_use]
    pub fn cell(&self, at: Addr) -> Option<u64> {
        let span = self.span(at)?;
        span.cells_before.checked_add(at.0.checked_sub(span.range.start.0)? / 8)
    }

    /// The arena that holds this address.
    #[must_use]
    pub fn arena(&self, at: Addr) -> Option<&Arena> {
        let i = self.arenas.partition_point(|a| a.range.end <= at);
        self.arenas.get(i).filter(|a| a.range.start <= at)
    }

    /// The size of the block that holds this address, if it is in a carved block of an arena.
    #[must_use]
    pub fn block_holding<M: Memory + ?Sized>(&self, mem: &M, layout: &Layout, at: Addr) -> Option<u64> {
        let arena = self.arena(at).filter(|a| a.pools.contains(at))?;
        let skip = at.0.checked_sub(arena.pools.start.0)?;
        let pool = arena.pools.start.up(skip.checked_sub(skip.checked_rem(layout.shape.pool_size)?)?)?;
        let view = mem.view(pool, layout.pool.size).ok()?;
        let (size, carved) = block_size(layout, &view)?;
        let within = at.0.checked_sub(pool.0)?.checked_sub(layout.pool.size as u64)?;
        (within < carved).then_some(size)
    }
}
