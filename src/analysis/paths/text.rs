//! Steps → a path as people read it (`foo_module.Profiler.results[*]`), and the fingerprint by which a leak is known again.
//! Merges nothing, and escapes nothing: texts are the target's own.

use super::builtin;
use super::merge::{State, StateId, States, Step};
use crate::heap::{Heap, TextId};

/// After steps that come again and again.
const AGAIN: char = '⁺';

/// What is written where things have no fixed name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// Keys and lines as they are.
    Full,
    /// Every index, key, argument's place, line, thread and address is `*`.
    Fingerprint,
}

/// A text under way.
struct Writer<'a> {
    heap: &'a Heap,
    detail: Detail,
    out: String,
    /// What is written only if nothing follows, or nothing that makes up for it.
    pending: Option<Step>,
}

impl Writer<'_> {
    fn name(&self, text: TextId) -> &str {
        self.heap.names.get(text)
    }

    fn step(&mut self, step: Step) {
        let full = self.detail == Detail::Full;
        if self.pending == Some(Step::Dict) && !matches!(step, Step::Name(_) | Step::AnyName) {
            self.out.push_str(".__dict__");
        }
        self.pending = None;
        let text = match step {
            Step::Dict | Step::Quiet(_) => {
                self.pending = Some(step);
                return;
            }
            Step::Silent | Step::Entry => return,
            Step::Root(text, _) if full => self.name(text).to_owned(),
            Step::Root(text, _) => starred(self.name(text)),
            Step::Native => "<native>".to_owned(),
            Step::Thread(text) if full => format!(".<thread '{}'>", self.name(text)),
            Step::Thread(_) => ".<thread '*'>".to_owned(),
            Step::Any => "[*]".to_owned(),
            Step::Key(text) if full => format!("['{}']", self.name(text)),
            Step::Key(_) | Step::Typed(_) if !full => "[*]".to_owned(),
            Step::Key(text) | Step::Typed(text) => {
                format!("[<{}>]", builtin(self.name(text)).unwrap_or(self.name(text)))
            }
            Step::Name(text) => format!(".{}", self.name(text)),
            Step::AnyName => ".*".to_owned(),
            Step::Keys => ".keys()[*]".to_owned(),
            Step::Member => "{*}".to_owned(),
            Step::Class => ".__class__".to_owned(),
            Step::Local(frame, text) => format!("{} › {}", self.frame(frame), self.name(text)),
            Step::Stack(frame) => format!("{} › <stack>", self.frame(frame)),
            Step::Closure(function, text) => format!("{}.<closure {}>", self.function(function), self.name(text)),
            Step::Default(function, text) => format!("{}.<default {}>", self.function(function), self.name(text)),
            Step::SelfOf(text) => format!(".<self of {}>", self.name(text)),
            Step::Argument(at) if full => format!(".<arg {at}>"),
            Step::Argument(_) => ".<arg *>".to_owned(),
            Step::Cache(function) => format!("{}.<cache>", self.function(function)),
            Step::Task => ".<task>".to_owned(),
            Step::Word(offset) => format!(".+{offset:#x}"),
            Step::Rest => ".?".to_owned(),
        };
        self.out.push_str(&text);
    }

    fn frame(&self, called: Option<TextId>) -> String {
        match called.map(|text| self.name(text)) {
            None | Some("") => String::new(),
            Some(frame) if self.detail == Detail::Full => format!(" › {frame}"),
            Some(frame) => format!(" › {}", starred(frame)),
        }
    }

    /// The name of the function that people know, for one that was made in another: `app.make.<locals>.inner` → `.make`.
    fn function(&self, called: Option<TextId>) -> String {
        called.map_or(String::new(), |text| {
            let name = self.name(text);
            let outer = name.split_once(".<locals>").map_or(name, |(outer, _)| outer);
            format!(".{}", outer.rsplit('.').next().unwrap_or(outer))
        })
    }

    fn end(mut self) -> String {
        match self.pending {
            Some(Step::Dict) => self.out.push_str(".__dict__"),
            Some(Step::Quiet(text)) => {
                let text = format!(".{}", self.name(text));
                self.out.push_str(&text);
            }
            _ => {}
        }
        self.out
    }
}

fn write(heap: &Heap, states: &States<'_, '_, '_>, to: StateId, detail: Detail) -> String {
    let mut writer = Writer { heap, detail, out: String::new(), pending: None };
    let mut ends = vec![0];
    for id in states.chain(to) {
        let State { step, repeats, .. } = *states.get(id);
        writer.step(step);
        if repeats != 0 && !step.is_unwritten() {
            // What leads to the first of a chain, from something of another type, often reads like what leads to the next.
            let begin = ends.len().checked_sub(usize::from(repeats)).and_then(|at| ends.get(at)).copied();
            if let Some((before, unit)) = begin.and_then(|begin| writer.out.split_at_checked(begin))
                && !unit.is_empty()
                && before.ends_with(unit)
            {
                writer.out.truncate(before.len());
            }
            writer.out.push(AGAIN);
        }
        ends.push(writer.out.len());
    }
    writer.end()
}

/// Puts a path from an object behind the path to it; steps that come again and again are written once.
pub(super) fn join(path: &mut String, further: &str) {
    let unit = further.split(AGAIN).next().filter(|unit| !unit.is_empty() && unit.len() < further.len());
    if let Some(before) = unit.and_then(|unit| path.strip_suffix(unit)) {
        path.truncate(before.len());
    }
    path.push_str(further);
}

/// The path to a state.
pub(super) fn path(heap: &Heap, states: &States<'_, '_, '_>, to: StateId) -> String {
    write(heap, states, to, Detail::Full)
}

/// The path to a state with whatever differs between workers and releases as `*`.
pub(super) fn constant(heap: &Heap, states: &States<'_, '_, '_>, to: StateId) -> String {
    write(heap, states, to, Detail::Fingerprint)
}

/// The text with thread names, indices, line numbers and addresses as `*`.
fn starred(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let digits = |of: &str| of.len() - of.trim_start_matches(|d: char| d.is_ascii_digit()).len();
        let hex = |of: &str| of.len() - of.trim_start_matches(|d: char| d.is_ascii_hexdigit()).len();
        let skipped = match c {
            '\'' => after.find('\'').map(|end| (end, "'*")),
            ':' | '[' => Some((digits(after), if c == ':' { ":*" } else { "[*" })),
            '0' if after.starts_with('x') => Some((1 + hex(&after[1..]), "0x*")),
            _ => None,
        };
        match skipped {
            Some((length, star)) if length > 0 => {
                out.push_str(star);
                rest = &after[length..];
                // The closing quote is no opening one.
                if c == '\'' {
                    out.push('\'');
                    rest = rest.get(1..).unwrap_or_default();
                }
            }
            _ => {
                out.push(c);
                rest = after;
            }
        }
    }
    out
}

/// FNV-1a of 64 bits over the text's UTF-8, as 16 hex digits: offset basis `cbf29ce484222325`, prime `100000001b3`. It must
/// never change: fingerprints are kept and compared between releases.
#[must_use]
pub fn fingerprint(constant: &str) -> String {
    let hash = constant
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_same_for_ever() {
        // The values of the algorithm's own test suite.
        assert_eq!(fingerprint(""), "cbf29ce484222325");
        assert_eq!(fingerprint("a"), "af63dc4c8601ec8c");
        assert_eq!(fingerprint("foobar"), "85944171f73967e8");
    }

    #[test]
    fn what_differs_between_workers_is_a_star() {
        assert_eq!(
            starred("thread 'worker-1' › handle() app.py:42 › payload"),
            "thread '*' › handle() app.py:* › payload"
        );
        assert_eq!(starred("signal[15]"), "signal[*]");
        assert_eq!(starred("thread 'it's'"), "thread '*'s'");
        assert_eq!(starred("at 0x7f01 v0x"), "at 0x* v0x*");
        assert_eq!(starred("app:x[y] 'open"), "app:x[y] 'open");
    }
}
