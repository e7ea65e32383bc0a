//! A watched process: what its collector counts, against what it says of itself; and what is said once it is another.

use leakspy::capture::{Error, Options, Watch, take};
use leakspy::heap::GenerationPoint;
use serde_json::Value;

use super::support::*;

fn watch(target: &Target) -> Watch {
    target.settle();
    Watch::open(&Options::new(target.pid as i32)).unwrap_or_else(|error| panic!("{error:?}"))
}

fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// All but the count of the youngest: telling it makes objects.
fn assert_told(seen: &[GenerationPoint], told: &Value) {
    assert_eq!(seen.len(), 3, "{seen:?}");
    for (n, of) in seen.iter().enumerate() {
        if n > 0 {
            assert_eq!(of.count, whole(&told["count"][n]), "generation {n}: {seen:?}, {told}");
        }
        let seen = [of.collections, of.collected, of.uncollectable];
        match told["stats"].as_array() {
            Some(stats) => assert_eq!(seen, [0, 1, 2].map(|i| Some(whole(&stats[n][i]))), "generation {n}: {told}"),
            None => assert_eq!(seen, [None; 3], "nobody tells"),
        }
    }
}

#[test]
fn the_collector_counts_as_the_interpreter_says() {
    each_python(|python| {
        let mut target = Target::start(python, "collector.py", &[]);
        let mut watch = watch(&target);
        let mut before = 0;
        for (generation, times) in [(2, 1), (1, 4), (0, 6), (0, 1), (1, 1), (0, 3)] {
            target.ask(&format!("collect {generation} {times}"));
            let told = target.ask("counters");
            target.settle();
            let pulse = watch.pulse();
            assert_told(&pulse, &told);
            let look = watch.look().unwrap();
            assert_eq!(look.details.gc, pulse, "the copy tells what the idle process told");
            assert_eq!(look.details.collectors, std::slice::from_ref(&pulse));
            // objects that are held twice, or freed and counted: only some of each answer's own
            let collected: u64 = pulse.iter().filter_map(|of| of.collected).sum();
            if told["stats"].is_array() {
                assert!(collected >= before + 7 * times, "{collected} after {before}");
                before = collected;
            }
        }
        // The youngest: the same question leaves the same trace, and what is kept stands out from it.
        let mut told = Vec::new();
        let mut seen = Vec::new();
        for step in 0..6 {
            if step == 3 {
                // some of them come from the interpreter's own reserve, which it does not count
                target.ask("keep 50000");
            }
            told.push(whole(&target.ask("counters")["count"][0]));
            target.settle();
            seen.push(watch.pulse()[0].count);
        }
        assert_eq!(seen[2] - seen[1], told[2] - told[1], "{seen:?}, {told:?}");
        assert_eq!(seen[5] - seen[4], told[5] - told[4], "{seen:?}, {told:?}");
        assert!(seen[5].abs_diff(told[5]) < 20 && seen[5] > 49_000, "{seen:?}, {told:?}");
        target.assert_unharmed();
    });
}

#[test]
fn info_tells_the_collections() {
    each_python(|python| {
        let mut target = Target::start(python, "collector.py", &[]);
        target.ask("collect 1 11");
        let told = target.ask("counters");
        target.settle();
        let pid = target.pid.to_string();
        let said = leakspy(&["info", "--pid", &pid, "--json"]).expect(0);
        let info: Value = serde_json::from_str(&said.stdout).unwrap();
        let generations = &info["gc"][0]["generations"];
        assert_eq!(generations[2]["count"], told["count"][2]);
        let collections = if told["stats"].is_array() { told["stats"][1][0].clone() } else { Value::Null };
        assert_eq!(generations[1]["collections"], collections, "{generations}");
        let text = leakspy(&["info", "--pid", &pid]).expect(0).stdout;
        assert_eq!(text.contains("collections by generation: "), told["stats"].is_array(), "{text}");
    });
}

#[test]
fn interpreters_are_summed() {
    each_python(|python| {
        let target = Target::start(python, "interpreters.py", &[]);
        let look = watch(&target).look().unwrap();
        let each = &look.details.collectors;
        // to 3.8 there is one collector for all
        let own = python.minor() >= (3, 9);
        let interpreters = if own { whole(&target.ready["interpreters"]) } else { 1 };
        assert_eq!(each.len() as u64, interpreters, "{each:?}");
        let sum: u64 = each.iter().map(|of| of[0].count).sum();
        assert_eq!(look.details.gc[0].count, sum);
        if own {
            // collections of each begin with its own
            assert!(each.iter().all(|of| of.len() == 3 && of[0].collections.is_some()), "{each:?}");
            let stats: u64 = each.iter().filter_map(|of| of[2].collections).sum();
            assert_eq!(look.details.gc[2].collections, Some(stats));
        }
    });
}

#[test]
fn a_process_that_ended_is_gone() {
    each_python(|python| {
        let mut target = Target::start(python, "collector.py", &[]);
        let mut watch = watch(&target);
        watch.look().unwrap();
        target.kill();
        assert!(matches!(watch.look(), Err(Error::Gone { .. })), "{:?}", watch.look().map(|_| ()));
        assert!(watch.pulse().is_empty());
    });
}

#[test]
fn a_process_that_runs_another_program_has_changed() {
    each_python(|python| {
        // uWSGI reloads by becoming itself anew: the same program, PID and start, and nothing is where it was.
        for what in ["python", "sh"] {
            let mut target = Target::start(python, "collector.py", &[]);
            let mut watch = watch(&target);
            watch.look().unwrap();
            target.ask(&format!("become {what}"));
            assert!(matches!(watch.look(), Err(Error::Changed { .. })), "{what}: {:?}", watch.look().map(|_| ()));
            assert!(watch.pulse().is_empty(), "{what}");
            assert_free(target.pid);
        }
    });
}

#[test]
fn each_look_at_a_heap_that_grows_and_shrinks_is_as_good_as_the_first() {
    each_python(|python| {
        let mut target = Target::start(python, "heap.py", &["20000"]);
        let mut watch = watch(&target);
        let options = Options::new(target.pid as i32);
        let mut grown = 0;
        for step in 0..6 {
            match step {
                1 | 2 => grown += whole(&target.ask("grow plain 60000")["count"]),
                4 => {
                    target.ask("drop");
                    target.ask("collect");
                    grown = 0;
                }
                _ => {}
            }
            target.settle();
            let mut seen = watch.look().unwrap();
            let mut fresh = take(&options).unwrap();
            seen.census.types.sort_by(|a, b| a.name.cmp(&b.name));
            fresh.census.types.sort_by(|a, b| a.name.cmp(&b.name));
            assert_eq!(seen.census, fresh.census, "step {step}");
            assert!(seen.capture.consistent && seen.capture.frozen, "step {step}: {:?}", seen.capture);
            let plain = seen.census.types.iter().find(|t| t.name == "__main__.GrownPlain").map_or(0, |t| t.count);
            assert_eq!(plain, grown, "step {step}");
            if step == 3 {
                watch.rest();
            }
        }
        target.assert_unharmed();
    });
}
