//! A heap → short texts of what its objects hold, of as many as were asked for. What they look like is not decided here.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Values;
use crate::cpython::layout::Layout;
use crate::cpython::repr::Renderer;
use crate::cpython::types::Types;
use crate::heap::{Heap, Id};
use crate::memory::Memory;

/// Objects whose contents are read in one go.
const BATCH: usize = 1 << 12;

/// Reads them. The heap's types must have the numbers that these have.
pub(super) fn read<M: Memory + ?Sized>(
    values: &Values,
    mem: &M,
    layout: &Layout,
    types: &Types<'_, M>,
    heap: &Heap,
) -> FxHashMap<Id, Box<str>> {
    let ids: Vec<Id> = match values {
        Values::None => return FxHashMap::default(),
        Values::All => heap.objects.ids().collect(),
        Values::Of(addresses) => {
            let asked = addresses.iter().filter_map(|at| heap.objects.find(*at));
            let with = asked.flat_map(|id| heap.edges.of(id).map(|edge| edge.to).chain([id]));
            with.collect::<FxHashSet<Id>>().into_iter().collect()
        }
    };
    let renderer = Renderer::new(mem, types, layout, heap);
    let some =
        |ids: &[Id]| -> Vec<(Id, Box<str>)> { ids.iter().filter_map(|id| Some((*id, renderer.value(*id)?))).collect() };
    ids.par_chunks(BATCH).map(some).collect::<Vec<_>>().into_iter().flatten().collect()
}
