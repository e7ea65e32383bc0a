//! One file a command, all alike: open → analyse → render.

pub mod audit;
pub mod diff;
pub mod find;
pub mod growth;
pub mod info;
pub mod paths;
pub mod plot;
pub mod ps;
pub mod record;
pub mod referrers;
pub mod show;
pub mod snapshot;
pub mod top;
pub mod types;
