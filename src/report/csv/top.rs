//! What grows, a row a type and look: for `leakspy top`.

use std::io::{self, Write};

use crate::analysis::{Board, Trend};
use crate::heap::SizeBasis;
use crate::report::text::visible;

const HEADING: [&str; 13] = [
    "look",
    "taken_at",
    "type",
    "count",
    "bytes",
    "count_delta",
    "bytes_delta",
    "count_since_baseline",
    "bytes_since_baseline",
    "count_per_minute",
    "bytes_per_minute",
    "steady",
    "size_basis",
];

/// Writes a row for each type; before those of the first look, a heading.
///
/// # Errors
/// What `out` says.
pub fn top(out: &mut dyn Write, board: &Board, types: &[Trend]) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    if board.rounds <= 1 {
        rows.write_record(HEADING)?;
    }
    let at = board.taken_at().unwrap_or_default();
    for of in types {
        let rate = |n: f64| format!("{n:.3}");
        let basis = match of.basis {
            SizeBasis::Exact => "exact",
            SizeBasis::Basic => "basicsize",
        };
        rows.write_record([
            board.rounds.to_string().as_str(),
            at,
            visible(&of.name).as_ref(),
            &of.count.to_string(),
            &of.bytes.to_string(),
            &of.last.count.to_string(),
            &of.last.bytes.to_string(),
            &of.since.count.to_string(),
            &of.since.bytes.to_string(),
            &rate(of.count_per_minute),
            &rate(of.bytes_per_minute),
            if of.steady { "true" } else { "false" },
            basis,
        ])?;
    }
    rows.flush()
}
