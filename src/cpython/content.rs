//! What an object holds that never changes while it lives → a keyed digest of it, so that two looks can tell whether the same
//! object still lies at an address. Of numbers, strings, bytes and dates only; it does not say what they hold.
//!
//! Left out is what the interpreter fills in or changes later: refcounts, cached hashes, whether a string is interned, other
//! encodings of it.

use siphasher::sip::SipHasher13;
use std::hash::Hasher as _;

use super::layout::{IntShape, Layout, StrShape};
use super::text;
use super::types::Types;
use crate::addr::Addr;
use crate::memory::Memory;

/// Contents up to this long are taken whole, in bytes; of longer ones the length, the beginning and the end.
const WHOLE: usize = 512;
/// How much of the beginning and of the end, in bytes.
const PART: usize = 256;

/// A key that nobody knows who knows only the digests.
pub type Key = [u8; 16];

/// What instances of a type are, as far as their contents are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `long` of 2.7, `int` of all others.
    Long,
    /// One word behind the header: a float, or an int of 2.7.
    Word,
    /// Two of them.
    Complex,
    Text,
    Bytes,
    /// A C struct whose first member behind the header is a cached hash, and whose others stay as they are made, up to so
    /// many bytes from the header on.
    Struct(u64),
}

impl Kind {
    /// That of the type with this `tp_name`.
    fn of(layout: &Layout, tp_name: &str) -> Option<Kind> {
        let old = layout.shape.str == StrShape::Ucs;
        Some(match tp_name {
            "int" if layout.shape.int == IntShape::Py27 => Kind::Word,
            "int" | "long" => Kind::Long,
            "float" => Kind::Word,
            "complex" => Kind::Complex,
            "str" if old => Kind::Bytes,
            "str" | "unicode" => Kind::Text,
            "bytes" => Kind::Bytes,
            // Modules/_datetimemodule.c, Modules/_decimal/_decimal.c
            "datetime.datetime" | "datetime.date" | "datetime.time" | "datetime.timedelta" | "decimal.Decimal" => {
                Kind::Struct(u64::MAX)
            }
            _ => return None,
        })
    }
}

/// Digests the contents of the objects of one look.
pub struct Digester<'a, M: ?Sized> {
    mem: &'a M,
    layout: &'a Layout,
    key: Key,
    /// By the numbers of types.
    kinds: Vec<Option<Kind>>,
}

impl<'a, M: Memory + ?Sized> Digester<'a, M> {
    /// For objects of these types.
    #[must_use]
    pub fn new(mem: &'a M, layout: &'a Layout, types: &Types<'_, M>, key: Key) -> Self {
        let kind = |(id, info): (_, &super::types::TypeInfo)| match types.nearest(id, |name| Kind::of(layout, name))? {
            // What a subclass adds may change.
            (Kind::Struct(_), false) => None,
            // Without a time zone it has no room for one: what would be there is the next object's.
            (Kind::Struct(_), true) => Some(Kind::Struct(info.shortest)),
            (kind, _) => Some(kind),
        };
        Digester { mem, layout, key, kinds: types.all().map(kind).collect() }
    }

    /// The digest of the contents of an object of the type with this number, of this size; `None` where it has none that
    /// lasts, or is damaged.
    #[must_use]
    pub fn digest(&self, of: u32, at: Addr, bytes: u64) -> Option<u32> {
        let kind = (*self.kinds.get(usize::try_from(of).ok()?)?)?;
        let mut hasher = SipHasher13::new_with_key(&self.key);
        match kind {
            Kind::Long => self.long(&mut hasher, at)?,
            Kind::Word => self.behind_header(&mut hasher, at, 8)?,
            Kind::Complex => self.behind_header(&mut hasher, at, 16)?,
            Kind::Text => {
                let (first, length, unit) = text::place(self.mem, self.layout, at)?;
                // Not ready: its text stands elsewhere until somebody asks for it.
                if !matches!(unit, 1 | 2 | 4) {
                    return None;
                }
                hasher.write_u64(unit);
                self.stretch(&mut hasher, first, length.checked_mul(unit)?)?;
            }
            Kind::Bytes => {
                let view = self.mem.view(at, self.layout.var_object.size).ok()?;
                let length = u64::try_from(view.get(self.layout.var_object.ob_size)?).ok()?;
                let first = at.up(self.layout.bytes.ob_sval.at as u64)?;
                self.stretch(&mut hasher, first, length)?;
            }
            Kind::Struct(size) => {
                let skip = (self.layout.object.size as u64).checked_add(8)?;
                let length = size.min(bytes).checked_sub(skip)?;
                self.stretch(&mut hasher, at.up(skip)?, length)?;
            }
        }
        let digest = hasher.finish();
        // Half of it is enough to tell one from another; 0 is none.
        Some(u32::try_from(digest >> 32).unwrap_or(1).max(1))
    }

    fn long(&self, hasher: &mut SipHasher13, at: Addr) -> Option<()> {
        let l = &self.layout.long;
        let (count, sign) = match l.lv_tag {
            Some(tag) => {
                let tag = self.mem.view(at, l.ob_digit.at).ok()?.get(tag)?;
                (tag >> 3, tag & 3)
            }
            None => {
                let size = self.mem.view(at, self.layout.var_object.size).ok()?.get(self.layout.var_object.ob_size)?;
                (size.unsigned_abs(), u64::from(size < 0))
            }
        };
        hasher.write_u64(sign);
        self.stretch(hasher, at.up(l.ob_digit.at as u64)?, count.checked_mul(4)?)
    }

    fn behind_header(&self, hasher: &mut SipHasher13, at: Addr, length: u64) -> Option<()> {
        self.stretch(hasher, at.up(self.layout.object.size as u64)?, length)
    }

    /// All or nothing: a digest of what could be read now would be another one where more could be read.
    fn stretch(&self, hasher: &mut SipHasher13, first: Addr, length: u64) -> Option<()> {
        hasher.write_u64(length);
        match usize::try_from(length) {
            Ok(0) => {}
            Ok(length) if length <= WHOLE => hasher.write(self.mem.view(first, length).ok()?.bytes()),
            _ => {
                hasher.write(self.mem.view(first, PART).ok()?.bytes());
                let last = first.up(length.checked_sub(PART as u64)?)?;
                hasher.write(self.mem.view(last, PART).ok()?.bytes());
            }
        }
        Some(())
    }
}
