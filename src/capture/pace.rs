//! A wanted interval and the pauses that looks cost → when the next look may begin, so that the target is held still for
//! less than 1 % of the time. Arithmetic alone: it reads no clock and does not wait.
//!
//! ```text
//! let mut pace = Pace::new(Duration::from_secs(2));
//! loop {
//!     let begun = Instant::now();
//!     let taken = watch.look()?;
//!     sleep(pace.wait(taken.details.pause, begun.elapsed()));
//! }
//! ```

use std::collections::VecDeque;
use std::time::Duration;

/// The target is held still for at most one part in so many. A little less than 1 %, since a wait may end early and a pause
/// is measured from outside.
const PARTS: u32 = 110;
/// Looks that the share is taken over.
const LOOKS: usize = 30;
/// Looks of which the middle pause counts as the usual one.
const RECENT: usize = 5;
/// One long pause is paid back in waits of so many times the usual one, or an eighth of what is owed where that is more:
/// whoever watches is not left alone for a minute by one unlucky moment.
const LONGEST: u32 = 4;
const INSTALMENTS: u32 = 8;

/// When to look next.
#[derive(Debug, Clone)]
pub struct Pace {
    wanted: Duration,
    /// The pause of a look, and from its beginning to that of the next, oldest first.
    looks: VecDeque<(Duration, Duration)>,
    /// What was still owed for looks that are no longer among these.
    carried: Duration,
}

impl Pace {
    /// A look every so often, as long as the target can bear it.
    #[must_use]
    pub fn new(wanted: Duration) -> Self {
        Pace { wanted, looks: VecDeque::new(), carried: Duration::ZERO }
    }

    /// After a look that held the target still for `pause` (all its tries together): how long from the beginning of that look
    /// to the beginning of the next. Never less than what is wanted.
    ///
    /// The usual pause stretches every wait to 110 times its length. One that is far longer than the usual is set off
    /// against the calm looks around it, so that it stretches few waits or none.
    pub fn next(&mut self, pause: Duration) -> Duration {
        while self.looks.len() >= LOOKS {
            let (pause, lasted) = self.looks.pop_front().unwrap_or_default();
            // A calm look's credit ends with it; a debt does not.
            self.carried = self.carried.saturating_add(pause.saturating_mul(PARTS)).saturating_sub(lasted);
        }
        let (held, lasted) = self.sums();
        self.looks.push_back((pause, Duration::ZERO));
        let base = self.usual().saturating_mul(PARTS).max(self.wanted);
        let owed = held.saturating_add(pause).saturating_mul(PARTS).saturating_add(self.carried).saturating_sub(lasted);
        let wait = owed.clamp(base, base.saturating_mul(LONGEST).max(owed / INSTALMENTS));
        if let Some(last) = self.looks.back_mut() {
            last.1 = wait;
        }
        wait
    }

    /// From now on a look every so often. What is owed stays owed.
    pub fn want(&mut self, wanted: Duration) {
        self.wanted = wanted;
    }

    /// As [`Pace::next`], but from the end of a look that took `took` to the beginning of the next; at least as long as the
    /// look took, so that leakspy rests half of the time.
    pub fn wait(&mut self, pause: Duration, took: Duration) -> Duration {
        self.next(pause).saturating_sub(took).max(took)
    }

    /// The share of time that the target was held still, over the last 30 looks and the waits after them; 0.0 before the
    /// first.
    #[must_use]
    pub fn share(&self) -> f64 {
        let (held, lasted) = self.sums();
        if lasted.is_zero() { 0.0 } else { held.as_secs_f64() / lasted.as_secs_f64() }
    }

    /// Is the next look later than wanted?
    #[must_use]
    pub fn stretched(&self) -> bool {
        self.looks.back().is_some_and(|(_, wait)| *wait > self.wanted)
    }

    /// What is wanted.
    #[must_use]
    pub fn wanted(&self) -> Duration {
        self.wanted
    }

    fn sums(&self) -> (Duration, Duration) {
        self.looks.iter().fold((Duration::ZERO, Duration::ZERO), |sum, look| {
            (sum.0.saturating_add(look.0), sum.1.saturating_add(look.1))
        })
    }

    /// The middle one of the last few pauses; the shorter one of two.
    fn usual(&self) -> Duration {
        let mut recent: Vec<Duration> = self.looks.iter().rev().take(RECENT).map(|look| look.0).collect();
        recent.sort_unstable();
        recent.get(recent.len().saturating_sub(1) / 2).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// The share over all of a run, not only over the last looks.
    fn run(pace: &mut Pace, pauses: impl Iterator<Item = Duration>) -> (f64, Vec<Duration>) {
        let (mut held, mut waits) = (Duration::ZERO, Vec::new());
        for pause in pauses {
            held += pause;
            waits.push(pace.next(pause));
        }
        (held.as_secs_f64() / waits.iter().sum::<Duration>().as_secs_f64(), waits)
    }

    #[test]
    fn short_pauses_leave_the_interval_as_wanted() {
        let mut pace = Pace::new(ms(2000));
        assert!(pace.share() == 0.0 && !pace.stretched());
        let (share, waits) = run(&mut pace, std::iter::repeat_n(ms(15), 100));
        assert!(waits.iter().all(|wait| *wait == ms(2000)) && !pace.stretched());
        assert!((share - 0.0075).abs() < 1e-9 && (pace.share() - 0.0075).abs() < 1e-9);
    }

    #[test]
    fn long_pauses_stretch_it_from_the_first_look_on() {
        for pause in [21, 50, 200, 500] {
            let mut pace = Pace::new(ms(2000));
            let mut held = Duration::ZERO;
            let mut lasted = Duration::ZERO;
            for _ in 0..100 {
                held += ms(pause);
                lasted += pace.next(ms(pause));
                assert!(pace.stretched() && pace.share() < 0.01);
                assert!(held * 100 < lasted, "{pause} ms: {held:?} of {lasted:?}");
            }
        }
    }

    #[test]
    fn a_growing_heap_is_followed() {
        let mut pace = Pace::new(ms(1000));
        let (share, waits) = run(&mut pace, (0..200).map(ms));
        assert!(share < 0.01, "{share}");
        assert_eq!(waits.first(), Some(&ms(1000)));
        assert!(waits.last() > Some(&ms(19_900)), "{:?}", waits.last());
    }

    #[test]
    fn one_long_pause_costs_nothing_after_a_calm_while() {
        let mut pace = Pace::new(ms(2000));
        run(&mut pace, std::iter::repeat_n(ms(5), 29));
        assert_eq!(pace.next(ms(300)), ms(2000));
        assert!(pace.share() < 0.01 && !pace.stretched());
    }

    #[test]
    fn one_long_pause_is_paid_back_in_bearable_parts() {
        let mut pace = Pace::new(ms(2000));
        run(&mut pace, std::iter::repeat_n(ms(5), 3));
        let (_, waits) = run(&mut pace, std::iter::once(ms(500)).chain(std::iter::repeat_n(ms(5), 11)));
        assert!(waits.iter().all(|wait| *wait <= ms(8000)), "{waits:?}");
        assert_eq!(waits.first(), Some(&ms(8000)));
        assert_eq!(waits.last(), Some(&ms(2000)), "paid back: {waits:?}");
        assert!(pace.share() < 0.01, "{}", pace.share());
    }

    #[test]
    fn many_long_pauses_among_short_ones_are_paid_back_too() {
        let pauses = |i: u64| ms(if i % 10 == 3 { 400 } else { 2 });
        for wanted in [50, 500, 2000] {
            let mut pace = Pace::new(ms(wanted));
            let (share, _) = run(&mut pace, (0..1000).map(pauses));
            assert!(share < 0.01, "every {wanted} ms: {share}");
        }
    }

    #[test]
    fn another_interval_pays_no_debt() {
        let mut pace = Pace::new(ms(2000));
        run(&mut pace, std::iter::repeat_n(ms(5), 3));
        let first = pace.next(ms(500));
        pace.want(ms(100));
        let (_, waits) = run(&mut pace, std::iter::repeat_n(ms(1), 200));
        let lasted = ms(3 * 2000) + first + waits.iter().sum::<Duration>();
        let held = ms(3 * 5 + 500 + 200);
        assert!(held * 100 < lasted, "{held:?} of {lasted:?}");
        assert_eq!(waits.last(), Some(&ms(110)), "and none is left: {waits:?}");
    }

    #[test]
    fn no_pause_and_no_interval_are_borne() {
        let mut pace = Pace::new(Duration::ZERO);
        assert_eq!(pace.next(Duration::ZERO), Duration::ZERO);
        assert_eq!(pace.share(), 0.0);
        assert!(pace.next(ms(1)) > ms(10), "an eighth of what is owed");
        assert_eq!(Pace::new(Duration::MAX).next(Duration::MAX), Duration::MAX);
    }

    #[test]
    fn a_look_that_takes_long_is_followed_by_as_long_a_rest() {
        let mut pace = Pace::new(ms(2000));
        assert_eq!(pace.wait(ms(1), ms(300)), ms(1700));
        assert_eq!(pace.wait(ms(1), ms(1900)), ms(1900));
        assert_eq!(pace.wait(ms(1), ms(5000)), ms(5000));
    }
}
