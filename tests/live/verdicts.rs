//! Four real processes, one of each shape: recorded look by look, and told apart.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::thread;

use serde_json::Value;

use super::support::{Python, Target, command, leakspy, pythons};

/// Looks at each.
const LOOKS: usize = 300;

/// Records a fixture that goes on by a tick after each look, and asks for the verdict.
fn verdict(python: &Python, shape: &str) -> Value {
    let mut target = Target::start(python, "shapes.py", &[shape]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.jsonl");
    let mut file = fs::File::create(&path).unwrap();
    let (pid, times) = (target.pid.to_string(), LOOKS.to_string());
    let mut record = command(&["record", "--pid", &pid, "--every", "50ms", "--times", &times, "--light"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut looks = 0;
    for line in BufReader::new(record.stdout.take().unwrap()).lines().map_while(Result::ok) {
        writeln!(file, "{line}").unwrap();
        if line.contains("\"rss_bytes\"") {
            looks += 1;
            target.ask("tick");
        }
    }
    assert!(record.wait().unwrap().success());
    assert_eq!(looks, LOOKS, "{shape}");
    target.assert_unharmed();

    let path = path.to_str().unwrap();
    let said = leakspy(&["plot", path]).expect(0);
    let answer: Value = serde_json::from_str(&leakspy(&["plot", path, "--json"]).expect(0).stdout).unwrap();
    assert_eq!(answer["schema"], "leakspy/plot/1");
    let process = answer["processes"][0].clone();
    assert_eq!(process["pid"], target.pid);
    let words = process["verdict"]["words"].as_str().unwrap();
    assert!(said.stdout.starts_with(words.split(' ').next().unwrap()), "the verdict comes first: {}", said.stdout);
    process["verdict"].clone()
}

#[test]
fn each_shape_is_told_for_what_it_is() {
    let python =
        pythons().iter().find(|python| python.minor() == (3, 11)).or(pythons().first()).expect("an interpreter");
    let told: Vec<(&str, &str, Value)> = thread::scope(|scope| {
        let shapes = [("sawtooth", "sawtooth"), ("explosion", "early_explosion"), ("surge", "surge"), ("leak", "leak")];
        let running: Vec<_> =
            shapes.into_iter().map(|(name, kind)| (name, kind, scope.spawn(move || verdict(python, name)))).collect();
        running.into_iter().map(|(name, kind, thread)| (name, kind, thread.join().expect(name))).collect()
    });
    for (name, kind, verdict) in &told {
        assert_eq!(verdict["kind"], *kind, "{name}: {verdict:#}");
    }
    let mib = f64::from(1 << 20);
    let jump = told[2].2["jumps"][0]["bytes"].as_f64().unwrap() / mib;
    assert!((24.0..=36.0).contains(&jump), "30 MiB came at once: {jump}");
    // 128 KiB a look, at some 20 looks a second.
    let leak = &told[3].2;
    let [low, high] = ["slope_low", "slope_high"].map(|key| leak[key].as_f64().unwrap() / LOOKS as f64);
    let span = leak["span_seconds"].as_f64().unwrap() / 3600.0;
    let real = 0.125 * mib / span;
    assert!(low * 0.9 <= real && real <= high * 1.1, "{low} to {high}, and in truth {real}: {leak:#}");
}

#[test]
fn what_is_no_recording_is_refused_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let foreign = at("foreign", "this is\nno recording\n");
    leakspy(&["plot", &foreign])
        .expect_words(4, &["cannot read the recording", "no recording of leakspy's", "leakspy record"]);
    let empty = at("empty", "");
    leakspy(&["plot", &empty]).expect_words(4, &["no looks in it", "leakspy record"]);
    leakspy(&["plot", "/no/such/file"]).expect_words(2, &["cannot read the recording", "leakspy record"]);
}
