//! The only owner of standard output and standard error: data go to the one, words to the other.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use log::{LevelFilter, Log, Metadata, Record};
use terminal_size::{Height, Width, terminal_size_of};

use crate::cli::args::{Voice, When};
use crate::cli::output::{self, Destination};
use crate::cli::{Exit, Failure, Refusal};
use crate::report::Look;
use crate::report::text::visible;

/// Work that takes less is not worth a word.
const PATIENCE: Duration = Duration::from_secs(1);

/// Standard output and standard error.
#[derive(Debug)]
pub struct Ui {
    colour: bool,
    progress: bool,
    /// Columns of the line of progress that stands there now.
    shown: usize,
}

impl Ui {
    /// Takes both over, and starts the log.
    #[must_use]
    pub fn new(voice: &Voice) -> Ui {
        let level = match voice.verbose {
            0 => LevelFilter::Off,
            1 => LevelFilter::Info,
            2 => LevelFilter::Debug,
            _ => LevelFilter::Trace,
        };
        // Fails only where a log was set before, and then that one is as good.
        if log::set_logger(&Journal).is_ok() {
            log::set_max_level(level);
        }
        let colour = match voice.color {
            When::Auto => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
            When::Always => true,
            When::Never => false,
        };
        Ui { colour, progress: voice.verbose == 0 && io::stderr().is_terminal(), shown: 0 }
    }

    /// Prints what clap has to say: help on standard output, wrong usage on standard error.
    #[must_use]
    pub fn usage(said: &clap::Error) -> Exit {
        // Nobody may be listening; the exit code still tells.
        let _ = said.print();
        if said.use_stderr() { Exit::Usage } else { Exit::Done }
    }

    /// What a reader at `to` has in front of them.
    #[must_use]
    pub fn look(&self, to: &Destination) -> Look {
        let terminal = *to == Destination::Stdout && io::stdout().is_terminal();
        let width = || terminal_size_of(io::stdout()).map_or(80, |(Width(columns), _)| usize::from(columns.max(1)));
        Look { width: terminal.then(width), colour: self.colour && *to == Destination::Stdout }
    }

    /// Rows of the screen that a reader at `to` has in front of them; `None` where there is none.
    #[must_use]
    pub fn rows(&self, to: &Destination) -> Option<usize> {
        let terminal = *to == Destination::Stdout && io::stdout().is_terminal();
        terminal.then(|| terminal_size_of(io::stdout()).map(|(_, Height(rows))| usize::from(rows)))?
    }

    /// Hands an answer over, whole.
    ///
    /// # Errors
    /// [`Failure::Pipe`] where nobody reads any more; else what the file system says.
    pub fn deliver(&mut self, to: &Destination, data: &[u8]) -> Result<(), Failure> {
        let written = match to {
            Destination::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(data).and_then(|()| out.flush())
            }
            _ => to.write(data),
        };
        written.map_err(output::unwritten)
    }

    /// Standard output, for an answer in bytes that is written as it is made; `None` where it is a terminal.
    #[must_use]
    pub fn pour(&mut self) -> Option<io::Stdout> {
        let out = io::stdout();
        (!out.is_terminal()).then_some(out)
    }

    /// Standard output, for pictures; `None` where it is no terminal, or one that knows no cursor (`TERM=dumb`).
    #[must_use]
    pub fn screen(&self) -> Option<io::Stdout> {
        let out = io::stdout();
        let able = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        (able && out.is_terminal()).then_some(out)
    }

    /// Stops the log where it would be written over a picture.
    pub fn hush(&self) {
        if io::stderr().is_terminal() {
            log::set_max_level(LevelFilter::Off);
        }
    }

    /// May colours, bold and dim text be used on standard output?
    #[must_use]
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Standard output, for lines that are written as they are made. On a terminal they are progress enough.
    #[must_use]
    pub fn lines(&mut self) -> io::Stdout {
        let out = io::stdout();
        self.progress &= !out.is_terminal();
        out
    }

    /// A line of progress, on a terminal only; the next one, or other words, take its place.
    pub fn progress(&mut self, line: &str) {
        if !self.progress {
            return;
        }
        let columns = terminal_size_of(io::stderr()).map_or(80, |(Width(columns), _)| usize::from(columns.max(1)));
        let line: String = visible(line).chars().take(columns.saturating_sub(1)).collect();
        let length = line.chars().count();
        let blank = self.shown.saturating_sub(length);
        let _ = write!(io::stderr(), "\r{line}{:blank$}", "");
        self.shown = length;
    }

    /// Takes the line of progress away.
    fn clear(&mut self) {
        if self.shown > 0 {
            let _ = write!(io::stderr(), "\r{:1$}\r", "", self.shown);
            self.shown = 0;
        }
    }

    /// A line of words.
    pub fn say(&mut self, line: &str) {
        self.clear();
        words(&visible(line));
    }

    /// Something that a reader of the numbers should know.
    pub fn warn(&mut self, line: &str) {
        self.clear();
        words(&format!("warning: {}", visible(line)));
    }

    /// Why nothing came of a part of it.
    pub fn warn_of(&mut self, refusal: &Refusal) {
        self.clear();
        words(&format!("warning: {refusal}"));
    }

    /// Why nothing came of it.
    pub fn refuse(&mut self, refusal: &Refusal) {
        self.clear();
        words(&format!("leakspy: {refusal}"));
    }

    /// Does `work` on this thread; on a terminal, tells how long it has been at it once that is worth a word.
    pub fn working<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        if !self.progress {
            return work();
        }
        let (done, waiting) = channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || tick(what, &waiting));
            let result = work();
            drop(done);
            result
        })
    }
}

fn tick(what: &str, waiting: &Receiver<()>) {
    let started = Instant::now();
    let mut shown = 0;
    let mut patience = PATIENCE;
    while waiting.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
        let line = format!("{what}, {} s", started.elapsed().as_secs());
        shown = line.len();
        patience = Duration::from_millis(250);
        let _ = write!(io::stderr(), "\r{line}");
    }
    if shown > 0 {
        let _ = write!(io::stderr(), "\r{:shown$}\r", "");
    }
}

/// Writes a line to standard error; where that is closed there is nobody to tell.
fn words(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// The log of `-v`: leakspy's own words; those of its libraries with `-vv` only.
struct Journal;

impl Log for Journal {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        of.target().starts_with("leakspy") || log::max_level() >= LevelFilter::Debug
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let level = record.level().as_str().to_lowercase();
            words(&format!("{level}: {}: {}", record.target(), visible(&record.args().to_string())));
        }
    }

    fn flush(&self) {}
}
