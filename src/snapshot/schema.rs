//! The columns of the file. What they mean to a reader of the file says `docs/formats.md`.

use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type};

use crate::heap::Heap;

/// The version of the format, in the metadata as `leakspy.schema`.
pub const VERSION: &str = "1";

/// Keys of the metadata.
pub(super) const KEY_VERSION: &str = "leakspy.schema";
pub(super) const KEY_CAPTURE: &str = "leakspy.capture";
pub(super) const KEY_TYPES: &str = "leakspy.types";
pub(super) const KEY_GAPS: &str = "leakspy.gaps";

/// The leaves, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leaf {
    Id,
    Address,
    Type,
    Bytes,
    Refcount,
    Tracked,
    Generation,
    FoundBy,
    Root,
    ReferenceTo,
    ReferenceEdge,
    ReferenceKind,
    Name,
    Immortal,
    Exact,
    TypeId,
    RootKind,
    RootText,
    RootReferences,
    RootOrder,
    Content,
    Value,
}

impl Leaf {
    pub(super) const ALL: [Leaf; 22] = [
        Leaf::Id,
        Leaf::Address,
        Leaf::Type,
        Leaf::Bytes,
        Leaf::Refcount,
        Leaf::Tracked,
        Leaf::Generation,
        Leaf::FoundBy,
        Leaf::Root,
        Leaf::ReferenceTo,
        Leaf::ReferenceEdge,
        Leaf::ReferenceKind,
        Leaf::Name,
        Leaf::Immortal,
        Leaf::Exact,
        Leaf::TypeId,
        Leaf::RootKind,
        Leaf::RootText,
        Leaf::RootReferences,
        Leaf::RootOrder,
        Leaf::Content,
        Leaf::Value,
    ];

    /// Its path in the file, joined with dots.
    pub(super) fn path(self) -> &'static str {
        match self {
            Leaf::Id => "id",
            Leaf::Address => "address",
            Leaf::Type => "type",
            Leaf::Bytes => "bytes",
            Leaf::Refcount => "refcount",
            Leaf::Tracked => "tracked",
            Leaf::Generation => "generation",
            Leaf::FoundBy => "found_by",
            Leaf::Root => "root",
            Leaf::ReferenceTo => "references.list.element.to",
            Leaf::ReferenceEdge => "references.list.element.edge",
            Leaf::ReferenceKind => "references.list.element.kind",
            Leaf::Name => "name",
            Leaf::Immortal => "immortal",
            Leaf::Exact => "exact",
            Leaf::TypeId => "type_id",
            Leaf::RootKind => "roots.list.element.kind",
            Leaf::RootText => "roots.list.element.text",
            Leaf::RootReferences => "roots.list.element.references",
            Leaf::RootOrder => "roots.list.element.order",
            Leaf::Content => "content",
            Leaf::Value => "value",
        }
    }

    /// Must a file have it?
    pub(super) fn is_required(self) -> bool {
        !matches!(self, Leaf::Content | Leaf::Value)
    }

    /// Those that a heap has.
    pub(super) fn of(heap: &Heap) -> Vec<Leaf> {
        let has = |leaf: &Leaf| match leaf {
            Leaf::Content => !heap.contents.is_empty(),
            Leaf::Value => !heap.values.is_empty(),
            _ => true,
        };
        Leaf::ALL.into_iter().filter(has).collect()
    }
}

const COLUMNS: &str = "
    required int64 id;
    required int64 address (INTEGER(64, false));
    required binary type (STRING);
    required int64 bytes;
    required int64 refcount;
    required boolean tracked;
    optional int32 generation (INTEGER(8, true));
    required binary found_by (STRING);
    optional binary root (STRING);
    required group references (LIST) {
        repeated group list {
            required group element {
                required int64 to;
                required binary edge (STRING);
                required int32 kind (INTEGER(16, true));
            }
        }
    }
    optional binary name (STRING);
    required boolean immortal;
    required boolean exact;
    required int32 type_id;
    required group roots (LIST) {
        repeated group list {
            required group element {
                required binary kind (STRING);
                required binary text (STRING);
                required int64 references;
                required int64 order;
            }
        }
    }";

/// The schema, with those columns of these that a file need not have.
pub(super) fn schema(leaves: &[Leaf]) -> Arc<Type> {
    let content = if leaves.contains(&Leaf::Content) { "optional int32 content (INTEGER(32, false));" } else { "" };
    let value = if leaves.contains(&Leaf::Value) { "optional binary value (STRING);" } else { "" };
    let text = format!("message leakspy {{ {COLUMNS} {content} {value} }}");
    Arc::new(parse_message_type(&text).expect("the schema above is well formed"))
}

/// The same with the numbers of its leaves.
pub(super) fn descriptor(leaves: &[Leaf]) -> SchemaDescriptor {
    SchemaDescriptor::new(schema(leaves))
}

/// How each column is put into bytes: dictionaries where values come again, differences where they grow.
pub(super) fn properties() -> WriterProperties {
    let path = |leaf: Leaf| ColumnPath::new(leaf.path().split('.').map(str::to_owned).collect());
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("leakspy version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_data_page_row_count_limit(1 << 16)
        .set_write_batch_size(1 << 13)
        .set_column_dictionary_enabled(path(Leaf::Content), false);
    for leaf in [Leaf::Id, Leaf::Address, Leaf::ReferenceTo, Leaf::RootOrder] {
        properties = properties
            .set_column_dictionary_enabled(path(leaf), false)
            .set_column_encoding(path(leaf), Encoding::DELTA_BINARY_PACKED);
    }
    // Engines skip row groups by these.
    for leaf in [Leaf::Id, Leaf::Address, Leaf::Bytes, Leaf::Refcount, Leaf::Generation] {
        properties = properties.set_column_statistics_enabled(path(leaf), EnabledStatistics::Chunk);
    }
    properties.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_stand_where_they_are_said_to() {
        let descriptor = descriptor(&Leaf::ALL);
        let paths: Vec<String> = descriptor.columns().iter().map(|column| column.path().string()).collect();
        assert_eq!(paths, Leaf::ALL.map(Leaf::path));
        assert_eq!(super::descriptor(&Leaf::of(&Heap::default())).num_columns(), Leaf::ALL.len() - 2);
    }
}
