//! `leakspy types`: how many objects of each type, how many bytes.

use std::time::Instant;

use crate::analysis::histogram;
use crate::capture;
use crate::cli::args::{Format, TypesArgs};
use crate::cli::output::Destination;
use crate::cli::{Exit, Failure, Refusal, Ui, pause, source};
use crate::report::{csv, json, table};

/// Runs it.
///
/// # Errors
/// Why there is no answer.
pub fn run(args: &TypesArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Destination::of(args.output.file.as_deref())?;
    let options = source::options(&args.source, "types")?;
    let pid = options.pid;

    let started = Instant::now();
    let taken = ui
        .working(&format!("reading process {pid}"), || capture::take(&options))
        .map_err(|e| Refusal::of_look(&e, "types", pid))?;
    let found = histogram(&taken.census, &args.histogram());

    let mut data = Vec::new();
    match args.output.format() {
        Format::Table => table::types(&mut data, &found, &taken.capture, ui.look(&to)),
        Format::Json => json::types(&mut data, &found, &taken.capture),
        Format::Csv => csv::types(&mut data, &found),
    }
    .map_err(Refusal::of_rendering)?;
    ui.deliver(&to, &data)?;

    ui.say(&pause::line(&taken.capture, taken.details.threads, options.nonblocking, started.elapsed()));
    taken.capture.warnings.iter().for_each(|warning| ui.warn(warning));
    Ok(Exit::Done)
}
