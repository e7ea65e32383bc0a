//! A lower envelope → when it rose: a piecewise model, chosen by the Bayesian information criterion. Knows no units.

/// Points that the envelope is laid over, evenly in time.
const GRID: usize = 80;

/// A bend is one from so many times as steep before it as after it.
const STEEPER: f64 = 2.0;

/// How an envelope rose. Times are parts of the whole, 0 to 1; heights are those of the envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The model.
    pub model: Model,
    /// What the model rises by, from first to last.
    pub rise: f64,
    /// Standard deviation of the envelope about the model.
    pub rest: f64,
}

/// What models there are.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// One level.
    Level,
    /// Level, straight rise from the one moment to the other, level. The ends of the series make it a line or a bend.
    Ramp(f64, f64),
    /// Rises ever more slowly, with this time constant.
    Saturating(f64),
    /// Steep up to this moment, and from there on less so.
    Bent(f64),
    /// Two jumps, and by how much each.
    Jumps([(f64, f64); 2]),
}

/// Even spacing in time: between two lows the envelope is taken as straight.
fn gridded(lows: &[(f64, f64)]) -> Vec<f64> {
    let (Some(first), Some(last)) = (lows.first(), lows.last()) else { return Vec::new() };
    let mut next = 1;
    (0..GRID)
        .map(|i| {
            let t = first.0 + (last.0 - first.0) * (i as f64 / (GRID - 1) as f64);
            while next + 1 < lows.len() && lows[next].0 < t {
                next += 1;
            }
            let (Some(a), Some(b)) = (lows.get(next - 1), lows.get(next)) else { return first.1 };
            let along = if b.0 > a.0 { ((t - a.0) / (b.0 - a.0)).clamp(0.0, 1.0) } else { 1.0 };
            a.1 + (b.1 - a.1) * along
        })
        .collect()
}

/// The model that explains the envelope best for its number of parameters.
#[must_use]
pub fn fit(lows: &[(f64, f64)]) -> Fit {
    let values = gridded(lows);
    if values.is_empty() {
        return Fit { model: Model::Level, rise: 0.0, rest: 0.0 };
    }
    // Values between two lows are no further evidence.
    let size = lows.len().clamp(3, GRID) as f64;
    let scale = values.iter().map(|v| v.abs()).fold(1.0, f64::max);
    let level = squares_about_mean(&values);
    let floor = (scale * 1e-9).powi(2);
    let criterion =
        |squares: f64, parameters: f64| size * (squares / GRID as f64 + floor).ln() + parameters * size.ln();
    let mut best = (criterion(level, 1.0), Fit { model: Model::Level, rise: 0.0, rest: level });
    let mut consider = |model: Model, parameters: f64, squares: f64, rise: f64| {
        let value = criterion(squares, parameters);
        if value < best.0 {
            best = (value, Fit { model, rise, rest: squares });
        }
    };

    let last = (GRID - 1) as f64;
    for a in 0..GRID - 1 {
        for b in a + 1..GRID {
            let course = |i: usize| ((i as f64 - a as f64) / (b - a) as f64).clamp(0.0, 1.0);
            let (squares, rise) = regressed(&values, course);
            let free = 2.0 + f64::from(u8::from(a > 0)) + f64::from(u8::from(b < GRID - 1));
            // A jump has one moment, not two.
            let free = if b == a + 1 { 3.0 } else { free };
            consider(Model::Ramp(a as f64 / last, b as f64 / last), free, squares, rise);
        }
    }
    for step in 1..=24 {
        let tau = 0.5 * 0.85_f64.powi(step);
        let (squares, slope) = regressed(&values, |i| 1.0 - (-(i as f64 / last) / tau).exp());
        consider(Model::Saturating(tau), 3.0, squares, slope * (1.0 - (-1.0 / tau).exp()));
    }
    for bend in 3..GRID / 2 {
        if let Some((squares, early, late)) = bent(&values, bend)
            && late > 0.0
            && early > STEEPER * late
        {
            let rise = early * bend as f64 + late * (GRID - 1 - bend) as f64;
            consider(Model::Bent(bend as f64 / last), 4.0, squares, rise);
        }
    }
    if let Some((squares, jumps)) = two_jumps(&values) {
        consider(Model::Jumps(jumps), 5.0, squares, jumps[0].1 + jumps[1].1);
    }
    let mut fit = best.1;
    fit.rest = (fit.rest / GRID as f64).sqrt();
    fit
}

fn squares_about_mean(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// Least squares of a level and a multiple of `course`: what is left, and the multiple.
fn regressed(values: &[f64], course: impl Fn(usize) -> f64) -> (f64, f64) {
    let n = values.len() as f64;
    let (mut x, mut y, mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    // About the first value: large levels would eat the digits.
    let origin = values[0];
    for (i, value) in values.iter().enumerate() {
        let (c, v) = (course(i), value - origin);
        x += c;
        y += v;
        xx += c * c;
        xy += c * v;
        yy += v * v;
    }
    let (sxx, sxy, syy) = (xx - x * x / n, xy - x * y / n, yy - y * y / n);
    if sxx <= 0.0 {
        return (syy.max(0.0), 0.0);
    }
    ((syy - sxy * sxy / sxx).max(0.0), sxy / sxx)
}

/// Least squares of a level and two slopes, before a bend and after it: what is left, and the slopes.
fn bent(values: &[f64], bend: usize) -> Option<(f64, f64, f64)> {
    let n = values.len() as f64;
    let courses = |i: usize| (i.min(bend) as f64, i.saturating_sub(bend) as f64);
    let (mut mean_a, mut mean_b, mut mean_v) = (0.0, 0.0, 0.0);
    for (i, value) in values.iter().enumerate() {
        let (a, b) = courses(i);
        mean_a += a / n;
        mean_b += b / n;
        mean_v += value / n;
    }
    let (mut aa, mut ab, mut bb, mut av, mut bv, mut vv) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (i, value) in values.iter().enumerate() {
        let (a, b) = courses(i);
        let (a, b, v) = (a - mean_a, b - mean_b, value - mean_v);
        aa += a * a;
        ab += a * b;
        bb += b * b;
        av += a * v;
        bv += b * v;
        vv += v * v;
    }
    let determinant = aa * bb - ab * ab;
    if determinant <= 0.0 {
        return None;
    }
    let (early, late) = ((av * bb - bv * ab) / determinant, (bv * aa - av * ab) / determinant);
    Some(((vv - early * av - late * bv).max(0.0), early, late))
}

/// The best two jumps, over all pairs of moments.
fn two_jumps(values: &[f64]) -> Option<(f64, [(f64, f64); 2])> {
    let origin = values[0];
    let mut sums = vec![(0.0, 0.0)];
    for value in values {
        let (s, q) = sums[sums.len() - 1];
        let v = value - origin;
        sums.push((s + v, q + v * v));
    }
    let piece = |from: usize, to: usize| {
        let n = (to - from) as f64;
        let (s, q) = (sums[to].0 - sums[from].0, sums[to].1 - sums[from].1);
        (s / n, (q - s * s / n).max(0.0))
    };
    let last = (GRID - 1) as f64;
    let mut best = None;
    for a in 2..GRID - 4 {
        for b in a + 2..GRID - 1 {
            let (first, second, third) = (piece(0, a), piece(a, b), piece(b, GRID));
            let squares = first.1 + second.1 + third.1;
            if best.as_ref().is_none_or(|(least, _)| squares < *least) {
                let moment = |at: usize| (at as f64 - 0.5) / last;
                best = Some((squares, [(moment(a), second.0 - first.0), (moment(b), third.0 - second.0)]));
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(course: impl Fn(f64) -> f64) -> Fit {
        let lows: Vec<(f64, f64)> =
            (0..200).map(|i| (f64::from(i), 1e9 + 1e6 * course(f64::from(i) / 199.0))).collect();
        fit(&lows)
    }

    #[test]
    fn each_course_finds_its_model() {
        assert_eq!(of(|_| 0.0).model, Model::Level);
        assert!(matches!(of(|t| t).model, Model::Ramp(a, b) if a == 0.0 && b == 1.0));
        let late = of(|t| (t - 0.5).max(0.0));
        assert!(matches!(late.model, Model::Ramp(a, b) if (a - 0.5).abs() < 0.03 && b > 0.97), "{late:?}");
        let jump = of(|t| f64::from(u8::from(t > 0.3)));
        assert!(matches!(jump.model, Model::Ramp(a, b) if a > 0.27 && b < 0.33), "{jump:?}");
        assert!((jump.rise - 1e6).abs() < 1e4);
        assert!(matches!(of(|t| 1.0 - (-t / 0.1).exp()).model, Model::Saturating(tau) if (tau - 0.1).abs() < 0.02));
        let two = of(|t| f64::from(u8::from(t > 0.3)) + f64::from(u8::from(t > 0.7)));
        assert!(
            matches!(two.model, Model::Jumps([a, b]) if (a.0 - 0.3).abs() < 0.02 && (b.0 - 0.7).abs() < 0.02),
            "{two:?}"
        );
    }

    #[test]
    fn a_rise_that_goes_on_less_steeply_is_bent() {
        let found = of(|t| (t / 0.1).min(1.0) + 0.8 * t);
        assert!(matches!(found.model, Model::Bent(at) if (at - 0.1).abs() < 0.03), "{found:?}");
    }

    #[test]
    fn nothing_and_next_to_nothing_are_level() {
        assert_eq!(fit(&[]).model, Model::Level);
        assert_eq!(fit(&[(1.0, 5.0)]).model, Model::Level);
    }
}
