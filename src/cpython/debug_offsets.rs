//! `_Py_DebugOffsets`, the table that CPython 3.13+ carries at the head of `_PyRuntime` → an overlay on the layout.
//!
//! The target knows its own offsets best; but the table tells only a part of them, so the rest stays the file's and is
//! checked as ever (`Include/internal/pycore_runtime.h`, 3.13).

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::layout::Layout;
use crate::addr::Addr;
use crate::memory::Memory;

/// Where each value stands in the table; from the section `[debug_offsets]` of a layout file.
#[derive(Debug, Clone)]
pub struct Table {
    size: usize,
    leaves: FxHashMap<String, usize>,
}

/// What a target's table said of one table of the layout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overlay {
    /// The values that differed, by their names in `_Py_DebugOffsets`, and were taken from the target instead.
    pub changed: Vec<String>,
}

/// Why a target's table is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    /// `_PyRuntime` does not begin with the cookie.
    #[error("_PyRuntime does not begin with the cookie xdebugpy")]
    NoCookie,
    /// The target is a free-threaded build.
    #[error("it is a free-threaded build (--disable-gil), whose layout is another")]
    FreeThreaded,
    /// A value that no struct can have.
    #[error("its _Py_DebugOffsets says {key} = {value}")]
    Absurd {
        /// Which value.
        key: String,
        /// What stands there.
        value: u64,
    },
}

impl Table {
    /// From a parsed layout file; `None` where it has no such section.
    #[must_use]
    pub fn of(file: &toml::Table) -> Option<Table> {
        let section = file.get("debug_offsets")?.as_table()?;
        let size = usize::try_from(section.get("size")?.as_integer()?).ok()?;
        let leaf = |(key, place): (&String, &toml::Value)| {
            let at = place.as_array()?.first()?.as_integer()?;
            Some((key.clone(), usize::try_from(at).ok()?))
        };
        Some(Table { size, leaves: section.iter().filter_map(leaf).collect() })
    }

    /// Reads the table at `_PyRuntime` and lays its values over `layout`.
    ///
    /// # Errors
    /// Where the table is not there, is of a free-threaded build, or says what cannot be. `layout` is then unchanged.
    pub fn apply<M: Memory + ?Sized>(
        &self,
        mem: &M,
        runtime: Addr,
        layout: &mut Layout,
    ) -> Result<BTreeMap<&'static str, Overlay>, OverlayError> {
        let view = mem.view(runtime, self.size).map_err(|_| OverlayError::NoCookie)?;
        let value = |key: &str| self.leaves.get(key).and_then(|at| view.at::<u64>(*at));
        if value("cookie") != Some(u64::from_le_bytes(*b"xdebugpy")) {
            return Err(OverlayError::NoCookie);
        }
        if value("free_threaded").is_some_and(|word| word != 0) {
            return Err(OverlayError::FreeThreaded);
        }
        let mut laid = layout.clone();
        let mut overlays: BTreeMap<&'static str, Overlay> = BTreeMap::new();
        for (section, key, member) in members(&mut laid) {
            let Some(told) = value(key) else { continue };
            let overlay = overlays.entry(section).or_default();
            match usize::try_from(told) {
                Ok(told) if told < 1 << 22 => {
                    if *member != told {
                        overlay.changed.push(key.to_owned());
                        *member = told;
                    }
                }
                _ => return Err(OverlayError::Absurd { key: key.to_owned(), value: told }),
            }
        }
        *layout = laid;
        Ok(overlays)
    }
}

/// The members of a layout that the table tells too.
fn members(l: &mut Layout) -> Vec<(&'static str, &'static str, &mut usize)> {
    let mut all = vec![
        ("interpreter", "interpreter_state_size", &mut l.interpreter.size),
        ("interpreter", "interpreter_state_next", &mut l.interpreter.next.at),
        ("interpreter", "interpreter_state_threads_head", &mut l.interpreter.threads_head.at),
        ("interpreter", "interpreter_state_imports_modules", &mut l.interpreter.modules.at),
        ("thread", "thread_state_size", &mut l.thread.size),
        ("thread", "thread_state_next", &mut l.thread.next.at),
        ("thread", "thread_state_interp", &mut l.thread.interp.at),
        ("object", "pyobject_size", &mut l.object.size),
        ("object", "pyobject_ob_type", &mut l.object.ob_type.at),
        ("type", "type_object_size", &mut l.type_.size),
        ("type", "type_object_tp_name", &mut l.type_.tp_name.at),
        ("type", "type_object_tp_flags", &mut l.type_.tp_flags.at),
        ("tuple", "tuple_object_ob_item", &mut l.tuple.ob_item.at),
        ("var_object", "tuple_object_ob_size", &mut l.var_object.ob_size.at),
        ("list", "list_object_size", &mut l.list.size),
        ("list", "list_object_ob_item", &mut l.list.ob_item.at),
        ("dict", "dict_object_size", &mut l.dict.size),
        ("bytes", "bytes_object_ob_sval", &mut l.bytes.ob_sval.at),
        ("long", "long_object_ob_digit", &mut l.long.ob_digit.at),
    ];
    let runtime =
        l.runtime.as_mut().map(|r| ("runtime", "runtime_state_interpreters_head", &mut r.interpreters_head.at));
    let gc = l.interpreter.gc.as_mut().map(|gc| ("interpreter", "interpreter_state_gc", &mut gc.at));
    let gil = l.interpreter.gil.as_mut().map(|gil| ("interpreter", "interpreter_state_ceval_gil", &mut gil.at));
    let keys = l.dict.ma_keys.as_mut().map(|f| ("dict", "dict_object_ma_keys", &mut f.at));
    let values = l.dict.ma_values.as_mut().map(|f| ("dict", "dict_object_ma_values", &mut f.at));
    let tag = l.long.lv_tag.as_mut().map(|f| ("long", "long_object_lv_tag", &mut f.at));
    all.extend([runtime, gc, gil, keys, values, tag].into_iter().flatten());
    if let Some(ascii) = &mut l.ascii {
        all.push(("ascii", "unicode_object_state", &mut ascii.state.at));
        all.push(("ascii", "unicode_object_length", &mut ascii.length.at));
    }
    if let Some(frame) = &mut l.interpreter_frame {
        all.push(("interpreter_frame", "interpreter_frame_executable", &mut frame.f_code.at));
        all.push(("interpreter_frame", "interpreter_frame_localsplus", &mut frame.localsplus.at));
    }
    if let Some(gc) = &mut l.gc_runtime {
        all.push(("gc_runtime", "gc_size", &mut gc.size));
        all.push(("gc_runtime", "gc_collecting", &mut gc.collecting.at));
    }
    all
}
