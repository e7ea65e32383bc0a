//! leakspy: what fills the heap of a running Python process, read from outside.
//!
//! Data flows in one direction and imports go the other way:
//!
//! ```text
//! addr ← memory ← process ┐
//!                         ├← cpython ─┐
//! addr ← heap ←───────────┘           ├← capture ← cli
//!         ↑                           │             │
//!         ├ snapshot, recording ←─────┼─────────────┤
//!         └ analysis ← report (← tui) ┴─────────────┘
//! ```
//!
//! `heap`, `analysis` and `report` know no process and no C struct; `cpython` is the only folder that does.

pub mod addr;
pub mod analysis;
pub mod capture;
pub mod cli;
pub mod cpython;
pub mod docs;
pub mod heap;
pub mod memory;
pub mod process;
pub mod recording;
pub mod report;
pub mod snapshot;
pub mod tui;
