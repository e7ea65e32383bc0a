//! Findings as JSON, the stable interface: names and order of the keys are a promise to scripts.

mod audit;
mod changes;
mod diff;
mod find;
mod growth;
mod paths;
mod plot;
mod referrers;
mod show;
mod top;

pub use audit::audit;
pub use changes::{NothingMore, changes, changes_line};
pub use diff::diff;
pub use find::find;
pub use growth::{Crossed, growth, since_fork};
pub use paths::paths;
pub use plot::plot;
pub use referrers::referrers;
pub use show::show;
pub use top::top;

use std::io::{self, Write};

use serde::Serialize;

use crate::analysis::{Histogram, Totals};
use crate::heap::{Capture, Info, SizeBasis, TypeTally};
use crate::report::ProcessRow;
use crate::report::number::rounded;
use crate::report::text::is_hidden;

#[derive(Serialize)]
struct Types<'a> {
    schema: &'static str,
    capture: Capture,
    totals: Sums,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<Sums>,
    types: Vec<Type<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<Sums>,
}

#[derive(Serialize)]
struct Sums {
    objects: u64,
    bytes: u64,
    tracked: u64,
    types: u64,
}

#[derive(Serialize)]
struct Type<'a> {
    r#type: &'a str,
    count: u64,
    bytes: u64,
    tracked: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_basis: Option<&'static str>,
}

#[derive(Serialize)]
struct Processes<'a> {
    schema: &'static str,
    processes: &'a [ProcessRow],
}

#[derive(Serialize)]
struct Target<'a> {
    schema: &'static str,
    #[serde(flatten)]
    info: &'a Info,
}

impl From<&Totals> for Sums {
    fn from(of: &Totals) -> Sums {
        Sums { objects: of.objects, bytes: of.bytes, tracked: of.tracked, types: of.types }
    }
}

impl<'a> From<&'a TypeTally> for Type<'a> {
    fn from(row: &'a TypeTally) -> Type<'a> {
        let size_basis = (row.basis == SizeBasis::Basic).then_some("basicsize");
        Type { r#type: &row.name, count: row.count, bytes: row.bytes, tracked: row.tracked, size_basis }
    }
}

/// Writes `leakspy/types/1`: `matched` only under a filter, `omitted` only where a limit cut rows off.
///
/// # Errors
/// What `out` says.
pub fn types(out: &mut dyn Write, found: &Histogram, capture: &Capture) -> io::Result<()> {
    let answer = Types {
        schema: "leakspy/types/1",
        capture: measured(capture),
        totals: (&found.totals).into(),
        matched: found.matched.as_ref().map(Sums::from),
        types: found.rows.iter().map(Type::from).collect(),
        omitted: (found.hidden.types > 0).then(|| (&found.hidden).into()),
    };
    write(out, &answer)
}

/// Writes `leakspy/ps/1`.
///
/// # Errors
/// What `out` says.
pub fn processes(out: &mut dyn Write, rows: &[ProcessRow]) -> io::Result<()> {
    write(out, &Processes { schema: "leakspy/ps/1", processes: rows })
}

/// Writes `leakspy/info/1`.
///
/// # Errors
/// What `out` says.
pub fn info(out: &mut dyn Write, info: &Info) -> io::Result<()> {
    let info = Info { capture: measured(&info.capture), ..info.clone() };
    write(out, &Target { schema: "leakspy/info/1", info: &info })
}

/// The capture with as many decimals as were measured.
fn measured(capture: &Capture) -> Capture {
    let mut capture = capture.clone();
    capture.pause_ms = rounded(capture.pause_ms, 3);
    capture.coverage.ratio = capture.coverage.ratio.map(|ratio| rounded(ratio, 4));
    capture
}

fn write(out: &mut dyn Write, answer: &impl Serialize) -> io::Result<()> {
    finish(out, serde_json::to_string_pretty(answer)?)
}

/// The same in one line, for streams.
fn write_line(out: &mut dyn Write, answer: &impl Serialize) -> io::Result<()> {
    finish(out, serde_json::to_string(answer)?)
}

fn finish(out: &mut dyn Write, mut text: String) -> io::Result<()> {
    // JSON lets DEL, C1 controls and marks of direction stand as they are, a terminal obeys them. Outside of strings JSON
    // has none of these, so what is replaced is always part of one, and means the same afterwards.
    if text.chars().any(steers) {
        text = text.chars().map(|c| if steers(c) { escaped(c) } else { c.to_string() }).collect();
    }
    text.push('\n');
    out.write_all(text.as_bytes())
}

/// Does a terminal do something at this character? Newlines are JSON's own by now.
fn steers(c: char) -> bool {
    c != '\n' && is_hidden(c)
}

fn escaped(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::analysis::{HistogramOptions, histogram};
    use crate::heap::info::{Collector, Generation, HeapFacts, LayoutSource, MappedFile, ProcessFacts};
    use crate::heap::{Census, Coverage, GenerationPoint, sketch};

    /// The capture of the contract's example, with more digits.
    pub fn capture() -> Capture {
        let coverage = Coverage { ratio: Some(0.995_417_4), ..sketch::capture().coverage };
        Capture { pause_ms: 41.234_567, copied_bytes: 160_900_000, coverage, ..sketch::capture() }
    }

    /// What `leakspy info` may know of that process.
    pub fn target() -> Info {
        let table = |section: &str, source: &str| LayoutSource { section: section.into(), source: source.into() };
        Info {
            capture: capture(),
            process: ProcessFacts {
                pid: 25867,
                command: "python3 app.py".into(),
                role: None,
                executable: Some(MappedFile { path: "/usr/bin/python3.11".into(), deleted: true }),
                library: None,
                rss_bytes: 160 << 20,
                threads: 3,
            },
            interpreters: 1,
            layout: vec![
                table("object", "python_offsets/3.11.toml"),
                table("dict_keys", "--offsets own.toml"),
                table("gc", "python_offsets/3.11.toml"),
            ],
            heap: HeapFacts {
                objects: 2_513_325,
                bytes: 131_000_000,
                tracked: 430_673,
                arenas: Some(610),
                arena_bytes: Some(610 << 18),
            },
            gc: vec![Collector {
                interpreter: 0,
                collecting: false,
                generations: vec![
                    Generation {
                        name: "0".into(),
                        objects: 431,
                        counters: Some(GenerationPoint {
                            count: 77,
                            collections: Some(1200),
                            collected: Some(5300),
                            uncollectable: Some(2),
                        }),
                    },
                    Generation { name: "permanent".into(), objects: 0, counters: None },
                ],
            }],
        }
    }

    fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).expect("a Vec takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn types_are_as_the_contract_says() {
        let tally = |name: &str, bytes, basis| TypeTally { name: name.into(), count: 2, bytes, tracked: 1, basis };
        let census = Census {
            types: vec![
                tally("builtins.dict", 400, SizeBasis::Exact),
                tally("numpy.\u{1b}nd", 200, SizeBasis::Basic),
                tally("a.b", 1, SizeBasis::Exact),
            ],
        };
        let found = histogram(&census, &HistogramOptions { limit: Some(2), ..Default::default() });
        assert_eq!(
            text(|out| types(out, &found, &capture())),
            r#"{
  "schema": "leakspy/types/1",
  "capture": {
    "source": "process",
    "pid": 25867,
    "python": "3.11.7",
    "build": {
      "debug": false,
      "free_threaded": false,
      "allocator": "pymalloc"
    },
    "taken_at": "2026-11-20T17:00:00Z",
    "frozen": true,
    "pause_ms": 41.235,
    "one_instant": true,
    "consistent": true,
    "coverage": {
      "used_bytes": 160838240,
      "explained_bytes": 160101200,
      "ratio": 0.9954
    },
    "copied_bytes": 160900000,
    "skipped": 0,
    "warnings": []
  },
  "totals": {
    "objects": 6,
    "bytes": 601,
    "tracked": 3,
    "types": 3
  },
  "types": [
    {
      "type": "builtins.dict",
      "count": 2,
      "bytes": 400,
      "tracked": 1
    },
    {
      "type": "numpy.\u001bnd",
      "count": 2,
      "bytes": 200,
      "tracked": 1,
      "size_basis": "basicsize"
    }
  ],
  "omitted": {
    "objects": 2,
    "bytes": 1,
    "tracked": 1,
    "types": 1
  }
}
"#
        );
    }

    #[test]
    fn what_steers_a_terminal_is_escaped_and_reads_back_the_same() {
        let name = "a\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{e0041}é\"";
        let census = Census { types: vec![TypeTally { name: name.into(), count: 1, ..Default::default() }] };
        let answer = text(|out| types(out, &histogram(&census, &HistogramOptions::default()), &capture()));
        assert!(answer.contains(r#""a\u001b[2J\u009b31m\u007f\u202e\udb40\udc41é\"""#), "{answer}");
        let read: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(read["types"][0]["type"], name);
    }

    #[test]
    fn ps_gives_all_keys_of_each_process() {
        let row = ProcessRow {
            pid: 7,
            python: None,
            rss_bytes: 4096,
            command: "python3".into(),
            role: None,
            inspectable: false,
            why: Some("other user".into()),
        };
        let answer: serde_json::Value = serde_json::from_str(&text(|out| processes(out, &[row]))).expect("JSON");
        let expected = serde_json::json!({"schema": "leakspy/ps/1", "processes": [{
            "pid": 7, "python": null, "rss_bytes": 4096, "command": "python3", "role": null,
            "inspectable": false, "why": "other user"}]});
        assert_eq!(answer, expected);
    }

    #[test]
    fn info_begins_with_schema_and_capture() {
        let answer = text(|out| info(out, &target()));
        assert!(answer.starts_with("{\n  \"schema\": \"leakspy/info/1\",\n  \"capture\": {\n"), "{answer}");
        assert!(answer.contains("\"ratio\": 0.9954"), "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        let young = serde_json::json!({"name": "0", "objects": 431, "count": 77, "collections": 1200,
            "collected": 5300, "uncollectable": 2});
        let permanent = serde_json::json!({"name": "permanent", "objects": 0});
        assert_eq!(answer["gc"][0]["generations"], serde_json::json!([young, permanent]));
    }
}
