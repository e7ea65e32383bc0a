//! What people and programs read: `ps`, `info`, tables, CSV, files.

use serde_json::Value;

use super::support::*;

#[test]
fn ps_and_info_know_each_target() {
    each_python(|python| {
        let mut target = Target::start(python, "heap.py", &["100"]);
        let pid = target.pid.to_string();
        let table = leakspy(&["ps"]).expect(0).stdout;
        let line = table.lines().find(|line| line.split_whitespace().any(|word| word == pid));
        let line = line.unwrap_or_else(|| panic!("no {pid} in\n{table}"));
        let (major, minor) = python.minor();
        assert!(line.contains(&format!("{major}.{minor}")), "{line}");

        let all: Value = serde_json::from_str(&leakspy(&["ps", "--json"]).expect(0).stdout).unwrap();
        assert!(all["schema"].as_str().unwrap().starts_with("leakspy/ps/"));

        let info = leakspy(&["info", "--pid", &pid]).expect(0).stdout;
        assert!(info.contains(&python.version), "{info}");
        let info: Value = serde_json::from_str(&leakspy(&["info", "--json", "--pid", &pid]).expect(0).stdout).unwrap();
        assert!(info["schema"].as_str().unwrap().starts_with("leakspy/info/"));
        target.assert_unharmed();
    });
}

#[test]
fn a_table_a_list_and_a_file() {
    let python = pythons().last().expect("an interpreter");
    let mut target = Target::start(python, "heap.py", &["5000"]);
    let pid = target.pid.to_string();

    let table = leakspy(&["types", "--pid", &pid]).expect(0);
    assert!(table.stdout.contains("__main__.Plain") && table.stdout.contains(" more"), "{}", table.stdout);
    assert!(table.stderr.contains("ms"), "the line with the pause is not on standard error: {}", table.stderr);
    assert!(!table.stdout.contains('\u{1b}'), "colour without a terminal");

    let few = leakspy(&["types", "--pid", &pid, "--limit", "3"]).expect(0).stdout;
    let all = leakspy(&["types", "--pid", &pid, "--limit", "0"]).expect(0).stdout;
    assert!(few.lines().count() < table.stdout.lines().count() && table.stdout.lines().count() < all.lines().count());

    let csv = leakspy(&["types", "--format", "csv", "--pid", &pid]).expect(0).stdout;
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().starts_with("type,count,bytes"), "{csv:.200}");
    assert!(lines.any(|line| line.starts_with("__main__.Plain,500,")), "{csv:.2000}");

    let filtered = types(target.pid, &["--filter", r"^__main__\."]);
    assert!(filtered.rows.keys().all(|name| name.starts_with("__main__.")));
    assert_eq!(filtered.row("__main__.Plain").count, 500);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("types.json");
    let said = leakspy(&["types", "--json", "--pid", &pid, "--output", file.to_str().unwrap()]).expect(0);
    assert_eq!(said.stdout, "");
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(written["schema"], "leakspy/types/1");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something lies beside the file");
    target.assert_unharmed();
}

#[test]
fn help_lists_what_there_is() {
    let help = leakspy(&["--help"]).expect(0).stdout;
    for name in ["types", "ps", "info"] {
        assert!(help.contains(name), "{help}");
    }
    let options = leakspy(&["types", "--help"]).expect(0).stdout;
    for name in [
        "--pid",
        "--format",
        "--json",
        "--output",
        "--limit",
        "--sort",
        "--filter",
        "--nonblocking",
        "--pause-budget",
        "--max-memory",
        "--offsets",
        "--color",
    ] {
        assert!(options.contains(name), "no {name} in {options}");
    }
    assert!(leakspy(&["--version"]).expect(0).stdout.starts_with("leakspy "));
}
