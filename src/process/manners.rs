//! Work that can wait → threads that let others go first. Only for what is done while nobody is held still: a thread that
//! stands back must not be the one to let a process go.

/// A third of the weight of others (`sched_prio_to_weight` of the kernel). With 10, a tenth, the work of one look took over
/// twelve seconds on a machine with nine others waiting for each processor.
const STEPS: libc::c_int = 5;

/// Lets everyone else's threads run before this one. It cannot be taken back without privileges.
pub fn stand_back() {
    // SAFETY: takes no pointers. On Linux it changes the calling thread alone; where it is refused, nothing changes.
    unsafe { libc::nice(STEPS) };
}

/// How much this thread stands back: 0, unless it was asked to.
#[must_use]
pub fn standing_back() -> i32 {
    // SAFETY: takes no pointers; 0 is the calling thread.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_that_asked_stands_back() {
        let before = standing_back();
        let there = std::thread::spawn(|| {
            stand_back();
            standing_back()
        });
        let there = there.join().expect("it ends");
        assert_eq!(there, (before + STEPS).min(19));
        assert_eq!(standing_back(), before);
    }
}
