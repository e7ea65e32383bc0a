//! `leakspy show`: what may be typed.

use clap::Args as ClapArgs;

use super::shared::{OutputArgs, RowArgs, SourceArgs};
use crate::addr::Addr;
use crate::cli::quantity;

pub(super) const EXAMPLES: &str = "\
Examples:
  leakspy show -p 25867 0x7f01104e72c0             one object, as leakspy find lists it
  leakspy show -p 25867 139642271694528            the same, as id() gives it
  leakspy show -p 25867 0x7f01104e72c0 --values    with contents
  leakspy show -p 25867 0x7f01104e72c0 -n 0        with all that it refers to and that refers to it

References that nothing found explains are <native>: C code holds them, or a place that leakspy does not read.";

/// What `leakspy show` takes.
#[derive(Debug, ClapArgs)]
pub struct ShowArgs {
    /// The object: 0x7f01104e72c0, or the number that id() gives
    #[arg(value_name = "ADDRESS", value_parser = quantity::address)]
    pub address: Addr,
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
