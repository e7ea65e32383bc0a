//! Findings as tables for people: as wide as the terminal, biggest first. For programs there are JSON and CSV.

mod audit;
mod changes;
mod diff;
mod find;
mod growth;
mod info;
mod paths;
mod processes;
mod referrers;
mod show;
mod top;
mod types;

pub use audit::audit;
pub use changes::changes;
pub use diff::diff;
pub use find::find;
pub use growth::{growth, loaded, since_fork};
pub use info::info;
pub use paths::{held_by, paths};
pub use processes::processes;
pub use referrers::referrers;
pub use show::show;
pub use top::top;
pub use types::types;
