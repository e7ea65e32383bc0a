#!/usr/bin/env python3
"""Write a python_offsets file from the DWARF of a CPython and of its extension modules.

    scripts/gen_offsets.py --python PREFIX -o python_offsets/3.11.toml
    scripts/gen_offsets.py --lib PREFIX/lib/libpython3.11.so.1.0

The script runs gdb on itself: the first half (`read_dwarf`) works inside gdb and answers with one line of JSON,
the second half turns the answer into TOML. python_offsets/README.md describes the format.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

try:
    import gdb
except ImportError:  # the outer run, not the one inside gdb
    gdb = None

# What to read. One line a section:
#   "section": (extension module or None, "C type, the first that exists", "members")
# A member is NAME (key and C path alike) or KEY=PATH|PATH (the first path that exists). The module is the file the
# type lives in when the module is not built into libpython. "T before M": the part of T that ends where member M
# begins, for structs that CPython only asks the size of, so that DWARF lacks them (_PyDateTime_BaseTime).
SECTIONS = {
    # The object header and the collector
    "object": (None, "PyObject", "ob_refcnt ob_type"),
    "var_object": (None, "PyVarObject", "ob_size"),
    "gc_head": (None, "PyGC_Head", "gc_next=_gc_next|gc.gc_next gc_prev=_gc_prev|gc.gc_prev gc_refs=gc.gc_refs"),
    "gc_generation": (None, "struct gc_generation", "head"),
    "gc_runtime": (
        None,
        "struct _gc_runtime_state",
        "generations permanent_generation generation0 collecting garbage",
    ),
    # The runtime, its interpreters and threads
    "runtime": (
        None,
        "_PyRuntimeState|struct pyruntimestate",
        "interpreters_head=interpreters.head interpreters_main=interpreters.main gc gil_locked=ceval.gil.locked"
        " debug_offsets",
    ),
    "interpreter": (
        None,
        "PyInterpreterState|struct _is",
        "next id threads_head=threads.head|tstate_head modules=imports.modules|modules sysdict builtins gc obmalloc"
        " gil=ceval.gil feature_flags types_builtins=types.builtins.initialized|types.builtins"
        " types_for_extensions=types.for_extensions.initialized own_gil=_gil"
        " type_cache=types.type_cache|type_cache",
    ),
    "gil": (None, "struct _gil_runtime_state", "locked"),
    "static_type": (
        None,
        "struct managed_static_type_state|managed_static_type_state|struct static_builtin_state|static_builtin_state",
        "type tp_dict tp_subclasses tp_weaklist",
    ),
    "thread": (
        None,
        "PyThreadState|struct _ts",
        "next interp thread_id native_thread_id frame cframe current_frame datastack_chunk dict",
    ),
    "cframe": (None, "struct _PyCFrame|_PyCFrame", "current_frame"),
    "datastack": (None, "struct _stack_chunk", "previous chunk_size=size top data"),
    # pymalloc
    "arena": (
        None,
        "struct arena_object",
        "address pool_address nfreepools ntotalpools freepools nextarena prevarena",
    ),
    "pool": (
        None,
        "struct pool_header",
        "ref_count=ref.count|ref freeblock nextpool prevpool arenaindex szidx nextoffset maxnextoffset",
    ),
    "obmalloc": (
        None,
        "struct _obmalloc_state",
        "arenas=mgmt.arenas maxarenas=mgmt.maxarenas raw_allocated_blocks=mgmt.raw_allocated_blocks",
    ),
    # Types
    "type": (
        None,
        "PyTypeObject",
        "tp_name tp_basicsize tp_itemsize tp_dealloc tp_getattro tp_traverse tp_flags tp_dict tp_mro tp_base tp_bases"
        " tp_dictoffset tp_weaklistoffset tp_members tp_methods tp_doc tp_subclasses tp_is_gc tp_cache tp_weaklist"
        " tp_new tp_alloc tp_free tp_init",
    ),
    "heap_type": (None, "PyHeapTypeObject", "ht_name ht_qualname ht_slots ht_cached_keys ht_module _ht_tpname"),
    "tp_member": (None, "PyMemberDef", "name type offset flags"),
    "type_cache_entry": (None, "struct type_cache_entry|struct method_cache_entry", "version name value"),
    "old_class": (None, "PyClassObject", "cl_bases cl_dict cl_name cl_getattr cl_setattr cl_delattr"),
    "old_instance": (None, "PyInstanceObject", "in_class in_dict"),
    # Built-in containers and values
    "dict": (None, "PyDictObject", "ma_used ma_keys ma_values ma_fill ma_mask ma_table ma_smalltable"),
    "dict_keys": (
        None,
        "struct _dictkeysobject",
        "dk_refcnt dk_size dk_log2_size dk_log2_index_bytes dk_kind dk_usable dk_nentries dk_indices",
    ),
    "dict_entry": (None, "PyDictKeyEntry|PyDictEntry", "me_hash me_key me_value"),
    "dict_unicode_entry": (None, "PyDictUnicodeEntry", "me_key me_value"),
    "dict_values": (None, "PyDictValues|struct _dictvalues", "capacity entry_count=size embedded valid values"),
    "list": (None, "PyListObject", "ob_item allocated"),
    "tuple": (None, "PyTupleObject", "ob_item"),
    "set": (None, "PySetObject", "fill used mask table smalltable"),
    "set_entry": (None, "setentry", "key hash"),
    "bytes": (None, "PyBytesObject|PyStringObject", "ob_sval"),
    "bytearray": (None, "PyByteArrayObject", "ob_alloc ob_bytes ob_start"),
    "long": (None, "PyLongObject|struct _longobject", "ob_digit=long_value.ob_digit|ob_digit lv_tag=long_value.lv_tag"),
    "int27": (None, "PyIntObject", "ob_ival"),
    "float": (None, "PyFloatObject", "ob_fval"),
    "int_block": (None, "struct _intblock", "next objects"),
    "float_block": (None, "struct _floatblock", "next objects"),
    "ascii": (None, "PyASCIIObject", "length hash state wstr"),
    "compact_unicode": (None, "PyCompactUnicodeObject", "utf8_length utf8 wstr_length"),
    "unicode": (None, "PyUnicodeObject", "data length str hash defenc"),
    # Code that runs
    "function": (
        None,
        "PyFunctionObject",
        "func_code func_globals func_name func_qualname func_defaults func_kwdefaults func_closure func_dict"
        " func_module func_doc func_annotations func_builtins func_typeparams",
    ),
    "code": (
        None,
        "PyCodeObject",
        "co_argcount co_nlocals co_stacksize co_flags co_code co_consts co_names co_varnames co_cellvars co_freevars"
        " co_cell2arg co_filename co_name co_qualname co_extra co_opcache co_opcache_size co_zombieframe"
        " co_nlocalsplus co_localsplusnames co_localspluskinds co_nfreevars co_ncellvars co_nplaincellvars"
        " co_code_adaptive co_linetable co_lnotab co_exceptiontable co_firstlineno _co_cached co_weakreflist",
    ),
    "code_extra": (None, "_PyCodeObjectExtra", "ce_size ce_extras"),
    "opcache": (None, "struct _PyOpcache|_PyOpcache", ""),
    "frame": (
        None,
        "PyFrameObject",
        "f_back f_code f_builtins f_globals f_locals f_valuestack f_stacktop f_stackdepth f_localsplus f_frame"
        " _f_frame_data f_trace f_lasti f_state f_executing f_gen",
    ),
    "interpreter_frame": (
        None,
        "struct _PyInterpreterFrame",
        "f_code=f_code|f_executable f_funcobj=f_funcobj|f_func f_globals f_locals frame_obj previous"
        " prev_instr=prev_instr|instr_ptr stacktop owner localsplus",
    ),
    "generator": (
        None,
        "PyGenObject",
        "gi_frame gi_code gi_iframe gi_frame_state gi_name gi_qualname gi_running",
    ),
    "coroutine": (None, "PyCoroObject", "cr_iframe"),
    "async_generator": (None, "PyAsyncGenObject", "ag_iframe"),
    "cell": (None, "PyCellObject", "ob_ref"),
    "module": (None, "PyModuleObject", "md_dict md_name md_def md_state"),
    "method": (None, "PyMethodObject", "im_func im_self im_class"),
    "builtin_function": (None, "PyCFunctionObject", "m_ml m_self m_module"),
    "builtin_method": (None, "PyCMethodObject", "mm_class"),
    "descriptor": (None, "PyDescrObject", "d_type d_name d_qualname"),
    "base_exception": (None, "PyBaseExceptionObject", "dict args notes traceback context cause"),
    "traceback": (None, "PyTracebackObject|struct _traceback", "tb_next tb_frame"),
    "weakref": (None, "PyWeakReference", "wr_object wr_callback"),
    "memoryview": (None, "PyMemoryViewObject", "mbuf base view_obj=view.obj"),
    "managed_buffer": (None, "_PyManagedBufferObject", "exporter=master.obj"),
    # The standard library's C types
    "deque": ("_collections", "dequeobject", "leftblock rightblock leftindex rightindex len state"),
    "deque_block": ("_collections", "struct BLOCK", "leftlink data rightlink"),
    "odict": (None, "struct _odictobject", "od_fast_nodes od_fast_nodes_size od_first od_last od_inst_dict"),
    "odict_node": (None, "struct _odictnode", "key next"),
    "array": ("array", "arrayobject", "ob_item allocated ob_descr"),
    "array_descr": ("array", "struct arraydescr", "itemsize"),
    "bytesio": ("_io", "bytesio", "buf buf_size string_size"),
    "buffered": ("_io", "buffered", "buffer buffer_size raw"),
    "stringio": ("_io", "stringio", "buf buf_size"),
    "struct_object": ("_struct", "PyStructObject", "s_size s_len s_codes s_format"),
    "format_code": ("_struct", "struct _formatcode|formatcode", "fmtdef"),
    "element": ("_elementtree", "ElementObject", "extra tag text tail"),
    "element_extra": ("_elementtree", "ElementObjectExtra", "length allocated children _children attrib"),
    "decimal": ("_decimal", "PyDecObject", "dec_flags=dec.flags dec_alloc=dec.alloc dec_data=dec.data data"),
    "product": ("itertools", "productobject", "pools"),
    "permutations": ("itertools", "permutationsobject", "pool r cycles indices"),
    "combinations": ("itertools", "combinationsobject", "pool r indices"),
    "cwr": ("itertools", "cwrobject", "pool r indices"),
    "tee_data": ("itertools", "teedataobject", "it numread nextlink values"),
    "pickler": ("_pickle", "PicklerObject|struct PicklerObject", "memo output_buffer"),
    "memo_table": ("_pickle", "PyMemoTable", "mt_allocated mt_table"),
    "memo_entry": ("_pickle", "PyMemoEntry", "me_key me_value"),
    "unpickler": (
        "_pickle",
        "UnpicklerObject|struct UnpicklerObject",
        "memo memo_size marks marks_size input_line encoding errors",
    ),
    "stg_dict": (
        "_ctypes",
        "StgDictObject",
        "format ndim length ffi_type_pointer_elements=ffi_type_pointer.elements shape",
    ),
    "stg_info": (
        "_ctypes",
        "StgInfo",
        "format ndim length ffi_type_pointer_elements=ffi_type_pointer.elements shape",
    ),
    "cdata": ("_ctypes", "CDataObject|struct tagCDataObject", "b_ptr b_needsfree b_base b_size b_objects"),
    "mmap": ("mmap", "mmap_object", "data size_bytes=size"),
    "simple_queue": (
        "_queue",
        "simplequeueobject",
        "lst lst_pos buf_items=buf.items buf_items_cap=buf.items_cap buf_num_items=buf.num_items"
        " buf_get_idx=buf.get_idx buf_put_idx=buf.put_idx",
    ),
    "parser_st": ("parser", "PyST_Object", "st_node=st_node|node"),
    "node": (None, "struct _node", "n_type n_str n_lineno n_nchildren n_child"),
    "datetime_time": ("_datetime", "PyDateTime_Time", "hastzinfo tzinfo"),
    "datetime_datetime": ("_datetime", "PyDateTime_DateTime", "hastzinfo tzinfo"),
    "datetime_base_time": ("_datetime", "PyDateTime_Time before tzinfo", ""),
    "datetime_base_datetime": ("_datetime", "PyDateTime_DateTime before tzinfo", ""),
    "lru_cache": ("_functools", "lru_cache_object|struct lru_cache_object", "root func maxsize typed cache kwd_mark"),
    "lru_list_elem": ("_functools", "struct lru_list_elem", "prev next hash key result"),
}

# Other file names a module had: Python 2's.
OLD_MODULE_NAMES = {"_datetime": "datetime", "_pickle": "cPickle"}

# Behaviour that no struct member shows, per version and reviewed by hand against CPython's source and live heaps.
# A version that is not here is refused: add it only after reading what changed.
REVIEWED_SHAPES = {
    "2.7": {"pre_header": "none", "getsizeof_gc": "tp-is-gc"},
    "3.6": {"pre_header": "none", "getsizeof_gc": "tp-is-gc"},
    "3.7": {"pre_header": "none", "getsizeof_gc": "tp-is-gc"},
    "3.8": {"pre_header": "none", "getsizeof_gc": "tp-is-gc"},
    "3.9": {"pre_header": "none", "getsizeof_gc": "tp-is-gc"},
    "3.10": {"pre_header": "none", "getsizeof_gc": "tp-is-gc"},
    "3.11": {"pre_header": "managed-dict", "getsizeof_gc": "type-flags"},
    "3.12": {"pre_header": "managed-dict-weakref", "getsizeof_gc": "type-flags"},
    "3.13": {"pre_header": "managed-dict-weakref", "getsizeof_gc": "type-flags-not-static"},
}

# C types that have a __sizeof__ in later versions and inherit their base's in these; the zoo of tests/live tells.
INHERITED_SIZEOF = {
    "2.7": [
        "StgDict",
        "itertools.combinations",
        "itertools.combinations_with_replacement",
        "itertools.permutations",
        "itertools.product",
    ],
    "3.6": ["StgDict"],
}

MACHINES = {62: "x86_64", 183: "aarch64"}  # e_machine of ELF
REQUEST = "LEAKSPY_OFFSETS_REQUEST"
ANSWER = "leakspy-offsets-answer "


class Refusal(Exception):
    """Something the user can mend; shown without a traceback."""


# --- Inside gdb -----------------------------------------------------------------------------------------------------


def read_dwarf(library, modules):
    """Read every section from the library, or from the extension module the section names if there is a file for it."""
    answer = {"sections": {}}
    for module in [None, *modules]:
        gdb.execute("file " + modules.get(module, library), to_string=True)
        if module is None:
            answer["facts"] = read_facts()
            answer["debug_offsets"] = read_debug_offsets()
        for section, (home, types, members) in SECTIONS.items():
            if module == (home if home in modules else None):
                answer["sections"][section] = read_section(types, members)
    return answer


def read_section(types, members):
    """The first of the C types that exists, with its size and those of the members that exist; None without one."""
    for name in types.split("|"):
        if " before " in name:
            return read_beginning(name)
        layouts = [describe(name, ctype, members) for ctype in definitions(name)]
        if any(layout != layouts[0] for layout in layouts):
            raise Refusal(f"{name} has several definitions that differ")
        if layouts:
            return layouts[0]
    return None


def read_beginning(name):
    """The part of a struct before one of its members, which it is padded to."""
    whole, _, end = name.partition(" before ")
    found = read_section(whole, end)
    return found and {"c_type": name, "size": found["members"][end][0], "members": {}}


def definitions(name):
    """All complete definitions of a C struct or union in the loaded file."""
    if name.startswith("struct "):
        symbols = gdb.lookup_static_symbols(name[len("struct ") :], gdb.SYMBOL_STRUCT_DOMAIN)
    else:
        symbols = gdb.lookup_static_symbols(name, gdb.SYMBOL_VAR_DOMAIN)
    types = [symbol.type.strip_typedefs() for symbol in symbols if symbol.type]
    return [ctype for ctype in types if ctype.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION) and ctype.fields()]


def describe(name, ctype, members):
    """Size and members of one C type."""
    found = {}
    for member in members.split():
        key, _, paths = member.partition("=")
        for path in (paths or key).split("|"):
            place = locate(ctype, path.split("."))
            if place:
                found[key] = place
                break
    return {"c_type": name, "size": ctype.sizeof, "members": found}


def locate(ctype, path):
    """[offset, bytes] of the member at `path`, looking into nameless structs and unions too; None if absent."""
    ctype = ctype.strip_typedefs()
    if ctype.code not in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        return None
    for field in ctype.fields():
        if not hasattr(field, "bitpos"):  # an enumerator or a static: no place
            continue
        rest = path if not field.name else path[1:] if field.name == path[0] else None
        if rest is None:
            continue
        at, size = storage_unit(field)
        if not rest:
            return [at, size]
        inner = locate(field.type, rest)
        if inner:
            return [at + inner[0], inner[1]]
    return None


def storage_unit(field):
    """Offset and bytes of a member; for a bitfield, of the unit that stores it."""
    size = field.type.strip_typedefs().sizeof
    at = field.bitpos // 8
    return (at // size * size if field.bitsize else at), size


def read_facts():
    """What the shapes and the [source] section need, besides the sections themselves."""
    objects = definitions("PyObject")
    return {
        "dwarf": bool(objects),
        "debug": gdb.lookup_global_symbol("_Py_NegativeRefcount") is not None,
        "free_threaded": bool(objects) and locate(objects[0], ["ob_ref_shared"]) is not None,
        "split_refcount": bool(objects) and locate(objects[0], ["ob_refcnt_split"]) is not None,
        "arena_tree": bool(definitions("struct arena_map_bot")),
    }


def read_debug_offsets():
    """Where each value of _Py_DebugOffsets lies in it; None before 3.13."""
    found = definitions("struct _Py_DebugOffsets")
    if not found:
        return None
    return {"c_type": "_Py_DebugOffsets", "size": found[0].sizeof, "members": dict(leaves(found[0], 0, ""))}


def leaves(ctype, base, prefix):
    """Every innermost member of a struct as (path with underscores, [offset, bytes])."""
    for field in ctype.fields():
        inner, at = field.type.strip_typedefs(), base + field.bitpos // 8
        if inner.code == gdb.TYPE_CODE_STRUCT:
            yield from leaves(inner, at, f"{prefix}{field.name}_")
        else:
            yield prefix + field.name, [at, inner.sizeof]


def answer_request():
    """Entry point inside gdb: read the request from the environment, print the answer."""
    request = json.loads(os.environ[REQUEST])
    try:
        answer = read_dwarf(request["library"], request["modules"])
    except (Refusal, gdb.error) as error:
        answer = {"error": str(error)}
    print(ANSWER + json.dumps(answer))


# --- Outside gdb ----------------------------------------------------------------------------------------------------


def find_library(prefix):
    """The file with CPython's code under an installation prefix: a libpython, else a static executable."""
    found = sorted(Path(prefix, "lib").glob("libpython[23].*.so.1.0"))
    found = found or [file for file in Path(prefix, "bin").glob("python*") if re.fullmatch(r"python\d\.\d+", file.name)]
    if len(found) != 1:
        raise Refusal(f"{prefix}: expected one libpython or one pythonX.Y, found {len(found)}; name it with --lib")
    return found[0]


def minor_version(library):
    """X.Y, from the file's name."""
    match = re.search(r"python(\d\.\d+)", Path(library).name)
    if not match:
        raise Refusal(f"{library}: its name tells no version")
    return match.group(1)


def find_modules(library):
    """The extension modules we read, as {name: file}, from the lib-dynload that belongs to the library."""
    version = minor_version(library)
    above = Path(library).resolve().parent
    places = {above / f"python{version}" / "lib-dynload", above.parent / "lib" / f"python{version}" / "lib-dynload"}
    modules = {}
    for module in sorted({module for module, _, _ in SECTIONS.values() if module}):
        names = {module, OLD_MODULE_NAMES.get(module, module)}
        files = [file for place in places for name in names for file in place.glob(f"{name}.*so")]
        if len(files) > 1:
            raise Refusal(f"{library}: several files for the module {module}: {', '.join(map(str, files))}")
        if files:
            modules[module] = str(files[0])
    return modules


def release_of(library):
    """X.Y.Z, told by the interpreter that belongs to the library."""
    python = Path(library).parent.parent / "bin" / f"python{minor_version(library)}"
    command = [str(python), "-c", "import platform; print(platform.python_version())"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        raise Refusal(f"{library}: no interpreter at {python} to ask for its release; give --release") from None


def machine_of(library):
    """The machine an ELF file is for."""
    with open(library, "rb") as file:
        head = file.read(20)
    if head[:4] != b"\x7fELF":
        raise Refusal(f"{library} is no ELF file")
    number = int.from_bytes(head[18:20], "little")
    if number not in MACHINES:
        raise Refusal(f"{library}: unknown machine {number}")
    return MACHINES[number]


def ask_gdb(library):
    """Run gdb on this script and return what it read."""
    if not shutil.which("gdb"):
        raise Refusal("gdb is missing; install gdb (built with Python)")
    request = json.dumps({"library": str(library), "modules": find_modules(library)})
    command = ["gdb", "-batch", "-nx", "-x", str(Path(__file__).resolve())]
    run = subprocess.run(command, env={**os.environ, REQUEST: request}, capture_output=True, text=True)
    lines = [line for line in run.stdout.splitlines() if line.startswith(ANSWER)]
    if len(lines) != 1:
        raise Refusal(f"gdb gave no answer; is it built with Python?\n{run.stderr.strip()}")
    answer = json.loads(lines[0][len(ANSWER) :])
    if "error" in answer:
        raise Refusal(f"{library}: {answer['error']}")
    if not answer["facts"]["dwarf"]:
        raise Refusal(f"{library} has no DWARF; build CPython with -g or install its debug symbols")
    return answer


def shape_of(version, sections, facts):
    """The behaviour words of a version: from the members that exist, or from REVIEWED_SHAPES where none shows it."""
    if version not in REVIEWED_SHAPES:
        raise Refusal(f"no reviewed shapes for CPython {version}; see python_offsets/README.md, 'Add a version'")

    def has(section, key=None):
        return section in sections and (key is None or key in sections[section]["members"])

    def choose(*cases, otherwise):
        return next((word for word, holds in cases if holds), otherwise)

    inline_obmalloc = has("interpreter", "obmalloc") and sections["interpreter"]["members"]["obmalloc"][1] > 8
    return {
        "dict": choose(
            ("py27-table", has("dict", "ma_table")),
            ("combined-split", has("dict_keys", "dk_size")),
            ("log2-kinds-inline", has("dict_values", "embedded")),
            otherwise="log2-kinds",
        ),
        "gc": choose(
            ("interpreter", has("interpreter", "gc")), ("runtime", has("runtime", "gc")), otherwise="module-global"
        ),
        "gc_link": choose(
            ("tagged-links", not has("gc_head", "gc_refs")), ("refs-plain", has("int27")), otherwise="refs-shifted"
        ),
        "arenas": choose(
            ("static", not has("obmalloc")), ("interpreter-inline", inline_obmalloc), otherwise="interpreter-pointer"
        ),
        "arena_size": 1048576 if facts["arena_tree"] else 262144,
        "pool_size": 16384 if facts["arena_tree"] else 4096,
        "int": choose(("py27", has("int27")), ("lv-tag", has("long", "lv_tag")), otherwise="ob-size"),
        "str": "pep393" if has("ascii") else "ucs",
        "refcount": "immortal-32" if facts["split_refcount"] else "plain",
        "pre_header": REVIEWED_SHAPES[version]["pre_header"],
        "getsizeof_gc": REVIEWED_SHAPES[version]["getsizeof_gc"],
        "frame": "embedded" if has("interpreter_frame") else "object",
        "inherited_sizeof": INHERITED_SIZEOF.get(version, []),
        "static_type_dict": "in-interpreter" if has("static_type") else "in-type",
    }


def abi_of(facts):
    """The build variant."""
    if facts["free_threaded"]:
        raise Refusal("a free-threaded build: its heap is mimalloc's, for which there are no shapes yet")
    return "debug" if facts["debug"] else "release"


def derive(library, release=None):
    """The layout in a library: source, shape, and each section that exists."""
    version = minor_version(library)
    answer = ask_gdb(library)
    facts, found = answer["facts"], {**answer["sections"], "debug_offsets": answer["debug_offsets"]}
    sections = {name: found[name] for name in [*SECTIONS, "debug_offsets"] if found[name]}
    source = {
        "cpython": release or release_of(library),
        "from": "dwarf",
        "abi": abi_of(facts),
        "machine": machine_of(library),
    }
    return {"version": version, "source": source, "shape": shape_of(version, sections, facts), "sections": sections}


def render(layout):
    """The TOML of a layout."""
    abi, machine = layout["source"]["abi"], layout["source"]["machine"]
    lines = [
        f"# CPython {layout['version']}, {machine} linux, {abi} build."
        " Written by scripts/gen_offsets.py; do not edit by hand.",
        "# Format and meaning: python_offsets/README.md",
    ]
    for name in ("source", "shape"):
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in layout[name].items())]
    for name, section in layout["sections"].items():
        lines += ["", f"[{name}] # {section['c_type']}", f"size = {section['size']}"]
        lines += [f"{key} = {place}" for key, place in section["members"].items()]
    return "\n".join(lines) + "\n"


def main():
    """Parse the arguments, derive, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--lib", type=Path, help="a libpython, or an executable that contains CPython, with DWARF")
    source.add_argument("--python", type=Path, metavar="PREFIX", help="an installation that has lib/ and bin/")
    parser.add_argument("--release", metavar="X.Y.Z", help="the release, if no interpreter is there to ask")
    parser.add_argument("-o", "--output", type=Path, help="write here instead of to stdout")
    arguments = parser.parse_args()
    try:
        text = render(derive(arguments.lib or find_library(arguments.python), arguments.release))
    except Refusal as refusal:
        sys.exit(f"gen_offsets: {refusal}")
    if arguments.output:
        arguments.output.write_text(text)
    else:
        sys.stdout.write(text)


if gdb:
    answer_request()
elif __name__ == "__main__":
    main()
