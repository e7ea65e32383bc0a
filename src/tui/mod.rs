//! `top` on a screen: what is known and shown ([`State`], changed by events alone), and a picture of it ([`draw()`]). Both are
//! pure: no process is looked at, no key is read, no clock is asked here.

mod detail;
pub mod draw;
mod fleet;
mod header;
mod help;
pub mod number;
pub mod state;
mod table;

pub use draw::draw;
pub use state::{Answer, Event, Findings, Key, State, View, Wish};
