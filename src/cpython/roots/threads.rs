//! Thread states → their roots: the variables of running frames, exceptions, trace functions, context; and which thread
//! each dict of a `threading.local` belongs to.
//!
//! To 3.10 a frame is an object whose own references are its variables; from 3.11 on the thread holds each variable
//! itself. It reads no frame of a suspended generator: those are the generators'.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Finder, MOST, Places, modules};
use crate::addr::Addr;
use crate::cpython::dict;
use crate::cpython::frames::{Frame, Frames, Owner};
use crate::cpython::int;
use crate::cpython::layout::{FrameShape, IntShape};
use crate::cpython::objects::Row;
use crate::cpython::types::Types;
use crate::heap::RootKind;
use crate::memory::Memory;

/// From a `struct pthread` of glibc on x86_64 to its thread id and to its pointer to itself, in bytes (`nptl/descr.h`).
const PTHREAD: (usize, usize) = (720, 16);

/// Members of a thread state that are one counted reference, and what people read for them.
const MEMBERS: [(&str, &str); 20] = [
    ("curexc_type", "<exception>"),
    ("curexc_value", "<exception>"),
    ("curexc_traceback", "<exception>"),
    ("current_exception", "<exception>"),
    ("exc_type", "<exception>"),
    ("exc_value", "<exception>"),
    ("exc_traceback", "<exception>"),
    ("exc_state_type", "<exception>"),
    ("exc_state_value", "<exception>"),
    ("exc_state_traceback", "<exception>"),
    ("async_exc", "<asynchronous exception>"),
    ("c_profileobj", "<profile function>"),
    ("c_traceobj", "<trace function>"),
    ("context", "<context>"),
    ("async_gen_firstiter", "<async generator hooks>"),
    ("async_gen_finalizer", "<async generator hooks>"),
    ("coroutine_wrapper", "<coroutine wrapper>"),
    ("previous_executor", "<executor>"),
    ("threading_local_key", "<thread-local key>"),
    ("threading_local_sentinel", "<thread-local key>"),
];

/// One thread that runs, or ran, Python.
#[derive(Debug, Clone)]
pub(super) struct Thread {
    /// `PyThreadState`.
    at: Addr,
    /// As `threading` calls it, else its id.
    name: String,
}

/// Finds the threads of all interpreters and what they are called.
pub(super) fn find<M: Memory + ?Sized>(places: &Places<'_, M>) -> Vec<Thread> {
    let mut threads = Vec::new();
    for (i, interpreter) in places.interpreters.iter().enumerate() {
        let names = names(places, *interpreter);
        let is_main = i.saturating_add(1) == places.interpreters.len();
        let states = states(places, *interpreter);
        let oldest = states.last().copied();
        threads.extend(
            states.into_iter().map(|at| Thread { at, name: name(places, at, &names, is_main && Some(at) == oldest) }),
        );
    }
    threads
}

fn states<M: Memory + ?Sized>(places: &Places<'_, M>, interpreter: Addr) -> Vec<Addr> {
    let l = places.layout;
    let mut seen = FxHashSet::default();
    let mut states = Vec::new();
    let mut next = places.word(interpreter, l.interpreter.threads_head.at);
    while let Some(at) = next.filter(|at| !at.is_null() && states.len() < MOST) {
        if !seen.insert(at.0) || places.word(at, l.thread.interp.at) != Some(interpreter) {
            break;
        }
        states.push(at);
        next = places.word(at, l.thread.next.at);
    }
    states
}

/// The names in `threading._active`, by `ident`.
fn names<M: Memory + ?Sized>(places: &Places<'_, M>, interpreter: Addr) -> FxHashMap<u64, String> {
    let active = modules::named(places, interpreter, "threading")
        .and_then(|module| modules::dict_of(places, module))
        .and_then(|dict| places.item(dict, "_active"))
        .and_then(|active| dict::entries(places.mem, places.layout, active))
        .unwrap_or_default();
    let named = |(ident, thread): (Addr, Addr)| {
        let name = places.attribute(thread, "_name").or_else(|| places.attribute(thread, "_Thread__name"))?;
        Some((unsigned(places, ident)?, places.text(name)?))
    };
    active.into_iter().filter_map(named).collect()
}

/// The value of an int of up to 64 bits.
fn unsigned<M: Memory + ?Sized>(places: &Places<'_, M>, at: Addr) -> Option<u64> {
    let l = places.layout;
    let view = places.mem.view(at, l.long.ob_digit.at).ok()?;
    let of = view.get(l.object.ob_type)?;
    if l.shape.int == IntShape::Py27 && Some(of) == places.globals.int_type {
        return places.mem.word(at.up(l.object.size as u64)?).ok();
    }
    if Some(of) != places.globals.long_type {
        return None;
    }
    u64::try_from(int::value(places.mem, l, at)?).ok()
}

fn name<M: Memory + ?Sized>(places: &Places<'_, M>, at: Addr, names: &FxHashMap<u64, String>, is_main: bool) -> String {
    let l = &places.layout.thread;
    let ident = places.word(at, l.thread_id.at).unwrap_or_default();
    if let Some(name) = names.get(&ident.0) {
        return name.clone();
    }
    if is_main {
        return "MainThread".into();
    }
    let native = match l.native_thread_id {
        Some(native) => places.word(at, native.at).map(|id| id.0),
        None => places
            .word(ident, PTHREAD.1)
            .filter(|own| *own == ident)
            .and_then(|_| places.mem.view(ident.up(PTHREAD.0 as u64)?, 4).ok()?.at::<u32>(0))
            .map(u64::from),
    };
    native.unwrap_or(ident.0).to_string()
}

/// Finds the roots of all threads.
pub(super) fn read<'a, M: Memory + ?Sized>(places: &Places<'a, M>, frames: &mut Frames<'a, M>, found: &mut Finder<'_>) {
    let globals: FxHashSet<Addr> =
        places.interpreters.iter().flat_map(|interpreter| modules::dicts(places, *interpreter)).collect();
    for thread in &places.threads {
        let begin = format!("thread '{}'", thread.name);
        match places.layout.shape.frame {
            FrameShape::Object => objects(places, frames, thread, &begin, &globals, found),
            FrameShape::Embedded => {
                embedded(places, frames, thread, &begin, &globals, found);
            }
        }
    }
    for thread in &places.threads {
        let begin = format!("thread '{}'", thread.name);
        let mut member = |offset: usize, what: &str| {
            if let Some(to) = places.word(thread.at, offset) {
                found.add(to, RootKind::Thread, &format!("{begin} › {what}"), 1);
            }
        };
        for (name, what) in MEMBERS {
            if let Some(part) = places.layout.thread_roots.member(name) {
                member(part.at, what);
            }
        }
        member(places.layout.thread.dict.at, "<dict>");
    }
}

/// To 3.10: each frame object. The C code that runs it holds it, but for a generator's, which the generator holds.
fn objects<M: Memory + ?Sized>(
    places: &Places<'_, M>,
    frames: &mut Frames<'_, M>,
    thread: &Thread,
    begin: &str,
    globals: &FxHashSet<Addr>,
    found: &mut Finder<'_>,
) {
    let mut next = places.layout.thread.frame.and_then(|top| places.word(thread.at, top.at));
    let mut seen = FxHashSet::default();
    while let Some(at) = next.filter(|at| !at.is_null() && seen.len() < MOST) {
        let Some(frame) = seen.insert(at.0).then(|| frames.of_object(at)).flatten() else { break };
        let held = u32::from(!frame.code.is_suspendable());
        found.add(at, RootKind::Frame, begin, held);
        let text = format!("{begin} › {}", frame.text());
        temporaries(frames, &frame, &text, found);
        own_dict(places, &frame, &text, globals, found);
        next = frame.held.iter().find(|(name, _)| *name == "f_back").map(|(_, back)| *back);
    }
}

/// From 3.11 on: each variable of each frame, and what else it holds. A generator that runs holds its own.
fn embedded<M: Memory + ?Sized>(
    places: &Places<'_, M>,
    frames: &mut Frames<'_, M>,
    thread: &Thread,
    begin: &str,
    globals: &FxHashSet<Addr>,
    found: &mut Finder<'_>,
) -> Option<()> {
    let l = places.layout;
    let previous = l.interpreter_frame.as_ref()?.previous.at;
    let mut next = match (l.thread.current_frame, l.thread.cframe, &l.cframe) {
        (Some(current), ..) => places.word(thread.at, current.at),
        (None, Some(cframe), Some(c)) => {
            places.word(thread.at, cframe.at).and_then(|cframe| places.word(cframe, c.current_frame.at))
        }
        _ => None,
    };
    let mut seen = FxHashSet::default();
    while let Some(at) = next.filter(|at| !at.is_null() && seen.len() < MOST) {
        if !seen.insert(at.0) {
            break;
        }
        next = places.word(at, previous);
        // not one of C code's
        let Some(frame) = frames.embedded(at) else { continue };
        let counted = u32::from(frame.owner == Owner::Thread);
        let text = format!("{begin} › {}", frame.text());
        for (i, to) in frames.variables(&frame) {
            let name = frame.code.variables.get(i).map_or("?", String::as_str);
            found.add(to, RootKind::Frame, &format!("{text} › {name}"), counted);
        }
        match frames.stack(&frame) {
            Some(stack) => {
                for to in stack {
                    found.add(to, RootKind::Frame, &format!("{text} › <stack>"), counted);
                }
            }
            None => temporaries(frames, &frame, &text, found),
        }
        for (name, to) in &frame.held {
            let what = match *name {
                "f_locals" => "<locals>",
                "f_func" => "<function>",
                "f_code" => "<code>",
                _ => "<frame>",
            };
            found.add(*to, RootKind::Frame, &format!("{text} › {what}"), counted);
        }
        own_dict(places, &frame, &text, globals, found);
    }
    Some(())
}

/// The slots of a value stack whose depth is not known.
fn temporaries<M: Memory + ?Sized>(frames: &Frames<'_, M>, frame: &Frame, text: &str, found: &mut Finder<'_>) {
    if frames.stack(frame).is_none() {
        for to in frames.possible_stack(frame) {
            found.perhaps(to, RootKind::Frame, &format!("{text} › <stack>"));
        }
    }
}

/// The variables of a class body or of `exec`'d text, which lie in a dict that counts them. A module's are the module's.
fn own_dict<M: Memory + ?Sized>(
    places: &Places<'_, M>,
    frame: &Frame,
    text: &str,
    globals: &FxHashSet<Addr>,
    found: &mut Finder<'_>,
) {
    if frame.code.has_slots() || globals.contains(&frame.locals) {
        return;
    }
    for (key, to) in dict::entries(places.mem, places.layout, frame.locals).unwrap_or_default() {
        if let Some(name) = places.text(key) {
            found.add(to, RootKind::Frame, &format!("{text} › {name}"), 0);
        }
    }
}

/// The dicts of `threading.local`s by address, each with its thread's name (`Modules/_threadmodule.c`).
pub(super) fn local_dicts<M: Memory + ?Sized>(
    places: &Places<'_, M>,
    types: &Types<'_, M>,
    rows: &[Row],
) -> FxHashMap<u64, String> {
    let l = places.layout;
    let mut dicts = FxHashMap::default();
    let key = l.thread_roots.member("threading_local_key");
    let localdicts = l.thread_local.as_ref().and_then(|l| l.localdicts);
    if let (Some(key), Some(localdicts)) = (key, localdicts) {
        // From 3.13 on: a local's dict of dicts has the thread's key.
        let threads: FxHashMap<Addr, &str> =
            places.threads.iter().filter_map(|t| Some((places.word(t.at, key.at)?, t.name.as_str()))).collect();
        let mut is_local: FxHashMap<u32, bool> = FxHashMap::default();
        for row in rows {
            let of = || types.info(row.of).is_some_and(|info| places.derives(info.addr, "_thread._local"));
            if !*is_local.entry(row.of).or_insert_with(of) {
                continue;
            }
            let all = places.word(row.at, localdicts.at);
            for (key, dict) in all.and_then(|all| dict::entries(places.mem, l, all)).unwrap_or_default() {
                if let Some(name) = threads.get(&key) {
                    dicts.insert(dict.0, (*name).to_owned());
                }
            }
        }
        return dicts;
    }
    // Before: a thread's own dict leads to a dummy for each local, which borrows the dict.
    let Some(localdict) = l.local_dummy.as_ref().and_then(|l| l.localdict) else { return dicts };
    for thread in &places.threads {
        let own = places.word(thread.at, l.thread.dict.at);
        for (_, dummy) in own.and_then(|own| dict::entries(places.mem, l, own)).unwrap_or_default() {
            let is_dummy = places.type_of(dummy).is_some_and(|of| {
                places.derives(of, "_thread._localdummy") || places.derives(of, "thread._localdummy")
            });
            if let Some(dict) = is_dummy.then(|| places.word(dummy, localdict.at)).flatten() {
                dicts.insert(dict.0, thread.name.clone());
            }
        }
    }
    dicts
}
