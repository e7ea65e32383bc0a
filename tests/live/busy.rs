//! A target that allocates in many threads all the time.

use super::support::*;

#[test]
fn looks_at_a_busy_target_are_within_what_it_holds() {
    each_python(|python| {
        let mut target = Target::start(python, "busy.py", &["4"]);
        let name = target.ready["type"].as_str().unwrap().to_owned();
        let (least, most) = (target.ready["bounds"][0].as_u64().unwrap(), target.ready["bounds"][1].as_u64().unwrap());
        let looks = if long() || python.is_distributions() || python.minor() == (3, 13) { 100 } else { 25 };
        for look in 0..looks {
            let seen = types(target.pid, &[]);
            assert_free(target.pid);
            let held = seen.row(&name).count;
            assert!((least..=most).contains(&held), "look {look}: {held} of {name}, but it holds {least} to {most}");
            let objects = seen.totals["objects"].as_u64().unwrap();
            let skipped = seen.capture["skipped"].as_u64().unwrap();
            assert!(skipped * 1000 <= objects, "look {look}: {skipped} of {objects} are torn");
        }
        target.assert_unharmed();
    });
}

#[test]
fn a_target_whose_main_thread_has_exited_is_read() {
    each_python(|python| {
        let mut target = Target::start(python, "busy.py", &["3", "--main-exits"]);
        assert_eq!(target.ready["main"], "exited");
        assert_eq!(state(target.pid, target.pid), Some('Z'));
        let name = target.ready["type"].as_str().unwrap().to_owned();
        let (least, most) = (target.ready["bounds"][0].as_u64().unwrap(), target.ready["bounds"][1].as_u64().unwrap());
        for _ in 0..5 {
            let held = types(target.pid, &[]).row(&name).count;
            assert!((least..=most).contains(&held), "{held} of {name}, but it holds {least} to {most}");
            target.assert_unharmed();
        }
        target.ask("work 100");
    });
}
