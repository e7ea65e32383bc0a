//! Where references begin that stand in no object: modules, the interpreter's state, threads and their frames.

use super::objects::Id;
use super::text::TextId;

/// What kind of place holds a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootKind {
    /// A module of the user's own in `sys.modules`; the root's text is its name.
    UserModule,
    /// A module of the standard library, of an installed package or built in.
    LibraryModule,
    /// A running frame: its object, or one of its variables and temporaries.
    Frame,
    /// A thread state: its dict, the exception under way, trace functions, context.
    Thread,
    /// The interpreter: `sys.modules` itself, codecs, import machinery, atexit, signal handlers, `gc.garbage` …
    Interpreter,
    /// A type that C code holds in static memory.
    StaticType,
    /// Caches that hold names but keep nothing of interest alive: the method cache, small ints, interned strings.
    Cache,
}

impl RootKind {
    const ALL: [(RootKind, &'static str); 7] = [
        (RootKind::UserModule, "user_module"),
        (RootKind::LibraryModule, "library_module"),
        (RootKind::Frame, "frame"),
        (RootKind::Thread, "thread"),
        (RootKind::Interpreter, "interpreter"),
        (RootKind::StaticType, "static_type"),
        (RootKind::Cache, "cache"),
    ];

    /// Its word in JSON and in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// From its word.
    #[must_use]
    pub fn of(word: &str) -> Option<RootKind> {
        Self::ALL.iter().find(|(_, w)| *w == word).map(|(kind, _)| *kind)
    }
}

/// One reference from outside the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    /// To this object.
    pub object: Id,
    /// From what kind of place.
    pub kind: RootKind,
    /// The place, as a path begins: `foo_module`, `thread 'worker-1' › handle() app.py:42 › payload`, `signal[15]`.
    pub text: TextId,
    /// How many references of the object's refcount it stands for; 0 where another object's reference does (a module in
    /// `sys.modules`), or where it may be stale (a slot above a running frame's stack).
    pub references: u32,
}
