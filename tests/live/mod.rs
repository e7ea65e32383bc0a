//! Real interpreters, looked at from outside. Each test goes over every interpreter that `scripts/pythons` lists.
//!
//! | variable | effect |
//! |---|---|
//! | `LEAKSPY_REQUIRE_PYTHONS` | a missing interpreter, uWSGI or numpy is a failure instead of a loud skip |
//! | `LEAKSPY_LONG` | the long forms of the tests with many looks, on every interpreter |
//! | `LEAKSPY_ONLY` | only interpreters whose version or path contains this, for the inner loop |

mod allocators;
mod arrays;
mod audit;
mod bad_input;
mod budgets;
mod busy;
mod counters;
mod diff;
mod edges;
mod fleet;
mod growth;
mod harm;
mod histogram;
mod holders;
mod paths;
mod places;
mod record;
mod roots;
mod snapshots;
pub mod support;
mod top;
mod values;
mod verdicts;
mod web;
mod words;
mod zoo;
