//! Blocks that pymalloc has handed out → the small objects in them. Judges a block by itself; it measures nothing.

use super::{Walker, is_alive};
use crate::addr::Addr;
use crate::cpython::layout::Layout;
use crate::cpython::pymalloc::{self, Pool, PoolState};
use crate::cpython::size::SizeRule;
use crate::cpython::types::{TypeId, TypeInfo, flags};
use crate::heap::{FoundBy, Generation};
use crate::memory::{Memory, View};

/// What a block holds.
enum Verdict {
    Object { skip: u64, id: TypeId, generation: Generation },
    Dead,
    Other,
}

/// How much room an object has.
enum Room {
    /// A block of a size class, in bytes.
    Block(u64),
    /// What was asked for, which the debug hooks write down, in bytes.
    Requested(u64),
}

impl<M: Memory + ?Sized> Walker<'_, M> {
    pub(super) fn arena(&mut self, arena: &pymalloc::Arena) {
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
        match self.classify(at, bytes, pool.size) {
            Verdict::Object { skip, id, generation } => {
                self.account.used_bytes = self.account.used_bytes.saturating_add(pool.size);
                self.account.explained_bytes = self.account.explained_bytes.saturating_add(pool.size);
                let body = View::new(usize::try_from(skip).ok().and_then(|skip| bytes.get(skip..)).unwrap_or_default());
                self.object(id, at.up(skip).unwrap_or_default(), &body, generation, FoundBy::Block);
            }
            // Kept by the interpreter for reuse, so not handed out; or 3.11's attribute values, which may begin like that
            // and be all that points to a long string.
            Verdict::Dead => {}
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
            if !is_alive(self.world, refcount, true) {
                continue;
            }
            let generation = if info.has_gc() {
                let object = at.up(before).unwrap_or_default();
                match self.gc_state(object) {
                    Some(generation) => generation,
                    None => continue,
                }
            } else {
                Generation::None
            };
            return Verdict::Object { skip: before, id, generation };
        }
        if dead { Verdict::Dead } else { Verdict::Other }
    }
}

/// What the debug hooks noted in a block: how many bytes were asked for (`Objects/obmalloc.c`, big endian).
fn requested(block: &[u8]) -> u64 {
    block.first_chunk().map_or(0, |size| u64::from_be_bytes(*size))
}

/// Can an instance of this type fill this room?
fn fits(l: &Layout, info: &TypeInfo, skip: u64, header: &View<'_>, room: &Room) -> bool {
    let (Room::Block(block) | Room::Requested(block)) = *room;
    if let (Room::Requested(bytes), 0) = (room, info.itemsize) {
        let exact = |n: u64| skip.saturating_add(n) == *bytes;
        let open = matches!(info.rule, SizeRule::Str | SizeRule::Generator | SizeRule::EncodingMap)
            || info.flags & flags::INLINE_VALUES != 0;
        return open && skip.saturating_add(l.object.size as u64) <= *bytes
            || exact(info.basicsize)
            || exact(info.shortest);
    }
    let rounded = |bytes: u64| skip.saturating_add(bytes).checked_next_multiple_of(16).unwrap_or(u64::MAX);
    if info.itemsize == 0 {
        return match info.rule {
            // text follows the header
            SizeRule::Str | SizeRule::Generator | SizeRule::EncodingMap => {
                rounded(info.basicsize.min(l.object.size as u64)) <= block
            }
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
