//! The blocks of `leakspy growth`: what grew in the first line, the table of changes, and who holds what grew most.

use std::io::{self, Write};

use super::changes;
use crate::analysis::{Balance, Comparison, Holding, SinceFork, Step};
use crate::heap::Capture;
use crate::report::Look;
use crate::report::grid::{Column, Give, Grid, Weight, styled};
use crate::report::number::{counted, iec, percent, signed, signed_iec, thousands};
use crate::report::text::{visible, wrapped};

const HOLDERS: [Column; 4] = [
    Column { title: "COUNT", right: true, give: Give::Never },
    Column { title: "SHARE", right: true, give: Give::Never },
    Column { title: "TYPE", right: false, give: Give::Last },
    Column { title: "HELD BY", right: false, give: Give::Last },
];

/// Modules that are named one by one.
const MODULES: usize = 5;

/// Writes what one look of a series found; blocks after the first one are set apart by an empty line.
///
/// # Errors
/// What `out` says.
pub fn growth(
    out: &mut dyn Write,
    found: &Comparison,
    before: &Capture,
    after: &Capture,
    step: &Step,
    holders: Option<&[Holding]>,
    look: Look,
) -> io::Result<()> {
    if step.look > 2 {
        out.write_all(b"\n")?;
    }
    let of = step.looks.map_or_else(String::new, |looks| format!(" of {looks}"));
    let most = most(found, |sums| signed_iec(sums.bytes_delta()), |sums| sums.bytes_delta());
    let moved = moved(found.totals.count_delta(), found.totals.bytes_delta());
    line(out, look, Weight::Bold, &format!("look {}{of}: {moved} in {}{most}", step.look, span(step.elapsed_ms)))?;
    if step.look > 2 {
        let moved = self::moved(found.totals.count_since_first(), found.totals.bytes_since_first());
        line(out, look, Weight::Bold, &format!("since the first look, {} ago: {moved}", span(step.since_first_ms)))?;
    }
    line(out, look, Weight::Dim, &taken(after))?;
    out.write_all(b"\n")?;
    changes(out, found, before, after, look)?;
    holders.map_or(Ok(()), |holders| held(out, holders, look))
}

/// Writes what a forked process has that its parent has not.
///
/// # Errors
/// What `out` says.
pub fn since_fork(
    out: &mut dyn Write,
    found: &Comparison,
    fork: &SinceFork,
    parent: &Capture,
    child: &Capture,
    holders: Option<&[Holding]>,
    look: Look,
) -> io::Result<()> {
    let new = found.totals.moved.new;
    let bytes = |sums: &Balance| i64::try_from(sums.moved.new.bytes).unwrap_or(i64::MAX);
    let most = most(found, |sums| iec(sums.moved.new.bytes), bytes);
    let pid = |capture: &Capture| capture.pid.map_or_else(String::new, |pid| format!(" {pid}"));
    let what = format!(
        "process{}: {}, {} new since it was forked from{}{most}",
        pid(child),
        counted(new.count, "object"),
        iec(new.bytes),
        pid(parent)
    );
    line(out, look, Weight::Bold, &what)?;
    let shared = format!("{} of the parent's {} are the same in both", thousands(fork.shared), objects(found));
    line(out, look, Weight::Dim, &shared)?;
    if !fork.modules.is_empty() {
        line(out, look, Weight::Dim, &loaded(fork))?;
    }
    out.write_all(b"\n")?;
    changes(out, found, parent, child, look)?;
    holders.map_or(Ok(()), |holders| held(out, holders, look))
}

/// Which modules were loaded since the fork, in words.
#[must_use]
pub fn loaded(fork: &SinceFork) -> String {
    // Packages say more than what is in them, and the underscore is for the interpreter's own.
    let mut packages: Vec<(usize, &str)> = Vec::new();
    for module in &fork.modules {
        let package = module.split('.').next().unwrap_or(module);
        match packages.iter_mut().find(|(_, name)| *name == package) {
            Some((many, _)) => *many += 1,
            None => packages.push((1, package)),
        }
    }
    packages.sort_by_key(|(many, name)| (name.starts_with('_'), std::cmp::Reverse(*many), *name));
    let named: Vec<&str> = packages.iter().take(MODULES).map(|(_, name)| *name).collect();
    let more = if packages.len() > named.len() { " …" } else { "" };
    let modules = counted(fork.modules.len() as u64, "module");
    format!("{modules} loaded since the fork: {}{more}", visible(&named.join(", ")))
}

fn objects(found: &Comparison) -> String {
    counted(found.totals.before.count, "object")
}

fn moved(count: i64, bytes: i64) -> String {
    match (count, bytes) {
        (0, 0) => "no change".to_owned(),
        _ => format!("{} and {} objects", signed_iec(bytes), signed(count)),
    }
}

/// Which type makes up most of it.
fn most(found: &Comparison, told: impl Fn(&Balance) -> String, bytes: impl Fn(&Balance) -> i64) -> String {
    let sums = found.rows.iter().map(|row| (Balance::of([row]), row));
    let most = sums.filter(|(sums, _)| bytes(sums) > 0).max_by_key(|(sums, _)| bytes(sums));
    most.map_or_else(String::new, |(sums, row)| format!(", most by {}: {}", visible(&row.change.name), told(&sums)))
}

fn taken(after: &Capture) -> String {
    let pause = after.pause_ms;
    let pause = if pause < 10.0 { format!("{pause:.1}") } else { format!("{pause:.0}") };
    let held = if after.frozen { format!("held still for {pause} ms") } else { "not held still".to_owned() };
    format!("{}, {held}", after.taken_at)
}

fn span(ms: u64) -> String {
    let seconds = ms as f64 / 1e3;
    match seconds {
        ..119.95 => format!("{seconds:.1} s"),
        ..7_197.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}

fn held(out: &mut dyn Write, holders: &[Holding], look: Look) -> io::Result<()> {
    if holders.is_empty() {
        return line(out, look, Weight::Dim, "nothing grew, so there is no holder to name");
    }
    let mut grid = Grid::new(&HOLDERS);
    for holding in holders {
        let share = holding.count as f64 / holding.objects.max(1) as f64;
        let by = match &holding.path {
            Some((text, _)) => visible(text).into_owned(),
            None if holding.objects == 0 => "gone by the look at references".to_owned(),
            None => "nothing: garbage that was not collected yet".to_owned(),
        };
        let of = visible(&holding.of).into_owned();
        grid.push(Weight::Plain, vec![thousands(holding.count), percent(share), of, by]);
    }
    out.write_all(b"\n")?;
    out.write_all(grid.render(look).as_bytes())
}

fn line(out: &mut dyn Write, look: Look, weight: Weight, text: &str) -> io::Result<()> {
    wrapped(text, look.width, "  ")
        .lines()
        .try_for_each(|text| out.write_all(styled(weight, text, look.colour).as_bytes()))
}
