//! `leakspy/diff/1`: what changed by type, for `leakspy growth` and `leakspy diff`.

use std::io::{self, Write};

use serde::Serialize;

use super::{measured, write, write_line};
use crate::analysis::paths::Sum;
use crate::analysis::{Balance, Changed, Compared, Comparison};
use crate::heap::{Capture, SizeBasis};

#[derive(Serialize)]
struct Answer<'a, T: Serialize> {
    schema: &'static str,
    before: Capture,
    after: Capture,
    #[serde(flatten)]
    more: &'a T,
    totals: Totals,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<Sums>,
    types: Vec<Row<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<Sums>,
}

#[derive(Serialize)]
struct Totals {
    #[serde(flatten)]
    sums: Sums,
    unchanged_types: u64,
}

#[derive(Serialize)]
struct Sums {
    types: u64,
    #[serde(flatten)]
    deltas: Deltas,
}

#[derive(Serialize)]
struct Row<'a> {
    r#type: &'a str,
    #[serde(flatten)]
    deltas: Deltas,
    #[serde(skip_serializing_if = "Option::is_none")]
    grew_every_look: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_basis: Option<&'static str>,
}

#[derive(Serialize)]
struct Deltas {
    count_before: u64,
    count_after: u64,
    count_delta: i64,
    bytes_before: u64,
    bytes_after: u64,
    bytes_delta: i64,
    #[serde(flatten)]
    since_first: Option<SinceFirst>,
    #[serde(flatten)]
    moved: Option<NewAndGone>,
}

#[derive(Serialize)]
struct SinceFirst {
    count_since_first: i64,
    bytes_since_first: i64,
}

#[derive(Serialize)]
struct NewAndGone {
    count_new: u64,
    bytes_new: u64,
    count_gone: u64,
    bytes_gone: u64,
}

impl Deltas {
    fn of(sums: &Balance, of: Compared) -> Deltas {
        let Balance { before, after, moved, .. } = sums;
        let since_first =
            || SinceFirst { count_since_first: sums.count_since_first(), bytes_since_first: sums.bytes_since_first() };
        let Sum { count: count_new, bytes: bytes_new } = moved.new;
        let Sum { count: count_gone, bytes: bytes_gone } = moved.gone;
        Deltas {
            count_before: before.count,
            count_after: after.count,
            count_delta: sums.count_delta(),
            bytes_before: before.bytes,
            bytes_after: after.bytes,
            bytes_delta: sums.bytes_delta(),
            since_first: matches!(of, Compared::Series(_)).then(since_first),
            moved: (of == Compared::Objects).then_some(NewAndGone { count_new, bytes_new, count_gone, bytes_gone }),
        }
    }
}

/// Nothing but what changed, for [`changes`] and [`changes_line`].
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct NothingMore {}

/// Writes `leakspy/diff/1`: the types that changed; `matched` only under a filter, `omitted` only where a limit cut rows
/// off. The keys of `more`, a struct or a map, stand among those of the answer.
///
/// # Errors
/// What `out` says.
pub fn changes<T: Serialize>(
    out: &mut dyn Write,
    found: &Comparison,
    before: &Capture,
    after: &Capture,
    more: &T,
) -> io::Result<()> {
    write(out, &answer(found, before, after, more))
}

/// The same in one line, for a stream of comparisons.
///
/// # Errors
/// What `out` says.
pub fn changes_line<T: Serialize>(
    out: &mut dyn Write,
    found: &Comparison,
    before: &Capture,
    after: &Capture,
    more: &T,
) -> io::Result<()> {
    write_line(out, &answer(found, before, after, more))
}

fn answer<'a, T: Serialize>(found: &'a Comparison, before: &Capture, after: &Capture, more: &'a T) -> Answer<'a, T> {
    let sums = |of: &Balance| Sums { types: of.types, deltas: Deltas::of(of, found.of) };
    Answer {
        schema: "leakspy/diff/1",
        before: measured(before),
        after: measured(after),
        more,
        totals: Totals { sums: sums(&found.totals), unchanged_types: found.unchanged },
        matched: found.matched.as_ref().map(sums),
        types: found.rows.iter().map(|changed| row(changed, found.of)).collect(),
        omitted: (found.hidden.types > 0).then(|| sums(&found.hidden)),
    }
}

fn row(changed: &Changed, of: Compared) -> Row<'_> {
    Row {
        r#type: &changed.change.name,
        deltas: Deltas::of(&Balance::of([changed]), of),
        grew_every_look: matches!(of, Compared::Series(2..)).then_some(changed.grew_every_look),
        size_basis: (changed.change.basis == SizeBasis::Basic).then_some("basicsize"),
    }
}
