//! Gigabytes that are no objects must cost no pause.

use super::support::*;

/// The shortest of a few pauses: what the machine does beside only ever adds.
fn pause(target: &mut Target) -> f64 {
    (0..5).map(|_| target.look(&[]).capture["pause_ms"].as_f64().unwrap()).fold(f64::INFINITY, f64::min)
}

fn compare(python: &Python, gigabytes: &str, more: &[&str]) {
    let arguments = |size: &'static str| [&[size, "100000"], more].concat();
    let mut without = Target::start(python, "arrays.py", &arguments("0"));
    let alone = pause(&mut without);
    drop(without);
    let mut with = Target::start(python, "arrays.py", &[&[gigabytes, "100000"], more].concat());
    let truth = with.ask("tracked");
    assert_tracked(&with.look(&[]), &truth);
    let beside = pause(&mut with);
    tell(&format!("{}: pause {beside:.1} ms beside {gigabytes} GB, {alone:.1} ms without", python.version));
    // A few milliseconds are noise on a shared machine.
    assert!(beside <= 3.0 * alone.max(3.0), "pause {beside} ms beside {gigabytes} GB, {alone} ms without");
}

#[test]
fn raw_data_of_the_standard_library_costs_no_pause() {
    each_python(|python| compare(python, "0.5", &["--plain"]));
}

#[test]
fn two_gigabytes_of_numpy_arrays_cost_no_pause() {
    let path = root().join(".venv/test/bin/python");
    let has_numpy =
        std::process::Command::new(&path).args(["-c", "import numpy"]).output().is_ok_and(|said| said.status.success());
    if !has_numpy {
        skip("no .venv/test with numpy; scripts/test makes it");
        return;
    }
    let version = std::process::Command::new(&path)
        .args(["-c", "import platform; print(platform.python_version())"])
        .output()
        .unwrap();
    let version = String::from_utf8(version.stdout).unwrap().trim().to_owned();
    compare(&Python { version, path }, "2", &[]);
}
