//! What is known of one target besides its objects: the answer of `leakspy info`.

use super::{Details, Error, Options, Taken, list, take};
use crate::heap::Info;
use crate::heap::info::{Collector, Generation, HeapFacts, LayoutSource, MappedFile, ProcessFacts};
use crate::process::{Process, find};

/// Looks at a process once and tells what was met on the way.
///
/// # Errors
/// As [`take`].
pub fn inspect(options: &Options) -> Result<Info, Error> {
    let process = Process::open(options.pid)?;
    let Taken { census, capture, details, .. } = take(options)?;
    let mapped = |path: &str| match path.strip_suffix(" (deleted)") {
        Some(path) => MappedFile { path: path.to_owned(), deleted: true },
        None => MappedFile { path: path.to_owned(), deleted: false },
    };
    let sum = |of: fn(&crate::heap::TypeTally) -> u64| census.types.iter().map(of).fold(0, u64::saturating_add);
    Ok(Info {
        process: ProcessFacts {
            pid: process.pid(),
            command: process.cmdline().join(" "),
            role: role(&process),
            executable: process.exe().map(|path| mapped(&path.to_string_lossy())),
            library: details.python_shared.then(|| mapped(&details.python_path)),
            rss_bytes: process.rss_bytes(),
            threads: process.threads().map_or(0, |t| t.len() as u64),
        },
        interpreters: details.interpreters,
        gc: collectors(&details),
        layout: details
            .layout_sources
            .into_iter()
            .map(|table| LayoutSource { section: table.section, source: table.source })
            .collect(),
        heap: HeapFacts {
            objects: sum(|t| t.count),
            bytes: sum(|t| t.bytes),
            tracked: sum(|t| t.tracked),
            arenas: details.arenas.map(|a| a.0),
            arena_bytes: details.arenas.map(|a| a.1),
        },
        capture,
    })
}

/// What a server calls a process, `uwsgi worker` for one, where that can be told.
pub(super) fn role(process: &Process) -> Option<String> {
    let parent = process.parent().ok().and_then(|pid| Process::open(pid).ok()).map(|p| p.cmdline());
    find::role(&process.cmdline(), parent.as_deref()).map(list::role)
}

/// The members of the lists, as many lists a collector as its version has.
fn collectors(details: &Details) -> Vec<Collector> {
    let each = details.lists_each.max(1);
    let names = ["0", "1", "2", "permanent"];
    let counters = details.collectors.iter().map(Some).chain(std::iter::repeat(None));
    let chunks = details.generations.chunks(each).zip(counters).zip(0u64..);
    chunks
        .map(|((lists, counted), i)| Collector {
            // the newest interpreter stands first in CPython's list
            interpreter: (details.generations.len() / each).saturating_sub(1) as u64 - i,
            collecting: details.collecting,
            generations: names
                .iter()
                .zip(lists)
                .enumerate()
                .map(|(n, (name, objects))| Generation {
                    name: (*name).to_owned(),
                    objects: *objects,
                    counters: counted.and_then(|counted| counted.get(n)).copied(),
                })
                .collect(),
        })
        .collect()
}
