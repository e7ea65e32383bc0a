//! The thread that looks: a round of looks at all processes, a rest as long as they need, and again. It never waits for whoever
//! draws, and nobody who draws waits for it.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::holders::{self, Holders, Job};
use super::{News, Order};
use crate::analysis::{Glance, Subject, Tempo};
use crate::capture::{self, Among, Error, Fleet, Member, Pace, Turn};
use crate::cli::Refusal;
use crate::process::Process;
use crate::tui::{Answer, Event};

/// How soon the end of a process is noticed at the latest.
const ATTENTION: Duration = Duration::from_millis(400);

/// The longest wait before the next look, however often leakspy is asked to pay back a pause.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A pause is paid back by so many times its length before a look that was asked for.
const PARTS: u32 = 110;

/// The thread's belongings.
pub(super) struct Looks {
    fleet: Fleet,
    among: Among,
    options: capture::Options,
    paces: BTreeMap<i32, Pace>,
    wanted: Duration,
    began: Instant,
    tell: Sender<News>,
    holders: Holders,
    questions: holders::Wanted,
}

impl Looks {
    pub(super) fn new(
        among: Among,
        options: capture::Options,
        wanted: Duration,
        tell: Sender<News>,
        questions: holders::Wanted,
    ) -> Looks {
        Looks {
            fleet: Fleet::new(among.clone(), &options),
            among,
            options,
            paces: BTreeMap::new(),
            wanted,
            began: Instant::now(),
            holders: Holders::start(tell.clone(), questions.clone()),
            tell,
            questions,
        }
    }

    /// Looks until nobody is left or nobody listens.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        let mut first = true;
        let mut paused = false;
        loop {
            let mut rest = Rest { until: Instant::now() + ATTENTION, earliest: Instant::now() };
            if !paused {
                let turn = self.fleet.muster();
                if !self.tell_of(turn, &mut first) {
                    return;
                }
                if self.fleet.is_empty() && self.is_over() {
                    let _ = self.tell.send(News::Over);
                    return;
                }
                rest = match self.round() {
                    Some(rest) => rest,
                    None => return,
                };
            }
            if !self.rest(rest, orders, &mut paused) {
                return;
            }
        }
    }

    fn tell_of(&mut self, turn: Turn, first: &mut bool) -> bool {
        for pid in &turn.left {
            self.paces.remove(pid);
        }
        let mut subjects = Vec::new();
        for pid in &turn.joined {
            subjects.extend(self.fleet.member(*pid).map(|member| subject(member)));
        }
        if std::mem::take(first) {
            let mut refused = turn.refused;
            if subjects.is_empty() && refused.is_empty() {
                refused.extend(self.why_nobody());
            }
            return self.tell.send(News::Mustered(subjects, refused)).is_ok();
        }
        let left = turn.left.into_iter().map(Event::Left);
        let joined = subjects.into_iter().map(Event::Joined);
        let refused = turn.refused.into_iter().map(|(pid, why)| Event::Failed(pid, why.to_string()));
        left.chain(joined).chain(refused).all(|event| self.tell.send(News::Event(event)).is_ok())
    }

    /// Why the first process is not watched, where the fleet passed over it in silence.
    fn why_nobody(&self) -> Option<(i32, Error)> {
        let pid = self.options.pid;
        capture::Watch::open(&self.options).err().map(|why| (pid, why))
    }

    /// Will nobody come any more?
    fn is_over(&self) -> bool {
        match &self.among {
            Among::Named(_) => true,
            Among::Tree(root) => Process::open(*root).is_err(),
        }
    }

    /// Looks at each process once; `None` where nobody listens any more.
    fn round(&mut self) -> Option<Rest> {
        let began = Instant::now();
        let mut interval = self.wanted;
        let mut longest_pause = Duration::ZERO;
        let mut seen = 0_u32;
        for member in self.fleet.members() {
            let pid = member.pid();
            let at = self.began.elapsed();
            let event = match member.watch.look() {
                Ok(taken) => {
                    seen = seen.saturating_add(1);
                    let pause = taken.details.pause;
                    longest_pause = longest_pause.max(pause);
                    let pace = self.paces.entry(pid).or_insert_with(|| Pace::new(self.wanted));
                    interval = interval.max(pace.next(pause));
                    Event::Saw(Box::new(Glance {
                        pid,
                        at,
                        at_ms: jiff::Timestamp::now().as_millisecond(),
                        usage: member.watch.usage(),
                        census: taken.census,
                        capture: taken.capture,
                    }))
                }
                Err(Error::Gone { .. } | Error::Changed { .. }) => Event::Left(pid),
                Err(why) => Event::Failed(pid, Refusal::of_look(&why, "top", pid).obstacle().to_owned()),
            };
            self.tell.send(News::Event(event)).ok()?;
        }
        let took = began.elapsed();
        // leakspy rests at least as long as it worked.
        let interval = interval.max(took.saturating_mul(2)).min(LONGEST);
        if seen > 0 {
            let share = self.paces.values().map(Pace::share).fold(0.0, f64::max);
            let tempo = Tempo { interval, wanted: self.wanted, share };
            self.tell.send(News::Event(Event::Round(tempo))).ok()?;
        }
        let earliest = began + longest_pause.saturating_mul(PARTS).min(LONGEST);
        Some(Rest { until: began + interval, earliest })
    }

    /// Waits for the next round, or for orders; `false` where none will come any more.
    fn rest(&mut self, rest: Rest, orders: &Receiver<Order>, paused: &mut bool) -> bool {
        let Rest { mut until, earliest } = rest;
        loop {
            let now = Instant::now();
            if now >= until && !*paused {
                return true;
            }
            let left = if *paused { ATTENTION } else { until.saturating_duration_since(now) };
            match orders.recv_timeout(left.min(ATTENTION)) {
                Ok(Order::Refresh) => until = until.min(earliest.max(now)),
                Ok(Order::Interval(wanted)) => {
                    self.wanted = wanted;
                    self.paces.clear();
                    until = until.min(earliest.max(now + wanted));
                }
                Ok(Order::Pause(now)) => *paused = now,
                Ok(Order::Holders { ticket, pid, of }) => {
                    let paid_back = self.hold(ticket, pid, of);
                    until = until.max((Instant::now() + paid_back).min(now + LONGEST));
                }
                Err(RecvTimeoutError::Timeout) => {
                    // Who has ended is not looked for only when the next look is due.
                    if self.fleet.members().any(|member| !member.watch.is_same()) {
                        let turn = self.fleet.muster();
                        if !self.tell_of(turn, &mut false) {
                            return false;
                        }
                        if self.fleet.is_empty() {
                            return true;
                        }
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Copies a process with its references, for the thread that finds who holds what; how long to wait after it.
    fn hold(&mut self, ticket: u64, pid: i32, of: String) -> Duration {
        if !self.questions.is(ticket) {
            return Duration::ZERO;
        }
        let options = capture::Options { pid, ..self.options.clone() };
        match capture::graph(&options) {
            Ok(graph) => {
                let pause = graph.details.pause;
                self.holders.ask(Job { ticket, of, graph });
                self.paces.entry(pid).or_insert_with(|| Pace::new(self.wanted)).next(pause)
            }
            Err(why) => {
                let outcome = Err(Refusal::of_look(&why, "top", pid).obstacle().to_owned());
                let _ = self.tell.send(News::Event(Event::Answered(Box::new(Answer { ticket, outcome }))));
                Duration::ZERO
            }
        }
    }
}

/// When to look next: at the latest, and at the earliest where it is asked for.
struct Rest {
    until: Instant,
    earliest: Instant,
}

fn subject(member: &Member) -> Subject {
    Subject {
        pid: member.pid(),
        command: member.command.clone(),
        role: member.role.clone(),
        started_ms: member.watch.process().started_ms(),
    }
}
