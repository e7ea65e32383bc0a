//! The table of objects, by column: address, type, size, refcount, and what the collector says of each.

use serde::Serialize;

use crate::addr::Addr;

/// Number of an object in its heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u32);

impl Id {
    /// As an index into a column.
    #[must_use]
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

/// Number of a type in its heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

impl TypeId {
    /// As an index into the list of types.
    #[must_use]
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

/// How an object was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// It lies in a block that the small-object allocator has handed out.
    #[default]
    Block,
    /// It stands in one of the collector's lists.
    Collector,
    /// Something points to it, and it proved to be an object.
    Pointer,
}

impl FoundBy {
    /// Its word in JSON and in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            FoundBy::Block => "block",
            FoundBy::Collector => "collector",
            FoundBy::Pointer => "pointer",
        }
    }

    /// From its word.
    #[must_use]
    pub fn of(word: &str) -> Option<FoundBy> {
        [FoundBy::Block, FoundBy::Collector, FoundBy::Pointer].into_iter().find(|f| f.word() == word)
    }
}

/// In which of the collector's lists an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Generation {
    /// In none: it is not tracked.
    #[default]
    None,
    /// In the generation of this number; `gc.get_objects()` returns it.
    Number(u8),
    /// Put aside by `gc.freeze()`; `gc.get_objects()` leaves it out.
    Permanent,
    /// It is tracked, but no list that was walked led to it (a collection was under way).
    Unlisted,
}

impl Generation {
    /// Would `gc.get_objects()` return it?
    #[must_use]
    pub fn is_tracked(self) -> bool {
        matches!(self, Generation::Number(_) | Generation::Unlisted)
    }

    /// As a number, for answers and files: the permanent generation is 3.
    #[must_use]
    pub fn number(self) -> Option<u8> {
        match self {
            Generation::Number(n) => Some(n),
            Generation::Permanent => Some(3),
            Generation::None | Generation::Unlisted => None,
        }
    }
}

/// One object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// Where its header lies.
    pub addr: Addr,
    /// Its type.
    pub of: TypeId,
    /// `sys.getsizeof`, in bytes.
    pub bytes: u64,
    /// `ob_refcnt` (its low 32 bits).
    pub refcount: u32,
    /// Does its refcount stay as it is, whoever refers to it?
    pub immortal: bool,
    /// In which of the collector's lists it stands.
    pub generation: Generation,
    /// How it was found.
    pub found_by: FoundBy,
}

/// All objects.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    addr: Vec<Addr>,
    of: Vec<TypeId>,
    bytes: Vec<u64>,
    refcount: Vec<u32>,
    state: Vec<State>,
}

/// What is known beyond numbers, in one byte's worth of bits.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    generation: Generation,
    found_by: FoundBy,
    immortal: bool,
}

impl Objects {
    /// Room for so many.
    #[must_use]
    pub fn with_capacity(n: usize) -> Self {
        Objects {
            addr: Vec::with_capacity(n),
            of: Vec::with_capacity(n),
            bytes: Vec::with_capacity(n),
            refcount: Vec::with_capacity(n),
            state: Vec::with_capacity(n),
        }
    }

    /// Adds one; `None` past four billion.
    pub fn push(&mut self, object: Object) -> Option<Id> {
        let id = u32::try_from(self.addr.len()).ok().filter(|id| *id < u32::MAX).map(Id)?;
        self.addr.push(object.addr);
        self.of.push(object.of);
        self.bytes.push(object.bytes);
        self.refcount.push(object.refcount);
        let Object { generation, found_by, immortal, .. } = object;
        self.state.push(State { generation, found_by, immortal });
        Some(id)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.addr.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addr.is_empty()
    }

    /// All of them, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = Id> + ExactSizeIterator + use<> {
        (0..self.addr.len() as u32).map(Id)
    }

    /// One object.
    #[must_use]
    pub fn get(&self, id: Id) -> Option<Object> {
        let state = self.state.get(id.at())?;
        Some(Object {
            addr: self.addr(id),
            of: self.of(id),
            bytes: self.bytes(id),
            refcount: self.refcount(id),
            immortal: state.immortal,
            generation: state.generation,
            found_by: state.found_by,
        })
    }

    /// Where it lies; null for a number that is none of these.
    #[must_use]
    pub fn addr(&self, id: Id) -> Addr {
        self.addr.get(id.at()).copied().unwrap_or_default()
    }

    /// Its type.
    #[must_use]
    pub fn of(&self, id: Id) -> TypeId {
        self.of.get(id.at()).copied().unwrap_or(TypeId(u32::MAX))
    }

    /// Its size as `sys.getsizeof` gives it, in bytes.
    #[must_use]
    pub fn bytes(&self, id: Id) -> u64 {
        self.bytes.get(id.at()).copied().unwrap_or(0)
    }

    /// `ob_refcnt`.
    #[must_use]
    pub fn refcount(&self, id: Id) -> u32 {
        self.refcount.get(id.at()).copied().unwrap_or(0)
    }

    /// Does its refcount stay as it is?
    #[must_use]
    pub fn is_immortal(&self, id: Id) -> bool {
        self.state.get(id.at()).is_some_and(|s| s.immortal)
    }

    /// In which of the collector's lists it stands.
    #[must_use]
    pub fn generation(&self, id: Id) -> Generation {
        self.state.get(id.at()).map_or(Generation::None, |s| s.generation)
    }

    /// Its number, by a look through all of them.
    #[must_use]
    pub fn find(&self, addr: Addr) -> Option<Id> {
        self.addr.iter().position(|a| *a == addr).map(|at| Id(at as u32))
    }
}
