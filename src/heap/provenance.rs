//! Where a heap came from and how far its numbers can be trusted: the `capture` object of every JSON answer.

use serde::{Deserialize, Serialize};

/// How the interpreter was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// `--with-pydebug`.
    pub debug: bool,
    /// `--disable-gil`.
    pub free_threaded: bool,
    /// `pymalloc`, `malloc`, `pymalloc_debug` …
    pub allocator: String,
}

/// Bytes in blocks that the interpreter's small-object allocator has handed out, against those that an object or a
/// buffer of an object accounts for. Blocks of dead objects that the interpreter keeps for reuse count as not handed out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub struct Coverage {
    /// Handed out, in bytes.
    pub used_bytes: u64,
    /// Accounted for, in bytes.
    pub explained_bytes: u64,
    /// `explained_bytes / used_bytes`; `None` where nothing was handed out (no pymalloc).
    pub ratio: Option<f64>,
}

/// Times of start of one process may be told so far apart, in seconds: the kernel knows when it was booted to a second, and
/// corrects that as it corrects its clock.
const START: f64 = 2.0;

/// Where the numbers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// `process`, `snapshot` or `core`.
    pub source: String,
    /// The process that was looked at.
    pub pid: Option<i32>,
    /// When that process started, RFC 3339 in UTC: with the PID it tells whether two looks were at the same process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// What program it ran, as a digest that each exec draws anew and that a fork keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// `3.11.7`.
    pub python: String,
    /// How the interpreter was built.
    pub build: Build,
    /// RFC 3339, UTC.
    pub taken_at: String,
    /// Was the target held still?
    pub frozen: bool,
    /// From the first thread's stop to the last thread's going on, tries included, in milliseconds; 0 where it was never held.
    pub pause_ms: f64,
    /// Was the whole heap copied at one instant? Not so with `--nonblocking` on a running target, nor where
    /// `--max-memory` made leakspy read it in pieces.
    pub one_instant: bool,
    /// Did the checks on GC lists and object headers hold?
    pub consistent: bool,
    /// How much of the allocator's blocks is explained.
    pub coverage: Coverage,
    /// Bytes copied from the target while it was held still (or read, where it was not).
    pub copied_bytes: u64,
    /// Objects left out as damaged or torn.
    pub skipped: u64,
    /// What a reader of the numbers should know.
    pub warnings: Vec<String>,
}

impl Capture {
    /// Is this a look at the same process as another one? `None` where one of them does not tell.
    #[must_use]
    pub fn is_same_process(&self, other: &Capture) -> Option<bool> {
        if self.pid? != other.pid? || self.python != other.python {
            return Some(false);
        }
        if self.program.as_ref().zip(other.program.as_ref()).is_some_and(|(one, other)| one != other) {
            return Some(false);
        }
        let apart = seconds(self.started_at.as_deref()?, other.started_at.as_deref()?)?;
        Some(apart.abs() <= START)
    }

    /// How long after this look another one was taken, in seconds; negative where it was taken before.
    #[must_use]
    pub fn seconds_until(&self, other: &Capture) -> Option<f64> {
        seconds(&self.taken_at, &other.taken_at)
    }
}

/// From one time to another, both RFC 3339.
fn seconds(from: &str, to: &str) -> Option<f64> {
    let at = |text: &str| text.parse::<jiff::Timestamp>().ok();
    Some(at(to)?.duration_since(at(from)?).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::sketch;

    fn look(pid: i32, started_at: Option<&str>) -> Capture {
        Capture { pid: Some(pid), started_at: started_at.map(Into::into), ..sketch::capture() }
    }

    #[test]
    fn a_process_is_known_by_its_number_and_its_start() {
        let one = look(7, Some("2026-11-20T16:00:00.250Z"));
        assert_eq!(one.is_same_process(&look(7, Some("2026-11-20T16:00:01.250Z"))), Some(true));
        assert_eq!(one.is_same_process(&look(7, Some("2026-11-20T16:00:04.250Z"))), Some(false));
        assert_eq!(one.is_same_process(&look(8, Some("2026-11-20T16:00:00.250Z"))), Some(false));
        assert_eq!(one.is_same_process(&look(7, None)), None);
        let of = |program: &str| Capture { program: Some(program.into()), ..one.clone() };
        assert_eq!(of("1f").is_same_process(&of("1f")), Some(true));
        assert_eq!(of("1f").is_same_process(&one), Some(true));
        assert_eq!(of("1f").is_same_process(&of("20")), Some(false), "exec");
        let later = Capture { taken_at: "2026-11-20T17:01:00Z".into(), ..one.clone() };
        assert_eq!(one.seconds_until(&later), Some(60.0));
    }
}
