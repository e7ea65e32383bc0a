//! Containers → their length and what stands first in them, one level deep: `[1, 'a', <foo.Bar at 0x…>, … 60,631 items]`.
//! Reads no items of its own: they are the references of the heap, whose labels also bear the keys of dicts. An `OrderedDict`
//! is written in the order of its table.

use super::number::thousands;
use super::{Kind, Renderer, Style, length, name, ob_size, quote};
use crate::heap::{Edge, Id, Label};
use crate::memory::Memory;

/// More than these do not fit, however short they are.
const MOST: usize = 34;
/// References that are looked at for them; of two of them, one may lead to a dict's key.
const LOOKED_AT: usize = 4 * MOST;

impl<M: Memory + ?Sized> Renderer<'_, M> {
    /// What a container holds; `None` of what is none, and of a damaged one.
    pub(super) fn container(&self, id: Id, style: &Style, room: usize) -> Option<String> {
        let total = self.length(id, style.kind)?;
        let (open, close) = match (style.kind, &style.around) {
            (Kind::Tuple, _) => ("(", ")"),
            (Kind::List | Kind::Deque, _) => ("[", "]"),
            (Kind::Frozenset, None) if total == 0 => return Some("frozenset()".into()),
            (Kind::Frozenset, None) => ("frozenset({", "})"),
            (Kind::Set, None) if total == 0 => return Some("set()".into()),
            (Kind::Set | Kind::Frozenset, Some(_)) if total == 0 => return Some(String::new()),
            _ => ("{", "}"),
        };
        let most = usize::try_from(total).unwrap_or(usize::MAX).min(MOST);
        let mut texts = Vec::new();
        for edge in self.heap.edges.of(id).take(LOOKED_AT) {
            if texts.len() == most {
                break;
            }
            texts.extend(self.member(style.kind, &edge));
        }
        let around = length(open).saturating_add(length(close));
        let whole = if style.kind == Kind::Tuple && style.around.is_none() && texts.len() == 1 { "," } else { "" };
        let sum = |texts: &[String]| {
            texts.iter().map(|text| length(text).saturating_add(2)).fold(around, usize::saturating_add)
        };
        if texts.len() as u64 == total && sum(&texts) <= room {
            return Some(format!("{open}{}{whole}{close}", texts.join(", ")));
        }
        let tail = format!("… {} item{}", thousands(total), if total == 1 { "" } else { "s" });
        while !texts.is_empty() && sum(&texts).saturating_add(length(&tail)) > room {
            texts.pop();
        }
        texts.push(tail);
        Some(format!("{open}{}{close}", texts.join(", ")))
    }

    /// How many items it says it has; `None` of what is no container.
    pub(super) fn length(&self, id: Id, kind: Kind) -> Option<u64> {
        let (at, l) = (self.heap.objects.addr(id), self.layout);
        let said = match kind {
            Kind::List | Kind::Tuple => return ob_size(self.mem, l, at),
            Kind::Deque => {
                let deque = l.deque.as_ref()?;
                let Some(len) = deque.len else { return ob_size(self.mem, l, at) };
                self.mem.view(at, deque.size).ok()?.get(len)?
            }
            Kind::Dict => self.mem.view(at, l.dict.size).ok()?.get(l.dict.ma_used)?,
            Kind::Set | Kind::Frozenset => self.mem.view(at, l.set.size).ok()?.get(l.set.used)?,
            _ => return None,
        };
        u64::try_from(said).ok()
    }

    /// The text of one item, if this reference leads to one.
    fn member(&self, kind: Kind, edge: &Edge) -> Option<String> {
        if edge.label.is_inferred() || edge.label.is_shortcut() {
            return None;
        }
        let key = match (kind, self.heap.names.label_of(edge.label)) {
            (Kind::List | Kind::Tuple | Kind::Deque, Label::Item(_)) => return Some(self.item(edge.to)),
            // 2.7 leaves a string of its own in place of a member that was removed.
            (Kind::Set | Kind::Frozenset, Label::Member) => {
                return Some(self.item(edge.to)).filter(|text| text != "'<dummy key>'");
            }
            (Kind::Dict, Label::Key(key)) => quote::key(self.heap.names.get(key)),
            (Kind::Dict, Label::NumberKey(key)) => key.to_string(),
            (Kind::Dict, Label::TypedKey(of)) => format!("<{}>", name(self.heap.names.get(of))),
            _ => return None,
        };
        Some(format!("{key}: {}", self.item(edge.to)))
    }
}
