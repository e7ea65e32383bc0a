//! One file a command, all alike: open → analyse → render.

pub mod info;
pub mod ps;
pub mod snapshot;
pub mod types;
