//! Statistics that few bad points do not move: medians, Kendall's tau, Theil and Sen's slope. Knows nothing of memory.

/// Normal quantile of a two-sided interval of 95 %.
const Z95: f64 = 1.959_963_985;

/// Makes the median absolute deviation an estimate of a Gaussian's standard deviation.
const GAUSSIAN: f64 = 1.4826;

/// The value below which this part of the values lies; 0 of none.
#[must_use]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f64 * part).round() as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// The one in the middle; 0 of none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Standard deviation, estimated from the median absolute deviation.
#[must_use]
pub fn spread(values: &[f64]) -> f64 {
    let middle = median(values);
    let off: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&off) * GAUSSIAN
}

/// A slope, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// Median of the slopes of all pairs.
    pub slope: f64,
    /// Lower end of its interval of 95 %.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Kendall's S over its standard deviation: the Mann–Kendall test statistic.
    pub z: f64,
}

/// Theil and Sen's slope of strata that share a slope and not a level (pairs are taken within a stratum), with its interval
/// from the distribution of Kendall's S, whose variance Hamed and Rao's correction widens for autocorrelation. `None` where
/// there are no two points to compare.
#[must_use]
pub fn slope(strata: &[&[(f64, f64)]]) -> Option<Slope> {
    let mut slopes = Vec::new();
    let (mut s, mut variance) = (0.0, 0.0);
    for points in strata {
        for (i, (t0, v0)) in points.iter().enumerate() {
            for (t1, v1) in points.iter().skip(i + 1) {
                if t1 > t0 {
                    slopes.push((v1 - v0) / (t1 - t0));
                    s += f64::from(i8::from(v1 > v0) - i8::from(v1 < v0));
                }
            }
        }
        variance += kendall_variance(points);
    }
    if slopes.is_empty() {
        return None;
    }
    slopes.sort_unstable_by(f64::total_cmp);
    let pairs = slopes.len() as f64;
    let reach = Z95 * variance.sqrt();
    let at = |rank: f64| slopes[(rank.clamp(0.0, pairs - 1.0)) as usize];
    let middle = (slopes[(slopes.len() - 1) / 2] + slopes[slopes.len() / 2]) / 2.0;
    let z = if variance > 0.0 { (s - s.signum()) / variance.sqrt() } else { 0.0 };
    let low = at(((pairs - reach) / 2.0).floor()).min(middle);
    let high = at(((pairs + reach) / 2.0).ceil()).max(middle);
    Some(Slope { slope: middle, low, high, z })
}

/// Variance of Kendall's S without a trend, ties and autocorrelation taken into account.
fn kendall_variance(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    if points.len() < 3 {
        return if points.len() == 2 { 1.0 } else { 0.0 };
    }
    let mut values: Vec<f64> = points.iter().map(|point| point.1).collect();
    values.sort_unstable_by(f64::total_cmp);
    let term = |m: f64| m * (m - 1.0) * (2.0 * m + 5.0);
    let ties: f64 = values.chunk_by(|a, b| a == b).map(|same| term(same.len() as f64)).sum();
    ((term(n) - ties) / 18.0).max(0.0) * hamed_rao(points)
}

/// By how much autocorrelation of the ranks of what is left of a trend widens the variance (Hamed and Rao 1998, eq. 16);
/// never below 1: that neighbours repel each other is no reason to be surer.
fn hamed_rao(points: &[(f64, f64)]) -> f64 {
    let n = points.len();
    if n < 8 {
        return 1.0;
    }
    let mut slopes = Vec::new();
    for (i, (t0, v0)) in points.iter().enumerate() {
        slopes.extend(points.iter().skip(i + 1).filter(|(t1, _)| t1 > t0).map(|(t1, v1)| (v1 - v0) / (t1 - t0)));
    }
    let trend = median(&slopes);
    let rest: Vec<f64> = points.iter().map(|(t, v)| v - trend * t).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| rest[*a].total_cmp(&rest[*b]));
    let mut ranks = vec![0.0; n];
    // What differs by rounding alone is equal, and equals share their rank.
    let close = points.iter().map(|(_, v)| v.abs()).fold(0.0, f64::max) * 1e-12;
    let mut rank = 0;
    for same in order.chunk_by(|a, b| rest[*b] - rest[*a] <= close) {
        let shared = rank as f64 + (same.len() - 1) as f64 / 2.0;
        same.iter().for_each(|at| ranks[*at] = shared - (n - 1) as f64 / 2.0);
        rank += same.len();
    }
    let whole: f64 = ranks.iter().map(|rank| rank * rank).sum();
    if whole <= 0.0 {
        return 1.0;
    }
    let size = n as f64;
    let mut sum = 0.0;
    for lag in 1..(n - 2).min(n / 3) {
        let rho = ranks.iter().zip(ranks.iter().skip(lag)).map(|(a, b)| a * b).sum::<f64>() / whole;
        // What chance alone brings is left out, as they advise.
        if rho.abs() > Z95 / size.sqrt() {
            let left = size - lag as f64;
            sum += left * (left - 1.0) * (left - 2.0) * rho;
        }
    }
    (1.0 + 2.0 / (size * (size - 1.0) * (size - 2.0)) * sum).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bad_points_move_nothing() {
        let mut values: Vec<f64> = (0..101).map(f64::from).collect();
        values[3] = 1e12;
        assert_eq!(median(&values), 51.0);
        assert!((spread(&values) - 25.0 * GAUSSIAN).abs() < 2.0);
        assert_eq!((median(&[]), quantile(&[7.0], 0.9), spread(&[2.0, 2.0])), (0.0, 7.0, 0.0));
    }

    #[test]
    fn the_slope_and_its_interval_by_hand() {
        let points: Vec<(f64, f64)> = [(0.0, 1.0), (1.0, 3.0), (2.0, 4.0), (3.0, 8.0)].to_vec();
        // Pair slopes: 2, 1.5, 7/3, 1, 2.5, 4; in order 1, 1.5, 2, 7/3, 2.5, 4.
        let found = slope(&[&points]).expect("pairs");
        assert!((found.slope - (2.0 + 7.0 / 3.0) / 2.0).abs() < 1e-12);
        // S = 6, Var(S) = 4·3·13/18.
        assert!((found.z - 5.0 / (26.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(found.low, 1.0);
        assert_eq!(found.high, 4.0);
    }

    #[test]
    fn strata_share_a_slope_and_not_a_level() {
        let low: Vec<(f64, f64)> = (0..20).map(|i| (f64::from(i), 2.0 * f64::from(i))).collect();
        let high: Vec<(f64, f64)> = (20..40).map(|i| (f64::from(i), 1e6 + 2.0 * f64::from(i))).collect();
        let found = slope(&[&low, &high]).expect("pairs");
        assert_eq!((found.slope, found.low, found.high), (2.0, 2.0, 2.0));
        assert!(found.z > 7.0);
        assert_eq!(slope(&[&low[..1]]), None);
    }

    #[test]
    fn what_wanders_slowly_is_less_of_a_proof() {
        let wave: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(i), (f64::from(i) / 15.0).sin())).collect();
        assert!(hamed_rao(&wave) > 5.0);
        let jagged: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(i), f64::from((i * 37) % 101))).collect();
        assert!(hamed_rao(&jagged) < 2.0);
    }
}
