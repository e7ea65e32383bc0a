//! Candidates and the collector's lists → objects outside the arenas: large ones, static types, singletons.

use super::{Walker, header_offsets, is_alive};
use crate::addr::Addr;
use crate::cpython::gc::{Members, Membership};
use crate::cpython::layout::Layout;
use crate::cpython::size::SizeRule;
use crate::cpython::types::{TypeId, TypeInfo, flags};
use crate::heap::{FoundBy, Generation};
use crate::memory::Memory;

/// What the debug hooks put before a block, in bytes.
const NOTE: u64 = 16;

impl<M: Memory + ?Sized> Walker<'_, M> {
    /// Objects outside arenas: those in GC lists, then what words point to.
    pub(super) fn large(&mut self) {
        let w = self.world;
        let glibc = self.is_glibc();
        let mut members: Vec<(Addr, Membership)> = w.members.outside().collect();
        members.sort_by_key(|(at, _)| *at);
        for (at, membership) in members {
            match self.typed(at) {
                Some((id, refcount)) if is_alive(w, refcount, !w.is_module_data(at)) => {
                    self.outside(id, at, super::generation(membership), FoundBy::Collector);
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
            let allocated = !w.is_module_data(at);
            if !is_alive(w, refcount, allocated) || w.number_types.contains(&Some(info.addr)) {
                continue;
            }
            // Static type objects are of a GC type and have no GC head.
            let headless = info.is_metatype() && !self.is_heap_type(at);
            if info.is_metatype() && self.types.find(at).is_none() {
                continue;
            }
            let Some(info) = self.types.info(id) else { continue };
            let generation = if info.has_gc() && !headless {
                match self.gc_state(at) {
                    Some(generation) => generation,
                    None => continue,
                }
            } else {
                Generation::None
            };
            if allocated && glibc && (!self.is_chunk(at, info, headless) || self.is_fast_link(at, refcount)) {
                continue;
            }
            self.outside(id, at, generation, FoundBy::Pointer);
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

    fn outside(&mut self, id: TypeId, at: Addr, generation: Generation, found_by: FoundBy) {
        let late = u64::from(self.world.mem.window(at).is_none());
        self.account.late = self.account.late.saturating_add(late);
        let Some(info) = self.types.info(id) else { return };
        let l = self.world.layout;
        // enough for every fixed part; what varies is read by the rules themselves
        let fixed = if info.is_metatype() && !self.is_heap_type(at) {
            l.type_.size
        } else {
            usize::try_from(info.basicsize).unwrap_or(0).clamp(l.var_object.size, 1 << 16)
        };
        match self.world.mem.view(at, fixed) {
            Ok(body) => self.object(id, at, &body, generation, found_by),
            Err(_) => self.account.skipped = self.account.skipped.saturating_add(1),
        }
    }

    /// Do large objects lie where glibc's malloc puts them? Asked of those that are surely objects.
    fn is_glibc(&self) -> bool {
        let w = self.world;
        let known = w.members.outside().take(2000);
        let (mut chunks, mut all) = (0u32, 0u32);
        for (at, _) in known {
            let [_, skips @ ..] = self.offsets;
            all = all.saturating_add(1);
            let found = skips.into_iter().any(|skip| self.room(at, skip.saturating_add(w.padding)).is_some());
            chunks = chunks.saturating_add(u32::from(found));
        }
        all > 0 && chunks.saturating_mul(10) >= all.saturating_mul(9)
    }

    /// Is what looks like a refcount the link of a freed chunk in a fast bin? Such a chunk still counts as in use and
    /// keeps all but its first word, and in a program that is not position-independent the link is small. Since glibc
    /// 2.32 it is xored with its own place (`PROTECT_PTR`, `malloc/malloc.c`); before, it is a plain pointer.
    fn is_fast_link(&self, at: Addr, refcount: u64) -> bool {
        let link = Addr(refcount ^ (at.0 >> 12));
        link.is_null() || link.is_aligned(16) && link.0 >= 1 << 16 && self.world.mem.holds(link)
    }

    /// The room in the chunk that begins `before` bytes before this object, the debug hooks' note included.
    fn room(&self, at: Addr, before: u64) -> Option<u64> {
        let w = self.world;
        // From 3.11 on the hooks of both allocators note a block that pymalloc passes on to malloc.
        chunk(w.mem, at, before).or_else(|| chunk(w.mem, at, before.saturating_add(w.padding)))
    }

    /// Does this object begin a chunk of glibc's malloc that is in use and large enough for it? Types that an extension
    /// makes in memory of its own are headless (numpy's dtypes).
    fn is_chunk(&self, at: Addr, info: &TypeInfo, headless: bool) -> bool {
        let head = if headless { 0 } else { info.offset };
        let before = head.saturating_add(self.world.padding);
        let Some(room) = self.room(at, before) else { return false };
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

/// How many bytes were asked for, if the debug hooks noted it before this block: the size, big endian, a letter for the
/// API and seven fill bytes (`Objects/obmalloc.c`).
pub fn note<M: Memory + ?Sized>(mem: &M, block: Addr) -> Option<u64> {
    let view = mem.view(block.down(NOTE)?, 16).ok()?;
    let (size, mark) = view.bytes().split_first_chunk::<8>()?;
    // 0xFB in 3.6
    let hooked = matches!(mark, [b'o' | b'm' | b'r', fill @ ..] if fill == [0xfd; 7] || fill == [0xfb; 7]);
    hooked.then_some(u64::from_be_bytes(*size))
}

/// Bytes that the debug hooks put before each block: its size, a letter for the API and seven fill bytes. Asked of
/// objects that are surely ones.
pub fn padding<M: Memory + ?Sized>(mem: &M, layout: &Layout, members: &Members) -> u64 {
    let [_, with_head @ ..] = header_offsets(layout);
    let (mut hooked, mut all) = (0u32, 0u32);
    for (at, _) in members.outside().take(500) {
        let noted = |skip: u64| at.down(skip).and_then(|block| note(mem, block)).is_some();
        all = all.saturating_add(1);
        hooked = hooked.saturating_add(u32::from(with_head.into_iter().any(noted)));
    }
    if hooked > all / 2 { NOTE } else { 0 }
}
