//! Two processes → does one run on what the other began: forked from it, with no exec since? And did that one itself go on to
//! work? Knows no parent that has ended.

use std::time::Duration;

use super::{Process, Stat, ticks};
use crate::addr::Addr;
use crate::memory::Live;

/// What the kernel gave to a program when it began: 16 random bytes and where they stand. A fork keeps both, an exec draws
/// them anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birthmark {
    at: Addr,
    bytes: [u8; 16],
}

impl Process {
    /// The birthmark of the program that it runs; `None` where it may not be read.
    #[must_use]
    pub fn birthmark(&self) -> Option<Birthmark> {
        Some(Birthmark { at: self.secret_at()?, bytes: self.secret(&Live::new(self.pid))? })
    }

    /// CPU time that it has used since `other` began, at the least: all that it ever used, less the time that it had until
    /// then. Where it ran several threads before that, this may be too much.
    #[must_use]
    pub fn busy_since(&self, other: &Process) -> Option<Duration> {
        let used = Stat::read(self.pid).ok()?.used;
        let before = other.start_time.saturating_sub(self.start_time);
        ticks(used.saturating_sub(before))
    }

    /// How long ago it began.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let up = Duration::try_from_secs_f64(uptime.split(' ').next()?.parse().ok()?).ok()?;
        Some(up.saturating_sub(ticks(self.start_time)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::secret::random_at;

    #[test]
    fn the_place_of_the_random_bytes_is_found() {
        let entry = |key: u64, value: u64| [key.to_le_bytes(), value.to_le_bytes()].concat();
        let auxv = [entry(33, 7), entry(25, 0x7ffc_0000_1239), entry(0, 0)].concat();
        assert_eq!(random_at(&auxv), Some(Addr(0x7ffc_0000_1239)));
        assert_eq!(random_at(&entry(0, 0)), None);
        assert_eq!(random_at(b"short"), None);
    }

    #[test]
    fn it_knows_its_age_and_what_it_used() {
        let own = Process::open(i32::try_from(std::process::id()).expect("a pid")).expect("myself");
        assert!(own.age().is_some_and(|age| age < Duration::from_secs(86_400)) && own.busy_since(&own).is_some());
    }

    #[test]
    fn another_program_has_another_birthmark() {
        let own = Process::open(i32::try_from(std::process::id()).expect("a pid")).expect("myself");
        let mark = own.birthmark().expect("my own");
        assert_eq!(own.birthmark(), Some(mark));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("there is a sleep");
        let other = Process::open(i32::try_from(child.id()).expect("a pid")).expect("just begun");
        // It has begun, but the kernel may still be at it.
        let mark_of_other = (0..10_000).find_map(|_| {
            std::thread::yield_now();
            other.birthmark()
        });
        child.kill().expect("mine");
        child.wait().expect("mine");
        assert!(mark_of_other.is_some() && mark_of_other != Some(mark));
    }
}
