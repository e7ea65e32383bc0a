//! The arrow of `src/lib.rs`, held by reading the sources: who imports whom, who prints, who is unsafe, who compares versions.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// What each room may import, itself included. A room that is not named here is not part of the arrow yet: add it.
const ROOMS: &[(&str, &[&str])] = &[
    ("docs", &[]),
    ("addr", &["addr"]),
    ("memory", &["addr", "memory"]),
    ("process", &["addr", "memory", "process"]),
    ("heap", &["addr", "heap"]),
    ("cpython", &["addr", "memory", "process", "heap", "cpython"]),
    ("capture", &["addr", "memory", "process", "heap", "cpython", "capture"]),
    ("snapshot", &["addr", "heap", "snapshot"]),
    ("recording", &["addr", "heap", "recording"]),
    ("analysis", &["addr", "heap", "analysis"]),
    ("report", &["addr", "heap", "analysis", "report"]),
    ("tui", &["addr", "heap", "analysis", "report", "tui"]),
    (
        "cli",
        &[
            "addr",
            "memory",
            "process",
            "heap",
            "cpython",
            "capture",
            "snapshot",
            "recording",
            "analysis",
            "report",
            "tui",
            "cli",
        ],
    ),
];

struct Source {
    /// Relative to `src/`.
    path: String,
    /// Its room: the first folder, or the file's own name.
    room: String,
    /// Code lines without comments and without the unit tests at the end; with their numbers.
    code: Vec<(usize, String)>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    assert!(files.len() > 5, "no sources found");
    files
        .into_iter()
        .filter(|file| file.file_name().is_some_and(|name| name != "tests.rs"))
        .map(|file| {
            let path = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            let room = path.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&file).unwrap();
            Source { path, room, code: code_of(&text) }
        })
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

fn code_of(text: &str) -> Vec<(usize, String)> {
    let mut code = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        // By convention the unit tests end a file or have one of their own; they may use more than the code.
        let opens = |next: &str| format!(" {next}").contains(" mod ") && next.contains('{');
        if line == "#[cfg(test)]" && lines.peek().is_some_and(|(_, next)| opens(next)) {
            break;
        }
        let line = line.split("//").next().unwrap_or("");
        if !line.trim().is_empty() {
            code.push((number + 1, line.to_owned()));
        }
    }
    code
}

/// The rooms that a file names: `crate::a::b`, `crate::{a, b::c}`, `leakspy::a`.
fn imports(source: &Source) -> BTreeSet<String> {
    let text: String = source.code.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n");
    let one = Regex::new(r"\b(?:crate|leakspy)::([a-z_]+)").unwrap();
    let mut found: BTreeSet<String> = one.captures_iter(&text).map(|found| found[1].to_owned()).collect();
    let group = Regex::new(r"\b(?:crate|leakspy)::\{").unwrap();
    for start in group.find_iter(&text) {
        let mut depth = 1;
        let mut word = String::new();
        let mut at_start = true;
        for character in text[start.end()..].chars() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => at_start = true,
                c if depth == 1 && at_start && (c.is_ascii_lowercase() || c == '_') => word.push(c),
                c if !c.is_whitespace() => {
                    if !word.is_empty() {
                        found.insert(std::mem::take(&mut word));
                    }
                    at_start = false;
                }
                _ => {}
            }
            if matches!(character, ',' | '}') && !word.is_empty() {
                found.insert(std::mem::take(&mut word));
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

#[test]
fn imports_go_one_way() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.path == "lib.rs" || source.path == "main.rs" {
            continue;
        }
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room) else {
            wrong.push(format!("src/{}: room `{}` has no place in the arrow", source.path, source.room));
            continue;
        };
        for import in imports(&source) {
            let is_room = ROOMS.iter().any(|(room, _)| *room == import);
            if is_room && !allowed.contains(&import.as_str()) {
                wrong.push(format!("src/{}: imports `{import}`", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "against the arrow:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_command_line_speaks() {
    let speaks =
        Regex::new(r"\bclap\b|\be?print(ln)?!|\bprocess::exit\b|\bstd::io::(stdout|stderr)\b|\bio::(stdout|stderr)\(")
            .unwrap();
    forbid(&speaks, |source| source.room == "cli" || source.path == "main.rs");
}

#[test]
fn unsafe_stands_only_where_the_system_is_called() {
    let word = Regex::new(r"\bunsafe\b").unwrap();
    forbid(&word, |source| {
        source.path == "memory/live.rs" || source.path == "memory/image.rs" || source.room == "process"
    });
}

#[test]
fn only_one_file_compares_versions() {
    let version = Regex::new(r"\(\s*(2\s*,\s*7|3\s*,\s*\d{1,2})\s*\)|\bminor\b(\(\))?\s*(==|!=|<=|>=|<|>)").unwrap();
    forbid(&version, |source| source.path == "cpython/version.rs");
}

fn forbid(pattern: &Regex, allowed: impl Fn(&Source) -> bool) {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !allowed(source)) {
        for (number, line) in &source.code {
            if pattern.is_match(line) {
                wrong.push(format!("src/{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "not here:\n{}", wrong.join("\n"));
}

#[test]
fn imports_are_found_in_every_shape() {
    let text = "use crate::heap::{Census, objects::Row};\nuse crate::{addr::Addr, memory, cpython::{gc, types}};\n\
                // use crate::report;\nfn f() { crate::process::find(); }\n#[cfg(test)]\nmod tests { use crate::cli; }\n";
    let source = Source { path: String::new(), room: String::new(), code: code_of(text) };
    let expected = ["addr", "cpython", "heap", "memory", "process"].map(str::to_owned);
    assert_eq!(imports(&source), BTreeSet::from(expected));
}
