//! Ctrl-Z: leakspy itself is stopped like any program, but never while it holds a process still, which would then stay so.
//! `SIGSTOP` asks nobody.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, raise};

/// How many freezes there are.
static FREEZES: Mutex<usize> = Mutex::new(0);
/// Told when one has ended.
static ENDED: Condvar = Condvar::new();

fn freezes() -> MutexGuard<'static, usize> {
    FREEZES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As long as this lives, leakspy is not stopped.
#[derive(Debug)]
pub(super) struct NotNow(());

impl NotNow {
    pub(super) fn begin() -> NotNow {
        let mut freezes = freezes();
        *freezes = freezes.saturating_add(1);
        NotNow(())
    }
}

impl Drop for NotNow {
    fn drop(&mut self) {
        let mut freezes = freezes();
        *freezes = freezes.saturating_sub(1);
        ENDED.notify_all();
    }
}

/// Stops leakspy as this signal does by default, once no process is held still; comes back when it goes on. Where nobody could
/// make it go on (an orphaned process group), the kernel does not stop it.
pub fn stop(signal: Signal) {
    let _none = ENDED.wait_while(freezes(), |freezes| *freezes > 0).unwrap_or_else(PoisonError::into_inner);
    let mut before = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: both structs live through the calls; all zeroes are the default action without flags, and `before` is put back
    // only where the kernel has filled it. The action of a signal of this kind by default runs none of our code.
    unsafe {
        let default = libc::sigaction { sa_sigaction: libc::SIG_DFL, ..std::mem::zeroed() };
        if libc::sigaction(signal as libc::c_int, &raw const default, before.as_mut_ptr()) == 0 {
            let _ = raise(signal);
            libc::sigaction(signal as libc::c_int, before.as_ptr(), std::ptr::null_mut());
        }
    }
}

/// Was leakspy started with this signal ignored (as `nohup` does with SIGHUP)?
#[must_use]
pub fn is_ignored(signal: Signal) -> bool {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action nothing changes; what the kernel fills in lives through the call, and was zeroed before.
    unsafe {
        libc::sigaction(signal as libc::c_int, std::ptr::null(), now.as_mut_ptr()) == 0
            && now.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_waits_until_nobody_is_held() {
        // SIGURG is ignored by default: all of it happens but the stop.
        assert!(!is_ignored(Signal::SIGURG));
        let not_now = NotNow::begin();
        let (tell, told) = channel();
        let stopper = std::thread::spawn(move || {
            stop(Signal::SIGURG);
            tell.send(()).expect("heard");
        });
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "somebody is held still");
        drop(not_now);
        // Other tests hold processes still, too.
        told.recv_timeout(Duration::from_secs(60)).expect("now");
        stopper.join().expect("it ends");
    }
}
