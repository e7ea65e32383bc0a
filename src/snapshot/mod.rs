//! A heap and where it came from ↔ one Parquet file, a row an object, as `docs/formats.md` has it. Reads files of anyone's
//! making: what is wrong with one is an error, never a panic. Looks into no process.

mod bounds;
mod error;
mod file;
mod guard;
mod kind;
mod read;
mod schema;
mod thrift;
mod write;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod round_trip;

use crate::heap::{Capture, Heap};

pub use error::Error;
pub use file::save;
pub use read::read;
pub use schema::VERSION;
pub use write::write;

/// What a file holds.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The heap, with the numbers of objects and types that it had.
    pub heap: Heap,
    /// Where it came from; its `source` is `snapshot`.
    pub capture: Capture,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Size of the file, in bytes.
    pub bytes: u64,
    /// Rows.
    pub objects: u64,
    /// References in them.
    pub references: u64,
}
