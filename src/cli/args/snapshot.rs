//! `leakspy snapshot`: what may be typed.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::shared::SourceArgs;

/// What `leakspy snapshot` takes.
#[derive(Debug, ClapArgs)]
pub struct SnapshotArgs {
    /// Where to look.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Write there, all or nothing, for you alone to read; - is standard output
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub file: PathBuf,
}
