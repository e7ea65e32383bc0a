//! `leakspy diff`: what changed between two looks, and of three what was made after the first and never let go.
//!
//! At most two heaps are held in memory: of the first look only a table of its objects is kept.

use std::path::Path;

use crate::analysis::{Difference, Identity, Track, compare, survivors};
use crate::capture::{self, Options};
use crate::cli::args::{DiffArgs, Format};
use crate::cli::output::Destination;
use crate::cli::source::{self, Opened};
use crate::cli::{Exit, Failure, Refusal, Ui};
use crate::heap::{Capture, Heap};
use crate::process::budget::Budget;
use crate::report::{csv, json, table};
use crate::snapshot;

/// What a heap takes in memory, an object and a reference, in bytes.
const OBJECT: u64 = 36;
const REFERENCE: u64 = 8;

/// What comparing takes, an object of either heap, in bytes.
const COMPARED: u64 = 40;

/// Runs it.
///
/// # Errors
/// Why there is no answer.
pub fn run(args: &DiffArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    check(args)?;
    let to = Destination::of(args.output.file.as_deref())?;
    let mut looks = Looks { args, next: 0, budget: args.source.max_memory.unwrap_or_else(|| Budget::now().bytes) };
    let first = looks.next(0, ui)?;
    let second = looks.next(held(&first.heap), ui)?;
    let before = first.capture.clone();
    tell_order(&before, &second.capture, ui);
    let same = before.is_same_process(&second.capture);

    let difference = if looks.left() == 0 {
        two(first, second, same, args, ui)
    } else {
        if same != Some(true) {
            return Err(strangers(&before, &second.capture, same).into());
        }
        three(first, second, &mut looks, args, ui)?
    };
    let found = compare(difference.types.clone(), difference.compared(), &args.options());

    let mut data = Vec::new();
    match args.output.format() {
        Format::Table => table::diff(&mut data, &difference, &found, args.limit(), ui.look(&to)),
        Format::Json => json::diff(&mut data, &difference, &found, args.limit()),
        Format::Csv => match &difference.survivors {
            Some(survivors) => csv::paths(&mut data, &survivors.paths, &difference.heap),
            None => csv::changes(&mut data, &found, None),
        },
    }
    .map_err(Refusal::of_rendering)?;
    ui.deliver(&to, &data)?;
    if same != Some(true) {
        let why = unknown(&difference.before, &difference.after, same);
        ui.warn(&format!("only types are compared: {why}"));
    }
    Ok(Exit::Done)
}

fn check(args: &DiffArgs) -> Result<(), Refusal> {
    let looks = args.files.len() + usize::from(args.source.pid.is_some());
    if args.source.snapshot.is_some() {
        let refusal = Refusal::new(Exit::Usage, "cannot compare", "diff takes its files without --snapshot");
        return Err(refusal.help("leakspy diff A B [C]"));
    }
    if !(2..=3).contains(&looks) {
        let refusal =
            Refusal::new(Exit::Usage, "cannot compare", format!("diff takes two or three looks, not {looks}"));
        return Err(refusal.help("leakspy diff A B [C]").help("leakspy diff A [B] --pid PID"));
    }
    Ok(())
}

/// The looks, one after the other; that at the process is the last.
struct Looks<'a> {
    args: &'a DiffArgs,
    next: usize,
    budget: u64,
}

impl Looks<'_> {
    fn left(&self) -> usize {
        (self.args.files.len() + usize::from(self.args.source.pid.is_some())).saturating_sub(self.next)
    }

    /// The next one, in what memory is left beside so many bytes.
    fn next(&mut self, held: u64, ui: &mut Ui) -> Result<Opened, Failure> {
        let limit = self.budget.saturating_sub(held);
        let file = self.args.files.get(self.next);
        self.next += 1;
        let mut opened = match file {
            Some(path) => source::read(path, limit, ui)?,
            None => {
                let source = &self.args.source;
                let options = Options { max_memory: Some(limit), ..source::options(source, "diff")? };
                source::from_process(&options, "diff FILE", ui, capture::comparable)?
            }
        };
        opened.heap.values.clear();
        let more = held.saturating_add(held_by(&opened.heap));
        if more > self.budget {
            let error = snapshot::Error::TooLarge { needed: more, left: self.budget };
            let path = file.map_or(Path::new("of the process"), |path| path.as_path());
            return Err(Refusal::of_reading(&error, path).into());
        }
        opened.tell(ui);
        Ok(opened)
    }
}

/// What a heap and its part in a comparison take, in bytes.
fn held(heap: &Heap) -> u64 {
    held_by(heap).saturating_add((heap.objects.len() as u64).saturating_mul(COMPARED))
}

fn held_by(heap: &Heap) -> u64 {
    let objects = (heap.objects.len() as u64).saturating_mul(OBJECT);
    objects.saturating_add((heap.edges.len() as u64).saturating_mul(REFERENCE))
}

fn two(first: Opened, second: Opened, same: Option<bool>, args: &DiffArgs, ui: &Ui) -> Difference {
    let track = Track::of(&first.heap);
    let identity =
        (same == Some(true)).then(|| ui.working("telling objects apart", || Identity::of(&first.heap, &second.heap)));
    Difference::of(track, second.heap, identity.as_ref(), args.types().as_ref(), first.capture, second.capture)
}

fn three(
    first: Opened,
    second: Opened,
    looks: &mut Looks<'_>,
    args: &DiffArgs,
    ui: &mut Ui,
) -> Result<Difference, Failure> {
    let track = Track::of(&first.heap);
    let early = ui.working("telling objects apart", || Identity::of(&first.heap, &second.heap));
    let before = first.capture;
    drop(first.heap);
    let remembered = (track.len() as u64).saturating_mul(COMPARED);
    let third = looks.next(held(&second.heap).saturating_add(remembered), ui)?;
    tell_order(&second.capture, &third.capture, ui);
    let same = second.capture.is_same_process(&third.capture);
    if same != Some(true) {
        return Err(strangers(&second.capture, &third.capture, same).into());
    }
    let late = ui.working("telling objects apart", || Identity::of(&second.heap, &third.heap));
    drop(second.heap);
    let types = args.types();
    let found = ui
        .working("looking for who holds them", || survivors(&early, &late, &third.heap, types.as_ref(), &args.paths()));
    let whole = early.then(&late);
    let difference = Difference::of(track, third.heap, Some(&whole), types.as_ref(), before, third.capture);
    Ok(Difference { survivors: Some(found), middle: Some(second.capture), ..difference })
}

fn tell_order(before: &Capture, after: &Capture, ui: &mut Ui) {
    // Times of one format and zone sort as their texts do.
    if before.taken_at > after.taken_at {
        ui.warn(&format!(
            "the look of {} is given before that of {}: what is told as new is older",
            before.taken_at, after.taken_at
        ));
    }
}

/// Why objects cannot be told apart.
fn unknown(before: &Capture, after: &Capture, same: Option<bool>) -> String {
    let of = |capture: &Capture| match (capture.pid, &capture.started_at) {
        (Some(pid), Some(at)) => format!("process {pid}, started at {at}"),
        (Some(pid), None) => format!("process {pid}, started at a time that is not known"),
        _ => "an unknown process".to_owned(),
    };
    if same == Some(false) && before.pid == after.pid && before.started_at == after.started_at {
        let pid = before.pid.map_or_else(|| "the process".to_owned(), |pid| format!("process {pid}"));
        return format!("{pid} became another program (exec) between these looks");
    }
    let why = if same.is_none() {
        "it is not known whether these are looks at one process"
    } else {
        "these are looks at different processes"
    };
    format!("{why}: {}; {}", of(before), of(after))
}

fn strangers(before: &Capture, after: &Capture, same: Option<bool>) -> Refusal {
    Refusal::new(Exit::Usage, "cannot tell what survived", unknown(before, after, same))
        .help("three snapshots of one process, from before it was restarted or from after")
        .help("leakspy diff A C   (compares two of them by type)")
}
