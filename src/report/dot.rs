//! A tree of holders → a graph for Graphviz (`dot -Tsvg`). What a node is stands in its shape and its words too, not only in
//! its colour. Lays nothing out.

use std::io::{self, Write};

use crate::analysis::referrers::Row;
use crate::analysis::{Holder, Referrers};
use crate::heap::{Heap, RootKind};
use crate::report::number::{counted, thousands};
use crate::report::text::{shorten_middle, visible};

/// Columns of a line in a node.
const LINE: usize = 48;

/// How one kind of node looks.
struct Kind {
    word: &'static str,
    shape: &'static str,
    fill: &'static str,
}

const ASKED: Kind = Kind { word: "asked for", shape: "doubleoctagon", fill: "#cfe2f3" };
const MODULE: Kind = Kind { word: "module", shape: "folder", fill: "#d9ead3" };
const FRAME: Kind = Kind { word: "frame", shape: "cds", fill: "#fce5cd" };
const THREAD: Kind = Kind { word: "thread", shape: "cds", fill: "#f9cb9c" };
const NATIVE: Kind = Kind { word: "native", shape: "octagon", fill: "#f4cccc" };
const OTHER_ROOT: Kind = Kind { word: "root", shape: "house", fill: "#d9d2e9" };
const CLASS: Kind = Kind { word: "class", shape: "component", fill: "#fff2cc" };
const OBJECTS: Kind = Kind { word: "", shape: "box", fill: "#ffffff" };

/// Writes the graph: an arrow from each group of holders to what it holds. At most `nodes` groups are drawn, level by level;
/// a last node says how many more there are.
///
/// # Errors
/// What `out` says.
pub fn referrers(out: &mut dyn Write, tree: &Referrers, heap: &Heap, nodes: usize) -> io::Result<()> {
    writeln!(out, "digraph referrers {{")?;
    writeln!(out, "  graph [rankdir=RL, fontname=\"sans-serif\"];")?;
    writeln!(out, "  node [shape=box, style=filled, fillcolor=\"#ffffff\", fontname=\"sans-serif\", fontsize=10];")?;
    writeln!(out, "  edge [fontname=\"sans-serif\", fontsize=9];")?;
    let drawn = tree.rows.len().min(nodes.max(1));
    // What stands below another row already is drawn once, with an arrow for each.
    let place = |at: usize, row: &Row| row.elsewhere.filter(|other| *other < drawn).unwrap_or(at);
    for (at, row) in tree.rows.iter().enumerate().take(drawn) {
        if place(at, row) == at {
            node(out, tree, at, row, heap)?;
        }
    }
    for (at, row) in tree.rows.iter().enumerate().take(drawn).skip(1) {
        // A row that was merged into another has nothing below it, so its parent stands for itself.
        let style = if row.inferred > 0 { ", style=dashed" } else { "" };
        let inferred = if row.inferred > 0 { " (inferred)" } else { "" };
        // A root's text stands in its node.
        let edge = match row.holder {
            Holder::Type(_) => line(row.edge.trim_start()) + inferred + " ",
            _ => String::new(),
        };
        let label = format!("{edge}×{}", thousands(row.count));
        writeln!(out, "  n{} -> n{} [label={}{style}];", place(at, row), row.parent, quoted(&[label]))?;
    }
    more(out, tree, drawn)?;
    writeln!(out, "}}")
}

fn node(out: &mut dyn Write, tree: &Referrers, at: usize, row: &Row, heap: &Heap) -> io::Result<()> {
    let kind = kind(row);
    let name = match &row.holder {
        Holder::Asked(Some(name)) | Holder::Type(name) => line(name),
        Holder::Asked(None) => "objects".to_owned(),
        Holder::Root(_) => line(&row.edge),
        Holder::Native => "<native>".to_owned(),
    };
    let mut lines = Vec::new();
    if !kind.word.is_empty() {
        lines.push(format!("({})", kind.word));
    }
    lines.push(name);
    match row.only {
        Some(id) => {
            lines.push(heap.objects.addr(id).to_string());
            lines.extend(tree.owners.known_as(heap, id).map(|known| line(&known)));
        }
        None if row.objects > 0 => lines.push(counted(row.objects, "object")),
        None => lines.push(counted(row.count, "reference")),
    }
    writeln!(out, "  n{at} [shape={}, fillcolor=\"{}\", label={}];", kind.shape, kind.fill, quoted(&lines))
}

/// One node for all that was left out, by the limit of nodes or by that of rows.
fn more(out: &mut dyn Write, tree: &Referrers, drawn: usize) -> io::Result<()> {
    let mut left = vec![0_u64; drawn];
    for (at, row) in tree.rows.iter().enumerate() {
        if let Some(left) = left.get_mut(at) {
            *left += row.hidden_rows;
        }
        if at >= drawn
            && let Some(left) = left.get_mut(row.parent)
        {
            *left += 1;
        }
    }
    // What hangs below a row that is not drawn is left out as well.
    let deeper = tree.rows.iter().skip(drawn).filter(|row| row.parent >= drawn).count() as u64
        + tree.rows.iter().skip(drawn).map(|row| row.hidden_rows).sum::<u64>();
    let all = left.iter().sum::<u64>() + deeper;
    if all == 0 {
        return Ok(());
    }
    let label = quoted(&[format!("… {} more", thousands(all))]);
    writeln!(out, "  more [shape=note, style=dashed, label={label}];")?;
    for (at, left) in left.iter().enumerate().filter(|(_, left)| **left > 0) {
        writeln!(out, "  more -> n{at} [style=dashed, label={}];", quoted(&[format!("{} more", thousands(*left))]))?;
    }
    Ok(())
}

fn kind(row: &Row) -> Kind {
    match &row.holder {
        Holder::Asked(_) => ASKED,
        Holder::Native => NATIVE,
        Holder::Root(RootKind::UserModule | RootKind::LibraryModule) => MODULE,
        Holder::Root(RootKind::Frame) => FRAME,
        Holder::Root(RootKind::Thread) => THREAD,
        Holder::Root(_) => OTHER_ROOT,
        Holder::Type(name) => match name.as_str() {
            "builtins.module" | "__builtin__.module" => MODULE,
            "builtins.frame" | "__builtin__.frame" => FRAME,
            "builtins.type" | "__builtin__.type" | "__builtin__.classobj" => CLASS,
            _ => OBJECTS,
        },
    }
}

fn line(text: &str) -> String {
    shorten_middle(&visible(text), LINE).into_owned()
}

/// Lines as one label. Graphviz reads backslashes as its own escapes and `&…;` as HTML's.
fn quoted(lines: &[String]) -> String {
    let escaped: Vec<String> =
        lines.iter().map(|line| line.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")).collect();
    format!("\"{}\"", escaped.join("\\n"))
}
