//! `leakspy ps`: what may be typed.

use clap::{Args as ClapArgs, ValueEnum};

use super::shared::{OutputArgs, RowArgs};

/// What `leakspy ps` takes.
#[derive(Debug, ClapArgs)]
pub struct PsArgs {
    /// Where the answer goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// How many rows.
    #[command(flatten)]
    pub rows: RowArgs,
    /// Sort by this: rss with the biggest first, pid with the smallest
    #[arg(long, value_name = "KEY", value_enum, default_value_t = ProcessKey::Rss)]
    pub sort: ProcessKey,
}

/// What processes are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProcessKey {
    /// Resident memory.
    Rss,
    /// Process id.
    Pid,
}
