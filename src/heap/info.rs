//! What is known of one target besides its objects: the answer of `leakspy info`. Holds facts only, finds none.

use serde::Serialize;

use crate::heap::{Capture, GenerationPoint};

/// A file that the target has mapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MappedFile {
    /// Its path as the target sees it; raw text of the target.
    pub path: String,
    /// Was it removed or replaced on disk since the target started?
    pub deleted: bool,
}

/// The target as an object of the operating system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProcessFacts {
    /// The process.
    pub pid: i32,
    /// Its command line; raw text of the target.
    pub command: String,
    /// What a server calls this process, `uwsgi worker` for one, where that can be told.
    pub role: Option<String>,
    /// The program.
    pub executable: Option<MappedFile>,
    /// The shared libpython; `None` where the interpreter is part of the program.
    pub library: Option<MappedFile>,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
    /// Threads of the operating system, Python's or not.
    pub threads: u64,
}

/// Where the offsets of one table of the layout came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayoutSource {
    /// The table: `object`, `dict_keys` …
    pub section: String,
    /// `python_offsets/3.13.toml`, `_Py_DebugOffsets` or the file given with `--offsets`.
    pub source: String,
}

/// One generation of the garbage collector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// `0`, `1`, `2` or `permanent` (`gc.freeze`).
    pub name: String,
    /// Objects on its list.
    pub objects: u64,
    /// `gc.get_count()` and `gc.get_stats()` of it; `None` for `permanent`, and where they could not be read.
    #[serde(flatten)]
    pub counters: Option<GenerationPoint>,
}

/// The garbage collector of one interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Collector {
    /// Which interpreter of the process; 0 is the main one.
    pub interpreter: u64,
    /// Was a collection under way when the heap was copied?
    pub collecting: bool,
    /// Youngest first.
    pub generations: Vec<Generation>,
}

/// What the heap holds, in sums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeapFacts {
    /// Live objects.
    pub objects: u64,
    /// Their sizes as `sys.getsizeof` gives them, in bytes.
    pub bytes: u64,
    /// How many of them the collector tracks.
    pub tracked: u64,
    /// Arenas of the small-object allocator; `None` where it has none.
    pub arenas: Option<u64>,
    /// What the arenas take up, in bytes.
    pub arena_bytes: Option<u64>,
}

/// What is known of one target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Info {
    /// Version, build and how the look went.
    pub capture: Capture,
    /// The process.
    pub process: ProcessFacts,
    /// Interpreters in the process, subinterpreters counted.
    pub interpreters: u64,
    /// Where each table of the layout came from, in the order of the tables.
    pub layout: Vec<LayoutSource>,
    /// What the heap holds.
    pub heap: HeapFacts,
    /// The collector of each interpreter.
    pub gc: Vec<Collector>,
}
