//! A process and its descendants, watched together while they come and go.

use std::io::BufRead;
use std::process::{Command, Stdio};

use leakspy::capture::{self, Among, Fleet, Options, Watch};

use super::support::*;

fn made(fleet: &mut Fleet, pid: i32) -> u64 {
    let member = fleet.member(pid).expect("a member");
    let taken = member.watch.look().expect("a look");
    taken.census.types.iter().find(|t| t.name == "__main__.Made").map_or(0, |t| t.count)
}

#[test]
fn a_tree_is_followed_as_it_grows_and_shrinks() {
    each_python(|python| {
        let mut target = Target::start(python, "family.py", &[]);
        let root = i32::try_from(target.pid).unwrap();
        let pid_of = |answer: serde_json::Value| i32::try_from(answer["pid"].as_i64().unwrap()).unwrap();
        let (first, second) = (pid_of(target.ask("fork")), pid_of(target.ask("fork")));
        let shell = pid_of(target.ask("shell"));

        let mut fleet = Fleet::new(Among::Tree(root), &Options::new(root));
        let turn = fleet.muster();
        let mut joined = turn.joined;
        joined.sort_unstable();
        let mut all = vec![root, first, second];
        all.sort_unstable();
        assert_eq!(joined, all, "the shell {shell} is none of them");
        assert!(turn.refused.is_empty(), "{:?}", turn.refused);
        target.ask(&format!("make {second} 5000"));
        assert_eq!([root, first, second].map(|pid| made(&mut fleet, pid)), [20_000, 20_000, 25_000]);

        target.ask(&format!("end {first}"));
        let third = pid_of(target.ask("fork"));
        let turn = fleet.muster();
        assert_eq!((turn.joined, turn.left), (vec![third], vec![first]));
        assert_eq!(fleet.len(), 3);
        assert_eq!(made(&mut fleet, third), 20_000);

        let turn = fleet.muster();
        assert!(turn.joined.is_empty() && turn.left.is_empty() && turn.refused.is_empty());
        for pid in [second, third, shell] {
            target.ask(&format!("end {pid}"));
        }
        let turn = fleet.muster();
        assert_eq!(turn.left.len(), 2);
        target.assert_unharmed();
    });
}

#[test]
fn a_tree_is_over_though_its_parent_does_not_notice() {
    let python = pythons().last().expect("an interpreter");
    let mut child = Command::new(&python.path)
        .args(["-c", "import sys; print(1); sys.stdout.flush(); sys.stdin.read()"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let root = i32::try_from(child.id()).unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut fleet = Fleet::new(Among::Tree(root), &Options::new(root));
    assert_eq!(fleet.muster().joined, [root]);
    assert!(!fleet.is_over());
    // It ends, and nobody waits for it.
    child.kill().unwrap();
    until("it is a zombie", || state(child.id(), child.id()) == Some('Z'));
    assert_eq!(fleet.muster().left, [root]);
    assert!(fleet.is_over());
    child.wait().unwrap();
}

#[test]
fn what_is_imported_while_it_is_watched_is_known() {
    each_python(|python| {
        let mut target = Target::start(python, "imports.py", &[]);
        target.settle();
        let options = Options::new(i32::try_from(target.pid).unwrap());
        let mut watch = Watch::open(&options).unwrap();
        watch.look().unwrap();
        target.ask("import");
        target.settle();
        let told = |taken: capture::Taken| {
            let mut types = taken.census.types;
            types.sort_by(|a, b| a.name.cmp(&b.name));
            types
        };
        assert_eq!(told(watch.look().unwrap()), told(capture::take(&options).unwrap()));
        target.assert_unharmed();
    });
}

#[test]
fn who_cannot_be_watched_is_told_once() {
    let mut fleet = Fleet::new(Among::Named(vec![i32::MAX]), &Options::new(0));
    assert_eq!(fleet.muster().refused.len(), 1);
    assert!(fleet.muster().refused.is_empty());
    assert!(fleet.is_empty());
}
