//! The page of `leakspy info`: what is known, a subject a line.

use std::io::{self, Write};

use crate::heap::info::{Collector, MappedFile};
use crate::heap::{GenerationPoint, Info};
use crate::report::Look;
use crate::report::grid::{Weight, styled};
use crate::report::number::{counted, iec, thousands};
use crate::report::text::{visible, wrapped};

use super::types::trust;

/// Width of the column of subjects.
const SUBJECTS: usize = 11;

/// More tables than these from one source are counted, not named; JSON names them all.
const NAMED_TABLES: usize = 8;

/// Writes what is known of one target.
///
/// # Errors
/// What `out` says.
pub fn info(out: &mut dyn Write, info: &Info, look: Look) -> io::Result<()> {
    let room = look.width.map(|width| width.saturating_sub(SUBJECTS));
    let indent = format!("\n{:SUBJECTS$}", "");
    for (subject, text) in subjects(info) {
        let text = wrapped(&text, room, "").replace('\n', &indent);
        out.write_all(styled(Weight::Plain, &format!("{subject:SUBJECTS$}{text}"), look.colour).as_bytes())?;
    }
    Ok(())
}

fn subjects(info: &Info) -> Vec<(&'static str, String)> {
    let (capture, process, heap) = (&info.capture, &info.process, &info.heap);
    let mut lines = vec![("process", format!("{}, {}", process.pid, visible(&process.command)))];
    lines.extend(process.role.as_ref().map(|role| ("role", visible(role).into_owned())));
    lines.push(("python", format!("{}, {}", visible(&capture.python), build(info))));
    lines.extend(process.executable.as_ref().map(|file| ("program", mapped(file))));
    lines.extend(process.library.as_ref().map(|file| ("library", mapped(file))));
    lines.push(("memory", format!("{} resident, {}", iec(process.rss_bytes), counted(process.threads, "thread"))));
    lines.push(("runs", counted(info.interpreters, "interpreter")));
    let (objects, bytes, tracked) = (counted(heap.objects, "object"), iec(heap.bytes), thousands(heap.tracked));
    lines.push(("heap", format!("{objects}, {bytes}; the collector tracks {tracked}")));
    if let (Some(arenas), Some(bytes)) = (heap.arenas, heap.arena_bytes) {
        lines.push(("arenas", format!("{}, {} in all", counted(arenas, "arena"), iec(bytes))));
    }
    lines.extend(trust(capture).into_iter().map(|line| ("trust", line)));
    for gc in &info.gc {
        lines.push(("collector", collector(gc)));
        lines.extend(collections(gc).map(|line| ("collector", line)));
    }
    lines.extend(layout(info).into_iter().map(|line| ("layout", line)));
    let mut last = "";
    for (subject, _) in &mut lines {
        let repeated = *subject == last;
        last = subject;
        if repeated {
            *subject = "";
        }
    }
    lines
}

fn build(info: &Info) -> String {
    let build = &info.capture.build;
    let kind = if build.debug { "debug build" } else { "release build" };
    let gil = if build.free_threaded { ", free-threaded" } else { "" };
    format!("{kind}{gil}, {}", visible(&build.allocator))
}

fn mapped(file: &MappedFile) -> String {
    let gone = if file.deleted { " (removed or replaced on disk since it started)" } else { "" };
    format!("{}{gone}", visible(&file.path))
}

fn collector(gc: &Collector) -> String {
    let busy = if gc.collecting { "; a collection is under way" } else { "" };
    let lists = gc.generations.iter().map(|list| format!("{} in {}", thousands(list.objects), visible(&list.name)));
    format!("of interpreter {}, objects by generation: {}{busy}", gc.interpreter, lists.collect::<Vec<_>>().join(", "))
}

/// What the collector has done so far; `None` where this Python does not tell.
fn collections(gc: &Collector) -> Option<String> {
    let told = gc.generations.iter().filter_map(|list| Some((&list.name, list.counters?)));
    let runs: Option<Vec<String>> =
        told.clone().map(|(name, of)| Some(format!("{} in {}", thousands(of.collections?), visible(name)))).collect();
    let runs = runs.filter(|runs| !runs.is_empty())?.join(", ");
    let sum = |of: fn(&GenerationPoint) -> Option<u64>| {
        told.clone().filter_map(|(_, counters)| of(&counters)).fold(0, u64::saturating_add)
    };
    let (collected, stuck) = (thousands(sum(|of| of.collected)), sum(|of| of.uncollectable));
    let stuck = if stuck > 0 { format!(", {} could not be freed", thousands(stuck)) } else { String::new() };
    Some(format!("collections by generation: {runs}; they freed {collected}{stuck}"))
}

/// One line a source, with the tables that came from it.
fn layout(info: &Info) -> Vec<String> {
    let mut sources: Vec<(&str, Vec<&str>)> = Vec::new();
    for table in &info.layout {
        match sources.iter_mut().find(|(source, _)| *source == table.source) {
            Some((_, sections)) => sections.push(&table.section),
            None => sources.push((&table.source, vec![&table.section])),
        }
    }
    let told = |tables: &[&str]| match tables.len() {
        ..=NAMED_TABLES => visible(&tables.join(", ")).into_owned(),
        many => format!("{many} tables"),
    };
    sources.iter().map(|(source, tables)| format!("{}: {}", visible(source), told(tables))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::json::tests::target;

    #[test]
    fn a_page_for_people() {
        let mut out = Vec::new();
        info(&mut out, &target(), Look { width: Some(80), colour: false }).expect("a Vec takes all");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "\
process    25867, python3 app.py
python     3.11.7, release build, pymalloc
program    /usr/bin/python3.11 (removed or replaced on disk since it started)
memory     160.0 MiB resident, 3 threads
runs       1 interpreter
heap       2,513,325 objects, 124.9 MiB; the collector tracks 430,673
arenas     610 arenas, 152.5 MiB in all
trust      coverage 99.54%: objects and their buffers explain 152.7 MiB of the
           153.4 MiB that the allocator handed out
collector  of interpreter 0, objects by generation: 431 in 0, 0 in permanent
           collections by generation: 1,200 in 0; they freed 5,300, 2 could not
           be freed
layout     python_offsets/3.11.toml: object, gc
           --offsets own.toml: dict_keys
"
        );
    }
}
