//! Sizes, against sys.getsizeof, for the two hundred and more kinds of `fixtures/zoo.py`.

use std::collections::BTreeMap;

use super::support::*;

/// Starts the zoo and checks that it is one.
fn zoo(python: &Python) -> (Target, serde_json::Value) {
    let mut target = Target::start(python, "zoo.py", &[]);
    let made = target.ask("makeall");
    assert_eq!(made["failed"], serde_json::json!({}), "kinds that could not be made");
    (target, made)
}

#[test]
fn every_kind_has_its_type_and_size_at_its_address() {
    each_python(|python| {
        let (mut target, _) = zoo(python);
        let list = target.ask("list");
        let objects = list.as_array().unwrap();
        let kinds: std::collections::BTreeSet<&str> = objects.iter().map(|row| row[3].as_str().unwrap()).collect();
        assert!(kinds.len() >= 200, "only {} kinds", kinds.len());
        target.settle();
        let addresses: Vec<u64> = objects.iter().map(|row| row[0].as_u64().unwrap()).collect();
        let seen = sizes_at(target.pid, &addresses);
        let mut wrong = Vec::new();
        for row in objects {
            let (address, name, bytes, kind) =
                (row[0].as_u64().unwrap(), row[1].as_str().unwrap(), row[2].as_u64().unwrap(), &row[3]);
            match seen.get(&address) {
                None => wrong.push(format!("{kind}: no object at {address:#x}, a {name}")),
                Some((seen_name, seen_bytes)) => {
                    if *seen_bytes != bytes {
                        wrong.push(format!("{kind}: {name} at {address:#x} has {bytes} bytes, seen {seen_bytes}"));
                    }
                    if seen_name != name {
                        wrong.push(format!("{kind}: a {name} at {address:#x} is called {seen_name}"));
                    }
                }
            }
        }
        target.assert_unharmed();
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), objects.len(), wrong.join("\n"));
    });
}

#[test]
fn the_zoos_types_grow_by_count_and_bytes() {
    each_python(|python| {
        let mut target = Target::start(python, "zoo.py", &[]);
        let before = target.look(&[]);
        let made = target.ask("makeall");
        let after = target.look(&[]);
        let sums = measures(&made);
        let exact = made["exact"].as_array().unwrap();
        assert!(exact.len() > 150, "only {} types can be compared", exact.len());
        let mut wrong = Vec::new();
        for name in exact {
            let name = name.as_str().unwrap();
            let (was, is) = (before.row(name), after.row(name));
            let seen = (is.count.wrapping_sub(was.count), is.bytes.wrapping_sub(was.bytes));
            if seen != sums[name] {
                wrong.push(format!("{name}: (count, bytes) grew by {seen:?}, truth {:?}", sums[name]));
            }
        }
        assert!(wrong.is_empty(), "{} of {} types:\n{}", wrong.len(), exact.len(), wrong.join("\n"));
    });
}

#[test]
fn bytes_are_the_sum_of_getsizeof_where_all_are_tracked() {
    each_python(|python| {
        let (mut target, _) = zoo(python);
        let census = target.ask("census");
        let seen = target.look(&[]);
        let sums: BTreeMap<String, (u64, u64)> = measures(&census);
        let mut wrong = Vec::new();
        let mut compared = 0;
        for (name, (count, bytes)) in &sums {
            let row = seen.row(name);
            if row.tracked != *count {
                wrong.push(format!("{name}: tracked {}, truth {count}", row.tracked));
            } else if row.count == *count {
                compared += 1;
                if row.bytes != *bytes {
                    wrong.push(format!("{name}: {count} objects, bytes {}, truth {bytes}", row.bytes));
                }
            } else if row.bytes < *bytes {
                wrong.push(format!("{name}: bytes {} are less than those of the tracked ones, {bytes}", row.bytes));
            }
        }
        assert!(compared > 150, "only {compared} types can be compared");
        assert!(wrong.is_empty(), "{} of {} types:\n{}", wrong.len(), sums.len(), wrong.join("\n"));
    });
}
