//! Nothing that happens to leakspy may happen to the target.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::*;

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid as i32), signal).unwrap();
}

#[test]
fn a_busy_target_outlives_looks_that_are_killed_or_interrupted() {
    each_python(|python| {
        let (looks, killed, interrupted) =
            if long() || python.minor() == (3, 11) { (200, 40, 10) } else { (50, 10, 3) };
        let mut target = Target::start(python, "busy.py", &["4"]);
        let pid = target.pid.to_string();
        target.ask("work 2000");
        let began = Instant::now();
        types(target.pid, &[]);
        let one_look = began.elapsed();
        let before = target.ask("rss")["rss"].as_u64().unwrap();
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for look in 0..looks {
            let ends_by = match look {
                n if n % (looks / killed) == 0 => Some(Signal::SIGKILL),
                n if n % (looks / interrupted) == 1 => Some(Signal::SIGINT),
                _ => None,
            };
            let Some(ends_by) = ends_by else {
                types(target.pid, &[]);
                assert_free(target.pid);
                continue;
            };
            let mut child = command(&["types", "--json", "--pid", &pid])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // At any moment of it: this is what is tested, not a wait.
            std::thread::sleep(Duration::from_micros(random.below(one_look.as_micros() as u64)));
            let _ = kill(Pid::from_raw(child.id() as i32), ends_by);
            let status = child.wait().unwrap();
            match ends_by {
                Signal::SIGKILL => assert!(status.signal() == Some(9) || status.success(), "{status}"),
                // Before its handler stands, the kernel's own way applies.
                _ => assert!(matches!(status.code(), Some(0 | 130)) || status.signal() == Some(2), "{status}"),
            }
            assert_free(target.pid);
            assert_eq!(target.ask("ping")["pong"], true, "look {look}");
        }
        target.ask("work 2000");
        target.assert_unharmed();
        let after = target.ask("rss")["rss"].as_u64().unwrap();
        assert!(after <= before + before / 5 + (1 << 20), "RSS grew from {before} to {after}");
    });
}

/// Ctrl-Z at any moment: leakspy stops, and holds nobody meanwhile.
#[test]
fn who_stops_leakspy_does_not_stop_the_target() {
    let python = pythons().iter().find(|python| python.minor() == (3, 11)).unwrap_or(&pythons()[0]);
    let mut target = Target::start(python, "heap.py", &["300000"]);
    target.settle();
    let pid = target.pid.to_string();
    let began = Instant::now();
    types(target.pid, &[]);
    let one_look = began.elapsed();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut tries, mut stopped) = (0, 0);
    // Whether it is over by then is a matter of luck.
    while tries < 60 || stopped < 20 {
        tries += 1;
        assert!(tries < 1000, "stopped {stopped} times");
        // A group of its own, as a shell makes for a job: the kernel does not stop who has nobody to go on for.
        let mut child = command(&["types", "--json", "--pid", &pid])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(random.below(one_look.as_micros() as u64)));
        let id = child.id();
        let _ = kill(Pid::from_raw(id as i32), Signal::SIGTSTP);
        let mut over = None;
        until("leakspy has stopped or ended", || {
            over = child.try_wait().unwrap();
            over.is_some() || threads(id).iter().all(|tid| state(id, *tid) == Some('T'))
        });
        let held = threads(target.pid).iter().any(|tid| state(target.pid, *tid) == Some('t'));
        if over.is_none() {
            stopped += 1;
            signal(id, Signal::SIGCONT);
        }
        assert!(!held, "leakspy was stopped while it held the target still");
        assert!(child.wait().unwrap().success());
    }
    target.assert_unharmed();
}

#[test]
fn a_stopped_target_is_read_and_stays_stopped() {
    each_python(|python| {
        let mut target = Target::start(python, "heap.py", &["5000"]);
        let truth = target.ask("tracked");
        target.settle();
        signal(target.pid, Signal::SIGSTOP);
        until("it is stopped", || state(target.pid, target.pid) == Some('T'));
        for _ in 0..3 {
            let seen = types(target.pid, &[]);
            assert_tracked(&seen, &truth);
            until("it is stopped as before", || state(target.pid, target.pid) == Some('T'));
            assert_eq!(tracer(target.pid, target.pid), Some(0));
        }
        signal(target.pid, Signal::SIGCONT);
        assert_eq!(target.ask("ping")["pong"], true);
        assert_tracked(&target.look(&[]), &truth);
    });
}

#[test]
fn a_stopped_target_with_threads_stays_stopped() {
    each_python(|python| {
        let mut target = Target::start(python, "busy.py", &["4"]);
        signal(target.pid, Signal::SIGSTOP);
        let stopped = || threads(target.pid).into_iter().all(|tid| state(target.pid, tid) == Some('T'));
        until("all threads are stopped", stopped);
        types(target.pid, &[]);
        until("all threads are stopped as before", stopped);
        for tid in threads(target.pid) {
            assert_eq!(tracer(target.pid, tid), Some(0));
        }
        signal(target.pid, Signal::SIGCONT);
        target.assert_unharmed();
    });
}

#[test]
fn another_tracer_is_named() {
    if !on_path("strace") {
        skip("no strace: a target under a debugger is not tested");
        return;
    }
    each_python(|python| {
        let mut target = Target::start(python, "heap.py", &["1000"]);
        let pid = target.pid.to_string();
        let mut strace = std::process::Command::new("strace")
            .args(["-e", "trace=none", "-o", "/dev/null", "-p", &pid])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("strace has attached", || tracer(target.pid, target.pid) == Some(strace.id()));
        let refused = leakspy(&["types", "--json", "--pid", &pid]);
        let tracer_pid = strace.id().to_string();
        let unfrozen = leakspy(&["types", "--json", "--nonblocking", "--pid", &pid]);
        let still = tracer(target.pid, target.pid);
        signal(strace.id(), Signal::SIGTERM);
        strace.wait().unwrap();
        refused.expect_words(3, &["strace", &tracer_pid]);
        unfrozen.expect(0);
        assert_eq!(still, Some(strace.id()), "strace lost its target");
        target.assert_unharmed();
    });
}
