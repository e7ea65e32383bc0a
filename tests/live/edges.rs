//! References of every object of a heap, against what it tells the collector, and against refcounts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;

use leakspy::heap::{Heap, Id, LabelId, Reverse};

use super::support::*;

/// What is held and counted though the collector is not told of it, by the short name of the type and the label. Types of
/// which an object tells nothing at all need not stand here. That these are counted, the other test says.
const SILENT: [(&str, &str); 39] = [
    // Strings and what is made of strings only, which are in no cycle.
    ("*", ".keys()[*]"),
    ("*", ".__name__"),
    ("*", ".__qualname__"),
    ("*", ".__slots__"),
    ("*", ".ht_cached_keys"),
    // The type, by C types that are made at run time: told from 3.9 on, and by some later or never.
    ("*", ".__class__"),
    // A dict whose values still lie in the instance (3.13).
    ("*", ".__dict__"),
    // Weak references to the subclasses.
    ("*", ".__subclasses__"),
    // Items of struct sequences beyond their length.
    ("stat_result", "[*]"),
    ("statvfs_result", "[*]"),
    ("struct_time", "[*]"),
    // The dummy of 2.7's sets, where something was removed.
    ("set", "{*}"),
    ("frozenset", "{*}"),
    // The code of those that are done, from 3.12 on, and where a coroutine was made.
    ("generator", ".gi_code"),
    ("coroutine", ".cr_code"),
    ("async_generator", ".ag_code"),
    ("coroutine", ".cr_origin"),
    // C code that leaves out one member or another, and their subclasses.
    ("*", ".buf"),
    ("*", ".key"),
    ("*", ".output_buffer"),
    ("*", ".wr_callback"),
    ("_lru_list_elem", ".link"),
    ("methodcaller", ".name"),
    ("xmlparser", ".intern"),
    ("Node", ".next"),
    ("Pickler", "{*}"),
    ("Scanner", ".memo"),
    ("SRE_Scanner", ".string"),
    ("StgDict", ".converters"),
    ("StringIO", ".writer_buffer"),
    ("Unpickler", "[*]"),
    ("Unpickler", ".buffer"),
    ("XMLParser", ".elementtree_module"),
    ("_SSLSocket", ".context"),
    ("_SSLSocket", ".owner"),
    ("ZoneInfo", ".std_dstoff"),
    ("ZoneInfo", ".std_tzname"),
    ("ZoneInfo", ".tzname"),
    ("ZoneInfo", ".utcoff"),
];

/// Who told the collector of whom.
struct Told {
    names: HashMap<u64, String>,
    objects: Vec<(u64, u64, HashSet<u64>)>,
}

fn told(target: &mut Target) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("referents");
    target.ask(&format!("referents {}", path.display()));
    let mut told = Told { names: HashMap::new(), objects: Vec::new() };
    let hex = |word: &str| u64::from_str_radix(word, 16).unwrap();
    for line in fs::read_to_string(&path).unwrap().lines() {
        let mut words = line.split(' ');
        let (kind, at) = (words.next().unwrap(), hex(words.next().unwrap()));
        match kind {
            "T" => {
                told.names.insert(at, words.collect::<Vec<_>>().join(" "));
            }
            "O" => {
                let of = hex(words.next().unwrap());
                told.objects.push((at, of, words.map(hex).collect()));
            }
            _ => assert_eq!(kind, "X", "{line}"),
        }
    }
    told
}

/// A heap as leakspy reads it, and its objects by address.
struct Seen {
    heap: Heap,
    ids: HashMap<u64, Id>,
    reverse: Reverse,
}

impl Seen {
    fn of(target: &Target) -> Seen {
        target.settle();
        let options = leakspy::capture::Options::new(target.pid as i32);
        let heap = leakspy::capture::graph(&options).expect("the look succeeds").heap;
        let ids = heap.objects.ids().map(|id| (heap.objects.addr(id).0, id)).collect();
        let reverse = heap.edges.reverse();
        Seen { heap, ids, reverse }
    }

    /// What an object refers to, without shortcuts.
    fn targets(&self, id: Id) -> HashMap<u64, LabelId> {
        let edges = self.heap.edges.of(id).filter(|edge| !edge.label.is_shortcut());
        edges.map(|edge| (self.heap.objects.addr(edge.to).0, edge.label)).collect()
    }

    /// The text of a label; all items are alike.
    fn label(&self, label: LabelId) -> String {
        if label.index().is_ok() { "[*]".into() } else { self.heap.label_text(label) }
    }

    /// A few of those that refer to an object.
    fn referrers(&self, id: Id) -> String {
        let edges = self.reverse.of(id).filter(|edge| edge.label.is_counted());
        let named = edges.map(|edge| format!("{}{}", self.heap.type_name(edge.from), self.label(edge.label)));
        named.take(8).collect::<Vec<_>>().join(", ")
    }
}

/// How often something happened, with one example.
#[derive(Default)]
struct Tally(BTreeMap<String, (u64, String)>);

impl Tally {
    fn add(&mut self, what: String, example: impl FnOnce() -> String) {
        self.0.entry(what).or_insert_with(|| (0, example())).0 += 1;
    }

    fn sum(&self) -> u64 {
        self.0.values().map(|(count, _)| count).sum()
    }

    fn text(&self, most: usize) -> String {
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        let mut text = String::new();
        for (what, (count, example)) in rows.into_iter().take(most) {
            writeln!(text, "  {count:7} {what}   {example:.400}").unwrap();
        }
        text
    }
}

fn short(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, short)| short)
}

/// Is it known why an object of this type tells the collector of what another holds?
fn told_for_another(seen: &Seen, id: Id, name: &str, python: &Python) -> Option<HashSet<u64>> {
    let of = |id: Id| seen.heap.edges.of(id).map(|edge| edge.to).collect::<Vec<_>>();
    let addresses = |ids: Vec<Id>| ids.into_iter().map(|id| seen.heap.objects.addr(id).0).collect();
    let two_on = || of(id).into_iter().flat_map(of).flat_map(of).collect::<Vec<_>>();
    match name {
        // Tells the keys and results in its cache's elements, which the dict of the cache holds.
        "functools._lru_cache_wrapper" => Some(addresses(two_on())),
        // Tells each node of the chain that begins with its first.
        "sqlite3.Cache" => Some(addresses(two_on())),
        // Tells, by a function of its own, what a struct of C code holds.
        "builtins.PyCapsule" => None,
        // ctypes' types, to 3.12, tell what the dict that replaces theirs keeps in C.
        "_ctypes.PyCPointerType" | "_ctypes.PyCArrayType" | "_ctypes.PyCFuncPtrType" => {
            Some(addresses(of(id).into_iter().flat_map(of).collect()))
        }
        // Callbacks in an array that C code reallocates: they are roots.
        "builtins.module" if seen.heap.called(id) == Some("atexit") => None,
        // An array of structs, each with an exception type that the module's dict holds too.
        "builtins.module" if seen.heap.called(id) == Some("_decimal") && python.minor() >= (3, 13) => None,
        _ => Some(HashSet::new()),
    }
}

fn compare(python: &Python, fixture: &str, target: &mut Target) -> Vec<String> {
    let told = told(target);
    let seen = Seen::of(target);
    let (mut missing, mut extra, mut absent) = (Tally::default(), Tally::default(), Tally::default());
    let mut sum = 0;
    for (at, of, to) in &told.objects {
        let name = told.names[of].as_str();
        let Some(id) = seen.ids.get(at).copied() else {
            absent.add(name.into(), || format!("{at:#x}"));
            continue;
        };
        sum += to.len();
        let ours = seen.targets(id);
        let mut others = None;
        for one in to.iter().filter(|one| !ours.contains_key(one) && seen.ids.contains_key(one)) {
            let others = others.get_or_insert_with(|| told_for_another(&seen, id, name, python));
            if others.as_ref().is_some_and(|others| !others.contains(one)) {
                missing.add(format!("{name} to {}", seen.heap.type_name(seen.ids[one])), || {
                    format!("{at:#x} {:?} to {one:#x}", seen.heap.called(id))
                });
            }
        }
        // A type that tells nothing holds in silence.
        for (one, label) in ours.iter().filter(|(one, label)| !to.is_empty() && !to.contains(one) && label.is_counted())
        {
            let text = seen.label(*label);
            let silent = SILENT.iter().any(|(of, label)| (*of == "*" || *of == short(name)) && *label == text);
            // The daylight saving of a zone has three more, which are set only where it was asked for.
            if !silent && !label.is_inferred() && !text.starts_with(".dst_") {
                extra.add(format!("{name}{text}"), || format!("{at:#x} to {one:#x}"));
            }
        }
    }
    let mut wrong = Vec::new();
    tell(&format!(
        "{} {fixture}: {} objects, {} references; {} objects tell {sum} references, {} of them not seen, {} silent ones; {:?}",
        python.version,
        seen.heap.objects.len(),
        seen.heap.edges.len(),
        told.objects.len(),
        missing.sum(),
        extra.sum(),
        seen.heap.gaps,
    ));
    if missing.sum() > 0 {
        wrong.push(format!("told, not seen:\n{}", missing.text(40)));
    }
    if extra.sum() > 0 {
        wrong.push(format!("seen, never told:\n{}", extra.text(60)));
    }
    // A block that reads as if a dead object were in it is not looked through for what else it points to.
    if absent.sum() > 1 {
        wrong.push(format!("no such objects:\n{}", absent.text(20)));
    }
    // A frame may have ended, and not yet be gone: nothing of it can be read.
    assert!(seen.heap.gaps.damaged < 10 && seen.heap.gaps.dropped == 0, "{:?}", seen.heap.gaps);
    wrong
}

#[test]
fn every_object_refers_to_all_that_it_tells_the_collector() {
    each_python(|python| {
        let mut target = Target::start(python, "heap.py", &["2000"]);
        let mut wrong = compare(python, "heap", &mut target);
        let mut target = Target::start(python, "zoo.py", &[]);
        target.ask("makeall");
        wrong.extend(compare(python, "zoo", &mut target));
        target.assert_unharmed();
        if has_application(python) {
            let mut target = Target::start(python, "application.py", &[]);
            wrong.extend(compare(python, "application", &mut target));
            target.assert_unharmed();
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn no_object_has_more_references_than_its_refcount_says() {
    each_python(|python| {
        let mut target = Target::start(python, "zoo.py", &[]);
        target.ask("makeall");
        let seen = Seen::of(&target);
        let objects = &seen.heap.objects;
        // Roots are another matter.
        let mut found = vec![0u32; objects.len()];
        for edge in seen.heap.edges.all().filter(|edge| edge.label.is_counted()) {
            found[edge.to.at()] += 1;
        }
        let (mut deficit, mut surplus) = (Tally::default(), Tally::default());
        let (mut mortal, mut even) = (0u64, 0u64);
        for id in objects.ids().filter(|id| !objects.is_immortal(*id)) {
            mortal += 1;
            let (counted, found) = (objects.refcount(id), found[id.at()]);
            let example = || format!("{} {counted}, {found}: {}", objects.addr(id), seen.referrers(id));
            match counted.cmp(&found) {
                std::cmp::Ordering::Equal => even += 1,
                std::cmp::Ordering::Less if is_in_a_spent_tuple(python, &seen, id) => {}
                std::cmp::Ordering::Less => deficit.add(seen.heap.type_name(id).into(), example),
                std::cmp::Ordering::Greater => surplus.add(seen.heap.type_name(id).into(), example),
            }
        }
        let share = even as f64 / mortal as f64;
        tell(&format!("{}: {:.2} % of {mortal} refcounts explained without roots", python.version, share * 100.0));
        if long() {
            tell(&surplus.text(12));
        }
        target.assert_unharmed();
        assert!(deficit.sum() == 0, "more references than counted:\n{}", deficit.text(40));
        assert!(share > 0.985, "only {share} explained; the rest:\n{}", surplus.text(20));
    });
}

/// 3.6 and 3.7 keep the tuple of arguments with which a property was asked last, and in it the object, no longer counted
/// (`property_descr_get`, `Objects/descrobject.c`).
fn is_in_a_spent_tuple(python: &Python, seen: &Seen, id: Id) -> bool {
    let mut referrers = seen.reverse.of(id);
    matches!(python.minor(), (3, 6 | 7))
        && referrers.any(|edge| {
            let from = edge.from;
            let lone = seen.heap.edges.of(from).len() == 1 && seen.heap.objects.refcount(from) == 1;
            lone && seen.reverse.of(from).len() == 0 && short(seen.heap.type_name(from)) == "tuple"
        })
}
