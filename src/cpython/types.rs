//! Type objects → what an instance looks like: where its header lies in its block, how its size is found, its name.
//!
//! A pointer is believed to be a type only after its flags, its metatype's chain and its MRO were checked
//! (`Objects/typeobject.c`); both answers are remembered. It reads no instances.

use rustc_hash::FxHashMap;

use super::layout::{GetsizeofGc, Layout, PreHeader};
use super::size::{self, SizeRule};
use super::text;
use crate::addr::{Addr, AddrRange};
use crate::heap::SizeBasis;
use crate::memory::{Memory, View};

/// `Py_TPFLAGS_*` (`Include/object.h`).
pub mod flags {
    /// Instances hold a `PyDictValues` behind `tp_basicsize` (3.13+).
    pub const INLINE_VALUES: u64 = 1 << 2;
    /// Two words before the GC head (3.12+).
    pub const MANAGED_WEAKREF: u64 = 1 << 3;
    /// Two words before the GC head (3.11+).
    pub const MANAGED_DICT: u64 = 1 << 4;
    /// Allocated at run time.
    pub const HEAPTYPE: u64 = 1 << 9;
    /// `PyType_Ready` is through.
    pub const READY: u64 = 1 << 12;
    /// Instances may be in the collector's lists.
    pub const HAVE_GC: u64 = 1 << 14;
    /// Instances are ints.
    pub const LONG_SUBCLASS: u64 = 1 << 24;
    /// Instances are types.
    pub const TYPE_SUBCLASS: u64 = 1 << 31;
}

/// Number of a type in its [`Types`].
pub type TypeId = u32;

/// What a type says of its instances.
#[derive(Debug, Clone)]
pub struct TypeInfo {
    /// Where the type object lies.
    pub addr: Addr,
    /// Its metatype.
    pub metatype: Addr,
    /// `tp_flags`.
    pub flags: u64,
    /// `tp_basicsize`, in bytes.
    pub basicsize: u64,
    /// `tp_itemsize`, in bytes.
    pub itemsize: u64,
    /// From the start of an instance's block to its header, in bytes.
    pub offset: u64,
    /// What `sys.getsizeof` adds to `__sizeof__`, in bytes.
    pub overhead: u64,
    /// How `__sizeof__` is found.
    pub rule: SizeRule,
    /// Where instances are allocated shorter than `tp_basicsize`, how short.
    pub shortest: u64,
    /// Is `overhead` or the base size not what `sys.getsizeof` would say?
    pub basis: SizeBasis,
}

impl TypeInfo {
    /// Are instances of it in the collector's care? (A static type object is not, though `type` has the flag.)
    #[must_use]
    pub fn has_gc(&self) -> bool {
        self.flags & flags::HAVE_GC != 0
    }
    /// Are its instances types?
    #[must_use]
    pub fn is_metatype(&self) -> bool {
        self.flags & flags::TYPE_SUBCLASS != 0
    }
}

/// What a type lookup needs to know of the target beyond its layout.
#[derive(Debug, Clone)]
pub struct TypeWorld {
    /// `&PyType_Type`.
    pub type_type: Addr,
    /// Code and data of the interpreter itself and its standard library's extension modules, sorted.
    pub own_code: Vec<AddrRange>,
    /// Data of a program that links a shared libpython: the linker copies there the types that it names.
    pub copied_types: Vec<AddrRange>,
    /// `PyUnicode_Type` and, for 2.7, `PyString_Type`.
    pub str_types: Vec<Addr>,
    /// `PyLong_Type`, for a `__module__` that is a number.
    pub int_type: Option<Addr>,
}

impl TypeWorld {
    /// The text of an object that is exactly a `str`, or a `unicode` of 2.7.
    pub fn text<M: Memory + ?Sized>(&self, mem: &M, layout: &Layout, at: Addr) -> Option<String> {
        let of = Addr(mem.word(at.up(layout.object.ob_type.at as u64)?).ok()?);
        match self.str_types.iter().position(|t| *t == of)? {
            0 => text::unicode(mem, layout, at),
            _ => text::bytes(mem, layout, at),
        }
    }

    /// The value under a string key of a dict with a table of its own.
    pub fn entry<M: Memory + ?Sized>(&self, mem: &M, layout: &Layout, dict: Addr, key: &str) -> Option<Addr> {
        super::dict::entries(mem, layout, dict)?
            .into_iter()
            .find(|(k, _)| self.text(mem, layout, *k).is_some_and(|text| text == key))
            .map(|(_, value)| value)
    }
}

const CACHE: usize = 512;
const NOT_A_TYPE: TypeId = TypeId::MAX;

/// All types met so far; one a worker, since looking up changes it.
pub struct Types<'a, M: ?Sized> {
    mem: &'a M,
    layout: &'a Layout,
    world: &'a TypeWorld,
    known: FxHashMap<u64, TypeId>,
    infos: Vec<TypeInfo>,
    /// A direct-mapped front of `known`: nearly all look-ups are of a few types.
    recent: Box<[(u64, TypeId)]>,
}

impl<M: ?Sized> Clone for Types<'_, M> {
    fn clone(&self) -> Self {
        Types {
            mem: self.mem,
            layout: self.layout,
            world: self.world,
            known: self.known.clone(),
            infos: self.infos.clone(),
            recent: self.recent.clone(),
        }
    }
}

impl<'a, M: Memory + ?Sized> Types<'a, M> {
    /// No types yet.
    #[must_use]
    pub fn new(mem: &'a M, layout: &'a Layout, world: &'a TypeWorld) -> Self {
        Types {
            mem,
            layout,
            world,
            known: FxHashMap::default(),
            infos: Vec::new(),
            recent: vec![(0, NOT_A_TYPE); CACHE].into_boxed_slice(),
        }
    }

    /// The type at `at`, if there is one.
    #[inline]
    pub fn find(&mut self, at: Addr) -> Option<TypeId> {
        let slot = (at.0 >> 4) as usize % CACHE;
        if let Some((addr, id)) = self.recent.get(slot)
            && *addr == at.0
        {
            return (*id != NOT_A_TYPE).then_some(*id);
        }
        let id = self.find_slow(at);
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = (at.0, id.unwrap_or(NOT_A_TYPE));
        }
        id
    }

    fn find_slow(&mut self, at: Addr) -> Option<TypeId> {
        if let Some(id) = self.known.get(&at.0) {
            return (*id != NOT_A_TYPE).then_some(*id);
        }
        let info = if at.is_aligned(8) && self.mem.holds(at) { self.describe(at) } else { None };
        let id = match info {
            Some(info) => {
                let id = TypeId::try_from(self.infos.len()).ok().filter(|id| *id < NOT_A_TYPE)?;
                self.infos.push(info);
                id
            }
            None => NOT_A_TYPE,
        };
        self.known.insert(at.0, id);
        (id != NOT_A_TYPE).then_some(id)
    }

    /// What is known of a type.
    #[inline]
    #[must_use]
    pub fn info(&self, id: TypeId) -> Option<&TypeInfo> {
        self.infos.get(id as usize)
    }

    /// What types are verified against.
    #[must_use]
    pub fn world(&self) -> &'a TypeWorld {
        self.world
    }

    /// All types met, in the order of meeting.
    pub fn all(&self) -> impl Iterator<Item = (TypeId, &TypeInfo)> {
        self.infos.iter().enumerate().map(|(i, info)| (i as TypeId, info))
    }

    fn view(&self, at: Addr) -> Option<View<'a>> {
        self.mem.view(at, self.layout.type_.size).ok()
    }

    /// Is a type object there? Flags, chain of metatypes, `tp_mro[0]`.
    fn verify(&self, at: Addr) -> Option<View<'a>> {
        let l = self.layout;
        let view = self.view(at)?;
        if view.get(l.type_.tp_flags)? & flags::READY == 0 {
            return self.is_never_ready(at, &view).then_some(view);
        }
        let mut meta = view.get(l.object.ob_type)?;
        for _ in 0..4 {
            if meta == self.world.type_type {
                break;
            }
            if !meta.is_aligned(8) || !self.mem.holds(meta) {
                return None;
            }
            let view = self.view(meta)?;
            if view.get(l.type_.tp_flags)? & flags::TYPE_SUBCLASS == 0 {
                return None;
            }
            meta = view.get(l.object.ob_type)?;
        }
        if meta != self.world.type_type {
            return None;
        }
        let mro = view.get(l.type_.tp_mro)?;
        let first = self.mem.word(mro.up(l.tuple.ob_item.at as u64)?).ok()?;
        (first == at.0).then_some(view)
    }

    /// A static type of which the standard library makes instances without ever making it ready: elements of caches (3.7
    /// to 3.9), 2.7's stacks of unpicklers. Nothing inherits from it, and it has no MRO.
    fn is_never_ready(&self, at: Addr, view: &View<'_>) -> bool {
        let t = &self.layout.type_;
        let is_name = |name: String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
        self.is_own(at)
            && view.get(self.layout.object.ob_type) == Some(self.world.type_type)
            && view.get(t.tp_mro) == Some(Addr::NULL)
            && view.get(t.tp_dealloc).is_some_and(|dealloc| self.is_own(dealloc))
            && view.get(t.tp_basicsize).is_some_and(|size| (16..1 << 12).contains(&size))
            && self.name_in_c(view).is_some_and(is_name)
    }

    fn describe(&self, at: Addr) -> Option<TypeInfo> {
        let l = self.layout;
        let view = self.verify(at)?;
        let type_flags = view.get(l.type_.tp_flags)?;
        let basicsize = u64::try_from(view.get(l.type_.tp_basicsize)?).ok()?;
        let itemsize = u64::try_from(view.get(l.type_.tp_itemsize)?).ok()?;
        if basicsize > 1 << 30 || itemsize > 1 << 30 {
            return None;
        }
        let heap = type_flags & flags::HEAPTYPE != 0;
        let head = if type_flags & flags::HAVE_GC != 0 { l.gc_head.size as u64 } else { 0 };
        let managed = match l.shape.pre_header {
            PreHeader::None => 0,
            PreHeader::ManagedDict => flags::MANAGED_DICT,
            PreHeader::ManagedDictWeakref => flags::MANAGED_DICT | flags::MANAGED_WEAKREF,
        };
        let pre = if type_flags & managed != 0 { 16 } else { 0 };
        let overhead = match l.shape.getsizeof_gc {
            GetsizeofGc::TpIsGc => head,
            GetsizeofGc::TypeFlags | GetsizeofGc::TypeFlagsNotStatic => head.saturating_add(pre),
        };
        let (rule, basis) = self.size_rule(&view, at);
        let shortest = size::shortest(l, self.name_in_c(&view).as_deref().unwrap_or_default(), heap);
        Some(TypeInfo {
            addr: at,
            metatype: view.get(l.object.ob_type)?,
            flags: type_flags,
            basicsize,
            itemsize,
            offset: head.saturating_add(pre),
            overhead,
            rule,
            shortest: shortest.unwrap_or(basicsize),
            basis,
        })
    }

    fn name_in_c(&self, view: &View<'_>) -> Option<String> {
        text::c_string(self.mem, view.get(self.layout.type_.tp_name)?)
    }

    /// The `__sizeof__` that `type(o)` inherits: the first along the chain of bases that has its own. A class written
    /// in Python adds none, unless its dict says so.
    fn size_rule(&self, view: &View<'_>, at: Addr) -> (SizeRule, SizeBasis) {
        let l = self.layout;
        let mut basis = SizeBasis::Exact;
        let mut view = view.clone();
        let mut at = at;
        for _ in 0..64 {
            let heap = view.get(l.type_.tp_flags).is_some_and(|f| f & flags::HEAPTYPE != 0);
            let name = self.name_in_c(&view).unwrap_or_default();
            if !self.is_standard(at, &view) {
                basis = SizeBasis::Basic;
            }
            // A heap type made in C is told by its dotted name; one made in Python has a plain one.
            if !heap || name.contains('.') {
                match SizeRule::of(&name) {
                    Some(rule) if !l.shape.inherited_sizeof.contains(&name) => return (rule, basis),
                    _ => {}
                }
            }
            if heap && self.has_sizeof_of_its_own(&view) {
                return (SizeRule::Default, SizeBasis::Basic);
            }
            at = view.get(l.type_.tp_base).unwrap_or_default();
            match self.view(at) {
                Some(base) if !at.is_null() && self.mem.holds(at) => view = base,
                _ => break,
            }
        }
        (SizeRule::Default, basis)
    }

    /// What `known` says of the nearest type, along the chain of bases from this one on, that is written in C and belongs to
    /// the interpreter or its standard library; and whether that is this type itself.
    #[must_use]
    pub fn nearest<T>(&self, id: TypeId, known: impl Fn(&str) -> Option<T>) -> Option<(T, bool)> {
        let l = self.layout;
        let first = self.info(id)?.addr;
        let mut at = first;
        for _ in 0..64 {
            let view = self.view(at)?;
            let name = view.get(l.type_.tp_name)?;
            let own = self.is_standard(at, &view) && !self.is_made_by_class(at, &view);
            if own && let Some(known) = text::c_string(self.mem, name).as_deref().and_then(&known) {
                return Some((known, at == first));
            }
            at = view.get(l.type_.tp_base).filter(|base| !base.is_null() && self.mem.holds(*base))?;
        }
        None
    }

    /// Is the type at `at`, whose bytes `view` shows, one of the interpreter's or its standard library's, or was it made at
    /// run time by one of those?
    #[must_use]
    pub fn is_standard(&self, at: Addr, view: &View<'_>) -> bool {
        let t = &self.layout.type_;
        let heap = view.get(t.tp_flags).is_some_and(|f| f & flags::HEAPTYPE != 0);
        let dealloc = view.get(t.tp_dealloc).unwrap_or_default();
        let copied = || self.world.copied_types.iter().any(|r| r.contains(at));
        !heap && self.is_own(at) || self.is_own(dealloc) && (heap || copied())
    }

    /// Was this type made by a `class` statement? Then its name lies in the string that is its `__name__`.
    #[must_use]
    pub fn is_made_by_class(&self, at: Addr, view: &View<'_>) -> bool {
        let l = self.layout;
        let name = view.get(l.type_.tp_name).unwrap_or_default();
        let string = at.up(l.heap_type.ht_name.at as u64).and_then(|at| self.mem.word(at).ok());
        view.get(l.type_.tp_flags).is_some_and(|f| f & flags::HEAPTYPE != 0)
            && string.and_then(|string| name.0.checked_sub(string)).is_some_and(|skip| skip > 0 && skip < 128)
    }

    /// Does this address belong to the interpreter or its standard library?
    #[must_use]
    pub fn is_own(&self, at: Addr) -> bool {
        AddrRange::holding(&self.world.own_code, at).is_some()
    }

    fn has_sizeof_of_its_own(&self, view: &View<'_>) -> bool {
        let dict = view.get(self.layout.type_.tp_dict).unwrap_or_default();
        self.entry(dict, "__sizeof__").is_some()
    }

    /// The value under a string key of a dict.
    #[must_use]
    pub fn entry(&self, dict: Addr, key: &str) -> Option<Addr> {
        self.world.entry(self.mem, self.layout, dict, key)
    }

    /// The text of a string of any kind; `None` of what is none.
    #[must_use]
    pub fn text(&self, at: Addr) -> Option<String> {
        self.world.text(self.mem, self.layout, at)
    }

    /// `module.qualname`, as `type(o).__module__ + "." + type(o).__qualname__` gives it (`Objects/typeobject.c`,
    /// `type_module`, `type_qualname`). What cannot be read stands as `?`.
    #[must_use]
    pub fn qualified_name(&self, id: TypeId) -> String {
        let Some(view) = self.info(id).and_then(|info| self.view(info.addr)) else { return "?.?".into() };
        let l = self.layout;
        let in_c = self.name_in_c(&view).unwrap_or_else(|| "?".into());
        let heap = view.get(l.type_.tp_flags).is_some_and(|f| f & flags::HEAPTYPE != 0);
        if !heap {
            return match in_c.rsplit_once('.') {
                Some(_) => in_c,
                None => format!("{}.{in_c}", self.builtins()),
            };
        }
        let address = self.info(id).map(|info| info.addr).unwrap_or_default();
        let named = l.heap_type.ht_qualname.unwrap_or(l.heap_type.ht_name);
        let qualname = address
            .up(named.at as u64)
            .and_then(|at| self.mem.word(at).ok())
            .and_then(|name| self.text(Addr(name)))
            .unwrap_or_else(|| in_c.rsplit('.').next().unwrap_or_default().to_owned());
        let module = self.entry(view.get(l.type_.tp_dict).unwrap_or_default(), "__module__");
        let module = match module {
            Some(module) => self.text(module).unwrap_or_else(|| self.not_a_string(module)),
            None => self.builtins().to_owned(),
        };
        format!("{module}.{qualname}")
    }

    /// A `__module__` that is no string: a small number as such, of anything else its type.
    fn not_a_string(&self, at: Addr) -> String {
        let of = at
            .up(self.layout.object.ob_type.at as u64)
            .and_then(|at| self.mem.word(at).ok())
            .map(Addr)
            .unwrap_or_default();
        if Some(of) == self.world.int_type
            && let Some(value) = super::int::small(self.mem, self.layout, at)
        {
            return value.to_string();
        }
        match self.view(of).and_then(|view| self.name_in_c(&view)) {
            Some(name) if self.verify(of).is_some() => format!("<{name}>"),
            _ => "?".into(),
        }
    }

    fn builtins(&self) -> &'static str {
        match self.layout.shape.str {
            super::layout::StrShape::Ucs => "__builtin__",
            super::layout::StrShape::Pep393 => "builtins",
        }
    }
}
