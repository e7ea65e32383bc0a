//! What may be typed. Says nothing of what is then done.

mod diff;
mod growth;
mod plot;
mod record;
mod top;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum, value_parser};
use regex::Regex;

use crate::addr::Addr;
use crate::analysis::{
    FindOptions, FindSort, HistogramOptions, PathSort, PathsOptions, ReferrersOptions, Sample, Sort, Wanted,
};
use crate::cli::quantity;

pub use diff::DiffArgs;
pub use growth::{ChangeKey, GrowthArgs};
pub use plot::{PlotArgs, PlotFormat};
pub use record::RecordArgs;
pub use top::{TopArgs, TrendKey};

/// Rows of a table for people, unless they ask for others.
const TABLE_ROWS: usize = 20;

/// Rows below each row of a tree for people, unless they ask for others.
const TREE_ROWS: usize = 8;

/// Levels of a graph, and groups drawn in it, unless others are asked for.
const GRAPH_DEPTH: usize = 4;
const GRAPH_NODES: usize = 60;

const EXAMPLES: &str = "\
Examples:
  leakspy ps                                 which Python processes are here
  leakspy types --pid 25867                  what fills the heap of process 25867
  leakspy types -p 25867 --sort count -n 50  the 50 types with most objects
  leakspy types -p 25867 --filter '^myapp'   only types of myapp
  leakspy types -p 25867 --json -o heap.json everything, for a program
  leakspy types -p 25867 --nonblocking       never stop it, not for milliseconds
  leakspy top -p 25867                       the same live, with what grows first
  leakspy growth -p 25867 --times 5          what grows: five times, every 10 seconds
  leakspy record -p 25867 -o app.jsonl       a line each 10 s, until it ends: over night
  leakspy plot app.jsonl                     was it a leak, how fast, and which types carry it
  leakspy snapshot -p 25867 -o heap.parquet  keep the heap for later
  leakspy types -s heap.parquet              the same answer, from the file
  leakspy diff a.parquet b.parquet c.parquet what was made after the first and never let go, and who holds it
  leakspy find -p 25867 --type app.Timing    which objects: their addresses
  leakspy show -p 25867 0x7f01104e72c0       one object: its refcount, what it refers to, what refers to it
  leakspy referrers -p 25867 --type app.Timing --depth 4
                                             what holds these objects, and what holds that
  leakspy paths -p 25867 --type app.Timing   why these objects are alive: who holds them

The process is stopped for some milliseconds, copied, let go, and only then looked into. Nothing is loaded into it, and \
nothing is written to it.

Exit codes:
  0 done           3 not permitted                         6 partial
  1 over a limit   4 not a Python that leakspy knows     130 interrupted
  2 wrong usage    5 no such process, or it went away    143 terminated";

const FIND_EXAMPLES: &str = "\
Examples:
  leakspy find -p 25867 --type app.Timing                 their addresses
  leakspy find -p 25867 --type Timing                     the same, if only one type is called so
  leakspy find -p 25867 --type 'app.*' --largest -n 10    the 10 largest objects of app's types
  leakspy find -p 25867 --min-bytes 1MiB --largest        what is larger than 1 MiB
  leakspy find -p 25867 --filter '^app' --sample 5        5 of them, the same each time, spread over all

An address feeds the others: leakspy show -p 25867 ADDRESS";

const SHOW_EXAMPLES: &str = "\
Examples:
  leakspy show -p 25867 0x7f01104e72c0             one object, as leakspy find lists it
  leakspy show -p 25867 139642271694528            the same, as id() gives it
  leakspy show -p 25867 0x7f01104e72c0 --values    with contents
  leakspy show -p 25867 0x7f01104e72c0 -n 0        with all that it refers to and that refers to it

References that nothing found explains are <native>: C code holds them, or a place that leakspy does not read.";

const REFERRERS_EXAMPLES: &str = "\
Examples:
  leakspy referrers -p 25867 --type app.Timing              what refers to them, merged
  leakspy referrers -p 25867 --type app.Timing --depth 4    and what refers to that, as a tree
  leakspy referrers -p 25867 --address 0x7f01104e72c0       what refers to one object
  leakspy referrers -p 25867 --type app.Timing --format dot | dot -Tsvg > holders.svg

How references are merged: indices and numbers are [*]; string keys too where more than 8 of one type of holder lead to one \
object each. What is counted are references. An object is followed once, on the first level that it stands on.";

const PATHS_EXAMPLES: &str = "\
Examples:
  leakspy paths -p 25867 --type app.Timing              why these objects are alive
  leakspy paths -p 25867 --type app.Timing --top 3      and who else holds them, when the first holders are gone
  leakspy paths -p 25867 --filter '^app\\.models'         objects of several types
  leakspy paths -p 25867 --address 0x7f01104e72c0       one object
  leakspy paths -s heap.parquet -t app.Timing --json    from a file, for a program

How to read a path: app.Profiler.results[*] are the items of the list app.Profiler.results; [*] stands for every index or key, \
{*} for members of a set, › leads into a frame's variables, ⁺ says that the steps before it come again and again, <native> is C \
code. Each object is counted once, on its most telling way; further holders show when the first is taken away.";

const PLOT_EXAMPLES: &str = "\
Examples:
  leakspy plot night.jsonl                     the verdict and a chart
  leakspy plot night.jsonl -o night.svg        as a picture; -o night.png too
  leakspy plot night.jsonl --json              the verdict for programs
  leakspy plot night.jsonl --pid 25867 --since 2h

Verdicts: sawtooth (no trend: healthy), early explosion (filled after the start, then flat), surge (a jump tied to one moment), \
leak (a trend that nothing takes back), or too short to say. They are about the lower envelope: what was given back later does \
not count.";

/// Says what fills the heap of a running Python process and who keeps it alive, from outside.
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
    /// Watch a process's types grow, live
    #[command(after_help = top::EXAMPLES)]
    Top(TopArgs),
    /// List the Python processes here, and say whether they may be inspected
    Ps(PsArgs),
    /// Say what is known of one process: version, build, layout, heap, collector
    Info(InfoArgs),
    /// Say what grew between looks at one process, or since it was forked; with limits for CI and cron
    #[command(after_help = growth::EXAMPLES)]
    Growth(GrowthArgs),
    /// Write a process's heap into a file, for a look at it later or elsewhere
    Snapshot(SnapshotArgs),
    /// Compare two snapshots, or three: what changed, and what was made after the first and never let go
    #[command(after_help = diff::EXAMPLES)]
    Diff(DiffArgs),
    /// Find objects: their addresses, by type and size
    #[command(after_help = FIND_EXAMPLES)]
    Find(FindArgs),
    /// Show one object: type, size, refcount explained, what it refers to, what refers to it
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArgs),
    /// Say what refers to objects, merged; as a table, a tree or a graph
    #[command(after_help = REFERRERS_EXAMPLES)]
    Referrers(ReferrersArgs),
    /// Say why objects are alive: the ways from modules and threads to them, merged
    #[command(after_help = PATHS_EXAMPLES)]
    Paths(PathsArgs),
    /// Write a line a look into a file, for hours or days: memory, objects, the types that grow
    #[command(after_help = record::EXAMPLES)]
    Record(RecordArgs),
    /// Draw a recording, and say whether it is a leak
    #[command(after_help = PLOT_EXAMPLES)]
    Plot(PlotArgs),
    /// Compare refcounts with the references found, to judge leakspy by
    #[command(hide = true)]
    Audit(AuditArgs),
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

/// What `leakspy audit` takes.
#[derive(Debug, ClapArgs)]
pub struct AuditArgs {
    /// So many examples a type
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub examples: usize,
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

    fn command(line: &str) -> Result<Command, clap::Error> {
        Ok(Args::try_parse_from(format!("leakspy {line}").split_whitespace())?.command)
    }

    #[test]
    fn a_sample_is_shown_whole_and_a_tree_is_kept_short() {
        let find = |line: &str| match command(&format!("find -p 1 {line}")) {
            Ok(Command::Find(args)) => args.options(),
            other => panic!("{other:?}"),
        };
        assert_eq!(find("").limit, Some(20));
        assert_eq!(find("--sample 50").limit, None);
        assert_eq!(find("--sample 50 -n 3").limit, Some(3));
        assert_eq!(find("--largest").sort, FindSort::Bytes);
        let tree = |line: &str| match command(&format!("referrers -p 1 --type a.B {line}")) {
            Ok(Command::Referrers(args)) => (args.options().depth, args.options().limit),
            other => panic!("{other:?}"),
        };
        assert_eq!(tree(""), (1, Some(20)));
        assert_eq!(tree("--depth 3"), (3, Some(8)));
        assert_eq!(tree("--depth 3 --json"), (3, None));
        assert_eq!(tree("-f dot"), (4, None));
    }

    #[test]
    fn objects_are_named_in_one_way() {
        for (line, says) in [
            ("referrers -p 1", "required arguments were not provided"),
            ("referrers -p 1 --type a --address 0x10", "cannot be used with"),
            ("referrers -p 1 --filter a --type b", "cannot be used with"),
            ("referrers -p 1 --type a --depth 0", "0 is not in 1..=50"),
            ("find -p 1 --type a --filter b", "cannot be used with"),
            ("find -p 1 --largest --sort type", "cannot be used with"),
            ("find -p 1 --seed 3", "required arguments were not provided"),
            ("paths -p 1", "required arguments were not provided"),
            ("paths -p 1 --type a --sort size", "possible values: count, bytes, path"),
            ("show -p 1", "required arguments were not provided"),
            ("show -p 1 7fz", "expected an address"),
        ] {
            let error = command(line).expect_err(line);
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
