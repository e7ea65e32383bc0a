//! Why bytes could not be read. Always carries the address.

use crate::addr::Addr;

/// A failed read of target memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {len} bytes at {addr}: {kind}")]
pub struct Fault {
    /// Where the read began.
    pub addr: Addr,
    /// How many bytes were wanted.
    pub len: u64,
    /// What stood in the way.
    pub kind: FaultKind,
}

/// What stood in the way of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// Nothing is mapped there, or it was not copied.
    #[error("not mapped")]
    Unmapped,
    /// Only a part of it is mapped.
    #[error("only a part is mapped")]
    Short,
    /// The kernel refused (EPERM, EACCES).
    #[error("not permitted")]
    Denied,
    /// The process is gone (ESRCH).
    #[error("the process is gone")]
    Gone,
}

impl Fault {
    /// A fault of this kind.
    #[must_use]
    pub fn new(addr: Addr, len: usize, kind: FaultKind) -> Self {
        Fault { addr, len: len as u64, kind }
    }
}
