//! The lines above the table: which process, its memory against its limit, its heap, what the looks cost it.

use super::draw::{Page, Weight, fields};
use super::number::{interval, signed, signed_iec, span, sparkline};
use super::state::State;
use crate::analysis::{Board, Member};
use crate::heap::Usage;
use crate::report::number::{counted, iec, percent, thousands};
use crate::report::text::{columns, shorten_end, visible};

/// Columns of a command line that tell something.
const COMMAND: usize = 12;

/// Writes as many of the lines as a screen of this height can spare.
pub(super) fn header(state: &State, page: &mut Page<'_, '_>, height: usize) {
    let board = &state.board;
    let width = page.width();
    let (usage, limit) = memory(board);
    let lines = match height {
        0..4 => 0,
        4..8 => 1,
        8..12 => 2,
        12..16 => 3,
        16..20 => 4,
        _ => 5,
    };
    if lines > 0 {
        page.line(Weight::Bold, &title(board, width));
    }
    if board.rounds == 0 {
        return page.line(Weight::Plain, "the first look is under way");
    }
    if lines > 1 {
        page.line(Weight::Plain, &gauge(&usage, limit, width));
    }
    if lines > 2 {
        page.line(Weight::Plain, &heap(board, width));
    }
    if lines > 3 {
        page.line(Weight::Plain, &cost(board, width));
    }
    if lines > 4 {
        page.line(Weight::Plain, &course(board, width));
    }
}

/// `leakspy top  process 25867  Python 3.11.7  up 3:12:44  uwsgi worker  uwsgi --http …`
fn title(board: &Board, width: usize) -> String {
    let members: Vec<&Member> = board.shown().collect();
    let mut said = vec!["leakspy top".to_owned()];
    let mut pythons: Vec<&str> = members.iter().filter_map(|m| Some(m.capture.as_ref()?.python.as_str())).collect();
    pythons.dedup();
    let python = (!pythons.is_empty()).then(|| format!("Python {}", visible(&pythons.join(", "))));
    match &members[..] {
        [] => said.push("waiting for a process".to_owned()),
        [one] => {
            said.push(format!("process {}", one.subject.pid));
            said.extend(python);
            said.extend(one.uptime().map(|up| format!("up {}", span(up))));
            said.extend(one.subject.role.as_ref().map(|role| visible(role).into_owned()));
            let room = width.saturating_sub(columns(&said.join("  "))).saturating_sub(2);
            if room >= COMMAND {
                said.push(shorten_end(&visible(&one.subject.command), room).into_owned());
            }
        }
        several => {
            said.push(counted(several.len() as u64, "process"));
            said.extend(python);
            let oldest = several.iter().filter_map(|member| member.uptime()).max();
            said.extend(oldest.map(|up| format!("up {}", span(up))));
        }
    }
    fields(width, said)
}

/// The memory of all shown processes, and the limit that they share.
fn memory(board: &Board) -> (Usage, Option<(u64, u64)>) {
    let mut sum = Usage { pss_bytes: Some(0), ..Usage::default() };
    let mut limit: Option<(u64, u64)> = None;
    for member in board.shown() {
        let usage = member.usage;
        sum.rss_bytes = sum.rss_bytes.saturating_add(usage.rss_bytes);
        sum.pss_bytes = sum.pss_bytes.zip(usage.pss_bytes).map(|(a, b)| a.saturating_add(b));
        if let (Some(used), Some(most)) = (usage.cgroup_bytes, usage.cgroup_limit_bytes) {
            limit = limit.into_iter().chain([(used, most)]).min_by_key(|(used, most)| most.saturating_sub(*used));
        }
    }
    (sum, limit)
}

/// `RSS 124.3 MiB  PSS 98.1 MiB  [####++....] cgroup 301.0 MiB, 58.8% of its limit of 512.0 MiB`: `#` is the PSS, `+` the rest of the
/// cgroup.
fn gauge(usage: &Usage, limit: Option<(u64, u64)>, width: usize) -> String {
    let mut said = vec![format!("RSS {}", iec(usage.rss_bytes))];
    said.extend(usage.pss_bytes.map(|pss| format!("PSS {}", iec(pss))));
    let Some((used, most)) = limit else {
        said.push("no cgroup limit".to_owned());
        return fields(width, said);
    };
    let share = used as f64 / most.max(1) as f64;
    let (used_text, most_text, share_text) = (iec(used), iec(most), percent(share));
    let words = [
        format!("cgroup {used_text}, {share_text} of its limit of {most_text}"),
        format!("cgroup {share_text} of {most_text}"),
    ];
    let taken = columns(&said.join("  "));
    let room = |words: &String| width.saturating_sub(taken).saturating_sub(columns(words)).saturating_sub(4);
    let words = words.iter().find(|words| room(words) >= 8).cloned().unwrap_or(words[1].clone());
    let bar = room(&words).min(32);
    if bar >= 6 {
        said.push(format!("{} {words}", bars(usage.pss_bytes.unwrap_or(usage.rss_bytes), used, most, bar)));
    } else {
        said.push(words);
    }
    fields(width, said)
}

fn bars(own: u64, used: u64, most: u64, width: usize) -> String {
    let width = width.saturating_sub(2);
    let cells = |n: u64| ((n as f64 / most.max(1) as f64 * width as f64).round() as usize).min(width);
    let own = cells(own);
    let others = cells(used).saturating_sub(own);
    let free = width.saturating_sub(own).saturating_sub(others);
    format!("[{}{}{}]", "#".repeat(own), "+".repeat(others), ".".repeat(free))
}

/// `objects 2,513,325 (+1,204)  heap 124.9 MiB (+1.2 MiB)  baseline 3:12 ago  96 looks`
fn heap(board: &Board, width: usize) -> String {
    let total = board.total();
    let looks = board.shown().filter_map(|member| member.trends.looks()).max();
    let since = board.shown().map(|member| member.trends.since()).max().unwrap_or_default();
    let looks = looks.unwrap_or(0);
    let objects = format!("objects {} ({})", thousands(total.count), signed(total.since.count));
    let bytes = format!("heap {} ({})", iec(total.bytes), signed_iec(total.since.bytes));
    fields(width, [objects, bytes, format!("baseline {} ago", span(since)), counted(looks, "look")])
}

/// `pause 41.2 ms, 0.8% of the time  a look every 5.1 s, stretched from 2 s to hold it still < 1%`
fn cost(board: &Board, width: usize) -> String {
    let captures = board.shown().filter_map(|member| member.capture.as_ref());
    let pause = captures.map(|capture| capture.pause_ms).fold(0.0, f64::max);
    let tempo = &board.tempo;
    let share = format!("pause {pause:.1} ms, {} of the time", percent(tempo.share));
    let every = format!("a look every {}", interval(tempo.interval.max(tempo.wanted)));
    if !tempo.is_stretched() {
        return fields(width, [share, every]);
    }
    let wanted = interval(tempo.wanted);
    let long = fields(width, [share.clone(), format!("{every}, stretched from {wanted} for < 1%")]);
    if long.contains("stretched") { long } else { fields(width, [share, format!("{every} (not {wanted})")]) }
}

/// `RSS ▁▂▃▄▅▆▇█ 98.1 MiB to 124.3 MiB`
fn course(board: &Board, width: usize) -> String {
    let (Some(least), Some(most)) = (board.course.iter().min(), board.course.iter().max()) else {
        return String::new();
    };
    let words = format!("{} to {}", iec(*least), iec(*most));
    let room = width.saturating_sub(columns(&words)).saturating_sub(6).min(60);
    fields(
        width,
        ["RSS".to_owned(), sparkline(&board.course, room), words].into_iter().filter(|field| !field.is_empty()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn memory_against_the_limit() {
        let usage = Usage { rss_bytes: 124 * MIB, pss_bytes: Some(98 * MIB), ..Usage::default() };
        let limit = Some((300 * MIB, 512 * MIB));
        assert_eq!(
            gauge(&usage, limit, 120),
            "RSS 124.0 MiB  PSS 98.0 MiB  [######++++++++++++............] cgroup 300.0 MiB, 58.6% of its limit of 512.0 MiB"
        );
        assert_eq!(gauge(&usage, limit, 70), "RSS 124.0 MiB  PSS 98.0 MiB  [##+++++.....] cgroup 58.6% of 512.0 MiB");
        assert_eq!(gauge(&usage, None, 80), "RSS 124.0 MiB  PSS 98.0 MiB  no cgroup limit");
        assert_eq!(gauge(&usage, limit, 20), "RSS 124.0 MiB");
        assert_eq!(bars(u64::MAX, u64::MAX, 1, 10), "[########]");
    }
}
