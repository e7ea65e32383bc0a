//! Bytes of an address space. Knows no process and no Python: a live PID and a captured copy look the same from here.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod fault;
pub mod image;
pub mod live;
pub mod paged;
pub mod region;
pub mod view;

pub use fault::{Fault, FaultKind};
pub use image::{Buffer, Image};
pub use live::Live;
pub use paged::Paged;
pub use region::{Region, Regions};
pub use view::{Field, Scalar, View};

use crate::addr::{Addr, AddrRange};

/// An address space that can be read.
///
/// Readers are positional and shared: any thread may read at any time.
pub trait Memory: Sync {
    /// Fills all of `out` with the bytes at `at`, or says which address failed and why.
    ///
    /// # Errors
    /// A [`Fault`] with the first address that could not be read; `out` is then unspecified.
    fn read(&self, at: Addr, out: &mut [u8]) -> Result<(), Fault>;

    /// The bytes at `at`, borrowed where the memory is a copy that holds all of them.
    ///
    /// # Errors
    /// As [`Memory::read`].
    fn view(&self, at: Addr, len: usize) -> Result<View<'_>, Fault> {
        let mut bytes = vec![0; len];
        self.read(at, &mut bytes)?;
        Ok(View::owned(bytes))
    }

    /// One little-endian word.
    ///
    /// # Errors
    /// As [`Memory::read`].
    fn word(&self, at: Addr) -> Result<u64, Fault> {
        let mut bytes = [0; 8];
        self.read(at, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// The longest run of bytes around `at` that can be borrowed, for readers that stay in one place; `None` where
    /// nothing can be borrowed.
    fn window(&self, _at: Addr) -> Option<(AddrRange, &[u8])> {
        None
    }

    /// Does this memory hold `at` as something that may be an object or a buffer of one?
    fn holds(&self, at: Addr) -> bool {
        at.is_user() && at.0 >= 4096
    }
}

impl<M: Memory + ?Sized> Memory for &M {
    fn read(&self, at: Addr, out: &mut [u8]) -> Result<(), Fault> {
        (**self).read(at, out)
    }
    fn view(&self, at: Addr, len: usize) -> Result<View<'_>, Fault> {
        (**self).view(at, len)
    }
    fn word(&self, at: Addr) -> Result<u64, Fault> {
        (**self).word(at)
    }
    fn window(&self, at: Addr) -> Option<(AddrRange, &[u8])> {
        (**self).window(at)
    }
    fn holds(&self, at: Addr) -> bool {
        (**self).holds(at)
    }
}
