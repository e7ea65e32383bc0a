//! The target as an object of the operating system: who it is, what it maps, how it is read, held and let go. Knows
//! nothing of Python.

pub mod access;
pub mod budget;
pub mod find;
pub mod freeze;
pub mod lineage;
pub mod secret;
pub mod stop;
pub mod symbols;
pub mod usage;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;

use crate::addr::{Addr, AddrRange};
use crate::memory::{Region, Regions};
use access::Gate;

/// Why a process could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is none, or it went away.
    #[error("there is no process {pid}")]
    NoSuchProcess {
        /// The PID that was asked for.
        pid: i32,
    },
    /// It exists, but `/proc` hides it (`hidepid`) or belongs to another PID namespace.
    #[error("process {pid} exists, but /proc does not show it")]
    Hidden {
        /// The PID that was asked for.
        pid: i32,
    },
    /// The number is that of a thread, not of a process.
    #[error("{tid} is a thread of process {pid}")]
    Thread {
        /// What was asked for.
        tid: i32,
        /// The process that it belongs to.
        pid: i32,
    },
    /// Another process now has this PID.
    #[error("process {pid} ended, and another one has its number now")]
    Replaced {
        /// The PID of both.
        pid: i32,
    },
    /// It ended and waits for its parent to notice: its memory is gone.
    #[error("process {pid} ({comm}) has ended and waits for its parent {parent} to notice")]
    Zombie {
        /// The process.
        pid: i32,
        /// Its name.
        comm: String,
        /// Its parent.
        parent: i32,
    },
    /// A thread of the kernel has no memory of its own.
    #[error("{pid} ({comm}) is a thread of the kernel")]
    KernelThread {
        /// The process.
        pid: i32,
        /// Its name.
        comm: String,
    },
    /// The kernel does not let us look.
    #[error(transparent)]
    Refused(#[from] Gate),
    /// A file of `/proc` could not be read, for another reason.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What a process does, as `/proc/PID/stat` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Runs or waits for a processor (R).
    Running,
    /// Waits and can be woken (S, I).
    Sleeping,
    /// Waits for a disk or the like and cannot be woken (D).
    Uninterruptible,
    /// Stopped by a signal (T).
    Stopped,
    /// Held by a tracer (t).
    Traced,
    /// Ended, not yet waited for (Z, X).
    Zombie,
    /// A letter that is not known here.
    Other(char),
}

impl From<char> for State {
    fn from(letter: char) -> Self {
        match letter {
            'R' => State::Running,
            'S' | 'I' => State::Sleeping,
            'D' => State::Uninterruptible,
            'T' => State::Stopped,
            't' => State::Traced,
            'Z' | 'X' | 'x' => State::Zombie,
            other => State::Other(other),
        }
    }
}

/// Who traces a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracer {
    /// Its PID.
    pub pid: i32,
    /// Its name (`strace`, `gdb`), empty where it is not visible.
    pub name: String,
}

/// A process, told from a later one with the same PID by its start time.
#[derive(Debug, Clone)]
pub struct Process {
    pid: i32,
    start_time: u64,
}

impl Process {
    /// Finds the process and notes when it started.
    ///
    /// # Errors
    /// When there is none, when it is hidden, or when the number is a thread's.
    pub fn open(pid: i32) -> Result<Process, ProcessError> {
        let stat = Stat::read(pid)?;
        let process = Process { pid, start_time: stat.start_time };
        match process.status()?.number("Tgid:") {
            Some(leader) if leader != i64::from(pid) => {
                Err(ProcessError::Thread { tid: pid, pid: i32::try_from(leader).unwrap_or(0) })
            }
            _ => Ok(process),
        }
    }

    /// Its PID, as seen from here.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// When it started, in clock ticks since the machine did (field 22 of `/proc/PID/stat`).
    #[must_use]
    pub fn start_time(&self) -> u64 {
        self.start_time
    }

    /// Does this PID still belong to the process that was opened? True for a zombie.
    #[must_use]
    pub fn still_same(&self) -> bool {
        Stat::read(self.pid).is_ok_and(|s| s.start_time == self.start_time)
    }

    /// That it still is the process that was opened.
    ///
    /// # Errors
    /// [`ProcessError::NoSuchProcess`] or [`ProcessError::Replaced`] where it is not.
    pub fn must_be_same(&self) -> Result<(), ProcessError> {
        if Stat::read(self.pid)?.start_time == self.start_time {
            Ok(())
        } else {
            Err(ProcessError::Replaced { pid: self.pid })
        }
    }

    /// Its arguments; empty for a zombie, a kernel thread, and where it is not readable. A process that set its own
    /// title has all of it in the first one.
    #[must_use]
    pub fn cmdline(&self) -> Vec<String> {
        let bytes = std::fs::read(self.path("cmdline")).unwrap_or_default();
        let text = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
        if text.is_empty() {
            return Vec::new();
        }
        let mut args: Vec<String> = text.split(|b| *b == 0).map(|a| String::from_utf8_lossy(a).into_owned()).collect();
        // A shortened title leaves a tail of NULs.
        while args.len() > 1 && args.last().is_some_and(String::is_empty) {
            args.pop();
        }
        args
    }

    /// The program it runs; ends with ` (deleted)` where that was unlinked. `None` where we may not know.
    #[must_use]
    pub fn exe(&self) -> Option<PathBuf> {
        std::fs::read_link(self.path("exe")).ok()
    }

    /// Where its main stack begins, which `exec` puts to another place; `None` where it cannot be told. Two runs of a
    /// program without address randomization have the same.
    #[must_use]
    pub fn stack_start(&self) -> Option<u64> {
        Stat::read(self.pid).ok().map(|stat| stat.stack_start).filter(|at| *at != 0)
    }

    /// Its short name, at most 15 bytes.
    #[must_use]
    pub fn comm(&self) -> String {
        comm(self.pid)
    }

    /// Its effective user.
    ///
    /// # Errors
    /// When it is gone.
    pub fn uid(&self) -> Result<u32, ProcessError> {
        Ok(self.status()?.uids()[1])
    }

    /// Its resident memory, in bytes; 0 where it has none.
    #[must_use]
    pub fn rss_bytes(&self) -> u64 {
        self.memory_status("VmRSS:")
    }

    /// The most that its resident memory ever was, in bytes; 0 where it has none.
    #[must_use]
    pub fn peak_rss_bytes(&self) -> u64 {
        self.memory_status("VmHWM:")
    }

    /// What its main thread does.
    ///
    /// # Errors
    /// When it is gone.
    pub fn state(&self) -> Result<State, ProcessError> {
        Ok(Stat::read(self.pid)?.state)
    }

    /// Its threads, ascending. The main thread stays listed after it has exited.
    ///
    /// # Errors
    /// When it is gone.
    pub fn threads(&self) -> Result<Vec<i32>, ProcessError> {
        threads(self.pid)
    }

    /// Who traces its main thread, if anyone does.
    #[must_use]
    pub fn tracer(&self) -> Option<Tracer> {
        tracer(self.pid)
    }

    /// Its PID in each PID namespace, from ours inwards.
    ///
    /// # Errors
    /// When it is gone.
    pub fn ns_pids(&self) -> Result<Vec<i32>, ProcessError> {
        let status = self.status()?;
        Ok(status.get("NSpid:").unwrap_or_default().split_whitespace().filter_map(|n| n.parse().ok()).collect())
    }

    /// Its parent; 0 where that is outside our PID namespace.
    ///
    /// # Errors
    /// When it is gone.
    pub fn parent(&self) -> Result<i32, ProcessError> {
        Ok(Stat::read(self.pid)?.parent)
    }

    /// Its children, ascending.
    #[must_use]
    pub fn children(&self) -> Vec<i32> {
        find::children(self.pid)
    }

    /// What it maps.
    ///
    /// # Errors
    /// When it is gone, when it is a zombie or a kernel thread and has no memory, or when the kernel refuses.
    pub fn regions(&self) -> Result<Regions, ProcessError> {
        let path = self.path("maps");
        let mut bytes = self.read(&path)?;
        if bytes.is_empty() {
            // An exited main thread maps nothing, though its process may live on in the others.
            let others = self.threads()?.into_iter().filter(|tid| *tid != self.pid);
            bytes = others
                .filter_map(|tid| std::fs::read(format!("/proc/{}/task/{tid}/maps", self.pid)).ok())
                .find(|b| !b.is_empty())
                .unwrap_or_default();
        }
        if bytes.is_empty() {
            return Err(self.without_memory());
        }
        Ok(parse_maps(&bytes))
    }

    /// Which pages of `range` hold something, by `/proc/PID/pagemap`; `None` where that is not permitted.
    ///
    /// Only of use for anonymous memory, where a page that was never touched is all zeros; a page of a file may well have
    /// bytes and not be here.
    #[must_use]
    pub fn residency(&self, range: AddrRange) -> Option<Residency> {
        const PRESENT: u64 = 1 << 63;
        const SWAPPED: u64 = 1 << 62;
        const ENTRIES: usize = 16_384;
        let file = File::open(self.path("pagemap")).ok()?;
        let page = procfs::page_size();
        let mut found = Residency::default();
        let mut block = vec![0u8; ENTRIES * 8];
        let mut at = range.start.0 / page * page;
        while at < range.end.0 {
            let left = (range.end.0 - at).div_ceil(page);
            let entries = usize::try_from(left).unwrap_or(usize::MAX).min(ENTRIES);
            let wanted = block.get_mut(..entries * 8)?;
            let offset = (at / page).checked_mul(8)?;
            let n = match file.read_at(wanted, offset) {
                Ok(n) => n / 8,
                Err(_) => return None,
            };
            if n == 0 {
                // Past the end of user space.
                break;
            }
            for entry in block.chunks_exact(8).take(n) {
                let bits = entry.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
                let end = at.saturating_add(page);
                if bits & (PRESENT | SWAPPED) != 0 {
                    let here = AddrRange::new(Addr(at), Addr(end)).intersection(&range);
                    if bits & SWAPPED != 0 {
                        found.swapped_bytes = found.swapped_bytes.saturating_add(here.len());
                    }
                    match found.touched.last_mut() {
                        Some(last) if last.end == here.start => last.end = here.end,
                        _ => found.touched.push(here),
                    }
                }
                at = end;
            }
        }
        Some(found)
    }

    fn path(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.pid)
    }

    /// A file of this process whose reading the kernel may refuse.
    fn read(&self, path: &str) -> Result<Vec<u8>, ProcessError> {
        std::fs::read(path).map_err(|e| match e.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EACCES | Errno::EPERM) => access::diagnose(self.pid).into(),
            Some(Errno::ENOENT | Errno::ESRCH) => missing(self.pid),
            _ => ProcessError::Io { path: path.to_owned(), source: e },
        })
    }

    /// Why a process that exists maps nothing.
    fn without_memory(&self) -> ProcessError {
        match Stat::read(self.pid) {
            Err(e) => e,
            Ok(s) if s.is_kernel_thread => ProcessError::KernelThread { pid: self.pid, comm: s.comm },
            Ok(s) => ProcessError::Zombie { pid: self.pid, comm: s.comm, parent: s.parent },
        }
    }

    fn status(&self) -> Result<Status, ProcessError> {
        Status::read(&self.path("status")).map_err(|source| self.gone_or(source, "status"))
    }

    fn gone_or(&self, source: io::Error, name: &str) -> ProcessError {
        match source.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ESRCH) => missing(self.pid),
            _ => ProcessError::Io { path: self.path(name), source },
        }
    }

    /// A line of `status` that counts kB, in bytes.
    fn memory_status(&self, key: &str) -> u64 {
        let kilobytes = |path: &str| Status::read(path).ok()?.number(key);
        kilobytes(&self.path("status"))
            .or_else(|| {
                // The status of an exited main thread has no such lines.
                let mut others = self.threads().ok()?.into_iter().filter(|t| *t != self.pid);
                others.find_map(|t| kilobytes(&self.path(&format!("task/{t}/status"))))
            })
            .and_then(|kb| u64::try_from(kb).ok())
            .map_or(0, |kb| kb.saturating_mul(1024))
    }
}

/// Which pages of a range hold something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Residency {
    /// What is in memory or in swap, ascending.
    pub touched: Vec<AddrRange>,
    /// How much of that is in swap, in bytes.
    pub swapped_bytes: u64,
}

impl Residency {
    /// Bytes in memory or in swap.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.touched.iter().map(AddrRange::len).sum()
    }
}

/// The part of `/proc/PID/stat` that is of use here.
struct Stat {
    comm: String,
    state: State,
    parent: i32,
    is_kernel_thread: bool,
    /// In user mode and in the kernel, without children; in clock ticks.
    used: u64,
    start_time: u64,
    /// 0 for those who may not trace it.
    stack_start: u64,
}

impl Stat {
    fn read(pid: i32) -> Result<Stat, ProcessError> {
        if pid <= 0 {
            return Err(ProcessError::NoSuchProcess { pid });
        }
        let path = format!("/proc/{pid}/stat");
        let bytes = std::fs::read(&path).map_err(|source| match source.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ESRCH) => missing(pid),
            _ => ProcessError::Io { path: path.clone(), source },
        })?;
        Stat::parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| ProcessError::Io {
            path,
            source: io::Error::new(io::ErrorKind::InvalidData, "a line of an unknown form"),
        })
    }

    /// The name stands in parentheses and may hold some itself.
    fn parse(line: &str) -> Option<Stat> {
        const PF_KTHREAD: u64 = 0x0020_0000;
        let (before, after) = line.rsplit_once(") ")?;
        let (_, comm) = before.split_once('(')?;
        let mut fields = after.split_ascii_whitespace();
        Some(Stat {
            comm: comm.to_owned(),
            state: fields.next()?.chars().next()?.into(),
            parent: fields.next()?.parse().ok()?,
            // Field 9, after pgrp, session, tty_nr, tpgid.
            is_kernel_thread: fields.nth(4)?.parse::<u64>().ok()? & PF_KTHREAD != 0,
            // Fields 14 and 15.
            used: fields.nth(4)?.parse::<u64>().ok()?.checked_add(fields.next()?.parse().ok()?)?,
            // Field 22.
            start_time: fields.nth(6)?.parse().ok()?,
            // Field 28, after vsize, rss, rsslim, startcode, endcode.
            stack_start: fields.nth(5)?.parse().ok()?,
        })
    }
}

/// Clock ticks as a time.
fn ticks(n: u64) -> Option<Duration> {
    Duration::try_from_secs_f64(n as f64 / procfs::ticks_per_second() as f64).ok()
}

/// `/proc/PID/status`: lines of `Key:` and value.
struct Status(String);

impl Status {
    fn read(path: &str) -> io::Result<Status> {
        std::fs::read(path).map(|b| Status(String::from_utf8_lossy(&b).into_owned()))
    }

    /// The value of a key, which is given with its colon.
    fn get(&self, key: &str) -> Option<&str> {
        self.0.lines().find_map(|l| l.strip_prefix(key)).map(str::trim)
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.get(key)?.split_ascii_whitespace().next()?.parse().ok()
    }

    fn bits(&self, key: &str) -> Option<u64> {
        u64::from_str_radix(self.get(key)?, 16).ok()
    }

    /// Real, effective, saved and file system user.
    fn uids(&self) -> [u32; 4] {
        let mut uids = [u32::MAX; 4];
        let found = self.get("Uid:").unwrap_or_default().split_ascii_whitespace();
        for (to, from) in uids.iter_mut().zip(found) {
            *to = from.parse().unwrap_or(u32::MAX);
        }
        uids
    }
}

/// The error for a process that `/proc` does not show.
fn missing(pid: i32) -> ProcessError {
    match nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None) {
        Ok(()) | Err(Errno::EPERM) if !PathBuf::from(format!("/proc/{pid}")).exists() => ProcessError::Hidden { pid },
        _ => ProcessError::NoSuchProcess { pid },
    }
}

fn comm(pid: i32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(&bytes)).into_owned()
}

fn threads(pid: i32) -> Result<Vec<i32>, ProcessError> {
    let path = format!("/proc/{pid}/task");
    let entries = std::fs::read_dir(&path).map_err(|source| match source.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT | Errno::ESRCH) => missing(pid),
        _ => ProcessError::Io { path, source },
    })?;
    let mut tids: Vec<i32> = entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect();
    tids.sort_unstable();
    Ok(tids)
}

/// Who traces the thread or process.
fn tracer(tid: i32) -> Option<Tracer> {
    let number = |of: i64, key: &str| Status::read(&format!("/proc/{of}/status")).ok()?.number(key);
    // The kernel tells the thread that traces, which need not be the first one of its process.
    let thread = number(i64::from(tid), "TracerPid:").filter(|t| *t > 0)?;
    let pid = i32::try_from(number(thread, "Tgid:").unwrap_or(thread)).ok()?;
    Some(Tracer { pid, name: comm(pid) })
}

/// Parses `/proc/PID/maps`. A line of an unknown form is left out; so is one that overlaps the one before, as happens
/// when the process maps memory while the kernel writes the list.
fn parse_maps(bytes: &[u8]) -> Regions {
    let mut regions: Vec<Region> = Vec::with_capacity(bytes.len() / 80);
    for line in bytes.split(|b| *b == b'\n') {
        let Some(region) = parse_line(line) else { continue };
        if regions.last().is_none_or(|last| last.range.end <= region.range.start) {
            regions.push(region);
        }
    }
    Regions::new(regions)
}

/// `start-end rwxp offset major:minor inode      path`
fn parse_line(line: &[u8]) -> Option<Region> {
    let (start, rest) = hex(line, b'-')?;
    let (end, rest) = hex(rest, b' ')?;
    let (rights, rest) = rest.split_at_checked(5)?;
    let (offset, rest) = hex(rest, b' ')?;
    let (major, rest) = hex(rest, b':')?;
    let (minor, rest) = hex(rest, b' ')?;
    let digits = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    let (inode, name) = rest.split_at_checked(digits)?;
    let blanks = name.iter().position(|b| *b != b' ').unwrap_or(name.len());
    let has = |at: usize, right: u8| rights.get(at) == Some(&right);
    (start < end).then_some(())?;
    Some(Region {
        range: AddrRange::new(Addr(start), Addr(end)),
        read: has(0, b'r'),
        write: has(1, b'w'),
        exec: has(2, b'x'),
        shared: has(3, b's'),
        offset,
        device: (u32::try_from(major).ok()?, u32::try_from(minor).ok()?),
        inode: std::str::from_utf8(inode).ok()?.parse().ok()?,
        name: String::from_utf8_lossy(name.get(blanks..)?).into_owned(),
    })
}

/// A hexadecimal number that ends with `end`, and what follows.
fn hex(bytes: &[u8], end: u8) -> Option<(u64, &[u8])> {
    let at = bytes.iter().position(|b| *b == end)?;
    let (digits, rest) = bytes.split_at_checked(at)?;
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let mut value = 0u64;
    for digit in digits {
        value = value << 4 | u64::from(char::from(*digit).to_digit(16)?);
    }
    Some((value, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};

    fn sleeper() -> (Child, Process) {
        let child = Command::new("sleep").arg("60").spawn().expect("sleep");
        let process = Process::open(i32::try_from(child.id()).expect("a pid fits")).expect("it runs");
        (child, process)
    }

    #[test]
    fn knows_a_child() {
        let (mut child, process) = sleeper();
        let own = i32::try_from(std::process::id()).expect("a pid fits");
        assert_eq!(process.parent().expect("it runs"), own);
        assert!(process.still_same());
        assert_eq!(process.threads().expect("it runs"), [process.pid()]);
        assert_eq!(process.ns_pids().expect("it runs").first(), Some(&process.pid()));
        assert!(process.tracer().is_none());
        assert!(Process::open(own).expect("ourselves").children().contains(&process.pid()));
        child.kill().expect("killed");
        // Not yet waited for.
        while process.state().expect("a zombie") != State::Zombie {
            std::thread::yield_now();
        }
        assert!(process.still_same());
        assert!(matches!(process.regions(), Err(ProcessError::Zombie { .. })));
        child.wait().expect("waited");
        assert!(!process.still_same());
        assert!(matches!(process.regions(), Err(ProcessError::NoSuchProcess { .. })));
    }

    #[test]
    fn a_thread_is_not_a_process() {
        let (send, receive) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            send.send(nix::unistd::gettid().as_raw()).expect("listened to");
            let _ = stopped.recv();
        });
        let tid = receive.recv().expect("sent");
        assert!(matches!(Process::open(tid), Err(ProcessError::Thread { .. })));
        drop(stop);
        thread.join().expect("joined");
        assert!(matches!(Process::open(-1), Err(ProcessError::NoSuchProcess { .. })));
    }

    #[test]
    fn the_kernels_threads_have_no_memory() {
        let Ok(thread) = Process::open(2) else { return };
        if thread.comm() == "kthreadd" {
            assert!(matches!(thread.regions(), Err(ProcessError::KernelThread { .. })));
        }
    }

    #[test]
    fn own_map_agrees_with_own_addresses() {
        let own = Process::open(i32::try_from(std::process::id()).expect("a pid fits")).expect("ourselves");
        let regions = own.regions().expect("our own map");
        let local = 5u8;
        let stack = regions.find(Addr(std::ptr::from_ref(&local) as u64)).expect("the stack is mapped");
        assert!(stack.read && stack.write && stack.is_anonymous());
        let touched = vec![1u8; 1 << 20];
        let at = Addr(touched.as_ptr() as u64);
        let range = AddrRange::new(at, at.up(1 << 20).expect("mapped"));
        if let Some(residency) = own.residency(range) {
            assert_eq!(residency.bytes(), 1 << 20);
        }
        assert!(own.rss_bytes() > 0 && own.peak_rss_bytes() >= own.rss_bytes() / 2);
    }

    #[test]
    fn lines_of_maps() {
        let line = b"7f0a00000000-7f0a00021000 r-xs 0001f000 fe:0a 1234567                    /a b (deleted)";
        let region = parse_line(line).expect("a good line");
        assert_eq!(region.range, AddrRange::new(Addr(0x7f0a_0000_0000), Addr(0x7f0a_0002_1000)));
        assert!(region.read && !region.write && region.exec && region.shared);
        assert_eq!((region.offset, region.device, region.inode), (0x1f000, (0xfe, 10), 1_234_567));
        assert_eq!(region.name, "/a b (deleted)");
        let anonymous = parse_line(b"00400000-00401000 rw-p 00000000 00:00 0 ").expect("a good line");
        assert!(anonymous.is_anonymous() && anonymous.name.is_empty());
        assert!(parse_line(b"rubbish").is_none());
        assert!(parse_line(b"2-1 rw-p 0 0:0 0").is_none());
    }

    #[test]
    fn a_name_with_parentheses() {
        let line = "7 (a) S (b) R 3 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9 9 1 2 140737 0";
        let stat = Stat::parse(line).expect("a good line");
        assert_eq!(
            (stat.comm.as_str(), stat.state, stat.parent, stat.used, stat.start_time, stat.stack_start),
            ("a) S (b", State::Running, 3, 11, 4242, 140_737)
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_some_map(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = parse_maps(&bytes);
            let _ = Stat::parse(&String::from_utf8_lossy(&bytes));
        }
    }
}
