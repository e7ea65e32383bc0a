//! What `leakspy plot` takes.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum, value_parser};
use jiff::{SignedDuration, Timestamp};

use crate::cli::quantity;

pub(super) const EXAMPLES: &str = "\
Examples:
  leakspy plot night.jsonl                     the verdict and a chart
  leakspy plot night.jsonl -o night.svg        as a picture; -o night.png too
  leakspy plot night.jsonl --json              the verdict for programs
  leakspy plot night.jsonl --pid 25867 --since 2h

Verdicts: sawtooth (no trend: healthy), early explosion (filled after the start, then flat), surge (a jump tied to one moment), \
leak (a trend that nothing takes back), or too short to say. They are about the lower envelope: what was given back later does \
not count.";

/// What `leakspy plot` takes.
#[derive(Debug, ClapArgs)]
pub struct PlotArgs {
    /// What leakspy record wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only this process, and those before it that ran the same command line
    #[arg(short, long, value_name = "PID", value_parser = value_parser!(i32).range(1..))]
    pub pid: Option<i32>,
    /// Only looks from then on: 2026-11-21T14:00:00Z, or so long before the last look: 2h
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub since: Option<When>,
    /// Only looks until then
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub until: Option<When>,
    /// A chart for a terminal, a picture, or the verdict for programs [default: by the suffix of --output, else table]
    #[arg(short, long, value_enum)]
    pub format: Option<PlotFormat>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Write there, all or nothing; chart.svg and chart.png are pictures, verdict.json is for programs
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Charts of so many programs at most, those that grow first; 0 for all [default: 6, all in JSON]
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
}

/// The shape of a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlotFormat {
    /// For a terminal.
    Table,
    /// For programs.
    Json,
    /// A picture of lines.
    Svg,
    /// A picture of pixels.
    Png,
}

/// A moment of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In milliseconds since 1970.
    At(i64),
    /// So many milliseconds before the last look.
    Before(i64),
}

impl When {
    /// In milliseconds since 1970, of a recording that ends then.
    #[must_use]
    pub fn at(self, end: i64) -> i64 {
        match self {
            When::At(at) => at,
            When::Before(long) => end.saturating_sub(long),
        }
    }
}

impl PlotArgs {
    /// The shape asked for, by whichever option, or by the name of the file.
    #[must_use]
    pub fn format(&self) -> PlotFormat {
        let suffix = self.output.as_ref().and_then(|path| path.extension()).and_then(|suffix| suffix.to_str());
        match (self.json, self.format, suffix.map(str::to_ascii_lowercase).as_deref()) {
            (true, ..) => PlotFormat::Json,
            (_, Some(format), _) => format,
            (_, _, Some("svg")) => PlotFormat::Svg,
            (_, _, Some("png")) => PlotFormat::Png,
            (_, _, Some("json")) => PlotFormat::Json,
            _ => PlotFormat::Table,
        }
    }

    /// At most so many programs; `None` for all.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        match self.limit {
            Some(0) => None,
            None if self.format() == PlotFormat::Json => None,
            limit => Some(limit.unwrap_or(6)),
        }
    }
}

fn when(text: &str) -> Result<When, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(When::At(at.as_millisecond()));
    }
    let long = quantity::duration(text)
        .map_err(|_| "expected a moment (2026-11-21T14:00:00Z) or how long before the last look (2h)".to_owned())?;
    let long = SignedDuration::try_from(long).map_err(|e| e.to_string())?;
    Ok(When::Before(i64::try_from(long.as_millis()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Command, parse};

    fn plot(line: &str) -> PlotArgs {
        match parse(&format!("plot {line}")).expect("good") {
            Command::Plot(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_suffix_says_what_to_draw_unless_the_format_does() {
        for (line, format) in [
            ("f", PlotFormat::Table),
            ("f -o a.svg", PlotFormat::Svg),
            ("f -o a.PNG", PlotFormat::Png),
            ("f -o a.json", PlotFormat::Json),
            ("f -o a.svg --json", PlotFormat::Json),
            ("f -o - --format png", PlotFormat::Png),
        ] {
            assert_eq!(plot(line).format(), format, "{line}");
        }
        assert_eq!((plot("f").limit(), plot("f --json").limit(), plot("f -n 0").limit()), (Some(6), None, None));
    }

    #[test]
    fn moments_are_absolute_or_before_the_last_look() {
        assert_eq!(plot("f --since 1970-01-01T00:00:02Z").since, Some(When::At(2000)));
        assert_eq!(plot("f --since 2s").since.map(|when| when.at(5000)), Some(3000));
        assert!(parse("plot f --until noon").is_err());
    }
}
