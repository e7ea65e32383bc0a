//! What a file says of its own lengths, checked against each other and against the memory that may be used, before
//! anything is allocated for it. A few bytes of a file may claim billions of values; afterwards none can.

use std::ops::Range;

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::Length;

use super::Error;
use super::file::Source;
use super::thrift::{Met, walk};

const MAGIC: &[u8; 4] = b"PAR1";

/// The largest list in a footer: row groups, and there are a few for a million objects.
const FOOTER_LIST: u64 = 1 << 16;

/// The most leaves and groups of a schema, and members of a group.
const SCHEMA_NODES: u64 = 512;

/// A page header takes some fifty bytes; statistics may make it longer.
const HEADER: [usize; 2] = [1 << 8, 1 << 16];

/// Encodings whose decoders take no length at its word: `PLAIN`, both dictionaries, `RLE`, `BIT_PACKED` (levels),
/// `DELTA_BINARY_PACKED`.
const ENCODINGS: [i64; 6] = [0, 2, 3, 4, 5, 8];

/// The footer, once its lists are known to be of sane lengths.
pub(super) fn footer(source: &Source, limit: u64) -> Result<ParquetMetaData, Error> {
    let len = source.len();
    if len == 0 {
        return Err(Error::foreign("it is empty"));
    }
    if source.up_to(0, 4).map_err(Error::Unreadable)? != MAGIC {
        return Err(Error::foreign("it is no Parquet file"));
    }
    let tail = source.up_to(len.saturating_sub(8), 8).map_err(Error::Unreadable)?;
    let cut = || Error::damaged("its end is missing: it is cut short");
    let footer_len = match tail.split_at_checked(4) {
        Some((bytes, magic)) if magic == MAGIC => bytes.try_into().map(u32::from_le_bytes).map_err(|_| cut())?,
        _ => return Err(cut()),
    };
    let start = len.checked_sub(8 + u64::from(footer_len)).filter(|start| *start >= 4).ok_or_else(cut)?;
    // Its texts are kept twice while it is read.
    fits(u64::from(footer_len).saturating_mul(4), limit)?;
    let bytes = source.up_to(start, footer_len as usize).map_err(Error::Unreadable)?;
    let sane = walk(&bytes, &mut |path, met| match (path, met) {
        ([2], Met::List(n)) => n <= SCHEMA_NODES,
        ([2, 5], Met::Number(n)) => u64::try_from(n).is_ok_and(|n| n <= SCHEMA_NODES),
        (_, Met::List(n)) => n <= FOOTER_LIST,
        _ => true,
    });
    if sane.is_none() {
        return Err(Error::damaged("its footer is none"));
    }
    ParquetMetaDataReader::decode_metadata(&bytes).map_err(|e| Error::decoding(&e))
}

/// Refuses what does not fit.
pub(super) fn fits(needed: u64, left: u64) -> Result<(), Error> {
    if needed > left { Err(Error::TooLarge { needed, left }) } else { Ok(()) }
}

/// Where a column of a row group lies.
fn range(source: &Source, chunk: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let (start, len) = (u64::try_from(start).ok()?, u64::try_from(chunk.compressed_size()).ok()?);
    start.checked_add(len).filter(|end| *end <= source.len()).map(|end| start..end)
}

/// Checks each page header of a column of a row group: pages hold as many values as the footer says, in encodings that
/// are read here. Gives the size of the pages in memory, in bytes.
pub(super) fn pages(source: &Source, chunk: &ColumnChunkMetaData) -> Result<u64, Error> {
    let damaged = |why: &str| Error::damaged(format!("column {}: {why}", chunk.column_path().string()));
    let range = range(source, chunk).ok_or_else(|| damaged("it lies past the end of the file"))?;
    let mut at = range.start;
    let (mut values, mut bytes) = (0u64, 0u64);
    while at < range.end {
        let (header, page) = header(source, at)?.ok_or_else(|| damaged("a page has no header"))?;
        let body = u64::try_from(page.compressed).map_err(|_| damaged("a page of negative length"))?;
        let uncompressed = u64::try_from(page.uncompressed).map_err(|_| damaged("a page of negative length"))?;
        at = at.saturating_add(header).saturating_add(body);
        bytes = bytes.saturating_add(uncompressed);
        let n = u64::try_from(page.values).map_err(|_| damaged("a page of negative length"))?;
        match page.of {
            // A value of a dictionary takes four bytes at least.
            DICTIONARY if n > uncompressed / 4 => return Err(damaged("a dictionary of more values than bytes")),
            DICTIONARY => {}
            DATA | DATA_V2 => values = values.saturating_add(n),
            _ => return Err(damaged("a page of an unknown kind")),
        }
        if !ENCODINGS.contains(&page.encoding) {
            return Err(damaged("an encoding that leakspy does not write"));
        }
    }
    if at != range.end || u64::try_from(chunk.num_values()) != Ok(values) {
        return Err(damaged("its pages do not hold what the footer says"));
    }
    Ok(bytes)
}

const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;

/// What a page header says.
struct Page {
    of: i64,
    uncompressed: i64,
    compressed: i64,
    values: i64,
    encoding: i64,
}

fn header(source: &Source, at: u64) -> Result<Option<(u64, Page)>, Error> {
    for len in HEADER {
        let bytes = source.up_to(at, len).map_err(Error::Unreadable)?;
        let mut page = Page { of: -1, compressed: -1, uncompressed: -1, values: -1, encoding: -1 };
        // A header may bear those of other kinds of pages besides its own.
        let (mut values, mut encodings) = ([-1; 9], [-1; 9]);
        let end = walk(&bytes, &mut |path, met| {
            match (path, met) {
                ([1], Met::Number(n)) => page.of = n,
                ([2], Met::Number(n)) => page.uncompressed = n,
                ([3], Met::Number(n)) => page.compressed = n,
                ([kind @ (5 | 7 | 8), 1], Met::Number(n)) => values[*kind as usize] = n,
                ([kind @ (5 | 7), 2] | [kind @ 8, 4], Met::Number(n)) => encodings[*kind as usize] = n,
                _ => {}
            }
            true
        });
        if let Some(end) = end {
            let own = match page.of {
                DATA => 5,
                DICTIONARY => 7,
                _ => 8,
            };
            (page.values, page.encoding) = (values[own], encodings[own]);
            return Ok(Some((end as u64, page)));
        }
    }
    Ok(None)
}
