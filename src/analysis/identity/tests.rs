//! Who is who, on heaps written by hand: addresses used again by objects of the same type, and objects that changed.

use proptest::prelude::*;

use super::*;
use crate::analysis::PathsOptions;
use crate::analysis::survivors::{Moves, Track, survivors};
use crate::heap::{Label, Sketch};

/// One look: objects of a request each, in a list of the application's.
///
/// ```text
/// app -.__dict__-> {'REQUESTS': list, 'STATS': stats}; list -[i]-> Request -.__dict__-> {'number': int, 'kind': str, 'tags': list}
/// stats -.__dict__-> {'count': int}
/// ```
struct Look {
    heap: Heap,
    requests: Vec<[Id; 4]>,
    stats: Id,
}

fn look(requests: &[(u32, u32)], count: u32) -> Look {
    let mut sketch = Sketch::new();
    let app = sketch.module("app", RootKind::UserModule);
    let stats = sketch.object("app.Stats", 48);
    sketch.attribute(app, "STATS", stats);
    let mut contents = Vec::new();
    let total = sketch.object("builtins.int", 28);
    sketch.attribute(stats, "count", total);
    contents.push((total, count));
    let mut all = Vec::new();
    for (number, kind) in requests {
        let request = sketch.object("app.Request", 48);
        let int = sketch.object("builtins.int", 28);
        let text = sketch.object("builtins.str", 53);
        let tags = sketch.object("builtins.list", 56);
        sketch.attribute(request, "number", int);
        sketch.attribute(request, "kind", text);
        sketch.attribute(request, "tags", tags);
        contents.push((int, 1_000_000 + number));
        contents.push((text, 500 + kind));
        all.push([request, int, text, tags]);
    }
    let list = sketch.list(&all.iter().map(|ids| ids[0]).collect::<Vec<_>>());
    sketch.attribute(app, "REQUESTS", list);
    let mut heap = sketch.heap();
    heap.contents = vec![0; heap.objects.len()];
    for (id, content) in contents {
        heap.contents[id.at()] = content;
    }
    Look { heap, requests: all, stats }
}

fn kept(identity: &Identity, ids: &[Id]) -> Vec<bool> {
    ids.iter().map(|id| identity.earlier(*id).is_some()).collect()
}

#[test]
fn a_look_is_itself() {
    let one = look(&[(1, 0), (12, 1), (13, 0)], 3);
    let identity = Identity::of(&one.heap, &one.heap);
    assert!(one.heap.objects.ids().all(|id| identity.earlier(id) == Some(id)));
}

#[test]
fn another_object_at_the_same_address_is_told_by_what_it_holds() {
    // The second request is another one, with the same kind of contents at all the same addresses.
    let (before, after) = (look(&[(1, 0), (12, 1), (13, 0)], 3), look(&[(1, 0), (7, 2), (13, 0)], 4));
    let identity = Identity::of(&before.heap, &after.heap);
    assert_eq!(kept(&identity, &after.requests[0]), [true; 4]);
    assert_eq!(kept(&identity, &after.requests[1]), [false; 4]);
    assert_eq!(kept(&identity, &after.requests[2]), [true; 4]);
}

#[test]
fn what_still_has_something_of_its_own_has_changed() {
    let (before, after) = (look(&[(1, 0), (12, 1)], 3), look(&[(1, 0), (7, 1)], 4));
    let identity = Identity::of(&before.heap, &after.heap);
    // The number is another; nobody but this one ever had that kind.
    assert_eq!(kept(&identity, &after.requests[1]), [true, false, true, true]);
}

#[test]
fn what_says_nothing_itself_goes_with_who_holds_it() {
    let requests: Vec<_> = (0..8).map(|n| (n, n % 2)).collect();
    let others: Vec<_> = (0..8).map(|n| (n + 100, n % 2)).collect();
    let (before, after) = (look(&requests, 3), look(&others, 4));
    let identity = Identity::of(&before.heap, &after.heap);
    // An empty list, a kind that four of them have: theirs, and so as new as they are.
    for request in &after.requests {
        assert_eq!(kept(&identity, request), [false; 4]);
    }
}

/// `app.ALL = [holder]`, and the holder has these of six objects of which nothing is known.
fn held_by(holder: &str, items: &[usize]) -> (Heap, Vec<Id>) {
    let mut sketch = Sketch::new();
    let app = sketch.module("app", RootKind::UserModule);
    let all: Vec<Id> = (0..6).map(|_| sketch.object("app.Job", 48)).collect();
    let holder = sketch.object(holder, 88);
    for (at, item) in (0..).zip(items) {
        sketch.edge(holder, Label::Item(at), all[*item]);
    }
    let list = sketch.list(&[holder]);
    sketch.attribute(app, "ALL", list);
    (sketch.heap(), all.into_iter().chain([holder]).collect())
}

#[test]
fn items_of_a_queue_move_on() {
    for holder in ["builtins.list", "collections.deque"] {
        let (before, _) = held_by(holder, &[0, 1, 2, 3]);
        // Two less at the front; one less at the front and one more behind.
        for items in [&[2, 3][..], &[1, 2, 3, 4]] {
            let (after, ids) = held_by(holder, items);
            let kept = kept(&Identity::of(&before, &after), &ids);
            assert!(kept[6] && kept[2] && kept[3], "{holder}: {items:?}: {kept:?}");
        }
        // Nothing of what it held: another one.
        let (after, ids) = held_by(holder, &[4, 5]);
        assert!(!kept(&Identity::of(&before, &after), &ids)[6], "{holder}");
    }
    // What has its items at fixed places is another with others.
    let (before, _) = held_by("app.Point", &[0, 1]);
    let (after, ids) = held_by("app.Point", &[1, 2]);
    assert!(!kept(&Identity::of(&before, &after), &ids)[6]);
}

#[test]
fn what_nothing_tells_apart_is_not_proven() {
    let (heap, ids) = held_by("builtins.list", &[0, 1, 2]);
    let identity = Identity::of(&heap, &heap);
    assert!(ids[..3].iter().all(|id| identity.earlier(*id).is_some() && !identity.is_proven(*id)));
    assert!(ids[..3].iter().all(|id| !identity.then(&identity).is_proven(*id)));
    let one = look(&[(1, 0)], 3);
    let identity = Identity::of(&one.heap, &one.heap);
    assert!(one.requests[0].iter().all(|id| identity.is_proven(*id) && identity.then(&identity).is_proven(*id)));
    // Made between the first two looks, and there still.
    let (none, many) = (look(&[], 3), look(&[(1, 0), (2, 0)], 3));
    let found = survivors(
        &Identity::of(&none.heap, &many.heap),
        &Identity::of(&many.heap, &many.heap),
        &many.heap,
        None,
        &PathsOptions::default(),
    );
    assert!(found.sum.count >= 8 && found.unproven.count == 0, "{found:?}");
}

/// `app.ALL = [dict]`, with a list of one of these numbers each under keys that are tuples. Numbers above 100 are those of
/// nobody else; the others are in ever so many lists elsewhere.
fn dict_of(numbers: &[u32]) -> (Heap, Vec<Id>) {
    let mut sketch = Sketch::new();
    let app = sketch.module("app", RootKind::UserModule);
    let holder = sketch.object("builtins.dict", 232);
    let label = sketch.named(Label::TypedKey, "builtins.tuple");
    let mut contents = Vec::new();
    let mut ids = vec![holder];
    for number in numbers {
        let int = sketch.object("builtins.int", 28);
        contents.push((int, *number));
        let value = sketch.list(&[int]);
        sketch.edge(holder, label, value);
        ids.push(value);
        if *number < 100 {
            let copies: Vec<Id> = (0..40).map(|_| sketch.object("builtins.int", 28)).collect();
            contents.extend(copies.iter().map(|copy| (*copy, *number)));
            let elsewhere = sketch.list(&copies);
            sketch.attribute(app, &format!("N{}", ids.len()), elsewhere);
        }
    }
    let list = sketch.list(&[holder]);
    sketch.attribute(app, "ALL", list);
    let mut heap = sketch.heap();
    heap.contents = vec![0; heap.objects.len()];
    contents.into_iter().for_each(|(id, content)| heap.contents[id.at()] = content);
    (heap, ids)
}

#[test]
fn one_value_of_many_that_was_made_anew_where_the_old_one_lay_is_no_other_dict() {
    let (before, _) = dict_of(&[1, 2, 3, 200]);
    // The last list is another one, with another number, at the address of the one that went.
    let (after, ids) = dict_of(&[1, 2, 3, 201]);
    assert_eq!(kept(&Identity::of(&before, &after), &ids), [true, true, true, true, false]);
    // Most of them are, and no number alike is left under the others.
    let (before, _) = dict_of(&[1, 200, 300, 400]);
    let (after, ids) = dict_of(&[1, 201, 301, 401]);
    assert!(!kept(&Identity::of(&before, &after), &ids)[0]);
}

/// `app.SHARDS = [shard]`: its counter, and a set of forty pairs of numbers that ever so many have.
fn shard(count: u32, first: u32) -> (Heap, Vec<Id>) {
    let mut sketch = Sketch::new();
    let app = sketch.module("app", RootKind::UserModule);
    let (shard, seen) = (sketch.object("app.Shard", 48), sketch.object("builtins.set", 2264));
    let counter = sketch.object("builtins.int", 28);
    sketch.attribute(shard, "count", counter);
    sketch.attribute(shard, "seen", seen);
    let numbers: Vec<Id> = (0..8).map(|_| sketch.object("builtins.int", 28)).collect();
    let table = sketch.list(&[numbers.clone(), numbers.clone()].concat());
    sketch.attribute(app, "TABLE", table);
    let mut ids = vec![shard, seen];
    for at in 0..40 {
        let pair = sketch.object("builtins.tuple", 56);
        for (place, number) in [(0, at + first), (1, at / 8 + first)] {
            sketch.edge(pair, Label::Item(place), numbers[number as usize % 8]);
        }
        sketch.edge(seen, Label::Member, pair);
        ids.push(pair);
    }
    let list = sketch.list(&[shard]);
    sketch.attribute(app, "SHARDS", list);
    let mut heap = sketch.heap();
    heap.contents = vec![0; heap.objects.len()];
    heap.contents[counter.at()] = count;
    (1..).zip(numbers).for_each(|(content, id)| heap.contents[id.at()] = content);
    (heap, ids)
}

#[test]
fn so_much_that_lies_where_it_lay_is_no_accident() {
    let ((before, _), (after, ids)) = (shard(1000, 0), shard(2000, 0));
    assert_eq!(kept(&Identity::of(&before, &after), &ids), [true; 42]);
    // Pairs of other numbers.
    let (after, ids) = shard(2000, 3);
    assert_eq!(kept(&Identity::of(&before, &after), &ids), [false; 42]);
}

#[test]
fn members_that_many_have_do_not_make_it_the_same_set() {
    // Forty sets of the same two texts and a number each, all of them used again by others with other numbers elsewhere.
    let look = |first: usize| {
        let mut sketch = Sketch::new();
        let app = sketch.module("app", RootKind::UserModule);
        let texts = [sketch.object("builtins.str", 53), sketch.object("builtins.str", 53)];
        let numbers: Vec<Id> = (0..80).map(|_| sketch.object("builtins.int", 28)).collect();
        let sets: Vec<Id> = (0..40).map(|_| sketch.object("builtins.set", 216)).collect();
        for (set, number) in sets.iter().zip(&numbers[first..]) {
            texts.iter().chain([number]).for_each(|member| sketch.edge(*set, Label::Member, *member));
        }
        let list = sketch.list(&sets);
        sketch.attribute(app, "ALL", list);
        let mut heap = sketch.heap();
        heap.contents = vec![0; heap.objects.len()];
        (1..).zip(texts.iter().chain(&numbers)).for_each(|(content, id)| heap.contents[id.at()] = content);
        (heap, sets)
    };
    let ((before, _), (after, sets)) = (look(0), look(40));
    assert_eq!(kept(&Identity::of(&before, &after), &sets), [false; 40]);
    assert_eq!(kept(&Identity::of(&before, &before), &sets), [true; 40]);
}

#[test]
fn keys_that_all_dicts_of_a_kind_have_do_not_make_it_the_same_dict() {
    // Requests of one key each in a list, its text the same object for all of them, among many keys of others.
    let look = |number: u32| {
        let mut sketch = Sketch::new();
        let app = sketch.module("app", RootKind::UserModule);
        let page = sketch.object("builtins.str", 53);
        let mut contents = vec![(page, 7)];
        let queries: Vec<Id> = (0..4).map(|_| sketch.object("builtins.dict", 232)).collect();
        for (at, query) in (0..).zip(&queries) {
            let int = sketch.object("builtins.int", 28);
            contents.push((int, number + at));
            sketch.edge(*query, Label::DictKey, page);
            sketch.key(*query, "page", int);
        }
        let table = sketch.object("builtins.dict", 20_000);
        for at in 0..400 {
            let key = sketch.object("builtins.str", 53);
            contents.push((key, 1000 + at));
            sketch.edge(table, Label::DictKey, key);
        }
        sketch.attribute(app, "TABLE", table);
        let list = sketch.list(&queries);
        sketch.attribute(app, "QUERIES", list);
        let mut heap = sketch.heap();
        heap.contents = vec![0; heap.objects.len()];
        contents.into_iter().for_each(|(id, content)| heap.contents[id.at()] = content);
        (heap, queries)
    };
    let ((before, _), (after, queries)) = (look(5000), look(6000));
    assert_eq!(kept(&Identity::of(&before, &after), &queries), [false; 4]);
}

#[test]
fn what_a_name_leads_to_may_change() {
    // All that Stats holds is another number than before.
    let (before, after) = (look(&[(1, 0)], 3), look(&[(1, 0)], 9));
    let identity = Identity::of(&before.heap, &after.heap);
    assert_eq!(identity.earlier(after.stats), Some(before.stats));
}

/// Objects of one type at some places, each a tuple of one number or nothing that can be told.
fn heap_of(places: &[(u8, u8, u8)]) -> Heap {
    let mut sketch = Sketch::new();
    let app = sketch.module("app", RootKind::UserModule);
    let mut contents = vec![(app, 0)];
    let mut ids = Vec::new();
    for (of, content, _) in places {
        let id = sketch.object(["builtins.int", "builtins.tuple", "app.A", "builtins.dict"][usize::from(*of % 4)], 48);
        contents.push((id, u32::from(*content % 4)));
        ids.push(id);
    }
    for (at, (of, content, to)) in places.iter().enumerate() {
        let to = ids[usize::from(*to) % ids.len()];
        match of % 4 {
            0 => {}
            1 => sketch.edge(ids[at], Label::Item(0), to),
            2 => {
                let label = sketch.named(Label::Attribute, ["a", "b"][usize::from(*content % 2)]);
                sketch.edge(ids[at], label, to);
            }
            _ => sketch.key(ids[at], &format!("key {content}"), to),
        }
    }
    let list = sketch.list(&ids);
    sketch.attribute(app, "ALL", list);
    let mut heap = sketch.heap();
    heap.contents = vec![0; heap.objects.len()];
    for (id, content) in contents {
        if heap.type_name(id) == "builtins.int" {
            heap.contents[id.at()] = content;
        }
    }
    heap
}

fn places() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..30)
}

proptest! {
    #[test]
    fn the_same_look_thrice_has_nothing_new_gone_or_surviving(places in places()) {
        let heap = heap_of(&places);
        let identity = Identity::of(&heap, &heap);
        let (_, moves) = Moves::between(&Track::of(&heap), &heap, &identity);
        prop_assert!(moves.new.is_empty() && moves.gone.is_empty());
        let found = survivors(&identity, &identity, &heap, None, &PathsOptions::default());
        prop_assert_eq!(found.sum.count, 0);
    }

    #[test]
    fn what_is_new_less_what_is_gone_is_the_difference(a in places(), b in places(), c in places()) {
        let heaps = [heap_of(&a), heap_of(&b), heap_of(&c)];
        let first = Identity::of(&heaps[0], &heaps[1]);
        let second = Identity::of(&heaps[1], &heaps[2]);
        for (earlier, later, identity) in [(0, 1, first.clone()), (1, 2, second.clone()), (0, 2, first.then(&second))] {
            let (types, _) = Moves::between(&Track::of(&heaps[earlier]), &heaps[later], &identity);
            for row in &types {
                let (new, gone) = (row.moved.new.count as i64, row.moved.gone.count as i64);
                prop_assert_eq!(row.change.count_delta(), new - gone, "{}", row.change.name);
            }
            // Who is the same is of the same type at the same address, and nobody twice.
            let mut seen = std::collections::BTreeSet::new();
            for id in heaps[later].objects.ids() {
                if let Some(before) = identity.earlier(id) {
                    prop_assert_eq!(heaps[earlier].objects.addr(before), heaps[later].objects.addr(id));
                    prop_assert_eq!(heaps[earlier].type_name(before), heaps[later].type_name(id));
                    prop_assert!(seen.insert(before));
                }
            }
        }
    }
}
