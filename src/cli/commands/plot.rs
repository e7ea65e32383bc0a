//! `leakspy plot`: a recording as a chart, and the verdict on it.

use std::path::Path;

use crate::analysis::verdict::{Finding, Kind, findings};
use crate::cli::args::{PlotArgs, PlotFormat};
use crate::cli::output::Destination;
use crate::cli::{Exit, Failure, Refusal, Ui};
use crate::heap::History;
use crate::recording::{self, Recording};
use crate::report::chart::{self, Plot};
use crate::report::json;
use crate::report::number::counted;

/// Runs it.
///
/// # Errors
/// Why there is no chart.
pub fn run(args: &PlotArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Destination::of(args.output.as_deref())?;
    let path = &args.file;
    let Recording { mut histories, thinned, skipped_lines, .. } = ui
        .working(&format!("reading {}", path.display()), || recording::read(path))
        .map_err(|e| unreadable(path, &e.to_string(), e.kind() == std::io::ErrorKind::NotFound))?;
    if histories.iter().all(|history| history.points.is_empty()) {
        let why = if skipped_lines > 0 { "it is no recording of leakspy's" } else { "there are no looks in it" };
        return Err(unreadable(path, why, false).into());
    }
    cut(args, &mut histories)?;
    let mut found = ui.working("judging", || findings(&histories));
    if let Some(pid) = args.pid {
        choose(pid, &mut found)?;
    }
    let hidden = shown(args, &mut found);
    let data = rendered(args, &found, ui, &to).map_err(Refusal::of_rendering)?;
    ui.deliver(&to, &data)?;
    if hidden > 0 {
        ui.say(&format!("{} more; --pid PID shows one, -n 0 shows all", counted(hidden as u64, "process")));
    }
    if thinned > 0 {
        ui.warn(&format!("{} of the recording were left out, evenly: there are too many", counted(thinned, "look")));
    }
    Ok(Exit::Done)
}

fn rendered(args: &PlotArgs, found: &[Finding<'_>], ui: &Ui, to: &Destination) -> std::io::Result<Vec<u8>> {
    let plots = || found.iter().map(Plot::of).collect::<Vec<_>>();
    let mut data = Vec::new();
    match args.format() {
        PlotFormat::Table => chart::terminal(&mut data, &plots(), ui.look(to), ui.rows(to))?,
        PlotFormat::Json => json::plot(&mut data, found)?,
        PlotFormat::Svg => data = chart::svg(&plots())?,
        PlotFormat::Png => data = chart::png(&plots())?,
    }
    Ok(data)
}

fn unreadable(path: &Path, why: &str, missing: bool) -> Refusal {
    let exit = if missing { Exit::Usage } else { Exit::NotPython };
    Refusal::new(exit, format!("cannot read the recording {}", path.display()), why)
        .help("leakspy record --pid PID -o FILE   (writes one)")
}

/// Leaves the looks between two moments.
fn cut(args: &PlotArgs, histories: &mut [History]) -> Result<(), Refusal> {
    let end = histories.iter().filter_map(|history| history.points.last()).map(|point| point.at_ms).max().unwrap_or(0);
    let since = args.since.map_or(i64::MIN, |when| when.at(end));
    let until = args.until.map_or(i64::MAX, |when| when.at(end));
    for history in histories.iter_mut() {
        history.points.retain(|point| (since..=until).contains(&point.at_ms));
    }
    if histories.iter().all(|history| history.points.is_empty()) {
        let last = chart::scale::moment(end as f64 / 1000.0, "%Y-%m-%dT%H:%M:%SZ");
        return Err(Refusal::new(
            Exit::Usage,
            "no look lies between --since and --until",
            format!("the last is of {last}"),
        ));
    }
    Ok(())
}

fn choose(pid: i32, found: &mut Vec<Finding<'_>>) -> Result<(), Refusal> {
    let there: Vec<String> = found.iter().map(|found| found.latest().pid.to_string()).collect();
    found.retain(|found| found.lives.iter().any(|life| life.pid == pid));
    if found.is_empty() {
        return Err(Refusal::new(Exit::Usage, format!("no process {pid} is in this recording"), "there are others")
            .help(format!("--pid {}", there.join(", --pid "))));
    }
    Ok(())
}

/// What grows comes first where several programs are told of; how many are left out.
fn shown(args: &PlotArgs, found: &mut Vec<Finding<'_>>) -> usize {
    let rank = |found: &Finding<'_>| match found.verdict.kind {
        Kind::Leak => 0,
        Kind::Surge => 1,
        Kind::EarlyExplosion => 2,
        Kind::Sawtooth => 3,
        Kind::TooShort => 4,
    };
    found.sort_by_key(rank);
    let hidden = args.limit().map_or(0, |limit| found.len().saturating_sub(limit));
    found.truncate(found.len() - hidden);
    hidden
}
