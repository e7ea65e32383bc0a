//! A series of looks ↔ a file of JSON lines, as `docs/formats.md` has it: one line a look, appended for as long as somebody
//! watches. Looks into no process and judges no series.

mod line;
mod read;
mod select;
mod write;

#[cfg(test)]
mod hostile;

pub use line::{Event, Line, Records};
pub use read::{Recording, older, read, read_from};
pub use select::Selection;
pub use write::{Error, Writer, Written};

/// Name and version of the format; keys and events may be added within it.
pub const SCHEMA: &str = "leakspy/record/1";

/// How every line begins, whatever its version.
const OPENING: &[u8] = b"{\"schema\":\"leakspy/record/";
