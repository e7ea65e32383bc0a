//! Counts, against what the interpreter says of itself.

use super::support::*;

fn tracked_equal(objects: &str) {
    each_python(|python| {
        let mut target = Target::start(python, "heap.py", &[objects]);
        let truth = target.ask("tracked");
        let seen = target.look(&[]);
        assert_tracked(&seen, &truth);

        // What the collector does not track is counted too: all that the heap was made of.
        for (name, (count, bytes)) in measures(&target.ask("sizes")) {
            let row = seen.row(&name);
            assert!(
                row.count >= count && row.bytes >= bytes,
                "{name}: {row:?}, but {count} with {bytes} bytes were made"
            );
            if name.starts_with("__main__.") {
                assert_eq!((row.count, row.bytes), (count, bytes), "{name}");
            }
        }

        let coverage = seen.capture["coverage"]["ratio"].as_f64().expect("coverage.ratio");
        assert!((0.99..=1.0).contains(&coverage), "coverage {coverage}");
        assert_eq!(seen.capture["frozen"], true);
        assert_eq!(seen.capture["consistent"], true);
        assert_eq!(seen.capture["skipped"], 0);
        assert_eq!(seen.capture["source"], "process");
        assert_eq!(seen.capture["pid"], target.pid);
        assert_eq!(seen.capture["python"], python.version.as_str());
        assert!(seen.capture["pause_ms"].as_f64().expect("pause_ms") > 0.0);
        // The image of a small heap is small beside the program itself.
        let rss = target.ask("rss")["rss"].as_u64().unwrap();
        if rss > 100 << 20 {
            assert!(seen.said.peak as f64 <= 1.6 * rss as f64, "peak {} for a target of {rss}", seen.said.peak);
        }
    });
}

#[test]
fn tracked_equals_gc_get_objects_with_100_thousand() {
    tracked_equal("100000");
}

#[test]
fn tracked_equals_gc_get_objects_with_a_million() {
    if cfg!(debug_assertions) && !long() {
        tell("SKIPPED: a million objects only with --release or LEAKSPY_LONG");
        return;
    }
    tracked_equal("1000000");
}

#[test]
fn growth_is_seen_to_the_object_and_the_byte() {
    each_python(|python| {
        let mut target = Target::start(python, "heap.py", &["1000"]);
        let kinds: Vec<String> =
            target.ask("kinds").as_array().unwrap().iter().map(|kind| kind.as_str().unwrap().to_owned()).collect();
        assert_eq!(kinds.len(), 10);
        for kind in kinds {
            assert_growth(&mut target, &kind, 5000);
        }
        // And down again: what lies on free lists is dead.
        target.ask("drop");
        let after = target.look(&[]);
        for name in ["__main__.GrownPlain", "__main__.GrownSlotted"] {
            assert_eq!(after.row(name).count, 0, "{name}");
        }
    });
}

#[test]
fn the_permanent_generation_is_seen_and_not_called_tracked() {
    each_python(|python| {
        if python.minor() < (3, 7) {
            return;
        }
        let mut target = Target::start(python, "heap.py", &["20000", "--gc-freeze"]);
        let truth = target.ask("tracked");
        let seen = target.look(&[]);
        assert_tracked(&seen, &truth);
        assert_eq!(seen.row("__main__.Plain").count, 2000);
        assert_eq!(seen.row("__main__.Plain").tracked, 0);
        assert_eq!(seen.row("__main__.Slotted").count, 1000);
    });
}

#[test]
fn what_stands_in_static_data_counts_though_nothing_points_to_it() {
    each_python(|python| {
        if python.minor() < (3, 11) {
            return;
        }
        let mut target = Target::start(python, "heap.py", &["1000"]);
        target.settle();
        let pid = target.pid.to_string();
        for (name, size) in [("builtins.bytes", 34), ("builtins.str", 50)] {
            let found = leakspy(&["find", "--pid", &pid, "--type", name, "-n", "0", "--json"]).expect(0).stdout;
            let found: serde_json::Value = serde_json::from_str(&found).unwrap();
            let objects = found["objects"].as_array().unwrap();
            let single = objects.iter().filter(|object| object["bytes"] == size).count();
            // One each of bytes, and the same half of the strings; what is made at run time may equal them.
            let floor = if size == 34 { 256 } else { 128 };
            assert!(single >= floor, "{name}: {single} of one character");
        }
        target.assert_unharmed();
    });
}

#[test]
fn two_looks_at_an_idle_target_are_the_same() {
    each_python(|python| {
        let mut target = Target::start(python, "heap.py", &["5000"]);
        target.look(&[]);
        target.settle();
        assert_eq!(types(target.pid, &[]).rows, types(target.pid, &[]).rows);
        target.assert_unharmed();
    });
}

#[test]
fn a_small_memory_limit_is_kept_and_the_histogram_is_the_same() {
    each_python(|python| {
        let objects = if cfg!(debug_assertions) { "100000" } else { "1000000" };
        let mut target = Target::start(python, "heap.py", &[objects]);
        // Nothing is asked in between: what runs no code cannot change.
        target.settle();
        let full = types(target.pid, &[]);
        let pieces = types(target.pid, &["--max-memory", "64MiB"]);
        target.assert_unharmed();
        let wrong: Vec<String> = full
            .rows
            .iter()
            .filter(|(name, row)| pieces.row(name) != **row)
            .map(|(name, row)| format!("{name}: {row:?} in full, {:?} in pieces", pieces.row(name)))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(full.rows.len(), pieces.rows.len());
        assert!(pieces.said.peak <= 64 << 20, "peak {} of 64 MiB", pieces.said.peak);
    });
}

#[test]
fn nonblocking_never_stops_the_target() {
    let traced = on_path("strace");
    if !traced {
        skip("no strace: whether --nonblocking calls ptrace is not watched");
    }
    each_python(|python| {
        let mut target = Target::start(python, "heap.py", &["20000"]);
        let truth = target.ask("tracked");
        let seen = target.look(&["--nonblocking"]);
        assert_eq!(seen.capture["frozen"], false);
        // Nobody changes an idle heap, so it is right all the same.
        assert_tracked(&seen, &truth);
        if traced {
            let calls = tempfile::NamedTempFile::new().unwrap();
            let mut command = std::process::Command::new("strace");
            command.args(["-f", "-e", "trace=ptrace,kill,tkill,tgkill", "-o"]).arg(calls.path());
            command.args([program(), "types", "--nonblocking", "--json", "--pid", &target.pid.to_string()]);
            finish(command).expect(0);
            let calls = std::fs::read_to_string(calls.path()).unwrap();
            assert!(!calls.contains("ptrace(") && !calls.contains("kill("), "{calls}");
        }
    });
}
