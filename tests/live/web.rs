//! The real thing: web workers that leak, in forked processes, on the standard library's server and under uWSGI.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::paths;
use super::support::*;

/// Sends requests to a port; how many Timings each worker then says it holds.
fn load(python: &Path, port: u16, requests: u32) -> BTreeMap<u32, u64> {
    let mut command = Command::new(python);
    command.arg("-B").arg(fixture("leaky_app/load.py")).args([port.to_string(), requests.to_string()]);
    let said = finish(command).expect(0);
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(told["answered"], told["timings"], "the workers and the client disagree");
    let timings: BTreeMap<u32, u64> = told["timings"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(pid, held)| (pid.parse().unwrap(), held.as_u64().unwrap()))
        .collect();
    assert_eq!(timings.values().sum::<u64>(), u64::from(requests));
    timings
}

fn assert_timings(timings: &BTreeMap<u32, u64>) {
    for (&pid, &held) in timings {
        let seen = types(pid, &[]);
        assert_free(pid);
        assert_eq!(seen.row("foo_module.Timing").count, held, "worker {pid}");
        // Sizes of Python's own types are exact, also where the program holds the linker's copies of them.
        let own: Vec<_> = seen.marked.iter().filter(|name| name.starts_with("builtins.")).collect();
        assert!(own.iter().all(|name| *name == "builtins.uwsgi"), "marked as not exact: {own:?}");
    }
}

#[test]
fn timings_of_forked_workers_are_counted_exactly() {
    each_python(|python| {
        let mut command = Command::new(&python.path);
        command.arg(fixture("leaky_app/serve.py")).args(["--workers", "4"]);
        let target = Target::run(command);
        let port = target.ready["port"].as_u64().unwrap() as u16;
        let timings = load(&python.path, port, 500);
        assert_timings(&timings);
        // And they go on serving.
        let more: u64 = load_again(&python.path, port, &timings);
        assert_eq!(more, 600);
    });
}

/// 100 more requests; all Timings afterwards.
fn load_again(python: &Path, port: u16, before: &BTreeMap<u32, u64>) -> u64 {
    let mut command = Command::new(python);
    command.arg("-B").arg(fixture("leaky_app/load.py")).args([port.to_string(), "100".to_owned()]);
    let told: Value = serde_json::from_str(&finish(command).expect(0).stdout).unwrap();
    let mut all = before.clone();
    for (pid, held) in told["timings"].as_object().unwrap() {
        all.insert(pid.parse().unwrap(), held.as_u64().unwrap());
    }
    all.values().sum()
}

/// A uWSGI master, ended with all its workers when dropped.
struct Uwsgi(Child);

impl Drop for Uwsgi {
    fn drop(&mut self) {
        let _ =
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.0.id() as i32), nix::sys::signal::Signal::SIGINT);
        let _ = self.0.wait();
    }
}

#[test]
fn timings_of_uwsgi_workers_are_counted_exactly() {
    let venv = root().join(".venv/test/bin");
    if !venv.join("uwsgi").exists() {
        skip("no .venv/test with uWSGI and Flask; scripts/test makes it");
        return;
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let log = tempfile::NamedTempFile::new().unwrap();
    let child = Command::new(venv.join("uwsgi"))
        .args(["--http-socket", &format!("127.0.0.1:{port}"), "--master", "--processes", "4", "--need-app"])
        .args(["--module", "flask_app:application", "--disable-logging"])
        .current_dir(fixture("leaky_app"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(log.reopen().unwrap())
        .stderr(log.reopen().unwrap())
        .spawn()
        .unwrap();
    let mut uwsgi = Uwsgi(child);
    until("uWSGI listens", || {
        let ended = uwsgi.0.try_wait().unwrap();
        assert!(ended.is_none(), "uWSGI ended: {}", std::fs::read_to_string(log.path()).unwrap());
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let timings = load(&venv.join("python"), port, 500);
    assert_timings(&timings);
    for pid in timings.keys() {
        let table = leakspy(&["ps"]).expect(0).stdout;
        let line = table.lines().find(|line| line.split_whitespace().any(|word| word == pid.to_string()));
        assert!(line.is_some_and(|line| line.to_lowercase().contains("uwsgi")), "worker {pid} in\n{table}");
        let held = timings[pid];
        let found = paths::paths(*pid, "foo_module.Timing");
        assert_eq!(paths::first(&found), Some("foo_module.Profiler.results[*]"));
        assert_eq!((found["paths"][0]["count"].as_u64(), found["unreached"].as_u64()), (Some(held), Some(0)));
    }
}
