//! What a heap holds, independent of any Python version and of where it was read.

pub mod census;
pub mod info;
pub mod provenance;

pub use census::{Census, SizeBasis, TypeTally};
pub use info::Info;
pub use provenance::{Build, Capture, Coverage};
