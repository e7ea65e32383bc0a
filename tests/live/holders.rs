//! `find`, `show`, `referrers` and `audit`, against a program that knows its own holders.

use serde_json::{Value, json};

use super::support::*;

fn answer(pid: u32, arguments: &[&str]) -> Value {
    let pid = pid.to_string();
    let mut all = arguments.to_vec();
    all.extend(["--json", "--pid", &pid]);
    serde_json::from_str(&leakspy(&all).expect(0).stdout).expect("JSON")
}

fn hex(address: &Value) -> String {
    format!("{:#x}", address.as_u64().expect("an address"))
}

fn builtin(python: &Python, name: &str) -> String {
    format!("{}.{name}", if python.minor() < (3, 0) { "__builtin__" } else { "builtins" })
}

#[test]
fn holders_are_what_the_program_says() {
    each_python(|python| {
        let mut target = Target::start(python, "holders.py", &["1000"]);
        let truth = target.ask("truth");
        target.settle();
        let pid = target.pid;
        let (list, tuple) = (hex(&truth["list"]), hex(&truth["tuple"]));

        let found = answer(pid, &["find", "--type", "__main__.Held"]);
        let mut expected: Vec<u64> =
            truth["held"].as_array().expect("a list").iter().map(|id| id.as_u64().expect("an id")).collect();
        expected.sort_unstable();
        let expected: Vec<String> = expected.iter().map(|id| format!("{id:#x}")).collect();
        let addresses: Vec<&str> = found["objects"]
            .as_array()
            .expect("objects")
            .iter()
            .map(|o| o["address"].as_str().expect("text"))
            .collect();
        assert_eq!(addresses, expected);
        assert_eq!(found["total"], 1000);
        assert_eq!(found["objects"][0]["bytes"], truth["size"]);
        assert_eq!(found["bytes"], 1000 * truth["size"].as_u64().expect("a size"));
        let sample = answer(pid, &["find", "--type", "Held", "--sample", "7"]);
        assert_eq!(sample["objects"].as_array().expect("objects").len(), 7);
        assert_eq!(sample["objects"], answer(pid, &["find", "--type", "Held", "--sample", "7"])["objects"]);

        // The second stands in the list and in the tuple.
        let second = hex(&truth["held"][1]);
        let shown = answer(pid, &["show", &second]);
        let object = &shown["object"];
        assert_eq!((&object["type"], &object["bytes"]), (&json!("__main__.Held"), &truth["size"]));
        assert_eq!(object["refcount"], 2);
        assert_eq!(object["references_found"], json!({"objects": 2, "roots": 0}));
        assert_eq!((&object["native"], &object["deficit"]), (&json!(0), &json!(0)));
        let referrers = shown["referrers"].as_array().expect("referrers");
        for (address, name) in [(&list, "list"), (&tuple, "tuple")] {
            let name = builtin(python, name);
            let one = referrers.iter().find(|one| one["address"] == **address);
            let one = one.unwrap_or_else(|| panic!("no {address} in {shown:#}"));
            assert_eq!((&one["edge"], &one["type"]), (&json!("[1]"), &json!(name)));
        }

        let merged = answer(pid, &["referrers", "--type", "__main__.Held"]);
        assert_eq!((&merged["objects"], &merged["references"]), (&json!(1000), &json!(1002)));
        let rows: Vec<(&Value, &Value, &Value, &Value)> = merged["referrers"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| (&row["edge"], &row["type"], &row["count"], &row["address"]))
            .collect();
        let (items, of_list, of_tuple) =
            (json!("[*]"), json!(builtin(python, "list")), json!(builtin(python, "tuple")));
        let (list, tuple) = (json!(list), json!(tuple));
        assert_eq!(rows, [(&items, &of_list, &json!(1000), &list), (&items, &of_tuple, &json!(2), &tuple)]);

        // What C alone holds.
        let lonely = answer(pid, &["show", &hex(&truth["lonely"])]);
        assert_eq!((&lonely["object"]["native"], &lonely["referrers"]), (&json!(2), &json!([])));
        let native = answer(pid, &["referrers", "--type", "Lonely", "--depth", "3"]);
        assert_eq!(native["referrers"][0]["edge"], "<native>");
        assert_eq!((&native["referrers"][0]["count"], &native["referrers"][0]["type"]), (&json!(2), &Value::Null));

        let audit = answer(pid, &["audit"]);
        let sum = |part: &str| audit[part]["objects"].as_u64().expect("a number");
        assert_eq!(
            audit["explained"].as_u64().expect("a number") + sum("surplus") + sum("deficit"),
            audit["mortal"].as_u64().expect("a number")
        );
        target.assert_unharmed();
    });
}

#[test]
fn an_address_that_is_no_object_is_wrong_usage_with_a_hint() {
    let python = pythons().last().expect("an interpreter");
    let mut target = Target::start(python, "holders.py", &["10"]);
    let truth = target.ask("truth");
    target.settle();
    let pid = target.pid.to_string();
    let first = truth["held"][0].as_u64().expect("an id");
    let amid = leakspy(&["show", "--pid", &pid, &format!("{}", first + 8)]);
    let hint = format!("leakspy show {first:#x} --pid {pid}");
    amid.expect_words(2, &["it lies in the __main__.Held", &hint]);
    leakspy(&["show", "--pid", &pid, "0x10"]).expect_words(2, &["no object begins there", "leakspy find"]);
    leakspy(&["referrers", "--pid", &pid, "--address", "0x10"]).expect_words(2, &["no object begins there"]);
    let none = leakspy(&["find", "--pid", &pid, "--type", "__main__.Hel", "--json"]).expect(0);
    assert!(none.stderr.contains("__main__.Held"), "{}", none.stderr);
    assert!(none.stdout.contains("\"total\": 0"), "{}", none.stdout);
    target.assert_unharmed();
}
