//! The table of `leakspy referrers`, and its tree: what refers to some objects, and below each line what refers to that.

use std::io::{self, Write};

use super::types::trust;
use crate::analysis::referrers::Row;
use crate::analysis::{Holder, Referrers};
use crate::heap::{Capture, Heap};
use crate::report::Look;
use crate::report::grid::{Column, Give, Grid, Weight, styled};
use crate::report::number::{counted, percent, thousands};
use crate::report::text::{shorten_end, shorten_middle, visible, wrapped};

const COLUMNS: [Column; 7] = [
    Column { title: "HELD BY", right: false, give: Give::Last },
    Column { title: "OF", right: false, give: Give::Never },
    Column { title: "REFS", right: true, give: Give::Never },
    Column { title: "ADDRESS", right: false, give: Give::Never },
    Column { title: "SHARE", right: true, give: Give::Whole },
    Column { title: "OBJECTS", right: true, give: Give::Whole },
    Column { title: "IS", right: false, give: Give::Whole },
];

/// Columns of a type's name that are enough, on a terminal.
const TYPE: usize = 40;

/// Columns of a name that are enough.
const SHORT: usize = 60;

/// Writes the rows with those below them, what limits cut off, and how far it can be trusted.
///
/// # Errors
/// What `out` says.
pub fn referrers(out: &mut dyn Write, tree: &Referrers, heap: &Heap, capture: &Capture, look: Look) -> io::Result<()> {
    let Some(asked) = tree.asked() else { return Ok(()) };
    let mut grid = Grid::new(&COLUMNS);
    lines(&mut grid, tree, asked, heap, look, "");
    out.write_all(grid.render(look).as_bytes())?;
    let of = match &asked.holder {
        Holder::Asked(Some(name)) => format!(" of {}", visible(name)),
        _ => String::new(),
    };
    let sum = format!("{}{of}, {} to them", counted(asked.objects, "object"), counted(asked.references, "reference"));
    out.write_all(styled(Weight::Bold, &sum, look.colour).as_bytes())?;
    out.write_all(b"\n")?;
    for line in trust(capture) {
        out.write_all(styled(Weight::Dim, &wrapped(&line, look.width, "  "), look.colour).as_bytes())?;
    }
    Ok(())
}

/// The lines below a row. As deep as the tree, whose depth the command line bounds.
fn lines(grid: &mut Grid, tree: &Referrers, row: &Row, heap: &Heap, look: Look, indent: &str) {
    // What stands on the first level needs no branches: there is nothing above it.
    let branch = |last: bool| match (row.level, last) {
        (0, _) => ("", ""),
        (_, false) => ("├─ ", "│  "),
        (_, true) => ("└─ ", "   "),
    };
    let count = row.below.len();
    for (n, (_, below)) in tree.below(row).enumerate() {
        let (here, further) = branch(n + 1 == count && row.hidden_rows == 0);
        grid.push(Weight::Plain, cells(tree, below, heap, look, &format!("{indent}{here}")));
        lines(grid, tree, below, heap, look, &format!("{indent}{further}"));
    }
    if row.hidden_rows > 0 {
        let more = format!("{indent}{}{}", branch(true).0, counted(row.hidden_rows, "more row"));
        let share = if row.references == 0 { 0.0 } else { row.hidden as f64 / row.references as f64 };
        let none = String::new;
        let cells = vec![more, none(), thousands(row.hidden), none(), percent(share), none(), none()];
        grid.push(Weight::Dim, cells);
    }
}

fn cells(tree: &Referrers, row: &Row, heap: &Heap, look: Look, indent: &str) -> Vec<String> {
    let inferred = if row.inferred > 0 { " (inferred)" } else { "" };
    let objects = if row.objects > 0 { thousands(row.objects) } else { String::new() };
    vec![
        format!("{indent}{}{inferred}", visible(row.edge.trim_start())),
        holder(row, look),
        thousands(row.count),
        row.only.map_or_else(String::new, |id| heap.objects.addr(id).to_string()),
        percent(tree.share(row)),
        objects,
        known(tree, row, heap),
    ]
}

fn holder(row: &Row, look: Look) -> String {
    match &row.holder {
        Holder::Type(name) => {
            let name = visible(name);
            if look.width.is_some() { shorten_middle(&name, TYPE).into_owned() } else { name.into_owned() }
        }
        Holder::Root(kind) => format!("(root: {})", kind.word().replace('_', " ")),
        Holder::Native | Holder::Asked(_) => "(native code)".to_owned(),
    }
}

/// The single object that refers, by its name, and where what refers is followed.
fn known(tree: &Referrers, row: &Row, heap: &Heap) -> String {
    let known = row.only.and_then(|id| tree.owners.known_as(heap, id));
    let known = known.map(|known| shorten_end(&visible(&known), SHORT).into_owned());
    let elsewhere = match row.elsewhere {
        Some(0) if tree.asked().is_some_and(|asked| asked.objects == 1) => Some("(itself)".to_owned()),
        Some(0) => Some("(of these themselves)".to_owned()),
        Some(_) => Some("(followed in another row)".to_owned()),
        None => None,
    };
    [known, elsewhere].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
