//! Modules' globals → which of them are at home there, and which are merely imported: `from adv import *` puts every name of
//! `adv` into another module too, and a path should begin where the object is at home. Searches nothing.

use rustc_hash::{FxHashMap, FxHashSet};

use super::builtin;
use super::cost::{FIELD, NOISE};
use crate::heap::{Heap, Id, Label, RootKind, TextId};

/// What is known of the modules in `sys.modules`.
#[derive(Debug, Default)]
pub(super) struct Home {
    /// Dicts of modules.
    dicts: FxHashSet<u32>,
    /// Modules.
    modules: FxHashSet<u32>,
    /// Names in them (the dict, the place in its row) of what is at home elsewhere.
    foreign: FxHashSet<(u32, u32)>,
}

struct Module {
    object: Id,
    dict: Id,
    is_library: bool,
    /// The modules from which it took something.
    lenders: FxHashSet<usize>,
}

/// The modules by name, and by what they are.
struct Modules<'a> {
    heap: &'a Heap,
    all: Vec<Module>,
    by_name: FxHashMap<&'a str, usize>,
    by_object: FxHashMap<Id, usize>,
}

/// The dict of a module: that of its attributes, or itself where the root is the dict.
fn dict_of(heap: &Heap, object: Id) -> Option<Id> {
    let dict = heap.edges.of(object).find(|edge| heap.names.label_of(edge.label) == Label::AttributeDict);
    dict.map(|edge| edge.to).or_else(|| (builtin(heap.type_name(object)) == Some("dict")).then_some(object))
}

impl<'a> Modules<'a> {
    fn of(heap: &'a Heap) -> Modules<'a> {
        let mut modules =
            Modules { heap, all: Vec::new(), by_name: FxHashMap::default(), by_object: FxHashMap::default() };
        let mut roots: Vec<_> =
            heap.roots.iter().filter(|r| matches!(r.kind, RootKind::UserModule | RootKind::LibraryModule)).collect();
        // One module under two keys goes by the key that is its name.
        roots.sort_by_key(|root| is_alias(heap, root.object, root.text));
        for root in roots {
            let Some(dict) = dict_of(heap, root.object) else { continue };
            let name = heap.names.get(root.text);
            let at = modules.all.len();
            modules.by_name.entry(name).or_insert(*modules.by_object.get(&root.object).unwrap_or(&at));
            if modules.by_object.contains_key(&root.object) {
                continue;
            }
            modules.by_object.insert(root.object, at);
            let is_library = root.kind == RootKind::LibraryModule;
            modules.all.push(Module { object: root.object, dict, is_library, lenders: FxHashSet::default() });
        }
        modules
    }

    /// The module in which something of this qualified name was made, if it is loaded: the longest part that names one.
    fn made_in(&self, called: &str) -> Option<usize> {
        called
            .rmatch_indices('.')
            .find_map(|(dot, _)| called.get(..dot).and_then(|name| self.by_name.get(name)).copied())
    }

    /// The name of a class or function; `None` for anything else, also where it is called something.
    fn class_or_function(&self, id: Id) -> Option<&'a str> {
        let called = self.heap.called(id)?;
        let is_frame = called.contains("() ");
        (!is_frame && !self.by_object.contains_key(&id)).then_some(called)
    }

    /// The names in a module's dict: place in the row, name, value.
    fn globals(&self, of: usize) -> impl Iterator<Item = (u32, TextId, Id)> + '_ {
        let dict = self.all.get(of).map(|module| module.dict);
        let row = dict.into_iter().flat_map(|dict| (0..).zip(self.heap.edges.of(dict)));
        row.filter_map(|(place, edge)| match self.heap.names.label_of(edge.label) {
            Label::Key(name) => Some((place, name, edge.to)),
            _ => None,
        })
    }
}

/// Does a root bear another name than its module?
pub(super) fn is_alias(heap: &Heap, object: Id, text: TextId) -> bool {
    heap.called.get(&object).is_some_and(|called| *called != text)
}

impl Home {
    /// Looks at the globals of all modules.
    pub(super) fn of(heap: &Heap) -> Home {
        let mut modules = Modules::of(heap);
        let mut home = Home {
            dicts: modules.all.iter().map(|module| module.dict.0).collect(),
            modules: modules.all.iter().map(|module| module.object.0).collect(),
            foreign: FxHashSet::default(),
        };
        let mut makers: Vec<(usize, u32, Id, usize)> = Vec::new();
        let mut holds: FxHashSet<(usize, Id)> = FxHashSet::default();
        let mut shared: FxHashMap<(TextId, Id), Vec<(usize, u32)>> = FxHashMap::default();
        for (at, module) in modules.all.iter().enumerate() {
            for (place, name, value) in modules.globals(at) {
                if heap.names.get(name).starts_with("__") {
                    continue;
                }
                if let Some(lender) = modules.by_object.get(&value) {
                    makers.push((at, place, value, *lender));
                } else if let Some(called) = modules.class_or_function(value) {
                    holds.insert((at, value));
                    let maker = modules.made_in(called).filter(|maker| *maker != at);
                    makers.extend(maker.map(|maker| (at, place, value, maker)));
                } else {
                    shared.entry((name, value)).or_default().push((at, place));
                    // A library's value of another module's type was most likely imported with it.
                    let of = heap.type_name(value);
                    let is_own = |maker: usize| maker == at || builtin(of).is_some();
                    if module.is_library && modules.made_in(of).is_some_and(|maker| !is_own(maker)) {
                        home.foreign.insert((module.dict.0, place));
                    }
                }
            }
        }
        for (at, place, value, maker) in makers {
            let Some(module) = modules.all.get_mut(at) else { continue };
            module.lenders.insert(maker);
            // What its own module does not hold (any more) is at home where it is found: modules run by exec.
            if holds.contains(&(maker, value)) {
                home.foreign.insert((module.dict.0, place));
            }
        }
        home.borrowed(&modules, shared);
        home
    }

    /// What several modules hold under one name is at home in the one that lends.
    fn borrowed(&mut self, modules: &Modules<'_>, shared: FxHashMap<(TextId, Id), Vec<(usize, u32)>>) {
        for holders in shared.into_values().filter(|holders| holders.len() > 1) {
            let among: FxHashSet<usize> = holders.iter().map(|(at, _)| *at).collect();
            for (at, place) in holders {
                let Some(module) = modules.all.get(at) else { continue };
                let lends_back = |lender: usize| modules.all.get(lender).is_some_and(|l| l.lenders.contains(&at));
                if module.lenders.iter().any(|l| *l != at && among.contains(l) && !lends_back(*l)) {
                    self.foreign.insert((module.dict.0, place));
                }
            }
        }
    }

    /// What a step out of such a dict costs: at this place of its row, to this object, `cost` by its label alone.
    pub(super) fn cost(&self, dict: u32, place: u32, to: u32, cost: u8) -> u8 {
        if self.modules.contains(&to) {
            cost.max(NOISE)
        } else if self.foreign.contains(&(dict, place)) {
            cost.max(FIELD)
        } else {
            cost
        }
    }

    /// All dicts of modules.
    pub(super) fn dicts(&self) -> impl Iterator<Item = u32> + '_ {
        self.dicts.iter().copied()
    }
}
