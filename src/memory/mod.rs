//! Bytes of an address space. Knows no process and no Python: a live PID and a captured copy look the same from here.

pub mod fault;
pub mod image;
pub mod live;
pub mod region;
pub mod view;

pub use fault::{Fault, FaultKind};
pub use region::{Region, Regions};
pub use view::{Field, Scalar, View};

use crate::addr::Addr;

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
}
