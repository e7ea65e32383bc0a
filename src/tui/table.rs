//! The table of types: as many columns as fit, and the rows around the cursor.

use super::draw::{Page, Weight, padded};
use super::number::{short, short_iec, signed, signed_iec, signed_short, signed_short_iec};
use super::state::State;
use crate::analysis::Trend;
use crate::heap::SizeBasis;
use crate::report::number::{iec, thousands};
use crate::report::text::{columns, shorten_middle, visible};

/// From so many columns on numbers are written out.
const WIDE: usize = 130;

/// Columns that a type's name is to have, before a column of numbers goes.
const NAME: usize = 20;

/// A column of numbers.
#[derive(Clone, Copy)]
struct Column {
    group: &'static str,
    short: &'static str,
    title: &'static str,
    /// In columns of the terminal, narrow and wide.
    width: [usize; 2],
    /// The highest goes first when there is no room.
    spare: u8,
    text: fn(&Trend, bool) -> String,
}

const COLUMNS: [Column; 8] = [
    Column {
        group: "NOW",
        short: "NOW",
        title: "COUNT",
        width: [7, 11],
        spare: 3,
        text: |t, wide| if wide { thousands(t.count) } else { short(t.count) },
    },
    Column { group: "NOW", short: "NOW", title: "BYTES", width: [6, 11], spare: 4, text: bytes },
    Column {
        group: "LAST LOOK",
        short: "LAST",
        title: "COUNT",
        width: [8, 11],
        spare: 5,
        text: |t, wide| if wide { signed(t.last.count) } else { signed_short(t.last.count) },
    },
    Column {
        group: "LAST LOOK",
        short: "LAST",
        title: "BYTES",
        width: [6, 12],
        spare: 7,
        text: |t, wide| if wide { signed_iec(t.last.bytes) } else { signed_short_iec(t.last.bytes) },
    },
    Column {
        group: "BASELINE",
        short: "BASE",
        title: "COUNT",
        width: [8, 11],
        spare: 1,
        text: |t, wide| if wide { signed(t.since.count) } else { signed_short(t.since.count) },
    },
    Column {
        group: "BASELINE",
        short: "BASE",
        title: "BYTES",
        width: [6, 12],
        spare: 2,
        text: |t, wide| if wide { signed_iec(t.since.bytes) } else { signed_short_iec(t.since.bytes) },
    },
    Column {
        group: "PER MINUTE",
        short: "/MIN",
        title: "COUNT",
        width: [8, 11],
        spare: 8,
        text: |t, wide| if wide { signed(whole(t.count_per_minute)) } else { signed_short(whole(t.count_per_minute)) },
    },
    Column {
        group: "PER MINUTE",
        short: "/MIN",
        title: "BYTES",
        width: [6, 12],
        spare: 6,
        text: |t, wide| {
            let bytes = whole(t.bytes_per_minute);
            if wide { signed_iec(bytes) } else { signed_short_iec(bytes) }
        },
    },
];

fn bytes(of: &Trend, wide: bool) -> String {
    let mark = if of.basis == SizeBasis::Basic { "*" } else { "" };
    format!("{}{mark}", if wide { iec(of.bytes) } else { short_iec(of.bytes) })
}

fn whole(n: f64) -> i64 {
    n.round() as i64
}

/// Writes the headings and as many rows as there are lines left, the one under the cursor among them.
pub(super) fn table(state: &State, page: &mut Page<'_, '_>) {
    let width = page.width();
    let shape = Shape::new(width);
    if page.height() >= 5 {
        page.line(Weight::Dim, &shape.groups());
    }
    if page.height() >= 3 {
        page.line(Weight::Bold, &shape.titles());
    }
    let (room, cursor) = (page.height(), state.cursor());
    let past = cursor.saturating_add(1).saturating_sub(room);
    for (place, row) in state.rows.iter().enumerate().skip(past).take(room) {
        let selected = place == cursor;
        let weight = if selected { Weight::Reversed } else { Weight::Plain };
        page.line(weight, &shape.row(row, selected));
    }
    if state.rows.is_empty() && state.board.rounds > 0 {
        page.line(
            Weight::Dim,
            if state.types == 0 { "no type at all" } else { "no type matches the filter; Esc takes it back" },
        );
    }
}

/// Which columns there are, and how wide.
struct Shape {
    columns: Vec<Column>,
    wide: bool,
    name: usize,
}

impl Shape {
    fn new(width: usize) -> Shape {
        let wide = width >= WIDE;
        let mut columns = COLUMNS.to_vec();
        loop {
            let shape = Shape { name: 0, wide, columns };
            let numbers: usize = shape.columns.iter().map(|column| shape.width(column) + shape.gap()).sum();
            let name = width.saturating_sub(numbers);
            let spare = shape.columns.iter().enumerate().max_by_key(|(_, column)| column.spare).map(|(at, _)| at);
            match spare {
                // The mark and the cursor stand before the name.
                Some(at) if name < NAME + 2 => {
                    columns = shape.columns;
                    columns.remove(at);
                }
                _ => return Shape { name, ..shape },
            }
        }
    }

    fn width(&self, column: &Column) -> usize {
        column.width[usize::from(self.wide)]
    }

    fn gap(&self) -> usize {
        if self.wide { 2 } else { 1 }
    }

    /// The headings that columns share, over the last of them.
    fn groups(&self) -> String {
        let mut line = " ".repeat(self.name);
        let mut at = 0;
        while let Some(first) = self.columns.get(at) {
            let members = self.columns.iter().skip(at).take_while(|column| column.group == first.group);
            let (many, width) = members.fold((0, 0), |(n, sum), column| (n + 1, sum + self.width(column) + self.gap()));
            // A heading of a single narrow column gives way.
            let long = columns(first.group) < width;
            let title = if long { first.group } else { first.short };
            let title = shorten_middle(title, width.saturating_sub(1)).into_owned();
            line.push_str(&padded(&title, width, true));
            at += many;
        }
        line
    }

    fn titles(&self) -> String {
        let mut line = padded(&shorten_middle("  TYPE", self.name), self.name, false);
        for column in &self.columns {
            line.push_str(&padded(column.title, self.width(column) + self.gap(), true));
        }
        line
    }

    fn row(&self, of: &Trend, selected: bool) -> String {
        let marks = format!("{}{}", if selected { '>' } else { ' ' }, if of.steady { '^' } else { ' ' });
        let name = visible(&of.name);
        let name = shorten_middle(&name, self.name.saturating_sub(columns(&marks)));
        let mut line = padded(&format!("{marks}{name}"), self.name, false);
        for column in &self.columns {
            line.push_str(&padded(&(column.text)(of, self.wide), self.width(column) + self.gap(), true));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_one_by_one_and_names_keep_their_room() {
        for width in 0..260 {
            let shape = Shape::new(width);
            assert!(shape.columns.is_empty() || shape.name >= NAME + 2, "{width}");
            assert!(columns(&shape.titles()) <= width, "{width}: {:?}", shape.titles());
            assert!(columns(&shape.groups()) <= width, "{width}: {:?}", shape.groups());
        }
        assert_eq!(Shape::new(80).columns.len(), 7);
        assert_eq!(Shape::new(200).columns.len(), 8);
    }
}
