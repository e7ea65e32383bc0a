//! The map of a process and its arenas → which ranges are copied. What the object table cannot need is left out: pages
//! never touched, and large buffers that hold no pointers (an array's numbers, a long string's text). Copies nothing.

use rayon::prelude::*;

use crate::addr::{Addr, AddrRange};
use crate::memory::{Live, Memory, Region, Regions};
use crate::process::Process;

/// Regions below this are copied whole: it costs less than to look at them.
const SMALL: u64 = 1 << 20;
/// What is judged as one: a raw buffer is skipped in units of this.
const GRANULE: u64 = 128 << 10;
/// Gaps below this are copied along: fewer pieces are faster.
const GAP: u64 = 64 << 10;
/// One line of this many bytes is looked at per page.
const LINE: usize = 64;
const PAGE: u64 = 4096;
/// Most chunks whose first page is looked for in one range.
const MOST_HEADS: usize = 1 << 16;

/// What is to be copied.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What to copy, sorted.
    pub ranges: Vec<AddrRange>,
    /// All that was considered, so that what appears later can be told, sorted.
    pub considered: Vec<AddrRange>,
    /// Bytes left out as never touched.
    pub untouched: u64,
    /// Left out as raw buffers, sorted. A large object's header may lie within.
    pub raw: Vec<AddrRange>,
}

impl Plan {
    /// Bytes to copy.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.ranges.iter().map(AddrRange::len).fold(0, u64::saturating_add)
    }
}

/// Can objects, or pointers to objects, lie in this region?
fn is_candidate(region: &Region) -> bool {
    region.read && region.write && !region.shared && !region.name.starts_with("[v")
}

/// Plans the copy. `arenas` are copied whole as far as they were touched.
pub fn plan(process: &Process, live: &Live, regions: &Regions, arenas: &[AddrRange]) -> Plan {
    let mut plan = Plan::default();
    let pointers = PointerTest::new(regions);
    for region in regions.iter().filter(|r| is_candidate(r)) {
        plan.considered.push(region.range);
        for (part, is_arena) in split(region.range, arenas) {
            if part.len() < SMALL || is_arena {
                plan.ranges.push(part);
                continue;
            }
            let touched = process.residency(part).map_or_else(|| vec![part], |r| bridged(&r.touched, part));
            let kept: u64 = touched.iter().map(AddrRange::len).sum();
            plan.untouched = plan.untouched.saturating_add(part.len().saturating_sub(kept));
            for range in touched {
                let raw = raw_granules(live, range, &pointers);
                if !raw.is_empty() {
                    plan.ranges.extend(heads(live, range));
                }
                plan.ranges.extend(split(range, &raw).into_iter().filter(|(_, is_raw)| !is_raw).map(|(r, _)| r));
                plan.raw.extend(raw);
            }
        }
    }
    plan.ranges = joined(std::mem::take(&mut plan.ranges));
    plan
}

/// What appeared since the plan was made: new regions and grown ones.
#[must_use]
pub fn appeared(plan: &Plan, regions: &Regions) -> Vec<AddrRange> {
    let candidates = regions.iter().filter(|r| is_candidate(r));
    candidates.flat_map(|r| split(r.range, &plan.considered)).filter(|(_, known)| !known).map(|(r, _)| r).collect()
}

/// Cuts `range` by sorted `marks`: each part, and whether it lies in a mark.
fn split(range: AddrRange, marks: &[AddrRange]) -> Vec<(AddrRange, bool)> {
    let mut parts = Vec::new();
    let mut at = range.start;
    let first = marks.partition_point(|m| m.end <= range.start);
    for mark in marks.iter().skip(first).take_while(|m| m.start < range.end) {
        let inside = range.intersection(mark);
        parts.push((AddrRange::new(at, inside.start), false));
        parts.push((inside, true));
        at = inside.end;
    }
    parts.push((AddrRange::new(at, range.end), false));
    parts.retain(|(part, _)| !part.is_empty());
    parts
}

/// Joins ranges whose gap is small.
fn bridged(ranges: &[AddrRange], within: AddrRange) -> Vec<AddrRange> {
    let mut out: Vec<AddrRange> = Vec::new();
    for range in ranges.iter().map(|r| r.intersection(&within)).filter(|r| !r.is_empty()) {
        match out.last_mut() {
            Some(last) if range.start.0.saturating_sub(last.end.0) < GAP => last.end = range.end,
            _ => out.push(range),
        }
    }
    out
}

/// Sorts and joins ranges that touch.
fn joined(mut ranges: Vec<AddrRange>) -> Vec<AddrRange> {
    ranges.sort();
    ranges.dedup_by(|next, kept| {
        let touch = next.start <= kept.end;
        if touch {
            kept.end = kept.end.max(next.end);
        }
        touch
    });
    ranges
}

/// Tells words that can be pointers to something that matters.
struct PointerTest {
    mapped: Vec<AddrRange>,
}

impl PointerTest {
    fn new(regions: &Regions) -> Self {
        let mapped = regions.iter().filter(|r| r.read).map(|r| r.range).collect();
        PointerTest { mapped: joined(mapped) }
    }

    fn is_pointer(&self, word: u64) -> bool {
        if word & 7 != 0 || word < 1 << 16 || word >> 47 != 0 {
            return false;
        }
        AddrRange::holding(&self.mapped, Addr(word)).is_some()
    }
}

/// The granules of a large range that hold no pointers as far as a line of each page tells. What lies next to pointers is
/// kept: an object's header stands before its buffer.
fn raw_granules(live: &Live, range: AddrRange, pointers: &PointerTest) -> Vec<AddrRange> {
    if range.len() < SMALL.saturating_mul(4) {
        return Vec::new();
    }
    let count = range.len().div_ceil(GRANULE);
    let granule = |i: u64| {
        let start = range.start.up(i.saturating_mul(GRANULE)).unwrap_or(range.end);
        AddrRange::new(start, start.up(GRANULE).unwrap_or(range.end).min(range.end))
    };
    let has_pointers: Vec<bool> =
        (0..count).into_par_iter().map(|i| holds_pointers(live, granule(i), pointers)).collect();
    let near = |i: usize| {
        let around = i.saturating_sub(1)..i.saturating_add(2).min(has_pointers.len());
        has_pointers.get(around).is_none_or(|w| w.contains(&true))
    };
    let raw = (0..has_pointers.len()).filter(|i| !near(*i)).map(|i| granule(i as u64));
    joined(raw.collect())
}

/// The first page of each chunk that glibc's malloc mapped on its own, from the start of a range on: the header of a
/// long string or array stands there. Neighbouring chunks share one region of the map.
fn heads(live: &Live, range: AddrRange) -> Vec<AddrRange> {
    let mut heads = Vec::new();
    let mut at = range.start;
    while at < range.end && heads.len() < MOST_HEADS {
        let mut words = [0u8; 16];
        if live.read(at, &mut words).is_err() {
            break;
        }
        let word = |i: usize| words.get(i..).and_then(|w| w.first_chunk()).map_or(0, |w| u64::from_le_bytes(*w));
        let (before, size) = (word(0), word(8));
        // bit 1: mapped on its own; such chunks are whole pages and have no chunk before them
        if before != 0 || size & 7 != 2 || size & !7 == 0 || (size & !7) % PAGE != 0 {
            break;
        }
        heads.push(AddrRange::new(at, at.up(PAGE).unwrap_or(range.end)));
        at = at.up(size & !7).unwrap_or(range.end);
    }
    heads
}

fn holds_pointers(live: &Live, granule: AddrRange, pointers: &PointerTest) -> bool {
    let lines: Vec<AddrRange> = (0..granule.len() / PAGE)
        .filter_map(|page| {
            // another line in each page, so that no stride of the data hides from all of them
            let start =
                granule.start.up(page.checked_mul(PAGE)?.checked_add(page.wrapping_mul(37) % 64 * LINE as u64)?)?;
            Some(AddrRange::new(start, start.up(LINE as u64)?))
        })
        .collect();
    let mut bytes = vec![0u8; lines.len().saturating_mul(LINE)];
    match live.copy(&lines, &mut bytes) {
        Ok(_) => {
            bytes.chunks_exact(8).filter_map(|w| w.first_chunk()).any(|w| pointers.is_pointer(u64::from_le_bytes(*w)))
        }
        Err(_) => true,
    }
}

/// The private writable memory that was touched, for reading in pieces.
#[must_use]
pub fn elsewhere(ranges: &[AddrRange], arenas: &[AddrRange]) -> Vec<AddrRange> {
    ranges.iter().flat_map(|r| split(*r, arenas)).filter(|(_, is_arena)| !is_arena).map(|(r, _)| r).collect()
}

/// Ranges of any order, sorted and joined where they touch.
#[must_use]
pub fn joined_ranges(ranges: impl Iterator<Item = AddrRange>) -> Vec<AddrRange> {
    joined(ranges.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, end: u64) -> AddrRange {
        AddrRange::new(Addr(start), Addr(end))
    }

    #[test]
    fn a_range_is_cut_by_what_lies_across_it() {
        let marks = [range(0, 10), range(20, 30), range(40, 90)];
        let parts = split(range(5, 50), &marks);
        let expected = vec![
            (range(5, 10), true),
            (range(10, 20), false),
            (range(20, 30), true),
            (range(30, 40), false),
            (range(40, 50), true),
        ];
        assert_eq!(parts, expected);
        assert_eq!(split(range(90, 95), &marks), vec![(range(90, 95), false)]);
    }

    #[test]
    fn what_grew_since_the_plan_is_told() {
        let region = |start, end| Region {
            range: range(start, end),
            read: true,
            write: true,
            exec: false,
            shared: false,
            offset: 0,
            device: (0, 0),
            inode: 0,
            name: String::new(),
        };
        let plan = Plan { considered: vec![range(100, 200)], ..Plan::default() };
        let now = Regions::new(vec![region(100, 250), region(300, 400)]);
        assert_eq!(appeared(&plan, &now), vec![range(200, 250), range(300, 400)]);
    }
}
