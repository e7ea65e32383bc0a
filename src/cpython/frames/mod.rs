//! A frame → its code, the line where it stands, its variables and its value stack, in both shapes: frame objects (to
//! 3.10) and `_PyInterpreterFrame`s in a thread's data stack, in a generator or in a frame object (3.11+).
//!
//! Nothing beyond a known top of the stack is read: what lies there is stale. Who owns which reference is said at each
//! member; it follows no chain of frames.

pub mod lines;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::layout::{FrameShape, LastiShape, Layout};
use super::text;
use super::types::TypeWorld;
use crate::addr::Addr;
use crate::memory::{Memory, View};

/// More variables or stack entries of one frame are not believed.
const MOST_SLOTS: u64 = 1 << 16;
/// A longer line table is cut, in bytes.
const LONGEST_TABLE: u64 = 1 << 22;

/// `CO_*` (`Include/code.h`).
mod flags {
    pub const OPTIMIZED: i32 = 0x1;
    pub const GENERATOR: i32 = 0x20;
    pub const COROUTINE: i32 = 0x80;
    pub const ASYNC_GENERATOR: i32 = 0x200;
}

/// What of a code object its frames need.
#[derive(Debug)]
pub struct Code {
    /// The code object.
    pub at: Addr,
    /// `co_name`: what people search their source for.
    pub name: String,
    /// The last part of `co_filename`.
    pub file: String,
    /// Names of the variables, in the order of a frame's slots: arguments and locals, cells, free variables.
    pub variables: Vec<String>,
    /// `co_stacksize`, in entries.
    stacksize: u64,
    flags: i32,
    first_line: i32,
    lines: Vec<u8>,
}

impl Code {
    /// Is it a generator's, a coroutine's or an asynchronous generator's? Then that owns its frame.
    #[must_use]
    pub fn is_suspendable(&self) -> bool {
        self.flags & (flags::GENERATOR | flags::COROUTINE | flags::ASYNC_GENERATOR) != 0
    }

    /// Has it its variables in slots? (Class bodies, modules and `exec`'d text have them in a dict.)
    #[must_use]
    pub fn has_slots(&self) -> bool {
        self.flags & flags::OPTIMIZED != 0
    }
}

/// Who owns an `_PyInterpreterFrame` (`Include/internal/pycore_frame.h`, 3.11+).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A thread, in its data stack.
    Thread,
    /// A generator or coroutine.
    Generator,
    /// The frame object: the frame is done, and somebody keeps it.
    FrameObject,
    /// C code: not a frame of the program's.
    Shim,
}

/// One frame.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Its code.
    pub code: Arc<Code>,
    /// The line where it stands; `None` where its instruction has none.
    pub line: Option<i64>,
    /// Who owns it; always the frame object to 3.10.
    pub owner: Owner,
    /// `f_globals`; borrowed from the function in 3.11+, else in `held` too.
    pub globals: Addr,
    /// `f_locals`: the dict of variables of a class body, or what `locals()` left; in `held` too.
    pub locals: Addr,
    /// References that it counts besides variables and stack, by the C member's name.
    pub held: Vec<(&'static str, Addr)>,
    slots: Addr,
    stack: Addr,
    depth: Option<u64>,
}

impl Frame {
    /// As paths write it: `handle() app.py:42`.
    #[must_use]
    pub fn text(&self) -> String {
        let Code { name, file, .. } = &*self.code;
        match self.line {
            Some(line) => format!("{name}() {file}:{line}"),
            None => format!("{name}() {file}:?"),
        }
    }
}

/// Reads frames and remembers code; one a worker.
pub struct Frames<'a, M: ?Sized> {
    mem: &'a M,
    layout: &'a Layout,
    texts: &'a TypeWorld,
    codes: FxHashMap<u64, Option<Arc<Code>>>,
}

impl<'a, M: Memory + ?Sized> Frames<'a, M> {
    /// For one target.
    #[must_use]
    pub fn new(mem: &'a M, layout: &'a Layout, texts: &'a TypeWorld) -> Self {
        Frames { mem, layout, texts, codes: FxHashMap::default() }
    }

    /// The frame of the frame object at `at`.
    pub fn of_object(&mut self, at: Addr) -> Option<Frame> {
        let l = &self.layout.frame;
        let view = self.mem.view(at, l.size).ok()?;
        let set_line = i64::from(view.get(self.layout.frame_lines.f_lineno)?);
        let traced = !view.get(l.f_trace)?.is_null();
        if self.layout.shape.frame == FrameShape::Embedded {
            let mut frame = self.embedded(view.get(l.f_frame?)?)?;
            if set_line != 0 {
                frame.line = Some(set_line);
            }
            return Some(frame);
        }
        let code = self.code(view.get(l.f_code?)?)?;
        let lasti = i64::from(view.get(l.f_lasti?)?);
        // `PyFrame_GetLineNumber`: a trace function sets lines itself.
        let (offset, set) = match self.layout.shape.lasti {
            LastiShape::Bytes => (lasti, traced),
            LastiShape::Units => (lasti.saturating_mul(2), set_line != 0),
        };
        let line = if set { Some(set_line) } else { self.line(&code, offset) };
        let stack = view.get(l.f_valuestack?)?;
        let depth = match (l.f_stacktop, l.f_stackdepth) {
            (Some(top), _) => match view.get(top)? {
                Addr::NULL => None,
                top => Some(top.0.checked_sub(stack.0)? / 8),
            },
            (None, Some(depth)) => u64::try_from(view.get(depth)?).ok(),
            (None, None) => None,
        };
        let member = |name, field: Option<crate::memory::Field<Addr>>| Some((name, view.get(field?)?));
        let held = [
            member("f_locals", l.f_locals),
            member("f_back", Some(l.f_back)),
            member("f_trace", Some(l.f_trace)),
            member("f_code", l.f_code),
            member("f_globals", l.f_globals),
            member("f_builtins", l.f_builtins),
            member("f_exc_type", l.f_exc_type),
            member("f_exc_value", l.f_exc_value),
            member("f_exc_traceback", l.f_exc_traceback),
        ];
        Some(Frame {
            line,
            owner: Owner::FrameObject,
            globals: l.f_globals.and_then(|f| view.get(f)).unwrap_or_default(),
            locals: l.f_locals.and_then(|f| view.get(f)).unwrap_or_default(),
            held: held.into_iter().flatten().filter(|(_, to)| !to.is_null()).collect(),
            slots: at.up(l.f_localsplus?.at as u64)?,
            stack,
            depth: depth.map(|depth| depth.min(code.stacksize)),
            code,
        })
    }

    /// The `_PyInterpreterFrame` at `at` (3.11+).
    pub fn embedded(&mut self, at: Addr) -> Option<Frame> {
        let l = self.layout.interpreter_frame.as_ref()?;
        let view = self.mem.view(at, l.localsplus.at).ok()?;
        let owner = match view.get(l.owner)? {
            0 => Owner::Thread,
            1 => Owner::Generator,
            2 => Owner::FrameObject,
            3 => Owner::Shim,
            _ => return None,
        };
        if owner == Owner::Shim {
            return None;
        }
        let code = self.code(view.get(l.f_code)?)?;
        let start = code.at.up(self.layout.code_lines.co_code_adaptive?.at as u64)?;
        let offset = view.get(l.prev_instr)?.0.wrapping_sub(start.0).cast_signed();
        let slots = at.up(l.localsplus.at as u64)?;
        let count = code.variables.len() as u64;
        let top = u64::try_from(view.get(l.stacktop)?).ok();
        let held = [
            ("f_locals", view.get(l.f_locals)?),
            ("f_func", view.get(l.f_funcobj)?),
            ("f_code", view.get(l.f_code)?),
            ("frame_obj", view.get(l.frame_obj)?),
        ];
        Some(Frame {
            line: self.line(&code, offset),
            owner,
            globals: view.get(l.f_globals)?,
            locals: view.get(l.f_locals)?,
            held: held.into_iter().filter(|(_, to)| !to.is_null()).collect(),
            slots,
            stack: slots.up(count.checked_mul(8)?)?,
            depth: top.map(|top| top.saturating_sub(count).min(code.stacksize)),
            code,
        })
    }

    /// The variables that are set: the place of each name in its code's list, and the object (a cell's own, for a cell).
    pub fn variables(&self, frame: &Frame) -> Vec<(usize, Addr)> {
        let count = frame.code.variables.len() as u64;
        self.words(frame.slots, count).into_iter().enumerate().filter(|(_, at)| !at.is_null()).collect()
    }

    /// The value stack, bottom first; `None` where its depth is not known: the frame runs, or has called C code.
    pub fn stack(&self, frame: &Frame) -> Option<Vec<Addr>> {
        Some(self.words(frame.stack, frame.depth?))
    }

    /// All slots that a stack of unknown depth may fill. Some are stale.
    pub fn possible_stack(&self, frame: &Frame) -> Vec<Addr> {
        self.words(frame.stack, frame.code.stacksize)
    }

    fn words(&self, at: Addr, count: u64) -> Vec<Addr> {
        let bytes = usize::try_from(count.min(MOST_SLOTS).saturating_mul(8)).unwrap_or(0);
        let view = self.mem.view(at, bytes).ok();
        let words = view.iter().flat_map(|view| view.bytes().chunks_exact(8));
        words.filter_map(|word| View::new(word).pointer(0)).collect()
    }

    fn line(&self, code: &Code, offset: i64) -> Option<i64> {
        lines::line(self.layout.shape.lines, &code.lines, code.first_line, offset)
    }

    /// The code object at `at`.
    pub fn code(&mut self, at: Addr) -> Option<Arc<Code>> {
        if let Some(known) = self.codes.get(&at.0) {
            return known.clone();
        }
        let code = self.read_code(at).map(Arc::new);
        self.codes.insert(at.0, code.clone());
        code
    }

    fn read_code(&self, at: Addr) -> Option<Code> {
        let l = &self.layout.code;
        if at.is_null() || !at.is_aligned(8) || !self.is_code(at)? {
            return None;
        }
        let view = self.mem.view(at, l.size).ok()?;
        let mut variables = Vec::new();
        match l.co_localsplusnames {
            Some(names) => self.names(view.get(names)?, &mut variables)?,
            None => {
                for names in [l.co_varnames?, l.co_cellvars?, l.co_freevars?] {
                    self.names(view.get(names)?, &mut variables)?;
                }
                // `co_varnames` may name more than there are slots for, never fewer.
                let locals = usize::try_from(view.get(l.co_nlocals?)?).ok()?;
                let named = usize::try_from(self.len(view.get(l.co_varnames?)?)?).ok()?;
                if named > locals {
                    variables.drain(locals.min(variables.len())..named.min(variables.len()));
                }
            }
        }
        let lines = l.co_linetable.or(l.co_lnotab)?;
        let file = self.texts.text(self.mem, self.layout, view.get(l.co_filename)?)?;
        Some(Code {
            at,
            name: self.texts.text(self.mem, self.layout, view.get(l.co_name)?)?,
            file: file.rsplit('/').next().unwrap_or_default().to_owned(),
            variables,
            stacksize: u64::try_from(view.get(l.co_stacksize)?).ok()?.min(MOST_SLOTS),
            flags: view.get(self.layout.code_lines.co_flags)?,
            first_line: view.get(self.layout.code_lines.co_firstlineno)?,
            lines: self.bytes(view.get(lines)?).unwrap_or_default(),
        })
    }

    fn is_code(&self, at: Addr) -> Option<bool> {
        let of = Addr(self.mem.word(at.up(self.layout.object.ob_type.at as u64)?).ok()?);
        let name = Addr(self.mem.word(of.up(self.layout.type_.tp_name.at as u64)?).ok()?);
        Some(text::c_string(self.mem, name)? == "code")
    }

    fn len(&self, at: Addr) -> Option<u64> {
        let view = self.mem.view(at, self.layout.var_object.size).ok()?;
        u64::try_from(view.get(self.layout.var_object.ob_size)?).ok().filter(|len| *len <= MOST_SLOTS)
    }

    /// The texts in a tuple; `?` for what is none.
    fn names(&self, tuple: Addr, into: &mut Vec<String>) -> Option<()> {
        let count = self.len(tuple)?;
        let items = self.words(tuple.up(self.layout.tuple.ob_item.at as u64)?, count);
        into.extend(items.iter().map(|at| self.texts.text(self.mem, self.layout, *at).unwrap_or_else(|| "?".into())));
        Some(())
    }

    fn bytes(&self, at: Addr) -> Option<Vec<u8>> {
        let view = self.mem.view(at, self.layout.var_object.size).ok()?;
        let len = u64::try_from(view.get(self.layout.var_object.ob_size)?).ok()?.min(LONGEST_TABLE);
        let text = at.up(self.layout.bytes.ob_sval.at as u64)?;
        Some(self.mem.view(text, usize::try_from(len).ok()?).ok()?.bytes().to_vec())
    }
}
