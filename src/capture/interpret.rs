//! A copy (or a live memory behind a cache) → census, provenance and details. The target runs on meanwhile.

use std::collections::HashMap;
use std::time::Duration;

use rustc_hash::FxHashSet;

use super::{Clock, Details, Error, Options, Taken, Target, Watched, graph};
use crate::addr::{Addr, AddrRange};
use crate::cpython::layout::Layout;
use crate::cpython::objects::{self, Table, World};
use crate::cpython::pymalloc::{self, Arena, ArenaMap};
use crate::cpython::runtime::Runtime;
use crate::cpython::types::TypeWorld;
use crate::cpython::{gc, gc_counters};
use crate::heap::{Build, Capture, Census, Coverage, Gaps, TypeTally};
use crate::memory::Memory;

/// The smallest object of a collector's list takes this many bytes with its head: bounds walks.
const LEAST_TRACKED: u64 = 32;

/// What an object outside the arenas that stands in a collector's list takes here, in bytes.
const LISTED: u64 = 32;

/// How the copy was made.
#[derive(Debug, Default)]
pub(super) struct Moment {
    /// Was the target held still all through it?
    pub frozen: bool,
    /// For how long, tries included.
    pub pause: Duration,
    /// Threads that were held.
    pub threads: u64,
    /// A collection was under way, or a list was half linked.
    pub torn: bool,
    /// Was it read in pieces?
    pub in_pieces: bool,
    /// Bytes that were copied.
    pub copied: u64,
    /// Bytes that appeared late and found no room.
    pub missed: u64,
    /// What leakspy may use, in bytes.
    pub allowed: u64,
    /// What a look that copies everything takes, in bytes.
    pub whole: u64,
    /// What of it is there for words that may be objects outside the arenas, in bytes.
    pub spare: u64,
    /// What users should know.
    pub warnings: Vec<String>,
}

/// All arenas of all interpreters, and how many records were damaged.
pub(super) fn arenas<M: Memory + ?Sized>(mem: &M, layout: &Layout, runtime: &Runtime) -> (Vec<Arena>, u64) {
    let mut all = Vec::new();
    let mut damaged = 0u64;
    for (table, count) in &runtime.arenas {
        let (found, bad) = pymalloc::arenas(mem, layout, *table, *count);
        all.extend(found);
        damaged = damaged.saturating_add(bad);
    }
    (all, damaged)
}

/// Makes the object table and counts it.
pub(super) fn interpret<M: Memory>(
    target: &Target,
    mem: &M,
    elsewhere: &(dyn Fn(&[AddrRange]) -> Vec<AddrRange> + Sync),
    options: &Options,
    moment: Moment,
    clock: &mut Clock,
) -> Result<Taken, Error> {
    let (layout, located) = (&target.layout, &target.located);
    let runtime = match Runtime::read(mem, layout, located, &target.regions) {
        Ok(runtime) => runtime,
        // It held a moment ago; a thread that begins or ends while nothing is held still is no reason to refuse.
        Err(_) if !moment.frozen => target.runtime.clone(),
        Err(why) => return Err(Error::layout_failed(&target.process, located, &target.layout_sources, &why)),
    };
    log::debug!("arenas by {}", runtime.arenas_from);
    let (arenas, damaged_arenas) = arenas(mem, layout, &runtime);
    let map = ArenaMap::new(arenas);
    let spans = super::plan::joined_ranges(map.arenas().iter().map(|a| a.range));
    let elsewhere = elsewhere(&spans);
    let writable: u64 = target.regions.iter().filter(|r| r.write).map(|r| r.range.len()).fold(0, u64::saturating_add);
    let cap = writable.saturating_mul(2) / LEAST_TRACKED;
    let members = gc::walk(mem, layout, &map, &runtime.lists, cap);
    clock.lap("gc lists");
    let globals = &located.globals;
    let listed = (members.outside().count() as u64).saturating_mul(LISTED);
    let padding = objects::padding(mem, layout, &members);
    let world = World {
        mem,
        layout,
        types: TypeWorld {
            type_type: globals.type_type,
            own_code: located.own_code.clone(),
            copied_types: located.program_data.clone(),
            str_types: [Some(globals.unicode_type), globals.bytes_type].into_iter().flatten().collect(),
            int_type: globals.int_type.or(globals.long_type),
        },
        map,
        members,
        collecting: moment.torn || !moment.frozen,
        elsewhere,
        modules_data: located.modules_data.clone(),
        own_data: located.data.clone(),
        number_types: match globals.int_type {
            Some(int) => [Some(int), globals.float_type],
            None => [None, None],
        },
        padding,
        candidates_left: (moment.spare.saturating_sub(listed) / objects::CANDIDATE).into(),
        watched: options.watched.iter().map(|at| at.0).collect::<FxHashSet<u64>>(),
        keep_rows: options.objects || options.references,
    };
    let mut table = world.walk();
    clock.lap("walk");
    if table.account.unnoted > 0 {
        let more = table.account.unnoted.saturating_mul(objects::CANDIDATE);
        return Err(Error::TooLarge { needed: moment.whole.saturating_add(more), left: moment.allowed });
    }
    let names = names(&mut table);
    let census = census(&mut table, &names);
    clock.lap("names");
    let mut details = details(target, &runtime, &world);
    details.threads = moment.threads;
    details.pause = moment.pause;
    details.collecting = moment.torn;
    details.watched = table
        .sightings
        .iter()
        .map(|s| Watched {
            at: s.at,
            name: names.get(&s.of.0).cloned().unwrap_or_default(),
            bytes: s.bytes,
            tracked: s.tracked,
        })
        .collect();
    let heap = (options.objects || options.references)
        .then(|| graph::build(target, &runtime, &world, &mut table, &names, options, clock));
    let mut capture = capture(target, &table, &world, damaged_arenas, moment);
    if let Some(heap) = &heap {
        tell_gaps(&mut capture, heap.gaps, heap.edges.len() as u64);
    }
    Ok(Taken { census, capture, details, heap })
}

/// Qualified names of types, by their address.
pub(super) type Names = HashMap<u64, String>;

fn names<M: Memory + ?Sized>(table: &mut Table<'_, M>) -> Names {
    let types = &mut table.types;
    let named = |at: &u64| Some((*at, types.find(Addr(*at)).map(|id| types.qualified_name(id))?));
    table.counts.keys().filter_map(named).collect()
}

fn census<M: Memory + ?Sized>(table: &mut Table<'_, M>, names: &Names) -> Census {
    let Table { counts, types, .. } = table;
    let tally = |(at, count): (&u64, &objects::Count)| TypeTally {
        name: names.get(at).map_or("?", String::as_str).to_owned(),
        count: count.count,
        bytes: count.bytes,
        tracked: count.tracked,
        basis: objects::basis(types, Addr(*at)),
    };
    counts.iter().map(tally).collect()
}

/// Marks an answer whose references are not all there.
fn tell_gaps(capture: &mut Capture, gaps: Gaps, references: u64) {
    let objects = |n: u64| if n == 1 { "1 object".to_owned() } else { format!("{n} objects") };
    if gaps.damaged > 0 {
        capture.consistent = false;
        capture
            .warnings
            .push(format!("the references of {} could not all be read: damaged or torn", objects(gaps.damaged)));
    }
    // A few are no damage: 3.6 keeps a tuple for reuse whose item it lets go.
    if gaps.dangling > references / 10_000 {
        let pointers = if gaps.dangling == 1 { "1 pointer" } else { &format!("{} pointers", gaps.dangling) };
        capture.warnings.push(format!("{pointers} where a reference should be led to no live object"));
    }
    if gaps.dropped > 0 {
        capture.consistent = false;
        capture.warnings.push(format!("{} references were left out: more than leakspy can number", gaps.dropped));
    }
}

fn details<M: Memory + ?Sized>(target: &Target, runtime: &Runtime, world: &World<'_, M>) -> Details {
    let located = &target.located;
    let arenas = world.map.arenas();
    let counted = runtime.counters.iter().map(|counters| counters.read(world.mem, world.layout));
    let collectors: Vec<_> = counted.map(Option::unwrap_or_default).collect();
    Details {
        layout_sources: target.layout_sources.clone(),
        python_path: located.path.clone(),
        python_shared: located.shared,
        interpreters: runtime.interpreters.len().max(1) as u64,
        arenas: (!arenas.is_empty())
            .then(|| (arenas.len() as u64, arenas.iter().map(|a| a.range.len()).fold(0, u64::saturating_add))),
        generations: world.members.sizes.clone(),
        lists_each: if world.layout.gc_runtime.as_ref().is_some_and(|g| g.permanent_generation.is_some()) {
            4
        } else {
            3
        },
        gc: gc_counters::sum(&collectors),
        collectors,
        ..Details::default()
    }
}

fn capture<M: Memory + ?Sized>(
    target: &Target,
    table: &Table<'_, M>,
    world: &World<'_, M>,
    damaged_arenas: u64,
    moment: Moment,
) -> Capture {
    let account = &table.account;
    let mut warnings = moment.warnings;
    let pymalloc = !world.map.arenas().is_empty();
    if !pymalloc {
        warnings.push(
            "this Python does without pymalloc: untracked objects were found by following pointers, and coverage is not known"
                .into(),
        );
    }
    if moment.torn {
        warnings.push("a collection was under way in every try: the membership in generations may be off".into());
    }
    if account.late > 0 && !moment.in_pieces {
        let (begin, their) = if account.late == 1 { ("object begins", "its") } else { ("objects begin", "their") };
        warnings.push(format!(
            "{} large {begin} amid raw data that was not copied: {their} size was read after the process went on",
            account.late
        ));
    }
    if moment.missed > 0 {
        warnings.push(format!("{} bytes of memory appeared too late to be copied", moment.missed));
    }
    let skipped = account.skipped.saturating_add(world.members.torn);
    let consistent = skipped == 0 && account.torn_pools == 0 && damaged_arenas == 0 && !moment.torn;
    let ratio = account.explained_bytes as f64 / account.used_bytes as f64;
    Capture {
        source: "process".into(),
        pid: Some(target.process.pid()),
        started_at: target
            .process
            .started_ms()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
            .map(|at| at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()),
        program: target.process.program(&target.live).map(|digest| format!("{digest:016x}")),
        python: target.located.version.to_string(),
        build: Build {
            debug: false,
            free_threaded: false,
            allocator: match (pymalloc, world.padding) {
                (true, 0) => "pymalloc",
                (true, _) => "pymalloc_debug",
                (false, 0) => "malloc",
                (false, _) => "malloc_debug",
            }
            .into(),
        },
        taken_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        frozen: moment.frozen,
        pause_ms: moment.pause.as_secs_f64() * 1e3,
        one_instant: moment.frozen && !moment.in_pieces,
        consistent,
        coverage: Coverage {
            used_bytes: account.used_bytes,
            explained_bytes: account.explained_bytes,
            ratio: (account.used_bytes > 0).then_some(ratio),
        },
        copied_bytes: moment.copied,
        skipped,
        warnings,
    }
}
