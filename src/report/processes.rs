//! One line of `leakspy ps`, the same in every format.

use serde::Serialize;

/// A Python process in sight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProcessRow {
    /// The process.
    pub pid: i32,
    /// Python's version; `None` where it could not be told.
    pub python: Option<String>,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
    /// Its command line; raw text of the target.
    pub command: String,
    /// What a server calls it: `uwsgi worker`, `gunicorn master` …
    pub role: Option<String>,
    /// May its memory be read from here?
    pub inspectable: bool,
    /// If not, what is missing.
    pub why: Option<String>,
}
