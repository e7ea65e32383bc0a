//! Bytes by type over time → which types carry a growth or a jump. Judges nothing.

use rustc_hash::FxHashMap;

use super::robust::{median, slope};
use crate::heap::Point;

/// Looks that a slope is taken over at most.
const LOOKS: usize = 120;

/// A type's part of what grew.
#[derive(Debug, Clone, PartialEq)]
pub struct Carrier {
    /// `module.qualname`; raw text of the target.
    pub name: String,
    /// Its slope for a leak, in bytes a second; what it jumped by for a surge or an explosion, in bytes.
    pub bytes: f64,
    /// Of all that the objects grew by, 0 to 1.
    pub part: f64,
}

/// Bytes of each type over time, in seconds; a type counts where it was told of.
fn courses(points: &[&Point]) -> FxHashMap<String, Vec<(f64, f64)>> {
    let mut courses: FxHashMap<String, Vec<(f64, f64)>> = FxHashMap::default();
    for point in points {
        for of in point.heap.iter().flat_map(|heap| &heap.types) {
            courses.entry(of.name.clone()).or_default().push((point.at_ms as f64 / 1000.0, of.bytes as f64));
        }
    }
    courses
}

/// The types that carry growth from `from` (seconds) on, the largest first: Theil and Sen's slope of each type's bytes.
#[must_use]
pub fn growing(points: &[Point], from: f64) -> Vec<Carrier> {
    let all: Vec<&Point> = points.iter().filter(|p| p.heap.is_some() && p.at_ms as f64 / 1000.0 >= from).collect();
    let every = all.len().div_ceil(LOOKS).max(1);
    let looks: Vec<&Point> = all.iter().rev().step_by(every).rev().copied().collect();
    let total: Vec<(f64, f64)> = looks
        .iter()
        .filter_map(|point| Some((point.at_ms as f64 / 1000.0, point.heap.as_ref()?.bytes as f64)))
        .collect();
    let whole = slope(&[&total]).map_or(0.0, |slope| slope.slope);
    let found = courses(&looks).into_iter().filter_map(|(name, course)| {
        // Told of in a few looks only: no growth of the whole time.
        (course.len() * 2 >= looks.len()).then_some(())?;
        Some((name, slope(&[&course])?.slope))
    });
    ordered(found.collect(), whole)
}

/// The types that were larger after `to` (seconds) than before `from`, the largest first.
#[must_use]
pub fn jumped(points: &[Point], from: f64, to: f64) -> Vec<Carrier> {
    let at = |point: &Point| point.at_ms as f64 / 1000.0;
    let seen: Vec<&Point> = points.iter().filter(|point| point.heap.is_some()).collect();
    let mut before: Vec<&Point> = seen.iter().rev().filter(|point| at(point) <= from).take(5).copied().collect();
    if before.is_empty() {
        before.extend(seen.first());
    }
    let after: Vec<&Point> = seen.iter().filter(|point| at(point) >= to).take(5).copied().collect();
    let total = |points: &[&Point]| {
        median(&points.iter().filter_map(|p| p.heap.as_ref()).map(|heap| heap.bytes as f64).collect::<Vec<_>>())
    };
    let whole = total(&after) - total(&before);
    let middle = |course: &Vec<(f64, f64)>| median(&course.iter().map(|point| point.1).collect::<Vec<_>>());
    let old = courses(&before);
    let new = courses(&after).into_iter().map(|(name, course)| {
        let was = old.get(&name).map_or(0.0, middle);
        (name, middle(&course) - was)
    });
    ordered(new.collect(), whole)
}

fn ordered(mut found: Vec<(String, f64)>, whole: f64) -> Vec<Carrier> {
    found.retain(|(_, bytes)| *bytes > 0.0);
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    // What one type grew by another may have shrunk by: then parts of what grew, not of the difference.
    let grown: f64 = found.iter().map(|(_, bytes)| bytes).sum();
    let whole = whole.max(grown);
    found.into_iter().map(|(name, bytes)| Carrier { name, bytes, part: bytes / whole }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::{HeapPoint, TypePoint};

    fn point(at: i64, of: &[(&str, u64)]) -> Point {
        let types = of.iter().map(|(name, bytes)| TypePoint { name: (*name).into(), count: 1, bytes: *bytes });
        let bytes = of.iter().map(|of| of.1).sum();
        let heap = HeapPoint { bytes, types: types.collect(), ..HeapPoint::default() };
        Point { at_ms: at * 1000, heap: Some(heap), ..Point::default() }
    }

    #[test]
    fn the_type_that_grows_carries_the_growth() {
        let points: Vec<Point> = (0..50)
            .map(|i| point(i, &[("a.Leak", 900 * i as u64), ("a.Small", 100 * i as u64), ("a.Big", 1 << 30)]))
            .collect();
        let found = growing(&points, 0.0);
        let told: Vec<_> = found.iter().map(|c| (c.name.as_str(), c.bytes, (c.part * 100.0).round())).collect();
        assert_eq!(told, [("a.Leak", 900.0, 90.0), ("a.Small", 100.0, 10.0)]);
    }

    #[test]
    fn a_type_that_came_with_the_jump_is_named() {
        let points: Vec<Point> = (0..50)
            .map(|i| if i < 20 { point(i, &[("a.Big", 1000)]) } else { point(i, &[("a.Big", 1010), ("a.New", 90)]) })
            .collect();
        let found = jumped(&points, 19.5, 20.0);
        assert_eq!(
            found.iter().map(|c| (c.name.as_str(), c.bytes)).collect::<Vec<_>>(),
            [("a.New", 90.0), ("a.Big", 10.0)]
        );
        assert!(growing(&[], 0.0).is_empty() && jumped(&[], 0.0, 0.0).is_empty());
    }
}
