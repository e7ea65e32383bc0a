//! What if a holder were taken away: a search without it tells what would be freed, and what still holds the rest. Taking the
//! first away often frees nothing, since another list, index or cache holds the same objects.

use rustc_hash::FxHashMap;

use super::merge::Kinds;
use super::search::{Blocks, Terrain};
use super::ways::{self, Draft, Met, What};
use super::{Removal, Sum};
use crate::heap::Id;

/// A holder with all that it holds.
pub(super) struct Most {
    pub(super) text: String,
    pub(super) sum: Sum,
    /// The first of its paths, by text: what two holders that read alike do not share.
    path: String,
    what: What,
    objects: Vec<u32>,
}

/// The holder of most objects.
pub(super) fn most(drafts: &[Draft]) -> Option<Most> {
    let mut by_what: FxHashMap<What, Most> = FxHashMap::default();
    for draft in drafts.iter().filter(|draft| draft.native.is_none()) {
        let Some(holding) = &draft.holding else { continue };
        let most = by_what.entry(holding.what).or_insert_with(|| Most {
            text: holding.text.clone(),
            sum: Sum::default(),
            path: draft.text.clone(),
            what: holding.what,
            objects: Vec::new(),
        });
        if draft.text < most.path {
            most.path.clone_from(&draft.text);
            most.text.clone_from(&holding.text);
        }
        most.sum.join(draft.sum);
        most.objects.extend(&draft.objects);
    }
    let better = |a: &Most, b: &Most| a.sum.count.cmp(&b.sum.count).then_with(|| b.path.cmp(&a.path));
    by_what.into_values().max_by(better)
}

/// Takes `first` away and asks what still holds its objects; then that too, up to `top` of them.
pub(super) fn removals(terrain: &Terrain<'_>, kinds: &Kinds, targets: &[Id], first: Most, top: usize) -> Vec<Removal> {
    let mut concerned = vec![false; terrain.heap.objects.len()];
    let all = first.objects.clone();
    for id in &all {
        if let Some(concerned) = concerned.get_mut(*id as usize) {
            *concerned = true;
        }
    }
    let mut blocks = Blocks::default();
    let mut removals = Vec::new();
    let mut next = Some(first);
    while let Some(holder) = next.take().filter(|_| removals.len() < top) {
        match holder.what {
            What::Object(id, step) => blocks.step(id, step),
            What::Root(text) => blocks.root(text.0),
        }
        let met = Met::look(terrain, targets, &blocks);
        let drafts = ways::drafts(&met, kinds, &|id| concerned.get(id as usize) == Some(&true));
        let mut held = Sum::default();
        drafts.iter().for_each(|draft| held.join(draft.sum));
        let bytes = |id: &u32| terrain.heap.objects.bytes(Id(*id));
        let mut freed = Sum::default();
        let lost = all.iter().filter(|id| met.search.cost(**id) == super::search::UNREACHED);
        lost.for_each(|id| freed.add(bytes(id)));
        let biggest = |a: &&Draft, b: &&Draft| a.sum.count.cmp(&b.sum.count).then_with(|| b.text.cmp(&a.text));
        let by = drafts.iter().max_by(biggest).map(|draft| draft.text.clone());
        removals.push(Removal { without: holder.text, freed, held, by });
        next = most(&drafts);
    }
    removals
}
