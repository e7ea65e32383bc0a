//! A process's mappings → where its Python lies: which module, which version, the addresses of a few globals.
//!
//! All from the target's memory, so that a deleted or replaced binary and another mount namespace make no difference;
//! the file is asked only for static symbols, and what follows can do without them. It reads no Python object.

use std::collections::HashMap;

use super::version::PyVersion;
use crate::addr::{Addr, AddrRange};
use crate::memory::{Memory, Regions};
use crate::process::symbols::{Module, ModuleFile, Symbol, Symbols, modules};

/// `EM_X86_64`.
const X86_64: u16 = 62;

/// Static variables of the interpreter that hold references, in one version or another.
const STATICS: [&str; 8] =
    ["method_cache", "Handlers", "garbage", "callbacks", "_filters", "_once_registry", "_default_action", "extensions"];

/// Where Python lies in a process.
#[derive(Debug, Clone)]
pub struct Located {
    /// Its version.
    pub version: PyVersion,
    /// How the version was found, in words.
    pub version_from: &'static str,
    /// The module that holds the interpreter, as in the maps.
    pub path: String,
    /// Is it a shared library (or linked into the executable)?
    pub shared: bool,
    /// Is it a debug build (`--with-pydebug`)?
    pub debug: bool,
    /// Addresses of globals.
    pub globals: Globals,
    /// The module's writable memory: statics and `.bss`.
    pub data: Vec<AddrRange>,
    /// Code and data of the interpreter and of its standard library's extensions, sorted.
    pub own_code: Vec<AddrRange>,
    /// Data of the program, where that is another module: it may hold copies of the interpreter's types.
    pub program_data: Vec<AddrRange>,
    /// Statics and `.bss` of the interpreter and of its standard library's extensions, to the byte, sorted.
    pub own_data: Vec<AddrRange>,
    /// Data of all modules, where static types of extensions lie, sorted.
    pub modules_data: Vec<AddrRange>,
}

/// Globals of the interpreter; those from `.dynsym` stay in stripped builds too.
#[derive(Debug, Clone, Default)]
pub struct Globals {
    /// `PyType_Type`.
    pub type_type: Addr,
    /// `PyUnicode_Type`.
    pub unicode_type: Addr,
    /// `PyBytes_Type`; `PyString_Type` in 2.7.
    pub bytes_type: Option<Addr>,
    /// `PyLong_Type`.
    pub long_type: Option<Addr>,
    /// `PyInt_Type`, 2.7 only.
    pub int_type: Option<Addr>,
    /// `PyFloat_Type`.
    pub float_type: Option<Addr>,
    /// `_PyRuntime`, 3.7 on.
    pub runtime: Option<Addr>,
    /// `_PyGC_generation0`: a pointer to the first generation, to 3.6.
    pub generation0: Option<Addr>,
    /// Static `arenas` of `Objects/obmalloc.c`, to 3.11: every candidate of that name.
    pub arenas: Vec<Addr>,
    /// Static `maxarenas`.
    pub maxarenas: Vec<Addr>,
    /// Static `interp_head`, to 3.6.
    pub interp_head: Vec<Addr>,
    /// Static `generation_stats` of `Modules/gcmodule.c`, in 3.6: every candidate.
    pub generation_stats: Vec<Symbol>,
    /// Other static variables, by name: every candidate.
    pub statics: HashMap<String, Vec<Symbol>>,
}

/// Why no Python was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// No mapped module exports `PyType_Type`.
    #[error("none of its {modules} mapped modules holds a Python interpreter")]
    NoPython {
        /// How many modules were asked.
        modules: usize,
    },
    /// There is an interpreter of another architecture.
    #[error("{path} holds a Python interpreter for another processor (ELF machine {machine}); known is x86_64")]
    OtherMachine {
        /// The module.
        path: String,
        /// `e_machine` of its ELF header.
        machine: u16,
    },
    /// There is an interpreter, but nothing tells its version.
    #[error("{path} holds a Python interpreter whose version could not be found")]
    NoVersion {
        /// The module.
        path: String,
    },
}

/// Finds the interpreter among the modules of a process.
///
/// # Errors
/// Where there is none, or its version cannot be found.
pub fn locate(pid: i32, mem: &dyn Memory, regions: &Regions) -> Result<Located, LocateError> {
    let mut modules = modules(regions);
    // Likely ones first: in a process with hundreds of libraries the first or second is it.
    modules.sort_by_key(|m| (!m.file_name().starts_with("libpython"), !m.file_name().contains("python"), m.base()));
    let (module, symbols) = modules
        .iter()
        .find_map(|module| {
            let symbols = Symbols::from_memory(mem, module).ok()?;
            exported(&|name| symbols.get(name))?;
            Some((module, symbols))
        })
        .ok_or(LocateError::NoPython { modules: modules.len() })?;
    // A program may hold copies of a library's objects, and then everyone uses those (R_X86_64_COPY).
    let program = modules.iter().find(|m| !m.file_name().contains(".so") && m.path != module.path);
    let copies = program.and_then(|m| Symbols::from_memory(mem, m).ok());
    let used = |name: &str| {
        let own = symbols.get(name)?;
        Some(copies.as_ref().and_then(|copies| copies.get(name)).unwrap_or(own))
    };
    let globals = exported(&used).ok_or(LocateError::NoPython { modules: modules.len() })?;
    if symbols.machine() != X86_64 {
        return Err(LocateError::OtherMachine { path: module.path.clone(), machine: symbols.machine() });
    }
    let data = writable(module);
    let (version, version_from) =
        version(pid, mem, &symbols, &data).ok_or_else(|| LocateError::NoVersion { path: module.path.clone() })?;
    let mut own_code: Vec<AddrRange> =
        modules.iter().filter(|m| m.path == module.path || is_standard(m)).flat_map(all).collect();
    own_code.sort();
    // Not as mapped: what the kernel merged with a .bss may be an arena.
    let extensions = modules.iter().filter(|m| m.path != module.path && is_standard(m));
    let extensions = extensions.filter_map(|m| Symbols::from_memory(mem, m).ok());
    let mut own_data: Vec<AddrRange> = symbols.data_ranges().to_vec();
    own_data.extend(extensions.chain(copies).flat_map(|s| s.data_ranges().to_vec()));
    own_data.sort();
    let exact = |module: &Module| match Symbols::from_memory(mem, module) {
        Ok(symbols) => symbols.data_ranges().to_vec(),
        Err(_) => writable(module),
    };
    let mut modules_data: Vec<AddrRange> = modules.iter().flat_map(exact).collect();
    modules_data.sort();
    Ok(Located {
        version,
        version_from,
        path: module.path.clone(),
        shared: module.file_name().contains(".so"),
        // compiled in debug builds only, all versions
        debug: symbols.get("_Py_NegativeRefcount").is_some(),
        globals: with_statics(globals, pid, mem, module),
        data,
        own_code,
        own_data,
        program_data: program.map(writable).unwrap_or_default(),
        modules_data,
    })
}

/// Quick question for a list of processes: is there a Python in it, and which?
#[must_use]
pub fn version_of(pid: i32, mem: &dyn Memory, regions: &Regions) -> Option<PyVersion> {
    let mut modules = modules(regions);
    modules.retain(|m| m.file_name().contains("python") || !m.file_name().contains(".so"));
    modules.iter().find_map(|module| {
        let symbols = Symbols::from_memory(mem, module).ok()?;
        exported(&|name| symbols.get(name))?;
        version(pid, mem, &symbols, &writable(module)).map(|(version, _)| version)
    })
}

fn exported(get: &dyn Fn(&str) -> Option<Addr>) -> Option<Globals> {
    get("_Py_NoneStruct")?;
    Some(Globals {
        type_type: get("PyType_Type")?,
        unicode_type: get("PyUnicode_Type")
            // 2.7 renames its API by the width of Py_UNICODE, but not this name
            .or_else(|| get("PyUnicodeUCS4_Type"))?,
        bytes_type: get("PyString_Type").or_else(|| get("PyBytes_Type")),
        long_type: get("PyLong_Type"),
        int_type: get("PyInt_Type"),
        float_type: get("PyFloat_Type"),
        runtime: get("_PyRuntime"),
        generation0: get("_PyGC_generation0"),
        ..Globals::default()
    })
}

fn with_statics(mut globals: Globals, pid: i32, mem: &dyn Memory, module: &Module) -> Globals {
    let Ok(file) = ModuleFile::open(pid, mem, module) else { return globals };
    let names = ["arenas", "maxarenas", "interp_head", "generation_stats"];
    let Ok(mut found) = file.static_symbols(&[&names[..], &STATICS].concat()) else { return globals };
    let mut take = |name| found.remove(name).unwrap_or_default().into_iter().map(|s| s.addr).collect();
    globals.arenas = take("arenas");
    globals.maxarenas = take("maxarenas");
    globals.interp_head = take("interp_head");
    globals.generation_stats = found.remove("generation_stats").unwrap_or_default();
    globals.statics = found;
    globals
}

fn version(pid: i32, mem: &dyn Memory, symbols: &Symbols<'_>, data: &[AddrRange]) -> Option<(PyVersion, &'static str)> {
    let hex = || {
        let mut bytes = [0; 4];
        mem.read(symbols.get("Py_Version")?, &mut bytes).ok()?;
        PyVersion::from_hex(u32::from_le_bytes(bytes))
    };
    hex()
        .map(|v| (v, "Py_Version"))
        .or_else(|| banner(mem, data).map(|v| (v, "the text of Py_GetVersion()")))
        .or_else(|| by_py_spy(pid).map(|v| (v, "py-spy")))
}

/// Looks for the static buffer of `Py_GetVersion()` (`Python/getversion.c`).
fn banner(mem: &dyn Memory, data: &[AddrRange]) -> Option<PyVersion> {
    data.iter().find_map(|range| {
        let len = usize::try_from(range.len().min(64 << 20)).ok()?;
        let view = mem.view(range.start, len).ok()?;
        let bytes = view.bytes();
        let starts = bytes.windows(2).enumerate().filter(|(_, w)| *w == b"2." || *w == b"3.");
        starts.filter_map(|(i, _)| PyVersion::from_banner(bytes.get(i..)?)).next()
    })
}

fn by_py_spy(pid: i32) -> Option<PyVersion> {
    let process = remoteprocess::Process::new(pid).ok()?;
    let info = py_spy::python_process_info::PythonProcessInfo::new(&process).ok()?;
    let version = py_spy::python_process_info::get_python_version(&info, &process).ok()?;
    let part = |n: u64| u8::try_from(n).ok();
    Some(PyVersion { major: part(version.major)?, minor: part(version.minor)?, micro: part(version.patch)? })
}

/// Is it an extension module of the standard library?
fn is_standard(module: &Module) -> bool {
    module.path.contains("/lib-dynload/")
}

fn all(module: &Module) -> Vec<AddrRange> {
    module.ranges.iter().map(|r| r.range).collect()
}

fn writable(module: &Module) -> Vec<AddrRange> {
    module.ranges.iter().filter(|r| r.read && r.write).map(|r| r.range).collect()
}
