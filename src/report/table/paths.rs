//! The table of `leakspy paths`: who holds the objects in the first line, then each way with what to type next.

use std::io::{self, Write};

use super::types::trust;
use crate::analysis::paths::Sum;
use crate::analysis::{Paths, Way};
use crate::heap::{Capture, Heap};
use crate::report::Look;
use crate::report::grid::{Column, Give, Grid, Weight, styled};
use crate::report::number::{counted, iec, percent, thousands};
use crate::report::text::{visible, wrapped};

const COLUMNS: [Column; 4] = [
    Column { title: "COUNT", right: true, give: Give::Never },
    Column { title: "BYTES", right: true, give: Give::Never },
    Column { title: "SHARE", right: true, give: Give::Never },
    Column { title: "PATH", right: false, give: Give::Middle },
];

const LEGEND: &str = "~ leads through references that were found by scanning memory: inferred, not known";

/// Paths for which more is said than their line.
const EXPLAINED: usize = 5;

/// Writes who holds the objects, the paths, what nothing reaches, what removal would free, and how far it can be trusted.
/// `asked` is how the objects were named, `again` how the source is named in a command that is to be typed next.
///
/// # Errors
/// What `out` says.
pub fn paths(
    out: &mut dyn Write,
    found: &Paths,
    asked: &str,
    heap: &Heap,
    capture: &Capture,
    again: &str,
    look: Look,
) -> io::Result<()> {
    line(out, look, Weight::Bold, &held_by(found, asked), "")?;
    out.write_all(b"\n")?;
    if found.objects.count > 0 {
        let plain = grid(found).render(Look { colour: false, ..look });
        let table = grid(found).render(look);
        // What is said of a path stands below its text, which begins where its heading does.
        let indent = " ".repeat(plain.lines().next().and_then(|heading| heading.find("PATH")).unwrap_or(0));
        // A heading, a line a path, and then the sums.
        for (n, row) in table.lines().enumerate() {
            writeln!(out, "{row}")?;
            let way = n.checked_sub(1).and_then(|n| found.ways.get(n)).filter(|_| n <= EXPLAINED);
            for said in way.map_or_else(Vec::new, |way| explained(way, heap, again)) {
                line(out, look, Weight::Dim, &said, &indent)?;
            }
        }
        out.write_all(b"\n")?;
    }
    for (n, removal) in found.removals.iter().enumerate() {
        let also = if n > 0 { " as well" } else { "" };
        let by = removal.by.as_deref().map_or_else(String::new, |by| format!(" by {}", visible(by)));
        let (freed, held) = (thousands(removal.freed.count), thousands(removal.held.count));
        let text = format!("without {}{also}: {freed} freed, {held} held{by}", visible(&removal.without));
        line(out, look, Weight::Bold, &text, "")?;
    }
    let inferred = found.ways.iter().any(|way| way.inferred);
    for said in trust(capture).into_iter().chain(inferred.then(|| LEGEND.to_owned())) {
        line(out, look, Weight::Dim, &said, "")?;
    }
    Ok(())
}

/// Prose, set in from the left and as wide as the terminal.
pub(super) fn line(out: &mut dyn Write, look: Look, weight: Weight, text: &str, indent: &str) -> io::Result<()> {
    let width = look.width.map(|width| width.saturating_sub(indent.len()));
    let text = wrapped(text, width, "  ");
    text.lines().try_for_each(|text| out.write_all(styled(weight, &format!("{indent}{text}"), look.colour).as_bytes()))
}

pub(super) fn grid(found: &Paths) -> Grid {
    let mut grid = Grid::new(&COLUMNS);
    for way in &found.ways {
        let mark = if way.inferred { "~ " } else { "" };
        let path = format!("{mark}{}", visible(&way.text));
        grid.push(Weight::Plain, cells(found, way.sum, path));
    }
    if found.hidden_ways > 0 {
        grid.push(Weight::Dim, cells(found, found.hidden, counted(found.hidden_ways, "more path")));
    }
    if found.unreached.count > 0 {
        let unreached = "garbage that nothing reaches".to_owned();
        grid.push(Weight::Dim, cells(found, found.unreached, unreached));
    }
    grid
}

fn cells(found: &Paths, of: Sum, path: String) -> Vec<String> {
    vec![thousands(of.count), iec(of.bytes), percent(found.share(of)), path]
}

/// `60,631 foo_module.Timing, 4.6 MiB: 100.0% held by foo_module.Profiler.results`: the answer in a line. `asked` is how the
/// objects were named.
#[must_use]
pub fn held_by(found: &Paths, asked: &str) -> String {
    let of = visible(found.of.as_deref().unwrap_or(asked)).into_owned();
    if found.objects.count == 0 {
        return format!("no {of} is alive");
    }
    let what = match found.of {
        Some(_) => of,
        None => format!("objects that match {of}"),
    };
    let what = format!("{} {what}, {}", thousands(found.objects.count), iec(found.objects.bytes));
    match &found.held_most {
        Some((holder, sum)) => format!("{what}: {} held by {}", percent(found.share(*sum)), visible(holder)),
        None if found.unreached == found.objects => {
            format!("{what}: nothing reaches them; they were not collected yet")
        }
        None => format!("{what}: held by native code"),
    }
}

/// What is to be known of a path besides its line.
pub(super) fn explained(way: &Way, heap: &Heap, again: &str) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(behind) = &way.behind {
        let direct = thousands(way.sum.count.saturating_sub(behind.count));
        said.push(format!("{direct} directly, {} behind, most by {}", thousands(behind.count), visible(&behind.text)));
    }
    if let Some(references) = way.native {
        said.push(format!("{} that nothing found explains: C code holds them", counted(references, "reference")));
    }
    let example = heap.objects.addr(way.example);
    let holder = way.holder.as_ref().and_then(|holder| holder.object.map(|id| (holder, id)));
    if let Some((holder, id)) = holder.filter(|_| way.sum.count > 1) {
        let (of, address) = (visible(heap.type_name(id)), heap.objects.addr(id));
        said.push(format!("all through {}, in one {of}: leakspy show {address}{again}", visible(&holder.text)));
    }
    said.push(format!("one of them: leakspy show {example}{again}"));
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{PathsOptions, paths as find};
    use crate::heap::{Id, Label, RootKind, Sketch};
    use crate::report::json::tests::capture;
    use crate::report::{csv, json};

    /// app.RESULTS -> [Timing, Timing]; app.ARRAY -.+0x18-> Timing; Timing -.me-> itself; a Timing that C code holds
    fn heap() -> (Heap, Vec<Id>) {
        let mut sketch = Sketch::new();
        let app = sketch.module("app", RootKind::UserModule);
        let timings = [(); 5].map(|()| sketch.object("app.Ti\u{1b}ming", 48));
        let results = sketch.list(&timings[..2]);
        sketch.attribute(app, "RESULTS", results);
        let array = sketch.object("lxml.etree._Element", 48);
        let word = sketch.label(Label::Word(0x18)).inferred();
        sketch.marked(array, word, timings[2]);
        sketch.attribute(app, "ARRAY", array);
        let me = sketch.named(Label::Attribute, "me");
        sketch.edge(timings[3], me, timings[3]);
        sketch.refcount(timings[4], 2);
        (sketch.heap(), timings.to_vec())
    }

    fn rendered(limit: Option<usize>, width: Option<usize>) -> String {
        let (heap, targets) = heap();
        let found = find(&heap, &targets, &PathsOptions { limit, ..PathsOptions::default() });
        let mut out = Vec::new();
        let look = Look { width, colour: false };
        paths(&mut out, &found, "app.*", &heap, &capture(), " --pid 7", look).expect("a Vec takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_first_line_is_the_answer() {
        assert_eq!(
            rendered(None, None),
            "\
5 app.Ti\\x1bming, 240 B: 40.0% held by app.RESULTS

COUNT  BYTES  SHARE  PATH
    2   96 B  40.0%  app.RESULTS[*]
                     all through app.RESULTS, in one builtins.list: leakspy show 0x7f00000001c0 --pid 7
                     one of them: leakspy show 0x7f0000000080 --pid 7
    1   48 B  20.0%  <native>
                     2 references that nothing found explains: C code holds them
                     one of them: leakspy show 0x7f0000000180 --pid 7
    1   48 B  20.0%  ~ app.ARRAY.+0x18
                     one of them: leakspy show 0x7f0000000100 --pid 7
    1   48 B  20.0%  garbage that nothing reaches

without app.RESULTS: 2 freed, 0 held
coverage 99.54%: objects and their buffers explain 152.7 MiB of the 153.4 MiB that the allocator handed out
~ leads through references that were found by scanning memory: inferred, not known
"
        );
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let text = rendered(Some(1), Some(60));
        assert!(text.lines().all(|line| crate::report::text::columns(line) <= 60), "{text}");
        assert!(text.contains("    2   96 B  40.0%  2 more paths\n    1   48 B"), "{text}");
    }

    #[test]
    fn no_object_is_an_answer() {
        let (heap, _) = heap();
        let found = find(&heap, &[], &PathsOptions::default());
        let mut out = Vec::new();
        paths(&mut out, &found, "app.Tim", &heap, &capture(), "", Look::default()).expect("a Vec takes all");
        assert!(String::from_utf8(out).expect("text").starts_with("no app.Tim is alive\n\ncoverage"));
    }

    #[test]
    fn json_and_csv_tell_the_same() {
        let (heap, targets) = heap();
        let found = find(&heap, &targets, &PathsOptions::default());
        let mut out = Vec::new();
        json::paths(&mut out, &found, "app.*", &heap, &capture()).expect("a Vec takes all");
        let answer: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(answer["schema"], "leakspy/paths/1");
        assert_eq!(
            (&answer["type"], &answer["objects"], &answer["unreached"]),
            (&"app.Ti\u{1b}ming".into(), &5.into(), &1.into())
        );
        let path = &answer["paths"][0];
        let address = |id: Id| serde_json::json!(heap.objects.addr(id).to_string());
        assert_eq!(path["text"], "app.RESULTS[*]");
        assert_eq!(path["steps"][2]["edge"], "['RESULTS']");
        assert_eq!(path["steps"][2]["fan_out"], true);
        assert_eq!(
            path["steps"][3],
            serde_json::json!({"edge": "[0]", "type": "app.Ti\u{1b}ming", "address": address(targets[0])})
        );
        assert_eq!(path["holder"]["address"], path["steps"][2]["address"]);
        assert_eq!(
            answer["without"][0],
            serde_json::json!({
            "holder": "app.RESULTS", "freed": 2, "freed_bytes": 96, "held": 0, "held_bytes": 0, "by": null})
        );
        let mut out = Vec::new();
        csv::paths(&mut out, &found, &heap).expect("a Vec takes all");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "path,count,bytes,direct,inferred,native_references,holder,holder_address,example,fingerprint\n\
             app.RESULTS[*],2,96,2,false,,app.RESULTS,0x7f00000001c0,0x7f0000000080,890807a4540b0b98\n\
             <native>,1,48,1,false,2,,,0x7f0000000180,29228cf930acf0d2\n\
             app.ARRAY.+0x18,1,48,1,true,,app.ARRAY.+0x18,0x7f0000000200,0x7f0000000100,708dfa6d087ef131\n\
             ,1,48,,,,,,,\n"
        );
    }
}
