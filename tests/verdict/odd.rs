//! One generator for each case that is easily told wrong.

use leakspy::analysis::verdict::{Kind, Run, Sample, Series, Verdict, judge};

use super::generators::{Dice, MIB, Made, Noise, Recipe, Shape, noise};

/// A course in MiB over time from 0 to 1, with noise of a standard deviation of 1 MiB, unless it is said otherwise.
fn series(looks: usize, seed: u64, course: impl Fn(f64) -> f64) -> Series {
    let noise = noise(Noise::Gauss, looks, &mut Dice::new(seed));
    let sample = |(i, noise): (usize, f64)| {
        let bytes = (course(i as f64 / looks as f64) + noise) * MIB;
        Sample { at: 1.7e9 + i as f64 * 10.0, bytes: (bytes / 4096.0).round() * 4096.0, collections: None }
    };
    Series {
        runs: vec![Run { started: None, samples: noise.into_iter().enumerate().map(sample).collect() }],
        limit: None,
    }
}

/// What is told of most of twenty seeds at each length: of all but one.
#[track_caller]
fn assert_told(kind: Kind, course: impl Fn(f64) -> f64 + Copy) {
    for looks in [120, 600, 3000] {
        let told: Vec<Kind> = (0..20).map(|seed| judge(&series(looks, seed, course)).kind).collect();
        let right = told.iter().filter(|told| **told == kind).count();
        assert!(right >= 19, "{looks} looks: {right} of 20 are {kind:?}: {told:?}");
    }
}

fn phase(t: f64, period: f64) -> f64 {
    (t / period).fract()
}

#[test]
fn teeth_of_a_third_of_the_recording_are_no_leak() {
    for period in [0.3, 0.33, 0.36, 0.4] {
        assert_told(Kind::Sawtooth, move |t| 200.0 + 80.0 * phase(t + 0.07, period));
    }
}

#[test]
fn teeth_that_end_at_any_phase_are_no_leak() {
    for at in 0..10 {
        assert_told(Kind::Sawtooth, move |t| 200.0 + 60.0 * phase(t + f64::from(at) / 50.0, 0.2));
    }
}

#[test]
fn a_leak_is_found_below_teeth_of_its_own_size() {
    assert_told(Kind::Leak, |t| 200.0 + 100.0 * t + 100.0 * phase(t, 0.06));
}

#[test]
fn a_leak_in_stairs_is_a_leak_and_not_a_surge() {
    for stairs in [5.0, 8.0, 20.0] {
        assert_told(Kind::Leak, move |t| 200.0 + 100.0 * (t * stairs).floor() / stairs);
    }
}

#[test]
fn a_cache_that_fills_ever_more_slowly_is_no_leak() {
    assert_told(Kind::EarlyExplosion, |t| 200.0 + 100.0 * (1.0 - (-t / 0.1).exp()));
    assert_told(Kind::EarlyExplosion, |t| 200.0 + 40.0 * (1.0 + t.min(0.35) / 0.01).ln());
}

#[test]
fn a_surge_is_one_at_any_moment() {
    for at in [0.25, 0.4, 0.6, 0.8, 0.9] {
        assert_told(Kind::Surge, move |t| if t < at { 200.0 } else { 260.0 });
    }
}

#[test]
fn two_jumps_are_a_surge() {
    assert_told(Kind::Surge, |t| 200.0 + if t > 0.3 { 50.0 } else { 0.0 } + if t > 0.7 { 70.0 } else { 0.0 });
    let found = judge(&series(600, 1, |t| 200.0 + if t > 0.3 { 50.0 } else { 0.0 } + if t > 0.7 { 70.0 } else { 0.0 }));
    let told: Vec<(f64, f64)> = found
        .jumps
        .iter()
        .map(|jump| (((jump.from - 1.7e9) / 600.0).round() / 10.0, (jump.bytes / MIB / 10.0).round()))
        .collect();
    assert_eq!(told, [(0.3, 5.0), (0.7, 7.0)]);
}

#[test]
fn a_leak_that_begins_late_is_one() {
    assert_told(Kind::Leak, |t| 200.0 + 100.0 * (t - 0.5).max(0.0));
}

#[test]
fn a_leak_after_a_filling_cache_is_one() {
    assert_told(Kind::Leak, |t| 200.0 + 100.0 * (t / 0.1).min(1.0) + 80.0 * t);
}

#[test]
fn a_plateau_that_is_left_again_is_no_growth() {
    assert_told(Kind::Sawtooth, |t| 200.0 + if (0.2..0.6).contains(&t) { 80.0 } else { 0.0 });
    assert_told(Kind::Sawtooth, |t| 280.0 - 80.0 * ((t - 0.5) / 0.3).clamp(0.0, 1.0));
}

#[test]
fn a_drift_that_takes_years_is_no_leak_however_sure() {
    // 0.5 % of the level, and not a byte of noise.
    let straight = |mib: f64| {
        let mut series = series(1000, 0, |_| 0.0);
        for (i, sample) in series.runs[0].samples.iter_mut().enumerate() {
            sample.bytes = (1000.0 + mib * i as f64 / 1000.0) * MIB;
        }
        judge(&series)
    };
    assert_eq!(straight(5.0).kind, Kind::Sawtooth);
    assert_eq!(straight(30.0).kind, Kind::Leak);
}

#[test]
fn nights_in_which_nobody_looked_change_nothing() {
    let asleep = |course: fn(f64) -> f64| {
        let mut series = series(600, 3, course);
        for sample in &mut series.runs[0].samples[300..] {
            sample.at += 8.0 * 3600.0;
        }
        judge(&series)
    };
    let leak = asleep(|t| 200.0 + 60.0 * t);
    assert_eq!((leak.kind, leak.gaps), (Kind::Leak, 1));
    assert_eq!(asleep(|_| 200.0).kind, Kind::Sawtooth);
    assert_eq!(asleep(|t| if t < 0.7 { 200.0 } else { 250.0 }).kind, Kind::Surge);
}

#[test]
fn a_leak_is_one_through_restarts_even_of_short_lives() {
    for (points, restarts) in [(600, 3), (120, 7)] {
        let mut dice = Dice::new(5);
        let recipe = Recipe { shape: Shape::Rise(0.0), restarts, ..Recipe::flat(points) };
        let Made { series, .. } = recipe.make(&mut dice);
        let found = judge(&series);
        assert_eq!((found.kind, found.runs), (Kind::Leak, restarts + 1), "{found:?}");
        let flat = Recipe { restarts, ..Recipe::flat(points) }.make(&mut dice);
        assert_eq!(judge(&flat.series).kind, Kind::Sawtooth);
    }
}

#[test]
fn what_a_process_filled_long_ago_is_not_early() {
    let mut jump = series(600, 2, |t| if t < 0.1 { 200.0 } else { 260.0 });
    jump.runs[0].started = Some(1.7e9);
    assert_eq!(judge(&jump).kind, Kind::EarlyExplosion);
    jump.runs[0].started = Some(1.7e9 - 1e6);
    assert_eq!(judge(&jump).kind, Kind::Surge);
}

#[test]
fn the_slope_of_a_leak_lies_in_its_interval() {
    let mut within = 0;
    for seed in 0..100 {
        let Verdict { kind, trend, .. } = judge(&series(400, seed, |t| 200.0 + 80.0 * t));
        let trend = trend.expect("a trend");
        let real = 80.0 * MIB / 4000.0;
        assert_eq!(kind, Kind::Leak);
        assert!((trend.slope / real - 1.0).abs() < 0.05, "{}", trend.slope / real);
        within += usize::from(trend.low <= real && real <= trend.high);
    }
    // 95 % are promised; two standard deviations less.
    assert!(within >= 90, "{within} of 100");
}

#[test]
fn the_limit_is_reached_when_the_arithmetic_says() {
    let mut series = series(400, 1, |t| 200.0 + 80.0 * t);
    series.limit = Some(480.0 * MIB);
    let reach = judge(&series).reach.expect("a leak below a limit");
    // From 280 at the end to 480: 200 MiB at 80 in 4,000 s.
    let after = reach.at - (1.7e9 + 4000.0);
    assert!((after / 10_000.0 - 1.0).abs() < 0.06, "{after}");
    assert!(reach.earliest <= reach.at && reach.latest.is_some_and(|latest| latest >= reach.at));
}

#[test]
fn few_looks_are_too_short_and_strange_ones_do_no_harm() {
    assert_eq!(judge(&series(19, 1, |t| 200.0 + 500.0 * t)).kind, Kind::TooShort);
    assert_eq!(judge(&Series::default()).kind, Kind::TooShort);
    let same = |at: f64, bytes: f64| vec![Sample { at, bytes, collections: None }; 100];
    for samples in [same(0.0, 0.0), same(5.0, 1e18), same(f64::NAN, f64::NAN), same(1.0, f64::INFINITY)] {
        let found = judge(&Series { runs: vec![Run { started: None, samples }], limit: Some(0.0) });
        assert_ne!(found.kind, Kind::Leak);
    }
    let mut backwards = series(100, 1, |t| 200.0 + 50.0 * t);
    backwards.runs[0].samples.reverse();
    let _ = judge(&backwards);
}

/// What is told of ten seeds, where all must be told alike.
#[track_caller]
fn all_told(looks: usize, course: impl Fn(f64) -> f64 + Copy) -> Kind {
    let told: Vec<Kind> = (0..10).map(|seed| judge(&series(looks, seed, course)).kind).collect();
    assert!(told.iter().all(|kind| *kind == told[0]), "{looks} looks: {told:?}");
    told[0]
}

#[test]
fn a_process_seen_while_it_ends_is_told_by_what_was_before() {
    for looks in [120, 200, 600] {
        for last in 1..=4 {
            for left in [0.93, 0.83, 0.73, 0.6, 0.3, 0.0] {
                let ending = move |t: f64| if t > 1.0 - (last as f64 + 0.5) / looks as f64 { left } else { 1.0 };
                let leak = all_told(looks, move |t| (100.0 + 200.0 * t) * ending(t));
                assert_eq!(leak, Kind::Leak, "{looks} looks, the last {last} at {left}");
                let filled = all_told(looks, move |t| (100.0 + 200.0 * (t / 0.1).min(1.0)) * ending(t));
                assert_eq!(filled, Kind::EarlyExplosion, "{looks} looks, the last {last} at {left}");
                let jump = all_told(looks, move |t| if t < 0.5 { 200.0 } else { 300.0 } * ending(t));
                assert_eq!(jump, Kind::Surge, "{looks} looks, the last {last} at {left}");
                let flat = all_told(looks, move |t| (200.0 + 80.0 * phase(t, 0.11)) * ending(t));
                assert_eq!(flat, Kind::Sawtooth, "{looks} looks, the last {last} at {left}");
            }
        }
    }
    // In steps, as the kernel takes it.
    let steps = |t: f64| if t > 0.983 { 0.3 } else { 1.0 } * if t > 0.993 { 0.2 } else { 1.0 };
    assert_told(Kind::Leak, move |t| (100.0 + 200.0 * t) * if t > 0.9995 { 0.1 } else { 1.0 });
    assert_eq!(all_told(200, move |t| (100.0 + 200.0 * t) * steps(t)), Kind::Leak);
}

#[test]
fn a_leak_of_which_a_part_was_given_back_late_goes_on() {
    for at in [0.5, 0.7, 0.8, 0.9, 0.95] {
        for part in [0.1, 0.2] {
            assert_told(Kind::Leak, move |t| {
                100.0 + 200.0 * t - if t >= at { part * (100.0 + 200.0 * at) } else { 0.0 }
            });
        }
    }
}

#[test]
fn a_rise_over_half_of_the_recording_is_no_surge_at_its_first_look() {
    // It ended, and some of it was given back or nothing: what is left has been there since.
    for at in [0.5, 0.6, 0.7] {
        assert_told(Kind::EarlyExplosion, move |t| 100.0 + 200.0 * t.min(at));
        assert_told(Kind::EarlyExplosion, move |t| (100.0 + 200.0 * t.min(at)) * if t >= at { 0.85 } else { 1.0 });
    }
    // Given back so late that nobody knows whether it grows again.
    for looks in [120, 200, 600, 3000] {
        let kind = all_told(looks, |t| if t < 0.95 { 100.0 + 200.0 * t } else { 232.0 });
        assert_eq!(kind, Kind::TooShort);
    }
}

#[test]
fn looks_written_twice_are_seen_once() {
    for course in [|t: f64| 200.0 + 60.0 * t, |_| 200.0, |t| if t < 0.5 { 200.0 } else { 260.0 }] {
        let once = series(300, 4, course);
        let mut twice = once.clone();
        twice.runs[0].samples = once.runs[0].samples.iter().flat_map(|sample| [*sample, *sample]).collect();
        let (once, twice) = (judge(&once), judge(&twice));
        assert_eq!((twice.kind, twice.gaps), (once.kind, 0));
    }
}

/// Processes one after the other, each with so many looks, ten seconds and a little apart; a course in MiB over its age.
fn lives(many: usize, looks: usize, apart: f64, course: impl Fn(f64) -> f64) -> Series {
    let mut dice = Dice::new(11);
    let mut runs = Vec::new();
    for life in 0..many {
        let started = 1.7e9 + life as f64 * (looks as f64 * 10.0 + 60.0);
        let samples = (0..looks).map(|i| {
            let age = 5.0 + 10.0 * i as f64 + apart * dice.between(-1.0, 1.0);
            let bytes = (course(age) + 0.3 * dice.gauss()) * MIB;
            Sample { at: started + age, bytes: (bytes / 4096.0).round() * 4096.0, collections: None }
        });
        runs.push(Run { started: Some(started), samples: samples.collect() });
    }
    Series { runs, limit: None }
}

#[test]
fn what_short_lives_have_in_common_is_told_by_the_clock() {
    for (many, looks) in [(1, 20), (1, 23), (2, 12), (8, 15), (40, 6)] {
        // Workers that are looked at by one clock are of the same age at their looks, or nearly.
        for apart in [0.0, 0.02, 3.0] {
            let born = 1.7e9 + (many - 1) as f64 * (looks as f64 * 10.0 + 60.0);
            let end = born + looks as f64 * 10.0;
            let within = |at: f64| (born..=end).contains(&at);

            let leak = judge(&lives(many, looks, apart, |age| 100.0 + 0.5 * age));
            let trend = leak.trend.unwrap_or_else(|| panic!("{many} lives of {looks} looks: {leak:?}"));
            assert_eq!((leak.kind, leak.gaps), (Kind::Leak, 0));
            assert!(within(trend.from), "{many} lives of {looks} looks: {}", trend.from - born);
            assert!((trend.slope / MIB / 0.5 - 1.0).abs() < 0.15, "{}", trend.slope / MIB);

            assert_eq!(judge(&lives(many, looks, apart, |_| 100.0)).kind, Kind::Sawtooth);
        }
    }
    for (many, looks) in [(1, 23), (8, 15)] {
        let born = 1.7e9 + (many - 1) as f64 * (looks as f64 * 10.0 + 60.0);
        let middle = looks as f64 * 6.0;
        let surge = judge(&lives(many, looks, 0.02, |age| if age < middle { 100.0 } else { 200.0 }));
        let jump = surge.jumps.first().expect("a jump");
        assert!((jump.from - born - middle).abs() < 30.0 && (jump.to - born - middle).abs() < 30.0, "{jump:?}");
        let filled = judge(&lives(many, looks, 0.02, |age| 100.0 + 3.0 * age.min(20.0))).filled.expect("a filling");
        // Within a block of four looks and one more.
        assert!((filled - born - 20.0).abs() <= 50.0, "{filled}");
    }
}
