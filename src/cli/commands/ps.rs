//! `leakspy ps`: which Python processes are here, and may they be inspected.

use std::cmp::Reverse;

use crate::capture::{self, PythonProcess};
use crate::cli::args::{Format, ProcessKey, PsArgs};
use crate::cli::hints;
use crate::cli::output::Destination;
use crate::cli::{Exit, Failure, Refusal, Ui};
use crate::report::{ProcessRow, csv, json, table};

/// Runs it.
///
/// # Errors
/// Why there is no answer; a process that may not be inspected is part of one.
pub fn run(args: &PsArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Destination::of(args.output.file.as_deref())?;
    let format = args.output.format();

    let mut rows: Vec<ProcessRow> = ui.working("looking for Python", capture::list).iter().map(row).collect();
    match args.sort {
        ProcessKey::Rss => rows.sort_by_key(|row| (Reverse(row.rss_bytes), row.pid)),
        ProcessKey::Pid => rows.sort_by_key(|row| row.pid),
    }
    if rows.is_empty() {
        ui.say("no Python process is in sight");
    }
    let shown = args.rows.limit(format).unwrap_or(rows.len()).min(rows.len());
    let (rows, hidden) = rows.split_at(shown);

    let mut data = Vec::new();
    match format {
        Format::Table => table::processes(&mut data, rows, hidden.len() as u64, ui.look(&to)),
        Format::Json => json::processes(&mut data, rows),
        Format::Csv => csv::processes(&mut data, rows),
    }
    .map_err(Refusal::of_rendering)?;
    ui.deliver(&to, &data)?;
    Ok(Exit::Done)
}

fn row(process: &PythonProcess) -> ProcessRow {
    let refused = process.access.as_ref().err();
    ProcessRow {
        pid: process.pid,
        python: process.version.clone(),
        rss_bytes: process.rss,
        command: process.command.clone(),
        role: process.role.clone(),
        inspectable: refused.is_none(),
        why: refused.map(hints::short),
    }
}
