//! What `leakspy diff` takes.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use regex::Regex;

use super::{ChangeKey, OutputArgs, RowArgs, SourceArgs, regex};
use crate::analysis::{ChangeOptions, ChangeSort, PathSort, PathsOptions, types_called};

pub(super) const EXAMPLES: &str = "\
Examples:
  leakspy snapshot -p 25867 -o a.parquet; sleep 60; leakspy snapshot -p 25867 -o b.parquet; sleep 60
  leakspy diff a.parquet b.parquet               what changed by type, what is new and what is gone
  leakspy diff a.parquet --pid 25867             the same, with what is there now
  leakspy diff a.parquet b.parquet --pid 25867   what was made after the first look and never let go, and who holds it
  leakspy diff a.parquet b.parquet c.parquet --json -o leak.json

Of looks at different processes only the types are compared. Three looks must be at one process.";

/// What `leakspy diff` takes.
#[derive(Debug, ClapArgs)]
pub struct DiffArgs {
    /// Files that `leakspy snapshot` wrote, earliest first: two or three, or one less with --pid
    #[arg(value_name = "FILE", required = true, num_args = 1..=3)]
    pub files: Vec<PathBuf>,
    /// Only this type: module.qualname, a glob such as 'app.*', or a name without its module
    #[arg(long = "type", short = 't', value_name = "TYPE", conflicts_with = "filter", value_parser = types)]
    pub of: Option<Regex>,
    /// Only types whose module.qualname this regular expression matches
    #[arg(long, value_name = "REGEX", value_parser = regex)]
    pub filter: Option<Regex>,
    /// Sort by this, biggest first (type: by name)
    #[arg(long, value_name = "KEY", value_enum, default_value_t = ChangeKey::Bytes)]
    pub sort: ChangeKey,
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

impl DiffArgs {
    /// The types asked for; `None` for all.
    #[must_use]
    pub fn types(&self) -> Option<Regex> {
        self.filter.as_ref().or(self.of.as_ref()).cloned()
    }

    /// What is to be shown of the types.
    #[must_use]
    pub fn options(&self) -> ChangeOptions {
        let sort = match self.sort {
            ChangeKey::Bytes => ChangeSort::Bytes,
            ChangeKey::Count => ChangeSort::Count,
            ChangeKey::Type => ChangeSort::Type,
        };
        ChangeOptions { filter: self.types(), sort, limit: self.limit() }
    }

    /// What is to be shown of who holds the survivors.
    #[must_use]
    pub fn paths(&self) -> PathsOptions {
        let sort = match self.sort {
            ChangeKey::Bytes => PathSort::Bytes,
            ChangeKey::Count => PathSort::Count,
            ChangeKey::Type => PathSort::Text,
        };
        PathsOptions { sort, limit: self.limit(), top: 0 }
    }

    /// Rows of each list; `None` for all.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        self.rows.limit(self.output.format())
    }
}

fn types(name: &str) -> Result<Regex, String> {
    types_called(name).ok_or_else(|| "too long a name".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Command, parse};

    fn diff(line: &str) -> Result<DiffArgs, clap::Error> {
        match parse(&format!("diff {line}"))? {
            Command::Diff(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_to_three_files() {
        assert_eq!(diff("a b").expect("good").files.len(), 2);
        assert_eq!(diff("a b --pid 7").expect("good").source.pid, Some(7));
        for line in ["", "a b c d", "a b --sort rss", "a b --type x --filter y"] {
            assert_eq!(diff(line).expect_err(line).exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn a_type_is_named_in_full_by_its_end_or_by_a_glob() {
        let types = |of: &str| diff(&format!("a b --type {of}")).expect("good").types().expect("given");
        assert!(types("app.Session").is_match("app.Session") && !types("app.Session").is_match("app.SessionX"));
        assert!(types("Session").is_match("app.Session") && !types("Session").is_match("app.OldSession"));
        assert!(types("app.*").is_match("app.x.Y") && !types("app.*").is_match("other.Y"));
    }
}
