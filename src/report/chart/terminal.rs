//! Charts in characters: memory as a line of braille dots, types as bands of fillings that differ without colour.

use std::io::{self, Write};

use anstyle::{Ansi256Color, Color, Style};

use super::canvas::Canvas;
use super::plot::{Plot, Stack};
use super::scale::{self, Axis};
use crate::report::Look;
use crate::report::text::{columns, shorten_end, shorten_middle, wrapped};

/// Columns where there is no terminal.
const WIDTH: usize = 80;
/// Fewer are drawn as these.
const NARROWEST: usize = 40;
/// Rows of each chart.
const ROWS: (usize, usize) = (8, 6);
/// Bands from below, as they are filled; the last is what all other types share.
const FILLINGS: [char; 7] = ['█', '░', '#', '▒', '+', '▓', '·'];
/// Colours of the bands, after Okabe and Ito's, which the colour-blind tell apart.
const COLOURS: [u8; 7] = [25, 214, 36, 168, 74, 166, 245];
/// Of the line of memory, and of the limit.
const LINE: u8 = 74;
const LIMIT: u8 = 166;

/// Writes the charts of these programs, the verdict first; last where a screen of so many rows cannot show both, since the end
/// is what stays on it.
///
/// # Errors
/// What `out` says.
pub fn terminal(out: &mut dyn Write, plots: &[Plot], look: Look, rows: Option<usize>) -> io::Result<()> {
    let width = look.width.unwrap_or(WIDTH).max(NARROWEST);
    for (at, plot) in plots.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        let page = Page { plot, width, colour: look.colour };
        let (mut verdict, mut charts) = (Vec::new(), Vec::new());
        page.verdict(&mut verdict)?;
        page.charts(&mut charts)?;
        let lines = [&verdict, &charts].map(|part| part.iter().filter(|byte| **byte == b'\n').count());
        // One row is the shell's.
        let order = if rows.is_some_and(|rows| lines.iter().sum::<usize>() >= rows) {
            [charts, verdict]
        } else {
            [verdict, charts]
        };
        order.iter().try_for_each(|part| out.write_all(part))?;
    }
    Ok(())
}

struct Page<'a> {
    plot: &'a Plot,
    width: usize,
    colour: bool,
}

/// What stands at one place of a chart, and its colour.
type Cell = (char, Option<u8>);

impl Page<'_> {
    fn verdict(&self, out: &mut dyn Write) -> io::Result<()> {
        let bold = if self.colour { Style::new().bold() } else { Style::new() };
        let headline = wrapped(&self.plot.headline, Some(self.width), "  ");
        writeln!(out, "{bold}{headline}{bold:#}")?;
        for sentence in &self.plot.evidence {
            writeln!(out, "- {}", wrapped(sentence, Some(self.width - 2), "  "))?;
        }
        Ok(())
    }

    fn charts(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", shorten_end(&self.plot.title, self.width))?;
        self.memory(out)?;
        if let Some(stack) = &self.plot.stack {
            self.types(out, stack)?;
        }
        Ok(())
    }

    fn memory(&self, out: &mut dyn Write) -> io::Result<()> {
        let axis = self.plot.memory_axis(3);
        let margin = margin(&[&axis]);
        let room = self.width - margin - 1;
        let time = self.plot.time_axis((room / 14).max(1));
        let mut canvas = Canvas::new(room, ROWS.0);
        for line in &self.plot.lines {
            let place = |point: &(f64, f64)| (time.part(point.0), axis.part(point.1));
            for pair in line.windows(2) {
                canvas.line(place(&pair[0]), place(&pair[1]));
            }
            if let [alone] = line.as_slice() {
                canvas.line(place(alone), place(alone));
            }
        }
        let mut rows: Vec<Vec<Cell>> = (0..ROWS.0)
            .map(|row| {
                (0..room)
                    .map(|column| canvas.character(column, row).map_or((' ', None), |dots| (dots, Some(LINE))))
                    .collect()
            })
            .collect();
        let blank = |cell: &Cell| cell.0 == ' ';
        for column in self.plot.restarts.iter().filter_map(|at| place(time.part(*at), room)) {
            rows.iter_mut().filter_map(|row| row.get_mut(column)).filter(|c| blank(c)).for_each(|c| *c = ('┊', None));
        }
        if let Some(row) = self.plot.limit.and_then(|limit| place(1.0 - axis.part(limit), ROWS.0)) {
            let label = " limit ";
            for (column, cell) in rows[row].iter_mut().enumerate() {
                let said = column.checked_sub(2).and_then(|at| label.chars().nth(at));
                if blank(cell) {
                    *cell = (said.unwrap_or('╌'), Some(LIMIT));
                }
            }
        }
        self.framed(out, "RSS", &axis, margin, &rows)?;
        self.below(out, &time, margin, room)?;
        self.marks(out, &time, margin, room)
    }

    fn types(&self, out: &mut dyn Write, stack: &Stack) -> io::Result<()> {
        let axis = scale::bytes(0.0, stack.highest, 2);
        let memory = self.plot.memory_axis(3);
        let margin = margin(&[&axis, &memory]);
        let room = self.width - margin - 1;
        let time = self.plot.time_axis((room / 14).max(1));
        let mut rows = vec![vec![(' ', None); room]; ROWS.1];
        for column in 0..room {
            let at = time.low + (time.high - time.low) * (column as f64 + 0.5) / room as f64;
            let Some(bytes) = nearest(stack, at, (time.high - time.low) / room as f64) else { continue };
            for (row, cells) in rows.iter_mut().enumerate() {
                let height = axis.low + (axis.high - axis.low) * (1.0 - (row as f64 + 0.5) / ROWS.1 as f64);
                let mut top = 0.0;
                let band = bytes.iter().position(|of| {
                    top += of;
                    height <= top
                });
                if let Some(band) = band {
                    cells[column] = (FILLINGS[band.min(6)], Some(COLOURS[band.min(6)]));
                }
            }
        }
        self.framed(out, "Objects by type", &axis, margin, &rows)?;
        self.below(out, &time, margin, room)?;
        self.legend(out, stack)
    }

    /// A title, then rows with their axis at the left.
    fn framed(
        &self,
        out: &mut dyn Write,
        title: &str,
        axis: &Axis,
        margin: usize,
        rows: &[Vec<Cell>],
    ) -> io::Result<()> {
        writeln!(out, "{title}")?;
        for (at, row) in rows.iter().enumerate() {
            let mark = axis.marks.iter().find(|mark| place(1.0 - axis.part(mark.0), rows.len()) == Some(at));
            let (text, tick) = mark.map_or(("", '│'), |mark| (mark.1.as_str(), '┤'));
            let mut line = format!("{text:>margin$}{tick}");
            for same in row.chunk_by(|a, b| a.1 == b.1) {
                let text: String = same.iter().map(|cell| cell.0).collect();
                let style = match same.first().and_then(|cell| cell.1) {
                    Some(colour) if self.colour => Style::new().fg_color(Some(Color::Ansi256(Ansi256Color(colour)))),
                    _ => Style::new(),
                };
                line.push_str(&format!("{style}{text}{style:#}"));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// The axis of time.
    fn below(&self, out: &mut dyn Write, time: &Axis, margin: usize, room: usize) -> io::Result<()> {
        let mut ticks = vec!['─'; room];
        let mut texts = vec![' '; margin + 1 + room];
        let mut free = 0;
        for (at, text) in &time.marks {
            let Some(column) = place(time.part(*at), room) else { continue };
            ticks[column] = '┬';
            let from = (margin + 1 + column).saturating_sub(text.len() / 2).min(texts.len().saturating_sub(text.len()));
            if from >= free {
                text.chars().zip(texts.iter_mut().skip(from)).for_each(|(c, to)| *to = c);
                free = from + text.len() + 2;
            }
        }
        writeln!(out, "{:>margin$}└{}", "", ticks.iter().collect::<String>())?;
        writeln!(out, "{}", texts.iter().collect::<String>().trim_end())
    }

    /// Restarts and jumps, below the axis of time.
    fn marks(&self, out: &mut dyn Write, time: &Axis, margin: usize, room: usize) -> io::Result<()> {
        if self.plot.restarts.is_empty() && self.plot.jumps.is_empty() {
            return Ok(());
        }
        let mut line = vec![' '; room];
        for jump in &self.plot.jumps {
            place(time.part(jump.from), room).into_iter().for_each(|column| line[column] = '^');
        }
        for at in &self.plot.restarts {
            place(time.part(*at), room).into_iter().for_each(|column| line[column] = 'R');
        }
        let said: Vec<&str> = [(self.plot.jumps.is_empty(), "^ jump"), (self.plot.restarts.is_empty(), "R restart")]
            .into_iter()
            .filter(|(none, _)| !none)
            .map(|(_, said)| said)
            .collect();
        writeln!(out, "{:>margin$} {}", "", line.iter().collect::<String>().trim_end())?;
        writeln!(out, "{:>margin$} {}", "", said.join("   "))
    }

    /// Which filling is which type, two a line where they fit.
    fn legend(&self, out: &mut dyn Write, stack: &Stack) -> io::Result<()> {
        let half = (self.width - 2) / 2;
        let names: Vec<(usize, &String)> = stack.names.iter().enumerate().collect();
        for pair in names.chunks(2) {
            let mut line = String::from(" ");
            for (band, name) in pair {
                let style = match COLOURS.get(*band) {
                    Some(colour) if self.colour => Style::new().fg_color(Some(Color::Ansi256(Ansi256Color(*colour)))),
                    _ => Style::new(),
                };
                let name = shorten_middle(name, half - 5);
                let blank = (half - 4).saturating_sub(columns(&name));
                let filling = FILLINGS[(*band).min(6)];
                line.push_str(&format!(" {style}{filling}{filling}{style:#} {name}{:blank$}", ""));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Columns for the texts of the axes at the left.
fn margin(axes: &[&Axis]) -> usize {
    axes.iter().flat_map(|axis| &axis.marks).map(|mark| columns(&mark.1) + 1).max().unwrap_or(0)
}

/// The cell, of so many, in which this part of the whole lies.
fn place(part: f64, of: usize) -> Option<usize> {
    (of > 0 && (-1e-9..=1.0 + 1e-9).contains(&part))
        .then(|| ((part.max(0.0) * (of - 1) as f64).round() as usize).min(of - 1))
}

/// The bands at the look nearest to a moment; none where nobody looked about then.
fn nearest(stack: &Stack, at: f64, reach: f64) -> Option<&Vec<f64>> {
    for piece in &stack.pieces {
        let (Some(first), Some(last)) = (piece.first(), piece.last()) else { continue };
        if at < first.0 - reach || at > last.0 + reach {
            continue;
        }
        let next = piece.partition_point(|point| point.0 < at);
        let near = |point: &&(f64, Vec<f64>)| (point.0 - at).abs();
        let candidates = [next.checked_sub(1).and_then(|i| piece.get(i)), piece.get(next)];
        return candidates.into_iter().flatten().min_by(|a, b| near(a).total_cmp(&near(b))).map(|point| &point.1);
    }
    None
}
