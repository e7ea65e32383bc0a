//! Why a look failed, sorted by what a person can do about it.

use crate::cpython::locate::{LocateError, Located};
use crate::cpython::offsets::{self, TableSource};
use crate::cpython::runtime::RuntimeError;
use crate::memory::{Fault, FaultKind, Regions};
use crate::process::access::{self, Gate};
use crate::process::freeze::FreezeError;
use crate::process::{Process, ProcessError, find};

/// Why there is no answer. The command line puts it into words and an exit code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel does not let us look.
    #[error(transparent)]
    Denied(Gate),
    /// It is not Python.
    #[error("process {pid} is not Python: {why}")]
    NotPython {
        /// The process.
        pid: i32,
        /// What was looked for.
        why: String,
        /// The series for which there is a layout.
        known: Vec<String>,
        /// Its descendants that are Python, with their command lines.
        python_children: Vec<(i32, String)>,
    },
    /// Python, but of a layout that is not known or that fails its checks.
    #[error("{message}")]
    UnknownLayout {
        /// What was tried.
        message: String,
    },
    /// There is no such process, or it went away.
    #[error("process {pid} is gone")]
    Gone {
        /// The process.
        pid: i32,
    },
    /// Another process has its PID now, or it became another program.
    #[error("process {pid} changed under the look")]
    Changed {
        /// The process.
        pid: i32,
    },
    /// Not even the reading in pieces fits the memory that may be used.
    #[error("{needed} bytes are needed and {left} may be used")]
    TooLarge {
        /// In bytes.
        needed: u64,
        /// In bytes.
        left: u64,
    },
    /// The user's layout file is wrong.
    #[error("{message}")]
    Offsets {
        /// Where and what.
        message: String,
    },
    /// Something of the operating system failed.
    #[error("{message}")]
    Io {
        /// What.
        message: String,
    },
}

/// Did the process end meanwhile? One that is ending keeps its PID for a while, but has no memory any more.
pub(super) fn is_gone(process: &Process) -> bool {
    let has_memory = |regions: Regions| regions.iter().next().is_some();
    !process.still_same() || !process.regions().is_ok_and(has_memory)
}

impl Error {
    /// This error, unless the process ended meanwhile: then that is the reason for it.
    pub(super) fn unless_gone(self, process: &Process) -> Error {
        if is_gone(process) { Error::Gone { pid: process.pid() } } else { self }
    }

    pub(super) fn not_python(process: &Process, why: &LocateError) -> Error {
        if is_gone(process) {
            return Error::Gone { pid: process.pid() };
        }
        if let LocateError::NoVersion { .. } | LocateError::OtherMachine { .. } = why {
            return Error::UnknownLayout { message: format!("{why}; known: {}", offsets::known()) };
        }
        let python_children = find::descendants(process.pid())
            .into_iter()
            .filter(|pid| super::list::version_of(*pid).is_some())
            .map(|pid| (pid, super::list::command(pid)))
            .collect();
        Error::NotPython {
            pid: process.pid(),
            why: why.to_string(),
            known: offsets::known().split(", ").map(str::to_owned).collect(),
            python_children,
        }
    }

    pub(super) fn layout_failed(
        process: &Process,
        located: &Located,
        sources: &[TableSource],
        why: &RuntimeError,
    ) -> Error {
        let message = format!(
            "Python {} (from {}) at {} does not match its layout, {}: {why}",
            located.version,
            located.version_from,
            located.path,
            sources.first().map_or("none", |table| table.source.as_str())
        );
        Error::UnknownLayout { message }.unless_gone(process)
    }

    pub(super) fn fault(process: &Process, fault: Fault) -> Error {
        let pid = process.pid();
        match fault.kind {
            FaultKind::Gone => Error::Gone { pid },
            FaultKind::Denied => Error::Denied(access::diagnose(pid)).unless_gone(process),
            FaultKind::Unmapped | FaultKind::Short => Error::Io { message: fault.to_string() }.unless_gone(process),
        }
    }
}

impl From<ProcessError> for Error {
    fn from(why: ProcessError) -> Error {
        match why {
            ProcessError::Refused(gate) => Error::Denied(gate),
            ProcessError::NoSuchProcess { pid } | ProcessError::Zombie { pid, .. } => Error::Gone { pid },
            ProcessError::Replaced { pid } => Error::Changed { pid },
            ProcessError::KernelThread { pid, .. } => {
                Error::NotPython { pid, why: why.to_string(), known: Vec::new(), python_children: Vec::new() }
            }
            ProcessError::Hidden { .. } | ProcessError::Thread { .. } | ProcessError::Io { .. } => {
                Error::Io { message: why.to_string() }
            }
        }
    }
}

impl From<FreezeError> for Error {
    fn from(why: FreezeError) -> Error {
        match why {
            FreezeError::Refused(gate) => Error::Denied(gate),
            FreezeError::Traced { pid, tracer } => Error::Denied(Gate::Traced { pid, tracer }),
            FreezeError::Gone { pid } => Error::Gone { pid },
            other => Error::Io { message: other.to_string() },
        }
    }
}
