//! Names of C types → what of their instances no fixed place tells, and the fixed places that only the layout's own
//! sections know. All others are in the layout's table of references.

use super::frame::Kind;
use crate::addr::Addr;
use crate::cpython::layout::Layout;
use crate::memory::Field;

/// What is to be read of an instance beyond fixed places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // named after the types
pub(super) enum Body {
    /// Nothing.
    #[default]
    Plain,
    List,
    Tuple,
    /// A tuple with so many items, of which its length leaves some out.
    StructSequence(u64),
    /// So many items behind the fixed part, without a length: 2.7's struct sequences.
    Fields27(u64),
    Dict,
    OrderedDict,
    Set,
    Deque,
    Function,
    Code,
    BuiltinFunction,
    /// Places of the function and of what it is bound to.
    Method(usize, usize),
    /// Places of the arguments.
    Partial(usize),
    Module,
    Type,
    LruCache,
    LruElement,
    Tee,
    SimpleQueue,
    HamtBitmap,
    HamtArray,
    HamtCollision,
    Element,
    ElementIterator,
    Pickler,
    Unpickler,
    Pdata,
    ThreadLocal,
    Stg,
    XmlParser,
    SreTemplate,
    Zoneinfo,
    SqliteConnection,
    MethodCaller,
    Time,
    Datetime,
    Ndarray,
    Frame,
    /// And coroutines, and asynchronous generators.
    Generator(Kind),
}

impl Body {
    /// That of the type with this `tp_name`. Names of C types change between versions, so each stands here under all it
    /// had.
    pub fn of(l: &Layout, tp_name: &str) -> Option<Body> {
        let member = |name: &str| l.references.get(tp_name).and_then(|m| m.get(name)).copied();
        Some(match tp_name {
            "list" => Body::List,
            "tuple" => Body::Tuple,
            "dict" => Body::Dict,
            "collections.OrderedDict" => Body::OrderedDict,
            "set" | "frozenset" => Body::Set,
            "collections.deque" => Body::Deque,
            "function" => Body::Function,
            "code" => Body::Code,
            "builtin_function_or_method" | "builtin_method" => Body::BuiltinFunction,
            "method" | "instancemethod" => Body::Method(member("__func__")?, member("__self__")?),
            "functools.partial" => Body::Partial(member("args")?),
            "module" => Body::Module,
            "type" => Body::Type,
            "functools._lru_cache_wrapper" => Body::LruCache,
            "functools._lru_list_elem" => Body::LruElement,
            "itertools._tee_dataobject" | "itertools.tee_dataobject" => Body::Tee,
            "_queue.SimpleQueue" => Body::SimpleQueue,
            "hamt_bitmap_node" => Body::HamtBitmap,
            "hamt_array_node" => Body::HamtArray,
            "hamt_collision_node" => Body::HamtCollision,
            "xml.etree.ElementTree.Element" | "Element" => Body::Element,
            "_elementtree._element_iterator" => Body::ElementIterator,
            "_pickle.Pickler" => Body::Pickler,
            "_pickle.Unpickler" => Body::Unpickler,
            "_pickle.Pdata" | "cPickle.Pdata" => Body::Pdata,
            "_thread._local" | "thread._local" => Body::ThreadLocal,
            "StgDict" | "_ctypes.StgDict" => Body::Stg,
            "pyexpat.xmlparser" => Body::XmlParser,
            "_sre.SRE_Template" => Body::SreTemplate,
            "zoneinfo.ZoneInfo" => Body::Zoneinfo,
            "sqlite3.Connection" => Body::SqliteConnection,
            "operator.methodcaller" => Body::MethodCaller,
            "datetime.time" => Body::Time,
            "datetime.datetime" => Body::Datetime,
            "numpy.ndarray" => Body::Ndarray,
            "frame" => Body::Frame,
            "generator" => Body::Generator(Kind::Generator),
            "coroutine" => Body::Generator(Kind::Coroutine),
            "async_generator" => Body::Generator(Kind::AsyncGenerator),
            _ => return None,
        })
    }

    /// Is a type of this name known though neither CPython nor its standard library has it?
    pub fn is_foreign(tp_name: &str) -> bool {
        tp_name == "numpy.ndarray"
    }

    /// Do instances tell what they, or others, are called?
    pub fn is_called(self) -> bool {
        matches!(self, Body::Function | Body::Code | Body::BuiltinFunction | Body::Module | Body::Type | Body::Frame)
    }

    /// Does this body read the member of this name itself?
    pub fn reads(self, member: &str) -> bool {
        match self {
            Body::BuiltinFunction => member == "__self__",
            Body::Method(..) => matches!(member, "__self__"),
            Body::Time | Body::Datetime => member == "tzinfo",
            Body::Element => matches!(member, "text" | "tail"),
            _ => false,
        }
    }

    /// Fixed places that are not in the table of references.
    pub fn fields(self, l: &Layout) -> Vec<(&'static str, usize)> {
        let mut found: Vec<(&'static str, usize)> = Vec::new();
        let mut add = |name, field: Option<Field<Addr>>| found.extend(field.map(|f| (name, f.at)));
        match self {
            Body::Function => {
                let f = &l.function;
                add("__code__", Some(f.func_code));
                add("__globals__", Some(f.func_globals));
                add("__name__", Some(f.func_name));
                add("__qualname__", f.func_qualname);
                add("__defaults__", Some(f.func_defaults));
                add("__kwdefaults__", f.func_kwdefaults);
                add("__closure__", Some(f.func_closure));
                add("__dict__", Some(f.func_dict));
                add("__module__", Some(f.func_module));
                add("__doc__", Some(f.func_doc));
                add("__annotations__", f.func_annotations);
                add("__builtins__", f.func_builtins);
                add("__type_params__", f.func_typeparams);
            }
            Body::Code => {
                let c = &l.code;
                add("co_consts", Some(c.co_consts));
                add("co_names", Some(c.co_names));
                add("co_filename", Some(c.co_filename));
                add("co_name", Some(c.co_name));
                add("co_qualname", c.co_qualname);
                add("co_varnames", c.co_varnames);
                add("co_freevars", c.co_freevars);
                add("co_cellvars", c.co_cellvars);
                add("co_code", c.co_code);
                add("co_code", c._co_code);
                add("co_localsplusnames", c.co_localsplusnames);
                add("co_localspluskinds", c.co_localspluskinds);
                add("co_linetable", c.co_linetable);
                add("co_lnotab", c.co_lnotab);
                add("co_exceptiontable", c.co_exceptiontable);
            }
            Body::Module => {
                add("__dict__", Some(l.module.md_dict));
                add("__name__", l.module.md_name);
            }
            Body::LruCache => {
                if let Some(c) = &l.lru_cache {
                    add("func", Some(c.func));
                    add("<cache>", Some(c.cache));
                    add("kwd_mark", c.kwd_mark);
                    add("cache_info_type", Some(c.cache_info_type));
                    add("__dict__", Some(c.dict));
                    add("maxsize", c.maxsize_object);
                    add("lru_list_elem_type", c.lru_list_elem_type);
                }
            }
            Body::LruElement => {
                if let Some(e) = &l.lru_list_elem {
                    add("key", Some(e.key));
                    add("<result>", Some(e.result));
                }
            }
            Body::Tee => {
                if let Some(t) = &l.tee_data {
                    add("it", Some(t.it));
                    add("nextlink", Some(t.nextlink));
                }
            }
            Body::SimpleQueue => add("queue", l.simple_queue.as_ref().and_then(|q| q.lst)),
            Body::Element => add("tag", l.element.as_ref().map(|e| e.tag)),
            Body::Pickler => {
                if let Some(p) = &l.pickler {
                    add("output_buffer", Some(p.output_buffer));
                    add("persistent_id", Some(p.persistent_id));
                    add("dispatch_table", Some(p.dispatch_table));
                    add("reducer_override", p.reducer_override);
                    add("write", Some(p.write));
                    add("fast_memo", Some(p.fast_memo));
                    add("buffer_callback", p.buffer_callback);
                }
            }
            Body::Unpickler => {
                if let Some(u) = &l.unpickler {
                    add("stack", Some(u.stack));
                    add("buffer", Some(u.buffer_obj));
                    add("read", Some(u.read));
                    add("readinto", u.readinto);
                    add("readline", Some(u.readline));
                    add("peek", Some(u.peek));
                    add("buffers", u.buffers);
                    add("persistent_load", Some(u.persistent_load));
                }
            }
            Body::ThreadLocal => {
                if let Some(t) = &l.thread_local {
                    add("localdicts", t.localdicts);
                    add("thread_watchdogs", t.thread_watchdogs);
                    add("args", Some(t.args));
                    add("kw", Some(t.kw));
                }
            }
            Body::Stg => {
                if let Some(s) = &l.stg_dict {
                    add("proto", Some(s.proto));
                    add("argtypes", Some(s.argtypes));
                    add("converters", Some(s.converters));
                    add("restype", Some(s.restype));
                    add("checker", Some(s.checker));
                    add("module", s.module);
                }
            }
            Body::SreTemplate => add("literal", l.sre_template.as_ref().map(|t| t.literal)),
            _ => {}
        }
        found
    }
}
