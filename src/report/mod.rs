//! Findings → bytes, one file a format. Computes nothing: what is shown was found before.

pub mod chart;
pub mod csv;
pub mod dot;
pub mod grid;
pub mod json;
pub mod number;
pub mod processes;
pub mod table;
pub mod text;

pub use processes::ProcessRow;

/// What the reader of a table has in front of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Columns of the terminal; `None` where there is none, and lines may be as long as they like.
    pub width: Option<usize>,
    /// May bold and dim text be used? It never carries a meaning of its own.
    pub colour: bool,
}
