//! A panic of a library over a damaged file → an error. Guards nothing of leakspy's own: that does not panic.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::Error;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

static QUIET: Once = Once::new();

/// Does `work`, on this thread; where it panics, that is the damage.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // The message goes into the error: nothing is to be said of it on standard error.
    QUIET.call_once(|| {
        let speak = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                speak(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    done.unwrap_or_else(|panic| Err(Error::damaged(format!("the Parquet reader gave up: {}", said(&*panic)))))
}

fn said(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_says_why() {
        let failed = guarded::<()>(|| panic!("index {} is no page", 7)).expect_err("it panicked");
        assert!(failed.to_string().contains("index 7 is no page"), "{failed}");
        assert_eq!(guarded(|| Ok(1)).expect("fine"), 1);
        assert!(!GUARDED.get());
    }
}
