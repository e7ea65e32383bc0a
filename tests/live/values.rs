//! Contents: told as the program itself would write them where they were asked for, and nowhere else.

use leakspy::addr::Addr;
use leakspy::capture::{self, Options, Values};
use leakspy::heap::Heap;
use leakspy::snapshot;
use serde_json::Value;

use super::support::*;

/// As in `fixtures/values.py`.
const MARKER: &str = "marker-7f3a";

fn value(heap: &Heap, at: u64) -> Option<&str> {
    let id = heap.objects.find(Addr(at)).unwrap_or_else(|| panic!("no object at {at:#x}"));
    heap.values.get(&id).map(|value| &**value)
}

/// What is wrong with the values of a heap, by what the program says of itself.
fn wrong(heap: &Heap, truth: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in truth.as_array().expect("rows") {
        let told = value(heap, row[0].as_u64().expect("an address"));
        let right = match &row[1] {
            Value::Array(ends) => told.is_some_and(|told| {
                told.starts_with(ends[0].as_str().expect("text")) && told.ends_with(ends[1].as_str().expect("text"))
            }),
            expected => told == expected.as_str(),
        };
        let short = told.is_none_or(|told| told.chars().count() <= 100);
        if !right || !short {
            wrong.push(format!("{told:?}, expected {}", row[1]));
        }
    }
    wrong
}

#[test]
fn contents_are_what_the_program_would_write() {
    each_python(|python| {
        let mut target = Target::start(python, "values.py", &[]);
        let truth = target.ask("truth");
        target.settle();
        let look =
            |values| capture::graph(&Options { values, ..Options::new(target.pid as i32) }).expect("a look").heap;

        let heap = look(Values::All);
        let wrong_ones = wrong(&heap, &truth);
        assert!(truth.as_array().expect("rows").len() > 100);
        assert!(wrong_ones.is_empty(), "{} wrong:\n{}", wrong_ones.len(), wrong_ones.join("\n"));
        for text in heap.values.values() {
            assert!(text.chars().count() <= 100 && !text.chars().any(char::is_control), "{text:?}");
        }

        // The file keeps them.
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("heap.parquet");
        let file = path.to_str().expect("text");
        leakspy(&["snapshot", "--values", "--pid", &target.pid.to_string(), "-o", file]).expect(0);
        let kept = snapshot::read(&path, u64::MAX).expect("it reads").heap;
        assert_eq!(wrong(&kept, &truth), Vec::<String>::new());

        // Asked for one object, it and what it refers to are told, and no more.
        let rows = truth.as_array().expect("rows");
        let list = rows.iter().find(|row| row[1] == "[<list of 2 items>, <dict of 1 item>]").expect("a list");
        let list = list[0].as_u64().expect("an address");
        let some = look(Values::Of(vec![Addr(list)]));
        let mut told: Vec<&str> = some.values.values().map(|value| &**value).collect();
        told.sort_unstable();
        assert_eq!(told, ["[1, 2]", "[<list of 2 items>, <dict of 1 item>]", "{'k': 0}"]);

        // And so they are shown, from either source.
        for source in [["--pid", &target.pid.to_string()], ["--snapshot", file]] {
            let list = format!("{list:#x}");
            let shown = [&["show", &list, "--values", "--json"], &source[..]].concat();
            let shown: Value = serde_json::from_str(&leakspy(&shown).expect(0).stdout).expect("JSON");
            assert_eq!(shown["object"]["value"], "[<list of 2 items>, <dict of 1 item>]");
            assert_eq!(
                (&shown["references"][0]["value"], &shown["references"][1]["value"]),
                (&"[1, 2]".into(), &"{'k': 0}".into())
            );
            assert!(shown["referrers"].as_array().expect("referrers").iter().all(|one| one["value"].is_null()));
        }
        target.assert_unharmed();
    });
}

/// All texts of a heap that an answer may show.
fn texts(heap: &Heap) -> Vec<String> {
    let mut texts: Vec<String> = heap.types.iter().map(|of| of.name.clone()).collect();
    texts.extend(heap.edges.all().map(|edge| heap.label_text(edge.label)));
    texts.extend(heap.objects.ids().filter_map(|id| heap.called(id).map(str::to_owned)));
    texts.extend(heap.roots.iter().map(|root| heap.names.get(root.text).to_owned()));
    texts.extend(heap.values.values().map(|value| value.to_string()));
    texts
}

#[test]
fn nothing_that_was_not_asked_for_is_told() {
    each_python(|python| {
        let mut target = Target::start(python, "values.py", &[]);
        let secrets = target.ask("secrets");
        let secrets: Vec<String> = secrets.as_array().expect("addresses").iter().map(|at| format!("{at:#}")).collect();
        target.settle();
        let pid = target.pid.to_string();
        let folder = tempfile::tempdir().expect("a folder");
        let [plain, full] = ["plain", "full"].map(|name| folder.path().join(name));
        let [plain_file, full_file] = [&plain, &full].map(|path| path.to_str().expect("text"));
        leakspy(&["snapshot", "--pid", &pid, "-o", plain_file]).expect(0);
        leakspy(&["snapshot", "--values", "--pid", &pid, "-o", full_file]).expect(0);
        let has = |texts: &[String]| texts.iter().any(|text| text.contains(MARKER));
        assert!(!has(&texts(&snapshot::read(&plain, u64::MAX).expect("it reads").heap)));
        assert!(has(&texts(&snapshot::read(&full, u64::MAX).expect("it reads").heap)), "--values keeps it");

        let clean = |arguments: &[&str]| {
            let said = leakspy(arguments).expect(0);
            assert!(!said.stdout.contains(MARKER) && !said.stderr.contains(MARKER), "{arguments:?}: {}", said.stdout);
            said
        };
        // The file that holds it does not tell it either, unless asked.
        let sources = [["--pid", &pid], ["--snapshot", plain_file], ["--snapshot", full_file]];
        for source in &sources {
            for command in [
                &["find", "--json"][..],
                &["find", "--values", "-f", "csv", "-n", "0"],
                &["referrers", "--values", "--json", "--address", &secrets[0]],
                &["types", "--values", "--json"],
            ] {
                clean(&[command, &source[..]].concat());
            }
        }
        for (address, format) in secrets.iter().zip(["table", "json", "csv"].into_iter().cycle()) {
            clean(&["show", address, "-n", "0", "-f", format, "--snapshot", full_file]);
        }
        let shown = clean(&["show", &secrets[0], "--json", "--pid", &pid]);
        let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
        assert_eq!(shown["object"].as_object().expect("an object").get("value"), Some(&Value::Null));
        let shown = leakspy(&["show", &secrets[0], "--values", "--pid", &pid]).expect(0).stdout;
        assert!(shown.contains(&format!("'{MARKER}'")), "{shown}");
        target.assert_unharmed();
    });
}

#[test]
fn options_that_mean_nothing_with_a_file_are_named() {
    let python = pythons().last().expect("an interpreter");
    let target = Target::start(python, "values.py", &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("heap.parquet");
    let file = path.to_str().expect("text");
    leakspy(&["snapshot", "--pid", &target.pid.to_string(), "-o", file]).expect(0);
    let said = leakspy(&["types", "-s", file, "--nonblocking", "--pause-budget", "1s"]).expect(0);
    assert!(said.stderr.contains("--nonblocking, --pause-budget") && said.stderr.contains("file"), "{}", said.stderr);
    let said = leakspy(&["types", "-s", file, "--max-memory", "1G"]).expect(0);
    assert!(!said.stderr.contains("of no use"), "{}", said.stderr);
    let said = leakspy(&["show", "-s", file, "--values", &format!("{:#x}", first(file))]).expect(0);
    assert!(said.stderr.contains("no contents in this file"), "{}", said.stderr);
}

/// The address of some object in a file.
fn first(file: &str) -> u64 {
    let found = leakspy(&["find", "-s", file, "-n", "1", "--json"]).expect(0).stdout;
    let found: Value = serde_json::from_str(&found).expect("JSON");
    let address = found["objects"][0]["address"].as_str().expect("an address").trim_start_matches("0x").to_owned();
    u64::from_str_radix(&address, 16).expect("hexadecimal")
}
