//! Rows and columns made to fit a terminal. Knows nothing of what stands in the cells.

use anstyle::{Effects, Style};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::style::Style as Border;
use tabled::settings::{Alignment, Padding};

use crate::report::Look;
use crate::report::text::{columns, shorten_end, shorten_middle};

/// Between two columns.
const GAP: usize = 2;

/// Where the text of a column gives way when the terminal is narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Give {
    /// It does not: numbers are never cut.
    Never,
    /// Its middle becomes `…`.
    Middle,
    /// Its end becomes `…`.
    End,
    /// Its middle becomes `…`, once no column is left to go altogether.
    Last,
    /// The column goes altogether, rightmost first, when cutting the others is not enough.
    Whole,
}

/// How one column is set.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Do its cells end in one line, as numbers do?
    pub right: bool,
    /// What gives way.
    pub give: Give,
}

/// The weight of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// A row like any other.
    Plain,
    /// A heading or a sum; its text is never shortened.
    Bold,
    /// What is merely mentioned; its text is never shortened.
    Dim,
}

/// A table in the making.
#[derive(Debug)]
pub struct Grid {
    columns: Vec<Column>,
    rows: Vec<(Weight, Vec<String>)>,
}

impl Grid {
    /// A table of these columns with their headings, and no row yet.
    #[must_use]
    pub fn new(columns: &[Column]) -> Grid {
        let titles = columns.iter().map(|column| column.title.to_owned()).collect();
        Grid { columns: columns.to_vec(), rows: vec![(Weight::Bold, titles)] }
    }

    /// Adds a row; a cell for each column.
    pub fn push(&mut self, weight: Weight, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push((weight, cells));
    }

    /// The table in text, each row a line with its newline.
    #[must_use]
    pub fn render(mut self, look: Look) -> String {
        if let Some(width) = look.width {
            self.fit(width);
        }
        let mut builder = Builder::new();
        for (_, cells) in &self.rows {
            builder.push_record(cells);
        }
        let mut table = builder.build();
        table.with(Border::empty()).with(Padding::zero());
        for (at, column) in self.columns.iter().enumerate() {
            let gap = if at + 1 < self.columns.len() { GAP } else { 0 };
            let side = if column.right { Alignment::right() } else { Alignment::left() };
            table.modify(Columns::one(at), (side, Padding::new(0, gap, 0, 0)));
        }
        let text = table.to_string();
        self.rows.iter().zip(text.lines()).map(|((weight, _), line)| styled(*weight, line, look.colour)).collect()
    }

    fn fit(&mut self, width: usize) {
        loop {
            let spare = self.columns.iter().rposition(|column| column.give == Give::Whole);
            let Some(at) = self.columns.iter().position(|c| matches!(c.give, Give::Middle | Give::End | Give::Last))
            else {
                return;
            };
            let others: usize =
                (0..self.columns.len()).filter(|i| *i != at).map(|i| self.widest(i, |_| true) + GAP).sum();
            let least = self.widest(at, |weight| weight != Weight::Plain);
            let room = width.saturating_sub(others);
            let whole = self.columns.get(at).is_some_and(|column| column.give == Give::Last);
            let wanted = if whole { self.widest(at, |_| true) } else { least };
            match spare {
                Some(column) if room < wanted => self.remove(column),
                _ => return self.shorten(at, room.max(least)),
            }
        }
    }

    fn widest(&self, column: usize, of: impl Fn(Weight) -> bool) -> usize {
        let cells = self.rows.iter().filter(|(weight, _)| of(*weight)).filter_map(|(_, cells)| cells.get(column));
        cells.map(|cell| columns(cell)).max().unwrap_or(0)
    }

    fn remove(&mut self, column: usize) {
        self.columns.remove(column);
        self.rows.iter_mut().for_each(|(_, cells)| drop(cells.remove(column)));
    }

    fn shorten(&mut self, column: usize, width: usize) {
        let at_end = self.columns.get(column).is_some_and(|column| column.give == Give::End);
        for cell in self.rows.iter_mut().filter_map(|(_, cells)| cells.get_mut(column)) {
            let short = if at_end { shorten_end(cell, width) } else { shorten_middle(cell, width) };
            *cell = short.into_owned();
        }
    }
}

/// A line and its newline, in bold or dim where that may be used.
#[must_use]
pub fn styled(weight: Weight, line: &str, colour: bool) -> String {
    let line = line.trim_end();
    let style = match weight {
        Weight::Bold if colour => Style::new().effects(Effects::BOLD),
        Weight::Dim if colour => Style::new().effects(Effects::DIMMED),
        _ => Style::new(),
    };
    format!("{style}{line}{style:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(&[
            Column { title: "NAME", right: false, give: Give::Middle },
            Column { title: "N", right: true, give: Give::Never },
            Column { title: "SHARE", right: true, give: Give::Whole },
        ]);
        grid.push(Weight::Plain, vec!["a_rather_long_name".into(), "1,000".into(), "9.5%".into()]);
        grid.push(Weight::Bold, vec!["all 2".into(), "2".into(), "100.0%".into()]);
        grid
    }

    fn look(width: usize) -> Look {
        Look { width: Some(width), colour: false }
    }

    #[test]
    fn numbers_stand_right_and_names_left() {
        let wide =
            "NAME                    N   SHARE\na_rather_long_name  1,000    9.5%\nall 2                   2  100.0%\n";
        assert_eq!(grid().render(Look::default()), wide);
        assert_eq!(grid().render(look(80)), wide);
    }

    #[test]
    fn a_narrow_terminal_shortens_names_then_drops_a_column() {
        assert_eq!(
            grid().render(look(24)),
            "NAME           N   SHARE\na_ra…name  1,000    9.5%\nall 2          2  100.0%\n"
        );
        assert_eq!(grid().render(look(15)), "NAME          N\na_r…name  1,000\nall 2         2\n");
        assert_eq!(grid().render(look(3)), "NAME       N\na_…me  1,000\nall 2      2\n", "sums and numbers stay whole");
    }

    #[test]
    fn weight_shows_only_where_it_may() {
        assert_eq!(styled(Weight::Bold, "sum  ", false), "sum\n");
        assert_eq!(styled(Weight::Bold, "sum", true), "\u{1b}[1msum\u{1b}[0m\n");
        assert_eq!(styled(Weight::Plain, "row", true), "row\n");
    }
}
