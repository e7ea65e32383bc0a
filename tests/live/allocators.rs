//! Where objects are: other allocators, other interpreters of the process, and what no arena holds.

use std::process::Command;

use super::support::*;

#[test]
fn every_allocator_gives_the_same_counts() {
    each_python(|python| {
        if python.minor() < (3, 6) {
            return; // 2.7 knows no PYTHONMALLOC
        }
        for (wanted, told) in [
            ("pymalloc", "pymalloc"),
            ("malloc", "malloc"),
            ("pymalloc_debug", "pymalloc_debug"),
            ("malloc_debug", "malloc_debug"),
        ] {
            let mut command = Command::new(&python.path);
            command.arg(fixture("heap.py")).arg("20000").env("PYTHONMALLOC", wanted);
            let mut target = Target::run(command);
            let truth = target.ask("tracked");
            let seen = target.look(&[]);
            assert_eq!(seen.capture["build"]["allocator"], told);
            assert_tracked(&seen, &truth);
            if wanted.starts_with("pymalloc") {
                assert!(seen.capture["coverage"]["ratio"].as_f64().unwrap() >= 0.99, "{}", seen.capture);
            } else {
                assert!(seen.capture["coverage"]["ratio"].is_null(), "{}", seen.capture);
            }
            // What the collector does not track: all that the heap was made of, and each one made since.
            for (name, (count, _)) in measures(&target.ask("sizes")) {
                assert!(seen.row(&name).count >= count, "{wanted}, {name}: {:?} of {count}", seen.row(&name));
            }
            for kind in ["str", "int", "float", "bytes", "slotted"] {
                assert_growth(&mut target, kind, 1000);
            }
        }
    });
}

#[test]
fn every_interpreter_of_a_process_is_read() {
    each_python(|python| {
        let mut target = Target::start(python, "interpreters.py", &[]);
        let made = target.ready["made"].as_u64().unwrap();
        assert!(made > 0 || python.minor() < (3, 8), "no subinterpreters on {}", python.version);
        let seen = target.look(&[]);
        assert_eq!(seen.row("__main__.Sub").count, made);
        assert_eq!(seen.capture["skipped"], 0);
        let told = leakspy(&["info", "--json", "--pid", &target.pid.to_string()]).expect(0);
        let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
        assert_eq!(told["interpreters"], target.ready["interpreters"]);
    });
}

#[test]
fn large_objects_are_counted_to_the_byte() {
    each_python(|python| {
        let mut target = Target::start(python, "large.py", &[]);
        let made = target.ask("make");
        let made = made.as_array().unwrap();
        assert!(made.len() > 900);
        target.settle();
        let addresses: Vec<u64> = made.iter().map(|object| object[0].as_u64().unwrap()).collect();
        let seen = sizes_at(target.pid, &addresses);
        for object in made {
            let truth = (object[1].as_str().unwrap().to_owned(), object[2].as_u64().unwrap());
            assert_eq!(seen.get(&object[0].as_u64().unwrap()), Some(&truth), "{object}");
        }
    });
}
