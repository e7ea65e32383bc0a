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
import struct
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
    "gc_generation": (None, "struct gc_generation", "head count"),
    "gc_generation_stats": (None, "struct gc_generation_stats", "collections collected uncollectable"),
    "gc_runtime": (
        None,
        "struct _gc_runtime_state",
        "generations permanent_generation generation0 generation_stats collecting garbage",
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
    # References from outside any object
    "interpreter_roots": (
        None,
        "PyInterpreterState|struct _is",
        "modules=imports.modules|modules modules_by_index=imports.modules_by_index|modules_by_index modules_reloading"
        " importlib=imports.importlib|importlib import_func=imports.import_func|import_func sysdict sysdict_copy"
        " builtins builtins_copy dict codec_search_path=codecs.search_path|codec_search_path"
        " codec_search_cache=codecs.search_cache|codec_search_cache"
        " codec_error_registry=codecs.error_registry|codec_error_registry before_forkers after_forkers_parent"
        " after_forkers_child audit_hooks warnings_filters=warnings.filters"
        " warnings_once_registry=warnings.once_registry warnings_default_action=warnings.default_action"
        " gc_garbage=gc.garbage gc_callbacks=gc.callbacks monitoring_callables monitoring_tool_names small_ints"
        " cached_objects callable_cache type_cache=types.type_cache|type_cache"
        " interned_strings=cached_objects.interned_strings|unicode.interned atexit_callbacks=atexit.callbacks"
        " atexit_ncallbacks=atexit.ncallbacks identifiers=unicode.ids.array identifiers_size=unicode.ids.size",
    ),
    "runtime_roots": (
        None,
        "_PyRuntimeState|struct pyruntimestate",
        "gc_garbage=gc.garbage gc_callbacks=gc.callbacks warnings_filters=warnings.filters"
        " warnings_once_registry=warnings.once_registry warnings_default_action=warnings.default_action"
        " signal_handlers=signals.handlers",
    ),
    "thread_roots": (
        None,
        "PyThreadState|struct _ts",
        "dict async_exc c_profileobj c_traceobj curexc_type curexc_value curexc_traceback current_exception exc_type"
        " exc_value exc_traceback exc_state_type=exc_state.exc_type exc_state_value=exc_state.exc_value"
        " exc_state_traceback=exc_state.exc_traceback context async_gen_firstiter async_gen_finalizer"
        " coroutine_wrapper previous_executor threading_local_key threading_local_sentinel",
    ),
    "atexit_callback": (None, "atexit_py_callback|atexit_callback", "func args kwargs"),
    "atexit_state": ("atexit", "atexitmodule_state", "callbacks=atexit_callbacks ncallbacks"),
    # Types
    "type": (
        None,
        "PyTypeObject",
        "tp_name tp_basicsize tp_itemsize tp_dealloc tp_getattro tp_traverse tp_flags tp_dict tp_mro tp_base tp_bases"
        " tp_dictoffset tp_weaklistoffset tp_members tp_methods tp_doc tp_subclasses tp_is_gc tp_cache tp_weaklist"
        " tp_new tp_alloc tp_free tp_init",
    ),
    "heap_type": (
        None,
        "PyHeapTypeObject",
        "ht_name ht_qualname ht_slots ht_cached_keys ht_module _ht_tpname _spec_cache",
    ),
    "tp_member": (None, "PyMemberDef|struct PyMemberDef", "name type offset flags"),
    "method_def": (None, "PyMethodDef|struct PyMethodDef", "ml_name ml_flags"),
    "module_def": (
        None,
        "PyModuleDef|struct PyModuleDef",
        "m_copy=m_base.m_copy m_name m_size m_methods m_traverse",
    ),
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
    "encoding_map": (None, "struct encoding_map", "count2 count3"),
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
        " co_code_adaptive co_linetable co_lnotab co_exceptiontable co_firstlineno _co_cached _co_code co_weakreflist",
    ),
    "code_cached": (None, "_PyCoCached", "_co_code _co_varnames _co_cellvars _co_freevars"),
    "code_lines": (None, "PyCodeObject", "co_firstlineno co_code_adaptive _co_firsttraceable co_flags"),
    "frame_lines": (None, "PyFrameObject", "f_lineno"),
    "code_extra": (None, "_PyCodeObjectExtra", "ce_size ce_extras"),
    "opcache": (None, "struct _PyOpcache|_PyOpcache", ""),
    "frame": (
        None,
        "PyFrameObject",
        "f_back f_code f_builtins f_globals f_locals f_valuestack f_stacktop f_stackdepth f_localsplus f_frame"
        " _f_frame_data f_trace f_lasti f_state f_executing f_gen f_exc_type f_exc_value f_exc_traceback"
        " f_extra_locals f_locals_cache",
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
        "gi_frame gi_code gi_iframe gi_frame_state gi_name gi_qualname gi_running gi_exc_state"
        " gi_origin_or_finalizer gi_hooks_inited",
    ),
    "coroutine": (None, "PyCoroObject", "cr_iframe cr_origin"),
    "async_generator": (None, "PyAsyncGenObject", "ag_iframe ag_finalizer ag_hooks_inited"),
    "exc_stack_item": (
        None,
        "_PyErr_StackItem|struct _err_stackitem",
        "exc_type exc_value exc_traceback previous_item",
    ),
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
    "element_iterator": ("_elementtree", "ElementIterObject", "parent_stack parent_stack_used"),
    "parent_locator": ("_elementtree", "ParentLocator", "parent"),
    "element_extra": ("_elementtree", "ElementObjectExtra", "length allocated children _children attrib"),
    "decimal": ("_decimal", "PyDecObject", "dec_flags=dec.flags dec_alloc=dec.alloc dec_data=dec.data data"),
    "product": ("itertools", "productobject", "pools"),
    "permutations": ("itertools", "permutationsobject", "pool r cycles indices"),
    "combinations": ("itertools", "combinationsobject", "pool r indices"),
    "cwr": ("itertools", "cwrobject", "pool r indices"),
    "tee_data": ("itertools", "teedataobject", "it numread nextlink values"),
    "pickler": (
        "_pickle",
        "PicklerObject|struct PicklerObject",
        "memo output_buffer persistent_id=persistent_id|pers_func dispatch_table reducer_override write fast_memo"
        " buffer_callback",
    ),
    "pdata": ("_pickle", "Pdata", "data length"),
    "memo_table": ("_pickle", "PyMemoTable", "mt_allocated mt_table"),
    "memo_entry": ("_pickle", "PyMemoEntry", "me_key me_value"),
    "unpickler": (
        "_pickle",
        "UnpicklerObject|struct UnpicklerObject",
        "memo memo_size marks marks_size input_line encoding errors stack buffer_obj=buffer.obj read readinto readline"
        " peek buffers persistent_load=persistent_load|pers_func",
    ),
    "stg_dict": (
        "_ctypes",
        "StgDictObject",
        "format ndim length ffi_type_pointer_elements=ffi_type_pointer.elements shape"
        " proto argtypes converters restype checker module",
    ),
    "stg_info": (
        "_ctypes",
        "StgInfo",
        "format ndim length ffi_type_pointer_elements=ffi_type_pointer.elements shape"
        " proto argtypes converters restype checker module",
    ),
    "cdata": ("_ctypes", "CDataObject|struct tagCDataObject", "b_ptr b_needsfree b_base b_size b_objects"),
    "mmap": ("mmap", "mmap_object", "data size_bytes=size"),
    "simple_queue": (
        "_queue",
        "simplequeueobject",
        "lst lst_pos buf_items=buf.items buf_items_cap=buf.items_cap buf_num_items=buf.num_items"
        " buf_get_idx=buf.get_idx buf_put_idx=buf.put_idx",
    ),
    "xml_parser": ("pyexpat", "xmlparseobject", "intern handlers"),
    "thread_local": (
        None,
        "localobject",
        "key args kw dummies wr_callback localdicts thread_watchdogs",
    ),
    "local_dummy": (None, "localdummyobject", "localdict weakreflist"),
    "hamt": (None, "PyHamtObject", "h_root"),
    "hamt_bitmap": (None, "PyHamtNode_Bitmap", "b_array"),
    "hamt_array": (None, "PyHamtNode_Array", "a_array"),
    "hamt_collision": (None, "PyHamtNode_Collision", "c_array"),
    "sre_template": (None, "TemplateObject", "literal items"),
    "zoneinfo": ("_zoneinfo", "PyZoneInfo_ZoneInfo", "_ttinfos num_ttinfos"),
    "ttinfo": ("_zoneinfo", "_ttinfo", "utcoff dstoff tzname"),
    "sqlite_connection": ("_sqlite3", "pysqlite_Connection", "trace_ctx progress_ctx authorizer_ctx"),
    "sqlite_callback": ("_sqlite3", "callback_context", "callable module"),
    "struct_sequence": (None, "PyStructSequence", "ob_item"),
    "parser_st": ("parser", "PyST_Object", "st_node=st_node|node"),
    "node": (None, "struct _node", "n_type n_str n_lineno n_nchildren n_child"),
    "datetime_time": ("_datetime", "PyDateTime_Time", "hastzinfo tzinfo"),
    "datetime_datetime": ("_datetime", "PyDateTime_DateTime", "hastzinfo tzinfo"),
    "datetime_base_time": ("_datetime", "PyDateTime_Time before tzinfo", ""),
    "datetime_base_datetime": ("_datetime", "PyDateTime_DateTime before tzinfo", ""),
    "method_caller": ("_operator", "methodcallerobject", "vectorcall_args vectorcall_kwnames"),
    "lru_cache": (
        "_functools",
        "lru_cache_object|struct lru_cache_object",
        "root func maxsize typed cache kwd_mark cache_info_type dict maxsize_object=maxsize_O lru_list_elem_type",
    ),
    "lru_list_elem": ("_functools", "struct lru_list_elem", "prev next hash key result"),
}

# The references that plain structs hold: the tp_names of the types that have such a struct -> where the struct is, as
# in SECTIONS, and all its members that hold a counted reference, those of the base struct included. `A|B`: two types;
# `A>B`: one that was called B before. Keys are what people see: the attribute that shows the very object, else the C
# member's name. `KEY=PATH?MEMBER` counts only where the struct has MEMBER too. Members that are no pointer to a struct
# are dropped (a `char *buf` that later became a `PyObject *buf`), and so are names that the version does not have. Left
# out on purpose: borrowed and weak members, types whose objects need more than this (python_offsets/README.md).
BASE_EXCEPTION = "args __dict__=dict notes __traceback__=traceback __context__=context __cause__=cause message"
DESCRIPTOR = (None, "PyDescrObject", "__objclass__=d_type __name__=d_name __qualname__=d_qualname")
CDATA = "_b_base_=b_base _objects=b_objects"
FUNCTION_AND_SOURCE = "func it"
REFERENCES = {
    # Functions' relatives, descriptors
    "cell": (None, "PyCellObject", "cell_contents=ob_ref"),
    "property": (
        None,
        "propertyobject|_PyPropertyObject",
        "fget=prop_get fset=prop_set fdel=prop_del __doc__=prop_doc prop_name",
    ),
    "staticmethod": (None, "staticmethod", "__func__=sm_callable __dict__=sm_dict"),
    "classmethod": (None, "classmethod", "__func__=cm_callable __dict__=cm_dict"),
    "super": (None, "superobject", "__thisclass__=type __self__=obj __self_class__=obj_type"),
    "method": (None, "PyMethodObject", "__func__=im_func __self__=im_self"),
    "instancemethod": (  # Python 3's is another: what PyInstanceMethod_New makes
        None,
        "PyInstanceMethodObject|PyMethodObject",
        "__func__=func|im_func __self__=im_self im_class",
    ),
    "builtin_function_or_method": (None, "PyCFunctionObject", "__self__=m_self __module__=m_module"),
    "builtin_method": (
        None,
        "PyCMethodObject",
        "__self__=func.m_self __module__=func.m_module mm_class",
    ),
    "getset_descriptor": DESCRIPTOR,
    "member_descriptor": DESCRIPTOR,
    "method_descriptor": DESCRIPTOR,
    "classmethod_descriptor": DESCRIPTOR,
    "wrapper_descriptor": DESCRIPTOR,
    "method-wrapper": (None, "wrapperobject", "__self__=self descr"),
    "mappingproxy>dictproxy": (None, "mappingproxyobject|proxyobject", "mapping=mapping|dict"),
    "types.SimpleNamespace": (None, "_PyNamespaceObject", "__dict__=ns_dict"),
    "classobj": (
        None,
        "PyClassObject",
        "__bases__=cl_bases __dict__=cl_dict __name__=cl_name cl_getattr cl_setattr cl_delattr",
    ),
    "instance": (None, "PyInstanceObject", "__class__=in_class __dict__=in_dict"),
    "traceback": (None, "PyTracebackObject|struct _traceback", "tb_next tb_frame"),
    "weakref.ReferenceType>weakref|weakref.ProxyType>weakproxy|weakref.CallableProxyType>weakcallableproxy": (
        None,
        "PyWeakReference|struct _PyWeakReference",
        "__callback__=wr_callback",
    ),
    "moduledef": (None, "PyModuleDef|struct PyModuleDef", "m_copy=m_base.m_copy"),
    "symtable entry": (
        None,
        "PySTEntryObject|struct _symtable_entry",
        "ste_id ste_symbols ste_name ste_varnames ste_children ste_directives ste_mangled_names",
    ),
    "_ast.AST|ast.AST": (None, "AST_object", "__dict__=dict"),
    "line_iterator": (None, "lineiterator", "li_code"),
    "positions_iterator": (None, "positionsiterator", "pi_code"),
    "FrameLocalsProxy": (None, "PyFrameLocalsProxyObject", "frame"),
    "InstructionSequence": (None, "_PyInstructionSequence", "s_nested"),
    "_abc._abc_data>_abc_data": (None, "_abc_data", "_abc_registry _abc_cache _abc_negative_cache"),
    # Values
    "slice": (None, "PySliceObject", "start stop step"),
    "range": (None, "rangeobject", "start stop step length"),
    "memoryview": (None, "PyMemoryViewObject", "mbuf base obj=view.obj?base"),  # Python 3's view.obj is a borrowed copy
    "managedbuffer": (None, "_PyManagedBufferObject", "obj=master.obj"),
    "_buffer_wrapper": (None, "PyBufferWrapper|struct _PyBufferWrapper", "mv obj"),
    "buffer": (None, "PyBufferObject", "b_base"),
    "pickle.PickleBuffer": (None, "PyPickleBufferObject", "obj=view.obj"),
    "file": (None, "PyFileObject", "name=f_name mode=f_mode encoding=f_encoding errors=f_errors"),
    # Exceptions: those with members of their own, the others have their base's
    "BaseException>exceptions.BaseException": (None, "PyBaseExceptionObject", BASE_EXCEPTION),
    "StopIteration": (None, "PyStopIterationObject", BASE_EXCEPTION + " value"),
    "SystemExit>exceptions.SystemExit": (None, "PySystemExitObject", BASE_EXCEPTION + " code"),
    "ImportError": (None, "PyImportErrorObject", BASE_EXCEPTION + " msg name path name_from"),
    "NameError": (None, "PyNameErrorObject", BASE_EXCEPTION + " name"),
    "AttributeError": (None, "PyAttributeErrorObject", BASE_EXCEPTION + " name obj"),
    "OSError|exceptions.EnvironmentError": (
        None,
        "PyOSErrorObject|PyEnvironmentErrorObject",
        BASE_EXCEPTION + " errno=myerrno strerror filename filename2",
    ),
    "SyntaxError|exceptions.SyntaxError": (
        None,
        "PySyntaxErrorObject",
        BASE_EXCEPTION + " msg filename lineno offset text end_lineno end_offset print_file_and_line",
    ),
    "UnicodeEncodeError|UnicodeDecodeError|UnicodeTranslateError"
    "|exceptions.UnicodeEncodeError|exceptions.UnicodeDecodeError|exceptions.UnicodeTranslateError": (
        None,
        "PyUnicodeErrorObject",
        BASE_EXCEPTION + " encoding object reason",
    ),
    "BaseExceptionGroup": (
        None,
        "PyBaseExceptionGroupObject",
        BASE_EXCEPTION + " message=msg exceptions=excs",
    ),
    # Views and iterators
    "dict_keys|dict_values|dict_items": (None, "_PyDictViewObject|dictviewobject", "dv_dict"),
    "dict_keyiterator|dict_valueiterator|dict_itemiterator"
    "|dict_reversekeyiterator|dict_reversevalueiterator|dict_reverseitemiterator"
    "|dictionary-keyiterator|dictionary-valueiterator|dictionary-itemiterator": (
        None,
        "dictiterobject",
        "di_dict di_result",
    ),
    "odict_iterator": (None, "odictiterobject", "di_odict di_current di_result"),
    "list_iterator|listiterator": (None, "listiterobject|_PyListIterObject", "it_seq"),
    "list_reverseiterator|listreverseiterator": (None, "listreviterobject", "it_seq"),
    "tuple_iterator|tupleiterator": (None, "tupleiterobject|_PyTupleIterObject", "it_seq"),
    "set_iterator|setiterator": (None, "setiterobject", "si_set"),
    "str_iterator|str_ascii_iterator": (None, "unicodeiterobject", "it_seq"),
    "bytes_iterator": (None, "striterobject", "it_seq"),
    "bytearray_iterator": (None, "bytesiterobject", "it_seq"),
    "memory_iterator": (None, "memoryiterobject", "it_seq"),
    "longrange_iterator": (None, "longrangeiterobject", "index start step len"),
    "iterator": (None, "seqiterobject", "it_seq"),
    "callable_iterator|callable-iterator": (None, "calliterobject", "it_callable it_sentinel"),
    "reversed": (None, "reversedobject", "seq"),
    "enumerate": (None, "enumobject", "en_sit en_result en_longindex"),
    "zip": (None, "zipobject", "ittuple result"),
    "map": (None, "mapobject", "iters func"),
    "filter": (None, "filterobject", FUNCTION_AND_SOURCE),
    "generic_alias_iterator": (None, "gaiterobject", "obj"),
    "fieldnameiterator": (None, "fieldnameiterobject", "str"),
    "formatteriterator": (None, "formatteriterobject", "str"),
    "keys|values|items": (None, "PyHamtIterator", "hi_obj"),
    "cmpwrapper": (None, "cmpwrapperobject", "func"),
    "sortwrapper": (None, "sortwrapperobject", "key value"),
    # Coroutines' helpers
    "coroutine_wrapper": (None, "PyCoroWrapper", "cw_coroutine"),
    "async_generator_asend": (None, "PyAsyncGenASend|struct PyAsyncGenASend", "ags_gen ags_sendval"),
    "async_generator_athrow": (None, "PyAsyncGenAThrow|struct PyAsyncGenAThrow", "agt_gen agt_args"),
    "async_generator_wrapped_value": (
        None,
        "_PyAsyncGenWrappedValue|struct _PyAsyncGenWrappedValue",
        "agw_val",
    ),
    "anext_awaitable": (None, "anextawaitableobject", "wrapped default_value"),
    "aiter_wrapper": (None, "PyAIterWrapper", "ags_aiter"),
    # Annotations
    "types.GenericAlias": (
        None,
        "gaobject",
        "__origin__=origin __args__=args __parameters__=parameters",
    ),
    "types.UnionType": (None, "unionobject", "__args__=args __parameters__=parameters"),
    "typing.TypeVar": (
        None,
        "typevarobject",
        "__name__=name __bound__=bound evaluate_bound __constraints__=constraints evaluate_constraints"
        " __default__=default_value evaluate_default",
    ),
    "typing.ParamSpec": (
        None,
        "paramspecobject",
        "__name__=name __bound__=bound __default__=default_value evaluate_default",
    ),
    "typing.TypeVarTuple": (
        None,
        "typevartupleobject",
        "__name__=name __default__=default_value evaluate_default",
    ),
    "typing.ParamSpecArgs|typing.ParamSpecKwargs": (None, "paramspecattrobject", "__origin__"),
    "typing.TypeAliasType": (
        None,
        "typealiasobject",
        "__name__=name __type_params__=type_params compute_value __value__=value __module__=module",
    ),
    # Context variables
    "_contextvars.Context>Context": (None, "PyContext|struct _pycontextobject", "ctx_prev ctx_vars"),
    "_contextvars.ContextVar>ContextVar": (
        None,
        "PyContextVar|struct _pycontextvarobject",
        "name=var_name default=var_default",
    ),
    "_contextvars.Token>Token": (
        None,
        "PyContextToken|struct _pycontexttokenobject",
        "var=tok_var old_value=tok_oldval tok_ctx",
    ),
    "hamt": (None, "PyHamtObject", "h_root"),
    # itertools, functools, operator, collections
    "itertools.accumulate": ("itertools", "accumulateobject", "total it func=binop initial"),
    "itertools.batched": ("itertools", "batchedobject", "it"),
    "itertools.chain": ("itertools", "chainobject", "source active"),
    "itertools.combinations": ("itertools", "combinationsobject", "pool result"),
    "itertools.combinations_with_replacement": ("itertools", "cwrobject", "pool result"),
    "itertools.compress": ("itertools", "compressobject", "data selectors"),
    "itertools.count": ("itertools", "countobject", "long_cnt long_step"),
    "itertools.cycle": ("itertools", "cycleobject", "it saved"),
    "itertools.dropwhile": ("itertools", "dropwhileobject", FUNCTION_AND_SOURCE),
    "itertools.takewhile": ("itertools", "takewhileobject", FUNCTION_AND_SOURCE),
    "itertools.starmap": ("itertools", "starmapobject", FUNCTION_AND_SOURCE),
    "itertools.filterfalse|itertools.ifilterfalse": (
        "itertools",
        "filterfalseobject|ifilterfalseobject",
        FUNCTION_AND_SOURCE,
    ),
    "itertools.ifilter": ("itertools", "ifilterobject", FUNCTION_AND_SOURCE),
    "itertools.groupby": ("itertools", "groupbyobject", "it keyfunc tgtkey currkey currvalue"),
    "itertools._grouper": ("itertools", "_grouperobject", "parent tgtkey"),
    "itertools.imap": ("itertools", "imapobject", "iters func"),
    "itertools.islice": ("itertools", "isliceobject", "it"),
    "itertools.izip": ("itertools", "izipobject", "ittuple result"),
    "itertools.zip_longest|itertools.izip_longest": (
        "itertools",
        "ziplongestobject|iziplongestobject",
        "ittuple result fillvalue",
    ),
    "itertools.pairwise": ("itertools", "pairwiseobject", "it old result"),
    "itertools.permutations": ("itertools", "permutationsobject", "pool result"),
    "itertools.product": ("itertools", "productobject", "pools result"),
    "itertools.repeat": ("itertools", "repeatobject", "element"),
    "itertools._tee>itertools.tee": ("itertools", "teeobject", "dataobj"),
    "functools.partial": ("_functools", "partialobject", "func=fn args keywords=kw __dict__=dict"),
    "functools.KeyWrapper": ("_functools", "keyobject", "cmp obj=object"),
    "operator.itemgetter": ("_operator", "itemgetterobject", "item"),
    "operator.attrgetter": ("_operator", "attrgetterobject", "attr"),
    "operator.methodcaller": ("_operator", "methodcallerobject", "name args=args|xargs kwds"),
    "collections.defaultdict": ("_collections", "defdictobject", "default_factory"),
    "_collections._tuplegetter|collections._tuplegetter": ("_collections", "_tuplegetterobject", "__doc__=doc"),
    "_collections._deque_iterator|_collections._deque_reverse_iterator|collections._deque_iterator"
    "|collections._deque_reverse_iterator|deque_iterator|deque_reverse_iterator": (
        "_collections",
        "dequeiterobject",
        "deque",
    ),
    # Files and streams
    "_io._IOBase": ("_io", "iobase", "__dict__=dict"),
    "_io.FileIO": ("_io", "fileio", "__dict__=dict"),
    "_io.BufferedReader|_io.BufferedWriter|_io.BufferedRandom": ("_io", "buffered", "raw __dict__=dict"),
    "_io.BufferedRWPair": ("_io", "rwpair", "reader writer __dict__=dict"),
    "_io.BytesIO": ("_io", "bytesio", "buf __dict__=dict"),
    "_io._BytesIOBuffer": ("_io", "bytesiobuf", "source"),
    "_io.StringIO": (
        "_io",
        "stringio",
        "decoder readnl writenl __dict__=dict accu_large=accu.large accu_small=accu.small writer_buffer=writer.buffer",
    ),
    "_io.TextIOWrapper": (
        "_io",
        "textio|struct textio",
        "buffer encoding encoder decoder readnl errors decoded_chars pending_bytes snapshot raw __dict__=dict",
    ),
    "_io.IncrementalNewlineDecoder": ("_io", "nldecoder_object|struct nldecoder_object", "decoder errors"),
    "cStringIO.StringI": ("cStringIO", "Iobject", "obj=pbuf.obj"),
    "bz2.BZ2File": ("_bz2", "BZ2FileObject", "file"),
    "posix.DirEntry": (None, "DirEntry", "name path stat lstat"),
    "posix.ScandirIterator": (None, "ScandirIterator", "path=path.object path_cleanup=path.cleanup"),
    "select.poll": ("select", "pollObject", "dict"),
    # Text, numbers, time
    "re.Pattern>_sre.SRE_Pattern": (None, "PatternObject", "pattern groupindex indexgroup"),
    "re.Match>_sre.SRE_Match": (None, "MatchObject", "string regs re=pattern"),
    "_sre.SRE_Scanner": (None, "ScannerObject", "pattern string=state.string buffer=state.buffer.obj"),
    "_json.Scanner": (
        "_json",
        "PyScannerObject",
        "object_hook object_pairs_hook=object_pairs_hook|pairs_hook parse_float parse_int parse_constant memo encoding"
        " strict",
    ),
    "_json.Encoder": (
        "_json",
        "PyEncoderObject",
        "markers default=defaultfn encoder indent key_separator item_separator sort_keys skipkeys",
    ),
    "_csv.reader": ("_csv", "ReaderObj", "input_iter dialect fields"),
    "_csv.writer": ("_csv", "WriterObj", "write=write|writeline dialect error_obj"),
    "_csv.Dialect": ("_csv", "DialectObj", "lineterminator"),
    "_struct.Struct>Struct": ("_struct", "PyStructObject", "s_format"),
    "_struct.unpack_iterator>unpack_iterator": ("_struct", "unpackiterobject", "so obj=buf.obj"),
    "_tokenize.TokenizerIter": (None, "tokenizeriterobject", "last_line"),
    "MultibyteCodec|_multibytecodec.MultibyteCodec": ("_multibytecodec", "MultibyteCodecObject", "cjk_module"),
    "MultibyteIncrementalEncoder|_multibytecodec.MultibyteIncrementalEncoder": (
        "_multibytecodec",
        "MultibyteIncrementalEncoderObject",
        "errors pending",
    ),
    "MultibyteIncrementalDecoder|_multibytecodec.MultibyteIncrementalDecoder": (
        "_multibytecodec",
        "MultibyteIncrementalDecoderObject",
        "errors",
    ),
    "MultibyteStreamReader|_multibytecodec.MultibyteStreamReader": (
        "_multibytecodec",
        "MultibyteStreamReaderObject",
        "errors stream",
    ),
    "MultibyteStreamWriter|_multibytecodec.MultibyteStreamWriter": (
        "_multibytecodec",
        "MultibyteStreamWriterObject",
        "errors pending stream",
    ),
    "decimal.Context": ("_decimal", "PyDecContextObject|struct PyDecContextObject", "traps flags"),
    "decimal.ContextManager": ("_decimal", "PyDecContextManagerObject", "local global"),
    "datetime.timezone": ("_datetime", "PyDateTime_TimeZone", "offset name"),
    "zoneinfo.ZoneInfo": (
        "_zoneinfo",
        "PyZoneInfo_ZoneInfo",
        "key file_repr std_utcoff=tzrule_after.std.utcoff std_dstoff=tzrule_after.std.dstoff"
        " std_tzname=tzrule_after.std.tzname dst_utcoff=tzrule_after.dst.utcoff dst_dstoff=tzrule_after.dst.dstoff"
        " dst_tzname=tzrule_after.dst.tzname",
    ),
    "array.arrayiterator>arrayiterator": ("array", "arrayiterobject", "ao"),
    # Compression and hashes
    "zlib.Compress|zlib.Decompress": ("zlib", "compobject", "unused_data unconsumed_tail zdict"),
    "zlib._ZlibDecompressor": ("zlib", "ZlibDecompressor", "zdict unused_data"),
    "_bz2.BZ2Decompressor|bz2.BZ2Decompressor": ("_bz2", "BZ2Decompressor|BZ2DecompObject", "unused_data"),
    "_lzma.LZMADecompressor": ("_lzma", "Decompressor", "unused_data"),
    "_hashlib.HASH": ("_hashlib", "EVPobject", "name"),
    # Pickles (Python 2's; the others' memo needs code) and XML
    "cPickle.Pickler": (
        "_pickle",
        "struct Picklerobject",
        "write file memo arg pers_func inst_pers_func dispatch_table fast_memo",
    ),
    "_pickle.PicklerMemoProxy": ("_pickle", "PicklerMemoProxyObject", "pickler"),
    "_pickle.UnpicklerMemoProxy": ("_pickle", "UnpicklerMemoProxyObject", "unpickler"),
    "cPickle.Unpickler": (
        "_pickle",
        "struct Unpicklerobject",
        "file readline read memo arg stack pers_func last_string find_class",
    ),
    "xml.etree.ElementTree.TreeBuilder>TreeBuilder": (
        "_elementtree",
        "TreeBuilderObject",
        "root this last last_for_tail data stack element_factory comment_factory pi_factory events events_append"
        " start_event_obj end_event_obj start_ns_event_obj end_ns_event_obj comment_event_obj pi_event_obj",
    ),
    "xml.etree.ElementTree.XMLParser>XMLParser": (
        "_elementtree",
        "XMLParserObject",
        "target entity names handle_xml handle_start_ns handle_end_ns handle_start handle_data handle_end"
        " handle_comment handle_pi handle_close handle_doctype elementtree_module",
    ),
    "_elementtree._element_iterator": ("_elementtree", "ElementIterObject", "root_element sought_tag"),
    "pyexpat.xmlparser": ("pyexpat", "xmlparseobject", "intern"),
    # asyncio, threads, sockets
    "_asyncio.Future": (
        "_asyncio",
        "FutureObj",
        "_loop=fut_loop fut_callback0 fut_context0 fut_callbacks _exception=fut_exception fut_exception_tb"
        " _result=fut_result _source_traceback=fut_source_tb _cancel_message=fut_cancel_msg fut_cancelled_exc"
        " cancelled_exc_type=fut_cancelled_exc_state.exc_type cancelled_exc_value=fut_cancelled_exc_state.exc_value"
        " cancelled_exc_traceback=fut_cancelled_exc_state.exc_traceback __dict__=dict",
    ),
    "_asyncio.Task": (
        "_asyncio",
        "TaskObj",
        "_loop=task_loop task_callback0 task_context0 task_callbacks _exception=task_exception task_exception_tb"
        " _result=task_result _source_traceback=task_source_tb _cancel_message=task_cancel_msg task_cancelled_exc"
        " cancelled_exc_type=task_cancelled_exc_state.exc_type cancelled_exc_value=task_cancelled_exc_state.exc_value"
        " cancelled_exc_traceback=task_cancelled_exc_state.exc_traceback __dict__=dict"
        " _fut_waiter=task_fut_waiter _coro=task_coro task_name task_context",
    ),
    "_asyncio.FutureIter": ("_asyncio", "futureiterobject|struct futureiterobject", "future"),
    "_asyncio.TaskStepMethWrapper>TaskStepMethWrapper": ("_asyncio", "TaskStepMethWrapper", "sw_task sw_arg"),
    "TaskWakeupMethWrapper": ("_asyncio", "TaskWakeupMethWrapper", "ww_task"),
    "_RunningLoopHolder": ("_asyncio", "PyRunningLoopHolder", "rl_loop"),
    "_thread._local>thread._local": (  # its dicts, one a thread, hang on the thread states
        None,
        "localobject",
        "key args kw dummies wr_callback localdicts thread_watchdogs",
    ),
    "_ssl._SSLContext": (
        "_ssl",
        "PySSLContext",
        "sni_callback=set_hostname|set_sni_cb _msg_callback=msg_cb keylog_filename psk_client_callback"
        " psk_server_callback",
    ),
    "_ssl._SSLSocket": (  # Socket and owner are references to weakref objects
        "_ssl",
        "PySSLSocket",
        "Socket ssl_sock context=ctx owner server_hostname exc_type exc_value exc_tb exc",
    ),
    "_ssl.SSLSession|_ssl.Session": ("_ssl", "PySSLSession", "ctx"),
    # sqlite3
    "sqlite3.Connection": (
        "_sqlite3",
        "pysqlite_Connection",
        "isolation_level statement_cache statements cursors blobs row_factory text_factory function_pinboard"
        " function_pinboard_trace_callback function_pinboard_progress_handler function_pinboard_authorizer_cb"
        " collations apsw_connection",
    ),
    "sqlite3.Cursor": (
        "_sqlite3",
        "pysqlite_Cursor",
        "connection description row_cast_map lastrowid row_factory statement next_row",
    ),
    "sqlite3.Statement": ("_sqlite3", "pysqlite_Statement", "sql"),
    "sqlite3.Row": ("_sqlite3", "pysqlite_Row|struct _Row", "data description"),
    "sqlite3.Blob": ("_sqlite3", "pysqlite_Blob", "connection"),
    "sqlite3.Cache": ("_sqlite3", "pysqlite_Cache", "mapping first"),  # factory is the connection, borrowed
    "sqlite3.Node>sqlite3Node": ("_sqlite3", "pysqlite_Node|struct _pysqlite_Node", "key data next"),
    # ctypes
    "_ctypes._CData": ("_ctypes", "CDataObject|struct tagCDataObject", CDATA),
    "_ctypes.CFuncPtr|_ctypes.PyCFuncPtr": (
        "_ctypes",
        "PyCFuncPtrObject",
        CDATA + " thunk callable converters argtypes restype checker errcheck paramflags",
    ),
    "_ctypes.CField": ("_ctypes", "CFieldObject", "proto"),
    "_ctypes.CThunkObject": ("_ctypes", "CThunkObject", "converters callable restype"),
    "_ctypes.CArgObject>CArgObject": ("_ctypes", "PyCArgObject|struct tagPyCArgObject", "_obj=obj"),
    "_ctypes.StructParam_Type": ("_ctypes", "StructParamObject", "keep"),
    "_ctypes.DictRemover": ("_ctypes", "DictRemoverObject", "key dict"),
    # The rest
    "_lsprof.Profiler": ("_lsprof", "ProfilerObject", "externalTimer missing"),
    "_hotshot.ProfilerType": ("_hotshot", "ProfilerObject", "filemap logfilename"),
    "_hotshot.LogReaderType": ("_hotshot", "LogReaderObject", "info"),
    "zipimport.zipimporter": (None, "ZipImporter|struct _zipimporter", "archive prefix _files=files"),
    "_curses_panel.panel>_curses_panel.curses panel": ("_curses_panel", "PyCursesPanelObject", "wo"),
    "_tkinter.Tcl_Obj": ("_tkinter", "PyTclObject", "string"),
    "_tkinter.tktimertoken>tktimertoken": ("_tkinter", "TkttObject", "func"),
    "_tkinter.tkapp>tkapp": ("_tkinter", "TkappObject", "trace"),
}

# Other file names a module had: Python 2's.
OLD_MODULE_NAMES = {"_datetime": "datetime", "_pickle": "cPickle", "_operator": "operator", "_bz2": "bz2"}

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
    answer = {"sections": {}, "references": {}}
    for module in [None, *modules]:
        gdb.execute("file " + modules.get(module, library), to_string=True)
        if module is None:
            answer["facts"] = read_facts()
            answer["debug_offsets"] = read_debug_offsets()
        for section, (home, types, members) in SECTIONS.items():
            if module == (home if home in modules else None):
                answer["sections"][section] = read_section(types, members)
        for names, (home, types, members) in REFERENCES.items():
            if module == (home if home in modules else None):
                answer["references"][names] = read_references(types, members)
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


def read_references(types, members):
    """Where in the first of the C types that exists the members are that point to an object: {key: offset}."""
    plain = " ".join(member.partition("?")[0] for member in members.split())
    conditions = {member.partition("=")[0]: member.partition("?")[2] for member in members.split() if "?" in member}
    found = read_section(types, " ".join([plain, *conditions.values()]))
    if not found:
        return {}
    ctype = next(ctype for ctype in definitions(found["c_type"]))
    wanted = [member.partition("=")[0] for member in plain.split()]
    places = {key: found["members"][key][0] for key in wanted if key in found["members"]}
    return {
        key: at
        for key, at in places.items()
        if points_to_struct(ctype, at) and conditions.get(key, key) in found["members"]
    }


def points_to_struct(ctype, at):
    """Whether the word at an offset is declared as a pointer to a struct, as `PyObject *` is and `char *` is not."""
    for field in ctype.fields():
        if not hasattr(field, "bitpos") or field.bitsize:
            continue
        inner, begins = field.type.strip_typedefs(), field.bitpos // 8
        if inner.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION) and begins <= at < begins + inner.sizeof:
            return points_to_struct(inner, at - begins)
        if begins == at and inner.code == gdb.TYPE_CODE_PTR:
            return inner.target().strip_typedefs().code == gdb.TYPE_CODE_STRUCT
    return False


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
    for module in sorted({module for module, _, _ in [*SECTIONS.values(), *REFERENCES.values()] if module}):
        names = {module, OLD_MODULE_NAMES.get(module, module)}
        files = [file for place in places for name in names for file in place.glob(f"{name}.*so")]
        if len(files) > 1:
            raise Refusal(f"{library}: several files for the module {module}: {', '.join(map(str, files))}")
        if files:
            modules[module] = str(files[0])
    return modules


def static_strings(file):
    """The short C strings that the data of an ELF file points to; the names of its types are among them.

    Relocations say what the words of a shared library will be; a static executable has them in place.
    """
    data = Path(file).read_bytes()
    segments_at, sections_at = struct.unpack_from("<QQ", data, 32)
    segment_size, segments, section_size, sections = struct.unpack_from("<HHHH", data, 54)
    loaded, targets = [], set()
    for i in range(segments):
        kind, _, at, address, _, size = struct.unpack_from("<IIQQQQ", data, segments_at + i * segment_size)
        if kind == 1:  # PT_LOAD
            loaded.append((address, at, size))
    for i in range(sections):
        _, kind, flags, _, at, size = struct.unpack_from("<IIQQQQ", data, sections_at + i * section_size)
        if kind == 4 and flags & 2:  # SHT_RELA, loaded
            relocations = struct.iter_unpack("<QQq", data[at : at + size])
            targets.update(addend for _, info, addend in relocations if info >> 32 == 0)
        elif kind == 1 and flags & 3 == 3:  # SHT_PROGBITS, loaded and writable
            targets.update(word for (word,) in struct.iter_unpack("<Q", data[at : at + size // 8 * 8]))
    strings = set()
    for target in targets:
        for address, at, size in loaded:
            if address <= target < address + size:
                begin = at + target - address
                strings.add(data[begin : begin + 100].partition(b"\0")[0].decode("latin-1"))
    return strings


def name_references(library, modules, found):
    """The references by tp_name, without the names that the file with the type does not have."""
    strings, named = {}, {}
    for names, members in found.items():
        home = REFERENCES[names][0]
        file = modules.get(home, library)
        if file not in strings:
            strings[file] = static_strings(file)
        for candidates in names.split("|"):
            name = next((name for name in candidates.split(">") if name in strings[file]), None)
            if name and members:
                named[name] = members
    return named


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
        "lines": choose(
            ("location-table", has("code", "co_code_adaptive")),
            ("line-table", has("code", "co_linetable")),
            ("lnotab-unsigned", has("int27")),
            otherwise="lnotab",
        ),
        "lasti": "units" if has("code", "co_linetable") else "bytes",
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
    return {
        "version": version,
        "source": source,
        "shape": shape_of(version, sections, facts),
        "references": name_references(str(library), find_modules(library), answer["references"]),
        "sections": sections,
    }


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
    lines += ["", "[references] # offsets of the members that hold a counted reference, by tp_name of the type"]
    for name, members in layout["references"].items():
        lines.append(f'"{name}" = {{ {", ".join(f"{key} = {at}" for key, at in members.items())} }}')
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
