//! Functions, code, methods, partials → references past their tables: a default by its parameter, a closure's cell by its
//! variable; and what they are called (`Objects/funcobject.c`, `codeobject.c`, `methodobject.c`, `classobject.c`).

use super::keys::Use;
use super::{Body, Reader};
use crate::addr::Addr;
use crate::cpython::dict;
use crate::cpython::text;
use crate::heap::{Label, LabelId};
use crate::memory::Memory;

/// Most parameters or free variables of one function that are named.
const MOST_NAMES: u64 = 1 << 12;

impl<'a, M: Memory + ?Sized> Reader<'a, M> {
    pub(super) fn function(&mut self, at: Addr) -> Option<()> {
        let f = &self.layout.function;
        let view = self.view(at, f.size)?;
        let code = view.get(f.func_code)?;
        let defaults = view.get(f.func_defaults)?;
        if !defaults.is_null() && self.sink.find(defaults).is_some() {
            self.defaults(code, defaults)?;
        }
        let by_name = f.func_kwdefaults.and_then(|field| view.get(field)).unwrap_or_default();
        if !by_name.is_null() && self.sink.find(by_name).is_some() {
            for (name, value) in dict::entries(self.mem, self.layout, by_name)? {
                let label = self.named_by(name, Use::Default).shortcut();
                self.sink.edge(value, label);
            }
        }
        let closure = view.get(f.func_closure)?;
        if !closure.is_null() && self.sink.find(closure).is_some() {
            self.closure(code, closure)?;
        }
        let named = f.func_qualname.unwrap_or(f.func_name);
        let name = view.get(named).and_then(|name| self.types.text(name))?;
        let called = match view.get(f.func_module).and_then(|module| self.types.text(module)) {
            Some(module) => format!("{module}.{name}"),
            None => name,
        };
        self.sink.call(at, &called);
        Some(())
    }

    /// Values of the last positional parameters.
    fn defaults(&mut self, code: Addr, defaults: Addr) -> Option<()> {
        let c = &self.layout.code;
        let view = self.view(code, c.size)?;
        let count = u64::try_from(view.get(c.co_argcount)?).ok()?;
        let names = view.get(c.co_localsplusnames.or(c.co_varnames)?)?;
        let values = self.length(defaults)?.min(MOST_NAMES);
        for i in 0..values {
            // Who sets `__defaults__` may give more than there are parameters: the first then belong to none.
            let Some(parameter) = count.checked_add(i)?.checked_sub(values) else { continue };
            let (name, value) = (self.item(names, parameter)?, self.item(defaults, i)?);
            let label = self.named_by(name, Use::Default).shortcut();
            self.sink.edge(value, label);
        }
        Some(())
    }

    /// Cells by the names of free variables: the last of all names from 3.11 on, a tuple of their own before.
    fn closure(&mut self, code: Addr, closure: Addr) -> Option<()> {
        let c = &self.layout.code;
        let view = self.view(code, c.size)?;
        let cells = self.length(closure)?.min(MOST_NAMES);
        let (names, skip) = match (c.co_freevars, c.co_localsplusnames) {
            (Some(names), _) => (view.get(names)?, 0),
            (None, Some(names)) => {
                let names = view.get(names)?;
                (names, self.length(names)?.checked_sub(cells)?)
            }
            (None, None) => return None,
        };
        for i in 0..cells {
            let (name, cell) = (self.item(names, skip.checked_add(i)?)?, self.item(closure, i)?);
            let label = self.named_by(name, Use::Closure).shortcut();
            self.sink.edge(cell, label);
        }
        Some(())
    }

    /// The length of a tuple.
    pub(super) fn length(&self, tuple: Addr) -> Option<u64> {
        let l = self.layout;
        u64::try_from(self.view(tuple, l.var_object.size)?.get(l.var_object.ob_size)?).ok()
    }

    /// One item of a tuple.
    fn item(&self, tuple: Addr, index: u64) -> Option<Addr> {
        self.word(tuple.up(self.layout.tuple.ob_item.at as u64)?.up(index.checked_mul(8)?)?)
    }

    /// What a code object is called, and what 3.12 keeps of it in a block of its own, made when asked for.
    pub(super) fn code(&mut self, at: Addr) -> Option<()> {
        let c = &self.layout.code;
        let view = self.view(at, c.size)?;
        if let (Some(cached), Some(block)) = (c._co_cached, &self.layout.code_cached) {
            let cached = view.get(cached)?;
            if !cached.is_null() {
                let view = self.view(cached, block.size)?;
                let members = [
                    ("co_code", block._co_code),
                    ("co_varnames", block._co_varnames),
                    ("co_cellvars", block._co_cellvars),
                    ("co_freevars", block._co_freevars),
                ];
                for (name, field) in members {
                    let to = view.get(field)?;
                    if !to.is_null() {
                        let label = self.sink.named(Label::Field, name);
                        self.sink.edge(to, label);
                    }
                }
            }
        }
        if let Some(name) = view.get(c.co_name).and_then(|name| self.types.text(name)) {
            self.sink.call(at, &name);
        }
        Some(())
    }

    /// What it is bound to: a module, or the object whose method it is.
    pub(super) fn builtin_function(&mut self, at: Addr) -> Option<()> {
        let b = &self.layout.builtin_function;
        let view = self.view(at, b.size)?;
        let label = self.bound_by(at);
        self.sink.edge(view.get(b.m_self)?, label);
        if let Some(name) = self.builtin_name(at) {
            let called = match view.get(b.m_module).and_then(|module| self.types.text(module)) {
                Some(module) => format!("{module}.{name}"),
                None => name,
            };
            self.sink.call(at, &called);
        }
        Some(())
    }

    fn builtin_name(&self, at: Addr) -> Option<String> {
        let def = self.view(at, self.layout.builtin_function.size)?.get(self.layout.builtin_function.m_ml)?;
        let name = self.word(def.up(self.layout.method_def.ml_name.at as u64)?)?;
        text::c_string(self.mem, name)
    }

    /// The label of what the builtin function at this address is bound to.
    fn bound_by(&mut self, at: Addr) -> LabelId {
        let name = self.builtin_name(at).unwrap_or_else(|| "?".into());
        self.sink.named(Label::SelfOf, &name)
    }

    /// A bound method: what it is bound to, by the name of its function.
    pub(super) fn method(&mut self, at: Addr, function: usize, this: usize) -> Option<()> {
        let view = self.view(at, function.max(this).checked_add(8)?)?;
        let function = view.pointer(function)?;
        let this = view.pointer(this)?;
        if this.is_null() {
            return Some(()); // 2.7's unbound ones
        }
        let label = match self.type_of(function).and_then(|of| self.bodies.get(&of.0)) {
            Some(Body::Function) => {
                let name = self.word(function.up(self.layout.function.func_name.at as u64)?)?;
                self.named_by(name, Use::SelfOf)
            }
            Some(Body::BuiltinFunction) => self.bound_by(function),
            _ => {
                let name = self.type_of(function).and_then(|of| self.short_type_name(of));
                self.sink.named(Label::SelfOf, &name.unwrap_or_else(|| "?".into()))
            }
        };
        self.sink.edge(this, label);
        Some(())
    }

    /// Arguments that a partial keeps, past the tuple that holds them.
    pub(super) fn partial(&mut self, at: Addr, args: usize) -> Option<()> {
        let args = self.word(at.up(args as u64)?)?;
        if args.is_null() || self.sink.find(args).is_none() {
            return Some(());
        }
        let start = args.up(self.layout.tuple.ob_item.at as u64)?;
        let count = self.length(args)?.min(MOST_NAMES);
        self.pieces(start, count, |reader, i, to| {
            let label = reader.sink.label(Label::Argument(u32::try_from(i).unwrap_or(u32::MAX)));
            reader.sink.edge(to, label.shortcut());
        })
    }
}
