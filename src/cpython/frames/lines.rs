//! A code object's line table and an instruction's place → the line of the source (`Objects/codeobject.c`, all versions).
//! It knows no frames and reads no memory.

use crate::cpython::layout::LinesShape;

/// The line that the instruction at `offset` bytes into the code stands on; `None` where the compiler gave it none.
#[must_use]
pub fn line(shape: LinesShape, table: &[u8], first: i32, offset: i64) -> Option<i64> {
    let first = i64::from(first);
    if offset < 0 {
        return Some(first);
    }
    match shape {
        LinesShape::LnotabUnsigned => Some(lnotab(table, first, offset, i64::from)),
        LinesShape::Lnotab => Some(lnotab(table, first, offset, |step| i64::from(step.cast_signed()))),
        LinesShape::LineTable => runs(table, first, offset),
        LinesShape::LocationTable => locations(table, first, offset),
    }
}

fn lnotab(table: &[u8], first: i64, offset: i64, step: impl Fn(u8) -> i64) -> i64 {
    let mut line = first;
    let mut at = 0i64;
    for pair in table.chunks_exact(2) {
        let [bytes, lines] = pair else { break };
        at = at.saturating_add(i64::from(*bytes));
        if at > offset {
            break;
        }
        line = line.saturating_add(step(*lines));
    }
    line
}

fn runs(table: &[u8], first: i64, offset: i64) -> Option<i64> {
    let mut line = first;
    let mut end = 0i64;
    for pair in table.chunks_exact(2) {
        let [bytes, lines] = pair else { break };
        let lines = lines.cast_signed();
        end = end.saturating_add(i64::from(*bytes));
        if lines != i8::MIN {
            line = line.saturating_add(i64::from(lines));
        }
        if offset < end {
            return (lines != i8::MIN).then_some(line);
        }
    }
    None
}

/// An entry begins with a byte whose top bit is set: 4 bits of kind, 3 bits of instructions less one.
fn locations(table: &[u8], first: i64, offset: i64) -> Option<i64> {
    let mut line = first;
    let mut end = 0i64;
    let mut rest = table;
    while let [head, tail @ ..] = rest {
        let units = i64::from(head & 7).saturating_add(1);
        let kind = head >> 3 & 15;
        let step = match kind {
            13 | 14 => signed(tail),
            10..=12 => i64::from(kind).saturating_sub(10),
            _ => 0,
        };
        line = line.saturating_add(step);
        end = end.saturating_add(units.saturating_mul(2));
        if offset < end {
            return (kind != 15).then_some(line);
        }
        let next = tail.iter().position(|byte| byte & 0x80 != 0).unwrap_or(tail.len());
        rest = tail.get(next..).unwrap_or_default();
    }
    None
}

/// A number in pieces of 6 bits, least first, each but the last marked by bit 6; its lowest bit is the sign.
fn signed(bytes: &[u8]) -> i64 {
    let mut value = 0i64;
    for (i, byte) in (0u32..5).zip(bytes) {
        let piece = i64::from(byte & 63);
        value |= piece.checked_shl(i.saturating_mul(6)).unwrap_or(0);
        if byte & 64 == 0 {
            break;
        }
    }
    let size = value >> 1;
    if value & 1 == 0 { size } else { size.saturating_neg() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [LinesShape; 4] =
        [LinesShape::LnotabUnsigned, LinesShape::Lnotab, LinesShape::LineTable, LinesShape::LocationTable];

    #[test]
    fn steps_in_lines_may_be_negative_from_3_6_on() {
        // 4 bytes on line 10, then 6 bytes further back
        let table = [4, 0xfe, 6, 5];
        let lines = |shape| [0, 3, 4, 9, 10].map(|at| line(shape, &table, 10, at));
        assert_eq!(lines(LinesShape::Lnotab), [10, 10, 8, 8, 13].map(Some));
        assert_eq!(lines(LinesShape::LnotabUnsigned), [10, 10, 264, 264, 269].map(Some));
    }

    #[test]
    fn runs_without_a_line() {
        // def f(): / for … as 3.10 writes it: 8 bytes one line on, 2 bytes of none, 4 bytes two lines on
        let table = [8, 1, 2, 0x80, 4, 2];
        let lines = [0, 6, 8, 10, 12, 14].map(|at| line(LinesShape::LineTable, &table, 1, at));
        assert_eq!(lines, [Some(2), Some(2), None, Some(4), Some(4), None]);
    }

    #[test]
    fn locations_of_every_kind() {
        let table = [
            0x80 | 11 << 3 | 1,
            4,
            9, // 2 instructions, a line on, columns 4–9
            0x80 | 2 << 3,
            0x15,           // 1 instruction, the same line, short
            0x80 | 15 << 3, // 1 without a place
            0x80 | 14 << 3,
            0x40 | 9,
            2,
            0,
            1,
            1, // 1, long form: step 0b10_001001 = -(137 >> 1)
            0x80 | 13 << 3,
            6, // 1 without columns, three lines on
        ];
        let lines = [0, 2, 4, 6, 8, 10, 12].map(|at| line(LinesShape::LocationTable, &table, 100, at));
        assert_eq!(lines, [Some(101), Some(101), Some(101), None, Some(33), Some(36), None]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(table in prop::collection::vec(any::<u8>(), 0..64), first: i32, offset: i64) {
            for shape in ALL {
                let _ = line(shape, &table, first, offset);
            }
        }
    }
}
