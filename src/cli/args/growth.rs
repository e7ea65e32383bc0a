//! What `leakspy growth` takes.

use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum, value_parser};
use regex::Regex;

use super::{OutputArgs, RowArgs, SourceArgs, regex};
use crate::analysis::{ChangeOptions, ChangeSort, Threshold};
use crate::cli::{quantity, threshold};

/// Types whose holders are told, unless a number is given.
const HELD: &str = "5";

pub(super) const EXAMPLES: &str = "\
Examples:
  leakspy growth -p 25867                           what grows within 10 seconds
  leakspy growth -p 25867 --every 30s --times 5     five times, and which types grew each time
  leakspy growth -p 25867 --times 5 --paths         and who holds those that grew most
  leakspy growth -p 25867 --since-fork              what a worker made since it was forked; nothing to wait for
  leakspy growth -p 25867 --every 5m --fail-on 'bytes>64MiB' --fail-on 'count(app.Session)>1000'
                                                    exit 1 past a limit, for CI and cron

A limit is [bytes|count|bytes_after|count_after|bytes_new|count_new][(TYPE)] > or >= NUMBER. bytes and count are growth since \
the first look, of the whole heap or of a type or glob; …_after is what is there in all, …_new what is new with --since-fork.";

/// What `leakspy growth` takes.
#[derive(Debug, ClapArgs)]
pub struct GrowthArgs {
    /// Look again after so long; later where the process would otherwise be held still for over 1 % of the time
    #[arg(long, value_name = "DURATION", value_parser = quantity::duration, default_value = "10s")]
    pub every: Duration,
    /// Compare so many times, 0 for until interrupted
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub times: u64,
    /// Do not wait: compare a forked worker with the process that it was forked from, object by object
    #[arg(long, conflicts_with_all = ["every", "times"])]
    pub since_fork: bool,
    /// With --since-fork: what it was forked from [default: its parent]
    #[arg(long, value_name = "PID", requires = "since_fork", value_parser = value_parser!(i32).range(1..))]
    pub parent: Option<i32>,
    /// Say who holds the types that grew most, so many of them: one more look, at all references
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = HELD)]
    pub paths: Option<usize>,
    /// Exit with 1 as soon as this is so: bytes>64MiB, count(app.Session)>1000, bytes_after(app.*)>=1GiB
    #[arg(long, value_name = "EXPR", value_parser = threshold::parse)]
    pub fail_on: Vec<Threshold>,
    /// Sort by this, the biggest grower first (type: by name)
    #[arg(long, value_name = "KEY", value_enum, default_value_t = ChangeKey::Bytes)]
    pub sort: ChangeKey,
    /// Only types whose module.qualname this regular expression matches
    #[arg(long, value_name = "REGEX", value_parser = regex)]
    pub filter: Option<Regex>,
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

/// What changes are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChangeKey {
    /// Bytes more than before, or of new objects.
    Bytes,
    /// Objects more than before, or new ones.
    Count,
    /// Name.
    Type,
}

impl GrowthArgs {
    /// What is to be shown of a comparison.
    #[must_use]
    pub fn options(&self) -> ChangeOptions {
        let sort = match (self.sort, self.since_fork) {
            (ChangeKey::Bytes, false) => ChangeSort::Bytes,
            (ChangeKey::Bytes, true) => ChangeSort::New,
            (ChangeKey::Count, false) => ChangeSort::Count,
            (ChangeKey::Count, true) => ChangeSort::CountNew,
            (ChangeKey::Type, _) => ChangeSort::Type,
        };
        ChangeOptions { filter: self.filter.clone(), sort, limit: self.rows.limit(self.output.format()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Command, parse};

    fn growth(line: &str) -> Result<GrowthArgs, clap::Error> {
        match parse(&format!("growth -p 1 {line}"))? {
            Command::Growth(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_comparison_after_ten_seconds_unless_told_otherwise() {
        let args = growth("").expect("good");
        assert_eq!((args.every, args.times, args.paths), (Duration::from_secs(10), 1, None));
        assert_eq!(growth("--paths").expect("good").paths, Some(5));
        assert_eq!(growth("--paths=2 --fail-on bytes>1M --fail-on count>3").expect("good").fail_on.len(), 2);
        assert_eq!(growth("--since-fork --sort count").expect("good").options().sort, ChangeSort::CountNew);
    }

    #[test]
    fn wrong_usage_says_what_is_wrong() {
        for (line, says) in [
            ("--since-fork --every 3s", "cannot be used with"),
            ("--since-fork --times 3", "cannot be used with"),
            ("--parent 3", "required arguments were not provided"),
            ("--fail-on rss>3", "count(app.Session)>1000"),
            ("--sort rss", "possible values: bytes, count, type"),
        ] {
            let error = growth(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(says), "{line}: {error}");
        }
    }
}
