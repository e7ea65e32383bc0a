//! A process's memory beyond RSS, as the operating system counts it: what it shares, what is swapped out, and when it
//! started. Reads `/proc` only; the process notices nothing.

use super::{Process, Status, ticks};

/// Sums over all mappings of a process (`/proc/PID/smaps_rollup`, Linux 4.14 and later), in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rollup {
    /// Proportional set size: each shared page divided by how many share it.
    pub pss: u64,
    /// Unique set size: pages that no other process has.
    pub uss: u64,
    /// Swapped out.
    pub swap: u64,
}

impl Process {
    /// What it shares and what it has alone. The kernel walks its page tables for it: some milliseconds a GiB, during which
    /// the process cannot map or unmap. `None` where this is not permitted or not known.
    #[must_use]
    pub fn rollup(&self) -> Option<Rollup> {
        rollup(&Status::read(&self.path("smaps_rollup")).ok()?)
    }

    /// When it started, in milliseconds since 1970 UTC, to a clock tick (10 ms).
    #[must_use]
    pub fn started_ms(&self) -> Option<i64> {
        let boot: i64 = Status::read("/proc/stat").ok()?.number("btime")?;
        let since = i64::try_from(ticks(self.start_time())?.as_millis()).ok()?;
        boot.checked_mul(1000)?.checked_add(since)
    }
}

fn rollup(status: &Status) -> Option<Rollup> {
    let bytes = |key| Some(u64::try_from(status.number(key)?).ok()?.saturating_mul(1024));
    let uss = bytes("Private_Clean:")?.saturating_add(bytes("Private_Dirty:")?);
    Some(Rollup { pss: bytes("Pss:")?, uss, swap: bytes("Swap:").unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_from_the_rollup() {
        let text = "00400000-7fff000 ---p 00000000 00:00 0 [rollup]\nRss: 2000 kB\nPss: 1500 kB\nPss_Dirty: 7 kB\n\
                    Private_Clean: 100 kB\nPrivate_Dirty: 900 kB\nSwap: 12 kB\nSwapPss: 3 kB\n";
        let kib = 1024;
        let found = rollup(&Status(text.to_owned()));
        assert_eq!(found, Some(Rollup { pss: 1500 * kib, uss: 1000 * kib, swap: 12 * kib }));
    }

    #[test]
    fn this_process_is_told_as_the_system_tells_it() {
        let me = Process::open(i32::try_from(std::process::id()).expect("a pid")).expect("myself");
        let found = me.rollup().expect("my own");
        assert!(found.uss <= found.pss && found.pss > 0);
        let now = jiff::Timestamp::now().as_millisecond();
        let started = me.started_ms().expect("known");
        assert!(started <= now + 1000 && started > now - 86_400_000, "{started} of {now}");
    }
}
