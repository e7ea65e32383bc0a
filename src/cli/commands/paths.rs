//! `leakspy paths`: why are these objects alive.

use crate::analysis::paths;
use crate::cli::args::{Format, PathsArgs};
use crate::cli::output::Destination;
use crate::cli::{Exit, Failure, Refusal, Ui, choice, source};
use crate::report::{csv, json, table};

/// Runs it.
///
/// # Errors
/// Why there is no answer; that there is no such object is one.
pub fn run(args: &PathsArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Destination::of(args.output.file.as_deref())?;
    let opened = source::open(&args.source, "paths", ui)?;
    let (heap, capture) = (&opened.heap, &opened.capture);
    let selected = choice::choose(heap, &args.wanted(), &args.source, ui)?;
    let options = args.options();
    let found = ui.working("looking for who holds them", || paths(heap, &selected.ids, &options));

    let mut data = Vec::new();
    match args.output.format() {
        Format::Table => {
            let again = choice::same_source(&args.source);
            table::paths(&mut data, &found, &args.asked(), heap, capture, &again, ui.look(&to))
        }
        Format::Json => json::paths(&mut data, &found, &args.asked(), heap, capture),
        Format::Csv => csv::paths(&mut data, &found, heap),
    }
    .map_err(Refusal::of_rendering)?;
    ui.deliver(&to, &data)?;
    opened.tell(ui);
    Ok(Exit::Done)
}
