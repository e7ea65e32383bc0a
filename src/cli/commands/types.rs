//! `leakspy types`: how many objects of each type, how many bytes.

use std::time::Instant;

use crate::analysis::histogram;
use crate::capture;
use crate::cli::args::{Format, SourceArgs, TypesArgs};
use crate::cli::output::Destination;
use crate::cli::source::{self, Look};
use crate::cli::{Exit, Failure, Refusal, Ui};
use crate::heap::{Capture, Census};
use crate::report::{csv, json, table};

/// Runs it.
///
/// # Errors
/// Why there is no answer.
pub fn run(args: &TypesArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Destination::of(args.output.file.as_deref())?;
    let (census, capture, look) = count(&args.source, ui)?;
    let found = histogram(&census, &args.histogram());

    let mut data = Vec::new();
    match args.output.format() {
        Format::Table => table::types(&mut data, &found, &capture, ui.look(&to)),
        Format::Json => json::types(&mut data, &found, &capture),
        Format::Csv => csv::types(&mut data, &found),
    }
    .map_err(Refusal::of_rendering)?;
    ui.deliver(&to, &data)?;

    source::tell(&capture, look.as_ref(), ui);
    Ok(Exit::Done)
}

/// A count alone needs no references: from a process it takes a fraction of the time and memory that a heap does.
fn count(source: &SourceArgs, ui: &mut Ui) -> Result<(Census, Capture, Option<Look>), Failure> {
    if source.snapshot.is_some() {
        let opened = source::open(source, "types", ui)?;
        return Ok((opened.heap.census(), opened.capture, opened.look));
    }
    let options = source::options(source, "types")?;
    let pid = options.pid;
    let started = Instant::now();
    let taken = ui
        .working(&format!("reading process {pid}"), || capture::take(&options))
        .map_err(|e| Refusal::of_look(&e, "types", pid))?;
    let look = Look { threads: taken.details.threads, nonblocking: options.nonblocking, started };
    Ok((taken.census, taken.capture, Some(look)))
}
