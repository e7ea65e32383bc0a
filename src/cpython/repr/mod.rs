//! One object → what it holds, short and on one line, as Python would write it: `'text'`, `-5`, `[1, 'a', … 60,631 items]`.
//!
//! Numbers, strings and bytes are read from memory; what a container holds is taken from the references that were read
//! before, one level deep. Nothing in an answer can move a cursor or end a line. Instances of other types have no value
//! here, nor is code of the target's ever run: a `__repr__` of its own plays no part.

mod container;
mod number;
mod quote;

use super::layout::Layout;
use super::types::Types;
use crate::addr::Addr;
use crate::heap::{Heap, Id};
use crate::memory::Memory;

use self::number::thousands;
use self::quote::Prefix;

/// Most characters of an answer.
pub const WIDEST: usize = 100;
/// Most characters of one thing inside of a container.
const ITEM: usize = 40;
/// Most characters of a name.
const NAME: usize = 48;

/// What instances of a type are, as far as their contents are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Ellipsis,
    NotImplemented,
    Bool,
    /// `long` of 2.7, `int` of all others.
    Long,
    /// `int` of 2.7.
    Int27,
    Float,
    Complex,
    Text(Prefix),
    Bytes(Prefix),
    Bytearray,
    List,
    Tuple,
    Dict,
    Set,
    Frozenset,
    Deque,
}

impl Kind {
    /// That of the type with this `tp_name`.
    fn of(layout: &Layout, tp_name: &str) -> Option<Kind> {
        let old = layout.shape.str == super::layout::StrShape::Ucs;
        Some(match tp_name {
            "NoneType" => Kind::None,
            "ellipsis" => Kind::Ellipsis,
            "NotImplementedType" => Kind::NotImplemented,
            "bool" => Kind::Bool,
            "int" if old => Kind::Int27,
            "int" | "long" => Kind::Long,
            "float" => Kind::Float,
            "complex" => Kind::Complex,
            "str" if old => Kind::Bytes(Prefix::None),
            "str" => Kind::Text(Prefix::None),
            "unicode" => Kind::Text(Prefix::U),
            "bytes" => Kind::Bytes(Prefix::B),
            "bytearray" => Kind::Bytearray,
            "list" => Kind::List,
            "tuple" => Kind::Tuple,
            "dict" => Kind::Dict,
            "set" => Kind::Set,
            "frozenset" => Kind::Frozenset,
            "collections.deque" => Kind::Deque,
            _ => return None,
        })
    }
}

/// What is known of a type.
#[derive(Debug, Clone)]
struct Style {
    kind: Kind,
    /// What stands around the contents, where they alone do not say the type.
    around: Option<String>,
}

/// Writes what the objects of one heap hold.
pub struct Renderer<'a, M: ?Sized> {
    mem: &'a M,
    layout: &'a Layout,
    heap: &'a Heap,
    /// By the heap's numbers of types.
    styles: Vec<Option<Style>>,
}

impl<'a, M: Memory + ?Sized> Renderer<'a, M> {
    /// For a heap whose types have the numbers that these have.
    #[must_use]
    pub fn new(mem: &'a M, types: &Types<'_, M>, layout: &'a Layout, heap: &'a Heap) -> Self {
        let style = |id| {
            let (kind, itself) = types.nearest(id, |name| Kind::of(layout, name))?;
            let around = (!itself || kind == Kind::Deque).then(|| name(heap.type_named(crate::heap::TypeId(id))));
            Some(Style { kind, around })
        };
        let styles = types.all().map(|(id, _)| style(id)).collect();
        Renderer { mem, layout, heap, styles }
    }

    /// What an object holds, in at most [`WIDEST`] characters; `None` of one that is of no plain kind or damaged.
    #[must_use]
    pub fn value(&self, id: Id) -> Option<Box<str>> {
        let style = self.style(id)?;
        let room = WIDEST.saturating_sub(style.around.as_ref().map_or(0, |name| length(name).saturating_add(2)));
        let inner = self.scalar(id, style, room).or_else(|| self.container(id, style, room))?;
        Some(enclosed(style, inner).into())
    }

    fn style(&self, id: Id) -> Option<&Style> {
        self.styles.get(usize::try_from(self.heap.objects.of(id).0).ok()?)?.as_ref()
    }

    /// What an object that holds no others is; `None` of others.
    fn scalar(&self, id: Id, style: &Style, room: usize) -> Option<String> {
        let at = self.heap.objects.addr(id);
        let (mem, layout) = (self.mem, self.layout);
        match style.kind {
            Kind::None => Some("None".into()),
            Kind::Ellipsis => Some("Ellipsis".into()),
            Kind::NotImplemented => Some("NotImplemented".into()),
            Kind::Bool => number::bool(mem, layout, at),
            Kind::Long => number::int(mem, layout, at, room),
            Kind::Int27 => number::int27(mem, layout, at),
            Kind::Float => number::float(mem, layout, at),
            Kind::Complex => number::complex(mem, layout, at),
            Kind::Text(prefix) => quote::text(mem, layout, at, prefix, room),
            Kind::Bytes(prefix) => quote::bytes(mem, layout, at, prefix, room),
            Kind::Bytearray => {
                let around = if style.around.is_none() { "bytearray(".len().saturating_add(1) } else { 0 };
                let inner = quote::bytearray(mem, layout, at, room.saturating_sub(around))?;
                Some(if style.around.is_none() { format!("bytearray({inner})") } else { inner })
            }
            _ => None,
        }
    }

    /// An object inside of a container: a short value, or what it is called, or where it lies.
    fn item(&self, id: Id) -> String {
        if let Some(style) = self.style(id) {
            let room = ITEM.saturating_sub(style.around.as_ref().map_or(0, |name| length(name).saturating_add(2)));
            if let Some(inner) = self.scalar(id, style, room) {
                return enclosed(style, inner);
            }
            if let Some(items) = self.length(id, style.kind) {
                if items == 0 {
                    return enclosed(style, self.container(id, style, room).unwrap_or_default());
                }
                let plural = if items == 1 { "" } else { "s" };
                return format!("<{} of {} item{plural}>", self.short_type(id), thousands(items));
            }
        }
        match self.heap.called(id) {
            Some(called) => format!("<{} {}>", self.short_type(id), name(called)),
            None => format!("<{} at {}>", self.short_type(id), self.heap.objects.addr(id)),
        }
    }

    /// The name of an object's type, without the module of those that need no import.
    fn short_type(&self, id: Id) -> String {
        let full = self.heap.type_name(id);
        let plain = ["builtins.", "__builtin__."].iter().find_map(|module| full.strip_prefix(module));
        name(plain.unwrap_or(full))
    }
}

/// Contents within the name of what holds them. A tuple brings its parentheses along.
fn enclosed(style: &Style, inner: String) -> String {
    match &style.around {
        Some(around) if style.kind == Kind::Tuple => format!("{around}{inner}"),
        Some(around) => format!("{around}({inner})"),
        None => inner,
    }
}

/// A name of the target's, safe to print and cut.
fn name(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let mut one = String::new();
        quote::escape(u32::from(c), None, &mut one);
        if length(&out).saturating_add(length(&one)) >= NAME {
            out.push('…');
            break;
        }
        out.push_str(&one);
    }
    out
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// `ob_size` of the object at `at`; `None` where it is negative or cannot be read.
fn ob_size<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<u64> {
    let view = mem.view(at, layout.var_object.size).ok()?;
    u64::try_from(view.get(layout.var_object.ob_size)?).ok()
}

#[cfg(test)]
mod tests;
