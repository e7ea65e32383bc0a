//! Which Python processes are here, and whether they may be inspected: the answer of `leakspy ps`.

use crate::cpython::locate;
use crate::memory::Live;
use crate::process::access::Gate;
use crate::process::{Process, find};

/// A process that is Python, or looks like it and cannot be asked.
#[derive(Debug, Clone)]
pub struct PythonProcess {
    /// Its PID.
    pub pid: i32,
    /// `3.11.7`; `None` where it may not be read.
    pub version: Option<String>,
    /// Resident memory, in bytes.
    pub rss: u64,
    /// Its command line; raw text of the target.
    pub command: String,
    /// `uwsgi worker` and the like, where it can be told.
    pub role: Option<String>,
    /// May it be inspected, and if not, why?
    pub access: Result<(), Gate>,
}

/// All Python processes in sight, by PID.
#[must_use]
pub fn list() -> Vec<PythonProcess> {
    let found = find::candidates(|process, regions| {
        locate::version_of(process.pid(), &Live::new(process.pid()), regions).map(|v| v.to_string())
    });
    found
        .into_iter()
        .map(|c| PythonProcess {
            pid: c.process.pid(),
            rss: c.rss_bytes,
            command: c.cmdline.join(" "),
            role: c.role.map(role),
            version: match &c.look {
                find::Look::Python(version) => Some(version.clone()),
                find::Look::Refused(_) => None,
            },
            access: match c.look {
                find::Look::Python(_) => Ok(()),
                find::Look::Refused(gate) => Err(gate),
            },
        })
        .collect()
}

/// A part in a server in words, `uwsgi worker`.
pub(super) fn role(role: find::Role) -> String {
    format!("{} {}", role.server, role.part)
}

/// The version of the Python in a process, if there is one.
pub(super) fn version_of(pid: i32) -> Option<String> {
    let regions = Process::open(pid).ok()?.regions().ok()?;
    locate::version_of(pid, &Live::new(pid), &regions).map(|v| v.to_string())
}

/// A process's command line in one line.
pub(super) fn command(pid: i32) -> String {
    Process::open(pid).map(|p| p.cmdline().join(" ")).unwrap_or_default()
}
