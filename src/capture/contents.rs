//! A heap → a digest of what each of its numbers, strings and the like holds. What goes into it is not decided here.

use rayon::prelude::*;

use crate::cpython::content::{Digester, Key};
use crate::cpython::layout::Layout;
use crate::cpython::types::Types;
use crate::heap::{Id, Objects};
use crate::memory::Memory;

/// Objects whose contents are read in one go.
const BATCH: usize = 1 << 13;

/// Reads them: one for each object, 0 for none. The objects' types must have the numbers that these have.
pub(super) fn read<M: Memory + ?Sized>(
    mem: &M,
    layout: &Layout,
    types: &Types<'_, M>,
    objects: &Objects,
    key: Key,
) -> Vec<u32> {
    let digester = Digester::new(mem, layout, types, key);
    let mut contents = vec![0; objects.len()];
    contents.par_chunks_mut(BATCH).enumerate().for_each(|(batch, contents)| {
        let first = batch.saturating_mul(BATCH) as u32;
        for (id, content) in (first..).map(Id).zip(contents) {
            if !objects.is_immortal(id) {
                *content = digester.digest(objects.of(id).0, objects.addr(id), objects.bytes(id)).unwrap_or(0);
            }
        }
    });
    contents
}
