//! References as they are met → groups of those that read alike: of one text, from holders of one type name. Gives them no text
//! and no order.

use rustc_hash::{FxHashMap, FxHashSet};

use super::MOST_KEYS;
use crate::heap::{Id, Label, LabelId, RootKind, TextId};

/// Who a group's references come from, before it has a text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum By {
    /// Objects with this type name, by a merged label.
    Type(u32, Label),
    /// Roots with this text, or of this kind where texts are merged.
    Root(RootKind, Option<TextId>),
    Native,
}

/// Merged references, in the making.
pub(super) struct Group {
    pub(super) row: u32,
    pub(super) by: By,
    pub(super) count: u64,
    pub(super) inferred: u64,
    pub(super) objects: u64,
    pub(super) last: Option<Id>,
}

/// Merged references, in the order in which they were first met.
pub(super) struct Groups {
    pub(super) keys: Keys<(u32, u32)>,
    pub(super) all: Vec<Group>,
    pub(super) at: FxHashMap<(u32, By), u32>,
}

impl Groups {
    /// The number of a group, which is made where there is none yet.
    pub(super) fn at(&mut self, row: u32, by: By) -> u32 {
        *self.at.entry((row, by)).or_insert_with(|| {
            self.all.push(Group { row, by, count: 0, inferred: 0, objects: 0, last: None });
            (self.all.len() - 1) as u32
        })
    }

    pub(super) fn add(&mut self, at: u32, from: Option<Id>, count: u64, inferred: bool) {
        let Some(group) = self.all.get_mut(at as usize) else { return };
        group.count = group.count.saturating_add(count);
        group.inferred += u64::from(inferred);
        // Objects come in order, so one that refers twice comes twice in a row.
        if from.is_some() && group.last != from {
            group.objects += 1;
            group.last = from;
        }
    }
}

/// What was found last for a row, a type name and a label, since most references are like many others: it saves the maps
/// behind it most of their look-ups. It forgets.
pub(super) struct Memo(Vec<([u32; 3], u32)>);

impl Default for Memo {
    fn default() -> Self {
        Memo(vec![([u32::MAX; 3], 0); Memo::SLOTS])
    }
}

impl Memo {
    const SLOTS: usize = 1 << 14;

    /// All items are merged, so that they are one label here.
    fn key((row, name): (u32, u32), label: LabelId) -> ([u32; 3], usize) {
        let code = label.index().map_or_else(|number| number as u32, |_| u32::MAX);
        let mixed = [row, name, code]
            .iter()
            .fold(0_u64, |sum, part| (sum ^ u64::from(*part)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
        ([row, name, code], (mixed >> 7) as usize % Memo::SLOTS)
    }

    pub(super) fn get(&self, of: (u32, u32), label: LabelId) -> Option<u32> {
        let (key, slot) = Memo::key(of, label);
        self.0.get(slot).filter(|(kept, _)| *kept == key).map(|(_, value)| *value)
    }

    pub(super) fn put(&mut self, of: (u32, u32), label: LabelId, value: u32) {
        let (key, slot) = Memo::key(of, label);
        self.0.get_mut(slot).into_iter().for_each(|kept| *kept = (key, value));
    }
}

/// Which texts lead to one object only, by who bears them.
pub(super) struct Keys<K> {
    /// The object that a text leads to; `None` for several.
    to: FxHashMap<(K, TextId), Option<u32>>,
    crowded: FxHashSet<K>,
}

impl<K> Default for Keys<K> {
    fn default() -> Self {
        Keys { to: FxHashMap::default(), crowded: FxHashSet::default() }
    }
}

impl<K: Copy + Eq + std::hash::Hash> Keys<K> {
    /// Notes one; says whether the text leads to several objects, so that it need not be noted again.
    pub(super) fn note(&mut self, of: K, text: TextId, to: u32) -> bool {
        let one = self.to.entry((of, text)).or_insert(Some(to));
        *one = one.filter(|one| *one == to);
        one.is_none()
    }

    /// Decides, once all are noted, where there are too many.
    pub(super) fn count(&mut self) {
        let mut singles: FxHashMap<K, usize> = FxHashMap::default();
        for ((of, _), _) in self.to.iter().filter(|(_, to)| to.is_some()) {
            *singles.entry(*of).or_default() += 1;
        }
        self.crowded = singles.into_iter().filter(|(_, n)| *n > MOST_KEYS).map(|(of, _)| of).collect();
    }

    pub(super) fn is_merged(&self, of: K, text: TextId) -> bool {
        self.crowded.contains(&of) && self.to.get(&(of, text)).is_some_and(Option::is_some)
    }

    /// One label for all that are merged with this one.
    pub(super) fn merged(&self, of: K, label: Label) -> Label {
        match label {
            Label::Item(_) | Label::NumberKey(_) => Label::Item(0),
            Label::Key(text) if self.is_merged(of, text) => Label::Item(0),
            Label::Argument(_) => Label::Argument(0),
            Label::Attribute(name) | Label::Through(name) => Label::Field(name),
            other => other,
        }
    }
}
