//! Several processes watched together: those that were named, or a process and its descendants, which come and go. Takes
//! no look by itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::{Error, Options, Watch, copy, error, inspect, watch};
use crate::process::{Process, State, find};

/// A process so young may still be starting its Python, in milliseconds.
const YOUNG: i64 = 10_000;

/// Which processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Among {
    /// These.
    Named(Vec<i32>),
    /// This one and its descendants, as far as they are Python: a server's master and its workers.
    Tree(i32),
}

/// One process of a fleet.
pub struct Member {
    /// Looks at it.
    pub watch: Watch,
    /// Its command line; raw text of the target.
    pub command: String,
    /// What a server calls it, `uwsgi worker` for one, where that can be told.
    pub role: Option<String>,
}

impl Member {
    /// Its PID.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.watch.process().pid()
    }
}

/// What changed in a fleet.
#[derive(Debug, Default)]
pub struct Turn {
    /// Processes that joined.
    pub joined: Vec<i32>,
    /// Processes that ended or run another program now.
    pub left: Vec<i32>,
    /// Processes that cannot be looked at, told once each: why.
    pub refused: Vec<(i32, Error)>,
}

/// Processes that are watched together.
pub struct Fleet {
    among: Among,
    /// The process at the head of a tree: once that has ended, its number may be another's.
    root: Option<Process>,
    options: Options,
    /// Members are looked at one after the other: one copy's memory is the next one's.
    kept: watch::Shared,
    members: BTreeMap<i32, Member>,
    /// Those that are not to be watched, by PID: which process it was, and which program it ran.
    passed_over: BTreeMap<i32, (u64, Option<PathBuf>)>,
}

impl Fleet {
    /// A fleet without members; [`Fleet::muster`] brings them in.
    #[must_use]
    pub fn new(among: Among, options: &Options) -> Fleet {
        let root = match among {
            Among::Named(_) => None,
            Among::Tree(root) => Process::open(root).ok(),
        };
        Fleet {
            among,
            root,
            options: options.clone(),
            kept: Arc::new(Mutex::new(copy::Kept::unhurried())),
            members: BTreeMap::new(),
            passed_over: BTreeMap::new(),
        }
    }

    /// Lets go of who has ended, and takes in who has come. To be called before each round of looks.
    pub fn muster(&mut self) -> Turn {
        let mut turn = Turn::default();
        self.members.retain(|pid, member| {
            let stays = member.watch.is_same();
            if !stays {
                turn.left.push(*pid);
            }
            stays
        });
        let (pids, tree) = match &self.among {
            Among::Named(pids) => (pids.clone(), false),
            Among::Tree(_) if !self.has_root() => (Vec::new(), true),
            Among::Tree(root) => {
                let mut pids = vec![*root];
                pids.extend(find::descendants(*root));
                (pids, true)
            }
        };
        for pid in pids {
            if !self.members.contains_key(&pid) {
                self.consider(pid, tree, &mut turn);
            }
        }
        turn
    }

    fn consider(&mut self, pid: i32, tree: bool, turn: &mut Turn) {
        let process = match Process::open(pid) {
            Ok(process) => process,
            Err(why) => {
                // A process that is named and not there is told of once; one of a tree has just ended.
                if !tree && self.passed_over.insert(pid, (0, None)).is_none() {
                    turn.refused.push((pid, why.into()));
                }
                return;
            }
        };
        let identity = (process.start_time(), process.exe());
        if self.passed_over.get(&pid) == Some(&identity) {
            return;
        }
        match Watch::sharing(&Options { pid, ..self.options.clone() }, &self.kept) {
            Ok(watch) => {
                let command = process.cmdline().join(" ");
                self.members.insert(pid, Member { watch, command, role: inspect::role(&process) });
                self.passed_over.remove(&pid);
                turn.joined.push(pid);
            }
            Err(Error::Gone { .. } | Error::Changed { .. }) if tree => {}
            // A shell around a server, a helper program: no business of ours.
            Err(Error::NotPython { .. }) if tree && !is_young(&process) => {
                self.passed_over.insert(pid, identity);
            }
            Err(Error::NotPython { .. } | Error::UnknownLayout { .. }) if tree && is_young(&process) => {}
            Err(why) => {
                self.passed_over.insert(pid, identity);
                turn.refused.push((pid, why));
            }
        }
    }

    /// Is there nobody left, and will nobody come?
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.members.is_empty() && !self.has_root()
    }

    /// Is there a process whose descendants may join? One that has ended has none, even if its parent does not notice.
    fn has_root(&self) -> bool {
        self.root.as_ref().is_some_and(|root| {
            root.still_same() && (!matches!(root.state(), Ok(State::Zombie)) || !error::is_gone(root))
        })
    }

    /// As [`Watch::rest`], for all of them.
    pub fn rest(&mut self) {
        watch::lock(&self.kept).rest();
    }

    /// The members, by PID.
    pub fn members(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members.values_mut()
    }

    /// The member of this PID.
    pub fn member(&mut self, pid: i32) -> Option<&mut Member> {
        self.members.get_mut(&pid)
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Is nobody left?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

fn is_young(process: &Process) -> bool {
    let now = jiff::Timestamp::now().as_millisecond();
    process.started_ms().is_some_and(|at| now.saturating_sub(at) < YOUNG)
}
