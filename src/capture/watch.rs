//! One process looked at again and again: what does not change between looks is found once. Decides neither when to look
//! nor what to make of it.

use super::{Clock, Error, Options, Taken, Target, copy, usage};
use crate::heap::Usage;
use crate::process::{Process, State};

/// A process that is watched.
pub struct Watch {
    target: Target,
    options: Options,
}

impl Watch {
    /// Finds the process and its Python; takes no look yet.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn open(options: &Options) -> Result<Watch, Error> {
        Ok(Watch { target: Target::find(options)?, options: options.clone() })
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.target.process
    }

    /// Is it still there, running the same program?
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.target.must_be_same().is_ok() && !matches!(self.process().state(), Err(_) | Ok(State::Zombie))
    }

    /// Its memory as the operating system counts it; stops nothing.
    #[must_use]
    pub fn usage(&self) -> Usage {
        usage(self.process())
    }

    /// Looks once: a census, and with [`Options::objects`] or [`Options::references`] a heap.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Gone`] once the process has ended, [`Error::Changed`] once it runs another program.
    pub fn look(&mut self) -> Result<Taken, Error> {
        self.target.refresh()?;
        copy::take(&self.target, &self.options, &mut Clock::new())
    }
}
