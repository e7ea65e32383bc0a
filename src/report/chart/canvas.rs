//! Lines → braille characters, eight dots each: a small canvas for a terminal. Knows no units and no colours.

/// Bits of the dots of a braille character, by row and column (Unicode chapter 21.1).
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// So many columns and rows of characters.
#[derive(Debug, Clone)]
pub struct Canvas {
    columns: usize,
    rows: usize,
    dots: Vec<u8>,
}

impl Canvas {
    /// An empty one.
    #[must_use]
    pub fn new(columns: usize, rows: usize) -> Canvas {
        Canvas { columns, rows, dots: vec![0; columns * rows] }
    }

    /// Sets the dot at this part of the width (0: left) and of the height (0: bottom); nothing outside.
    pub fn dot(&mut self, x: f64, y: f64) {
        if let (Some((column, row)), true) = (self.place(x, y), (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y)) {
            self.set(column, row);
        }
    }

    /// A line between two such places; its ends are pulled to the border where they lie outside.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        let (Some(a), Some(b)) = (self.place(from.0, from.1), self.place(to.0, to.1)) else { return };
        // Bresenham's, with one step a dot of the longer side.
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let steps = dx.abs().max(dy.abs());
        for step in 0..=steps {
            let along = |by: i64| if steps == 0 { 0 } else { (2 * by * step + steps * by.signum()) / (2 * steps) };
            self.set(a.0 + along(dx), a.1 + along(dy));
        }
    }

    fn place(&self, x: f64, y: f64) -> Option<(i64, i64)> {
        if !(x.is_finite() && y.is_finite()) || self.dots.is_empty() {
            return None;
        }
        let (width, height) = ((self.columns * 2) as f64, (self.rows * 4) as f64);
        let column = (x.clamp(0.0, 1.0) * (width - 1.0)).round();
        let row = ((1.0 - y.clamp(0.0, 1.0)) * (height - 1.0)).round();
        Some((column as i64, row as i64))
    }

    fn set(&mut self, column: i64, row: i64) {
        let (Ok(column), Ok(row)) = (usize::try_from(column), usize::try_from(row)) else { return };
        if let Some(cell) = self.dots.get_mut((row / 4) * self.columns + column / 2) {
            *cell |= DOTS[row % 4][column % 2] as u8;
        }
    }

    /// The character at a place; `None` where no dot is set.
    #[must_use]
    pub fn character(&self, column: usize, row: usize) -> Option<char> {
        let dots = *self.dots.get(row * self.columns + column)?;
        (dots != 0).then(|| char::from_u32(0x2800 + u32::from(dots)))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(canvas: &Canvas) -> Vec<String> {
        (0..canvas.rows)
            .map(|row| (0..canvas.columns).map(|column| canvas.character(column, row).unwrap_or(' ')).collect())
            .collect()
    }

    #[test]
    fn lines_reach_both_their_ends() {
        let mut canvas = Canvas::new(4, 2);
        canvas.line((0.0, 0.0), (1.0, 1.0));
        assert_eq!(drawn(&canvas), ["  ⡠⠊", "⡠⠊  "]);
        assert!(canvas.character(0, 1).is_some() && canvas.character(3, 0).is_some());
        assert_eq!(canvas.character(0, 0), None);
    }

    #[test]
    fn a_level_is_one_row_of_dots() {
        let mut canvas = Canvas::new(3, 1);
        canvas.line((0.0, 0.0), (1.0, 0.0));
        assert_eq!(drawn(&canvas), ["⣀⣀⣀"]);
        canvas.dot(0.0, 1.0);
        canvas.dot(0.5, 7.0);
        assert_eq!(drawn(&canvas), ["⣁⣀⣀"]);
    }

    #[test]
    fn what_is_no_place_draws_nothing() {
        let mut canvas = Canvas::new(2, 2);
        canvas.line((f64::NAN, 0.0), (1.0, 1.0));
        canvas.dot(2.0, 0.5);
        assert_eq!(drawn(&canvas), ["  ", "  "]);
        Canvas::new(0, 0).line((0.0, 0.0), (1.0, 1.0));
    }
}
