//! 2.7's own blocks of ints and floats → the numbers in them (`Objects/intobject.c`, `Objects/floatobject.c`).

use rustc_hash::FxHashSet;

use super::Walker;
use crate::addr::Addr;
use crate::cpython::layout::NumberBlockLayout;
use crate::cpython::types::TypeId;
use crate::heap::{FoundBy, Generation};
use crate::memory::{Memory, View};

impl<M: Memory + ?Sized> Walker<'_, M> {
    /// 2.7 keeps ints and floats in blocks of its own, chained from two statics: found by their shape.
    pub(super) fn numbers(&mut self) {
        let l = self.world.layout;
        let blocks = [&l.int_block, &l.float_block];
        for (of, block) in self.world.number_types.into_iter().zip(blocks) {
            let (Some(of), Some(block)) = (of, block) else { continue };
            let Some(id) = self.types.find(of) else { continue };
            let Some(first) = self.number_blocks(of, block) else { continue };
            let mut at = first;
            let mut seen = FxHashSet::default();
            while !at.is_null() && seen.insert(at.0) {
                let Some(next) = self.number_block(id, of, at, block) else {
                    self.account.skipped = self.account.skipped.saturating_add(1);
                    break;
                };
                at = next;
            }
        }
    }

    fn number_blocks(&self, of: Addr, block: &NumberBlockLayout) -> Option<Addr> {
        let w = self.world;
        w.own_data.iter().find_map(|range| {
            let view = w.mem.view(range.start, usize::try_from(range.len().min(64 << 20)).ok()?).ok()?;
            view.bytes().chunks_exact(8).find_map(|word| {
                let at = View::new(word).pointer(0)?;
                let plausible = at.is_aligned(8) && at.0 > 1 << 16 && w.mem.holds(at) && !w.is_module_data(at);
                (plausible && self.is_number_block(of, at, block)).then_some(at)
            })
        })
    }

    /// Do its slots hold numbers of this type, or links to free slots? A block may have free slots only: then the next
    /// ones tell.
    fn is_number_block(&self, of: Addr, at: Addr, block: &NumberBlockLayout) -> bool {
        let w = self.world;
        let size = w.layout.var_object.size;
        let mut at = at;
        // a sum over 5,000 temporaries leaves more than a hundred empty ones behind
        for _ in 0..1 << 16 {
            let Ok(view) = w.mem.view(at, block.size) else { return false };
            let mut live = 0u32;
            for slot in view.bytes().get(block.objects.at..).unwrap_or_default().chunks_exact(size) {
                let Some(kind) = View::new(slot).get(w.layout.object.ob_type) else { return false };
                if kind == of {
                    live = live.saturating_add(1);
                } else if !kind.is_null() && (!w.mem.holds(kind) || w.is_module_data(kind)) {
                    return false;
                }
            }
            let next = view.get(block.next).unwrap_or_default();
            if !next.is_null() && !w.mem.holds(next) {
                return false;
            }
            if live > 0 || next.is_null() {
                return live > 0;
            }
            at = next;
        }
        false
    }

    fn number_block(&mut self, id: TypeId, of: Addr, at: Addr, block: &NumberBlockLayout) -> Option<Addr> {
        let l = self.world.layout;
        let view = self.world.mem.view(at, block.size).ok()?;
        let first = at.up(block.objects.at as u64)?;
        let size = l.var_object.size;
        for (i, slot) in (0u64..).zip(view.bytes().get(block.objects.at..)?.chunks_exact(size)) {
            let slot = View::new(slot);
            let refcount = slot.at::<u64>(l.object.ob_refcnt.at)?;
            // A free slot holds a link in place of its type.
            if slot.get(l.object.ob_type)? == of && refcount > 0 {
                self.object(id, first.up(i.checked_mul(size as u64)?)?, &slot, Generation::None, FoundBy::Block);
            }
        }
        view.get(block.next)
    }
}
