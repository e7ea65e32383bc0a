//! `leakspy/referrers/1`.

use std::io::{self, Write};

use serde::Serialize;

use super::{measured, write};
use crate::addr::Addr;
use crate::analysis::referrers::Row;
use crate::analysis::{Holder, Referrers};
use crate::heap::{Capture, Heap};
use crate::report::number::rounded;

#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    capture: Capture,
    r#type: Option<&'a str>,
    objects: u64,
    references: u64,
    referrers: Vec<Group<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<Omitted>,
}

#[derive(Serialize)]
struct Group<'a> {
    edge: &'a str,
    r#type: Option<&'a str>,
    count: u64,
    address: Option<Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    called: Option<String>,
    objects: u64,
    inferred: u64,
    share: f64,
    row: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    followed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    followed_in: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    referrers: Vec<Group<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<Omitted>,
}

#[derive(Serialize)]
struct Omitted {
    rows: u64,
    count: u64,
}

/// Writes `leakspy/referrers/1`. `row` numbers the groups, `followed_in` names the one below which these same objects are
/// followed (0: they are the objects asked for); `root` tells what is no object: its kind, or `native`.
///
/// # Errors
/// What `out` says.
pub fn referrers(out: &mut dyn Write, tree: &Referrers, heap: &Heap, capture: &Capture) -> io::Result<()> {
    let asked = tree.asked();
    let answer = Answer {
        schema: "leakspy/referrers/1",
        capture: measured(capture),
        r#type: asked.and_then(|row| match &row.holder {
            Holder::Asked(name) => name.as_deref(),
            _ => None,
        }),
        objects: asked.map_or(0, |row| row.objects),
        references: asked.map_or(0, |row| row.references),
        referrers: asked.map_or_else(Vec::new, |row| groups(tree, row, heap)),
        omitted: asked.and_then(omitted),
    };
    write(out, &answer)
}

/// The groups below a row. As deep as the tree, whose depth the command line bounds.
fn groups<'a>(tree: &'a Referrers, row: &'a Row, heap: &'a Heap) -> Vec<Group<'a>> {
    tree.below(row).map(|(at, row)| group(tree, at, row, heap)).collect()
}

fn group<'a>(tree: &'a Referrers, at: usize, row: &'a Row, heap: &'a Heap) -> Group<'a> {
    let (name, root) = match &row.holder {
        Holder::Type(name) => (Some(name.as_str()), None),
        Holder::Root(kind) => (None, Some(kind.word())),
        Holder::Native | Holder::Asked(_) => (None, Some("native")),
    };
    Group {
        edge: &row.edge,
        r#type: name,
        count: row.count,
        address: row.only.map(|id| heap.objects.addr(id)),
        root,
        called: row.only.and_then(|id| tree.owners.known_as(heap, id)),
        objects: row.objects,
        inferred: row.inferred,
        share: rounded(tree.share(row), 4),
        row: at,
        followed: (row.followed > 0).then_some(row.followed),
        followed_in: row.elsewhere,
        referrers: groups(tree, row, heap),
        omitted: omitted(row),
    }
}

fn omitted(row: &Row) -> Option<Omitted> {
    (row.hidden_rows > 0).then_some(Omitted { rows: row.hidden_rows, count: row.hidden })
}
