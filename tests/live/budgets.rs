//! What a look may cost: the pause of the target, and the memory of the control group that both are in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::*;

/// Any one interpreter: nothing here depends on the version.
fn one() -> &'static Python {
    pythons().iter().find(|python| !python.is_distributions()).or(pythons().first()).expect("an interpreter")
}

#[test]
fn past_the_pause_budget_the_target_is_let_go_and_the_answer_is_marked() {
    let mut target = Target::start(one(), "heap.py", &["300000"]);
    let truth = target.ask("tracked");
    let seen = target.look(&["--pause-budget", "1ms"]);
    assert_eq!(seen.capture["frozen"], false);
    assert_eq!(seen.capture["one_instant"], false);
    assert!(!seen.capture["warnings"].as_array().unwrap().is_empty());
    // It is idle, so it is right all the same.
    assert_tracked(&seen, &truth);
    let seen = target.look(&["--pause-budget", "10s"]);
    assert_eq!((&seen.capture["frozen"], &seen.capture["one_instant"]), (&true.into(), &true.into()));
    assert_tracked(&seen, &truth);
}

/// A memory control group of our own with a limit, version 1 or 2; removed when dropped.
struct Group {
    path: PathBuf,
    limit: &'static str,
    usage: &'static str,
    kills: &'static str,
}

impl Group {
    fn new() -> Option<Group> {
        let name = format!("leakspy-test-{}", std::process::id());
        let (root, limit, usage, kills) = if Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists() {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control")
        } else {
            ("/sys/fs/cgroup", "memory.max", "memory.current", "memory.events")
        };
        let group = Group { path: Path::new(root).join(name), limit, usage, kills };
        fs::create_dir(&group.path).ok()?;
        // Not where the memory controller is not handed down.
        fs::write(group.path.join(limit), (4u64 << 30).to_string()).ok()?;
        Some(group)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path.join(file)).unwrap()
    }

    /// A command that first enters the group.
    fn within(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        let enter = format!("echo $$ > {}/cgroup.procs; exec \"$0\" \"$@\"", self.path.display());
        command.arg("-c").arg(enter).arg(program).args(arguments);
        command
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
    }
}

#[test]
fn a_sidecar_never_pushes_its_control_group_over_the_limit() {
    let Some(group) = Group::new() else {
        tell("SKIPPED: no memory control group can be made here");
        return;
    };
    let fixture = fixture("heap.py");
    let mut target = Target::run(group.within(&one().path, &[fixture.to_str().unwrap(), "300000"]));
    let truth = target.ask("tracked");
    let used: u64 = group.read(group.usage).trim().parse().unwrap();
    // The copy alone would take as much again.
    let limit = used + (60 << 20);
    fs::write(group.path.join(group.limit), limit.to_string()).unwrap();
    let pid = target.pid.to_string();
    target.settle();
    let said = finish(group.within(Path::new(program()), &["types", "--json", "--pid", &pid]));
    let seen = Types::parse(said.expect(0), false);
    assert_eq!(seen.capture["one_instant"], false, "read in pieces");
    assert_tracked(&seen, &truth);
    target.assert_unharmed();
    let kills = group.read(group.kills);
    assert!(kills.lines().all(|line| !line.starts_with("oom_kill ") || line == "oom_kill 0"), "{kills}");
    target.kill();
    until("the group is empty", || group.read("cgroup.procs").trim().is_empty());
}

#[test]
fn references_that_would_not_fit_are_refused_before_the_target_is_held() {
    let mut target = Target::start(one(), "heap.py", &["300000"]);
    target.settle();
    let pid = target.pid.to_string();
    for command in [&["paths", "--type", "builtins.int"][..], &["snapshot", "--output", "-"], &["show", "0x10"]] {
        let said = leakspy(&[command, &["--pid", &pid, "--max-memory", "64MiB"]].concat()).expect(2);
        assert_eq!(said.stdout, "");
        assert!(said.stderr.contains("leakspy may use 64") && said.stderr.contains("--max-memory "), "{}", said.stderr);
        assert!(!said.stderr.contains("held still"), "{}", said.stderr);
    }
    // What it says is enough is enough.
    let said = leakspy(&["paths", "--type", "builtins.int", "--pid", &pid, "--max-memory", "64MiB"]).expect(2);
    let enough = said.stderr.split("--max-memory ").last().and_then(|rest| rest.split_whitespace().next()).unwrap();
    leakspy(&["paths", "--type", "builtins.int", "--pid", &pid, "--max-memory", enough]).expect(0);
    target.assert_unharmed();
}
