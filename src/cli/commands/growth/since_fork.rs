//! Compares a forked process with the one that it was forked from, object by object; each is held still on its own.

use std::time::{Duration, Instant};

use super::{Verdict, Warned};
use crate::analysis::growth::{growers, holdings};
use crate::analysis::{Compared, compare, since_fork};
use crate::capture::{self, Error, Graph, NoParent, Options};
use crate::cli::args::{Format, GrowthArgs};
use crate::cli::output::Stream;
use crate::cli::source::COMMAND;
use crate::cli::{Exit, Failure, Refusal, Ui, pause, source};
use crate::process::Process;
use crate::report::text::shorten_end;
use crate::report::{csv, json, table};

/// A parent that merely waits for its children wakes now and then: not for more than this share of the time.
const WAITING: f64 = 0.02;

/// Runs it.
///
/// # Errors
/// Why there is nothing to compare with, or no answer.
pub(super) fn run(args: &GrowthArgs, mut to: Stream, ui: &mut Ui) -> Result<Exit, Failure> {
    let options = source::options(&args.source, "growth")?;
    let pid = options.pid;
    let process = Process::open(pid).map_err(|why| Refusal::of_look(&why.into(), "growth", pid))?;
    let parent = capture::forked_from(&process, args.parent)
        .map_err(|why| Refusal::of_look(&why.into(), "growth", args.parent.unwrap_or(pid)))?
        .map_err(|why| alone(&process, &why))?;

    must_be_older(&process, parent)?;

    // The child first: what it makes meanwhile would count, what its parent makes does not.
    let child = look(&options, ui)?;
    let parent = look(&Options { pid: parent, ..options.clone() }, ui)?;
    let fork = ui.working("comparing", || since_fork(&parent.heap, &child.heap));
    let verdict = Verdict::of(&args.fail_on, &fork.all, "in its parent");
    let found = compare(fork.all.clone(), Compared::Objects, &args.options());
    let holders = args.paths.map(|many| {
        ui.working("looking for who holds them", || holdings(&child.heap, &growers(&found, many), Some(&fork.new)))
    });

    let mut data = Vec::new();
    let (before, after, holders) = (&parent.capture, &child.capture, holders.as_deref());
    match args.output.format() {
        Format::Table => table::since_fork(&mut data, &found, &fork, before, after, holders, ui.look(to.to())),
        Format::Json => json::since_fork(&mut data, &found, &fork, before, after, &verdict.crossed, holders),
        Format::Csv => csv::changes(&mut data, &found, None),
    }
    .map_err(Refusal::of_rendering)?;
    to.deliver(&data, ui)?;

    let mut warned = Warned::default();
    warned.tell(before, ui);
    warned.tell(after, ui);
    if fork.own_modules {
        ui.warn(&format!(
            "{}, the program's own among them; what they made counts as new. If that is the application: gunicorn \
             --preload, and uWSGI without --lazy-apps, load it before they fork",
            table::loaded(&fork)
        ));
    }
    if let Some(worked) = before.pid.and_then(|parent| worked(parent, &process)) {
        ui.warn(&format!(
            "its parent worked, too, since it forked: at least {:.1} s of CPU time. What it made counts as gone here, or \
             where it is like what its child made at the same place, as the same",
            worked.as_secs_f64()
        ));
    }
    verdict.tell(ui);
    Ok(verdict.exit())
}

/// Whoever was named shares its beginning, as all of a family do; its children and itself are no parents.
fn must_be_older(process: &Process, parent: i32) -> Result<(), Refusal> {
    let pid = process.pid();
    let younger = Process::open(parent).is_ok_and(|parent| parent.start_time() > process.start_time());
    if parent != pid && !younger {
        return Ok(());
    }
    let why = if parent == pid { "that is itself".to_owned() } else { format!("process {parent} began later") };
    Err(Refusal::new(Exit::Usage, format!("cannot compare process {pid} with {parent} as its parent"), why)
        .help(format!("leakspy growth --since-fork --pid {pid}   (with the process that it was forked from)")))
}

/// CPU time that the parent used since the fork, where that is more than the little that a waiting one needs.
fn worked(parent: i32, child: &Process) -> Option<Duration> {
    let busy = Process::open(parent).ok()?.busy_since(child)?;
    (busy.as_secs_f64() > child.age()?.as_secs_f64() * WAITING).then_some(busy)
}

fn look(options: &Options, ui: &mut Ui) -> Result<Graph, Refusal> {
    let (started, pid) = (Instant::now(), options.pid);
    let graph = ui
        .working(&format!("reading process {pid}"), || capture::comparable(options))
        .map_err(|why: Error| Refusal::of_look(&why, "growth", pid))?;
    let cost = pause::line(&graph.capture, graph.details.threads, options.nonblocking, started.elapsed());
    ui.say(&format!("process {pid}: {cost}"));
    Ok(graph)
}

/// Why there is nothing to compare a process with, and what there is instead.
fn alone(process: &Process, why: &NoParent) -> Refusal {
    let pid = process.pid();
    let refusal = Refusal::new(
        Exit::Usage,
        format!("cannot tell what process {pid} made since it was forked"),
        match why {
            NoParent::Unseen => "its parent is not to be seen from here: it is in another PID namespace".to_owned(),
            NoParent::NotPython { parent: 1, comm } => {
                format!("what it was forked from, if anything, is gone: its parent is process 1 ({comm})")
            }
            NoParent::NotPython { parent, comm } => format!(
                "its parent {parent} ({comm}) is not Python: it started this process and was not what it was forked from, \
                 or took it over when that ended"
            ),
            NoParent::OtherProgram { parent, command } => format!(
                "its parent {parent} ({}) is Python, but not the same program: one of them was started anew, by exec, and \
                 shares no object with the other",
                shorten_end(command, COMMAND)
            ),
        },
    );
    let children = capture::forks_of(process);
    let refusal = children.iter().take(3).fold(refusal, |refusal, (child, command)| {
        let command = shorten_end(command, COMMAND);
        refusal.help(format!("leakspy growth --since-fork --pid {child}   (was forked from it: {command})"))
    });
    refusal.help(format!("leakspy growth --every 30s --pid {pid}   (what grows from now on)"))
}
