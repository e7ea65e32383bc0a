//! Screens of `leakspy top`, and its blocks and lines, over looks that are written by hand.

use std::time::Duration;

use leakspy::analysis::paths::{Removal, Sum};
use leakspy::analysis::{Glance, Paths, Subject, Tempo, TrendSort, Way};
use leakspy::heap::sketch::capture;
use leakspy::heap::{Capture, Census, Id, SizeBasis, TypeTally, Usage};
use leakspy::report::{Look, csv, json, table};
use leakspy::tui::{Answer, Event, Findings, Key, State, Wish, draw};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::assert_golden;

const MIB: u64 = 1 << 20;
const COMMAND: &str =
    "uwsgi --http-socket 127.0.0.1:8000 --master --processes 4 --module flask_app:application\u{1b}[2J";

/// A Flask worker after so many requests, `waiting` of them still in cycles that the collector has not seen.
fn census(requests: u64, waiting: u64) -> Census {
    let of = [
        ("builtins.dict", 21_784 + requests + waiting, 4_636_032 + 184 * requests + 300 * waiting),
        ("builtins.str", 61_204 + 3 * requests, 8_120_400 + 144 * requests),
        ("builtins.function", 25_120 + waiting, 3_818_240 + 152 * waiting),
        ("builtins.float", 1_204 + 2 * requests, 28_896 + 48 * requests),
        ("builtins.list", 4_120 + requests, 512_080 + 80 * requests),
        ("builtins.cell", 2_400 + 5 * waiting, 96_000 + 200 * waiting),
        ("builtins.type", 2_112, 2_340_112),
        ("foo_module.Timing", requests, 56 * requests),
        ("flask.ctx.RequestContext", waiting, 56 * waiting),
        ("werkzeug.datastructures.headers.EnvironHeaders", waiting, 48 * waiting),
        ("numpy.ndarray", 3, 336),
        ("evil.\u{1b}]0;title\u{7}\u{202e}Name", 2, 96),
        (
            "django.contrib.contenttypes.fields.create_generic_related_manager.<locals>.GenericRelatedObjectManager",
            7,
            336,
        ),
    ];
    let tally = |(name, count, bytes): (&str, u64, u64)| TypeTally {
        name: name.to_owned(),
        count,
        bytes,
        tracked: 0,
        basis: if name.starts_with("numpy") { SizeBasis::Basic } else { SizeBasis::Exact },
    };
    Census { types: of.into_iter().map(tally).collect() }
}

fn glance(pid: i32, second: u64, requests: u64, waiting: u64) -> Event {
    let usage = Usage {
        rss_bytes: 98 * MIB + requests * 4096,
        pss_bytes: Some(61 * MIB + requests * 4096),
        uss_bytes: Some(50 * MIB),
        swap_bytes: Some(0),
        cgroup_bytes: Some(301 * MIB),
        cgroup_limit_bytes: Some(512 * MIB),
    };
    let capture = Capture { pid: Some(pid), pause_ms: 41.2, ..capture() };
    Event::Saw(Box::new(Glance {
        pid,
        at: Duration::from_secs(second),
        at_ms: 11_564_000 + 1000 * i64::try_from(second).unwrap(),
        usage,
        census: census(requests, waiting),
        capture,
    }))
}

fn round() -> Event {
    Event::Round(Tempo { interval: Duration::from_millis(5100), wanted: Duration::from_secs(2), share: 0.0081 })
}

fn join(state: &mut State, pid: i32, role: &str) {
    let subject = Subject { pid, command: COMMAND.into(), role: Some(role.into()), started_ms: Some(0) };
    state.on(Event::Joined(subject));
}

/// Three looks at one worker.
fn watched() -> State {
    let mut state = State::new(Duration::from_secs(2), TrendSort::Growth, None, false);
    join(&mut state, 25867, "uwsgi worker");
    for (second, requests, waiting) in [(0, 16_231, 12), (5, 16_301, 31), (10, 16_380, 9)] {
        state.on(glance(25867, second, requests, waiting));
        state.on(round());
    }
    state
}

fn fleet() -> State {
    let mut state = State::new(Duration::from_secs(2), TrendSort::Growth, None, false);
    join(&mut state, 25860, "uwsgi master");
    (25867..25871).for_each(|pid| join(&mut state, pid, "uwsgi worker"));
    for second in [0, 5, 10] {
        state.on(glance(25860, second, 0, 0));
        for pid in 25867..25871 {
            let rate = u64::try_from(pid - 25866).unwrap();
            state.on(glance(pid, second, 1000 + second * rate * 3, 9 + second));
        }
        state.on(round());
    }
    state.on(Event::Left(25869));
    state.on(Event::Failed(25870, "the pause budget was spent\u{1b}[2J".into()));
    state.on(Event::Key(Key::Char('g')));
    state
}

fn found() -> Findings {
    let way = |text: &str, count: u64| Way {
        text: text.into(),
        sum: Sum { count, bytes: 56 * count },
        behind: None,
        fingerprint: "9f31c2aa00112233".into(),
        inferred: false,
        native: None,
        holder: None,
        example: Id(0),
        steps: Vec::new(),
        omitted: 0,
    };
    let long = "foo_module.REGISTRY['a key that is longer than it should be'].children[*].previous.request.environ['werkzeug.request'].cache{*}";
    let objects = Sum { count: 16_380, bytes: 56 * 16_380 };
    let most = Sum { count: 16_371, bytes: 56 * 16_371 };
    Findings {
        paths: Paths {
            of: Some("foo_module.Timing".into()),
            objects,
            ways: vec![way("foo_module.Profiler.results[*]", 16_371), way(long, 8)],
            unreached: Sum { count: 1, bytes: 56 },
            held_most: Some(("foo_module.Profiler.results".into(), most)),
            removals: vec![Removal {
                without: "foo_module.Profiler.results".into(),
                freed: most,
                held: Sum { count: 8, bytes: 448 },
                by: Some("foo_module.REGISTRY".into()),
            }],
            ..Paths::default()
        },
        examples: vec!["0x7f01104e72c0".into(), "0x7f01104e7300".into()],
        pause_ms: 44.7,
    }
}

fn detailed() -> State {
    let mut state = watched();
    let Some(Wish::Holders { ticket, of, .. }) = state.on(Event::Key(Key::Enter)) else { panic!("nothing was asked") };
    assert_eq!(of, "foo_module.Timing");
    state.on(Event::Answered(Box::new(Answer { ticket, outcome: Ok(found()) })));
    state
}

/// What stands on a screen of this size, line by line.
fn screen(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test's terminal");
    terminal.draw(|frame| draw(state, frame)).expect("drawn");
    let buffer = terminal.backend().buffer().clone();
    let mut lines = String::new();
    for row in buffer.content().chunks(usize::from(width.max(1))) {
        let line: String = row.iter().map(|cell| cell.symbol()).collect();
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

fn assert_screens(name: &str, state: &State) {
    for (width, height) in [(80, 24), (200, 50)] {
        let picture = screen(state, width, height);
        assert!(!picture.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{name} steers the terminal");
        assert_golden(&format!("top/{name}-{width}x{height}.txt"), picture.as_bytes());
    }
}

#[test]
fn types_and_who_grows() {
    let state = watched();
    assert_eq!(state.rows[0].name, "foo_module.Timing", "the third look");
    assert_screens("types", &state);
}

#[test]
fn who_holds_them() {
    assert_screens("detail", &detailed());
}

#[test]
fn help() {
    let mut state = watched();
    state.on(Event::Key(Key::Char('?')));
    assert_screens("help", &state);
}

#[test]
fn a_filter_while_it_is_typed() {
    let mut state = watched();
    for c in "/^(foo|flask".chars() {
        state.on(Event::Key(Key::Char(c)));
    }
    assert_screens("filter-typed", &state);
    state.on(Event::Key(Key::Char(')')));
    state.on(Event::Key(Key::Enter));
    state.on(Event::Key(Key::Char('p')));
    assert_screens("filter", &state);
}

#[test]
fn the_last_look_stays() {
    let mut state = watched();
    state.on(Event::Left(25867));
    assert_screens("ended", &state);
}

#[test]
fn several_processes() {
    assert_screens("fleet", &fleet());
}

#[test]
fn before_the_first_look() {
    let mut state = State::new(Duration::from_secs(2), TrendSort::Growth, None, false);
    join(&mut state, 25867, "uwsgi worker");
    assert_screens("begin", &state);
}

#[test]
fn blocks_and_lines() {
    let (state, many) = (watched(), fleet());
    let mut blocks = Vec::new();
    let look = Look { width: Some(120), colour: false };
    table::top(&mut blocks, &state.board, &state.rows[..5], state.rows.len() - 5, state.sorted_by(), look).unwrap();
    table::top(&mut blocks, &many.board, &many.rows[..3], many.rows.len() - 3, many.sorted_by(), look).unwrap();
    assert_golden("top/blocks.txt", &blocks);
    let mut lines = Vec::new();
    json::top(&mut lines, &state.board, &state.rows, false).unwrap();
    json::top(&mut lines, &many.board, &many.rows[..2], true).unwrap();
    assert_golden("top/lines.json", &lines);
    let mut rows = Vec::new();
    csv::top(&mut rows, &state.board, &state.rows).unwrap();
    assert_golden("top/rows.csv", &rows);
    let lines = String::from_utf8(lines).unwrap();
    assert_eq!(lines.lines().count(), 2, "one look, one line");
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["types"][0]["type"], "foo_module.Timing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever keys are pressed, at whatever size: there is a picture.
    #[test]
    fn any_size_has_a_picture(width in 1_u16..300, height in 1_u16..100, keys in "[a-zG/?+\\-<>1-6 .*(]{0,12}", many: bool, colour: bool) {
        let mut state = if many { fleet() } else { detailed() };
        state.colour = colour;
        for c in keys.chars() {
            let key = match c {
                'e' => Key::Enter,
                'x' => Key::Escape,
                'd' => Key::PageDown,
                't' => Key::Tab,
                c => Key::Char(c),
            };
            state.on(Event::Key(key));
        }
        let picture = screen(&state, width, height);
        prop_assert_eq!(picture.lines().count(), usize::from(height));
    }
}

#[test]
fn the_smallest_screens() {
    for state in [watched(), detailed(), fleet()] {
        for width in 1..=40 {
            for height in 1..=12 {
                screen(&state, width, height);
            }
        }
    }
}
