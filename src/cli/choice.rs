//! Which objects are meant: options → the objects of a heap, with a word on how a name was understood.

use crate::addr::Addr;
use crate::analysis::select::object_at;
use crate::analysis::{Note, Selected, Unclear, Wanted, select};
use crate::cli::args::SourceArgs;
use crate::cli::{Exit, Refusal, Ui};
use crate::heap::{Heap, Id};

/// How the source was named, for a command that is to be typed next.
#[must_use]
pub fn same_source(source: &SourceArgs) -> String {
    match (&source.snapshot, source.pid) {
        (Some(path), _) => format!(" --snapshot {}", path.display()),
        (None, Some(pid)) => format!(" --pid {pid}"),
        (None, None) => String::new(),
    }
}

/// The objects meant.
///
/// # Errors
/// Where a name or an address leads to no single answer: which there are.
pub fn choose(heap: &Heap, wanted: &Wanted, source: &SourceArgs, ui: &mut Ui) -> Result<Selected, Refusal> {
    let selected = select(heap, wanted).map_err(|why| unclear(&why, source))?;
    match &selected.note {
        Some(Note::Taken(full)) => ui.say(&format!("taken for {full}, the only type of that name")),
        Some(Note::NoneSuch(alike)) if alike.is_empty() => ui.say("no object is of a type of that name"),
        Some(Note::NoneSuch(alike)) => {
            ui.say(&format!("no object is of a type of that name; there are: {}", alike.join(", ")));
        }
        None => {}
    }
    Ok(selected)
}

/// The one object meant.
///
/// # Errors
/// Where none begins at the address: in which one it lies.
pub fn one(heap: &Heap, at: Addr, source: &SourceArgs) -> Result<Id, Refusal> {
    object_at(heap, at).map_err(|why| unclear(&why, source))
}

fn unclear(why: &Unclear, source: &SourceArgs) -> Refusal {
    let source = same_source(source);
    match why {
        Unclear::Ambiguous { name, of } => of.iter().take(5).fold(
            Refusal::new(Exit::Usage, format!("cannot tell which {name} is meant"), why.to_string()),
            |refusal, full| refusal.help(format!("--type {full}")),
        ),
        Unclear::NoObject { at, inside: Some((start, name)) } => {
            Refusal::new(Exit::Usage, format!("cannot show {at}"), format!("it lies in the {name} at {start}"))
                .help(format!("leakspy show {start}{source}"))
        }
        Unclear::NoObject { at, inside: None } => {
            Refusal::new(Exit::Usage, format!("cannot show {at}"), "no object begins there, and none holds it")
                .help(format!("leakspy find --type TYPE{source}   (lists addresses)"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> SourceArgs {
        use clap::Parser;
        match crate::cli::Args::try_parse_from(["leakspy", "types", "-p", "7"]).expect("good").command {
            crate::cli::args::Command::Types(args) => args.source,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_unclear_says_what_would_be_clear() {
        let amid = Unclear::NoObject { at: Addr(0x7f10), inside: Some((Addr(0x7f00), "app.Page".into())) };
        assert_eq!(
            unclear(&amid, &source()).to_string(),
            "cannot show 0x7f10: it lies in the app.Page at 0x7f00\n  try: leakspy show 0x7f00 --pid 7"
        );
        let several = Unclear::Ambiguous { name: "Page".into(), of: vec!["app.Page".into(), "lib.Page".into()] };
        let refusal = unclear(&several, &source());
        assert_eq!(refusal.exit, Exit::Usage);
        assert_eq!(
            refusal.to_string(),
            "cannot tell which Page is meant: 2 types are called Page\n  try: --type app.Page\n       --type lib.Page"
        );
    }
}
