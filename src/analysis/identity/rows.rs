//! The references of one object at two looks, side by side by their labels. Judges nothing.

use super::NONE;
use crate::heap::{Heap, Id, Label, LabelId, Type};

/// References by one label at both looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meeting {
    /// The label, by its number in the later heap.
    pub(super) label: LabelId,
    /// Where it leads now.
    pub(super) to: u32,
    /// Did it lead to an object of the same type at the same address?
    pub(super) same_place: bool,
    /// Is it one of many by this label, of which some may come and go?
    pub(super) many: bool,
}

/// What a label is good for.
#[derive(Debug, Clone, Copy, Default)]
struct Nature {
    /// It stays where what it leads to stays: an attribute, a key, a variable. An index does not.
    name: bool,
    /// An object may have many references by it.
    many: bool,
    /// It says nothing.
    void: bool,
    /// It is a key of a dict, or of what is like one.
    key: bool,
}

/// The references of two heaps.
pub(super) struct Rows<'a> {
    earlier: &'a Heap,
    later: &'a Heap,
    /// For each object of the later heap, its number in the earlier one.
    pub(super) earlier_of: Vec<u32>,
    /// The other way round.
    later_of: Vec<u32>,
    /// The earlier heap's labels as numbers of the later one's.
    labels: Vec<u32>,
    natures: Vec<Nature>,
    /// Which labels of the earlier heap are keys.
    was_key: Vec<bool>,
    rooted: Vec<bool>,
    /// Whose items, by the type of the holder, move on when one before them goes.
    queues: Vec<bool>,
}

impl<'a> Rows<'a> {
    pub(super) fn of(earlier: &'a Heap, later: &'a Heap, earlier_of: Vec<u32>) -> Rows<'a> {
        let mut later_of = vec![NONE; earlier.objects.len()];
        for (id, before) in (0u32..).zip(&earlier_of) {
            if let Some(place) = later_of.get_mut(*before as usize) {
                *place = id;
            }
        }
        let text = |id| later.names.find(earlier.names.get(id));
        let translate = |(number, label): (usize, Label)| {
            let found = label.renamed(text).and_then(|label| later.names.find_label(label));
            // One that the later heap has not: no plain label of its looks like this.
            found.unwrap_or(LabelId::kept(number).inferred()).bits()
        };
        let mut rooted = vec![false; earlier.objects.len()];
        for root in &earlier.roots {
            if let Some(place) = rooted.get_mut(root.object.at()) {
                *place = true;
            }
        }
        Rows {
            labels: earlier.names.labels().enumerate().map(translate).collect(),
            natures: later.names.labels().map(nature).collect(),
            was_key: earlier.names.labels().map(|label| nature(label).key).collect(),
            earlier,
            later,
            queues: later.types.iter().map(is_queue).collect(),
            earlier_of,
            later_of,
            rooted,
        }
    }

    /// The object's number at the earlier look.
    pub(super) fn earlier(&self, id: u32) -> Option<Id> {
        self.earlier_of.get(id as usize).copied().filter(|at| *at != NONE).map(Id)
    }

    /// Did a root lead to this object of the earlier heap?
    pub(super) fn is_root(&self, before: Id) -> bool {
        self.rooted.get(before.at()).copied().unwrap_or(false)
    }

    fn nature(&self, label: LabelId) -> Nature {
        match label.index() {
            Ok(_) => Nature::default(),
            Err(number) => self.natures.get(number).copied().unwrap_or(Nature { void: true, ..Nature::default() }),
        }
    }

    /// Does what this label leads to stay what it is as long as the holder does not let go of it?
    pub(super) fn is_name(&self, label: LabelId) -> bool {
        self.nature(label).name
    }

    /// An earlier label as a number of the later heap.
    fn translated(&self, label: LabelId) -> u32 {
        match label.plain().index() {
            Ok(_) => label.plain().bits(),
            Err(number) => self.labels.get(number).copied().unwrap_or(u32::MAX),
        }
    }

    /// Where an earlier reference leads in the later heap.
    fn place(&self, to: u32) -> u32 {
        self.later_of.get(to as usize).copied().unwrap_or(NONE)
    }

    /// The references by labels that a pair has at both looks; gives how many keys it has now if it had any before, and how
    /// many of them are the same.
    pub(super) fn meet(&self, id: u32, meetings: &mut Vec<Meeting>) -> (u32, u32) {
        meetings.clear();
        let Some(before) = self.earlier(id) else { return (0, 0) };
        let (to, labels) = self.later.edges.row(Id(id));
        let (old_to, old_labels) = self.earlier.edges.row(before);
        if to.is_empty() || old_to.is_empty() {
            return (0, 0);
        }
        // Nothing but such a holder has more or fewer items than before.
        let items = |labels: &[LabelId]| labels.iter().filter(|label| label.index().is_ok()).count();
        let is_queue = self.queues.get(self.later.objects.of(Id(id)).at()) == Some(&true)
            || to.len() != old_to.len() && items(labels) != items(old_labels);
        if let Some(keys) = self.in_step((to, labels), (old_to, old_labels), is_queue, meetings) {
            return (keys, keys);
        }
        meetings.clear();
        // All items of a queue meet all that it had.
        let place_of = |label: u32| match LabelId::from_bits(label).index() {
            Ok(_) if is_queue => LabelId::item(0).bits(),
            _ => label,
        };
        let mut now: Vec<(u32, u32)> =
            labels.iter().map(|label| place_of(label.plain().bits())).zip(to.iter().copied()).collect();
        let mut then: Vec<(u32, u32)> = (old_labels.iter())
            .map(|label| place_of(self.translated(*label)))
            .zip(old_to.iter().map(|to| self.place(*to)))
            .collect();
        now.sort_unstable();
        then.sort_unstable();
        let is_key = |label: &LabelId| label.index().is_err_and(|at| self.was_key.get(at) == Some(&true));
        let had_keys = old_labels.iter().any(is_key);
        let (mut keys, mut common) = (0, 0);
        let mut rest = then.as_slice();
        let mut left = now.as_slice();
        while let Some((label, _)) = left.first().copied() {
            let (group, after) = left.split_at(left.partition_point(|(l, _)| *l == label));
            left = after;
            rest = &rest[rest.partition_point(|(l, _)| *l < label)..];
            let (old, after) = rest.split_at(rest.partition_point(|(l, _)| *l == label));
            rest = after;
            let nature = self.nature(LabelId::from_bits(label));
            keys += u32::from(nature.key);
            if old.is_empty() || nature.void {
                continue;
            }
            common += u32::from(nature.key);
            let label = LabelId::from_bits(label);
            let many = nature.many || group.len() > 1 || old.len() > 1;
            let matched = group.iter().filter(|(_, to)| old.binary_search(&(label.bits(), *to)).is_ok());
            let before = meetings.len();
            meetings.extend(matched.map(|(_, to)| Meeting { label, to: *to, same_place: true, many }));
            // What only came, or only went, is no difference.
            if meetings.len().saturating_sub(before) < group.len().min(old.len()) {
                let other = group.iter().find(|(_, to)| old.binary_search(&(label.bits(), *to)).is_err());
                meetings.extend(other.map(|(_, to)| Meeting { label, to: *to, same_place: false, many }));
            }
        }
        if had_keys { (keys, common) } else { (0, 0) }
    }

    /// The same for rows whose labels come in the same order as far as the shorter one goes, which is nearly all of them.
    fn in_step(
        &self,
        (to, labels): (&[u32], &[LabelId]),
        (old_to, old_labels): (&[u32], &[LabelId]),
        is_queue: bool,
        meetings: &mut Vec<Meeting>,
    ) -> Option<u32> {
        let mut keys = 0;
        if to.len() != old_to.len() && !labels.iter().all(|label| label.index().is_ok()) {
            return None;
        }
        for (((to, label), old_to), old_label) in to.iter().zip(labels).zip(old_to).zip(old_labels) {
            let label = label.plain();
            if label.bits() != self.translated(*old_label) {
                return None;
            }
            let nature = self.nature(label);
            if nature.void {
                continue;
            }
            keys += u32::from(nature.key);
            let same_place = self.place(*old_to) == *to;
            let many = nature.many || is_queue && label.index().is_ok();
            if many && !same_place {
                return None;
            }
            meetings.push(Meeting { label, to: *to, same_place, many: nature.many });
        }
        Some(keys)
    }

    /// What a pair refers to at both looks, by whatever label.
    pub(super) fn common(&self, id: u32, common: &mut Vec<u32>) {
        common.clear();
        let Some(before) = self.earlier(id) else { return };
        let (to, labels) = self.later.edges.row(Id(id));
        let (old_to, _) = self.earlier.edges.row(before);
        let mut places: Vec<u32> = old_to.iter().map(|to| self.place(*to)).filter(|to| *to != NONE).collect();
        places.sort_unstable();
        let held = |to: &u32| places.binary_search(to).is_ok();
        common.extend(to.iter().zip(labels).filter(|(to, l)| !l.is_shortcut() && held(to)).map(|(to, _)| *to));
    }
}

fn is_queue(of: &Type) -> bool {
    matches!(of.name.as_str(), "builtins.list" | "__builtin__.list" | "collections.deque")
}

fn nature(label: Label) -> Nature {
    let (name, many, void, key) = match label {
        Label::Key(_) => (true, false, false, true),
        Label::NumberKey(_) => (false, false, false, true),
        Label::TypedKey(_) => (false, true, false, true),
        Label::Attribute(_)
        | Label::Field(_)
        | Label::AttributeDict
        | Label::Closure(_)
        | Label::Default(_)
        | Label::SelfOf(_)
        | Label::Cache
        | Label::ThreadDict(_) => (true, false, false, false),
        Label::Through(_) => (true, true, false, false),
        Label::Local(_) | Label::Argument(_) | Label::Word(_) | Label::Item(_) => (false, false, false, false),
        Label::DictKey | Label::Member => (false, true, false, false),
        Label::Stack | Label::Class | Label::Unknown => (false, true, true, false),
    };
    Nature { name, many, void, key }
}
