//! One look at a process: plan → hold still → copy → let go → interpret. Owns the policy (budgets, tries, what is
//! copied); knows no C struct and prints nothing.

mod contents;
mod copy;
mod error;
mod fleet;
mod fork;
mod graph;
#[cfg(test)]
mod hostile;
mod inspect;
mod interpret;
mod list;
mod pace;
mod plan;
mod usage;
mod values;
mod watch;

use std::hash::{Hash as _, Hasher as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustc_hash::{FxHashSet, FxHasher};

use crate::addr::Addr;
use crate::cpython::layout::Layout;
use crate::cpython::locate::{self, Located};
use crate::cpython::offsets::{self, TableSource};
use crate::cpython::runtime::Runtime;
use crate::heap::{Capture, Census, GenerationPoint, Heap};
use crate::memory::{Live, Region, Regions};
use crate::process::{Process, access};

pub use error::Error;
pub use fleet::{Among, Fleet, Member, Turn};
pub use fork::{NoParent, forked_from, forks_of};
pub use inspect::inspect;
pub use list::{PythonProcess, list};
pub use pace::Pace;
pub use usage::usage;
pub use watch::Watch;

/// What to look at, and what may be spent on it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The process.
    pub pid: i32,
    /// Never stop it.
    pub nonblocking: bool,
    /// The longest it may be held still.
    pub pause_budget: Duration,
    /// What leakspy may use, in bytes; `None`: what its cgroup and the host have left, less a reserve.
    pub max_memory: Option<u64>,
    /// A layout of the user's own.
    pub offsets: Option<PathBuf>,
    /// Whose contents to bring home, where references are read too.
    pub values: Values,
    /// Objects that are to be told one by one, by address.
    pub watched: Vec<Addr>,
    /// Bring home the objects one by one.
    pub objects: bool,
    /// Bring home the objects and read the references between them.
    pub references: bool,
    /// Where references are read, bring home digests of contents too, by which a later look can tell whether the same objects
    /// still lie where they lay.
    pub contents: bool,
}

/// Whose contents are brought home, as short texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Values {
    /// Nobody's.
    #[default]
    None,
    /// Those of all objects of plain kinds: numbers, strings, bytes, containers.
    All,
    /// Those of the objects at these addresses and of what they refer to.
    Of(Vec<Addr>),
}

impl Options {
    /// The defaults for a process.
    #[must_use]
    pub fn new(pid: i32) -> Self {
        Options {
            pid,
            nonblocking: false,
            pause_budget: Duration::from_millis(500),
            max_memory: None,
            offsets: None,
            values: Values::None,
            watched: Vec::new(),
            objects: false,
            references: false,
            contents: false,
        }
    }
}

/// What a look brought home.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Live objects by type.
    pub census: Census,
    /// Where the numbers come from.
    pub capture: Capture,
    /// What else was met on the way.
    pub details: Details,
    /// The objects, and their references where those were asked for.
    pub heap: Option<Heap>,
}

/// A heap, and where it comes from.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The heap.
    pub heap: Heap,
    /// Where it comes from.
    pub capture: Capture,
    /// What else was met on the way.
    pub details: Details,
}

/// What was met on the way.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// Threads that were held still.
    pub threads: u64,
    /// For how long.
    pub pause: Duration,
    /// Where each table of the layout came from.
    pub layout_sources: Vec<TableSource>,
    /// The module that holds the interpreter, as in the maps.
    pub python_path: String,
    /// Is that a shared library?
    pub python_shared: bool,
    /// Interpreters in the process.
    pub interpreters: u64,
    /// Arenas, and their bytes.
    pub arenas: Option<(u64, u64)>,
    /// Members of each of the collector's lists, in order: three generations and, from 3.7 on, the permanent one, of
    /// each interpreter.
    pub generations: Vec<u64>,
    /// How many lists each collector has.
    pub lists_each: usize,
    /// What each collector counted, in the order of the lists; empty for one that could not be read.
    pub collectors: Vec<Vec<GenerationPoint>>,
    /// The same, summed over the interpreters, youngest first; empty where it could not be read.
    pub gc: Vec<GenerationPoint>,
    /// Was a collection under way?
    pub collecting: bool,
    /// The objects that were watched for.
    pub watched: Vec<Watched>,
}

/// An object that was watched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Where it lies.
    pub at: Addr,
    /// Its type's qualified name.
    pub name: String,
    /// Its size as `sys.getsizeof` gives it, in bytes.
    pub bytes: u64,
    /// Would `gc.get_objects()` return it?
    pub tracked: bool,
}

/// How often a running target's layout is checked before it is refused.
const TRIES: usize = 8;

/// Everything that is known of a target before it is copied.
struct Target {
    process: Process,
    /// The program it runs: `exec` changes that and keeps PID and start time.
    exe: Option<PathBuf>,
    /// Where its stack begins: a program that becomes itself anew has the same path.
    stack_start: Option<u64>,
    live: Live,
    regions: Regions,
    /// The mapped programs and libraries that `located` was made from.
    modules: u64,
    located: Located,
    layout: Layout,
    layout_sources: Vec<TableSource>,
    runtime: Runtime,
}

/// Looks at a process once.
///
/// # Errors
/// See [`Error`]. Whatever happens, the target goes on as it was.
pub fn take(options: &Options) -> Result<Taken, Error> {
    let mut clock = Clock::new();
    let target = Target::find(options)?;
    clock.lap("find");
    copy::take(&target, options, &mut copy::Kept::default(), &mut clock)
}

/// Looks at a process once, and reads the references between its objects.
///
/// # Errors
/// See [`Error`]. Whatever happens, the target goes on as it was.
pub fn graph(options: &Options) -> Result<Graph, Error> {
    heap(&Options { references: true, ..options.clone() })
}

/// The same, for a heap that is to be compared with another look at the process: with digests of contents.
///
/// # Errors
/// See [`Error`]. Whatever happens, the target goes on as it was.
pub fn comparable(options: &Options) -> Result<Graph, Error> {
    heap(&Options { references: true, contents: true, ..options.clone() })
}

/// Looks at a process once, for its objects and what some of them are called, without references.
///
/// # Errors
/// See [`Error`]. Whatever happens, the target goes on as it was.
pub fn objects(options: &Options) -> Result<Graph, Error> {
    heap(&Options { objects: true, references: false, ..options.clone() })
}

fn heap(options: &Options) -> Result<Graph, Error> {
    take(options).map(Graph::from)
}

impl From<Taken> for Graph {
    /// Without objects where those were not asked for.
    fn from(taken: Taken) -> Graph {
        Graph { heap: taken.heap.unwrap_or_default(), capture: taken.capture, details: taken.details }
    }
}

impl Target {
    /// Is it still the process that was opened, running the same program?
    fn must_be_same(&self) -> Result<(), Error> {
        let pid = self.process.pid();
        if !self.process.still_same() {
            return Err(Error::Gone { pid });
        }
        // Once its main thread has ended, the kernel does not tell any more what it runs.
        let other_exe = self.process.exe().is_some_and(|now| self.exe.as_ref().is_some_and(|then| now != *then));
        // Where the same program was started anew by exec, its stack begins elsewhere.
        let other_stack =
            self.process.stack_start().is_some_and(|now| self.stack_start.is_some_and(|then| now != then));
        if !other_exe && !other_stack {
            return Ok(());
        }
        // It may have ended between these questions.
        if self.process.still_same() { Err(Error::Changed { pid }) } else { Err(Error::Gone { pid }) }
    }

    fn find(options: &Options) -> Result<Target, Error> {
        let pid = options.pid;
        let process = Process::open(pid)?;
        let regions = process.regions()?;
        access::check(pid).map_err(|gate| Error::Denied(gate).unless_gone(&process))?;
        let live = Live::new(pid);
        let located = locate::locate(pid, &live, &regions).map_err(|why| Error::not_python(&process, &why))?;
        let (layout, layout_sources) =
            choose_layout(options, &located, &live).map_err(|why| why.unless_gone(&process))?;
        let (exe, stack_start) = (process.exe(), process.stack_start());
        let runtime = Runtime::default();
        let modules = modules(&regions);
        let mut target =
            Target { process, exe, stack_start, live, regions, modules, located, layout, layout_sources, runtime };
        target.read_runtime()?;
        Ok(target)
    }

    /// Before one more look at it: reads again what a running process changes, which is its regions, its libraries and where
    /// the interpreter keeps its lists.
    fn refresh(&mut self) -> Result<(), Error> {
        self.must_be_same()?;
        self.regions = self.process.regions()?;
        let modules = modules(&self.regions);
        // Where it cannot be told just now, what was found before is as good as it was.
        if modules != self.modules
            && let Ok(located) = locate::locate(self.process.pid(), &self.live, &self.regions)
        {
            (self.located, self.modules) = (located, modules);
        }
        // What is read while it becomes another program makes no sense, and that is the reason then.
        self.read_runtime().or_else(|why| self.must_be_same().and(Err(why)))
    }

    fn read_runtime(&mut self) -> Result<(), Error> {
        // While it runs, a thread may begin or end just under a check: what is wrong stays wrong.
        let read = || Runtime::read(&self.live, &self.layout, &self.located, &self.regions);
        let runtime = match (0..TRIES).map(|_| read()).find(Result::is_ok) {
            Some(runtime) => runtime,
            None => read(),
        };
        self.runtime =
            runtime.map_err(|why| Error::layout_failed(&self.process, &self.located, &self.layout_sources, &why))?;
        Ok(())
    }
}

/// Tells one set of mapped programs and libraries from another: all mappings of files that have code. Extensions that are
/// imported later bring types of their own.
fn modules(regions: &Regions) -> u64 {
    let of_file = |region: &Region| (region.device, region.inode);
    let code: FxHashSet<_> = regions.iter().filter(|r| r.exec && !r.is_anonymous()).map(of_file).collect();
    let mut hasher = FxHasher::default();
    for region in regions.iter().filter(|region| code.contains(&of_file(region))) {
        (region.range.start.0, region.range.end.0, of_file(region)).hash(&mut hasher);
    }
    hasher.finish()
}

fn choose_layout(options: &Options, located: &Located, live: &Live) -> Result<(Layout, Vec<TableSource>), Error> {
    let unknown = |message: String| Error::UnknownLayout { message };
    if located.debug && options.offsets.is_none() {
        return Err(unknown(format!(
            "{} is a debug build (--with-pydebug) of Python {}, whose layout is another; known are release builds of {}",
            located.path,
            located.version,
            offsets::known()
        )));
    }
    let chosen = offsets::choose(located.version, options.offsets.as_deref());
    let mut chosen = chosen.map_err(|why| match why {
        offsets::OffsetsError::Unknown { .. } => unknown(why.to_string()),
        _ => Error::Offsets { message: why.to_string() },
    })?;
    if let (Some(table), Some(runtime)) = (&chosen.debug_offsets, located.globals.runtime) {
        let overlays = table.apply(live, runtime, &mut chosen.layout).map_err(|why| {
            unknown(format!("Python {} at {} does not match its layout: {why}", located.version, located.path))
        })?;
        for table in &mut chosen.sources {
            match overlays.get(table.section.as_str()) {
                Some(overlay) if overlay.changed.is_empty() => {
                    table.source.push_str(", confirmed by the target's _Py_DebugOffsets");
                }
                Some(overlay) => {
                    table.source.push_str(&format!(", overlaid from _Py_DebugOffsets: {}", overlay.changed.join(", ")));
                }
                None => {}
            }
        }
    }
    Ok((chosen.layout, chosen.sources))
}

/// Tells the log where the time of a look goes.
struct Clock {
    last: Instant,
}

impl Clock {
    fn new() -> Self {
        Clock { last: Instant::now() }
    }

    fn lap(&mut self, phase: &'static str) {
        let took = self.last.elapsed();
        log::debug!("{phase}: {:.1} ms", took.as_secs_f64() * 1e3);
        self.last = Instant::now();
    }
}
