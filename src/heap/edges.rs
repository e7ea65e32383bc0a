//! References between objects, as compressed sparse rows: a row an object, in the order in which they were read.

use super::label::LabelId;
use super::objects::Id;

/// One reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Which object refers.
    pub from: Id,
    /// To which.
    pub to: Id,
    /// How.
    pub label: LabelId,
}

/// References by the object that refers.
#[derive(Debug, Clone)]
pub struct Edges {
    /// Where each row begins; one more than there are rows.
    start: Vec<u32>,
    to: Vec<u32>,
    label: Vec<LabelId>,
}

impl Default for Edges {
    fn default() -> Self {
        Edges { start: vec![0], to: Vec::new(), label: Vec::new() }
    }
}

impl Edges {
    /// Ends the row of the next object. What was pushed since the last call is its row.
    pub fn end_row(&mut self) {
        self.start.push(u32::try_from(self.to.len()).unwrap_or(u32::MAX));
    }

    /// Adds a reference to the row under way; `false` past four billion, where it is left out.
    pub fn push(&mut self, to: Id, label: LabelId) -> bool {
        let room = self.to.len() < u32::MAX as usize;
        if room {
            self.to.push(to.0);
            self.label.push(label);
        }
        room
    }

    /// Puts the rows of further objects behind these; `false` where there is no room for all of them.
    pub fn append(&mut self, mut rows: Edges) -> bool {
        let base = self.to.len();
        if base.saturating_add(rows.to.len()) >= u32::MAX as usize {
            return false;
        }
        self.start.extend(rows.start.iter().skip(1).map(|start| start.saturating_add(base as u32)));
        self.to.append(&mut rows.to);
        self.label.append(&mut rows.label);
        true
    }

    /// How many references.
    #[must_use]
    pub fn len(&self) -> usize {
        self.to.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.to.is_empty()
    }

    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.start.len().saturating_sub(1)
    }

    /// What an object refers to.
    pub fn of(&self, from: Id) -> impl ExactSizeIterator<Item = Edge> + '_ {
        let (to, label) = self.row(from);
        to.iter().zip(label).map(move |(to, label)| Edge { from, to: Id(*to), label: *label })
    }

    /// The same as two slices, for what must be fast.
    #[must_use]
    pub fn row(&self, from: Id) -> (&[u32], &[LabelId]) {
        let ends = self.start.get(from.at()).zip(self.start.get(from.at().saturating_add(1)));
        let range = ends.map_or(0..0, |(start, end)| *start as usize..*end as usize);
        (self.to.get(range.clone()).unwrap_or_default(), self.label.get(range).unwrap_or_default())
    }

    /// All references.
    pub fn all(&self) -> impl Iterator<Item = Edge> + '_ {
        (0..self.rows() as u32).flat_map(|from| self.of(Id(from)))
    }

    /// The same references by the object that is referred to.
    #[must_use]
    pub fn reverse(&self) -> Reverse {
        let mut start = vec![0u32; self.start.len().saturating_add(1)];
        for to in &self.to {
            if let Some(count) = start.get_mut(*to as usize + 2) {
                *count += 1;
            }
        }
        for i in 2..start.len() {
            start[i] += start[i - 1];
        }
        let mut from = vec![0u32; self.to.len()];
        let mut label = vec![LabelId::item(0); self.to.len()];
        for edge in self.all() {
            let Some(next) = start.get_mut(edge.to.at() + 1) else { continue };
            let at = *next as usize;
            *next += 1;
            if let (Some(f), Some(l)) = (from.get_mut(at), label.get_mut(at)) {
                *f = edge.from.0;
                *l = edge.label;
            }
        }
        start.truncate(self.start.len());
        Reverse { start, from, label }
    }
}

/// References by the object that is referred to.
#[derive(Debug, Clone)]
pub struct Reverse {
    start: Vec<u32>,
    from: Vec<u32>,
    label: Vec<LabelId>,
}

impl Reverse {
    /// What refers to an object, in the order of the objects that do.
    pub fn of(&self, to: Id) -> impl ExactSizeIterator<Item = Edge> + '_ {
        let ends = self.start.get(to.at()).zip(self.start.get(to.at().saturating_add(1)));
        let range = ends.map_or(0..0, |(start, end)| *start as usize..*end as usize);
        let from = self.from.get(range.clone()).unwrap_or_default();
        let label = self.label.get(range).unwrap_or_default();
        from.iter().zip(label).map(move |(from, label)| Edge { from: Id(*from), to, label: *label })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edges(rows: &[Vec<u32>]) -> Edges {
        let mut edges = Edges::default();
        for row in rows {
            for (i, to) in row.iter().enumerate() {
                edges.push(Id(*to), LabelId::item(i as u32));
            }
            edges.end_row();
        }
        edges
    }

    proptest! {
        #[test]
        fn forward_and_reverse_agree(rows in prop::collection::vec(prop::collection::vec(0u32..12, 0..8), 12)) {
            let forward = edges(&rows);
            let reverse = forward.reverse();
            let mut there: Vec<_> = forward.all().map(|e| (e.from, e.to, e.label)).collect();
            let mut back: Vec<_> =
                (0..12).flat_map(|to| reverse.of(Id(to)).collect::<Vec<_>>()).map(|e| (e.from, e.to, e.label)).collect();
            there.sort();
            back.sort();
            prop_assert_eq!(there, back);
        }

        #[test]
        fn rows_in_parts_are_the_rows(rows in prop::collection::vec(prop::collection::vec(0u32..12, 0..8), 12), cut in 0usize..12) {
            let whole = edges(&rows);
            let mut parts = edges(&rows[..cut]);
            prop_assert!(parts.append(edges(&rows[cut..])));
            prop_assert_eq!(parts.rows(), 12);
            prop_assert_eq!(parts.all().collect::<Vec<_>>(), whole.all().collect::<Vec<_>>());
        }
    }
}
