//! A snapshot as a file that appears all at once and that its owner alone may read: a heap may hold secrets.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::linkat;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::{Error, Written, write};
use crate::heap::{Capture, Heap};

/// For the owner alone.
const MODE: u32 = 0o600;

/// What a file is called, for a moment, before it has its own name.
const PREFIX: &str = ".leakspy-";

/// Writes a heap to a file; one that stands there is replaced in one step, once the new one is complete.
///
/// # Errors
/// [`Error::Unwritable`]; the directory is then as it was before.
pub fn save(path: &Path, heap: &Heap, capture: &Capture) -> Result<Written, Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = Unfinished::begin(folder).map_err(Error::Unwritable)?;
    let written = write(file.file(), heap, capture)?;
    file.file().sync_data().map_err(Error::Unwritable)?;
    file.finish(folder, path).map_err(Error::Unwritable)?;
    Ok(written)
}

/// A file that is not yet to be seen.
enum Unfinished {
    /// It has no name, and goes away with its process however that ends.
    Unnamed(File),
    /// Where the file system knows only files with names.
    Named(tempfile::NamedTempFile),
}

impl Unfinished {
    fn begin(folder: &Path) -> io::Result<Unfinished> {
        let unnamed = OpenOptions::new().write(true).mode(MODE).custom_flags(libc::O_TMPFILE).open(folder);
        // The umask may have taken more away from the mode.
        match unnamed.and_then(|file| file.set_permissions(Permissions::from_mode(MODE)).map(|()| file)) {
            Ok(file) => Ok(Unfinished::Unnamed(file)),
            Err(_) => {
                let mode = Permissions::from_mode(MODE);
                tempfile::Builder::new().prefix(PREFIX).permissions(mode).tempfile_in(folder).map(Unfinished::Named)
            }
        }
    }

    fn file(&self) -> &File {
        match self {
            Unfinished::Unnamed(file) => file,
            Unfinished::Named(file) => file.as_file(),
        }
    }

    fn finish(self, folder: &Path, path: &Path) -> io::Result<()> {
        let file = match self {
            Unfinished::Named(file) => return file.persist(path).map(|_| ()).map_err(|e| e.error),
            Unfinished::Unnamed(file) => file,
        };
        // A link replaces nothing, so it gets a name of its own first.
        let open = format!("/proc/self/fd/{}", file.as_raw_fd());
        let link = |to: &Path| {
            linkat(AT_FDCWD, open.as_str(), AT_FDCWD, to, AtFlags::AT_SYMLINK_FOLLOW).map_err(io::Error::from)
        };
        let named = tempfile::Builder::new().prefix(PREFIX).make_in(folder, link)?;
        named.persist(path).map_err(|e| e.error)
    }
}

/// A file that many threads read at once, each from its own place.
#[derive(Debug, Clone)]
pub(super) struct Source {
    file: Arc<File>,
    len: u64,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Source, Error> {
        let refused = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => Error::Missing,
            _ => Error::Unreadable(e),
        };
        // Asked before the file is opened: a pipe would wait for its writer.
        let found = std::fs::metadata(path).map_err(refused)?;
        if !found.is_file() {
            return Err(Error::foreign(if found.is_dir() { "it is a directory" } else { "it is no regular file" }));
        }
        let file = File::open(path).map_err(refused)?;
        let len = file.metadata().map_err(refused)?.len();
        Ok(Source { file: Arc::new(file), len })
    }

    /// So many bytes from there on, or fewer at the end.
    pub(super) fn up_to(&self, start: u64, len: usize) -> io::Result<Vec<u8>> {
        let left = self.len.saturating_sub(start);
        let mut bytes = vec![0; len.min(usize::try_from(left).unwrap_or(usize::MAX))];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Source {
    type T = io::BufReader<At>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(io::BufReader::new(At { source: self.clone(), next: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.up_to(start, length)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} do not lie in the file")));
        }
        Ok(bytes.into())
    }
}

/// A place in the file.
#[derive(Debug)]
pub(super) struct At {
    source: Source,
    next: u64,
}

impl io::Read for At {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.file.read_at(into, self.next)?;
        self.next = self.next.saturating_add(read as u64);
        Ok(read)
    }
}
