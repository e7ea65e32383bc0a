//! Turns a PID into readable memory: `process_vm_readv`, or `/proc/PID/mem` where only that is allowed. Does not stop
//! the process: what is read while it runs may be torn.

use std::fs::File;
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use crate::addr::{Addr, AddrRange};
use crate::memory::{Fault, FaultKind, Memory};

/// The page size that holes are skipped by. A smaller one than the kernel's only costs time.
const PAGE: u64 = 4096;

/// Pieces of this size copy fastest (3.5–6 GB/s); smaller and larger ones are slower.
const PIECE: u64 = 1 << 20;

/// `UIO_MAXIOV`: the kernel refuses more pieces in one call.
const PIECES_A_CALL: usize = 1024;

/// The memory of a live process.
#[derive(Debug)]
pub struct Live {
    pid: i32,
    /// The thread whose memory is asked for: the main one, or another where that has exited and others live on.
    reader: AtomicI32,
    /// Once `process_vm_readv` was refused and the file let us in, the file it is.
    by_file: AtomicBool,
    file: OnceLock<Option<File>>,
}

/// What came of [`Live::copy`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Bytes that were read, per piece, in the order of the pieces.
    pub read: Vec<u64>,
    /// What could not be read, ascending within each piece; those bytes are zero in the destination.
    pub missing: Vec<AddrRange>,
}

impl Copied {
    /// All bytes that were read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.read.iter().sum()
    }

    /// Was everything read?
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

impl Live {
    /// The memory of the process `pid`. Asks nothing of the kernel yet.
    #[must_use]
    pub fn new(pid: i32) -> Self {
        Live { pid, reader: AtomicI32::new(pid), by_file: AtomicBool::new(false), file: OnceLock::new() }
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Copies all `pieces` into `out`, one right after the other, with as few system calls as possible.
    ///
    /// A page that is not there fails nothing: it is zero in `out` and stands in [`Copied::missing`]. So does what
    /// `out` has no room for. Touch `out` beforehand: into fresh pages it is six times slower.
    ///
    /// # Errors
    /// A [`Fault`] when the kernel refuses or the process is gone; `out` is then unspecified.
    pub fn copy(&self, pieces: &[AddrRange], out: &mut [u8]) -> Result<Copied, Fault> {
        let mut done = Copied { read: vec![0; pieces.len()], missing: Vec::new() };
        let mut cursor = Cursor::new(pieces);
        let mut rest = out;
        // After a hole the next call is a small one, since another hole is likely to be near.
        let mut width = PIECES_A_CALL;
        let mut batch: Vec<RemoteIoVec> = Vec::new();
        while let Some(at) = cursor.here() {
            cursor.fill(&mut batch, width, rest.len() as u64);
            let wanted: usize = batch.iter().map(|p| p.len).sum();
            let Some(room) = rest.get_mut(..wanted).filter(|r| !r.is_empty()) else {
                // No room left.
                cursor.skip(u64::MAX, |hole| push_hole(&mut done.missing, hole));
                continue;
            };
            let got = match self.gather(&batch, room) {
                Ok(n) => n.min(wanted),
                Err(FaultKind::Unmapped | FaultKind::Short) => 0,
                Err(kind) => return Err(Fault::new(at, wanted, kind)),
            };
            cursor.advance(got as u64, |piece, n| {
                if let Some(r) = done.read.get_mut(piece) {
                    *r = r.saturating_add(n);
                }
            });
            let mut past = got;
            if got < wanted {
                // The byte after the last one read lies in a page that is not there.
                let to_next = cursor.here().map_or(PAGE, |a| PAGE.saturating_sub(a.0 % PAGE));
                let skipped = cursor.skip(to_next, |hole| push_hole(&mut done.missing, hole));
                let end = got.saturating_add(usize::try_from(skipped).unwrap_or(usize::MAX)).min(rest.len());
                if let Some(hole) = rest.get_mut(got..end) {
                    hole.fill(0);
                }
                past = end;
                width = 1;
            } else {
                width = width.saturating_mul(4).min(PIECES_A_CALL);
            }
            rest = rest.get_mut(past..).unwrap_or_default();
        }
        Ok(done)
    }

    /// One call: fills `out` from the pieces in order and says how many bytes came before the first hole; an error
    /// when none did.
    fn gather(&self, pieces: &[RemoteIoVec], out: &mut [u8]) -> Result<usize, FaultKind> {
        if self.by_file.load(Ordering::Relaxed) {
            return self.gather_by_file(pieces, out);
        }
        let mut retried = false;
        loop {
            let reader = self.reader.load(Ordering::Relaxed);
            match process_vm_readv(Pid::from_raw(reader), &mut [IoSliceMut::new(out)], pieces) {
                Ok(0) if !out.is_empty() => return Err(FaultKind::Unmapped),
                Ok(n) => return Ok(n),
                Err(Errno::EINTR) => {}
                Err(Errno::ESRCH) if !retried => {
                    // An exited main thread has no memory, though its process lives on in other threads.
                    let other = self.other_thread(reader).ok_or(FaultKind::Gone)?;
                    self.reader.store(other, Ordering::Relaxed);
                    retried = true;
                }
                Err(Errno::ESRCH) => return Err(FaultKind::Gone),
                Err(Errno::EPERM | Errno::EACCES | Errno::ENOSYS) => {
                    if self.file().is_none() {
                        return Err(FaultKind::Denied);
                    }
                    let got = self.gather_by_file(pieces, out);
                    if !matches!(got, Err(FaultKind::Denied)) {
                        self.by_file.store(true, Ordering::Relaxed);
                    }
                    return got;
                }
                // EFAULT; EINVAL, where an address lies past what user space can have; ENOMEM.
                Err(_) => return Err(FaultKind::Unmapped),
            }
        }
    }

    fn gather_by_file(&self, pieces: &[RemoteIoVec], out: &mut [u8]) -> Result<usize, FaultKind> {
        let file = self.file().ok_or(FaultKind::Denied)?;
        let mut got = 0usize;
        for piece in pieces {
            let mut at = piece.base as u64;
            let mut left = piece.len;
            while left > 0 {
                let Some(into) = out.get_mut(got..).and_then(|o| o.get_mut(..left)) else { return Ok(got) };
                let kind = match file.read_at(into, at) {
                    // The address space was torn down.
                    Ok(0) => FaultKind::Gone,
                    Ok(n) => {
                        let n = n.min(left);
                        got = got.saturating_add(n);
                        left = left.saturating_sub(n);
                        at = at.saturating_add(n as u64);
                        continue;
                    }
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(e) => match e.raw_os_error().map(Errno::from_raw) {
                        Some(Errno::EPERM | Errno::EACCES) => FaultKind::Denied,
                        Some(Errno::ESRCH) => FaultKind::Gone,
                        _ => FaultKind::Unmapped,
                    },
                };
                return if got > 0 { Ok(got) } else { Err(kind) };
            }
        }
        Ok(got)
    }

    fn file(&self) -> Option<&File> {
        self.file
            .get_or_init(|| {
                File::open(format!("/proc/{}/mem", self.pid))
                    .or_else(|_| {
                        let reader = self.reader.load(Ordering::Relaxed);
                        File::open(format!("/proc/{}/task/{reader}/mem", self.pid))
                    })
                    .ok()
            })
            .as_ref()
    }

    /// A living thread of the process other than `this` one.
    fn other_thread(&self, this: i32) -> Option<i32> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid)).ok()?;
        tasks.filter_map(|t| t.ok()?.file_name().to_str()?.parse::<i32>().ok()).filter(|tid| *tid != this).find(|tid| {
            // The state is the first letter after the name, which may itself hold parentheses.
            std::fs::read_to_string(format!("/proc/{}/task/{tid}/stat", self.pid))
                .ok()
                .and_then(|s| s.rsplit_once(") ").map(|(_, rest)| !rest.starts_with(['Z', 'X'])))
                .unwrap_or(false)
        })
    }
}

impl Memory for Live {
    fn read(&self, at: Addr, out: &mut [u8]) -> Result<(), Fault> {
        let len = out.len();
        let mut got = 0usize;
        while got < len {
            let fault = |kind| {
                let part = got > 0 && kind == FaultKind::Unmapped;
                Fault::new(at, len, if part { FaultKind::Short } else { kind })
            };
            let from = at.up(got as u64).ok_or_else(|| fault(FaultKind::Unmapped))?;
            let Some(room) = out.get_mut(got..) else { break };
            let piece = [RemoteIoVec { base: address(from), len: room.len() }];
            match self.gather(&piece, room) {
                Ok(n) => got = got.saturating_add(n),
                Err(kind) => return Err(fault(kind)),
            }
        }
        Ok(())
    }
}

/// An address as the system call wants it; the far end of the address space, which is never mapped, where it would not fit.
fn address(at: Addr) -> usize {
    usize::try_from(at.0).unwrap_or(usize::MAX)
}

fn push_hole(holes: &mut Vec<AddrRange>, hole: AddrRange) {
    match holes.last_mut() {
        Some(last) if last.end == hole.start => last.end = hole.end,
        _ => holes.push(hole),
    }
}

/// A place in a list of pieces.
struct Cursor<'a> {
    pieces: &'a [AddrRange],
    piece: usize,
    offset: u64,
}

impl<'a> Cursor<'a> {
    fn new(pieces: &'a [AddrRange]) -> Self {
        let mut cursor = Cursor { pieces, piece: 0, offset: 0 };
        cursor.settle();
        cursor
    }

    /// Moves past the pieces that are finished or empty.
    fn settle(&mut self) {
        while self.pieces.get(self.piece).is_some_and(|p| self.offset >= p.len()) {
            self.piece = self.piece.saturating_add(1);
            self.offset = 0;
        }
    }

    /// The address at this place, `None` at the end.
    fn here(&self) -> Option<Addr> {
        self.pieces.get(self.piece)?.start.up(self.offset)
    }

    /// The next parts, at most `count` of them and `bytes` in all.
    fn fill(&self, batch: &mut Vec<RemoteIoVec>, count: usize, bytes: u64) {
        batch.clear();
        let mut offset = self.offset;
        let mut room = bytes;
        for piece in self.pieces.get(self.piece..).unwrap_or_default() {
            while offset < piece.len() {
                let len = piece.len().saturating_sub(offset).min(PIECE).min(room);
                let (Some(at), Ok(bytes)) = (piece.start.up(offset), usize::try_from(len)) else { return };
                if batch.len() == count || bytes == 0 {
                    return;
                }
                batch.push(RemoteIoVec { base: address(at), len: bytes });
                offset = offset.saturating_add(len);
                room = room.saturating_sub(len);
            }
            offset = 0;
        }
    }

    /// Moves on by `bytes`, telling how many of them each piece had.
    fn advance(&mut self, mut bytes: u64, mut each: impl FnMut(usize, u64)) {
        while let Some(piece) = self.pieces.get(self.piece) {
            let n = piece.len().saturating_sub(self.offset).min(bytes);
            if n > 0 {
                each(self.piece, n);
            }
            self.offset = self.offset.saturating_add(n);
            bytes = bytes.saturating_sub(n);
            if self.offset < piece.len() {
                return;
            }
            self.settle();
            if bytes == 0 {
                return;
            }
        }
    }

    /// Moves on by `bytes`, but not past the end of this piece; says how far it went.
    fn skip(&mut self, bytes: u64, mut hole: impl FnMut(AddrRange)) -> u64 {
        let Some(piece) = self.pieces.get(self.piece) else { return 0 };
        let n = piece.len().saturating_sub(self.offset).min(bytes);
        if let (Some(start), Some(end)) = (piece.start.up(self.offset), piece.start.up(self.offset.saturating_add(n))) {
            hole(AddrRange::new(start, end));
        }
        self.offset = self.offset.saturating_add(n);
        self.settle();
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Live {
        Live::new(i32::try_from(std::process::id()).expect("a pid fits"))
    }

    fn of(bytes: &[u8]) -> AddrRange {
        let start = Addr(bytes.as_ptr() as u64);
        AddrRange::new(start, start.up(bytes.len() as u64).expect("in memory"))
    }

    /// `pages` pages of 7s of which the one at `hole` cannot be read by anyone: it lies past the end of an empty file.
    fn with_hole(pages: usize, hole: usize) -> AddrRange {
        use std::os::fd::AsRawFd as _;
        let page = PAGE as usize;
        let empty = tempfile::tempfile().expect("a temporary file");
        // SAFETY: a fresh private mapping that nothing else knows of; the page that is replaced is inside it.
        unsafe {
            let at = libc::mmap(
                std::ptr::null_mut(),
                pages * page,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(at, libc::MAP_FAILED);
            at.cast::<u8>().write_bytes(7, pages * page);
            let flags = libc::MAP_SHARED | libc::MAP_FIXED;
            let put = libc::mmap(at.byte_add(hole * page), page, libc::PROT_READ, flags, empty.as_raw_fd(), 0);
            assert_eq!(put, at.byte_add(hole * page));
            AddrRange::new(Addr(at as u64), Addr(at as u64 + (pages * page) as u64))
        }
    }

    #[test]
    fn reads_own_bytes() {
        let bytes = [1u8, 2, 3, 4, 5, 6, 7, 8];
        let mut out = [0; 8];
        own().read(of(&bytes).start, &mut out).expect("own memory");
        assert_eq!(out, bytes);
    }

    #[test]
    fn tells_a_hole_from_a_part() {
        let range = with_hole(3, 1);
        let mut out = vec![0; PAGE as usize * 2];
        let kind = |r: Result<(), Fault>| r.expect_err("a hole").kind;
        assert_eq!(kind(own().read(range.start, &mut out)), FaultKind::Short);
        assert_eq!(kind(own().read(Addr(range.start.0 + PAGE), &mut out)), FaultKind::Unmapped);
        assert_eq!(kind(own().read(Addr(8), &mut [0; 8])), FaultKind::Unmapped);
        assert_eq!(kind(own().read(Addr(u64::MAX - 3), &mut [0; 8])), FaultKind::Unmapped);
    }

    #[test]
    fn a_process_that_is_gone() {
        let mut child = std::process::Command::new("true").spawn().expect("true");
        child.wait().expect("waited");
        let live = Live::new(i32::try_from(child.id()).expect("a pid fits"));
        assert_eq!(live.word(Addr(0x1000)).expect_err("gone").kind, FaultKind::Gone);
    }

    #[test]
    fn copies_around_holes() {
        for by_file in [false, true] {
            let live = own();
            live.by_file.store(by_file, Ordering::Relaxed);
            let range = with_hole(5, 2);
            let small = [9u8; 24];
            let pieces = [
                of(&small),
                AddrRange::default(),
                AddrRange::new(range.start.up(10).expect("inside"), range.end),
                of(&small),
            ];
            let total: u64 = pieces.iter().map(AddrRange::len).sum();
            let mut out = vec![0xff; total as usize];
            let copied = live.copy(&pieces, &mut out).expect("own memory");
            assert_eq!(copied.read, [24, 0, PAGE * 4 - 10, 24]);
            let hole = AddrRange::new(Addr(range.start.0 + 2 * PAGE), Addr(range.start.0 + 3 * PAGE));
            assert_eq!(copied.missing, [hole]);
            let (first, rest) = out.split_at(24);
            let (middle, last) = rest.split_at(PAGE as usize * 5 - 10);
            assert!(first == small && last == small);
            let want: Vec<u8> = (10..PAGE as usize * 5).map(|i| if i / PAGE as usize == 2 { 0 } else { 7 }).collect();
            assert_eq!(middle, want);
        }
    }

    #[test]
    fn thousands_of_pieces() {
        let bytes: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        let pieces: Vec<AddrRange> = bytes.chunks(64).map(of).collect();
        let mut out = vec![0; bytes.len()];
        let copied = own().copy(&pieces, &mut out).expect("own memory");
        assert!(copied.is_complete());
        assert_eq!(copied.bytes(), bytes.len() as u64);
        assert_eq!(out, bytes);
    }

    #[test]
    fn pieces_larger_than_a_part() {
        let bytes: Vec<u8> = (0..5_000_000u32).map(|i| (i % 253) as u8).collect();
        let mut out = vec![0; bytes.len()];
        assert!(own().copy(&[of(&bytes)], &mut out).expect("own memory").is_complete());
        assert_eq!(out, bytes);
    }

    #[test]
    fn what_has_no_room_is_missing() {
        let bytes = [3u8; 100];
        let mut out = [0; 30];
        let copied = own().copy(&[of(&bytes), of(&bytes)], &mut out).expect("own memory");
        assert_eq!(copied.read, [30, 0]);
        assert_eq!(copied.missing.iter().map(AddrRange::len).sum::<u64>(), 170);
        assert_eq!(out, [3; 30]);
    }
}
