//! `leakspy referrers`: what refers to some objects, merged; and what refers to that, as a tree or a graph.

use crate::analysis::referrers;
use crate::cli::args::{GraphFormat, ReferrersArgs};
use crate::cli::output::Destination;
use crate::cli::{Exit, Failure, Refusal, Ui, choice, source};
use crate::report::{csv, dot, json, table};

/// Runs it.
///
/// # Errors
/// Why there is no answer.
pub fn run(args: &ReferrersArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Destination::of(args.file.as_deref())?;
    let opened = source::open(&args.source, "referrers", ui)?;
    let (heap, capture) = (&opened.heap, &opened.capture);
    let selected = choice::choose(heap, &args.wanted(), &args.source, ui)?;
    let options = args.options();
    let tree = ui.working("looking for what refers to them", || referrers(heap, &selected.ids, &options));

    let mut data = Vec::new();
    match args.format() {
        GraphFormat::Table => table::referrers(&mut data, &tree, heap, capture, ui.look(&to)),
        GraphFormat::Json => json::referrers(&mut data, &tree, heap, capture),
        GraphFormat::Csv => csv::referrers(&mut data, &tree, heap),
        GraphFormat::Dot => dot::referrers(&mut data, &tree, heap, args.nodes()),
    }
    .map_err(Refusal::of_rendering)?;
    ui.deliver(&to, &data)?;
    opened.tell(ui);
    if args.format() == GraphFormat::Table && options.depth == 1 && tree.rows.len() > 1 {
        ui.say("try: the same with --depth 4, for what refers to these in turn");
    }
    Ok(Exit::Done)
}
