//! The kind of a reference as a number, and the way back from kind and text to its label. Numbers are part of the file
//! format: none is ever given to another kind.

use crate::heap::{Label, LabelId, Names, TextId};

/// Bits above the kind: what sort of reference it is.
const INFERRED: i32 = 1 << 8;
const UNCOUNTED: i32 = 1 << 9;
const SHORTCUT: i32 = 1 << 10;

const ITEM: u8 = 0;

/// The number of a label's kind.
pub(super) fn number(label: Label) -> u8 {
    match label {
        Label::Item(_) => ITEM,
        Label::Attribute(_) => 1,
        Label::Field(_) => 2,
        Label::AttributeDict => 3,
        Label::Key(_) => 4,
        Label::NumberKey(_) => 5,
        Label::TypedKey(_) => 6,
        Label::DictKey => 7,
        Label::Member => 8,
        Label::Class => 9,
        Label::Through(_) => 10,
        Label::Local(_) => 11,
        Label::Stack => 12,
        Label::Closure(_) => 13,
        Label::Default(_) => 14,
        Label::SelfOf(_) => 15,
        Label::Argument(_) => 16,
        Label::Cache => 17,
        Label::ThreadDict(_) => 18,
        Label::Word(_) => 19,
        Label::Unknown => 20,
    }
}

/// The number of a kind, with the marks of a reference.
pub(super) fn marked(kind: u8, id: LabelId) -> i32 {
    let mark = |on: bool, bit: i32| if on { bit } else { 0 };
    i32::from(kind)
        | mark(id.is_inferred(), INFERRED)
        | mark(!id.is_counted(), UNCOUNTED)
        | mark(id.is_shortcut(), SHORTCUT)
}

/// The kind without the marks.
pub(super) fn unmarked(number: i32) -> Option<u8> {
    u8::try_from(number & !(INFERRED | UNCOUNTED | SHORTCUT)).ok()
}

/// Puts the marks on again.
pub(super) fn mark(id: LabelId, number: i32) -> LabelId {
    let mut id = id;
    if number & INFERRED != 0 {
        id = id.inferred();
    }
    if number & UNCOUNTED != 0 {
        id = id.uncounted();
    }
    if number & SHORTCUT != 0 {
        id = id.shortcut();
    }
    id
}

/// The index in an item's text.
pub(super) fn item(kind: u8, text: &[u8]) -> Option<LabelId> {
    let digits = text.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).filter(|_| kind == ITEM)?;
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let index = digits.iter().try_fold(0u32, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })?;
    Some(LabelId::item(index))
}

/// A label from the number of its kind and its text; `None` where they do not fit.
pub(super) fn label(kind: u8, text: &str, names: &mut Names) -> Option<Label> {
    let within = |before: &str, after: &str| text.strip_prefix(before)?.strip_suffix(after);
    let fixed = |label: Label, is: &str| (text == is).then_some(label);
    let mut named = |make: fn(TextId) -> Label, name: Option<&str>| Some(make(names.text(name?)));
    match kind {
        ITEM => Some(Label::Item(item(kind, text.as_bytes())?.index().ok()?)),
        1 => named(Label::Attribute, within(".", "")),
        2 => named(Label::Field, within(".", "")),
        3 => fixed(Label::AttributeDict, ".__dict__"),
        4 => named(Label::Key, within("['", "']")),
        5 => Some(Label::NumberKey(within("[", "]")?.parse().ok()?)),
        6 => named(Label::TypedKey, within("[<", ">]")),
        7 => fixed(Label::DictKey, ".keys()[*]"),
        8 => fixed(Label::Member, "{*}"),
        9 => fixed(Label::Class, ".__class__"),
        10 => named(Label::Through, within(".", "")),
        11 => named(Label::Local, within(" › ", "")),
        12 => fixed(Label::Stack, " › <stack>"),
        13 => named(Label::Closure, within(".<closure ", ">")),
        14 => named(Label::Default, within(".<default ", ">")),
        15 => named(Label::SelfOf, within(".<self of ", ">")),
        16 => Some(Label::Argument(within(".<arg ", ">")?.parse().ok()?)),
        17 => fixed(Label::Cache, ".<cache>"),
        18 => named(Label::ThreadDict, within(".<thread '", "'>")),
        19 => Some(Label::Word(u32::from_str_radix(within(".+0x", "")?, 16).ok()?)),
        20 => Some(Label::Unknown),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One label of each kind.
    pub fn each(name: TextId) -> [Label; 21] {
        [
            Label::Item(12_345_678),
            Label::Attribute(name),
            Label::Field(name),
            Label::AttributeDict,
            Label::Key(name),
            Label::NumberKey(-9),
            Label::TypedKey(name),
            Label::DictKey,
            Label::Member,
            Label::Class,
            Label::Through(name),
            Label::Local(name),
            Label::Stack,
            Label::Closure(name),
            Label::Default(name),
            Label::SelfOf(name),
            Label::Argument(3),
            Label::Cache,
            Label::ThreadDict(name),
            Label::Word(0x18),
            Label::Unknown,
        ]
    }

    #[test]
    fn kind_and_text_are_the_label() {
        for name in ["x", "", "']", ">", " › ", "'\n\u{1b}"] {
            let mut names = Names::default();
            let id = names.text(name);
            for (at, label) in each(id).into_iter().enumerate() {
                let text = label.text(&names);
                assert_eq!(usize::from(number(label)), at);
                assert_eq!(super::label(number(label), &text, &mut names), Some(label), "{text}");
            }
        }
    }

    #[test]
    fn marks_stay_apart_from_the_kind() {
        for id in
            [LabelId::kept(7), LabelId::kept(7).inferred(), LabelId::kept(7).uncounted(), LabelId::kept(7).shortcut()]
        {
            let number = marked(19, id);
            assert_eq!(unmarked(number), Some(19));
            assert_eq!(mark(LabelId::kept(7), number), id);
        }
        assert_eq!(unmarked(1 << 12), None);
        assert_eq!(unmarked(-1), None);
    }

    #[test]
    fn what_is_no_label_is_none() {
        let mut names = Names::default();
        for (kind, text) in [(0, "[]"), (0, "[-1]"), (0, "[99999999999]"), (4, "['"), (1, ""), (17, "x"), (99, "[1]")] {
            assert_eq!(label(kind, text, &mut names), None, "{kind} {text}");
        }
    }
}
