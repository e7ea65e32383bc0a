//! The harness: interpreters, targets that tell their truth, the built `leakspy`, and what must hold of a target afterwards.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use leakspy::addr::Addr;
use serde_json::Value;

/// Past it, something hangs.
pub const PATIENCE: Duration = Duration::from_secs(120);

// --- interpreters -----------------------------------------------------------------------------------------------------

/// One target interpreter.
#[derive(Clone, Debug)]
pub struct Python {
    pub version: String,
    pub path: PathBuf,
}

impl Python {
    /// (3, 11) of 3.11.7.
    pub fn minor(&self) -> (u32, u32) {
        let mut parts = self.version.split('.').map(|part| part.parse().unwrap());
        (parts.next().unwrap(), parts.next().unwrap())
    }

    /// Debian's: stripped, libpython inside.
    pub fn is_distributions(&self) -> bool {
        self.path.starts_with("/usr/bin")
    }
}

/// Is what is missing a failure?
pub fn required() -> bool {
    std::env::var_os("LEAKSPY_REQUIRE_PYTHONS").is_some()
}

/// Shall tests with many looks take all of them everywhere?
pub fn long() -> bool {
    std::env::var_os("LEAKSPY_LONG").is_some()
}

/// Says loudly that something was not tested; a failure where everything must be here.
pub fn skip(what: &str) {
    assert!(!required(), "required, but {what}");
    tell(&format!("SKIPPED: {what}"));
}

/// Past the capture of the test runner, so that it is seen of a test that passes too.
pub fn tell(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// Are Flask, SQLAlchemy and requests there for this interpreter? Says loudly where they are not.
pub fn has_application(python: &Python) -> bool {
    let packages = root().join(".venv").join(match python.minor() {
        (3, 11) => "test/installed".to_owned(),
        (major, minor) => format!("app-{major}.{minor}/installed"),
    });
    if !packages.exists() {
        skip(&format!("no Flask, SQLAlchemy and requests for {}; scripts/packages installs them", python.version));
    }
    packages.exists()
}

/// What `scripts/pythons` lists.
pub fn pythons() -> &'static [Python] {
    static FOUND: OnceLock<Vec<Python>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let said = Command::new(root().join("scripts/pythons")).output().expect("scripts/pythons runs");
        let missing = String::from_utf8_lossy(&said.stderr);
        for line in missing.lines() {
            skip(line);
        }
        let only = std::env::var("LEAKSPY_ONLY").unwrap_or_default();
        String::from_utf8(said.stdout)
            .unwrap()
            .lines()
            .map(|line| {
                let (version, path) = line.split_once('\t').unwrap();
                Python { version: version.to_owned(), path: PathBuf::from(path) }
            })
            .filter(|python| python.version.contains(&only) || python.path.to_string_lossy().contains(&only))
            .collect()
    })
}

/// Runs a test body on every interpreter, and tells of all that failed rather than the first.
pub fn each_python(body: impl Fn(&Python)) {
    let pythons = pythons();
    assert!(!pythons.is_empty(), "no interpreter at all; see scripts/pythons");
    let mut failed = Vec::new();
    for python in pythons {
        if catch_unwind(AssertUnwindSafe(|| body(python))).is_err() {
            failed.push(format!("{} ({})", python.version, python.path.display()));
        }
    }
    assert!(failed.is_empty(), "failed on {}; what went wrong stands above", failed.join(", "));
}

/// The package's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program of `fixtures/`.
pub fn fixture(name: &str) -> PathBuf {
    root().join("fixtures").join(name)
}

pub fn am_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// Is there such a program on the PATH?
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|paths| std::env::split_paths(&paths).any(|folder| folder.join(program).is_file()))
}

// --- targets ------------------------------------------------------------------------------------------------------------

/// A running fixture. Killed when dropped.
pub struct Target {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: File,
    /// What it said of itself.
    pub ready: Value,
    /// The Python process; with a wrapper around it, not the one that was started.
    pub pid: u32,
}

impl Target {
    /// Starts a fixture and waits until it is idle.
    pub fn start(python: &Python, name: &str, arguments: &[&str]) -> Target {
        let mut command = Command::new(&python.path);
        command.arg(fixture(name)).args(arguments);
        Target::run(command)
    }

    /// Starts any command that speaks as the fixtures do.
    pub fn run(mut command: Command) -> Target {
        let errors = tempfile::tempfile().unwrap();
        if !command.get_envs().any(|(name, _)| name == "PYTHONMALLOC") {
            command.env_remove("PYTHONMALLOC");
        }
        let mut child = command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stdin = child.stdin.take();
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let pid = child.id();
        let mut target = Target { child, stdin, lines, errors, ready: Value::Null, pid };
        let line = target.line();
        let ready = line.strip_prefix("READY ").unwrap_or_else(|| panic!("no READY but {line:?}"));
        target.ready = serde_json::from_str(ready).unwrap();
        if let Some(pid) = target.ready["pid"].as_u64() {
            // Inside a PID namespace it knows itself by another number.
            if Path::new(&format!("/proc/{pid}/stat")).exists() && descends(pid as u32, target.child.id()) {
                target.pid = pid as u32;
            }
        }
        target
    }

    fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(error) => {
                let mut said = String::new();
                let _ = self.errors.seek(SeekFrom::Start(0));
                let _ = self.errors.read_to_string(&mut said);
                panic!("the target said nothing ({error}); its errors:\n{said}");
            }
        }
    }

    /// One question, one answer.
    pub fn ask(&mut self, command: &str) -> Value {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{command}").and_then(|()| stdin.flush()).expect("the target listens");
        let line = self.line();
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{command}: {error}: {line:.200}"));
        assert!(answer.get("error").is_none(), "{command}: {}", answer["error"]);
        answer
    }

    /// The process that was started: a wrapper's PID, where there is one.
    pub fn started(&self) -> u32 {
        self.child.id()
    }

    /// Waits until an idle fixture is in its read of standard input: the answer is out a moment earlier.
    pub fn settle(&self) {
        let file = format!("/proc/{0}/task/{0}/syscall", self.pid);
        until("the target is idle", || match fs::read_to_string(&file) {
            // read(0, …), by its number on x86_64.
            Ok(call) => call.starts_with("0 0x0 "),
            Err(_) => state(self.pid, self.pid) == Some('S'),
        });
    }

    /// A look at the idle target, after which it must be as it was.
    pub fn look(&mut self, more: &[&str]) -> Types {
        self.settle();
        let found = types(self.pid, more);
        self.assert_unharmed();
        found
    }

    /// It answers, nobody traces it, no thread is stopped.
    pub fn assert_unharmed(&mut self) {
        assert_free(self.pid);
        assert_eq!(self.ask("ping")["pong"], Value::Bool(true));
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.pid != self.child.id() {
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid as i32), nix::sys::signal::Signal::SIGKILL);
        }
        self.kill();
    }
}

fn descends(pid: u32, ancestor: u32) -> bool {
    let mut pid = pid;
    for _ in 0..20 {
        if pid == ancestor {
            return true;
        }
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
        let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
        pid = after.split(' ').nth(1).and_then(|parent| parent.parse().ok()).unwrap_or(0);
    }
    false
}

/// Waits for a state of the world that nobody announces.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// The kernel's letter for a thread.
pub fn state(pid: u32, tid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// All threads of a process.
pub fn threads(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Who traces a thread; 0 if nobody does.
pub fn tracer(pid: u32, tid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?.trim().parse().ok()
}

/// No thread is traced or stopped; at once, for a look that is over has let go.
#[track_caller]
pub fn assert_free(pid: u32) {
    for tid in threads(pid) {
        // A thread that has ended meanwhile is free; one that was let go is runnable for a moment before it sleeps again.
        if let Some(by) = tracer(pid, tid).filter(|&by| by != 0) {
            let who = fs::read_to_string(format!("/proc/{by}/cmdline")).unwrap_or_default().replace('\0', " ");
            panic!("thread {tid} of {pid} is still traced, by {by} ({who})");
        }
        assert!(!matches!(state(pid, tid), Some('t' | 'T')), "thread {tid} of {pid} is left stopped");
    }
}

// --- leakspy ---------------------------------------------------------------------------------------------------------------

/// What one run of leakspy said.
#[derive(Debug)]
pub struct Said {
    /// None where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// Its peak resident memory, in bytes, to within its last half millisecond.
    pub peak: u64,
}

impl Said {
    /// The exit code of the contract, and no panic on any way.
    #[track_caller]
    pub fn expect(self, code: i32) -> Said {
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert_eq!(self.code, Some(code), "stdout: {:.2000}\nstderr: {:.4000}", self.stdout, self.stderr);
        self
    }

    /// An error is one message on standard error that says all of this, and nothing on standard output.
    #[track_caller]
    pub fn expect_words(self, code: i32, words: &[&str]) -> Said {
        let said = self.expect(code);
        assert_eq!(said.stdout, "", "an error leaves standard output alone");
        let low = said.stderr.to_lowercase();
        for word in words {
            assert!(low.contains(&word.to_lowercase()), "no {word:?} in: {}", said.stderr);
        }
        said
    }
}

/// The built program.
pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_leakspy")
}

/// A command for the built program, with nothing of the caller's terminal.
pub fn command<S: AsRef<OsStr> + Debug>(arguments: &[S]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs leakspy to its end.
pub fn leakspy(arguments: &[&str]) -> Said {
    finish(command(arguments))
}

/// Runs any command to its end, and measures it.
pub fn finish(mut command: Command) -> Said {
    let mut stdout = tempfile::tempfile().unwrap();
    let mut stderr = tempfile::tempfile().unwrap();
    let mut child = command
        .stdout(stdout.try_clone().unwrap())
        .stderr(stderr.try_clone().unwrap())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let began = Instant::now();
    let mut peak = 0;
    let status = loop {
        // Not by wait4: what that calls the peak includes this very process's, from before the exec.
        peak = high_water(child.id()).unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?} hangs");
        }
        std::thread::sleep(Duration::from_micros(500)); // it has two cores, and needs one of them
    };
    let read = |file: &mut File| {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Said { code: status.code(), stdout: read(&mut stdout), stderr: read(&mut stderr), peak }
}

/// The most that a process has had resident, in bytes.
fn high_water(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kib.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

/// One row of `types`; rows of the same name are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub count: u64,
    pub bytes: u64,
    pub tracked: u64,
}

/// The answer of `types --json`.
#[derive(Debug)]
pub struct Types {
    pub rows: BTreeMap<String, Row>,
    /// Types whose bytes are marked as not those of `sys.getsizeof`.
    pub marked: Vec<String>,
    pub capture: Value,
    pub totals: Value,
    pub said: Said,
}

impl Types {
    pub fn row(&self, name: &str) -> Row {
        self.rows.get(name).copied().unwrap_or_default()
    }

    /// Reads the JSON and holds it against the contract and against itself.
    pub fn parse(said: Said, filtered: bool) -> Types {
        let answer: Value =
            serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {:.500}", said.stdout));
        assert_eq!(answer["schema"], "leakspy/types/1");
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        let mut marked = Vec::new();
        for row in answer["types"].as_array().expect("types is a list") {
            if !row["size_basis"].is_null() {
                marked.push(row["type"].as_str().unwrap().to_owned());
            }
            let entry = rows.entry(row["type"].as_str().unwrap().to_owned()).or_default();
            entry.count += row["count"].as_u64().unwrap();
            entry.bytes += row["bytes"].as_u64().unwrap();
            entry.tracked += row["tracked"].as_u64().unwrap();
        }
        let found = Types { rows, marked, capture: answer["capture"].clone(), totals: answer["totals"].clone(), said };
        let sum = |of: fn(&Row) -> u64| found.rows.values().map(of).sum::<u64>();
        // The totals are those of the heap, whatever rows a filter leaves.
        for (total, rows) in
            [("objects", sum(|row| row.count)), ("bytes", sum(|row| row.bytes)), ("tracked", sum(|row| row.tracked))]
        {
            let total = found.totals[total].as_u64().expect("a total");
            assert!(if filtered { total >= rows } else { total == rows }, "total {total}, rows {rows}");
        }
        for (name, row) in &found.rows {
            assert!(row.tracked <= row.count, "{name}: {row:?}");
        }
        found
    }
}

/// `leakspy types --pid PID --json`, which must succeed.
#[track_caller]
pub fn types(pid: u32, more: &[&str]) -> Types {
    let pid = pid.to_string();
    let mut arguments = vec!["types", "--pid", &pid, "--json"];
    arguments.extend(more);
    Types::parse(leakspy(&arguments).expect(0), more.contains(&"--filter"))
}

/// Type and size of the object at each of these addresses, as the library sees them in one look. An address where it sees no
/// object is absent.
pub fn sizes_at(pid: u32, addresses: &[u64]) -> HashMap<u64, (String, u64)> {
    let mut options = leakspy::capture::Options::new(pid as i32);
    options.watched = addresses.iter().map(|&at| Addr(at)).collect();
    let taken = leakspy::capture::take(&options).expect("the look succeeds");
    taken.details.watched.into_iter().map(|object| (object.at.0, (object.name, object.bytes))).collect()
}

// --- truths ------------------------------------------------------------------------------------------------------------------

/// {type: count} of a fixture's `tracked`.
pub fn truth(answer: &Value) -> BTreeMap<String, u64> {
    let types = answer["types"].as_object().expect("types");
    types.iter().map(|(name, count)| (name.clone(), count.as_u64().unwrap())).collect()
}

/// {type: (count, bytes)} of a fixture's `census`, `sizes` and `makeall`.
pub fn measures(answer: &Value) -> BTreeMap<String, (u64, u64)> {
    let types = answer["types"].as_object().expect("types");
    let number = |value: &Value| value.as_u64().unwrap();
    types.iter().map(|(name, pair)| (name.clone(), (number(&pair[0]), number(&pair[1])))).collect()
}

/// What differs, type by type, or nothing.
pub fn differences(seen: &BTreeMap<String, u64>, truth: &BTreeMap<String, u64>) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = seen.keys().chain(truth.keys()).collect();
    let of = |map: &BTreeMap<String, u64>, name: &str| map.get(name).copied().unwrap_or(0);
    names
        .into_iter()
        .filter(|name| of(seen, name) != of(truth, name))
        .map(|name| format!("{name}: seen {}, truth {}", of(seen, name), of(truth, name)))
        .collect()
}

/// `tracked` of every type equals what gc.get_objects() returned inside.
#[track_caller]
pub fn assert_tracked(seen: &Types, answer: &Value) {
    let tracked =
        seen.rows.iter().filter(|(_, row)| row.tracked > 0).map(|(name, row)| (name.clone(), row.tracked)).collect();
    let wrong = differences(&tracked, &truth(answer));
    assert!(wrong.is_empty(), "tracked differs for {} types:\n{}", wrong.len(), wrong.join("\n"));
}

/// Small repeatable random numbers: what failed once fails again.
pub struct Random(pub u64);

impl Random {
    /// Below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

/// So many new objects of a kind (a command of heap.py) are seen, to the object and the byte.
///
/// Three times at most: which names the interpreter's type cache holds depends on their addresses, so running any code may
/// drop the last reference to a string that was there before. What is wrong here is wrong every time.
#[track_caller]
pub fn assert_growth(target: &mut Target, kind: &str, many: u64) {
    let mut growth = || {
        let before = target.look(&[]);
        let made = target.ask(&format!("grow {kind} {many}"));
        let name = made["type"].as_str().unwrap().to_owned();
        let (old, new) = (before.row(&name), target.look(&[]).row(&name));
        let seen = (new.count as i64 - old.count as i64, new.bytes as i64 - old.bytes as i64);
        (name, seen, (many as i64, made["bytes"].as_i64().unwrap()))
    };
    let mut tries = Vec::new();
    while tries.len() < 3 {
        tries.push(growth());
        if tries.last().is_some_and(|(_, seen, made)| seen == made) {
            return;
        }
    }
    panic!("type, seen, made: {tries:?}");
}
