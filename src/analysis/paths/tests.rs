//! Every row of the table of labels on a heap drawn by hand, and the cases in which the shortest way is not the telling one.

use super::*;
use crate::heap::{Label, RootKind, Sketch};

/// A heap with a module `foo_module` of the user's.
fn sketch() -> (Sketch, Id) {
    let mut sketch = Sketch::new();
    let module = sketch.module("foo_module", RootKind::UserModule);
    (sketch, module)
}

fn timings<const N: usize>(sketch: &mut Sketch) -> [Id; N] {
    [(); N].map(|()| sketch.object("foo_module.Timing", 48))
}

fn all_of(heap: &Heap, of: &str) -> Vec<Id> {
    heap.objects.ids().filter(|id| heap.type_name(*id) == of).collect()
}

fn found(heap: &Heap) -> Paths {
    paths(heap, &all_of(heap, "foo_module.Timing"), &PathsOptions::default())
}

/// The paths to all `foo_module.Timing`, with their counts.
fn texts(sketch: Sketch) -> Vec<(String, u64)> {
    found(&sketch.heap()).ways.into_iter().map(|way| (way.text, way.sum.count)).collect()
}

fn assert_texts(sketch: Sketch, expected: &[(&str, u64)]) {
    let found = texts(sketch);
    let found: Vec<(&str, u64)> = found.iter().map(|(text, count)| (text.as_str(), *count)).collect();
    assert_eq!(found, expected);
}

#[test]
fn class_attribute() {
    // foo_module.Profiler -.__dict__-> dict -['results']-> [Timing, Timing, Timing]
    let (mut sketch, module) = sketch();
    let class = sketch.object("builtins.type", 1064);
    sketch.call(class, "foo_module.Profiler");
    let results = timings::<3>(&mut sketch);
    let results = sketch.list(&results);
    sketch.attribute(module, "Profiler", class);
    sketch.attribute(class, "results", results);
    let heap = sketch.heap();
    let found = found(&heap);
    assert_eq!(found.objects, Sum { count: 3, bytes: 144 });
    let [way] = &found.ways[..] else { panic!("{found:?}") };
    assert_eq!((way.text.as_str(), way.sum), ("foo_module.Profiler.results[*]", Sum { count: 3, bytes: 144 }));
    assert_eq!(way.holder, Some(Holder { text: "foo_module.Profiler.results".into(), object: Some(results) }));
    let steps: Vec<_> = way.steps.iter().map(|step| (step.edge.as_str(), step.fan_out)).collect();
    let expected = [
        ("foo_module", false),
        (".__dict__", false),
        ("['Profiler']", false),
        (".__dict__", false),
        ("['results']", true),
        ("[0]", false),
    ];
    assert_eq!(steps, expected);
    assert_eq!(way.example, all_of(&heap, "foo_module.Timing")[0]);
    assert_eq!(found.held_most, Some(("foo_module.Profiler.results".into(), way.sum)));
    let removal = Removal {
        without: "foo_module.Profiler.results".into(),
        freed: Sum { count: 3, bytes: 144 },
        held: Sum::default(),
        by: None,
    };
    assert_eq!(found.removals, [removal]);
}

#[test]
fn few_keys_stay_and_many_are_merged() {
    // CACHE -['tenant-N']-> [Timing, Timing]
    for (tenants, expected) in [
        (2, vec![("foo_module.CACHE['tenant-0'][*]".to_owned(), 2), ("foo_module.CACHE['tenant-1'][*]".to_owned(), 2)]),
        (9, vec![("foo_module.CACHE[*][*]".to_owned(), 18)]),
    ] {
        let (mut sketch, module) = sketch();
        let cache = sketch.object("builtins.dict", 64);
        sketch.attribute(module, "CACHE", cache);
        for tenant in 0..tenants {
            let list = timings::<2>(&mut sketch);
            let list = sketch.list(&list);
            sketch.key(cache, &format!("tenant-{tenant}"), list);
        }
        let heap = sketch.heap();
        let found = found(&heap);
        let texts: Vec<(String, u64)> = found.ways.iter().map(|way| (way.text.clone(), way.sum.count)).collect();
        assert_eq!(texts, expected);
        let fingerprints: FxHashSet<&str> = found.ways.iter().map(|way| way.fingerprint.as_str()).collect();
        assert_eq!(fingerprints.into_iter().collect::<Vec<_>>(), [text::fingerprint("foo_module.CACHE[*][*]")]);
    }
}

#[test]
fn dict_keys_numbers_types_sets() {
    // D -[7]-> Timing, -[<tuple>]-> Timing, -.keys()-> Timing; S -{}-> Timing
    let (mut sketch, module) = sketch();
    let [a, b, c, d] = timings::<4>(&mut sketch);
    let (dict, set) = (sketch.object("builtins.dict", 64), sketch.object("builtins.set", 216));
    sketch.attribute(module, "D", dict);
    sketch.attribute(module, "S", set);
    sketch.edge(dict, Label::NumberKey(7), a);
    let typed = sketch.named(Label::TypedKey, "builtins.tuple");
    sketch.edge(dict, typed, b);
    sketch.edge(dict, Label::DictKey, c);
    sketch.edge(set, Label::Member, d);
    let expected =
        [("foo_module.D.keys()[*]", 1), ("foo_module.D[*]", 1), ("foo_module.D[<tuple>]", 1), ("foo_module.S{*}", 1)];
    assert_texts(sketch, &expected);
}

/// A function, called so, in a module under a name.
fn function(sketch: &mut Sketch, called: &str) -> Id {
    let function = sketch.object("builtins.function", 136);
    sketch.call(function, called);
    function
}

#[test]
fn closure_reached_by_name_and_by_key() {
    // HANDLER -.<closure cache>-> cell -> [Timing];  BUS['tick'] -> [handler] -.<closure cache>-> cell -> [Timing]
    let (mut sketch, module) = sketch();
    let bus = sketch.object("builtins.dict", 64);
    for by_name in [true, false] {
        let handler = function(&mut sketch, "foo_module.make_handler.<locals>.handler");
        let cell = sketch.object("builtins.cell", 40);
        let held = timings::<1>(&mut sketch);
        let held = sketch.list(&held);
        let closure = sketch.named(Label::Closure, "cache");
        sketch.edge(handler, closure, cell);
        let contents = sketch.named(Label::Through, "cell_contents");
        sketch.edge(cell, contents, held);
        if by_name {
            sketch.attribute(module, "HANDLER", handler);
        } else {
            let listeners = sketch.list(&[handler]);
            sketch.key(bus, "tick", listeners);
        }
    }
    sketch.attribute(module, "BUS", bus);
    let expected = [
        ("foo_module.BUS['tick'][*].make_handler.<closure cache>[*]", 1),
        ("foo_module.HANDLER.<closure cache>[*]", 1),
    ];
    assert_texts(sketch, &expected);
}

#[test]
fn default_argument_past_the_tuple_of_defaults() {
    // append_to -.<default to>-> [Timing]  (a shortcut), append_to -.__defaults__-> ([Timing],)
    let (mut sketch, module) = sketch();
    let append_to = function(&mut sketch, "foo_module.append_to");
    let held = timings::<2>(&mut sketch);
    let held = sketch.list(&held);
    let defaults = sketch.object("builtins.tuple", 48);
    sketch.edge(defaults, Label::Item(0), held);
    let field = sketch.named(Label::Field, "__defaults__");
    sketch.edge(append_to, field, defaults);
    let default = sketch.named(Label::Default, "to");
    let shortcut = sketch.label(default).shortcut();
    sketch.marked(append_to, shortcut, held);
    sketch.attribute(module, "append_to", append_to);
    assert_texts(sketch, &[("foo_module.append_to.<default to>[*]", 2)]);
}

#[test]
fn bound_method_partial_and_cache() {
    // BUS -[0]-> method -.<self of tick>-> Listener -.evt-> Timing;  PART -.<arg 0>-> Timing;  compute -.<cache>[<tuple>]-> Timing
    let (mut sketch, module) = sketch();
    let [a, b, c] = timings::<3>(&mut sketch);
    let method = sketch.object("builtins.method", 64);
    let listener = sketch.object("foo_module.Listener", 48);
    let self_of = sketch.named(Label::SelfOf, "tick");
    sketch.edge(method, self_of, listener);
    sketch.attribute(listener, "evt", a);
    let bus = sketch.list(&[method]);
    sketch.attribute(module, "BUS", bus);
    let partial = sketch.object("functools.partial", 80);
    sketch.edge(partial, Label::Argument(0), b);
    sketch.attribute(module, "PART", partial);
    let compute = sketch.object("functools._lru_cache_wrapper", 120);
    let cache = sketch.object("builtins.dict", 232);
    sketch.call(compute, "foo_module.compute");
    sketch.edge(compute, Label::Cache, cache);
    let element = sketch.object("functools._lru_list_elem", 56);
    let key = sketch.named(Label::TypedKey, "builtins.tuple");
    sketch.edge(cache, key, element);
    let result = sketch.named(Label::Through, "result");
    sketch.edge(element, result, c);
    sketch.attribute(module, "compute", compute);
    let expected = [
        ("foo_module.BUS[*].<self of tick>.evt", 1),
        ("foo_module.PART.<arg 0>", 1),
        ("foo_module.compute.<cache>[<tuple>]", 1),
    ];
    assert_texts(sketch, &expected);
}

#[test]
fn thread_local() {
    // TL -.<thread 'tl-1'>-> dict -['conns']-> [Timing, Timing]
    let (mut sketch, module) = sketch();
    let local = sketch.object("_thread._local", 72);
    let dict = sketch.object("builtins.dict", 64);
    let conns = timings::<2>(&mut sketch);
    let conns = sketch.list(&conns);
    let thread = sketch.named(Label::ThreadDict, "tl-1");
    sketch.edge(local, thread, dict);
    sketch.key(dict, "conns", conns);
    sketch.attribute(module, "TL", local);
    assert_texts(sketch, &[("foo_module.TL.<thread 'tl-1'>.conns[*]", 2)]);
}

#[test]
fn locals_and_temporaries_of_running_frames() {
    // 3.11 and later: variables are roots. Before: the frame is one.
    let (mut sketch, _) = sketch();
    let [a, b, c] = timings::<3>(&mut sketch);
    let payload = sketch.list(&[a]);
    sketch.root(payload, RootKind::Frame, "thread 'worker-1' › worker() foo.py:35 › payload", 1);
    sketch.root(c, RootKind::Frame, "thread 'worker-1' › worker() foo.py:35 › <stack>", 0);
    let frame = sketch.object("builtins.frame", 400);
    sketch.call(frame, "handle() app.py:42");
    let local = sketch.named(Label::Local, "payload");
    sketch.edge(frame, local, b);
    sketch.root(frame, RootKind::Frame, "thread 'worker-2'", 1);
    let expected = [
        ("thread 'worker-1' › worker() foo.py:35 › <stack>", 1),
        ("thread 'worker-1' › worker() foo.py:35 › payload[*]", 1),
        ("thread 'worker-2' › handle() app.py:42 › payload", 1),
    ];
    assert_texts(sketch, &expected);
}

#[test]
fn suspended_generators_with_their_frame_within_and_apart() {
    // PENDING -held-> [Timing];  OLD -.gi_frame-> frame -held-> [Timing]
    let (mut sketch, module) = sketch();
    let held = sketch.named(Label::Local, "held");
    let [a, b] = timings::<2>(&mut sketch);
    let [generator, old, frame] = ["builtins.generator", "builtins.generator", "builtins.frame"].map(|of| {
        let object = sketch.object(of, 200);
        sketch.call(object, "gen() foo.py:50");
        object
    });
    let list = sketch.list(&[a]);
    sketch.edge(generator, held, list);
    sketch.attribute(module, "PENDING", generator);
    let field = sketch.named(Label::Field, "gi_frame");
    sketch.edge(old, field, frame);
    let list = sketch.list(&[b]);
    sketch.edge(frame, held, list);
    sketch.attribute(module, "OLD", old);
    let expected =
        [("foo_module.OLD › gen() foo.py:50 › held[*]", 1), ("foo_module.PENDING › gen() foo.py:50 › held[*]", 1)];
    assert_texts(sketch, &expected);
}

#[test]
fn exception_with_its_traceback() {
    // LAST -.__traceback__-> tb -.tb_next-> tb -.tb_next-> tb -.tb_frame-> frame -big-> [Timing, Timing]
    let (mut sketch, module) = sketch();
    let error = sketch.object("builtins.ValueError", 72);
    sketch.attribute(module, "LAST", error);
    let tracebacks = [(); 3].map(|()| sketch.object("builtins.traceback", 64));
    let frame = sketch.object("builtins.frame", 400);
    sketch.call(frame, "failing() foo.py:59");
    let [first, next, of] = ["__traceback__", "tb_next", "tb_frame"].map(|name| sketch.named(Label::Field, name));
    sketch.edge(error, first, tracebacks[0]);
    sketch.edge(tracebacks[0], next, tracebacks[1]);
    sketch.edge(tracebacks[1], next, tracebacks[2]);
    sketch.edge(tracebacks[2], of, frame);
    let big = timings::<2>(&mut sketch);
    let big = sketch.list(&big);
    let local = sketch.named(Label::Local, "big");
    sketch.edge(frame, local, big);
    assert_texts(sketch, &[("foo_module.LAST.__traceback__ › failing() foo.py:59 › big[*]", 2)]);
}

/// HEAD -> node -.next-> node -.next-> …, each with its payload.
fn linked(nodes: usize, of: &str, payload: &str) -> Sketch {
    let (mut sketch, module) = sketch();
    let mut last = None;
    let next = sketch.named(Label::Attribute, "next");
    let held = sketch.named(Label::Attribute, "payload");
    for _ in 0..nodes {
        let node = sketch.object(of, 48);
        let load = sketch.object(payload, 32);
        sketch.edge(node, held, load);
        match last {
            None => sketch.attribute(module, "HEAD", node),
            Some(last) => sketch.edge(last, next, node),
        }
        last = Some(node);
    }
    sketch
}

#[test]
fn list_of_nodes() {
    let heap = linked(1000, "foo_module.Timing", "builtins.object").heap();
    let found = found(&heap);
    let [way] = &found.ways[..] else { panic!("{:?}", found.ways.len()) };
    assert_eq!((way.text.as_str(), way.sum.count), ("foo_module.HEAD.next⁺", 1000));
    assert_eq!(way.behind, Some(Behind { count: 999, text: ".next⁺".into() }));
    assert_eq!(found.held_most.as_ref().map(|(text, _)| text.as_str()), Some("foo_module.HEAD"));
    assert_eq!(found.removals[0].freed.count, 1000);
}

#[test]
fn what_a_list_of_nodes_holds() {
    let sketch = linked(1000, "foo_module.Node", "foo_module.Timing");
    let heap = sketch.heap();
    let found = found(&heap);
    let texts: Vec<_> = found.ways.iter().map(|way| (way.text.as_str(), way.sum.count)).collect();
    assert_eq!(texts, [("foo_module.HEAD.next⁺.payload", 1000)]);
    assert_eq!(found.held_most.as_ref().map(|(text, _)| text.as_str()), Some("foo_module.HEAD"));
    assert_eq!(found.removals[0].freed.count, 1000);
}

#[test]
fn tree() {
    // ROOT_TREE -.children-> [node -.children-> [node …], node …], leaves are Timings
    let (mut sketch, module) = sketch();
    fn grow(sketch: &mut Sketch, depth: u32) -> Id {
        if depth == 0 {
            return sketch.object("foo_module.Timing", 48);
        }
        let node = sketch.object("foo_module.Node", 48);
        let children = [(); 3].map(|()| grow(sketch, depth - 1));
        let children = sketch.list(&children);
        sketch.attribute(node, "children", children);
        node
    }
    let root = grow(&mut sketch, 4);
    sketch.attribute(module, "ROOT_TREE", root);
    assert_texts(sketch, &[("foo_module.ROOT_TREE.children[*]⁺", 81)]);
}

#[test]
fn nested_lists_are_not_nested_dicts() {
    // QUEUE -> [{1: Timing}, {2: Timing}]
    let (mut sketch, module) = sketch();
    let dicts = [1, 2].map(|key| {
        let dict = sketch.object("builtins.dict", 64);
        let [timing] = timings::<1>(&mut sketch);
        sketch.edge(dict, Label::NumberKey(key), timing);
        dict
    });
    let queue = sketch.list(&dicts);
    sketch.attribute(module, "QUEUE", queue);
    assert_texts(sketch, &[("foo_module.QUEUE[*][*]", 2)]);
}

#[test]
fn local_class() {
    // INNER -.__class__-> class -.held-> [Timing]
    let (mut sketch, module) = sketch();
    let inner = sketch.object("foo_module.make.<locals>.Inner", 48);
    let class = sketch.object("builtins.type", 1064);
    sketch.edge(inner, Label::Class, class);
    let held = timings::<1>(&mut sketch);
    let held = sketch.list(&held);
    sketch.attribute(class, "held", held);
    sketch.attribute(module, "INNER", inner);
    assert_texts(sketch, &[("foo_module.INNER.__class__.held[*]", 1)]);
}

#[test]
fn asyncio_task_behind_the_future_that_it_waits_for() {
    // WAITERS -> [Future -.fut_callback0-> builtin method -.__self__-> Task -.task_coro-> coroutine -req-> Timing]
    let (mut sketch, module) = sketch();
    let [timing] = timings::<1>(&mut sketch);
    let future = sketch.object("_asyncio.Future", 200);
    let wakeup = sketch.object("builtins.builtin_function_or_method", 72);
    let task = sketch.object("_asyncio.Task", 300);
    let coroutine = sketch.object("builtins.coroutine", 200);
    sketch.call(coroutine, "handle() app.py:30");
    let chain = [(future, "fut_callback0", wakeup), (wakeup, "__self__", task), (task, "task_coro", coroutine)];
    for (from, name, to) in chain {
        let field = sketch.named(Label::Field, name);
        sketch.edge(from, field, to);
    }
    let local = sketch.named(Label::Local, "req");
    sketch.edge(coroutine, local, timing);
    let waiters = sketch.list(&[future]);
    sketch.attribute(module, "WAITERS", waiters);
    assert_texts(sketch, &[("foo_module.WAITERS[*].<task> › handle() app.py:30 › req", 1)]);
}

#[test]
fn cycle_and_native_hold() {
    // [Timing <-> Timing] nobody holds; Timing* and list* -> [Timing] with a reference of C's
    let (mut sketch, _) = sketch();
    let [a, b, native, behind] = timings::<4>(&mut sketch);
    let partner = sketch.named(Label::Attribute, "partner");
    sketch.edge(a, partner, b);
    sketch.edge(b, partner, a);
    sketch.refcount(native, 2);
    let list = sketch.list(&[behind]);
    sketch.refcount(list, 1);
    let heap = sketch.heap();
    let found = found(&heap);
    let ways: Vec<_> = found.ways.iter().map(|way| (way.text.as_str(), way.sum.count, way.native)).collect();
    assert_eq!(ways, [("<native>", 1, Some(2)), ("<native>[*]", 1, Some(1))]);
    assert_eq!(found.unreached, Sum { count: 2, bytes: 96 });
}

#[test]
fn a_scanned_word_marks_the_path() {
    // ARRAY -.+0x18-> Timing
    let (mut sketch, module) = sketch();
    let [timing] = timings::<1>(&mut sketch);
    let array = sketch.object("lxml.etree._Element", 48);
    let word = sketch.label(Label::Word(0x18)).inferred();
    sketch.marked(array, word, timing);
    sketch.attribute(module, "ARRAY", array);
    let found = found(&sketch.heap());
    assert_eq!((found.ways[0].text.as_str(), found.ways[0].inferred), ("foo_module.ARRAY.+0x18", true));
    assert!(found.ways[0].steps.last().is_some_and(|step| step.inferred));
}

#[test]
fn the_next_holder_is_told() {
    // RESULTS -> [50 Timings] <- INDEX, by number
    let (mut sketch, module) = sketch();
    let held = timings::<50>(&mut sketch);
    let results = sketch.list(&held);
    let index = sketch.object("builtins.dict", 2272);
    for (number, timing) in held.into_iter().enumerate() {
        sketch.edge(index, Label::NumberKey(number as i64), timing);
    }
    let holder = sketch.object("foo_module.Registry", 48);
    sketch.attribute(module, "A_LIST", results);
    sketch.attribute(module, "REGISTRY", holder);
    sketch.attribute(holder, "index", index);
    let heap = sketch.heap();
    let options = PathsOptions { top: 3, ..PathsOptions::default() };
    let found = paths(&heap, &all_of(&heap, "foo_module.Timing"), &options);
    let told: Vec<_> =
        found.removals.iter().map(|r| (r.without.as_str(), r.freed.count, r.held.count, r.by.as_deref())).collect();
    let expected = [
        ("foo_module.A_LIST", 0, 50, Some("foo_module.REGISTRY.index[*]")),
        ("foo_module.REGISTRY.index", 50, 0, None),
    ];
    assert_eq!(told, expected);
}

// --- where the shortest way is not the telling one ------------------------------------------------------------------------

#[test]
fn names_that_were_imported_are_not_at_home() {
    // aaa_alias: from foo_module import *
    let (mut sketch, module) = sketch();
    let alias = sketch.module("aaa_alias", RootKind::UserModule);
    let used = function(&mut sketch, "foo_module.used");
    let held = timings::<2>(&mut sketch);
    let held = sketch.list(&held);
    for module in [alias, module] {
        sketch.attribute(module, "used", used);
        sketch.attribute(module, "X", held);
    }
    assert_texts(sketch, &[("foo_module.X[*]", 2)]);
}

#[test]
fn a_module_run_by_exec_keeps_what_it_made() {
    // two modules hold a function whose module is not loaded: the first by text, not the one with a dearer name
    let (mut sketch, module) = sketch();
    let plugin = function(&mut sketch, "plugin.handle");
    let held = timings::<1>(&mut sketch);
    let held = sketch.list(&held);
    let default = sketch.named(Label::Default, "seen");
    sketch.edge(plugin, default, held);
    sketch.attribute(module, "handle", plugin);
    assert_texts(sketch, &[("foo_module.handle.<default seen>[*]", 1)]);
}

#[test]
fn one_module_under_two_keys_goes_by_its_name() {
    let (mut sketch, module) = sketch();
    sketch.root(module, RootKind::UserModule, "aaa", 1);
    let [timing] = timings::<1>(&mut sketch);
    sketch.attribute(module, "X", timing);
    assert_texts(sketch, &[("foo_module.X", 1)]);
}

#[test]
fn a_library_value_of_another_modules_type_was_imported() {
    // base_events.logger is a logging.Logger, whose manager is also logging.Logger.manager
    let (mut sketch, _) = sketch();
    let base_events = sketch.module("asyncio.base_events", RootKind::LibraryModule);
    let logging = sketch.module("logging", RootKind::LibraryModule);
    let class = sketch.object("builtins.type", 1064);
    sketch.call(class, "logging.Logger");
    sketch.attribute(logging, "Logger", class);
    let logger = sketch.object("logging.Logger", 48);
    sketch.attribute(base_events, "logger", logger);
    let manager = sketch.object("logging.Manager", 48);
    sketch.attribute(class, "manager", manager);
    sketch.attribute(logger, "manager", manager);
    let [timing] = timings::<1>(&mut sketch);
    sketch.attribute(manager, "held", timing);
    assert_texts(sketch, &[("logging.Logger.manager.held", 1)]);
}

#[test]
fn the_item_in_a_consumers_hand_is_the_queues() {
    // QUEUE.items -> [Timing ×3], and a running frame has one of them in its hand
    let (mut sketch, module) = sketch();
    let held = timings::<3>(&mut sketch);
    let items = sketch.list(&held);
    let queue = sketch.object("queue.Queue", 48);
    sketch.attribute(module, "QUEUE", queue);
    sketch.attribute(queue, "items", items);
    sketch.root(held[1], RootKind::Frame, "thread 'worker-1' › work() foo.py:9 › item", 1);
    let heap = sketch.heap();
    let found = found(&heap);
    assert_eq!(
        found.ways.iter().map(|w| (w.text.as_str(), w.sum.count)).collect::<Vec<_>>(),
        [("foo_module.QUEUE.items[*]", 3)]
    );
    let removal = &found.removals[0];
    assert_eq!((removal.freed.count, removal.held.count), (2, 1));
    assert_eq!(removal.by.as_deref(), Some("thread 'worker-1' › work() foo.py:9 › item"));
}

#[test]
fn singledispatch_by_its_registry() {
    // dispatch.__dict__['registry'] -> mappingproxy -.mapping-> dict -[<type>]-> Timing; dispatch -.<closure registry>-> dict
    let (mut sketch, module) = sketch();
    let dispatch = function(&mut sketch, "foo_module.dispatch");
    let inner = function(&mut sketch, "functools.singledispatch.<locals>.dispatch");
    let registry = sketch.object("builtins.dict", 64);
    let proxy = sketch.object("builtins.mappingproxy", 48);
    sketch.attribute(dispatch, "registry", proxy);
    let mapping = sketch.named(Label::Field, "mapping");
    sketch.edge(proxy, mapping, registry);
    let [by_dispatch, by_registry] = ["dispatch", "registry"].map(|name| sketch.named(Label::Closure, name));
    sketch.edge(dispatch, by_dispatch, inner);
    sketch.edge(inner, by_registry, registry);
    let [timing] = timings::<1>(&mut sketch);
    let key = sketch.named(Label::TypedKey, "builtins.type");
    sketch.edge(registry, key, timing);
    sketch.attribute(module, "dispatch", dispatch);
    assert_texts(sketch, &[("foo_module.dispatch.registry[<type>]", 1)]);
}

#[test]
fn no_way_leads_through_another_target() {
    // PAGES -> [Timing -.parent-> Timing, Timing]: two directly, and one behind
    let (mut sketch, module) = sketch();
    let [a, b, parent] = timings::<3>(&mut sketch);
    let up = sketch.named(Label::Attribute, "parent");
    sketch.edge(a, up, parent);
    let pages = sketch.list(&[a, b]);
    sketch.attribute(module, "PAGES", pages);
    let heap = sketch.heap();
    let found = found(&heap);
    let [way] = &found.ways[..] else { panic!("{found:?}") };
    assert_eq!((way.text.as_str(), way.sum.count), ("foo_module.PAGES[*]", 3));
    assert_eq!(way.behind, Some(Behind { count: 1, text: ".parent".into() }));
    assert_eq!(found.unreached, Sum::default());
}

#[test]
fn a_dict_of_attributes_hides_no_other_dict() {
    // All dicts are asked for: the module's, that of the class, those of its instances, and the one in each of these.
    let (mut sketch, module) = sketch();
    let class = sketch.object("builtins.type", 1000);
    sketch.attribute(module, "Session", class);
    let pages: Vec<Id> = (0..3).map(|_| sketch.object("foo_module.Session", 48)).collect();
    for page in &pages {
        let data = sketch.object("builtins.dict", 64);
        sketch.attribute(*page, "data", data);
    }
    let list = sketch.list(&pages);
    sketch.attribute(class, "all", list);
    let heap = sketch.heap();
    let dicts: Vec<Id> = heap.objects.ids().filter(|id| heap.type_name(*id) == "builtins.dict").collect();
    let found = paths(&heap, &dicts, &PathsOptions::default());
    let texts: Vec<_> = found.ways.iter().map(|way| (way.text.as_str(), way.sum.count)).collect();
    assert!(texts.contains(&("foo_module.Session.all[*].data", 3)), "{texts:?}");
    assert_eq!(found.unreached, Sum::default());
}

/// The counts by text of the payloads of a tree of so many levels whose nodes refer to others by these names.
fn forest(names: &[&str], levels: u32) -> Vec<(String, u64)> {
    let (mut sketch, module) = sketch();
    let held = sketch.named(Label::Attribute, "payload");
    let names: Vec<Label> = names.iter().map(|name| sketch.named(Label::Attribute, name)).collect();
    let root = sketch.object("foo_module.Node", 64);
    sketch.attribute(module, "TREE", root);
    let mut level = vec![root];
    for depth in 0..levels {
        let mut below = Vec::new();
        for node in level {
            let timing = sketch.object("foo_module.Timing", 48);
            sketch.edge(node, held, timing);
            for name in names.iter().filter(|_| depth + 1 < levels) {
                let child = sketch.object("foo_module.Node", 64);
                sketch.edge(node, *name, child);
                below.push(child);
            }
        }
        level = below;
    }
    texts(sketch)
}

#[test]
fn a_tree_with_two_names_has_few_paths() {
    let found = forest(&["left", "right"], 16);
    assert!(found.len() <= 12, "{found:?}");
    assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), (1 << 16) - 1);
}

#[test]
fn a_tree_with_many_names_is_merged_by_its_types() {
    let found = forest(&["a", "b", "c", "d", "e", "f", "g"], 7);
    assert!(found.len() <= 64, "{}: {:?}", found.len(), &found[..20]);
    assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), (7u64.pow(7) - 1) / 6);
}

#[test]
fn nothing_is_found_of_nothing() {
    let (sketch, _) = sketch();
    assert_eq!(found(&sketch.heap()), Paths::default());
    assert_eq!(paths(&Heap::default(), &[Id(3)], &PathsOptions::default()), Paths::default());
}

#[test]
fn of_equal_ways_the_one_that_says_the_same_again() {
    // TITLES -> list -[0]-> string -.parent-> tag --.parent-> Timing
    //                             -.child--> tag -.parent----^        (`child` stands first by name)
    for in_dicts in [false, true] {
        let (mut sketch, module) = sketch();
        let [page] = timings(&mut sketch);
        let [string, up, down] = [(); 3].map(|()| sketch.object("bs4.Tag", 56));
        for (from, name, to) in
            [(string, "parent", up), (string, "child", down), (up, "parent", page), (down, "parent", page)]
        {
            if in_dicts {
                sketch.attribute(from, name, to);
            } else {
                let label = sketch.named(Label::Attribute, name);
                sketch.edge(from, label, to);
            }
        }
        let titles = sketch.list(&[string]);
        sketch.attribute(module, "TITLES", titles);
        assert_texts(sketch, &[("foo_module.TITLES[*].parent⁺", 1)]);
    }
}

#[test]
fn what_leads_to_a_chain_from_another_type_is_written_with_it() {
    // HEAD (a Chain) -.next-> Timing -.next-> … nine of them
    let (mut sketch, module) = sketch();
    let head = sketch.object("foo_module.Chain", 48);
    let nodes = timings::<9>(&mut sketch);
    let next = sketch.named(Label::Attribute, "next");
    sketch.edge(head, next, nodes[0]);
    nodes.windows(2).for_each(|pair| sketch.edge(pair[0], next, pair[1]));
    sketch.attribute(module, "HEAD", head);
    assert_texts(sketch, &[("foo_module.HEAD.next⁺", 9)]);
}
