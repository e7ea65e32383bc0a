//! The verdict on hundreds of series that are made up, of known shape: seeds that the method was tuned on, and seeds that it never saw.

mod generators;
mod odd;

use std::collections::BTreeMap;

use leakspy::analysis::verdict::{Kind, judge};

use self::generators::{Made, any, flat};
use crate::live::support::tell;

const KINDS: [Kind; 4] = [Kind::Sawtooth, Kind::EarlyExplosion, Kind::Surge, Kind::Leak];

/// How often what was told as what, and the part that was right, all in all and by length.
fn confusion(seeds: impl Iterator<Item = u64>, name: &str) -> f64 {
    let mut told: BTreeMap<(Kind, Kind), usize> = BTreeMap::new();
    let mut by_length: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    let (mut right, mut all) = (0, 0);
    let verbose = std::env::var_os("LEAKSPY_WRONG").is_some();
    for seed in seeds {
        let kind = KINDS[(seed % 4) as usize];
        let Made { series, truth, about, points } = any(kind, seed);
        let found = judge(&series);
        *told.entry((truth, found.kind)).or_default() += 1;
        let length = by_length.entry([150, 500, 1500].iter().filter(|from| points >= **from).count()).or_default();
        length.1 += 1;
        all += 1;
        if found.kind == truth {
            right += 1;
            length.0 += 1;
        } else if verbose {
            tell(&format!("{seed}: {truth:?} as {:?}: {about}\n   {found:?}", found.kind));
        }
    }
    tell(&format!("{name}: {right} of {all} right"));
    for truth in KINDS {
        let row: Vec<String> = [KINDS.as_slice(), &[Kind::TooShort]]
            .concat()
            .iter()
            .map(|kind| format!("{:>5}", told.get(&(truth, *kind)).copied().unwrap_or_default()))
            .collect();
        tell(&format!("{:>16}{}", format!("{truth:?}"), row.concat()));
    }
    let lengths = ["50 to 149", "150 to 499", "500 to 1,499", "1,500 to 5,000"];
    for (at, (right, all)) in by_length {
        tell(&format!("{:>16} points: {right} of {all}", lengths[at]));
    }
    f64::from(right) / f64::from(all)
}

#[test]
fn four_shapes_are_told_apart() {
    assert!(confusion(0..400, "seeds that it was tuned on") >= 0.95);
}

#[test]
fn four_shapes_are_told_apart_on_seeds_never_tuned_on() {
    assert!(confusion(10_000..10_400, "seeds held out") >= 0.95);
}

#[test]
fn what_is_flat_is_next_to_never_a_leak() {
    for (name, seeds) in [("tuned on", 0..2000), ("held out", 10_000..12_000)] {
        let mut told: BTreeMap<Kind, usize> = BTreeMap::new();
        for seed in seeds {
            *told.entry(judge(&flat(seed).series).kind).or_default() += 1;
        }
        tell(&format!("2,000 flat ones, {name}: {told:?}"));
        assert!(told.get(&Kind::Leak).copied().unwrap_or_default() <= 20, "{told:?}");
    }
}
