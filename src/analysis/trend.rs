//! Censuses of one process, look after look → what became of each type: since the last look, since the baseline, a minute, and
//! what of it stayed. Keeps a few numbers a type and no heap; reads no clock.
//!
//! **Growth**, by which types are ranked, is what came since the baseline *and stayed*: the least that a type had more than at
//! the baseline during the later half of the looks since then (30 looks at most). Garbage that waits for the collector comes
//! and goes; its lower envelope stays flat, while that of a leak rises. It is the idea of a sliding minimum, cheap enough
//! for every look.
//!
//! A table that doubles (of a dict, of the interned strings) is one step far above all others: what it is above the next
//! highest counts for a sixteenth. A real surge of many megabytes still stands out.
//!
//! Bytes are compared, but an object of a class counts as [`LEAST`] at least: what it holds (its dict, strings, numbers) is
//! counted with those types, and the class is the culprit that a person can act on. A type of the interpreter's own building
//! blocks counts by its bytes alone, so a megabyte of strings still outranks ten small objects.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::heap::{Census, SizeBasis};

/// What an object of a class weighs at least in the ranking, in bytes.
pub const LEAST: i64 = 1024;

/// What part of a single step counts, beyond the second highest one.
const STEP: i64 = 16;

/// Looks over which the lower envelope is taken at most.
const LOOKS: usize = 30;

/// Modules whose types other objects are made of. Not a list of the standard library: only what commonly lies within others.
const BUILDING_BLOCKS: &[&str] = &[
    "builtins",
    "__builtin__",
    "_contextvars",
    "_ctypes",
    "_io",
    "_sre",
    "_thread",
    "array",
    "collections",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "itertools",
    "operator",
    "pathlib",
    "re",
    "thread",
    "threading",
    "types",
    "uuid",
    "weakref",
];

/// What types are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrendSort {
    /// What came since the baseline and stayed, most first.
    #[default]
    Growth,
    /// Bytes since the baseline, most first.
    Since,
    /// Bytes since the last look, most first.
    Last,
    /// Bytes now, most first.
    Bytes,
    /// Objects now, most first.
    Count,
    /// Name, `a` first.
    Type,
}

/// Objects and their bytes; or how many more of them, negative where fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delta {
    /// Objects.
    pub count: i64,
    /// Their sizes, in bytes.
    pub bytes: i64,
}

impl Delta {
    fn of(count: u64, bytes: u64) -> Delta {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Delta { count: signed(count), bytes: signed(bytes) }
    }

    fn less(self, other: Delta) -> Delta {
        Delta { count: self.count.saturating_sub(other.count), bytes: self.bytes.saturating_sub(other.bytes) }
    }

    fn plus(self, other: Delta) -> Delta {
        Delta { count: self.count.saturating_add(other.count), bytes: self.bytes.saturating_add(other.bytes) }
    }

    fn least(self, other: Delta) -> Delta {
        Delta { count: self.count.min(other.count), bytes: self.bytes.min(other.bytes) }
    }
}

/// One type, as it stands now and against before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trend {
    /// `module.qualname`; raw text of the target.
    pub name: String,
    /// Live objects.
    pub count: u64,
    /// Their sizes as `sys.getsizeof` gives them, in bytes.
    pub bytes: u64,
    /// How the bytes were found.
    pub basis: SizeBasis,
    /// More than at the look before.
    pub last: Delta,
    /// More than at the baseline.
    pub since: Delta,
    /// Of what came since the baseline, what stayed.
    pub kept: Delta,
    /// Of the bytes that came since the baseline, those of the highest step from one look to the next beyond the second highest;
    /// 0 where there was one step only.
    pub step: i64,
    /// Objects a minute since the baseline.
    pub count_per_minute: f64,
    /// Bytes a minute since the baseline.
    pub bytes_per_minute: f64,
    /// Has it more objects than at the baseline, and had at no look since then fewer than at the one before? Told from the
    /// second look after the baseline on.
    pub steady: bool,
}

impl Trend {
    /// What it is ranked by; see the head of this file.
    #[must_use]
    pub fn growth(&self) -> i64 {
        let step = self.step.min(self.kept.bytes.max(0));
        let bytes = self.kept.bytes.saturating_sub(step).saturating_add(step / STEP);
        if is_building_block(&self.name) || self.kept.count <= 0 {
            return bytes;
        }
        bytes.max(self.kept.count.saturating_mul(LEAST))
    }

    fn join(&mut self, other: &Trend) {
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
        if other.basis == SizeBasis::Basic {
            self.basis = SizeBasis::Basic;
        }
        self.last = self.last.plus(other.last);
        self.since = self.since.plus(other.since);
        self.kept = self.kept.plus(other.kept);
        self.step = self.step.saturating_add(other.step);
        self.count_per_minute += other.count_per_minute;
        self.bytes_per_minute += other.bytes_per_minute;
        self.steady |= other.steady;
    }
}

/// Is it a type that other objects are made of, `builtins.dict` for one, and not a class that a person would look for?
#[must_use]
pub fn is_building_block(name: &str) -> bool {
    name.split_once('.').is_none_or(|(module, _)| BUILDING_BLOCKS.contains(&module))
}

/// What is remembered of one type.
#[derive(Debug, Clone, Default)]
struct Course {
    baseline: Delta,
    before: Delta,
    now: Delta,
    basis: SizeBasis,
    /// Since the baseline, it excluded, newest last.
    recent: VecDeque<Delta>,
    /// Bytes of the two highest steps from one look to the next since the baseline, the highest first.
    steps: [i64; 2],
    fell: bool,
}

impl Course {
    fn step(&mut self, by: i64) {
        let [highest, second] = self.steps;
        self.steps = if by > highest { [by, highest] } else { [highest, second.max(by)] };
    }
}

/// What became of the types of one process.
#[derive(Debug, Clone, Default)]
pub struct Trends {
    courses: FxHashMap<String, Course>,
    /// Looks since the baseline, it excluded; `None` before the first look.
    looks: Option<u64>,
    baseline_at: Duration,
    last_at: Duration,
}

impl Trends {
    /// Takes in a look; `at` is any clock that goes forward. The first one is the baseline.
    pub fn add(&mut self, at: Duration, census: &Census) {
        self.last_at = at;
        for course in self.courses.values_mut() {
            course.before = course.now;
            course.now = Delta::default();
        }
        let first = self.looks.is_none();
        for tally in &census.types {
            // Names are cloned only once.
            if !self.courses.contains_key(&tally.name) {
                self.courses.insert(tally.name.clone(), Course::default());
            }
            if let Some(course) = self.courses.get_mut(&tally.name) {
                course.now = Delta::of(tally.count, tally.bytes);
                course.basis = tally.basis;
            }
        }
        self.looks = Some(self.looks.map_or(0, |looks| looks.saturating_add(1)));
        if first {
            return self.rebase();
        }
        for course in self.courses.values_mut() {
            course.fell |= course.now.count < course.before.count;
            course.step(course.now.bytes.saturating_sub(course.before.bytes));
            if course.recent.len() >= LOOKS {
                course.recent.pop_front();
            }
            course.recent.push_back(course.now);
        }
        let none = Delta::default();
        self.courses.retain(|_, course| course.now != none || course.before != none || course.baseline != none);
    }

    /// Makes the last look the baseline.
    pub fn rebase(&mut self) {
        self.baseline_at = self.last_at;
        self.looks = self.looks.map(|_| 0);
        for course in self.courses.values_mut() {
            course.baseline = course.now;
            course.before = course.now;
            course.recent.clear();
            course.steps = [0; 2];
            course.fell = false;
        }
    }

    /// Looks since the baseline; `None` before the first look.
    #[must_use]
    pub fn looks(&self) -> Option<u64> {
        self.looks
    }

    /// From the baseline to the last look.
    #[must_use]
    pub fn since(&self) -> Duration {
        self.last_at.saturating_sub(self.baseline_at)
    }

    /// Every type of the last look or the baseline, in no order.
    #[must_use]
    pub fn types(&self) -> Vec<Trend> {
        self.courses.iter().map(|(name, course)| self.trend(name, course)).collect()
    }

    /// All types together; it has no name.
    #[must_use]
    pub fn total(&self) -> Trend {
        let mut total = Trend::default();
        self.courses.values().for_each(|course| total.join(&self.trend("", course)));
        total
    }

    fn trend(&self, name: &str, course: &Course) -> Trend {
        let minutes = self.since().as_secs_f64() / 60.0;
        let a_minute = |n: i64| if minutes > 0.0 { n as f64 / minutes } else { 0.0 };
        let since = course.now.less(course.baseline);
        let half = course.recent.len().div_ceil(2);
        let kept = course.recent.iter().rev().take(half).map(|then| then.less(course.baseline));
        let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
        Trend {
            name: name.to_owned(),
            count: unsigned(course.now.count),
            bytes: unsigned(course.now.bytes),
            basis: course.basis,
            last: course.now.less(course.before),
            since,
            kept: kept.reduce(Delta::least).unwrap_or_default(),
            step: if course.recent.len() > 1 { course.steps[0].saturating_sub(course.steps[1]) } else { 0 },
            count_per_minute: a_minute(since.count),
            bytes_per_minute: a_minute(since.bytes),
            steady: since.count > 0 && !course.fell && course.recent.len() > 1,
        }
    }
}

/// The types of several processes as one table: numbers of the same name are added.
#[must_use]
pub fn merged(of: impl IntoIterator<Item = Vec<Trend>>) -> Vec<Trend> {
    let mut of = of.into_iter();
    let Some(first) = of.next() else { return Vec::new() };
    let mut by_name: FxHashMap<String, Trend> = first.into_iter().map(|trend| (trend.name.clone(), trend)).collect();
    for trend in of.flatten() {
        match by_name.get_mut(&trend.name) {
            Some(sum) => sum.join(&trend),
            None => {
                by_name.insert(trend.name.clone(), trend);
            }
        }
    }
    by_name.into_values().collect()
}

/// Puts types into order; ties stand by bytes, then by name.
pub fn order(trends: &mut [Trend], by: TrendSort) {
    trends.sort_by(|a, b| {
        let key = |trend: &Trend| match by {
            TrendSort::Growth => Reverse(trend.growth()),
            TrendSort::Since => Reverse(trend.since.bytes),
            TrendSort::Last => Reverse(trend.last.bytes),
            TrendSort::Bytes => Reverse(i64::try_from(trend.bytes).unwrap_or(i64::MAX)),
            TrendSort::Count => Reverse(i64::try_from(trend.count).unwrap_or(i64::MAX)),
            TrendSort::Type => Reverse(0),
        };
        let size = |trend: &Trend| Reverse(if by == TrendSort::Type { 0 } else { trend.bytes });
        key(a).cmp(&key(b)).then_with(|| size(a).cmp(&size(b))).then_with(|| a.name.cmp(&b.name))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::TypeTally;

    fn census(of: &[(&str, u64, u64)]) -> Census {
        let tally = |(name, count, bytes): &(&str, u64, u64)| TypeTally {
            name: (*name).to_owned(),
            count: *count,
            bytes: *bytes,
            ..TypeTally::default()
        };
        Census { types: of.iter().map(tally).collect() }
    }

    fn named<'a>(trends: &'a [Trend], name: &str) -> &'a Trend {
        trends.iter().find(|trend| trend.name == name).expect(name)
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn first(trends: &Trends) -> String {
        let mut types = trends.types();
        order(&mut types, TrendSort::Growth);
        types.first().map(|trend| trend.name.clone()).unwrap_or_default()
    }

    #[test]
    fn numbers_against_the_last_look_and_the_baseline() {
        let mut trends = Trends::default();
        assert_eq!((trends.looks(), trends.types().len()), (None, 0));
        trends.add(at(10), &census(&[("app.A", 100, 1000), ("gone", 5, 50)]));
        assert_eq!(named(&trends.types(), "app.A").since, Delta::default());
        trends.add(at(20), &census(&[("app.A", 130, 1300), ("gone", 5, 50)]));
        trends.add(at(40), &census(&[("app.A", 150, 1500), ("new", 1, 8)]));
        let types = trends.types();
        let grown = named(&types, "app.A");
        assert_eq!((grown.count, grown.bytes), (150, 1500));
        assert_eq!(grown.last, Delta { count: 20, bytes: 200 });
        assert_eq!(grown.since, Delta { count: 50, bytes: 500 });
        assert_eq!((grown.count_per_minute, grown.bytes_per_minute), (100.0, 1000.0));
        assert!(grown.steady);
        assert_eq!(named(&types, "gone").since, Delta { count: -5, bytes: -50 });
        assert_eq!(named(&types, "new").last, Delta { count: 1, bytes: 8 });
        assert_eq!(trends.total().since, Delta { count: 46, bytes: 458 });
        trends.rebase();
        assert_eq!(trends.looks(), Some(0));
        assert_eq!(named(&trends.types(), "app.A").since, Delta::default());
        trends.add(at(50), &census(&[("app.A", 150, 1500)]));
        trends.add(at(60), &census(&[("app.A", 150, 1500)]));
        assert!(trends.types().iter().all(|trend| trend.name != "gone"), "what is nowhere any more is forgotten");
    }

    #[test]
    fn a_class_outranks_what_it_is_made_of_within_three_looks() {
        // As measured on Flask under uWSGI: a few requests between looks, each with garbage in cycles.
        let mut trends = Trends::default();
        let flask = |timings: u64, garbage: u64| {
            census(&[
                ("builtins.dict", 5000 + timings + garbage, 1_000_000 + 184 * timings + 300 * garbage),
                ("builtins.str", 9000 + 3 * timings, 900_000 + 144 * timings),
                ("builtins.float", 100 + 2 * timings, 2400 + 48 * timings),
                ("builtins.list", 800 + timings, 80_000 + 80 * timings),
                ("builtins.cell", 100 + 5 * garbage, 4000 + 200 * garbage),
                ("flask.ctx.RequestContext", garbage, 56 * garbage),
                ("foo_module.Timing", timings, 56 * timings),
            ])
        };
        trends.add(at(0), &flask(500, 20));
        trends.add(at(2), &flask(509, 29));
        assert_eq!(first(&trends), "foo_module.Timing");
        trends.add(at(4), &flask(519, 16));
        assert_eq!(first(&trends), "foo_module.Timing");
        trends.add(at(6), &flask(530, 27));
        assert_eq!(first(&trends), "foo_module.Timing");
        assert!(named(&trends.types(), "foo_module.Timing").steady);
        assert!(!named(&trends.types(), "flask.ctx.RequestContext").steady);
    }

    #[test]
    fn a_table_that_doubles_once_is_not_the_culprit_but_a_surge_is() {
        let run = |table: u64| {
            let mut trends = Trends::default();
            for look in 0..4_u64 {
                let doubled = if look > 1 { table } else { 0 };
                let dicts = ("builtins.dict", 5000 + 20 * look, 1_000_000 + 184 * 20 * look + doubled);
                trends.add(at(2 * look), &census(&[dicts, ("foo_module.Timing", 20 * look, 56 * 20 * look)]));
            }
            first(&trends)
        };
        assert_eq!(run(300_000), "foo_module.Timing");
        assert_eq!(run(100_000_000), "builtins.dict");
    }

    #[test]
    fn large_values_outrank_a_few_small_objects() {
        let mut trends = Trends::default();
        trends.add(at(0), &census(&[("app.Page", 10, 560), ("builtins.bytes", 10, 1000)]));
        trends.add(at(2), &census(&[("app.Page", 20, 1120), ("builtins.bytes", 20, 10_000_000)]));
        assert_eq!(first(&trends), "builtins.bytes");
    }

    #[test]
    fn what_comes_and_goes_does_not_count_as_growth() {
        let mut trends = Trends::default();
        trends.add(at(0), &census(&[("app.Request", 0, 0), ("app.Leak", 0, 0)]));
        for look in 1..40_u64 {
            let waiting = 1000 * (look % 5);
            trends.add(at(2 * look), &census(&[("app.Request", waiting, 56 * waiting), ("app.Leak", look, 56 * look)]));
        }
        assert_eq!(first(&trends), "app.Leak");
        assert_eq!(
            named(&trends.types(), "app.Leak").kept.count,
            25,
            "of 39 looks 30 are kept, the later half of them counts"
        );
    }

    #[test]
    fn with_no_growth_the_biggest_stand_first() {
        let mut trends = Trends::default();
        trends.add(at(0), &census(&[("a", 1, 10), ("b", 1, 30), ("c", 9, 20)]));
        assert_eq!(first(&trends), "b");
        let sorted = |by| {
            let mut types = trends.types();
            order(&mut types, by);
            types.into_iter().map(|trend| trend.name).collect::<String>()
        };
        assert_eq!(
            (sorted(TrendSort::Bytes), sorted(TrendSort::Count), sorted(TrendSort::Type)),
            ("bca".into(), "cba".into(), "abc".into())
        );
    }

    #[test]
    fn processes_are_added_up() {
        let mut one = Trends::default();
        one.add(at(0), &census(&[("a", 1, 10)]));
        one.add(at(60), &census(&[("a", 3, 30)]));
        let mut two = Trends::default();
        two.add(at(30), &census(&[("a", 5, 50), ("b", 1, 1)]));
        let all = merged([one.types(), two.types()]);
        let a = named(&all, "a");
        assert_eq!((a.count, a.bytes, a.since, a.count_per_minute), (8, 80, Delta { count: 2, bytes: 20 }, 2.0));
        assert_eq!(all.len(), 2);
    }
}
