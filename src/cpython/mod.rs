//! C structs of CPython → facts. The only folder that changes when CPython changes.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod content;
pub mod debug_offsets;
pub mod dict;
pub mod edges;
pub mod frames;
pub mod gc;
pub mod gc_counters;
pub mod int;
pub mod layout;
pub mod locate;
pub mod managed;
pub mod objects;
pub mod offsets;
pub mod pymalloc;
pub mod repr;
pub mod roots;
pub mod runtime;
pub mod size;
pub mod text;
pub mod types;
pub mod version;
