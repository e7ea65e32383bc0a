//! `leakspy/show/1`.

use std::io::{self, Write};

use serde::Serialize;

use super::{measured, write};
use crate::addr::Addr;
use crate::analysis::{Link, Shown};
use crate::heap::{Capture, FoundBy, Heap};

#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    capture: Capture,
    object: Object<'a>,
    roots: Vec<Root<'a>>,
    references: Vec<Reference<'a>>,
    referrers: Vec<Reference<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<Omitted>,
}

#[derive(Serialize)]
struct Object<'a> {
    address: Addr,
    r#type: &'a str,
    bytes: u64,
    refcount: u32,
    tracked: bool,
    generation: Option<u8>,
    value: Option<&'a str>,
    called: Option<String>,
    found_by: FoundBy,
    immortal: bool,
    references_found: FoundReferences,
    native: u64,
    deficit: u64,
}

#[derive(Serialize)]
struct FoundReferences {
    objects: u64,
    roots: u64,
}

#[derive(Serialize)]
struct Root<'a> {
    root: &'static str,
    text: &'a str,
    references: u32,
}

#[derive(Serialize)]
struct Reference<'a> {
    edge: String,
    address: Addr,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    called: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    inferred: bool,
    counted: bool,
}

#[derive(Serialize)]
struct Omitted {
    references: u64,
    referrers: u64,
}

/// Writes `leakspy/show/1`, with at most `limit` references to each side; `omitted` only where that cut some off. Contents
/// are told of the object and of what it refers to.
///
/// # Errors
/// What `out` says.
pub fn show(
    out: &mut dyn Write,
    shown: &Shown,
    limit: Option<usize>,
    heap: &Heap,
    capture: &Capture,
) -> io::Result<()> {
    let value = |id| heap.values.get(&id).map(|value| &**value);
    let link = |link: &Link, with: bool| Reference {
        edge: heap.label_text(link.label),
        address: heap.objects.addr(link.other),
        r#type: heap.type_name(link.other),
        called: shown.owners.known_as(heap, link.other),
        value: value(link.other).filter(|_| with),
        inferred: link.label.is_inferred(),
        counted: link.label.is_counted(),
    };
    let most = limit.unwrap_or(usize::MAX);
    let cut = |links: &[Link]| links.len().saturating_sub(most) as u64;
    let omitted = Omitted { references: cut(&shown.references), referrers: cut(&shown.referrers) };
    let object = &shown.object;
    let answer = Answer {
        schema: "leakspy/show/1",
        capture: measured(capture),
        object: Object {
            address: object.addr,
            r#type: heap.type_name(shown.id),
            bytes: object.bytes,
            refcount: object.refcount,
            tracked: object.generation.is_tracked(),
            generation: object.generation.number(),
            value: value(shown.id),
            called: shown.owners.known_as(heap, shown.id),
            found_by: object.found_by,
            immortal: object.immortal,
            references_found: FoundReferences { objects: shown.account.from_objects, roots: shown.account.from_roots },
            native: shown.account.native(),
            deficit: shown.account.deficit(),
        },
        roots: shown
            .roots
            .iter()
            .map(|root| Root { root: root.kind.word(), text: heap.names.get(root.text), references: root.references })
            .collect(),
        references: shown.references.iter().take(most).map(|one| link(one, true)).collect(),
        referrers: shown.referrers.iter().take(most).map(|one| link(one, false)).collect(),
        omitted: Some(omitted).filter(|cut| cut.references > 0 || cut.referrers > 0),
    };
    write(out, &answer)
}
