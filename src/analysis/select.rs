//! What a person names (a type, a pattern, an address) → the objects meant. Orders and shows nothing.

use regex::Regex;

use crate::addr::Addr;
use crate::heap::{Heap, Id};

/// At most so many names are offered where one did not fit.
const OFFERED: usize = 5;

/// Which objects are meant.
#[derive(Debug, Clone, Default)]
pub enum Wanted {
    /// Every object.
    #[default]
    All,
    /// Those of exactly this type: `module.qualname`, a glob over it (`app.*`), or a name without its module.
    Type(String),
    /// Those whose type's name matches somewhere.
    Matching(Regex),
    /// The one at this address.
    At(Addr),
}

/// How a type's name was understood, where that is worth a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It was given without its module, and this is the only type of that name.
    Taken(String),
    /// No object is of a type of that name; these are alike.
    NoneSuch(Vec<String>),
}

/// The objects meant, in the order of the heap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    /// The objects.
    pub ids: Vec<Id>,
    /// How the name was understood.
    pub note: Option<Note>,
}

/// Why it cannot be told which objects are meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// Several types bear the name.
    #[error("{} types are called {name}", of.len())]
    Ambiguous {
        /// The name as given.
        name: String,
        /// The full names, sorted.
        of: Vec<String>,
    },
    /// No object begins at the address.
    #[error("no object begins at {at}")]
    NoObject {
        /// The address as given.
        at: Addr,
        /// The object whose bytes hold it: where it begins, and its type's name.
        inside: Option<(Addr, String)>,
    },
}

/// Finds the objects meant.
///
/// # Errors
/// [`Unclear`], where a name or an address leads to no single answer. A type of which there is no object is an answer.
pub fn select(heap: &Heap, wanted: &Wanted) -> Result<Selected, Unclear> {
    match wanted {
        Wanted::All => Ok(Selected { ids: heap.objects.ids().collect(), note: None }),
        Wanted::At(at) => Ok(Selected { ids: vec![object_at(heap, *at)?], note: None }),
        Wanted::Matching(regex) => Ok(of_types(heap, |name| regex.is_match(name), None)),
        Wanted::Type(name) if name.contains(['*', '?']) => {
            let glob = glob(name);
            Ok(of_types(heap, |name| glob.as_ref().is_some_and(|glob| glob.is_match(name)), None))
        }
        Wanted::Type(name) => by_name(heap, name),
    }
}

/// The object that begins at an address.
///
/// # Errors
/// [`Unclear::NoObject`], with the object whose bytes hold the address, if one does.
pub fn object_at(heap: &Heap, at: Addr) -> Result<Id, Unclear> {
    if let Some(id) = heap.objects.find(at) {
        return Ok(id);
    }
    let below = heap.objects.ids().filter(|id| heap.objects.addr(*id) < at).max_by_key(|id| heap.objects.addr(*id));
    let holds = |id: &Id| heap.objects.addr(*id).up(heap.objects.bytes(*id)).is_some_and(|end| at < end);
    let inside = below.filter(holds).map(|id| (heap.objects.addr(id), heap.type_name(id).to_owned()));
    Err(Unclear::NoObject { at, inside })
}

fn by_name(heap: &Heap, name: &str) -> Result<Selected, Unclear> {
    if heap.types.iter().any(|of| of.name == name) {
        return Ok(of_types(heap, |of| of == name, None));
    }
    let without_module = |of: &str| of.strip_suffix(name).is_some_and(|module| module.ends_with('.'));
    match &names(heap, without_module)[..] {
        [] => {
            let last = name.rsplit('.').next().unwrap_or(name).to_lowercase();
            let mut alike = names(heap, |of| !last.is_empty() && of.to_lowercase().contains(&last));
            alike.truncate(OFFERED);
            Ok(Selected { ids: Vec::new(), note: Some(Note::NoneSuch(alike)) })
        }
        [full] => Ok(of_types(heap, |of| of == full, Some(Note::Taken(full.clone())))),
        several => Err(Unclear::Ambiguous { name: name.to_owned(), of: several.to_vec() }),
    }
}

/// The names of types that fit, sorted, each once.
fn names(heap: &Heap, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let mut names: Vec<String> = heap.types.iter().filter(|of| fits(&of.name)).map(|of| of.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn of_types(heap: &Heap, fits: impl Fn(&str) -> bool, note: Option<Note>) -> Selected {
    let wanted: Vec<bool> = heap.types.iter().map(|of| fits(&of.name)).collect();
    let is_wanted = |id: &Id| wanted.get(heap.objects.of(*id).at()).copied().unwrap_or(false);
    Selected { ids: heap.objects.ids().filter(is_wanted).collect(), note }
}

/// `app.*` → `^app\..*$`: a pattern for whole names, in which only `*` and `?` mean something. `None` where it is too large
/// for a pattern.
#[must_use]
pub fn glob(pattern: &str) -> Option<Regex> {
    let mut regex = String::from("(?s)^");
    for c in pattern.chars() {
        match c {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            _ => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    Regex::new(&regex).ok()
}

/// What a person means by a type where several may be meant: a glob, or a name with or without its module. `None` where it is
/// too large for a pattern.
#[must_use]
pub fn types_called(name: &str) -> Option<Regex> {
    match name.contains(['*', '?']) {
        true => glob(name),
        false => Regex::new(&format!(r"^(?s:.*\.)?{}$", regex::escape(name))).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::Sketch;

    fn heap() -> Heap {
        let mut sketch = Sketch::new();
        for name in ["app.Timing", "app.Timing", "lib.Timing", "app.models.User", "appendix.Page", "builtins.dict"] {
            sketch.object(name, 48);
        }
        sketch.heap()
    }

    fn found(wanted: &str) -> Vec<u32> {
        select(&heap(), &Wanted::Type(wanted.into())).expect(wanted).ids.into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn types_are_named_exactly_or_by_a_glob() {
        assert_eq!(found("app.Timing"), [0, 1]);
        assert_eq!(found("app.*"), [0, 1, 3], "a dot is a dot");
        assert_eq!(found("*.?iming"), [0, 1, 2]);
        assert_eq!(found("nothing.*"), [0; 0]);
        let all = select(&heap(), &Wanted::Matching(Regex::new("Tim|User").expect("good"))).expect("found");
        assert_eq!(all.ids, [0, 1, 2, 3].map(Id));
    }

    #[test]
    fn a_name_without_its_module_is_taken_where_it_is_clear() {
        let user = select(&heap(), &Wanted::Type("User".into())).expect("one");
        assert_eq!(user, Selected { ids: vec![Id(3)], note: Some(Note::Taken("app.models.User".into())) });
        let timing = select(&heap(), &Wanted::Type("Timing".into())).expect_err("two");
        assert_eq!(
            timing,
            Unclear::Ambiguous { name: "Timing".into(), of: vec!["app.Timing".into(), "lib.Timing".into()] }
        );
    }

    #[test]
    fn of_an_unknown_type_there_is_none_and_what_is_alike_is_told() {
        let none = select(&heap(), &Wanted::Type("app.timing".into())).expect("an answer");
        assert_eq!(none.ids, []);
        assert_eq!(none.note, Some(Note::NoneSuch(vec!["app.Timing".into(), "lib.Timing".into()])));
    }

    #[test]
    fn an_address_amid_an_object_is_told_from_one_in_none() {
        let heap = heap();
        let start = heap.objects.addr(Id(1));
        assert_eq!(object_at(&heap, start), Ok(Id(1)));
        let amid = start.up(47).expect("small");
        assert_eq!(
            object_at(&heap, amid),
            Err(Unclear::NoObject { at: amid, inside: Some((start, "app.Timing".into())) })
        );
        let past = start.up(48).expect("small");
        assert_eq!(object_at(&heap, past), Err(Unclear::NoObject { at: past, inside: None }));
    }
}
