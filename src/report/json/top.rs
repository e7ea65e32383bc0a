//! A look of `leakspy top` as one line of JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::{escaped, measured, steers};
use crate::analysis::{Board, Member, Trend};
use crate::heap::{Capture, SizeBasis, Usage};
use crate::report::number::rounded;

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture: Option<Capture>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    look: u64,
    since_baseline_seconds: f64,
    interval_ms: f64,
    pause_share: f64,
    totals: Sums,
    #[serde(skip_serializing_if = "Option::is_none")]
    processes: Option<Vec<Process<'a>>>,
    types: Vec<Type<'a>>,
}

#[derive(Serialize)]
struct Sums {
    objects: u64,
    bytes: u64,
    objects_delta: i64,
    bytes_delta: i64,
    objects_since_baseline: i64,
    bytes_since_baseline: i64,
}

#[derive(Serialize)]
struct Process<'a> {
    pid: i32,
    command: &'a str,
    role: Option<&'a str>,
    ended: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    capture: Option<Capture>,
    usage: Usage,
    totals: Sums,
}

#[derive(Serialize)]
struct Type<'a> {
    r#type: &'a str,
    count: u64,
    bytes: u64,
    count_delta: i64,
    bytes_delta: i64,
    count_since_baseline: i64,
    bytes_since_baseline: i64,
    count_per_minute: f64,
    bytes_per_minute: f64,
    steady: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_basis: Option<&'static str>,
}

impl From<&Trend> for Sums {
    fn from(of: &Trend) -> Sums {
        Sums {
            objects: of.count,
            bytes: of.bytes,
            objects_delta: of.last.count,
            bytes_delta: of.last.bytes,
            objects_since_baseline: of.since.count,
            bytes_since_baseline: of.since.bytes,
        }
    }
}

impl<'a> From<&'a Member> for Process<'a> {
    fn from(member: &'a Member) -> Process<'a> {
        Process {
            pid: member.subject.pid,
            command: &member.subject.command,
            role: member.subject.role.as_deref(),
            ended: member.ended,
            error: member.trouble.as_deref(),
            capture: member.capture.as_ref().map(measured),
            usage: member.usage,
            totals: (&member.total).into(),
        }
    }
}

impl<'a> From<&'a Trend> for Type<'a> {
    fn from(of: &'a Trend) -> Type<'a> {
        Type {
            r#type: &of.name,
            count: of.count,
            bytes: of.bytes,
            count_delta: of.last.count,
            bytes_delta: of.last.bytes,
            count_since_baseline: of.since.count,
            bytes_since_baseline: of.since.bytes,
            count_per_minute: rounded(of.count_per_minute, 3),
            bytes_per_minute: rounded(of.bytes_per_minute, 3),
            steady: of.steady,
            size_basis: (of.basis == SizeBasis::Basic).then_some("basicsize"),
        }
    }
}

/// Writes `leakspy/top/1`, one line: of one process its `capture` and `usage`, of several (`together`) a list of `processes`.
///
/// # Errors
/// What `out` says.
pub fn top(out: &mut dyn Write, board: &Board, rows: &[Trend], together: bool) -> io::Result<()> {
    let single = board.shown().next().filter(|_| !together);
    let since = board.shown().map(|member| member.trends.since()).max().unwrap_or_default();
    let line = Line {
        schema: "leakspy/top/1",
        capture: single.and_then(|member| member.capture.as_ref()).map(measured),
        usage: single.map(|member| member.usage),
        look: board.rounds,
        since_baseline_seconds: rounded(since.as_secs_f64(), 3),
        interval_ms: rounded(board.tempo.interval.as_secs_f64() * 1e3, 1),
        pause_share: rounded(board.tempo.share, 5),
        totals: (&board.total()).into(),
        processes: together.then(|| board.members().map(Process::from).collect()),
        types: rows.iter().map(Type::from).collect(),
    };
    let text = serde_json::to_string(&line)?;
    let mut text: String = text.chars().map(|c| if steers(c) { escaped(c) } else { c.to_string() }).collect();
    text.push('\n');
    out.write_all(text.as_bytes())
}
