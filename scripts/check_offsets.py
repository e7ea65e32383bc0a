#!/usr/bin/env python3
"""Check the python_offsets files against the CPythons installed here.

    scripts/check_offsets.py [--require N] [PREFIX ...]

For every interpreter under $PYENV_ROOT/versions (or every PREFIX) the file of its version is derived again from
DWARF and compared; then the interpreter itself reads its own objects at these offsets and tells what is wrong.
One line each; exit 1 on any difference.
"""
# ruff: noqa: F821 (the modules of `Probe` are imported where it runs)

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

# What `Probe` uses; the program sent to the target imports it there.
PROBE_IMPORTS = (
    "array collections ctypes datetime functools gc io itertools json mmap re struct sys threading types weakref"
)


class Probe(object):
    """Runs inside the target, Python 2.7 or 3: compares the layout with what the interpreter knows of itself."""

    def __init__(self, layout):
        self.shape, self.sections, self.references = layout["shape"], layout["sections"], layout["references"]
        self.python3 = sys.version_info[0] == 3
        self.checked, self.wrong = 0, []

    def run(self):
        for part in (self.sizes, self.types, self.containers, self.functions, self.library, self.getsizeof):
            part()
        self.inside_their_objects()
        self.shown_by_attributes()
        self.runtime()
        return {"checked": self.checked, "wrong": self.wrong}

    # Ways to compare

    def place(self, section, key):
        return self.sections.get(section, {}).get("members", {}).get(key)

    def offset(self, section, key):
        return self.place(section, key)[0]

    def expect(self, what, found, wanted):
        self.checked += 1
        if found != wanted:
            self.wrong.append("%s: %r, not %r" % (what, found, wanted))

    def member(self, address, section, key):
        """The value of a member, as an unsigned number."""
        at, size = self.place(section, key)
        return sum(byte << 8 * i for i, byte in enumerate(bytearray(ctypes.string_at(address + at, size))))

    def at(self, section, address, **members):
        """The struct at an address has these values, as far as the version has the members."""
        for key, wanted in members.items():
            if self.place(section, key):
                self.expect(section + "." + key, self.member(address, section, key), wanted % 2**64)

    def holds(self, section, owner, **members):
        """An object's struct has these values."""
        self.at(section, id(owner), **members)

    def refers(self, section, owner, **members):
        """An object's struct points to these objects; to nothing for None."""
        self.at(section, id(owner), **{key: 0 if to is None else id(to) for key, to in members.items()})

    def size(self, section, ctype):
        """Instances of the type are as long as the section says."""
        if section in self.sections:
            self.expect(section + " size", self.sections[section]["size"], ctype.__basicsize__)

    def begins(self, section, key, ctype, extra=0):
        """The fixed part of the type's instances ends at this member."""
        self.expect(section + "." + key, self.offset(section, key) + extra, ctype.__basicsize__)

    # What is compared

    def sizes(self):
        for section, ctype in [
            ("list", list),
            ("dict", dict),
            ("set", set),
            ("bytearray", bytearray),
            ("float", float),
            ("unicode", type(u"")),
            ("heap_type", type),
            ("function", types.FunctionType),
            ("method", types.MethodType),
            ("builtin_function", types.BuiltinFunctionType),
            ("module", types.ModuleType),
            ("base_exception", BaseException),
            ("traceback", types.TracebackType),
            ("weakref", weakref.ref),
            ("deque", collections.deque),
            ("array", array.array),
            ("struct_object", struct.Struct),
            ("product", itertools.product),
            ("permutations", itertools.permutations),
            ("combinations", itertools.combinations),
            ("cwr", itertools.combinations_with_replacement),
            ("bytesio", io.BytesIO),
            ("buffered", io.BufferedReader),
            ("stringio", io.StringIO),
            ("mmap", mmap.mmap),
            ("datetime_time", datetime.time),
            ("datetime_datetime", datetime.datetime),
            ("cdata", ctypes.c_int.__mro__[-2]),
        ]:
            self.size(section, ctype)
        self.begins("tuple", "ob_item", tuple)
        self.begins("bytes", "ob_sval", bytes, extra=1)
        self.begins("long", "ob_digit", type(2**70))
        if self.shape["frame"] == "object":
            for section, ctype in [
                ("code", types.CodeType),
                ("frame", types.FrameType),
                ("generator", types.GeneratorType),
            ]:
                self.size(section, ctype)
        else:
            locals_at = self.offset("interpreter_frame", "localsplus")
            self.begins("code", "co_code_adaptive", types.CodeType)
            self.begins("frame", "_f_frame_data", types.FrameType, extra=locals_at)
            self.begins("generator", "gi_iframe", types.GeneratorType, extra=locals_at)

    def types(self):
        counted = object()
        self.at("object", id(counted), ob_refcnt=sys.getrefcount(counted) - 1)
        self.refers("object", counted, ob_type=object)
        self.refers("heap_type", Probe, ht_name=Probe.__name__, ht_qualname=getattr(Probe, "__qualname__", None))
        for ctype in (list, tuple, Probe):
            self.holds(
                "type",
                ctype,
                tp_basicsize=ctype.__basicsize__,
                tp_itemsize=ctype.__itemsize__,
                tp_flags=ctype.__flags__,
                tp_dictoffset=ctype.__dictoffset__,
                tp_weaklistoffset=ctype.__weakrefoffset__,
            )
            self.refers("type", ctype, tp_base=ctype.__base__, tp_mro=ctype.__mro__, tp_bases=ctype.__bases__)
            name = ctypes.string_at(self.member(id(ctype), "type", "tp_name")).decode()
            self.expect("type.tp_name", name, ctype.__name__)

    def containers(self):
        items, pair, numbers = [self, None], (self, None), {1, 2, 3}
        self.holds("var_object", items, ob_size=2)
        first = ctypes.c_void_p.from_address(self.member(id(items), "list", "ob_item")).value
        self.expect("list.ob_item[0]", first, id(self))
        self.refers("tuple", pair, ob_item=self)
        self.holds("set", numbers, fill=3, used=3, mask=7, table=id(numbers) + self.offset("set", "smalltable"))
        table = {1: 1, 2: 2}
        self.holds("dict", table, ma_used=2, ma_fill=2, ma_mask=7)
        if self.place("dict", "ma_keys"):
            keys = self.member(id(table), "dict", "ma_keys")
            self.at("dict_keys", keys, dk_refcnt=1, dk_nentries=2, dk_usable=3, dk_size=8, dk_log2_size=3)
        text, raw, growing, real = u"zoological", b"z", bytearray(b"abc"), 1.5
        self.holds("ascii", text, length=10, hash=hash(text))
        self.holds("bytes", raw, ob_sval=ord("z"))
        self.holds("bytearray", growing, ob_alloc=growing.__alloc__())
        self.holds("float", real, ob_fval=struct.unpack("<Q", struct.pack("<d", real))[0])

    def functions(self):
        def function(a, b=2):
            """Documented."""
            return lambda: (a, b)

        def callback(_):
            """Called when a referent dies."""

        function.extra = 1
        closure = function(1)
        for each in (function, closure):
            self.refers(
                "function",
                each,
                func_code=each.__code__,
                func_globals=each.__globals__,
                func_name=each.__name__,
                func_defaults=each.__defaults__,
                func_closure=each.__closure__,
                func_module=each.__module__,
            )
        self.refers("function", function, func_dict=function.__dict__, func_doc=function.__doc__)
        code, cell = closure.__code__, closure.__closure__[0]
        self.size("cell", type(cell))
        self.refers("cell", cell, ob_ref=cell.cell_contents)
        self.refers("code", code, co_consts=code.co_consts, co_names=code.co_names, co_name=code.co_name)
        self.refers("code", code, co_filename=code.co_filename, co_freevars=code.co_freevars)
        self.refers("code", code, co_varnames=code.co_varnames, co_cellvars=code.co_cellvars)
        self.holds("code", code, co_argcount=code.co_argcount, co_nlocals=code.co_nlocals, co_flags=code.co_flags)
        self.holds("code", code, co_stacksize=code.co_stacksize, co_firstlineno=code.co_firstlineno)
        if self.python3:
            self.refers("function", function, func_qualname=function.__qualname__)
            self.refers("function", function, func_annotations=function.__annotations__)
            self.refers("lru_cache", functools.lru_cache()(function), func=function)
            self.size("lru_cache", type(functools.lru_cache()(function)))

        items, method, reference = [], self.functions, weakref.ref(function, callback)
        self.refers("method", method, im_func=Probe.__dict__["functions"], im_self=self)
        self.refers("builtin_function", items.append, m_self=items)
        self.refers("descriptor", list.__dict__["append"], d_type=list)
        self.refers("weakref", reference, wr_object=function, wr_callback=callback)
        self.refers("module", sys, md_dict=sys.__dict__)
        generator = (i for i in "abc")
        self.refers("generator", generator, gi_code=generator.gi_code, gi_name=generator.__name__)
        self.refers("generator", generator, gi_frame=generator.gi_frame)
        frame = sys._getframe()
        self.refers("frame", frame, f_code=frame.f_code, f_globals=frame.f_globals)
        if self.shape["frame"] == "object":  # later f_back is filled on demand only
            self.refers("frame", frame, f_back=frame.f_back)
        try:
            raise ValueError("zoo")
        except ValueError as error:
            trace = sys.exc_info()[2]
            self.refers("base_exception", error, args=error.args, traceback=trace)
            self.refers("traceback", trace, tb_frame=trace.tb_frame, tb_next=None)

    def library(self):
        numbers, two_words = array.array("d", [1.0]), struct.Struct("qq")
        self.holds("array", numbers, ob_item=numbers.buffer_info()[0])
        self.at("array_descr", self.member(id(numbers), "array", "ob_descr"), itemsize=8)
        self.holds("struct_object", two_words, s_size=16)
        zone = type("Zone", (datetime.tzinfo,), {})()
        moment = datetime.datetime(2000, 1, 1, tzinfo=zone)
        self.holds("datetime_datetime", moment, hastzinfo=1, tzinfo=id(zone))
        for kind, section in [(datetime.time, "datetime_time"), (datetime.datetime, "datetime_datetime")]:
            self.expect(section + ".tzinfo", self.offset(section, "tzinfo") + 8, kind.__basicsize__)
        area = mmap.mmap(-1, 8192)
        self.holds("mmap", area, size_bytes=8192)
        if self.python3:
            import _pickle
            import decimal
            from xml.etree import ElementTree

            self.size("decimal", decimal.Decimal)
            self.size("element", ElementTree.Element)
            self.size("odict", collections.OrderedDict)
            self.size("pickler", _pickle.Pickler)
            self.size("unpickler", _pickle.Unpickler)
            element = ElementTree.Element(u"zoo")
            self.refers("element", element, tag=element.tag)
        if "simple_queue" in self.sections:
            import _queue

            self.size("simple_queue", _queue.SimpleQueue)

    def type_name(self, ctype):
        return ctypes.string_at(self.member(id(ctype), "type", "tp_name")).decode()

    def inside_their_objects(self):
        """The members that hold references lie inside the objects of their types."""
        todo, seen = [object], {}
        while todo:
            ctype = todo.pop()
            if id(ctype) not in seen:
                seen[id(ctype)] = ctype
                todo.extend(type.__subclasses__(ctype))
        for ctype in seen.values():
            name = self.type_name(ctype)
            if ctype.__flags__ & 1 << 9 and "." not in name:  # a class written in Python can have any name
                continue
            for key, at in self.references.get(name, {}).items():
                self.expect("%s.%s inside the object" % (name, key), 16 <= at <= ctype.__basicsize__ - 8, True)

    def shown_by_attributes(self):
        """Members that are called like an attribute hold what the attribute shows."""

        def function(a):
            return lambda: a

        class Derived(Probe):
            @classmethod
            def bound(cls):
                return super(Derived, cls)

        objects = [
            property(function, None, function, "text"),
            staticmethod(function),
            slice(function, 2, None),
            Derived.bound(),
            self.run,
            [].append,
            list.__dict__["append"],
            int.__dict__["real"],
            object.__dict__["__repr__"],
            type(function).__dict__["__globals__" if self.python3 else "func_globals"],
            weakref.ref(function, len),
            memoryview(b"zoo"),
            functools.partial(function, 1, key=2),
            collections.defaultdict(list),
            io.BufferedReader(io.BytesIO(b"zoo")),
            io.TextIOWrapper(io.BytesIO(b"zoo"), encoding="utf-8"),
            re.match("(zoo)", "zoo"),
        ]
        if self.python3:
            objects += [function(1).__closure__[0], range(function.__code__.co_firstlineno + 10**9)]
        failures = [
            (EnvironmentError, (2, "text", "name")),
            (SystemExit, (7,)),
            (StopIteration, (1,)),
            (SyntaxError, ("text", ("name", 1, 2, "line"))),
            (UnicodeDecodeError, ("utf-8", b"", 0, 1, "text")),
        ]
        for failure, arguments in failures:
            try:
                raise failure(*arguments)
            except BaseException as error:
                objects += [error, sys.exc_info()[2]]
        if hasattr(types, "GenericAlias"):
            objects.append(types.GenericAlias(list, (int,)))
        for each in objects:
            ctype = type(each)
            while ctype and self.type_name(ctype) not in self.references:
                ctype = ctype.__base__
            self.expect("%s has references" % type(each).__name__, ctype is not None, True)
            name = ctype and self.type_name(ctype)
            for key, at in self.references.get(name, {}).items():
                if key not in ("__dict__", "errors") and hasattr(each, key):  # 3.6 keeps a stream's errors as bytes
                    shown = getattr(each, key)
                    found = ctypes.c_void_p.from_address(id(each) + at).value
                    held = found == id(shown) or (shown is None and not found)
                    self.expect("%s.%s shows what its member holds" % (name, key), held, True)

    def getsizeof(self):
        """Collector's head and pre-header are what sys.getsizeof adds to __sizeof__."""
        plain, weak = type("Plain", (), {})(), type("Weak", (), {"__slots__": ("__weakref__", "x")})()
        head, before = self.sections["gc_head"]["size"], self.shape["pre_header"]
        with_dict = head + (16 if before in ("managed-dict", "managed-dict-weakref") else 0)
        with_weakrefs = head + (16 if before == "managed-dict-weakref" else 0)
        of_static = head if self.shape["getsizeof_gc"] == "type-flags" else 0
        self.expect("pre_header with a dict", sys.getsizeof(plain) - plain.__sizeof__(), with_dict)
        self.expect("pre_header with weakrefs", sys.getsizeof(weak) - weak.__sizeof__(), with_weakrefs)
        self.expect("getsizeof_gc", sys.getsizeof(list) - type.__sizeof__(list), of_static)

    def runtime(self):
        def call(name):
            routine = getattr(ctypes.pythonapi, name)
            routine.restype = ctypes.c_void_p
            return routine()

        thread, interpreter = call("PyThreadState_Get"), call("PyInterpreterState_Head")
        self.at("thread", thread, interp=interpreter, next=0, thread_id=threading.current_thread().ident)
        if hasattr(threading, "get_native_id"):
            self.at("thread", thread, native_thread_id=threading.get_native_id())
        builtins = sys.modules["builtins" if self.python3 else "__builtin__"]
        self.at("interpreter", interpreter, next=0, id=0, threads_head=thread, modules=id(sys.modules))
        self.at("interpreter", interpreter, sysdict=id(sys.__dict__), builtins=id(builtins.__dict__))
        if "runtime" not in self.sections:
            return
        runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
        self.at("runtime", runtime, interpreters_head=interpreter, interpreters_main=interpreter, gil_locked=1)
        home = self.shape["gc"]
        state = {"runtime": runtime, "interpreter": interpreter}[home] + self.offset(home, "gc")
        first = state + self.offset("gc_runtime", "generations")
        self.at("gc_runtime", state, generation0=first, collecting=0, garbage=id(gc.garbage))
        if self.place("interpreter", "gil"):
            self.at("gil", self.member(interpreter, "interpreter", "gil"), locked=1)
        if "static_type" in self.sections:
            known = self.member(interpreter + self.offset("interpreter", "types_builtins"), "static_type", "type")
            self.at("object", known, ob_type=id(type))
        if "debug_offsets" in self.sections:
            self.debug_offsets(runtime + self.offset("runtime", "debug_offsets"))

    def debug_offsets(self, table):
        """CPython's own table of offsets says the same."""
        self.expect("debug_offsets.cookie", ctypes.string_at(table, 8), b"xdebugpy")
        locked = self.offset("interpreter", "own_gil") + self.offset("gil", "locked")
        self.at("debug_offsets", table, version=sys.hexversion, interpreter_state_gil_runtime_state_locked=locked)
        for key, section, member in [
            ("runtime_state_interpreters_head", "runtime", "interpreters_head"),
            ("interpreter_state_next", "interpreter", "next"),
            ("interpreter_state_id", "interpreter", "id"),
            ("interpreter_state_threads_head", "interpreter", "threads_head"),
            ("interpreter_state_gc", "interpreter", "gc"),
            ("interpreter_state_imports_modules", "interpreter", "modules"),
            ("interpreter_state_sysdict", "interpreter", "sysdict"),
            ("interpreter_state_builtins", "interpreter", "builtins"),
            ("interpreter_state_ceval_gil", "interpreter", "gil"),
            ("thread_state_next", "thread", "next"),
            ("thread_state_current_frame", "thread", "current_frame"),
            ("thread_state_datastack_chunk", "thread", "datastack_chunk"),
            ("interpreter_frame_previous", "interpreter_frame", "previous"),
            ("interpreter_frame_executable", "interpreter_frame", "f_code"),
            ("interpreter_frame_instr_ptr", "interpreter_frame", "prev_instr"),
            ("interpreter_frame_localsplus", "interpreter_frame", "localsplus"),
            ("interpreter_frame_owner", "interpreter_frame", "owner"),
            ("code_object_localsplusnames", "code", "co_localsplusnames"),
            ("code_object_qualname", "code", "co_qualname"),
            ("type_object_tp_flags", "type", "tp_flags"),
            ("dict_object_ma_keys", "dict", "ma_keys"),
            ("dict_object_ma_values", "dict", "ma_values"),
            ("long_object_lv_tag", "long", "lv_tag"),
            ("unicode_object_state", "ascii", "state"),
            ("gc_collecting", "gc_runtime", "collecting"),
        ]:
            self.at("debug_offsets", table, **{key: self.offset(section, member)})
        for key, section in [
            ("runtime_state_size", "runtime"),
            ("interpreter_state_size", "interpreter"),
            ("thread_state_size", "thread"),
            ("interpreter_frame_size", "interpreter_frame"),
            ("code_object_size", "code"),
            ("unicode_object_size", "unicode"),
            ("gc_size", "gc_runtime"),
        ]:
            self.at("debug_offsets", table, **{key: self.sections[section]["size"]})


def ask_interpreter(prefix, layout):
    """Run `Probe` in the interpreter of a prefix."""
    imports = "import " + ", ".join(PROBE_IMPORTS.split())
    program = f"{imports}\n{inspect.getsource(Probe)}\nprint(json.dumps(Probe(json.load(sys.stdin)).run()))\n"
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
    """Check one installation: the file's name, the number of facts asked in the interpreter, what is wrong."""
    layout = gen_offsets.derive(gen_offsets.find_library(prefix))
    file = COMMITTED / f"{layout['version']}.toml"
    if not file.exists():
        raise gen_offsets.Refusal(f"there is no {file.name}")
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
    parser.add_argument("--require", type=int, default=1, metavar="N", help="fail if fewer were checked (default 1)")
    parser.add_argument("prefixes", nargs="*", type=Path, metavar="PREFIX", help="installations, instead of pyenv's")
    arguments = parser.parse_args()
    checked, failed = 0, False
    for prefix in arguments.prefixes or prefixes_here():
        try:
            file, facts, wrong = check(prefix)
        except gen_offsets.Refusal as refusal:
            print(f"{prefix.name}: not checked: {refusal}")
            failed = failed or bool(arguments.prefixes)
            continue
        checked += 1
        failed = failed or bool(wrong)
        print(f"{prefix.name}: {'DIFFERS from' if wrong else 'agrees with'} {file}, {facts} facts asked of it")
        for line in wrong:
            print(f"    {line}")
    if checked < arguments.require:
        print(f"{checked} interpreters checked, {arguments.require} required")
        failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
