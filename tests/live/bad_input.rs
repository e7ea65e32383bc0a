//! What cannot be read: the code and the words of the contract, no panic, nothing left stopped.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::*;

fn newest() -> &'static Python {
    pythons().iter().rfind(|python| !python.is_distributions()).or(pythons().first()).expect("an interpreter")
}

/// A child that is no Python, killed when dropped.
struct Other(std::process::Child);

impl Other {
    fn sleep() -> Other {
        let child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
        until("it sleeps", || {
            std::fs::read_to_string(format!("/proc/{}/comm", child.id())).is_ok_and(|comm| comm == "sleep\n")
        });
        Other(child)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The PID of a process that is no more.
fn gone() -> String {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child.id().to_string()
}

#[test]
fn no_such_process() {
    let pid = gone();
    leakspy(&["types", "--pid", &pid]).expect_words(5, &[&pid]);
    leakspy(&["info", "--pid", &pid]).expect_words(5, &[&pid]);
}

#[test]
fn not_python() {
    let other = Other::sleep();
    let pid = other.0.id().to_string();
    leakspy(&["types", "--pid", &pid]).expect_words(4, &["python", &pid]);
    assert_free(other.0.id());
}

#[test]
fn a_zombie() {
    let child = Command::new("true").spawn().unwrap();
    let mut child = Other(child);
    until("it is a zombie", || state(child.0.id(), child.0.id()) == Some('Z'));
    let said = leakspy(&["types", "--pid", &child.0.id().to_string()]);
    let _ = child.0.wait();
    said.expect_words(5, &[]);
}

#[test]
fn a_shell_wrapper_is_not_python_and_its_child_is_named() {
    each_python(|python| {
        let mut wrapper = Command::new("sh");
        wrapper.args(["-c", "\"$1\" \"$2\" 10; :", "sh"]).arg(&python.path).arg(fixture("heap.py"));
        let mut target = Target::run(wrapper);
        assert_ne!(target.started(), target.pid);
        let wrapper = target.started().to_string();
        leakspy(&["types", "--pid", &wrapper]).expect_words(4, &[&target.pid.to_string()]);
        assert_free(target.started());
        target.assert_unharmed();
    });
}

#[test]
fn wrong_usage() {
    let mut target = Target::start(newest(), "heap.py", &["10"]);
    let pid = target.pid.to_string();
    leakspy(&["types", "--pid", &pid, "--filter", "("]).expect_words(2, &["("]);
    leakspy(&["types", "--pid", &pid, "--format", "yaml"]).expect_words(2, &["yaml"]);
    leakspy(&["types", "--pid", &pid, "--sort", "beauty"]).expect_words(2, &["beauty"]);
    leakspy(&["types", "--pid", "none"]).expect_words(2, &["none"]);
    leakspy(&["types", "--pid", &pid, "--max-memory", "much"]).expect_words(2, &["much"]);
    leakspy(&["types", "--pid", &pid, "--offsets", "/nonexistent/layout.toml"])
        .expect_words(2, &["/nonexistent/layout.toml"]);
    leakspy(&["types"]).expect_words(2, &["--pid"]);
    leakspy(&["frobnicate"]).expect_words(2, &["frobnicate"]);
    target.assert_unharmed();
}

#[test]
fn another_users_process() {
    if !am_root() || !on_path("setpriv") {
        skip("not root, or no setpriv: another uid is not tested");
        return;
    }
    // Where any user may run it.
    let folder = tempfile::Builder::new().prefix("leakspy-").tempdir_in("/tmp").unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let copy = folder.path().join("leakspy");
    std::fs::copy(program(), &copy).unwrap();
    let mut target = Target::start(newest(), "heap.py", &["10"]);
    let pid = target.pid.to_string();

    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all", "--"]).arg(&copy);
    nobody.args(["types", "--pid", &pid]).current_dir("/");
    finish(nobody).expect_words(3, &[&pid, "user 0", "user 65534"]);

    // Root, but without the one capability: what a container is.
    let mut bounded = Command::new("setpriv");
    bounded.args(["--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", "--"]).arg(&copy);
    bounded.args(["types", "--pid", &pid]).current_dir("/");
    finish(bounded).expect_words(3, &[&pid, "SYS_PTRACE"]);
    target.assert_unharmed();
}

#[test]
fn a_closed_pipe_is_the_readers_choice() {
    let mut target = Target::start(newest(), "heap.py", &["1000"]);
    let pid = target.pid.to_string();
    for format in ["table", "json", "csv"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let said = command(&["types", "--limit", "0", "--format", format, "--pid", &pid])
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(0), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
    target.assert_unharmed();
}

#[test]
fn a_target_that_ends_in_the_middle() {
    let python = newest();
    let objects = if cfg!(debug_assertions) { "50000" } else { "300000" };
    let mut first = Target::start(python, "heap.py", &[objects]);
    let began = Instant::now();
    first.look(&[]);
    let one_look = began.elapsed();
    first.kill();
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut too_late = 0;
    for _ in 0..12 {
        let mut target = Target::start(python, "heap.py", &[objects]);
        let pid = target.pid.to_string();
        let looking = std::thread::spawn(move || leakspy(&["types", "--json", "--pid", &pid]));
        std::thread::sleep(Duration::from_micros(random.below(one_look.as_micros() as u64)));
        target.kill();
        let said = looking.join().unwrap();
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
        match said.code {
            Some(5) => {
                too_late += 1;
                assert_eq!(said.stdout, "");
            }
            Some(0) => {}
            other => panic!("{other:?}: {}", said.stderr),
        }
    }
    // Whoever is killed before leakspy opens it is gone for sure.
    let mut target = Target::start(python, "heap.py", &["10"]);
    let pid = target.pid.to_string();
    target.kill();
    leakspy(&["types", "--json", "--pid", &pid]).expect_words(5, &[&pid]);
    tell(&format!("{too_late} of 12 looks came too late"));
}
