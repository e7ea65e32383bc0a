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
use crate::tui::{Answer, Event};

/// How soon the end of a process is noticed at the latest.
const ATTENTION: Duration = Duration::from_millis(400);

/// The longest wait before the next look, however often leakspy is asked to pay back a pause.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A pause is paid back by so many times its length before a look that was asked for.
const PARTS: u32 = 110;

/// The memory of the copy is given back before a wait that is this long.
const LONG: Duration = Duration::from_secs(10);

/// The thread's belongings.
pub(super) struct Looks {
    fleet: Fleet,
    options: capture::Options,
    paces: BTreeMap<i32, Pace>,
    wanted: Duration,
    began: Instant,
    /// All pauses so far are paid back then: no look that is asked for comes before.
    earliest: Instant,
    /// The pause of the last question is paid back then.
    answerable: Instant,
    /// The last question, until its time comes.
    pending: Option<Question>,
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
            fleet: Fleet::new(among, &options),
            options,
            paces: BTreeMap::new(),
            wanted,
            began: Instant::now(),
            earliest: Instant::now(),
            answerable: Instant::now(),
            pending: None,
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
            let mut until = Instant::now() + ATTENTION;
            if !paused {
                let turn = self.fleet.muster();
                if !self.tell_of(turn, &mut first) {
                    return;
                }
                if self.fleet.is_over() {
                    self.answer();
                    let _ = self.tell.send(News::Over);
                    return;
                }
                until = match self.round() {
                    Some(until) => until,
                    None => return,
                };
                if until.saturating_duration_since(Instant::now()) >= LONG {
                    self.fleet.rest();
                }
            }
            if !self.rest(until, orders, &mut paused) {
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

    /// Looks at each process once, and says when to look again; `None` where nobody listens any more.
    fn round(&mut self) -> Option<Instant> {
        let began = Instant::now();
        let mut interval = self.wanted;
        let mut longest_pause = Duration::ZERO;
        let mut seen = false;
        let mut failed = None;
        for member in self.fleet.members() {
            let pid = member.pid();
            let at = self.began.elapsed();
            let looked = member.watch.look();
            // A look that comes to nothing has held it still all the same.
            let pause = member.watch.held();
            longest_pause = longest_pause.max(pause);
            let pace = self.paces.entry(pid).or_insert_with(|| Pace::new(self.wanted));
            interval = interval.max(pace.next(pause));
            let event = match looked {
                Ok(taken) => {
                    seen = true;
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
                Err(why) => {
                    let refusal = Refusal::of_look(&why, "top", pid);
                    let event = Event::Failed(pid, refusal.obstacle().to_owned());
                    failed = Some(refusal);
                    event
                }
            };
            self.tell.send(News::Event(event)).ok()?;
        }
        let took = began.elapsed();
        // leakspy rests at least as long as it worked.
        let interval = interval.max(took.saturating_mul(2)).min(LONGEST);
        if seen {
            let share = self.paces.values().map(Pace::share).fold(0.0, f64::max);
            let tempo = Tempo { interval, wanted: self.wanted, share };
            self.tell.send(News::Event(Event::Round(tempo))).ok()?;
        } else if let Some(refusal) = failed {
            self.tell.send(News::Blind(refusal)).ok()?;
        }
        self.earliest = self.earliest.max(began) + longest_pause.saturating_mul(PARTS).min(LONGEST);
        Some(began + interval)
    }

    /// Waits for the next round, or for orders; `false` where none will come any more.
    fn rest(&mut self, mut until: Instant, orders: &Receiver<Order>, paused: &mut bool) -> bool {
        loop {
            if let Some(paid_back) = self.answer() {
                until = until.max(Instant::now()) + paid_back;
            }
            let now = Instant::now();
            if now >= until && !*paused {
                return true;
            }
            let mut left = if *paused { ATTENTION } else { until.saturating_duration_since(now) };
            if self.pending.is_some() {
                left = left.min(self.answerable.saturating_duration_since(now));
            }
            match orders.recv_timeout(left.min(ATTENTION)) {
                Ok(Order::Refresh) => until = until.min(self.earliest.max(now)),
                Ok(Order::Interval(wanted)) => {
                    self.wanted = wanted;
                    self.paces.values_mut().for_each(|pace| pace.want(wanted));
                    until = until.min(self.earliest.max(now + wanted));
                }
                Ok(Order::Pause(now)) => *paused = now,
                Ok(Order::Holders { ticket, pid, of }) => self.pending = Some(Question { ticket, pid, of }),
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

    /// Copies a process with its references for the last question, once the time for that has come: how long to wait after it.
    fn answer(&mut self) -> Option<Duration> {
        let Question { ticket, pid, of } = self.pending.take_if(|question| {
            // Nobody is held still for one that has ended.
            Instant::now() >= self.answerable || self.fleet.member(question.pid).is_none()
        })?;
        if !self.questions.is(ticket) {
            return None;
        }
        let (looked, pause) = match self.fleet.member(pid) {
            Some(member) => (member.watch.graph(), member.watch.held()),
            None => (Err(Error::Gone { pid }), Duration::ZERO),
        };
        match looked {
            // Another thread finds out who holds what.
            Ok(graph) => self.holders.ask(Job { ticket, of, graph }),
            Err(why) => {
                let outcome = Err(Refusal::of_look(&why, "top", pid).obstacle().to_owned());
                let _ = self.tell.send(News::Event(Event::Answered(Box::new(Answer { ticket, outcome }))));
            }
        }
        let (now, owed) = (Instant::now(), pause.saturating_mul(PARTS).min(LONGEST));
        self.answerable = now + owed;
        self.earliest = self.earliest.max(now) + owed;
        Some(self.paces.entry(pid).or_insert_with(|| Pace::new(self.wanted)).next(pause).min(LONGEST))
    }
}

/// Who holds the objects of a type?
struct Question {
    ticket: u64,
    pid: i32,
    of: String,
}

fn subject(member: &Member) -> Subject {
    Subject {
        pid: member.pid(),
        command: member.command.clone(),
        role: member.role.clone(),
        started_ms: member.watch.process().started_ms(),
    }
}
