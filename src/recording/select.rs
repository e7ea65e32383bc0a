//! A census → the types worth a place in a line: those with most bytes, those that grew most since the beginning, and those
//! told before, so that a series has no holes. Bounded, whatever the process makes.

use rustc_hash::FxHashMap;

use crate::heap::{Census, TypePoint, TypeTally};

/// A type that was told goes on being told for as long as there is room; so many times the number asked for are told at most.
const TOLD: usize = 4;

/// Which types to tell of a process, look after look.
#[derive(Debug, Clone)]
pub struct Selection {
    /// So many by bytes, and so many by growth.
    each: usize,
    /// Bytes of every type at the first look.
    beginning: Option<FxHashMap<String, u64>>,
    /// The types that were told, and the look at which each was last among the first by bytes or growth.
    told: FxHashMap<String, u64>,
    look: u64,
}

impl Selection {
    /// The so many largest, and the so many that grew most.
    #[must_use]
    pub fn new(each: usize) -> Selection {
        Selection { each, beginning: None, told: FxHashMap::default(), look: 0 }
    }

    /// What to tell of one look, by name. A type that was told and has no objects any more is told with 0.
    pub fn pick(&mut self, census: &Census) -> Vec<TypePoint> {
        self.look += 1;
        let chosen = self.chosen(census);
        for name in chosen {
            self.told.insert(name, self.look);
        }
        self.forget();
        let now: FxHashMap<&str, &TypeTally> = census.types.iter().map(|of| (of.name.as_str(), of)).collect();
        let mut types: Vec<TypePoint> = self
            .told
            .keys()
            .map(|name| {
                let of = now.get(name.as_str());
                TypePoint { name: name.clone(), count: of.map_or(0, |of| of.count), bytes: of.map_or(0, |of| of.bytes) }
            })
            .collect();
        types.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        types
    }

    fn chosen(&mut self, census: &Census) -> Vec<String> {
        let beginning =
            self.beginning.get_or_insert_with(|| census.types.iter().map(|of| (of.name.clone(), of.bytes)).collect());
        let grown = |of: &TypeTally| of.bytes.saturating_sub(beginning.get(&of.name).copied().unwrap_or(0));
        let bytes = first(census, self.each, |of| of.bytes);
        let growth = first(census, self.each, grown);
        bytes.into_iter().chain(growth).map(|of| of.name.clone()).collect()
    }

    /// Makes room where too many were told: those go that were not among the first for longest.
    fn forget(&mut self) {
        let room = self.each.saturating_mul(TOLD);
        if self.told.len() <= room {
            return;
        }
        let mut by_age: Vec<(u64, String)> = self.told.iter().map(|(name, look)| (*look, name.clone())).collect();
        by_age.sort_unstable_by(|a, b| b.cmp(a));
        self.told = by_age.into_iter().take(room).map(|(look, name)| (name, look)).collect();
    }
}

/// The first so many by a number, biggest first; of equals those whose name comes first. None of 0.
fn first(census: &Census, many: usize, number: impl Fn(&TypeTally) -> u64) -> Vec<&TypeTally> {
    let mut found: Vec<(u64, &TypeTally)> = census.types.iter().map(|of| (number(of), of)).collect();
    found.retain(|(number, _)| *number > 0);
    let order = |a: &(u64, &TypeTally), b: &(u64, &TypeTally)| b.0.cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name));
    if many < found.len() {
        found.select_nth_unstable_by(many, order);
        found.truncate(many);
    }
    found.into_iter().map(|(_, of)| of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(of: &[(&str, u64)]) -> Census {
        let tally = |(name, bytes): &(&str, u64)| TypeTally {
            name: (*name).to_owned(),
            count: *bytes / 8,
            bytes: *bytes,
            ..TypeTally::default()
        };
        Census { types: of.iter().map(tally).collect() }
    }

    fn told(types: &[TypePoint]) -> Vec<(&str, u64)> {
        types.iter().map(|of| (of.name.as_str(), of.bytes)).collect()
    }

    #[test]
    fn the_largest_and_the_growing_are_told_and_stay() {
        let mut selection = Selection::new(1);
        let first = selection.pick(&census(&[("large", 800), ("leak", 8), ("small", 80)]));
        assert_eq!(told(&first), [("large", 800)]);
        let second = selection.pick(&census(&[("large", 800), ("leak", 16), ("small", 80)]));
        assert_eq!(told(&second), [("large", 800), ("leak", 16)]);
        let third = selection.pick(&census(&[("large", 800), ("small", 88), ("new", 400)]));
        assert_eq!(told(&third), [("large", 800), ("leak", 0), ("new", 400)], "growth counts from the beginning");
    }

    #[test]
    fn there_is_always_room_for_what_grows_now() {
        let mut selection = Selection::new(2);
        for look in 0..100 {
            let name = format!("type {look:03}");
            let types = selection.pick(&census(&[("large", 8000), (&name, 800)]));
            assert!(types.len() <= 8);
            assert!(types.iter().any(|of| of.name == name));
            assert!(types.iter().any(|of| of.name == "large"));
        }
    }

    #[test]
    fn no_types_at_all_may_be_asked_for() {
        assert_eq!(Selection::new(0).pick(&census(&[("a", 8)])), []);
        assert_eq!(Selection::new(20).pick(&census(&[("a", 0)])), []);
    }
}
