//! An object table → the heap with its references and roots. What the process runs meanwhile makes no difference.

use std::sync::{Mutex, PoisonError};

use super::interpret::Names as TypeNames;
use super::{Clock, Options, Target, contents, values};
use crate::addr::Addr;
use crate::cpython::edges::{self, Wanted};
use crate::cpython::layout::RefcountShape;
use crate::cpython::objects::{self, Index, Row, Table, World};
use crate::cpython::roots::Places;
use crate::cpython::runtime::Runtime;
use crate::heap::{Heap, Names, Object, Objects, Type, TypeId};
use crate::memory::Memory;

/// Builds it.
pub(super) fn build<M: Memory>(
    target: &Target,
    runtime: &Runtime,
    world: &World<'_, M>,
    table: &mut Table<'_, M>,
    type_names: &TypeNames,
    options: &Options,
    clock: &mut Clock,
) -> Heap {
    let rows = std::mem::take(&mut table.rows);
    let index = Index::new(&world.map, &rows);
    let names = Mutex::new(Names::default());
    clock.lap("index");
    let located = &target.located;
    let (globals, data) = (&located.globals, &located.own_data);
    let places = Places::new(world.mem, world.layout, globals, &runtime.interpreters, data, &world.types);
    let reading = edges::World {
        mem: world.mem,
        layout: world.layout,
        types: &world.types,
        index: &index,
        names: &names,
        interpreters: &runtime.interpreters,
        thread_dicts: places.thread_dicts(&table.types, &rows),
    };
    let wanted = if options.references { Wanted::All } else { Wanted::Names };
    let found = edges::read(&reading, &table.types, &rows, wanted);
    clock.lap("edges");
    let roots = options.references.then(|| places.roots(&table.types, &rows, &index, &names));
    clock.lap("roots");
    let types = types(table, type_names, &index);
    let objects = columns(world.layout.shape.refcount, &rows);
    drop(index);
    let names = names.into_inner().unwrap_or_else(PoisonError::into_inner);
    clock.lap("columns");
    let mut heap = Heap {
        objects,
        types,
        edges: found.edges,
        roots: roots.as_ref().map(|roots| roots.certain.clone()).unwrap_or_default(),
        names,
        called: found.called.into_iter().collect(),
        values: Default::default(),
        contents: Vec::new(),
        gaps: found.gaps,
    };
    if let Some(roots) = roots {
        let believed = roots.believed(&heap);
        heap.roots.extend(believed);
    }
    clock.lap("audit");
    heap.values = values::read(&options.values, world.mem, world.layout, &table.types, &heap);
    clock.lap("values");
    if options.contents
        && let Some(key) = target.process.secret(&target.live)
    {
        heap.contents = contents::read(world.mem, world.layout, &table.types, &heap.objects, key);
        clock.lap("contents");
    }
    heap
}

fn types<M: Memory + ?Sized>(table: &mut Table<'_, M>, names: &TypeNames, index: &Index<'_>) -> Vec<Type> {
    let at: Vec<Addr> = table.types.all().map(|(_, info)| info.addr).collect();
    at.into_iter()
        .map(|at| Type {
            name: names.get(&at.0).cloned().unwrap_or_else(|| "?".into()),
            basis: objects::basis(&mut table.types, at),
            object: index.get(at),
        })
        .collect()
}

fn columns(shape: RefcountShape, rows: &[Row]) -> Objects {
    let mut objects = Objects::with_capacity(rows.len());
    for row in rows {
        let pushed = objects.push(Object {
            addr: row.at,
            of: TypeId(row.of),
            bytes: row.bytes,
            refcount: row.refcount,
            immortal: shape.is_immortal(row.refcount),
            generation: row.generation,
            found_by: row.found_by,
        });
        if pushed.is_none() {
            break;
        }
    }
    objects
}
