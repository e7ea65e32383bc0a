//! Tells whether the kernel lets us look into a process and, where it does not, which of its gates is shut. Words of
//! advice stand elsewhere: here are the facts.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{Process, ProcessError, Stat, State, Status, Tracer, threads, tracer};
use crate::memory::live::Live;
use crate::memory::{FaultKind, Memory as _};

/// `CAP_SYS_PTRACE` as a bit of `CapEff`.
const CAP_SYS_PTRACE: u64 = 1 << 19;

/// The inodes of the first PID and user namespace (`PROC_PID_INIT_INO`, `PROC_USER_INIT_INO`).
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;
const FIRST_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

/// What stands between us and the memory of a process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Gate {
    /// It is gone.
    #[error("process {pid} is gone")]
    Gone {
        /// The process.
        pid: i32,
    },
    /// A zombie or a kernel thread.
    #[error("process {pid} has no memory")]
    NoMemory {
        /// The process.
        pid: i32,
    },
    /// It belongs to another user, and we are not root.
    #[error("process {pid} belongs to user {owner}, and we are user {ours}")]
    OtherUser {
        /// The process.
        pid: i32,
        /// Its effective user.
        owner: u32,
        /// Ours.
        ours: u32,
    },
    /// Yama allows it to ancestors only (1), to holders of `CAP_SYS_PTRACE` (2), or to nobody until the next boot (3).
    #[error("kernel.yama.ptrace_scope is {scope}, which keeps us out of process {pid}")]
    Yama {
        /// The process.
        pid: i32,
        /// The value of `/proc/sys/kernel/yama/ptrace_scope`.
        scope: u8,
        /// Our effective user.
        ours: u32,
    },
    /// We are root, or the same user, but it has capabilities that we lack.
    #[error("process {pid} needs CAP_SYS_PTRACE to look into, which we (user {ours}) do not have")]
    Capability {
        /// The process.
        pid: i32,
        /// Its effective user.
        owner: u32,
        /// Ours.
        ours: u32,
        /// Are we in a container?
        contained: bool,
    },
    /// It lives outside our user namespace, where our capabilities count for nothing.
    #[error("process {pid} is outside our user namespace, where our rights count for nothing")]
    UserNamespace {
        /// The process.
        pid: i32,
        /// Our effective user, inside.
        ours: u32,
    },
    /// It changed its user after it was started, or asked for it: its own user may not look into it any more.
    #[error("process {pid} of user {owner} is marked as not dumpable, so that only root may look into it")]
    NotDumpable {
        /// The process.
        pid: i32,
        /// Its effective user.
        owner: u32,
    },
    /// A filter on our own system calls, such as a container's default profile.
    #[error("a seccomp filter on leakspy itself keeps it from looking into process {pid}")]
    Seccomp {
        /// The process.
        pid: i32,
        /// Are we in a container?
        contained: bool,
    },
    /// A debugger or tracer holds it: it can be read but not stopped by us.
    #[error("process {pid} is traced by {} ({})", .tracer.pid, if .tracer.name.is_empty() { "not visible from here" } else { .tracer.name.as_str() })]
    Traced {
        /// The process.
        pid: i32,
        /// Who traces it.
        tracer: Tracer,
    },
    /// It is us, or our own thread: nobody traces himself.
    #[error("process {pid} is leakspy itself")]
    Ourselves {
        /// The process.
        pid: i32,
    },
    /// Refused for a reason that is not visible from here; a security module is likely.
    #[error("the kernel does not let us (user {ours}) look into process {pid} of user {owner}, and does not tell why; a security module{} may be at work", .module.as_ref().map(|m| format!(" ({m})")).unwrap_or_default())]
    Unknown {
        /// The process.
        pid: i32,
        /// Its effective user.
        owner: u32,
        /// Ours.
        ours: u32,
        /// The label that a security module gave us, if any.
        module: Option<String>,
    },
}

impl Gate {
    /// The process that it is about.
    #[must_use]
    pub fn pid(&self) -> i32 {
        match self {
            Gate::Gone { pid }
            | Gate::NoMemory { pid }
            | Gate::OtherUser { pid, .. }
            | Gate::Yama { pid, .. }
            | Gate::Capability { pid, .. }
            | Gate::UserNamespace { pid, .. }
            | Gate::NotDumpable { pid, .. }
            | Gate::Seccomp { pid, .. }
            | Gate::Traced { pid, .. }
            | Gate::Ourselves { pid }
            | Gate::Unknown { pid, .. } => *pid,
        }
    }
}

/// What decides about access, gathered from `/proc`.
#[derive(Debug, Clone, Copy)]
struct Facts {
    /// Real, effective, saved user of the target.
    theirs: [u32; 3],
    /// Do the files in `/proc/PID` belong to its user?
    dumpable: bool,
    /// `CapPrm` of the target.
    their_caps: u64,
    our_user: u32,
    /// `CapEff` and `CapPrm` of ours.
    our_effective: u64,
    our_permitted: u64,
    /// Are we in another user namespace than the first one?
    inner_user_namespace: bool,
    /// Is the target's user one that our user namespace cannot name?
    nameless_user: bool,
    yama: Option<u8>,
    /// Is the target a descendant of ours?
    descendant: bool,
    seccomp: bool,
    contained: bool,
}

/// Why reading was refused.
///
/// It is deduced from what `/proc` shows, in the order in which the kernel asks; call it after a refusal, since it always
/// names a gate.
#[must_use]
pub fn diagnose(pid: i32) -> Gate {
    let Ok(stat) = Stat::read(pid) else { return Gate::Gone { pid } };
    if stat.is_kernel_thread || (stat.state == State::Zombie && threads(pid).is_ok_and(|t| t.len() < 2)) {
        return Gate::NoMemory { pid };
    }
    let Ok(status) = Status::read(&format!("/proc/{pid}/status")) else { return Gate::Gone { pid } };
    let Ok(own) = Status::read("/proc/self/status") else {
        return Gate::Unknown { pid, owner: status.uids()[1], ours: u32::MAX, module: None };
    };
    let [real, effective, saved, _] = status.uids();
    let here = Surroundings::new();
    let overflow = number(Path::new("/proc/sys/kernel/overflowuid")).unwrap_or(65_534);
    // The directory itself always shows the effective user; the files in it show root's where it is not dumpable.
    let owner = std::fs::metadata(format!("/proc/{pid}/stat")).map(|m| m.uid());
    let facts = Facts {
        theirs: [real, effective, saved],
        dumpable: owner.is_ok_and(|o| o == effective),
        their_caps: status.bits("CapPrm:").unwrap_or(0),
        our_user: own.uids()[1],
        our_effective: own.bits("CapEff:").unwrap_or(0),
        our_permitted: own.bits("CapPrm:").unwrap_or(0),
        inner_user_namespace: here.inner_user_namespace,
        nameless_user: here.inner_user_namespace && [real, effective, saved].contains(&overflow),
        yama: yama_scope(),
        descendant: is_descendant(pid),
        seccomp: own.number("Seccomp:") == Some(2),
        contained: here.is_container(),
    };
    decide(pid, facts)
}

/// Why stopping (`PTRACE_SEIZE`) was refused: as [`diagnose`], but a tracer or ourselves come first.
#[must_use]
pub fn diagnose_stopping(pid: i32) -> Gate {
    if u32::try_from(pid) == Ok(std::process::id()) {
        return Gate::Ourselves { pid };
    }
    let tids = threads(pid).unwrap_or_default();
    match tids.into_iter().find_map(tracer) {
        Some(tracer) => Gate::Traced { pid, tracer },
        None => diagnose(pid),
    }
}

fn decide(pid: i32, f: Facts) -> Gate {
    let owner = f.theirs[1];
    let ours = f.our_user;
    let contained = f.contained;
    let same_user = f.theirs.iter().all(|u| *u == ours);
    let capable = f.our_effective & CAP_SYS_PTRACE != 0;
    if f.yama == Some(3) {
        return Gate::Yama { pid, scope: 3, ours };
    }
    if capable {
        // In its own user namespace, or one below ours, this capability opens everything.
        return if f.seccomp && !f.nameless_user {
            Gate::Seccomp { pid, contained }
        } else if f.inner_user_namespace {
            Gate::UserNamespace { pid, ours }
        } else {
            unknown(pid, owner, ours)
        };
    }
    if f.nameless_user {
        return Gate::UserNamespace { pid, ours };
    }
    if !same_user {
        return if ours == 0 {
            Gate::Capability { pid, owner, ours, contained }
        } else {
            Gate::OtherUser { pid, owner, ours }
        };
    }
    if !f.dumpable {
        return Gate::NotDumpable { pid, owner };
    }
    if f.their_caps & !f.our_permitted != 0 {
        return Gate::Capability { pid, owner, ours, contained };
    }
    match f.yama {
        Some(scope @ 2) => return Gate::Yama { pid, scope, ours },
        Some(scope @ 1) if !f.descendant => return Gate::Yama { pid, scope, ours },
        _ => {}
    }
    if f.seccomp {
        return Gate::Seccomp { pid, contained };
    }
    if f.inner_user_namespace {
        return Gate::UserNamespace { pid, ours };
    }
    if ours == 0 {
        return Gate::Capability { pid, owner, ours, contained };
    }
    unknown(pid, owner, ours)
}

fn unknown(pid: i32, owner: u32, ours: u32) -> Gate {
    let label = std::fs::read_to_string("/proc/self/attr/current").ok();
    let module = label.map(|l| l.trim_end_matches(['\0', '\n']).to_owned()).filter(|l| !l.is_empty());
    Gate::Unknown { pid, owner, ours, module }
}

/// May we read its memory? Reads one byte of it, without stopping it.
///
/// # Errors
/// The gate that is shut.
pub fn check(pid: i32) -> Result<(), Gate> {
    let regions = Process::open(pid).and_then(|p| p.regions()).map_err(|e| match e {
        ProcessError::Refused(gate) => gate,
        ProcessError::Zombie { pid, .. } | ProcessError::KernelThread { pid, .. } => Gate::NoMemory { pid },
        ProcessError::Io { .. } => diagnose(pid),
        _ => Gate::Gone { pid },
    })?;
    let live = Live::new(pid);
    // Some mappings (devices, pages past the end of a file) cannot be read by anyone.
    for region in regions.iter().filter(|r| r.read && !r.name.starts_with("[v")).take(32) {
        match live.read(region.range.start, &mut [0]) {
            Ok(()) => return Ok(()),
            Err(fault) => match fault.kind {
                FaultKind::Denied => return Err(diagnose(pid)),
                FaultKind::Gone => return Err(Gate::Gone { pid }),
                FaultKind::Unmapped | FaultKind::Short => {}
            },
        }
    }
    Err(diagnose(pid))
}

/// The value of `kernel.yama.ptrace_scope`; `None` where the kernel has no Yama.
#[must_use]
pub fn yama_scope() -> Option<u8> {
    number(Path::new("/proc/sys/kernel/yama/ptrace_scope")).and_then(|n| u8::try_from(n).ok())
}

/// Where this process runs, for advice that fits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Not the first PID namespace of the machine.
    pub inner_pid_namespace: bool,
    /// Not the first user namespace of the machine.
    pub inner_user_namespace: bool,
    /// The container's maker, where it left a trace: `docker`, `podman`, `kubernetes`, `containerd`, `lxc`.
    pub container: Option<&'static str>,
}

impl Surroundings {
    /// Ours.
    #[must_use]
    pub fn new() -> Self {
        let inode =
            |name: &str, first: u64| std::fs::metadata(format!("/proc/self/ns/{name}")).is_ok_and(|m| m.ino() != first);
        let mut here = Self::at(Path::new("/"));
        here.inner_pid_namespace = inode("pid", FIRST_PID_NAMESPACE);
        here.inner_user_namespace = inode("user", FIRST_USER_NAMESPACE);
        if here.container.is_none() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
            here.container = Some("kubernetes");
        }
        here
    }

    /// The traces that container makers leave below `root`.
    fn at(root: &Path) -> Self {
        let cgroup = std::fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        let container = if cgroup.contains("kubepods") || root.join("var/run/secrets/kubernetes.io").exists() {
            Some("kubernetes")
        } else if root.join(".dockerenv").exists() || cgroup.contains("docker") {
            Some("docker")
        } else if root.join("run/.containerenv").exists() || cgroup.contains("libpod") {
            Some("podman")
        } else if cgroup.contains("containerd") {
            Some("containerd")
        } else if cgroup.contains("/lxc") {
            Some("lxc")
        } else {
            None
        };
        Surroundings { container, ..Self::default() }
    }

    /// Does this look like a container?
    #[must_use]
    pub fn is_container(&self) -> bool {
        self.container.is_some() || self.inner_pid_namespace
    }
}

/// Is the process a child of ours, or a child's child?
fn is_descendant(pid: i32) -> bool {
    let own = std::process::id();
    let mut at = pid;
    for _ in 0..1024 {
        match Stat::read(at) {
            Ok(s) if u32::try_from(s.parent) == Ok(own) => return true,
            Ok(s) if s.parent > 1 => at = s.parent,
            _ => return false,
        }
    }
    false
}

fn number(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The name of a user, where `/etc/passwd` has it.
#[must_use]
pub fn user_name(uid: u32) -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            theirs: [1000; 3],
            dumpable: true,
            their_caps: 0,
            our_user: 1000,
            our_effective: 0,
            our_permitted: 0,
            inner_user_namespace: false,
            nameless_user: false,
            yama: None,
            descendant: false,
            seccomp: false,
            contained: false,
        }
    }

    #[test]
    fn each_gate_by_its_facts() {
        type Expected = fn(&Gate) -> bool;
        let cases: [(Facts, Expected); 10] = [
            (Facts { theirs: [0; 3], ..facts() }, |g| matches!(g, Gate::OtherUser { owner: 0, ours: 1000, .. })),
            (Facts { our_user: 0, ..facts() }, |g| matches!(g, Gate::Capability { owner: 1000, ours: 0, .. })),
            (Facts { their_caps: 1, ..facts() }, |g| matches!(g, Gate::Capability { .. })),
            (Facts { dumpable: false, ..facts() }, |g| matches!(g, Gate::NotDumpable { .. })),
            (Facts { yama: Some(1), ..facts() }, |g| matches!(g, Gate::Yama { scope: 1, .. })),
            (Facts { yama: Some(3), our_effective: !0, ..facts() }, |g| matches!(g, Gate::Yama { scope: 3, .. })),
            (Facts { seccomp: true, yama: Some(1), descendant: true, ..facts() }, |g| {
                matches!(g, Gate::Seccomp { .. })
            }),
            (Facts { our_effective: !0, seccomp: true, ..facts() }, |g| matches!(g, Gate::Seccomp { .. })),
            (
                Facts { our_user: 0, our_effective: !0, inner_user_namespace: true, nameless_user: true, ..facts() },
                |g| matches!(g, Gate::UserNamespace { .. }),
            ),
            (facts(), |g| matches!(g, Gate::Unknown { .. })),
        ];
        for (facts, expected) in cases {
            let gate = decide(1, facts);
            assert!(expected(&gate), "{facts:?} gave {gate:?}");
        }
    }

    #[test]
    fn a_child_may_be_read() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        let pid = i32::try_from(child.id()).expect("a pid fits");
        assert_eq!(check(pid), Ok(()));
        assert!(is_descendant(pid));
        child.kill().expect("killed");
        child.wait().expect("waited");
        assert_eq!(check(pid), Err(Gate::Gone { pid }));
        assert!(matches!(diagnose_stopping(i32::try_from(std::process::id()).unwrap_or(0)), Gate::Ourselves { .. }));
    }

    #[test]
    fn containers_leave_traces() {
        let root = tempfile::tempdir().expect("a directory");
        assert_eq!(Surroundings::at(root.path()), Surroundings::default());
        std::fs::write(root.path().join(".dockerenv"), "").expect("written");
        assert_eq!(Surroundings::at(root.path()).container, Some("docker"));
        assert_eq!(user_name(0).as_deref(), Some("root"));
    }
}
