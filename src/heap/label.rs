//! How one object refers to another: the label of a reference, and its text as users read it.
//!
//! What a path makes of a run of labels (`__dict__` and the key after it are one attribute) is not decided here.

use super::text::{Names, TextId};

/// How an object refers to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// Item of a list, tuple, deque or array, by its index: `[3]`.
    Item(u32),
    /// Attribute of an instance that lies in the instance itself (`__slots__`, inline values): `.name`.
    Attribute(TextId),
    /// Member of a C struct, under the attribute's name where Python shows it as one, else under C's: `.__self__`.
    Field(TextId),
    /// The dict of attributes of an instance, class or module: `.__dict__`; with the key after it, one attribute.
    AttributeDict,
    /// Value under a string key: `['key']`.
    Key(TextId),
    /// Value under a small int as key: `[42]`.
    NumberKey(i64),
    /// Value under any other key, by the key's type: `[<tuple>]`.
    TypedKey(TextId),
    /// A dict's key itself: `.keys()[*]`.
    DictKey,
    /// Member of a set: `{*}`.
    Member,
    /// `type(o)`: `.__class__`.
    Class,
    /// Base, method resolution order and so on are fields; this is what a step adds nothing to: a cell's contents, a
    /// cache element's result. In a path it is not written; alone it is `.name`.
    Through(TextId),
    /// Variable of a frame: ` › name`.
    Local(TextId),
    /// Temporary on a frame's value stack: ` › <stack>`.
    Stack,
    /// Free variable of a function, from the function to the cell or its contents: `.<closure name>`.
    Closure(TextId),
    /// Default of a parameter, from the function to the value: `.<default name>`.
    Default(TextId),
    /// What a method is bound to, with the function's name: `.<self of name>`.
    SelfOf(TextId),
    /// Argument that a partial keeps: `.<arg 0>`.
    Argument(u32),
    /// The cache of an `lru_cache`: `.<cache>`.
    Cache,
    /// One thread's dict of a `threading.local`, with the thread's name: `.<thread 'name'>`; as [`Label::AttributeDict`],
    /// with the key after it one attribute.
    ThreadDict(TextId),
    /// A word of an extension type's body or of a block that it points to, at this offset in bytes: `.+0x18`.
    Word(u32),
    /// A label whose number is none: damaged input.
    Unknown,
}

impl Label {
    /// Its text where it stands alone; raw text of the target within.
    #[must_use]
    pub fn text(self, names: &Names) -> String {
        let name = |id: TextId| names.get(id);
        match self {
            Label::Item(i) => format!("[{i}]"),
            Label::Attribute(id) | Label::Field(id) | Label::Through(id) => format!(".{}", name(id)),
            Label::AttributeDict => ".__dict__".into(),
            Label::Key(id) => format!("['{}']", name(id)),
            Label::NumberKey(n) => format!("[{n}]"),
            Label::TypedKey(id) => format!("[<{}>]", name(id)),
            Label::DictKey => ".keys()[*]".into(),
            Label::Member => "{*}".into(),
            Label::Class => ".__class__".into(),
            Label::Local(id) => format!(" › {}", name(id)),
            Label::Stack => " › <stack>".into(),
            Label::Closure(id) => format!(".<closure {}>", name(id)),
            Label::Default(id) => format!(".<default {}>", name(id)),
            Label::SelfOf(id) => format!(".<self of {}>", name(id)),
            Label::Argument(i) => format!(".<arg {i}>"),
            Label::Cache => ".<cache>".into(),
            Label::ThreadDict(id) => format!(".<thread '{}'>", name(id)),
            Label::Word(offset) => format!(".+{offset:#x}"),
            Label::Unknown => ".?".into(),
        }
    }

    /// The same label with another number of its text, as `of` gives it; `None` where that has none.
    #[must_use]
    pub fn renamed(self, of: impl Fn(TextId) -> Option<TextId>) -> Option<Label> {
        Some(match self {
            Label::Attribute(id) => Label::Attribute(of(id)?),
            Label::Field(id) => Label::Field(of(id)?),
            Label::Key(id) => Label::Key(of(id)?),
            Label::TypedKey(id) => Label::TypedKey(of(id)?),
            Label::Through(id) => Label::Through(of(id)?),
            Label::Local(id) => Label::Local(of(id)?),
            Label::Closure(id) => Label::Closure(of(id)?),
            Label::Default(id) => Label::Default(of(id)?),
            Label::SelfOf(id) => Label::SelfOf(of(id)?),
            Label::ThreadDict(id) => Label::ThreadDict(of(id)?),
            Label::Item(_)
            | Label::AttributeDict
            | Label::NumberKey(_)
            | Label::DictKey
            | Label::Member
            | Label::Class
            | Label::Stack
            | Label::Argument(_)
            | Label::Cache
            | Label::Word(_)
            | Label::Unknown => self,
        })
    }

    /// Its text where it stands for many: every index and number is `*`.
    #[must_use]
    pub fn merged(self, names: &Names) -> String {
        match self {
            Label::Item(_) | Label::NumberKey(_) => "[*]".into(),
            Label::Argument(_) => ".<arg *>".into(),
            _ => self.text(names),
        }
    }
}

/// A label as an edge keeps it: an item's index or the number of a label, and what kind of reference it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelId(u32);

impl LabelId {
    const ITEM: u32 = 1 << 31;
    const INFERRED: u32 = 1 << 30;
    const UNCOUNTED: u32 = 1 << 29;
    const SHORTCUT: u32 = 1 << 28;
    const PAYLOAD: u32 = Self::SHORTCUT - 1;

    /// The label of an item; indices past 2²⁸ are all the last.
    #[must_use]
    pub fn item(index: u32) -> LabelId {
        LabelId(index.min(Self::PAYLOAD) | Self::ITEM)
    }

    /// The label with this number.
    #[must_use]
    pub fn kept(number: usize) -> LabelId {
        LabelId(u32::try_from(number).unwrap_or(Self::PAYLOAD).min(Self::PAYLOAD))
    }

    /// As one word, for files.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// From one word.
    #[must_use]
    pub fn from_bits(bits: u32) -> LabelId {
        LabelId(bits)
    }

    /// The index of an item, or else the number of a label.
    ///
    /// # Errors
    /// The number, where it is no item.
    pub fn index(self) -> Result<u32, usize> {
        let payload = self.0 & Self::PAYLOAD;
        if self.0 & Self::ITEM != 0 { Ok(payload) } else { Err(payload as usize) }
    }

    /// The same label without what kind of reference it is.
    #[must_use]
    pub fn plain(self) -> LabelId {
        LabelId(self.0 & (Self::ITEM | Self::PAYLOAD))
    }

    /// Marks it as found by scanning memory for pointers, not by knowing the type.
    #[must_use]
    pub fn inferred(self) -> LabelId {
        LabelId(self.0 | Self::INFERRED)
    }

    /// Marks it as one that the refcount of what it points to does not count.
    #[must_use]
    pub fn uncounted(self) -> LabelId {
        LabelId(self.0 | Self::UNCOUNTED)
    }

    /// Marks it as leading past objects that stand between (from a function to a default, past the tuple of defaults):
    /// it is there for paths, and counts for nothing else.
    #[must_use]
    pub fn shortcut(self) -> LabelId {
        LabelId(self.0 | Self::SHORTCUT | Self::UNCOUNTED)
    }

    /// Was it found by scanning memory?
    #[must_use]
    pub fn is_inferred(self) -> bool {
        self.0 & Self::INFERRED != 0
    }

    /// Does the refcount of what it points to count it?
    #[must_use]
    pub fn is_counted(self) -> bool {
        self.0 & Self::UNCOUNTED == 0
    }

    /// Does it lead past objects that stand between?
    #[must_use]
    pub fn is_shortcut(self) -> bool {
        self.0 & Self::SHORTCUT != 0
    }
}

impl std::fmt::Debug for LabelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.index() {
            Ok(item) => write!(f, "[{item}]")?,
            Err(number) => write!(f, "#{number}")?,
        }
        let marks = [(self.is_inferred(), "~"), (!self.is_counted(), "-"), (self.is_shortcut(), ">")];
        marks.into_iter().filter(|(on, _)| *on).try_for_each(|(_, mark)| f.write_str(mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_keeps_its_marks_apart_from_its_number() {
        let label = LabelId::kept(77).inferred().uncounted();
        assert_eq!(label.index(), Err(77));
        assert!(label.is_inferred() && !label.is_counted() && !label.is_shortcut());
        assert_eq!(LabelId::item(u32::MAX).index(), Ok((1 << 28) - 1));
        assert_eq!(LabelId::item(5).shortcut().plain(), LabelId::item(5));
    }

    #[test]
    fn labels_read_as_the_contract_says() {
        let mut names = Names::default();
        let x = names.text("x");
        for (label, alone, merged) in [
            (Label::Item(3), "[3]", "[*]"),
            (Label::Key(x), "['x']", "['x']"),
            (Label::NumberKey(-4), "[-4]", "[*]"),
            (Label::Local(x), " › x", " › x"),
            (Label::Closure(x), ".<closure x>", ".<closure x>"),
        ] {
            assert_eq!((label.text(&names).as_str(), label.merged(&names).as_str()), (alone, merged));
            let id = names.label(label);
            assert_eq!(names.label_of(id), label);
        }
    }
}
