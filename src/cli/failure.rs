//! Why a command did not do what it was asked, in words for a person and an exit code for a script.

use std::fmt;
use std::path::Path;

use crate::capture;
use crate::cli::Exit;
use crate::cli::hints::{self, Place};
use crate::cli::source::{COMMAND, program};
use crate::report::number::iec;
use crate::report::text::{shorten_end, visible};
use crate::snapshot;

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// Nobody reads the answer any more.
    Pipe,
    /// It could not be done.
    Refused(Refusal),
}

/// One message: what was wanted, what stood in the way, and the smallest thing that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it is to a script.
    pub exit: Exit,
    wanted: String,
    obstacle: String,
    help: Vec<String>,
}

impl Refusal {
    /// A refusal with nothing yet that would help.
    #[must_use]
    pub fn new(exit: Exit, wanted: impl Into<String>, obstacle: impl Into<String>) -> Refusal {
        Refusal { exit, wanted: wanted.into(), obstacle: obstacle.into(), help: Vec::new() }
    }

    /// Adds a thing that helps.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Refusal {
        self.help.push(help.into());
        self
    }

    /// What stood in the way.
    #[must_use]
    pub fn obstacle(&self) -> &str {
        &self.obstacle
    }

    /// What an answer that could not be put into its shape comes to; it is written to memory, so this is not expected.
    #[must_use]
    pub fn of_rendering(error: std::io::Error) -> Refusal {
        Refusal::new(Exit::Usage, "cannot write the answer", error.to_string())
    }

    /// What a snapshot that could not be read comes to.
    #[must_use]
    pub fn of_reading(error: &snapshot::Error, path: &Path) -> Refusal {
        let refusal = |exit, obstacle: String| {
            Refusal::new(exit, format!("cannot read the snapshot {}", path.display()), obstacle)
        };
        let said = error.to_string();
        match error {
            snapshot::Error::Missing => refusal(Exit::Usage, said),
            snapshot::Error::Unreadable(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                refusal(Exit::Denied, said).help("as the user who wrote it: a snapshot is its owner's alone")
            }
            snapshot::Error::Foreign { .. } => {
                refusal(Exit::NotPython, said).help("leakspy snapshot --pid PID -o FILE   (writes one)")
            }
            snapshot::Error::Newer { .. } => {
                refusal(Exit::NotPython, said).help("the leakspy that wrote it, or a newer one")
            }
            snapshot::Error::Unreadable(_) | snapshot::Error::Unwritable(_) => refusal(Exit::NotPython, said),
            snapshot::Error::Damaged { .. } => {
                refusal(Exit::NotPython, said).help("copy it again from where it was written, as a binary file")
            }
            snapshot::Error::TooLarge { needed, left } => too_large(refusal, *needed, *left),
        }
    }

    /// What a failed look at `pid` by `command` comes to.
    #[must_use]
    pub fn of_look(error: &capture::Error, command: &str, pid: i32) -> Refusal {
        let wanted = format!("cannot look into process {pid}");
        let refusal = |exit, obstacle: String| Refusal::new(exit, wanted.clone(), obstacle);
        let again = |pid: i32| format!("leakspy {command} --pid {pid}");
        match error {
            capture::Error::Denied(gate) => {
                let said = gate.to_string();
                // The message has named the process already.
                let it = said.strip_prefix(&format!("process {pid} ")).map(|rest| format!("it {rest}"));
                let again = format!("{} {command} --pid {pid}", program());
                refusal(hints::exit(gate), it.unwrap_or(said)).help(hints::key(gate, Place::here(), &again))
            }
            capture::Error::NotPython { why, known, python_children, .. } if python_children.is_empty() => {
                let refusal = refusal(Exit::NotPython, format!("it is not a Python that leakspy knows: {why}"));
                let list = "leakspy ps   (lists the Python processes here)";
                if known.is_empty() {
                    refusal.help(list)
                } else {
                    refusal.help(format!("{list}\nknown are CPython {}", known.join(", ")))
                }
            }
            capture::Error::NotPython { python_children, .. } => {
                let refusal = refusal(Exit::NotPython, "it is not Python, but started some".to_owned());
                let children = python_children.iter().take(5);
                children.fold(refusal, |refusal, (child, command)| {
                    refusal.help(format!("{}   ({})", again(*child), shorten_end(command, COMMAND)))
                })
            }
            capture::Error::UnknownLayout { message } => refusal(Exit::NotPython, message.clone()).help(
                "give --offsets FILE with a layout for this build; python_offsets/README.md says how to make one",
            ),
            capture::Error::Gone { .. } => refusal(Exit::Gone, "there is no such process (any more)".to_owned())
                .help("leakspy ps   (lists the Python processes here)"),
            capture::Error::Changed { .. } => {
                refusal(Exit::Gone, "it became another program while it was looked at".to_owned()).help(again(pid))
            }
            capture::Error::TooLarge { needed, left } => too_large(refusal, *needed, *left),
            capture::Error::Offsets { message } => refusal(Exit::Usage, format!("--offsets: {message}")),
            capture::Error::Io { message } => refusal(Exit::Gone, message.clone()),
        }
    }
}

fn too_large(refusal: impl FnOnce(Exit, String) -> Refusal, needed: u64, left: u64) -> Refusal {
    refusal(Exit::Usage, format!("this takes {} of memory, and leakspy may use {}", iec(needed), iec(left)))
        .help(format!("run leakspy where there is more memory, or with --max-memory {}M", needed.div_ceil(1 << 20)))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", visible(&self.wanted))?;
        for (at, line) in self.obstacle.lines().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { "\n  " }, visible(line))?;
        }
        for (at, line) in self.help.iter().flat_map(|help| help.lines()).enumerate() {
            write!(f, "\n  {} {}", if at == 0 { "try:" } else { "    " }, visible(line))?;
        }
        Ok(())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_wrapper_is_told_from_its_python_child() {
        let error = capture::Error::NotPython {
            pid: 10,
            why: "no interpreter in it".into(),
            known: vec!["3.11".into()],
            python_children: vec![(11, "python3 app.py\x1b[2J".into())],
        };
        let refusal = Refusal::of_look(&error, "types", 10);
        assert_eq!(refusal.exit, Exit::NotPython);
        assert_eq!(
            refusal.to_string(),
            "cannot look into process 10: it is not Python, but started some\n  try: leakspy types --pid 11   (python3 app.py\\x1b[2J)"
        );
    }

    #[test]
    fn a_refused_look_says_who_refused_and_what_helps() {
        let gate = crate::process::access::Gate::OtherUser { pid: 10, owner: 33, ours: 1000 };
        let refusal = Refusal::of_look(&capture::Error::Denied(gate), "types", 10);
        assert_eq!(refusal.exit, Exit::Denied);
        let said = refusal.to_string();
        assert!(said.starts_with("cannot look into process 10: it belongs to user 33"), "{said}");
        assert!(said.contains("\n  try: "), "{said}");
    }

    #[test]
    fn what_was_tried_is_said_line_by_line() {
        let refusal = Refusal::new(Exit::NotPython, "cannot", "first\nsecond").help("one\ntwo").help("three");
        assert_eq!(refusal.to_string(), "cannot: first\n  second\n  try: one\n       two\n       three");
    }
}
