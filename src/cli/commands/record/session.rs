//! One recording from its first look to its last: when to look, at whom, and what is noted of it. Knows no file format.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::capture::{self, Fleet, Pace, Turn};
use crate::cli::args::RecordArgs;
use crate::cli::interrupt::Asked;
use crate::cli::{Exit, Failure, Refusal, Ui};
use crate::heap::{GenerationPoint, HeapPoint, TypeTally, Usage};
use crate::process::Process;
use crate::recording::{self, Event, Line, Records, Selection, Writer, Written};

use super::words;

/// The memory of the copy is given back before a wait that is this long.
const LONG: Duration = Duration::from_secs(10);

/// So soon is the end of a process noticed.
const NOTICE: Duration = Duration::from_millis(250);

/// A recording that is under way.
pub(super) struct Session<'a> {
    args: &'a RecordArgs,
    ui: &'a mut Ui,
    fleet: Fleet,
    writer: Writer,
    members: BTreeMap<i32, Recorded>,
    began: Instant,
    sums: Sums,
    /// Lines that could not be written since the last one that could.
    lost: u64,
    /// What the last look that failed comes to.
    failed: Option<Exit>,
}

/// What a recording came to, for the last words.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) processes: u64,
    pub(super) looks: u64,
    pub(super) missed: u64,
    pub(super) lost: u64,
    pub(super) files: u64,
    /// For how long any process was held still, all together and at most at one look.
    pub(super) held: Duration,
    pub(super) longest: Duration,
    pub(super) refused: u64,
}

/// A process that is recorded.
struct Recorded {
    started_ms: Option<i64>,
    ticks: u64,
    pace: Pace,
    selection: Selection,
    /// Not to be looked at before.
    due: Instant,
    /// Did its last look fail?
    missing: bool,
    stretched: bool,
}

/// Why there is no next look.
enum Stop {
    Asked(Exit),
    Over,
    Done(&'static str),
}

impl<'a> Session<'a> {
    pub(super) fn new(args: &'a RecordArgs, fleet: Fleet, writer: Writer, ui: &'a mut Ui) -> Self {
        let (began, members) = (Instant::now(), BTreeMap::new());
        Session { args, ui, fleet, writer, members, began, sums: Sums::default(), lost: 0, failed: None }
    }

    pub(super) fn run(mut self, turn: Turn, asked: &Asked) -> Result<Exit, Failure> {
        let commands: Vec<_> = self.fleet.members().map(|member| (member.pid(), member.command.clone())).collect();
        self.ui.say(&words::beginning(self.args, &commands));
        self.meet(turn)?;
        let stop = self.looks(asked)?;
        let why = match &stop {
            Stop::Asked(Exit::Interrupted) => "SIGINT",
            Stop::Asked(_) => "SIGTERM",
            Stop::Over => "",
            Stop::Done(why) => why,
        };
        for (pid, member) in std::mem::take(&mut self.members) {
            self.note(Line {
                at_ms: now_ms(),
                pid,
                started_ms: member.started_ms,
                event: Event::Stopped { why: why.to_owned() },
            })?;
        }
        self.ui.say(&words::ending(&self.sums, self.began.elapsed(), matches!(stop, Stop::Over)));
        Ok(match (stop, self.failed) {
            (Stop::Asked(exit), _) => exit,
            // What failed was told of when it did.
            (_, Some(exit)) if self.sums.looks == 0 => exit,
            _ if self.sums.refused > 0 => Exit::Partial,
            _ => Exit::Done,
        })
    }

    fn looks(&mut self, asked: &Asked) -> Result<Stop, Failure> {
        let end = self.args.long.and_then(|long| self.began.checked_add(long));
        let (mut rounds, mut tick) = (0, self.began);
        loop {
            for pid in self.members.keys().copied().collect::<Vec<_>>() {
                if let Some(exit) = asked.wait(Duration::ZERO) {
                    return Ok(Stop::Asked(exit));
                }
                self.look(pid, tick)?;
            }
            rounds += 1;
            if self.args.times.is_some_and(|times| rounds >= times) {
                return Ok(Stop::Done("--times"));
            }
            let next = self.next();
            if let Some(stop) = self.rest(end.map_or(next, |end| next.min(end)), asked)? {
                return Ok(stop);
            }
            if end.is_some_and(|end| next > end) {
                return Ok(Stop::Done("--for"));
            }
            tick = next;
        }
    }

    /// The next moment of the grid at which somebody may be looked at. No drift: the grid stands on the beginning.
    fn next(&self) -> Instant {
        let due = self.members.values().map(|member| member.due).min().unwrap_or(self.began);
        let from = due.max(Instant::now());
        let every = self.args.every.as_nanos();
        let steps = from.saturating_duration_since(self.began).as_nanos().div_ceil(every);
        let ahead = u64::try_from(steps.saturating_mul(every)).unwrap_or(u64::MAX);
        self.began.checked_add(Duration::from_nanos(ahead)).unwrap_or(from)
    }

    /// Waits, and notes meanwhile who came and went.
    fn rest(&mut self, until: Instant, asked: &Asked) -> Result<Option<Stop>, Failure> {
        if until.saturating_duration_since(Instant::now()) >= LONG {
            self.fleet.rest();
        }
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if let Some(exit) = asked.wait(left.min(NOTICE)) {
                return Ok(Some(Stop::Asked(exit)));
            }
            if left <= NOTICE || !self.fleet.members().all(|member| member.watch.is_same()) {
                let turn = self.fleet.muster();
                self.meet(turn)?;
                if self.fleet.is_over() {
                    return Ok(Some(Stop::Over));
                }
            }
            if left <= NOTICE {
                return Ok(None);
            }
        }
    }

    /// Notes who left and who joined.
    fn meet(&mut self, turn: Turn) -> Result<(), Failure> {
        for pid in turn.left {
            let Some(member) = self.members.remove(&pid) else { continue };
            // What has ended runs no program.
            let lives = Process::open(pid).is_ok_and(|now| now.start_time() == member.ticks && now.exe().is_some());
            let why = lives.then(|| "it runs another program now".to_owned());
            self.ui.say(&match &why {
                Some(why) => format!("process {pid}: {why}"),
                None => format!("process {pid} has ended"),
            });
            let event = Event::Ended { why };
            self.note(Line { at_ms: now_ms(), pid, started_ms: member.started_ms, event })?;
        }
        for (pid, why) in turn.refused {
            // Who was recorded and is gone was told of above.
            if !matches!(why, capture::Error::Gone { .. }) || self.sums.looks == 0 {
                self.sums.refused += 1;
                self.ui.warn(&format!("process {pid} is not recorded: {why}"));
            }
        }
        for pid in turn.joined {
            self.join(pid)?;
        }
        Ok(())
    }

    fn join(&mut self, pid: i32) -> Result<(), Failure> {
        let Some(member) = self.fleet.member(pid) else { return Ok(()) };
        let process = member.watch.process();
        let (started_ms, ticks) = (process.started_ms(), process.start_time());
        let event = Event::Started {
            command: member.command.clone(),
            python: member.watch.python(),
            host: words::host(),
            records: if self.args.light { Records::Light } else { Records::Objects },
            every_s: self.args.every.as_secs_f64(),
        };
        self.sums.processes += 1;
        let recorded = Recorded {
            started_ms,
            ticks,
            pace: Pace::new(self.args.every),
            selection: Selection::new(self.args.types),
            due: self.began,
            missing: false,
            stretched: false,
        };
        self.members.insert(pid, recorded);
        self.note(Line { at_ms: now_ms(), pid, started_ms, event })
    }

    /// Looks at a process if its turn has come at this tick, and notes what was seen, or why nothing was.
    fn look(&mut self, pid: i32, tick: Instant) -> Result<(), Failure> {
        let (Some(member), Some(recorded)) = (self.fleet.member(pid), self.members.get_mut(&pid)) else {
            return Ok(());
        };
        if recorded.due > tick {
            return Ok(());
        }
        let begun = Instant::now();
        let at_ms = now_ms();
        let seen = see(member, &mut recorded.selection, self.args.light);
        if matches!(seen, Err(capture::Error::Gone { .. } | capture::Error::Changed { .. })) {
            // That it went is noted once it is certain.
            return Ok(());
        }
        // A look that comes to nothing has held it still all the same.
        let pause = member.watch.held();
        self.sums.held = self.sums.held.saturating_add(pause);
        self.sums.longest = self.sums.longest.max(pause);
        // Half of the time leakspy rests.
        let rest = if self.args.light { Duration::ZERO } else { begun.elapsed().saturating_mul(2) };
        let wait = recorded.pace.next(pause).max(rest);
        recorded.due = tick.checked_add(wait).unwrap_or(begun);
        let event = match seen {
            Ok(Seen { usage, gc, heap }) => {
                recorded.missing = false;
                self.sums.looks += 1;
                // A few hundredths are not worth a word.
                let noticeable = wait > self.args.every.saturating_add(self.args.every / 20);
                if recorded.pace.stretched() && noticeable && !recorded.stretched {
                    recorded.stretched = true;
                    self.ui.say(&words::stretched(pid, pause, wait, self.args.every));
                }
                self.ui.progress(&words::progress(self.sums.looks, pid, &usage, heap.as_ref()));
                Event::Look { usage, gc, heap }
            }
            Err(why) => {
                self.failed = Some(Refusal::of_look(&why, "record", pid).exit);
                let why = why.to_string();
                self.sums.missed += 1;
                if !recorded.missing {
                    self.ui.warn(&format!("no look at process {pid}, going on: {why}"));
                }
                recorded.missing = true;
                Event::Missed { why }
            }
        };
        let started_ms = recorded.started_ms;
        self.note(Line { at_ms, pid, started_ms, event })
    }

    /// Writes a line. A disk that is full when the recording begins refuses it; one that fills up later is waited for.
    fn note(&mut self, line: Line) -> Result<(), Failure> {
        if self.lost > 0 {
            let why = format!("{} could not be written", words::lines(self.lost));
            if self.writer.write(&Line { event: Event::Missed { why }, ..line.clone() }).is_ok() {
                self.ui.say("there is room again for lines");
                self.lost = 0;
            }
        }
        match self.writer.write(&line) {
            Ok(Written::Appended) => {}
            Ok(Written::Rotated) => {
                self.sums.files += 1;
                if self.sums.files == 1 {
                    self.ui.say(&words::rotated(self.args));
                }
            }
            Ok(Written::Renewed) => self.ui.say("the file was moved away: going on in a new one of its name"),
            Err(recording::Error::Io(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => return Err(Failure::Pipe),
            Err(e) if self.sums.looks == 0 => {
                return Err(Refusal::new(Exit::Usage, "cannot write what is recorded", e.to_string()).into());
            }
            Err(e) => {
                if self.lost == 0 {
                    self.ui.warn(&format!("cannot write, going on: {e}"));
                }
                self.lost += 1;
                self.sums.lost += 1;
            }
        }
        Ok(())
    }
}

/// What one look brought.
struct Seen {
    usage: Usage,
    gc: Vec<GenerationPoint>,
    heap: Option<HeapPoint>,
}

fn see(member: &mut capture::Member, selection: &mut Selection, light: bool) -> Result<Seen, capture::Error> {
    // First of all: a look makes pages of the process resident that it reads.
    let usage = member.watch.usage();
    if light {
        let gc = member.watch.pulse();
        // Of a process that just ended there is nothing in /proc, which reads as 0; one that is just being killed has lost
        // its memory before it is said to have ended.
        if usage.rss_bytes == 0 || !member.watch.is_same() {
            return Err(capture::Error::Gone { pid: member.pid() });
        }
        return Ok(Seen { usage, gc, heap: None });
    }
    let taken = member.watch.look()?;
    let sum = |of: fn(&TypeTally) -> u64| taken.census.types.iter().map(of).sum();
    let heap = HeapPoint {
        objects: sum(|of| of.count),
        bytes: sum(|of| of.bytes),
        types: selection.pick(&taken.census),
        pause_ms: taken.capture.pause_ms,
        frozen: taken.capture.frozen,
        consistent: taken.capture.consistent,
    };
    Ok(Seen { usage, gc: taken.details.gc, heap: Some(heap) })
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
