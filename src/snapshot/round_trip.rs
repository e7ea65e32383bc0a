//! What is written is what is read: on random heaps, and on one of millions of objects against the clock.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use proptest::prelude::*;

use super::kind::tests::each;
use super::{Error, Snapshot, read, save, write};
use crate::addr::Addr;
use crate::heap::{
    Capture, Edges, FoundBy, Gaps, Generation, Heap, Id, Label, LabelId, Object, Root, RootKind, SizeBasis, Type,
    TypeId, sketch,
};

pub(super) fn capture() -> Capture {
    Capture { skipped: 3, warnings: vec!["a \"quoted\" one\n".into()], ..sketch::capture() }
}

/// Everything of a heap that an analysis can see, with labels and texts by what they say and not by their numbers.
#[derive(Debug, PartialEq)]
struct Seen {
    objects: Vec<Object>,
    types: Vec<Type>,
    edges: Vec<(Id, Id, String, String, [bool; 3])>,
    roots: Vec<(Id, RootKind, String, u32)>,
    called: Vec<(Id, String)>,
    values: Vec<(Id, String)>,
    contents: Vec<u32>,
    gaps: Gaps,
}

fn seen(heap: &Heap) -> Seen {
    let edges = heap.edges.all().map(|edge| {
        let label = heap.names.label_of(edge.label);
        let shape: String = format!("{label:?}").chars().take_while(|c| *c != '(').collect();
        let marks = [edge.label.is_inferred(), edge.label.is_counted(), edge.label.is_shortcut()];
        (edge.from, edge.to, shape, label.text(&heap.names), marks)
    });
    let mut called: Vec<_> = heap.called.iter().map(|(id, text)| (*id, heap.names.get(*text).to_owned())).collect();
    let mut values: Vec<_> = heap.values.iter().map(|(id, value)| (*id, value.to_string())).collect();
    called.sort();
    values.sort();
    Seen {
        objects: heap.objects.ids().filter_map(|id| heap.objects.get(id)).collect(),
        types: heap.types.clone(),
        edges: edges.collect(),
        roots: heap.roots.iter().map(|r| (r.object, r.kind, heap.names.get(r.text).to_owned(), r.references)).collect(),
        called,
        values,
        contents: heap.contents.clone(),
        gaps: heap.gaps,
    }
}

fn through_a_file(heap: &Heap) -> Snapshot {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("heap.leakspy");
    let written = save(&path, heap, &capture()).expect("written");
    assert_eq!(written.bytes, fs::metadata(&path).expect("there").len());
    assert_eq!(written.references as usize, heap.edges.len());
    read(&path, 1 << 30).expect("read")
}

const GENERATIONS: [Generation; 5] =
    [Generation::None, Generation::Number(0), Generation::Number(2), Generation::Permanent, Generation::Unlisted];
const WAYS: [FoundBy; 3] = [FoundBy::Block, FoundBy::Collector, FoundBy::Pointer];
const ROOTS: [RootKind; 4] = [RootKind::Cache, RootKind::UserModule, RootKind::Frame, RootKind::StaticType];

type Drawn = (Vec<(u64, u64, u32, usize, usize)>, Vec<(u32, u32, usize, u8)>, Vec<(u32, usize, String, u32)>);

fn drawn() -> impl Strategy<Value = Drawn> {
    let object = (any::<u64>(), 0u64..1 << 40, any::<u32>(), 0usize..4, 0usize..30);
    let edge = (0u32..50, 0u32..50, 0usize..42, 0u8..4);
    let root = (0u32..50, 0usize..4, "\\PC{0,6}", 0u32..3);
    (prop::collection::vec(object, 0..50), prop::collection::vec(edge, 0..200), prop::collection::vec(root, 0..20))
}

pub(super) fn heap((objects, edges, roots): Drawn, values: bool, contents: bool) -> Heap {
    let mut heap = Heap::default();
    let n = objects.len() as u32;
    for (at, name) in ["builtins.dict", "app.Timing", "app.Timing", "näme with '\n"].into_iter().enumerate() {
        let basis = if at == 1 { SizeBasis::Basic } else { SizeBasis::Exact };
        heap.types.push(Type { name: name.into(), basis, object: (at < objects.len()).then_some(Id(at as u32)) });
    }
    for (at, (addr, bytes, refcount, of, pick)) in objects.into_iter().enumerate() {
        let id = heap.objects.push(Object {
            addr: Addr(addr),
            of: TypeId(of as u32),
            bytes,
            refcount,
            immortal: pick % 2 == 0,
            generation: GENERATIONS[pick % 5],
            found_by: WAYS[pick % 3],
        });
        let id = id.expect("room");
        if pick == 7 || pick == 8 {
            let name = heap.names.text(&format!("name {at}"));
            heap.called.insert(id, name);
        }
        if contents {
            // 0 is none, and there may be as large ones as there are
            heap.contents.push(if pick % 3 == 0 { 0 } else { u32::MAX - refcount });
        }
        if values && pick > 20 {
            heap.values.insert(id, format!("'value {at}'").into());
        }
    }
    let labels: Vec<Label> = ["a", "it's"].into_iter().flat_map(|name| each(heap.names.text(name))).collect();
    let mut rows = edges;
    rows.retain(|(from, to, ..)| *from < n && *to < n);
    rows.sort_by_key(|(from, ..)| *from);
    let mut rows = rows.into_iter().peekable();
    for from in 0..n {
        while let Some((_, to, label, mark)) = rows.next_if(|(of, ..)| *of == from) {
            let id = heap.names.label(labels[label]);
            let id = match mark {
                0 => id,
                1 => id.inferred(),
                2 => id.uncounted(),
                _ => id.shortcut(),
            };
            heap.edges.push(Id(to), id);
        }
        heap.edges.end_row();
    }
    for (object, kind, text, references) in roots.into_iter().filter(|(object, ..)| *object < n) {
        let text = heap.names.text(&text);
        heap.roots.push(Root { object: Id(object), kind: ROOTS[kind], text, references });
    }
    heap.gaps = Gaps { dangling: 1, damaged: 2, dropped: 3 };
    heap
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_what_is_read(drawn in drawn(), values in any::<bool>(), contents in any::<bool>()) {
        let heap = heap(drawn, values, contents);
        let found = through_a_file(&heap);
        prop_assert_eq!(seen(&found.heap), seen(&heap));
        prop_assert_eq!(found.heap.edges.rows(), heap.edges.rows());
        prop_assert_eq!(found.capture, Capture { source: "snapshot".into(), ..capture() });
    }
}

/// A heap of so many objects: dicts that are chained, with a list of items in one out of fifty.
fn large(objects: u32) -> Heap {
    let mut heap = Heap::default();
    for at in 0..500 {
        heap.types.push(Type { name: format!("app.models.Type{at}"), basis: SizeBasis::Exact, object: None });
    }
    let keys: Vec<LabelId> = (0..20_000)
        .map(|at| {
            let text = heap.names.text(&format!("some_key_{at}"));
            heap.names.label(if at % 2 == 0 { Label::Key(text) } else { Label::Attribute(text) })
        })
        .collect();
    let mut state = 1u64;
    let mut draw = |below: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % u64::from(below)) as u32
    };
    for at in 0..objects {
        let of = draw(500).min(draw(500));
        heap.objects.push(Object {
            addr: Addr(0x7f00_0000_0000 + u64::from(at) * 48 + u64::from(draw(3)) * 16),
            of: TypeId(of),
            bytes: 48 + 8 * u64::from(draw(6)),
            refcount: 1 + draw(3),
            immortal: false,
            generation: if draw(3) == 0 { Generation::Number(2) } else { Generation::None },
            found_by: FoundBy::Block,
        });
        let near = |draw: &mut dyn FnMut(u32) -> u32| {
            if draw(4) == 0 { draw(objects) } else { (at + draw(200)).min(objects - 1) }
        };
        if draw(50) == 0 {
            for item in 0..75 {
                heap.edges.push(Id(near(&mut draw)), LabelId::item(item));
            }
        } else {
            for _ in 0..draw(4) {
                let key = draw(20_000).min(draw(20_000)).min(draw(20_000));
                heap.edges.push(Id(near(&mut draw)), keys[key as usize]);
            }
        }
        heap.edges.end_row();
    }
    heap
}

#[test]
fn row_groups_are_joined_in_order() {
    let heap = large(300_000);
    let found = through_a_file(&heap);
    assert!(seen(&found.heap) == seen(&heap));
}

#[test]
fn an_object_with_millions_of_references_is_one_row() {
    let mut heap = large(10);
    heap.edges = Edges::default();
    (0..2_500_000).for_each(|at| assert!(heap.edges.push(Id(at % 10), LabelId::item(at))));
    (0..10).for_each(|_| heap.edges.end_row());
    let found = through_a_file(&heap);
    assert_eq!(found.heap.edges.row(Id(0)), heap.edges.row(Id(0)));
    assert_eq!(found.heap.edges.row(Id(1)).0.len(), 0);
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("read");
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    kib.map_or(0, |kib: u64| kib << 10)
}

#[test]
#[ignore = "takes seconds: cargo test --release --lib snapshot::round_trip::millions -- --ignored --nocapture"]
fn millions_of_objects_take_seconds() {
    let heap = large(2_200_000);
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("heap.parquet");
    let before = peak();
    let started = Instant::now();
    let written = save(&path, &heap, &capture()).expect("written");
    let wrote = started.elapsed();
    let room = peak() - before;
    let started = Instant::now();
    let found = read(&path, 4 << 30).expect("read");
    let took = started.elapsed();
    assert_eq!(found.heap.edges.len(), heap.edges.len());
    let said = format!("{written:?} written in {wrote:.2?} with {} MiB, read in {took:.2?}\n", room >> 20);
    fs::write("/dev/stderr", &said).expect("said");
    assert!(written.bytes < 60 << 20 && room < 256 << 20, "{said}");
}

#[test]
fn a_snapshot_is_its_owners_alone_and_replaces_what_was_there() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("heap.leakspy");
    fs::write(&path, "old").expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
    save(&path, &large(3), &capture()).expect("written");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(read(&path, 1 << 30).expect("read").heap.objects.len(), 3);
    assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for room in [0, 100, 5000] {
        let error = write(Full(room), &large(2000), &capture()).expect_err("no room");
        assert!(matches!(&error, Error::Unwritable(e) if e.kind() == std::io::ErrorKind::StorageFull), "{error:?}");
    }

    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("heap.leakspy");
    fs::create_dir_all(path.join("full")).expect("a directory in its place");
    assert!(matches!(save(&path, &large(3), &capture()), Err(Error::Unwritable(_))));
    assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
}
