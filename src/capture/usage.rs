//! A process → its memory as the operating system counts it. Stops nothing, reads no byte of the process.

use crate::heap::Usage;
use crate::process::{Process, budget};

/// What the operating system counts now.
#[must_use]
pub fn usage(process: &Process) -> Usage {
    let rollup = process.rollup();
    let (cgroup_bytes, cgroup_limit_bytes) = budget::cgroup_of(process.pid());
    Usage {
        rss_bytes: process.rss_bytes(),
        pss_bytes: rollup.map(|r| r.pss),
        uss_bytes: rollup.map(|r| r.uss),
        swap_bytes: rollup.map(|r| r.swap),
        cgroup_bytes,
        cgroup_limit_bytes,
    }
}
