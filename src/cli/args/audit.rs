//! `leakspy audit`: what may be typed.

use clap::Args as ClapArgs;

use super::shared::{OutputArgs, RowArgs, SourceArgs};

/// What `leakspy audit` takes.
#[derive(Debug, ClapArgs)]
pub struct AuditArgs {
    /// So many examples a type
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub examples: usize,
    /// Where to look.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Where the answer goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// How many rows.
    #[command(flatten)]
    pub rows: RowArgs,
}
