//! The interpreter's own state → where its GC lists and arenas hang, and whether this is a quiet moment.
//!
//! Reads pointers of the runtime only, no object; the same code asks the live process before the copy and the copy
//! afterwards. A layout is believed once [`Runtime::read`] has found what it must find.

use super::gc::{self, GcList};
use super::gc_counters::Counters;
use super::layout::{ArenasHome, GcHome, Layout};
use super::locate::Located;
use super::objects;
use super::pymalloc::{self, Record};
use crate::addr::Addr;
use crate::memory::{Memory, Regions, View};

/// More interpreters in one process are not believed.
const MOST_INTERPRETERS: usize = 4096;
/// More threads in one interpreter are not believed.
const MOST_THREADS: usize = 1 << 20;

/// Where the interpreter keeps what leakspy reads.
#[derive(Debug, Clone, Default)]
pub struct Runtime {
    /// `PyInterpreterState`s, newest first; empty where statics suffice (2.7, 3.6 stripped).
    pub interpreters: Vec<Addr>,
    /// The collector's lists of all interpreters.
    pub lists: Vec<GcList>,
    /// Where the collectors count, in the order of the interpreters.
    pub counters: Vec<Counters>,
    /// `collecting` flags of all collectors.
    pub collecting: Vec<Addr>,
    /// `gil.locked` of all GILs.
    pub gils: Vec<Addr>,
    /// Tables of arena records with their lengths; empty where the process does without pymalloc.
    pub arenas: Vec<(Addr, u64)>,
    /// How the tables were found, in words.
    pub arenas_from: &'static str,
}

/// What a layout's check against the target found wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// A pointer that must be readable is not.
    #[error("{what} at {at} cannot be read")]
    Unreadable {
        /// The member, by its C name.
        what: &'static str,
        /// Where it should be.
        at: Addr,
    },
    /// A check failed.
    #[error("{what} does not hold")]
    Check {
        /// What was expected.
        what: &'static str,
    },
}

impl Runtime {
    /// Follows the runtime's pointers and checks the layout against what it finds.
    ///
    /// # Errors
    /// Where the layout cannot be this target's.
    pub fn read<M: Memory + ?Sized>(
        mem: &M,
        layout: &Layout,
        located: &Located,
        regions: &Regions,
    ) -> Result<Runtime, RuntimeError> {
        check_type_of_type(mem, layout, located.globals.type_type)?;
        let mut runtime = Runtime::default();
        runtime.find_interpreters(mem, layout, located)?;
        runtime.find_lists(mem, layout, located)?;
        runtime.find_arenas(mem, layout, located, regions);
        Ok(runtime)
    }

    fn find_interpreters<M: Memory + ?Sized>(
        &mut self,
        mem: &M,
        layout: &Layout,
        located: &Located,
    ) -> Result<(), RuntimeError> {
        let i = &layout.interpreter;
        let head = match (&layout.runtime, located.globals.runtime) {
            (Some(r), Some(at)) => Some(at.up(r.interpreters_head.at as u64).unwrap_or_default()),
            (Some(_), None) => return Err(RuntimeError::Check { what: "the symbol _PyRuntime is there" }),
            (None, _) => located.globals.interp_head.first().copied(),
        };
        let Some(head) = head else { return Ok(()) };
        let mut at = pointer(mem, head, "interpreters.head")?;
        while !at.is_null() && self.interpreters.len() < MOST_INTERPRETERS && !self.interpreters.contains(&at) {
            self.interpreters.push(at);
            check_threads(mem, layout, at)?;
            at = pointer(mem, at.up(i.next.at as u64).unwrap_or_default(), "interp->next")?;
        }
        if self.interpreters.is_empty() {
            return Err(RuntimeError::Check { what: "at least one interpreter runs" });
        }
        Ok(())
    }

    fn find_lists<M: Memory + ?Sized>(
        &mut self,
        mem: &M,
        layout: &Layout,
        located: &Located,
    ) -> Result<(), RuntimeError> {
        let states: Vec<Addr> = match layout.shape.gc {
            GcHome::ModuleGlobal => {
                let at = located.globals.generation0.unwrap_or_default();
                let generations = pointer(mem, at, "_PyGC_generation0")?;
                self.lists = gc::lists(layout, generations, None);
                self.counters.push(Counters { generations, stats: static_stats(layout, located) });
                Vec::new()
            }
            GcHome::Runtime => {
                let at = layout.runtime.as_ref().and_then(|r| r.gc).map(|gc| gc.at as u64);
                at.zip(located.globals.runtime).and_then(|(at, runtime)| runtime.up(at)).into_iter().collect()
            }
            GcHome::Interpreter => {
                let at = layout.interpreter.gc.map(|gc| gc.at as u64);
                self.interpreters.iter().filter_map(|interp| interp.up(at?)).collect()
            }
        };
        if let Some(g) = &layout.gc_runtime {
            for state in &states {
                let of = |at: usize| state.up(at as u64).unwrap_or_default();
                let generations = of(g.generations.at);
                if let Some(first) = g.generation0
                    && pointer(mem, of(first.at), "gc.generation0")? != generations
                {
                    return Err(RuntimeError::Check { what: "gc.generation0 == &gc.generations[0]" });
                }
                self.lists.extend(gc::lists(layout, generations, g.permanent_generation.map(|p| of(p.at))));
                self.counters.push(Counters { generations, stats: g.generation_stats.map(|stats| of(stats.at)) });
                self.collecting.push(of(g.collecting.at));
            }
        }
        for list in &self.lists {
            // Both links lead somewhere and back, or at least one does (a moment within a collection).
            let first = pointer(mem, list.head.up(layout.gc_head.gc_next.at as u64).unwrap_or_default(), "gc_next")?;
            if !first.is_user() || first.is_null() {
                return Err(RuntimeError::Check { what: "a generation's list has a first member" });
            }
        }
        if self.lists.is_empty() {
            return Err(RuntimeError::Check { what: "the collector has generations" });
        }
        self.find_gils(mem, layout, located);
        Ok(())
    }

    fn find_gils<M: Memory + ?Sized>(&mut self, mem: &M, layout: &Layout, located: &Located) {
        if let (Some(runtime), Some(r)) = (located.globals.runtime, &layout.runtime) {
            self.gils.extend(r.gil_locked.and_then(|locked| runtime.up(locked.at as u64)));
        }
        if let (Some(field), Some(gil)) = (layout.interpreter.gil, &layout.gil) {
            for interp in &self.interpreters {
                let at = interp.up(field.at as u64).and_then(|at| mem.word(at).ok()).map(Addr).unwrap_or_default();
                let locked = at.up(gil.locked.at as u64).unwrap_or_default();
                if !at.is_null() && !self.gils.contains(&locked) {
                    self.gils.push(locked);
                }
            }
        }
    }

    fn find_arenas<M: Memory + ?Sized>(&mut self, mem: &M, layout: &Layout, located: &Located, regions: &Regions) {
        match layout.shape.arenas {
            ArenasHome::Static => {
                self.arenas_from = "the static symbol arenas";
                self.arenas.extend(by_symbol(mem, layout, located));
                if self.arenas.is_empty() {
                    self.arenas_from = "the shape of its records";
                    self.arenas.extend(by_shape(mem, layout, located, regions));
                }
            }
            ArenasHome::InterpreterInline | ArenasHome::InterpreterPointer => {
                self.arenas_from = "interp->obmalloc";
                for interp in &self.interpreters {
                    let table = obmalloc(mem, layout, *interp);
                    // Interpreters that share the main one's allocator tell the same table, or none.
                    self.arenas.extend(table.filter(|t| !self.arenas.iter().any(|known| known.0 == t.0)));
                }
            }
        }
        if self.arenas.is_empty() {
            self.arenas_from = "nothing: no pymalloc";
        }
    }

    /// Where the collectors of a running process count now: interpreters come and go. Follows only what leads there.
    ///
    /// # Errors
    /// As [`Runtime::read`].
    pub fn counters<M: Memory + ?Sized>(
        mem: &M,
        layout: &Layout,
        located: &Located,
    ) -> Result<Vec<Counters>, RuntimeError> {
        let mut runtime = Runtime::default();
        runtime.find_interpreters(mem, layout, located)?;
        runtime.find_lists(mem, layout, located)?;
        Ok(runtime.counters)
    }

    /// Is no thread running Python, so that nothing can be half done? `None` where it cannot be told.
    pub fn is_quiet<M: Memory + ?Sized>(&self, mem: &M) -> Option<bool> {
        if self.gils.is_empty() {
            return None;
        }
        self.gils
            .iter()
            .map(|at| Some(int(mem, *at)? == 0))
            .collect::<Option<Vec<_>>>()
            .map(|all| all.iter().all(|q| *q))
    }

    /// Is a collection under way, or a list half linked at its ends?
    pub fn is_torn<M: Memory + ?Sized>(&self, mem: &M, layout: &Layout) -> bool {
        self.collecting.iter().any(|at| int(mem, *at) == Some(1))
            || self.lists.iter().any(|list| !gc::ends_agree(mem, layout, list))
    }
}

/// 3.6 keeps what its collections came to in a static array of their own.
fn static_stats(layout: &Layout, located: &Located) -> Option<Addr> {
    let size = layout.gc_generation_stats.as_ref()?.size.checked_mul(3)? as u64;
    let mut whole = located.globals.generation_stats.iter().filter(|symbol| symbol.size == size);
    // where several bear the name, nobody tells which it is
    whole.next().filter(|_| whole.next().is_none()).map(|symbol| symbol.addr)
}

fn int<M: Memory + ?Sized>(mem: &M, at: Addr) -> Option<i32> {
    let mut bytes = [0; 4];
    mem.read(at, &mut bytes).ok()?;
    Some(i32::from_le_bytes(bytes))
}

fn pointer<M: Memory + ?Sized>(mem: &M, at: Addr, what: &'static str) -> Result<Addr, RuntimeError> {
    mem.word(at).map(Addr).map_err(|_| RuntimeError::Unreadable { what, at })
}

fn check_type_of_type<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Result<(), RuntimeError> {
    let view = mem.view(at, layout.type_.size).map_err(|_| RuntimeError::Unreadable { what: "PyType_Type", at })?;
    let check = |holds: bool, what| if holds { Ok(()) } else { Err(RuntimeError::Check { what }) };
    check(view.get(layout.object.ob_type) == Some(at), "type(type) is type")?;
    let basicsize = view.get(layout.type_.tp_basicsize).and_then(|n| usize::try_from(n).ok());
    check(basicsize == Some(layout.heap_type.size), "type.__basicsize__ == sizeof(PyHeapTypeObject)")?;
    let name = view.get(layout.type_.tp_name).and_then(|at| super::text::c_string(mem, at));
    check(name.as_deref() == Some("type"), "type.__name__ == 'type'")
}

/// Do the thread states that hang on an interpreter point back to it?
fn check_threads<M: Memory + ?Sized>(mem: &M, layout: &Layout, interp: Addr) -> Result<(), RuntimeError> {
    let i = &layout.interpreter;
    let mut at = pointer(mem, interp.up(i.threads_head.at as u64).unwrap_or_default(), "interp->threads.head")?;
    for _ in 0..MOST_THREADS {
        if at.is_null() {
            break;
        }
        let owner = pointer(mem, at.up(layout.thread.interp.at as u64).unwrap_or_default(), "tstate->interp")?;
        if owner != interp {
            return Err(RuntimeError::Check { what: "tstate->interp is the interpreter it hangs on" });
        }
        at = pointer(mem, at.up(layout.thread.next.at as u64).unwrap_or_default(), "tstate->next")?;
    }
    Ok(())
}

fn obmalloc<M: Memory + ?Sized>(mem: &M, layout: &Layout, interp: Addr) -> Option<(Addr, u64)> {
    let o = layout.obmalloc.as_ref()?;
    let at = interp.up(layout.interpreter.obmalloc?.at as u64)?;
    let state = match layout.shape.arenas {
        ArenasHome::InterpreterPointer => Addr(mem.word(at).ok()?),
        _ => at,
    };
    let table = Addr(mem.word(state.up(o.arenas.at as u64)?).ok()?);
    let count = int(mem, state.up(o.maxarenas.at as u64)?).and_then(|n| u64::try_from(n).ok())?;
    (!table.is_null()).then_some((table, count))
}

fn by_symbol<M: Memory + ?Sized>(mem: &M, layout: &Layout, located: &Located) -> Option<(Addr, u64)> {
    let g = &located.globals;
    g.arenas.iter().find_map(|at| {
        let table = Addr(mem.word(*at).ok()?);
        g.maxarenas.iter().find_map(|at| {
            let count = int(mem, *at).and_then(|n| u64::try_from(n).ok())?;
            is_table(mem, layout, table, count).then_some((table, count))
        })
    })
}

/// Finds the arena table where the symbol is stripped: a word of the interpreter's data that points to records of
/// `struct arena_object`, told from other pointers into the same array by the arenas' own index (`arenaindex`).
fn by_shape<M: Memory + ?Sized>(mem: &M, layout: &Layout, located: &Located, regions: &Regions) -> Option<(Addr, u64)> {
    let record = layout.arena.size as u64;
    located.data.iter().find_map(|range| {
        let view = mem.view(range.start, usize::try_from(range.len().min(64 << 20)).ok()?).ok()?;
        let mut region = None;
        view.bytes().chunks_exact(8).find_map(|word| {
            let table = View::new(word).pointer(0)?;
            if !table.is_aligned(16) || table.0 < 1 << 16 || located.data.iter().any(|r| r.contains(table)) {
                return None;
            }
            if !region.is_some_and(|r: &crate::memory::Region| r.range.contains(table)) {
                region = regions.find(table);
            }
            if !region?.is_anonymous() || !region?.write {
                return None;
            }
            let first = mem.view(table, layout.arena.size).ok()?;
            if pymalloc::parse(layout, &first, 0) == Record::Damaged {
                return None;
            }
            let room = array_room(mem, table)?.checked_div(record)?;
            // it grows by doubling from 16
            let count = std::iter::successors(Some(16u64), |n| n.checked_mul(2)).take_while(|n| *n <= room).last()?;
            is_table(mem, layout, table, count).then_some((table, count))
        })
    })
}

/// How many bytes an array on the heap can have: as glibc's chunk tells, or the note of the debug hooks before it.
fn array_room<M: Memory + ?Sized>(mem: &M, at: Addr) -> Option<u64> {
    match objects::note(mem, at) {
        Some(requested) => Some(requested),
        None => (mem.word(at.down(8)?).ok()? & !7).checked_sub(16),
    }
}

/// Are there `count` arena records at `table`, at least one of them in use and known to its pools by its index?
fn is_table<M: Memory + ?Sized>(mem: &M, layout: &Layout, table: Addr, count: u64) -> bool {
    if table.is_null() || count == 0 {
        return false;
    }
    let (arenas, damaged) = pymalloc::arenas(mem, layout, table, count);
    let known_to_its_pools = |arena: &pymalloc::Arena| {
        let index = arena.pools.start.up(layout.pool.arenaindex.at as u64).and_then(|at| int(mem, at));
        !arena.pools.is_empty() && index.and_then(|i| u32::try_from(i).ok()) == Some(arena.index)
    };
    damaged <= 2 && arenas.iter().any(known_to_its_pools)
}
