//! The table of `leakspy find`.

use std::io::{self, Write};

use super::types::trust;
use crate::analysis::Found;
use crate::heap::{Capture, Heap};
use crate::report::Look;
use crate::report::grid::{Column, Give, Grid, Weight, styled};
use crate::report::number::{counted, iec, thousands};
use crate::report::text::{shorten_end, visible, wrapped};

const COLUMNS: [Column; 5] = [
    Column { title: "ADDRESS", right: false, give: Give::Never },
    Column { title: "TYPE", right: false, give: Give::Middle },
    Column { title: "BYTES", right: true, give: Give::Never },
    Column { title: "REFCOUNT", right: true, give: Give::Whole },
    Column { title: "IS", right: false, give: Give::Whole },
];

/// Columns of a value or name that are enough.
const SHORT: usize = 60;

/// Writes a line for each object, what the limit cut off, and the sums.
///
/// # Errors
/// What `out` says.
pub fn find(out: &mut dyn Write, found: &Found, heap: &Heap, capture: &Capture, look: Look) -> io::Result<()> {
    let said = |id| heap.values.get(&id).map(|value| &**value).or_else(|| heap.called(id));
    let any = found.shown.iter().any(|id| said(*id).is_some());
    let columns = if any { &COLUMNS[..] } else { &COLUMNS[..4] };
    let mut grid = Grid::new(columns);
    for id in &found.shown {
        let objects = &heap.objects;
        let mut cells = vec![
            objects.addr(*id).to_string(),
            visible(heap.type_name(*id)).into_owned(),
            iec(objects.bytes(*id)),
            thousands(objects.refcount(*id).into()),
        ];
        if any {
            cells.push(shorten_end(&visible(said(*id).unwrap_or_default()), SHORT).into_owned());
        }
        grid.push(Weight::Plain, cells);
    }
    out.write_all(grid.render(look).as_bytes())?;
    if found.hidden > 0 {
        let more = counted(found.hidden, "more object");
        out.write_all(styled(Weight::Dim, &more, look.colour).as_bytes())?;
    }
    let sampled = found.sampled.map_or(String::new(), |n| format!(", {} of them as a sample", thousands(n)));
    let sum = format!("{} in all, {}{sampled}", counted(found.total, "object"), iec(found.bytes));
    out.write_all(styled(Weight::Bold, &sum, look.colour).as_bytes())?;
    out.write_all(b"\n")?;
    for line in trust(capture) {
        out.write_all(styled(Weight::Dim, &wrapped(&line, look.width, "  "), look.colour).as_bytes())?;
    }
    Ok(())
}
