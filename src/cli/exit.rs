//! What an exit code of leakspy means; scripts and probes rely on it.

use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A threshold that the user set was crossed.
    Threshold = 1,
    /// Wrong usage.
    Usage = 2,
    /// Not permitted to look at the target.
    Denied = 3,
    /// Not a Python that leakspy knows.
    NotPython = 4,
    /// No such process, or it went away or changed under the look.
    Gone = 5,
    /// Some of several targets could not be read; what could is on standard output.
    Partial = 6,
    /// Interrupted.
    Interrupted = 130,
    /// Asked to end by SIGTERM, and did so in order.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
