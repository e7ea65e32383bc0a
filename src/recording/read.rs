//! Lines → one history a process. Takes files of anyone's making, whole or torn: what is no line of ours is counted and left
//! out, and what is too much is thinned. Judges nothing.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use super::line::{Event, Line};
use super::write::begins_like_ours;
use crate::heap::{History, Point};

/// Longer lines are left out, in bytes: the longest that leakspy writes is some hundredth of it.
const LONGEST: usize = 4 << 20;

/// So much may all histories take in memory, in bytes, about.
const BUDGET: usize = 192 << 20;

/// A process's first look is taken in any case unless it is larger than this, in bytes.
const ALWAYS: usize = 16 << 10;

/// So many processes are told apart.
const PROCESSES: usize = 4096;

/// A process's start is worked out from when the machine started, and that is known to a second.
const SAME_START_MS: u64 = 2000;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recording {
    /// One history a process, in the order in which they were met; each one's points in the order of their time.
    pub histories: Vec<History>,
    /// Looks that failed when they were taken.
    pub missed: u64,
    /// Lines that are none of ours, torn ones among them; blank ones are not counted.
    pub skipped_lines: u64,
    /// Looks that are left out of `histories`, evenly, since there are too many to hold.
    pub thinned: u64,
    /// Does the file end in the middle of a line?
    pub torn_tail: bool,
    /// The files that were read, oldest first.
    pub files: Vec<PathBuf>,
}

impl Recording {
    /// Looks in all histories.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.histories.iter().map(|history| history.points.len()).sum()
    }
}

/// Where a full file goes when the next one begins: `FILE.1`.
#[must_use]
pub fn older(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// Reads a recording, and before it the older half that a full file left beside it (`FILE.1`), where there is one.
///
/// # Errors
/// What the system says of `path`. No line is an error, however damaged.
pub fn read(path: &Path) -> io::Result<Recording> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    let mut reader = Reader::new(BUDGET);
    let before = older(path);
    if let Some(file) = open_ours(&before)
        && reader.take(BufReader::with_capacity(1 << 18, file)).is_ok()
    {
        reader.recording.files.push(before);
    }
    reader.take(BufReader::with_capacity(1 << 18, file))?;
    reader.recording.files.push(path.to_owned());
    Ok(reader.finish())
}

/// Reads a recording from anywhere.
///
/// # Errors
/// What the source says; no line is an error.
pub fn read_from(from: impl BufRead) -> io::Result<Recording> {
    let mut reader = Reader::new(BUDGET);
    reader.take(from)?;
    Ok(reader.finish())
}

/// A file that begins as ours do. A pipe is not asked: it would wait.
fn open_ours(path: &Path) -> Option<File> {
    let is_file = std::fs::metadata(path).is_ok_and(|found| found.is_file());
    let file = is_file.then(|| File::open(path).ok()).flatten()?;
    begins_like_ours(&file).ok()?.then_some(file)
}

pub(super) struct Reader {
    recording: Recording,
    /// Places in `histories`, by PID.
    by_pid: FxHashMap<i32, Vec<usize>>,
    /// For each history: which of its looks are kept.
    sieves: Vec<Sieve>,
    budget: usize,
    used: usize,
    /// Nothing more can be thinned.
    full: bool,
}

/// Keeps each `stride`-th look.
#[derive(Debug, Clone, Copy)]
struct Sieve {
    stride: u64,
    met: u64,
    /// Is the newest point one that is kept only as long as it is the newest?
    provisional: bool,
}

impl Reader {
    pub(super) fn new(budget: usize) -> Reader {
        Reader {
            recording: Recording::default(),
            by_pid: FxHashMap::default(),
            sieves: Vec::new(),
            budget,
            used: 0,
            full: false,
        }
    }

    pub(super) fn take(&mut self, mut from: impl BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            match next(&mut from, &mut line)? {
                Next::End => return Ok(()),
                Next::Whole => self.line(&line, true),
                Next::Last => self.line(&line, false),
                Next::TooLong { ended } => {
                    self.recording.skipped_lines += 1;
                    self.recording.torn_tail = !ended;
                }
            }
        }
    }

    fn line(&mut self, line: &[u8], ended: bool) {
        let line = line.trim_ascii();
        self.recording.torn_tail = false;
        if line.is_empty() {
            return;
        }
        match Line::decode(line) {
            Some(line) => self.event(line),
            None => {
                self.recording.skipped_lines += 1;
                self.recording.torn_tail = !ended;
            }
        }
    }

    fn event(&mut self, line: Line) {
        let Line { at_ms, pid, started_ms, event } = line;
        let Some(at) = self.history(pid, started_ms) else {
            self.recording.skipped_lines += 1;
            return;
        };
        let Some(history) = self.recording.histories.get_mut(at) else { return };
        match event {
            Event::Started { command, python, .. } => {
                self.used = self.used.saturating_sub(history.command.len() + history.python.len());
                self.used += command.len() + python.len();
                (history.command, history.python) = (command, python);
            }
            Event::Look { usage, gc, heap } => self.look(at, Point { at_ms, pid, usage, gc, heap }),
            Event::Missed { .. } => self.recording.missed += 1,
            Event::Ended { .. } => history.ended_ms = Some(at_ms),
            Event::Stopped { .. } => {}
        }
    }

    /// The place of a process's history, which may be new.
    fn history(&mut self, pid: i32, started_ms: Option<i64>) -> Option<usize> {
        let places = self.by_pid.entry(pid).or_default();
        let same = |at: &&usize| match (self.recording.histories.get(**at).and_then(|h| h.started_ms), started_ms) {
            (Some(known), Some(told)) => known.abs_diff(told) <= SAME_START_MS,
            // Who does not tell means the latest.
            _ => true,
        };
        if let Some(at) = places.iter().rev().find(same) {
            return Some(*at);
        }
        let at = self.recording.histories.len();
        if at >= PROCESSES {
            return None;
        }
        places.push(at);
        self.recording.histories.push(History { pid, started_ms, ..History::default() });
        self.sieves.push(Sieve { stride: 1, met: 0, provisional: false });
        Some(at)
    }

    fn look(&mut self, at: usize, mut point: Point) {
        point.gc.shrink_to_fit();
        if let Some(heap) = &mut point.heap {
            heap.types.shrink_to_fit();
        }
        let weight = weight(&point);
        if !self.full && self.used.saturating_add(weight) > self.budget {
            self.thin();
        }
        let (Some(history), Some(sieve)) = (self.recording.histories.get_mut(at), self.sieves.get_mut(at)) else {
            return;
        };
        let room = self.used.saturating_add(weight) <= self.budget;
        if self.full && !room && !(history.points.is_empty() && weight <= ALWAYS) {
            self.recording.thinned += 1;
            return;
        }
        // The last look always counts: it replaces one that the sieve would not have let through.
        if sieve.provisional
            && let Some(replaced) = history.points.pop()
        {
            self.used = self.used.saturating_sub(self::weight(&replaced));
            self.recording.thinned += 1;
        }
        sieve.provisional = sieve.met % sieve.stride != 0;
        sieve.met += 1;
        self.used += weight;
        history.points.push(point);
        // A look after its end: then it had not ended.
        history.ended_ms = None;
    }

    /// Drops every second look of every process.
    fn thin(&mut self) {
        let before = self.used;
        for (history, sieve) in self.recording.histories.iter_mut().zip(&mut self.sieves) {
            let last = history.points.len().saturating_sub(1);
            let mut at = 0;
            let (mut left, mut gone) = (0, 0);
            history.points.retain(|point| {
                let keep = at % 2 == 0 || at == last;
                at += 1;
                if !keep {
                    left += 1;
                    gone += weight(point);
                }
                keep
            });
            history.points.shrink_to_fit();
            sieve.provisional = last % 2 == 1 || sieve.provisional;
            sieve.stride = sieve.stride.saturating_mul(2);
            self.recording.thinned += left;
            self.used = self.used.saturating_sub(gone);
        }
        // Where each process has only a few looks, there is nothing more to be had.
        self.full = self.used > before / 8 * 7;
    }

    pub(super) fn finish(self) -> Recording {
        let mut recording = self.recording;
        for history in &mut recording.histories {
            // Clocks are set back at times; within one moment the order of the lines stays.
            history.points.sort_by_key(|point| point.at_ms);
            // A file that was copied to where its older half is looked for holds each look a second time.
            history.points.dedup_by_key(|point| point.at_ms);
            // A process that is being killed has no memory any more: that is no look at the program.
            history.points.retain(|point| point.usage.rss_bytes > 0);
        }
        recording
    }
}

/// What a look takes in memory, about, in bytes.
fn weight(point: &Point) -> usize {
    let types = point.heap.iter().flat_map(|heap| &heap.types);
    let names: usize = types.map(|of| size_of_val(of) + of.name.len().next_multiple_of(16) + 16).sum();
    size_of::<Point>() + size_of_val(point.gc.as_slice()) + 32 + names
}

enum Next {
    /// A line and its end.
    Whole,
    /// What stands after the last line's end.
    Last,
    /// A line that is too long, left out.
    TooLong {
        /// Did it end before the file did?
        ended: bool,
    },
    /// Nothing more.
    End,
}

/// Reads up to the end of a line, its newline not included; holds no more of it than may be.
fn next(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Next> {
    line.clear();
    let mut length = 0_usize;
    loop {
        let found = match from.fill_buf() {
            Ok(found) => found,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if found.is_empty() {
            return Ok(match length {
                0 => Next::End,
                _ if length > LONGEST => Next::TooLong { ended: false },
                _ => Next::Last,
            });
        }
        let end = found.iter().position(|byte| *byte == b'\n');
        let part = found.get(..end.unwrap_or(found.len())).unwrap_or_default();
        length = length.saturating_add(part.len());
        if length <= LONGEST {
            line.extend_from_slice(part);
        } else if line.capacity() > 0 {
            *line = Vec::new();
        }
        let used = part.len() + usize::from(end.is_some());
        from.consume(used);
        if end.is_some() {
            return Ok(if length > LONGEST { Next::TooLong { ended: true } } else { Next::Whole });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::{NOON, look, started};
    use super::*;

    fn bytes(lines: &[Line]) -> Vec<u8> {
        lines.iter().flat_map(Line::encode).collect()
    }

    fn read(bytes: &[u8]) -> Recording {
        read_from(bytes).expect("memory does not fail")
    }

    fn times(history: &History) -> Vec<i64> {
        history.points.iter().map(|point| point.at_ms - NOON).collect()
    }

    #[test]
    fn a_restart_goes_on_with_the_same_history() {
        let ended = Line { event: Event::Ended { why: None }, ..look(NOON + 40, 0) };
        let recording = read(&bytes(&[
            started(NOON),
            look(NOON, 1),
            look(NOON + 10, 2),
            // Worked out anew, the start may differ a little.
            Line { started_ms: Some(NOON - 59_000), ..started(NOON + 30) },
            look(NOON + 30, 3),
            ended,
        ]));
        let [history] = recording.histories.as_slice() else { panic!("{recording:?}") };
        assert_eq!(times(history), [0, 10, 30]);
        assert_eq!((history.command.as_str(), history.python.as_str()), ("python app.py", "3.11.7"));
        assert_eq!(history.ended_ms, Some(NOON + 40));
        assert_eq!((recording.skipped_lines, recording.torn_tail, recording.looks()), (0, false, 3));
    }

    #[test]
    fn a_pid_that_came_again_is_another_process() {
        let later = Line { started_ms: Some(NOON), ..look(NOON + 10, 2) };
        let other = Line { pid: 7, ..look(NOON + 5, 2) };
        let recording = read(&bytes(&[look(NOON, 1), later, other]));
        let found: Vec<_> = recording.histories.iter().map(|h| (h.pid, h.started_ms, h.points.len())).collect();
        assert_eq!(found, [(25867, Some(NOON - 60_000), 1), (25867, Some(NOON), 1), (7, Some(NOON - 60_000), 1)]);
    }

    #[test]
    fn a_torn_tail_is_told_and_a_whole_one_without_its_newline_counts() {
        let whole = bytes(&[look(NOON, 1), look(NOON + 1, 2)]);
        let found = read(&whole[..whole.len() - 1]);
        assert_eq!((found.looks(), found.torn_tail, found.skipped_lines), (2, false, 0));
        let found = read(&whole[..whole.len() - 2]);
        assert_eq!((found.looks(), found.torn_tail, found.skipped_lines), (1, true, 1));
        // What a recorder does after a restart: the torn line gets its end, and is none of ours.
        let mended = [&whole[..whole.len() - 9], b"\n", &whole].concat();
        let found = read(&mended);
        assert_eq!((found.looks(), found.torn_tail, found.skipped_lines), (2, false, 1));
    }

    #[test]
    fn a_look_that_is_written_twice_is_one() {
        let once = bytes(&[look(NOON, 1), look(NOON + 10, 2), look(NOON + 20, 3)]);
        assert_eq!(read(&[&once[..], &once].concat()).histories, read(&once).histories);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("app.jsonl");
        std::fs::write(&path, &once).expect("room");
        std::fs::copy(&path, older(&path)).expect("room");
        let found = super::read(&path).expect("a recording");
        assert_eq!((times(&found.histories[0]), found.files.len()), (vec![0, 10, 20], 2));
    }

    #[test]
    fn a_process_that_is_being_killed_is_no_look() {
        let found = read(&bytes(&[look(NOON, 9), look(NOON + 10, 9), look(NOON + 20, 0)]));
        assert_eq!(times(&found.histories[0]), [0, 10]);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_disturb_the_order() {
        let found = read(&bytes(&[look(NOON + 50, 1), look(NOON, 2), look(NOON + 20, 3)]));
        assert_eq!(times(&found.histories[0]), [0, 20, 50]);
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let endless = io::Read::take(io::repeat(b'x'), 64 << 20);
        let good = bytes(&[look(NOON, 1)]);
        let chained = io::Read::chain(io::Read::chain(BufReader::new(endless), &b"\n"[..]), &good[..]);
        let found = read_from(BufReader::new(chained)).expect("memory does not fail");
        assert_eq!((found.looks(), found.skipped_lines, found.torn_tail), (1, 1, false));
    }

    #[test]
    fn too_many_looks_are_thinned_evenly_and_the_first_and_the_last_stay() {
        let one = weight(&Point {
            usage: crate::heap::Usage::default(),
            gc: vec![crate::heap::GenerationPoint::default()],
            heap: Some(crate::heap::HeapPoint {
                types: vec![crate::heap::TypePoint { name: "app.\"Timing\"\n".into(), ..Default::default() }],
                ..Default::default()
            }),
            ..Point::default()
        });
        for many in [100, 101, 1000, 1023, 1024, 1025, 4999] {
            let mut reader = Reader::new(100 * one);
            let lines: Vec<_> = (0..many).map(|at| look(NOON + at, 1)).collect();
            reader.take(&bytes(&lines)[..]).expect("memory does not fail");
            assert!(reader.used <= 100 * one);
            let found = reader.finish();
            let times = times(&found.histories[0]);
            assert!((50..=100).contains(&times.len()), "{} of {many}", times.len());
            assert_eq!(found.thinned + times.len() as u64, many as u64);
            assert_eq!((times.first(), times.last()), (Some(&0), Some(&(many - 1))));
            let steps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let (last, rest) = steps.split_last().expect("some");
            assert!(rest.iter().all(|step| *step == rest[0]) && *last <= rest[0], "{many}: {steps:?}");
        }
    }

    #[test]
    fn looks_of_many_processes_are_bounded_too() {
        let mut reader = Reader::new(64 << 10);
        for at in 0..20_000 {
            let pid = 1 + at % 5000;
            let line = Line { pid, ..look(NOON + i64::from(at), 1) };
            reader.take(&line.encode()[..]).expect("memory does not fail");
        }
        let found = reader.finish();
        assert_eq!(found.histories.len(), PROCESSES);
        assert!(found.histories.iter().all(|history| (1..=2).contains(&history.points.len())));
        assert_eq!(found.looks() as u64 + found.thinned + found.skipped_lines, 20_000);
    }
}
