//! Names of the target → labels: a dict's key, a parameter, what a method is bound to. What was named lately is
//! remembered by its address, within bounds.

use std::borrow::Cow;

use super::Reader;
use crate::addr::Addr;
use crate::cpython::int;
use crate::cpython::layout::{IntShape, StrShape};
use crate::cpython::text::{self, StrState};
use crate::heap::{Label, LabelId, TextId};
use crate::memory::Memory;

/// Longest name in a label, in characters; longer ones are cut.
const LONGEST: usize = 64;
/// Names that are remembered.
const REMEMBERED: usize = 1 << 14;

/// What a name at some address is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Key,
    Default,
    Closure,
    SelfOf,
}

/// The labels that were made last, by address and use.
#[derive(Debug)]
pub(super) struct Recent(Box<[(u64, Use, LabelId)]>);

impl Default for Recent {
    fn default() -> Self {
        Recent(vec![(0, Use::Key, LabelId::kept(0)); REMEMBERED].into_boxed_slice())
    }
}

impl<'a, M: Memory + ?Sized> Reader<'a, M> {
    /// The label of the value under the key at this address.
    #[inline]
    pub(super) fn key_label(&mut self, key: Addr) -> LabelId {
        self.named_by(key, Use::Key)
    }

    /// The label that bears the name at this address.
    #[inline]
    pub(super) fn named_by(&mut self, at: Addr, wanted: Use) -> LabelId {
        let slot = (at.0 >> 4) as usize % REMEMBERED;
        if let Some((addr, used, label)) = self.recent.0.get(slot)
            && *addr == at.0
            && *used == wanted
        {
            return *label;
        }
        let label = self.new_label(at, wanted);
        if let Some(recent) = self.recent.0.get_mut(slot) {
            *recent = (at.0, wanted, label);
        }
        label
    }

    fn new_label(&mut self, at: Addr, wanted: Use) -> LabelId {
        let of = self.type_of(at);
        let world = self.types.world();
        let is_text = of.is_some_and(|of| world.str_types.contains(&of));
        let kind: fn(TextId) -> Label = match wanted {
            Use::Default => Label::Default,
            Use::Closure => Label::Closure,
            Use::SelfOf => Label::SelfOf,
            Use::Key => Label::Key,
        };
        if is_text && let Some(name) = of.and_then(|of| self.short_text(at, of)) {
            return self.sink.named(kind, &name);
        }
        if wanted == Use::Key
            && let Some(number) = of.and_then(|of| self.number(at, of))
        {
            return self.sink.label(Label::NumberKey(number));
        }
        let name = of.and_then(|of| self.short_type_name(of)).unwrap_or_else(|| "?".into());
        self.sink.named(if wanted == Use::Key { Label::TypedKey } else { kind }, &name)
    }

    /// The type of the object at this address.
    pub(super) fn type_of(&self, at: Addr) -> Option<Addr> {
        if at.is_null() {
            return None;
        }
        self.word(at.up(self.layout.object.ob_type.at as u64)?)
    }

    /// The text of a string whose type is one of the string types, cut.
    fn short_text(&self, at: Addr, of: Addr) -> Option<Cow<'a, str>> {
        if let Some(text) = self.ascii(at, of) {
            return Some(Cow::Borrowed(text)).filter(|t| t.len() <= LONGEST).or_else(|| Some(cut(text).into()));
        }
        let text = self.types.text(at)?;
        Some(if text.chars().nth(LONGEST).is_some() { cut(&text).into() } else { text.into() })
    }

    /// The text of a compact ASCII string, borrowed from the copy.
    fn ascii(&self, at: Addr, of: Addr) -> Option<&'a str> {
        let ascii = self.layout.ascii.as_ref()?;
        if self.layout.shape.str != StrShape::Pep393 || self.types.world().str_types.first() != Some(&of) {
            return None;
        }
        let view = self.view(at, ascii.size)?;
        let state = StrState(view.get(ascii.state)?);
        if !(state.compact() && state.ascii()) {
            return None;
        }
        let len = usize::try_from(view.get(ascii.length)?).ok()?.min(LONGEST.saturating_add(1));
        let start = at.up(ascii.size as u64)?;
        let (range, bytes) = self.window.get();
        let skip = usize::try_from(start.0.checked_sub(range.start.0)?).ok()?;
        let text = std::str::from_utf8(bytes.get(skip..skip.checked_add(len)?)?).ok()?;
        text.is_ascii().then_some(text)
    }

    /// The value of an int that fits 64 bits; `None` of what is none, and of larger ones.
    fn number(&self, at: Addr, of: Addr) -> Option<i64> {
        let l = self.layout;
        let int = self.types.world().int_type? == of;
        if !(int || l.shape.int == IntShape::Py27 && self.short_type_name(of).is_some_and(|name| name == "long")) {
            return None;
        }
        if int && l.shape.int == IntShape::Py27 {
            return int::small(self.mem, l, at);
        }
        i64::try_from(int::value(self.mem, l, at)?).ok()
    }

    /// What stands behind the last dot of a type's name in C.
    pub(super) fn short_type_name(&self, of: Addr) -> Option<String> {
        let name = self.word(of.up(self.layout.type_.tp_name.at as u64)?)?;
        let name = text::c_string(self.mem, name)?;
        Some(match name.rsplit_once('.') {
            Some((_, short)) => short.to_owned(),
            None => name,
        })
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).chain(['…']).collect()
}
