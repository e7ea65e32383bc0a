//! Looks at a process → its lower envelope: the memory that it did not give back later. Judges nothing.
//!
//! What rises and falls again is a tooth, whatever its length, and what lies in one says nothing of what lasts. So teeth are
//! found first, by turning points that a swing well above the noise confirms (a zigzag), and cut out down to their valleys.

use super::robust::{median, quantile, spread};

/// A swing counts from so many standard deviations of the noise …
const SWING_NOISE: f64 = 4.5;
/// … and from this part of the whole range.
const SWING_RANGE: f64 = 0.08;
/// Blocks that the envelope is thinned to.
const BLOCKS: usize = 80;
/// Memory is back where it was when this part of what was given back is still missing.
const BACK: f64 = 0.3;
/// A last climb up to so many times the largest tooth in height and length may be one more.
const ONE_MORE: (f64, f64) = (1.3, 1.6);
/// What the looks end with is a fall only when more than one in so many of them have seen it …
const LAST: usize = 20;
/// … or more than so many: a process that ends gives its memory back in steps.
const LAST_MOST: usize = 4;

/// Memory that was given back again and again.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Teeth {
    /// How often.
    pub count: usize,
    /// The median of what was given back at once, in bytes.
    pub height: f64,
    /// The most.
    pub highest: f64,
    /// The longest time from when memory rose above a level to when it was back there, in seconds.
    pub longest: f64,
}

/// The lower envelope.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Envelope {
    /// Seconds and bytes, in the order of time.
    pub lows: Vec<(f64, f64)>,
    /// What was cut out.
    pub teeth: Teeth,
    /// Noise from look to look, as a standard deviation, in bytes.
    pub noise: f64,
    /// From the first look to the last, in seconds.
    pub span: f64,
    /// Nothing shorter can be told apart, in seconds.
    pub resolution: f64,
    /// The last moment at which a part of a climb was given back and most of it stayed, in seconds: the envelope goes on on
    /// another level.
    pub shifted: Option<f64>,
    /// Was a last climb left out because it may be one more tooth?
    pub last_climb: Option<f64>,
}

/// The envelope of looks in the order of their time.
#[must_use]
pub fn envelope(points: &[(f64, f64)]) -> Envelope {
    let mut smooth = despiked(points);
    let steps: Vec<f64> = points.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    let noise = spread(&steps) / std::f64::consts::SQRT_2;
    let mut levels: Vec<f64> = smooth.iter().map(|point| point.1).collect();
    let range = levels.iter().copied().fold(f64::MIN, f64::max) - levels.iter().copied().fold(f64::MAX, f64::min);
    let swing = (SWING_NOISE * noise).max(SWING_RANGE * range).max(1.0);

    let (drops, end) = drops(&levels, swing);
    levels.truncate(end);
    smooth.truncate(end);
    let (Some(first), Some(last)) = (smooth.first(), smooth.last()) else { return Envelope::default() };
    let times: Vec<f64> = smooth.iter().map(|point| point.0).collect();
    let heights: Vec<f64> = drops.iter().map(|drop| levels[drop.peak] - levels[drop.valley]).collect();
    let longest = drops.iter().map(|drop| times[drop.valley] - times[drop.risen]).fold(0.0, f64::max);
    let highest = heights.iter().copied().fold(0.0, f64::max);
    let teeth = Teeth { count: drops.len(), height: median(&heights), highest, longest };

    let mut keep = vec![true; smooth.len()];
    let mut shifted = None;
    for drop in &drops {
        let climb = levels[drop.peak] - levels[drop.before];
        let gave_back = levels[drop.peak] - levels[drop.valley];
        // Of a tooth nothing is kept but its valleys; where most of a climb stayed, what came before the excess is.
        let stayed = gave_back < climb / 2.0;
        let from = if stayed { drop.risen } else { drop.before.min(drop.risen) };
        if stayed {
            shifted = Some(times[drop.valley]);
        }
        keep[(from + 1).min(drop.valley)..drop.valley].fill(false);
        if drop.before == 0 && from == 0 && levels[0] > levels[drop.valley] {
            keep[0] = false;
        }
    }
    let last_climb = last_climb(&times, &levels, &drops, &teeth, swing);
    if let Some(from) = last_climb {
        keep[from + 1..].fill(false);
    }

    let width = (last.0 - first.0) / BLOCKS as f64;
    let lows = thinned(&smooth, &keep, first.0, width, teeth.count > 0);
    Envelope {
        lows,
        teeth,
        noise,
        span: last.0 - first.0,
        resolution: longest.max(width),
        shifted,
        last_climb: last_climb.map(|from| levels.last().copied().unwrap_or_default() - levels[from]),
    }
}

/// A running median takes out what no two neighbours confirm.
fn despiked(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let reach = if points.len() < 200 { 1 } else { 2 };
    (0..points.len())
        .map(|at| {
            let reach = reach.min(at).min(points.len() - 1 - at);
            let mut near = [0.0; 5];
            let near = &mut near[..=2 * reach];
            for (to, from) in near.iter_mut().zip(&points[at - reach..]) {
                *to = from.1;
            }
            near.sort_unstable_by(f64::total_cmp);
            (points[at].0, near[reach])
        })
        .collect()
}

/// A fall of the memory: indices of looks.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Drop {
    /// The valley before, or the first look.
    before: usize,
    /// The last look before the peak at which memory was as low as after the fall; the first, where it never was.
    risen: usize,
    peak: usize,
    valley: usize,
}

/// All falls, and how many of the looks they were found in: what the looks end with is left out as long as few have seen it,
/// for nobody knows whether it lasts.
fn drops(levels: &[f64], swing: f64) -> (Vec<Drop>, usize) {
    let mut found: Vec<Drop> = Vec::new();
    let (mut high, mut low) = (0, 0);
    let mut before = 0;
    let mut falling = false;
    for (at, &level) in levels.iter().enumerate() {
        if falling {
            if level < levels[low] {
                low = at;
            }
            if level >= levels[low] + swing {
                found.push(fall(levels, before, high, low));
                before = low;
                falling = false;
                high = at;
            }
        } else {
            if level > levels[high] {
                high = at;
            }
            if level <= levels[high] - swing {
                falling = true;
                low = at;
            }
        }
    }
    if falling {
        let fallen = |level: &f64| *level <= levels[high] - swing;
        let last = levels[high..].iter().position(fallen).map_or(levels.len(), |after| high + after);
        if levels.len() - last <= (levels.len() / LAST).clamp(1, LAST_MOST) {
            return (found, last);
        }
        // Nothing has risen since, so that the lowest look is anywhere: it is over with the first that is about as low.
        let low = levels[high..]
            .iter()
            .position(|level| *level <= levels[low] + swing / 2.0)
            .map_or(low, |after| high + after);
        found.push(fall(levels, before, high, low));
    }
    (found, levels.len())
}

fn fall(levels: &[f64], before: usize, peak: usize, valley: usize) -> Drop {
    let back = levels[valley] + BACK * (levels[peak] - levels[valley]);
    let risen = levels[..peak].iter().rposition(|&level| level <= back).unwrap_or(0);
    Drop { before, risen, peak, valley }
}

/// Where the climb begins that the series ends with, if it may be one more tooth.
fn last_climb(times: &[f64], levels: &[f64], drops: &[Drop], teeth: &Teeth, swing: f64) -> Option<usize> {
    let valley = drops.last()?.valley;
    let floor = levels[valley] + swing / 2.0;
    let from = levels[valley..].iter().rposition(|&level| level <= floor)? + valley;
    let top = levels[from..].iter().copied().fold(f64::MIN, f64::max);
    let lasted = times.last()? - times[from];
    let alike = top - levels[valley] <= ONE_MORE.0 * teeth.highest && lasted <= ONE_MORE.1 * teeth.longest;
    // Where it began to rise: the lowest look from there back to the valley is still of the envelope.
    (top - levels[valley] >= swing / 2.0 && alike).then_some(from)
}

/// One low a block: the minimum where there are teeth, else a low quantile, which noise moves less.
fn thinned(smooth: &[(f64, f64)], keep: &[bool], start: f64, width: f64, toothed: bool) -> Vec<(f64, f64)> {
    let kept: Vec<(f64, f64)> = smooth.iter().zip(keep).filter(|(_, keep)| **keep).map(|(point, _)| *point).collect();
    // So few that blocks would hold one or two looks each: blocks of four looks, for the noise's sake.
    let width = if toothed { width } else { width.max(4.0 * width * BLOCKS as f64 / smooth.len().max(1) as f64) };
    let block = |point: &(f64, f64)| if width > 0.0 { ((point.0 - start) / width) as i64 } else { 0 };
    kept.chunk_by(|a, b| block(a) == block(b))
        .map(|near| {
            let levels: Vec<f64> = near.iter().map(|point| point.1).collect();
            let level = quantile(&levels, if toothed { 0.0 } else { 0.25 });
            let at = if toothed {
                near.iter().find(|point| point.1 <= level).map_or(near[0].0, |point| point.0)
            } else {
                near.iter().map(|point| point.0).sum::<f64>() / near.len() as f64
            };
            (at, level)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(levels: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
        levels.into_iter().enumerate().map(|(at, level)| (at as f64, level)).collect()
    }

    #[test]
    fn of_teeth_nothing_is_left_but_their_valleys() {
        let found = envelope(&points((0..300).map(|i| 100.0 + f64::from(i % 100))));
        assert_eq!(found.teeth.count, 2);
        assert!(found.lows.iter().all(|low| low.1 <= 104.0), "{:?}", found.lows);
        assert!(found.last_climb.is_some());
    }

    #[test]
    fn a_climb_that_never_falls_is_kept() {
        let found = envelope(&points((0..300).map(f64::from)));
        assert_eq!((found.teeth.count, found.last_climb), (0, None));
        assert!(found.lows.len() >= 70);
        assert!(found.lows.windows(2).all(|pair| pair[0].1 < pair[1].1));
    }

    #[test]
    fn what_was_given_back_once_is_cut_out_and_the_rise_before_it_is_not() {
        // A leak with a cache that is emptied once, half way.
        let found = envelope(&points((0..400).map(|i| f64::from(i) - if i >= 200 { 60.0 } else { 0.0 })));
        assert_eq!(found.teeth.count, 1);
        assert!(found.lows.iter().any(|low| low.1 > 300.0), "the climb after it");
        assert!(found.lows.iter().all(|low| !(160.0..195.0).contains(&low.0)), "what was given back");
        assert!(found.lows.iter().any(|low| (100.0..140.0).contains(&low.0)), "the climb before it");
    }

    #[test]
    fn one_wild_look_is_no_tooth() {
        let mut series = points((0..300).map(|_| 50.0));
        series[150].1 = 5000.0;
        let found = envelope(&series);
        assert_eq!(found.teeth.count, 0);
        assert!(found.lows.iter().all(|low| low.1 == 50.0));
    }
}
