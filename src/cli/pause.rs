//! The one line that tells what a look cost the process that was looked at.

use std::time::Duration;

use crate::heap::Capture;
use crate::report::number::{counted, iec};

/// `held still for 41 ms (1 thread), copied 153 MiB, read in 0.21 s`, or that it was not held still, and why.
#[must_use]
pub fn line(capture: &Capture, threads: u64, nonblocking: bool, took: Duration) -> String {
    let copied = iec(capture.copied_bytes);
    let took = took.as_secs_f64();
    let pause = milliseconds(capture.pause_ms);
    if !capture.frozen && nonblocking {
        format!("never stopped (--nonblocking): numbers may be torn; copied {copied}, read in {took:.2} s")
    } else if !capture.frozen {
        format!("not held still: numbers may be torn; copied {copied}, read in {took:.2} s")
    } else if capture.one_instant {
        format!("held still for {pause} ms ({}), copied {copied}, read in {took:.2} s", counted(threads, "thread"))
    } else {
        let threads = counted(threads, "thread");
        format!("held still for {pause} ms in all ({threads}), read {copied} in pieces, in {took:.2} s")
    }
}

/// Two significant digits are enough below 10 ms, whole ones above.
fn milliseconds(pause: f64) -> String {
    if pause < 10.0 { format!("{pause:.1}") } else { format!("{pause:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::sketch;

    fn capture(frozen: bool, one_instant: bool) -> Capture {
        Capture { frozen, one_instant, ..sketch::capture() }
    }

    #[test]
    fn it_says_what_the_look_cost() {
        let took = Duration::from_millis(210);
        assert_eq!(
            line(&capture(true, true), 1, false, took),
            "held still for 41 ms (1 thread), copied 153.0 MiB, read in 0.21 s"
        );
        assert_eq!(
            line(&capture(true, false), 2, false, took),
            "held still for 41 ms in all (2 threads), read 153.0 MiB in pieces, in 0.21 s"
        );
        assert!(line(&capture(false, false), 2, true, took).starts_with("never stopped (--nonblocking)"));
        assert!(line(&capture(false, false), 2, false, took).starts_with("not held still"));
    }
}
