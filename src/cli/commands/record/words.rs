//! What `leakspy record` says on standard error: at its beginning, on its way, at its end.

use std::fs;
use std::time::Duration;

use super::session::Sums;
use crate::cli::args::RecordArgs;
use crate::cli::source::COMMAND;
use crate::heap::{HeapPoint, Usage};
use crate::recording::older;
use crate::report::number::{counted, iec, percent, thousands};
use crate::report::text::shorten_end;

pub(super) fn beginning(args: &RecordArgs, of: &[(i32, String)]) -> String {
    let whom = match of {
        [(pid, command)] => format!("process {pid} ({})", shorten_end(command, COMMAND)),
        several => counted(several.len() as u64, "process"),
    };
    let light = if args.light { ", without stopping it" } else { "" };
    format!("recording {whom} every {}{light}{}; Ctrl-C ends it", duration(args.every), into(args))
}

fn into(args: &RecordArgs) -> String {
    args.file
        .as_ref()
        .filter(|path| path.as_os_str() != "-")
        .map_or(String::new(), |path| format!(" into {}", path.display()))
}

pub(super) fn progress(looks: u64, pid: i32, usage: &Usage, heap: Option<&HeapPoint>) -> String {
    let rss = iec(usage.rss_bytes);
    let objects = heap.map_or(String::new(), |heap| {
        format!(", {}, held still for {:.1} ms", counted(heap.objects, "object"), heap.pause_ms)
    });
    format!("{}: process {pid} has {rss} resident{objects}", counted(looks, "look"))
}

pub(super) fn stretched(pid: i32, pause: Duration, wait: Duration, every: Duration) -> String {
    format!(
        "a look holds process {pid} still for {}: looking every {} or so instead of {} keeps that below 1% of the time",
        duration(pause),
        duration(wait),
        duration(every)
    )
}

pub(super) fn rotated(args: &RecordArgs) -> String {
    let older = args.file.as_deref().map(older).unwrap_or_default();
    format!(
        "half of --max-file {} is full: that is {} now, and will make room for the next half",
        iec(args.max_file),
        older.display()
    )
}

pub(super) fn ending(sums: &Sums, took: Duration, ended: bool) -> String {
    let mut said = format!(
        "recorded {} at {} in {}",
        counted(sums.looks, "look"),
        counted(sums.processes, "process"),
        duration(took)
    );
    if ended {
        said.push_str(", to the end");
    }
    if sums.missed > 0 {
        said.push_str(&format!(", {} missed", thousands(sums.missed)));
    }
    if sums.lost > 0 {
        said.push_str(&format!(", {} could not be written", lines(sums.lost)));
    }
    if sums.held > Duration::ZERO {
        let share = sums.held.as_secs_f64() / took.as_secs_f64().max(1e-3) / sums.processes.max(1) as f64;
        said.push_str(&format!(
            "; held still for {} in all ({} of the time), {} at most",
            duration(sums.held),
            percent(share),
            duration(sums.longest)
        ));
    }
    if let Some(cpu) = cpu() {
        said.push_str(&format!("; leakspy took {} of processor time", duration(cpu)));
    }
    said
}

pub(super) fn lines(many: u64) -> String {
    counted(many, "line")
}

/// This machine's name.
pub(super) fn host() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Processor time of this process so far.
fn cpu() -> Option<Duration> {
    let stat = procfs::process::Process::myself().ok()?.stat().ok()?;
    let ticks = stat.utime.saturating_add(stat.stime);
    Some(Duration::from_secs_f64(ticks as f64 / procfs::ticks_per_second().max(1) as f64))
}

/// `12 ms`, `1.5 s`, `10 s`, `12 min`, `3.5 h`.
fn duration(of: Duration) -> String {
    let seconds = of.as_secs_f64();
    let (value, unit) = match seconds {
        ..0.9995 => (seconds * 1e3, "ms"),
        ..119.5 => (seconds, "s"),
        ..7170.0 => (seconds / 60.0, "min"),
        _ => (seconds / 3600.0, "h"),
    };
    let whole = value >= 9.95 || (value - value.round()).abs() < 0.05;
    if whole { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_the_unit_that_suits_them() {
        let told = [0.0, 0.0031, 0.25, 1.0, 1.5, 10.02, 119.0, 600.0, 5400.0, 12_600.0];
        let told = told.map(|seconds| duration(Duration::from_secs_f64(seconds)));
        assert_eq!(told, ["0 ms", "3.1 ms", "250 ms", "1 s", "1.5 s", "10 s", "119 s", "10 min", "90 min", "3.5 h"]);
    }

    #[test]
    fn the_last_words_tell_the_cost() {
        let sums = Sums {
            processes: 1,
            looks: 60,
            missed: 1,
            held: Duration::from_millis(600),
            longest: Duration::from_millis(31),
            ..Sums::default()
        };
        let said = ending(&sums, Duration::from_secs(600), true);
        let expected = "recorded 60 looks at 1 process in 10 min, to the end, 1 missed; \
                        held still for 600 ms in all (0.1% of the time), 31 ms at most; leakspy took ";
        assert!(said.starts_with(expected), "{said}");
    }
}
