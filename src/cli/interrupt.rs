//! Ctrl-C. A target that is held still at that moment runs on: the kernel lets go of all that a tracer held when the
//! tracer ends, so nothing need be done here but to end at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::SIGINT;

use crate::cli::Exit;

/// Does an interrupt end leakspy at once?
static ENDS: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn ends() -> &'static Arc<AtomicBool> {
    ENDS.get_or_init(|| Arc::new(AtomicBool::new(true)))
}

/// From now on an interrupt ends leakspy with the exit code that the contract gives it.
pub fn end_with_exit_code() {
    if let Err(e) = signal_hook::flag::register_conditional_shutdown(SIGINT, Exit::Interrupted as i32, ends().clone()) {
        log::debug!("interrupts keep their default action: {e}");
    }
}

/// From now on somebody else sees to interrupts: whoever has changed the terminal must put it back first.
pub fn leave_to_others() {
    ends().store(false, Ordering::SeqCst);
}
