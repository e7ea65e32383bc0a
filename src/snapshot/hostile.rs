//! Files that are no snapshots, or no longer: each is refused with its reason, and none makes the reading panic.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parquet::data_type::Int64Type;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::round_trip::capture;
use super::{Error, Snapshot, read, write};
use crate::heap::{Heap, Label, RootKind, Sketch};

const LIMIT: u64 = 64 << 20;

fn sketched() -> Heap {
    let mut sketch = Sketch::new();
    let app = sketch.module("app", RootKind::UserModule);
    let items: Vec<_> = (0..40).map(|_| sketch.object("app.Timing", 48)).collect();
    let results = sketch.list(&items);
    sketch.attribute(app, "RESULTS", results);
    let label = sketch.named(Label::Closure, "cache");
    sketch.edge(results, label, app);
    let mut heap = sketch.heap();
    heap.contents = (0u32..).take(heap.objects.len()).map(|at| at.wrapping_mul(0x9e37_79b9)).collect();
    heap
}

/// A small valid file.
fn valid() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let mut file = Vec::new();
        write(Cursor::new(&mut file), &sketched(), &capture()).expect("written");
        file
    })
}

fn read_bytes(bytes: &[u8], limit: u64) -> Result<Snapshot, Error> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), bytes).expect("written");
    read(file.path(), limit)
}

fn refused(bytes: &[u8]) -> Error {
    read_bytes(bytes, LIMIT).map(|_| ()).expect_err("refused")
}

/// Another program's Parquet file, with these texts in its metadata.
fn other(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut file = Vec::new();
    let schema = Arc::new(parse_message_type("message m { required int64 id; }").expect("a schema"));
    let mut writer =
        SerializedFileWriter::new(&mut file, schema, Arc::new(WriterProperties::builder().build())).expect("begun");
    let mut group = writer.next_row_group().expect("a row group");
    let mut column = group.next_column().expect("a column").expect("a column");
    column.typed::<Int64Type>().write_batch(&[1, 2, 3], None, None).expect("written");
    column.close().expect("closed");
    group.close().expect("closed");
    for (key, value) in pairs {
        writer.append_key_value_metadata(KeyValue::new((*key).to_owned(), (*value).to_owned()));
    }
    writer.close().expect("closed");
    file
}

#[test]
fn the_file_is_valid_as_it_is() {
    assert_eq!(read_bytes(valid(), LIMIT).expect("read").heap.objects.len(), sketched().objects.len());
}

#[test]
fn what_is_no_snapshot_is_refused_with_what_it_is() {
    let foreign = |bytes: &[u8], says: &str| {
        let error = refused(bytes);
        assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    };
    foreign(b"", "empty");
    foreign(b"{\"schema\": \"leakspy/types/1\"}", "no Parquet file");
    foreign(b"PAR", "no Parquet file");
    foreign(&other(&[]), "another Parquet file");

    let newer = refused(&other(&[("leakspy.schema", "2")]));
    assert!(matches!(&newer, Error::Newer { found } if found == "2"), "{newer:?}");
    let lacking = refused(&other(&[("leakspy.schema", "1")]));
    assert!(matches!(&lacking, Error::Damaged { why } if why.contains("lacks the column address")), "{lacking:?}");
}

#[test]
fn what_is_no_file_is_told_apart() {
    let folder = tempfile::tempdir().expect("a directory");
    assert!(matches!(read(&folder.path().join("none"), LIMIT), Err(Error::Missing)));
    assert!(matches!(read(folder.path(), LIMIT), Err(Error::Foreign { .. })));
    assert!(matches!(read(Path::new("/dev/null"), LIMIT), Err(Error::Foreign { .. })));
    let pipe: PathBuf = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    assert!(matches!(read(&pipe, LIMIT), Err(Error::Foreign { .. })), "and is not waited for");
}

#[test]
fn what_is_cut_short_is_damaged() {
    for len in 4..valid().len() {
        let error = refused(&valid()[..len]);
        assert!(matches!(error, Error::Damaged { .. }), "{len}: {error:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused_before_it_is_read() {
    let error = read_bytes(valid(), 1000).map(|_| ()).expect_err("too large");
    assert!(matches!(error, Error::TooLarge { needed, left: 1000 } if needed > 1000), "{error:?}");
}

#[test]
fn a_text_that_is_said_a_thousand_times_counts_each_time() {
    let mut heap = sketched();
    heap.contents.clear();
    let long = heap.names.text(&"x".repeat(100 << 10));
    let one = heap.objects.get(crate::heap::Id(0)).expect("an object");
    while heap.objects.len() < 2000 {
        let id = heap.objects.push(one).expect("room");
        heap.edges.end_row();
        heap.called.insert(id, long);
    }
    let mut file = Vec::new();
    write(Cursor::new(&mut file), &heap, &capture()).expect("written");
    assert!(file.len() < 1 << 20, "{} bytes", file.len());
    let error = refused(&file);
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    assert!(read_bytes(&file, 1 << 30).is_ok());
}

#[test]
fn every_byte_may_be_wrong() {
    // The pages of a file are not guarded by checksums: what cannot be told from a value is one.
    let mut accepted = 0;
    for at in 0..valid().len() {
        for flip in [0x01, 0xff] {
            let mut bytes = valid().to_vec();
            bytes[at] ^= flip;
            accepted += usize::from(read_bytes(&bytes, LIMIT).is_ok());
        }
    }
    assert!(accepted < valid().len(), "{accepted} of {} damaged files were read", valid().len() * 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damage_is_an_error_or_a_heap(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in prop::option::of((any::<prop::sample::Index>(), 0usize..64)),
    ) {
        let mut bytes = valid().to_vec();
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] = with;
        }
        if let Some((at, len)) = cut {
            let at = at.index(bytes.len());
            bytes.drain(at..(at + len).min(valid().len()));
        }
        if let Ok(found) = read_bytes(&bytes, LIMIT) {
            // Whatever it says now, it holds together.
            let objects = found.heap.objects.len();
            prop_assert_eq!(found.heap.edges.rows(), objects);
            prop_assert!(found.heap.contents.is_empty() || found.heap.contents.len() == objects);
            prop_assert!(found.heap.edges.all().all(|edge| edge.to.at() < objects));
            prop_assert!(found.heap.roots.iter().all(|root| root.object.at() < objects));
            prop_assert!(found.heap.objects.ids().all(|id| found.heap.objects.of(id).at() < found.heap.types.len()));
        }
    }

    #[test]
    fn any_footer_is_an_error(footer in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = b"PAR1".to_vec();
        bytes.extend(&footer);
        bytes.extend((footer.len() as u32).to_le_bytes());
        bytes.extend(b"PAR1");
        prop_assert!(read_bytes(&bytes, LIMIT).is_err());
    }
}
