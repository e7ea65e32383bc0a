//! Charts as pictures: one drawing for SVG and PNG. The words are the same as on a terminal.

use std::io;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{PathElement, Polygon, Rectangle, Text};
use plotters::prelude::{BitMapBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle};
use plotters_backend::DrawingBackend;

use super::letters::Lettered;
use super::plot::{Plot, Stack};
use super::scale::{self, Axis};
use crate::report::text::{shorten_end, shorten_middle, wrapped};

/// Pixels.
const WIDTH: i32 = 1200;
const LEFT: i32 = 120;
const RIGHT: i32 = 1170;
const MEMORY: i32 = 280;
const TYPES: i32 = 200;
/// Many programs show no picture that is higher, and it takes memory: in pixels.
const HIGHEST: u32 = 32_767;
/// Letters in a line of each size.
const LETTERS: (usize, usize) = (128, 160);
const BIG: i32 = 20;
const SMALL: i32 = 16;

/// Okabe and Ito's colours, which the colour-blind tell apart; the last band is grey.
const BANDS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
    RGBColor(170, 170, 170),
];
const LINE: RGBColor = RGBColor(0, 114, 178);
const LIMIT: RGBColor = RGBColor(213, 94, 0);
const INK: RGBColor = RGBColor(34, 34, 34);
const FAINT: RGBColor = RGBColor(110, 110, 110);
const GRID: RGBColor = RGBColor(226, 226, 226);
const PAPER: RGBColor = RGBColor(255, 255, 255);

type Area<B> = DrawingArea<B, Shift>;
type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// The charts as SVG.
///
/// # Errors
/// What the drawing says; it is made in memory, so none is expected.
pub fn svg(plots: &[Plot]) -> io::Result<Vec<u8>> {
    let mut text = String::new();
    let size = (WIDTH as u32, height(plots));
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&area, plots).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    Ok(text.into_bytes())
}

/// The charts as PNG.
///
/// # Errors
/// As [`svg`]; and charts of so many programs that the picture would be too high to be shown.
pub fn png(plots: &[Plot]) -> io::Result<Vec<u8>> {
    let size = (WIDTH as u32, height(plots));
    if size.1 > HIGHEST {
        let why = "as SVG they can be had, and -n N takes the first N";
        return Err(failed(format!("the charts of {} programs are {} pixels high; {why}", plots.len(), size.1)));
    }
    let mut pixels = vec![0; size.0 as usize * size.1 as usize * 3];
    {
        let area = Lettered(BitMapBackend::with_buffer(&mut pixels, size)).into_drawing_area();
        draw(&area, plots).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, size.0, size.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

fn failed(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

fn height(plots: &[Plot]) -> u32 {
    let all: i32 = plots.iter().map(|plot| Page { plot, top: 0 }.height()).sum();
    all.max(SMALL).unsigned_abs()
}

fn draw<B: DrawingBackend>(area: &Area<B>, plots: &[Plot]) -> Drawn<B> {
    area.fill(&PAPER)?;
    let mut top = 0;
    for plot in plots {
        let page = Page { plot, top };
        page.draw(area)?;
        top += page.height();
    }
    Ok(())
}

fn text(size: i32, color: RGBColor, at: (HPos, VPos), bold: bool) -> TextStyle<'static> {
    let font = ("sans-serif", size).into_font();
    let font = if bold { font.style(FontStyle::Bold) } else { font };
    let mut style = TextStyle::from(font).pos(Pos::new(at.0, at.1));
    style.color = color.to_backend_color();
    style
}

/// The letters of the pictures are of the basic Latin alphabet.
fn plain(text: &str) -> String {
    text.replace('…', "...")
}

struct Page<'a> {
    plot: &'a Plot,
    /// Its upper end in the picture.
    top: i32,
}

/// A part of the picture, in which an axis of time runs to the right and one of bytes upwards.
struct Frame<'a> {
    time: &'a Axis,
    bytes: &'a Axis,
    top: i32,
    height: i32,
}

impl Frame<'_> {
    fn x(&self, seconds: f64) -> i32 {
        LEFT + (self.time.part(seconds) * f64::from(RIGHT - LEFT)).round() as i32
    }

    fn y(&self, bytes: f64) -> i32 {
        self.top + ((1.0 - self.bytes.part(bytes)) * f64::from(self.height)).round() as i32
    }

    fn bottom(&self) -> i32 {
        self.top + self.height
    }

    /// The grid, the texts of both axes and a title.
    fn draw<B: DrawingBackend>(&self, area: &Area<B>, title: &str) -> Drawn<B> {
        let bold = text(BIG, INK, (HPos::Left, VPos::Bottom), true);
        area.draw(&Text::new(title.to_owned(), (LEFT, self.top - 6), bold))?;
        let right = text(SMALL, FAINT, (HPos::Right, VPos::Center), false);
        for (value, said) in &self.bytes.marks {
            let y = self.y(*value);
            area.draw(&PathElement::new(vec![(LEFT, y), (RIGHT, y)], GRID))?;
            area.draw(&Text::new(said.clone(), (LEFT - 8, y), right.clone()))?;
        }
        let below = text(SMALL, FAINT, (HPos::Center, VPos::Top), false);
        for (value, said) in &self.time.marks {
            let x = self.x(*value);
            area.draw(&PathElement::new(vec![(x, self.top), (x, self.bottom() + 5)], GRID))?;
            // The last one must not run over the border.
            let middle = x.min(WIDTH - 5 - said.len() as i32 * 4);
            area.draw(&Text::new(said.clone(), (middle, self.bottom() + 8), below.clone()))?;
        }
        area.draw(&PathElement::new(vec![(LEFT, self.bottom()), (RIGHT, self.bottom())], FAINT))
    }
}

impl Page<'_> {
    fn lines(&self) -> (Vec<String>, Vec<String>) {
        let broken = |said: &str, letters| -> Vec<String> {
            wrapped(&plain(said), Some(letters), "    ").lines().map(str::to_owned).collect()
        };
        let small = self.plot.evidence.iter().flat_map(|said| broken(said, LETTERS.1)).collect();
        (broken(&self.plot.headline, LETTERS.0 - 12), small)
    }

    fn head(&self) -> i32 {
        let (big, small) = self.lines();
        24 + big.len() as i32 * 28 + small.len() as i32 * 21 + 34
    }

    fn legend_rows(&self) -> i32 {
        self.plot.stack.as_ref().map_or(0, |stack| stack.names.len().div_ceil(2) as i32)
    }

    fn height(&self) -> i32 {
        let types = self.plot.stack.as_ref().map_or(0, |_| 72 + TYPES + self.legend_rows() * 24);
        self.head() + 40 + MEMORY + 50 + types
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let (big, small) = self.lines();
        let mut y = self.top + 24;
        let at = (HPos::Left, VPos::Top);
        for line in big {
            area.draw(&Text::new(line, (24, y), text(BIG, INK, at, true)))?;
            y += 28;
        }
        for line in small {
            area.draw(&Text::new(line, (24, y), text(SMALL, INK, at, false)))?;
            y += 21;
        }
        let title = shorten_end(&self.plot.title, LETTERS.1 - 5);
        area.draw(&Text::new(plain(&title), (24, y + 6), text(SMALL, FAINT, at, false)))?;

        let (time, bytes) = (self.plot.time_axis(8), self.plot.memory_axis(5));
        let frame = Frame { time: &time, bytes: &bytes, top: self.top + self.head() + 36, height: MEMORY };
        self.memory(area, &frame)?;
        if let Some(stack) = &self.plot.stack {
            let bytes = scale::bytes(0.0, stack.highest, 4);
            let frame = Frame { time: &time, bytes: &bytes, top: frame.bottom() + 72, height: TYPES };
            self.types(area, &frame, stack)?;
        }
        Ok(())
    }

    fn memory<B: DrawingBackend>(&self, area: &Area<B>, frame: &Frame<'_>) -> Drawn<B> {
        frame.draw(area, "RSS")?;
        let upwards = |x: i32| vec![(x, frame.top), (x, frame.bottom())];
        for jump in &self.plot.jumps {
            let (from, to) = (frame.x(jump.from), frame.x(jump.to).max(frame.x(jump.from) + 2));
            let band = [(from, frame.top), (to, frame.bottom())];
            area.draw(&Rectangle::new(band, LIMIT.mix(0.25).filled()))?;
            let style = text(SMALL, LIMIT, (HPos::Left, VPos::Bottom), false);
            area.draw(&Text::new("jump", (to + 5, frame.bottom() - 4), style))?;
        }
        for at in &self.plot.restarts {
            let x = frame.x(*at);
            area.draw(&PathElement::new(upwards(x), FAINT))?;
            let style = text(SMALL, FAINT, (HPos::Left, VPos::Top), false);
            area.draw(&Text::new("restart", (x + 5, frame.top + 4), style))?;
        }
        let stroke = ShapeStyle { color: LINE.to_rgba(), filled: false, stroke_width: 2 };
        for line in &self.plot.lines {
            let mut path = thinned(line.iter().map(|point| (frame.x(point.0), frame.y(point.1))));
            if let [alone] = path.as_slice() {
                path.push((alone.0 + 2, alone.1));
            }
            area.draw(&PathElement::new(path, stroke))?;
        }
        if let Some(limit) = self.plot.limit {
            let y = frame.y(limit);
            let stroke = ShapeStyle { color: LIMIT.to_rgba(), filled: false, stroke_width: 2 };
            for x in (LEFT..RIGHT).step_by(14) {
                area.draw(&PathElement::new(vec![(x, y), ((x + 8).min(RIGHT), y)], stroke))?;
            }
            let style = text(SMALL, LIMIT, (HPos::Left, VPos::Top), false);
            let said = format!("limit {}", crate::report::number::iec_average(limit));
            area.draw(&Text::new(said, (LEFT + 8, y + 5), style))?;
        }
        Ok(())
    }

    fn types<B: DrawingBackend>(&self, area: &Area<B>, frame: &Frame<'_>, stack: &Stack) -> Drawn<B> {
        frame.draw(area, "Objects by type")?;
        for piece in &stack.pieces {
            for (band, color) in BANDS.iter().enumerate().take(stack.names.len()) {
                let up_to = |bytes: &[f64], many: usize| bytes.iter().take(many).sum::<f64>();
                let edge =
                    |many: usize| thinned(piece.iter().map(|(at, bytes)| (frame.x(*at), frame.y(up_to(bytes, many)))));
                let mut border = edge(band + 1);
                border.extend(edge(band).into_iter().rev());
                if border.len() > 3 {
                    area.draw(&Polygon::new(border, color.filled()))?;
                }
            }
        }
        let style = text(SMALL, INK, (HPos::Left, VPos::Center), false);
        let rows = self.legend_rows();
        for (at, (name, color)) in stack.names.iter().zip(BANDS).enumerate() {
            let at = at as i32;
            let (x, y) = (LEFT + (at / rows) * ((RIGHT - LEFT) / 2), frame.bottom() + 48 + (at % rows) * 24);
            area.draw(&Rectangle::new([(x, y - 7), (x + 22, y + 7)], color.filled()))?;
            area.draw(&Text::new(plain(&shorten_middle(name, 54)), (x + 32, y), style.clone()))?;
        }
        Ok(())
    }
}

/// Of more points than pixels, those that are seen: each column's first, lowest, highest and last.
fn thinned(points: impl Iterator<Item = (i32, i32)>) -> Vec<(i32, i32)> {
    let points: Vec<(i32, i32)> = points.collect();
    let mut path: Vec<(i32, i32)> = Vec::new();
    for column in points.chunk_by(|a, b| a.0 == b.0) {
        let (Some(first), Some(last)) = (column.first(), column.last()) else { continue };
        let low = column.iter().min_by_key(|point| point.1).unwrap_or(first);
        let high = column.iter().max_by_key(|point| point.1).unwrap_or(first);
        for point in [first, low, high, last] {
            if path.last() != Some(point) {
                path.push(*point);
            }
        }
    }
    path
}
