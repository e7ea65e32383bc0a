//! What became of one process over time: a point a look. The model in which `record` writes, `plot` reads and `top` draws;
//! knows neither files nor charts.

use serde::{Deserialize, Serialize};

/// Memory of a process as the operating system counts it. What could not be read is `None`, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Resident memory (`VmRSS`), in bytes.
    pub rss_bytes: u64,
    /// Proportional set size: each shared page divided by how many share it, in bytes.
    pub pss_bytes: Option<u64>,
    /// Unique set size: pages that no other process has, in bytes.
    pub uss_bytes: Option<u64>,
    /// Swapped out (`VmSwap`), in bytes.
    pub swap_bytes: Option<u64>,
    /// What the memory cgroup of the process uses, file cache included, in bytes.
    pub cgroup_bytes: Option<u64>,
    /// The smallest limit of that cgroup and those above it, in bytes; `None` where there is none.
    pub cgroup_limit_bytes: Option<u64>,
}

/// One generation of the collector at one moment, summed over the interpreters of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GenerationPoint {
    /// `gc.get_count()` of this generation: allocations less deallocations for the youngest, else collections of the
    /// next younger one since its own last.
    pub count: u64,
    /// How often it was collected, as in `gc.get_stats()`; `None` where this Python does not tell.
    pub collections: Option<u64>,
    /// Objects freed by those collections, as in `gc.get_stats()`.
    pub collected: Option<u64>,
    /// Objects that they found unreachable and could not free.
    pub uncollectable: Option<u64>,
}

/// The objects of one type at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TypePoint {
    /// `module.qualname`; raw text of the target.
    #[serde(rename = "type")]
    pub name: String,
    /// Live objects.
    pub count: u64,
    /// Their sizes as `sys.getsizeof` gives them, in bytes.
    pub bytes: u64,
}

/// What the heap held at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HeapPoint {
    /// Live objects.
    pub objects: u64,
    /// Their sizes, in bytes.
    pub bytes: u64,
    /// The types with most bytes and those that grew most, by name.
    pub types: Vec<TypePoint>,
    /// For how long the process was held still, in milliseconds.
    pub pause_ms: f64,
    /// Was it held still all through the copy?
    pub frozen: bool,
    /// Did the checks hold?
    pub consistent: bool,
}

/// One look.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The process.
    pub pid: i32,
    /// Its memory.
    pub usage: Usage,
    /// The collector's generations, youngest first; empty where they could not be read.
    pub gc: Vec<GenerationPoint>,
    /// Its objects; `None` where only the operating system was asked.
    pub heap: Option<HeapPoint>,
}

/// One process, from its first look to its last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// The process.
    pub pid: i32,
    /// Its command line; raw text of the target.
    pub command: String,
    /// `3.11.7`.
    pub python: String,
    /// When it started, in milliseconds since 1970 UTC.
    pub started_ms: Option<i64>,
    /// The looks, in the order of their time.
    pub points: Vec<Point>,
    /// When it was seen to have ended, in milliseconds since 1970 UTC.
    pub ended_ms: Option<i64>,
}
