//! A series of looks at one program's memory → which of four shapes it has, and the evidence. Reads no file, writes no words.
//!
//! The method, its sources and what it cannot tell: `src/docs/verdict.md`.

pub mod carriers;
pub mod envelope;
pub mod lives;
pub mod robust;
pub mod shape;

pub use self::carriers::Carrier;
pub use self::lives::{Finding, findings, memory};

use std::cmp::Ordering;

use self::envelope::{Envelope, Teeth};
use self::robust::{Slope, median};
use self::shape::{Fit, Model};

/// Fewer looks are too few.
const FEWEST: usize = 20;
/// Below it a life of a process is judged only laid over the others.
const FEW: usize = 24;
/// Growth below this part of the level is not worth a word …
const FLOOR_PART: f64 = 0.01;
/// … nor below this, in bytes …
const FLOOR_BYTES: f64 = 262_144.0;
/// … nor below so many standard deviations of the envelope about its model.
const FLOOR_RESTS: f64 = 5.0;
/// A leak that would take longer than this to double the memory is none, in seconds.
const FLOOR_DOUBLING: f64 = 3.0 * 365.25 * 86_400.0;
/// A trend counts from this Mann–Kendall statistic: p < 0.01, two-sided.
const SURE: f64 = 2.576;
/// A gap is a pause of so many usual intervals; the clock of the analysis goes on by no more over all of them than this part.
const GAP: (f64, f64) = (5.0, 0.05);
/// Teeth are of no rhythm where the longest is so many times as long as they are on average; then growth counts from so many times
/// the highest.
const WANDERING: (f64, f64) = (2.0, 1.2);
/// Growth of few valleys counts from this part of the teeth's height.
const FEW_VALLEYS: f64 = 0.75;
/// A step from one look to the next is the jump from this part of it.
const SHARP: f64 = 0.5;
/// Fewer lows than these are few.
const FEW_LOWS: usize = 8;
/// What begins within this last part of the series is tied to one moment: nobody knows yet whether it goes on.
const LATE: f64 = 0.2;
/// A jump counts from this part of what was ever given back at once.
const JUMP: f64 = 0.9;
/// A rise over more than this part of the series is tied to no moment.
const DRAWN_OUT: f64 = 0.4;
/// A trend goes on where what follows rises at least at this part of its slope.
const GOES_ON: f64 = 0.4;
/// What fills up within this part of a process's life is early.
const EARLY: f64 = 0.4;
/// A rise within this part of the series is tied to one moment.
const MOMENT: f64 = 0.12;

/// One look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sample {
    /// When, in seconds.
    pub at: f64,
    /// Memory, in bytes.
    pub bytes: f64,
    /// Collections of the oldest generation so far, where known.
    pub collections: Option<u64>,
}

/// One life of the program: a process.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// When the process started, in seconds of the same clock, where known.
    pub started: Option<f64>,
    /// The looks, in the order of time.
    pub samples: Vec<Sample>,
}

/// A program over time, through its restarts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Its lives, in the order of time.
    pub runs: Vec<Run>,
    /// What its memory may not exceed, in bytes.
    pub limit: Option<f64>,
}

/// The shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// No trend: what rises is given back.
    Sawtooth,
    /// Filled after the start, then flat.
    EarlyExplosion,
    /// Jumps tied to a moment, flat otherwise.
    Surge,
    /// A trend that nothing takes back.
    Leak,
    /// Too few looks.
    TooShort,
}

/// Memory that came at once and stayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jump {
    /// When it began, in seconds.
    pub from: f64,
    /// When it was over.
    pub to: f64,
    /// By how much, in bytes.
    pub bytes: f64,
}

/// Growth that goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// When it began, in seconds.
    pub from: f64,
    /// Bytes a second, of the lower envelope: Theil and Sen's slope.
    pub slope: f64,
    /// Lower end of its interval of 95 %.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// When a limit is reached, in seconds; `None`: not at this rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// The limit, in bytes.
    pub limit: f64,
    /// At the slope.
    pub at: f64,
    /// At the upper end of its interval.
    pub earliest: f64,
    /// At its lower end; `None` where that is no growth.
    pub latest: Option<f64>,
}

/// The shape, and what speaks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The shape.
    pub kind: Kind,
    /// Looks that it rests on.
    pub points: usize,
    /// The time that they cover, in seconds.
    pub span: f64,
    /// Processes that they cover.
    pub runs: usize,
    /// The lower envelope at its first and last, in bytes.
    pub envelope: (f64, f64),
    /// What growth would have counted from, in bytes.
    pub floor: f64,
    /// What was given back again and again.
    pub teeth: Teeth,
    /// Kendall's S of the envelope over its standard deviation, corrected for autocorrelation.
    pub z: f64,
    /// A leak's growth.
    pub trend: Option<Trend>,
    /// When the limit is reached, for a leak below a limit.
    pub reach: Option<Reach>,
    /// A surge's jumps.
    pub jumps: Vec<Jump>,
    /// By when an early explosion was over, in seconds.
    pub filled: Option<f64>,
    /// Collections of the oldest generation during the looks, where known.
    pub collections: Option<u64>,
    /// Pauses between looks that are much longer than usual.
    pub gaps: usize,
    /// The last climb, left out because it may be one more tooth, in bytes.
    pub last_climb: Option<f64>,
}

/// Judges a series.
#[must_use]
pub fn judge(series: &Series) -> Verdict {
    let runs: Vec<Judged> = series.runs.iter().filter(|run| run.samples.len() >= FEW).map(judge_alone).collect();
    let points = series.runs.iter().map(|run| run.samples.len()).sum();
    let mut verdict = match combine(runs) {
        Some(verdict) => verdict,
        None if points >= FEWEST => judge_together(&series.runs),
        None => too_short(),
    };
    verdict.points = points;
    verdict.runs = series.runs.len();
    verdict.span = span(series);
    verdict.collections = collections(series);
    verdict.reach = reach(series, &verdict);
    verdict
}

fn too_short() -> Verdict {
    Verdict {
        kind: Kind::TooShort,
        points: 0,
        span: 0.0,
        runs: 0,
        envelope: (0.0, 0.0),
        floor: 0.0,
        teeth: Teeth::default(),
        z: 0.0,
        trend: None,
        reach: None,
        jumps: Vec::new(),
        filled: None,
        collections: None,
        gaps: 0,
        last_climb: None,
    }
}

fn span(series: &Series) -> f64 {
    let first = series.runs.iter().filter_map(|run| run.samples.first()).map(|s| s.at).fold(f64::MAX, f64::min);
    let last = series.runs.iter().filter_map(|run| run.samples.last()).map(|s| s.at).fold(f64::MIN, f64::max);
    (last - first).max(0.0)
}

fn collections(series: &Series) -> Option<u64> {
    let of = |run: &Run| {
        let known: Vec<u64> = run.samples.iter().filter_map(|sample| sample.collections).collect();
        Some(known.last()?.saturating_sub(*known.first()?))
    };
    series.runs.iter().map(of).fold(None, |sum, one| match (sum, one) {
        (Some(a), Some(b)) => Some(a + b),
        (sum, one) => sum.or(one),
    })
}

fn reach(series: &Series, verdict: &Verdict) -> Option<Reach> {
    let (trend, limit) = (verdict.trend?, series.limit?);
    let last = series.runs.last()?.samples.last()?;
    // From the recent level, teeth included: it is a peak that reaches a limit first.
    let tail: Vec<f64> = series.runs.last()?.samples.iter().rev().take(9).map(|sample| sample.bytes).collect();
    let room = (limit - median(&tail)).max(0.0);
    let when = |slope: f64| last.at + room / slope;
    (trend.slope > 0.0).then(|| Reach {
        limit,
        at: when(trend.slope),
        earliest: when(trend.high),
        latest: (trend.low > 0.0).then(|| when(trend.low)),
    })
}

// --- one life ---------------------------------------------------------------------------------------------------------

/// The verdict on one life of a process.
#[derive(Debug, Clone)]
struct Judged {
    verdict: Verdict,
    /// How much it says in a vote: the time that it covers.
    weight: f64,
}

/// The clock of the analysis: long pauses shortened, for nobody knows whether the process slept too.
struct Clock {
    /// Each look's time.
    at: Vec<f64>,
    gaps: usize,
}

impl Clock {
    /// `usual`: from one look to the next, in seconds.
    fn of(samples: &[Sample], usual: f64) -> Clock {
        let steps: Vec<f64> = steps(samples).collect();
        let long = GAP.0 * usual;
        let active: f64 = steps.iter().filter(|step| **step <= long).sum();
        let gaps = steps.iter().filter(|step| **step > long).count();
        let most = active * GAP.1;
        let mut now = samples.first().map_or(0.0, |sample| sample.at);
        let mut at = vec![now];
        for step in steps {
            now += if step > long { step.min(most.max(usual)) } else { step };
            at.push(now);
        }
        Clock { at, gaps }
    }

    /// A moment of the analysis on the clock of the looks.
    fn real(&self, samples: &[Sample], at: f64) -> f64 {
        let next = self.at.partition_point(|t| *t < at);
        samples.get(next).or(samples.last()).map_or(at, |sample| sample.at)
    }
}

fn steps(samples: &[Sample]) -> impl Iterator<Item = f64> {
    samples.windows(2).map(|pair| pair[1].at - pair[0].at)
}

/// The median of the steps from look to look within a life, in seconds; two looks of one moment are none.
fn usual_step(runs: &[Run]) -> f64 {
    let steps: Vec<f64> = runs.iter().flat_map(|run| steps(&run.samples)).filter(|step| *step > 0.0).collect();
    median(&steps)
}

fn judge_alone(run: &Run) -> Judged {
    judge_run(run, usual_step(std::slice::from_ref(run)))
}

fn judge_run(run: &Run, usual: f64) -> Judged {
    let clock = Clock::of(&run.samples, usual);
    let points: Vec<(f64, f64)> = clock.at.iter().zip(&run.samples).map(|(at, sample)| (*at, sample.bytes)).collect();
    let envelope = envelope::envelope(&points);
    let lows = &envelope.lows;
    let fit = shape::fit(lows);
    let (start, end) = (lows.first().map_or(0.0, |low| low.0), lows.last().map_or(0.0, |low| low.0));
    let length = end - start;
    let level = median(&lows.iter().map(|low| low.1).collect::<Vec<_>>());
    // Few valleys tell their own scatter badly: then that of teeth in general.
    let scatter = if lows.len() < 12 { 0.05 * envelope.teeth.height } else { 0.0 };
    let rest = fit.rest.max(scatter).max(envelope.noise * 0.3);
    let floor = (FLOOR_RESTS * rest).max(FLOOR_PART * level).max(FLOOR_BYTES).max(irregular(&envelope));
    let age = run.started.map_or(0.0, |started| (clock.at[0] - started).max(0.0));
    let scene = Scene { envelope: &envelope, fit: &fit, start, length, floor, rest, age };

    let found = scene.shape();
    let whole = robust::slope(&[lows]);
    let mut verdict = Verdict {
        kind: found.kind,
        points: run.samples.len(),
        span: length,
        runs: 1,
        envelope: (lows.first().map_or(0.0, |low| low.1), lows.last().map_or(0.0, |low| low.1)),
        floor,
        teeth: envelope.teeth,
        z: whole.map_or(0.0, |slope| slope.z),
        trend: found.trend,
        jumps: found.jumps,
        filled: found.filled.map(|at| clock.real(&run.samples, at)),
        gaps: clock.gaps,
        last_climb: envelope.last_climb,
        ..too_short()
    };
    for jump in &mut verdict.jumps {
        let blur = envelope.resolution.min(length / 4.0);
        (jump.from, jump.to) = sharpened(&points, jump, blur);
        (jump.from, jump.to) = (clock.real(&run.samples, jump.from), clock.real(&run.samples, jump.to));
    }
    if let Some(trend) = &mut verdict.trend {
        trend.from = clock.real(&run.samples, trend.from);
    }
    Judged { verdict, weight: points.last().map_or(0.0, |last| last.0 - points[0].0) }
}

/// When a jump was, as far as one step from look to look is a good part of it; else as the envelope has it.
fn sharpened(points: &[(f64, f64)], jump: &Jump, blur: f64) -> (f64, f64) {
    let near = points.windows(2).filter(|pair| pair[1].0 >= jump.from - blur && pair[0].0 <= jump.to + blur);
    let step = |pair: &&[(f64, f64)]| pair[1].1 - pair[0].1;
    match near.max_by(|a, b| step(a).total_cmp(&step(b))) {
        Some(pair) if step(&pair) >= SHARP * jump.bytes => (pair[0].0, pair[1].0),
        _ => (jump.from, jump.to),
    }
}

/// Teeth of a rhythm have valleys that can be trusted. Where memory wanders instead, a rise must be larger than what was ever
/// given back, in bytes; 0 for the former.
fn irregular(envelope: &Envelope) -> f64 {
    let teeth = &envelope.teeth;
    if teeth.count >= 2 && teeth.longest * teeth.count as f64 > WANDERING.0 * envelope.span {
        WANDERING.1 * teeth.highest
    } else {
        0.0
    }
}

/// What is known of one life when its shape is asked for.
struct Scene<'a> {
    envelope: &'a Envelope,
    fit: &'a Fit,
    /// The first low, on the clock of the analysis.
    start: f64,
    /// From the first low to the last.
    length: f64,
    floor: f64,
    rest: f64,
    /// Of the process at the first look.
    age: f64,
}

struct Found {
    kind: Kind,
    trend: Option<Trend>,
    jumps: Vec<Jump>,
    filled: Option<f64>,
}

impl Found {
    fn only(kind: Kind) -> Found {
        Found { kind, trend: None, jumps: Vec::new(), filled: None }
    }
}

impl Scene<'_> {
    fn shape(&self) -> Found {
        let rise = self.fit.rise;
        let lasting = |found: Found| {
            let jump = matches!(found.kind, Kind::Surge | Kind::EarlyExplosion);
            if jump && rise < JUMP * self.envelope.teeth.highest { Found::only(Kind::Sawtooth) } else { found }
        };
        lasting(self.course(rise))
    }

    fn course(&self, rise: f64) -> Found {
        if self.length <= 0.0 || self.envelope.lows.len() < 3 || rise < self.floor {
            return Found::only(Kind::Sawtooth);
        }
        let blur = self.envelope.resolution / self.length;
        match &self.fit.model {
            Model::Level => Found::only(Kind::Sawtooth),
            Model::Jumps(jumps) => self.jumped(jumps),
            Model::Bent(at) => self.filled(*at),
            Model::Saturating(tau) => self.filled(3.0 * tau),
            Model::Ramp(a, b) if b - a <= MOMENT.max(blur * 1.2) && *a > 0.0 && *b < 1.0 => {
                if self.is_early(*b) && *b < 0.15 { self.filled(*b) } else { self.surged(*a, *b) }
            }
            Model::Ramp(a, b) if *b < 0.88 => {
                if self.is_early(*b) && *a < 0.1 {
                    self.filled(*b)
                } else if b - a > DRAWN_OUT {
                    self.drawn_out(*a, *b)
                } else {
                    self.surged(*a, *b)
                }
            }
            Model::Ramp(a, b) if 1.0 - a <= LATE.max(blur * 1.2) => self.surged(*a, *b),
            Model::Ramp(a, b) => match self.leaks(&[(*a, 1.0)], *a) {
                Some(leak) => leak,
                None if *a >= 0.6 => self.surged(*a, *b),
                None if self.envelope.lows.len() < FEW_LOWS => Found::only(Kind::TooShort),
                None => Found::only(Kind::Sawtooth),
            },
        }
    }

    fn moment(&self, part: f64) -> f64 {
        self.start + part * self.length
    }

    /// Does this part of the series lie in the beginning of the process's life?
    fn is_early(&self, part: f64) -> bool {
        self.age + part * self.length <= EARLY * (self.age + self.length)
    }

    fn jumped(&self, jumps: &[(f64, f64); 2]) -> Found {
        let half = 0.5 / 79.0;
        // Closer together than what can be told apart: one.
        if jumps[1].0 - jumps[0].0 <= MOMENT.max(self.envelope.resolution / self.length * 1.2) {
            return self.surged((jumps[0].0 - half).max(0.0), (jumps[1].0 + half).min(1.0));
        }
        let edges = [(0.0, jumps[0].0 - half), (jumps[0].0 + half, jumps[1].0 - half), (jumps[1].0 + half, 1.0)];
        self.leaks(&edges, 0.0).unwrap_or_else(|| {
            let jumps = jumps.iter().filter(|jump| jump.1 >= self.floor / 2.0);
            Found {
                jumps: jumps
                    .map(|(at, bytes)| Jump { from: self.moment(at - half), to: self.moment(at + half), bytes: *bytes })
                    .collect(),
                ..Found::only(Kind::Surge)
            }
        })
    }

    fn surged(&self, a: f64, b: f64) -> Found {
        self.leaks(&[(0.0, a), (b, 1.0)], 0.0).unwrap_or_else(|| Found {
            jumps: vec![Jump { from: self.moment(a), to: self.moment(b), bytes: self.fit.rise }],
            ..Found::only(Kind::Surge)
        })
    }

    /// A rise over a good part of the series, not up to its end: either it goes on on another level, where some was given back,
    /// or it is over.
    fn drawn_out(&self, a: f64, b: f64) -> Found {
        let shifted = self.envelope.shifted.map_or(0.0, |at| (at - self.start) / self.length);
        let parts = [(a, b), (b.max(shifted), 1.0)];
        let later = self.within(parts[1]);
        let leak = self.leaks(&parts, a);
        match leak.filter(|leak| leak.trend.is_some_and(|trend| keeps(later, trend.slope))) {
            Some(leak) => leak,
            None if a >= 0.1 => self.surged(a, b),
            None if later.len() < FEW_LOWS => Found::only(Kind::TooShort),
            None => Found { filled: Some(self.moment(b)), ..Found::only(Kind::EarlyExplosion) },
        }
    }

    fn filled(&self, by: f64) -> Found {
        self.leaks(&[(by.min(0.6), 1.0)], by)
            .unwrap_or_else(|| Found { filled: Some(self.moment(by.min(1.0))), ..Found::only(Kind::EarlyExplosion) })
    }

    /// The lows of a part of the series.
    fn within(&self, (a, b): (f64, f64)) -> &[(f64, f64)] {
        let lows = &self.envelope.lows;
        let a = lows.partition_point(|low| low.0 < self.moment(a) - 1e-9 * self.length);
        let b = lows.partition_point(|low| low.0 <= self.moment(b) + 1e-9 * self.length);
        lows.get(a..b).unwrap_or_default()
    }

    /// A trend within these parts of the series, if there is one that is sure, matters and goes on.
    fn leaks(&self, parts: &[(f64, f64)], from: f64) -> Option<Found> {
        let lows = &self.envelope.lows;
        let strata: Vec<&[(f64, f64)]> = parts.iter().map(|part| self.within(*part)).collect();
        let slope = robust::slope(&strata)?;
        let covered: f64 = strata.iter().filter_map(|s| Some(s.last()?.0 - s.first()?.0)).sum();
        let growth = slope.slope * covered;
        let level = lows.last()?.1.max(1.0);
        let whole = parts.len() == 1 && parts[0] == (0.0, 1.0);
        // Beside a jump or a filling, a trend has to be worth mentioning.
        let beside =
            if parts.len() == 1 && from == parts[0].0 && matches!(self.fit.model, Model::Ramp(_, b) if b > 0.88) {
                0.0
            } else {
                0.12 * self.fit.rise
            };
        let matters = growth >= self.floor.max(beside) && level / slope.slope <= FLOOR_DOUBLING;
        // Few valleys cannot reach that significance even where each is higher than the one before.
        let few = strata.len() == 1
            && (4..FEW_LOWS).contains(&strata[0].len())
            && strata[0].windows(2).all(|pair| pair[1].1 > pair[0].1);
        let sure =
            slope.z >= SURE || (few && growth >= 8.0 * self.rest && growth >= FEW_VALLEYS * self.envelope.teeth.height);
        if !(matters && sure) {
            return None;
        }
        let last = strata.iter().max_by(|a, b| extent(a).total_cmp(&extent(b)))?;
        if !whole && !goes_on(last, &slope) {
            return None;
        }
        let trend = Trend { from: self.moment(from), slope: slope.slope, low: slope.low, high: slope.high };
        Some(Found { trend: Some(trend), ..Found::only(Kind::Leak) })
    }
}

fn extent(points: &[(f64, f64)]) -> f64 {
    match (points.first(), points.last()) {
        (Some(first), Some(last)) => last.0 - first.0,
        _ => 0.0,
    }
}

/// Is the last third's slope still a good part of the whole's?
fn goes_on(points: &[(f64, f64)], slope: &Slope) -> bool {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return false };
    let from = first.0 + (last.0 - first.0) * 0.6;
    keeps(&points[points.partition_point(|point| point.0 < from)..], slope.slope)
}

/// Do these lows, as far as they are enough to say, still rise at a good part of a slope?
fn keeps(late: &[(f64, f64)], slope: f64) -> bool {
    late.len() < 4 || robust::slope(&[late]).is_some_and(|late| late.slope >= GOES_ON * slope)
}

// --- several lives ----------------------------------------------------------------------------------------------------

/// The verdict on lives that are too short to be judged alone.
fn judge_together(runs: &[Run]) -> Verdict {
    let mut verdict = judge_run(&laid_over(runs), usual_step(runs)).verdict;
    // What was seen at an age was last seen in the latest life that came to that age; times are of milliseconds.
    let born = |age: f64| {
        let reached = |run: &&Run| run.samples.last().is_some_and(|last| last.at + 1e-3 >= birth(run) + age);
        runs.iter().rev().find(reached).or(runs.last()).map_or(0.0, birth)
    };
    for jump in &mut verdict.jumps {
        let born = born(jump.to);
        (jump.from, jump.to) = (born + jump.from, born + jump.to);
    }
    if let Some(trend) = &mut verdict.trend {
        trend.from += born(trend.from);
    }
    verdict.filled = verdict.filled.map(|age| born(age) + age);
    verdict
}

/// When a process began, as far as it is known.
fn birth(run: &Run) -> f64 {
    run.started.or(run.samples.first().map(|sample| sample.at)).unwrap_or_default()
}

/// All looks by the age of their process, each life about its own level.
fn laid_over(runs: &[Run]) -> Run {
    let all: Vec<f64> = runs.iter().flat_map(|run| &run.samples).map(|sample| sample.bytes).collect();
    let level = median(&all);
    let mut samples: Vec<Sample> = runs
        .iter()
        .flat_map(|run| {
            let own = median(&run.samples.iter().map(|sample| sample.bytes).collect::<Vec<_>>());
            let zero = birth(run);
            run.samples.iter().map(move |s| Sample { at: s.at - zero, bytes: s.bytes - own + level, ..*s })
        })
        .collect();
    samples.sort_by(|a, b| a.at.total_cmp(&b.at));
    Run { started: Some(0.0), samples }
}

/// Lives vote by the time that they cover; what one did that lasted counts before what the others did not.
fn combine(runs: Vec<Judged>) -> Option<Verdict> {
    let whole: f64 = runs.iter().map(|run| run.weight).sum();
    let part = |kind: Kind| {
        let of: f64 = runs.iter().filter(|run| run.verdict.kind == kind).map(|run| run.weight).sum();
        if whole > 0.0 { of / whole } else { 0.0 }
    };
    let kind = if part(Kind::Leak) >= 0.4 {
        Kind::Leak
    } else if part(Kind::Surge) > 0.0 {
        Kind::Surge
    } else if part(Kind::EarlyExplosion) >= 0.4 {
        Kind::EarlyExplosion
    } else if part(Kind::TooShort) >= 0.5 {
        Kind::TooShort
    } else {
        Kind::Sawtooth
    };
    let gaps = runs.iter().map(|run| run.verdict.gaps).sum();
    let jumps: Vec<Jump> = runs.iter().flat_map(|run| run.verdict.jumps.clone()).collect();
    // The latest life of that kind stands for it, the longest among equals being the one with most evidence.
    let longest = |a: &Judged, b: &Judged| a.weight.partial_cmp(&b.weight).unwrap_or(Ordering::Equal);
    let alike = runs.iter().filter(|run| run.verdict.kind == kind).max_by(|a, b| longest(a, b));
    let mut verdict = alike.or(runs.iter().max_by(|a, b| longest(a, b)))?.verdict.clone();
    verdict.kind = kind;
    verdict.gaps = gaps;
    verdict.trend = verdict.trend.filter(|_| kind == Kind::Leak);
    verdict.filled = verdict.filled.filter(|_| kind == Kind::EarlyExplosion);
    verdict.jumps = if kind == Kind::Surge { jumps } else { Vec::new() };
    Some(verdict)
}
