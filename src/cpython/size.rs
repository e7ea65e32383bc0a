//! An object → its size as `sys.getsizeof` gives it, and the blocks it keeps beside itself.
//!
//! One rule for each type that has a `__sizeof__` of its own (`grep __sizeof__` over CPython's C sources); all others
//! inherit `object.__sizeof__`: `tp_basicsize + ob_size * tp_itemsize`. Where a struct lies is the layout's business.

use super::dict;
use super::layout::{DictShape, FrameShape, IntShape, Layout, NodeLayout, PreHeader, StrShape};
use super::text::StrState;
use super::types::{TypeInfo, flags};
use crate::addr::Addr;
use crate::memory::{Memory, View};

/// Most nodes of a syntax tree that are followed; deeper or larger is damage.
const MOST_NODES: u64 = 1 << 20;

/// Which `__sizeof__` a type has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // named after the types
pub enum SizeRule {
    /// `object.__sizeof__`.
    Default,
    List,
    Dict,
    OrderedDict,
    Set,
    Int,
    Long,
    Str,
    Unicode,
    EncodingMap,
    Bytearray,
    Type,
    Code,
    Frame,
    Generator,
    Deque,
    Array,
    BytesIo,
    Buffered,
    Struct,
    Element,
    Decimal,
    Product,
    Permutations,
    Combinations,
    CombinationsWithReplacement,
    Pickler,
    Unpickler,
    StgDict,
    CType,
    SyntaxTree,
}

impl SizeRule {
    /// The rule of the type with this `tp_name`; `None` where it inherits its base's. Names of C types change between
    /// versions, so each stands here under all it had.
    #[must_use]
    pub fn of(tp_name: &str) -> Option<SizeRule> {
        Some(match tp_name {
            "list" => SizeRule::List,
            "dict" => SizeRule::Dict,
            "collections.OrderedDict" => SizeRule::OrderedDict,
            "set" | "frozenset" => SizeRule::Set,
            "int" => SizeRule::Int,
            "long" => SizeRule::Long,
            "str" => SizeRule::Str,
            "unicode" => SizeRule::Unicode,
            "EncodingMap" => SizeRule::EncodingMap,
            "bytearray" => SizeRule::Bytearray,
            "type" => SizeRule::Type,
            "code" => SizeRule::Code,
            "frame" => SizeRule::Frame,
            "generator" | "coroutine" | "async_generator" => SizeRule::Generator,
            "collections.deque" => SizeRule::Deque,
            "array.array" => SizeRule::Array,
            "_io.BytesIO" => SizeRule::BytesIo,
            "_io.BufferedReader" | "_io.BufferedWriter" | "_io.BufferedRandom" => SizeRule::Buffered,
            "Struct" | "_struct.Struct" => SizeRule::Struct,
            "xml.etree.ElementTree.Element" => SizeRule::Element,
            "decimal.Decimal" => SizeRule::Decimal,
            "itertools.product" => SizeRule::Product,
            "itertools.permutations" => SizeRule::Permutations,
            "itertools.combinations" => SizeRule::Combinations,
            "itertools.combinations_with_replacement" => SizeRule::CombinationsWithReplacement,
            "_pickle.Pickler" => SizeRule::Pickler,
            "_pickle.Unpickler" => SizeRule::Unpickler,
            "StgDict" | "_ctypes.StgDict" => SizeRule::StgDict,
            "_ctypes.CType_Type" => SizeRule::CType,
            "parser.st" => SizeRule::SyntaxTree,
            _ => return None,
        })
    }
}

/// Instances of `datetime.time` and `datetime.datetime` without a time zone are allocated without room for one
/// (`Modules/_datetimemodule.c`): how short, for the type of this name.
#[must_use]
pub fn shortest(layout: &Layout, tp_name: &str, heap: bool) -> Option<u64> {
    let base = match tp_name {
        "datetime.time" => layout.datetime_base_time.as_ref(),
        "datetime.datetime" => layout.datetime_base_datetime.as_ref(),
        _ => None,
    };
    base.filter(|_| !heap).map(|s| s.size as u64)
}

/// What the measuring of objects needs: the target's memory and its layout.
pub struct Sizer<'a, M: ?Sized> {
    /// Where to read.
    pub mem: &'a M,
    /// What structs look like.
    pub layout: &'a Layout,
}

/// Sizes are of unsigned 64 bits; a sum that does not fit is a damaged object.
type Size = Option<u64>;

impl<M: Memory + ?Sized> Sizer<'_, M> {
    /// `sys.getsizeof` of the object of type `info` whose header is at `at`; `body` shows at least its fixed part.
    /// `None` where the object is damaged. `buffer` is called with each block that belongs to the object alone.
    #[inline]
    pub fn measure(&self, info: &TypeInfo, at: Addr, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let own = self.sizeof(info, at, body, buffer)?;
        let overhead = if info.is_metatype() { self.overhead_of_type(info, body)? } else { info.overhead };
        own.checked_add(overhead)
    }

    /// Types are the only objects of a GC type that may lack a GC head.
    fn overhead_of_type(&self, info: &TypeInfo, body: &View<'_>) -> Size {
        use super::layout::GetsizeofGc;
        let heap = body.get(self.layout.type_.tp_flags)? & flags::HEAPTYPE != 0;
        let counted = heap || self.layout.shape.getsizeof_gc == GetsizeofGc::TypeFlags;
        Some(if counted { info.overhead } else { 0 })
    }

    fn items(&self, body: &View<'_>) -> Option<i64> {
        body.get(self.layout.var_object.ob_size)
    }

    fn default(&self, info: &TypeInfo, body: &View<'_>) -> Size {
        if info.itemsize == 0 {
            return Some(info.basicsize);
        }
        let items = self.items(body)?.checked_mul(i64::try_from(info.itemsize).ok()?)?;
        info.basicsize.checked_add_signed(items)
    }

    fn sizeof(&self, info: &TypeInfo, at: Addr, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let l = self.layout;
        let base = info.basicsize;
        match info.rule {
            SizeRule::Default => {
                let size = self.default(info, body)?;
                self.inline_values(info, at, buffer);
                Some(size)
            }
            SizeRule::List => {
                let items = body.get(l.list.ob_item)?;
                buffer(items);
                plus(base, body.get(l.list.allocated)?, 8)
            }
            SizeRule::Dict => self.dict(info, at, body, buffer),
            SizeRule::OrderedDict => {
                let o = l.odict.as_ref()?;
                let dict = self.dict(info, at, body, buffer)?;
                buffer(body.get(o.od_fast_nodes)?);
                let with_table = plus(dict, body.get(o.od_fast_nodes_size)?, 8)?;
                let mut node = body.get(o.od_first)?;
                if node.is_null() {
                    return Some(with_table);
                }
                let n = l.odict_node.as_ref()?;
                let used = body.get(l.dict.ma_used)?;
                for _ in 0..used.min(1 << 20) {
                    if node.is_null() {
                        break;
                    }
                    buffer(node);
                    node = Addr(self.mem.word(node.up(n.next.at as u64)?).ok()?);
                }
                plus(with_table, used, n.size as u64)
            }
            SizeRule::Set => {
                let table = body.get(l.set.table)?;
                if Some(table) == at.up(l.set.smalltable.at as u64) {
                    return Some(base);
                }
                buffer(table);
                plus(base, body.get(l.set.mask)?.checked_add(1)?, l.set_entry.size as u64)
            }
            SizeRule::Int | SizeRule::Long => self.int(info, body),
            SizeRule::Str => match l.shape.str {
                StrShape::Pep393 => self.str(at, body, buffer),
                // PyString_Type: sizeof(PyStringObject) without padding
                StrShape::Ucs => plus((l.bytes.ob_sval.at as u64).checked_add(1)?, self.items(body)?, info.itemsize),
            },
            SizeRule::Unicode => {
                buffer(body.get(l.unicode.str?)?);
                plus(l.unicode.size as u64, body.get(l.unicode.length?)?.checked_add(1)?, 4)
            }
            SizeRule::EncodingMap => {
                let m = &l.encoding_map;
                let second = plus(m.size as u64, i64::from(body.get(m.count2)?), 16)?;
                plus(second, i64::from(body.get(m.count3)?), 128)
            }
            SizeRule::Bytearray => {
                buffer(body.get(l.bytearray.ob_bytes)?);
                plus(base, body.get(l.bytearray.ob_alloc)?, 1)
            }
            SizeRule::Type => self.type_object(info, at, body, buffer),
            SizeRule::Code => self.code(info, body, buffer),
            SizeRule::Frame => self.frame(body),
            SizeRule::Generator => self.generator(info, at),
            SizeRule::Deque => self.deque(info, body, buffer),
            SizeRule::Array => {
                let a = l.array.as_ref()?;
                buffer(body.get(a.ob_item)?);
                let itemsize = self.view(body.get(a.ob_descr)?, l.array_descr.as_ref()?.size)?;
                let itemsize = u64::try_from(itemsize.get(l.array_descr.as_ref()?.itemsize)?).ok()?;
                plus(base, body.get(a.allocated)?, itemsize)
            }
            SizeRule::BytesIo => self.bytesio(info, body, buffer),
            SizeRule::Buffered => {
                let b = l.buffered.as_ref()?;
                let data = body.get(b.buffer)?;
                buffer(data);
                if data.is_null() { Some(base) } else { plus(base, body.get(b.buffer_size)?, 1) }
            }
            SizeRule::Struct => self.struct_object(info, body, buffer),
            SizeRule::Element => self.element(info, body, buffer),
            SizeRule::Decimal => {
                let d = l.decimal.as_ref()?;
                // MPD_DATAFLAGS: the coefficient is static, shared or inside the object
                if body.get(d.dec_flags)? & 0xE0 != 0 {
                    return Some(base);
                }
                buffer(body.get(d.dec_data)?);
                plus(base, body.get(d.dec_alloc)?, 8)
            }
            SizeRule::Product => {
                buffer(Addr::NULL);
                plus(base, self.length_of(body.get(l.product.as_ref()?.pools)?)?, 8)
            }
            SizeRule::Permutations => {
                let p = l.permutations.as_ref()?;
                plus(plus(base, self.length_of(body.get(p.pool)?)?, 8)?, body.get(p.r)?, 8)
            }
            SizeRule::Combinations => plus(base, body.get(l.combinations.as_ref()?.r)?, 8),
            SizeRule::CombinationsWithReplacement => plus(base, body.get(l.cwr.as_ref()?.r)?, 8),
            SizeRule::Pickler => self.pickler(info, body, buffer),
            SizeRule::Unpickler => self.unpickler(info, body, buffer),
            SizeRule::StgDict => {
                let s = l.stg_dict.as_ref()?;
                let dict = self.dict(info, at, body, buffer)?;
                let more = (s.size as u64).checked_sub(l.dict.size as u64)?;
                let head = dict.checked_add(more)?;
                // `info.basicsize` is StgDict's own, while dict.__sizeof__ takes it too: both count
                self.stg(head, s, body, buffer)
            }
            SizeRule::CType => {
                // `PyObject_GetTypeData`: behind what `type` itself takes
                let s = l.stg_info.as_ref()?;
                let size = self.type_object(info, at, body, buffer)?;
                let data = at.up((l.heap_type.size as u64).checked_next_multiple_of(16)?)?;
                self.stg(size, s, &self.view(data, s.size)?, buffer)
            }
            SizeRule::SyntaxTree => {
                let (tree, node) = (l.parser_st.as_ref()?, l.node.as_ref()?);
                let root = body.get(tree.st_node)?;
                let mut left = MOST_NODES;
                let below = self.node(root, node, &mut left)?;
                base.checked_add(node.size as u64)?.checked_add(below)
            }
        }
    }

    /// What hangs below a node of a concrete syntax tree (`_PyNode_SizeOf`, `Parser/node.c`): the room for its
    /// children, their own, and its token's text.
    fn node(&self, at: Addr, l: &NodeLayout, left: &mut u64) -> Size {
        *left = left.checked_sub(1)?;
        let view = self.view(at, l.size)?;
        let children = u64::try_from(view.get(l.n_nchildren)?).ok()?;
        let room = match children {
            0 | 1 => children,
            2..=128 => children.checked_next_multiple_of(4)?,
            _ => children.checked_next_power_of_two()?,
        };
        let mut size = room.checked_mul(l.size as u64)?;
        let first = view.get(l.n_child)?;
        for i in 0..children {
            let child = first.up(i.checked_mul(l.size as u64)?)?;
            size = size.checked_add(self.node(child, l, left)?)?;
        }
        size.checked_add(self.c_string(view.get(l.n_str)?, &mut |_| ())?)
    }

    fn view(&self, at: Addr, size: usize) -> Option<View<'_>> {
        if at.is_null() { None } else { self.mem.view(at, size).ok() }
    }

    /// `ob_size` of another object.
    fn length_of(&self, at: Addr) -> Option<i64> {
        self.view(at, self.layout.var_object.size)?.get(self.layout.var_object.ob_size)
    }

    fn dict(&self, info: &TypeInfo, at: Addr, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let l = self.layout;
        let d = &l.dict;
        if l.shape.dict == DictShape::Py27Table {
            let table = body.get(d.ma_table?)?;
            if Some(table) == at.up(d.ma_smalltable?.at as u64) {
                return Some(info.basicsize);
            }
            buffer(table);
            return plus(info.basicsize, body.get(d.ma_mask?)?.checked_add(1)?, l.dict_entry.size as u64);
        }
        let at_keys = body.get(d.ma_keys?)?;
        let keys = dict::keys(self.mem, l, at_keys)?;
        let mut size = info.basicsize;
        let values = body.get(d.ma_values?)?;
        if !values.is_null() {
            buffer(values);
            let room = match l.shape.dict {
                DictShape::CombinedSplit => keys.usable,
                _ => keys.shared_values,
            };
            size = size.checked_add(room.checked_mul(8)?)?;
        }
        // Keys that others share too are counted with the type that made them; so is the one empty table.
        if keys.refcnt == 1 {
            buffer(at_keys);
            size = size.checked_add(keys.size)?;
        }
        Some(size)
    }

    fn int(&self, info: &TypeInfo, body: &View<'_>) -> Size {
        let l = self.layout;
        let digits = match (l.shape.int, l.long.lv_tag) {
            (IntShape::Py27, _) if info.rule == SizeRule::Int => return self.default(info, body),
            (IntShape::LvTag, Some(tag)) => {
                let digits = body.get(tag)? >> 3;
                return info.basicsize.checked_add(digits.max(1).checked_mul(4)?);
            }
            _ => self.items(body)?.unsigned_abs(),
        };
        // `offsetof(PyLongObject, ob_digit)`, a constant: what a subclass adds is not counted. 2.7 takes tp_basicsize.
        let base = if l.shape.int == IntShape::Py27 { info.basicsize } else { l.long.ob_digit.at as u64 };
        // From 3.11 on a zero has a digit too; that is when frames were embedded.
        let least = u64::from(l.shape.frame == FrameShape::Embedded);
        base.checked_add(digits.max(least).checked_mul(4)?)
    }

    fn str(&self, at: Addr, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let l = self.layout;
        let (ascii, compact) = (l.ascii.as_ref()?, l.compact_unicode.as_ref()?);
        let state = StrState(body.get(ascii.state)?);
        let length = u64::try_from(body.get(ascii.length)?).ok()?;
        let units = length.checked_add(1)?.checked_mul(state.kind().max(1))?;
        let wstr_extra = |length: u64, data: Addr, buffer: &mut dyn FnMut(Addr)| -> Size {
            let Some(field) = ascii.wstr else { return Some(0) };
            let wstr = body.get(field)?;
            if wstr.is_null() || wstr == data {
                return Some(0);
            }
            buffer(wstr);
            length.checked_add(1)?.checked_mul(4)
        };
        if state.compact() && state.ascii() {
            let data = at.up(ascii.size as u64)?;
            let size = (ascii.size as u64).checked_add(units)?;
            return size.checked_add(wstr_extra(length, data, buffer)?);
        }
        let (base, data) = if state.compact() {
            ((compact.size as u64).checked_add(units)?, at.up(compact.size as u64)?)
        } else {
            let data = body.pointer(l.unicode.data?.at)?;
            buffer(data);
            let text = if data.is_null() { 0 } else { units };
            ((l.unicode.size as u64).checked_add(text)?, data)
        };
        let utf8 = body.get(compact.utf8)?;
        let cached = if utf8.is_null() || utf8 == data {
            0
        } else {
            buffer(utf8);
            u64::try_from(body.get(compact.utf8_length)?).ok()?.checked_add(1)?
        };
        let wide = match compact.wstr_length {
            Some(length) => wstr_extra(u64::try_from(body.get(length)?).ok()?, data, buffer)?,
            None => 0,
        };
        base.checked_add(cached)?.checked_add(wide)
    }

    fn type_object(&self, info: &TypeInfo, at: Addr, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let l = self.layout;
        let heap = body.get(l.type_.tp_flags)? & flags::HEAPTYPE != 0;
        let Some(cached_keys) = l.heap_type.ht_cached_keys else { return self.default(info, body) };
        if !heap {
            return Some(if info.rule == SizeRule::CType { self.default(info, body)? } else { l.type_.size as u64 });
        }
        let view = self.view(at, l.heap_type.size)?;
        buffer(view.get(l.type_.tp_doc)?);
        if let Some(name) = l.heap_type._ht_tpname {
            buffer(view.get(name)?);
        }
        let at_keys = view.get(cached_keys)?;
        let keys = if at_keys.is_null() { None } else { Some(dict::keys(self.mem, l, at_keys)?) };
        if keys.is_some() {
            buffer(at_keys);
        }
        if info.rule == SizeRule::CType {
            return self.default(info, body);
        }
        (l.heap_type.size as u64).checked_add(keys.map_or(0, |k| k.size))
    }

    fn code(&self, info: &TypeInfo, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let l = self.layout;
        let c = &l.code;
        let Some(extra) = c.co_extra else { return self.default(info, body) };
        let mut size = self.default(info, body)?;
        if info.itemsize > 0 {
            size = size.checked_next_multiple_of(8)?;
        }
        if let (Some(cell2arg), Some(cellvars)) = (c.co_cell2arg, c.co_cellvars) {
            let map = body.get(cell2arg)?;
            let cells = body.get(cellvars)?;
            if !map.is_null() && !cells.is_null() {
                buffer(map);
                size = plus(size, self.length_of(cells)?, 8)?;
            }
        }
        if let (Some(cache), Some(len), Some(code)) = (c.co_opcache, c.co_opcache_size, c.co_code) {
            let cache = body.get(cache)?;
            if !cache.is_null() {
                buffer(cache);
                let slots = u64::from(body.get(len)?);
                let map = u64::try_from(self.length_of(body.get(code)?)?).ok()? / 2;
                size = size.checked_add(map)?.checked_add(slots.checked_mul(l.opcache.as_ref()?.size as u64)?)?;
            }
        }
        let extra = body.get(extra)?;
        if extra.is_null() {
            return Some(size);
        }
        let e = l.code_extra.as_ref()?;
        buffer(extra);
        let slots = self.view(extra, e.size)?.get(e.ce_size)?;
        plus(size.checked_add(e.size as u64)?, slots.checked_sub(1)?, 8)
    }

    fn frame(&self, body: &View<'_>) -> Size {
        let l = self.layout;
        match l.shape.frame {
            FrameShape::Object => {
                let code = self.view(body.get(l.frame.f_code?)?, l.code.size)?;
                let tuple = |field: Option<crate::memory::Field<Addr>>| {
                    field
                        .and_then(|f| code.get(f))
                        .map_or(Some(0), |at| if at.is_null() { Some(0) } else { self.length_of(at) })
                };
                let slots = i64::from(code.get(l.code.co_stacksize)?)
                    .checked_add(i64::from(code.get(l.code.co_nlocals?)?))?
                    .checked_add(tuple(l.code.co_cellvars)?)?
                    .checked_add(tuple(l.code.co_freevars)?)?;
                plus(l.frame.size as u64, slots.checked_sub(1)?, 8)
            }
            FrameShape::Embedded => {
                let inner = Addr(body.pointer(l.frame.f_frame?.at)?.0);
                let slots = self.frame_slots(inner)?;
                let fixed = (l.frame._f_frame_data?.at as u64)
                    .checked_add(l.interpreter_frame.as_ref()?.localsplus.at as u64)?;
                plus(fixed, slots, 8)
            }
        }
    }

    /// `co_nlocalsplus + co_stacksize` of the code that an interpreter frame runs.
    fn frame_slots(&self, frame: Addr) -> Option<i64> {
        let l = self.layout;
        let code =
            self.view(frame, l.interpreter_frame.as_ref()?.localsplus.at)?.get(l.interpreter_frame.as_ref()?.f_code)?;
        let code = self.view(code, l.code.size)?;
        i64::from(code.get(l.code.co_nlocalsplus?)?).checked_add(i64::from(code.get(l.code.co_stacksize)?))
    }

    fn generator(&self, info: &TypeInfo, at: Addr) -> Size {
        let l = self.layout;
        let Some(iframe) = l.generator.gi_iframe else { return Some(info.basicsize) };
        let slots = self.frame_slots(at.up(iframe.at as u64)?)?;
        let fixed = (iframe.at as u64).checked_add(l.interpreter_frame.as_ref()?.localsplus.at as u64)?;
        plus(fixed, slots, 8)
    }

    fn deque(&self, info: &TypeInfo, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let l = self.layout;
        let (d, b) = (l.deque.as_ref()?, l.deque_block.as_ref()?);
        let slots = (b.data.size / 8) as u64;
        let len = match d.len {
            Some(len) => body.get(len)?,
            None => self.items(body)?,
        };
        let left = u64::try_from(body.get(d.leftindex)?).ok()?;
        let len = u64::try_from(len).ok()?;
        let blocks = left.checked_add(len)?.checked_add(slots.checked_sub(1)?)?.checked_div(slots)?;
        let mut block = body.get(d.leftblock)?;
        for _ in 0..blocks.min(1 << 20) {
            buffer(block);
            block = Addr(self.mem.word(block.up(b.rightlink.at as u64)?).ok()?);
        }
        info.basicsize.checked_add(blocks.checked_mul(b.size as u64)?)
    }

    fn bytesio(&self, info: &TypeInfo, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let l = self.layout;
        let b = l.bytesio.as_ref()?;
        let buf = body.get(b.buf)?;
        if buf.is_null() {
            return Some(info.basicsize);
        }
        if let Some(size) = b.buf_size {
            buffer(buf);
            return plus(info.basicsize, body.get(size)?, 1);
        }
        // A bytes object: counted where no one else has it (`SHARED_BUF`).
        let view = self.view(buf, l.var_object.size)?;
        if view.at::<i64>(l.object.ob_refcnt.at)? != 1 {
            return Some(info.basicsize);
        }
        plus(info.basicsize.checked_add(l.bytes.ob_sval.at as u64)?, view.get(l.var_object.ob_size)?.checked_add(1)?, 1)
    }

    fn struct_object(&self, info: &TypeInfo, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let l = self.layout;
        let (s, code) = (l.struct_object.as_ref()?, l.format_code.as_ref()?);
        let codes = body.get(s.s_codes)?;
        buffer(codes);
        if l.shape.str == StrShape::Ucs {
            return plus(info.basicsize, body.get(s.s_len)?.checked_add(1)?, code.size as u64);
        }
        let mut count = 1u64;
        let mut at = codes;
        while count < 1 << 20 && !at.is_null() {
            if self.view(at, code.size)?.get(code.fmtdef)?.is_null() {
                break;
            }
            count = count.checked_add(1)?;
            at = at.up(code.size as u64)?;
        }
        info.basicsize.checked_add(count.checked_mul(code.size as u64)?)
    }

    fn element(&self, info: &TypeInfo, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let l = self.layout;
        let extra = body.get(l.element.as_ref()?.extra)?;
        if extra.is_null() {
            return Some(info.basicsize);
        }
        let e = l.element_extra.as_ref()?;
        buffer(extra);
        let view = self.view(extra, e.size)?;
        let size = info.basicsize.checked_add(e.size as u64)?;
        let children = view.get(e.children)?;
        if Some(children) == extra.up(e._children.at as u64) {
            return Some(size);
        }
        buffer(children);
        let allocated = match e.allocated.size {
            4 => i64::from(view.at::<i32>(e.allocated.at)?),
            _ => view.at::<i64>(e.allocated.at)?,
        };
        plus(size, allocated, 8)
    }

    fn pickler(&self, info: &TypeInfo, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let l = self.layout;
        let p = l.pickler.as_ref()?;
        let mut size = info.basicsize;
        let memo = body.get(p.memo)?;
        if !memo.is_null() {
            let t = l.memo_table.as_ref()?;
            let view = self.view(memo, t.size)?;
            buffer(memo);
            buffer(view.get(t.mt_table)?);
            let entries = view.get(t.mt_allocated)?.checked_mul(l.memo_entry.as_ref()?.size as u64)?;
            size = size.checked_add(t.size as u64)?.checked_add(entries)?;
        }
        let output = body.get(p.output_buffer)?;
        if !output.is_null() {
            size = plus(size.checked_add(l.bytes.ob_sval.at as u64)?, self.length_of(output)?.checked_add(1)?, 1)?;
        }
        Some(size)
    }

    fn unpickler(&self, info: &TypeInfo, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let u = self.layout.unpickler.as_ref()?;
        buffer(body.get(u.memo)?);
        buffer(body.get(u.marks)?);
        let mut size = info.basicsize.checked_add(body.get(u.memo_size)?.checked_mul(8)?)?;
        size = plus(size, body.get(u.marks_size)?, 8)?;
        for text in [u.input_line, u.encoding, u.errors] {
            size = size.checked_add(self.c_string(body.get(text)?, buffer)?)?;
        }
        Some(size)
    }

    /// A C string's length with its NUL; 0 for none.
    fn c_string(&self, at: Addr, buffer: &mut dyn FnMut(Addr)) -> Size {
        if at.is_null() {
            return Some(0);
        }
        buffer(at);
        let mut length = 0u64;
        for at in (0..1 << 24).map_while(|n| at.up(n)) {
            let mut byte = [0u8];
            self.mem.read(at, &mut byte).ok()?;
            length = length.checked_add(1)?;
            if byte == [0] {
                break;
            }
        }
        Some(length)
    }

    /// ctypes' private description of a type (`Modules/_ctypes/stgdict.c`).
    fn stg(&self, head: u64, s: &super::layout::StgLayout, body: &View<'_>, buffer: &mut dyn FnMut(Addr)) -> Size {
        let mut size = head.checked_add(self.c_string(body.get(s.format)?, buffer)?)?;
        size = plus(size, i64::from(body.get(s.ndim)?), 8)?;
        if !body.get(s.ffi_type_pointer_elements)?.is_null() {
            size = plus(size, body.get(s.length)?.checked_add(1)?, 8)?;
        }
        Some(size)
    }

    /// The malloc'ed values of an instance without a dict (3.11, 3.12): no part of `sys.getsizeof`, but a buffer.
    fn inline_values(&self, info: &TypeInfo, at: Addr, buffer: &mut dyn FnMut(Addr)) {
        if info.flags & flags::MANAGED_DICT == 0 || self.layout.shape.dict != DictShape::Log2Kinds {
            return;
        }
        // 3.11: a word of their own; 3.12: the dict's word, odd while it tells of values (one less than their address).
        let down = if self.layout.shape.pre_header == PreHeader::ManagedDict { 32 } else { 24 };
        let Some(word) = at.down(down).and_then(|at| self.mem.word(at).ok()) else { return };
        if down == 32 || word & 1 == 1 {
            buffer(Addr(word & !7));
        }
    }
}

fn plus(base: u64, count: i64, each: u64) -> Size {
    base.checked_add(u64::try_from(count).ok()?.checked_mul(each)?)
}
