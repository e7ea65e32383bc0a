//! What may be typed. Says nothing of what is then done.

mod audit;
mod diff;
mod find;
mod growth;
mod info;
mod paths;
mod plot;
mod ps;
mod record;
mod referrers;
mod shared;
mod show;
mod snapshot;
mod top;
mod types;

use clap::{Parser, Subcommand};

pub use audit::AuditArgs;
pub use diff::DiffArgs;
pub use find::{FindArgs, ObjectKey};
pub use growth::{ChangeKey, GrowthArgs};
pub use info::InfoArgs;
pub use paths::{PathKey, PathsArgs};
pub use plot::{PlotArgs, PlotFormat};
pub use ps::{ProcessKey, PsArgs};
pub use record::RecordArgs;
pub use referrers::{GraphFormat, ReferrersArgs};
use shared::regex;
pub use shared::{Format, OutputArgs, RowArgs, SourceArgs, TypeChoice, Voice, When};
pub use show::ShowArgs;
pub use snapshot::SnapshotArgs;
pub use top::{TopArgs, TrendKey};
pub use types::{TypeKey, TypesArgs};

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
    #[command(after_help = find::EXAMPLES)]
    Find(FindArgs),
    /// Show one object: type, size, refcount explained, what it refers to, what refers to it
    #[command(after_help = show::EXAMPLES)]
    Show(ShowArgs),
    /// Say what refers to objects, merged; as a table, a tree or a graph
    #[command(after_help = referrers::EXAMPLES)]
    Referrers(ReferrersArgs),
    /// Say why objects are alive: the ways from modules and threads to them, merged
    #[command(after_help = paths::EXAMPLES)]
    Paths(PathsArgs),
    /// Write a line a look into a file, for hours or days: memory, objects, the types that grow
    #[command(after_help = record::EXAMPLES)]
    Record(RecordArgs),
    /// Draw a recording, and say whether it is a leak
    #[command(after_help = plot::EXAMPLES)]
    Plot(PlotArgs),
    /// Compare refcounts with the references found, to judge leakspy by
    #[command(hide = true)]
    Audit(AuditArgs),
}

/// What was typed after `leakspy`, for tests.
#[cfg(test)]
fn parse(line: &str) -> Result<Command, clap::Error> {
    Ok(Args::try_parse_from(format!("leakspy {line}").split_whitespace())?.command)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::analysis::FindSort;

    fn types(line: &str) -> Result<TypesArgs, clap::Error> {
        match parse(&format!("types {line}"))? {
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
    fn a_sample_is_shown_whole_and_a_tree_is_kept_short() {
        let find = |line: &str| match parse(&format!("find -p 1 {line}")) {
            Ok(Command::Find(args)) => args.options(),
            other => panic!("{other:?}"),
        };
        assert_eq!(find("").limit, Some(20));
        assert_eq!(find("--sample 50").limit, None);
        assert_eq!(find("--sample 50 -n 3").limit, Some(3));
        assert_eq!(find("--largest").sort, FindSort::Bytes);
        let tree = |line: &str| match parse(&format!("referrers -p 1 --type a.B {line}")) {
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
            let error = parse(line).expect_err(line);
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
