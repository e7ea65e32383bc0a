//! `leakspy record`: its lines against what the interpreter and the kernel say, and what becomes of the file whatever happens.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use leakspy::recording::{self, Event, Line};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::support::*;

/// A folder, and a recording in it that is not there yet.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.jsonl");
    (folder, path)
}

/// Waits for what a recorder does in its own time: on a busy machine it looks seldom, so as to hold nobody still for long.
fn patiently(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(1)); // the recorder needs the processor
    }
}

/// A recorder that runs. Killed when dropped.
struct Recorder {
    child: Child,
    file: PathBuf,
}

impl Recorder {
    fn start(file: &Path, more: &[&str]) -> Recorder {
        let mut arguments = vec!["record", "-o", file.to_str().unwrap()];
        arguments.extend(more);
        let child = command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        Recorder { child, file: file.to_owned() }
    }

    /// Waits until the file holds so many lines of this event, about this process.
    fn wait_for(&mut self, event: &str, pid: u32, many: usize) {
        let holds = |lines: &[Value]| lines.iter().filter(|l| l["event"] == event && l["pid"] == pid).count() >= many;
        patiently(&format!("there are {many} lines of {event:?} about {pid}"), || {
            assert!(self.child.try_wait().unwrap().is_none() || holds(&lines(&self.file)), "it has ended");
            holds(&lines(&self.file))
        });
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Waits for its end.
    fn end(mut self) -> (Option<i32>, String) {
        let mut code = None;
        patiently("the recorder has ended", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        let said = std::io::read_to_string(self.child.stderr.take().unwrap()).unwrap();
        assert!(!said.contains("panicked"), "{said}");
        (code.unwrap().code(), said)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The whole lines of a file; the last one may still be on its way.
fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn looks(file: &Path) -> Vec<Value> {
    lines(file).into_iter().filter(|line| line["event"] == "look").collect()
}

fn row(look: &Value, name: &str) -> Row {
    let number = |of: &Value, key: &str| of[key].as_u64().unwrap();
    let types = look["types"].as_array().unwrap();
    let found = types.iter().find(|of| of["type"] == name);
    found.map_or(Row::default(), |of| Row { count: number(of, "count"), bytes: number(of, "bytes"), tracked: 0 })
}

fn kib(path: &str, keys: &[&str]) -> u64 {
    let text = fs::read_to_string(path).unwrap();
    let number = |line: &str| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
    let lines = text.lines().filter(|line| keys.iter().any(|key| line.starts_with(key)));
    lines.map(number).sum::<u64>() * 1024
}

#[test]
fn looks_tell_what_types_tells_and_memory_as_the_kernel_does() {
    each_python(|python| {
        let (_folder, file) = place();
        let mut target = Target::start(python, "heap.py", &["20000"]);
        let pid = target.pid;
        target.settle();
        let mut recorder = Recorder::start(&file, &["--pid", &pid.to_string(), "--every", "20ms", "--types", "8"]);
        recorder.wait_for("look", pid, 2);
        let grown = target.ask("grow plain 3000");
        target.settle();
        let before = looks(&file).len();
        // One look may have begun before.
        recorder.wait_for("look", pid, before + 2);
        let proc = |file: &str, keys: &[&str]| kib(&format!("/proc/{pid}/{file}"), keys);
        let memory = [
            ("rss_bytes", proc("status", &["VmRSS:"])),
            ("pss_bytes", proc("smaps_rollup", &["Pss:"])),
            ("uss_bytes", proc("smaps_rollup", &["Private_"])),
            ("swap_bytes", proc("smaps_rollup", &["Swap:"])),
        ];
        recorder.signal(Signal::SIGINT);
        let (code, said) = recorder.end();
        assert_eq!(code, Some(130), "{said}");
        let seen = target.look(&[]);

        let all = lines(&file);
        assert_eq!(all[0]["event"], "started");
        assert_eq!(all[0]["python"], python.version.as_str());
        assert!(all[0]["command"].as_str().unwrap().contains("heap.py"));
        assert_eq!(all.last().unwrap()["why"], "SIGINT");
        let found = looks(&file);
        let (first, last) = (&found[0], found.last().unwrap());
        assert_eq!(last["objects"], seen.totals["objects"]);
        assert_eq!(last["bytes"], seen.totals["bytes"]);
        assert_eq!((&last["frozen"], &last["consistent"]), (&Value::Bool(true), &Value::Bool(true)));
        assert!(last["pause_ms"].as_f64().unwrap() > 0.0);
        let types = last["types"].as_array().unwrap();
        assert!((8..=32).contains(&types.len()), "{}", types.len());
        for of in types {
            let name = of["type"].as_str().unwrap();
            let truth = seen.row(name);
            assert_eq!(row(last, name), Row { tracked: 0, ..truth }, "{name}");
        }
        let mut by_bytes: Vec<_> = seen.rows.iter().collect();
        by_bytes.sort_by_key(|(_, row)| std::cmp::Reverse(row.bytes));
        for (name, _) in by_bytes.iter().take(8) {
            assert!(types.iter().any(|of| of["type"] == name.as_str()), "{name} is among the largest");
        }
        // What grew is told, and as much as was made.
        let name = grown["type"].as_str().unwrap();
        assert_eq!(row(last, name).count - row(first, name).count, 3000, "{name}");

        for (key, truth) in memory {
            let told = last[key].as_u64().unwrap_or_else(|| panic!("{key} of {last}"));
            // The kernel counts resident pages a processor at a time, and a mapping's sharers come and go.
            assert!(told.abs_diff(truth) <= 512 << 10, "{key}: {told}, but {truth}");
        }
        target.assert_unharmed();
    });
}

#[test]
fn the_collectors_counters_are_told_with_and_without_objects() {
    each_python(|python| {
        let mut target = Target::start(python, "heap.py", &["1000"]);
        let pid = target.pid.to_string();
        for more in [&["--light"][..], &[]] {
            let (_folder, file) = place();
            let arguments = [&["--pid", &pid, "--every", "20ms"][..], more].concat();
            let mut recorder = Recorder::start(&file, &arguments);
            recorder.wait_for("look", target.pid, 1);
            target.ask("collect");
            let had = looks(&file).len();
            recorder.wait_for("look", target.pid, had + 2);
            recorder.signal(Signal::SIGINT);
            recorder.end();
            let found = looks(&file);
            let oldest = |look: &Value| look["gc"].as_array().unwrap()[2]["collections"].as_u64();
            let (first, last) = (oldest(&found[0]), oldest(found.last().unwrap()));
            // 2.7 counts no collections.
            assert_eq!(first.is_some(), python.minor() >= (3, 4), "{first:?}");
            assert_eq!(last, first.map(|first| first + 1), "one was asked for");
        }
        target.assert_unharmed();
    });
}

#[test]
fn light_looks_hold_nobody_still() {
    each_python(|python| {
        let (_folder, file) = place();
        let mut target = Target::start(python, "busy.py", &["2"]);
        let pid = target.pid.to_string();
        let recorder = Recorder::start(&file, &["--pid", &pid, "--light", "--every", "5ms", "--times", "20"]);
        let (code, said) = recorder.end();
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains("held still"), "{said}");
        let found = looks(&file);
        assert_eq!(found.len(), 20);
        for look in &found {
            assert!(look["rss_bytes"].as_u64().unwrap() > 1 << 20 && look["pause_ms"].is_null());
        }
        assert_eq!(lines(&file).last().unwrap()["why"], "--times");
        target.assert_unharmed();
    });
}

#[test]
fn a_kill_at_any_moment_leaves_a_file_that_goes_on() {
    let rounds = if long() { 100 } else { 12 };
    each_python(|python| {
        let (_folder, file) = place();
        let target = Target::start(python, "busy.py", &["1"]);
        let pid = target.pid.to_string();
        let mut random = Random(0x9e37_79b9 + u64::from(target.pid));
        let mut before = Vec::new();
        for _ in 0..rounds {
            let mut recorder = Recorder::start(&file, &["--pid", &pid, "--light", "--every", "1ms"]);
            let had = looks(&file).len();
            recorder.wait_for("look", target.pid, had + 1 + random.below(5) as usize);
            for _ in 0..random.below(40_000) {
                std::hint::spin_loop();
            }
            recorder.signal(Signal::SIGKILL);
            let _ = recorder.child.wait();
            let now = fs::read(&file).unwrap();
            assert!(now.starts_with(&before), "what was written stays");
            before = now;
        }
        let mut all = before.split(|byte| *byte == b'\n').map(Line::decode).peekable();
        let (mut started, mut torn, mut last) = (0, 0, 0);
        while let Some(line) = all.next() {
            match line {
                Some(line) => {
                    assert!(line.at_ms >= last, "in the order of time");
                    last = line.at_ms;
                    started += usize::from(matches!(line.event, Event::Started { .. }));
                }
                // Half a line at the most where a recorder was killed, and nothing after the last line's end.
                None => {
                    torn += usize::from(all.peek().is_some());
                    let next = all.peek();
                    assert!(
                        matches!(next, None | Some(Some(Line { event: Event::Started { .. }, .. }) | None)),
                        "torn, and not by a kill: {next:?}"
                    );
                }
            }
        }
        assert_eq!(started, rounds);
        let recording = recording::read(&file).unwrap();
        assert_eq!(recording.histories.len(), 1, "one process, one history");
        assert!(recording.skipped_lines <= torn as u64 + u64::from(recording.torn_tail));
        assert!(torn <= rounds && recording.looks() >= rounds);
    });
}

#[test]
fn the_end_of_the_process_is_noted() {
    each_python(|python| {
        let (_folder, file) = place();
        let mut target = Target::start(python, "heap.py", &["100"]);
        let mut recorder = Recorder::start(&file, &["--pid", &target.pid.to_string(), "--every", "10s"]);
        recorder.wait_for("look", target.pid, 1);
        target.kill();
        let (code, said) = recorder.end();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("has ended"), "{said}");
        let all = lines(&file);
        let events: Vec<_> = all.iter().map(|line| line["event"].as_str().unwrap()).collect();
        assert_eq!(events, ["started", "look", "ended"]);
        let [history] = <[_; 1]>::try_from(recording::read(&file).unwrap().histories).unwrap();
        assert!(history.ended_ms.unwrap() > history.points[0].at_ms);
        assert_eq!(history.python, python.version);
    });
}

#[test]
fn a_process_whose_main_thread_has_exited_is_recorded() {
    each_python(|python| {
        let (_folder, file) = place();
        let mut target = Target::start(python, "busy.py", &["2", "--main-exits"]);
        let pid = target.pid.to_string();
        let (code, said) = Recorder::start(&file, &["--pid", &pid, "--every", "10ms", "--times", "3"]).end();
        assert_eq!(code, Some(0), "{said}");
        let events: Vec<_> = lines(&file).iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect();
        assert_eq!(events, ["started", "look", "look", "look", "stopped"]);
        target.assert_unharmed();
    });
}

#[test]
fn a_file_has_one_recorder_and_its_owner_alone_may_read_it() {
    let python = pythons().last().expect("an interpreter");
    let (_folder, file) = place();
    let target = Target::start(python, "heap.py", &["100"]);
    let pid = target.pid.to_string();
    let mut first = Recorder::start(&file, &["--pid", &pid, "--light"]);
    first.wait_for("look", target.pid, 1);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let second = leakspy(&["record", "--pid", &pid, "-o", file.to_str().unwrap()]);
    second.expect_words(2, &[&format!("process {}", first.child.id()), "record"]);
    first.signal(Signal::SIGTERM);
    assert_eq!(first.end().0, Some(143));
    assert_eq!(lines(&file).last().unwrap()["why"], "SIGTERM");

    let third = leakspy(&["record", "--pid", &pid, "--light", "--times", "1", "-o", file.to_str().unwrap()]);
    third.expect(0);
    let found = recording::read(&file).unwrap();
    assert_eq!((found.histories.len(), found.looks(), found.skipped_lines), (1, 2, 0));
}

#[test]
fn a_family_is_recorded_as_it_comes_and_goes() {
    each_python(|python| {
        let (_folder, file) = place();
        let mut target = Target::start(python, "family.py", &[]);
        let pid_of = |answer: Value| u32::try_from(answer["pid"].as_u64().unwrap()).unwrap();
        let first = pid_of(target.ask("fork"));
        let shell = pid_of(target.ask("shell"));
        // They are idle: what is read of them is whole, and no pause puts the next look off.
        let mut recorder =
            Recorder::start(&file, &["--tree", &target.pid.to_string(), "--every", "20ms", "--nonblocking"]);
        recorder.wait_for("look", target.pid, 1);
        recorder.wait_for("look", first, 1);
        let second = pid_of(target.ask("fork"));
        recorder.wait_for("look", second, 1);
        target.ask(&format!("make {second} 5000"));
        let had = looks(&file).iter().filter(|look| look["pid"] == second).count();
        recorder.wait_for("look", second, had + 2);
        target.ask(&format!("end {first}"));
        recorder.wait_for("ended", first, 1);
        recorder.signal(Signal::SIGINT);
        let (code, said) = recorder.end();
        assert_eq!(code, Some(130), "{said}");

        let found = looks(&file);
        let made = |pid: u32| row(found.iter().rfind(|look| look["pid"] == pid).unwrap(), "__main__.Made").count;
        assert_eq!([target.pid, first, second].map(made), [20_000, 20_000, 25_000]);
        let stopped: Vec<_> = lines(&file).into_iter().filter(|line| line["event"] == "stopped").collect();
        assert_eq!(stopped.len(), 2, "the child that ended does not stop");
        let recording = recording::read(&file).unwrap();
        assert_eq!(recording.histories.len(), 3, "the shell is none of them");
        let ended: Vec<_> =
            recording.histories.iter().filter(|of| of.ended_ms.is_some()).map(|of| of.pid as u32).collect();
        assert_eq!(ended, [first]);
        target.ask(&format!("end {second}"));
        target.ask(&format!("end {shell}"));
        target.assert_unharmed();
    });
}

#[test]
fn a_full_file_makes_room() {
    let python = pythons().last().expect("an interpreter");
    let (folder, file) = place();
    let target = Target::start(python, "heap.py", &["100"]);
    let pid = target.pid.to_string();
    let more = ["--pid", &pid, "--light", "--every", "1ms", "--times", "200", "--max-file", "16KiB"];
    let (code, said) = Recorder::start(&file, &more).end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("app.jsonl.1").count(), 1, "said once: {said}");
    let sizes: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|of| of.unwrap().metadata().unwrap().len()).collect();
    assert!(sizes.len() == 2 && sizes.iter().sum::<u64>() <= 16 << 10, "{sizes:?}");
    let found = recording::read(&file).unwrap();
    assert_eq!((found.histories.len(), found.skipped_lines), (1, 0));
    assert!((20..200).contains(&found.looks()), "{}", found.looks());
    assert_eq!(found.histories[0].python, python.version);
}

#[test]
fn a_pipe_takes_lines_for_as_long_as_it_is_open() {
    let python = pythons().last().expect("an interpreter");
    let target = Target::start(python, "heap.py", &["100"]);
    let pid = target.pid.to_string();
    let said = leakspy(&["record", "--pid", &pid, "--every", "1ms", "--times", "2"]).expect(0);
    let events: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = events.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["started", "look", "look", "stopped"]);

    let mut child = command(&["record", "--pid", &pid, "--every", "1ms", "--light"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut code = None;
    patiently("nobody reads any more", || {
        code = child.try_wait().unwrap();
        code.is_some()
    });
    assert_eq!(code.unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_recorded_is_refused_before_it_begins() {
    let python = pythons().last().expect("an interpreter");
    let (_folder, file) = place();
    let path = file.to_str().unwrap();
    let target = Target::start(python, "heap.py", &["100"]);
    let pid = target.pid.to_string();
    leakspy(&["record", "-o", path]).expect(2);
    leakspy(&["record", "--pid", &i32::MAX.to_string(), "-o", path]).expect_words(5, &["no such process"]);
    leakspy(&["record", "--tree", &i32::MAX.to_string(), "-o", path]).expect_words(5, &["no such process"]);
    leakspy(&["record", "--pid", &std::process::id().to_string(), "-o", path]).expect_words(4, &["not"]);
    leakspy(&["record", "--pid", &pid, "--tree", &pid]).expect(2);
    leakspy(&["record", "--pid", &pid, "--every", "0s", "-o", path]).expect_words(2, &["millisecond"]);
    leakspy(&["record", "--pid", &pid, "-o", "/no/such/folder/app.jsonl"]).expect_words(2, &["cannot record into"]);
    leakspy(&["record", "--pid", &pid, "-o", "/dev/full"]).expect_words(2, &["space"]);
    assert!(!file.exists(), "nothing is made for nothing");
    fs::write(&file, "somebody's\n").unwrap();
    leakspy(&["record", "--pid", &pid, "-o", path]).expect_words(2, &["no recording"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "somebody's\n");

    // Where no look comes about, the exit code is that of the last one.
    let more = ["record", "--pid", &pid, "--every", "1ms", "--times", "3", "--max-memory", "1MiB", "-o", path];
    fs::remove_file(&file).unwrap();
    leakspy(&more).expect_words(2, &["33554432 bytes are needed", "3 missed"]);
    assert_eq!(lines(&file).iter().filter(|line| line["event"] == "missed").count(), 3);

    // Of several, those that can be recorded are.
    fs::remove_file(&file).unwrap();
    let more = ["record", "--pid", &pid, "--pid", &i32::MAX.to_string(), "--times", "1", "-o", path];
    let said = leakspy(&more).expect(6);
    assert!(said.stderr.contains("is not recorded"), "{}", said.stderr);
    assert_eq!(looks(&file).len(), 1);
}
