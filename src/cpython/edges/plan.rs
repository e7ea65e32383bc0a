//! A type → what to read of each of its instances: members at fixed places, attributes, words to scan. Made once a type.
//!
//! What is known of a C struct comes from the layout; what a class adds comes from its own members and sizes. It reads no
//! instance.

use super::body::Body;
use super::labels::Labels;
use super::{World, attributes::Attributes};
use crate::addr::Addr;
use crate::cpython::managed::Managed;
use crate::cpython::text;
use crate::cpython::types::{TypeInfo, Types, flags};
use crate::heap::{Id, Label, LabelId};
use crate::memory::{Memory, View};

/// Longest chain of bases that is followed.
const DEEPEST: usize = 64;
/// Most members of a type's member table that are read.
const MOST_MEMBERS: usize = 1 << 12;
/// Longest body that is scanned for pointers, in bytes.
const LONGEST_SCAN: u64 = 1 << 14;

/// No member is looked for farther into a body, in bytes: what a type says of its size may be anything.
const MOST_BODY: usize = 1 << 16;

/// `T_OBJECT` and `T_OBJECT_EX` (`Include/structmember.h`).
const OBJECT_MEMBERS: [i32; 2] = [6, 16];

/// numpy's iterators over arrays, by `tp_name`.
const ITERATORS: [&str; 2] = ["numpy.flatiter", "numpy.broadcast"];

/// What to read of an instance.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What no fixed place tells.
    pub body: Body,
    /// Places of counted references, from the header on.
    pub fields: Vec<(usize, LabelId)>,
    /// Places that may hold references.
    pub words: Vec<(usize, LabelId)>,
    /// May those only be references to numpy's arrays? Its iterators leave most of their words as they found them.
    pub arrays_only: bool,
    /// Items behind a body of this size that may hold references, of this size each.
    pub items: Option<(u64, u64)>,
    /// Bytes of an instance in which fields and words lie.
    pub len: usize,
    /// Where attributes lie.
    pub attributes: Attributes,
    /// The type itself, where instances count it.
    pub class: Option<(Id, LabelId)>,
}

/// One type of a chain of bases.
struct Step<'a> {
    view: View<'a>,
    name: String,
    basicsize: u64,
    heap: bool,
    /// Made by a `class` statement.
    python: bool,
    /// Of the interpreter or its standard library.
    own: bool,
}

/// Makes plans.
pub(super) struct Planner<'p, 'a, M: ?Sized> {
    pub world: &'p World<'a, M>,
    pub types: &'p Types<'a, M>,
    pub labels: &'p Labels,
}

impl<M: Memory + ?Sized> Planner<'_, '_, M> {
    /// The plan for instances of a type.
    pub fn plan(&self, info: &TypeInfo) -> Plan {
        let l = self.world.layout;
        let chain = self.chain(info.addr);
        let mut plan = Plan::default();
        let Some(first) = chain.first() else { return plan };
        let named = |step: &&Step<'_>| !step.heap || step.name.contains('.') && !step.python;
        let place =
            chain.iter().position(|s| named(&s) && s.own | Body::is_foreign(&s.name) && Body::of(l, &s.name).is_some());
        if let Some(step) = place.and_then(|at| chain.get(at)) {
            plan.body = Body::of(l, &step.name).unwrap_or_default();
            for (name, at) in plan.body.fields(l) {
                plan.fields.push((at, self.labels.member(self.world, name)));
            }
        }
        if plan.body == Body::Tuple
            && let Some(fields) = self.struct_sequence(&chain, "n_fields")
        {
            plan.body = Body::StructSequence(fields);
        }
        let table = chain.iter().position(|s| named(&s) && s.own && l.references.contains_key(&s.name));
        if let Some(members) = table.and_then(|at| chain.get(at)).and_then(|step| l.references.get(&step.name)) {
            for (name, at) in members {
                if !plan.body.reads(name) {
                    plan.fields.push((*at, self.labels.member(self.world, name)));
                }
            }
        }
        let known = match (place, table) {
            _ if matches!(plan.body, Body::StructSequence(_)) => 0,
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b).unwrap_or(chain.len()),
        };
        if known == chain.len()
            && l.shape.str == crate::cpython::layout::StrShape::Ucs
            && let Some(fields) = self.struct_sequence(&chain, "n_sequence_fields")
        {
            plan.body = Body::Fields27(fields);
        }
        self.dict(&mut plan, info, first);
        let known = if matches!(plan.body, Body::Fields27(_)) { 0 } else { known };
        for step in chain.iter().take(known) {
            self.members(&mut plan, step);
        }
        plan.fields.sort_unstable_by_key(|(at, _)| *at);
        plan.fields.dedup_by_key(|(at, _)| *at);
        self.scan(&mut plan, info, &chain, known);
        plan.fields.retain(|(at, _)| *at < MOST_BODY);
        plan.words.retain(|(at, _)| *at < MOST_BODY);
        let last = |places: &[(usize, LabelId)]| places.iter().map(|(at, _)| at.saturating_add(8)).max().unwrap_or(0);
        plan.len = last(&plan.fields).max(last(&plan.words));
        if info.flags & flags::HEAPTYPE != 0 {
            plan.class = self.world.index.get(info.addr).map(|id| (id, self.labels.class));
        }
        plan
    }

    fn chain(&self, at: Addr) -> Vec<Step<'_>> {
        let l = self.world.layout;
        let mem = self.world.mem;
        let mut at = at;
        let mut chain: Vec<Step<'_>> = Vec::new();
        while !at.is_null() && chain.len() < DEEPEST {
            let Ok(view) = mem.view(at, l.heap_type.size).or_else(|_| mem.view(at, l.type_.size)) else { break };
            let named = view.get(l.type_.tp_name).unwrap_or_default();
            let name = text::c_string(mem, named).unwrap_or_default();
            let heap = view.get(l.type_.tp_flags).is_some_and(|f| f & flags::HEAPTYPE != 0);
            let python = self.types.is_made_by_class(at, &view);
            let own_or_none = |field| view.get(field).is_none_or(|at: Addr| at.is_null() || self.types.is_own(at));
            // Those made at run time inherit so much that any foreign address tells.
            let own = self.types.is_standard(at, &view)
                && (!heap || own_or_none(l.type_.tp_methods) && own_or_none(l.type_.tp_new));
            let basicsize = view.get(l.type_.tp_basicsize).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            at = view.get(l.type_.tp_base).unwrap_or_default();
            chain.push(Step { view, name, basicsize, heap, python, own });
        }
        chain
    }

    /// How many items a struct sequence has, by this key of the first class that says so.
    fn struct_sequence(&self, chain: &[Step<'_>], key: &str) -> Option<u64> {
        chain.iter().filter(|s| !s.python).find_map(|step| {
            let dict = super::class::dict_of(self.world, &step.view)?;
            let entries = crate::cpython::dict::entries(self.world.mem, self.world.layout, dict)?;
            let number = |wanted: &str| {
                let (_, value) = entries.iter().find(|(k, _)| self.types.text(*k).is_some_and(|t| t == wanted))?;
                u64::try_from(crate::cpython::int::small(self.world.mem, self.world.layout, *value)?).ok()
            };
            number("n_sequence_fields")?;
            number(key).filter(|n| *n < 1 << 12)
        })
    }

    fn dict(&self, plan: &mut Plan, info: &TypeInfo, first: &Step<'_>) {
        let l = self.world.layout;
        if info.is_metatype() {
            return; // tp_dict, which the reader of types knows
        }
        if let Some(how) = Managed::of(l, info.flags, info.basicsize) {
            let keys = l.heap_type.ht_cached_keys.and_then(|f| first.view.get(f)).unwrap_or_default();
            let names = crate::cpython::dict::key_list(self.world.mem, l, keys).unwrap_or_default();
            let names = names.into_iter().map(|key| self.attribute(key)).collect();
            plan.attributes = Attributes::Managed { how, names };
            return;
        }
        match first.view.get(l.type_.tp_dictoffset).unwrap_or(0) {
            0 => {}
            at @ 1.. => {
                // Within the body: what a damaged offset says must not be read, let alone allocated.
                if let Some(at) = usize::try_from(at).ok().filter(|at| (*at as u64) < info.basicsize) {
                    plan.fields.push((at, self.labels.attribute_dict));
                }
            }
            from_end => {
                plan.attributes = Attributes::FromEnd {
                    offset: from_end,
                    basicsize: info.basicsize,
                    itemsize: info.itemsize,
                    int: info.flags & flags::LONG_SUBCLASS != 0,
                };
            }
        }
    }

    fn attribute(&self, key: Addr) -> LabelId {
        let name = self.types.text(key).unwrap_or_else(|| "?".into());
        self.labels.named(self.world, Label::Attribute, &name)
    }

    /// The members that a type's table declares: `__slots__`, and what C types show.
    fn members(&self, plan: &mut Plan, step: &Step<'_>) {
        let l = &self.world.layout.tp_member;
        let mem = self.world.mem;
        let Some(mut at) = step.view.get(self.world.layout.type_.tp_members).filter(|at| !at.is_null()) else { return };
        for _ in 0..MOST_MEMBERS {
            let Ok(view) = mem.view(at, l.size) else { break };
            let Some(name) = view.get(l.name).filter(|at| !at.is_null()) else { break };
            let offset = view.get(l.offset).and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
            let object = view.get(l.r#type).is_some_and(|t| OBJECT_MEMBERS.contains(&t));
            if object && offset >= 16 && (offset as u64) < step.basicsize && offset.is_multiple_of(8) {
                let name = text::c_string(mem, name).unwrap_or_default();
                plan.fields.push((offset, self.labels.named(self.world, Label::Attribute, &name)));
            }
            let Some(next) = at.up(l.size as u64) else { break };
            at = next;
        }
    }

    /// The words of a body of which nothing is known.
    fn scan(&self, plan: &mut Plan, info: &TypeInfo, chain: &[Step<'_>], known: usize) {
        let l = self.world.layout;
        let weak: Vec<i64> = chain.iter().filter_map(|s| s.view.get(l.type_.tp_weaklistoffset)).collect();
        let unknown = |step: &Step<'_>| !step.python && !step.own;
        for (i, step) in chain.iter().enumerate().take(known) {
            let base = chain.get(i.saturating_add(1)).map_or(l.object.size as u64, |s| s.basicsize);
            let start = base.max(l.object.size as u64).next_multiple_of(8);
            if !unknown(step) {
                continue;
            }
            for at in (start..step.basicsize.min(start.saturating_add(LONGEST_SCAN))).step_by(8) {
                let place = usize::try_from(at).unwrap_or(0);
                let taken = plan.fields.iter().any(|(field, _)| *field == place)
                    || weak.iter().any(|w| u64::try_from(*w) == Ok(at));
                if !taken {
                    plan.words.push((place, self.labels.word(self.world, place)));
                }
            }
        }
        plan.arrays_only = chain.iter().any(|step| ITERATORS.contains(&step.name.as_str()));
        let foreign = known == chain.len() && chain.first().is_some_and(unknown);
        if foreign && info.itemsize >= 8 && info.itemsize.is_multiple_of(8) {
            plan.items = Some((info.basicsize, info.itemsize));
        }
    }
}
