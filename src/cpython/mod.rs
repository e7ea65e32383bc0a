//! C structs of CPython → facts. The only folder that changes when CPython changes.

pub mod debug_offsets;
pub mod dict;
pub mod gc;
pub mod layout;
pub mod locate;
pub mod objects;
pub mod offsets;
pub mod pymalloc;
pub mod runtime;
pub mod size;
pub mod text;
pub mod types;
pub mod version;
