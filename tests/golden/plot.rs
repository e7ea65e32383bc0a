//! A recording as a chart in every format.

use std::collections::BTreeMap;

use leakspy::analysis::verdict::{Finding, findings};
use leakspy::heap::{GenerationPoint, HeapPoint, History, Point, TypePoint, Usage};
use leakspy::report::chart::{self, Plot};
use leakspy::report::{Look, json};

use super::assert_golden;

/// A day of a server that leaks: teeth, a limit, a restart, types of which one grows; nothing of it is random.
fn history(pid: i32, from: i64, looks: i64, course: impl Fn(f64) -> f64) -> History {
    let mib = 1_048_576.0;
    let points = (0..looks)
        .map(|i| {
            let t = i as f64 / looks as f64;
            let wiggle = ((i * 7919) % 101) as f64 / 101.0;
            let lasting = course(t);
            let tooth = (i % 40) as f64 / 40.0 * 30.0;
            let rss = 180.0 + lasting + tooth + wiggle * 3.0;
            let of = |name: &str, of: f64| TypePoint { name: name.into(), count: 1000, bytes: (of * mib) as u64 };
            let types = vec![
                of("app.models.Session", 5.0 + lasting * 0.7),
                of("builtins.dict", 40.0 + tooth * 0.5 + lasting * 0.1),
                of("builtins.str", 30.0 + tooth * 0.3),
                of("builtins.list", 12.0),
                of("builtins.bytes", 8.0),
                of("datetime.datetime", 4.0),
                of("builtins.tuple", 3.0),
            ];
            let bytes: u64 = types.iter().map(|of| of.bytes).sum::<u64>() + (9.0 * mib) as u64;
            let usage =
                Usage { rss_bytes: (rss * mib) as u64, cgroup_limit_bytes: Some(512 << 20), ..Usage::default() };
            let collections = Some((i / 40) as u64);
            let oldest = GenerationPoint { collections, ..GenerationPoint::default() };
            let heap = HeapPoint { objects: 500_000, bytes, types, ..HeapPoint::default() };
            Point { at_ms: from + i * 60_000, pid, usage, gc: vec![oldest], heap: Some(heap) }
        })
        .collect();
    History {
        pid,
        command: "python3 -m gunicorn app:application --preload".into(),
        python: "3.11.7".into(),
        started_ms: Some(from - 3_600_000),
        points,
        ended_ms: None,
    }
}

/// 2026-11-20T18:00:00Z.
const EVENING: i64 = 1_795_197_600_000;

fn leak() -> Vec<History> {
    vec![history(25867, EVENING, 600, |t| 180.0 * t)]
}

fn restarted() -> Vec<History> {
    let course = |t: f64| 120.0 * t;
    vec![history(25867, EVENING, 300, course), history(26001, EVENING + 301 * 60_000, 300, course)]
}

fn surge() -> Vec<History> {
    let mut histories = vec![history(25867, EVENING, 600, |t| if t >= 0.4 { 120.0 } else { 0.0 })];
    // As --light records it.
    histories.iter_mut().flat_map(|history| &mut history.points).for_each(|point| point.heap = None);
    histories
}

fn plots(found: &[Finding<'_>]) -> Vec<Plot> {
    found.iter().map(Plot::of).collect()
}

fn terminal(histories: &[History], look: Look) -> Vec<u8> {
    let mut out = Vec::new();
    chart::terminal(&mut out, &plots(&findings(histories)), look, None).expect("a Vec takes all");
    out
}

#[test]
fn charts_for_a_terminal() {
    for width in [80, 120] {
        let look = Look { width: Some(width), colour: false };
        assert_golden(&format!("plot/leak-{width}.txt"), &terminal(&leak(), look));
    }
    assert_golden("plot/restarted.txt", &terminal(&restarted(), Look::default()));
    assert_golden("plot/surge.txt", &terminal(&surge(), Look::default()));
}

#[test]
fn on_a_small_screen_the_verdict_is_what_stays() {
    let histories = leak();
    let shown = |rows| {
        let mut out = Vec::new();
        let look = Look { width: Some(80), colour: false };
        chart::terminal(&mut out, &plots(&findings(&histories)), look, rows).expect("a Vec takes all");
        String::from_utf8(out).expect("text")
    };
    let (small, large) = (shown(Some(24)), shown(Some(60)));
    assert!(large.starts_with("Leak: ") && large == shown(None));
    let last: Vec<&str> = small.lines().rev().take(20).collect();
    assert!(last.iter().any(|line| line.starts_with("Leak: ")), "{small}");
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&small), sorted(&large));
}

#[test]
fn a_chart_fits_its_terminal_and_colour_adds_nothing_but_colour() {
    let escapes = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("good");
    for histories in [leak(), restarted(), surge()] {
        for width in [40, 80, 133, 300] {
            let look = Look { width: Some(width), colour: false };
            let plain = String::from_utf8(terminal(&histories, look)).expect("text");
            for line in plain.lines().filter(|line| !line.starts_with("- ")) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            let coloured = String::from_utf8(terminal(&histories, Look { colour: true, ..look })).expect("text");
            assert_ne!(plain, coloured);
            assert_eq!(plain, escapes.replace_all(&coloured, ""));
        }
    }
}

#[test]
fn the_verdict_for_programs() {
    let histories = leak();
    let mut out = Vec::new();
    json::plot(&mut out, &findings(&histories)).expect("a Vec takes all");
    assert_golden("plot/leak.json", &out);
}

#[test]
fn a_picture_of_lines() {
    let histories = restarted();
    let drawn = chart::svg(&plots(&findings(&histories))).expect("drawn");
    assert_eq!(drawn, chart::svg(&plots(&findings(&histories))).expect("drawn"), "the same each time");
    let text = String::from_utf8(drawn).expect("text");
    for said in
        ["Leak: memory grows", "RSS", "Objects by type", "limit 512.0 MiB", "app.models.Session", "restart", "MiB"]
    {
        assert!(text.contains(said), "{said}");
    }
    assert!(text.contains("sans-serif") && !text.contains("Arial"), "a family that every reader has");
}

#[test]
fn a_picture_of_pixels() {
    let (with, without) = (leak(), surge());
    for (histories, types) in [(with, true), (without, false)] {
        let drawn = chart::png(&plots(&findings(&histories))).expect("drawn");
        let mut reader = png::Decoder::new(std::io::Cursor::new(&drawn)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
        let frame = reader.next_frame(&mut pixels).expect("whole");
        assert_eq!(frame.width, 1200);
        let mut colours: BTreeMap<[u8; 3], usize> = BTreeMap::new();
        for pixel in pixels.chunks_exact(3) {
            *colours.entry([pixel[0], pixel[1], pixel[2]]).or_default() += 1;
        }
        let of = |rgb: [u8; 3]| colours.get(&rgb).copied().unwrap_or_default();
        assert!(of([255, 255, 255]) > pixels.len() / 6, "paper");
        assert!(of([0, 114, 178]) > 1000, "the line of memory");
        assert!(of([213, 94, 0]) > 500, "the line of the limit");
        assert!(of([34, 34, 34]) > 300, "letters");
        let bands = [[230, 159, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [170, 170, 170]];
        assert!(bands.iter().all(|rgb| (of(*rgb) > 2000) == types), "bands of types: {:?}", bands.map(of));
    }
}

/// A process of one name with the same memory at each of thirty looks.
fn constant(pid: i32, command: &str, bytes: u64) -> History {
    let usage = Usage { rss_bytes: bytes, ..Usage::default() };
    let point = |i: i64| Point { at_ms: EVENING + i * 1000, pid, usage, ..Point::default() };
    History { pid, command: command.into(), points: (0..30_i64).map(point).collect(), ..History::default() }
}

#[test]
fn any_number_of_bytes_is_drawn() {
    for bytes in [0, 1, 4096, 100 << 20, (1 << 53) - 1, 1 << 53, u64::MAX] {
        let histories = [constant(1, "app", bytes)];
        let text = String::from_utf8(terminal(&histories, Look::default())).expect("text");
        assert!(!text.contains(".000000"), "no more decimals than tell something: {text}");
        let found = findings(&histories);
        chart::svg(&plots(&found)).expect("drawn");
        chart::png(&plots(&found)).expect("drawn");
    }
}

#[test]
fn what_xml_cannot_hold_is_written_out() {
    let drawn = chart::svg(&plots(&findings(&[constant(1, "a\u{fffe}b\u{ffff}<&>\u{1}c", 1 << 20)]))).expect("drawn");
    let text = String::from_utf8(drawn).expect("text");
    assert!(text.contains("a\\ufffeb\\uffff&lt;&amp;&gt;\\x01c"), "{text}");
    assert!(!text.contains(['\u{fffe}', '\u{ffff}', '\u{1}']));
}

#[test]
fn a_picture_higher_than_programs_show_is_refused() {
    let many: Vec<History> = (0..600).map(|pid| constant(pid, &format!("app {pid}"), 1 << 20)).collect();
    let found = findings(&many);
    let refused = chart::png(&plots(&found)).expect_err("too high");
    assert!(refused.to_string().contains("600") && refused.to_string().contains("SVG"), "{refused}");
    chart::png(&plots(&found[..20])).expect("drawn");
    assert!(chart::svg(&plots(&found)).is_ok_and(|drawn| drawn.len() < 4 << 20));
}
