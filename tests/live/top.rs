//! `leakspy top`: its terminal on every way out, its blocks and lines, and a fleet.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::support::{PATIENCE, Python, Target, command, each_python, leakspy, pythons, state};

/// Looks every few milliseconds, and leaves the cores to those that are waited for.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

// --- a terminal -----------------------------------------------------------------------------------------------------------------

/// A pseudo terminal of 100 columns and 30 lines, and a program that runs on it in a session of its own.
struct Terminal {
    child: Child,
    keyboard: File,
    slave: File,
    before: libc::termios,
    written: Arc<Mutex<Vec<u8>>>,
}

fn settings(of: &File) -> libc::termios {
    // SAFETY: a termios is plain numbers, and the call fills it.
    unsafe {
        let mut found: libc::termios = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(of.as_raw_fd(), &mut found), 0);
        found
    }
}

fn watching(pid: u32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leakspy"));
    command.args(["top", "--pid", &pid.to_string(), "--interval", "100ms"]);
    command
}

impl Terminal {
    /// At the head of a session, as in a terminal of its own.
    fn run(mut command: Command) -> Terminal {
        // SAFETY: between fork and exec only system calls are made.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        Terminal::show(command)
    }

    fn show(mut command: Command) -> Terminal {
        let (mut master, mut slave) = (0, 0);
        let size = libc::winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: both numbers are written before they are used, and each is owned by one File.
        let (master, slave) = unsafe {
            let opened = libc::openpty(&mut master, &mut slave, std::ptr::null_mut(), std::ptr::null(), &size);
            assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
            (File::from_raw_fd(master), File::from_raw_fd(slave))
        };
        let before = settings(&slave);
        let end = || Stdio::from(slave.try_clone().unwrap());
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm");
        let child = command.spawn().unwrap();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (mut screen, sink) = (master.try_clone().unwrap(), written.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = screen.read(&mut bytes) {
                sink.lock().unwrap().extend_from_slice(&bytes[..n]);
            }
        });
        Terminal { child, keyboard: master, slave, before, written }
    }

    fn top(pid: u32, more: &[&str]) -> Terminal {
        let mut command = watching(pid);
        command.args(more);
        Terminal::run(command)
    }

    /// As a job of whoever runs this.
    fn job(pid: u32) -> Terminal {
        let mut command = watching(pid);
        command.process_group(0);
        Terminal::show(command)
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn raw(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    fn until_shown(&self, text: &str) {
        let began = Instant::now();
        while !self.screen().contains(text) {
            assert!(began.elapsed() < PATIENCE, "waited in vain for {text:?} on\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// What stands on the screen: cursor positions and text are all that a drawing of leakspy's is made of.
    fn screen(&self) -> String {
        let mut lines = vec![vec![' '; 100]; 30];
        let (mut row, mut column) = (0_usize, 0_usize);
        let raw = self.raw();
        let mut rest = raw.chars();
        while let Some(c) = rest.next() {
            match c {
                '\u{1b}' => {
                    if rest.next() != Some('[') {
                        continue;
                    }
                    let mut parameters = String::new();
                    let last = rest.by_ref().find(|c| {
                        let last = c.is_ascii_alphabetic();
                        if !last {
                            parameters.push(*c);
                        }
                        last
                    });
                    if last == Some('H') {
                        let mut numbers = parameters.split(';').map(|n| n.parse().unwrap_or(1_usize));
                        row = numbers.next().unwrap_or(1) - 1;
                        column = numbers.next().unwrap_or(1) - 1;
                    }
                }
                '\r' => column = 0,
                '\n' => row += 1,
                c => {
                    if let Some(cell) = lines.get_mut(row).and_then(|line| line.get_mut(column)) {
                        *cell = c;
                    }
                    column += 1;
                }
            }
        }
        lines.into_iter().map(|line| line.into_iter().collect::<String>() + "\n").collect()
    }

    /// Waits for the end, and holds that the terminal is as it was.
    fn left(&mut self) -> ExitStatus {
        let mut status = None;
        until("leakspy ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        until("the alternate screen is left", || self.raw().contains("\u{1b}[?1049l"));
        let raw = self.raw();
        assert_eq!(raw.matches("\u{1b}[?1049h").count(), raw.matches("\u{1b}[?1049l").count());
        let after = raw.rfind("\u{1b}[?1049l").unwrap();
        assert!(raw.rfind("\u{1b}[?1049h").unwrap() < after);
        assert!(raw.rfind("\u{1b}[?25h").unwrap() > raw.rfind("\u{1b}[?25l").unwrap(), "the cursor is hidden");
        let now = settings(&self.slave);
        let flags = |of: &libc::termios| (of.c_iflag, of.c_oflag, of.c_cflag, of.c_lflag, of.c_cc);
        assert_eq!(flags(&now), flags(&self.before), "the terminal's settings");
        status.unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn any_python() -> &'static Python {
    pythons().iter().find(|python| python.minor() == (3, 11)).or(pythons().first()).expect("an interpreter")
}

const GROWN: &str = "__main__.GrownPlain";

#[test]
fn the_terminal_is_as_it_was_on_every_way_out() {
    let mut target = Target::start(any_python(), "heap.py", &["2000"]);
    for (keys, signal, code) in [
        ("q", None, Some(0)),
        ("/q\u{3}", None, Some(130)),
        ("?", Some(Signal::SIGTERM), Some(143)),
        ("", Some(Signal::SIGINT), Some(130)),
        ("\r", Some(Signal::SIGHUP), None),
    ] {
        let mut terminal = Terminal::top(target.pid, &[]);
        terminal.until_shown("builtins.str");
        terminal.press(keys);
        if let Some(signal) = signal {
            terminal.signal(signal);
        }
        let status = terminal.left();
        assert_eq!(status.code(), code, "{keys:?} {signal:?}: {status}");
        if code.is_none() {
            assert_eq!(status.signal(), signal.map(|signal| signal as i32));
        }
        until("it goes on", || !is_held(target.pid));
        assert_eq!(target.ask("ping")["pong"], true);
    }
    let mut terminal = Terminal::top(target.pid, &["--iterations", "3"]);
    assert_eq!(terminal.left().code(), Some(0));
    assert!(terminal.raw().contains("3 looks"), "the last word tells what was seen: {}", terminal.raw());
}

fn is_held(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    !status.contains("TracerPid:\t0\n")
}

#[test]
fn the_culprit_rises_and_its_holder_is_found_while_keys_react() {
    let mut target = Target::start(any_python(), "heap.py", &["2000"]);
    let mut terminal = Terminal::top(target.pid, &[]);
    terminal.until_shown("builtins.str");
    for _ in 0..2 {
        target.ask("grow plain 500");
    }
    until("the class stands first", || {
        let screen = terminal.screen();
        let at = screen.lines().position(|line| line.trim_start().starts_with("TYPE"));
        at.is_some_and(|at| screen.lines().nth(at + 1).is_some_and(|row| row.contains(GROWN)))
    });
    terminal.press("\r");
    terminal.until_shown(&format!("{GROWN} in process {}", target.pid));
    terminal.until_shown("% held by ");
    terminal.until_shown("1,000 freed, 0 held");
    terminal.press("?");
    terminal.until_shown("what came since the baseline");
    terminal.press("x\u{1b}");
    terminal.until_shown("s sort");

    // Ctrl-Z where nobody could make it go on: it goes on.
    let drawn = terminal.raw().len();
    terminal.press("\u{1a}");
    until("all is drawn again", || terminal.raw().get(drawn..).is_some_and(|raw| raw.contains("builtins.str")));
    terminal.press("q");
    assert_eq!(terminal.left().code(), Some(0));
    // It may have been held still at that very moment: the kernel then lets it go.
    until("it goes on", || !is_held(target.pid));
    assert_eq!(target.ask("ping")["pong"], true);
}

#[test]
fn a_job_that_is_stopped_gives_the_terminal_back_and_takes_it_again() {
    let mut target = Target::start(any_python(), "heap.py", &["2000"]);
    let mut terminal = Terminal::job(target.pid);
    terminal.until_shown("builtins.str");
    terminal.press("\u{1a}");
    let pid = terminal.child.id();
    until("leakspy is stopped", || state(pid, pid) == Some('T'));
    assert!(!is_held(target.pid), "leakspy stopped while it held the target still");
    assert_eq!(target.ask("ping")["pong"], true);
    until("the screen is given back", || terminal.raw().ends_with("\u{1b}[?25h"));
    let drawn = terminal.raw().len();
    terminal.signal(Signal::SIGCONT);
    until("all is drawn again", || terminal.raw().get(drawn..).is_some_and(|raw| raw.contains("builtins.str")));
    terminal.press("q");
    assert_eq!(terminal.left().code(), Some(0));
    until("it goes on", || !is_held(target.pid));
    assert_eq!(target.ask("ping")["pong"], true);
}

#[test]
fn when_the_target_ends_the_last_look_stays() {
    let mut target = Target::start(any_python(), "heap.py", &["2000"]);
    let mut terminal = Terminal::top(target.pid, &[]);
    terminal.until_shown("builtins.str");
    target.kill();
    terminal.until_shown("has ended");
    assert!(terminal.screen().contains("builtins.str"), "{}", terminal.screen());
    terminal.press("\r");
    terminal.until_shown("its references cannot be read");
    terminal.press("q");
    assert_eq!(terminal.left().code(), Some(5));
    assert!(terminal.raw().contains("ended"));
}

#[test]
fn it_ends_with_its_terminal_whether_a_signal_tells_of_that_or_not() {
    let target = Target::start(any_python(), "heap.py", &["2000"]);
    let pid = target.pid.to_string();
    for (leads_its_session, keys) in [(true, ""), (false, ""), (false, "p")] {
        // Nobody else who is started meanwhile may have the master.
        // SAFETY: the number is owned by one File, and the name is written before it is read.
        let (mut master, name) = unsafe {
            let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
            let size = libc::winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
            assert!(master >= 0 && libc::ioctl(master, libc::TIOCSWINSZ, &size) == 0);
            assert!(libc::grantpt(master) == 0 && libc::unlockpt(master) == 0);
            let mut name = [0_u8; 64];
            assert_eq!(libc::ptsname_r(master, name.as_mut_ptr().cast(), name.len()), 0);
            (File::from_raw_fd(master), std::ffi::CStr::from_bytes_until_nul(&name).unwrap().to_owned())
        };
        let slave = || {
            let mut options = File::options();
            std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOCTTY);
            Stdio::from(options.read(true).write(true).open(name.to_str().unwrap()).unwrap())
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_leakspy"));
        command.args(["top", "--pid", &pid, "--interval", "1h"]).env("TERM", "xterm");
        command.stdin(slave()).stdout(slave()).stderr(slave());
        // SAFETY: between fork and exec only system calls are made.
        unsafe {
            command.pre_exec(move || {
                if libc::setsid() < 0 || (leads_its_session && libc::ioctl(0, libc::TIOCSCTTY, 0) < 0) {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let mut child = command.spawn().unwrap();
        drop(command);
        let mut shown = Vec::new();
        let mut until_shown = |text: &str| {
            while !String::from_utf8_lossy(&shown).contains(text) {
                let mut bytes = [0; 4096];
                let read = master.read(&mut bytes).unwrap();
                shown.extend_from_slice(&bytes[..read]);
            }
        };
        until_shown("builtins.str");
        if !keys.is_empty() {
            master.write_all(keys.as_bytes()).unwrap();
        }
        drop(master);
        let mut status = None;
        until("leakspy ends", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.unwrap().signal(), Some(Signal::SIGHUP as i32), "{leads_its_session} {keys:?}: {status:?}");
    }
}

#[test]
fn a_panic_in_any_thread_gives_the_terminal_back() {
    for thread in ["main", "other"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "live::top::panics_on_a_terminal", "--nocapture", "--test-threads=1"]);
        command.env("LEAKSPY_TEST_PANIC", thread);
        let mut terminal = Terminal::run(command);
        let status = terminal.left();
        assert_eq!(status.code(), Some(101), "{thread}");
        let raw = terminal.raw();
        assert!(raw.find("\u{1b}[?1049l") < raw.find("the panic of a test"), "said where it can be read: {raw}");
    }
}

#[test]
#[ignore = "panics: the test above runs it on a terminal of its own"]
fn panics_on_a_terminal() {
    let Ok(thread) = std::env::var("LEAKSPY_TEST_PANIC") else { return };
    let mut screen = leakspy::cli::commands::top::screen::Screen::enter(std::io::stdout()).unwrap();
    screen.draw(|frame| frame.render_widget("drawn", frame.area())).unwrap();
    if thread == "main" {
        panic!("the panic of a test");
    }
    let _ = std::thread::spawn(|| panic!("the panic of a test")).join();
    unreachable!("a panic in another thread ends it too");
}

// --- without a terminal -------------------------------------------------------------------------------------------------------------

/// `leakspy top` with these arguments, read line by line.
struct Lines {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Lines {
    fn of(arguments: &[&str]) -> Lines {
        let mut all = vec!["top", "--interval", "100ms"];
        all.extend(arguments);
        let mut child = command(&all).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Lines { child, lines }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        (self.lines.read_line(&mut line).unwrap() > 0).then_some(line)
    }

    fn json(&mut self) -> Value {
        let line = self.line().expect("one more line");
        let look: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:.300}"));
        assert_eq!(look["schema"], "leakspy/top/1");
        look
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn grown(look: &Value) -> Option<&Value> {
    look["types"].as_array().unwrap().iter().find(|row| row["type"] == GROWN)
}

#[test]
fn a_line_a_look_is_exact() {
    each_python(|python| {
        let mut target = Target::start(python, "heap.py", &["2000"]);
        target.settle();
        let pid = target.pid.to_string();
        let mut top = Lines::of(&["--pid", &pid, "--json"]);
        let first = top.json();
        assert_eq!(first["capture"]["pid"], target.pid);
        assert!(first["usage"]["rss_bytes"].as_u64().unwrap() > 1 << 20);
        assert_eq!(first["totals"]["objects_since_baseline"], 0);
        target.ask("grow plain 500");
        target.settle();
        let mut seen = 0;
        let mut deltas = 0;
        while seen < 500 {
            let look = top.json();
            let row = grown(&look).cloned().unwrap_or_default();
            seen = row["count_since_baseline"].as_i64().unwrap_or(0);
            deltas += row["count_delta"].as_i64().unwrap_or(0);
            if seen == 500 {
                assert_eq!(look["types"][0]["type"], GROWN, "the culprit stands first");
                assert!(row["count_per_minute"].as_f64().unwrap() > 500.0);
            }
        }
        assert_eq!((seen, deltas), (500, 500));
        target.kill();
        while top.line().is_some() {}
        assert_eq!(top.child.wait().unwrap().code(), Some(5), "it went away");
    });
}

#[test]
fn blocks_without_a_terminal_and_nobody_reading() {
    let mut target = Target::start(any_python(), "heap.py", &["2000"]);
    let pid = target.pid.to_string();
    let said = leakspy(&["top", "--pid", &pid, "--interval", "100ms", "--iterations", "2", "-n", "3"]).expect(0);
    assert_eq!(said.stdout.matches("leakspy top  look").count(), 2, "{}", said.stdout);
    assert_eq!(said.stdout.matches("more types").count(), 2, "{}", said.stdout);
    assert!(!said.stdout.contains('\u{1b}'));
    // A file is replaced by the first look and grows by the others; the heading stands there once.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("looks.csv");
    std::fs::write(&file, "of old").unwrap();
    let path = file.to_str().unwrap();
    let more = ["--interval", "100ms", "--iterations", "3", "-n", "2", "-f", "csv", "-o", path];
    assert_eq!(leakspy(&[&["top", "--pid", &pid][..], &more].concat()).expect(0).stdout, "");
    let rows = std::fs::read_to_string(&file).unwrap();
    let looks: Vec<&str> = rows.lines().map(|row| row.split(',').next().unwrap()).collect();
    assert_eq!(looks, ["look", "1", "1", "2", "2", "3", "3"], "{rows}");
    let mut top = Lines::of(&["--pid", &pid, "--batch"]);
    top.line().expect("a block");
    // Nobody reads any more.
    let Lines { child, lines } = &mut top;
    drop(std::mem::replace(lines, BufReader::new(empty())));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    target.assert_unharmed();

    let more = ["--interval", "100ms", "--iterations", "2", "--max-memory", "1MiB"];
    let said = leakspy(&[&["top", "--pid", &pid, "--batch"][..], &more].concat()).expect(2);
    assert_eq!((said.stdout.as_str(), said.stderr.matches("warning").count()), ("", 1), "{}", said.stderr);
    leakspy(&["top", "--pid", "2147483647", "--batch"]).expect(5);
    let own = format!("{},2147483647", target.pid);
    let said = leakspy(&["top", "--pid", &own, "--json", "--interval", "100ms", "--iterations", "1"]).expect(6);
    assert_eq!(said.stdout.lines().count(), 1);
    assert!(said.stderr.contains("2147483647"), "{}", said.stderr);
}

/// Standard output of a program that says nothing.
fn empty() -> ChildStdout {
    let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
    let out = child.stdout.take().unwrap();
    child.wait().unwrap();
    out
}

#[test]
fn a_tree_whose_workers_come_and_go() {
    let mut target = Target::start(any_python(), "family.py", &[]);
    let pid_of = |answer: Value| answer["pid"].as_i64().unwrap();
    let (first, second) = (pid_of(target.ask("fork")), pid_of(target.ask("fork")));
    let root = target.pid.to_string();
    let mut top = Lines::of(&["--tree", &root, "--json"]);
    let pids = |look: &Value, ended: bool| {
        let all = look["processes"].as_array().unwrap().iter().filter(|p| p["ended"] == ended);
        all.map(|process| process["pid"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    let mut all = vec![i64::from(target.pid), first, second];
    all.sort_unstable();
    assert_eq!(pids(&top.json(), false), all);
    target.ask(&format!("make {second} 5000"));
    let made = |look: &Value| {
        let row = look["types"].as_array().unwrap().iter().find(|row| row["type"] == "__main__.Made").cloned();
        row.unwrap_or_default()["count_since_baseline"].as_i64().unwrap_or(0)
    };
    while made(&top.json()) != 5000 {}
    target.ask(&format!("end {first}"));
    loop {
        let look = top.json();
        assert_eq!(made(&look), 5000, "a worker that goes takes nothing back");
        if pids(&look, true) == [first] {
            break;
        }
    }
    let third = pid_of(target.ask("fork"));
    loop {
        let look = top.json();
        assert_eq!(made(&look), 5000, "and what a new one brings is no growth");
        if pids(&look, false).contains(&third) {
            break;
        }
    }
    drop(top);
    for pid in [second, third] {
        target.ask(&format!("end {pid}"));
    }
    target.assert_unharmed();
}
