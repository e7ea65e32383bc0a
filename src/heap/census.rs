//! A count of a heap's objects by type: what a walk over the object table leaves behind.

/// How the bytes of a type were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SizeBasis {
    /// Equal to `sys.getsizeof` for each object.
    #[default]
    Exact,
    /// A type of a third-party extension, or with a `__sizeof__` written in Python: `tp_basicsize` and items only.
    Basic,
}

/// The live objects of exactly one type name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypeTally {
    /// `module.qualname`, as `type(o).__module__ + "." + type(o).__qualname__` gives it; raw text of the target, so
    /// it may hold control characters.
    pub name: String,
    /// Live objects.
    pub count: u64,
    /// Sum of their sizes as `sys.getsizeof` gives them, in bytes.
    pub bytes: u64,
    /// How many of them `gc.get_objects()` would return.
    pub tracked: u64,
    /// How `bytes` was found.
    pub basis: SizeBasis,
}

/// All live objects, by type name; names are unique, in no particular order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census {
    /// One tally a name.
    pub types: Vec<TypeTally>,
}
