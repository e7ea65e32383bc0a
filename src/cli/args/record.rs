//! What may be typed after `leakspy record`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, value_parser};

use crate::cli::quantity;

/// Shown below the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  leakspy record -p 25867 -o app.jsonl                    a line each 10 s, until it ends or Ctrl-C
  leakspy record -p 25867 -o app.jsonl --every 1m --for 12h
                                                          overnight
  leakspy record --tree 25867 -o app.jsonl                a server's master and its workers, as they come and go
  leakspy record -p 25867 -o app.jsonl --light            never stop it: the system's numbers and the collector's only
  leakspy record -p 25867 | jq -r '[.time, .rss_bytes, .objects] | @tsv'
                                                          lines to a pipe

A file that is there is appended to. Lines survive whatever ends leakspy; the end of the process is noted, and is no error.";

/// What `leakspy record` takes.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("processes").args(["pid", "tree"]))]
pub struct RecordArgs {
    /// The process to record; several with several --pid
    #[arg(short, long, value_name = "PID", value_parser = value_parser!(i32).range(1..))]
    pub pid: Vec<i32>,
    /// This process and its descendants, as they come and go: a server's master and its workers
    #[arg(long, value_name = "PID", value_parser = value_parser!(i32).range(1..))]
    pub tree: Option<i32>,
    /// Append to this file, for you alone to read; - is standard output [default: -]
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Look so often; more seldom where the process would be held still for 1 % of the time
    #[arg(long, value_name = "DURATION", value_parser = quantity::duration, default_value = "10s")]
    pub every: Duration,
    /// Stop after this time, such as 10m, 12h or 7d
    #[arg(long = "for", value_name = "DURATION", value_parser = quantity::duration)]
    pub long: Option<Duration>,
    /// Stop after so many looks
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub times: Option<u64>,
    /// Never stop the process, and count no objects: memory as the system has it, and the collector's counters
    #[arg(long)]
    pub light: bool,
    /// Tell so many types by bytes, and so many by growth; a type that was told goes on being told
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = types)]
    pub types: usize,
    /// FILE and the older FILE.1 that it becomes when half of this is full take no more than this together
    #[arg(long, value_name = "SIZE", value_parser = quantity::size, default_value = "1GiB")]
    pub max_file: u64,
    /// Never stop the process; numbers may then be torn, and are marked as such
    #[arg(long, conflicts_with = "light")]
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

/// A line has room for so many: readers take no more.
const MOST_TYPES: usize = 250;

fn types(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(many @ 0..=MOST_TYPES) => Ok(many),
        _ => Err(format!("expected a number from 0 to {MOST_TYPES}")),
    }
}
