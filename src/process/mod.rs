//! The target as an object of the operating system. Knows nothing of Python.

pub mod symbols;
