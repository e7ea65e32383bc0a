//! Holds the target still and copies what was planned: copy first, think later. Where the copy would not fit, hands
//! over to reading in pieces.

use std::time::{Duration, Instant};

use super::interpret::{self, Moment};
use super::plan::{self, Plan};
use super::{Clock, Error, Options, Taken, Target, Values};
use crate::addr::AddrRange;
use crate::memory::{Buffer, Image, Live, Paged};
use crate::process::freeze::{Freeze, FreezeError};
use crate::process::{Process, State, budget};

/// How often a moment within a collection is let pass before it is taken as it is.
const TRIES: u32 = 6;
/// How often a whole look is taken where its moment proves torn afterwards.
const LOOKS: u32 = 3;
/// What leakspy needs beside the copy: its own code, threads and results, in bytes.
const OWN: u64 = 24 << 20;
/// What the objects, their references and their labels take at most, as a multiple of what is copied: measured on heaps
/// of small objects, which have most of them a byte.
const GRAPH: u64 = 2;
/// What the contents of all objects take at most beside them, again as a multiple of what is copied.
const VALUES: u64 = 2;
/// The least that reading in pieces can do with, in bytes.
const LEAST: u64 = 32 << 20;
/// Room for what appears between plan and copy: a share of the plan, and at least this much.
const SPARE: u64 = 8 << 20;

/// What one look leaves for the next of the same process.
#[derive(Debug, Default)]
pub(super) struct Kept {
    buffer: Option<Buffer>,
    /// Threads that interpret while the process runs on: one that is watched all day has work to do, and nobody waits for a
    /// few milliseconds. Half of the processors, so that there is one for it. Not those that copy while it is held still.
    unhurried: Option<rayon::ThreadPool>,
    /// For how long the look held the process still, with all its tries and whether anything came of it or not.
    held: Duration,
}

impl Kept {
    /// For looks again and again.
    pub fn unhurried() -> Self {
        // Without threads of its own it is only in more of a hurry.
        let threads = (rayon::current_num_threads() / 2).max(1);
        let unhurried = rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok();
        Kept { unhurried, ..Kept::default() }
    }

    /// For how long the last look held the process still, with all its tries and whether anything came of it or not.
    pub fn held(&self) -> Duration {
        self.held
    }

    /// Looks with all threads, where somebody waits for what comes of it.
    pub fn in_a_hurry<T>(&mut self, look: impl FnOnce(&mut Kept) -> T) -> T {
        let threads = self.unhurried.take();
        let seen = look(self);
        self.unhurried = threads;
        seen
    }

    /// Gives the memory back.
    pub fn rest(&mut self) {
        self.buffer = None;
    }
}

/// Takes the look; again where the moment proves torn only afterwards (a link half done in the middle of a list, a pool
/// that had just lost a block), as long as all looks together stay within half the pause budget.
pub(super) fn take(target: &Target, options: &Options, kept: &mut Kept, clock: &mut Clock) -> Result<Taken, Error> {
    kept.held = Duration::ZERO;
    let mut looks = 1;
    loop {
        let left = Options { pause_budget: options.pause_budget.saturating_sub(kept.held), ..options.clone() };
        let mut taken = once(target, &left, kept, clock)?;
        let held = kept.held;
        let settled = taken.capture.consistent || !taken.capture.frozen;
        // In a stopped process nothing will be other next time.
        let stopped = matches!(target.process.state(), Ok(State::Stopped));
        if settled || stopped || looks == LOOKS || held.saturating_mul(2) > options.pause_budget {
            taken.capture.pause_ms = held.as_secs_f64() * 1e3;
            taken.details.pause = held;
            return Ok(taken);
        }
        looks += 1;
    }
}

/// Takes one look.
fn once(target: &Target, options: &Options, kept: &mut Kept, clock: &mut Clock) -> Result<Taken, Error> {
    let (arenas, _) = interpret::arenas(&target.live, &target.layout, &target.runtime);
    let ranges = plan::joined_ranges(arenas.iter().map(|a| a.range));
    let plan = plan::plan(&target.process, &target.live, &target.regions, &ranges);
    clock.lap("plan");
    // The copy, a bit for each 8 bytes of arenas, and the results.
    let needed = plan.bytes().saturating_add(spare(&plan)).saturating_add(plan.bytes() / 48).saturating_add(OWN);
    // What is kept from the look before is no longer free, but ours to use.
    let held = kept.buffer.as_ref().map_or(0, Buffer::len);
    let allowed = options.max_memory.unwrap_or_else(|| budget::Budget::now().bytes.saturating_add(held));
    log::debug!(
        "plan: {} bytes in {} ranges, {} bytes untouched, {} raw; {needed} needed of {allowed}",
        plan.bytes(),
        plan.ranges.len(),
        plan.untouched,
        plan.raw.iter().map(AddrRange::len).sum::<u64>()
    );
    let multiple = match (options.objects || options.references, &options.values) {
        (false, _) => 0,
        (true, Values::All) => GRAPH + VALUES,
        (true, Values::None | Values::Of(_)) => GRAPH,
    };
    let graph = if multiple > 0 { plan.bytes().saturating_mul(multiple).saturating_add(OWN) } else { 0 };
    if graph > 0 && needed.saturating_add(graph) > allowed {
        return Err(Error::TooLarge { needed: needed.saturating_add(graph), left: allowed });
    }
    let moment = Moment { allowed, whole: needed, spare: allowed.saturating_sub(needed), ..Moment::default() };
    if needed > allowed {
        kept.buffer = None;
        return in_pieces(target, options, &plan, moment, clock);
    }
    whole(target, options, &plan, moment, kept, clock)
}

/// Room for what appears between plan and copy.
fn spare(plan: &Plan) -> u64 {
    SPARE.max(plan.bytes() / 32)
}

fn whole(
    target: &Target,
    options: &Options,
    plan: &Plan,
    mut moment: Moment,
    kept: &mut Kept,
    clock: &mut Clock,
) -> Result<Taken, Error> {
    let live = Live::new(target.process.pid());
    let mut image = Image::prepare(live, &target.regions, &plan.ranges, spare(plan), kept.buffer.take())
        .map_err(|why| Error::Io { message: format!("no memory for the copy: {why}") })?;
    clock.lap("prepare");
    moment.spare = moment.spare.saturating_add(OWN / 2);
    let filled = if options.nonblocking {
        fill(target, plan, &mut image, &mut moment, None)
    } else {
        held_still(target, options, plan, &mut image, &mut moment)
    };
    kept.held = kept.held.saturating_add(moment.pause);
    filled?;
    target.must_be_same()?;
    image.skip(&plan.raw);
    image.seal();
    moment.copied = image.copied();
    clock.lap("copy");
    let elsewhere = |arenas: &[AddrRange]| {
        let ranges: Vec<AddrRange> = image.ranges().collect();
        plan::elsewhere(&ranges, arenas)
    };
    let read = || interpret::interpret(target, &image, &elsewhere, options, moment, clock);
    let taken = match &kept.unhurried {
        Some(pool) => pool.install(read),
        None => read(),
    };
    kept.buffer = Some(image.into_buffer());
    taken
}

/// Stops the target at a quiet moment, copies, lets go.
fn held_still(
    target: &Target,
    options: &Options,
    plan: &Plan,
    image: &mut Image,
    moment: &mut Moment,
) -> Result<(), Error> {
    for attempt in 1..=TRIES {
        let left = options.pause_budget.saturating_sub(moment.pause);
        let begun = Instant::now();
        let freeze = match Freeze::new(&target.process, left) {
            Ok(freeze) => freeze,
            Err(why) => {
                // Those of its threads that did stop stood still meanwhile.
                moment.pause = moment.pause.saturating_add(begun.elapsed());
                moment.warnings.push(match why {
                    FreezeError::Deadline { tid, state, .. } => format!(
                        "thread {tid} ({state:?}) did not stop within the pause budget: copied while the process ran"
                    ),
                    FreezeError::Restless { .. } => {
                        "it makes threads faster than they can be stopped: copied while it ran".into()
                    }
                    why => return Err(why.into()),
                });
                return fill(target, plan, image, moment, None);
            }
        };
        moment.threads = freeze.threads() as u64;
        let torn =
            target.runtime.is_quiet(&target.live) != Some(true) && target.runtime.is_torn(&target.live, &target.layout);
        let last = attempt == TRIES || freeze.was_stopped() || moment.pause.saturating_mul(2) > options.pause_budget;
        if torn && !last {
            moment.pause = moment.pause.saturating_add(freeze.thaw());
            // A collection of a young generation is over in well under a millisecond, of the oldest in some hundred.
            std::thread::sleep(Duration::from_millis(1 << attempt.min(6)));
            continue;
        }
        moment.torn = torn;
        moment.frozen = true;
        return fill(target, plan, image, moment, Some((freeze, left)));
    }
    Ok(())
}

/// Copies all that was planned and what appeared since. Lets the target go when it is done, or when the budget is
/// spent.
fn fill(
    target: &Target,
    plan: &Plan,
    image: &mut Image,
    moment: &mut Moment,
    freeze: Option<(Freeze, Duration)>,
) -> Result<(), Error> {
    let started = Instant::now();
    let (mut freeze, deadline) = freeze.unzip();
    let in_time = |moment: &mut Moment| {
        if freeze.is_some() && deadline.is_some_and(|deadline| started.elapsed() > deadline) {
            if let Some(freeze) = freeze.take() {
                moment.pause = moment.pause.saturating_add(freeze.thaw());
            }
            moment.frozen = false;
            moment
                .warnings
                .push("the pause budget was spent before the copy was done: the rest was copied while it ran".into());
        }
    };
    let filled = copy_all(&target.process, plan, image, moment, in_time);
    // Held is held, whether anything came of it or not.
    if let Some(freeze) = freeze {
        moment.pause = moment.pause.saturating_add(freeze.thaw());
    }
    filled
}

fn copy_all(
    process: &Process,
    plan: &Plan,
    image: &mut Image,
    moment: &mut Moment,
    mut in_time: impl FnMut(&mut Moment),
) -> Result<(), Error> {
    // New regions first: there are few, and where they are is known only while nothing moves.
    let now = process.regions()?;
    for range in plan::appeared(plan, &now) {
        if !image.add(range).map_err(|fault| Error::fault(process, fault))? {
            moment.missed = moment.missed.saturating_add(range.len());
        }
    }
    image.fill(|| in_time(moment)).map_err(|fault| Error::fault(process, fault))
}

/// Reads in pieces with a bounded buffer: slower, and not of one instant, but nothing is killed for it.
fn in_pieces(
    target: &Target,
    options: &Options,
    plan: &Plan,
    moment: Moment,
    clock: &mut Clock,
) -> Result<Taken, Error> {
    let allowed = moment.allowed;
    if allowed < LEAST {
        return Err(Error::TooLarge { needed: LEAST, left: allowed });
    }
    let cache = allowed.saturating_sub(OWN) / 3;
    let paged = Paged::new(Live::new(target.process.pid()), &target.regions, cache);
    let moment = Moment {
        in_pieces: true,
        copied: plan.bytes(),
        spare: cache.saturating_add(OWN / 4),
        warnings: vec![
            "read in pieces to stay within the memory that may be used: not of one instant, and the process was not stopped".into(),
        ],
        ..moment
    };
    let elsewhere = |arenas: &[AddrRange]| plan::elsewhere(&plan.ranges, arenas);
    let taken = interpret::interpret(target, &paged, &elsewhere, options, moment, clock)?;
    target.must_be_same()?;
    Ok(taken)
}
