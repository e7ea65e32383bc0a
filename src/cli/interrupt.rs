//! Ctrl-C. A target that is held still at that moment runs on: the kernel lets go of all that a tracer held when the
//! tracer ends, so nothing need be done here but to end at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGINT;

use crate::cli::Exit;

/// From now on an interrupt ends leakspy with the exit code that the contract gives it.
pub fn end_with_exit_code() {
    let always = Arc::new(AtomicBool::new(true));
    if let Err(e) = signal_hook::flag::register_conditional_shutdown(SIGINT, Exit::Interrupted as i32, always) {
        log::debug!("interrupts keep their default action: {e}");
    }
}
