//! What was made and never let go, and what is new and gone, against what `fixtures/churn.py` says of itself: thousands of
//! objects at addresses that are used again and again.

use std::collections::{BTreeMap, BTreeSet};

use leakspy::heap::Heap;
use leakspy::snapshot;
use serde_json::Value;

use super::support::*;

/// Kept looks at one target.
struct Album {
    folder: tempfile::TempDir,
}

impl Album {
    fn new() -> Album {
        Album { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn take(&self, target: &Target, name: &str) -> String {
        let path = self.path(name);
        leakspy(&["snapshot", "--pid", &target.pid.to_string(), "--output", &path]).expect(0);
        path
    }
}

fn diff(arguments: &[&str]) -> Value {
    let said = leakspy(&[&["diff", "--json"], arguments].concat()).expect(0);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout))
}

/// What the fixture says is alive: of each kind, addresses by number.
type Alive = BTreeMap<&'static str, BTreeMap<String, u64>>;

fn alive(target: &mut Target) -> Alive {
    let said = target.ask("alive");
    let of = |kind: &str| -> BTreeMap<String, u64> {
        let ids = said[kind].as_object().unwrap().iter();
        ids.map(|(number, id)| (number.clone(), id.as_u64().unwrap())).collect()
    };
    [("Request", of("requests")), ("Session", of("sessions"))].into()
}

/// The addresses of those of one kind that are in the first look and not in the second.
fn only(kind: &str, of: &Alive, not_in: &Alive) -> BTreeSet<u64> {
    of[kind].iter().filter(|(number, _)| !not_in[kind].contains_key(*number)).map(|(_, id)| *id).collect()
}

/// The addresses of a type in one of the lists of an answer.
fn told(answer: &Value, list: &str, type_name: &str) -> BTreeSet<u64> {
    let objects = answer[list].as_array().unwrap_or_else(|| panic!("no {list}"));
    let of = objects.iter().filter(|object| object["type"] == type_name);
    of.map(|object| u64::from_str_radix(&object["address"].as_str().unwrap()[2..], 16).unwrap()).collect()
}

/// New and gone objects are the ones, and by type as many as the counts differ by.
fn assert_told(answer: &Value, before: &Alive, after: &Alive) {
    for kind in ["Request", "Session"] {
        let type_name = format!("__main__.{kind}");
        assert_eq!(told(answer, "new", &type_name), only(kind, after, before), "new of {kind}");
        assert_eq!(told(answer, "gone", &type_name), only(kind, before, after), "gone of {kind}");
    }
    for row in answer["types"].as_array().unwrap() {
        let number = |key: &str| row[key].as_i64().unwrap();
        assert_eq!(number("count_delta"), number("count_new") - number("count_gone"), "{row}");
    }
    let sum = |key: &str| answer["types"].as_array().unwrap().iter().map(|row| row[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(answer["new_total"], sum("count_new"));
    assert_eq!(answer["gone_total"], sum("count_gone"));
}

/// The survivors are the leak: so many sessions, and nothing that is not held by `Service.sessions` above 1 %.
fn assert_leak(answer: &Value, sessions: std::ops::RangeInclusive<u64>) {
    let survivors = &answer["survivors"];
    let types = survivors["types"].as_array().unwrap();
    let found =
        types.iter().find(|row| row["type"] == "__main__.Session").map_or(0, |row| row["count"].as_u64().unwrap());
    assert!(sessions.contains(&found), "{found} sessions survived, not {sessions:?}");
    let paths = survivors["paths"].as_array().unwrap();
    let first = &paths[0];
    assert_eq!(first["text"], "__main__.Service.sessions[*]", "{first}");
    assert!(first["fingerprint"].as_str().is_some_and(|text| text.len() == 16), "{first}");
    let all = survivors["objects"].as_u64().unwrap();
    let unproven = survivors["unproven"]["objects"].as_u64().unwrap();
    assert!(unproven * 100 <= all, "{unproven} of {all} by nothing but their place");
    let elsewhere =
        paths.iter().filter(|path| !path["text"].as_str().unwrap().starts_with("__main__.Service.sessions"));
    let elsewhere: u64 = elsewhere.map(|path| path["count"].as_u64().unwrap()).sum();
    assert!(elsewhere * 100 <= all, "{elsewhere} of {all} are held elsewhere: {paths:#?}");
}

#[test]
fn survivors_are_the_leak_and_nothing_else() {
    each_python(|python| {
        let album = Album::new();
        let mut target = Target::start(python, "churn.py", &[]);
        let a = (album.take(&target, "a"), alive(&mut target));
        target.ask("step 60000");
        let b = (album.take(&target, "b"), alive(&mut target));
        // Of what was made between the first two looks some was let go after all.
        target.ask("drop 5");
        target.ask("step 60000");
        let (last, pid) = (alive(&mut target), target.pid.to_string());
        let answer = diff(&[&a.0, &b.0, "--pid", &pid]);
        target.assert_unharmed();

        let again: BTreeSet<&u64> = a.1["Request"].values().collect();
        let again = b.1["Request"].values().filter(|id| again.contains(id)).count();
        assert!(again > 1000, "only {again} addresses were used again: this shows nothing");
        let made = b.1["Session"].keys().filter(|number| !a.1["Session"].contains_key(*number));
        let held = made.filter(|number| last["Session"].contains_key(*number)).count() as u64;
        assert!(held > 30, "{held}");
        assert_leak(&answer, held..=held);
        assert_told(&answer, &a.1, &last);
        assert_told(&diff(&[&a.0, &b.0]), &a.1, &b.1);
        assert_eq!(answer["schema"], "leakspy/diff/1");
        let started = answer["before"]["started_at"].as_str().expect("a time");
        assert!(started < answer["before"]["taken_at"].as_str().unwrap(), "{started}");
        assert_eq!(answer["middle"]["pid"], target.pid);
        assert_eq!(answer["after"]["source"], "process");
    });
}

#[test]
fn a_service_that_goes_on_by_itself_shows_its_leak() {
    for python in pythons().iter().filter(|python| matches!(python.minor(), (3, 8 | 11 | 13))) {
        let album = Album::new();
        let mut target = Target::start(python, "churn.py", &[]);
        let leaked = |target: &mut Target, ask: &str| target.ask(ask)["leaked"].as_u64().unwrap();
        let began = leaked(&mut target, "run");
        let mut seen = Vec::new();
        let mut paths = Vec::new();
        for (name, more) in [("a", 1), ("b", 30), ("c", 60)] {
            let least = leaked(&mut target, &format!("leaked {}", began + more));
            paths.push(album.take(&target, name));
            seen.push((least, leaked(&mut target, "leaked 0")));
        }
        let answer = diff(&[&paths[0], &paths[1], &paths[2]]);
        // What the service had leaked at a look lies between what it said before and after.
        assert_leak(&answer, seen[1].0 - seen[0].1..=seen[1].1 - seen[0].0);
        assert_eq!(answer["same_process"], true);
    }
}

/// A snapshot as leakspy wrote it before it kept digests of contents.
fn without_contents(from: &str, to: &str) {
    let snapshot::Snapshot { heap, capture } = snapshot::read(from.as_ref(), 1 << 30).expect("read");
    assert!(heap.contents.iter().filter(|content| **content != 0).count() > 1000, "digests are kept");
    snapshot::save(to.as_ref(), &Heap { contents: Vec::new(), ..heap }, &capture).expect("written");
}

#[test]
fn what_cannot_be_compared_says_so() {
    let python = pythons().last().expect("an interpreter");
    let album = Album::new();
    let mut target = Target::start(python, "churn.py", &[]);
    let other = Target::start(python, "churn.py", &[]);
    let (a, stranger) = (album.take(&target, "a"), album.take(&other, "stranger"));
    target.ask("step 10000");
    let b = album.take(&target, "b");

    // Looks at two processes: by type alone, and three are refused.
    let said = leakspy(&["diff", &a, &stranger, "--json"]).expect(0);
    assert!(said.stderr.contains("different processes"), "{}", said.stderr);
    let answer: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&answer["same_process"], &answer["new"]), (&false.into(), &Value::Null));
    leakspy(&["diff", &a, &b, &stranger]).expect_words(2, &["different processes", "leakspy diff a c"]);

    // The same look twice differs in nothing; in the wrong order it is said.
    let same = diff(&[&a, &a]);
    assert_eq!((&same["new_total"], &same["gone_total"]), (&0.into(), &0.into()));
    assert_eq!(same["types"], serde_json::json!([]));

    // Files of before there were digests are read, and compared by what they tell.
    let old = [album.path("old-a"), album.path("old-b")];
    without_contents(&a, &old[0]);
    without_contents(&b, &old[1]);
    assert_eq!(diff(&[&old[0], &old[1]])["same_process"], true);

    let cut = album.path("cut");
    let bytes = std::fs::read(&a).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    leakspy(&["diff", &a, &cut]).expect_words(4, &["cut short"]);
    leakspy(&["diff", &a]).expect_words(2, &["two or three looks"]);
    leakspy(&["diff", &a, &b, &a, "--pid", "1"]).expect_words(2, &["two or three looks"]);
    leakspy(&["diff", &a, &b, "--max-memory", "2MiB"]).expect_words(2, &["--max-memory"]);
    let table = leakspy(&["diff", &a, &b]).expect(0).stdout;
    assert!(table.contains("two looks at one process") && table.contains("__main__.Request"), "{table}");
}
