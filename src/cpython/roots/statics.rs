//! Static memory of the interpreter and its standard library → roots: static types, signal handlers, caches; and as
//! possible ones every word that points to an object, since C code keeps names and modules in statics.
//!
//! What has a symbol is certain; in a stripped interpreter the same words are among the possible.

use super::interpreter::{type_cache, words};
use super::{Finder, Places, STATIC_DATA};
use crate::addr::{Addr, AddrRange};
use crate::cpython::layout::Part;
use crate::cpython::objects::Row;
use crate::cpython::types::{Types, flags};
use crate::heap::RootKind;
use crate::memory::{Memory, View};

/// Static variables that hold one counted reference, by their symbol, and what people read for them.
const VARIABLES: [(&str, &str); 6] = [
    ("garbage", "gc.garbage"),
    ("callbacks", "gc.callbacks"),
    ("_filters", "<warnings>"),
    ("_once_registry", "<warnings>"),
    ("_default_action", "<warnings>"),
    ("extensions", "<import>"),
];
/// Members of `_PyRuntime` that do, in the versions whose interpreters do not.
const MEMBERS: [(&str, &str); 5] = [
    ("gc_garbage", "gc.garbage"),
    ("gc_callbacks", "gc.callbacks"),
    ("warnings_filters", "<warnings>"),
    ("warnings_once_registry", "<warnings>"),
    ("warnings_default_action", "<warnings>"),
];
/// `NSIG` on Linux: entries of `Handlers`, the first unused.
const SIGNALS: usize = 65;
/// `struct { int tripped; PyObject *func; }` (`Modules/signalmodule.c`).
const HANDLER: usize = 16;

/// Finds what static memory holds.
pub(super) fn read<M: Memory + ?Sized>(
    places: &Places<'_, M>,
    types: &Types<'_, M>,
    rows: &[Row],
    found: &mut Finder<'_>,
) {
    for (name, text) in VARIABLES {
        for (at, _) in only(places, name) {
            if let Some(to) = places.word(at, 0) {
                found.add(to, RootKind::Interpreter, text, 1);
            }
        }
    }
    if let (Some(runtime), Some(l)) = (places.globals.runtime, &places.layout.runtime_roots) {
        for (name, text) in MEMBERS {
            if let Some(to) = l.member(name).and_then(|part| places.word(runtime, part.at)) {
                found.add(to, RootKind::Interpreter, text, 1);
            }
        }
    }
    for (at, size) in only(places, "method_cache") {
        type_cache(places, at, usize::try_from(size).unwrap_or(0), found);
    }
    if let Some(handlers) = handlers(places, found) {
        for signal in 1..SIGNALS {
            let offset = signal.saturating_mul(HANDLER).saturating_add(8);
            if let Some(to) = places.word(handlers, offset) {
                found.add(to, RootKind::Interpreter, &format!("signal[{signal}]"), 1);
            }
        }
    }
    static_objects(places, types, rows, found);
    possible(places, found);
}

/// The static variable of this name, where there is exactly one; its address and size in bytes.
fn only<M: Memory + ?Sized>(places: &Places<'_, M>, name: &str) -> impl Iterator<Item = (Addr, u64)> + use<M> {
    let all = places.globals.statics.get(name).map(Vec::as_slice).unwrap_or_default();
    let one = if let [one] = all { Some((one.addr, one.size)) } else { None };
    one.into_iter()
}

/// `Handlers` of `Modules/signalmodule.c`: in the runtime (3.12+), by its symbol, or by its shape in static data.
fn handlers<M: Memory + ?Sized>(places: &Places<'_, M>, found: &Finder<'_>) -> Option<Addr> {
    let member = places.layout.runtime_roots.as_ref().and_then(|l| l.member("signal_handlers"));
    if let Some((runtime, part)) = places.globals.runtime.zip(member) {
        return runtime.up(part.at as u64);
    }
    only(places, "Handlers").next().map(|(at, _)| at).or_else(|| handlers_by_shape(places, found))
}

/// A run of entries, the first without a function, each of the others with an object and a flag that is 0 or 1.
fn handlers_by_shape<M: Memory + ?Sized>(places: &Places<'_, M>, found: &Finder<'_>) -> Option<Addr> {
    let is_handler = |entry: &[u8]| {
        let view = View::new(entry);
        matches!(view.at::<u64>(0), Some(0 | 1)) && view.pointer(8).is_some_and(|to| found.index.get(to).is_some())
    };
    for range in places.own_data {
        let data = places.bytes(*range);
        for phase in [0usize, 8] {
            let mut run = 0usize;
            let bytes = data.get(phase..).unwrap_or_default();
            for (i, entry) in bytes.chunks_exact(HANDLER).enumerate() {
                run = if is_handler(entry) { run.saturating_add(1) } else { 0 };
                if run == SIGNALS.saturating_sub(1) {
                    let first = i.checked_sub(run)?.checked_mul(HANDLER)?.checked_add(phase)?;
                    return range.start.up(first as u64);
                }
            }
        }
    }
    None
}

/// Types that C code defines, and other objects in static memory: each begins with a count of 1 that nobody holds.
fn static_objects<M: Memory + ?Sized>(
    places: &Places<'_, M>,
    types: &Types<'_, M>,
    rows: &[Row],
    found: &mut Finder<'_>,
) {
    let mut types = types.clone();
    for row in rows {
        if types.info(row.of).is_some_and(|info| info.is_metatype()) {
            let Some(id) = types.find(row.at) else { continue };
            if types.info(id).is_some_and(|info| info.flags & flags::HEAPTYPE == 0) {
                let name = types.qualified_name(id);
                found.add(row.at, RootKind::StaticType, &name, 1);
            }
        } else if AddrRange::holding(places.own_data, row.at).is_some() {
            found.perhaps(row.at, RootKind::Cache, "<static object>");
        }
    }
}

/// Each word of static data and of the interpreters that points to an object.
fn possible<M: Memory + ?Sized>(places: &Places<'_, M>, found: &mut Finder<'_>) {
    let l = &places.layout.interpreter_roots;
    let borrowed = borrowed(places);
    let mut look = |at: Addr, size: usize| {
        words(places, at, Part { at: 0, size }, |to| found.perhaps(to, RootKind::Interpreter, STATIC_DATA));
    };
    for interpreter in places.interpreters {
        // The main one lies in static data from 3.12 on, and is then looked at as such.
        if AddrRange::holding(places.own_data, *interpreter).is_none() {
            for part in
                without(AddrRange::new(*interpreter, interpreter.up(l.size as u64).unwrap_or_default()), &borrowed)
            {
                look(part.start, usize::try_from(part.len()).unwrap_or(0));
            }
        }
    }
    for range in places.own_data {
        for part in without(*range, &borrowed) {
            look(part.start, usize::try_from(part.len()).unwrap_or(0));
        }
    }
}

/// What holds words that are no references of their own: the type caches, whose values are borrowed.
fn borrowed<M: Memory + ?Sized>(places: &Places<'_, M>) -> Vec<AddrRange> {
    let range = |at: Addr, size: u64| Some(AddrRange::new(at, at.up(size)?));
    let cache = places.layout.interpreter_roots.member("type_cache");
    let inside = places.interpreters.iter().filter_map(|at| range(at.up(cache?.at as u64)?, cache?.size as u64));
    let statics = only(places, "method_cache").filter_map(|(at, size)| range(at, size));
    let mut all: Vec<AddrRange> = inside.chain(statics).collect();
    all.sort();
    all
}

/// What of a range lies outside these sorted others.
fn without(range: AddrRange, others: &[AddrRange]) -> Vec<AddrRange> {
    let mut rest = range;
    let mut parts = Vec::new();
    for other in others.iter().filter(|other| !other.intersection(&range).is_empty()) {
        parts.push(AddrRange::new(rest.start, other.start.min(rest.end)));
        rest = AddrRange::new(other.end.min(rest.end).max(rest.start), rest.end);
    }
    parts.push(rest);
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside() {
        let range = |start, end| AddrRange::new(Addr(start), Addr(end));
        assert_eq!(
            without(range(10, 50), &[range(0, 5), range(20, 30), range(45, 60)]),
            [range(10, 20), range(30, 45)]
        );
        assert_eq!(without(range(10, 50), &[range(10, 50)]), []);
        assert_eq!(without(range(10, 50), &[]), [range(10, 50)]);
    }
}
