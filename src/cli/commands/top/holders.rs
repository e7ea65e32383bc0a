//! The thread that finds who holds the objects of a type, in a copy that was brought home. One question at a time; one that is
//! not wanted any more is dropped unanswered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::News;
use crate::analysis::{PathsOptions, paths};
use crate::capture::Graph;
use crate::heap::Id;
use crate::tui::{Answer, Event, Findings};

/// Paths that are told.
const WAYS: usize = 50;

/// Which question is still wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted(Arc<AtomicU64>);

impl Wanted {
    /// Only this one is.
    pub(super) fn set(&self, ticket: u64) {
        self.0.store(ticket, Ordering::Release);
    }

    /// Is it this one?
    pub(super) fn is(&self, ticket: u64) -> bool {
        self.0.load(Ordering::Acquire) == ticket
    }
}

/// A question.
pub(super) struct Job {
    pub ticket: u64,
    /// The type's name.
    pub of: String,
    /// The copy to look in.
    pub graph: Graph,
}

/// Whoever answers; holds at most one heap that waits, and the one being worked on.
pub(super) struct Holders(Arc<(Mutex<Option<Job>>, Condvar)>);

impl Holders {
    pub(super) fn start(tell: Sender<News>, wanted: Wanted) -> Holders {
        let desk = Arc::new((Mutex::new(None), Condvar::new()));
        let holders = Holders(Arc::clone(&desk));
        std::thread::spawn(move || {
            loop {
                let job = next(&desk);
                if !wanted.is(job.ticket) {
                    continue;
                }
                let (ticket, outcome) = (job.ticket, Ok(answer(job)));
                if tell.send(News::Event(Event::Answered(Box::new(Answer { ticket, outcome })))).is_err() {
                    return;
                }
            }
        });
        holders
    }

    /// Puts a question; one that still waits is forgotten.
    pub(super) fn ask(&self, job: Job) {
        let (desk, bell) = &*self.0;
        *desk.lock().unwrap_or_else(PoisonError::into_inner) = Some(job);
        bell.notify_one();
    }
}

fn next(desk: &(Mutex<Option<Job>>, Condvar)) -> Job {
    let mut job = desk.0.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        match job.take() {
            Some(job) => return job,
            None => job = desk.1.wait(job).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

fn answer(job: Job) -> Findings {
    let Graph { heap, capture, .. } = job.graph;
    // By the whole name: it is the target's own text and may look like a pattern.
    let ids: Vec<Id> = heap.objects.ids().filter(|id| heap.type_name(*id) == job.of).collect();
    let options = PathsOptions { limit: Some(WAYS), ..PathsOptions::default() };
    let paths = paths(&heap, &ids, &options);
    let examples = paths.ways.iter().map(|way| heap.objects.addr(way.example).to_string()).collect();
    Findings { paths, examples, pause_ms: capture.pause_ms }
}
