//! Frame objects, generators, coroutines and asynchronous generators → what they hold: variables, value stack, code and
//! their other members (`Objects/frameobject.c`, `Objects/genobject.c`).
//!
//! From 3.11 on a running frame's variables belong to its thread, so its frame object tells none of them; those of a
//! generator that runs are the generator's own.

use super::Reader;
use crate::addr::Addr;
use crate::cpython::dict;
use crate::cpython::frames::{Frame, Owner};
use crate::cpython::layout::FrameShape;
use crate::heap::{Label, LabelId};
use crate::memory::{Field, Memory, View};

/// `FRAME_CLEARED` (`Include/internal/pycore_frame.h`, 3.11+): from here on there are no variables.
const FRAME_CLEARED: i8 = 4;

/// Which of three alike structs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Generator,
    Coroutine,
    AsyncGenerator,
}

impl Kind {
    fn frame(self) -> &'static str {
        match self {
            Kind::Generator => "gi_frame",
            Kind::Coroutine => "cr_frame",
            Kind::AsyncGenerator => "ag_frame",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Kind::Generator => "gi_code",
            Kind::Coroutine => "cr_code",
            Kind::AsyncGenerator => "ag_code",
        }
    }
}

impl<M: Memory + ?Sized> Reader<'_, M> {
    /// A frame object.
    pub(super) fn frame(&mut self, at: Addr) -> Option<()> {
        let frame = self.frames.of_object(at);
        if let Some(frame) = &frame {
            self.sink.call(at, &frame.text());
        }
        if self.layout.shape.frame == FrameShape::Object {
            let frame = frame?;
            self.variables(&frame);
            self.held(&frame, None);
            return Some(());
        }
        let layout = self.layout;
        let l = &layout.frame;
        let view = self.view(at, l.size)?;
        let own = at.up(l._f_frame_data?.at as u64);
        if let Some(frame) = frame.filter(|frame| frame.owner == Owner::FrameObject)
            && view.get(l.f_frame?) == own
        {
            self.variables(&frame);
            self.held(&frame, None);
        }
        let others = [
            ("f_back", Some(l.f_back)),
            ("f_trace", Some(l.f_trace)),
            ("f_extra_locals", l.f_extra_locals),
            ("f_locals_cache", l.f_locals_cache),
        ];
        for (name, field) in others {
            self.member(&view, name, field);
        }
        Some(())
    }

    /// A generator, coroutine or asynchronous generator.
    pub(super) fn generator(&mut self, at: Addr, kind: Kind) -> Option<()> {
        let layout = self.layout;
        let l = &layout.generator;
        let view = self.view(at, l.size)?;
        if let Some(inside) = l.gi_iframe {
            let inside = at.up(inside.at as u64)?;
            let done = view.get(l.gi_frame_state?)? >= FRAME_CLEARED;
            if done {
                // From 3.12 on the code is all that stays; before, `gi_code` holds it.
                let code = self.layout.interpreter_frame.as_ref()?.f_code;
                if l.gi_code.is_none() {
                    let code = Addr(self.mem.word(inside.up(code.at as u64)?).ok()?);
                    let label = self.member_label(Label::Field, kind.code());
                    self.sink.edge(code, label);
                }
            } else {
                let frame = self.frames.embedded(inside)?;
                self.sink.call(at, &frame.text());
                self.variables(&frame);
                self.held(&frame, Some(kind));
            }
        } else if let Some(place) = l.gi_frame {
            let frame = view.get(place)?;
            if let Some(read) = (!frame.is_null()).then(|| self.frames.of_object(frame)).flatten() {
                self.sink.call(at, &read.text());
            }
            let label = self.member_label(Label::Through, kind.frame());
            self.sink.edge(frame, label);
        }
        self.member(&view, kind.code(), l.gi_code);
        self.member(&view, "__name__", l.gi_name);
        self.member(&view, "__qualname__", l.gi_qualname);
        if let (Some(state), Some(item)) = (l.gi_exc_state, &layout.exc_stack_item) {
            let at = at.up(state.at as u64)?;
            let view = self.view(at, item.size)?;
            self.member(&view, "exc_type", item.exc_type);
            self.member(&view, "exc_value", Some(item.exc_value));
            self.member(&view, "exc_traceback", item.exc_traceback);
        }
        let (label, own) = match kind {
            Kind::Generator => return Some(()),
            Kind::Coroutine => ("cr_origin", self.layout.coroutine.as_ref().and_then(|c| c.cr_origin)),
            Kind::AsyncGenerator => ("ag_finalizer", self.layout.async_generator.as_ref().and_then(|a| a.ag_finalizer)),
        };
        // 3.6's coroutines remember no origin.
        let Some(field) = own.or(l.gi_origin_or_finalizer) else { return Some(()) };
        let to = Addr(self.mem.word(at.up(field.at as u64)?).ok()?);
        let label = self.member_label(Label::Field, label);
        self.sink.edge(to, label);
        Some(())
    }

    /// Variables and value stack, as far as it is known.
    fn variables(&mut self, frame: &Frame) {
        let code = &frame.code;
        if !self.locals.contains_key(&code.at.0) {
            let labels = code.variables.iter().map(|name| self.sink.named(Label::Local, name)).collect();
            self.locals.insert(code.at.0, labels);
        }
        let labels = self.locals.get(&code.at.0).map(Vec::as_slice).unwrap_or_default();
        for (i, to) in self.frames.variables(frame) {
            if let Some(label) = labels.get(i) {
                self.sink.edge(to, *label);
            }
        }
        let stack = self.frames.stack(frame).unwrap_or_default();
        if stack.iter().any(|at| !at.is_null()) {
            let label = self.sink.label(Label::Stack);
            for to in stack {
                self.sink.edge(to, label);
            }
        }
        if !code.has_slots() && !frame.locals.is_null() && frame.locals != frame.globals {
            for (key, to) in dict::entries(self.mem, self.layout, frame.locals).unwrap_or_default() {
                if let Some(name) = self.types.text(key) {
                    let label = self.sink.named(Label::Local, &name).shortcut();
                    self.sink.edge(to, label);
                }
            }
        }
    }

    /// What a frame counts besides; `of` is the generator that it lies in.
    fn held(&mut self, frame: &Frame, of: Option<Kind>) {
        for (name, to) in &frame.held {
            let label = match (of, *name) {
                (Some(kind), "frame_obj") => self.member_label(Label::Through, kind.frame()),
                (Some(kind), "f_code") => self.member_label(Label::Field, kind.code()),
                (_, name) => self.member_label(Label::Field, name),
            };
            self.sink.edge(*to, label);
        }
    }

    fn member(&mut self, view: &View<'_>, name: &'static str, field: Option<Field<Addr>>) {
        if let Some(to) = field.and_then(|field| view.get(field)).filter(|to| !to.is_null()) {
            let label = self.member_label(Label::Field, name);
            self.sink.edge(to, label);
        }
    }

    /// The label of a C member; a name always goes with the same kind of label.
    fn member_label(&mut self, kind: fn(crate::heap::TextId) -> Label, name: &'static str) -> LabelId {
        if let Some(known) = self.members.get(name) {
            return *known;
        }
        let label = self.sink.named(kind, name);
        self.members.insert(name, label);
        label
    }
}
