//! `leakspy paths`: what may be typed.

use clap::{Args as ClapArgs, ValueEnum};

use super::shared::{OutputArgs, RowArgs, SourceArgs, TypeChoice};
use crate::addr::Addr;
use crate::analysis::{PathSort, PathsOptions, Wanted};
use crate::cli::quantity;

pub(super) const EXAMPLES: &str = "\
Examples:
  leakspy paths -p 25867 --type app.Timing              why these objects are alive
  leakspy paths -p 25867 --type app.Timing --top 3      and who else holds them, when the first holders are gone
  leakspy paths -p 25867 --filter '^app\\.models'         objects of several types
  leakspy paths -p 25867 --address 0x7f01104e72c0       one object
  leakspy paths -s heap.parquet -t app.Timing --json    from a file, for a program

How to read a path: app.Profiler.results[*] are the items of the list app.Profiler.results; [*] stands for every index or key, \
{*} for members of a set, › leads into a frame's variables, ⁺ says that the steps before it come again and again, <native> is C \
code. Each object is counted once, on its most telling way; further holders show when the first is taken away.";

/// What `leakspy paths` takes.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("objects").required(true).args(["of", "filter", "address"]))]
pub struct PathsArgs {
    /// Which objects, by type.
    #[command(flatten)]
    pub of: TypeChoice,
    /// The object at this address
    #[arg(long, value_name = "ADDRESS", value_parser = quantity::address)]
    pub address: Option<Addr>,
    /// Take away so many holders, one after the other, and say what would be freed and what still holds the rest
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub top: usize,
    /// Sort by this, biggest first (path: by text)
    #[arg(long, value_name = "KEY", value_enum, default_value_t = PathKey::Count)]
    pub sort: PathKey,
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

/// What paths are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PathKey {
    /// Objects.
    Count,
    /// Bytes of all objects.
    Bytes,
    /// Text.
    Path,
}

impl PathsArgs {
    /// Which objects are meant.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        self.address.map_or_else(|| self.of.wanted(), Wanted::At)
    }

    /// How they were named, for an answer that there are none.
    #[must_use]
    pub fn asked(&self) -> String {
        match (&self.of.of, &self.of.filter, self.address) {
            (Some(name), ..) => name.clone(),
            (None, Some(regex), _) => regex.to_string(),
            (None, None, address) => address.map_or_else(String::new, |at| at.to_string()),
        }
    }

    /// What is to be told.
    #[must_use]
    pub fn options(&self) -> PathsOptions {
        let sort = match self.sort {
            PathKey::Count => PathSort::Count,
            PathKey::Bytes => PathSort::Bytes,
            PathKey::Path => PathSort::Text,
        };
        PathsOptions { sort, limit: self.rows.limit(self.output.format()), top: self.top }
    }
}
