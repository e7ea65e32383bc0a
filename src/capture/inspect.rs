//! What is known of one target besides its objects: the answer of `leakspy info`.

use super::{Error, Options, Taken, take};
use crate::heap::Info;
use crate::heap::info::{HeapFacts, LayoutFacts, MappedFile, ProcessFacts};
use crate::process::{Process, find};

/// Looks at a process once and tells what was met on the way.
///
/// # Errors
/// As [`take`].
pub fn inspect(options: &Options) -> Result<Info, Error> {
    let process = Process::open(options.pid)?;
    let Taken { census, capture, details } = take(options)?;
    let mapped = |path: &str| match path.strip_suffix(" (deleted)") {
        Some(path) => MappedFile { path: path.to_owned(), deleted: true },
        None => MappedFile { path: path.to_owned(), deleted: false },
    };
    let sum = |of: fn(&crate::heap::TypeTally) -> u64| census.types.iter().map(of).fold(0, u64::saturating_add);
    Ok(Info {
        process: ProcessFacts {
            pid: process.pid(),
            command: process.cmdline().join(" "),
            role: find::role(&process).map(|r| r.to_string()),
            executable: process.exe().map(|path| mapped(&path.to_string_lossy())),
            library: details.python_shared.then(|| mapped(&details.python_path)),
            rss_bytes: process.rss_bytes(),
            threads: process.threads().map_or(0, |t| t.len() as u64),
        },
        interpreters: details.interpreters,
        python_threads: details.python_threads,
        layout: LayoutFacts {
            sources: details.layout_sources,
            version_from: details.version_from,
            arenas_from: details.arenas_from,
        },
        heap: HeapFacts {
            objects: sum(|t| t.count),
            bytes: sum(|t| t.bytes),
            tracked: sum(|t| t.tracked),
            arenas: details.arenas.map(|a| a.0),
            arena_bytes: details.arenas.map(|a| a.1),
        },
        collecting: details.collecting,
        generations: details.generations,
        capture,
    })
}
