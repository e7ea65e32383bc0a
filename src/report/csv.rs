//! Findings as CSV: a heading and a row each, bytes as plain numbers. Where the numbers come from does not fit in here;
//! it stands in JSON.

mod changes;
mod objects;
mod paths;
mod top;

pub use changes::changes;
pub use objects::{audit, find, referrers, show};
pub use paths::paths;
pub use top::top;

use std::io::{self, Write};

use serde_json::Value;

use crate::analysis::Histogram;
use crate::heap::{Info, SizeBasis};
use crate::report::text::visible;
use crate::report::{ProcessRow, json};

/// Writes a row for each type.
///
/// # Errors
/// What `out` says.
pub fn types(out: &mut dyn Write, found: &Histogram) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["type", "count", "bytes", "tracked", "size_basis"])?;
    for row in &found.rows {
        let basis = match row.basis {
            SizeBasis::Exact => "exact",
            SizeBasis::Basic => "basicsize",
        };
        let [count, bytes, tracked] = [row.count, row.bytes, row.tracked].map(|n| n.to_string());
        rows.write_record([visible(&row.name).as_ref(), &count, &bytes, &tracked, basis])?;
    }
    rows.flush()
}

/// Writes a row for each process.
///
/// # Errors
/// What `out` says.
pub fn processes(out: &mut dyn Write, found: &[ProcessRow]) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["pid", "python", "rss_bytes", "command", "role", "inspectable", "why"])?;
    for row in found {
        let [python, role, why] =
            [&row.python, &row.role, &row.why].map(|text| visible(text.as_deref().unwrap_or_default()));
        let (pid, rss, inspectable) = (row.pid.to_string(), row.rss_bytes.to_string(), row.inspectable.to_string());
        let command = visible(&row.command);
        rows.write_record([&pid, python.as_ref(), &rss, command.as_ref(), role.as_ref(), &inspectable, why.as_ref()])?;
    }
    rows.flush()
}

/// Writes a row for each fact, named by its way through the JSON: `process.rss_bytes`, `gc.0.collecting`.
///
/// # Errors
/// What `out` says.
pub fn info(out: &mut dyn Write, info: &Info) -> io::Result<()> {
    let mut text = Vec::new();
    json::info(&mut text, info)?;
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["key", "value"])?;
    facts(&mut rows, "", &serde_json::from_slice(&text)?)?;
    rows.flush()
}

fn facts(rows: &mut csv::Writer<&mut dyn Write>, key: &str, value: &Value) -> io::Result<()> {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| facts(rows, &below(name), value)),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(at, value)| facts(rows, &below(&at.to_string()), value))
        }
        Value::Null => Ok(rows.write_record([key, ""])?),
        Value::String(text) => Ok(rows.write_record([key, visible(text).as_ref()])?),
        number_or_bool => Ok(rows.write_record([key, &number_or_bool.to_string()])?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{HistogramOptions, histogram};
    use crate::heap::{Census, TypeTally};
    use crate::report::json::tests::target;

    fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).expect("a Vec takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn names_are_quoted_and_made_visible() {
        let tally = |name: &str, basis| TypeTally { name: name.into(), count: 1, bytes: 1000, tracked: 0, basis };
        let census =
            Census { types: vec![tally("a,\"b\"\n", SizeBasis::Exact), tally("numpy.ndarray", SizeBasis::Basic)] };
        assert_eq!(
            text(|out| types(out, &histogram(&census, &HistogramOptions::default()))),
            "type,count,bytes,tracked,size_basis\n\"a,\"\"b\"\"\\x0a\",1,1000,0,exact\nnumpy.ndarray,1,1000,0,basicsize\n"
        );
    }

    #[test]
    fn processes_leave_the_unknown_empty() {
        let row = ProcessRow {
            pid: 7,
            python: Some("2.7.18".into()),
            rss_bytes: 4096,
            command: "python -c 1,2".into(),
            role: None,
            inspectable: true,
            why: None,
        };
        assert_eq!(
            text(|out| processes(out, &[row])),
            "pid,python,rss_bytes,command,role,inspectable,why\n7,2.7.18,4096,\"python -c 1,2\",,true,\n"
        );
    }

    #[test]
    fn facts_are_named_by_their_way() {
        let answer = text(|out| info(out, &target()));
        assert!(answer.starts_with("key,value\n"), "{answer}");
        assert!(answer.contains("\ngc.0.generations.1.name,permanent\n"), "{answer}");
        assert!(answer.contains("\nprocess.library,\n"), "{answer}");
    }
}
