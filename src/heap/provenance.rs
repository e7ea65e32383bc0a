//! Where a heap came from and how far its numbers can be trusted: the `capture` object of every JSON answer.

use serde::{Deserialize, Serialize};

/// How the interpreter was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// `--with-pydebug`.
    pub debug: bool,
    /// `--disable-gil`.
    pub free_threaded: bool,
    /// `pymalloc`, `malloc`, `pymalloc_debug` …
    pub allocator: String,
}

/// Bytes in blocks that the interpreter's small-object allocator has handed out, against those that an object or a
/// buffer of an object accounts for. Blocks of dead objects that the interpreter keeps for reuse count as not handed out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub struct Coverage {
    /// Handed out, in bytes.
    pub used_bytes: u64,
    /// Accounted for, in bytes.
    pub explained_bytes: u64,
    /// `explained_bytes / used_bytes`; `None` where nothing was handed out (no pymalloc).
    pub ratio: Option<f64>,
}

/// Where the numbers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// `process`, `snapshot` or `core`.
    pub source: String,
    /// The process that was looked at.
    pub pid: Option<i32>,
    /// When that process started, RFC 3339 in UTC: with the PID it tells whether two looks were at the same process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// `3.11.7`.
    pub python: String,
    /// How the interpreter was built.
    pub build: Build,
    /// RFC 3339, UTC.
    pub taken_at: String,
    /// Was the target held still?
    pub frozen: bool,
    /// From the first thread's stop to the last thread's going on, tries included, in milliseconds; 0 where it was never held.
    pub pause_ms: f64,
    /// Was the whole heap copied at one instant? Not so with `--nonblocking` on a running target, nor where
    /// `--max-memory` made leakspy read it in pieces.
    pub one_instant: bool,
    /// Did the checks on GC lists and object headers hold?
    pub consistent: bool,
    /// How much of the allocator's blocks is explained.
    pub coverage: Coverage,
    /// Bytes copied from the target while it was held still (or read, where it was not).
    pub copied_bytes: u64,
    /// Objects left out as damaged or torn.
    pub skipped: u64,
    /// What a reader of the numbers should know.
    pub warnings: Vec<String>,
}
