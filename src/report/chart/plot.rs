//! One program over time → what its chart shows: lines, bands, marks and axes, still without a surface to draw on.

use super::scale::{self, Axis};
use super::words;
use crate::analysis::verdict::{Finding, Jump, memory};
use crate::heap::Point;
use crate::report::text::visible;

/// Types that have a band of their own.
const BANDS: usize = 6;
/// A limit is drawn up to so many times the highest look; further up it would press the line flat.
const NEAR: f64 = 4.0;
/// A pause of so many usual intervals breaks the line.
const BROKEN: f64 = 5.0;
/// Below this part of the level a change is drawn on an axis that does not begin at 0.
const ZOOM: f64 = 0.3;

/// What one chart shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// Of which process; safe to print.
    pub title: String,
    /// The verdict.
    pub headline: String,
    /// What speaks for it.
    pub evidence: Vec<String>,
    /// Memory over time, broken where nobody looked: seconds and bytes.
    pub lines: Vec<Vec<(f64, f64)>>,
    /// The limit, where it is near enough to be drawn.
    pub limit: Option<f64>,
    /// When a new process began.
    pub restarts: Vec<f64>,
    /// The jumps of a surge.
    pub jumps: Vec<Jump>,
    /// The first moment and the last.
    pub span: (f64, f64),
    /// The lowest look and the highest, the limit drawn included.
    pub range: (f64, f64),
    /// Bytes by type.
    pub stack: Option<Stack>,
}

/// Bytes by type over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// Names, the lowest band first; safe to print. The last may be `other`.
    pub names: Vec<String>,
    /// Seconds, and the bytes of each band, broken as the line is.
    pub pieces: Vec<Vec<(f64, Vec<f64>)>>,
    /// The most of all together.
    pub highest: f64,
}

impl Plot {
    /// The chart of a program between two moments (milliseconds since 1970), of its verdict all the same.
    #[must_use]
    pub fn of(found: &Finding<'_>) -> Plot {
        let mut lines = Vec::new();
        let mut pieces: Vec<Vec<&Point>> = Vec::new();
        for life in &found.lives {
            for piece in unbroken(&life.points) {
                lines.push(piece.iter().map(|point| (seconds(point), memory(point) as f64)).collect());
                pieces.push(piece.iter().filter(|point| point.heap.is_some()).collect());
            }
        }
        let all = || lines.iter().flatten().map(|point: &(f64, f64)| point.1);
        let (lowest, highest) = (all().fold(f64::MAX, f64::min), all().fold(0.0, f64::max));
        let limit = found.points().filter_map(|point| point.usage.cgroup_limit_bytes).last().map(|limit| limit as f64);
        let limit = limit.filter(|limit| *limit <= NEAR * highest);
        let first = found.points().next().map_or(0.0, seconds);
        let last = found.points().last().map_or(0.0, seconds);
        Plot {
            title: title(found),
            headline: words::headline(found),
            evidence: words::evidence(found),
            lines,
            limit,
            restarts: found.lives.iter().skip(1).filter_map(|life| life.points.first()).map(seconds).collect(),
            jumps: found.verdict.jumps.clone(),
            span: (first, last),
            range: (lowest.min(highest), limit.unwrap_or(0.0).max(highest)),
            stack: stack(&pieces),
        }
    }

    /// The axis of memory: from 0, or from near the lowest look where all that happened would else be a flat line.
    #[must_use]
    pub fn memory_axis(&self, marks: usize) -> Axis {
        let (low, high) = self.range;
        let zoomed = high - low < ZOOM * high;
        scale::bytes(if zoomed { low - (high - low) * 0.1 } else { 0.0 }.max(0.0), high, marks)
    }

    /// The axis of time.
    #[must_use]
    pub fn time_axis(&self, marks: usize) -> Axis {
        scale::time(self.span.0, self.span.1, marks)
    }
}

fn seconds(point: &Point) -> f64 {
    point.at_ms as f64 / 1000.0
}

fn title(found: &Finding<'_>) -> String {
    let latest = found.latest();
    let pids: Vec<String> = found.lives.iter().rev().take(3).rev().map(|life| life.pid.to_string()).collect();
    let earlier = if found.lives.len() > 3 { "... " } else { "" };
    let ended = if latest.ended_ms.is_some() { ", ended" } else { "" };
    let python = if latest.python.is_empty() { String::new() } else { format!(", Python {}", visible(&latest.python)) };
    format!("{} (PID {earlier}{}{python}{ended})", visible(&latest.command), pids.join(", "))
}

/// Looks between which there is no long pause.
fn unbroken(points: &[Point]) -> Vec<&[Point]> {
    let mut steps: Vec<i64> = points.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).collect();
    steps.sort_unstable();
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(0) as f64;
    points.chunk_by(|a, b| (b.at_ms - a.at_ms) as f64 <= BROKEN * usual.max(1.0)).collect()
}

/// The types with most bytes at any look each get a band; the rest shares one.
fn stack(pieces: &[Vec<&Point>]) -> Option<Stack> {
    let mut most: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for of in pieces.iter().flatten().filter_map(|point| point.heap.as_ref()).flat_map(|heap| &heap.types) {
        let seen = most.entry(&of.name).or_default();
        *seen = (*seen).max(of.bytes);
    }
    let mut ranked: Vec<(&str, u64)> = most.into_iter().filter(|of| of.1 > 0).collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    ranked.truncate(BANDS);
    if ranked.is_empty() {
        return None;
    }
    let bands = |point: &&Point| {
        let heap = point.heap.as_ref()?;
        let of = |name: &str| heap.types.iter().find(|of| of.name == name).map_or(0, |of| of.bytes) as f64;
        let mut bytes: Vec<f64> = ranked.iter().map(|(name, _)| of(name)).collect();
        let named: f64 = bytes.iter().sum();
        bytes.push((heap.bytes as f64 - named).max(0.0));
        Some((seconds(point), bytes))
    };
    let pieces: Vec<Vec<(f64, Vec<f64>)>> =
        pieces.iter().map(|piece| piece.iter().filter_map(bands).collect()).collect();
    let sums = pieces.iter().flatten().map(|(_, bytes)| bytes.iter().sum());
    let highest = sums.fold(0.0, f64::max);
    let names = ranked.iter().map(|(name, _)| visible(name).into_owned()).chain(["other".to_owned()]).collect();
    Some(Stack { names, pieces, highest })
}
