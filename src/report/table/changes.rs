//! The table of what changed by type, for `leakspy growth` and `leakspy diff`: the biggest grower first, the whole heap in
//! the last line. Says nothing of when the looks were.

use std::io::{self, Write};

use super::types::trust;
use crate::analysis::{Balance, Changed, Compared, Comparison};
use crate::heap::{Capture, SizeBasis};
use crate::report::Look;
use crate::report::grid::{Column, Give, Grid, Weight, styled};
use crate::report::number::{counted, iec, signed, signed_iec, thousands};
use crate::report::text::{visible, wrapped};

const fn number(title: &'static str, give: Give) -> Column {
    Column { title, right: true, give }
}

const TYPE: Column = Column { title: "TYPE", right: false, give: Give::Middle };
const TYPES: [Column; 5] = [
    TYPE,
    number("COUNT +/-", Give::Never),
    number("BYTES +/-", Give::Never),
    number("COUNT", Give::Whole),
    number("BYTES", Give::Whole),
];
const SERIES: [Column; 7] = [
    TYPE,
    number("COUNT +/-", Give::Never),
    number("BYTES +/-", Give::Never),
    number("SINCE FIRST", Give::Whole),
    number("SINCE FIRST", Give::Whole),
    number("COUNT", Give::Whole),
    number("BYTES", Give::Whole),
];
const OBJECTS: [Column; 9] = [
    TYPE,
    number("NEW", Give::Never),
    number("BYTES", Give::Never),
    number("GONE", Give::Whole),
    number("BYTES", Give::Whole),
    number("COUNT +/-", Give::Whole),
    number("BYTES +/-", Give::Whole),
    number("COUNT", Give::Whole),
    number("BYTES", Give::Whole),
];

const BASIC: &str = "* tp_basicsize and items only: a type of a C extension, or one with a __sizeof__ of its own";

/// Before the name of a type that grew at every look.
const EVERY: &str = "↑ ";

/// Writes what changed: its rows, what the limit cut off, the sums, and how far both looks can be trusted. One line is left
/// empty after the table.
///
/// # Errors
/// What `out` says.
pub fn changes(
    out: &mut dyn Write,
    found: &Comparison,
    before: &Capture,
    after: &Capture,
    look: Look,
) -> io::Result<()> {
    let basic = found.totals.basic > 0;
    let arrows = found.rows.iter().any(|row| row.grew_every_look);
    out.write_all(grid(found, basic, arrows).render(look).as_bytes())?;
    out.write_all(b"\n")?;
    let mut lines = Vec::new();
    if let (true, Compared::Series(comparisons)) = (arrows, found.of) {
        lines.push(format!("{EVERY}grew at every look: {comparisons} times in a row"));
    }
    lines.extend(both(before, after));
    lines.extend(basic.then(|| BASIC.to_owned()));
    for line in lines {
        out.write_all(styled(Weight::Dim, &wrapped(&line, look.width, "  "), look.colour).as_bytes())?;
    }
    Ok(())
}

fn grid(found: &Comparison, basic: bool, arrows: bool) -> Grid {
    let mut grid = Grid::new(match found.of {
        Compared::Types => &TYPES,
        // With one comparison the look before is the first one.
        Compared::Series(..2) => &TYPES,
        Compared::Series(_) => &SERIES,
        Compared::Objects => &OBJECTS,
    });
    let indented = |mark: bool, name: &str| match (arrows, mark) {
        (false, _) => name.to_owned(),
        (true, true) => format!("{EVERY}{name}"),
        (true, false) => format!("  {name}"),
    };
    for row in &found.rows {
        let name = indented(row.grew_every_look, &visible(&row.change.name));
        let marked = row.change.basis == SizeBasis::Basic;
        grid.push(Weight::Plain, cells(found.of, name, &sum(row), basic, marked));
    }
    let mut sums = |weight: Weight, label: String, of: &Balance| {
        grid.push(weight, cells(found.of, label, of, basic, of.basic > 0));
    };
    if found.hidden.types > 0 {
        sums(Weight::Dim, counted(found.hidden.types, "more type"), &found.hidden);
    }
    if let Some(matched) = &found.matched {
        sums(Weight::Bold, format!("{} matched", counted(matched.types, "type")), matched);
    }
    // The sums are of the whole heap; what stands above are the types that changed.
    let all = counted(found.totals.types, "type");
    let label = match found.totals.types.saturating_sub(found.unchanged) {
        0 => format!("{all}, none changed"),
        changed => format!("{all}, {} changed", thousands(changed)),
    };
    sums(Weight::Bold, label, &found.totals);
    grid
}

fn sum(row: &Changed) -> Balance {
    Balance::of([row])
}

fn cells(of: Compared, name: String, sums: &Balance, basic: bool, marked: bool) -> Vec<String> {
    let mark = |size: String| match (basic, marked) {
        (false, _) => size,
        (true, false) => size + " ",
        (true, true) => size + "*",
    };
    let size = |bytes| mark(iec(bytes));
    let more = |bytes| mark(signed_iec(bytes));
    let delta = [signed(sums.count_delta()), more(sums.bytes_delta())];
    let now = [thousands(sums.after.count), size(sums.after.bytes)];
    let between = match of {
        Compared::Types | Compared::Series(..2) => Vec::new(),
        Compared::Series(_) => vec![signed(sums.count_since_first()), more(sums.bytes_since_first())],
        Compared::Objects => {
            let moved = &sums.moved;
            let mut cells = vec![thousands(moved.new.count), size(moved.new.bytes)];
            cells.extend([thousands(moved.gone.count), size(moved.gone.bytes)]);
            cells
        }
    };
    let ordered: [Vec<String>; 2] =
        if of == Compared::Objects { [between, delta.into()] } else { [delta.into(), between] };
    std::iter::once(name).chain(ordered.into_iter().flatten()).chain(now).collect()
}

/// How far both looks can be trusted: the later one in full, of the earlier one what is wrong with it.
fn both(before: &Capture, after: &Capture) -> Vec<String> {
    let mut lines = trust(after);
    let known = lines.clone();
    // The first line of each is its coverage.
    let earlier = trust(before).into_iter().skip(1).filter(|line| !known.contains(line));
    lines.extend(earlier.map(|line| format!("the look before: {line}")));
    lines
}
