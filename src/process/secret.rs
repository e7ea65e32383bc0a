//! What only a process itself and who may read its memory know: the random bytes that the kernel gave it when it began to run
//! its program. They are the same as long as it runs that; forked children have those of their parent.

use std::fs::File;
use std::hash::Hasher as _;
use std::io::Read as _;

use siphasher::sip::SipHasher13;

use super::Process;
use crate::addr::Addr;
use crate::memory::Memory;

/// `AT_RANDOM` of the auxiliary vector: where 16 random bytes stand (`getauxval(3)`).
const AT_RANDOM: u64 = 25;

/// More than the kernel's auxiliary vector ever had, in bytes.
const LONGEST: u64 = 4096;

impl Process {
    /// Those bytes; `None` where the kernel or the process does not tell them.
    #[must_use]
    pub fn secret<M: Memory + ?Sized>(&self, mem: &M) -> Option<[u8; 16]> {
        let mut secret = [0; 16];
        mem.read(self.secret_at()?, &mut secret).ok()?;
        Some(secret)
    }

    /// Which program this is: a digest of those bytes that does not tell them.
    #[must_use]
    pub fn program<M: Memory + ?Sized>(&self, mem: &M) -> Option<u64> {
        let mut hasher = SipHasher13::new_with_key(&self.secret(mem)?);
        hasher.write(b"leakspy: which program");
        Some(hasher.finish())
    }

    /// Where they stand.
    pub(super) fn secret_at(&self) -> Option<Addr> {
        let mut vector = Vec::new();
        File::open(self.path("auxv")).ok()?.take(LONGEST).read_to_end(&mut vector).ok()?;
        random_at(&vector)
    }
}

pub(super) fn random_at(vector: &[u8]) -> Option<Addr> {
    let word = |bytes: &[u8]| bytes.first_chunk().map(|word| u64::from_le_bytes(*word));
    vector.chunks_exact(16).find_map(|pair| {
        let (key, value) = pair.split_at(8);
        (word(key) == Some(AT_RANDOM)).then(|| word(value).map(Addr)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Live;

    #[test]
    fn the_place_is_found_among_others() {
        let words = [3u64, 0x40, 25, 0x7ffd_0000_1234, 0, 0];
        let vector: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(random_at(&vector), Some(Addr(0x7ffd_0000_1234)));
        assert_eq!(random_at(&vector[..20]), None);
    }

    #[test]
    fn this_process_has_one_that_stays() {
        let pid = i32::try_from(std::process::id()).expect("a pid");
        let (me, live) = (Process::open(pid).expect("myself"), Live::new(pid));
        let secret = me.secret(&live).expect("told");
        assert_ne!(secret, [0; 16]);
        assert_eq!(me.secret(&live), Some(secret));
        assert_eq!(me.program(&live), me.program(&live));
    }
}
