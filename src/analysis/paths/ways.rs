//! What a search met → paths with their objects: states counted, those merged that differ only in how often steps repeat or
//! that read alike, and the one object that all of a path have in common. Sorts nothing.

use rustc_hash::FxHashMap;

use super::merge::{Kinds, NONE, StateId, States, Step};
use super::search::{Blocks, NATIVE, Origin, Search, Terrain};
use super::{Behind, Sum, address, text};
use crate::heap::{Heap, Id, TextId};

/// Longer ways are not compared for how often steps repeat.
const COMPARED: usize = 64;
/// Places of a way at which steps may repeat.
const REPEATS: usize = 3;

/// A search and the targets that it met.
pub(super) struct Met<'t, 'a> {
    pub(super) search: Search<'t, 'a>,
    /// From roots: directly, and behind those.
    rooted: (Vec<u32>, Vec<u32>),
    /// From what only native code holds: the same.
    native: (Vec<u32>, Vec<u32>),
    /// By object: references that nothing found explains. Empty where everything was reached.
    surplus: FxHashMap<u32, u32>,
}

impl<'t, 'a> Met<'t, 'a> {
    /// Looks for these objects.
    pub(super) fn look(terrain: &'t Terrain<'a>, targets: &[Id], blocks: &'t Blocks) -> Met<'t, 'a> {
        let mut search = Search::new(terrain, targets, blocks);
        let rooted = search.search_roots();
        let mut met = Met { search, rooted, native: Default::default(), surplus: FxHashMap::default() };
        if met.search.missing() > 0 {
            let heap = terrain.heap;
            let found = heap.references_found();
            for (id, found) in heap.objects.ids().zip(found) {
                let surplus = heap.objects.refcount(id).saturating_sub(found);
                if surplus > 0 && !heap.objects.is_immortal(id) && met.search.cost(id.0) == super::search::UNREACHED {
                    met.surplus.insert(id.0, surplus);
                }
            }
            let mut held: Vec<u32> = met.surplus.keys().copied().collect();
            held.sort_unstable_by_key(|id| address(heap, *id));
            met.native = met.search.search_native(held.into_iter());
        }
        met
    }
}

/// What holds the objects of a path, and could be taken away.
#[derive(Debug, Clone)]
pub(super) struct Holding {
    /// Its path.
    pub(super) text: String,
    /// What it is.
    pub(super) what: What,
}

/// What holds the objects of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum What {
    /// References of one object: those that the step stands for.
    Object(u32, Step),
    /// All roots of this text.
    Root(TextId),
}

impl Holding {
    pub(super) fn object(&self) -> Option<Id> {
        match self.what {
            What::Object(id, _) => Some(Id(id)),
            What::Root(_) => None,
        }
    }
}

/// A path under way.
pub(super) struct Draft {
    pub(super) text: String,
    /// The text of which the fingerprint is made.
    pub(super) constant: String,
    pub(super) sum: Sum,
    pub(super) behind: Option<Behind>,
    pub(super) inferred: bool,
    pub(super) native: Option<u64>,
    pub(super) holding: Option<Holding>,
    pub(super) example: u32,
    /// Its objects, where they were asked for.
    pub(super) objects: Vec<u32>,
}

/// What is counted under a state.
#[derive(Default)]
struct Tally {
    sum: Sum,
    direct: u64,
    /// By the state of the way from the object that is reached directly.
    behind: FxHashMap<StateId, u64>,
    example: Option<u32>,
    surplus: u64,
    objects: Vec<u32>,
}

impl Tally {
    fn join(&mut self, other: Tally, heap: &Heap) {
        self.sum.join(other.sum);
        self.direct += other.direct;
        self.surplus += other.surplus;
        for (state, count) in other.behind {
            *self.behind.entry(state).or_default() += count;
        }
        self.example = self.example.into_iter().chain(other.example).min_by_key(|id| address(heap, *id));
        self.objects.extend(other.objects);
    }
}

/// The paths to the objects met that count, from roots and from native code.
pub(super) fn drafts(met: &Met<'_, '_>, kinds: &Kinds, counts: &dyn Fn(u32) -> bool) -> Vec<Draft> {
    let mut drafts = merged(met, kinds, &met.rooted, counts, false);
    drafts.extend(merged(met, kinds, &met.native, counts, true));
    drafts
}

fn merged(
    met: &Met<'_, '_>,
    kinds: &Kinds,
    (direct, behind): &(Vec<u32>, Vec<u32>),
    counts: &dyn Fn(u32) -> bool,
    native: bool,
) -> Vec<Draft> {
    if direct.is_empty() {
        return Vec::new();
    }
    let heap = met.search.terrain.heap;
    let states = States::from_roots(&met.search, kinds, direct);
    let further = (!behind.is_empty()).then(|| States::behind(&met.search, kinds, direct, behind));
    let mut tallies: FxHashMap<StateId, Tally> = FxHashMap::default();
    for id in direct.iter().copied().filter(|id| counts(*id)) {
        let tally = tallies.entry(state_of(&states, id)).or_default();
        tally.sum.add(heap.objects.bytes(Id(id)));
        tally.direct += 1;
        if tally.example.is_none_or(|known| address(heap, id) < address(heap, known)) {
            tally.example = Some(id);
        }
        if met.search.origin(id) == Origin::Root(NATIVE) {
            tally.surplus += u64::from(met.surplus.get(&id).copied().unwrap_or(0));
        }
        tally.objects.push(id);
    }
    for id in behind.iter().copied().filter(|id| counts(*id)) {
        let Some(further) = &further else { continue };
        let entry = further.entry.get(id as usize).copied().unwrap_or(NONE);
        let tally = tallies.entry(state_of(&states, entry)).or_default();
        tally.sum.add(heap.objects.bytes(Id(id)));
        *tally.behind.entry(state_of(further, id)).or_default() += 1;
        tally.example.get_or_insert(entry);
        tally.objects.push(id);
    }
    join_repeats(&states, &mut tallies, heap);

    // By text, in the order in which the states were made, which no object's number decides.
    let mut ends: Vec<StateId> = tallies.keys().copied().collect();
    ends.sort_unstable();
    let mut by_text: FxHashMap<String, (StateId, u64, Tally)> = FxHashMap::default();
    for end in ends {
        let Some(tally) = tallies.remove(&end) else { continue };
        let count = tally.sum.count;
        let known = by_text.entry(text::path(heap, &states, end)).or_insert_with(|| (end, 0, Tally::default()));
        if count > known.1 {
            (known.0, known.1) = (end, count);
        }
        known.2.join(tally, heap);
    }
    let draft = |(text, (end, _, tally))| draft(met, &states, further.as_ref(), native, text, end, tally);
    by_text.into_iter().map(draft).collect()
}

fn state_of(states: &States<'_, '_, '_>, id: u32) -> StateId {
    // Every target met has a state; number 0 is there as soon as any is.
    states.of.get(id as usize).copied().filter(|state| *state != NONE).unwrap_or(0)
}

fn draft(
    met: &Met<'_, '_>,
    states: &States<'_, '_, '_>,
    further: Option<&States<'_, '_, '_>>,
    native: bool,
    text: String,
    end: StateId,
    tally: Tally,
) -> Draft {
    let heap = met.search.terrain.heap;
    let chain = states.chain(end);
    let mut draft = Draft {
        constant: text::constant(heap, states, end),
        text,
        sum: tally.sum,
        behind: None,
        inferred: states.get(end).inferred,
        native: None,
        holding: holding(heap, states, &chain),
        example: tally.example.unwrap_or_default(),
        objects: tally.objects,
    };
    if native {
        let held = chain.first().map(|first| states.get(*first)).filter(|first| first.objects == 1);
        let held = held.and_then(|held| met.surplus.get(&held.first));
        draft.native = match tally.surplus {
            0 => held.map(|surplus| u64::from(*surplus)),
            surplus => Some(surplus),
        };
        draft.holding = draft.holding.filter(|holding| holding.object().is_some());
    }
    if let Some(further) = further.filter(|_| !tally.behind.is_empty()) {
        let mut by_text: FxHashMap<String, (u64, StateId)> = FxHashMap::default();
        for (state, count) in tally.behind {
            let (sum, kept) = by_text.entry(text::path(heap, further, state)).or_insert((0, state));
            *sum += count;
            *kept = state.min(*kept);
        }
        let count = by_text.values().map(|(count, _)| count).sum();
        let of = |first: u32| heap.objects.of(Id(first));
        let direct_of = of(draft.example);
        let (alike, others): (Vec<_>, Vec<_>) =
            by_text.into_iter().partition(|(_, (_, state))| of(further.get(*state).first) == direct_of);
        let most = |found: Vec<(String, (u64, StateId))>| {
            found.into_iter().max_by(|(a, (n, _)), (b, (m, _))| n.cmp(m).then_with(|| b.cmp(a)))
        };
        let (alike, others) = (most(alike), most(others));
        // The path is that of most objects: a list of nodes hangs on `.next⁺`, not on the first of them. But what objects of
        // other types hang on is what they belong to.
        let joins = count > tally.direct && alike.is_some();
        let (text, (_, state)) =
            if joins { alike } else { alike.into_iter().chain(others).max_by_key(|(_, (n, _))| *n) }
                .unwrap_or_default();
        if joins {
            text::join(&mut draft.text, &text);
            text::join(&mut draft.constant, &text::constant(heap, further, state));
        }
        draft.inferred |= further.get(state).inferred;
        draft.behind = Some(Behind { count, text });
    }
    draft
}

/// The deepest state of a path that is still one object, and what is taken away to take the path away.
fn holding(heap: &Heap, states: &States<'_, '_, '_>, chain: &[StateId]) -> Option<Holding> {
    // Of steps that repeat, what they begin at is held as a whole: a list of nodes by the name of its first.
    let repeats = chain.iter().position(|id| states.get(*id).repeats != 0);
    let before = repeats.map_or(chain.len(), |at| (at + 1).saturating_sub(usize::from(states.get(chain[at]).repeats)));
    let pairs = chain.windows(2).take(before.saturating_sub(1));
    let last = pairs.rev().find(|pair| states.get(pair[0]).objects == 1);
    if let Some(&[held, next]) = last {
        let (state, step) = (states.get(held), states.get(next).step);
        let end = if step.is_name() && !step.is_unwritten() { next } else { held };
        return Some(Holding { text: text::path(heap, states, end), what: What::Object(state.first, step) });
    }
    match states.get(*chain.first()?).step {
        Step::Root(text, _) => Some(Holding { text: heap.names.get(text).to_owned(), what: What::Root(text) }),
        _ => None,
    }
}

/// Joins paths without, and with one round of, steps that come again and again, with the path on which they do, if that has
/// more objects.
fn join_repeats(states: &States<'_, '_, '_>, tallies: &mut FxHashMap<StateId, Tally>, heap: &Heap) {
    type Written = Vec<(Step, u32, u8)>;
    let written = |end: StateId| -> Written {
        let chain = states.chain(end);
        chain.iter().map(|id| states.get(*id)).map(|state| (state.step, state.of, state.repeats)).collect()
    };
    let mut ends: Vec<StateId> = tallies.keys().copied().collect();
    ends.sort_unstable();
    let repeating = |end: &StateId| states.chain(*end).iter().any(|id| states.get(*id).repeats != 0);
    let with: Vec<StateId> = ends.iter().copied().filter(repeating).collect();
    if with.is_empty() {
        return;
    }
    let by_steps: FxHashMap<Written, StateId> = ends.iter().map(|end| (written(*end), *end)).collect();
    for end in with {
        let steps = written(end);
        let again: Vec<usize> = (0..steps.len()).filter(|at| steps[*at].2 != 0).collect();
        if steps.len() > COMPARED || again.len() > REPEATS {
            continue;
        }
        // Each of them stays, or comes once, or not at all.
        for choice in 1..3usize.pow(again.len() as u32) {
            let mut fewer = steps.clone();
            for (nth, at) in again.iter().enumerate().rev() {
                // It stood within a later one that was taken out.
                if *at >= fewer.len() {
                    continue;
                }
                match choice / 3usize.pow(nth as u32) % 3 {
                    0 => {}
                    1 => fewer[*at].2 = 0,
                    _ => {
                        let from = (at + 1).saturating_sub(usize::from(fewer[*at].2));
                        fewer.drain(from..=*at);
                    }
                }
            }
            let Some(other) = by_steps.get(&fewer).filter(|other| **other != end) else { continue };
            let count = |state: &StateId| tallies.get(state).map(|tally| tally.sum.count);
            if count(&end) >= count(other)
                && let Some(tally) = tallies.remove(other)
                && let Some(known) = tallies.get_mut(&end)
            {
                known.join(tally, heap);
            }
        }
    }
}
