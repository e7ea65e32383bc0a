//! Why a snapshot could not be read or written, sorted by what a person can do about it.

use std::io;

/// Why there is no snapshot. The command line puts it into words and an exit code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The file system does not give it.
    #[error("{0}")]
    Unreadable(io::Error),
    /// It is no snapshot of leakspy's: another format, or another Parquet file.
    #[error("it is no snapshot of leakspy's: {why}")]
    Foreign {
        /// What it is, or what it lacks.
        why: String,
    },
    /// It is a snapshot of a format that this leakspy does not know.
    #[error("it is a snapshot of format {found}, and this leakspy reads format {}", super::VERSION)]
    Newer {
        /// The format it says it has.
        found: String,
    },
    /// It is a snapshot, but what it says does not fit together: cut short, or damaged.
    #[error("it is damaged: {why}")]
    Damaged {
        /// What was met.
        why: String,
    },
    /// It does not fit into the memory that may be used.
    #[error("{needed} bytes are needed and {left} may be used")]
    TooLarge {
        /// In bytes.
        needed: u64,
        /// In bytes.
        left: u64,
    },
    /// It could not be written; what stood there before still does.
    #[error("{0}")]
    Unwritable(io::Error),
}

impl Error {
    pub(super) fn foreign(why: impl Into<String>) -> Error {
        Error::Foreign { why: why.into() }
    }

    pub(super) fn damaged(why: impl Into<String>) -> Error {
        Error::Damaged { why: why.into() }
    }

    /// What the Parquet library says of what it is to read.
    pub(super) fn decoding(why: &parquet::errors::ParquetError) -> Error {
        Error::damaged(why.to_string())
    }

    /// What the Parquet library says of what it is to write: at the bottom of it is the file system.
    pub(super) fn encoding(why: parquet::errors::ParquetError) -> Error {
        Error::Unwritable(match why {
            parquet::errors::ParquetError::External(source) => match source.downcast::<io::Error>() {
                Ok(error) => *error,
                Err(other) => io::Error::other(other.to_string()),
            },
            other => io::Error::other(other.to_string()),
        })
    }
}
