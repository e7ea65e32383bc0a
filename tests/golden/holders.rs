//! `find`, `show`, `referrers` and `audit` in every format.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use leakspy::analysis::audit::AuditOptions;
use leakspy::analysis::*;
use leakspy::heap::sketch::capture;
use leakspy::heap::{Heap, Id, Label, RootKind, Sketch};
use leakspy::report::{Look, csv, dot, json, table};

use super::assert_golden;

/// What the tests ask for.
struct Scene {
    heap: Heap,
    timings: Vec<Id>,
    pages: Vec<Id>,
}

/// ```text
/// app -.__dict__-> {'Profiler': class, 'CACHE': dict, 'EVIL': evil}
/// class Profiler -.__dict__-> {'results': list}; list -[0..12]-> Timing x12; Timing -.previous-> Timing
/// CACHE -['page-0'..'page-9']-> Page x10; thread 'worker-1' -payload-> Page; C holds two more of a Page
/// evil: a type whose name, edge and value would steer a terminal, end a label in dot, or open an entity
/// ```
fn scene() -> Scene {
    let mut sketch = Sketch::new();
    let app = sketch.module("app", RootKind::UserModule);
    let profiler = sketch.object("builtins.type", 1064);
    sketch.call(profiler, "app.Profiler");
    sketch.attribute(app, "Profiler", profiler);
    let timings: Vec<Id> = (0..12).map(|i| sketch.object("app.Timing", 48 + i)).collect();
    let previous = sketch.named(Label::Attribute, "previous");
    for pair in timings.windows(2) {
        sketch.edge(pair[1], previous, pair[0]);
    }
    let results = sketch.list(&timings);
    sketch.attribute(profiler, "results", results);

    let cache = sketch.object("builtins.dict", 352);
    sketch.attribute(app, "CACHE", cache);
    let pages: Vec<Id> = (0..10).map(|_| sketch.object("app.Page", 56)).collect();
    for (i, page) in pages.iter().enumerate() {
        sketch.key(cache, &format!("page-{i}"), *page);
    }
    sketch.root(pages[3], RootKind::Frame, "thread 'worker-1' › handle() app.py:42 › payload", 1);
    sketch.refcount(pages[4], 3);

    let evil = sketch.object("ev\u{1b}[2J\"il.\u{202e}&lt;Type\\n", 64);
    sketch.attribute(app, "EV\nIL\u{9b}", evil);
    let hook = sketch.named(Label::Field, "\"]; x [label=\"\\");
    let hook = sketch.label(hook).inferred();
    sketch.marked(evil, hook, pages[0]);
    let uncounted = sketch.label(Label::Member).uncounted();
    sketch.marked(evil, uncounted, pages[0]);
    let mut heap = sketch.heap();
    heap.values.insert(pages[0], "<app.Page '\u{1b}]0;title\u{7}'>".into());
    Scene { heap, timings, pages }
}

fn written(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out).expect("a Vec takes all");
    out
}

fn tree(scene: &Scene, of: &str, depth: usize, limit: Option<usize>) -> Referrers {
    let selected = select(&scene.heap, &Wanted::Type(of.into())).expect("clear");
    referrers(&scene.heap, &selected.ids, &ReferrersOptions { depth, limit })
}

const NARROW: Look = Look { width: Some(80), colour: false };

#[test]
fn objects_found() {
    let Scene { heap, .. } = scene();
    let selected = select(&heap, &Wanted::Type("app.*".into())).expect("clear");
    let options = FindOptions { sort: FindSort::Bytes, limit: Some(12), ..FindOptions::default() };
    let found = find(&heap, &selected.ids, &options);
    assert_golden("holders/find.txt", &written(|out| table::find(out, &found, &heap, &capture(), NARROW)));
    assert_golden("holders/find.csv", &written(|out| csv::find(out, &found, &heap)));
    let few = find(&heap, &selected.ids, &FindOptions { limit: Some(2), ..options });
    assert_golden("holders/find.json", &written(|out| json::find(out, &few, &heap, &capture())));
}

#[test]
fn one_object_shown() {
    let Scene { heap, pages, timings } = scene();
    for (name, id) in [("page", pages[0]), ("frame", pages[3]), ("native", pages[4]), ("timing", timings[0])] {
        let shown = show(&heap, id).expect("there");
        let text = written(|out| table::show(out, &shown, Some(2), &heap, &capture(), NARROW));
        assert_golden(&format!("holders/show-{name}.txt"), &text);
    }
    let shown = show(&heap, pages[0]).expect("there");
    assert_golden("holders/show.json", &written(|out| json::show(out, &shown, Some(1), &heap, &capture())));
    assert_golden("holders/show.csv", &written(|out| csv::show(out, &shown, None, &heap)));
}

#[test]
fn referrers_as_a_table_and_a_tree() {
    let scene = scene();
    let flat = tree(&scene, "app.Page", 1, Some(3));
    let text = |tree: &Referrers, look| written(|out| table::referrers(out, tree, &scene.heap, &capture(), look));
    assert_golden("holders/referrers.txt", &text(&flat, Look::default()));
    let deep = tree(&scene, "app.Page", 5, Some(3));
    assert_golden("holders/tree.txt", &text(&deep, Look::default()));
    assert_golden("holders/tree-narrow.txt", &text(&deep, NARROW));
    assert_golden("holders/tree-cycle.txt", &text(&tree(&scene, "app.Timing", 5, None), Look::default()));
    assert_golden("holders/tree.json", &written(|out| json::referrers(out, &deep, &scene.heap, &capture())));
    assert_golden("holders/tree.csv", &written(|out| csv::referrers(out, &deep, &scene.heap)));
}

#[test]
fn refcounts_audited() {
    let Scene { heap, .. } = scene();
    let found = audit(&heap, &AuditOptions::default());
    assert_golden("holders/audit.txt", &written(|out| table::audit(out, &found, &heap, &capture(), NARROW)));
    assert_golden("holders/audit.json", &written(|out| json::audit(out, &found, &heap, &capture())));
    assert_golden("holders/audit.csv", &written(|out| csv::audit(out, &found)));
}

#[test]
fn a_graph_for_graphviz() {
    let scene = scene();
    let whole = written(|out| dot::referrers(out, &tree(&scene, "app.Page", 5, None), &scene.heap, 60));
    assert_golden("holders/graph.dot", &whole);
    let cut = written(|out| dot::referrers(out, &tree(&scene, "app.Page", 5, None), &scene.heap, 3));
    assert_golden("holders/graph-cut.dot", &cut);
    for graph in [whole, cut] {
        let graph = String::from_utf8(graph).expect("text");
        assert_dot(&graph);
        lay_out(&graph);
    }
}

/// Every line of the body is a statement of the four shapes that are written; every arrow has both its ends.
fn assert_dot(graph: &str) {
    let lines: Vec<&str> = graph.lines().collect();
    assert_eq!((lines.first(), lines.last()), (Some(&"digraph referrers {"), Some(&"}")));
    // A quoted string holds no quote and no backslash that is not escaped.
    let attributes = r#"\[(?:[a-z]+=(?:[A-Za-z]+|[0-9]+|"(?:[^"\\]|\\["\\n])*")(?:, )?)+\]"#;
    let node = regex::Regex::new(&format!("^  (graph|node|edge|n[0-9]+|more) {attributes};$")).expect("good");
    let arrow = regex::Regex::new(&format!("^  (n[0-9]+|more) -> (n[0-9]+) {attributes};$")).expect("good");
    let nodes: BTreeSet<&str> = lines
        .iter()
        .filter_map(|line| node.captures(line))
        .map(|found| found.get(1).expect("named").as_str())
        .collect();
    for line in &lines[1..lines.len() - 1] {
        match arrow.captures(line) {
            Some(found) => {
                let ends = [1, 2].map(|at| found.get(at).expect("named").as_str());
                assert!(ends.iter().all(|end| nodes.contains(end)), "{line}");
            }
            None => assert!(node.is_match(line), "{line}"),
        }
    }
    assert!(!graph.chars().any(|c| c.is_control() && c != '\n'), "{graph}");
}

/// Asks Graphviz itself, where it is installed.
fn lay_out(graph: &str) {
    let dot =
        Command::new("dot").arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut dot) = dot else {
        crate::live::support::tell("SKIPPED: no dot (Graphviz) here");
        return;
    };
    dot.stdin.take().expect("piped").write_all(graph.as_bytes()).expect("read");
    let done = dot.wait_with_output().expect("ended");
    let (svg, said) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && svg.contains("</svg>"), "{said}");
    assert!(!svg.contains("&lt;Type"), "an entity of the target's was read as one");
}
