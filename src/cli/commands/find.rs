//! `leakspy find`: which objects: their addresses, by type and size.

use crate::analysis::find;
use crate::cli::args::{FindArgs, Format};
use crate::cli::output::Destination;
use crate::cli::{Exit, Failure, Refusal, Ui, choice, source};
use crate::report::{csv, json, table};

/// Runs it.
///
/// # Errors
/// Why there is no answer.
pub fn run(args: &FindArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Destination::of(args.output.file.as_deref())?;
    let opened = source::objects(&args.source, "find", ui)?;
    let (heap, capture) = (&opened.heap, &opened.capture);
    let selected = choice::choose(heap, &args.of.wanted(), &args.source, ui)?;
    let found = find(heap, &selected.ids, &args.options());

    let mut data = Vec::new();
    let format = args.output.format();
    match format {
        Format::Table => table::find(&mut data, &found, heap, capture, ui.look(&to)),
        Format::Json => json::find(&mut data, &found, heap, capture),
        Format::Csv => csv::find(&mut data, &found, heap),
    }
    .map_err(Refusal::of_rendering)?;
    ui.deliver(&to, &data)?;
    opened.tell(ui);
    if let (Format::Table, Some(first)) = (format, found.shown.first()) {
        let address = heap.objects.addr(*first);
        ui.say(&format!("try: leakspy show {address}{}", choice::same_source(&args.source)));
    }
    Ok(Exit::Done)
}
