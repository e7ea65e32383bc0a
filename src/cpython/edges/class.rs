//! Type objects → what they hold (`Objects/typeobject.c`): dict, bases, names, the keys that instances share. From 3.12 on
//! the interpreter keeps the dicts of types in static memory.

use super::{Reader, World};
use crate::addr::Addr;
use crate::cpython::dict;
use crate::cpython::types::flags;
use crate::heap::{Label, LabelId};
use crate::memory::{Field, Memory, View};

/// Alignment of what a type object holds for its metatype, in bytes (`PyObject_GetTypeData`).
const TYPE_DATA: u64 = 16;

/// What an interpreter keeps of a type in static memory.
struct Kept {
    dict: Addr,
    subclasses: Addr,
}

/// The state that an interpreter keeps for this type. `tp_subclasses` is then an index, one too large.
fn kept<M: Memory + ?Sized>(world: &World<'_, M>, interpreter: Addr, of: Addr, number: u64) -> Option<Kept> {
    let l = world.layout;
    let state = l.static_type.as_ref()?;
    let index = number.checked_sub(1)?;
    let tables = [l.interpreter.types_builtins, l.interpreter.types_for_extensions];
    tables.into_iter().flatten().find_map(|table| {
        let skip = index.checked_mul(state.size as u64)?;
        if skip.checked_add(state.size as u64)? > table.size as u64 {
            return None;
        }
        let view = world.mem.view(interpreter.up(table.at as u64)?.up(skip)?, state.size).ok()?;
        let kept = Kept { dict: view.get(state.tp_dict)?, subclasses: view.get(state.tp_subclasses)? };
        (view.get(state.r#type)? == of).then_some(kept)
    })
}

/// Does the interpreter keep what this type's members would? Then their index in its tables, one too large.
fn number_in_tables<M: Memory + ?Sized>(world: &World<'_, M>, view: &View<'_>) -> Option<u64> {
    let l = world.layout;
    l.static_type.as_ref()?;
    let heap = view.get(l.type_.tp_flags)? & flags::HEAPTYPE != 0;
    let number = view.get(l.type_.tp_subclasses)?.0;
    (!heap && view.get(l.type_.tp_dict)?.is_null() && number > 0 && number < 1 << 16).then_some(number)
}

/// The dict of a type of which these are the bytes.
pub(super) fn dict_of<M: Memory + ?Sized>(world: &World<'_, M>, view: &View<'_>) -> Option<Addr> {
    let l = world.layout;
    match number_in_tables(world, view) {
        None => view.get(l.type_.tp_dict),
        Some(number) => {
            let mro = view.get(l.type_.tp_mro)?;
            let of = Addr(world.mem.word(mro.up(l.tuple.ob_item.at as u64)?).ok()?);
            world.interpreters.iter().find_map(|interpreter| kept(world, *interpreter, of, number)).map(|k| k.dict)
        }
    }
}

impl<M: Memory + ?Sized> Reader<'_, M> {
    pub(super) fn class(&mut self, at: Addr) -> Option<()> {
        let l = self.layout;
        let (t, h) = (&l.type_, &l.heap_type);
        let view = self.view(at, t.size)?;
        let heap = view.get(t.tp_flags)? & flags::HEAPTYPE != 0;
        match number_in_tables(self.world, &view) {
            Some(number) => {
                for interpreter in self.world.interpreters {
                    if let Some(kept) = kept(self.world, *interpreter, at, number) {
                        self.sink.edge(kept.dict, self.labels.attribute_dict);
                        self.member_of_class(kept.subclasses, "__subclasses__", false);
                    }
                }
            }
            None => {
                self.sink.edge(view.get(t.tp_dict)?, self.labels.attribute_dict);
                self.member_of_class(view.get(t.tp_subclasses)?, "__subclasses__", false);
            }
        }
        self.member_of_class(view.get(t.tp_mro)?, "__mro__", false);
        self.member_of_class(view.get(t.tp_bases)?, "__bases__", false);
        // A static type names its base in C, and counts it only where it named none.
        self.member_of_class(view.get(t.tp_base)?, "__base__", !heap);
        self.member_of_class(view.get(t.tp_cache)?, "tp_cache", false);
        if heap {
            let view = self.view(at, h.size)?;
            let mut member = |field: Option<Field<Addr>>, name| {
                let to = field.and_then(|field| view.get(field)).unwrap_or_default();
                self.member_of_class(to, name, false);
            };
            member(Some(h.ht_name), "__name__");
            member(h.ht_qualname, "__qualname__");
            member(Some(h.ht_slots), "__slots__");
            member(h.ht_module, "ht_module");
            self.shared_keys(h.ht_cached_keys.and_then(|field| view.get(field)).unwrap_or_default());
            self.stg_info(at);
        }
        if let Some(of) = self.types.find(at) {
            let name = self.types.qualified_name(of);
            self.sink.call(at, &name);
        }
        Some(())
    }

    fn member_of_class(&mut self, to: Addr, name: &str, uncounted: bool) {
        if !to.is_null() {
            let label: LabelId = self.sink.named(Label::Field, name);
            self.sink.edge(to, if uncounted { label.uncounted() } else { label });
        }
    }

    /// The keys of the table that instances share count here, once for all of them.
    fn shared_keys(&mut self, keys: Addr) -> Option<()> {
        if keys.is_null() {
            return None;
        }
        let label = self.sink.named(Label::Field, "ht_cached_keys");
        for key in dict::key_list(self.mem, self.layout, keys)? {
            self.sink.edge(key, label);
        }
        Some(())
    }

    /// What ctypes keeps behind its types from 3.13 on.
    fn stg_info(&mut self, at: Addr) -> Option<()> {
        let s = self.layout.stg_info.as_ref()?;
        let metatype = self.type_of(at)?;
        if !self.is_ctypes(metatype) {
            return None;
        }
        let start = at.up((self.layout.heap_type.size as u64).checked_next_multiple_of(TYPE_DATA)?)?;
        let view = self.view(start, s.size)?;
        let members = [
            ("proto", Some(s.proto)),
            ("argtypes", Some(s.argtypes)),
            ("converters", Some(s.converters)),
            ("restype", Some(s.restype)),
            ("checker", Some(s.checker)),
            ("module", s.module),
        ];
        for (name, field) in members {
            if let Some(field) = field {
                self.member_of_class(view.get(field)?, name, false);
            }
        }
        Some(())
    }

    fn is_ctypes(&self, metatype: Addr) -> bool {
        let mut at = metatype;
        for _ in 0..8 {
            let Some(view) = self.view(at, self.layout.type_.size) else { return false };
            let name = view.get(self.layout.type_.tp_name).and_then(|n| crate::cpython::text::c_string(self.mem, n));
            if name.is_some_and(|name| name == "_ctypes.CType_Type") {
                return true;
            }
            at = view.get(self.layout.type_.tp_base).unwrap_or_default();
        }
        false
    }
}
