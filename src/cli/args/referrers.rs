//! `leakspy referrers`: what may be typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum, value_parser};

use super::shared::{SourceArgs, TABLE_ROWS, TypeChoice};
use crate::addr::Addr;
use crate::analysis::{ReferrersOptions, Wanted};
use crate::cli::quantity;

/// Rows below each row of a tree for people, unless they ask for others.
const TREE_ROWS: usize = 8;

/// Levels of a graph, and groups drawn in it, unless others are asked for.
const GRAPH_DEPTH: usize = 4;
const GRAPH_NODES: usize = 60;

pub(super) const EXAMPLES: &str = "\
Examples:
  leakspy referrers -p 25867 --type app.Timing              what refers to them, merged
  leakspy referrers -p 25867 --type app.Timing --depth 4    and what refers to that, as a tree
  leakspy referrers -p 25867 --address 0x7f01104e72c0       what refers to one object
  leakspy referrers -p 25867 --type app.Timing --format dot | dot -Tsvg > holders.svg

How references are merged: indices and numbers are [*]; string keys too where more than 8 of one type of holder lead to one \
object each. What is counted are references. An object is followed once, on the first level that it stands on.";

/// What `leakspy referrers` takes.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("objects").required(true).args(["of", "filter", "address"]))]
pub struct ReferrersArgs {
    /// Which objects, by type.
    #[command(flatten)]
    pub of: TypeChoice,
    /// The object at this address
    #[arg(long, value_name = "ADDRESS", value_parser = quantity::address)]
    pub address: Option<Addr>,
    /// So many levels: what refers to the objects, what refers to that … [default: 1, or 4 with --format dot]
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(1..=50))]
    pub depth: Option<u8>,
    /// With --format dot: draw so many groups at most, 0 for all [default: 60]
    #[arg(long, value_name = "N")]
    pub nodes: Option<usize>,
    /// Where to look.
    #[command(flatten)]
    pub source: SourceArgs,
    /// The table is for people; JSON is the stable interface for programs; dot is for Graphviz
    #[arg(short, long, value_enum, default_value_t = GraphFormat::Table)]
    pub format: GraphFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Write there, all or nothing, instead of to standard output
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Show so many rows below each, 0 for all [default: 20 in tables, 8 in trees, all in JSON, CSV and dot]
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
}

/// The shape of an answer that may be a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// For Graphviz.
    Dot,
}

impl ReferrersArgs {
    /// Which objects are meant.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        self.address.map_or_else(|| self.of.wanted(), Wanted::At)
    }

    /// The shape asked for, by whichever option.
    #[must_use]
    pub fn format(&self) -> GraphFormat {
        if self.json { GraphFormat::Json } else { self.format }
    }

    /// How far to look, and how much to tell.
    #[must_use]
    pub fn options(&self) -> ReferrersOptions {
        let format = self.format();
        let usual = if format == GraphFormat::Dot { GRAPH_DEPTH } else { 1 };
        let depth = self.depth.map_or(usual, usize::from);
        let limit = match self.limit {
            Some(0) => None,
            None if format == GraphFormat::Table => Some(if depth == 1 { TABLE_ROWS } else { TREE_ROWS }),
            limit => limit,
        };
        ReferrersOptions { depth, limit }
    }

    /// How many groups a graph may have.
    #[must_use]
    pub fn nodes(&self) -> usize {
        match self.nodes {
            Some(0) => usize::MAX,
            nodes => nodes.unwrap_or(GRAPH_NODES),
        }
    }
}
