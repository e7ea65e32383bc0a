//! The shape of one CPython build: the files of `python_offsets/` as typed values.
//!
//! Sections and keys are C names. A struct or member that a version lacks is `None`; what differs beyond offsets is
//! a word of `[shape]`, matched in one place each.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::addr::Addr;
use crate::memory::Field;

/// A member that some versions lack.
pub type Maybe<T> = Option<Field<T>>;

/// A member that is an embedded struct or array: only its place is of interest.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "(usize, usize)")]
pub struct Part {
    /// Offset from the start of the struct, in bytes.
    pub at: usize,
    /// Size in bytes.
    pub size: usize,
}

impl From<(usize, usize)> for Part {
    fn from((at, size): (usize, usize)) -> Self {
        Part { at, size }
    }
}

/// Where a layout file came from.
#[derive(Debug, Clone, Deserialize)]
pub struct Source {
    /// The release it was read from, `3.11.7`.
    pub cpython: String,
    /// `dwarf` or `headers`.
    pub from: String,
    /// `release`, `debug` or `free-threaded`.
    pub abi: String,
    /// `x86_64`.
    pub machine: String,
}

macro_rules! structs {
    ($( $(#[$doc:meta])* $name:ident { $( $field:ident: $t:ty ),* $(,)? } )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[allow(missing_docs)] // the members' names are CPython's own
        pub struct $name {
            /// `sizeof`, in bytes.
            pub size: usize,
            $( pub $field: $t, )*
        }
    )*};
}

structs! {
    /// `PyObject` (`Include/object.h`).
    ObjectLayout { ob_refcnt: Part, ob_type: Field<Addr> }
    /// `PyVarObject`.
    VarObjectLayout { ob_size: Field<i64> }
    /// `PyGC_Head`, before each object that the collector knows (`Include/internal/pycore_gc.h`).
    GcHeadLayout { gc_next: Field<Addr>, gc_prev: Field<Addr>, gc_refs: Maybe<i64> }
    /// `struct gc_generation`.
    GcGenerationLayout { head: Part, count: Field<i32> }
    /// `struct gc_generation_stats` (3.x).
    GcGenerationStatsLayout { collections: Field<i64>, collected: Field<i64>, uncollectable: Field<i64> }
    /// `struct _gc_runtime_state`.
    GcRuntimeLayout {
        generations: Part, permanent_generation: Option<Part>, generation0: Maybe<Addr>, generation_stats: Option<Part>,
        collecting: Field<i32>,
    }
    /// `_PyRuntimeState`.
    RuntimeLayout { interpreters_head: Field<Addr>, gc: Option<Part>, gil_locked: Option<Part> }
    /// `PyInterpreterState`.
    InterpreterLayout {
        next: Field<Addr>, id: Option<Part>, threads_head: Field<Addr>, modules: Field<Addr>, gc: Option<Part>,
        obmalloc: Option<Part>, gil: Maybe<Addr>, types_builtins: Option<Part>, types_for_extensions: Option<Part>,
    }
    /// `struct _gil_runtime_state`.
    GilLayout { locked: Field<i32> }
    /// `PyThreadState`.
    ThreadLayout {
        next: Field<Addr>, interp: Field<Addr>, thread_id: Field<u64>, native_thread_id: Maybe<u64>,
        frame: Maybe<Addr>, cframe: Maybe<Addr>, current_frame: Maybe<Addr>, dict: Field<Addr>,
    }
    /// `struct _PyCFrame` (3.11, 3.12; of 3.10 it is not needed).
    CframeLayout { current_frame: Field<Addr> }
    /// What the interpreter keeps of a static type from 3.12 on (`managed_static_type_state`).
    StaticTypeLayout { r#type: Field<Addr>, tp_dict: Field<Addr>, tp_subclasses: Field<Addr> }
    /// `struct type_cache_entry`: the name is counted, the value borrowed.
    TypeCacheEntryLayout { name: Field<Addr>, value: Field<Addr> }
    /// `atexit_py_callback`, malloc'd (3.6+).
    AtexitCallbackLayout { func: Field<Addr>, args: Field<Addr>, kwargs: Field<Addr> }
    /// `atexitmodule_state` (3.6–3.9).
    AtexitStateLayout { callbacks: Field<Addr>, ncallbacks: Field<i32> }
    /// `PyCodeObject`, as far as lines go.
    CodeLinesLayout {
        co_firstlineno: Field<i32>, co_code_adaptive: Option<Part>, co_flags: Field<i32>,
    }
    /// `PyFrameObject`, as far as lines go.
    FrameLinesLayout { f_lineno: Field<i32> }
    /// `struct arena_object` (`Objects/obmalloc.c`).
    ArenaLayout {
        address: Field<Addr>, pool_address: Field<Addr>, nfreepools: Field<u32>, ntotalpools: Field<u32>,
        freepools: Field<Addr>, nextarena: Field<Addr>, prevarena: Field<Addr>,
    }
    /// `struct pool_header`.
    PoolLayout {
        ref_count: Field<u32>, freeblock: Field<Addr>, arenaindex: Field<u32>, szidx: Field<u32>,
        nextoffset: Field<u32>, maxnextoffset: Field<u32>,
    }
    /// `struct _obmalloc_state` (3.12+).
    ObmallocLayout { arenas: Field<Addr>, maxarenas: Field<u32> }
    /// `PyTypeObject`.
    TypeLayout {
        tp_name: Field<Addr>, tp_basicsize: Field<i64>, tp_itemsize: Field<i64>, tp_dealloc: Field<Addr>,
        tp_flags: Field<u64>, tp_dict: Field<Addr>, tp_mro: Field<Addr>, tp_base: Field<Addr>, tp_doc: Field<Addr>,
        tp_bases: Field<Addr>, tp_cache: Field<Addr>, tp_subclasses: Field<Addr>, tp_weaklist: Field<Addr>,
        tp_members: Field<Addr>, tp_methods: Field<Addr>, tp_new: Field<Addr>, tp_dictoffset: Field<i64>,
        tp_weaklistoffset: Field<i64>,
    }
    /// `PyHeapTypeObject`.
    HeapTypeLayout {
        ht_name: Field<Addr>, ht_qualname: Maybe<Addr>, ht_cached_keys: Maybe<Addr>, _ht_tpname: Maybe<Addr>,
        ht_slots: Field<Addr>, ht_module: Maybe<Addr>, _spec_cache: Option<Part>,
    }
    /// `PyMemberDef`: what `__slots__` become.
    MemberDefLayout { name: Field<Addr>, r#type: Field<i32>, offset: Field<i64>, flags: Field<i32> }
    /// `PyMethodDef`.
    MethodDefLayout { ml_name: Field<Addr>, ml_flags: Field<i32> }
    /// `PyModuleDef` (3.x).
    ModuleDefLayout {
        m_copy: Field<Addr>, m_name: Field<Addr>, m_size: Field<i64>, m_methods: Field<Addr>, m_traverse: Field<Addr>,
    }
    /// `PyModuleObject`; all but the dict from 3.x on.
    ModuleLayout { md_dict: Field<Addr>, md_name: Maybe<Addr>, md_def: Maybe<Addr>, md_state: Maybe<Addr> }
    /// `PyCFunctionObject`.
    BuiltinFunctionLayout { m_ml: Field<Addr>, m_self: Field<Addr>, m_module: Field<Addr> }
    /// `PyFunctionObject`.
    FunctionLayout {
        func_code: Field<Addr>, func_globals: Field<Addr>, func_name: Field<Addr>, func_qualname: Maybe<Addr>,
        func_defaults: Field<Addr>, func_kwdefaults: Maybe<Addr>, func_closure: Field<Addr>, func_dict: Field<Addr>,
        func_module: Field<Addr>, func_doc: Field<Addr>, func_annotations: Maybe<Addr>, func_builtins: Maybe<Addr>,
        func_typeparams: Maybe<Addr>,
    }
    /// `PyDictObject`.
    DictLayout {
        ma_used: Field<i64>, ma_keys: Maybe<Addr>, ma_values: Maybe<Addr>,
        ma_mask: Maybe<i64>, ma_table: Maybe<Addr>, ma_smalltable: Option<Part>,
    }
    /// `PyDictKeysObject`.
    DictKeysLayout {
        dk_refcnt: Field<i64>, dk_size: Maybe<i64>, dk_log2_size: Maybe<u8>, dk_log2_index_bytes: Maybe<u8>,
        dk_kind: Maybe<u8>, dk_usable: Field<i64>, dk_nentries: Field<i64>, dk_indices: Part,
    }
    /// `PyDictKeyEntry`.
    DictEntryLayout { me_key: Field<Addr>, me_value: Field<Addr> }
    /// `PyDictUnicodeEntry` (3.11+).
    DictUnicodeEntryLayout { me_key: Field<Addr>, me_value: Field<Addr> }
    /// `PyDictValues`: values that lie in an instance, or in a block of their own; the flags from 3.13 on.
    DictValuesLayout { values: Part, embedded: Maybe<u8>, valid: Maybe<u8> }
    /// `PyListObject`.
    ListLayout { ob_item: Field<Addr>, allocated: Field<i64> }
    /// `PyTupleObject`.
    TupleLayout { ob_item: Part }
    /// `PySetObject`.
    SetLayout { fill: Field<i64>, used: Field<i64>, mask: Field<i64>, table: Field<Addr>, smalltable: Part }
    /// `setentry`.
    SetEntryLayout { key: Field<Addr> }
    /// An opaque struct of which only the size matters.
    SizedLayout { }
    /// `PyByteArrayObject`; `ob_start` from 3.x on.
    BytearrayLayout { ob_alloc: Field<i64>, ob_bytes: Field<Addr>, ob_start: Maybe<Addr> }
    /// `PyBytesObject` (`PyStringObject` in 2.7).
    BytesLayout { ob_sval: Part }
    /// `PyLongObject`.
    LongLayout { ob_digit: Part, lv_tag: Maybe<u64> }
    /// `PyASCIIObject`.
    AsciiLayout { length: Field<i64>, state: Field<u32>, wstr: Maybe<Addr> }
    /// `PyCompactUnicodeObject`.
    CompactUnicodeLayout { utf8_length: Field<i64>, utf8: Field<Addr>, wstr_length: Maybe<i64> }
    /// `PyUnicodeObject`; `data` from 3.3 on, `length` and `str` in 2.7.
    UnicodeLayout { data: Option<Part>, length: Maybe<i64>, str: Maybe<Addr>, defenc: Maybe<Addr> }
    /// `struct encoding_map`, what `codecs.charmap_build` makes (`Objects/unicodeobject.c`).
    EncodingMapLayout { count2: Field<i32>, count3: Field<i32> }
    /// `PyCodeObject`.
    CodeLayout {
        co_stacksize: Field<i32>, co_nlocals: Maybe<i32>, co_code: Maybe<Addr>, co_cellvars: Maybe<Addr>,
        co_freevars: Maybe<Addr>, co_cell2arg: Maybe<Addr>, co_extra: Maybe<Addr>, co_opcache: Maybe<Addr>,
        co_opcache_size: Maybe<u8>, co_nlocalsplus: Maybe<i32>, co_argcount: Field<i32>, co_consts: Field<Addr>,
        co_names: Field<Addr>, co_varnames: Maybe<Addr>, co_filename: Field<Addr>, co_name: Field<Addr>,
        co_qualname: Maybe<Addr>, co_localsplusnames: Maybe<Addr>, co_localspluskinds: Maybe<Addr>,
        co_linetable: Maybe<Addr>, co_lnotab: Maybe<Addr>, co_exceptiontable: Maybe<Addr>, _co_code: Maybe<Addr>,
        _co_cached: Maybe<Addr>,
    }
    /// `_PyCoCached` (3.12+), behind `co_cached`.
    CodeCachedLayout {
        _co_code: Field<Addr>, _co_varnames: Field<Addr>, _co_cellvars: Field<Addr>, _co_freevars: Field<Addr>,
    }
    /// `_PyCodeObjectExtra`.
    CodeExtraLayout { ce_size: Field<i64> }
    /// `PyFrameObject`.
    FrameLayout {
        f_code: Maybe<Addr>, f_frame: Maybe<Addr>, _f_frame_data: Option<Part>, f_back: Field<Addr>,
        f_builtins: Maybe<Addr>, f_globals: Maybe<Addr>, f_locals: Maybe<Addr>, f_trace: Field<Addr>,
        f_valuestack: Maybe<Addr>, f_stacktop: Maybe<Addr>, f_stackdepth: Maybe<i32>, f_localsplus: Option<Part>,
        f_lasti: Maybe<i32>, f_state: Maybe<i8>, f_executing: Maybe<u8>, f_gen: Maybe<Addr>, f_exc_type: Maybe<Addr>,
        f_exc_value: Maybe<Addr>, f_exc_traceback: Maybe<Addr>, f_extra_locals: Maybe<Addr>,
        f_locals_cache: Maybe<Addr>,
    }
    /// `_PyInterpreterFrame` (3.11+).
    InterpreterFrameLayout {
        f_code: Field<Addr>, localsplus: Part, f_funcobj: Field<Addr>, f_globals: Field<Addr>, f_locals: Field<Addr>,
        frame_obj: Field<Addr>, previous: Field<Addr>, prev_instr: Field<Addr>, stacktop: Field<i32>, owner: Field<u8>,
    }
    /// `PyGenObject`.
    GeneratorLayout {
        gi_iframe: Option<Part>, gi_frame: Maybe<Addr>, gi_code: Maybe<Addr>, gi_name: Maybe<Addr>,
        gi_qualname: Maybe<Addr>, gi_running: Option<Part>, gi_frame_state: Maybe<i8>, gi_exc_state: Option<Part>,
        gi_origin_or_finalizer: Maybe<Addr>, gi_hooks_inited: Option<Part>,
    }
    /// `PyCoroObject`; `cr_origin` until 3.10, then `gi_origin_or_finalizer`.
    CoroutineLayout { cr_origin: Maybe<Addr> }
    /// `PyAsyncGenObject`; `ag_finalizer` until 3.10, then `gi_origin_or_finalizer`.
    AsyncGeneratorLayout { ag_finalizer: Maybe<Addr>, ag_hooks_inited: Option<Part> }
    /// `_PyErr_StackItem` (3.7+), as in a generator's `gi_exc_state`; from 3.11 on only the value.
    ExcStackItemLayout {
        exc_type: Maybe<Addr>, exc_value: Field<Addr>, exc_traceback: Maybe<Addr>, previous_item: Field<Addr>,
    }
    /// `dequeobject` (`Modules/_collectionsmodule.c`).
    DequeLayout { leftblock: Field<Addr>, leftindex: Field<i64>, len: Maybe<i64> }
    /// A deque's `block`.
    DequeBlockLayout { rightlink: Field<Addr>, data: Part }
    /// `PyODictObject`.
    OdictLayout {
        od_fast_nodes: Field<Addr>, od_fast_nodes_size: Field<i64>, od_first: Field<Addr>, od_inst_dict: Field<Addr>,
    }
    /// `struct _odictnode`.
    OdictNodeLayout { key: Field<Addr>, next: Field<Addr> }
    /// `arrayobject` (`Modules/arraymodule.c`).
    ArrayLayout { ob_item: Field<Addr>, allocated: Field<i64>, ob_descr: Field<Addr> }
    /// `struct arraydescr`.
    ArrayDescrLayout { itemsize: Field<i32> }
    /// `bytesio` (`Modules/_io/bytesio.c`).
    BytesioLayout { buf: Field<Addr>, buf_size: Maybe<i64> }
    /// `buffered` (`Modules/_io/bufferedio.c`).
    BufferedLayout { buffer: Field<Addr>, buffer_size: Field<i64> }
    /// `PyStructObject` (`Modules/_struct.c`).
    StructLayout { s_len: Field<i64>, s_codes: Field<Addr> }
    /// `formatcode`.
    FormatCodeLayout { fmtdef: Field<Addr> }
    /// `ElementObject` (`Modules/_elementtree.c`).
    ElementLayout { extra: Field<Addr>, tag: Field<Addr>, text: Field<Addr>, tail: Field<Addr> }
    /// `ElementObjectExtra`; `length` and `allocated` are `int` in 2.7.
    ElementExtraLayout {
        length: Part, allocated: Part, children: Field<Addr>, _children: Part, attrib: Field<Addr>,
    }
    /// `ElementIterObject`: a malloc'd stack of `ParentLocator`s.
    ElementIteratorLayout { parent_stack: Field<Addr>, parent_stack_used: Field<i64> }
    /// `ParentLocator`.
    ParentLocatorLayout { parent: Field<Addr> }
    /// `PyDecObject` (`Modules/_decimal/_decimal.c`).
    DecimalLayout { dec_flags: Field<u8>, dec_alloc: Field<i64>, dec_data: Field<Addr> }
    /// `productobject` (`Modules/itertoolsmodule.c`).
    ProductLayout { pools: Field<Addr> }
    /// `permutationsobject`.
    PermutationsLayout { pool: Field<Addr>, r: Field<i64> }
    /// `combinationsobject`, `cwrobject`.
    CombinationsLayout { pool: Field<Addr>, r: Field<i64> }
    /// `PicklerObject` (`Modules/_pickle.c`).
    PicklerLayout {
        memo: Field<Addr>, output_buffer: Field<Addr>, persistent_id: Field<Addr>, dispatch_table: Field<Addr>,
        reducer_override: Maybe<Addr>, write: Field<Addr>, fast_memo: Field<Addr>, buffer_callback: Maybe<Addr>,
    }
    /// `Pdata`, an unpickler's stack; `length` in 2.7, `ob_size` later.
    PdataLayout { data: Field<Addr>, length: Maybe<i64> }
    /// `PyMemoTable`.
    MemoTableLayout { mt_allocated: Field<u64>, mt_table: Field<Addr> }
    /// `PyMemoEntry`.
    MemoEntryLayout { me_key: Field<Addr> }
    /// `UnpicklerObject`.
    UnpicklerLayout {
        memo: Field<Addr>, memo_size: Field<u64>, marks: Field<Addr>, marks_size: Field<i64>,
        input_line: Field<Addr>, encoding: Field<Addr>, errors: Field<Addr>, stack: Field<Addr>,
        buffer_obj: Field<Addr>, read: Field<Addr>, readinto: Maybe<Addr>, readline: Field<Addr>, peek: Field<Addr>,
        buffers: Maybe<Addr>, persistent_load: Field<Addr>,
    }
    /// `StgDictObject` (`Modules/_ctypes`, to 3.12), a dict, and `StgInfo` (3.13), which lies in the type object behind
    /// the `PyHeapTypeObject`, rounded up to 16 bytes.
    StgLayout {
        format: Field<Addr>, ndim: Field<i32>, length: Field<i64>, ffi_type_pointer_elements: Field<Addr>,
        proto: Field<Addr>, argtypes: Field<Addr>, converters: Field<Addr>, restype: Field<Addr>,
        checker: Field<Addr>, module: Maybe<Addr>,
    }
    /// `simplequeueobject` (`Modules/_queuemodule.c`): a list to 3.12, then a ring.
    SimpleQueueLayout {
        lst: Maybe<Addr>, lst_pos: Maybe<i64>, buf_items: Maybe<Addr>, buf_items_cap: Maybe<i64>,
        buf_num_items: Maybe<i64>, buf_get_idx: Maybe<i64>, buf_put_idx: Maybe<i64>,
    }
    /// `teedataobject`.
    TeeDataLayout { it: Field<Addr>, numread: Field<i32>, nextlink: Field<Addr>, values: Part }
    /// `struct lru_cache_object` (`Modules/_functoolsmodule.c`): `root` is a ring of `lru_list_elem`s.
    LruCacheLayout {
        root: Part, func: Field<Addr>, cache: Field<Addr>, kwd_mark: Maybe<Addr>, cache_info_type: Field<Addr>,
        dict: Field<Addr>, maxsize_object: Maybe<Addr>, lru_list_elem_type: Maybe<Addr>,
    }
    /// `methodcallerobject`: from 3.13 on `vectorcall_kwnames` is garbage while `vectorcall_args` is 0.
    MethodCallerLayout { vectorcall_args: Maybe<Addr>, vectorcall_kwnames: Maybe<Addr> }
    /// `struct lru_list_elem`.
    LruListElemLayout { next: Field<Addr>, key: Field<Addr>, result: Field<Addr> }
    /// `xmlparseobject` (`Modules/pyexpat.c`): `handlers` is a malloc'd array of objects.
    XmlParserLayout { intern: Field<Addr>, handlers: Field<Addr> }
    /// `localobject` (`Modules/_threadmodule.c`); 3.13 replaced what earlier versions hang on thread states.
    ThreadLocalLayout {
        key: Maybe<Addr>, args: Field<Addr>, kw: Field<Addr>, dummies: Maybe<Addr>, wr_callback: Maybe<Addr>,
        localdicts: Maybe<Addr>, thread_watchdogs: Maybe<Addr>,
    }
    /// `localdummyobject`; its `localdict` is borrowed.
    LocalDummyLayout { localdict: Maybe<Addr>, weakreflist: Field<Addr> }
    /// `PyHamtObject` (3.7+), the mapping in a `Context`.
    HamtLayout { h_root: Field<Addr> }
    /// `PyHamtNode_Bitmap`: `ob_size` words, pairs of key (or 0) and value (or node).
    HamtBitmapLayout { b_array: Part }
    /// `PyHamtNode_Array`.
    HamtArrayLayout { a_array: Part }
    /// `PyHamtNode_Collision`: `ob_size` words, pairs of key and value.
    HamtCollisionLayout { c_array: Part }
    /// `TemplateObject` (`Modules/_sre`, 3.12+): `ob_size` pairs of an index and a literal.
    SreTemplateLayout { literal: Field<Addr>, items: Part }
    /// `PyZoneInfo_ZoneInfo` (3.9+): a malloc'd array of `_ttinfo`.
    ZoneinfoLayout { _ttinfos: Field<Addr>, num_ttinfos: Field<i64> }
    /// `_ttinfo`.
    TtinfoLayout { utcoff: Field<Addr>, dstoff: Field<Addr>, tzname: Field<Addr> }
    /// `pysqlite_Connection`; the contexts are malloc'd from 3.11 on.
    SqliteConnectionLayout { trace_ctx: Maybe<Addr>, progress_ctx: Maybe<Addr>, authorizer_ctx: Maybe<Addr> }
    /// `callback_context` (3.11+).
    SqliteCallbackLayout { callable: Field<Addr>, module: Field<Addr> }
    /// `PyStructSequence`; in 2.7 no tuple: its items fill it to `tp_basicsize`.
    StructSequenceLayout { ob_item: Part }
    /// `PyDateTime_Time`, `PyDateTime_DateTime`: `tzinfo` is there only where `hastzinfo` is not 0.
    DatetimeLayout { hastzinfo: Field<u8>, tzinfo: Field<Addr> }
    /// `PyST_Object` (`Modules/parsermodule.c`, to 3.9).
    SyntaxTreeLayout { st_node: Field<Addr> }
    /// `struct _node` (`Include/node.h`, to 3.9).
    NodeLayout { n_str: Field<Addr>, n_nchildren: Field<i32>, n_child: Field<Addr> }
    /// `mmap_object`.
    MmapLayout { size_bytes: Field<u64> }
    /// `struct _intblock`, `struct _floatblock` (2.7).
    NumberBlockLayout { next: Field<Addr>, objects: Part }
}

/// Members of an interpreter, a thread state or the runtime that hold references, by name: most are read alike.
#[derive(Debug, Clone, Deserialize)]
pub struct RootsLayout {
    /// `sizeof`, in bytes.
    pub size: usize,
    /// Words that are references, and tables of such.
    #[serde(flatten)]
    pub members: BTreeMap<String, Part>,
}

impl RootsLayout {
    /// The member of this name, where the version has it.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Part> {
        self.members.get(name).copied()
    }
}

/// How code tells lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinesShape {
    /// `co_lnotab`: pairs of steps, both unsigned.
    LnotabUnsigned,
    /// `co_lnotab`: the step in lines is signed.
    Lnotab,
    /// `co_linetable` of pairs: the bytes of a run, and its step in lines (PEP 626).
    LineTable,
    /// `co_linetable` of locations.
    LocationTable,
}

/// What `f_lasti` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastiShape {
    /// Bytes.
    Bytes,
    /// Instructions of two bytes.
    Units,
}

/// How dicts store entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DictShape {
    /// `ma_table` of {hash, key, value}.
    Py27Table,
    /// Compact dicts with `dk_size`.
    CombinedSplit,
    /// `dk_log2_size` and kinds of keys.
    Log2Kinds,
    /// The same, with values embedded in instances.
    Log2KindsInline,
}

/// Where the collector's state lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GcHome {
    /// Statics of `Modules/gcmodule.c`.
    ModuleGlobal,
    /// `_PyRuntime.gc`.
    Runtime,
    /// `interp->gc`.
    Interpreter,
}

/// How a GC head says "untracked".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GcLink {
    /// `gc_refs == -2`.
    RefsPlain,
    /// `gc_refs >> 1 == -2`.
    RefsShifted,
    /// `_gc_next == 0`; the low bits of both links are flags.
    TaggedLinks,
}

/// Where pymalloc's arenas hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArenasHome {
    /// Statics `arenas`, `maxarenas` of `Objects/obmalloc.c`.
    Static,
    /// `interp->obmalloc`, inline.
    InterpreterInline,
    /// `interp->obmalloc`, a pointer.
    InterpreterPointer,
}

/// How ints store their digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntShape {
    /// `PyIntObject` and `PyLongObject`.
    Py27,
    /// `ob_size` digits.
    ObSize,
    /// `lv_tag >> 3` digits.
    LvTag,
}

/// How text is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrShape {
    /// `PyUnicodeObject` with `Py_UNICODE*`.
    Ucs,
    /// PEP 393.
    Pep393,
}

/// What a live object's refcount word looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefcountShape {
    /// A plain count.
    Plain,
    /// The low 32 bits count; bit 31 marks immortal objects.
    #[serde(rename = "immortal-32")]
    Immortal32,
}

impl RefcountShape {
    /// Does an object with these low 32 bits of `ob_refcnt` live for ever? From 3.12 on bit 31 says so
    /// (`_Py_IsImmortal`, `Include/object.h`); 3.11 starts the counts of objects in static memory at 999,999,999.
    #[must_use]
    pub fn is_immortal(self, refcount: u32) -> bool {
        match self {
            RefcountShape::Plain => refcount > 900_000_000,
            RefcountShape::Immortal32 => refcount >= 1 << 31,
        }
    }
}

/// What lies between GC head and object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreHeader {
    /// Nothing.
    None,
    /// Two words where the type has `MANAGED_DICT`.
    ManagedDict,
    /// Two words where it has `MANAGED_DICT` or `MANAGED_WEAKREF`.
    ManagedDictWeakref,
}

/// What `sys.getsizeof` adds to `__sizeof__` (`Python/sysmodule.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GetsizeofGc {
    /// A GC head where the object has one.
    TpIsGc,
    /// GC head and pre-header by the type's flags, also for static types, which have none.
    TypeFlags,
    /// The same, but nothing for static types.
    TypeFlagsNotStatic,
}

/// How frames are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameShape {
    /// Every frame is an object.
    Object,
    /// `_PyInterpreterFrame`s, in a data stack or inside generators.
    Embedded,
}

/// What differs between versions beyond offsets.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)] // each word is documented at its type
pub struct Shape {
    pub dict: DictShape,
    pub gc: GcHome,
    pub gc_link: GcLink,
    pub arenas: ArenasHome,
    /// `ARENA_SIZE`, in bytes.
    pub arena_size: u64,
    /// `POOL_SIZE`, in bytes.
    pub pool_size: u64,
    pub int: IntShape,
    pub str: StrShape,
    pub refcount: RefcountShape,
    pub pre_header: PreHeader,
    pub getsizeof_gc: GetsizeofGc,
    pub frame: FrameShape,
    pub lines: LinesShape,
    pub lasti: LastiShape,
    /// Types that inherit `__sizeof__` in this version, though they have their own in others.
    #[serde(default)]
    pub inherited_sizeof: Vec<String>,
}

/// One CPython build: struct offsets and shapes.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)] // each section is documented at its type
pub struct Layout {
    pub source: Source,
    pub shape: Shape,
    /// By `tp_name` of a type: the offsets, in bytes, of all members that hold a counted reference, by what people call
    /// them. The first entry along `tp_base` is complete. A name without a dot means static types only: classes
    /// written in Python have such names too. `__dict__` may be at `tp_dictoffset`, and is then the same reference.
    pub references: BTreeMap<String, BTreeMap<String, usize>>,
    pub object: ObjectLayout,
    pub var_object: VarObjectLayout,
    pub gc_head: GcHeadLayout,
    pub gc_generation: GcGenerationLayout,
    pub gc_generation_stats: Option<GcGenerationStatsLayout>,
    pub gc_runtime: Option<GcRuntimeLayout>,
    pub runtime: Option<RuntimeLayout>,
    pub interpreter: InterpreterLayout,
    pub gil: Option<GilLayout>,
    pub thread: ThreadLayout,
    pub cframe: Option<CframeLayout>,
    pub static_type: Option<StaticTypeLayout>,
    pub interpreter_roots: RootsLayout,
    pub runtime_roots: Option<RootsLayout>,
    pub thread_roots: RootsLayout,
    pub atexit_callback: Option<AtexitCallbackLayout>,
    pub atexit_state: Option<AtexitStateLayout>,
    pub type_cache_entry: TypeCacheEntryLayout,
    pub code_lines: CodeLinesLayout,
    pub frame_lines: FrameLinesLayout,
    pub arena: ArenaLayout,
    pub pool: PoolLayout,
    pub obmalloc: Option<ObmallocLayout>,
    #[serde(rename = "type")]
    pub type_: TypeLayout,
    pub heap_type: HeapTypeLayout,
    pub tp_member: MemberDefLayout,
    pub method_def: MethodDefLayout,
    pub module_def: Option<ModuleDefLayout>,
    pub dict: DictLayout,
    pub dict_keys: Option<DictKeysLayout>,
    pub dict_entry: DictEntryLayout,
    pub dict_unicode_entry: Option<DictUnicodeEntryLayout>,
    pub dict_values: Option<DictValuesLayout>,
    pub list: ListLayout,
    pub tuple: TupleLayout,
    pub set: SetLayout,
    pub set_entry: SetEntryLayout,
    pub bytes: BytesLayout,
    pub bytearray: BytearrayLayout,
    pub long: LongLayout,
    pub ascii: Option<AsciiLayout>,
    pub compact_unicode: Option<CompactUnicodeLayout>,
    pub unicode: UnicodeLayout,
    pub encoding_map: EncodingMapLayout,
    pub function: FunctionLayout,
    pub code: CodeLayout,
    pub code_cached: Option<CodeCachedLayout>,
    pub code_extra: Option<CodeExtraLayout>,
    pub opcache: Option<SizedLayout>,
    pub frame: FrameLayout,
    pub interpreter_frame: Option<InterpreterFrameLayout>,
    pub generator: GeneratorLayout,
    pub coroutine: Option<CoroutineLayout>,
    pub async_generator: Option<AsyncGeneratorLayout>,
    pub exc_stack_item: Option<ExcStackItemLayout>,
    pub module: ModuleLayout,
    pub builtin_function: BuiltinFunctionLayout,
    pub deque: Option<DequeLayout>,
    pub deque_block: Option<DequeBlockLayout>,
    pub odict: Option<OdictLayout>,
    pub odict_node: Option<OdictNodeLayout>,
    pub array: Option<ArrayLayout>,
    pub array_descr: Option<ArrayDescrLayout>,
    pub bytesio: Option<BytesioLayout>,
    pub buffered: Option<BufferedLayout>,
    pub struct_object: Option<StructLayout>,
    pub format_code: Option<FormatCodeLayout>,
    pub element: Option<ElementLayout>,
    pub element_iterator: Option<ElementIteratorLayout>,
    pub parent_locator: Option<ParentLocatorLayout>,
    pub element_extra: Option<ElementExtraLayout>,
    pub decimal: Option<DecimalLayout>,
    pub product: Option<ProductLayout>,
    pub permutations: Option<PermutationsLayout>,
    pub combinations: Option<CombinationsLayout>,
    pub cwr: Option<CombinationsLayout>,
    pub tee_data: Option<TeeDataLayout>,
    pub pickler: Option<PicklerLayout>,
    pub pdata: Option<PdataLayout>,
    pub memo_table: Option<MemoTableLayout>,
    pub memo_entry: Option<MemoEntryLayout>,
    pub unpickler: Option<UnpicklerLayout>,
    pub stg_dict: Option<StgLayout>,
    pub stg_info: Option<StgLayout>,
    pub parser_st: Option<SyntaxTreeLayout>,
    pub node: Option<NodeLayout>,
    pub simple_queue: Option<SimpleQueueLayout>,
    pub xml_parser: Option<XmlParserLayout>,
    pub thread_local: Option<ThreadLocalLayout>,
    pub local_dummy: Option<LocalDummyLayout>,
    pub hamt: Option<HamtLayout>,
    pub hamt_bitmap: Option<HamtBitmapLayout>,
    pub hamt_array: Option<HamtArrayLayout>,
    pub hamt_collision: Option<HamtCollisionLayout>,
    pub sre_template: Option<SreTemplateLayout>,
    pub zoneinfo: Option<ZoneinfoLayout>,
    pub ttinfo: Option<TtinfoLayout>,
    pub sqlite_connection: Option<SqliteConnectionLayout>,
    pub sqlite_callback: Option<SqliteCallbackLayout>,
    pub struct_sequence: Option<StructSequenceLayout>,
    pub mmap: Option<MmapLayout>,
    pub datetime_time: Option<DatetimeLayout>,
    pub datetime_datetime: Option<DatetimeLayout>,
    pub method_caller: Option<MethodCallerLayout>,
    pub lru_cache: Option<LruCacheLayout>,
    pub lru_list_elem: Option<LruListElemLayout>,
    pub datetime_base_time: Option<SizedLayout>,
    pub datetime_base_datetime: Option<SizedLayout>,
    pub int_block: Option<NumberBlockLayout>,
    pub float_block: Option<NumberBlockLayout>,
}
