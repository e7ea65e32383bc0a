//! `leakspy/plot/1`.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::analysis::verdict::{Finding, Kind, Verdict};
use crate::report::chart::words;
use crate::report::number::rounded;

#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    processes: Vec<Process<'a>>,
}

#[derive(Serialize)]
struct Process<'a> {
    pid: i32,
    /// Of this process and those before it that ran the same.
    pids: Vec<i32>,
    command: &'a str,
    python: &'a str,
    points: usize,
    from: String,
    to: String,
    ended: bool,
    verdict: Told<'a>,
}

#[derive(Serialize)]
struct Told<'a> {
    kind: &'static str,
    words: String,
    evidence: Vec<String>,
    points: usize,
    span_seconds: f64,
    restarts: usize,
    gaps: usize,
    envelope_from_bytes: u64,
    envelope_to_bytes: u64,
    floor_bytes: u64,
    mann_kendall_z: f64,
    teeth: Teeth,
    collections: Option<u64>,
    slope_bytes_per_hour: Option<f64>,
    slope_low: Option<f64>,
    slope_high: Option<f64>,
    since: Option<String>,
    limit_bytes: Option<u64>,
    limit_reached_at: Option<String>,
    limit_reached_earliest: Option<String>,
    limit_reached_latest: Option<String>,
    filled_by: Option<String>,
    jumps: Vec<Jump>,
    types: Vec<Type<'a>>,
}

#[derive(Serialize)]
struct Teeth {
    count: usize,
    median_bytes: u64,
    highest_bytes: u64,
    longest_seconds: f64,
}

#[derive(Serialize)]
struct Jump {
    from: String,
    to: String,
    bytes: i64,
}

#[derive(Serialize)]
struct Type<'a> {
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_hour: Option<f64>,
    share: f64,
}

/// Writes `leakspy/plot/1`.
///
/// # Errors
/// What `out` says.
pub fn plot(out: &mut dyn Write, found: &[Finding<'_>]) -> io::Result<()> {
    super::write(out, &Answer { schema: "leakspy/plot/1", processes: found.iter().map(process).collect() })
}

/// A shape's name for programs.
fn kind(of: Kind) -> &'static str {
    match of {
        Kind::Sawtooth => "sawtooth",
        Kind::EarlyExplosion => "early_explosion",
        Kind::Surge => "surge",
        Kind::Leak => "leak",
        Kind::TooShort => "too_short",
    }
}

/// A moment in RFC 3339; one past the end of the calendar is its end.
fn moment(seconds: f64) -> String {
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).unwrap_or(Timestamp::MAX).to_string()
}

fn process<'a>(found: &'a Finding<'a>) -> Process<'a> {
    let latest = found.latest();
    let at = |point: Option<&crate::heap::Point>| moment(point.map_or(0.0, |point| point.at_ms as f64 / 1000.0));
    Process {
        pid: latest.pid,
        pids: found.lives.iter().map(|life| life.pid).collect(),
        command: &latest.command,
        python: &latest.python,
        points: found.verdict.points,
        from: at(found.points().next()),
        to: at(found.points().last()),
        ended: latest.ended_ms.is_some(),
        verdict: told(found, &found.verdict),
    }
}

fn told<'a>(found: &'a Finding<'a>, verdict: &Verdict) -> Told<'a> {
    let hourly = |slope: f64| rounded(slope * 3600.0, 1);
    let reach = verdict.reach;
    Told {
        kind: kind(verdict.kind),
        words: words::headline(found),
        evidence: words::evidence(found),
        points: verdict.points,
        span_seconds: rounded(verdict.span, 3),
        restarts: verdict.runs.saturating_sub(1),
        gaps: verdict.gaps,
        envelope_from_bytes: verdict.envelope.0 as u64,
        envelope_to_bytes: verdict.envelope.1 as u64,
        floor_bytes: verdict.floor as u64,
        mann_kendall_z: rounded(verdict.z, 3),
        teeth: Teeth {
            count: verdict.teeth.count,
            median_bytes: verdict.teeth.height as u64,
            highest_bytes: verdict.teeth.highest as u64,
            longest_seconds: rounded(verdict.teeth.longest, 3),
        },
        collections: verdict.collections,
        slope_bytes_per_hour: verdict.trend.map(|trend| hourly(trend.slope)),
        slope_low: verdict.trend.map(|trend| hourly(trend.low)),
        slope_high: verdict.trend.map(|trend| hourly(trend.high)),
        since: verdict.trend.map(|trend| moment(trend.from)),
        limit_bytes: reach.map(|reach| reach.limit as u64),
        limit_reached_at: reach.map(|reach| moment(reach.at)),
        limit_reached_earliest: reach.map(|reach| moment(reach.earliest)),
        limit_reached_latest: reach.and_then(|reach| reach.latest).map(moment),
        filled_by: verdict.filled.map(moment),
        jumps: verdict
            .jumps
            .iter()
            .map(|jump| Jump { from: moment(jump.from), to: moment(jump.to), bytes: jump.bytes as i64 })
            .collect(),
        types: found
            .carriers
            .iter()
            .map(|carrier| Type {
                r#type: &carrier.name,
                bytes: (verdict.kind != Kind::Leak).then(|| carrier.bytes.round()),
                bytes_per_hour: (verdict.kind == Kind::Leak).then(|| hourly(carrier.bytes)),
                share: rounded(carrier.part, 4),
            })
            .collect(),
    }
}
