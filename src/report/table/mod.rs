//! Findings as tables for people: as wide as the terminal, biggest first. For programs there are JSON and CSV.

mod info;
mod processes;
mod types;

pub use info::info;
pub use processes::processes;
pub use types::types;
