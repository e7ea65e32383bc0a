//! `leakspy/paths/1`.

use std::io::{self, Write};

use serde::Serialize;

use super::{measured, write};
use crate::addr::Addr;
use crate::analysis::paths::{Behind, Holder, PathStep, Removal, Sum};
use crate::analysis::{Paths, Way};
use crate::heap::{Capture, Heap, Id};
use crate::report::number::rounded;

#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    capture: Capture,
    r#type: &'a str,
    objects: u64,
    bytes: u64,
    unreached: u64,
    unreached_bytes: u64,
    paths: Vec<Path<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<Omitted>,
    without: Vec<Without<'a>>,
}

#[derive(Serialize)]
pub(super) struct Path<'a> {
    text: &'a str,
    count: u64,
    bytes: u64,
    share: f64,
    fingerprint: &'a str,
    direct: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<Further<'a>>,
    inferred: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    native_references: Option<u64>,
    holder: Option<Held<'a>>,
    example: Addr,
    steps: Vec<Step<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    omitted_steps: u64,
}

#[derive(Serialize)]
struct Further<'a> {
    text: &'a str,
    count: u64,
}

#[derive(Serialize)]
struct Held<'a> {
    text: &'a str,
    r#type: Option<&'a str>,
    address: Option<Addr>,
}

#[derive(Serialize)]
struct Step<'a> {
    edge: &'a str,
    r#type: &'a str,
    address: Addr,
    #[serde(skip_serializing_if = "is_false")]
    inferred: bool,
    #[serde(skip_serializing_if = "is_false")]
    fan_out: bool,
}

#[derive(Serialize)]
struct Omitted {
    paths: u64,
    count: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Without<'a> {
    holder: &'a str,
    freed: u64,
    freed_bytes: u64,
    held: u64,
    held_bytes: u64,
    by: Option<&'a str>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn is_false(word: &bool) -> bool {
    !word
}

/// Writes `leakspy/paths/1`. A step is a root or a reference with the object to which it leads; `fan_out` marks the last
/// object that all of a path have in common. `without` takes holders away one after the other, each without those before.
///
/// # Errors
/// What `out` says.
pub fn paths(out: &mut dyn Write, found: &Paths, asked: &str, heap: &Heap, capture: &Capture) -> io::Result<()> {
    let Sum { count, bytes } = found.hidden;
    let answer = Answer {
        schema: "leakspy/paths/1",
        capture: measured(capture),
        r#type: found.of.as_deref().unwrap_or(asked),
        objects: found.objects.count,
        bytes: found.objects.bytes,
        unreached: found.unreached.count,
        unreached_bytes: found.unreached.bytes,
        paths: found.ways.iter().map(|way| path(found, way, heap)).collect(),
        omitted: (found.hidden_ways > 0).then_some(Omitted { paths: found.hidden_ways, count, bytes }),
        without: found.removals.iter().map(without).collect(),
    };
    write(out, &answer)
}

pub(super) fn path<'a>(found: &Paths, way: &'a Way, heap: &'a Heap) -> Path<'a> {
    let address = |id: Id| heap.objects.addr(id);
    let behind = way.behind.as_ref();
    let held = |holder: &'a Holder| Held {
        text: &holder.text,
        r#type: holder.object.map(|id| heap.type_name(id)),
        address: holder.object.map(address),
    };
    let step = |step: &'a PathStep| Step {
        edge: &step.edge,
        r#type: heap.type_name(step.object),
        address: address(step.object),
        inferred: step.inferred,
        fan_out: step.fan_out,
    };
    Path {
        text: &way.text,
        count: way.sum.count,
        bytes: way.sum.bytes,
        share: rounded(found.share(way.sum), 4),
        fingerprint: &way.fingerprint,
        direct: way.sum.count.saturating_sub(behind.map_or(0, |behind| behind.count)),
        behind: behind.map(|Behind { count, text }| Further { text, count: *count }),
        inferred: way.inferred,
        native_references: way.native,
        holder: way.holder.as_ref().map(held),
        example: address(way.example),
        steps: way.steps.iter().map(step).collect(),
        omitted_steps: way.omitted,
    }
}

fn without(removal: &Removal) -> Without<'_> {
    Without {
        holder: &removal.without,
        freed: removal.freed.count,
        freed_bytes: removal.freed.bytes,
        held: removal.held.count,
        held_bytes: removal.held.bytes,
        by: removal.by.as_deref(),
    }
}
