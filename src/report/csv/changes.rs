//! What changed by type, a row a type: for `leakspy growth` and `leakspy diff`.

use std::io::{self, Write};

use crate::analysis::{Changed, Compared, Comparison};
use crate::heap::SizeBasis;
use crate::report::text::visible;

/// The look that is compared first: with the one before it.
const FIRST: u64 = 2;

const DELTAS: [&str; 7] =
    ["type", "count_before", "count_after", "count_delta", "bytes_before", "bytes_after", "bytes_delta"];
const SERIES: [&str; 3] = ["count_since_first", "bytes_since_first", "grew_every_look"];
const OBJECTS: [&str; 4] = ["count_new", "bytes_new", "count_gone", "bytes_gone"];

/// Writes a heading and a row for each type that changed. For a stream of comparisons, `look` is the number that tells
/// their rows apart in a column of its own, and only the rows of look 2 have a heading.
///
/// # Errors
/// What `out` says.
pub fn changes(out: &mut dyn Write, found: &Comparison, look: Option<u64>) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    if look.is_none_or(|look| look <= FIRST) {
        let more: &[&str] = match found.of {
            Compared::Types => &[],
            Compared::Series(_) => &SERIES,
            Compared::Objects => &OBJECTS,
        };
        let number = look.map(|_| "look");
        rows.write_record(number.iter().chain(&DELTAS).chain(more).chain(&["size_basis"]))?;
    }
    for row in &found.rows {
        let number = look.map(|look| look.to_string());
        rows.write_record(number.into_iter().chain(record(row, found.of)))?;
    }
    rows.flush()
}

fn record(row: &Changed, of: Compared) -> Vec<String> {
    let (change, moved) = (&row.change, &row.moved);
    let mut cells = vec![
        visible(&change.name).into_owned(),
        change.count_before.to_string(),
        change.count_after.to_string(),
        change.count_delta().to_string(),
        change.bytes_before.to_string(),
        change.bytes_after.to_string(),
        change.bytes_delta().to_string(),
    ];
    match of {
        Compared::Types => {}
        Compared::Series(_) => {
            cells.extend([row.count_since_first(), row.bytes_since_first()].map(|n| n.to_string()));
            cells.push(row.grew_every_look.to_string());
        }
        Compared::Objects => {
            let (new, gone) = (moved.new, moved.gone);
            cells.extend([new.count, new.bytes, gone.count, gone.bytes].map(|n| n.to_string()));
        }
    }
    let basis = match change.basis {
        SizeBasis::Exact => "exact",
        SizeBasis::Basic => "basicsize",
    };
    cells.push(basis.to_owned());
    cells
}
