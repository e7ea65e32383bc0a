//! `leakspy record`: looks at processes, on and on → a line each. What a line holds is `recording`'s business.

mod session;
mod words;

use std::path::Path;
use std::time::Duration;

use crate::capture::{self, Among, Fleet, Options, Turn, Watch};
use crate::cli::args::RecordArgs;
use crate::cli::interrupt::Asked;
use crate::cli::{Exit, Failure, Refusal, Ui, source};
use crate::recording::{self, Writer};
use session::Session;

/// Shorter intervals are no intervals.
const SHORTEST: Duration = Duration::from_millis(1);

/// Runs it.
///
/// # Errors
/// Why nothing is recorded. Once it has begun, what fails is noted and it goes on.
pub fn run(args: &RecordArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    if args.every < SHORTEST {
        let refusal = Refusal::new(Exit::Usage, "cannot look that often", "--every is less than a millisecond");
        return Err(refusal.help("--every 1s").into());
    }
    let among = match args.tree {
        Some(root) => Among::Tree(root),
        None if args.pid.is_empty() => return Err(source::unnamed(&capture::list(), "record").into()),
        None => Among::Named(args.pid.clone()),
    };
    let mut fleet = Fleet::new(among.clone(), &options(args));
    let turn = fleet.muster();
    must_have_somebody(&among, &fleet, &turn, args)?;
    let writer = open(args, ui)?;
    let asked = Asked::to_end()
        .map_err(|e| Refusal::new(Exit::Usage, "cannot record", format!("signals cannot be waited for: {e}")))?;
    Session::new(args, fleet, writer, ui).run(turn, &asked)
}

fn options(args: &RecordArgs) -> Options {
    let options = Options::new(0);
    Options {
        nonblocking: args.nonblocking,
        pause_budget: args.pause_budget.unwrap_or(options.pause_budget),
        max_memory: args.max_memory,
        offsets: args.offsets.clone(),
        ..options
    }
}

/// A recording begins with at least one process; why there is none is said as by every other command.
fn must_have_somebody(among: &Among, fleet: &Fleet, turn: &Turn, args: &RecordArgs) -> Result<(), Refusal> {
    if !fleet.is_empty() {
        return Ok(());
    }
    if let Some((pid, why)) = turn.refused.first() {
        return Err(Refusal::of_look(why, "record", *pid));
    }
    let Among::Tree(root) = among else { return Ok(()) };
    match Watch::open(&Options { pid: *root, ..options(args) }) {
        Ok(_) => Ok(()),
        Err(why) => Err(Refusal::of_look(&why, "record", *root)),
    }
}

fn open(args: &RecordArgs, ui: &mut Ui) -> Result<Writer, Refusal> {
    let Some(path) = args.file.as_deref().filter(|path| *path != Path::new("-")) else {
        return Ok(Writer::to(ui.lines()));
    };
    Writer::open(path, args.max_file).map_err(|e| {
        let refusal = Refusal::new(Exit::Usage, format!("cannot record into {}", path.display()), e.to_string());
        match e {
            recording::Error::Locked { .. } => refusal.help("another file for each recorder, or several --pid at one"),
            recording::Error::Foreign { .. } => {
                refusal.help("a file that is not there yet, or one that leakspy record wrote")
            }
            recording::Error::Io(_) => refusal.help("give --output a file in a directory that you may write to"),
        }
    })
}
