//! A captured copy of parts of an address space: sorted segments in one buffer, read without copying.
//!
//! The buffer is mapped and touched before the target is held still, since a first touch costs more than the copy.
//! Read-only file text and what begins in a range that was left out as raw are read from the live process on demand.
//! It does not decide what to copy.

use std::io;
use std::sync::Mutex;

use memmap2::{Advice, MmapMut};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{Fault, FaultKind, Live, Memory, Regions, View};
use crate::addr::{Addr, AddrRange};

const PAGE: u64 = 4096;
/// Pieces in which the destination is touched and copied in parallel.
const PIECE: usize = 2 << 20;
/// So many pieces are copied before the caller is asked whether to go on holding the target.
const BATCH: usize = 8;

#[derive(Debug, Clone, Copy)]
struct Segment {
    range: AddrRange,
    at: usize,
}

/// Memory for a copy, mapped and touched; one copy's can be the next one's.
#[derive(Debug)]
pub struct Buffer {
    bytes: MmapMut,
}

impl Buffer {
    /// Maps and touches `len` bytes.
    fn new(len: usize) -> io::Result<Buffer> {
        let mut bytes = MmapMut::map_anon(len)?;
        // Huge pages make the touch several times cheaper; without them it is only slower.
        let _ = bytes.advise(Advice::HugePage);
        bytes.par_chunks_mut(PIECE).for_each(|piece| {
            for page in piece.chunks_mut(PAGE as usize) {
                if let Some(first) = page.first_mut() {
                    // kept by the compiler although nobody reads it
                    *std::hint::black_box(first) = 0;
                }
            }
        });
        Ok(Buffer { bytes })
    }

    /// Does it hold `len` bytes without a third of it left over?
    fn suits(&self, len: usize) -> bool {
        (self.bytes.len() / 3).saturating_mul(2) <= len && len <= self.bytes.len()
    }

    /// Its size, in bytes, all of them resident.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Is there no room at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// A copy of parts of an address space.
pub struct Image {
    segments: Vec<Segment>,
    buffer: Buffer,
    used: usize,
    /// Where the planned segments end and those that were found late begin.
    planned: usize,
    /// Sorted ranges that were left out, though objects may begin there.
    raw: Vec<AddrRange>,
    live: Live,
    /// Ranges that cannot change while the target lives: reading them later is as good as now.
    constant: Vec<AddrRange>,
    text: Mutex<FxHashMap<u64, Box<[u8]>>>,
}

impl Image {
    /// Maps and touches room for `ranges` and `spare` further bytes; copies nothing yet. A buffer from before is used where
    /// it is large enough and not far too large, and else given back first, so that there are never two.
    ///
    /// # Errors
    /// Where the kernel refuses the memory.
    pub fn prepare(
        live: Live,
        regions: &Regions,
        ranges: &[AddrRange],
        spare: u64,
        before: Option<Buffer>,
    ) -> io::Result<Image> {
        let wanted = ranges.iter().map(AddrRange::len).fold(spare, u64::saturating_add).max(PAGE);
        let len = usize::try_from(wanted).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let buffer = match before.filter(|buffer| buffer.suits(len)) {
            Some(buffer) => buffer,
            None => Buffer::new(len)?,
        };
        let mut at = 0usize;
        let segments = ranges
            .iter()
            .map(|range| {
                let segment = Segment { range: *range, at };
                at = at.saturating_add(usize::try_from(range.len()).unwrap_or(usize::MAX));
                segment
            })
            .collect();
        let constant = regions.iter().filter(|r| r.read && !r.write && !r.is_anonymous()).map(|r| r.range).collect();
        Ok(Image { segments, buffer, used: at, planned: at, raw: Vec::new(), live, constant, text: Mutex::default() })
    }

    /// Copies all prepared ranges, as many threads at once as there are processors; what has gone meanwhile is left
    /// out. `between` is called after every `BATCH` pieces.
    ///
    /// # Errors
    /// [`FaultKind::Gone`] or [`FaultKind::Denied`] where nothing more can be read.
    pub fn fill(&mut self, mut between: impl FnMut()) -> Result<(), Fault> {
        let live = &self.live;
        let mut rest: &mut [u8] = self.buffer.bytes.get_mut(..self.planned).unwrap_or_default();
        let mut pieces = Vec::new();
        for segment in self.segments.iter().filter(|s| s.at < self.planned) {
            let mut start = segment.range.start;
            while start < segment.range.end {
                let end = start.up(PIECE as u64).unwrap_or(segment.range.end).min(segment.range.end);
                let range = AddrRange::new(start, end);
                let len = usize::try_from(range.len()).unwrap_or(usize::MAX);
                let Some((into, tail)) = std::mem::take(&mut rest).split_at_mut_checked(len) else { break };
                pieces.push((range, into));
                rest = tail;
                start = end;
            }
        }
        let mut missing = Vec::new();
        for batch in pieces.chunks_mut(BATCH) {
            let copied: Vec<_> = batch.par_iter_mut().map(|(range, into)| live.copy(&[*range], into)).collect();
            for copied in copied {
                missing.extend(copied?.missing);
            }
            between();
        }
        for gap in missing {
            self.remove(gap);
        }
        Ok(())
    }

    /// Tells which ranges (sorted) were left out as raw buffers: an object that begins there is read late.
    pub fn skip(&mut self, raw: &[AddrRange]) {
        self.raw = raw.to_vec();
    }

    /// Copies one more range, found late, while there is spare room; `false` where there is none.
    ///
    /// # Errors
    /// As [`Image::fill`].
    pub fn add(&mut self, range: AddrRange) -> Result<bool, Fault> {
        let len = usize::try_from(range.len()).unwrap_or(usize::MAX);
        let Some(end) = self.used.checked_add(len) else { return Ok(false) };
        let Some(into) = self.buffer.bytes.get_mut(self.used..end) else { return Ok(false) };
        let missing = self.live.copy(&[range], into)?.missing;
        self.segments.push(Segment { range, at: self.used });
        self.used = end;
        for gap in missing {
            self.remove(gap);
        }
        Ok(true)
    }

    /// Sorts the segments; to be called once after the last [`Image::add`], before any read.
    pub fn seal(&mut self) {
        self.segments.retain(|s| !s.range.is_empty());
        self.segments.sort_by_key(|s| s.range.start);
        // Neighbours in the target that are neighbours in the buffer become one, so that a view may span them.
        self.segments.dedup_by(|next, kept| {
            let joined = kept.range.end == next.range.start
                && usize::try_from(kept.range.len()).ok().and_then(|len| kept.at.checked_add(len)) == Some(next.at);
            if joined {
                kept.range.end = next.range.end;
            }
            joined
        });
    }

    fn remove(&mut self, gap: AddrRange) {
        let mut kept = Vec::with_capacity(self.segments.len());
        for s in &self.segments {
            let cut = s.range.intersection(&gap);
            if cut.is_empty() {
                kept.push(*s);
                continue;
            }
            let skipped = usize::try_from(cut.end.0.saturating_sub(s.range.start.0)).unwrap_or(usize::MAX);
            let before = AddrRange::new(s.range.start, cut.start);
            let after = Segment { range: AddrRange::new(cut.end, s.range.end), at: s.at.saturating_add(skipped) };
            kept.push(Segment { range: before, at: s.at });
            kept.push(after);
        }
        kept.retain(|s| !s.range.is_empty());
        self.segments = kept;
    }

    /// Gives up the copy and keeps its memory for the next.
    #[must_use]
    pub fn into_buffer(self) -> Buffer {
        self.buffer
    }

    /// Bytes that were copied.
    #[must_use]
    pub fn copied(&self) -> u64 {
        self.segments.iter().map(|s| s.range.len()).fold(0, u64::saturating_add)
    }

    /// What was copied, sorted.
    pub fn ranges(&self) -> impl Iterator<Item = AddrRange> + '_ {
        self.segments.iter().map(|s| s.range)
    }

    fn segment(&self, at: Addr) -> Option<&Segment> {
        let i = self.segments.partition_point(|s| s.range.end <= at);
        self.segments.get(i).filter(|s| s.range.start <= at)
    }

    fn borrowed(&self, at: Addr, len: usize) -> Option<&[u8]> {
        let s = self.segment(at)?;
        let skip = usize::try_from(at.0.checked_sub(s.range.start.0)?).ok()?;
        let end = skip.checked_add(len)?;
        if u64::try_from(end).ok()? > s.range.len() {
            return None;
        }
        self.buffer.bytes.get(s.at.checked_add(skip)?..s.at.checked_add(end)?)
    }

    fn is_raw(&self, at: Addr) -> bool {
        AddrRange::holding(&self.raw, at).is_some()
    }

    /// A page of constant memory, read once.
    fn constant_page(&self, at: Addr, out: &mut [u8]) -> Result<(), Fault> {
        let mut at = at;
        let mut out = out;
        while !out.is_empty() {
            let base = Addr(at.0 & !(PAGE - 1));
            let skip = usize::try_from(at.0 & (PAGE - 1)).unwrap_or(0);
            let mut pages = self.text.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let std::collections::hash_map::Entry::Vacant(e) = pages.entry(base.0) {
                let mut page = vec![0; PAGE as usize].into_boxed_slice();
                self.live.read(base, &mut page)?;
                e.insert(page);
            }
            let part = pages.get(&base.0).and_then(|p| p.get(skip..)).unwrap_or_default();
            let n = part.len().min(out.len());
            let Some((head, tail)) = out.split_at_mut_checked(n) else { break };
            head.copy_from_slice(part.get(..n).unwrap_or_default());
            out = tail;
            at = at.up(n as u64).ok_or(Fault::new(at, n, FaultKind::Unmapped))?;
        }
        Ok(())
    }
}

impl Memory for Image {
    fn read(&self, at: Addr, out: &mut [u8]) -> Result<(), Fault> {
        if let Some(bytes) = self.borrowed(at, out.len()) {
            out.copy_from_slice(bytes);
            return Ok(());
        }
        if at.0 < PAGE || !at.is_user() {
            return Err(Fault::new(at, out.len(), FaultKind::Unmapped));
        }
        if AddrRange::holding(&self.constant, at).is_some_and(|r| r.contains_all(at, out.len() as u64)) {
            return self.constant_page(at, out);
        }
        let last = at.up((out.len() as u64).saturating_sub(1)).unwrap_or(at);
        if !self.is_raw(at) && !self.is_raw(last) {
            return Err(Fault::new(at, out.len(), FaultKind::Unmapped));
        }
        log::trace!("late read of {} bytes at {at}", out.len());
        self.live.read(at, out)
    }

    fn view(&self, at: Addr, len: usize) -> Result<View<'_>, Fault> {
        if let Some(bytes) = self.borrowed(at, len) {
            return Ok(View::new(bytes));
        }
        let mut bytes = vec![0; len];
        self.read(at, &mut bytes)?;
        Ok(View::owned(bytes))
    }

    fn word(&self, at: Addr) -> Result<u64, Fault> {
        if let Some(word) = self.borrowed(at, 8).and_then(|b| b.first_chunk()) {
            return Ok(u64::from_le_bytes(*word));
        }
        let mut bytes = [0; 8];
        self.read(at, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn window(&self, at: Addr) -> Option<(AddrRange, &[u8])> {
        let s = self.segment(at)?;
        let len = usize::try_from(s.range.len()).ok()?;
        Some((s.range, self.buffer.bytes.get(s.at..s.at.checked_add(len)?)?))
    }

    fn holds(&self, at: Addr) -> bool {
        self.segment(at).is_some() || self.is_raw(at)
    }
}
