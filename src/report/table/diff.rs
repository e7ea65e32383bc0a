//! The answer of `leakspy diff` for people: of three looks first who holds what was never let go, then what changed by type.

use std::io::{self, Write};

use super::changes;
use super::paths::{explained, grid, line};
use crate::analysis::survivors::Survivors;
use crate::analysis::{Comparison, Difference};
use crate::heap::Capture;
use crate::report::Look;
use crate::report::grid::Weight;
use crate::report::number::{counted, iec, percent, thousands};
use crate::report::text::visible;

/// Where one in so many of the survivors is not certain, that is said.
const MARGIN: u64 = 20;

/// Types of survivors that are named.
const TYPES: usize = 5;

/// Paths for which more is said than their line.
const EXPLAINED: usize = 3;

/// Writes it; `limit` is the rows of each list.
///
/// # Errors
/// What `out` says.
pub fn diff(
    out: &mut dyn Write,
    found: &Difference,
    types: &Comparison,
    limit: Option<usize>,
    look: Look,
) -> io::Result<()> {
    let (before, after) = (&found.before, &found.after);
    if let Some(survivors) = &found.survivors {
        let middle = found.middle.as_ref().unwrap_or(after);
        survived(out, found, survivors, before.seconds_until(middle), look)?;
        line(out, look, Weight::Bold, &format!("from the first look to the last{}", apart(before, after)), "")?;
    } else {
        let of = if found.moves.is_some() { "one process" } else { "different processes, or not known to be one" };
        line(out, look, Weight::Bold, &format!("two looks at {of}{}", apart(before, after)), "")?;
    }
    out.write_all(b"\n")?;
    changes(out, types, before, after, look)?;
    if let Some(moves) = &found.moves {
        let (new, gone) = (thousands(moves.new.len() as u64), thousands(moves.gone.len() as u64));
        let listed = if limit == Some(0) { "" } else { "; --json lists them by address" };
        line(out, look, Weight::Dim, &format!("{new} new and {gone} gone objects{listed}"), "")?;
    }
    Ok(())
}

/// `, 60 seconds apart`.
fn apart(before: &Capture, after: &Capture) -> String {
    before.seconds_until(after).map_or_else(String::new, |seconds| format!(", {} apart", time(seconds.abs())))
}

fn time(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        ..7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// `, 7.0 objects a second`: a rate over less than two seconds would be guessed, for times are told to a second.
fn rate(count: u64, seconds: Option<f64>) -> String {
    match seconds {
        Some(seconds) if seconds >= 2.0 && count > 0 => {
            let each = count as f64 / seconds;
            if each >= 1.0 { format!(", {each:.1} a second") } else { format!(", {:.1} a minute", each * 60.0) }
        }
        _ => String::new(),
    }
}

fn survived(
    out: &mut dyn Write,
    found: &Difference,
    survivors: &Survivors,
    seconds: Option<f64>,
    look: Look,
) -> io::Result<()> {
    let (sum, paths) = (survivors.sum, &survivors.paths);
    let what = counted(sum.count, "object");
    let mut answer =
        format!("{what}, {}, made after the first look and never let go{}", iec(sum.bytes), rate(sum.count, seconds));
    if let Some((holder, held)) = &paths.held_most {
        answer.push_str(&format!(": {} held by {}", percent(paths.share(*held)), visible(holder)));
    }
    line(out, look, Weight::Bold, &answer, "")?;
    let unproven = survivors.unproven.count;
    if unproven > sum.count / MARGIN {
        let of = if unproven == sum.count { "all".to_owned() } else { thousands(unproven) };
        let words = format!("{of} of them by their place alone: others with the same contents may have taken it since");
        line(out, look, Weight::Plain, &words, "")?;
    }
    out.write_all(b"\n")?;
    if sum.count == 0 {
        return Ok(());
    }
    let plain = grid(paths).render(Look { colour: false, ..look });
    let table = grid(paths).render(look);
    let indent = " ".repeat(plain.lines().next().and_then(|heading| heading.find("PATH")).unwrap_or(0));
    for (n, row) in table.lines().enumerate() {
        writeln!(out, "{row}")?;
        if let Some(way) = n.checked_sub(1).and_then(|n| paths.ways.get(n)).filter(|_| n <= EXPLAINED) {
            let again = found.after.pid.filter(|_| found.after.source == "process");
            let again = again.map_or_else(String::new, |pid| format!(" --pid {pid}"));
            let said =
                explained(way, &found.heap, &again).into_iter().chain([format!("fingerprint {}", way.fingerprint)]);
            said.into_iter().try_for_each(|said| line(out, look, Weight::Dim, &said, &indent))?;
        }
    }
    out.write_all(b"\n")?;
    let named = survivors.types.iter().take(TYPES);
    let mut of: Vec<String> = named.map(|(name, sum)| format!("{} {}", thousands(sum.count), visible(name))).collect();
    let more = survivors.types.len().saturating_sub(TYPES);
    of.extend((more > 0).then(|| counted(more as u64, "more type")));
    line(out, look, Weight::Dim, &format!("they are {}", of.join(", ")), "")?;
    out.write_all(b"\n")
}
