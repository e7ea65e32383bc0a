//! `leakspy info`: what may be typed.

use clap::Args as ClapArgs;

use super::shared::{OutputArgs, SourceArgs};

/// What `leakspy info` takes.
#[derive(Debug, ClapArgs)]
pub struct InfoArgs {
    /// Where to look.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Where the answer goes.
    #[command(flatten)]
    pub output: OutputArgs,
}
