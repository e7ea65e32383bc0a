//! The refcount audit of idle heaps: each count is the number of references that were found, from objects and from roots.

use std::collections::BTreeMap;

use leakspy::capture::{self, Options};
use leakspy::heap::{Heap, Id};

use super::support::*;

/// What the references and roots of a heap explain of its mortal objects' counts.
struct Audit {
    mortal: usize,
    explained: usize,
    /// Of these, explained with possible roots only: words of static data, slots above an unknown stack top.
    with_possible: Vec<Id>,
    deficit: Vec<Id>,
    surplus: Vec<Id>,
    found: Vec<u32>,
}

fn audit(heap: &Heap) -> Audit {
    let found = heap.references_found();
    let mut possible = vec![false; heap.objects.len()];
    for root in &heap.roots {
        let text = heap.names.get(root.text);
        if text == "<static data>" || text == "<static object>" || text.ends_with(" › <stack>") {
            possible[root.object.at()] = true;
        }
    }
    let mut audit = Audit { mortal: 0, explained: 0, with_possible: vec![], deficit: vec![], surplus: vec![], found };
    for id in heap.objects.ids().filter(|id| !heap.objects.is_immortal(*id)) {
        audit.mortal += 1;
        let (count, found) = (heap.objects.refcount(id), audit.found[id.at()]);
        if count == found {
            audit.explained += 1;
            if possible[id.at()] {
                audit.with_possible.push(id);
            }
        } else if count < found {
            audit.deficit.push(id);
        } else {
            audit.surplus.push(id);
        }
    }
    audit
}

fn describe(heap: &Heap, audit: &Audit, ids: &[Id]) -> String {
    let reverse = heap.edges.reverse();
    let mut kinds: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for id in ids {
        let by: Vec<String> = reverse
            .of(*id)
            .take(3)
            .map(|edge| format!("{}{}", heap.type_name(edge.from), heap.label_text(edge.label)))
            .chain(heap.roots.iter().filter(|r| r.object == *id).take(3).map(|r| heap.names.get(r.text).to_owned()))
            .collect();
        let (at, called) = (heap.objects.addr(*id), heap.called(*id).unwrap_or_default());
        let to: Vec<String> = heap
            .edges
            .of(*id)
            .take(4)
            .map(|e| {
                format!("{}{}", heap.type_name(e.to), heap.called(e.to).map_or(String::new(), |n| format!(" {n}")))
            })
            .collect();
        let bytes = heap.objects.bytes(*id);
        let counts = (heap.objects.refcount(*id), audit.found[id.at()]);
        kinds
            .entry(heap.type_name(*id))
            .or_insert_with(|| {
                (
                    0,
                    format!(
                        "{at} {called} counts {}, found {} {by:?}; {bytes} bytes, refers to {to:?}",
                        counts.0, counts.1
                    ),
                )
            })
            .0 += 1;
    }
    kinds.iter().map(|(kind, (n, example))| format!("\n    {n:4} {kind}: {example}")).collect()
}

#[test]
fn counts_are_explained() {
    each_python(|python| {
        let floor = match python.minor() {
            (2, _) => 0.97,
            (3, 0..=10) => 0.99,
            _ => 0.995,
        };
        for (fixture, arguments) in [("heap.py", &["20000"][..]), ("zoo.py", &[]), ("application.py", &[])] {
            if fixture == "application.py" && !has_application(python) {
                continue;
            }
            let mut target = Target::start(python, fixture, arguments);
            if fixture == "zoo.py" {
                target.ask("makeall");
            }
            target.settle();
            let heap = capture::graph(&Options::new(target.pid as i32)).expect("it can be read").heap;
            target.assert_unharmed();
            let audit = audit(&heap);
            let share = audit.explained as f64 / audit.mortal as f64;
            let told = format!(
                "{} {fixture}: {} mortal objects, {:.3} % explained ({:.3} % without possible roots), surplus {}, deficit {}",
                python.version,
                audit.mortal,
                share * 100.0,
                (audit.explained - audit.with_possible.len()) as f64 / audit.mortal as f64 * 100.0,
                audit.surplus.len(),
                audit.deficit.len(),
            );
            let surplus = describe(&heap, &audit, &audit.surplus);
            let deficit = describe(&heap, &audit, &audit.deficit);
            if std::env::var_os("LEAKSPY_TELL").is_some() {
                let possible = describe(&heap, &audit, &audit.with_possible);
                tell(&format!("{told}\n  surplus{surplus}\n  deficit{deficit}\n  possible{possible}"));
            }
            assert!(share >= floor, "{told}\n  surplus{surplus}\n  deficit{deficit}");
            assert!(audit.deficit.len() * 10_000 <= audit.mortal, "{told}\n  deficit{deficit}");
        }
    });
}
