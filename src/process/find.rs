//! Lists the processes that may be Python's, and which part each plays in a server. Whether one *is* Python is asked of
//! the caller: only names are known here.

use std::collections::HashMap;
use std::path::PathBuf;

use super::access::{self, Gate};
use super::{Process, ProcessError, Stat, State};
use crate::memory::Regions;

/// A process that runs Python, or that looks like it and may not be looked into.
#[derive(Debug, Clone)]
pub struct Candidate<T> {
    /// The process.
    pub process: Process,
    /// Its parent.
    pub parent: i32,
    /// Its effective user.
    pub uid: u32,
    /// Its short name.
    pub comm: String,
    /// Its arguments, or its title as the first one.
    pub cmdline: Vec<String>,
    /// The program it runs, where we may know.
    pub exe: Option<PathBuf>,
    /// Its resident memory, in bytes.
    pub rss_bytes: u64,
    /// Its part in a server.
    pub role: Option<Role>,
    /// What the look into it gave.
    pub look: Look<T>,
}

/// What the look into a process gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<T> {
    /// It is Python; what the caller learned of it.
    Python(T),
    /// It looks like Python by its name, and we may not look into it.
    Refused(Gate),
}

/// The part that a process plays in a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Role {
    /// `uwsgi`, `gunicorn`, `celery`, `multiprocessing`, or `forked` where only that can be told.
    pub server: &'static str,
    /// `master`, `worker`, `router` (http), `mule`, `spooler`, `scheduler`, `tracker`.
    pub part: &'static str,
}

/// All processes that are Python by `is_python`, and those that look like it but are closed to us; ascending by PID.
/// Our own is left out.
pub fn candidates<T>(is_python: impl Fn(&Process, &Regions) -> Option<T>) -> Vec<Candidate<T>> {
    let mut found = Vec::new();
    let mut lines: HashMap<i32, Vec<String>> = HashMap::new();
    for pid in pids() {
        if u32::try_from(pid) == Ok(std::process::id()) {
            continue;
        }
        let Ok(process) = Process::open(pid) else { continue };
        let Some(look) = look(&process, &is_python) else { continue };
        let (Ok(parent), Ok(uid)) = (process.parent(), process.uid()) else { continue };
        let cmdline = process.cmdline();
        lines.insert(pid, cmdline.clone());
        let (comm, exe, rss_bytes) = (process.comm(), process.exe(), process.rss_bytes());
        found.push(Candidate { process, parent, uid, comm, cmdline, exe, rss_bytes, role: None, look });
    }
    for candidate in &mut found {
        candidate.role = role(&candidate.cmdline, lines.get(&candidate.parent).map(Vec::as_slice));
    }
    found
}

fn look<T>(process: &Process, is_python: &impl Fn(&Process, &Regions) -> Option<T>) -> Option<Look<T>> {
    match process.regions() {
        Ok(regions) => match is_python(process, &regions) {
            Some(python) => Some(Look::Python(python)),
            // The map may be readable where the memory is not.
            None if looks_like_python(process) || regions.iter().any(|r| r.name.contains("/libpython")) => {
                access::check(process.pid()).err().filter(is_shut).map(Look::Refused)
            }
            None => None,
        },
        Err(ProcessError::Refused(gate)) if is_shut(&gate) && looks_like_python(process) => Some(Look::Refused(gate)),
        Err(_) => None,
    }
}

/// Is it a gate, and not the end of the process?
fn is_shut(gate: &Gate) -> bool {
    !matches!(gate, Gate::Gone { .. } | Gate::NoMemory { .. } | Gate::Ourselves { .. })
}

/// Does it look like Python from outside: by its program, its name or its arguments?
#[must_use]
pub fn looks_like_python(process: &Process) -> bool {
    let exe = process.exe();
    let exe = exe.as_deref().and_then(|e| e.file_name()).and_then(|n| n.to_str());
    let cmdline = process.cmdline();
    let first = cmdline.first().map(|a| base_name(first_word(a)));
    let comm = process.comm();
    // A script's interpreter stands first, the script second.
    let second = cmdline.get(1).map(|a| base_name(a)).filter(|_| exe.is_none_or(is_python_name));
    [exe, Some(comm.as_str()), first, second].into_iter().flatten().any(is_python_name)
        || cmdline.first().is_some_and(|title| server_by_title(title).is_some())
}

fn is_python_name(name: &str) -> bool {
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    let python = name.strip_prefix("python").is_some_and(|rest| rest.chars().all(|c| "0123456789.dmtu-bg".contains(c)));
    python || ["pypy", "uwsgi", "gunicorn", "celery"].iter().any(|s| name.to_ascii_lowercase().starts_with(s))
}

/// The part of a server that a process with these arguments plays, whose parent (if it is Python too) has those.
///
/// The http router of a uWSGI without `--auto-procname` looks like its workers and is called one.
#[must_use]
pub fn role(cmdline: &[String], parent: Option<&[String]>) -> Option<Role> {
    let title = cmdline.first().map(String::as_str).unwrap_or_default();
    if let Some(role) = server_by_title(title) {
        return Some(role);
    }
    let server = server_by_arguments(cmdline);
    let parents = parent.and_then(|p| {
        server_by_title(p.first().map(String::as_str).unwrap_or_default()).map(|r| r.server).or(server_by_arguments(p))
    });
    if let Some(server) = server {
        if server == "celery" && cmdline.iter().any(|a| a == "beat") {
            return Some(Role { server, part: "scheduler" });
        }
        return Some(Role { server, part: if parents == Some(server) { "worker" } else { "master" } });
    }
    if let Some(code) = cmdline.iter().find(|a| a.contains("multiprocessing.")) {
        let tracker = code.contains("resource_tracker") || code.contains("semaphore_tracker");
        let part = if tracker {
            "tracker"
        } else if code.contains("forkserver") {
            "master"
        } else {
            "worker"
        };
        let forked = parent == Some(cmdline) && part == "master";
        return Some(Role { server: "multiprocessing", part: if forked { "worker" } else { part } });
    }
    // A fork shows the arguments of its parent; by whom it was made cannot be told.
    (!cmdline.is_empty() && parent == Some(cmdline)).then_some(Role { server: "forked", part: "worker" })
}

/// Titles that servers give themselves: `uWSGI worker 1`, `gunicorn: master [app]`,
/// `[celeryd: celery@host:ForkPoolWorker-1]`.
fn server_by_title(title: &str) -> Option<Role> {
    let part_of = |words: &[(&str, &'static str)], text: &str| {
        words.iter().find(|(word, _)| text.starts_with(word)).map(|(_, part)| *part)
    };
    if let Some((_, rest)) = title.split_once("uWSGI ") {
        let parts = [
            ("master", "master"),
            ("worker", "worker"),
            ("http", "router"),
            ("fastrouter", "router"),
            ("rawrouter", "router"),
            ("sslrouter", "router"),
            ("mule", "mule"),
            ("spooler", "spooler"),
        ];
        return part_of(&parts, rest).map(|part| Role { server: "uwsgi", part });
    }
    if let Some(rest) = title.strip_prefix("gunicorn: ") {
        let parts = [("master", "master"), ("arbiter", "master"), ("worker", "worker")];
        return part_of(&parts, rest).map(|part| Role { server: "gunicorn", part });
    }
    if let Some(rest) = title.strip_prefix("[celery") {
        let part = if rest.contains("MainProcess") {
            "master"
        } else if rest.starts_with(" beat") || rest.contains(" beat]") {
            "scheduler"
        } else {
            "worker"
        };
        return Some(Role { server: "celery", part });
    }
    None
}

/// `…/uwsgi --http …`, `python3 …/gunicorn app`, `python3 -m celery -A app worker`.
fn server_by_arguments(cmdline: &[String]) -> Option<&'static str> {
    let program = cmdline.first().map(|a| base_name(a))?;
    let script = if is_python_name(program) && program.starts_with("py") {
        // What follows the interpreter's own options.
        let mut rest = cmdline.iter().skip(1);
        loop {
            match rest.next()?.as_str() {
                "-m" => break base_name(rest.next()?),
                "-c" => return None,
                "-W" | "-X" => {
                    rest.next();
                }
                option if option.starts_with('-') => {}
                script => break base_name(script),
            }
        }
    } else {
        program
    };
    ["uwsgi", "gunicorn", "celery"].into_iter().find(|server| script.starts_with(server))
}

fn base_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn first_word(text: &str) -> &str {
    text.split_ascii_whitespace().next().unwrap_or_default().trim_end_matches(':')
}

/// All processes that `/proc` shows, ascending.
#[must_use]
pub fn pids() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    let mut pids: Vec<i32> = entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids
}

/// The children of a process, ascending; zombies are left out.
#[must_use]
pub fn children(pid: i32) -> Vec<i32> {
    family().remove(&pid).unwrap_or_default()
}

/// Its children, their children and so on, nearest first: where a shell wraps a program, the program is one of them.
#[must_use]
pub fn descendants(pid: i32) -> Vec<i32> {
    let family = family();
    let mut found: Vec<i32> = Vec::new();
    let mut seen = std::collections::HashSet::from([pid]);
    let mut next = vec![pid];
    while !next.is_empty() {
        let below: Vec<i32> = next.iter().filter_map(|p| family.get(p)).flatten().copied().collect();
        // PIDs may be given anew while the list is read, so that even a circle is possible.
        next = below.into_iter().filter(|p| seen.insert(*p)).collect();
        found.extend(&next);
    }
    found
}

/// Children by parent.
fn family() -> HashMap<i32, Vec<i32>> {
    let mut family: HashMap<i32, Vec<i32>> = HashMap::new();
    for pid in pids() {
        if let Ok(stat) = Stat::read(pid)
            && stat.state != State::Zombie
        {
            family.entry(stat.parent).or_default().push(pid);
        }
    }
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn part(line: &str, parent: Option<&str>) -> Option<(&'static str, &'static str)> {
        let parent = parent.map(args);
        role(&args(line), parent.as_deref()).map(|r| (r.server, r.part))
    }

    #[test]
    fn servers_by_their_arguments() {
        let uwsgi = "/usr/bin/uwsgi --http :80 --master";
        assert_eq!(part(uwsgi, None), Some(("uwsgi", "master")));
        assert_eq!(part(uwsgi, Some(uwsgi)), Some(("uwsgi", "worker")));
        let gunicorn = "/v/bin/python -Xdev -W error /v/bin/gunicorn -w 4 app:app";
        assert_eq!(part(gunicorn, Some("bash")), Some(("gunicorn", "master")));
        assert_eq!(part(gunicorn, Some(gunicorn)), Some(("gunicorn", "worker")));
        assert_eq!(part("python3 -m celery -A app worker", None), Some(("celery", "master")));
        assert_eq!(part("python3 -m celery -A app beat", None), Some(("celery", "scheduler")));
        assert_eq!(part("python3 app.py celery", None), None);
        assert_eq!(part("python3 app.py", Some("python3 app.py")), Some(("forked", "worker")));
        let spawned = ["python3", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5)"];
        let spawned: Vec<String> = spawned.map(str::to_owned).to_vec();
        assert_eq!(role(&spawned, None), Some(Role { server: "multiprocessing", part: "worker" }));
        let server = ["python3", "-c", "from multiprocessing.forkserver import main; main(6, 7)"].map(str::to_owned);
        assert_eq!(role(&server, None), Some(Role { server: "multiprocessing", part: "master" }));
        assert_eq!(role(&server, Some(&server)), Some(Role { server: "multiprocessing", part: "worker" }));
    }

    #[test]
    fn servers_by_their_titles() {
        let title = |t: &str| role(&[t.to_owned()], None).map(|r| (r.server, r.part));
        assert_eq!(title("uWSGI worker 3"), Some(("uwsgi", "worker")));
        assert_eq!(title("uWSGI http 1"), Some(("uwsgi", "router")));
        assert_eq!(title("gunicorn: master [app:app]"), Some(("gunicorn", "master")));
        assert_eq!(title("[celeryd: celery@h:ForkPoolWorker-1]"), Some(("celery", "worker")));
        assert_eq!(title("[celeryd: celery@h:MainProcess] -active- (worker)"), Some(("celery", "master")));
    }

    #[test]
    fn pythons_by_name() {
        for name in ["python", "python3", "python3.13t", "python2.7-dbg", "uwsgi-core", "gunicorn", "celery"] {
            assert!(is_python_name(name), "{name}");
        }
        for name in ["pythonista", "bash", "py-spy", ""] {
            assert!(!is_python_name(name), "{name}");
        }
    }

    #[test]
    fn a_shells_child_is_found() {
        let mut shell = std::process::Command::new("sh").args(["-c", "sleep 60; true"]).spawn().expect("sh");
        let pid = i32::try_from(shell.id()).expect("a pid fits");
        let own = i32::try_from(std::process::id()).expect("a pid fits");
        let began = std::time::Instant::now();
        let child = loop {
            assert!(began.elapsed().as_secs() < 10);
            if let Some(child) = children(pid).first() {
                break *child;
            }
        };
        assert!(descendants(own).contains(&child));
        let found = candidates(|p, regions| (p.pid() == pid && regions.iter().len() > 0).then_some(7));
        let found = found.iter().find(|c| c.process.pid() == pid).expect("the shell is said to be Python");
        assert_eq!((found.parent, &found.look), (own, &Look::Python(7)));
        shell.kill().expect("killed");
        shell.wait().expect("waited");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(child), nix::sys::signal::Signal::SIGKILL).expect("killed");
    }
}
