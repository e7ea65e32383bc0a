//! Looks at one or several processes → what `top` shows of them: each process with its memory and its trends, and all of them
//! together. Who has ended stays with its last look. Takes no look and draws nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::trend::{Trend, Trends, merged};
use crate::heap::{Capture, Census, Usage};

/// Points of the course of the resident memory that are remembered.
const POINTS: usize = 512;

/// A process, before it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// Its PID.
    pub pid: i32,
    /// Its command line; raw text of the target.
    pub command: String,
    /// What a server calls it, `uwsgi worker` for one.
    pub role: Option<String>,
    /// When it started, in milliseconds since 1970 UTC.
    pub started_ms: Option<i64>,
}

/// One look at one process.
#[derive(Debug, Clone, PartialEq)]
pub struct Glance {
    /// The process.
    pub pid: i32,
    /// When, on a clock that only goes forward.
    pub at: Duration,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Its memory as the system counts it.
    pub usage: Usage,
    /// Its objects by type.
    pub census: Census,
    /// Where the numbers come from.
    pub capture: Capture,
}

/// One process, as it was seen last.
#[derive(Debug, Clone)]
pub struct Member {
    /// Which it is.
    pub subject: Subject,
    /// Its memory.
    pub usage: Usage,
    /// Its types.
    pub trends: Trends,
    /// All of them together.
    pub total: Trend,
    /// Where the numbers come from; `None` before the first look.
    pub capture: Option<Capture>,
    /// When it was looked at last, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Why the last look failed, if it did; raw text.
    pub trouble: Option<String>,
    /// Has it ended?
    pub ended: bool,
}

impl Member {
    /// For how long it ran when it was looked at last; `None` before the first look.
    #[must_use]
    pub fn uptime(&self) -> Option<Duration> {
        self.capture.as_ref()?;
        let ran = self.at_ms.checked_sub(self.subject.started_ms?)?;
        Some(Duration::from_millis(u64::try_from(ran).ok()?))
    }
}

/// How fast the looks follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tempo {
    /// From the beginning of one round of looks to that of the next.
    pub interval: Duration,
    /// What was asked for.
    pub wanted: Duration,
    /// The share of time that the process held still most was held still, 0 to 1.
    pub share: f64,
}

impl Tempo {
    /// Is the interval longer than what was asked for, by more than a hair?
    #[must_use]
    pub fn is_stretched(&self) -> bool {
        self.interval > self.wanted.saturating_add(Duration::from_millis(20))
    }
}

/// All processes that are watched.
#[derive(Debug, Clone, Default)]
pub struct Board {
    members: BTreeMap<i32, Member>,
    /// Rounds of looks so far.
    pub rounds: u64,
    /// How fast they follow each other.
    pub tempo: Tempo,
    /// The resident memory of all processes together at each round, in bytes, newest last.
    pub course: Vec<u64>,
}

impl Board {
    /// A process is to be watched from now on.
    pub fn joined(&mut self, subject: Subject) {
        // Rows of those that left long ago would crowd out those that live.
        let ended: Vec<i32> = self.members.values().filter(|m| m.ended).map(|m| m.subject.pid).collect();
        for pid in ended {
            self.members.remove(&pid);
        }
        let member = Member {
            usage: Usage::default(),
            trends: Trends::default(),
            total: Trend::default(),
            capture: None,
            at_ms: 0,
            trouble: None,
            ended: false,
            subject,
        };
        self.members.insert(member.subject.pid, member);
    }

    /// A process ended, or runs another program now.
    pub fn left(&mut self, pid: i32) {
        let Some(member) = self.members.get_mut(&pid) else { return };
        member.ended = true;
        // Of one that was never seen there is nothing to keep.
        if member.capture.is_none() && self.members.len() > 1 {
            self.members.remove(&pid);
        }
    }

    /// A process was looked at.
    pub fn saw(&mut self, glance: &Glance) {
        let Some(member) = self.members.get_mut(&glance.pid) else { return };
        member.usage = glance.usage;
        member.at_ms = glance.at_ms;
        member.capture = Some(glance.capture.clone());
        member.trouble = None;
        member.trends.add(glance.at, &glance.census);
        member.total = member.trends.total();
    }

    /// A process could not be looked at this time.
    pub fn failed(&mut self, pid: i32, why: String) {
        if let Some(member) = self.members.get_mut(&pid) {
            member.trouble = Some(why);
        }
    }

    /// A round of looks is over.
    pub fn round(&mut self, tempo: Tempo) {
        self.rounds = self.rounds.saturating_add(1);
        self.tempo = tempo;
        if self.course.len() >= POINTS {
            self.course.remove(0);
        }
        self.course.push(self.shown().map(|m| m.usage.rss_bytes).sum());
    }

    /// Makes the last looks the baseline.
    pub fn rebase(&mut self) {
        for member in self.members.values_mut() {
            member.trends.rebase();
            member.total = member.trends.total();
        }
    }

    /// All processes, by PID.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// The process of this PID.
    #[must_use]
    pub fn member(&self, pid: i32) -> Option<&Member> {
        self.members.get(&pid)
    }

    /// How many processes there are, those that ended included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Is there no process at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Have all of them ended?
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.members.is_empty() && self.members.values().all(|m| m.ended)
    }

    /// Those whose numbers count: the living, and once all have ended, all.
    pub fn shown(&self) -> impl Iterator<Item = &Member> {
        let over = self.is_over();
        self.members.values().filter(move |member| over || !member.ended)
    }

    /// When the last look was taken, RFC 3339 in UTC.
    #[must_use]
    pub fn taken_at(&self) -> Option<&str> {
        self.shown().filter_map(|member| member.capture.as_ref()).map(|capture| capture.taken_at.as_str()).max()
    }

    /// The types of one process, or of all of them together; in no order.
    #[must_use]
    pub fn types(&self, of: Option<i32>) -> Vec<Trend> {
        match of {
            Some(pid) => self.members.get(&pid).map(|member| member.trends.types()).unwrap_or_default(),
            None => merged(self.shown().map(|member| member.trends.types())),
        }
    }

    /// All types of all processes together.
    #[must_use]
    pub fn total(&self) -> Trend {
        merged(self.shown().map(|member| vec![member.total.clone()])).into_iter().next().unwrap_or_default()
    }

    /// The process that has gained most objects of a type since the baseline, or else has most.
    #[must_use]
    pub fn most(&self, name: &str) -> Option<i32> {
        let of = |member: &Member| {
            let types = member.trends.types();
            types.iter().find(|trend| trend.name == name).map(|trend| (trend.since.count, trend.count))
        };
        let alive = self.members.values().filter(|member| !member.ended);
        let (found, pid) =
            alive.filter_map(|member| Some((of(member)?, member.subject.pid))).max_by_key(|(n, _)| *n)?;
        (found.1 > 0).then_some(pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::trend::Delta;
    use crate::heap::TypeTally;
    use crate::heap::sketch::capture;

    fn glance(pid: i32, second: u64, timings: u64) -> Glance {
        let tally = TypeTally { name: "app.T".into(), count: timings, bytes: 10 * timings, ..TypeTally::default() };
        let usage = Usage { rss_bytes: 1000 * timings, ..Usage::default() };
        let at = Duration::from_secs(second);
        Glance {
            pid,
            at,
            at_ms: 5000 + 1000 * second as i64,
            usage,
            census: Census { types: vec![tally] },
            capture: capture(),
        }
    }

    fn subject(pid: i32) -> Subject {
        Subject { pid, started_ms: Some(1000), ..Subject::default() }
    }

    #[test]
    fn workers_come_and_go_without_a_jump_in_the_sums() {
        let mut board = Board::default();
        board.joined(subject(1));
        board.joined(subject(2));
        board.saw(&glance(1, 0, 100));
        board.saw(&glance(2, 0, 200));
        board.round(Tempo::default());
        board.saw(&glance(1, 60, 110));
        board.saw(&glance(2, 60, 230));
        board.round(Tempo::default());
        let sums = |board: &Board| (board.total().count, board.total().since.count);
        assert_eq!(sums(&board), (340, 40));
        assert_eq!(board.most("app.T"), Some(2));
        board.joined(subject(3));
        board.saw(&glance(3, 90, 1000));
        assert_eq!(sums(&board), (1340, 40), "a newcomer's objects are not growth");
        board.left(2);
        assert_eq!(sums(&board), (1110, 10), "nor are they taken back with a worker");
        assert_eq!(board.types(Some(2)).len(), 1, "its last look is kept");
        board.left(1);
        board.left(3);
        assert!(board.is_over());
        assert_eq!(sums(&board), (1340, 40), "and when all have ended, all of them are shown");
        assert_eq!(board.course, [300_000, 340_000]);
        assert_eq!(board.member(1).and_then(Member::uptime), Some(Duration::from_secs(64)));
    }

    #[test]
    fn one_that_was_never_seen_leaves_nothing() {
        let mut board = Board::default();
        board.joined(subject(1));
        board.joined(subject(2));
        board.left(2);
        assert_eq!(board.len(), 1);
        board.rebase();
        assert_eq!(board.total().since, Delta::default());
    }
}
