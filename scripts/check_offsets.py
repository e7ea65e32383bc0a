#!/usr/bin/env python3
"""Check the python_offsets files against the CPythons installed here.

    scripts/check_offsets.py [--require N] [PREFIX ...]

For every interpreter under $PYENV_ROOT/versions (or every PREFIX) the file of its version is derived again from
DWARF and compared; then the interpreter itself reads its own objects at these offsets and tells what is wrong.
One line each; exit 1 on any difference.
"""

import argparse
import difflib
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import gen_offsets

COMMITTED = Path(__file__).resolve().parent.parent / "python_offsets"


def probe(layout):
    """Runs inside the target, Python 2.7 or 3: compare the layout with what the interpreter knows of itself."""
    import array
    import collections
    import ctypes
    import datetime
    import functools
    import gc
    import io
    import itertools
    import mmap
    import struct
    import sys
    import threading
    import types
    import weakref
    from xml.etree import ElementTree

    python3 = sys.version_info[0] == 3
    sections, wrong, checked = layout["sections"], [], []

    def place(section, key):
        return sections.get(section, {}).get("members", {}).get(key)

    def expect(what, found, wanted):
        checked.append(what)
        if found != wanted:
            wrong.append("%s: %r, not %r" % (what, found, wanted))

    def word(address, size):
        return int.from_bytes(ctypes.string_at(address, size), "little") if python3 else read_old(address, size)

    def read_old(address, size):
        return sum(ord(byte) << 8 * i for i, byte in enumerate(ctypes.string_at(address, size)))

    def member(address, section, key):
        at, size = place(section, key)
        return word(address + at, size)

    def size(section, ctype, wanted=None):
        if section in sections:
            expect(section + " size", sections[section]["size"] if wanted is None else wanted, ctype.__basicsize__)

    def begins(section, key, ctype, extra=0):
        """The variable part of a type's instances starts at this member."""
        size(section, ctype, place(section, key)[0] + extra)

    def value(section, key, address, wanted):
        if place(section, key):
            expect(section + "." + key, member(address, section, key), wanted)

    def refers(section, owner, **keys):
        """Members that point to what the attribute of the same meaning returns."""
        for key, target in keys.items():
            value(section, key, id(owner), id(target))

    # A zoo
    class Plain(object):
        """Has a dict and a weakref list."""

    class Slim(object):
        __slots__ = ("__weakref__",)

    def function(a, b=2):
        """Documented."""
        return lambda: (a, b)

    function.extra = 1
    closure = function(1)
    code = function.__code__
    cell = closure.__closure__[0]
    instance = Plain()
    method = types.MethodType(function, instance)
    generator = (i for i in "abc")
    module = types.ModuleType("zoo")
    try:
        raise ValueError("zoo")
    except ValueError as error:
        caught, trace = error, sys.exc_info()[2]

    def callback(_):
        return None

    reference = weakref.ref(instance, callback)

    # Sizes: the type says its instances' size
    for section, ctype in [
        ("list", list),
        ("dict", dict),
        ("set", set),
        ("bytearray", bytearray),
        ("float", float),
        ("heap_type", type),
        ("function", types.FunctionType),
        ("cell", type(cell)),
        ("module", types.ModuleType),
        ("method", types.MethodType),
        ("builtin_function", types.BuiltinFunctionType),
        ("base_exception", BaseException),
        ("traceback", types.TracebackType),
        ("weakref", weakref.ref),
        ("unicode", type(u"")),
        ("deque", collections.deque),
        ("array", array.array),
        ("struct_object", struct.Struct),
        ("product", itertools.product),
        ("permutations", itertools.permutations),
        ("combinations", itertools.combinations),
        ("cwr", itertools.combinations_with_replacement),
        ("tee_data", type(itertools.tee("")[0].__reduce__()[1][0]) if python3 else None),
        ("bytesio", io.BytesIO),
        ("buffered", io.BufferedReader),
        ("stringio", io.StringIO),
        ("mmap", mmap.mmap),
        ("datetime_time", datetime.time),
        ("datetime_datetime", datetime.datetime),
        ("element", ElementTree.Element if python3 else None),
        ("odict", collections.OrderedDict if python3 else None),
        ("cdata", ctypes.c_int.__mro__[-2]),
    ]:
        if ctype is not None and (section != "tee_data" or ctype.__name__ == "_tee_dataobject"):
            size(section, ctype)
    begins("bytes", "ob_sval", bytes, 1)
    begins("tuple", "ob_item", tuple)
    begins("long", "ob_digit", int if python3 else type(2**70))
    if python3:
        import _pickle
        import decimal

        size("decimal", decimal.Decimal)
        size("pickler", _pickle.Pickler)
        size("unpickler", _pickle.Unpickler)
        size("lru_cache", type(functools.lru_cache()(function)))
        refers("lru_cache", functools.lru_cache()(function), func=function)
    if "simple_queue" in sections:
        import _queue

        size("simple_queue", _queue.SimpleQueue)
    frame_size = place("frame", "_f_frame_data")
    size("frame", types.FrameType, frame_size and frame_size[0] + place("interpreter_frame", "localsplus")[0])
    frame_inside = place("generator", "gi_iframe")
    size("generator", types.GeneratorType, frame_inside and frame_inside[0] + place("interpreter_frame", "localsplus")[0])
    if place("code", "co_code_adaptive"):
        begins("code", "co_code_adaptive", types.CodeType)
    else:
        size("code", types.CodeType)

    # Members of objects
    counted = object()
    value("object", "ob_refcnt", id(counted), sys.getrefcount(counted) - 1)
    refers("object", instance, ob_type=Plain)
    value("var_object", "ob_size", id([1, 2, 3]), 3)
    for ctype in (list, int, Plain):
        value("type", "tp_basicsize", id(ctype), ctype.__basicsize__)
        value("type", "tp_itemsize", id(ctype), ctype.__itemsize__)
        value("type", "tp_flags", id(ctype), ctype.__flags__)
        value("type", "tp_dictoffset", id(ctype), ctype.__dictoffset__ % 2**64)
        value("type", "tp_weaklistoffset", id(ctype), ctype.__weakrefoffset__ % 2**64)
        refers("type", ctype, tp_base=ctype.__base__, tp_mro=ctype.__mro__, tp_bases=ctype.__bases__)
        name = ctypes.string_at(member(id(ctype), "type", "tp_name")).decode()
        expect("type.tp_name", name, ctype.__name__)
    refers("heap_type", Plain, ht_name=Plain.__name__, ht_qualname=getattr(Plain, "__qualname__", None))
    listed = [instance, None]
    value("list", "ob_item", id(listed), member(id(listed), "list", "ob_item"))
    expect("list.ob_item[0]", word(member(id(listed), "list", "ob_item"), 8), id(instance))
    value("tuple", "ob_item", id((instance,)), id(instance))
    value("set", "used", id({1, 2, 3}), 3)
    value("set", "mask", id({1, 2, 3}), 7)
    value("dict", "ma_used", id({1: 1, 2: 2}), 2)
    value("bytearray", "ob_alloc", id(bytearray(b"abc")), 4)
    value("bytes", "ob_sval", id(b"z"), ord("z"))
    value("float", "ob_fval", id(1.5), struct.unpack("<Q", struct.pack("<d", 1.5))[0])
    value("ascii", "length", id("zoological"), 10)
    value("ascii", "hash", id("zoological"), hash("zoological") % 2**64)
    if place("dict_keys", "dk_nentries"):
        value("dict_keys", "dk_nentries", member(id({1: 1, 2: 2}), "dict", "ma_keys"), 2)
        value("dict_keys", "dk_size", member(id({1: 1, 2: 2}), "dict", "ma_keys"), 8)
        value("dict_keys", "dk_log2_size", member(id({1: 1, 2: 2}), "dict", "ma_keys"), 3)
    refers(
        "function",
        function,
        func_code=code,
        func_globals=function.__globals__,
        func_name=function.__name__,
        func_defaults=function.__defaults__,
        func_dict=function.__dict__,
        func_module=function.__module__,
        func_doc=function.__doc__,
        func_closure=function.__closure__,
    )
    refers("function", closure, func_closure=closure.__closure__)
    if python3:
        refers("function", function, func_qualname=function.__qualname__, func_annotations=function.__annotations__)
    refers("code", code, co_consts=code.co_consts, co_names=code.co_names, co_filename=code.co_filename)
    refers("code", code, co_name=code.co_name)
    for key in ("co_varnames", "co_freevars", "co_cellvars", "co_lnotab", "co_linetable", "co_exceptiontable"):
        if place("code", key) and not (key == "co_linetable" and sys.version_info[:2] == (3, 10)):
            refers("code", code, **{key: getattr(code, key)})
    for key in ("co_argcount", "co_nlocals", "co_stacksize", "co_flags", "co_firstlineno"):
        value("code", key, id(code), getattr(code, key))
    refers("cell", cell, ob_ref=cell.cell_contents)
    refers("module", module, md_dict=module.__dict__)
    refers("method", method, im_func=function, im_self=instance)
    refers("builtin_function", listed.append, m_self=listed)
    refers("descriptor", list.__dict__["append"], d_type=list)
    refers("weakref", reference, wr_object=instance, wr_callback=callback)
    refers("base_exception", caught, args=caught.args)
    if python3:
        refers("base_exception", caught, traceback=trace)
    refers("traceback", trace, tb_frame=trace.tb_frame)
    refers("generator", generator, gi_code=generator.gi_code, gi_frame=generator.gi_frame)
    refers("generator", generator, gi_name=generator.__name__)
    frame = sys._getframe()
    if frame.f_back:
        refers("frame", frame, f_back=frame.f_back)
    refers("frame", frame, f_code=frame.f_code, f_globals=frame.f_globals, f_builtins=frame.f_builtins)
    buffered = array.array("d", [1.0])
    value("array", "ob_item", id(buffered), buffered.buffer_info()[0])
    value("array_descr", "itemsize", member(id(buffered), "array", "ob_descr"), 8)
    value("struct_object", "s_size", id(struct.Struct("qq")), 16)
    moment = datetime.datetime(2000, 1, 1, tzinfo=type("Zone", (datetime.tzinfo,), {})())
    value("datetime_datetime", "hastzinfo", id(moment), 1)
    refers("datetime_datetime", moment, tzinfo=moment.tzinfo)
    if python3:
        element = ElementTree.Element("zoo")
        refers("element", element, tag=element.tag)

    # The collector's head and the pre-header are what sys.getsizeof adds
    head = sections["gc_head"]["size"]
    pre_header = {"none": (0, 0), "managed-dict": (16, 0), "managed-dict-weakref": (16, 16)}
    plain, slim = pre_header[layout["shape"]["pre_header"]]
    expect("shape.pre_header", sys.getsizeof(instance) - instance.__sizeof__(), head + plain)
    expect("shape.pre_header (weakref)", sys.getsizeof(Slim()) - Slim().__sizeof__(), (head if slim or gc.is_tracked(Slim()) else 0) + slim)
    static = head if layout["shape"]["getsizeof_gc"] == "type-flags" else 0
    expect("shape.getsizeof_gc", sys.getsizeof(int) - type.__sizeof__(int), static)

    # Runtime, interpreter, thread
    def call(name, *arguments):
        routine = getattr(ctypes.pythonapi, name)
        routine.restype = ctypes.c_void_p
        return routine(*arguments)

    thread, interpreter = call("PyThreadState_Get"), call("PyInterpreterState_Head")
    value("thread", "interp", thread, interpreter)
    value("thread", "thread_id", thread, threading.current_thread().ident)
    if hasattr(threading, "get_native_id"):
        value("thread", "native_thread_id", thread, threading.get_native_id())
    value("interpreter", "threads_head", interpreter, thread)
    value("interpreter", "modules", interpreter, id(sys.modules))
    value("interpreter", "sysdict", interpreter, id(sys.__dict__))
    value("interpreter", "builtins", interpreter, id(sys.modules["builtins" if python3 else "__builtin__"].__dict__))
    value("interpreter", "next", interpreter, 0)
    value("interpreter", "id", interpreter, 0)
    runtime = python3 and "runtime" in sections and ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    if runtime:
        value("runtime", "interpreters_head", runtime, interpreter)
        value("runtime", "interpreters_main", runtime, interpreter)
        value("runtime", "gil_locked", runtime, 1)
        home = {"runtime": runtime, "interpreter": interpreter}[layout["shape"]["gc"]]
        state = home + place(layout["shape"]["gc"], "gc")[0]
        value("gc_runtime", "generation0", state, state + place("gc_runtime", "generations")[0])
        value("gc_runtime", "collecting", state, 0)
        value("gc_runtime", "garbage", state, id(gc.garbage))
    if place("interpreter", "gil"):
        value("gil", "locked", member(interpreter, "interpreter", "gil"), 1)
    if "static_type" in sections:
        first = member(interpreter + place("interpreter", "types_builtins")[0], "static_type", "type")
        expect("static_type.type", member(first, "object", "ob_type"), id(type))
    if "debug_offsets" in sections:
        table = runtime + place("runtime", "debug_offsets")[0]
        expect("debug_offsets.cookie", ctypes.string_at(table, 8), b"xdebugpy")
        for key, told in [
            ("runtime_state_interpreters_head", place("runtime", "interpreters_head")),
            ("interpreter_state_next", place("interpreter", "next")),
            ("interpreter_state_threads_head", place("interpreter", "threads_head")),
            ("interpreter_state_gc", place("interpreter", "gc")),
            ("interpreter_state_imports_modules", place("interpreter", "modules")),
            ("interpreter_state_sysdict", place("interpreter", "sysdict")),
            ("interpreter_state_ceval_gil", place("interpreter", "gil")),
            ("thread_state_next", place("thread", "next")),
            ("thread_state_current_frame", place("thread", "current_frame")),
            ("thread_state_datastack_chunk", place("thread", "datastack_chunk")),
            ("interpreter_frame_previous", place("interpreter_frame", "previous")),
            ("interpreter_frame_executable", place("interpreter_frame", "f_code")),
            ("interpreter_frame_localsplus", place("interpreter_frame", "localsplus")),
            ("code_object_localsplusnames", place("code", "co_localsplusnames")),
            ("type_object_tp_flags", place("type", "tp_flags")),
            ("dict_object_ma_keys", place("dict", "ma_keys")),
            ("dict_object_ma_values", place("dict", "ma_values")),
            ("gc_collecting", place("gc_runtime", "collecting")),
            ("gc_size", [sections["gc_runtime"]["size"]]),
            ("interpreter_state_size", [sections["interpreter"]["size"]]),
            ("thread_state_size", [sections["thread"]["size"]]),
        ]:
            value("debug_offsets", key, table, told[0])
    return {"checked": len(checked), "wrong": wrong}


def ask_interpreter(prefix, layout):
    """Run `probe` in the interpreter of a prefix."""
    program = inspect.getsource(probe) + "\nimport json, sys\nprint(json.dumps(probe(json.load(sys.stdin))))\n"
    python = Path(prefix, "bin", f"python{layout['version']}")
    command = [str(python), "-c", program]
    run = subprocess.run(command, input=json.dumps(layout), capture_output=True, text=True)
    if run.returncode:
        return {"checked": 0, "wrong": [f"the probe failed: {run.stderr.strip()}"]}
    return json.loads(run.stdout)


def without_release(text):
    """The lines of a file but the release it was made from: another patch release may have the same layout."""
    return [line for line in text.splitlines() if not line.startswith("cpython = ")]


def check(prefix):
    """Check one installation; returns what is wrong, or None if there is no file for its version."""
    layout = gen_offsets.derive(gen_offsets.find_library(prefix))
    file = COMMITTED / f"{layout['version']}.toml"
    if not file.exists():
        return None
    committed, derived = without_release(file.read_text()), without_release(gen_offsets.render(layout))
    wrong = list(difflib.unified_diff(committed, derived, file.name, "derived", n=0, lineterm=""))
    answer = ask_interpreter(prefix, layout)
    return file.name, answer["checked"], wrong + answer["wrong"]


def prefixes_here():
    """The installations under pyenv."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return sorted((root / "versions").glob("*"), key=lambda path: [int(n) for n in path.name.split(".") if n.isdigit()])


def main():
    """Check every interpreter found and say so."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--require", type=int, default=0, metavar="N", help="fail if fewer interpreters were checked")
    parser.add_argument("prefixes", nargs="*", type=Path, metavar="PREFIX", help="installations, instead of pyenv's")
    arguments = parser.parse_args()
    done, failed = 0, False
    for prefix in arguments.prefixes or prefixes_here():
        try:
            outcome = check(prefix)
        except gen_offsets.Refusal as refusal:
            print(f"{prefix.name}: {refusal}")
            failed = True
            continue
        if outcome is None:
            print(f"{prefix.name}: no file for this version")
            continue
        name, checked, wrong = outcome
        done += 1
        failed = failed or bool(wrong)
        print(f"{prefix.name}: {'DIFFERS from' if wrong else 'agrees with'} {name}, {checked} facts asked in the interpreter")
        for line in wrong:
            print(f"    {line}")
    if done < arguments.require:
        print(f"{done} interpreters checked, {arguments.require} required")
        failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
