//! Histories of processes → programs over time, a restart being one more life, with the verdict on each and the types that carry
//! it. Reads no file.

use super::carriers::{Carrier, growing, jumped};
use super::{Kind, Run, Sample, Series, Verdict, judge};
use crate::heap::{History, Point};

/// A program over time: the processes that ran it one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding<'a> {
    /// Its processes, in the order of time; at least one, and each with a look.
    pub lives: Vec<&'a History>,
    /// The verdict on its memory.
    pub verdict: Verdict,
    /// The types that carry it, the largest first; none without looks at the heap.
    pub carriers: Vec<Carrier>,
}

impl<'a> Finding<'a> {
    /// The process that runs it now, or ran it last.
    #[must_use]
    pub fn latest(&self) -> &'a History {
        self.lives[self.lives.len() - 1]
    }

    /// Its looks, through all of its lives.
    pub fn points(&self) -> impl Iterator<Item = &'a Point> {
        self.lives.iter().flat_map(|life| &life.points)
    }
}

/// What the processes of a recording come to. One that began when another of the same command line had ended is taken as its
/// next life.
#[must_use]
pub fn findings(histories: &[History]) -> Vec<Finding<'_>> {
    let mut looked: Vec<&History> = histories.iter().filter(|history| !history.points.is_empty()).collect();
    looked.sort_by_key(|history| (first(history), history.pid));
    let mut programs: Vec<Vec<&History>> = Vec::new();
    for history in looked {
        let free = |lives: &&mut Vec<&History>| {
            lives.last().is_some_and(|before| before.command == history.command && last(before) < first(history))
        };
        match programs.iter_mut().filter(free).max_by_key(|lives| lives.last().map(|before| last(before))) {
            Some(lives) => lives.push(history),
            None => programs.push(vec![history]),
        }
    }
    programs.into_iter().map(finding).collect()
}

fn first(history: &History) -> i64 {
    history.points.first().map_or(0, |point| point.at_ms)
}

fn last(history: &History) -> i64 {
    history.points.last().map_or(0, |point| point.at_ms)
}

/// Resident memory, and what of it was swapped out: a leak that is swapped is none the smaller.
#[must_use]
pub fn memory(point: &Point) -> u64 {
    point.usage.rss_bytes.saturating_add(point.usage.swap_bytes.unwrap_or(0))
}

fn finding(lives: Vec<&History>) -> Finding<'_> {
    let verdict = judge(&series(&lives));
    let points = &lives[lives.len() - 1].points;
    // What is told of may have been in an earlier life.
    let by = |at: f64| lives.iter().find(|life| last(life) as f64 / 1000.0 >= at).map_or(points, |life| &life.points);
    let carriers = match verdict.kind {
        Kind::Leak => growing(points, verdict.trend.map_or(0.0, |trend| trend.from)),
        Kind::Surge => verdict
            .jumps
            .iter()
            .max_by(|a, b| a.bytes.total_cmp(&b.bytes))
            .map_or(Vec::new(), |jump| jumped(by(jump.to), jump.from, jump.to)),
        Kind::EarlyExplosion => verdict.filled.map_or(Vec::new(), |filled| {
            let points = by(filled);
            jumped(points, points.first().map_or(0.0, |point| point.at_ms as f64 / 1000.0), filled)
        }),
        Kind::Sawtooth | Kind::TooShort => Vec::new(),
    };
    Finding { lives, verdict, carriers }
}

/// The series that is judged.
#[must_use]
pub fn series(lives: &[&History]) -> Series {
    let run = |life: &&History| Run {
        started: life.started_ms.map(|at| at as f64 / 1000.0),
        samples: life
            .points
            .iter()
            .map(|point| Sample {
                at: point.at_ms as f64 / 1000.0,
                bytes: memory(point) as f64,
                collections: point.gc.last().and_then(|oldest| oldest.collections),
            })
            .collect(),
    };
    let limit = lives.iter().rev().flat_map(|life| life.points.last()).find_map(|p| p.usage.cgroup_limit_bytes);
    Series { runs: lives.iter().map(run).collect(), limit: limit.map(|limit| limit as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::{HeapPoint, TypePoint, Usage};

    fn life(pid: i32, command: &str, from: i64, looks: i64) -> History {
        let point =
            |at| Point { at_ms: at, pid, usage: Usage { rss_bytes: 1, ..Usage::default() }, ..Point::default() };
        let points = (from..from + looks).map(point).collect();
        History { pid, command: command.into(), points, ..History::default() }
    }

    #[test]
    fn a_restart_is_one_more_life_and_a_second_worker_is_not() {
        let histories = [
            life(1, "app", 0, 10),
            life(2, "app", 5, 10),
            life(3, "app", 12, 5),
            life(4, "other", 30, 5),
            life(5, "app", 0, 0),
        ];
        let pids: Vec<Vec<i32>> =
            findings(&histories).iter().map(|found| found.lives.iter().map(|life| life.pid).collect()).collect();
        assert_eq!(pids, [vec![1, 3], vec![2], vec![4]]);
    }

    #[test]
    fn short_lives_have_carriers_too() {
        let noon = 1_795_262_400_000;
        let course = |kind: Kind, at: i64| match kind {
            Kind::Leak => at * 10,
            Kind::Surge => i64::from(at >= 12) * 200,
            _ => at.min(3) * 60,
        };
        let lives = |kind: Kind, many: i64, looks: i64| -> Vec<History> {
            let one = |nth: i64| {
                let from = noon + nth * (looks * 1000 + 5000);
                let mut one = life(1 + nth as i32, "app", from, looks);
                one.started_ms = Some(from);
                for (at, point) in one.points.iter_mut().enumerate() {
                    let more = (course(kind, at as i64) << 20) as u64;
                    point.at_ms = from + at as i64 * 1000;
                    point.usage.rss_bytes = (200 << 20) + more;
                    let types = vec![TypePoint { name: "app.Row".into(), count: 1, bytes: more }];
                    point.heap = Some(HeapPoint { bytes: more, types, ..HeapPoint::default() });
                }
                one
            };
            (0..many).map(one).collect()
        };
        for (many, looks) in [(1, 22), (4, 20)] {
            for kind in [Kind::Leak, Kind::Surge, Kind::EarlyExplosion] {
                let histories = lives(kind, many, looks);
                let found = findings(&histories);
                assert_eq!((found.len(), found[0].verdict.kind), (1, kind), "{many} lives");
                let names: Vec<&str> = found[0].carriers.iter().map(|carrier| carrier.name.as_str()).collect();
                assert_eq!(names, ["app.Row"], "{many} lives: {:?}", found[0].verdict);
            }
        }
    }
}
