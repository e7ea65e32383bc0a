//! Which process or file is meant, and the heap in it.

use std::env;
use std::path::Path;
use std::time::Instant;

use crate::capture::{self, Graph, PythonProcess, Values};
use crate::cli::args::SourceArgs;
use crate::cli::{Exit, Failure, Refusal, Ui, pause};
use crate::heap::{Capture, Heap};
use crate::process::budget::Budget;
use crate::report::text::shorten_end;
use crate::snapshot::{self, Snapshot};

/// More than these are not named one by one.
const FEW: usize = 3;

/// Columns of a command that are enough to recognise a process by.
pub(super) const COMMAND: usize = 60;

/// What to take, from the process that was named.
///
/// # Errors
/// With no process named: which ones there are. None is ever picked silently.
pub fn options(source: &SourceArgs, command: &str) -> Result<capture::Options, Refusal> {
    let pid = source.pid.ok_or_else(|| unnamed(&capture::list(), command))?;
    let options = capture::Options::new(pid);
    Ok(capture::Options {
        nonblocking: source.nonblocking,
        pause_budget: source.pause_budget.unwrap_or(options.pause_budget),
        max_memory: source.max_memory,
        offsets: source.offsets.clone(),
        ..options
    })
}

/// A heap that was opened for an analysis.
pub struct Opened {
    /// The heap.
    pub heap: Heap,
    /// Where it comes from.
    pub capture: Capture,
    /// What the look cost, for the line after the answer; `None` where nothing was looked at.
    pub look: Option<Look>,
}

/// What a look at a process cost.
pub struct Look {
    /// Threads that were held still.
    pub threads: u64,
    /// Was it asked that they never be?
    pub nonblocking: bool,
    /// When the command began.
    pub started: Instant,
}

impl Opened {
    /// Tells on standard error what the look cost and what a reader of the answer should know.
    pub fn tell(&self, ui: &mut Ui) {
        tell(&self.capture, self.look.as_ref(), ui);
    }
}

/// Tells on standard error what a look cost, if there was one, and what a reader of the answer should know.
pub fn tell(capture: &Capture, look: Option<&Look>, ui: &mut Ui) {
    if let Some(look) = look {
        ui.say(&pause::line(capture, look.threads, look.nonblocking, look.started.elapsed()));
    }
    capture.warnings.iter().for_each(|warning| ui.warn(warning));
}

/// Opens the one source that was named, for a command of this name. No contents are shown, whatever was asked for.
///
/// # Errors
/// With none named, or where it cannot be read.
pub fn open(source: &SourceArgs, command: &str, ui: &mut Ui) -> Result<Opened, Failure> {
    opened(source, command, ui, Values::None, capture::graph)
}

/// The same, with contents where `--values` asks for any, and then these.
///
/// # Errors
/// As [`open`].
pub fn open_with(source: &SourceArgs, command: &str, values: Values, ui: &mut Ui) -> Result<Opened, Failure> {
    let values = if source.values { values } else { Values::None };
    opened(source, command, ui, values, capture::graph)
}

/// The same as [`open_with`] for a heap that is to be compared with others of the process, now or later.
///
/// # Errors
/// As [`open`].
pub fn comparable(source: &SourceArgs, command: &str, values: Values, ui: &mut Ui) -> Result<Opened, Failure> {
    let values = if source.values { values } else { Values::None };
    opened(source, command, ui, values, capture::comparable)
}

/// The same as [`open`] for what needs no references: from a process the heap has none.
///
/// # Errors
/// As [`open`].
pub fn objects(source: &SourceArgs, command: &str, ui: &mut Ui) -> Result<Opened, Failure> {
    opened(source, command, ui, Values::None, capture::objects)
}

fn opened(
    source: &SourceArgs,
    command: &str,
    ui: &mut Ui,
    values: Values,
    look: fn(&capture::Options) -> Result<Graph, capture::Error>,
) -> Result<Opened, Failure> {
    if let Some(path) = &source.snapshot {
        return from_file(path, source, values != Values::None, ui);
    }
    Ok(from_process(&capture::Options { values, ..options(source, command)? }, command, ui, look)?)
}

/// The heap of a process, by this way to look.
pub(super) fn from_process(
    options: &capture::Options,
    command: &str,
    ui: &Ui,
    look: fn(&capture::Options) -> Result<Graph, capture::Error>,
) -> Result<Opened, Refusal> {
    let pid = options.pid;
    let started = Instant::now();
    let graph = ui
        .working(&format!("reading process {pid}"), || look(options))
        .map_err(|e| Refusal::of_look(&e, command, pid))?;
    let look = Look { threads: graph.details.threads, nonblocking: options.nonblocking, started };
    Ok(Opened { heap: graph.heap, capture: graph.capture, look: Some(look) })
}

/// The heap in a file, in so many bytes of memory.
pub(super) fn read(path: &Path, limit: u64, ui: &Ui) -> Result<Opened, Refusal> {
    let Snapshot { heap, capture } = ui
        .working(&format!("reading {}", path.display()), || snapshot::read(path, limit))
        .map_err(|e| Refusal::of_reading(&e, path))?;
    Ok(Opened { heap, capture, look: None })
}

fn from_file(path: &Path, source: &SourceArgs, values: bool, ui: &mut Ui) -> Result<Opened, Failure> {
    let idle = without_meaning(source);
    if !idle.is_empty() {
        let s = if idle.len() == 1 { "s" } else { "" };
        ui.warn(&format!("{} tell{s} how to look at a process: of no use with a file", idle.join(", ")));
    }
    let limit = source.max_memory.unwrap_or_else(|| Budget::now().bytes);
    let mut opened = read(path, limit, ui)?;
    // What the file shows, this answer need not.
    if !values {
        opened.heap.values.clear();
    } else if opened.heap.values.is_empty() {
        ui.warn("there are no contents in this file: leakspy snapshot --values keeps them");
    }
    Ok(opened)
}

/// Options that were given and mean nothing where a file is read.
fn without_meaning(source: &SourceArgs) -> Vec<&'static str> {
    let given = [
        (source.nonblocking, "--nonblocking"),
        (source.pause_budget.is_some(), "--pause-budget"),
        (source.offsets.is_some(), "--offsets"),
    ];
    given.into_iter().filter(|(given, _)| *given).map(|(_, option)| option).collect()
}

/// How to call leakspy from another account: by its path, where that account would not find it by name.
#[must_use]
pub fn program() -> String {
    let known = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/local/sbin"].map(Path::new);
    match env::current_exe() {
        Ok(path) if !path.parent().is_some_and(|folder| known.contains(&folder)) => path.display().to_string(),
        _ => "leakspy".to_owned(),
    }
}

/// What to say where no process was named: which ones there are.
pub(super) fn unnamed(found: &[PythonProcess], command: &str) -> Refusal {
    let open: Vec<&PythonProcess> = found.iter().filter(|process| process.access.is_ok()).collect();
    let (obstacle, rest) = match (open.len(), found.len()) {
        (0, 0) => ("and no Python process is in sight", "leakspy ps"),
        (0, _) => ("and none of the Python processes in sight may be inspected", "leakspy ps   (says why)"),
        (1, _) => ("there is one Python process that may be inspected", ""),
        (..=FEW, _) => ("some Python processes may be inspected", ""),
        _ => ("many Python processes may be inspected", "leakspy ps   (lists them)"),
    };
    let refusal = Refusal::new(Exit::Usage, "no process was named with --pid", obstacle);
    if !rest.is_empty() {
        return refusal.help(rest);
    }
    open.iter().fold(refusal, |refusal, process| {
        refusal.help(format!("leakspy {command} --pid {}   ({})", process.pid, shorten_end(&process.command, COMMAND)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::access::Gate;

    fn process(pid: i32, access: Result<(), Gate>) -> PythonProcess {
        let command = "python3 app.py".to_owned();
        PythonProcess { pid, version: Some("3.11.7".into()), rss: 0, command, role: None, access }
    }

    #[test]
    fn the_only_process_in_sight_is_named_not_picked() {
        let refusal =
            unnamed(&[process(25867, Ok(())), process(1, Err(Gate::NotDumpable { pid: 1, owner: 33 }))], "types");
        assert_eq!(refusal.exit, Exit::Usage);
        assert_eq!(
            refusal.to_string(),
            "no process was named with --pid: there is one Python process that may be inspected\n  try: leakspy types --pid 25867   (python3 app.py)"
        );
    }

    #[test]
    fn many_processes_are_left_to_ps() {
        let many: Vec<_> = (1..=9).map(|pid| process(pid, Ok(()))).collect();
        assert!(unnamed(&many, "info").to_string().ends_with("try: leakspy ps   (lists them)"));
        assert!(unnamed(&[], "info").to_string().contains("no Python process is in sight"));
    }
}
