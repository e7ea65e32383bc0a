//! Pure answers over what a heap holds: no process, no memory, no printing.

pub mod histogram;

pub use histogram::{Histogram, HistogramOptions, Sort, Totals, average, histogram};
