//! `leakspy/audit/1`.

use std::io::{self, Write};

use serde::Serialize;

use super::{measured, write};
use crate::addr::Addr;
use crate::analysis::Audit;
use crate::analysis::audit::{Difference, TypeAudit};
use crate::heap::{Capture, Gaps, Heap};
use crate::report::number::rounded;

#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    capture: Capture,
    mortal: u64,
    immortal: u64,
    explained: u64,
    share: f64,
    surplus: Sum,
    deficit: Sum,
    gaps: Missing,
    types: Vec<Type<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<u64>,
}

#[derive(Serialize)]
struct Sum {
    objects: u64,
    references: u64,
}

#[derive(Serialize)]
struct Missing {
    dangling: u64,
    damaged: u64,
    dropped: u64,
}

#[derive(Serialize)]
struct Type<'a> {
    r#type: &'a str,
    surplus: Sum,
    deficit: Sum,
    examples: Vec<Example>,
}

#[derive(Serialize)]
struct Example {
    address: Addr,
    refcount: u32,
    found: u32,
}

impl From<Difference> for Sum {
    fn from(of: Difference) -> Sum {
        Sum { objects: of.objects, references: of.references }
    }
}

/// Writes `leakspy/audit/1`.
///
/// # Errors
/// What `out` says.
pub fn audit(out: &mut dyn Write, audit: &Audit, heap: &Heap, capture: &Capture) -> io::Result<()> {
    let examples = |of: &TypeAudit| {
        let example = |example: &crate::analysis::audit::Example| Example {
            address: heap.objects.addr(example.id),
            refcount: example.refcount,
            found: example.found,
        };
        of.examples.iter().map(example).collect()
    };
    let Gaps { dangling, damaged, dropped } = heap.gaps;
    let answer = Answer {
        schema: "leakspy/audit/1",
        capture: measured(capture),
        mortal: audit.mortal,
        immortal: audit.immortal,
        explained: audit.explained,
        share: rounded(audit.share(), 6),
        surplus: audit.surplus.into(),
        deficit: audit.deficit.into(),
        gaps: Missing { dangling, damaged, dropped },
        types: audit
            .types
            .iter()
            .map(|of| Type {
                r#type: &of.name,
                surplus: of.surplus.into(),
                deficit: of.deficit.into(),
                examples: examples(of),
            })
            .collect(),
        omitted: (audit.hidden > 0).then_some(audit.hidden),
    };
    write(out, &answer)
}
