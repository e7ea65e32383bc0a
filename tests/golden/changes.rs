//! What changed by type, as `growth` and `diff` show it, in every format.

use std::io::Write;

use leakspy::analysis::paths::Sum;
use leakspy::analysis::*;
use leakspy::heap::sketch::capture;
use leakspy::heap::{Capture, SizeBasis};
use leakspy::report::{Look, csv, json, table};
use regex::Regex;
use serde_json::json;

use super::assert_golden;

const NARROW: Look = Look { width: Some(80), colour: false };
const TINY: Look = Look { width: Some(48), colour: false };

fn row(name: &str, before: (u64, u64), after: (u64, u64)) -> Changed {
    let basis = if name.starts_with("numpy") { SizeBasis::Basic } else { SizeBasis::Exact };
    Changed::from(Change {
        name: name.to_owned(),
        count_before: before.0,
        count_after: after.0,
        bytes_before: before.1,
        bytes_after: after.1,
        basis,
    })
}

fn rows() -> Vec<Changed> {
    vec![
        row("builtins.dict", (21_784, 4_636_032), (21_790, 4_637_424)),
        row("foo_module.Timing", (60_631, 12_911_803), (65_631, 13_976_803)),
        row("builtins.str", (90_000, 7_000_000), (90_000, 7_000_000)),
        row("a_package.with_a_long_name.and_another.sub_module.SomeClass", (3, 144), (4, 192)),
        row("evil.\u{1b}[2J\u{202e}Name", (9, 900), (2, 200)),
        row("numpy.ndarray", (5, 560), (7, 784)),
        row("builtins.list", (40, 4_000), (40, 3_800)),
    ]
}

/// The same after some more looks: the first one is further back, and one type grew at each.
fn series() -> Vec<Changed> {
    let mut rows = rows();
    rows[1].first = Sum { count: 50_631, bytes: 10_781_803 };
    rows[1].grew_every_look = true;
    rows[2].first = Sum { count: 89_000, bytes: 6_900_000 };
    rows
}

fn objects() -> Vec<Changed> {
    let mut rows = rows();
    let moved =
        |new, gone| Moved { new: Sum { count: new, bytes: new * 213 }, gone: Sum { count: gone, bytes: gone * 213 } };
    rows[0].moved = moved(10, 4);
    rows[1].moved = moved(5_000, 0);
    rows[2].moved = moved(31, 31);
    rows[4].moved = moved(0, 7);
    rows
}

fn found(rows: Vec<Changed>, of: Compared, filter: Option<&str>, limit: Option<usize>) -> Comparison {
    let sort = if of == Compared::Objects { ChangeSort::New } else { ChangeSort::Bytes };
    let filter = filter.map(|filter| Regex::new(filter).expect("a good one"));
    compare(rows, of, &ChangeOptions { filter, sort, limit })
}

fn text(found: &Comparison, before: &Capture, look: Look) -> Vec<u8> {
    let mut out = Vec::new();
    table::changes(&mut out, found, before, &capture(), look).expect("a Vec takes all");
    let text = std::str::from_utf8(&out).expect("text");
    if let Some(width) = look.width {
        assert!(text.lines().all(|line| line.chars().count() <= width), "wider than {width}:\n{text}");
    }
    out
}

fn written(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out).expect("a Vec takes all");
    out
}

#[test]
fn what_changed_between_two_looks() {
    let all = found(rows(), Compared::Types, None, None);
    assert_golden("changes/types.txt", &text(&all, &capture(), Look::default()));
    let torn = Capture { frozen: false, consistent: false, skipped: 2, ..capture() };
    let few = found(rows(), Compared::Types, Some("builtins|evil|foo"), Some(2));
    assert_golden("changes/types-narrow.txt", &text(&few, &torn, NARROW));
    assert_golden("changes/types-tiny.txt", &text(&all, &capture(), TINY));
    let same = found(vec![row("a.B", (1, 10), (1, 10))], Compared::Types, None, None);
    assert_golden("changes/none.txt", &text(&same, &capture(), NARROW));
    assert_golden("changes/types.json", &written(|out| json::changes(out, &few, &capture(), &capture(), &json!({}))));
    assert_golden("changes/types.csv", &written(|out| csv::changes(out, &all, None)));
}

#[test]
fn what_changed_over_several_looks() {
    let all = found(series(), Compared::Series(3), None, None);
    assert_golden("changes/series.txt", &text(&all, &capture(), Look::default()));
    assert_golden("changes/series-narrow.txt", &text(&all, &capture(), NARROW));
    let few = found(series(), Compared::Series(3), None, Some(1));
    let more = json!({"look": 4, "elapsed_ms": 10_000});
    let line = written(|out| json::changes_line(out, &few, &capture(), &capture(), &more));
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "a line each");
    assert_golden("changes/series.json", &line);
    let mut rows = written(|out| csv::changes(out, &few, Some(2)));
    rows.extend(written(|out| csv::changes(out, &few, Some(3))));
    assert_golden("changes/series.csv", &rows);
}

#[test]
fn what_is_new_and_gone() {
    let all = found(objects(), Compared::Objects, None, None);
    assert_golden("changes/objects.txt", &text(&all, &capture(), Look::default()));
    assert_golden("changes/objects-narrow.txt", &text(&all, &capture(), NARROW));
    let few = found(objects(), Compared::Objects, None, Some(1));
    assert_golden(
        "changes/objects.json",
        &written(|out| json::changes(out, &few, &capture(), &capture(), &json::NothingMore {})),
    );
    assert_golden("changes/objects.csv", &written(|out| csv::changes(out, &all, None)));
}

fn holders() -> Vec<Holding> {
    let held = |of: &str, text: &str, count, objects| Holding {
        of: of.to_owned(),
        path: Some((text.to_owned(), "890807a4540b0b98".to_owned())),
        count,
        objects,
    };
    vec![
        held("foo_module.Timing", "foo_module.Profiler.results[*]", 65_631, 65_631),
        held("evil.\u{1b}[2J\u{202e}Name", "ev\u{1b}il.x", 1, 3),
        Holding { of: "builtins.dict".into(), path: None, count: 6, objects: 6 },
    ]
}

#[test]
fn a_block_a_look() {
    let block = |found: &Comparison, look, holders: Option<&[Holding]>, width| {
        let step = Step { look, looks: Some(4), elapsed_ms: 10_040, since_first_ms: 10_040 * (look - 1) };
        written(|out| table::growth(out, found, &capture(), &capture(), &step, holders, width))
    };
    let first = found(rows(), Compared::Series(1), None, Some(3));
    let mut text = block(&first, 2, None, NARROW);
    let third = found(series(), Compared::Series(3), None, Some(3));
    text.extend(block(&third, 4, Some(&holders()), NARROW));
    assert_golden("changes/growth.txt", &text);
    let same = found(vec![row("a.B", (1, 10), (1, 10))], Compared::Series(1), None, None);
    assert_golden("changes/growth-none.txt", &block(&same, 2, Some(&[]), TINY));
    let step = Step { look: 4, looks: None, elapsed_ms: 180_000, since_first_ms: 7_300_000 };
    let crossed = [json::Crossed { limit: "count(foo_module.*)>1000".into(), value: 15_000 }];
    let found = found(series(), Compared::Series(3), None, Some(1));
    let held = holders();
    let line = written(|out| json::growth(out, &found, &capture(), &capture(), &step, &crossed, Some(held.as_slice())));
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    assert_golden("changes/growth.json", &line);
}

#[test]
fn a_fork_and_its_parent() {
    let modules = ["app", "app.models", "app.views", "_hidden", "flask", "a\u{1b}b", "x", "y", "z"].map(String::from);
    let fork = SinceFork { all: objects(), shared: 172_430, modules: modules.to_vec(), ..SinceFork::default() };
    let parent = Capture { pid: Some(25_860), ..capture() };
    let found = found(objects(), Compared::Objects, None, Some(2));
    let held = holders();
    let held = Some(held.as_slice());
    let text = written(|out| table::since_fork(out, &found, &fork, &parent, &capture(), held, NARROW));
    assert_golden("changes/fork.txt", &text);
    let line = written(|out| json::since_fork(out, &found, &fork, &parent, &capture(), &[], held));
    assert_golden("changes/fork.json", &line);
}
