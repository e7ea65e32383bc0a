//! A process and its descendants, watched together while they come and go.

use leakspy::capture::{Among, Fleet, Options};

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
fn who_cannot_be_watched_is_told_once() {
    let mut fleet = Fleet::new(Among::Named(vec![i32::MAX]), &Options::new(0));
    assert_eq!(fleet.muster().refused.len(), 1);
    assert!(fleet.muster().refused.is_empty());
    assert!(fleet.is_empty());
}
