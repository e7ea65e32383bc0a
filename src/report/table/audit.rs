//! The table of `leakspy audit`.

use std::io::{self, Write};

use super::types::trust;
use crate::analysis::Audit;
use crate::heap::{Capture, Heap};
use crate::report::Look;
use crate::report::grid::{Column, Give, Grid, Weight, styled};
use crate::report::number::{counted, percent, thousands};
use crate::report::text::{visible, wrapped};

const COLUMNS: [Column; 4] = [
    Column { title: "TYPE", right: false, give: Give::Middle },
    Column { title: "SURPLUS", right: true, give: Give::Never },
    Column { title: "DEFICIT", right: true, give: Give::Never },
    Column { title: "EXAMPLES (refcount, found)", right: false, give: Give::Whole },
];

/// Writes the types whose refcounts are off, by objects, and how many are explained.
///
/// # Errors
/// What `out` says.
pub fn audit(out: &mut dyn Write, audit: &Audit, heap: &Heap, capture: &Capture, look: Look) -> io::Result<()> {
    let mut grid = Grid::new(&COLUMNS);
    for of in &audit.types {
        let example = |e: &crate::analysis::audit::Example| {
            format!("{} ({}, {})", heap.objects.addr(e.id), thousands(e.refcount.into()), thousands(e.found.into()))
        };
        let examples: Vec<String> = of.examples.iter().map(example).collect();
        let [surplus, deficit] = [of.surplus, of.deficit].map(|n| thousands(n.objects));
        grid.push(Weight::Plain, vec![visible(&of.name).into_owned(), surplus, deficit, examples.join(" ")]);
    }
    if audit.hidden > 0 {
        let more = counted(audit.hidden, "more type");
        grid.push(Weight::Dim, vec![more, String::new(), String::new(), String::new()]);
    }
    let [surplus, deficit] = [audit.surplus, audit.deficit].map(|n| thousands(n.objects));
    grid.push(Weight::Bold, vec!["all types".to_owned(), surplus, deficit, String::new()]);
    out.write_all(grid.render(look).as_bytes())?;
    out.write_all(b"\n")?;

    let explained = format!(
        "{} of {} explained to the count ({}); {} immortal",
        thousands(audit.explained),
        counted(audit.mortal, "mortal object"),
        percent(audit.share()),
        thousands(audit.immortal),
    );
    let gaps = heap.gaps;
    let gaps = format!(
        "pointers that led to no object: {}; objects not read to their end: {}; references left out: {}",
        thousands(gaps.dangling),
        thousands(gaps.damaged),
        thousands(gaps.dropped)
    );
    for line in [explained, gaps].into_iter().chain(trust(capture)) {
        out.write_all(styled(Weight::Dim, &wrapped(&line, look.width, "  "), look.colour).as_bytes())?;
    }
    Ok(())
}
