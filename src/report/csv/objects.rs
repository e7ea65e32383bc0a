//! What is known of single objects and of what refers to them, a row each.

use std::io::{self, Write};

use crate::analysis::{Audit, Found, Holder, Link, Referrers, Shown};
use crate::heap::Heap;
use crate::report::text::visible;

/// Writes a row for each object found.
///
/// # Errors
/// What `out` says.
pub fn find(out: &mut dyn Write, found: &Found, heap: &Heap) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["address", "type", "bytes", "refcount", "called", "value"])?;
    for id in &found.shown {
        let objects = &heap.objects;
        let (address, bytes) = (objects.addr(*id).to_string(), objects.bytes(*id).to_string());
        let (name, called) = (visible(heap.type_name(*id)), visible(heap.called(*id).unwrap_or_default()));
        let value = visible(heap.values.get(id).map_or("", |value| value));
        rows.write_record([&address, name.as_ref(), &bytes, &objects.refcount(*id).to_string(), &called, &value])?;
    }
    rows.flush()
}

/// Writes a row for the object, and one for each of its roots, references and referrers; of these at most `limit` each.
///
/// # Errors
/// What `out` says.
pub fn show(out: &mut dyn Write, shown: &Shown, limit: Option<usize>, heap: &Heap) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["what", "edge", "address", "type", "bytes", "refcount", "called", "value"])?;
    let most = limit.unwrap_or(usize::MAX);
    let mut object = |what: &str, edge: &str, id| {
        let objects = &heap.objects;
        let known = shown.owners.known_as(heap, id).unwrap_or_default();
        let value = heap.values.get(&id).filter(|_| what != "referrer").map_or("", |value| value);
        rows.write_record([
            what,
            visible(edge).as_ref(),
            &objects.addr(id).to_string(),
            visible(heap.type_name(id)).as_ref(),
            &objects.bytes(id).to_string(),
            &objects.refcount(id).to_string(),
            visible(&known).as_ref(),
            visible(value).as_ref(),
        ])
    };
    object("object", "", shown.id)?;
    let mut links = |what: &str, links: &[Link]| {
        links.iter().take(most).try_for_each(|link| object(what, &heap.label_text(link.label), link.other))
    };
    links("reference", &shown.references)?;
    links("referrer", &shown.referrers)?;
    for root in &shown.roots {
        rows.write_record(["root", visible(heap.names.get(root.text)).as_ref(), "", "", "", "", root.kind.word(), ""])?;
    }
    rows.flush()
}

/// Writes a row for each group of references; `parent` is the row whose objects it refers to, 0 the objects asked for.
///
/// # Errors
/// What `out` says.
pub fn referrers(out: &mut dyn Write, tree: &Referrers, heap: &Heap) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["level", "row", "parent", "edge", "type", "root", "count", "objects", "address", "called"])?;
    for (at, row) in tree.rows.iter().enumerate().skip(1) {
        let (name, root) = match &row.holder {
            Holder::Type(name) => (name.as_str(), ""),
            Holder::Root(kind) => ("", kind.word()),
            Holder::Native | Holder::Asked(_) => ("", "native"),
        };
        let known = row.only.and_then(|id| tree.owners.known_as(heap, id)).unwrap_or_default();
        let [level, at, parent] = [row.level, at, row.parent].map(|n| n.to_string());
        let [count, objects] = [row.count, row.objects].map(|n| n.to_string());
        let address = row.only.map(|id| heap.objects.addr(id).to_string()).unwrap_or_default();
        let [edge, name, known] = [&row.edge, name, &known].map(visible);
        rows.write_record([&level, &at, &parent, edge.as_ref(), &name, root, &count, &objects, &address, &known])?;
    }
    rows.flush()
}

/// Writes a row for each type with objects whose refcount is off.
///
/// # Errors
/// What `out` says.
pub fn audit(out: &mut dyn Write, audit: &Audit) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["type", "surplus_objects", "surplus_references", "deficit_objects", "deficit_references"])?;
    for of in &audit.types {
        let (over, under) = (of.surplus, of.deficit);
        let numbers = [over.objects, over.references, under.objects, under.references].map(|n| n.to_string());
        rows.write_field(visible(&of.name).as_ref())?;
        rows.write_record(numbers)?;
    }
    rows.flush()
}
