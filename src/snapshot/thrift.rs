//! A look over a message in Thrift's compact form, as Parquet's footer and page headers are: where it ends, and the
//! numbers and lengths in it, before a library allocates for them. Makes no values of it.
//!
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>

/// Deeper than this no message of Parquet's goes.
const DEPTH: usize = 16;

/// What was met, at a path of field numbers; an item of a list stands under the number of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// An integer.
    Number(i64),
    /// A list or set of so many.
    List(u64),
}

/// Walks over one struct and tells what is met on the way. Gives its length in bytes; `None` where it is none, is cut
/// off, or `on` will have no more of it.
pub(super) fn walk(bytes: &[u8], on: &mut dyn FnMut(&[i16], Met) -> bool) -> Option<usize> {
    let mut walk = Walk { bytes, at: 0, path: Vec::new(), on };
    walk.structure()?;
    Some(walk.at)
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    path: Vec<i16>,
    on: &'a mut dyn FnMut(&[i16], Met) -> bool,
}

impl Walk<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    fn skip(&mut self, n: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(n).ok()?)?;
        self.at = end;
        (end <= self.bytes.len()).then_some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn tell(&mut self, met: Met) -> Option<()> {
        (self.on)(&self.path, met).then_some(())
    }

    fn structure(&mut self) -> Option<()> {
        if self.path.len() >= DEPTH {
            return None;
        }
        let mut field = 0i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            field = match head >> 4 {
                0 => i16::try_from(self.zigzag()?).ok()?,
                step => field.checked_add(i16::from(step))?,
            };
            self.path.push(field);
            // The value of a boolean field is its type.
            match head & 0x0f {
                1 | 2 => {}
                of => self.value(of)?,
            }
            self.path.pop();
        }
    }

    fn value(&mut self, of: u8) -> Option<()> {
        match of {
            1..=3 => self.skip(1),
            4..=6 => {
                let number = self.zigzag()?;
                self.tell(Met::Number(number))
            }
            7 => self.skip(8),
            8 => {
                let len = self.varint()?;
                self.skip(len)
            }
            9 | 10 => self.list(),
            12 => self.structure(),
            // No message of Parquet's has a map.
            _ => None,
        }
    }

    fn list(&mut self) -> Option<()> {
        let head = self.byte()?;
        let len = match head >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        // Each item takes a byte at least.
        if len > self.bytes.len().saturating_sub(self.at) as u64 {
            return None;
        }
        self.tell(Met::List(len))?;
        (0..len).try_for_each(|_| self.item(head & 0x0f))
    }

    fn item(&mut self, of: u8) -> Option<()> {
        // A list in a list nests without a field between: none of Parquet's does.
        if of == 9 || of == 10 { None } else { self.value(of) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_and_lists_are_told_with_their_paths() {
        // 1: i32 = -3, 2: [struct{1: i64 = 150}], 5: binary "ab"
        let bytes = [0x15, 0x05, 0x19, 0x1c, 0x16, 0xac, 0x02, 0x00, 0x38, 0x02, b'a', b'b', 0x00, 0xff];
        let mut met = Vec::new();
        let end = walk(&bytes, &mut |path, what| {
            met.push((path.to_vec(), what));
            true
        });
        assert_eq!(end, Some(13));
        assert_eq!(met, [(vec![1], Met::Number(-3)), (vec![2], Met::List(1)), (vec![2, 1], Met::Number(150))]);
        assert_eq!(walk(&bytes[..8], &mut |_, _| true), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut told = 0usize;
            let end = walk(&bytes, &mut |_, _| { told += 1; true });
            prop_assert!(end.unwrap_or(0) <= bytes.len());
            prop_assert!(told <= bytes.len());
        }

        #[test]
        fn nesting_ends(depth in 0usize..2000) {
            let bytes = vec![0x1c; depth];
            prop_assert_eq!(walk(&bytes, &mut |_, _| true), None);
        }
    }
}
