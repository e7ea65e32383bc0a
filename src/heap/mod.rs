//! What a heap holds, independent of any Python version and of where it was read.

pub mod census;
pub mod edges;
pub mod graph;
pub mod history;
pub mod info;
pub mod label;
pub mod objects;
pub mod provenance;
pub mod roots;
pub mod sketch;
pub mod text;

pub use census::{Census, SizeBasis, TypeTally};
pub use edges::{Edge, Edges, Reverse};
pub use graph::{Gaps, Heap, Type};
pub use history::{GenerationPoint, HeapPoint, History, Point, TypePoint, Usage};
pub use info::Info;
pub use label::{Label, LabelId};
pub use objects::{FoundBy, Generation, Id, Object, Objects, TypeId};
pub use provenance::{Build, Capture, Coverage};
pub use roots::{Root, RootKind};
pub use sketch::Sketch;
pub use text::{Names, TextId};
