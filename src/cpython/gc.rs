//! The collector's lists → which objects are tracked (`Modules/gcmodule.c`, `Python/gc.c`).
//!
//! Lists of the target's making: every walk has a cap and ends on the first link that leads nowhere. It reads no
//! object, only the heads before them.

use rustc_hash::FxHashMap;

use super::layout::{GcLink, Layout};
use super::pymalloc::ArenaMap;
use crate::addr::{Addr, AddrRange};
use crate::memory::{Memory, View};

/// One of the collector's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcList {
    /// The list's own head.
    pub head: Addr,
    /// Which one.
    pub membership: Membership,
}

/// In which list an object was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// The generation of this number, 0 to 2: `gc.get_objects()` returns it.
    Generation(u8),
    /// The permanent generation.
    Permanent,
}

/// All objects in the collector's lists: a bit a cell for those in arenas, a map for the others.
#[derive(Debug, Default)]
pub struct Members {
    /// By generation; the permanent one is the last.
    cells: [Vec<u64>; 4],
    outside: FxHashMap<u64, Membership>,
    /// Links that led nowhere or back links that did not agree.
    pub torn: u64,
    /// Objects in all lists.
    pub count: u64,
    /// Objects in each list, in the order of the lists.
    pub sizes: Vec<u64>,
}

impl Members {
    /// Was this object in a list?
    #[inline]
    #[must_use]
    pub fn get(&self, map: &ArenaMap, object: Addr) -> Option<Membership> {
        match map.cell(object) {
            // most are old
            Some(cell) => [2, 1, 0, 3].into_iter().find_map(|n: u8| {
                let of = if n == 3 { Membership::Permanent } else { Membership::Generation(n) };
                self.cells.get(usize::from(n)).is_some_and(|words| bit(words, cell)).then_some(of)
            }),
            None => self.outside.get(&object.0).copied(),
        }
    }

    /// The objects in the lists that lie in no arena.
    pub fn outside(&self) -> impl Iterator<Item = (Addr, Membership)> + '_ {
        self.outside.iter().map(|(at, m)| (Addr(*at), *m))
    }

    fn insert(&mut self, map: &ArenaMap, object: Addr, membership: Membership) -> bool {
        let Some(cell) = map.cell(object) else {
            return self.outside.insert(object.0, membership).is_none();
        };
        let number = match membership {
            Membership::Generation(n) => usize::from(n),
            Membership::Permanent => 3,
        };
        let Some(words) = self.cells.get_mut(number) else { return false };
        let index = usize::try_from(cell / 64).unwrap_or(usize::MAX);
        if index >= words.len() {
            // Most generations are nearly empty, the permanent one always: bits are made when first needed.
            words.resize(usize::try_from(map.cells() / 64).unwrap_or(0).saturating_add(1), 0);
        }
        let Some(word) = words.get_mut(index) else { return false };
        let new = *word & 1 << (cell % 64) == 0;
        *word |= 1 << (cell % 64);
        new
    }
}

fn bit(words: &[u64], cell: u64) -> bool {
    let index = usize::try_from(cell / 64).unwrap_or(usize::MAX);
    words.get(index).is_some_and(|word| word >> (cell % 64) & 1 == 1)
}

/// The lists of the collector whose state is described by `layout`: three generations and, from 3.7 on, the permanent
/// one. `generations` is the address of the first.
#[must_use]
pub fn lists(layout: &Layout, generations: Addr, permanent: Option<Addr>) -> Vec<GcList> {
    let stride = layout.gc_generation.size as u64;
    let head = layout.gc_generation.head.at as u64;
    let young = (0..3u8).filter_map(|i| {
        let head = generations.up(u64::from(i).checked_mul(stride)?.checked_add(head)?)?;
        Some(GcList { head, membership: Membership::Generation(i) })
    });
    young.chain(permanent.map(|head| GcList { head, membership: Membership::Permanent })).collect()
}

/// Does the list's head agree with its first and last member? Cheap enough to ask while the target is held still.
#[must_use]
pub fn ends_agree<M: Memory + ?Sized>(mem: &M, layout: &Layout, list: &GcList) -> bool {
    let ends = || -> Option<bool> {
        let l = &layout.gc_head;
        let follow =
            |at: Addr, field: crate::memory::Field<Addr>| Some(link(layout, mem.word(at.up(field.at as u64)?).ok()?));
        let first = follow(list.head, l.gc_next)?;
        let last = follow(list.head, l.gc_prev)?;
        Some(follow(first, l.gc_prev)? == list.head && follow(last, l.gc_next)? == list.head)
    };
    ends().unwrap_or(false)
}

/// A link without the flags that some versions keep in its low bits.
#[inline]
#[must_use]
pub fn link(layout: &Layout, word: u64) -> Addr {
    Addr(word & link_mask(layout))
}

fn link_mask(layout: &Layout) -> u64 {
    match layout.shape.gc_link {
        GcLink::TaggedLinks => !3,
        GcLink::RefsPlain | GcLink::RefsShifted => !0,
    }
}

/// Walks all lists. `cap` bounds the number of members over all of them.
pub fn walk<M: Memory + ?Sized>(mem: &M, layout: &Layout, map: &ArenaMap, lists: &[GcList], cap: u64) -> Members {
    let mut members = Members::default();
    for list in lists {
        let before = members.count;
        walk_list(mem, layout, map, list, cap, &mut members);
        members.sizes.push(members.count.saturating_sub(before));
    }
    members
}

fn walk_list<M: Memory + ?Sized>(
    mem: &M,
    layout: &Layout,
    map: &ArenaMap,
    list: &GcList,
    cap: u64,
    members: &mut Members,
) {
    let l = &layout.gc_head;
    let mask = link_mask(layout);
    let mut window = Window::default();
    let mut prev = list.head;
    let Some(mut at) = window.head(mem, list.head, l.size).and_then(|v| v.get(l.gc_next)).map(|a| Addr(a.0 & mask))
    else {
        members.torn = members.torn.saturating_add(1);
        return;
    };
    while at != list.head {
        let links = window.head(mem, at, l.size).and_then(|v| Some((v.get(l.gc_next)?, v.get(l.gc_prev)?)));
        let Some((next, back)) = links.filter(|_| at.is_aligned(8) && members.count < cap) else {
            members.torn = members.torn.saturating_add(1);
            return;
        };
        if back.0 & mask != prev.0 {
            members.torn = members.torn.saturating_add(1);
        }
        let new = at.up(l.size as u64).is_some_and(|object| members.insert(map, object, list.membership));
        if !new {
            // round in a circle that does not pass the head
            members.torn = members.torn.saturating_add(1);
            return;
        }
        members.count = members.count.saturating_add(1);
        prev = at;
        at = Addr(next.0 & mask);
    }
}

/// Remembers the run of bytes that the last head lay in: most members are near each other.
#[derive(Default)]
struct Window<'a> {
    range: AddrRange,
    bytes: &'a [u8],
}

impl<'a> Window<'a> {
    #[inline]
    fn head<M: Memory + ?Sized>(&mut self, mem: &'a M, at: Addr, len: usize) -> Option<View<'a>> {
        if !self.range.contains_all(at, len as u64) {
            match mem.window(at) {
                Some((range, bytes)) => (self.range, self.bytes) = (range, bytes),
                None => return mem.view(at, len).ok(),
            }
        }
        let skip = usize::try_from(at.0.checked_sub(self.range.start.0)?).ok()?;
        match self.bytes.get(skip..skip.checked_add(len)?) {
            Some(bytes) => Some(View::new(bytes)),
            None => mem.view(at, len).ok(),
        }
    }
}

/// What an object's GC head says of itself, without its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadState {
    /// In no list.
    Untracked,
    /// Linked; the address of the next head.
    Linked(Addr),
}

/// Reads a GC head.
#[inline]
#[must_use]
pub fn head_state(layout: &Layout, head: &View<'_>) -> Option<HeadState> {
    let l = &layout.gc_head;
    let next = head.get(l.gc_next)?;
    let untracked = match layout.shape.gc_link {
        GcLink::TaggedLinks => next.is_null(),
        GcLink::RefsPlain => head.get(l.gc_refs?)? == -2,
        GcLink::RefsShifted => head.get(l.gc_refs?)? >> 1 == -2,
    };
    Some(if untracked { HeadState::Untracked } else { HeadState::Linked(link(layout, next.0)) })
}
