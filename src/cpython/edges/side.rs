//! Small C structs with a reference where no fixed place tells: iterators' blocks, queues' rings, handlers, time zones.

use super::{Body, Reader};
use crate::addr::Addr;
use crate::heap::Label;
use crate::memory::{Memory, View};

/// Most handlers of an XML parser: `handler_info` of `Modules/pyexpat.c` has some twenty.
const HANDLERS: u64 = 22;
/// Most entries of a block that is read whole.
const MOST_ENTRIES: u64 = 1 << 20;

impl<M: Memory + ?Sized> Reader<'_, M> {
    /// A stretch of what `itertools.tee` has seen.
    pub(super) fn tee(&mut self, at: Addr) -> Option<()> {
        let tee = self.layout.tee_data.as_ref()?;
        let read = u64::try_from(self.view(at, tee.size)?.get(tee.numread)?).ok()?;
        self.items(at.up(tee.values.at as u64)?, read.min((tee.values.size / 8) as u64))
    }

    /// From 3.13 on a ring; a list before, which is planned.
    pub(super) fn simple_queue(&mut self, at: Addr) -> Option<()> {
        let queue = self.layout.simple_queue.as_ref()?;
        let (Some(items), Some(room), Some(used), Some(first)) =
            (queue.buf_items, queue.buf_items_cap, queue.buf_num_items, queue.buf_get_idx)
        else {
            return Some(());
        };
        let view = self.view(at, queue.size)?;
        let (items, room) = (view.get(items)?, u64::try_from(view.get(room)?).ok()?);
        let (used, first) = (u64::try_from(view.get(used)?).ok()?, u64::try_from(view.get(first)?).ok()?);
        let behind = room.checked_sub(first)?.min(used);
        self.pieces(items.up(first.checked_mul(8)?)?, behind, |reader, i, to| {
            reader.sink.edge(to, super::sequence::item(i));
        })?;
        let around = used.saturating_sub(behind).min(first);
        self.pieces(items, around, |reader, i, to| {
            reader.sink.edge(to, super::sequence::item(i.saturating_add(behind)));
        })
    }

    /// The ring of a cache's elements counts each once, beside the cache's dict. That reference stands here with the
    /// element itself: no way leads through the ring that would not be shorter through the dict.
    pub(super) fn lru_element(&mut self, at: Addr) -> Option<()> {
        let label = self.sink.named(Label::Field, "link");
        self.sink.edge(at, label);
        Some(())
    }

    pub(super) fn xml_parser(&mut self, at: Addr) -> Option<()> {
        let parser = self.layout.xml_parser.as_ref()?;
        let handlers = self.view(at, parser.size)?.get(parser.handlers)?;
        if handlers.is_null() {
            return Some(());
        }
        self.items(handlers, HANDLERS)
    }

    /// Literals of a replacement template, each behind the index of a group.
    pub(super) fn sre_template(&mut self, at: Addr) -> Option<()> {
        let template = self.layout.sre_template.as_ref()?;
        let count = self.length(at)?.min(MOST_ENTRIES);
        let pairs = count.checked_mul(2)?;
        self.pieces(at.up(template.items.at as u64)?, pairs, |reader, i, to| {
            if i % 2 == 1 {
                reader.sink.edge(to, super::sequence::item(i / 2));
            }
        })
    }

    pub(super) fn zoneinfo(&mut self, at: Addr) -> Option<()> {
        let (zone, info) = (self.layout.zoneinfo.as_ref()?, self.layout.ttinfo.as_ref()?);
        let view = self.view(at, zone.size)?;
        let count = u64::try_from(view.get(zone.num_ttinfos)?).ok()?.min(MOST_ENTRIES);
        if count == 0 || info.size == 0 {
            return Some(());
        }
        let bytes = usize::try_from(count.checked_mul(info.size as u64)?).ok()?;
        let table = self.view(view.get(zone._ttinfos)?, bytes)?;
        for one in table.bytes().chunks_exact(info.size) {
            let one = View::new(one);
            for (name, field) in [("utcoff", info.utcoff), ("dstoff", info.dstoff), ("tzname", info.tzname)] {
                let label = self.sink.named(Label::Field, name);
                self.sink.edge(one.get(field)?, label);
            }
        }
        Some(())
    }

    /// Callbacks, each in a block of its own from 3.11 on.
    pub(super) fn sqlite_connection(&mut self, at: Addr) -> Option<()> {
        let (Some(connection), Some(callback)) = (&self.layout.sqlite_connection, &self.layout.sqlite_callback) else {
            return Some(());
        };
        let view = self.view(at, connection.size)?;
        for field in [connection.trace_ctx, connection.progress_ctx, connection.authorizer_ctx].into_iter().flatten() {
            let block = view.get(field)?;
            if block.is_null() {
                continue;
            }
            let block = self.view(block, callback.size)?;
            for (name, field) in [("callable", callback.callable), ("module", callback.module)] {
                let label = self.sink.named(Label::Field, name);
                self.sink.edge(block.get(field)?, label);
            }
        }
        Some(())
    }

    /// Names of keywords, prepared when first called (3.13).
    pub(super) fn method_caller(&mut self, at: Addr) -> Option<()> {
        let Some(caller) = &self.layout.method_caller else { return Some(()) };
        let (Some(args), Some(names)) = (caller.vectorcall_args, caller.vectorcall_kwnames) else { return Some(()) };
        let view = self.view(at, caller.size)?;
        if !view.get(args)?.is_null() {
            let label = self.sink.named(Label::Field, "kwnames");
            self.sink.edge(view.get(names)?, label);
        }
        Some(())
    }

    /// A time zone, where there is room for one.
    pub(super) fn datetime(&mut self, at: Addr, body: Body) -> Option<()> {
        let of = match body {
            Body::Time => self.layout.datetime_time.as_ref()?,
            _ => self.layout.datetime_datetime.as_ref()?,
        };
        let flag = self.view(at, of.hastzinfo.at.checked_add(1)?)?.get(of.hastzinfo)?;
        if flag != 0 {
            let label = self.sink.named(Label::Field, "tzinfo");
            self.sink.edge(self.word(at.up(of.tzinfo.at as u64)?)?, label);
        }
        Some(())
    }
}
