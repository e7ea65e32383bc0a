//! An interpreter's state → its roots: import machinery, codecs, atexit, fork hooks, warnings, the collector's lists,
//! monitoring, caches (`PyInterpreterState`; members by version in `[interpreter_roots]`).

use super::{Finder, MOST, Places, modules};
use crate::addr::{Addr, AddrRange};
use crate::cpython::layout::Part;
use crate::heap::RootKind;
use crate::memory::{Memory, View};

/// A larger type cache is cut, in bytes.
const LARGEST_CACHE: usize = 1 << 20;

/// Members that are one counted reference or a table of such, and what people read for them.
const MEMBERS: [(&str, &str, RootKind); 26] = [
    ("gc_garbage", "gc.garbage", RootKind::Interpreter),
    ("gc_callbacks", "gc.callbacks", RootKind::Interpreter),
    ("modules", "sys.modules", RootKind::Interpreter),
    ("sysdict", "<sys dict>", RootKind::Interpreter),
    ("sysdict_copy", "<sys dict>", RootKind::Interpreter),
    ("builtins", "<builtins dict>", RootKind::Interpreter),
    ("builtins_copy", "<builtins dict>", RootKind::Interpreter),
    ("modules_by_index", "<modules by index>", RootKind::Interpreter),
    ("modules_reloading", "<modules being reloaded>", RootKind::Interpreter),
    ("importlib", "<import>", RootKind::Interpreter),
    ("import_func", "<import>", RootKind::Interpreter),
    ("codec_search_path", "<codecs>", RootKind::Interpreter),
    ("codec_search_cache", "<codecs>", RootKind::Interpreter),
    ("codec_error_registry", "<codecs>", RootKind::Interpreter),
    ("dict", "<interpreter dict>", RootKind::Interpreter),
    ("before_forkers", "<fork hooks>", RootKind::Interpreter),
    ("after_forkers_parent", "<fork hooks>", RootKind::Interpreter),
    ("after_forkers_child", "<fork hooks>", RootKind::Interpreter),
    ("audit_hooks", "<audit>", RootKind::Interpreter),
    ("warnings_filters", "<warnings>", RootKind::Interpreter),
    ("warnings_once_registry", "<warnings>", RootKind::Interpreter),
    ("warnings_default_action", "<warnings>", RootKind::Interpreter),
    ("monitoring_callables", "<monitoring>", RootKind::Interpreter),
    ("monitoring_tool_names", "<monitoring>", RootKind::Interpreter),
    ("small_ints", "<small ints>", RootKind::Cache),
    ("interned_strings", "<interned strings>", RootKind::Cache),
];

/// Finds the roots in one interpreter's state.
pub(super) fn read<M: Memory + ?Sized>(places: &Places<'_, M>, interpreter: Addr, found: &mut Finder<'_>) {
    let members = &places.layout.interpreter_roots;
    for (name, text, kind) in MEMBERS {
        if let Some(part) = members.member(name) {
            words(places, interpreter, part, |to| {
                found.add(to, kind, text, 1);
            });
        }
    }
    if let Some(cache) =
        members.member("type_cache").and_then(|part| Some((interpreter.up(part.at as u64)?, part.size)))
    {
        type_cache(places, cache.0, cache.1, found);
    }
    identifiers(places, interpreter, found);
    atexit(places, interpreter, found);
}

/// The strings of `_Py_IDENTIFIER`s, which 3.10 and 3.11 keep in a malloc'd array (3.9 and before: in statics).
fn identifiers<M: Memory + ?Sized>(places: &Places<'_, M>, interpreter: Addr, found: &mut Finder<'_>) -> Option<()> {
    let members = &places.layout.interpreter_roots;
    let array = places.word(interpreter, members.member("identifiers")?.at)?;
    let size = places.word(interpreter, members.member("identifiers_size")?.at)?.0.min(MOST as u64);
    let size = usize::try_from(size.checked_mul(8)?).ok()?;
    words(places, array, Part { at: 0, size }, |to| {
        found.add(to, RootKind::Cache, "<identifiers>", 1);
    });
    Some(())
}

/// The names in a type cache, which it counts; its values are borrowed.
pub(super) fn type_cache<M: Memory + ?Sized>(places: &Places<'_, M>, at: Addr, size: usize, found: &mut Finder<'_>) {
    let l = &places.layout.type_cache_entry;
    let bytes = places.bytes(AddrRange::new(at, at.up(size.min(LARGEST_CACHE) as u64).unwrap_or(at)));
    // `struct type_cache` begins with the table; what may follow it is no whole entry.
    for entry in bytes.chunks_exact(l.size.max(1)) {
        if let Some(name) = View::new(entry).get(l.name) {
            found.add(name, RootKind::Cache, "<type cache>", 1);
        }
    }
}

/// What `atexit.register` was given: malloc'd records that no call of `gc` shows.
fn atexit<M: Memory + ?Sized>(places: &Places<'_, M>, interpreter: Addr, found: &mut Finder<'_>) -> Option<()> {
    let l = places.layout.atexit_callback.as_ref()?;
    let members = &places.layout.interpreter_roots;
    let (array, count) = match (members.member("atexit_callbacks"), members.member("atexit_ncallbacks")) {
        (Some(callbacks), Some(count)) => {
            let count = places.mem.view(interpreter.up(count.at as u64)?, 4).ok()?.at::<i32>(0)?;
            (places.word(interpreter, callbacks.at)?, count)
        }
        _ => {
            // to 3.9 in the module's own state
            let state = places.layout.atexit_state.as_ref()?;
            let module = modules::named(places, interpreter, "atexit")?;
            modules::dict_of(places, module)?;
            let view = places.mem.view(places.word(module, places.layout.module.md_state?.at)?, state.size).ok()?;
            (view.get(state.callbacks)?, view.get(state.ncallbacks)?)
        }
    };
    for i in (0..u64::try_from(count).ok()?).take(MOST) {
        // An unregistered one leaves a null behind.
        let record = places.mem.word(array.up(i.checked_mul(8)?)?).ok().map(Addr)?;
        if let (false, Ok(view)) = (record.is_null(), places.mem.view(record, l.size)) {
            for to in [l.func, l.args, l.kwargs].into_iter().filter_map(|field| view.get(field)) {
                found.add(to, RootKind::Interpreter, "atexit[*]", 1);
            }
        }
    }
    Some(())
}

/// Each word of a member of the struct at `at`.
pub(super) fn words<M: Memory + ?Sized>(places: &Places<'_, M>, at: Addr, part: Part, mut each: impl FnMut(Addr)) {
    let Some(at) = at.up(part.at as u64) else { return };
    let bytes = places.bytes(AddrRange::new(at, at.up(part.size as u64).unwrap_or(at)));
    for word in bytes.chunks_exact(8) {
        if let Some(to) = View::new(word).pointer(0) {
            each(to);
        }
    }
}
