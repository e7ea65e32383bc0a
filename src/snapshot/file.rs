//! A snapshot as a file that appears all at once and that its owner alone may read: a heap may hold secrets.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::{Error, Written, write};
use crate::heap::{Capture, Heap};

/// For the owner alone.
const MODE: u32 = 0o600;

/// Writes a heap to a file; one that stands there is replaced in one step, once the new one is complete.
///
/// # Errors
/// [`Error::Unwritable`]; the directory is then as it was before.
pub fn save(path: &Path, heap: &Heap, capture: &Capture) -> Result<Written, Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new()
        .prefix(".leakspy-")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder)
        .map_err(Error::Unwritable)?;
    let written = write(file.as_file(), heap, capture)?;
    file.as_file().sync_data().map_err(Error::Unwritable)?;
    file.persist(path).map_err(|e| Error::Unwritable(e.error))?;
    Ok(written)
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
