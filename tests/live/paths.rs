//! Why is it alive? The first path to each leak, against what `fixtures/leaks.py`, `libraries.py` and `ranking.py` say of it.

use leakspy::analysis::{self, PathsOptions};
use leakspy::capture::{self, Graph, Options};
use leakspy::heap::Id;
use leakspy::report::json;
use regex::Regex;
use serde_json::Value;

use super::support::*;

/// `leakspy paths --pid PID --type TYPE --json`, which must succeed and keep the contract.
#[track_caller]
pub fn paths(pid: u32, type_name: &str) -> Value {
    let said = leakspy(&["paths", "--pid", &pid.to_string(), "--type", type_name, "--json"]).expect(0);
    let answer = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout));
    checked(answer, type_name)
}

/// The same answer to many questions, from one look.
struct Held(Graph);

impl Held {
    fn by(pid: u32) -> Held {
        Held(capture::graph(&Options::new(pid.cast_signed())).expect("a look"))
    }

    fn paths(&self, type_name: &str) -> Value {
        let heap = &self.0.heap;
        let ids: Vec<Id> = heap.objects.ids().filter(|id| heap.type_name(*id) == type_name).collect();
        let found = analysis::paths(heap, &ids, &PathsOptions::default());
        let mut answer = Vec::new();
        json::paths(&mut answer, &found, type_name, heap, &self.0.capture).expect("rendered");
        checked(serde_json::from_slice(&answer).expect("JSON"), type_name)
    }
}

/// Does an answer keep the contract?
fn checked(answer: Value, type_name: &str) -> Value {
    assert_eq!(answer["schema"], "leakspy/paths/1");
    assert_eq!(answer["type"], type_name);
    for path in answer["paths"].as_array().expect("paths is a list") {
        assert!(path["text"].is_string() && path["bytes"].is_u64() && path["fingerprint"].is_string(), "{path}");
        assert!(path["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{path}");
    }
    answer
}

/// The text of the first path; none where nothing leads there.
pub fn first(answer: &Value) -> Option<&str> {
    answer["paths"][0]["text"].as_str()
}

/// What is wrong with an answer, by the truth about a case; nothing if all is right.
fn wrong(answer: &Value, truth: &Value) -> Option<String> {
    let name = truth["type"].as_str().unwrap();
    let seen = first(answer);
    let right = match truth["expect"].as_str() {
        None => seen.is_none(),
        Some(text) if truth["exact"] == true => seen == Some(text),
        Some(pattern) => {
            let pattern = Regex::new(&format!("^(?:{pattern})$")).expect("a pattern");
            seen.is_some_and(|seen| pattern.is_match(seen))
        }
    };
    let number = |key: &str| truth[key].as_u64();
    if !right {
        Some(format!("{name}: expected {}, first of {}", truth["expect"], texts(answer)))
    } else if answer["objects"].as_u64() != number("count") {
        Some(format!("{name}: {} objects, not {}", answer["objects"], truth["count"]))
    } else if number("unreached").is_some_and(|unreached| answer["unreached"].as_u64() != Some(unreached)) {
        Some(format!("{name}: {} unreached, not {}", answer["unreached"], truth["unreached"]))
    } else if number("first").is_some_and(|count| count > 0 && answer["paths"][0]["count"].as_u64() != Some(count)) {
        Some(format!("{name}: {} on the first path, not {}", answer["paths"][0]["count"], truth["first"]))
    } else {
        None
    }
}

/// All texts with their counts, for a message.
fn texts(answer: &Value) -> String {
    let paths = answer["paths"].as_array().unwrap();
    let texts: Vec<String> = paths.iter().take(5).map(|path| format!("{} ×{}", path["text"], path["count"])).collect();
    format!("[{}], {} of {} unreached", texts.join(", "), answer["unreached"], answer["objects"])
}

/// Asks for the first path of every case of a fixture; which were asked.
fn every_case(python: &Python, fixture: &str) -> Vec<String> {
    let mut target = Target::start(python, fixture, &[]);
    let told = target.ask("cases");
    let cases = told["cases"].as_object().unwrap();
    target.settle();
    let held = Held::by(target.pid);
    let mut failed = Vec::new();
    for (case, truth) in cases {
        let answer = held.paths(truth["type"].as_str().unwrap());
        if let Some(wrong) = wrong(&answer, truth) {
            failed.push(format!("{case}: {wrong}"));
        }
        // Where a type's memory had to be scanned for references, that is said.
        let inferred = answer["paths"][0]["inferred"].as_bool();
        if truth["inferred"].as_bool().is_some_and(|expected| inferred.unwrap_or(false) != expected) {
            failed.push(format!("{case}: inferred is {inferred:?} on {}", texts(&answer)));
        }
    }
    // A user's own question gets the same answer.
    let asked = cases.values().next().and_then(|truth| truth["type"].as_str()).expect("a case");
    assert_eq!(paths(target.pid, asked)["paths"], held.paths(asked)["paths"]);
    target.assert_unharmed();
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), cases.len(), failed.join("\n"));
    cases.keys().cloned().collect()
}

#[test]
fn each_leak_is_found_by_one_question() {
    each_python(|python| {
        let asked = every_case(python, "leaks.py");
        assert!(asked.len() >= 60, "only {} cases", asked.len());
    });
}

#[test]
fn each_leak_through_a_package_is_found_by_one_question() {
    each_python(|python| {
        let asked = every_case(python, "libraries.py");
        for case in ["beautiful_soup", "networkx_links"] {
            if !asked.iter().any(|name| name == case) {
                skip(&format!("no package for {case} on {}; scripts/packages installs it", python.version));
            }
        }
        let extensions = asked.iter().filter(|name| !matches!(name.as_str(), "beautiful_soup" | "networkx_links"));
        if matches!(python.minor(), (3, 8 | 11 | 13)) && extensions.count() < 8 {
            skip(&format!("not all extensions on {}; scripts/packages installs them", python.version));
        }
    });
}

#[test]
fn the_first_path_names_the_holder_that_the_author_would() {
    each_python(|python| {
        if python.minor() < (3, 7) {
            return; // ranking.py needs contextvars and dataclasses
        }
        let mut target = Target::start(python, "ranking.py", &[]);
        let told = target.ask("questions");
        let questions = told["questions"].as_array().unwrap();
        assert!(questions.len() >= 40, "only {} questions", questions.len());
        target.settle();
        let held = Held::by(target.pid);
        let mut missed = Vec::new();
        for question in questions {
            let answer = held.paths(question["type"].as_str().unwrap());
            let holder = Regex::new(&format!("^(?:{})", question["holder"].as_str().unwrap())).expect("a pattern");
            assert_eq!(answer["objects"], question["count"], "{question}");
            if !first(&answer).is_some_and(|text| holder.is_match(text)) {
                missed.push(format!("{}: {}: {}", question["why"], question["holder"], texts(&answer)));
            }
        }
        target.assert_unharmed();
        tell(&format!(
            "{}: {} of {} holders, seed {}",
            python.version,
            questions.len() - missed.len(),
            questions.len(),
            told["seed"]
        ));
        assert!(
            missed.len() * 20 <= questions.len(),
            "seed {}: {} of {} missed:\n{}",
            told["seed"],
            missed.len(),
            questions.len(),
            missed.join("\n")
        );
    });
}
