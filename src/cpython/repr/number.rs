//! Numbers → text, as Python writes them (`Objects/longobject.c`, `Objects/floatobject.c`, `Objects/complexobject.c`). Ints
//! that are long in writing are told by their length alone.

use super::WIDEST;
use crate::addr::Addr;
use crate::cpython::int;
use crate::cpython::layout::{IntShape, Layout};
use crate::memory::Memory;

/// Digits of an int that may fit an answer.
const FEW: u64 = WIDEST as u64 / 9;
/// Nine decimal digits at a time.
const NINE: u64 = 1_000_000_000;

pub(super) fn bool<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<String> {
    let value = int::small(mem, layout, at)?;
    Some(if value == 0 { "False" } else { "True" }.into())
}

pub(super) fn int27<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<String> {
    int::small(mem, layout, at).map(|value| value.to_string())
}

/// In full, or as `<int of 3,322 bits>`: as many as `int.bit_length()` says.
pub(super) fn int<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr, room: usize) -> Option<String> {
    let head = int::head(mem, layout, at)?;
    let (count, negative) = (head.digits, head.negative);
    let old = layout.shape.int == IntShape::Py27;
    if count <= FEW {
        let text = decimal(head.digits(mem)?, negative);
        let text = if old { format!("{text}L") } else { text };
        if text.len() <= room {
            return Some(text);
        }
    }
    let last = count.checked_sub(1)?;
    let mut top = [0; 4];
    mem.read(head.first.up(last.checked_mul(4)?)?, &mut top).ok()?;
    let top = u64::from(u32::BITS.saturating_sub(u32::from_le_bytes(top).leading_zeros()));
    let bits = last.checked_mul(int::SHIFT)?.checked_add(top)?;
    Some(format!("<{}int of {} bits>", if negative { "negative " } else { "" }, thousands(bits)))
}

/// Digits to the base 2³⁰, the lowest first, in decimal.
fn decimal(mut digits: Vec<u32>, negative: bool) -> String {
    let mut groups: Vec<u64> = Vec::new();
    while digits.iter().any(|digit| *digit != 0) {
        let mut rest = 0u64;
        for digit in digits.iter_mut().rev() {
            let sum = rest << int::SHIFT | u64::from(*digit);
            *digit = u32::try_from(sum / NINE).unwrap_or(u32::MAX);
            rest = sum % NINE;
        }
        groups.push(rest);
        if groups.len() > WIDEST {
            break; // digits of more than 30 bits are damage
        }
    }
    let Some(first) = groups.pop() else { return "0".into() };
    let mut text = format!("{}{first}", if negative { "-" } else { "" });
    groups.iter().rev().for_each(|group| text.push_str(&format!("{group:09}")));
    text
}

pub(super) fn float<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<String> {
    double(mem, layout, at, 0).map(written)
}

pub(super) fn complex<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr) -> Option<String> {
    let (real, imaginary) = (double(mem, layout, at, 0)?, double(mem, layout, at, 8)?);
    let short = |x: f64| {
        let text = written(x);
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    let (a, b) = (short(real), short(imaginary));
    if real.to_bits() == 0 {
        return Some(format!("{b}j"));
    }
    Some(format!("({a}{}{b}j)", if b.starts_with('-') { "" } else { "+" }))
}

/// A double, so many bytes behind the header.
fn double<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr, skip: u64) -> Option<f64> {
    let at = at.up(layout.object.size as u64)?.up(skip)?;
    mem.word(at).ok().map(f64::from_bits)
}

/// The shortest text that reads as this number again.
fn written(x: f64) -> String {
    let text = format!("{x:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(rest) => ('-', rest),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}").replace(".0e", "e")
        }
        None if x.is_nan() => "nan".into(),
        None => text,
    }
}

/// `60,631`.
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (left, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        out.push(digit);
        if left > 0 && left % 3 == 0 {
            out.push(',');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_to_the_base_of_two_to_the_thirtieth_become_decimal() {
        assert_eq!(decimal(vec![], false), "0");
        assert_eq!(decimal(vec![0], true), "0");
        assert_eq!(decimal(vec![7], true), "-7");
        assert_eq!(decimal(vec![0, 1], false), (1u64 << 30).to_string());
        assert_eq!(decimal(vec![5, 0, 0, 1], false), ((1u128 << 90) + 5).to_string());
        assert_eq!(decimal(vec![1_000_000_000, 0], false), "1000000000");
        assert!(decimal(vec![u32::MAX; 8], false).len() < 2000, "damaged digits end");
    }

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (x, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e15, "1000000000000000.0"),
            (f64::INFINITY, "inf"),
            (-f64::INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(written(x), text);
        }
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1000, 60_631, 1_234_567].map(thousands), ["0", "999", "1,000", "60,631", "1,234,567"]);
    }
}
