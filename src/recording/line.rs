//! One line of a recording ↔ what it says. Knows neither the file around it nor what the lines together mean.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SCHEMA;
use crate::heap::{GenerationPoint, HeapPoint, TypePoint, Usage};

/// The largest number that a line may hold: what JSON carries exactly everywhere (8 PiB). Larger ones are cut to it.
pub(super) const LARGEST: u64 = 1 << 53;

/// So many types of one look are read at most: sums over them then fit 64 bits.
pub(super) const TYPES: usize = 1024;

/// So much of a text is read, in bytes.
const TEXT: usize = 16 << 10;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The process it is about.
    pub pid: i32,
    /// When that process started, in milliseconds since 1970 UTC: with the PID it tells processes apart.
    pub started_ms: Option<i64>,
    /// What there is to say.
    pub event: Event,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The recording began, or went on in a new file or after a restart.
    Started {
        /// The process's command line; raw text of the target.
        command: String,
        /// `3.11.7`.
        python: String,
        /// The machine.
        host: Option<String>,
        /// What is recorded.
        records: Records,
        /// The interval that was asked for, in seconds.
        every_s: f64,
    },
    /// A look.
    Look {
        /// Memory as the operating system counts it.
        usage: Usage,
        /// The collector's generations, youngest first.
        gc: Vec<GenerationPoint>,
        /// The objects, where they were looked at.
        heap: Option<HeapPoint>,
    },
    /// A look that failed.
    Missed {
        /// Why.
        why: String,
    },
    /// The process went away.
    Ended {
        /// How, where that is known: it became another program, say.
        why: Option<String>,
    },
    /// Whoever recorded was asked to stop; the process lives on.
    Stopped {
        /// What asked: a signal, the time that was given.
        why: String,
    },
}

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Records {
    /// The system's numbers, the collector's, and the objects by type.
    Objects,
    /// The system's numbers and the collector's.
    Light,
}

/// A line as its keys have it; what is not known is not there.
#[derive(Serialize, Deserialize)]
struct Keys<'a> {
    schema: Cow<'a, str>,
    event: Cow<'a, str>,
    time: String,
    pid: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    python: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    records: Option<Records>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every_s: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rss_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pss_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uss_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    swap_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cgroup_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cgroup_limit_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    objects: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frozen: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consistent: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gc: Option<Cow<'a, [GenerationPoint]>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    types: Option<Cow<'a, [TypePoint]>>,
}

impl Line {
    /// The line, its newline included.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut keys = Keys {
            schema: SCHEMA.into(),
            event: self.event.name().into(),
            time: rfc3339(self.at_ms).unwrap_or_default(),
            pid: self.pid,
            started_at: self.started_ms.and_then(rfc3339),
            ..Keys::blank()
        };
        match &self.event {
            Event::Started { command, python, host, records, every_s } => {
                keys.command = Some(command.into());
                keys.python = Some(python.into());
                keys.host = host.as_ref().map(Cow::from);
                keys.records = Some(*records);
                keys.every_s = Some(*every_s);
            }
            Event::Look { usage, gc, heap } => {
                keys.rss_bytes = Some(usage.rss_bytes);
                keys.pss_bytes = usage.pss_bytes;
                keys.uss_bytes = usage.uss_bytes;
                keys.swap_bytes = usage.swap_bytes;
                keys.cgroup_bytes = usage.cgroup_bytes;
                keys.cgroup_limit_bytes = usage.cgroup_limit_bytes;
                keys.gc = (!gc.is_empty()).then_some(Cow::Borrowed(gc));
                if let Some(heap) = heap {
                    keys.objects = Some(heap.objects);
                    keys.bytes = Some(heap.bytes);
                    // A microsecond is more than anybody measures.
                    keys.pause_ms = Some((heap.pause_ms * 1e3).round() / 1e3);
                    keys.frozen = Some(heap.frozen);
                    keys.consistent = Some(heap.consistent);
                    keys.types = Some(Cow::Borrowed(&heap.types));
                }
            }
            Event::Missed { why } | Event::Stopped { why } => keys.why = Some(why.into()),
            Event::Ended { why } => keys.why = why.as_ref().map(Cow::from),
        }
        // Maps with keys that are no strings and numbers that are none: neither is here.
        let mut line = serde_json::to_string(&keys).unwrap_or_default();
        // Lines go to terminals, too, which obey more characters than JSON escapes. Outside of strings JSON has none of them.
        if line.chars().any(may_steer) {
            line = line.chars().map(|c| if may_steer(c) { escaped(c) } else { c.to_string() }).collect();
        }
        line.push('\n');
        line.into_bytes()
    }

    /// What a line says; `None` where it is none of ours, or torn, or of a version that is not known.
    #[must_use]
    pub fn decode(line: &[u8]) -> Option<Line> {
        let keys: Keys<'_> = serde_json::from_slice(line).ok()?;
        if keys.schema != SCHEMA || keys.pid <= 0 {
            return None;
        }
        let at_ms = milliseconds(&keys.time)?;
        let started_ms = keys.started_at.as_deref().and_then(milliseconds);
        let pid = keys.pid;
        let event = match &*keys.event {
            "started" => Event::Started {
                command: text(keys.command),
                python: text(keys.python),
                host: keys.host.map(|host| text(Some(host))),
                records: keys.records.unwrap_or(Records::Objects),
                every_s: keys.every_s.unwrap_or(0.0),
            },
            "look" => keys.look()?,
            "missed" => Event::Missed { why: text(keys.why) },
            "ended" => Event::Ended { why: keys.why.map(|why| text(Some(why))) },
            "stopped" => Event::Stopped { why: text(keys.why) },
            _ => return None,
        };
        Some(Line { at_ms, pid, started_ms, event })
    }
}

impl Event {
    fn name(&self) -> &'static str {
        match self {
            Event::Started { .. } => "started",
            Event::Look { .. } => "look",
            Event::Missed { .. } => "missed",
            Event::Ended { .. } => "ended",
            Event::Stopped { .. } => "stopped",
        }
    }
}

impl Keys<'_> {
    fn blank() -> Self {
        Keys {
            schema: "".into(),
            event: "".into(),
            time: String::new(),
            pid: 0,
            started_at: None,
            command: None,
            python: None,
            host: None,
            records: None,
            every_s: None,
            why: None,
            rss_bytes: None,
            pss_bytes: None,
            uss_bytes: None,
            swap_bytes: None,
            cgroup_bytes: None,
            cgroup_limit_bytes: None,
            objects: None,
            bytes: None,
            pause_ms: None,
            frozen: None,
            consistent: None,
            gc: None,
            types: None,
        }
    }

    fn look(self) -> Option<Event> {
        let cut = |number: Option<u64>| number.map(|number| number.min(LARGEST));
        let usage = Usage {
            rss_bytes: cut(self.rss_bytes)?,
            pss_bytes: cut(self.pss_bytes),
            uss_bytes: cut(self.uss_bytes),
            swap_bytes: cut(self.swap_bytes),
            cgroup_bytes: cut(self.cgroup_bytes),
            cgroup_limit_bytes: cut(self.cgroup_limit_bytes),
        };
        let mut gc = self.gc.map(Cow::into_owned).unwrap_or_default();
        gc.truncate(TYPES);
        for generation in &mut gc {
            generation.count = generation.count.min(LARGEST);
            generation.collections = cut(generation.collections);
            generation.collected = cut(generation.collected);
            generation.uncollectable = cut(generation.uncollectable);
        }
        let heap = match (cut(self.objects), cut(self.bytes)) {
            (Some(objects), Some(bytes)) => {
                let mut types = self.types.map(Cow::into_owned).unwrap_or_default();
                types.truncate(TYPES);
                for of in &mut types {
                    of.name = shorten(std::mem::take(&mut of.name));
                    of.count = of.count.min(LARGEST);
                    of.bytes = of.bytes.min(LARGEST);
                }
                let pause_ms = self.pause_ms.unwrap_or(0.0).clamp(0.0, LARGEST as f64);
                let (frozen, consistent) = (self.frozen.unwrap_or(false), self.consistent.unwrap_or(false));
                Some(HeapPoint { objects, bytes, types, pause_ms, frozen, consistent })
            }
            _ => None,
        };
        Some(Event::Look { usage, gc, heap })
    }
}

fn text(from: Option<Cow<'_, str>>) -> String {
    shorten(from.map(Cow::into_owned).unwrap_or_default())
}

/// Is it a character that a terminal might do something at? Everything that is no letter, number or of ASCII counts.
fn may_steer(c: char) -> bool {
    c == '\u{7f}' || !(c.is_ascii() || c.is_alphanumeric())
}

fn escaped(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn shorten(mut text: String) -> String {
    if text.len() > TEXT {
        let end = (0..=TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.shrink_to_fit();
    }
    text
}

fn rfc3339(ms: i64) -> Option<String> {
    Timestamp::from_millisecond(ms).ok().map(|at| at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

fn milliseconds(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(|at| at.as_millisecond())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// 2026-11-21T15:00:00.120Z
    pub(in super::super) const NOON: i64 = 1_795_273_200_120;

    pub(in super::super) fn look(at_ms: i64, rss_bytes: u64) -> Line {
        let heap = HeapPoint {
            objects: 7,
            bytes: 700,
            types: vec![TypePoint { name: "app.\"Timing\"\n".into(), count: 2, bytes: 96 }],
            pause_ms: 1.25,
            frozen: true,
            consistent: true,
        };
        let usage = Usage { rss_bytes, pss_bytes: Some(5), cgroup_bytes: Some(9), ..Usage::default() };
        let gc = vec![GenerationPoint { count: 3, collections: Some(1), ..GenerationPoint::default() }];
        let event = Event::Look { usage, gc, heap: Some(heap) };
        Line { at_ms, pid: 25867, started_ms: Some(NOON - 60_000), event }
    }

    pub(in super::super) fn started(at_ms: i64) -> Line {
        let event = Event::Started {
            command: "python app.py".into(),
            python: "3.11.7".into(),
            host: Some("web-1".into()),
            records: Records::Objects,
            every_s: 10.0,
        };
        Line { at_ms, pid: 25867, started_ms: Some(NOON - 60_000), event }
    }

    #[test]
    fn what_steers_a_terminal_is_escaped_and_reads_back_the_same() {
        let name = "é中\u{9b}31m\u{7f}\u{202e}\u{e0041}\u{1b}\"";
        let line = Line { event: Event::Missed { why: name.into() }, ..look(NOON, 1) };
        let encoded = String::from_utf8(line.encode()).expect("text");
        assert!(encoded.contains(r#""é中\u009b31m\u007f\u202e\udb40\udc41\u001b\"""#), "{encoded}");
        assert_eq!(Line::decode(encoded.as_bytes()), Some(line));
    }

    #[test]
    fn a_look_is_written_as_the_contract_has_it() {
        let text = String::from_utf8(look(NOON, 1000).encode()).expect("text");
        assert_eq!(
            text,
            "{\"schema\":\"leakspy/record/1\",\"event\":\"look\",\"time\":\"2026-11-21T15:00:00.120Z\",\"pid\":25867,\
             \"started_at\":\"2026-11-21T14:59:00.120Z\",\"rss_bytes\":1000,\"pss_bytes\":5,\"cgroup_bytes\":9,\
             \"objects\":7,\"bytes\":700,\"pause_ms\":1.25,\"frozen\":true,\"consistent\":true,\
             \"gc\":[{\"count\":3,\"collections\":1,\"collected\":null,\"uncollectable\":null}],\
             \"types\":[{\"type\":\"app.\\\"Timing\\\"\\n\",\"count\":2,\"bytes\":96}]}\n"
        );
    }

    #[test]
    fn every_event_comes_back_as_it_went() {
        let of = |event| Line { at_ms: NOON, pid: 1, started_ms: None, event };
        let light = Event::Look { usage: Usage::default(), gc: vec![], heap: None };
        let lines = [
            started(NOON),
            look(NOON, 1),
            of(light),
            of(Event::Missed { why: "busy".into() }),
            of(Event::Ended { why: None }),
            of(Event::Ended { why: Some("it became another program".into()) }),
            of(Event::Stopped { why: "SIGTERM".into() }),
        ];
        for line in lines {
            let encoded = line.encode();
            assert!(encoded.starts_with(super::super::OPENING));
            assert_eq!(encoded.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
            assert_eq!(Line::decode(&encoded), Some(line));
        }
    }

    #[test]
    fn what_is_not_ours_says_nothing() {
        let good = String::from_utf8(look(NOON, 1).encode()).expect("text");
        let bad = [
            good.replace("record/1", "record/2"),
            good.replace("\"look\"", "\"glance\""),
            good.replace("25867", "-1"),
            good.replace("25867", "99999999999"),
            good.replace("2026-11-21T15", "2026-11-21T25"),
            good.replace("\"rss_bytes\":1,", ""),
            good.replace("\"rss_bytes\":1,", "\"rss_bytes\":-1,"),
            good.replace("1.25", "1e999"),
            good.replace("}]}", "}]"),
            "[]".into(),
            "null".into(),
            String::new(),
        ];
        for line in bad {
            assert_ne!(line, good);
            assert_eq!(Line::decode(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn absurd_numbers_and_texts_are_cut() {
        let good = String::from_utf8(look(NOON, 1).encode()).expect("text");
        let absurd =
            good.replace("\"bytes\":96", "\"bytes\":18446744073709551615").replace("Timing", &"ä".repeat(TEXT));
        let Some(Line { event: Event::Look { heap: Some(heap), .. }, .. }) = Line::decode(absurd.as_bytes()) else {
            panic!("a look");
        };
        assert_eq!(heap.types[0].bytes, LARGEST);
        assert!(heap.types[0].name.len() <= TEXT);
    }
}
