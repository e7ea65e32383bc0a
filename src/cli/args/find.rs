//! `leakspy find`: what may be typed.

use clap::{Args as ClapArgs, ValueEnum};

use super::shared::{OutputArgs, RowArgs, SourceArgs, TypeChoice};
use crate::analysis::{FindOptions, FindSort, Sample};
use crate::cli::quantity;

pub(super) const EXAMPLES: &str = "\
Examples:
  leakspy find -p 25867 --type app.Timing                 their addresses
  leakspy find -p 25867 --type Timing                     the same, if only one type is called so
  leakspy find -p 25867 --type 'app.*' --largest -n 10    the 10 largest objects of app's types
  leakspy find -p 25867 --min-bytes 1MiB --largest        what is larger than 1 MiB
  leakspy find -p 25867 --filter '^app' --sample 5        5 of them, the same each time, spread over all

An address feeds the others: leakspy show -p 25867 ADDRESS";

/// What `leakspy find` takes.
#[derive(Debug, ClapArgs)]
pub struct FindArgs {
    /// Which objects.
    #[command(flatten)]
    pub of: TypeChoice,
    /// Only objects of at least this size, such as 1MiB
    #[arg(long, value_name = "SIZE", value_parser = quantity::size)]
    pub min_bytes: Option<u64>,
    /// The largest first: the same as --sort bytes
    #[arg(long, conflicts_with = "sort")]
    pub largest: bool,
    /// Only so many, picked evenly from all that match; the same ones each time
    #[arg(long, value_name = "N")]
    pub sample: Option<usize>,
    /// With --sample: another number picks others
    #[arg(long, value_name = "N", default_value_t = 0, requires = "sample")]
    pub seed: u64,
    /// Sort by this, biggest first (address: lowest first; type: by name)
    #[arg(long, value_name = "KEY", value_enum, default_value_t = ObjectKey::Address)]
    pub sort: ObjectKey,
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

/// What objects are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ObjectKey {
    /// Address.
    Address,
    /// Size.
    Bytes,
    /// Refcount.
    Refcount,
    /// Type.
    Type,
}

impl FindArgs {
    /// What is to be listed. A sample that was asked for is shown whole, unless a limit was asked for too.
    #[must_use]
    pub fn options(&self) -> FindOptions {
        let sort = match self.sort {
            _ if self.largest => FindSort::Bytes,
            ObjectKey::Address => FindSort::Address,
            ObjectKey::Bytes => FindSort::Bytes,
            ObjectKey::Refcount => FindSort::Refcount,
            ObjectKey::Type => FindSort::Type,
        };
        let limit = match (self.sample, self.rows.limit) {
            (Some(_), None) => None,
            _ => self.rows.limit(self.output.format()),
        };
        let sample = self.sample.map(|of| Sample { of, seed: self.seed });
        FindOptions { min_bytes: self.min_bytes.unwrap_or(0), sort, sample, limit }
    }
}
