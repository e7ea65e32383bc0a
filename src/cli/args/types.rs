//! `leakspy types`: what may be typed.

use clap::{Args as ClapArgs, ValueEnum};
use regex::Regex;

use super::shared::{OutputArgs, RowArgs, SourceArgs, regex};
use crate::analysis::{HistogramOptions, Sort};

/// What `leakspy types` takes.
#[derive(Debug, ClapArgs)]
pub struct TypesArgs {
    /// Where to look.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Where the answer goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// How many rows.
    #[command(flatten)]
    pub rows: RowArgs,
    /// Sort by this, biggest first (type: by name)
    #[arg(long, value_name = "KEY", value_enum, default_value_t = TypeKey::Bytes)]
    pub sort: TypeKey,
    /// Only types whose module.qualname this regular expression matches
    #[arg(long, value_name = "REGEX", value_parser = regex)]
    pub filter: Option<Regex>,
}

/// What types are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TypeKey {
    /// Bytes of all objects.
    Bytes,
    /// Live objects.
    Count,
    /// Objects that the collector tracks.
    Tracked,
    /// Bytes an object.
    Average,
    /// Name.
    Type,
}

impl TypesArgs {
    /// What the histogram is to show.
    #[must_use]
    pub fn histogram(&self) -> HistogramOptions {
        let sort = match self.sort {
            TypeKey::Bytes => Sort::Bytes,
            TypeKey::Count => Sort::Count,
            TypeKey::Tracked => Sort::Tracked,
            TypeKey::Average => Sort::Average,
            TypeKey::Type => Sort::Type,
        };
        HistogramOptions { filter: self.filter.clone(), sort, limit: self.rows.limit(self.output.format()) }
    }
}
