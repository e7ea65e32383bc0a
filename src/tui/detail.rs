//! Who holds the objects of one type: the answer of `leakspy paths`, below the header.

use super::draw::{Page, Weight};
use super::number::{signed, signed_iec};
use super::state::{Detail, Findings, State};
use crate::analysis::paths::Sum;
use crate::report::number::{counted, iec, percent, thousands};
use crate::report::table::held_by;
use crate::report::text::{columns, visible, wrapped};

/// Columns that a path is to have, before it gets lines of its own.
const PATH: usize = 24;

/// Paths for which an object is named.
const EXPLAINED: usize = 5;

/// Lines as wide as the screen.
struct Lines {
    width: usize,
    lines: Vec<(Weight, String)>,
}

impl Lines {
    /// Prose, broken between words.
    fn say(&mut self, weight: Weight, indent: usize, text: &str) {
        let room = self.width.saturating_sub(indent).max(1);
        let indent = " ".repeat(indent);
        for line in wrapped(text, Some(room), "").lines() {
            self.lines.extend(folded(line, room).into_iter().map(|line| (weight, format!("{indent}{line}"))));
        }
    }

    fn blank(&mut self) {
        self.lines.push((Weight::Plain, String::new()));
    }
}

/// Writes it, from the line on to which it is scrolled.
pub(super) fn detail(state: &State, detail: &Detail, page: &mut Page<'_, '_>) {
    let mut text = Lines { width: page.width(), lines: Vec::new() };
    text.say(Weight::Bold, 0, &title(state, detail));
    text.say(Weight::Plain, 0, &numbers(state, detail));
    text.blank();
    match &detail.answer {
        None => {
            text.say(
                Weight::Plain,
                0,
                "Looking for who holds them: a copy with all references is read in the background.",
            );
            text.say(Weight::Plain, 0, "Keys work meanwhile; Esc gives it up.");
        }
        Some(Err(why)) => text.say(Weight::Alarm, 0, &format!("! {}", visible(why))),
        Some(Ok(found)) => tell(&mut text, detail, found),
    }
    let past = detail.scroll.min(text.lines.len().saturating_sub(page.height()));
    for (weight, line) in text.lines.iter().skip(past).take(page.height()) {
        page.line(*weight, line);
    }
}

fn title(state: &State, detail: &Detail) -> String {
    let role = state.board.member(detail.pid).and_then(|member| member.subject.role.as_ref());
    let role = role.map_or_else(String::new, |role| format!(" ({})", visible(role)));
    format!("{} in process {}{role}", visible(&detail.of), detail.pid)
}

fn numbers(state: &State, detail: &Detail) -> String {
    let types = state.board.types(Some(detail.pid));
    let Some(row) = types.iter().find(|row| row.name == detail.of) else { return "none is alive".to_owned() };
    let (count, bytes) = (thousands(row.count), iec(row.bytes));
    let (more, more_bytes) = (signed(row.since.count), signed_iec(row.since.bytes));
    let (rate, rate_bytes) =
        (signed(row.count_per_minute.round() as i64), signed_iec(row.bytes_per_minute.round() as i64));
    format!("{count} now, {bytes}; since the baseline {more}, {more_bytes}; a minute {rate}, {rate_bytes}")
}

fn tell(text: &mut Lines, detail: &Detail, found: &Findings) {
    let paths = &found.paths;
    text.say(Weight::Bold, 0, &held_by(paths, &detail.of));
    text.say(Weight::Dim, 0, &format!("held still for {:.1} ms more to find out", found.pause_ms));
    text.blank();
    let cells = |sum: Sum| [thousands(sum.count), iec(sum.bytes), percent(paths.share(sum))];
    let mut rows: Vec<([String; 3], String, Option<String>)> = Vec::new();
    for (place, way) in paths.ways.iter().enumerate() {
        let example = found.examples.get(place).filter(|_| place < EXPLAINED);
        let example = example.map(|at| format!("one of them: leakspy show {at} --pid {}", detail.pid));
        let mark = if way.inferred { "~ " } else { "" };
        rows.push((cells(way.sum), format!("{mark}{}", visible(&way.text)), example));
    }
    if paths.hidden_ways > 0 {
        rows.push((cells(paths.hidden), counted(paths.hidden_ways, "more path"), None));
    }
    if paths.unreached.count > 0 {
        rows.push((cells(paths.unreached), "garbage that nothing reaches".to_owned(), None));
    }
    if !rows.is_empty() {
        rows.insert(0, (["COUNT", "BYTES", "SHARE"].map(str::to_owned), "PATH".to_owned(), None));
    }
    let width =
        |n: usize| rows.iter().filter_map(|(cells, ..)| cells.get(n)).map(|cell| columns(cell)).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let indent = widths.iter().sum::<usize>() + 6;
    let room = text.width.saturating_sub(indent);
    for (place, (cells, path, example)) in rows.iter().enumerate() {
        let weight = if place == 0 { Weight::Bold } else { Weight::Plain };
        let mut numbers = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            numbers.push_str(&super::draw::padded(cell, width, true));
            numbers.push_str("  ");
        }
        // A path is told whole: over several lines where it is long, in its own column where that is wide enough.
        if room < PATH {
            text.lines.push((weight, numbers));
            text.lines.extend(folded(path, text.width.max(1)).into_iter().map(|piece| (weight, piece)));
        } else {
            for piece in folded(path, room) {
                text.lines.push((weight, format!("{numbers}{piece}")));
                numbers = " ".repeat(indent);
            }
        }
        if let Some(example) = example {
            text.say(Weight::Dim, indent, example);
        }
    }
    if !paths.removals.is_empty() {
        text.blank();
    }
    for removal in &paths.removals {
        let (freed, held) = (thousands(removal.freed.count), thousands(removal.held.count));
        let by = removal.by.as_deref().map_or_else(String::new, |by| format!(" by {}", visible(by)));
        text.say(Weight::Plain, 0, &format!("without {}: {freed} freed, {held} held{by}", visible(&removal.without)));
    }
}

/// `text` in lines of at most `width` columns, cut where they end.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for c in text.chars() {
        let wide = columns(c.encode_utf8(&mut [0; 4]));
        if used + wide > width && used > 0 {
            lines.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_told_whole() {
        assert_eq!(folded("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(folded("漢字", 1), ["漢", "字"]);
        assert_eq!(folded("", 4), [""]);
    }
}
