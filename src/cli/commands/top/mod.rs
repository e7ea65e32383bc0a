//! `leakspy top`: what grows, live. Looks on a thread of their own feed either a screen or plain blocks.

mod batch;
mod holders;
mod keys;
mod live;
mod looks;
pub mod screen;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::analysis::Subject;
use crate::capture::{self, Among};
use crate::cli::args::TopArgs;
use crate::cli::output::Stream;
use crate::cli::{Exit, Failure, Refusal, Ui, source};
use crate::tui;

/// What the threads tell.
enum News {
    /// Something for the state.
    Event(tui::Event),
    /// Who is watched from the first round on, and who cannot be.
    Mustered(Vec<Subject>, Vec<(i32, capture::Error)>),
    /// Nobody could be looked at this time: why, of the last one.
    Blind(Refusal),
    /// Nobody is left to be watched, and nobody will come.
    Over,
    /// The terminal has another size.
    Resized,
    /// The terminal is gone.
    Hangup,
    /// A signal came.
    Signal(i32),
}

/// What the thread that looks is told.
enum Order {
    /// Look now.
    Refresh,
    /// Look this often.
    Interval(Duration),
    /// Do not look, or look again.
    Pause(bool),
    /// Find out who holds the objects of a type.
    Holders {
        /// The number of the question.
        ticket: u64,
        /// The process.
        pid: i32,
        /// The type's name.
        of: String,
    },
}

/// What goes to and comes from the thread that looks.
struct Wires {
    news: Receiver<News>,
    tell: Sender<News>,
    orders: Sender<Order>,
    /// The last question that is still wanted.
    wanted: holders::Wanted,
}

/// Runs it.
///
/// # Errors
/// Why nothing can be watched.
pub fn run(args: &TopArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Stream::of(args.output.file.as_deref())?;
    let among = match (args.tree, &args.pids[..]) {
        (Some(root), _) => Among::Tree(root),
        (None, []) => return Err(source::unnamed(&capture::list(), "top").into()),
        (None, pids) => {
            let mut pids = pids.to_vec();
            pids.sort_unstable();
            pids.dedup();
            Among::Named(pids)
        }
    };
    let first = match &among {
        Among::Tree(root) => *root,
        Among::Named(pids) => pids.first().copied().unwrap_or_default(),
    };
    let together = args.tree.is_some() || args.pids.len() > 1;
    let options = capture::Options::new(first);
    let options = capture::Options {
        nonblocking: args.nonblocking,
        pause_budget: args.pause_budget.unwrap_or(options.pause_budget),
        max_memory: args.max_memory,
        offsets: args.offsets.clone(),
        ..options
    };

    let (tell, news) = channel();
    let (orders, ordered) = channel();
    let wanted = holders::Wanted::default();
    let looks = looks::Looks::new(among, options, args.interval, tell.clone(), wanted.clone());
    std::thread::spawn(move || looks.run(&ordered));
    let wires = Wires { news, tell, orders, wanted };

    let (joined, refused) = match wires.news.recv() {
        Ok(News::Mustered(joined, refused)) => (joined, refused),
        _ => (Vec::new(), Vec::new()),
    };
    let partial = !refused.is_empty();
    if joined.is_empty() {
        let refused = refused.into_iter().next();
        let refusal = refused.map_or_else(
            || Refusal::new(Exit::NotPython, format!("cannot watch process {first}"), "nobody there is Python"),
            |(pid, why)| Refusal::of_look(&why, "top", pid),
        );
        return Err(refusal.into());
    }
    for (pid, why) in &refused {
        ui.warn_of(&Refusal::of_look(why, "top", *pid));
    }

    let mut state = tui::State::new(args.interval, args.order(), args.filter.clone(), ui.colour());
    for subject in joined {
        let _ = state.on(tui::Event::Joined(subject));
    }
    let exit = match ui.screen().filter(|_| !args.is_plain()) {
        Some(out) => live::run(args, state, &wires, out, ui)?,
        None => batch::run(args, state, &wires, together, to, ui)?,
    };
    Ok(if exit == Exit::Done && partial { Exit::Partial } else { exit })
}
