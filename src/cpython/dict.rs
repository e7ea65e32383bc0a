//! Dicts: a dict object → its table's size and entries, for every way of storing them (`Objects/dictobject.c`).

use super::layout::{DictShape, Layout};
use crate::addr::Addr;
use crate::memory::{Field, Memory, View};

/// More entries than this are not read by [`entries`]: it is for the dicts of types and modules.
const MOST: u64 = 1 << 20;

/// A `PyDictKeysObject`, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// `dk_refcnt`.
    pub refcnt: i64,
    /// Header and indices, in bytes: the entries begin there.
    pub entries_at: u64,
    /// Entries that are in use or were.
    pub nentries: u64,
    /// Entries for which there is room.
    pub usable: u64,
    /// Bytes an entry.
    pub entry: u64,
    /// Are the entries {key, value} without a hash?
    pub unicode: bool,
    /// All of it, in bytes.
    pub size: u64,
    /// `dk_usable + dk_nentries`: the room for values in a split dict from 3.11 on.
    pub shared_values: u64,
}

/// Where key and value stand in one entry of a table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// All of it, in bytes.
    pub size: usize,
    /// `me_key`.
    pub key: Field<Addr>,
    /// `me_value`.
    pub value: Field<Addr>,
}

impl Entry {
    /// The entries of a table of this kind: with a hash, or where all keys are strings (`unicode`, 3.11+) without.
    #[must_use]
    pub fn of(layout: &Layout, unicode: bool) -> Entry {
        match &layout.dict_unicode_entry {
            Some(e) if unicode => Entry { size: e.size, key: e.me_key, value: e.me_value },
            _ => {
                let e = &layout.dict_entry;
                Entry { size: e.size, key: e.me_key, value: e.me_value }
            }
        }
    }
}

/// Reads the keys object at `at`.
pub fn keys<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<Keys> {
    keys_in(layout, &mem.view(at, layout.dict_keys.as_ref()?.dk_indices.at).ok()?)
}

/// The same from its header's bytes.
pub fn keys_in(layout: &Layout, view: &View<'_>) -> Option<Keys> {
    let l = layout.dict_keys.as_ref()?;
    let general = layout.dict_entry.size as u64;
    let (slots, index, entry, unicode) = match layout.shape.dict {
        DictShape::Py27Table => return None,
        DictShape::CombinedSplit => {
            let slots = u64::try_from(view.get(l.dk_size?)?).ok()?;
            let width = match slots {
                0..=0xff => 1,
                0x100..=0xffff => 2,
                0x1_0000..=0xffff_ffff => 4,
                _ => 8,
            };
            (slots, slots.checked_mul(width)?, general, false)
        }
        DictShape::Log2Kinds | DictShape::Log2KindsInline => {
            let slots = 1u64.checked_shl(u32::from(view.get(l.dk_log2_size?)?))?;
            let index = 1u64.checked_shl(u32::from(view.get(l.dk_log2_index_bytes?)?))?;
            let unicode = view.get(l.dk_kind?)? != 0;
            let entry = if unicode { layout.dict_unicode_entry.as_ref()?.size as u64 } else { general };
            (slots, index, entry, unicode)
        }
    };
    if slots > 1 << 40 || index > 1 << 44 {
        return None;
    }
    let usable = slots.checked_mul(2)? / 3;
    let entries_at = (l.dk_indices.at as u64).checked_add(index)?;
    let free = u64::try_from(view.get(l.dk_usable)?).ok()?;
    let nentries = u64::try_from(view.get(l.dk_nentries)?).ok()?;
    Some(Keys {
        refcnt: view.get(l.dk_refcnt)?,
        entries_at,
        nentries: nentries.min(usable),
        usable,
        entry,
        unicode,
        size: entries_at.checked_add(usable.checked_mul(entry)?)?,
        shared_values: free.checked_add(nentries)?,
    })
}

/// Key and value of each entry of a dict with a table of its own; values of split dicts are not looked up (types and
/// modules have none). `None` where it cannot be read or is absurdly large.
pub fn entries<M: Memory + ?Sized>(mem: &M, layout: &Layout, dict: Addr) -> Option<Vec<(Addr, Addr)>> {
    let l = &layout.dict;
    if dict.is_null() {
        return None;
    }
    let view = mem.view(dict, l.size).ok()?;
    let (at, count, entry) = match layout.shape.dict {
        DictShape::Py27Table => {
            let slots = u64::try_from(view.get(l.ma_mask?)?).ok()?.checked_add(1)?;
            (view.get(l.ma_table?)?, slots, Entry::of(layout, false))
        }
        _ => {
            let at = view.get(l.ma_keys?)?;
            let keys = keys(mem, layout, at)?;
            (at.up(keys.entries_at)?, keys.nentries, Entry::of(layout, keys.unicode))
        }
    };
    let pair = |e: View<'_>| {
        Some((e.get(entry.key)?, e.get(entry.value)?)).filter(|(key, value)| !key.is_null() && !value.is_null())
    };
    table(mem, at, count, entry, pair)
}

/// The keys of a keys object, one an entry: null where the entry was deleted. Capped as [`entries`] is.
pub fn key_list<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<Vec<Addr>> {
    let keys = keys(mem, layout, at)?;
    let entry = Entry::of(layout, keys.unicode);
    let key = |e: View<'_>| Some(e.get(entry.key).unwrap_or_default());
    table(mem, at.up(keys.entries_at)?, keys.nentries, entry, key)
}

/// What `of` says of each entry of a table, where that is not absurdly large.
fn table<M: Memory + ?Sized, T>(
    mem: &M,
    at: Addr,
    count: u64,
    entry: Entry,
    of: impl Fn(View<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    if count > MOST || entry.size == 0 {
        return None;
    }
    let bytes = mem.view(at, usize::try_from(count).ok()?.checked_mul(entry.size)?).ok()?;
    Some(bytes.bytes().chunks_exact(entry.size).filter_map(|e| of(View::new(e))).collect())
}
