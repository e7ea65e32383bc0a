//! Target strings → Rust strings or characters, capped. It neither escapes nor redacts.

use super::layout::{Layout, StrShape};
use crate::addr::Addr;
use crate::memory::Memory;

/// Longest name that is read, in characters; more is cut.
const LONGEST: u64 = 1024;

/// A NUL-terminated C string, cut at `LONGEST` bytes.
pub fn c_string<M: Memory + ?Sized>(mem: &M, at: Addr) -> Option<String> {
    let mut bytes = Vec::new();
    let mut at = at;
    while (bytes.len() as u64) < LONGEST {
        // never over a page's end: what follows may not be mapped
        let room = 64u64.saturating_sub(at.0 & 63);
        let mut chunk = [0u8; 64];
        let chunk = chunk.get_mut(..usize::try_from(room).ok()?)?;
        mem.read(at, chunk).ok()?;
        if let Some(end) = chunk.iter().position(|b| *b == 0) {
            bytes.extend_from_slice(chunk.get(..end)?);
            break;
        }
        bytes.extend_from_slice(chunk);
        at = at.up(room)?;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The text of a `str` object (`unicode` in 2.7), cut at `LONGEST` characters. The caller knows its type.
pub fn unicode<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<String> {
    let (data, length, kind) = place(mem, layout, at)?;
    wide(mem, data, length.min(LONGEST), kind)
}

/// The first characters of a `str` object, as numbers (some of which may be halves of surrogate pairs), and how many it
/// says it has. The caller knows its type.
pub fn code_points<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr, most: u64) -> Option<(Vec<u32>, u64)> {
    let (data, length, kind) = place(mem, layout, at)?;
    Some((units(mem, data, length.min(most).min(LONGEST), kind)?, length))
}

/// Where a `str`'s characters lie, how many there are, and of how many bytes each.
pub(super) fn place<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<(Addr, u64, u64)> {
    match layout.shape.str {
        StrShape::Ucs => {
            let view = mem.view(at, layout.unicode.size).ok()?;
            let length = clamp(view.get(layout.unicode.length?)?);
            Some((view.get(layout.unicode.str?)?, length, 4))
        }
        StrShape::Pep393 => {
            let (ascii, compact) = (layout.ascii.as_ref()?, layout.compact_unicode.as_ref()?);
            let view = mem.view(at, ascii.size).ok()?;
            let length = clamp(view.get(ascii.length)?);
            let state = StrState(view.get(ascii.state)?);
            let data = match (state.compact(), state.ascii()) {
                (true, true) => at.up(ascii.size as u64)?,
                (true, false) => at.up(compact.size as u64)?,
                (false, _) => Addr(mem.word(at.up(layout.unicode.data?.at as u64)?).ok()?),
            };
            Some((data, length, state.kind()))
        }
    }
}

/// The bytes of a `bytes` object (`str` in 2.7) as text, cut at `LONGEST` bytes.
pub fn bytes<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<String> {
    let size = mem.view(at, layout.var_object.size).ok()?.get(layout.var_object.ob_size)?;
    wide(mem, at.up(layout.bytes.ob_sval.at as u64)?, clamp(size).min(LONGEST), 1)
}

/// The `state` word of a PEP 393 string (`Include/cpython/unicodeobject.h`, 3.6–3.13).
#[derive(Debug, Clone, Copy)]
pub struct StrState(pub u32);

impl StrState {
    /// Is it one of the interned strings?
    #[must_use]
    pub fn interned(self) -> u32 {
        self.0 & 3
    }
    /// Bytes a character, 1, 2 or 4; 0 in strings that are not ready.
    #[must_use]
    pub fn kind(self) -> u64 {
        u64::from(self.0 >> 2 & 7)
    }
    /// Does the text follow the header?
    #[must_use]
    pub fn compact(self) -> bool {
        self.0 & 1 << 5 != 0
    }
    /// Is it pure ASCII?
    #[must_use]
    pub fn ascii(self) -> bool {
        self.0 & 1 << 6 != 0
    }
}

fn clamp(length: i64) -> u64 {
    u64::try_from(length).unwrap_or(0)
}

fn wide<M: Memory + ?Sized>(mem: &M, at: Addr, length: u64, kind: u64) -> Option<String> {
    let points = units(mem, at, length, kind)?;
    Some(points.into_iter().map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

fn units<M: Memory + ?Sized>(mem: &M, at: Addr, length: u64, kind: u64) -> Option<Vec<u32>> {
    if !matches!(kind, 1 | 2 | 4) {
        return None;
    }
    let view = mem.view(at, usize::try_from(length.checked_mul(kind)?).ok()?).ok()?;
    let point = |unit: &[u8]| unit.iter().rev().fold(0u32, |code, b| code << 8 | u32::from(*b));
    Some(view.bytes().chunks(usize::try_from(kind).ok()?).map(point).collect())
}
