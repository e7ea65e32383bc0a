//! Ctrl-C. A target that is held still at that moment runs on: the kernel lets go of all that a tracer held when the
//! tracer ends, so nothing need be done here but to end at once. A command with something to finish asks to be told instead.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::register_conditional_shutdown;
use signal_hook::iterator::Signals;

use crate::cli::Exit;
use crate::process::stop;

/// Does SIGINT end leakspy at once?
static AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

/// From now on an interrupt ends leakspy with the exit code that the contract gives it.
pub fn end_with_exit_code() {
    if let Err(e) = register_conditional_shutdown(SIGINT, Exit::Interrupted as i32, Arc::clone(&AT_ONCE)) {
        log::debug!("interrupts keep their default action: {e}");
    }
}

/// From now on somebody else sees to SIGINT and SIGTSTP: whoever has changed the terminal must put it back first.
pub fn leave_to_others() {
    STOPS_ELSEWHERE.store(true, Ordering::SeqCst);
    AT_ONCE.store(false, Ordering::SeqCst);
}

/// Does somebody else see to Ctrl-Z?
static STOPS_ELSEWHERE: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-Z, and what else stops a job, stops leakspy only while it holds no process still.
pub fn stop_between_freezes() {
    let wanted = [Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU].into_iter().filter(|s| !stop::is_ignored(*s));
    let handled = Signals::new(wanted.map(|signal| signal as i32)).and_then(|mut signals| {
        thread::Builder::new().name("stops".into()).stack_size(64 << 10).spawn(move || {
            for signal in signals.forever().filter_map(|number| Signal::try_from(number).ok()) {
                if signal != Signal::SIGTSTP || !STOPS_ELSEWHERE.load(Ordering::SeqCst) {
                    stop::stop(signal);
                }
            }
        })
    });
    if let Err(e) = handled {
        log::debug!("Ctrl-Z keeps its default action: {e}");
    }
}

/// What tells a command that it was asked to end, by SIGINT or SIGTERM. Who asks twice is obeyed at once.
#[derive(Debug)]
pub struct Asked(Receiver<Exit>);

impl Asked {
    /// From now on such a signal is told of here.
    ///
    /// # Errors
    /// What the system says; signals then do what they did.
    pub fn to_end() -> std::io::Result<Asked> {
        let twice = Arc::new(AtomicBool::new(false));
        register_conditional_shutdown(SIGTERM, Exit::Terminated as i32, Arc::clone(&twice))?;
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        AT_ONCE.store(false, Ordering::SeqCst);
        let (tell, told) = channel();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                let exit = if signal == SIGINT { Exit::Interrupted } else { Exit::Terminated };
                AT_ONCE.store(true, Ordering::SeqCst);
                twice.store(true, Ordering::SeqCst);
                if tell.send(exit).is_err() {
                    break;
                }
            }
        })?;
        Ok(Asked(told))
    }

    /// Waits for so long; the exit code to end with, where somebody asks meanwhile or did before.
    #[must_use]
    pub fn wait(&self, long: Duration) -> Option<Exit> {
        self.0.recv_timeout(long).ok()
    }
}
