//! One row a process, where there are several.

use super::draw::{Page, Weight, padded};
use super::number::{short, short_iec, signed_short, signed_short_iec};
use super::state::State;
use crate::analysis::Member;
use crate::report::number::counted;
use crate::report::text::{columns, shorten_end, visible};

const TITLES: [(&str, usize); 9] = [
    ("PID", 8),
    ("RSS", 6),
    ("PSS", 6),
    ("OBJECTS", 8),
    ("BYTES", 6),
    ("+OBJECTS", 8),
    ("+BYTES", 7),
    ("PAUSE", 7),
    ("WHO", 0),
];

/// Writes them, up to a third of a screen of this height, those that grew most first.
pub(super) fn fleet(state: &State, page: &mut Page<'_, '_>, height: usize) {
    if state.board.len() < 2 || height < 10 {
        return;
    }
    let mut members: Vec<&Member> = state.board.members().collect();
    members.sort_by_key(|member| (member.ended, -member.total.since.bytes, member.subject.pid));
    let most = (height / 3).saturating_sub(2).max(1);
    let shown = if members.len() > most { most.saturating_sub(1).max(1) } else { members.len() };
    let titles = TITLES.map(|(title, _)| title.to_owned());
    page.line(Weight::Dim, &row(' ', &titles, page.width()));
    for member in members.iter().take(shown) {
        let mark = if state.focus == Some(member.subject.pid) { '>' } else { ' ' };
        let weight = if member.ended { Weight::Dim } else { Weight::Plain };
        page.line(weight, &row(mark, &cells(member), page.width()));
    }
    let hidden = members.len().saturating_sub(shown);
    if hidden > 0 {
        let more = counted(hidden as u64, "more process");
        page.line(Weight::Dim, &shorten_end(&format!("  {more}"), page.width()));
    }
}

fn cells(member: &Member) -> [String; 9] {
    let who = match (&member.subject.role, member.ended, &member.trouble) {
        (_, true, _) => "ended".to_owned(),
        (Some(role), _, Some(why)) => visible(&format!("{role}: {why}")).into_owned(),
        (None, _, Some(why)) => visible(why).into_owned(),
        (Some(role), ..) => visible(role).into_owned(),
        (None, ..) => visible(&member.subject.command).into_owned(),
    };
    let pid = member.subject.pid.to_string();
    let Some(capture) = &member.capture else {
        let none = String::new;
        return [pid, none(), none(), none(), none(), none(), none(), none(), who];
    };
    [
        pid,
        short_iec(member.usage.rss_bytes),
        member.usage.pss_bytes.map_or_else(|| "?".to_owned(), short_iec),
        short(member.total.count),
        short_iec(member.total.bytes),
        signed_short(member.total.since.count),
        signed_short_iec(member.total.since.bytes),
        format!("{:.1}ms", capture.pause_ms),
        who,
    ]
}

fn row(mark: char, cells: &[String; 9], width: usize) -> String {
    let mut line = mark.to_string();
    for (cell, (_, room)) in cells.iter().zip(TITLES) {
        if room > 0 {
            line.push_str(&padded(cell, room, true));
            line.push(' ');
        } else {
            let room = width.saturating_sub(columns(&line)).saturating_sub(1);
            line.push(' ');
            line.push_str(&shorten_end(cell, room));
        }
    }
    line
}
