//! `leakspy audit`: refcounts against the references found, to judge leakspy itself by.

use crate::analysis::audit;
use crate::analysis::audit::AuditOptions;
use crate::cli::args::{AuditArgs, Format};
use crate::cli::output::Destination;
use crate::cli::{Exit, Failure, Refusal, Ui, source};
use crate::report::{csv, json, table};

/// Runs it.
///
/// # Errors
/// Why there is no answer.
pub fn run(args: &AuditArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Destination::of(args.output.file.as_deref())?;
    let opened = source::open(&args.source, "audit", ui)?;
    let (heap, capture) = (&opened.heap, &opened.capture);
    let format = args.output.format();
    let options = AuditOptions { limit: args.rows.limit(format), examples: args.examples };
    let found = audit(heap, &options);

    let mut data = Vec::new();
    match format {
        Format::Table => table::audit(&mut data, &found, heap, capture, ui.look(&to)),
        Format::Json => json::audit(&mut data, &found, heap, capture),
        Format::Csv => csv::audit(&mut data, &found),
    }
    .map_err(Refusal::of_rendering)?;
    ui.deliver(&to, &data)?;
    opened.tell(ui);
    Ok(Exit::Done)
}
