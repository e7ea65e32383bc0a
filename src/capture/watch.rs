//! One process looked at again and again: what does not change between looks is found once. Decides neither when to look
//! nor what to make of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Clock, Error, Graph, Options, Taken, Target, copy, usage};
use crate::cpython::gc_counters;
use crate::cpython::runtime::Runtime;
use crate::heap::{GenerationPoint, Usage};
use crate::process::{Process, State};

/// A process that is watched.
pub struct Watch {
    target: Target,
    options: Options,
    kept: Shared,
    held: Duration,
}

/// What looks leave for the next ones: of one process, or of several that are looked at one after the other.
pub(super) type Shared = Arc<Mutex<copy::Kept>>;

impl Watch {
    /// Finds the process and its Python; takes no look yet.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn open(options: &Options) -> Result<Watch, Error> {
        Watch::sharing(options, &Arc::new(Mutex::new(copy::Kept::unhurried())))
    }

    /// The same, with the memory and the threads of others.
    pub(super) fn sharing(options: &Options, kept: &Shared) -> Result<Watch, Error> {
        let target = Target::find(options)?;
        Ok(Watch { target, options: options.clone(), kept: kept.clone(), held: Duration::ZERO })
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.target.process
    }

    /// Its Python, `3.11.7`.
    #[must_use]
    pub fn python(&self) -> String {
        self.target.located.version.to_string()
    }

    /// Is it still there, running the same program? Also where its main thread has ended and others live on.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.target.must_be_same().is_ok()
            && match self.process().state() {
                Ok(State::Zombie) => !super::error::is_gone(self.process()),
                state => state.is_ok(),
            }
    }

    /// Its memory as the operating system counts it; stops nothing.
    #[must_use]
    pub fn usage(&self) -> Usage {
        usage(self.process())
    }

    /// What its collector counts now, youngest generation first and summed over the interpreters; stops nothing and
    /// copies nothing. Empty where it cannot be read: the process has ended, or it runs another program.
    #[must_use]
    pub fn pulse(&self) -> Vec<GenerationPoint> {
        let Target { live, layout, located, .. } = &self.target;
        if self.target.must_be_same().is_err() {
            return Vec::new();
        }
        let collectors = Runtime::counters(live, layout, located).unwrap_or_default();
        let read: Option<Vec<_>> = collectors.iter().map(|counters| counters.read(live, layout)).collect();
        gc_counters::sum(&read.unwrap_or_default())
    }

    /// Looks once: a census, and with [`Options::objects`] or [`Options::references`] a heap.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Gone`] once the process has ended, [`Error::Changed`] once it runs another program.
    pub fn look(&mut self) -> Result<Taken, Error> {
        self.held = Duration::ZERO;
        self.target.refresh()?;
        let mut kept = lock(&self.kept);
        let taken = copy::take(&self.target, &self.options, &mut kept, &mut Clock::new());
        self.held = kept.held();
        taken
    }

    /// Looks once and reads the references, for somebody who waits for them.
    ///
    /// # Errors
    /// As [`Watch::look`].
    pub fn graph(&mut self) -> Result<Graph, Error> {
        self.held = Duration::ZERO;
        self.target.refresh()?;
        let options = Options { references: true, ..self.options.clone() };
        let mut kept = lock(&self.kept);
        let taken = kept.in_a_hurry(|kept| copy::take(&self.target, &options, kept, &mut Clock::new()));
        self.held = kept.held();
        taken.map(Graph::from)
    }

    /// For how long the last look held it still, all its tries together; also where nothing came of it.
    #[must_use]
    pub fn held(&self) -> Duration {
        self.held
    }

    /// Gives back the memory for the copy, which is otherwise kept from look to look and as large as the copy: for waits
    /// so long that making it again (some ten milliseconds a look of 1 M objects) is nothing to them.
    pub fn rest(&mut self) {
        lock(&self.kept).rest();
    }
}

pub(super) fn lock(kept: &Shared) -> MutexGuard<'_, copy::Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
