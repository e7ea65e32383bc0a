//! Lines → a file that only grows, until it is full and the next one begins. One writer a file; nothing that stands there is
//! ever changed. Does not say what to write.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::line::{Event, Line};
use super::{OPENING, older};

/// For the owner alone: names of classes and command lines are in it.
const MODE: u32 = 0o600;

/// So often is a file opened again that was renamed just as it was locked.
const TRIES: usize = 8;

/// Why there is nothing to write to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else writes to this file.
    #[error("{}", match .holder { Some(holder) => format!("{holder} writes to it"), None => "another process writes to it".to_owned() })]
    Locked {
        /// Who, as `process 77 (leakspy record -p 5)`, where the system tells.
        holder: Option<String>,
    },
    /// A file that is no recording.
    #[error("{} is there and is no recording of leakspy's", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What became of a line beyond its being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Nothing.
    Appended,
    /// The file was full: it is `FILE.1` now, and the line stands in a new one.
    Rotated,
    /// Somebody moved the file away: the line stands in a new one under its name.
    Renewed,
}

/// A place for lines.
pub struct Writer {
    place: Place,
    /// What is said again at the beginning of each further file: which processes are recorded.
    started: BTreeMap<i32, Line>,
}

enum Place {
    File(Appended),
    Stream {
        to: Box<dyn Write>,
        /// May the last line be half a line?
        torn: bool,
    },
}

/// A file that lines are appended to.
struct Appended {
    path: PathBuf,
    file: Held,
    /// So large may this file and the older one become together, in bytes.
    most: u64,
}

/// A file that is locked for as long as it is open; the kernel lets go of it however its process ends.
enum Held {
    Locked(Flock<File>),
    /// Where the file system knows no locks.
    Free(File),
}

impl Held {
    fn file(&self) -> &File {
        match self {
            Held::Locked(file) => file,
            Held::Free(file) => file,
        }
    }
}

impl Writer {
    /// Opens a file to append to; it is made where there is none. What is neither a file nor a directory is written to as
    /// it is, without a lock and without an end.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn open(path: &Path, most: u64) -> Result<Writer, Error> {
        // A link stays a link: what it points to is written to, and renamed.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory).into()),
            Ok(found) if !found.is_file() => Ok(Writer::to(OpenOptions::new().write(true).open(&path)?)),
            _ => {
                let before = older(&path);
                if fs::metadata(&before).is_ok_and(|found| !found.is_file() || !is_ours(&before)) {
                    return Err(Error::Foreign { path: before });
                }
                let file = open(&path)?;
                if !begins_like_ours(file.file())? {
                    return Err(Error::Foreign { path });
                }
                Ok(Writer { place: Place::File(Appended { path, file, most }), started: BTreeMap::new() })
            }
        }
    }

    /// Writes to anything, each line at once.
    #[must_use]
    pub fn to(stream: impl Write + 'static) -> Writer {
        Writer { place: Place::Stream { to: Box::new(stream), torn: false }, started: BTreeMap::new() }
    }

    /// Appends a line.
    ///
    /// # Errors
    /// What the system said; a disk that is full, say. The next line may be tried all the same.
    pub fn write(&mut self, line: &Line) -> Result<Written, Error> {
        let encoded = line.encode();
        match line.event {
            Event::Started { .. } => _ = self.started.insert(line.pid, line.clone()),
            Event::Ended { .. } => _ = self.started.remove(&line.pid),
            _ => {}
        }
        Ok(match &mut self.place {
            Place::Stream { to, torn } => {
                let fresh: &[u8] = if *torn { b"\n" } else { b"" };
                *torn = true;
                to.write_all(&[fresh, &encoded].concat())?;
                to.flush()?;
                *torn = false;
                Written::Appended
            }
            Place::File(file) => {
                let made_room = file.make_room(encoded.len() as u64)?;
                if made_room != Written::Appended {
                    for told in self.started.values().filter(|told| told.pid != line.pid || !line.is_start()) {
                        file.append(&Line { at_ms: line.at_ms, ..told.clone() }.encode())?;
                    }
                }
                file.append(&encoded)?;
                made_room
            }
        })
    }
}

impl Line {
    fn is_start(&self) -> bool {
        matches!(self.event, Event::Started { .. })
    }
}

impl Appended {
    /// Begins a new file where this one is full, or is not the one of this name any more.
    fn make_room(&mut self, more: u64) -> Result<Written, Error> {
        let found = self.file.file().metadata()?;
        if !is_at(&found, &self.path) {
            self.file = open(&self.path)?;
            return Ok(Written::Renewed);
        }
        if found.len() == 0 || found.len().saturating_add(more) <= self.most / 2 {
            return Ok(Written::Appended);
        }
        fs::rename(&self.path, older(&self.path))?;
        // The lock on the old one is let go only when there is one on the new one.
        self.file = open(&self.path)?;
        Ok(Written::Rotated)
    }

    /// One call of the system for one line, on a line of its own: after a kill in the middle of a line, or a full disk, the
    /// end of the file is half a line.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let mut file = self.file.file();
        let len = file.metadata()?.len();
        let mut last = [b'\n'];
        if let Some(at) = len.checked_sub(1) {
            file.read_exact_at(&mut last, at)?;
        }
        if last == [b'\n'] {
            return file.write_all(line);
        }
        let mut fresh = Vec::with_capacity(line.len() + 1);
        fresh.push(b'\n');
        fresh.extend_from_slice(line);
        file.write_all(&fresh)
    }
}

/// Opens and locks the file of this name.
fn open(path: &Path) -> Result<Held, Error> {
    for _ in 0..TRIES {
        let file = OpenOptions::new().read(true).append(true).create(true).mode(MODE).open(path)?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => Held::Locked(file),
            Err((file, Errno::EWOULDBLOCK)) => return Err(Error::Locked { holder: holder(&file) }),
            Err((file, Errno::ENOLCK | Errno::EOPNOTSUPP | Errno::ENOSYS)) => {
                log::info!("this file system knows no locks");
                Held::Free(file)
            }
            Err((_, e)) => return Err(io::Error::from(e).into()),
        };
        // Between the opening and the locking another recorder may have begun a new file.
        if is_at(&file.file().metadata()?, path) {
            return Ok(file);
        }
    }
    Err(Error::Locked { holder: None })
}

fn is_at(file: &fs::Metadata, path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
}

/// Does it begin as a recording does, as far as it goes?
pub(super) fn begins_like_ours(file: &File) -> io::Result<bool> {
    let mut opening = [0; OPENING.len()];
    let read = file.read_at(&mut opening, 0)?;
    Ok(opening.get(..read).is_some_and(|read| OPENING.starts_with(read)))
}

fn is_ours(path: &Path) -> bool {
    File::open(path).and_then(|file| begins_like_ours(&file)).unwrap_or(false)
}

/// Who holds the lock on a file, as `/proc/locks` and `/proc/PID/cmdline` have it.
fn holder(file: &File) -> Option<String> {
    let inode = file.metadata().ok()?.ino();
    let pid = holder_in(&fs::read_to_string("/proc/locks").ok()?, inode)?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    Some(match command.trim() {
        "" => format!("process {pid}"),
        command => format!("process {pid} ({command})"),
    })
}

/// The process that has a lock of our kind on this inode: `1: FLOCK  ADVISORY  WRITE 77 fe:00:1234 0 EOF`.
fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, place, ..] = words.as_slice() else { return None };
        // The device is that of the file system below, which the file need not know itself by.
        let same = place.rsplit(':').next()?.parse() == Ok(inode);
        same.then(|| pid.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::os::unix::fs::PermissionsExt;
    use std::rc::Rc;

    use super::super::line::tests::{NOON, look, started};
    use super::super::read;
    use super::*;

    const LARGE: u64 = 1 << 30;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("app.jsonl");
        (folder, path)
    }

    #[test]
    fn it_is_the_owners_alone_and_goes_on_after_a_restart() {
        let (_folder, path) = folder();
        for at in 0..3 {
            let mut writer = Writer::open(&path, LARGE).expect("opened");
            assert_eq!(writer.write(&started(NOON + at)).expect("written"), Written::Appended);
            writer.write(&look(NOON + at, 1)).expect("written");
        }
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, MODE);
        let found = read(&path).expect("read");
        assert_eq!((found.histories.len(), found.looks(), found.skipped_lines), (1, 3, 0));
        assert_eq!(found.files, [path]);
    }

    #[test]
    fn a_second_writer_is_told_who_the_first_is() {
        let (_folder, path) = folder();
        let first = Writer::open(&path, LARGE).expect("opened");
        let Err(Error::Locked { holder: Some(holder) }) = Writer::open(&path, LARGE) else { panic!("refused") };
        assert!(holder.starts_with(&format!("process {}", std::process::id())), "{holder}");
        drop(first);
        Writer::open(&path, LARGE).expect("free again");
    }

    #[test]
    fn a_torn_line_costs_nothing_but_itself() {
        let (_folder, path) = folder();
        let (line, last) = (look(NOON, 1).encode(), look(NOON + 9, 1).encode());
        for torn in [&last[..1], &last[..last.len() / 2], &last[..last.len() - 1]] {
            fs::write(&path, [&line, torn].concat()).expect("written");
            let mut writer = Writer::open(&path, LARGE).expect("opened");
            writer.write(&look(NOON + 1, 2)).expect("written");
            writer.write(&look(NOON + 2, 3)).expect("written");
            let found = read(&path).expect("read");
            let whole = usize::from(torn.len() == last.len() - 1);
            assert_eq!((found.looks(), found.skipped_lines), (3 + whole, 1 - whole as u64));
            assert!(fs::read(&path).expect("read").starts_with(&[&line, torn].concat()), "nothing is repaired");
        }
    }

    #[test]
    fn what_is_no_recording_is_left_alone() {
        let (_folder, path) = folder();
        for other in [&b"PAR1"[..], b"{\"schema\":\"leakspy/types/1\"}\n", b"\n"] {
            fs::write(&path, other).expect("written");
            assert!(matches!(Writer::open(&path, LARGE), Err(Error::Foreign { path: told }) if told == path));
            assert_eq!(fs::read(&path).expect("read"), other);
        }
        fs::remove_file(&path).expect("removed");
        fs::write(older(&path), "a log").expect("written");
        assert!(matches!(Writer::open(&path, LARGE), Err(Error::Foreign { path: told }) if told == older(&path)));
        assert!(!path.exists());
    }

    #[test]
    fn a_full_file_makes_room_and_both_stay_within_their_limit() {
        let (folder, path) = folder();
        let (head, line) = (started(NOON).encode().len() as u64, look(NOON, 1).encode().len() as u64);
        let most = 2 * (head + 10 * line);
        let mut writer = Writer::open(&path, most).expect("opened");
        writer.write(&started(NOON)).expect("written");
        let mut rotated = 0;
        for at in 0..95 {
            rotated += usize::from(writer.write(&look(NOON + at, 1)).expect("written") == Written::Rotated);
            let sizes = [path.clone(), older(&path)].map(|path| fs::metadata(path).map_or(0, |found| found.len()));
            assert!(sizes.iter().sum::<u64>() <= most, "{sizes:?}");
        }
        assert_eq!(rotated, 9);
        let found = read(&path).expect("read");
        let [history] = found.histories.as_slice() else { panic!("{found:?}") };
        let times: Vec<_> = history.points.iter().map(|point| point.at_ms - NOON).collect();
        assert_eq!(times, (80..95).collect::<Vec<_>>(), "the last ones, without a hole");
        assert_eq!(history.python, "3.11.7");
        assert_eq!(found.files, [older(&path), path.clone()]);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 2);
        // The new file is locked too, and opens with what is recorded.
        assert!(matches!(Writer::open(&path, most), Err(Error::Locked { .. })));
        assert!(fs::read_to_string(&path).expect("read").contains("\"started\""));
    }

    #[test]
    fn a_file_that_was_moved_away_is_begun_anew() {
        let (_folder, path) = folder();
        let mut writer = Writer::open(&path, LARGE).expect("opened");
        writer.write(&started(NOON)).expect("written");
        writer.write(&look(NOON, 1)).expect("written");
        fs::rename(&path, path.with_extension("moved")).expect("moved");
        assert_eq!(writer.write(&look(NOON + 1, 2)).expect("written"), Written::Renewed);
        assert_eq!(writer.write(&look(NOON + 2, 3)).expect("written"), Written::Appended);
        let found = read(&path).expect("read");
        assert_eq!((found.looks(), found.histories[0].command.as_str()), (2, "python app.py"));
        assert_eq!(read(&path.with_extension("moved")).expect("read").looks(), 1);
    }

    #[test]
    fn a_full_disk_tears_one_line_and_no_other() {
        // Writing to it says that there is no space left.
        let mut full = Writer::open(Path::new("/dev/full"), LARGE).expect("opened");
        let Err(Error::Io(e)) = full.write(&look(NOON, 1)) else { panic!("no space") };
        assert_eq!(e.kind(), io::ErrorKind::StorageFull);
    }

    /// A stream onto a disk that may be full: then half of what it is given fits.
    #[derive(Clone, Default)]
    struct Disk(Rc<RefCell<Vec<u8>>>, Rc<Cell<bool>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let Disk(taken, full) = self;
            let fits = if full.get() { bytes.len() / 2 } else { bytes.len() };
            taken.borrow_mut().extend_from_slice(&bytes[..fits]);
            if full.get() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fits) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stream_onto_a_full_disk_loses_no_other_line_either() {
        let disk = Disk::default();
        let mut writer = Writer::to(disk.clone());
        writer.write(&look(NOON, 1)).expect("room");
        disk.1.set(true);
        writer.write(&look(NOON, 2)).expect_err("no room");
        disk.1.set(false);
        writer.write(&look(NOON, 3)).expect("room");
        writer.write(&look(NOON, 4)).expect("room");
        let taken = disk.0.borrow();
        let lines: Vec<_> = taken.split_inclusive(|byte| *byte == b'\n').map(Line::decode).collect();
        assert_eq!(lines, [Some(look(NOON, 1)), None, Some(look(NOON, 3)), Some(look(NOON, 4))]);
    }

    #[test]
    fn the_holder_of_a_lock_is_found_by_its_inode() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 fe:00:42 0 EOF\n2: FLOCK  ADVISORY  READ 12 fe:00:42 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 fe:00:420 0 EOF\n3: -> FLOCK  ADVISORY  WRITE 14 fe:00:7 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 15 00:2b:42 0 EOF\n";
        assert_eq!(holder_in(locks, 42), Some(15));
        assert_eq!(holder_in(locks, 43), None);
    }
}
