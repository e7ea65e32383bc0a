//! For a look that was refused: the smallest key that opens the gate in this place. The only file that knows container
//! flags; which gate it was, and why, says [`Gate`].

use crate::cli::Exit;
use crate::process::access::{Gate, Surroundings};

const DOCKER: &str = "docker run --cap-add SYS_PTRACE …, and leakspy as root in that container";
const KUBERNETES: &str =
    "shareProcessNamespace: true in the pod, and securityContext.capabilities.add: [SYS_PTRACE] in leakspy's container";

/// Where leakspy runs; the same gate has another key in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On a machine, virtual or not.
    Host,
    /// In a container of docker, podman or their like.
    Container,
    /// In a pod.
    Kubernetes,
}

impl Place {
    /// Where this process runs.
    #[must_use]
    pub fn here() -> Place {
        let here = Surroundings::new();
        match here.container {
            Some("kubernetes") => Place::Kubernetes,
            _ if here.is_container() => Place::Container,
            _ => Place::Host,
        }
    }

    /// How CAP_SYS_PTRACE comes to leakspy here.
    fn capability(self, again: &str) -> String {
        match self {
            Place::Host => format!("sudo {again}\n(in a systemd unit: AmbientCapabilities=CAP_SYS_PTRACE)"),
            Place::Container => DOCKER.to_owned(),
            Place::Kubernetes => KUBERNETES.to_owned(),
        }
    }
}

/// Some words for a table: what is shut.
#[must_use]
pub fn short(gate: &Gate) -> String {
    match gate {
        Gate::Gone { .. } => "gone".to_owned(),
        Gate::NoMemory { .. } => "no memory".to_owned(),
        Gate::OtherUser { owner, .. } => format!("other user ({owner})"),
        Gate::Yama { scope, .. } => format!("ptrace_scope {scope}"),
        Gate::Capability { .. } => "no CAP_SYS_PTRACE".to_owned(),
        Gate::UserNamespace { .. } => "user namespace".to_owned(),
        Gate::NotDumpable { .. } => "not dumpable".to_owned(),
        Gate::Seccomp { .. } => "seccomp".to_owned(),
        Gate::Traced { tracer, .. } => format!("traced by {} ({})", tracer.name, tracer.pid),
        Gate::Ourselves { .. } => "leakspy itself".to_owned(),
        Gate::Unknown { .. } => "refused".to_owned(),
    }
}

/// What a shut gate is to a script.
#[must_use]
pub fn exit(gate: &Gate) -> Exit {
    match gate {
        Gate::Gone { .. } => Exit::Gone,
        Gate::NoMemory { .. } | Gate::Ourselves { .. } => Exit::NotPython,
        _ => Exit::Denied,
    }
}

/// The smallest thing that opens the gate, one way a line; `again` is the command to repeat.
#[must_use]
pub fn key(gate: &Gate, place: Place, again: &str) -> String {
    match (gate, place) {
        (Gate::Gone { .. } | Gate::NoMemory { .. } | Gate::Ourselves { .. }, _) => {
            "leakspy ps   (lists the Python processes here)".to_owned()
        }
        (Gate::OtherUser { owner, .. }, Place::Host) => format!("sudo {again}   (or as uid {owner} itself)"),
        (Gate::OtherUser { owner, .. }, Place::Container) => {
            format!("docker exec --user {owner} CONTAINER {again}   (or root with --cap-add SYS_PTRACE; as uid {owner} nothing is needed)")
        }
        (Gate::OtherUser { owner, .. }, Place::Kubernetes) => {
            format!("securityContext.runAsUser: {owner} in leakspy's container")
        }
        (Gate::Yama { scope: 3.., .. }, _) => {
            "nothing opens this before the next boot; then set kernel.yama.ptrace_scope to 2 or less".to_owned()
        }
        (Gate::Yama { ours: 1.., .. }, Place::Host) => {
            format!("sudo {again}\nor for all: sudo sysctl kernel.yama.ptrace_scope=0")
        }
        (Gate::UserNamespace { .. }, _) => {
            "sudo leakspy ps   (on the host, outside of this container: the process has another PID there)".to_owned()
        }
        (Gate::Yama { ours: 0, .. } | Gate::Capability { ours: 0, .. } | Gate::Unknown { ours: 0, .. }, Place::Host) => {
            "start leakspy with CAP_SYS_PTRACE, which root lacks here\n(in a systemd unit: name it in CapabilityBoundingSet= and AmbientCapabilities=)".to_owned()
        }
        (Gate::NotDumpable { .. }, Place::Host) => format!("sudo {again}"),
        (Gate::Seccomp { .. }, Place::Host) => format!("outside of the sandbox that leakspy runs in: {again}"),
        (Gate::Seccomp { .. }, Place::Container) => {
            format!(
                "{DOCKER}: docker's own profile then lets it through\nwith a profile of your own: --security-opt seccomp=PROFILE.json that allows ptrace and process_vm_readv"
            )
        }
        (Gate::Seccomp { .. }, Place::Kubernetes) => {
            format!("{KUBERNETES}, and a seccompProfile that allows ptrace and process_vm_readv")
        }
        (Gate::Traced { tracer, .. }, _) => {
            format!("{again} --nonblocking\nor end the tracer first (process {})", tracer.pid)
        }
        (Gate::Yama { .. } | Gate::Capability { .. } | Gate::NotDumpable { .. } | Gate::Unknown { .. }, _) => {
            place.capability(again)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Tracer;

    const AGAIN: &str = "leakspy types --pid 7";

    #[test]
    fn the_key_fits_the_place() {
        let gate = Gate::Capability { pid: 7, owner: 0, ours: 0, contained: true };
        assert!(!key(&gate, Place::Host, AGAIN).contains("sudo"), "root gains nothing from sudo");
        assert!(key(&gate, Place::Container, AGAIN).contains("--cap-add SYS_PTRACE"));
        assert!(key(&gate, Place::Kubernetes, AGAIN).contains("shareProcessNamespace: true"));
        let gate = Gate::OtherUser { pid: 7, owner: 33, ours: 1000 };
        assert!(key(&gate, Place::Host, AGAIN).starts_with("sudo leakspy types --pid 7 "));
        assert!(key(&gate, Place::Container, AGAIN).contains("--user 33"));
        let gate = Gate::Seccomp { pid: 7, contained: true };
        assert!(key(&gate, Place::Container, AGAIN).contains("--security-opt seccomp="));
    }

    #[test]
    fn yama_opens_with_root_or_a_setting_but_3_stays_shut() {
        let yama = |scope, ours| Gate::Yama { pid: 7, scope, ours };
        assert!(key(&yama(1, 1000), Place::Host, AGAIN).contains("sudo sysctl kernel.yama.ptrace_scope=0"));
        assert!(key(&yama(1, 0), Place::Container, AGAIN).contains("--cap-add SYS_PTRACE"));
        assert!(key(&yama(3, 0), Place::Host, AGAIN).contains("before the next boot"));
    }

    #[test]
    fn another_tracer_is_named() {
        let gate = Gate::Traced { pid: 7, tracer: Tracer { pid: 99, name: "strace".into() } };
        assert_eq!(short(&gate), "traced by strace (99)");
        assert!(key(&gate, Place::Host, AGAIN).starts_with("leakspy types --pid 7 --nonblocking"));
    }

    #[test]
    fn only_a_refusal_is_a_refusal() {
        assert_eq!(exit(&Gate::Gone { pid: 7 }), Exit::Gone);
        assert_eq!(exit(&Gate::NoMemory { pid: 7 }), Exit::NotPython);
        assert_eq!(exit(&Gate::NotDumpable { pid: 7, owner: 33 }), Exit::Denied);
    }
}
