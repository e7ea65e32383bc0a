//! Recordings with any damage: nothing panics, every whole line counts, every other one is counted.

use proptest::prelude::*;

use super::line::tests::{NOON, look, started};
use super::{Line, Recording, read_from};

fn read(bytes: &[u8]) -> Recording {
    read_from(bytes).expect("memory does not fail")
}

fn valid() -> Vec<u8> {
    let lines = (0..20).map(|at| if at % 7 == 0 { started(NOON + at) } else { look(NOON + at, 1 << at) });
    lines.flat_map(|line| line.encode()).collect()
}

fn whole(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').filter(|line| Line::decode(line).is_some()).count()
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let found = read(&bytes);
        prop_assert_eq!(found.looks(), 0);
    }

    #[test]
    fn any_end_is_read(cut in 0..valid().len()) {
        let bytes = &valid()[..cut];
        let found = read(bytes);
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        prop_assert_eq!(whole(bytes) as u64 + found.skipped_lines, lines as u64);
        prop_assert!(found.skipped_lines <= 1);
        prop_assert_eq!(found.torn_tail, found.skipped_lines == 1);
    }

    #[test]
    fn any_damage_costs_the_lines_it_hits(
        changes in proptest::collection::vec((0..valid().len(), any::<u8>()), 1..20),
        cut in 0..valid().len(),
    ) {
        let mut bytes = valid();
        for (at, to) in changes {
            bytes[at] = to;
        }
        bytes.drain(..cut / 4);
        let found = read(&bytes);
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        prop_assert_eq!(whole(&bytes) as u64 + found.skipped_lines, lines as u64);
    }

    #[test]
    fn any_line_of_ours_comes_back(rss in any::<u64>(), at in -62_167_219_200_000_i64..253_402_207_200_000) {
        let line = look(at, rss);
        let again = Line::decode(&line.encode()).expect("ours");
        prop_assert_eq!(again.at_ms, line.at_ms);
        prop_assert_eq!(again.encode(), Line::decode(&again.encode()).expect("ours").encode());
    }
}
