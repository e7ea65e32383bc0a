//! `leakspy growth` against programs that know what they made: between looks, and since they were forked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use super::support::*;

/// A `leakspy growth` that runs on; killed when dropped.
struct Growth {
    child: Child,
    lines: Receiver<String>,
    words: Receiver<String>,
}

fn lines_of(from: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

impl Growth {
    /// Starts it, and returns once the first look is over.
    fn start(pid: u32, more: &[&str]) -> Growth {
        let pid = pid.to_string();
        let arguments: Vec<&str> = ["growth", "--pid", &pid].iter().chain(more).copied().collect();
        let mut child =
            command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("leakspy starts");
        let lines = lines_of(child.stdout.take().unwrap());
        let words = lines_of(child.stderr.take().unwrap());
        let growth = Growth { child, lines, words };
        let first = growth.words.recv_timeout(PATIENCE).expect("words about the first look");
        assert!(first.starts_with("first look: "), "{first}");
        growth
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line; words: {:?}", self.said()))
    }

    fn said(&self) -> Vec<String> {
        self.words.try_iter().collect()
    }

    /// The next comparison.
    fn next(&self) -> Value {
        let line = self.line();
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:.300}"));
        assert_eq!(answer["schema"], "leakspy/diff/1");
        answer
    }

    /// Its exit code, and what it still said.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let mut code = None;
        until("growth ends", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        let said: Vec<String> = self.words.iter().collect();
        assert!(!said.iter().any(|line| line.contains("panicked")), "{said:?}");
        (code.and_then(|code| code.code()), said)
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// {type: (count, bytes)} of two keys of each row that has any.
fn rows(answer: &Value, count: &str, bytes: &str) -> BTreeMap<String, (i64, i64)> {
    let number = |row: &Value, key: &str| row[key].as_i64().unwrap_or_else(|| panic!("no {key} in {row}"));
    let all = answer["types"].as_array().expect("types");
    all.iter()
        .map(|row| (row["type"].as_str().unwrap().to_owned(), (number(row, count), number(row, bytes))))
        .filter(|(_, found)| *found != (0, 0))
        .collect()
}

fn since_first(answer: &Value) -> BTreeMap<String, (i64, i64)> {
    rows(answer, "count_since_first", "bytes_since_first")
}

#[test]
fn ten_types_grow_by_what_was_made_and_an_idle_target_by_nothing() {
    each_python(ten_types_grow);
}

fn ten_types_grow(python: &Python) {
    let mut target = Target::start(python, "growing.py", &[]);
    target.settle();
    let growth = Growth::start(target.pid, &["--json", "--every", "50ms", "--times", "0"]);
    for look in 2..4 {
        let idle = growth.next();
        assert_eq!(idle["look"], look);
        assert_eq!(idle["types"], serde_json::json!([]), "an idle target changes by nothing");
        assert_eq!((&idle["totals"]["count_delta"], &idle["totals"]["bytes_delta"]), (&0.into(), &0.into()));
        assert!(idle["totals"]["unchanged_types"].as_u64() > Some(20));
    }
    let made = measures(&target.ask("grow 1000"));
    assert_eq!(made.len(), 10);
    target.settle();
    // Of the next two, the second began when the target was idle again.
    let (mut met, mut answer) = (0, growth.next());
    while met < 2 {
        answer = growth.next();
        met += i32::from(answer["totals"]["count_since_first"].as_i64() > Some(0));
    }
    let seen = since_first(&answer);
    let made: BTreeMap<String, (i64, i64)> =
        made.into_iter().map(|(name, (count, bytes))| (name, (count as i64, bytes as i64))).collect();
    assert_eq!(seen, made);
    let after = growth.next();
    assert_eq!(rows(&after, "count_delta", "bytes_delta").len(), 0, "idle again");
    assert!(after["after"]["frozen"].as_bool().unwrap() && after["after"]["pause_ms"].as_f64() > Some(0.0));
    drop(growth);
    target.assert_unharmed();
}

fn any_python() -> &'static Python {
    pythons().iter().find(|python| python.minor() == (3, 11)).unwrap_or(&pythons()[0])
}

#[test]
fn a_type_that_grows_at_every_look_is_marked() {
    let mut target = Target::start(any_python(), "growing.py", &[]);
    target.settle();
    let growth = Growth::start(target.pid, &["--json", "--every", "300ms", "--times", "3", "--paths=1", "-n", "12"]);
    let mut last = Value::Null;
    for look in 2..=4 {
        // It waits at least 300 ms between two looks, and asking takes one: the loop below makes sure of it.
        target.ask("grow 50");
        target.settle();
        last = growth.next();
        assert_eq!((&last["look"], &last["looks"]), (&look.into(), &4.into()));
        assert_eq!(last["holders"].is_null(), look < 4, "holders come with the last look");
    }
    let slotted = last["types"].as_array().unwrap().iter().find(|row| row["type"] == "__main__.Slotted").unwrap();
    assert_eq!(slotted["count_after"], 3 * 51);
    if slotted["count_delta"] == 51 {
        assert_eq!(slotted["grew_every_look"], true);
    }
    let holder = &last["holders"][0];
    assert!(holder["text"].as_str().unwrap().contains("__main__.KEPT[*]"), "{holder}");
    assert!(holder["fingerprint"].as_str().unwrap().len() == 16 && holder["count"].as_u64() > Some(0), "{holder}");
    assert_eq!(growth.end().0, Some(0));
    target.assert_unharmed();
}

#[test]
fn a_limit_that_is_crossed_ends_it_with_1_after_the_whole_answer() {
    let mut target = Target::start(any_python(), "growing.py", &[]);
    target.settle();
    let limits = ["--fail-on", "count(__main__.Slot*)>60", "--fail-on", "bytes>1GiB", "--fail-on", "count(no.Such)>=0"];
    let more = ["--json", "--every", "50ms", "--times", "0"];
    let growth = Growth::start(target.pid, &[&more[..], &limits[..]].concat());
    growth.next();
    target.ask("grow 59"); // 60 of them: not more than 60
    target.settle();
    while since_first(&growth.next()).is_empty() {}
    target.ask("grow 10");
    let mut last = growth.next();
    while last["exceeded"].is_null() {
        last = growth.next();
    }
    assert_eq!(last["exceeded"], serde_json::json!([{"limit": "count(__main__.Slot*)>60", "value": 71}]));
    assert!(since_first(&last).len() >= 10, "the answer is whole");
    let (code, said) = growth.end();
    assert_eq!(code, Some(1));
    let over = "over the limit count(__main__.Slot*)>60: 71 objects more than at the first look";
    assert!(said.iter().any(|line| line == over), "{said:?}");
    assert!(said.iter().any(|line| line.contains("count(no.Such)>=0 names no type")), "{said:?}");
    target.assert_unharmed();

    let pid = target.pid.to_string();
    let one = |limit: &str| leakspy(&["growth", "--pid", &pid, "--every", "10ms", "--fail-on", limit]);
    one("count_after(__main__.Slotted)>=71").expect(1);
    one("count_after(__main__.Slotted)>71").expect(0);
    one("count>0").expect(0);
    one("count>=0").expect(1);
    one("count_new>0").expect_words(2, &["--since-fork"]);
    one("rss>0").expect_words(2, &["bytes_after(app.*)>=1GiB"]);
}

#[test]
fn a_target_that_ends_is_told_after_what_was_known() {
    let mut target = Target::start(any_python(), "growing.py", &[]);
    let growth = Growth::start(target.pid, &["--format", "csv", "--every", "50ms", "--times", "0"]);
    assert!(growth.line().starts_with("look,type,count_before,"), "a heading, though nothing changed");
    target.kill();
    let (code, said) = growth.end();
    assert_eq!(code, Some(5), "{said:?}");
    assert!(said.iter().any(|line| line.contains("there is no such process (any more)")), "{said:?}");

    // And at once, not when the wait is over.
    let mut target = Target::start(any_python(), "growing.py", &[]);
    let growth = Growth::start(target.pid, &["--every", "1m"]);
    target.kill();
    assert_eq!(growth.end().0, Some(5));
}

#[test]
fn a_file_does_not_grow() {
    leakspy(&["growth", "--snapshot", "heap.parquet"]).expect_words(2, &["leakspy diff"]);
    leakspy(&["growth", "--pid", "1", "--paths", "-f", "csv"]).expect_words(2, &["--json"]);
    leakspy(&["growth"]).expect_words(2, &["--pid"]);
}

#[test]
fn a_stream_into_a_file_is_whole_at_the_end() {
    let target = Target::start(any_python(), "growing.py", &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growth.jsonl");
    let pid = target.pid.to_string();
    let file = path.to_str().unwrap();
    let said = leakspy(&["growth", "--pid", &pid, "--every", "10ms", "--times", "3", "--json", "-o", file]).expect(0);
    assert_eq!(said.stdout, "");
    let text = std::fs::read_to_string(&path).unwrap();
    let looks: Vec<u64> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["look"].as_u64().unwrap()).collect();
    assert_eq!(looks, [2, 3, 4]);
}

// --- since the fork ------------------------------------------------------------------------------------------------------

fn forked(pid: u32, more: &[&str]) -> Value {
    let pid = pid.to_string();
    let arguments: Vec<&str> =
        ["growth", "--since-fork", "--json", "--pid", &pid].iter().chain(more).copied().collect();
    let said = leakspy(&arguments).expect(0);
    assert_eq!(said.stdout.lines().count(), 1);
    serde_json::from_str(&said.stdout).unwrap()
}

/// (count_before, count_new, bytes_new, count_gone) of a type; all 0 where it has no row.
fn told(answer: &Value, of: &str) -> [u64; 4] {
    let row = answer["types"].as_array().unwrap().iter().find(|row| row["type"] == of);
    row.map_or([0; 4], |row| {
        ["count_before", "count_new", "bytes_new", "count_gone"].map(|key| row[key].as_u64().unwrap())
    })
}

#[test]
fn a_fork_is_told_by_what_it_made() {
    each_python(|python| {
        let mut target = Target::start(python, "forked.py", &[]);
        target.pid = target.ready["pid"].as_u64().unwrap() as u32;
        let parent = target.ready["parent"].as_u64().unwrap();
        target.settle();
        let before = forked(target.pid, &[]);
        assert_eq!(told(&before, "__main__.Made"), [0; 4], "nothing yet");
        let made = target.ask("make 5000");
        target.settle();
        let answer = forked(target.pid, &[]);
        let bytes = made["bytes"].as_u64().unwrap();
        assert_eq!(told(&answer, "__main__.Made"), [20_000, 5_000, bytes, 0]);
        assert_eq!(answer["types"][0]["type"], "__main__.Made", "the most new bytes first");
        assert_eq!((&answer["before"]["pid"], &answer["fork"]["parent"]), (&parent.into(), &parent.into()));
        assert_eq!(answer["after"]["pid"], target.pid);
        assert_eq!(answer["fork"]["modules_loaded"], serde_json::json!([]));

        target.ask("drop 7");
        target.settle();
        let pid = target.pid.to_string();
        let table = leakspy(&["growth", "--since-fork", "--pid", &pid, "--paths=1"]).expect(0);
        let row = table.stdout.lines().find(|line| line.starts_with("__main__.Made ")).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!((cells[1], cells[4]), ("5,000", "7"), "{row}");
        // Paths are those of the new objects alone.
        let holder = table.stdout.lines().last().unwrap();
        assert!(holder.contains("5,000") && holder.contains("__main__.KEPT[*]"), "{}", table.stdout);

        let loaded = target.ask("load")["loaded"].clone();
        target.settle();
        let answer = forked(target.pid, &[]);
        assert_eq!(answer["fork"]["modules_loaded"], loaded);
        let said = leakspy(&["growth", "--since-fork", "--pid", &pid, "--fail-on", "count_new(*.Made)>=5000"]);
        let said = said.expect(1);
        assert!(said.stdout.contains("loaded since the fork: "), "{}", said.stdout);
        assert!(!said.stderr.contains("--preload"), "not the program's own: {}", said.stderr);
        assert_free(target.pid);
        assert_free(parent as u32);
        assert_eq!(target.ask("ping")["pong"], true);
    });
}

/// Parent and child fill the same free blocks with objects of the same types.
#[test]
fn what_a_parent_made_too_hides_nothing_that_differs() {
    each_python(|python| {
        let mut target = Target::start(python, "forked.py", &["both"]);
        target.pid = target.ready["pid"].as_u64().unwrap() as u32;
        let parent = target.ready["parent"].as_u64().unwrap() as u32;
        until("the parent waits", || state(parent, parent) == Some('S'));
        target.ask("fill 1000");
        target.settle();
        let answer = forked(target.pid, &[]);
        let [before, new, _, gone] = told(&answer, "__main__.Made");
        assert_eq!((before, new, gone), (21_000, 1_000, 1_000));
    });
}

#[test]
fn a_parent_that_works_on_is_told() {
    const WORKED: &str = "its parent worked, too";
    let words = |mode: &str, enough: &dyn Fn(&str) -> bool| {
        let target = Target::start(any_python(), "forked.py", &[mode]);
        let pid = target.ready["pid"].to_string();
        let mut said = String::new();
        until("enough is said", || {
            said = leakspy(&["growth", "--since-fork", "--json", "--pid", &pid]).expect(0).stderr;
            enough(&said)
        });
        said
    };
    words("busy", &|said| said.contains(WORKED));
    let plain = words("plain", &|_| true);
    assert!(!plain.contains(WORKED), "{plain}");
}

#[test]
fn what_has_no_parent_to_compare_with_says_so() {
    let python = any_python();
    let refused = |target: &Target, words: &[&str]| {
        let pid = target.ready["pid"].to_string();
        leakspy(&["growth", "--since-fork", "--pid", &pid]).expect_words(2, words);
    };
    let anew = Target::start(python, "forked.py", &["exec"]);
    refused(&anew, &["is Python, but not the same program", "growth --every"]);
    let orphan = Target::start(python, "forked.py", &["orphan"]);
    refused(&orphan, &["cannot tell what", "growth --every"]);

    // Under a shell, and asked of the parent itself: its child is named.
    let mut shell = Command::new("sh");
    let fixture = fixture("forked.py");
    shell.args(["-c", "\"$0\" \"$1\"; true"]).arg(&python.path).arg(fixture);
    let target = Target::run(shell);
    let (pid, parent) = (target.ready["pid"].to_string(), target.ready["parent"].to_string());
    let child = format!("--since-fork --pid {pid}");
    leakspy(&["growth", "--since-fork", "--pid", &parent]).expect_words(2, &["is not python", "(sh)", &child]);
    for (child, parent, why) in [(&pid, &pid, "that is itself"), (&parent, &pid, "began later")] {
        let arguments = ["growth", "--since-fork", "--pid", child, "--parent", parent];
        leakspy(&arguments).expect_words(2, &["as its parent", why]);
    }
    // What it was forked from may be named.
    leakspy(&["growth", "--since-fork", "--pid", &pid, "--parent", &parent]).expect(0);
}

/// A server with workers, ended when dropped.
struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.0.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT);
        let _ = self.0.wait();
    }
}

impl Server {
    fn start(mut command: Command, port: u16) -> Server {
        let log = tempfile::NamedTempFile::new().unwrap();
        let child = command
            .current_dir(fixture("leaky_app"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(log.reopen().unwrap())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap();
        let mut server = Server(child, port);
        until("the server answers", || {
            let ended = server.0.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {}", std::fs::read_to_string(log.path()).unwrap());
            server.get("/stats").is_some()
        });
        server
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.1)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: here\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.contains(" 200 ").then(|| body.trim().to_owned())
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where `scripts/packages` put uWSGI and gunicorn for an interpreter, and Flask.
fn servers(python: &Python) -> Option<(PathBuf, String)> {
    let (major, minor) = python.minor();
    let folder =
        |name: String| root().join(".venv").join(name).join(format!("lib/python{major}.{minor}/site-packages"));
    let own = folder(format!("servers-{major}.{minor}"));
    let flask = folder(if (major, minor) == (3, 11) { "test".into() } else { format!("app-{major}.{minor}") });
    if !own.join("bin/uwsgi").exists() || !flask.join("flask").exists() {
        skip(&format!("no uWSGI, gunicorn and Flask for {}; scripts/packages installs them", python.version));
        return None;
    }
    let path = format!("{}:{}", own.display(), flask.display());
    Some((own, path))
}

fn uwsgi(own: &Path, path: &str, more: &[&str]) -> Server {
    let port = free_port();
    let mut command = Command::new(own.join("bin/uwsgi"));
    command
        .args(["--http-socket", &format!("127.0.0.1:{port}"), "--master", "--processes", "2", "--need-app"])
        .args(["--module", "forked_app:application", "--disable-logging"])
        .args(more)
        .env("PYTHONPATH", path);
    Server::start(command, port)
}

fn gunicorn(python: &Python, path: &str, more: &[&str]) -> Server {
    let port = free_port();
    let mut command = Command::new(&python.path);
    command
        .args(["-m", "gunicorn", "--bind", &format!("127.0.0.1:{port}"), "--workers", "2"])
        .args(more)
        .arg("forked_app:application")
        .env("PYTHONPATH", path);
    Server::start(command, port)
}

#[test]
fn workers_of_servers_are_told_by_what_they_made() {
    each_python(|python| {
        if ![(3, 8), (3, 11), (3, 13)].contains(&python.minor()) || python.is_distributions() {
            return;
        }
        let Some((own, path)) = servers(python) else { return };
        for server in [uwsgi(&own, &path, &[]), gunicorn(python, &path, &["--preload"])] {
            let pid: u32 = server.get("/make/5000").expect("an answer").parse().expect("a PID");
            let answer = forked(pid, &[]);
            assert_eq!(answer["fork"]["parent"], server.0.id());
            let [before, new, _, gone] = told(&answer, "foo_module.Timing");
            assert_eq!((before, new, gone), (20_000, 5_000, 0), "{}", answer["fork"]);
            assert_free(pid);
            assert_free(server.0.id());
            assert!(server.get("/stats").is_some(), "it goes on serving");
        }
        // Where the application was loaded after the fork, that is said, and all of it is new.
        for server in [uwsgi(&own, &path, &["--lazy-apps"]), gunicorn(python, &path, &[])] {
            let pid: u32 = server.get("/make/5000").expect("an answer").parse().expect("a PID");
            let said = leakspy(&["growth", "--since-fork", "--json", "--pid", &pid.to_string()]).expect(0);
            let answer: Value = serde_json::from_str(&said.stdout).unwrap();
            assert_eq!(told(&answer, "foo_module.Timing")[..2], [0, 25_000]);
            let modules = answer["fork"]["modules_loaded"].as_array().unwrap();
            assert!(modules.contains(&"forked_app".into()) && modules.len() > 20, "{modules:?}");
            assert!(said.stderr.contains("modules loaded since the fork: "), "{}", said.stderr);
            assert!(said.stderr.contains("--preload"), "{}", said.stderr);
        }
    });
}
