//! Looks at a process again and again; after each, what grew.

use std::thread;
use std::time::{Duration, Instant};

use super::{Verdict, Warned};
use crate::analysis::growth::{growers, holdings};
use crate::analysis::{Comparison, Holding, Series, Step, compare};
use crate::capture::{self, Error, Pace, Taken, Watch};
use crate::cli::args::{Format, GrowthArgs};
use crate::cli::output::Stream;
use crate::cli::{Exit, Failure, Refusal, Ui, pause, source};
use crate::report::number::{iec, thousands};
use crate::report::{csv, json, table};

/// The memory of the copy is given back before a wait that is this long.
const LONG: Duration = Duration::from_secs(10);

/// While it waits, it sees within this time that the process has ended.
const GLANCE: Duration = Duration::from_millis(250);

/// Runs it.
///
/// # Errors
/// Why there is no answer, or no further one.
pub(super) fn run(args: &GrowthArgs, mut to: Stream, ui: &mut Ui) -> Result<Exit, Failure> {
    let options = source::options(&args.source, "growth")?;
    let refused = |why: &Error| Refusal::of_look(why, "growth", options.pid);
    let mut watch = Watch::open(&options).map_err(|why| refused(&why))?;
    let mut pace = Pace::new(args.every);
    let mut warned = Warned::default();

    let began = Instant::now();
    let mut begun = began;
    let Taken { census, capture: mut before, details, .. } = look(&mut watch, ui).map_err(|why| refused(&why))?;
    let mut wait = pace.wait(details.pause, begun.elapsed());
    let (objects, bytes) =
        census.types.iter().fold((0_u64, 0_u64), |(n, b), of| (n.saturating_add(of.count), b.saturating_add(of.bytes)));
    let cost = pause::line(&before, details.threads, options.nonblocking, begun.elapsed());
    ui.say(&format!("first look: {} objects, {}; {cost}", thousands(objects), iec(bytes)));
    if pace.stretched() {
        let every = begun.elapsed().saturating_add(wait).as_secs_f64();
        ui.warn(&format!("a look every {every:.1} s, so that the process is held still for less than 1 % of the time"));
    }
    warned.tell(&before, ui);
    let mut series = Series::new(census);

    for comparison in 1_u64.. {
        rest(&mut watch, wait);
        let elapsed = begun.elapsed();
        begun = Instant::now();
        let Taken { census, capture: after, details, .. } = look(&mut watch, ui).map_err(|why| refused(&why))?;
        wait = pace.wait(details.pause, begun.elapsed());
        let all = series.look(census);
        let verdict = Verdict::of(&args.fail_on, &all, "at the first look");
        let is_last = comparison == args.times || verdict.exit() == Exit::Threshold;
        let found = compare(all, series.compared(), &args.options());
        let step = Step {
            look: comparison.saturating_add(1),
            looks: (args.times > 0).then(|| args.times.saturating_add(1)),
            elapsed_ms: milliseconds(elapsed),
            since_first_ms: milliseconds(begun.duration_since(began)),
        };
        let held = if is_last { args.paths.map(|many| held(&options, &found, many, ui)) } else { None };
        let (holders, lost) = match held.transpose() {
            Ok(holders) => (holders, None),
            Err(why) => (None, Some(why)),
        };

        let mut data = Vec::new();
        let holders = holders.as_deref();
        match args.output.format() {
            Format::Table => table::growth(&mut data, &found, &before, &after, &step, holders, ui.look(to.to())),
            Format::Json => json::growth(&mut data, &found, &before, &after, &step, &verdict.crossed, holders),
            Format::Csv => csv::changes(&mut data, &found, Some(step.look)),
        }
        .map_err(Refusal::of_rendering)?;
        to.deliver(&data, ui)?;
        warned.tell(&after, ui);

        if is_last {
            verdict.tell(ui);
            // What was crossed is known, whoever holds it.
            return match lost {
                Some(why) if verdict.exit() == Exit::Done => Err(refused(&why).into()),
                _ => Ok(verdict.exit()),
            };
        }
        before = after;
    }
    Ok(Exit::Done)
}

fn look(watch: &mut Watch, ui: &Ui) -> Result<Taken, Error> {
    ui.working(&format!("reading process {}", watch.process().pid()), || watch.look())
}

/// Waits, but no longer than the process lives: the next look then says what became of it.
fn rest(watch: &mut Watch, wait: Duration) {
    if wait >= LONG {
        watch.rest();
    }
    let began = Instant::now();
    while watch.is_same()
        && let Some(left) = wait.checked_sub(began.elapsed())
        && !left.is_zero()
    {
        thread::sleep(left.min(GLANCE));
    }
}

/// Who holds what grew most: one more look, with references.
fn held(options: &capture::Options, found: &Comparison, many: usize, ui: &Ui) -> Result<Vec<Holding>, Error> {
    let types = growers(found, many);
    if types.is_empty() {
        return Ok(Vec::new());
    }
    ui.working("looking for who holds them", || {
        let graph = capture::graph(options)?;
        Ok(holdings(&graph.heap, &types, None))
    })
}

fn milliseconds(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}
