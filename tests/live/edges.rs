//! References, against what every object tells the collector, and against refcounts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;

use leakspy::heap::{Heap, Id};

use super::support::*;

/// What a target said of itself: types by address, and for each object its type and whom it tells.
struct Told {
    names: HashMap<u64, String>,
    objects: Vec<(u64, u64, HashSet<u64>)>,
    excluded: HashSet<u64>,
}

fn told(target: &mut Target) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("referents");
    target.ask(&format!("referents {}", path.display()));
    let mut told = Told { names: HashMap::new(), objects: Vec::new(), excluded: HashSet::new() };
    let hex = |word: &str| u64::from_str_radix(word, 16).unwrap();
    for line in fs::read_to_string(&path).unwrap().lines() {
        let mut words = line.split(' ');
        match words.next().unwrap() {
            "T" => {
                let at = hex(words.next().unwrap());
                told.names.insert(at, words.next().unwrap_or("").to_owned());
            }
            "O" => {
                let at = hex(words.next().unwrap());
                let of = hex(words.next().unwrap());
                told.objects.push((at, of, words.map(hex).collect()));
            }
            "X" => {
                told.excluded.insert(hex(words.next().unwrap()));
            }
            other => panic!("{other}"),
        }
    }
    told
}

fn graph(target: &Target) -> (Heap, HashMap<u64, Id>) {
    target.settle();
    let graph = leakspy::capture::graph(&leakspy::capture::Options::new(target.pid as i32)).expect("the look succeeds");
    let heap = graph.heap;
    let ids = heap.objects.ids().map(|id| (heap.objects.addr(id).0, id)).collect();
    (heap, ids)
}

fn add(map: &mut BTreeMap<String, (u64, String)>, key: String, example: impl FnOnce() -> String) {
    let entry = map.entry(key).or_insert_with(|| (0, example()));
    entry.0 += 1;
}

fn show(out: &mut String, title: &str, map: &BTreeMap<String, (u64, String)>, most: usize) {
    let mut rows: Vec<_> = map.iter().collect();
    rows.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let sum: u64 = rows.iter().map(|(_, (count, _))| count).sum();
    writeln!(out, "{title}: {sum} in {} kinds", rows.len()).unwrap();
    for (name, (count, example)) in rows.into_iter().take(most) {
        writeln!(out, "  {count:7} {name}   e.g. {example}").unwrap();
    }
}

#[test]
fn explore() {
    let fixture = std::env::var("FIXTURE").unwrap_or("zoo.py".into());
    let most: usize = std::env::var("MOST").ok().and_then(|m| m.parse().ok()).unwrap_or(25);
    each_python(|python| {
        let arguments: &[&str] = if fixture == "heap.py" { &["2000"] } else { &[] };
        let mut target = Target::start(python, &fixture, arguments);
        if fixture == "zoo.py" {
            target.ask("makeall");
        }
        let told = told(&mut target);
        let (heap, ids) = graph(&target);
        let mut out = String::new();
        let (mut missing, mut extra, mut absent) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (mut sum, mut found) = (0u64, 0u64);
        let type_at = |at: u64| ids.get(&at).map_or("(absent)".into(), |id| heap.type_name(*id).to_owned());
        for (at, of, to) in &told.objects {
            let name = told.names.get(of).cloned().unwrap_or_default();
            let Some(id) = ids.get(at) else {
                let by: Vec<_> = told
                    .objects
                    .iter()
                    .filter(|o| o.2.contains(at))
                    .map(|o| format!("{:#x} {}", o.0, told.names.get(&o.1).unwrap()))
                    .take(3)
                    .collect();
                add(&mut absent, name, || format!("{at:#x} by {by:?}"));
                continue;
            };
            let ours: HashMap<u64, _> = heap
                .edges
                .of(*id)
                .filter(|e| !e.label.is_shortcut())
                .map(|e| (heap.objects.addr(e.to).0, e.label))
                .collect();
            sum += to.len() as u64;
            for one in to {
                if ours.contains_key(one) {
                    found += 1
                } else {
                    add(&mut missing, format!("{name} -> {}", type_at(*one)), || {
                        format!(
                            "{at:#x} {:?} -> {one:#x} {:?}",
                            heap.called(*id),
                            ids.get(one).and_then(|i| heap.called(*i))
                        )
                    });
                }
            }
            for (one, label) in &ours {
                if !to.contains(one) && label.is_counted() {
                    let label = heap.label_text(*label);
                    let label = if label.starts_with('[') { "[…]".into() } else { label };
                    add(&mut extra, format!("{name} {label}"), || format!("{at:#x} -> {one:#x} {}", type_at(*one)));
                }
            }
        }
        writeln!(
            out,
            "=== {} : {} objects, {} edges; told {sum}, found {found}; gaps {:?}",
            python.version,
            heap.objects.len(),
            heap.edges.len(),
            heap.gaps
        )
        .unwrap();
        show(&mut out, "absent", &absent, most);
        show(&mut out, "missing", &missing, most);
        if std::env::var_os("EXTRA").is_some() {
            show(&mut out, "extra", &extra, most * 3);
        }
        // The audit.
        let counts = heap.references_found();
        let (mut deficit, mut surplus) = (BTreeMap::new(), BTreeMap::new());
        let (mut mortal, mut even) = (0u64, 0u64);
        let reverse = heap.edges.reverse();
        for id in heap.objects.ids() {
            if heap.objects.is_immortal(id) {
                continue;
            }
            mortal += 1;
            let (has, seen) = (heap.objects.refcount(id), counts[id.at()]);
            let name = heap.type_name(id).to_owned();
            match has.cmp(&seen) {
                std::cmp::Ordering::Equal => even += 1,
                std::cmp::Ordering::Less => add(&mut deficit, name, || {
                    let mut by: Vec<String> = reverse
                        .of(id)
                        .filter(|e| e.label.is_counted())
                        .take(12)
                        .map(|e| {
                            format!(
                                "{}{}{}",
                                heap.type_name(e.from),
                                heap.label_text(e.label),
                                if e.label.is_inferred() { "~" } else { "" }
                            )
                        })
                        .collect();
                    by.sort();
                    format!("{} {:?} {has} < {seen}: {by:?}", heap.objects.addr(id), heap.called(id))
                }),
                std::cmp::Ordering::Greater => add(&mut surplus, name, || {
                    let by: Vec<String> = reverse
                        .of(id)
                        .filter(|e| e.label.is_counted())
                        .take(5)
                        .map(|e| format!("{}{}", heap.type_name(e.from), heap.label_text(e.label)))
                        .collect();
                    format!("{} {:?} {has} > {seen}: {by:?}", heap.objects.addr(id), heap.called(id))
                }),
            }
        }
        writeln!(out, "mortal {mortal}, explained {even} ({:.2} %)", even as f64 * 100.0 / mortal as f64).unwrap();
        show(&mut out, "deficit", &deficit, most);
        show(&mut out, "surplus", &surplus, most);
        let mut scanned: BTreeMap<String, (u64, String)> = BTreeMap::new();
        for e in heap.edges.all().filter(|e| e.label.is_inferred()) {
            add(&mut scanned, heap.type_name(e.from).to_owned(), || heap.label_text(e.label));
        }
        show(&mut out, "scanned", &scanned, most);
        tell(&out);
    });
}
