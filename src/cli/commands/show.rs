//! `leakspy show`: one object: its refcount explained, what it refers to, what refers to it.

use crate::analysis::show;
use crate::capture::Values;
use crate::cli::args::{Format, ShowArgs};
use crate::cli::output::Destination;
use crate::cli::{Exit, Failure, Refusal, Ui, choice, source};
use crate::report::{csv, json, table};

/// Runs it.
///
/// # Errors
/// Why there is no answer.
pub fn run(args: &ShowArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Destination::of(args.output.file.as_deref())?;
    let opened = source::open_with(&args.source, "show", Values::Of(vec![args.address]), ui)?;
    let (heap, capture) = (&opened.heap, &opened.capture);
    let id = choice::one(heap, args.address, &args.source)?;
    let shown = ui
        .working("looking for what refers to it", || show(heap, id))
        .ok_or_else(|| Refusal::new(Exit::Usage, format!("cannot show {}", args.address), "no object begins there"))?;

    let mut data = Vec::new();
    let format = args.output.format();
    let limit = args.rows.limit(format);
    match format {
        Format::Table => table::show(&mut data, &shown, limit, heap, capture, ui.look(&to)),
        Format::Json => json::show(&mut data, &shown, limit, heap, capture),
        Format::Csv => csv::show(&mut data, &shown, limit, heap),
    }
    .map_err(Refusal::of_rendering)?;
    ui.deliver(&to, &data)?;
    opened.tell(ui);
    if format == Format::Table {
        let same = choice::same_source(&args.source);
        ui.say(&format!("try: leakspy referrers --address {}{same} --depth 4", args.address));
    }
    Ok(Exit::Done)
}
