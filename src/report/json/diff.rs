//! `leakspy/diff/1` of two or three looks: the types as `growth` has them, and what objects tell.

use std::io::{self, Write};

use serde::Serialize;

use super::paths::{Path, path};
use super::{changes, measured};
use crate::addr::Addr;
use crate::analysis::survivors::Survivors;
use crate::analysis::{Comparison, Difference};
use crate::heap::{Capture, Heap};

#[derive(Serialize)]
struct More<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    middle: Option<Capture>,
    same_process: bool,
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    survivors: Option<Survived<'a>>,
    #[serde(flatten)]
    moves: Option<Moved<'a>>,
}

#[derive(Serialize)]
struct Moved<'a> {
    new_total: u64,
    new: Vec<Object<'a>>,
    gone_total: u64,
    gone: Vec<Object<'a>>,
}

#[derive(Serialize)]
struct Object<'a> {
    address: Addr,
    r#type: &'a str,
    bytes: u64,
}

#[derive(Serialize)]
struct Survived<'a> {
    objects: u64,
    bytes: u64,
    seconds: Option<f64>,
    unproven: Unproven,
    unreached: u64,
    types: Vec<Type<'a>>,
    paths: Vec<Path<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    omitted_paths: u64,
}

/// What cannot be told from another in its place.
#[derive(Serialize)]
struct Unproven {
    objects: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Type<'a> {
    r#type: &'a str,
    count: u64,
    bytes: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Writes `leakspy/diff/1`: `new` and `gone` only where it is known who is who, at most `limit` of each; `middle` and
/// `survivors` only with three looks. `seconds` is the time between the looks, of `survivors` that between the first two, in
/// which they were made.
///
/// # Errors
/// What `out` says.
pub fn diff(out: &mut dyn Write, found: &Difference, types: &Comparison, limit: Option<usize>) -> io::Result<()> {
    let more = More {
        middle: found.middle.as_ref().map(measured),
        same_process: found.moves.is_some(),
        seconds: found.before.seconds_until(&found.after),
        survivors: found.survivors.as_ref().map(|survivors| survived(found, survivors)),
        moves: moved(found, limit.unwrap_or(usize::MAX)),
    };
    changes(out, types, &found.before, &found.after, &more)
}

fn moved(found: &Difference, limit: usize) -> Option<Moved<'_>> {
    let moves = found.moves.as_ref()?;
    let objects = &found.heap.objects;
    let new = moves.new.iter().take(limit).map(|id| Object {
        address: objects.addr(*id),
        r#type: found.heap.type_name(*id),
        bytes: objects.bytes(*id),
    });
    let gone = moves.gone.iter().take(limit).filter_map(|id| found.earlier.get(*id));
    Some(Moved {
        new_total: moves.new.len() as u64,
        new: new.collect(),
        gone_total: moves.gone.len() as u64,
        gone: gone.map(|gone| Object { address: gone.addr, r#type: gone.of, bytes: gone.bytes }).collect(),
    })
}

fn survived<'a>(found: &'a Difference, survivors: &'a Survivors) -> Survived<'a> {
    let heap: &Heap = &found.heap;
    let of = |(name, sum): &'a (String, crate::analysis::paths::Sum)| Type {
        r#type: name,
        count: sum.count,
        bytes: sum.bytes,
    };
    Survived {
        objects: survivors.sum.count,
        bytes: survivors.sum.bytes,
        seconds: found.middle.as_ref().and_then(|middle| found.before.seconds_until(middle)),
        unproven: Unproven { objects: survivors.unproven.count, bytes: survivors.unproven.bytes },
        unreached: survivors.paths.unreached.count,
        types: survivors.types.iter().map(of).collect(),
        paths: survivors.paths.ways.iter().map(|way| path(&survivors.paths, way, heap)).collect(),
        omitted_paths: survivors.paths.hidden_ways,
    }
}
