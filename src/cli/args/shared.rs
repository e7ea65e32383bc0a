//! What several commands take: where to look, which objects, where the answer goes and how much of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum, value_parser};
use regex::Regex;

use crate::analysis::Wanted;
use crate::cli::quantity;

/// Rows of a table for people, unless they ask for others.
pub(super) const TABLE_ROWS: usize = 20;

/// Where to look, and how gently.
#[derive(Debug, ClapArgs)]
pub struct SourceArgs {
    /// The process to look into
    #[arg(short, long, value_name = "PID", value_parser = value_parser!(i32).range(1..))]
    pub pid: Option<i32>,
    /// A file that `leakspy snapshot` wrote, instead of a process
    #[arg(short, long, value_name = "FILE", conflicts_with = "pid")]
    pub snapshot: Option<PathBuf>,
    /// Never stop the process; numbers may then be torn, and are marked as such
    #[arg(long)]
    pub nonblocking: bool,
    /// Stop the process for no longer than this: then let it go, and read on without [default: 500ms]
    #[arg(long, value_name = "DURATION", value_parser = quantity::duration)]
    pub pause_budget: Option<Duration>,
    /// Memory that leakspy may use, such as 64MiB [default: what its cgroup and the host have left, less a reserve]
    #[arg(long, value_name = "SIZE", value_parser = quantity::size)]
    pub max_memory: Option<u64>,
    /// Show contents of strings, numbers, bytes and containers, cut short: show prints them and snapshot keeps them; the
    /// other answers have none
    #[arg(long)]
    pub values: bool,
    /// A layout of your own, in the format of python_offsets/
    #[arg(long, value_name = "FILE")]
    pub offsets: Option<PathBuf>,
}

/// Where the answer goes, and in what shape.
#[derive(Debug, ClapArgs)]
pub struct OutputArgs {
    /// The table is for people; JSON is the stable interface for programs
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Write there, all or nothing, instead of to standard output
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// How many rows.
#[derive(Debug, ClapArgs)]
pub struct RowArgs {
    /// Show so many rows, 0 for all [default: 20 in tables, all in JSON and CSV]
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
}

/// Objects, by their type.
#[derive(Debug, ClapArgs)]
pub struct TypeChoice {
    /// Objects of exactly this type: module.qualname, a glob such as 'app.*', or a name without its module
    #[arg(id = "of", long = "type", short = 't', value_name = "TYPE", conflicts_with = "filter")]
    pub of: Option<String>,
    /// Objects of the types whose module.qualname this regular expression matches
    #[arg(long, value_name = "REGEX", value_parser = regex)]
    pub filter: Option<Regex>,
}

/// How leakspy speaks.
#[derive(Debug, ClapArgs)]
pub struct Voice {
    /// When to use bold and dim text; NO_COLOR is honoured
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Auto, global = true, display_order = 900)]
    pub color: When,
    /// Say what is being done, on standard error; -vv says more
    #[arg(short, long, action = clap::ArgAction::Count, global = true, display_order = 901)]
    pub verbose: u8,
}

/// The shape of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl OutputArgs {
    /// The shape asked for, by whichever option.
    #[must_use]
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

impl RowArgs {
    /// At most so many rows; `None` for all.
    #[must_use]
    pub fn limit(&self, format: Format) -> Option<usize> {
        match self.limit {
            Some(0) => None,
            None if format == Format::Table => Some(TABLE_ROWS),
            limit => limit,
        }
    }
}

impl TypeChoice {
    /// Which objects are meant; all, where nothing was said.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        match (&self.of, &self.filter) {
            (Some(name), _) => Wanted::Type(name.clone()),
            (None, Some(regex)) => Wanted::Matching(regex.clone()),
            (None, None) => Wanted::All,
        }
    }
}

/// A regular expression, or the one line that says what is wrong with it.
pub(super) fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|e| {
        let drawn = e.to_string();
        drawn.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}
