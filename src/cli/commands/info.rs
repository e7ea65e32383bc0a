//! `leakspy info`: what is known of one process besides its objects.

use std::time::Instant;

use crate::capture;
use crate::cli::args::{Format, InfoArgs};
use crate::cli::output::Destination;
use crate::cli::{Exit, Failure, Refusal, Ui, pause, source};
use crate::report::{csv, json, table};

/// Runs it.
///
/// # Errors
/// Why there is no answer.
pub fn run(args: &InfoArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Destination::of(args.output.file.as_deref())?;
    if let Some(path) = &args.source.snapshot {
        let refusal = Refusal::new(
            Exit::Usage,
            format!("cannot tell more of the snapshot {}", path.display()),
            "it holds a heap, and what info says of its process was not kept",
        );
        return Err(refusal.help(format!("leakspy types --snapshot {}", path.display())).into());
    }
    let options = source::options(&args.source, "info")?;
    let pid = options.pid;

    let started = Instant::now();
    let info = ui
        .working(&format!("reading process {pid}"), || capture::inspect(&options))
        .map_err(|e| Refusal::of_look(&e, "info", pid))?;

    let mut data = Vec::new();
    match args.output.format() {
        Format::Table => table::info(&mut data, &info, ui.look(&to)),
        Format::Json => json::info(&mut data, &info),
        Format::Csv => csv::info(&mut data, &info),
    }
    .map_err(Refusal::of_rendering)?;
    ui.deliver(&to, &data)?;

    ui.say(&pause::line(&info.capture, info.process.threads, options.nonblocking, started.elapsed()));
    info.capture.warnings.iter().for_each(|warning| ui.warn(warning));
    Ok(Exit::Done)
}
