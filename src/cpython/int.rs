//! An int's object → its digits, its sign, its value (`PyLongObject` of `Include/cpython/longintrepr.h`, 3.12, and of
//! `Include/longintrepr.h` before). Checks no type: the caller knows that it is one.

use crate::addr::Addr;
use crate::cpython::layout::{IntShape, Layout};
use crate::memory::{Memory, View};

/// Bits of a digit (`PyLong_SHIFT`) on 64-bit machines.
pub const SHIFT: u64 = 30;
/// So many digits hold every 64-bit number.
const FEW: u64 = 3;

/// An int without its digits.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// How many digits it has; 0 for zero.
    pub digits: u64,
    /// Is it below zero?
    pub negative: bool,
    /// Where its digits begin, the lowest first.
    pub first: Addr,
}

/// The head of an int, on 2.7 of a `long`.
pub fn head<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<Head> {
    let l = &layout.long;
    let view = mem.view(at, l.ob_digit.at).ok()?;
    let (digits, negative) = match l.lv_tag {
        Some(tag) => {
            let tag = view.get(tag)?;
            (tag >> 3, tag & 3 == 2)
        }
        None => {
            let size = view.get(layout.var_object.ob_size)?;
            (size.unsigned_abs(), size < 0)
        }
    };
    Some(Head { digits, negative, first: at.up(l.ob_digit.at as u64)? })
}

impl Head {
    /// Its digits, the lowest first.
    pub fn digits<M: Memory + ?Sized>(&self, mem: &M) -> Option<Vec<u32>> {
        let view = mem.view(self.first, usize::try_from(self.digits.checked_mul(4)?).ok()?).ok()?;
        Some(view.bytes().chunks_exact(4).filter_map(|digit| View::new(digit).at::<u32>(0)).collect())
    }
}

/// The value of an int of up to three digits, on 2.7 of such a `long`.
pub fn value<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<i128> {
    let head = head(mem, layout, at).filter(|head| head.digits <= FEW)?;
    let digits = head.digits(mem)?;
    let value = digits
        .iter()
        .rev()
        .try_fold(0i128, |value, digit| value.checked_mul(1 << SHIFT)?.checked_add(i128::from(*digit)))?;
    if head.negative { value.checked_neg() } else { Some(value) }
}

/// The value of an int that fits 64 bits, on 2.7 of an `int`, which is a C `long`.
pub fn small<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<i64> {
    if layout.shape.int == IntShape::Py27 {
        return mem.view(at.up(layout.object.size as u64)?, 8).ok()?.at::<i64>(0);
    }
    i64::try_from(value(mem, layout, at)?).ok()
}
