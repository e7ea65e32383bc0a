//! A process → the one that it was forked from, if that is still there and can be compared with it. Looks at neither heap.

use super::list;
use crate::process::{Process, ProcessError, find};

/// Why a process cannot be compared with its parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoParent {
    /// The parent is not to be seen from here: it is outside of this PID namespace, or the kernel.
    Unseen,
    /// It is not Python: it started this process rather than being what it was forked from, or it took over an orphan.
    NotPython {
        /// The parent.
        parent: i32,
        /// Its short name; raw text.
        comm: String,
    },
    /// It is Python, but one of them began another program since, if they ever were one.
    OtherProgram {
        /// The parent.
        parent: i32,
        /// Its command line; raw text.
        command: String,
    },
}

/// The parent of a process, or the process that was named as the one it was forked from: seen to run Python on what they
/// both began with. Where memory may not be read that is left to the look itself to say.
///
/// # Errors
/// The outer one where the process itself is gone, the inner one where there is nothing to compare it with.
pub fn forked_from(process: &Process, named: Option<i32>) -> Result<Result<i32, NoParent>, ProcessError> {
    let pid = match named {
        Some(pid) => pid,
        None => process.parent()?,
    };
    let Ok(parent) = Process::open(pid) else {
        return if named.is_some() { Process::open(pid).map(|_| Ok(pid)) } else { Ok(Err(NoParent::Unseen)) };
    };
    let (mark, own) = (parent.birthmark(), process.birthmark());
    if let (Some(mark), Some(own)) = (mark, own)
        && mark == own
    {
        return Ok(Ok(pid));
    }
    if list::version_of(pid).is_none() && !find::looks_like_python(&parent) {
        return Ok(Err(NoParent::NotPython { parent: pid, comm: parent.comm() }));
    }
    if mark.is_none() || own.is_none() {
        return Ok(Ok(pid));
    }
    Ok(Err(NoParent::OtherProgram { parent: pid, command: list::command(pid) }))
}

/// The children that a process forked and that run on as what it is, with their command lines.
#[must_use]
pub fn forks_of(process: &Process) -> Vec<(i32, String)> {
    let Some(mark) = process.birthmark() else { return Vec::new() };
    let is_fork = |pid: &i32| Process::open(*pid).ok().and_then(|child| child.birthmark()) == Some(mark);
    process.children().into_iter().filter(is_fork).map(|pid| (pid, list::command(pid))).collect()
}
