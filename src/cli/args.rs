//! What may be typed. Says nothing of what is then done.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum, value_parser};
use regex::Regex;

use crate::analysis::{HistogramOptions, Sort};
use crate::cli::quantity;

/// Rows of a table for people, unless they ask for others.
const TABLE_ROWS: usize = 20;

const EXAMPLES: &str = "\
Examples:
  leakspy ps                                 which Python processes are here
  leakspy types --pid 25867                  what fills the heap of process 25867
  leakspy types -p 25867 --sort count -n 50  the 50 types with most objects
  leakspy types -p 25867 --filter '^myapp'   only types of myapp
  leakspy types -p 25867 --json -o heap.json everything, for a program
  leakspy types -p 25867 --nonblocking       never stop it, not for milliseconds
  leakspy snapshot -p 25867 -o heap.parquet  keep the heap for later
  leakspy types -s heap.parquet              the same answer, from the file

The process is stopped for some milliseconds, copied, let go, and only then looked into. Nothing is loaded into it, and \
nothing is written to it.

Exit codes:
  0 done           3 not permitted                         6 partial
  1 over a limit   4 not a Python that leakspy knows     130 interrupted
  2 wrong usage    5 no such process, or it went away";

/// Says what fills the heap of a running Python process, from outside.
#[derive(Debug, Parser)]
#[command(name = "leakspy", version, after_help = EXAMPLES, max_term_width = 120)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How leakspy speaks.
    #[command(flatten)]
    pub voice: Voice,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Count a process's objects and their bytes, by type
    #[command(after_help = EXAMPLES)]
    Types(TypesArgs),
    /// List the Python processes here, and say whether they may be inspected
    Ps(PsArgs),
    /// Say what is known of one process: version, build, layout, heap, collector
    Info(InfoArgs),
    /// Write a process's heap into a file, for a look at it later or elsewhere
    Snapshot(SnapshotArgs),
}

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

/// What `leakspy ps` takes.
#[derive(Debug, ClapArgs)]
pub struct PsArgs {
    /// Where the answer goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// How many rows.
    #[command(flatten)]
    pub rows: RowArgs,
    /// Sort by this: rss with the biggest first, pid with the smallest
    #[arg(long, value_name = "KEY", value_enum, default_value_t = ProcessKey::Rss)]
    pub sort: ProcessKey,
}

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
    /// Stop the process for no longer than this: then let it go, and read on without
    #[arg(long, value_name = "DURATION", value_parser = quantity::duration, default_value = "500ms")]
    pub pause_budget: Duration,
    /// Memory that leakspy may use, such as 64MiB [default: what its cgroup and the host have left, less a reserve]
    #[arg(long, value_name = "SIZE", value_parser = quantity::size)]
    pub max_memory: Option<u64>,
    /// Show contents of strings, numbers and bytes where an answer has any (types and info have none)
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

/// What processes are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProcessKey {
    /// Resident memory.
    Rss,
    /// Process id.
    Pid,
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

/// A regular expression, or the one line that says what is wrong with it.
fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|e| {
        let drawn = e.to_string();
        drawn.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn types(line: &str) -> Result<TypesArgs, clap::Error> {
        let args = Args::try_parse_from(format!("leakspy types {line}").split_whitespace())?;
        match args.command {
            Command::Types(args) => Ok(args),
            other => panic!("not types: {other:?}"),
        }
    }

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn rows_depend_on_the_format_unless_given() {
        assert_eq!(types("-p 1").expect("good").histogram().limit, Some(20));
        assert_eq!(types("-p 1 --json").expect("good").histogram().limit, None);
        assert_eq!(types("-p 1 -f csv").expect("good").histogram().limit, None);
        assert_eq!(types("-p 1 -f csv -n 3").expect("good").histogram().limit, Some(3));
        assert_eq!(types("-p 1 -n 0").expect("good").histogram().limit, None);
    }

    #[test]
    fn wrong_usage_is_exit_2_and_says_what_is_wrong() {
        for (line, says) in [
            ("-p 0", "0 is not in"),
            ("-p x", "invalid digit"),
            ("--filter (", "unclosed group"),
            ("--max-memory lots", "expected a number of bytes"),
            ("--pause-budget 500", "expected a number and its unit"),
            ("--sort size", "possible values: bytes, count"),
            ("--json --format csv", "cannot be used with"),
            ("-p 1 --snapshot file", "cannot be used with"),
        ] {
            let error = types(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(says), "{line}: {error}");
        }
    }

    #[test]
    fn voice_may_be_given_on_either_side() {
        let before = Args::try_parse_from(["leakspy", "-vv", "--color", "never", "ps"]).expect("good");
        let after = Args::try_parse_from(["leakspy", "ps", "-v", "--color", "never", "-v"]).expect("good");
        assert_eq!((before.voice.verbose, before.voice.color), (2, When::Never));
        assert_eq!((after.voice.verbose, after.voice.color), (2, When::Never));
    }
}
