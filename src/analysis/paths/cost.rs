//! What a step of a path costs, so that the cheapest path is the most telling one. Knows no heap, only kinds of steps.
//!
//! A step of the user's own data costs 4. What comes in between (an instance's `__dict__`) costs nothing; what leads everywhere
//! (a class, a function's globals) costs several steps. Where a path begins matters less than a step, but for frames.

use crate::heap::{Label, LabelId, Names, RootKind};

/// Attribute, key, item, local, closure, default.
pub(super) const STEP: u8 = 4;
/// Member of a C struct; a module's name for what is at home in another module.
pub(super) const FIELD: u8 = 5;
/// What a scan of memory found.
const WORD: u8 = 6;
/// Callback of a weak reference, traceback → frame.
const ASIDE: u8 = 12;
/// Import machinery, caches of abstract classes, code; from one module to another.
pub(super) const NOISE: u8 = 16;
/// Class, its bases, a function's globals.
const BACK: u8 = 20;
/// A running frame.
const FRAME: u8 = 10;
/// From a frame to its caller's.
const CALLER: u8 = 24;
/// No step and no root costs more.
pub(super) const MOST: u8 = 30;

const NAMES_OF_NOISE: &[&str] =
    &["__spec__", "__loader__", "_abc_impl", "_abc_data", "_abc_registry", "_abc_cache", "_abc_negative_cache"];
const FIELDS_OF_NOISE: &[&str] = &["__code__", "func_code", "gi_code", "cr_code", "ag_code", "f_code", "f_executable"];
const FIELDS_BACK: &[&str] = &[
    "__class__",
    "__mro__",
    "__bases__",
    "__base__",
    "__globals__",
    "__builtins__",
    "__objclass__",
    "__subclasses__",
    "tp_mro",
    "tp_bases",
    "tp_base",
    "tp_cache",
    "tp_subclasses",
    "func_globals",
    "func_builtins",
    "f_globals",
    "f_builtins",
    "im_class",
    "in_class",
    "d_type",
    "ht_module",
];
const FIELDS_ASIDE: &[&str] = &["__callback__", "wr_callback", "tb_frame"];
/// A view's or proxy's dict: with the key after it one step.
pub(super) const FIELD_OF_PROXY: &str = "mapping";

/// What it costs to begin at a root; one that stands for a frame's variable is a step further than the frame.
pub(super) fn of_root(kind: RootKind, is_frame: bool) -> u8 {
    match kind {
        RootKind::UserModule => 0,
        RootKind::LibraryModule => 3,
        RootKind::Interpreter | RootKind::Thread | RootKind::StaticType => 6,
        RootKind::Frame if is_frame => FRAME,
        RootKind::Frame => FRAME + STEP,
        RootKind::Cache => MOST,
    }
}

fn of_label(label: Label, names: &Names) -> u8 {
    match label {
        Label::AttributeDict | Label::Through(_) => 0,
        Label::Key(name) | Label::Attribute(name) if NAMES_OF_NOISE.contains(&names.get(name)) => NOISE,
        Label::Field(name) => match names.get(name) {
            FIELD_OF_PROXY => 0,
            "f_back" => CALLER,
            name if FIELDS_ASIDE.contains(&name) => ASIDE,
            name if NAMES_OF_NOISE.contains(&name) || FIELDS_OF_NOISE.contains(&name) => NOISE,
            name if FIELDS_BACK.contains(&name) => BACK,
            _ => FIELD,
        },
        Label::Class => BACK,
        Label::Word(_) | Label::Unknown => WORD,
        _ => STEP,
    }
}

/// The costs of a heap's labels, and their order by text.
#[derive(Debug)]
pub(super) struct Costs {
    cost: Vec<u8>,
    rank: Vec<u32>,
}

impl Costs {
    /// Of all labels of a heap.
    pub(super) fn new(names: &Names) -> Costs {
        let cost = names.labels().map(|label| of_label(label, names)).collect();
        let mut by_text: Vec<(String, u8, u32)> =
            names.labels().zip(0..).map(|(label, number)| (label.text(names), kind(label), number)).collect();
        by_text.sort_unstable();
        let mut rank = vec![0; by_text.len()];
        for ((.., number), place) in by_text.iter().zip(FIRST_NAMED..) {
            if let Some(rank) = rank.get_mut(*number as usize) {
                *rank = place;
            }
        }
        Costs { cost, rank }
    }

    /// What a step by this label costs, wherever it stands.
    #[inline]
    pub(super) fn of(&self, label: LabelId) -> u8 {
        match label.index() {
            Ok(_) => STEP,
            Err(number) => self.cost.get(number).copied().unwrap_or(WORD),
        }
    }

    /// Its place among all labels: items by their index, then the others by their text. So that what decides between equal
    /// costs does not depend on the order in which the heap was read.
    #[inline]
    pub(super) fn rank(&self, label: LabelId) -> u32 {
        match label.index() {
            Ok(item) => item,
            Err(number) => self.rank.get(number).copied().unwrap_or(u32::MAX),
        }
    }
}

/// Past all indices of items.
const FIRST_NAMED: u32 = 1 << 28;

/// Tells labels of one text apart; `Ord` of [`Label`] goes by numbers of texts.
fn kind(label: Label) -> u8 {
    match label {
        Label::Attribute(_) => 0,
        Label::Field(_) => 1,
        Label::Through(_) => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_step_is_cheaper_than_a_way_back() {
        let mut names = Names::default();
        let own = names.text("results");
        let [own, dict, class] = [Label::Key(own), Label::AttributeDict, Label::Class].map(|label| names.label(label));
        let globals = names.text("__globals__");
        let globals = names.label(Label::Field(globals));
        let costs = Costs::new(&names);
        assert_eq!([own, dict, class, globals, LabelId::item(7)].map(|label| costs.of(label)), [4, 0, 20, 20, 4]);
    }

    #[test]
    fn labels_stand_in_the_order_of_their_texts() {
        let mut names = Names::default();
        let labels = ["b", "a", "c"].map(|text| {
            let text = names.text(text);
            names.label(Label::Key(text))
        });
        let costs = Costs::new(&names);
        let mut sorted = labels;
        sorted.sort_by_key(|label| costs.rank(*label));
        assert_eq!(sorted, [labels[1], labels[0], labels[2]]);
        assert!(costs.rank(LabelId::item(u32::MAX)) < costs.rank(sorted[0]));
    }
}
