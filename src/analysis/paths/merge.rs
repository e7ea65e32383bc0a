//! Ways to objects → states: what all objects on ways that read alike have in common. A state is a node of a trie whose edges
//! are merged steps, so a million ways cost a look each and no text. Repeated steps lead back to where they began.
//!
//! It writes no text: that is `text.rs`.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use super::builtin;
use super::cost::FIELD_OF_PROXY;
use super::search::{NATIVE, Origin, Search};
use crate::heap::{Heap, Id, Label, RootKind, TextId};

/// String keys under one state that are told apart; past these they are all `[*]`.
const KEYS: u8 = 8;
/// Steps, as they are written, that may repeat.
const PERIOD: usize = 4;
/// The same in references: an attribute is two, through the dict.
const LONGEST_PERIOD: usize = 10;
/// States past which ways are merged by the types they come through again.
const MANY: usize = 20_000;
/// Attributes under one state that are told apart, once there are so many states.
const NAMES: u16 = 64;
/// No more states than these.
const MOST: usize = 1 << 22;
/// Rounds in which keys are found that must be merged; each finds some, one dict within another.
const ROUNDS: usize = 12;

/// Number of a state.
pub(super) type StateId = u32;
/// No state.
pub(super) const NONE: StateId = u32::MAX;

/// A step with what tells it from others that read alike taken out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// A root, by its text; is it a module's dict?
    Root(TextId, bool),
    /// What native code holds.
    Native,
    /// A target behind which others lie.
    Entry,
    /// To the dict of attributes; written with the key after it.
    Dict,
    /// The same of a thread-local, with the thread's name.
    Thread(TextId),
    /// Not written, but where the way ends with it.
    Quiet(TextId),
    /// Not written.
    Silent,
    /// Index, number, or any key.
    Any,
    /// String key.
    Key(TextId),
    /// Other key, by its type.
    Typed(TextId),
    /// Attribute, global, member.
    Name(TextId),
    /// Any attribute.
    AnyName,
    /// A dict's key itself.
    Keys,
    /// Member of a set.
    Member,
    /// Class.
    Class,
    /// Variable, with what its frame is called.
    Local(Option<TextId>, TextId),
    /// Temporary, with what its frame is called.
    Stack(Option<TextId>),
    /// Free variable, with what the function is called where that is not clear.
    Closure(Option<TextId>, TextId),
    /// Default, likewise.
    Default(Option<TextId>, TextId),
    /// What a method is bound to.
    SelfOf(TextId),
    /// Argument of a partial.
    Argument(u32),
    /// Cache of a function, with what it is called where that is not clear.
    Cache(Option<TextId>),
    /// From a future to the task that waits for it.
    Task,
    /// Word of an unknown body.
    Word(u32),
    /// All that there is no room to tell apart.
    Rest,
}

impl Step {
    /// Is a reference of this label one of those that the step stands for?
    pub(super) fn covers(self, label: Label) -> bool {
        match (self, label) {
            (Step::Any, Label::Item(_) | Label::NumberKey(_) | Label::Key(_))
            | (Step::AnyName, Label::Key(_) | Label::Attribute(_) | Label::Field(_))
            | (Step::Dict, Label::AttributeDict)
            | (Step::Keys, Label::DictKey)
            | (Step::Member, Label::Member)
            | (Step::Class, Label::Class)
            | (Step::Stack(_), Label::Stack)
            | (Step::Cache(_), Label::Cache)
            | (Step::Silent, Label::Through(_))
            | (Step::Task, Label::Field(_) | Label::SelfOf(_) | Label::Attribute(_))
            | (Step::Rest, _) => true,
            (Step::Name(a), Label::Key(b) | Label::Attribute(b) | Label::Field(b))
            | (Step::Key(a), Label::Key(b))
            | (Step::Typed(a), Label::TypedKey(b))
            | (Step::Quiet(a), Label::Field(b) | Label::Attribute(b) | Label::Through(b))
            | (Step::Local(_, a), Label::Local(b))
            | (Step::Closure(_, a), Label::Closure(b))
            | (Step::Default(_, a), Label::Default(b))
            | (Step::SelfOf(a), Label::SelfOf(b))
            | (Step::Thread(a), Label::ThreadDict(b)) => a == b,
            (Step::Argument(a), Label::Argument(b)) | (Step::Word(a), Label::Word(b)) => a == b,
            _ => false,
        }
    }

    /// Is nothing written for it?
    pub(super) fn is_unwritten(self) -> bool {
        matches!(self, Step::Dict | Step::Quiet(_) | Step::Silent | Step::Entry)
    }

    /// Does it name one thing, as a variable does, and not one of many?
    pub(super) fn is_name(self) -> bool {
        !matches!(
            self,
            Step::Any | Step::AnyName | Step::Typed(_) | Step::Keys | Step::Member | Step::Stack(_) | Step::Rest
        )
    }

    /// Does what it leads to bear no name in code?
    fn is_index(self) -> bool {
        matches!(
            self,
            Step::Any | Step::Key(_) | Step::Typed(_) | Step::Keys | Step::Member | Step::Stack(_) | Step::Word(_)
        )
    }
}

/// What is known of ways that read alike up to some object.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// The state before; itself for a beginning.
    pub(super) parent: StateId,
    /// The last step.
    pub(super) step: Step,
    /// The type of the object that it leaves, the first of that name.
    pub(super) of: u32,
    /// How many of the last steps come again and again; 0 for none.
    pub(super) repeats: u8,
    /// Was a step of it found by scanning memory?
    pub(super) inferred: bool,
    /// Does it end in an index, and not in a name?
    indexed: bool,
    /// The same for the same steps in every round.
    hash: u64,
    keys: u8,
    names: u16,
    /// How many objects there are in it.
    pub(super) objects: u32,
    /// The first of them.
    pub(super) first: u32,
}

/// Kinds of types that a way is written differently for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Other,
    Dict,
    Sequence,
    Future,
    Task,
}

/// The types of a heap, as merging sees them.
pub(super) struct Kinds {
    /// The first type of the same name, and its kind.
    of: Vec<(u32, Kind)>,
}

impl Kinds {
    pub(super) fn of(heap: &Heap) -> Kinds {
        let mut first: FxHashMap<&str, u32> = FxHashMap::default();
        let of = heap.types.iter().zip(0u32..).map(|(of, at)| {
            let kind = match builtin(&of.name) {
                Some("dict") => Kind::Dict,
                Some("list" | "tuple") => Kind::Sequence,
                _ if of.name.ends_with(".Task") => Kind::Task,
                _ if of.name.ends_with(".Future") => Kind::Future,
                _ => Kind::Other,
            };
            (*first.entry(&of.name).or_insert(at), kind)
        });
        Kinds { of: of.collect() }
    }

    fn get(&self, heap: &Heap, id: u32) -> (u32, Kind) {
        self.of.get(heap.objects.of(Id(id)).at()).copied().unwrap_or((u32::MAX, Kind::Other))
    }
}

/// What was found in one round and holds in the next.
#[derive(Debug, Default)]
struct Wild {
    /// States whose string keys are all one.
    keys: FxHashSet<u64>,
    /// States whose attributes are all one.
    names: FxHashSet<u64>,
    /// Are there so many states that ways are merged by types?
    fold: bool,
    /// Is a further round needed?
    again: bool,
}

/// The states of some objects' ways.
pub(super) struct States<'s, 't, 'a> {
    search: &'s Search<'t, 'a>,
    kinds: &'s Kinds,
    pub(super) all: Vec<State>,
    next: FxHashMap<(StateId, Step, u32, bool, u8), StateId>,
    /// By object.
    pub(super) of: Vec<StateId>,
    /// By object: the target at which its way begins, where ways begin at targets.
    pub(super) entry: Vec<u32>,
    wild: Wild,
}

impl<'s, 't, 'a> States<'s, 't, 'a> {
    /// Of the ways from roots to these objects.
    pub(super) fn from_roots(search: &'s Search<'t, 'a>, kinds: &'s Kinds, ends: &[u32]) -> Self {
        Self::settled(search, kinds, ends, &[])
    }

    /// Of the ways from `entries` to the objects behind them.
    pub(super) fn behind(search: &'s Search<'t, 'a>, kinds: &'s Kinds, entries: &[u32], ends: &[u32]) -> Self {
        Self::settled(search, kinds, ends, entries)
    }

    fn settled(search: &'s Search<'t, 'a>, kinds: &'s Kinds, ends: &[u32], entries: &[u32]) -> Self {
        let objects = search.terrain.heap.objects.len();
        let mut states = States {
            search,
            kinds,
            all: Vec::new(),
            next: FxHashMap::default(),
            of: Vec::new(),
            entry: Vec::new(),
            wild: Wild::default(),
        };
        for round in 1..=ROUNDS {
            let folded = states.wild.fold;
            states.all.clear();
            states.next.clear();
            states.of.clear();
            states.of.resize(objects, NONE);
            states.wild.again = false;
            if !entries.is_empty() {
                states.entry.clear();
                states.entry.resize(objects, NONE);
                let start = states.begin(Step::Entry, u32::MAX);
                for entry in entries {
                    states.arrive(*entry, start, *entry);
                }
            }
            let mut climbed = Vec::new();
            for end in ends {
                states.climb(*end, &mut climbed);
                // What is found from here on would be merged in another way.
                if states.wild.fold != folded && round < ROUNDS {
                    break;
                }
            }
            if !states.wild.again {
                break;
            }
        }
        states
    }

    /// Gives a state to an object and to all before it on its way.
    fn climb(&mut self, end: u32, climbed: &mut Vec<u32>) {
        let mut at = end;
        climbed.clear();
        while self.of.get(at as usize) == Some(&NONE) {
            climbed.push(at);
            match self.search.origin(at) {
                Origin::Root(_) => break,
                Origin::Object(parent, _) => at = parent,
            }
        }
        while let Some(at) = climbed.pop() {
            match self.search.origin(at) {
                Origin::Root(root) => {
                    let state = self.root(root, at);
                    self.arrive(at, state, at);
                }
                Origin::Object(parent, label) => {
                    let from = self.of.get(parent as usize).copied().unwrap_or(NONE);
                    if from == NONE {
                        continue;
                    }
                    let entry = self.entry.get(parent as usize).copied().unwrap_or(NONE);
                    let heap = self.search.terrain.heap;
                    let step = self.merged(from, parent, at, heap.names.label_of(label));
                    let (of, _) = self.kinds.get(heap, parent);
                    let state = self.go(from, step, of, label.is_inferred());
                    self.arrive(at, state, entry);
                }
            }
        }
    }

    fn arrive(&mut self, id: u32, state: StateId, entry: u32) {
        if let Some(of) = self.of.get_mut(id as usize) {
            *of = state;
        }
        if let Some(of) = self.entry.get_mut(id as usize) {
            *of = entry;
        }
        if let Some(state) = self.all.get_mut(state as usize) {
            if state.objects == 0 {
                state.first = id;
            }
            state.objects = state.objects.saturating_add(1);
        }
    }

    fn root(&mut self, root: u32, object: u32) -> StateId {
        let heap = self.search.terrain.heap;
        let (of, kind) = self.kinds.get(heap, object);
        match heap.roots.get(root as usize) {
            Some(root) if root.object.0 == object => {
                let is_module = matches!(root.kind, RootKind::UserModule | RootKind::LibraryModule);
                self.begin(Step::Root(root.text, is_module && kind == Kind::Dict), u32::MAX)
            }
            _ => {
                debug_assert!(root == NATIVE, "a way begins at a root or in native code");
                self.begin(Step::Native, of)
            }
        }
    }

    fn begin(&mut self, step: Step, of: u32) -> StateId {
        let key = (NONE, step, of, false, 0);
        if let Some(known) = self.next.get(&key) {
            return *known;
        }
        let names = &self.search.terrain.heap.names;
        let indexed = matches!(step, Step::Root(text, _) if names.get(text).ends_with(']'));
        let id = self.add(State {
            parent: self.all.len() as StateId,
            step,
            of,
            repeats: 0,
            inferred: false,
            indexed,
            hash: hash(&(step, of)),
            keys: 0,
            names: 0,
            objects: 0,
            first: 0,
        });
        self.next.insert(key, id);
        id
    }

    fn add(&mut self, state: State) -> StateId {
        let id = self.all.len() as StateId;
        self.all.push(state);
        if self.all.len() > MANY && !self.wild.fold {
            self.wild.fold = true;
            self.wild.again = true;
        }
        id
    }

    /// A state by its number.
    pub(super) fn get(&self, id: StateId) -> &State {
        // States are only ever numbered by `add`.
        &self.all[id as usize]
    }

    /// The state before; `None` for a beginning.
    pub(super) fn before(&self, id: StateId) -> Option<StateId> {
        let parent = self.get(id).parent;
        (parent != id).then_some(parent)
    }

    /// A label with what tells it from others that read alike taken out of it.
    fn merged(&self, state: StateId, from: u32, to: u32, label: Label) -> Step {
        let heap = self.search.terrain.heap;
        let last = self.get(state).step;
        let (_, kind) = self.kinds.get(heap, from);
        let name = |text: TextId| heap.names.get(text);
        let called = || heap.called.get(&Id(from)).copied();
        let function = || called().filter(|_| self.get(state).indexed);
        let waits = |step: Step| matches!(step, Step::Quiet(text) if is_callback(name(text)));
        match label {
            Label::Item(_) if waits(last) && kind == Kind::Sequence => last,
            Label::Field(_) | Label::Attribute(_) | Label::SelfOf(_)
                if waits(last) && self.kinds.get(heap, to).1 == Kind::Task =>
            {
                Step::Task
            }
            Label::Item(_) | Label::NumberKey(_) => Step::Any,
            Label::Field(text) | Label::Attribute(text)
                if matches!(kind, Kind::Future | Kind::Task) && is_callback(name(text)) =>
            {
                Step::Quiet(text)
            }
            Label::Field(text) | Label::Attribute(text)
                if kind == Kind::Task && matches!(name(text), "task_coro" | "_coro") =>
            {
                Step::Quiet(text)
            }
            Label::Field(text) if is_folded(name(text)) => Step::Quiet(text),
            Label::Attribute(text) | Label::Field(text) => Step::Name(text),
            Label::AttributeDict => Step::Dict,
            Label::Key(text) if matches!(last, Step::Dict | Step::Thread(_) | Step::Root(_, true)) => Step::Name(text),
            Label::Key(text) => Step::Key(text),
            Label::TypedKey(text) => Step::Typed(text),
            Label::DictKey => Step::Keys,
            Label::Member => Step::Member,
            Label::Class => Step::Class,
            Label::Through(_) => Step::Silent,
            Label::Local(text) => Step::Local(called(), text),
            Label::Stack => Step::Stack(called()),
            Label::Closure(text) => Step::Closure(function(), text),
            Label::Default(text) => Step::Default(function(), text),
            Label::SelfOf(text) => Step::SelfOf(text),
            Label::Argument(at) => Step::Argument(at),
            Label::Cache => Step::Cache(function()),
            Label::ThreadDict(text) => Step::Thread(text),
            Label::Word(at) => Step::Word(at),
            Label::Unknown => Step::Rest,
        }
    }

    /// The state one step on.
    fn go(&mut self, from: StateId, step: Step, of: u32, inferred: bool) -> StateId {
        let state = *self.get(from);
        // Steps that are not written come once.
        if step == state.step && matches!(step, Step::Quiet(_) | Step::Silent) {
            return from;
        }
        let inferred = inferred || state.inferred;
        let mut step = self.widened(&state, step);
        let mut key = (from, step, of, inferred, 0);
        if let Some(known) = self.next.get(&key) {
            return *known;
        }
        if let Some(wide) = self.counted(from, step) {
            step = wide;
            key = (from, step, of, inferred, 0);
            if let Some(known) = self.next.get(&key) {
                return *known;
            }
        }
        let indexed = if step.is_unwritten() { state.indexed } else { step.is_index() };
        let new = State {
            parent: from,
            step,
            of,
            repeats: 0,
            inferred,
            indexed,
            hash: hash(&(state.hash, step, of, inferred)),
            keys: 0,
            names: 0,
            objects: 0,
            first: 0,
        };
        let to = if self.all.len() >= MOST {
            from
        } else if let Some(again) = self.by_type(from, of).filter(|again| *again != from) {
            self.go(again, step, of, inferred)
        } else if let Some((again, period)) = self.repetition(&new) {
            self.repeated(again, period)
        } else {
            self.add(new)
        };
        self.next.insert(key, to);
        to
    }

    /// The step as the rounds before found that it must be.
    fn widened(&self, state: &State, step: Step) -> Step {
        match step {
            Step::Key(_) if self.wild.keys.contains(&state.hash) => Step::Any,
            Step::Name(_) if self.wild.fold && self.wild.names.contains(&state.hash) => Step::AnyName,
            _ => step,
        }
    }

    /// Counts a new key or attribute under a state; gives what it is instead where there are too many.
    fn counted(&mut self, from: StateId, step: Step) -> Option<Step> {
        let fold = self.wild.fold;
        let state = self.all.get_mut(from as usize)?;
        match step {
            Step::Key(_) if state.keys >= KEYS => {
                self.wild.keys.insert(state.hash);
                self.wild.again = true;
                Some(Step::Any)
            }
            Step::Key(_) => {
                state.keys += 1;
                None
            }
            Step::Name(_) if fold && state.names >= NAMES => {
                self.wild.names.insert(state.hash);
                self.wild.again = true;
                Some(Step::AnyName)
            }
            Step::Name(_) => {
                state.names = state.names.saturating_add(1);
                None
            }
            _ => None,
        }
    }

    /// Do the last steps, the new one among them, repeat those before? Gives the state after their first time, and how many
    /// they are.
    fn repetition(&self, new: &State) -> Option<(StateId, u8)> {
        if new.step.is_unwritten() {
            return None;
        }
        let mut chain: Vec<(StateId, Step, u32)> = vec![(NONE, new.step, new.of)];
        let mut at = new.parent;
        while chain.len() < 2 * LONGEST_PERIOD {
            let state = self.get(at);
            chain.push((at, state.step, state.of));
            match self.before(at) {
                Some(before) => at = before,
                None => break,
            }
        }
        let alike = |a: &(StateId, Step, u32), b: &(StateId, Step, u32)| a.1 == b.1 && a.2 == b.2;
        (1..=chain.len() / 2).find_map(|period| {
            let (last, before) = (chain.get(..period)?, chain.get(period..2 * period)?);
            let written = last.iter().filter(|(_, step, _)| !step.is_unwritten()).count();
            let fits = written <= PERIOD && last.iter().zip(before).all(|(a, b)| alike(a, b));
            fits.then_some((before.first()?.0, period as u8))
        })
    }

    /// A state whose last steps come again and again.
    fn repeated(&mut self, once: StateId, period: u8) -> StateId {
        let state = *self.get(once);
        if state.repeats != 0 {
            return once;
        }
        let key = (state.parent, state.step, state.of, state.inferred, period);
        if let Some(known) = self.next.get(&key) {
            return *known;
        }
        let hash = hash(&(state.hash, period));
        let id = self.add(State { repeats: period, hash, keys: 0, names: 0, objects: 0, first: 0, ..state });
        self.next.insert(key, id);
        id
    }

    /// Where there are too many states: the state in which a type was met for the second time, where this is the third.
    fn by_type(&mut self, from: StateId, of: u32) -> Option<StateId> {
        let is_own = |state: &State| matches!(state.step, Step::Dict | Step::Thread(_));
        if !self.wild.fold || is_own(self.get(from)) {
            return None;
        }
        let mut met = None;
        let mut at = from;
        while let Some(before) = self.before(at) {
            if self.get(at).of == of && !is_own(self.get(before)) {
                match met {
                    None => met = Some(before),
                    // `at` is where the first was left; what was met second is where the last of that type was left.
                    Some(second) => return Some(self.repeated(second, 1)),
                }
            }
            at = before;
        }
        None
    }

    /// The states from a beginning to this one.
    pub(super) fn chain(&self, to: StateId) -> Vec<StateId> {
        let mut chain = vec![to];
        let mut at = to;
        while let Some(before) = self.before(at) {
            chain.push(before);
            at = before;
        }
        chain.reverse();
        chain
    }
}

/// Fields that lead on in the same matter: through a traceback to its frame, through a generator to its frame.
fn is_folded(field: &str) -> bool {
    matches!(field, "tb_next" | "tb_frame" | "f_back" | "gi_frame" | "cr_frame" | "ag_frame") || field == FIELD_OF_PROXY
}

/// Fields of a future in which its callbacks are kept.
fn is_callback(field: &str) -> bool {
    matches!(field, "fut_callback0" | "fut_callbacks" | "_callbacks")
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    of.hash(&mut hasher);
    hasher.finish()
}
