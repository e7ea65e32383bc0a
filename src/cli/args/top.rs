//! What `leakspy top` takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum, value_parser};
use regex::Regex;

use super::{Format, OutputArgs, RowArgs, regex};
use crate::analysis::TrendSort;
use crate::cli::quantity;

pub(super) const EXAMPLES: &str = "\
Examples:
  leakspy top --pid 25867                      watch one process grow
  leakspy top --tree 25860                     a uWSGI or gunicorn master and its workers
  leakspy top -p 25867 --interval 10s --filter '^myapp'
  leakspy top -p 25867 --batch --iterations 3  plain blocks, as top -b writes them
  leakspy top -p 25867 --json --iterations 3   a line of JSON a look
  leakspy top -p 25867 -f csv -o looks.csv     rows for a spreadsheet

Growth, by which types are sorted first, is what came since the baseline and stayed. ? explains keys and columns.";

/// What `leakspy top` takes.
#[derive(Debug, ClapArgs)]
pub struct TopArgs {
    /// The process to watch; several with commas or by repeating it
    #[arg(short, long = "pid", value_name = "PID", value_delimiter = ',', value_parser = value_parser!(i32).range(1..))]
    pub pids: Vec<i32>,
    /// A process and all its descendants that are Python, as they come and go
    #[arg(long, value_name = "PID", conflicts_with = "pids", value_parser = value_parser!(i32).range(1..))]
    pub tree: Option<i32>,
    /// Look this often; stretched so that the process is held still less than 1% of the time
    #[arg(long, alias = "every", value_name = "DURATION", default_value = "2s", value_parser = interval)]
    pub interval: Duration,
    /// End after so many looks
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub iterations: Option<u64>,
    /// Print plain blocks; the way of it where standard output is no terminal, and with --json, csv or --output
    #[arg(long)]
    pub batch: bool,
    /// Sort by this, biggest first (type: by name)
    #[arg(long, value_name = "KEY", value_enum, default_value_t = TrendKey::Growth)]
    pub sort: TrendKey,
    /// Only types whose module.qualname this regular expression matches
    #[arg(long, value_name = "REGEX", value_parser = regex)]
    pub filter: Option<Regex>,
    /// Where looks go, and in what shape.
    #[command(flatten)]
    pub output: OutputArgs,
    /// How many types a look.
    #[command(flatten)]
    pub rows: RowArgs,
    /// Never stop the process; numbers may then be torn, and are marked as such
    #[arg(long)]
    pub nonblocking: bool,
    /// Stop the process for no longer than this at a look: then let it go, and read on without [default: 500ms]
    #[arg(long, value_name = "DURATION", value_parser = quantity::duration)]
    pub pause_budget: Option<Duration>,
    /// Memory that leakspy may use, such as 64MiB [default: what its cgroup and the host have left, less a reserve]
    #[arg(long, value_name = "SIZE", value_parser = quantity::size)]
    pub max_memory: Option<u64>,
    /// A layout of your own, in the format of python_offsets/
    #[arg(long, value_name = "FILE")]
    pub offsets: Option<PathBuf>,
}

/// What types are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TrendKey {
    /// What came since the baseline and stayed.
    Growth,
    /// Bytes since the baseline.
    Since,
    /// Bytes since the last look.
    Last,
    /// Bytes of all objects.
    Bytes,
    /// Live objects.
    Count,
    /// Name.
    Type,
}

impl TopArgs {
    /// The order of the types.
    #[must_use]
    pub fn order(&self) -> TrendSort {
        match self.sort {
            TrendKey::Growth => TrendSort::Growth,
            TrendKey::Since => TrendSort::Since,
            TrendKey::Last => TrendSort::Last,
            TrendKey::Bytes => TrendSort::Bytes,
            TrendKey::Count => TrendSort::Count,
            TrendKey::Type => TrendSort::Type,
        }
    }

    /// Is there to be no screen, even on a terminal?
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.batch || self.output.format() != Format::Table || self.output.file.is_some()
    }
}

/// An interval: not so short that it is none.
fn interval(text: &str) -> Result<Duration, String> {
    match quantity::duration(text)? {
        too_short if too_short < Duration::from_millis(50) => Err("must be 50ms or more".to_owned()),
        interval => Ok(interval),
    }
}
