//! `leakspy/diff/1` as `leakspy growth` writes it: a line a comparison, with when it was, what limits were crossed and who
//! holds what grew most.

use std::io::{self, Write};

use serde::Serialize;

use super::changes_line;
use crate::analysis::{Comparison, Holding, SinceFork, Step};
use crate::heap::Capture;

/// A limit that was crossed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Crossed {
    /// The limit as it was typed.
    pub limit: String,
    /// The number that was found.
    pub value: i64,
}

#[derive(Serialize)]
struct Growth<'a> {
    look: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    looks: Option<u64>,
    elapsed_ms: u64,
    since_first_ms: u64,
    #[serde(flatten)]
    told: Told<'a>,
}

#[derive(Serialize)]
struct Fork<'a> {
    fork: Forked<'a>,
    #[serde(flatten)]
    told: Told<'a>,
}

#[derive(Serialize)]
struct Forked<'a> {
    parent: Option<i32>,
    child: Option<i32>,
    shared_objects: u64,
    modules_loaded: &'a [String],
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    exceeded: &'a [Crossed],
    #[serde(skip_serializing_if = "Option::is_none")]
    holders: Option<Vec<Held<'a>>>,
}

#[derive(Serialize)]
struct Held<'a> {
    r#type: &'a str,
    text: Option<&'a str>,
    fingerprint: Option<&'a str>,
    count: u64,
    objects: u64,
}

impl<'a> Told<'a> {
    fn of(exceeded: &'a [Crossed], holders: Option<&'a [Holding]>) -> Told<'a> {
        let held = |holding: &'a Holding| Held {
            r#type: &holding.of,
            text: holding.path.as_ref().map(|path| path.0.as_str()),
            fingerprint: holding.path.as_ref().map(|path| path.1.as_str()),
            count: holding.count,
            objects: holding.objects,
        };
        Told { exceeded, holders: holders.map(|holders| holders.iter().map(held).collect()) }
    }
}

/// Writes what one look of a series found, in one line.
///
/// # Errors
/// What `out` says.
pub fn growth(
    out: &mut dyn Write,
    found: &Comparison,
    before: &Capture,
    after: &Capture,
    step: &Step,
    exceeded: &[Crossed],
    holders: Option<&[Holding]>,
) -> io::Result<()> {
    let Step { look, looks, elapsed_ms, since_first_ms } = *step;
    let more = Growth { look, looks, elapsed_ms, since_first_ms, told: Told::of(exceeded, holders) };
    changes_line(out, found, before, after, &more)
}

/// Writes what a forked process has that its parent has not, in one line.
///
/// # Errors
/// What `out` says.
pub fn since_fork(
    out: &mut dyn Write,
    found: &Comparison,
    fork: &SinceFork,
    parent: &Capture,
    child: &Capture,
    exceeded: &[Crossed],
    holders: Option<&[Holding]>,
) -> io::Result<()> {
    let forked =
        Forked { parent: parent.pid, child: child.pid, shared_objects: fork.shared, modules_loaded: &fork.modules };
    changes_line(out, found, parent, child, &Fork { fork: forked, told: Told::of(exceeded, holders) })
}
