//! Everything that is tested from outside the library, in one binary: each further one would link the whole tree again.
//!
//! `architecture` holds the direction of the imports, `golden` what answers look like. `live` starts real interpreters with the programs of `fixtures/`, which
//! tell their own truth, and looks at them with the built `leakspy`. Nothing here sleeps for a fixed time: it waits for a line
//! or for a state.

mod architecture;
mod golden;
mod live;
mod verdict;
