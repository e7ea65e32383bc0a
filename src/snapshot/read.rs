//! A file → a heap. Row groups are read side by side and joined in the order of the file. Believes nothing that the file
//! says: each number of an object, type or kind is checked.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::metadata::{ColumnChunkMetaData, FileMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::file::Source;
use super::guard::guarded;
use super::schema::{self, KEY_CAPTURE, KEY_GAPS, KEY_TYPES, KEY_VERSION, Leaf, VERSION};
use super::{Error, Snapshot, bounds, kind};
use crate::addr::Addr;
use crate::heap::{
    Capture, FoundBy, Gaps, Generation, Heap, Id, LabelId, Object, Objects, Root, RootKind, SizeBasis, Type, TypeId,
};

/// What an object takes up while the row groups are joined, in bytes: as a row, and in the columns of the heap.
const OBJECT: u64 = 76;

/// What a reference takes up, likewise.
const REFERENCE: u64 = 16;

/// What a text takes up besides its bytes, with the root, name or label that it belongs to.
const TEXT: u64 = 96;

/// What a reference takes up while it is decoded, in bytes.
const DECODED: u64 = 64;

/// Objects whose references are decoded at a time.
const BATCH: usize = 1 << 13;

/// Reads a file; `limit` is the memory that may be used, in bytes.
///
/// # Errors
/// See [`Error`]. No file makes it panic, or use much more than `limit`.
pub fn read(path: &Path, limit: u64) -> Result<Snapshot, Error> {
    let source = Source::open(path)?;
    let footer = guarded(|| bounds::footer(&source, limit))?;
    let table = guarded(|| Table::check(source, footer, limit))?;
    let parts: Vec<Part> =
        (0..table.groups.len()).into_par_iter().map(|at| guarded(|| table.part(at))).collect::<Result<_, _>>()?;
    table.join(parts)
}

/// A row group: its place in the file, and the number of its first object.
#[derive(Debug)]
struct Group {
    at: usize,
    first: u32,
    rows: usize,
}

/// A file whose lengths are known to be sane.
struct Table {
    source: Arc<Source>,
    footer: ParquetMetaData,
    /// Where each leaf stands in this file.
    columns: Vec<Option<usize>>,
    groups: Vec<Group>,
    objects: u32,
    types: Vec<Type>,
    gaps: Gaps,
    capture: Capture,
    /// What texts may still take up, in bytes: a dictionary says a long one a million times in a few bytes.
    room: AtomicU64,
    limit: u64,
}

impl Table {
    fn check(source: Source, footer: ParquetMetaData, limit: u64) -> Result<Table, Error> {
        let file = footer.file_metadata();
        let text = |key: &str| text_of(file, key);
        match text(KEY_VERSION) {
            Some(VERSION) => {}
            Some(found) => return Err(Error::Newer { found: found.chars().take(40).collect() }),
            None => return Err(Error::foreign("it is another Parquet file")),
        }
        let columns = columns(file)?;
        let mut first = 0u64;
        let (mut references, mut largest) = (0u64, 0u64);
        let mut groups = Vec::new();
        for (at, group) in footer.row_groups().iter().enumerate() {
            let rows = u64::try_from(group.num_rows()).map_err(|_| Error::damaged("a row group of negative length"))?;
            let number = u32::try_from(first).map_err(|_| Error::damaged("more objects than four billion"))?;
            groups.push(Group { at, first: number, rows: rows as usize });
            first = first.saturating_add(rows);
            let found = lengths(&source, group, &columns, rows)?;
            references = references.saturating_add(found.references);
            largest = largest.max(found.bytes.saturating_mul(2).saturating_add(found.values.saturating_mul(DECODED)));
        }
        if i64::try_from(first) != Ok(file.num_rows()) {
            return Err(Error::damaged("its row groups do not hold the rows of the file"));
        }
        let objects = u32::try_from(first).map_err(|_| Error::damaged("more objects than four billion"))?;
        let at_once = rayon::current_num_threads().min(groups.len()).max(1) as u64;
        let needed = first
            .saturating_mul(OBJECT)
            .saturating_add(references.saturating_mul(REFERENCE))
            .saturating_add(largest.saturating_mul(at_once));
        bounds::fits(needed, limit)?;

        let room = AtomicU64::new(limit.saturating_sub(needed));
        let damaged = |key: &str, e: serde_json::Error| Error::damaged(format!("{key}: {e}"));
        let json = |key: &str| text(key).ok_or_else(|| Error::damaged(format!("no {key} in its metadata")));
        let mut capture: Capture = serde_json::from_str(json(KEY_CAPTURE)?).map_err(|e| damaged(KEY_CAPTURE, e))?;
        "snapshot".clone_into(&mut capture.source);
        let gaps = serde_json::from_str(json(KEY_GAPS)?).map_err(|e| damaged(KEY_GAPS, e))?;
        let types: Vec<(String, bool, Option<u32>)> =
            serde_json::from_str(json(KEY_TYPES)?).map_err(|e| damaged(KEY_TYPES, e))?;
        let of = |(name, exact, object): (String, bool, Option<u32>)| match object {
            Some(id) if id >= objects => Err(Error::damaged("a type that is no object of its")),
            _ => {
                let basis = if exact { SizeBasis::Exact } else { SizeBasis::Basic };
                Ok(Type { name, basis, object: object.map(Id) })
            }
        };
        let types = types.into_iter().map(of).collect::<Result<_, _>>()?;
        Ok(Table { source: Arc::new(source), columns, groups, objects, types, gaps, capture, footer, room, limit })
    }

    /// A text, kept.
    fn keep(&self, bytes: &ByteArray) -> Result<Box<str>, Error> {
        let text = text(bytes)?;
        let (len, left) = ((text.len() as u64).saturating_add(TEXT), self.limit);
        let taken = self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(len));
        taken.map_err(|_| Error::TooLarge { needed: left.saturating_add(len), left })?;
        Ok(text.into())
    }

    fn column<T: DataType>(&self, group: &Group, leaf: Leaf) -> Result<Option<ColumnReaderImpl<T>>, Error> {
        let place = Leaf::ALL.iter().position(|l| *l == leaf).and_then(|at| *self.columns.get(at)?);
        let Some(place) = place else { return Ok(None) };
        let row_group = self.footer.row_groups().get(group.at).ok_or_else(|| Error::damaged("no such row group"))?;
        let chunk = chunk_of(row_group, place)?;
        let pages = SerializedPageReader::new(Arc::clone(&self.source), chunk, group.rows, None)
            .map_err(|e| Error::decoding(&e))?;
        let column = get_column_reader(chunk.column_descr_ptr(), Box::new(pages));
        Ok(Some(get_typed_column_reader(column)))
    }

    fn required<T: DataType>(&self, group: &Group, leaf: Leaf) -> Result<Levels<T>, Error> {
        let column = self.column::<T>(group, leaf)?;
        let column = column.ok_or_else(|| Error::damaged(format!("no column {}", leaf.path())))?;
        Ok(Levels { column, leaf, values: Vec::new(), defined: Vec::new(), repeated: Vec::new() })
    }

    /// The values of a column that has one for each object.
    fn flat<T: DataType>(&self, group: &Group, leaf: Leaf) -> Result<Vec<T::T>, Error> {
        let mut levels = self.required::<T>(group, leaf)?;
        levels.next(group.rows)?;
        Ok(levels.values)
    }

    /// The values of a column that may lack some, with the objects that have one.
    fn sparse<T: DataType>(&self, group: &Group, leaf: Leaf) -> Result<Vec<(Id, T::T)>, Error> {
        let mut levels = self.required::<T>(group, leaf)?;
        levels.next(group.rows)?;
        let ids = (group.first..).map(Id).zip(&levels.defined).filter(|(_, defined)| **defined > 0);
        Ok(ids.map(|(id, _)| id).zip(levels.values).collect())
    }

    fn part(&self, at: usize) -> Result<Part, Error> {
        let group = self.groups.get(at).ok_or_else(|| Error::damaged("no such row group"))?;
        let mut part = Part { objects: self.objects(group)?, ..Part::default() };
        self.references(group, &mut part)?;
        self.roots(group, &mut part)?;
        for (id, name) in self.sparse::<ByteArrayType>(group, Leaf::Name)? {
            part.called.push((id, self.keep(&name)?));
        }
        if self.column::<Int32Type>(group, Leaf::Content)?.is_some() {
            part.contents.resize(group.rows, 0);
            for (id, content) in self.sparse::<Int32Type>(group, Leaf::Content)? {
                if let Some(place) = part.contents.get_mut((id.0 - group.first) as usize) {
                    *place = content.cast_unsigned();
                }
            }
        }
        if self.column::<ByteArrayType>(group, Leaf::Value)?.is_some() {
            for (id, value) in self.sparse::<ByteArrayType>(group, Leaf::Value)? {
                part.values.push((id, self.keep(&value)?));
            }
        }
        Ok(part)
    }

    fn objects(&self, group: &Group) -> Result<Vec<Object>, Error> {
        let ids = self.flat::<Int64Type>(group, Leaf::Id)?;
        if !ids.iter().copied().eq((i64::from(group.first)..).take(group.rows)) {
            return Err(Error::damaged("its rows are not in the order of their ids"));
        }
        let of: Vec<TypeId> = self
            .flat::<Int32Type>(group, Leaf::TypeId)?
            .into_iter()
            .map(|of| TypeId(of.cast_unsigned()))
            .map(|of| if of.at() < self.types.len() { Ok(of) } else { Err(Error::damaged("an object of no type")) })
            .collect::<Result<_, _>>()?;
        let addresses = self.flat::<Int64Type>(group, Leaf::Address)?;
        let bytes = self.flat::<Int64Type>(group, Leaf::Bytes)?;
        let refcounts = self.flat::<Int64Type>(group, Leaf::Refcount)?;
        let immortal = self.flat::<BoolType>(group, Leaf::Immortal)?;
        let tracked = self.flat::<BoolType>(group, Leaf::Tracked)?;
        let found_by = self.flat::<ByteArrayType>(group, Leaf::FoundBy)?;
        let mut generations = self.sparse::<Int32Type>(group, Leaf::Generation)?.into_iter().peekable();

        let mut objects = Vec::with_capacity(group.rows);
        let columns = addresses.iter().zip(&of).zip(&bytes).zip(&refcounts).zip(&immortal).zip(&tracked).zip(&found_by);
        for (id, ((((((addr, of), bytes), refcount), immortal), tracked), found_by)) in
            (group.first..).map(Id).zip(columns)
        {
            let number = generations.next_if(|(of, _)| *of == id).map(|(_, number)| number);
            let wrong = |what: &str| Error::damaged(format!("object {}: {what}", id.0));
            objects.push(Object {
                addr: Addr(addr.cast_unsigned()),
                of: *of,
                bytes: bytes.cast_unsigned(),
                refcount: u32::try_from(*refcount).map_err(|_| wrong("no refcount"))?,
                immortal: *immortal,
                generation: generation(*tracked, number).ok_or_else(|| wrong("no generation"))?,
                found_by: FoundBy::of(text(found_by)?).ok_or_else(|| wrong("found by no way"))?,
            });
        }
        Ok(objects)
    }

    fn references(&self, group: &Group, part: &mut Part) -> Result<(), Error> {
        let mut to = self.required::<Int64Type>(group, Leaf::ReferenceTo)?;
        let mut edge = self.required::<ByteArrayType>(group, Leaf::ReferenceEdge)?;
        let mut kinds = self.required::<Int32Type>(group, Leaf::ReferenceKind)?;
        let mut known: FxHashMap<u8, FxHashMap<Box<[u8]>, LabelId>> = FxHashMap::default();
        let mut left = group.rows;
        while left > 0 {
            let batch = left.min(BATCH);
            left -= batch;
            to.next(batch)?;
            edge.next(batch)?;
            kinds.next(batch)?;
            let same = |defined: &[i16], repeated: &[i16]| to.defined == defined && to.repeated == repeated;
            if !same(&edge.defined, &edge.repeated) || !same(&kinds.defined, &kinds.repeated) {
                return Err(Error::damaged("references whose columns do not go together"));
            }
            part.ends.extend(to.rows().map(|n| n as u32));
            for ((to, edge), number) in to.values.iter().zip(&edge.values).zip(&kinds.values) {
                let to = u32::try_from(*to).ok().filter(|to| *to < self.objects);
                part.to.push(to.ok_or_else(|| Error::damaged("a reference to no object"))?);
                let kind = kind::unmarked(*number).ok_or_else(|| Error::damaged("a reference of no kind"))?;
                let plain = match kind::item(kind, edge.data()) {
                    Some(item) => item,
                    None => {
                        let of_kind = known.entry(kind).or_default();
                        match of_kind.get(edge.data()) {
                            Some(id) => *id,
                            None => {
                                let id = LabelId::kept(part.labels.len());
                                part.labels.push((kind, self.keep(edge)?));
                                of_kind.insert(edge.data().into(), id);
                                id
                            }
                        }
                    }
                };
                part.label.push(kind::mark(plain, *number));
            }
        }
        Ok(())
    }

    fn roots(&self, group: &Group, part: &mut Part) -> Result<(), Error> {
        let mut kinds = self.required::<ByteArrayType>(group, Leaf::RootKind)?;
        let mut texts = self.required::<ByteArrayType>(group, Leaf::RootText)?;
        let mut references = self.required::<Int64Type>(group, Leaf::RootReferences)?;
        let mut orders = self.required::<Int64Type>(group, Leaf::RootOrder)?;
        kinds.next(group.rows)?;
        texts.next(group.rows)?;
        references.next(group.rows)?;
        orders.next(group.rows)?;
        let same = |defined: &[i16], repeated: &[i16]| kinds.defined == defined && kinds.repeated == repeated;
        if !same(&texts.defined, &texts.repeated)
            || !same(&references.defined, &references.repeated)
            || !same(&orders.defined, &orders.repeated)
        {
            return Err(Error::damaged("roots whose columns do not go together"));
        }
        let objects = (group.first..).map(Id).zip(kinds.rows()).flat_map(|(id, n)| std::iter::repeat_n(id, n));
        let columns = kinds.values.iter().zip(&texts.values).zip(&references.values).zip(&orders.values);
        for (object, (((kind, name), references), order)) in objects.zip(columns) {
            let kind = RootKind::of(text(kind)?).ok_or_else(|| Error::damaged("a root of no kind"))?;
            let references = u32::try_from(*references).map_err(|_| Error::damaged("a root of no references"))?;
            part.roots.push(PartRoot { order: *order, object, kind, text: self.keep(name)?, references });
        }
        Ok(())
    }

    /// Joins what the row groups held, in order.
    fn join(self, parts: Vec<Part>) -> Result<Snapshot, Error> {
        let mut heap =
            Heap { objects: Objects::with_capacity(self.objects as usize), types: self.types, ..Heap::default() };
        heap.gaps = self.gaps;
        let mut roots = Vec::new();
        for part in parts {
            for object in part.objects {
                heap.objects.push(object);
            }
            let mut labels = Vec::with_capacity(part.labels.len());
            for (kind, text) in &part.labels {
                let label = kind::label(*kind, text, &mut heap.names);
                let label =
                    label.ok_or_else(|| Error::damaged(format!("a reference {text:?} that is not of its kind")))?;
                labels.push(heap.names.label(label));
            }
            let mut references = part.to.iter().zip(&part.label);
            for end in part.ends {
                for (to, local) in references.by_ref().take(end as usize) {
                    let label = match local.index() {
                        Ok(_) => *local,
                        Err(at) => {
                            let id = labels.get(at).ok_or_else(|| Error::damaged("a reference of no label"))?;
                            LabelId::from_bits(id.bits() | (local.bits() ^ local.plain().bits()))
                        }
                    };
                    heap.edges.push(Id(*to), label);
                }
                heap.edges.end_row();
            }
            roots.extend(part.roots);
            for (id, name) in part.called {
                let name = heap.names.text(&name);
                heap.called.insert(id, name);
            }
            heap.contents.extend(part.contents);
            for (id, value) in part.values {
                heap.values.insert(id, value);
            }
        }
        roots.sort_by_key(|root| root.order);
        for PartRoot { object, kind, text, references, .. } in roots {
            let text = heap.names.text(&text);
            heap.roots.push(Root { object, kind, text, references });
        }
        Ok(Snapshot { heap, capture: self.capture })
    }
}

/// What a row group held. Its labels have numbers of their own.
#[derive(Default)]
struct Part {
    objects: Vec<Object>,
    /// How many references each object has.
    ends: Vec<u32>,
    to: Vec<u32>,
    label: Vec<LabelId>,
    labels: Vec<(u8, Box<str>)>,
    roots: Vec<PartRoot>,
    called: Vec<(Id, Box<str>)>,
    values: Vec<(Id, Box<str>)>,
    /// One for each object, or none at all.
    contents: Vec<u32>,
}

struct PartRoot {
    order: i64,
    object: Id,
    kind: RootKind,
    text: Box<str>,
    references: u32,
}

/// A column under way: the values of some rows, and which rows have them.
struct Levels<T: DataType> {
    column: ColumnReaderImpl<T>,
    leaf: Leaf,
    values: Vec<T::T>,
    defined: Vec<i16>,
    repeated: Vec<i16>,
}

impl<T: DataType> Levels<T> {
    /// The next so many rows, in place of those before.
    fn next(&mut self, rows: usize) -> Result<(), Error> {
        self.values.clear();
        self.defined.clear();
        self.repeated.clear();
        let mut left = rows;
        while left > 0 {
            let read =
                self.column.read_records(left, Some(&mut self.defined), Some(&mut self.repeated), &mut self.values);
            let (read, ..) = read.map_err(|e| Error::damaged(format!("column {}: {e}", self.leaf.path())))?;
            if read == 0 || read > left {
                return Err(Error::damaged(format!("column {}: it ends early", self.leaf.path())));
            }
            left -= read;
        }
        Ok(())
    }

    /// How many values each row has, of a list.
    fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        let mut at = 0;
        std::iter::from_fn(move || {
            let first = self.repeated.get(at)?;
            let more = self.repeated[at + 1..].iter().take_while(|level| **level > 0).count();
            let defined = self.defined.get(at).copied().unwrap_or(0);
            debug_assert_eq!(*first, 0);
            at += 1 + more;
            Some(if defined > 0 { 1 + more } else { 0 })
        })
    }
}

fn generation(tracked: bool, number: Option<i32>) -> Option<Generation> {
    match (tracked, number) {
        (false, None) => Some(Generation::None),
        (true, None) => Some(Generation::Unlisted),
        (false, Some(3)) => Some(Generation::Permanent),
        (false, Some(_)) => None,
        (true, Some(number)) => u8::try_from(number).ok().map(Generation::Number),
    }
}

fn text(bytes: &ByteArray) -> Result<&str, Error> {
    std::str::from_utf8(bytes.data()).map_err(|_| Error::damaged("a text that is none"))
}

fn text_of<'a>(file: &'a FileMetaData, key: &str) -> Option<&'a str> {
    file.key_value_metadata()?.iter().find(|pair| pair.key == key)?.value.as_deref()
}

fn chunk_of(group: &RowGroupMetaData, column: usize) -> Result<&ColumnChunkMetaData, Error> {
    group.columns().get(column).ok_or_else(|| Error::damaged("a row group that lacks columns"))
}

/// What a row group holds.
struct Lengths {
    /// Pages in memory, in bytes.
    bytes: u64,
    /// Places of references in their lists; an empty one has one too.
    references: u64,
    /// Places of references and roots.
    values: u64,
}

/// The lengths of a row group, which go together: a value a row, and as many of each part of a list.
fn lengths(source: &Source, group: &RowGroupMetaData, columns: &[Option<usize>], rows: u64) -> Result<Lengths, Error> {
    let mut lengths = Lengths { bytes: 0, references: 0, values: 0 };
    let mut of_list: Option<(&str, u64)> = None;
    for (leaf, column) in Leaf::ALL.into_iter().zip(columns) {
        let Some(column) = column else { continue };
        let chunk = chunk_of(group, *column)?;
        lengths.bytes = lengths.bytes.saturating_add(bounds::pages(source, chunk)?);
        let values = u64::try_from(chunk.num_values()).unwrap_or(0);
        if leaf == Leaf::ReferenceTo {
            lengths.references = values;
        }
        let wrong = || Error::damaged(format!("column {}: more or fewer values than rows", leaf.path()));
        match leaf.path().split_once('.') {
            None if values == rows => {}
            None => return Err(wrong()),
            Some((list, _)) => match of_list {
                Some((of, n)) if of == list && n == values => {}
                Some((of, _)) if of == list => return Err(wrong()),
                _ if values < rows => return Err(wrong()),
                _ => {
                    of_list = Some((list, values));
                    lengths.values = lengths.values.saturating_add(values);
                }
            },
        }
    }
    Ok(lengths)
}

/// Where each leaf stands in the file. Columns that a later leakspy added are left alone.
fn columns(file: &FileMetaData) -> Result<Vec<Option<usize>>, Error> {
    let ours = schema::descriptor(&Leaf::ALL);
    let theirs = file.schema_descr();
    let place = |leaf: Leaf| {
        let ours = ours.columns().iter().find(|column| column.path().string() == leaf.path());
        let found = theirs.columns().iter().position(|column| column.path().string() == leaf.path());
        let same = found.and_then(|at| theirs.columns().get(at)).zip(ours).is_some_and(|(theirs, ours)| {
            theirs.physical_type() == ours.physical_type()
                && theirs.max_def_level() == ours.max_def_level()
                && theirs.max_rep_level() == ours.max_rep_level()
        });
        match found {
            Some(at) if same => Ok(Some(at)),
            None if !leaf.is_required() => Ok(None),
            Some(_) => Err(Error::damaged(format!("column {} is of another type", leaf.path()))),
            None => Err(Error::damaged(format!("it lacks the column {}", leaf.path()))),
        }
    };
    Leaf::ALL.into_iter().map(place).collect()
}
