//! Two processes → does one run on what the other began: forked from it, with no exec since? Knows no parent that has ended.

use super::Process;
use crate::addr::Addr;
use crate::memory::{Live, Memory};

/// Entry of the auxiliary vector that says where the kernel put its random bytes (`AT_RANDOM`, `linux/auxvec.h`).
const RANDOM: u64 = 25;

/// What the kernel gave to a program when it began: 16 random bytes and where they stand. A fork keeps both, an exec draws
/// them anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birthmark {
    at: Addr,
    bytes: [u8; 16],
}

impl Process {
    /// The birthmark of the program that it runs; `None` where it may not be read.
    #[must_use]
    pub fn birthmark(&self) -> Option<Birthmark> {
        let at = Addr(random_at(&std::fs::read(self.path("auxv")).ok()?)?);
        let mut bytes = [0; 16];
        Live::new(self.pid).read(at, &mut bytes).ok()?;
        Some(Birthmark { at, bytes })
    }
}

fn random_at(auxv: &[u8]) -> Option<u64> {
    let word = |bytes: &[u8]| bytes.first_chunk().map(|word| u64::from_le_bytes(*word));
    auxv.chunks_exact(16).find(|entry| word(entry) == Some(RANDOM)).and_then(|entry| word(entry.get(8..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_random_bytes_is_found() {
        let entry = |key: u64, value: u64| [key.to_le_bytes(), value.to_le_bytes()].concat();
        let auxv = [entry(33, 7), entry(25, 0x7ffc_0000_1239), entry(0, 0)].concat();
        assert_eq!(random_at(&auxv), Some(0x7ffc_0000_1239));
        assert_eq!(random_at(&entry(0, 0)), None);
        assert_eq!(random_at(b"short"), None);
    }

    #[test]
    fn another_program_has_another_birthmark() {
        let own = Process::open(i32::try_from(std::process::id()).expect("a pid")).expect("myself");
        let mark = own.birthmark().expect("my own");
        assert_eq!(own.birthmark(), Some(mark));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("there is a sleep");
        let other = Process::open(i32::try_from(child.id()).expect("a pid")).expect("just begun");
        // It has begun, but the kernel may still be at it.
        let mark_of_other = (0..10_000).find_map(|_| {
            std::thread::yield_now();
            other.birthmark()
        });
        child.kill().expect("mine");
        child.wait().expect("mine");
        assert!(mark_of_other.is_some() && mark_of_other != Some(mark));
    }
}
