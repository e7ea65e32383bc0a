//! A heap → the bytes of a Parquet file. Row groups are encoded side by side, column by column, a few at a time, so that
//! what is held in memory besides the heap stays small. Chooses no place for them.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::column::writer::{ColumnCloseResult, ColumnWriterImpl, get_column_writer, get_typed_column_writer};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::SchemaDescriptor;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::schema::{self, KEY_CAPTURE, KEY_GAPS, KEY_TYPES, KEY_VERSION, Leaf, VERSION};
use super::{Error, Written, kind};
use crate::heap::{Capture, Heap, Id, LabelId, Root, SizeBasis};

/// At most so many objects in a row group …
const ROWS: usize = 128 << 10;

/// … and so many references, where one object does not have more.
const REFERENCES: usize = 1 << 20;

/// Row groups that are held in memory, encoded, before they are written.
const AT_ONCE: usize = 4;

/// So many values are handed over at a time.
const BATCH: usize = 1 << 16;

/// Writes a heap to `out`, in one pass.
///
/// # Errors
/// [`Error::Unwritable`] with what `out` says.
pub fn write<W: Write + Send>(out: W, heap: &Heap, capture: &Capture) -> Result<Written, Error> {
    encode(out, heap, capture).map_err(Error::encoding)
}

fn encode<W: Write + Send>(out: W, heap: &Heap, capture: &Capture) -> Result<Written, ParquetError> {
    let leaves = Leaf::of(heap);
    let properties = Arc::new(schema::properties());
    let mut file = SerializedFileWriter::new(out, schema::schema(&leaves), Arc::clone(&properties))?;
    for (key, value) in metadata(heap, capture)? {
        file.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }
    let table = Table { heap, roots: Roots::of(heap), descriptor: schema::descriptor(&leaves), properties };
    for groups in row_groups(heap).chunks(AT_ONCE) {
        let tasks: Vec<(&Range<u32>, Leaf)> =
            groups.iter().flat_map(|rows| leaves.iter().map(move |leaf| (rows, *leaf))).collect();
        let chunks: Vec<Chunk> =
            tasks.into_par_iter().map(|(rows, leaf)| table.column(rows.clone(), leaf)).collect::<Result<_, _>>()?;
        let mut chunks = chunks.into_iter();
        for _ in groups {
            let mut group = file.next_row_group()?;
            for (bytes, closed) in chunks.by_ref().take(leaves.len()) {
                group.append_column(&bytes, closed)?;
            }
            group.close()?;
        }
    }
    file.finish()?;
    let written = Written {
        bytes: file.bytes_written() as u64,
        objects: heap.objects.len() as u64,
        references: heap.edges.len() as u64,
    };
    file.inner_mut().flush()?;
    Ok(written)
}

fn metadata(heap: &Heap, capture: &Capture) -> Result<[(&'static str, String); 4], ParquetError> {
    let types: Vec<(&str, bool, Option<u32>)> = heap
        .types
        .iter()
        .map(|of| (of.name.as_str(), of.basis == SizeBasis::Exact, of.object.map(|id| id.0)))
        .collect();
    let json = |e: serde_json::Error| ParquetError::General(e.to_string());
    Ok([
        (KEY_VERSION, VERSION.to_owned()),
        (KEY_CAPTURE, serde_json::to_string(capture).map_err(json)?),
        (KEY_TYPES, serde_json::to_string(&types).map_err(json)?),
        (KEY_GAPS, serde_json::to_string(&heap.gaps).map_err(json)?),
    ])
}

/// Which objects stand together.
fn row_groups(heap: &Heap) -> Vec<Range<u32>> {
    let mut groups = Vec::new();
    let mut start = 0;
    let mut references = 0;
    for id in heap.objects.ids() {
        let more = heap.edges.row(id).0.len();
        if id.0 > start && (id.0 - start >= ROWS as u32 || references + more > REFERENCES) {
            groups.push(start..id.0);
            (start, references) = (id.0, 0);
        }
        references += more;
    }
    let end = heap.objects.len() as u32;
    if end > start {
        groups.push(start..end);
    }
    groups
}

/// Roots by the object that they hold, each with its place among all of them.
struct Roots<'a> {
    by_object: Vec<(Id, u32, &'a Root)>,
}

impl<'a> Roots<'a> {
    fn of(heap: &'a Heap) -> Self {
        let mut by_object: Vec<_> =
            heap.roots.iter().enumerate().map(|(at, root)| (root.object, at as u32, root)).collect();
        by_object.sort_unstable_by_key(|(object, at, _)| (*object, *at));
        Roots { by_object }
    }

    fn of_object(&self, id: Id) -> &[(Id, u32, &'a Root)] {
        let start = self.by_object.partition_point(|(object, ..)| *object < id);
        let len = self.by_object[start..].iter().take_while(|(object, ..)| *object == id).count();
        &self.by_object[start..start + len]
    }
}

/// A column of a row group in bytes, and what the footer says of it.
type Chunk = (Bytes, ColumnCloseResult);

struct Table<'a> {
    heap: &'a Heap,
    roots: Roots<'a>,
    descriptor: SchemaDescriptor,
    properties: WriterPropertiesPtr,
}

impl Table<'_> {
    fn column(&self, rows: Range<u32>, leaf: Leaf) -> Result<Chunk, ParquetError> {
        let Heap { objects, types, edges, names, .. } = self.heap;
        let ids = || rows.clone().map(Id);
        let exact = |id: Id| types.get(objects.of(id).at()).is_none_or(|of| of.basis == SizeBasis::Exact);
        match leaf {
            Leaf::Id => self.flat::<Int64Type>(leaf, ids().map(|id| i64::from(id.0))),
            Leaf::Address => self.flat::<Int64Type>(leaf, ids().map(|id| objects.addr(id).0.cast_signed())),
            Leaf::Type => {
                let mut texts = Texts::default();
                let text = |id: Id| texts.of(objects.of(id).0, || self.heap.type_name(id).into());
                self.flat::<ByteArrayType>(leaf, ids().map(text))
            }
            Leaf::Bytes => self.flat::<Int64Type>(leaf, ids().map(|id| objects.bytes(id).cast_signed())),
            Leaf::Refcount => self.flat::<Int64Type>(leaf, ids().map(|id| i64::from(objects.refcount(id)))),
            Leaf::Tracked => self.flat::<BoolType>(leaf, ids().map(|id| objects.generation(id).is_tracked())),
            Leaf::Generation => {
                let number = |id: Id| objects.generation(id).number().map(|n| i32::from(n.min(i8::MAX as u8)));
                self.optional::<Int32Type>(leaf, ids().map(number))
            }
            Leaf::FoundBy => {
                let mut texts = Texts::default();
                let text = |id: Id| {
                    let found_by = objects.get(id).map(|object| object.found_by).unwrap_or_default();
                    texts.of(found_by as u32, || found_by.word().into())
                };
                self.flat::<ByteArrayType>(leaf, ids().map(text))
            }
            Leaf::Root => {
                let telling = |id| self.roots.of_object(id).iter().min_by_key(|(_, at, root)| (root.kind, *at));
                let text = |id| telling(id).map(|(.., root)| bytes(names.get(root.text)));
                self.optional::<ByteArrayType>(leaf, ids().map(text))
            }
            Leaf::ReferenceTo => {
                self.list::<Int64Type, _>(leaf, ids(), |id| edges.row(id).0.iter().map(|to| i64::from(*to)))
            }
            Leaf::ReferenceEdge => {
                let mut texts = Texts::default();
                let mut text = |label: &LabelId| texts.of(label.plain().bits(), || self.heap.label_text(*label));
                self.encode::<ByteArrayType>(leaf, |column| {
                    ids().try_for_each(|id| column.list(edges.row(id).1.iter().map(&mut text)))
                })
            }
            Leaf::ReferenceKind => {
                let number = |label: &LabelId| kind::marked(kind::number(names.label_of(label.plain())), *label);
                self.list::<Int32Type, _>(leaf, ids(), |id| edges.row(id).1.iter().map(number))
            }
            Leaf::Name => self.optional::<ByteArrayType>(leaf, ids().map(|id| self.heap.called(id).map(bytes))),
            Leaf::Immortal => self.flat::<BoolType>(leaf, ids().map(|id| objects.is_immortal(id))),
            Leaf::Exact => self.flat::<BoolType>(leaf, ids().map(exact)),
            Leaf::TypeId => self.flat::<Int32Type>(leaf, ids().map(|id| objects.of(id).0.cast_signed())),
            Leaf::RootKind => self.of_roots::<ByteArrayType>(leaf, ids(), |_, root| bytes(root.kind.word())),
            Leaf::RootText => self.of_roots::<ByteArrayType>(leaf, ids(), |_, root| bytes(names.get(root.text))),
            Leaf::RootReferences => self.of_roots::<Int64Type>(leaf, ids(), |_, root| i64::from(root.references)),
            Leaf::RootOrder => self.of_roots::<Int64Type>(leaf, ids(), |at, _| i64::from(at)),
            Leaf::Content => {
                let content = |id| self.heap.content(id).map(|content| content.get().cast_signed());
                self.optional::<Int32Type>(leaf, ids().map(content))
            }
            Leaf::Value => {
                let value = |id| self.heap.values.get(&id).map(|value| bytes(value));
                self.optional::<ByteArrayType>(leaf, ids().map(value))
            }
        }
    }

    fn encode<T: DataType>(
        &self,
        leaf: Leaf,
        fill: impl FnOnce(&mut Column<'_, T>) -> Result<(), ParquetError>,
    ) -> Result<Chunk, ParquetError> {
        let columns = self.descriptor.columns();
        let at = columns.iter().position(|column| column.path().string() == leaf.path()).unwrap_or_default();
        let mut sink = TrackedWrite::new(Vec::new());
        let pages = Box::new(SerializedPageWriter::new(&mut sink));
        let writer = get_column_writer(self.descriptor.column(at), Arc::clone(&self.properties), pages);
        let writer = get_typed_column_writer::<T>(writer);
        let mut column = Column { writer, values: Vec::new(), defined: Vec::new(), repeated: Vec::new() };
        fill(&mut column)?;
        let closed = column.close()?;
        Ok((sink.into_inner()?.into(), closed))
    }

    fn flat<T: DataType>(&self, leaf: Leaf, mut values: impl Iterator<Item = T::T>) -> Result<Chunk, ParquetError> {
        self.encode::<T>(leaf, |column| values.try_for_each(|value| column.value(value)))
    }

    fn optional<T: DataType>(
        &self,
        leaf: Leaf,
        mut values: impl Iterator<Item = Option<T::T>>,
    ) -> Result<Chunk, ParquetError> {
        self.encode::<T>(leaf, |column| values.try_for_each(|value| column.optional(value)))
    }

    fn list<T: DataType, I: Iterator<Item = T::T>>(
        &self,
        leaf: Leaf,
        mut ids: impl Iterator<Item = Id>,
        of: impl Fn(Id) -> I,
    ) -> Result<Chunk, ParquetError> {
        self.encode::<T>(leaf, |column| ids.try_for_each(|id| column.list(of(id))))
    }

    fn of_roots<T: DataType>(
        &self,
        leaf: Leaf,
        ids: impl Iterator<Item = Id>,
        of: impl Fn(u32, &Root) -> T::T,
    ) -> Result<Chunk, ParquetError> {
        self.list::<T, _>(leaf, ids, |id| self.roots.of_object(id).iter().map(|(_, at, root)| of(*at, root)))
    }
}

fn bytes(text: &str) -> ByteArray {
    text.into()
}

/// Texts by number, made once: what is handed over again and again is the same bytes.
#[derive(Default)]
struct Texts {
    made: FxHashMap<u32, ByteArray>,
}

impl Texts {
    fn of(&mut self, number: u32, make: impl FnOnce() -> String) -> ByteArray {
        self.made.entry(number).or_insert_with(|| make().into_bytes().into()).clone()
    }
}

/// A column of a row group under way.
struct Column<'a, T: DataType> {
    writer: ColumnWriterImpl<'a, T>,
    values: Vec<T::T>,
    defined: Vec<i16>,
    repeated: Vec<i16>,
}

impl<T: DataType> Column<'_, T> {
    /// A value of a column that has one for each object.
    fn value(&mut self, value: T::T) -> Result<(), ParquetError> {
        self.values.push(value);
        self.end_row()
    }

    /// A value or none.
    fn optional(&mut self, value: Option<T::T>) -> Result<(), ParquetError> {
        self.defined.push(i16::from(value.is_some()));
        self.values.extend(value);
        self.end_row()
    }

    /// A list of values; an empty one takes up a level too.
    fn list(&mut self, values: impl Iterator<Item = T::T>) -> Result<(), ParquetError> {
        let before = self.values.len();
        self.values.extend(values);
        let more = self.values.len() - before;
        self.defined.resize(self.defined.len() + more.max(1), i16::from(more > 0));
        self.repeated.push(0);
        self.repeated.resize(self.defined.len(), 1);
        self.end_row()
    }

    fn close(mut self) -> Result<ColumnCloseResult, ParquetError> {
        self.flush()?;
        self.writer.close()
    }

    fn end_row(&mut self) -> Result<(), ParquetError> {
        if self.values.len().max(self.defined.len()) < BATCH { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        let defined = (!self.defined.is_empty()).then_some(self.defined.as_slice());
        let repeated = (!self.repeated.is_empty()).then_some(self.repeated.as_slice());
        self.writer.write_batch(&self.values, defined, repeated)?;
        self.values.clear();
        self.defined.clear();
        self.repeated.clear();
        Ok(())
    }
}
