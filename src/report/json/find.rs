//! `leakspy/find/1`.

use std::io::{self, Write};

use serde::Serialize;

use super::{measured, write};
use crate::addr::Addr;
use crate::analysis::Found;
use crate::heap::{Capture, Heap, Id};

#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    capture: Capture,
    total: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<u64>,
    objects: Vec<Object<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<u64>,
}

#[derive(Serialize)]
struct Object<'a> {
    address: Addr,
    r#type: &'a str,
    bytes: u64,
    refcount: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    called: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

/// Writes `leakspy/find/1`: `omitted` objects only where a limit cut them off, `called` and `value` only where there is one.
///
/// # Errors
/// What `out` says.
pub fn find(out: &mut dyn Write, found: &Found, heap: &Heap, capture: &Capture) -> io::Result<()> {
    let object = |id: &Id| Object {
        address: heap.objects.addr(*id),
        r#type: heap.type_name(*id),
        bytes: heap.objects.bytes(*id),
        refcount: heap.objects.refcount(*id),
        called: heap.called(*id),
        value: heap.values.get(id).map(|value| &**value),
    };
    let answer = Answer {
        schema: "leakspy/find/1",
        capture: measured(capture),
        total: found.total,
        bytes: found.bytes,
        sampled: found.sampled,
        objects: found.shown.iter().map(object).collect(),
        omitted: (found.hidden > 0).then_some(found.hidden),
    };
    write(out, &answer)
}
