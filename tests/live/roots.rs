//! Roots and frames: what leakspy says of running, suspended and kept frames is what the program says of itself.

use std::collections::{BTreeSet, HashMap};

use leakspy::addr::Addr;
use leakspy::capture::{self, Graph, Options};
use leakspy::heap::{Heap, Id, Label, RootKind};
use serde_json::Value;

use super::support::*;

/// (thread or nothing, frame, variable, address)
type Variable = (String, String, String, u64);

struct Look {
    graph: Graph,
    by_address: HashMap<u64, Id>,
}

impl Look {
    fn at(target: &Target) -> Look {
        target.settle();
        let graph = capture::graph(&Options::new(target.pid as i32)).expect("it can be read");
        let by_address = graph.heap.objects.ids().map(|id| (graph.heap.objects.addr(id).0, id)).collect();
        Look { graph, by_address }
    }

    fn heap(&self) -> &Heap {
        &self.graph.heap
    }

    #[track_caller]
    fn id(&self, address: &Value) -> Id {
        let address = address.as_u64().unwrap();
        *self.by_address.get(&address).unwrap_or_else(|| panic!("no object at {}", Addr(address)))
    }

    /// The address of a variable's value: of a cell's contents, for a cell.
    fn value(&self, of: Id) -> u64 {
        let heap = self.heap();
        let to =
            if heap.type_name(of).ends_with(".cell") { heap.edges.of(of).next().map(|edge| edge.to) } else { None };
        heap.objects.addr(to.unwrap_or(of)).0
    }

    /// Variables that hang on an object: on a frame object, a generator, or the frame of a generator.
    fn variables(&self, of: Id, thread: &str, frame: &str) -> BTreeSet<Variable> {
        let heap = self.heap();
        let mut all = BTreeSet::new();
        for edge in heap.edges.of(of) {
            match heap.names.label_of(edge.label) {
                Label::Local(name) => {
                    let name = heap.names.get(name).to_owned();
                    all.insert((thread.to_owned(), frame.to_owned(), name, self.value(edge.to)));
                }
                Label::Through(_) if heap.type_name(edge.to).ends_with(".frame") => {
                    all.extend(self.variables(edge.to, thread, frame));
                }
                _ => {}
            }
        }
        all
    }

    /// All variables of running frames, and all running frames.
    fn running(&self) -> (BTreeSet<Variable>, BTreeSet<(String, String)>) {
        let heap = self.heap();
        let mut variables = BTreeSet::new();
        let mut frames = BTreeSet::new();
        for root in heap.roots.iter().filter(|root| root.kind == RootKind::Frame) {
            let text = heap.names.get(root.text);
            let parts: Vec<&str> = text.split(" › ").collect();
            let thread = parts[0].strip_prefix("thread '").and_then(|name| name.strip_suffix('\'')).expect(text);
            match parts[1..] {
                // to 3.10: the frame object
                [] => {
                    let frame = heap.called(root.object).expect("a frame is called something");
                    frames.insert((thread.to_owned(), frame.to_owned()));
                    variables.extend(self.variables(root.object, thread, frame));
                }
                [frame, name] => {
                    frames.insert((thread.to_owned(), frame.to_owned()));
                    if !name.starts_with('<') {
                        variables.insert((thread.into(), frame.into(), name.into(), self.value(root.object)));
                    }
                }
                _ => panic!("{text}"),
            }
        }
        (variables, frames)
    }

    fn has_root(&self, text: &str, of: Id) -> bool {
        let heap = self.heap();
        heap.roots.iter().any(|root| root.object == of && heap.names.get(root.text) == text)
    }
}

fn told(thread: &str, frame: &Value, variables: &Value) -> BTreeSet<Variable> {
    let variables = variables.as_object().unwrap().iter();
    variables
        .map(|(name, at)| (thread.to_owned(), frame.as_str().unwrap().to_owned(), name.clone(), at.as_u64().unwrap()))
        .collect()
}

#[track_caller]
fn assert_same(what: &str, seen: &BTreeSet<Variable>, truth: &BTreeSet<Variable>) {
    let show = |set: Vec<&Variable>| {
        let lines = set.iter().take(12).map(|(t, f, v, at)| format!("  {t} › {f} › {v} {at:#x}\n"));
        format!("{}:\n{}", set.len(), lines.collect::<String>())
    };
    let (more, less) = (seen.difference(truth).collect::<Vec<_>>(), truth.difference(seen).collect::<Vec<_>>());
    assert!(more.is_empty() && less.is_empty(), "{what}: beyond the truth {}missing {}", show(more), show(less));
}

#[test]
fn variables_of_running_frames_are_the_programs() {
    each_python(|python| {
        let mut target = Target::start(python, "threads.py", &[]);
        let truth = target.ask("truth");
        let look = Look::at(&target);
        target.assert_unharmed();
        let (mut seen, frames) = look.running();
        let mut wanted = BTreeSet::new();
        for (thread, stacks) in truth["threads"].as_object().unwrap() {
            for frame in stacks.as_array().unwrap().iter().flat_map(|stack| stack.as_array().unwrap()) {
                let name = frame[0].as_str().unwrap();
                wanted.extend(told(thread, &frame[0], &frame[1]));
                let has_any = !frame[1].as_object().unwrap().is_empty();
                let seen = frames.contains(&(thread.clone(), name.to_owned()));
                assert!(seen || !has_any, "no frame {name} of {thread}");
            }
        }
        assert!(wanted.len() > 10_000, "only {} variables", wanted.len());
        let main: Vec<Variable> = seen.iter().filter(|(thread, ..)| thread == "MainThread").cloned().collect();
        assert!(main.iter().any(|(_, frame, name, _)| frame.starts_with("serve() protocol.py:") && name == "commands"));
        seen.retain(|(thread, ..)| thread != "MainThread");
        assert_same("running", &seen, &wanted);
    });
}

#[test]
fn variables_of_suspended_and_kept_frames_are_the_programs() {
    each_python(|python| {
        let mut target = Target::start(python, "threads.py", &[]);
        let truth = target.ask("truth");
        let look = Look::at(&target);
        let heap = look.heap();
        for one in ["suspended", "kept"].iter().flat_map(|what| truth[what].as_array().unwrap()) {
            let id = look.id(&one[0]);
            assert_eq!(heap.called(id), one[1].as_str());
            let frame = one[1].as_str().unwrap();
            assert_same(frame, &look.variables(id, "", frame), &told("", &one[1], &one[2]));
        }
        for one in truth["done"].as_array().unwrap() {
            let id = look.id(one);
            assert_eq!(heap.called(id), None, "a generator that is through");
            assert!(look.variables(id, "", "").is_empty());
        }
    });
}

#[test]
fn modules_and_the_interpreters_state_are_roots() {
    each_python(|python| {
        let mut target = Target::start(python, "threads.py", &[]);
        let truth = target.ask("truth");
        let look = Look::at(&target);
        let heap = look.heap();
        let place = |key: &str, of: Id| {
            heap.roots.iter().position(|root| root.object == of && heap.names.get(root.text) == key)
        };
        for (key, at) in truth["modules"].as_object().unwrap() {
            let root = place(key, look.id(at)).unwrap_or_else(|| panic!("no root for the module {key}"));
            let user = truth["user"].as_array().unwrap().iter().any(|name| name == key);
            let kind = if user { RootKind::UserModule } else { RootKind::LibraryModule };
            assert_eq!((heap.roots[root].kind, heap.roots[root].references), (kind, 0), "{key}");
        }
        let module = look.id(&truth["modules"]["protocol"]);
        let [own, other] = [0, 1].map(|i| place(truth["alias"][i].as_str().unwrap(), module).unwrap());
        assert!(own < other, "the module's own name comes first");
        for root in truth["roots"].as_array().unwrap() {
            let text = root[0].as_str().unwrap();
            assert!(look.has_root(text, look.id(&root[1])), "{text} is no root");
        }
        assert_eq!(truth["locals"].as_object().unwrap().len(), 2);
        for (thread, at) in truth["locals"].as_object().unwrap() {
            let to = look.id(at);
            let is_its = |label| matches!(label, Label::ThreadDict(name) if heap.names.get(name) == thread);
            let found = heap.edges.all().any(|edge| edge.to == to && is_its(heap.names.label_of(edge.label)));
            assert!(found, "no edge leads to the thread-local's dict of {thread}");
        }
    });
}
