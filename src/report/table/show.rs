//! The page of `leakspy show`: one object, its refcount explained, and both its sides.

use std::io::{self, Write};

use super::types::trust;
use crate::analysis::{Account, Link, Shown};
use crate::heap::{Capture, Generation, Heap};
use crate::report::Look;
use crate::report::grid::{Column, Give, Grid, Weight, styled};
use crate::report::number::{counted, iec, thousands};
use crate::report::text::{shorten_end, visible, wrapped};

/// Width of the column of subjects.
const SUBJECTS: usize = 11;

/// Columns of a value or name that are enough.
const SHORT: usize = 60;

/// Writes what is known of one object, with at most `limit` references to each side.
///
/// # Errors
/// What `out` says.
pub fn show(
    out: &mut dyn Write,
    shown: &Shown,
    limit: Option<usize>,
    heap: &Heap,
    capture: &Capture,
    look: Look,
) -> io::Result<()> {
    let room = look.width.map(|width| width.saturating_sub(SUBJECTS));
    let indent = format!("\n{:SUBJECTS$}", "");
    for (subject, text) in subjects(shown, limit, heap) {
        let text = wrapped(&text, room, "").replace('\n', &indent);
        out.write_all(styled(Weight::Plain, &format!("{subject:SUBJECTS$}{text}"), look.colour).as_bytes())?;
    }
    side(out, "REFERS TO", "reference", &shown.references, shown, limit, heap, look)?;
    side(out, "REFERRED TO BY", "referrer", &shown.referrers, shown, limit, heap, look)?;
    out.write_all(b"\n")?;
    for line in trust(capture) {
        out.write_all(styled(Weight::Dim, &wrapped(&line, look.width, "  "), look.colour).as_bytes())?;
    }
    Ok(())
}

fn subjects(shown: &Shown, limit: Option<usize>, heap: &Heap) -> Vec<(&'static str, String)> {
    let object = &shown.object;
    let mut lines = vec![("object", format!("{}, {}", object.addr, visible(heap.type_name(shown.id))))];
    let known = shown.owners.known_as(heap, shown.id);
    lines.extend(known.map(|known| ("is", visible(&known).into_owned())));
    lines.extend(heap.values.get(&shown.id).map(|value| ("value", visible(value).into_owned())));
    let exact = counted(object.bytes, "byte");
    lines.push(("size", if object.bytes < 1024 { exact } else { format!("{} ({exact})", iec(object.bytes)) }));
    lines.push(("refcount", refcount(&shown.account)));
    let gc = match object.generation {
        Generation::None => "not tracked".to_owned(),
        Generation::Number(n) => format!("tracked, generation {n}"),
        Generation::Permanent => "frozen by gc.freeze(), in the permanent generation".to_owned(),
        Generation::Unlisted => "tracked, but on no list that was walked".to_owned(),
    };
    lines.push(("collector", gc));
    lines.push(("found by", object.found_by.word().to_owned()));
    let most = limit.unwrap_or(usize::MAX);
    for (at, root) in shown.roots.iter().take(most).enumerate() {
        let kind = root.kind.word().replace('_', " ");
        let subject = if at == 0 { "roots" } else { "" };
        lines.push((subject, format!("{} ({kind})", visible(heap.names.get(root.text)))));
    }
    let more = shown.roots.len().saturating_sub(most) as u64;
    if more > 0 {
        lines.push((if most == 0 { "roots" } else { "" }, counted(more, "more root")));
    }
    lines
}

/// What explains a refcount, as a sum.
fn refcount(account: &Account) -> String {
    if account.immortal {
        let found = counted(account.found(), "reference");
        return format!(
            "{}, immortal: it stays so, whoever refers to it ({found} found)",
            thousands(account.refcount.into())
        );
    }
    let from = |n: u64, from: &str| (n > 0).then(|| format!("{} from {from}", thousands(n)));
    let native = account.native();
    let parts: Vec<String> = [
        from(account.from_objects, "objects"),
        from(account.from_roots, "roots"),
        (native > 0).then(|| format!("{} that nothing found explains: <native>", thousands(native))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let sum = if parts.is_empty() { "nothing refers to it".to_owned() } else { parts.join(" + ") };
    let deficit = account.deficit();
    let note = if deficit > 0 {
        format!("; {} too many, so not all of these are real", thousands(deficit))
    } else {
        String::new()
    };
    format!("{} = {sum}{note}", thousands(account.refcount.into()))
}

#[allow(clippy::too_many_arguments, reason = "one table, twice")]
fn side(
    out: &mut dyn Write,
    title: &'static str,
    noun: &str,
    links: &[Link],
    shown: &Shown,
    limit: Option<usize>,
    heap: &Heap,
    look: Look,
) -> io::Result<()> {
    out.write_all(b"\n")?;
    if links.is_empty() {
        return out.write_all(styled(Weight::Plain, &format!("no {noun}s"), look.colour).as_bytes());
    }
    let most = limit.unwrap_or(links.len()).min(links.len());
    let (told, rest) = links.split_at(most);
    let said = |link: &Link| {
        let value = || heap.values.get(&link.other).map(|value| value.to_string());
        shown.owners.known_as(heap, link.other).or_else(|| value().filter(|_| noun == "reference"))
    };
    let any = told.iter().any(|link| said(link).is_some());
    let columns = [
        Column { title, right: false, give: Give::Middle },
        Column { title: "ADDRESS", right: false, give: Give::Never },
        Column { title: "TYPE", right: false, give: Give::Never },
        Column { title: "IS", right: false, give: Give::Whole },
    ];
    let mut grid = Grid::new(if any { &columns } else { &columns[..3] });
    for link in told {
        let mark = match (link.label.is_inferred(), link.label.is_counted()) {
            (true, _) => " (inferred)",
            (false, false) => " (not counted)",
            (false, true) => "",
        };
        let mut cells = vec![
            format!("{}{mark}", visible(&heap.label_text(link.label))),
            heap.objects.addr(link.other).to_string(),
            visible(heap.type_name(link.other)).into_owned(),
        ];
        if any {
            cells.push(shorten_end(&visible(&said(link).unwrap_or_default()), SHORT).into_owned());
        }
        grid.push(Weight::Plain, cells);
    }
    out.write_all(grid.render(look).as_bytes())?;
    if !rest.is_empty() {
        let more = counted(rest.len() as u64, &format!("more {noun}"));
        out.write_all(styled(Weight::Dim, &more, look.colour).as_bytes())?;
    }
    Ok(())
}
