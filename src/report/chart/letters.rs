//! Text on a bitmap without a font file on the machine: the pre-drawn glyphs of Noto Sans Mono under plotters' drawing.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width};
use plotters::backend::BitMapBackend;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
};

/// A bitmap that can write.
pub struct Lettered<'a>(pub BitMapBackend<'a>);

type Outcome<'a> = Result<(), DrawingErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>>;

fn height(size: f64) -> RasterHeight {
    if size > 18.0 { RasterHeight::Size20 } else { RasterHeight::Size16 }
}

fn weight(style: FontStyle) -> FontWeight {
    if matches!(style, FontStyle::Bold) { FontWeight::Bold } else { FontWeight::Regular }
}

/// Of what there is no glyph, a question mark.
fn glyph(c: char, weight: FontWeight, height: RasterHeight) -> Option<RasterizedChar> {
    get_raster(c, weight, height).or_else(|| get_raster('?', weight, height))
}

/// Pixels that a text takes up.
fn extent(text: &str, style: &impl BackendTextStyle) -> (i32, i32) {
    let height = height(style.size());
    let width = get_raster_width(weight(style.style()), height);
    ((width * text.chars().count()) as i32, height.val() as i32)
}

impl<'a> DrawingBackend for Lettered<'a> {
    type ErrorType = <BitMapBackend<'a> as DrawingBackend>::ErrorType;

    fn get_size(&self) -> (u32, u32) {
        self.0.get_size()
    }

    fn ensure_prepared(&mut self) -> Outcome<'a> {
        self.0.ensure_prepared()
    }

    fn present(&mut self) -> Outcome<'a> {
        self.0.present()
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Outcome<'a> {
        self.0.draw_pixel(point, color)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Outcome<'a> {
        self.0.draw_line(from, to, style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Outcome<'a> {
        self.0.draw_rect(upper_left, bottom_right, style, fill)
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Outcome<'a> {
        let (width, tall) = extent(text, style);
        let anchor = style.anchor();
        let left = match anchor.h_pos {
            HPos::Left => at.0,
            HPos::Center => at.0 - width / 2,
            HPos::Right => at.0 - width,
        };
        let top = match anchor.v_pos {
            VPos::Top => at.1,
            VPos::Center => at.1 - tall / 2,
            VPos::Bottom => at.1 - tall,
        };
        let (size, color) = (self.get_size(), style.color());
        let mut x = left;
        for c in text.chars() {
            let Some(glyph) = glyph(c, weight(style.style()), height(style.size())) else { continue };
            for (dy, row) in glyph.rows().enumerate() {
                for (dx, ink) in row.iter().enumerate().filter(|(_, ink)| **ink > 0) {
                    let (px, py) = (x + dx as i32, top + dy as i32);
                    if (0..size.0 as i32).contains(&px) && (0..size.1 as i32).contains(&py) {
                        let alpha = color.alpha * f64::from(*ink) / 255.0;
                        self.0.draw_pixel((px, py), BackendColor { alpha, rgb: color.rgb })?;
                    }
                }
            }
            x += glyph.width() as i32;
        }
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        let (width, height) = extent(text, style);
        Ok((width as u32, height as u32))
    }
}
