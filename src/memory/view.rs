//! The only place where bytes of the target become integers. Every access is bounds-checked; a view that is too
//! short gives `None`, never a panic.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::addr::Addr;

/// Bytes of the target, borrowed from a copy or owned.
#[derive(Debug, Clone)]
pub struct View<'a> {
    bytes: Cow<'a, [u8]>,
}

impl<'a> View<'a> {
    /// A view over borrowed bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        View { bytes: Cow::Borrowed(bytes) }
    }

    /// A view that owns its bytes.
    #[must_use]
    pub fn owned(bytes: Vec<u8>) -> View<'static> {
        View { bytes: Cow::Owned(bytes) }
    }

    /// The bytes themselves.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The member `field`, or `None` where the view ends before it.
    #[must_use]
    pub fn get<T: Scalar>(&self, field: Field<T>) -> Option<T> {
        self.at(field.at)
    }

    /// A scalar at `offset` bytes, or `None` where the view ends before it.
    #[must_use]
    pub fn at<T: Scalar>(&self, offset: usize) -> Option<T> {
        T::read(self.bytes.get(offset..)?)
    }

    /// The pointer at `offset` bytes.
    #[must_use]
    pub fn pointer(&self, offset: usize) -> Option<Addr> {
        self.at::<u64>(offset).map(Addr)
    }
}

/// An integer that C structs hold, little-endian.
pub trait Scalar: Copy {
    /// Its size in the target, in bytes.
    const SIZE: usize;
    /// The scalar at the start of `bytes`, or `None` where they are too few.
    fn read(bytes: &[u8]) -> Option<Self>;
}

macro_rules! scalar {
    ($($t:ty),*) => {$(
        impl Scalar for $t {
            const SIZE: usize = size_of::<$t>();
            #[inline]
            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.first_chunk().map(|b| <$t>::from_le_bytes(*b))
            }
        }
    )*};
}
scalar!(u8, i8, u16, i16, u32, i32, u64, i64);

impl Scalar for Addr {
    const SIZE: usize = 8;
    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        u64::read(bytes).map(Addr)
    }
}

/// A member of Rust type `T` at a fixed place inside a C struct; `[offset, bytes]` in `python_offsets/`.
pub struct Field<T> {
    /// Offset from the start of the struct, in bytes.
    pub at: usize,
    of: PhantomData<fn() -> T>,
}

impl<T> Field<T> {
    /// The member at this offset.
    #[must_use]
    pub const fn new(at: usize) -> Self {
        Field { at, of: PhantomData }
    }
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Field<T> {}

impl<T> std::fmt::Debug for Field<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "+{}", self.at)
    }
}

impl<'de, T: Scalar> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (at, bytes) = <(usize, usize)>::deserialize(d)?;
        if bytes != T::SIZE {
            return Err(D::Error::custom(format!("a member of {bytes} bytes where {} were expected", T::SIZE)));
        }
        Ok(Field::new(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_view_gives_none() {
        let v = View::new(&[1, 0, 0, 0, 2, 0, 0]);
        assert_eq!(v.at::<u32>(0), Some(1));
        assert_eq!(v.at::<u32>(4), None);
        assert_eq!(v.at::<u64>(usize::MAX), None);
        assert_eq!(v.get(Field::<u16>::new(4)), Some(2));
    }
}
