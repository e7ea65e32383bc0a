//! Tells how much memory this process may still use before its container or host runs out. Enforces nothing.

use std::path::{Path, PathBuf};

/// At least so much is left to others.
const LEAST_RESERVE: u64 = 16 << 20;

/// v1 says "no limit" with a number near 2⁶³.
const UNLIMITED: u64 = 1 << 60;

/// What sets the smallest limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// A control group.
    Cgroup {
        /// Its directory, as it is mounted here.
        group: PathBuf,
        /// The file with the limit: `memory.max`, `memory.high`, `memory.limit_in_bytes`.
        file: &'static str,
        /// That limit, in bytes.
        bytes: u64,
    },
    /// What the host has left (`MemAvailable`).
    Host,
    /// `ulimit -v` of this process.
    AddressSpace {
        /// That limit, in bytes.
        bytes: u64,
    },
    /// Nothing could be learned.
    Unknown,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Limit::Cgroup { group, file, .. } => write!(f, "{file} of {}", group.display()),
            Limit::Host => write!(f, "what the host has left"),
            Limit::AddressSpace { .. } => write!(f, "ulimit -v"),
            Limit::Unknown => write!(f, "no limit that is known"),
        }
    }
}

/// How much memory this process may still use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// What may be used, in bytes: `available` less `reserve`.
    pub bytes: u64,
    /// What is left before the limit, in bytes; the inactive part of the file cache counts as left.
    pub available: u64,
    /// What is kept back for others, in bytes: 5 %, but at least 16 MiB.
    pub reserve: u64,
    /// Which limit it is.
    pub limit: Limit,
}

impl Budget {
    /// As of now.
    #[must_use]
    pub fn now() -> Budget {
        Budget::below(Path::new("/"))
    }

    /// As the files below `root` have it: `proc/…`, and the control groups where its `mountinfo` has them.
    #[must_use]
    pub fn below(root: &Path) -> Budget {
        let mut limits = cgroups(root);
        limits.extend(host(root));
        limits.extend(address_space(root));
        let (available, limit) = limits.into_iter().min_by_key(|(left, _)| *left).unwrap_or((u64::MAX, Limit::Unknown));
        let reserve = LEAST_RESERVE.max(available / 20);
        Budget { bytes: available.saturating_sub(reserve), available, reserve, limit }
    }
}

fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The number in a file; `None` for `max`.
fn number(path: &Path) -> Option<u64> {
    text(path)?.trim().parse().ok()
}

/// The number after `key` on a line of its own.
fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == key).then(|| words.next()?.parse().ok())?
    })
}

fn host(root: &Path) -> Option<(u64, Limit)> {
    let left = keyed(&text(&root.join("proc/meminfo"))?, "MemAvailable:")?;
    Some((left.saturating_mul(1024), Limit::Host))
}

fn address_space(root: &Path) -> Option<(u64, Limit)> {
    let limits = text(&root.join("proc/self/limits"))?;
    let line = limits.lines().find_map(|l| l.strip_prefix("Max address space"))?;
    let bytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    let used = keyed(&text(&root.join("proc/self/status"))?, "VmSize:")?.saturating_mul(1024);
    Some((bytes.saturating_sub(used), Limit::AddressSpace { bytes }))
}

/// One hierarchy of control groups that counts memory.
struct Hierarchy {
    mounted_at: PathBuf,
    /// Our group, at or below `mounted_at`.
    group: PathBuf,
    second: bool,
}

/// What the memory cgroup of a process uses, file cache included, and the smallest limit of it and those above it, in
/// bytes. `None` for what is not known; the limit is `None` too where there is none.
#[must_use]
pub fn cgroup_of(pid: i32) -> (Option<u64>, Option<u64>) {
    cgroup_below(Path::new("/"), &pid.to_string())
}

fn cgroup_below(root: &Path, process: &str) -> (Option<u64>, Option<u64>) {
    let mut used = None;
    let mut limit = None;
    for hierarchy in hierarchies(root, process) {
        let (usage, name) = if hierarchy.second {
            ("memory.current", "memory.max")
        } else {
            ("memory.usage_in_bytes", "memory.limit_in_bytes")
        };
        used = used.or_else(|| number(&hierarchy.group.join(usage)));
        for group in hierarchy.group.ancestors().take_while(|g| g.starts_with(&hierarchy.mounted_at)) {
            let here = number(&group.join(name)).filter(|n| *n < UNLIMITED);
            limit = limit.into_iter().chain(here).min();
        }
    }
    (used, limit)
}

/// What is left in our control group and in each one above it.
fn cgroups(root: &Path) -> Vec<(u64, Limit)> {
    let mut found = Vec::new();
    for hierarchy in hierarchies(root, "self") {
        for group in hierarchy.group.ancestors().take_while(|g| g.starts_with(&hierarchy.mounted_at)) {
            let stat = text(&group.join("memory.stat")).unwrap_or_default();
            let (usage, inactive, files): (_, _, &[&'static str]) = if hierarchy.second {
                ("memory.current", "inactive_file", &["memory.max", "memory.high"])
            } else {
                ("memory.usage_in_bytes", "total_inactive_file", &["memory.limit_in_bytes"])
            };
            let Some(used) = number(&group.join(usage)) else { continue };
            let used = used.saturating_sub(keyed(&stat, inactive).unwrap_or(0));
            let mut limits: Vec<(u64, &'static str)> =
                files.iter().filter_map(|f| Some((number(&group.join(f))?, *f))).collect();
            // In a container the groups above are not to be seen, but their limit stands here.
            limits.extend(keyed(&stat, "hierarchical_memory_limit").map(|n| (n, "memory.limit_in_bytes")));
            for (bytes, file) in limits.into_iter().filter(|(n, _)| *n < UNLIMITED) {
                let limit = Limit::Cgroup { group: group.to_owned(), file, bytes };
                found.push((bytes.saturating_sub(used), limit));
            }
        }
    }
    found
}

/// The hierarchies that count the memory of a process, which is `self` or a PID.
fn hierarchies(root: &Path, process: &str) -> Vec<Hierarchy> {
    let groups_of = |process: &str| text(&root.join("proc").join(process).join("cgroup")).unwrap_or_default();
    let groups = groups_of(process);
    // Our own group is what is mounted here, however it is called.
    let ours = process == "self" || groups == groups_of("self");
    let mounts = text(&root.join("proc/self/mountinfo")).unwrap_or_default();
    let group_of = |second: bool| {
        groups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            let ours = if second {
                id == "0" && controllers.is_empty()
            } else {
                controllers.split(',').any(|c| c == "memory")
            };
            ours.then_some(path)
        })
    };
    let mut found = Vec::new();
    for line in mounts.lines() {
        // id parent major:minor root mountpoint options [optional…] - type source options
        let Some((head, tail)) = line.split_once(" - ") else { continue };
        let mut tail = tail.split(' ');
        let (kind, options) = (tail.next().unwrap_or_default(), tail.nth(1).unwrap_or_default());
        let second = match kind {
            "cgroup2" => true,
            "cgroup" if options.split(',').any(|o| o == "memory") => false,
            _ => continue,
        };
        let mut head = head.split(' ').skip(3);
        let (Some(mount_root), Some(mounted_at), Some(path)) = (head.next(), head.next(), group_of(second)) else {
            continue;
        };
        let mounted_at = root.join(unescape(mounted_at).trim_start_matches('/'));
        let below = Path::new(path).strip_prefix(unescape(mount_root)).ok();
        // A group outside of what is mounted here shows as `/../…`.
        let below = below.filter(|b| b.components().all(|c| matches!(c, std::path::Component::Normal(_))));
        let group = below.map(|b| mounted_at.join(b)).filter(|group| group.exists());
        // Another's group that is not to be seen from here is not ours.
        let Some(group) = group.or_else(|| ours.then(|| mounted_at.clone())) else { continue };
        found.push(Hierarchy { mounted_at, group, second });
    }
    found
}

/// Undoes the octal escapes of `mountinfo`.
fn unescape(path: &str) -> String {
    path.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

/// A size that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a size; write 64MiB, 512K, 1.5G or a number of bytes")]
pub struct SizeError {
    /// What was written.
    pub text: String,
}

/// A number of bytes as people write it: `123`, `64MiB`, `64M`, `1.5g`. K, M, G, T are powers of 1024, with or without
/// `iB` or `B`.
///
/// # Errors
/// When it is not a size, or larger than 2⁶⁴.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let error = || SizeError { text: text.to_owned() };
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at_checked(digits).ok_or_else(error)?;
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(error()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().map_err(|_| error())?;
    let bytes = whole.checked_mul(1 << shift).ok_or_else(error)?;
    if fraction.is_empty() {
        return if number.ends_with('.') { Err(error()) } else { Ok(bytes) };
    }
    let part: f64 = format!("0.{fraction}").parse().map_err(|_| error())?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2⁴⁰ and not negative")]
    let part = (part * (1u64 << shift) as f64) as u64;
    bytes.checked_add(part).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A made-up tree of files.
    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(available_mib: u64) -> Tree {
            let tree = Tree(tempfile::tempdir().expect("a directory"));
            tree.file("proc/meminfo", &format!("MemTotal: 9 kB\nMemAvailable:   {} kB\n", available_mib * 1024));
            tree.file(
                "proc/self/limits",
                "Max address space         unlimited            unlimited            bytes\n",
            );
            tree
        }

        fn file(&self, path: &str, content: &str) {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().expect("below the root")).expect("made");
            std::fs::write(path, content).expect("written");
        }

        fn budget(&self) -> Budget {
            Budget::below(self.0.path())
        }
    }

    #[test]
    fn the_host_alone() {
        let budget = Tree::new(1000).budget();
        assert_eq!(budget.limit, Limit::Host);
        assert_eq!((budget.available, budget.bytes), (1000 * MIB, 950 * MIB));
        assert_eq!(Tree::new(10).budget().bytes, 0);
    }

    #[test]
    fn a_parent_group_may_be_the_smallest() {
        let tree = Tree::new(100_000);
        tree.file("proc/self/cgroup", "0::/pods/one\n");
        tree.file("proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
        tree.file("sys/fs/cgroup/pods/one/memory.max", "max\n");
        tree.file("sys/fs/cgroup/pods/one/memory.high", &format!("{}\n", 900 * MIB));
        tree.file("sys/fs/cgroup/pods/one/memory.current", &format!("{}\n", 100 * MIB));
        tree.file("sys/fs/cgroup/pods/memory.max", &format!("{}\n", 1000 * MIB));
        tree.file("sys/fs/cgroup/pods/memory.current", &format!("{}\n", 700 * MIB));
        tree.file("sys/fs/cgroup/pods/memory.stat", &format!("anon 5\ninactive_file {}\n", 100 * MIB));
        let budget = tree.budget();
        assert_eq!(budget.available, 400 * MIB);
        assert!(matches!(&budget.limit, Limit::Cgroup { group, file: "memory.max", .. } if group.ends_with("pods")));
        tree.file("sys/fs/cgroup/pods/one/memory.current", &format!("{}\n", 850 * MIB));
        let budget = tree.budget();
        assert_eq!(budget.available, 50 * MIB);
        assert!(matches!(budget.limit, Limit::Cgroup { file: "memory.high", .. }));
    }

    #[test]
    fn a_container_of_the_first_version() {
        let tree = Tree::new(100_000);
        tree.file("proc/self/cgroup", "5:cpu,cpuacct:/docker/ab\n4:memory:/docker/ab\n");
        tree.file(
            "proc/self/mountinfo",
            "40 30 0:30 /docker/ab /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n\
             41 30 0:31 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
        );
        tree.file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        tree.file("sys/fs/cgroup/memory/memory.usage_in_bytes", &format!("{}\n", 300 * MIB));
        tree.file(
            "sys/fs/cgroup/memory/memory.stat",
            &format!("total_inactive_file {}\nhierarchical_memory_limit {}\n", 50 * MIB, 512 * MIB),
        );
        let budget = tree.budget();
        assert_eq!(budget.available, 262 * MIB);
        assert_eq!(budget.limit.to_string().split(' ').next(), Some("memory.limit_in_bytes"));
    }

    #[test]
    fn the_group_of_another_container_is_not_ours() {
        let tree = Tree::new(100_000);
        tree.file("proc/self/cgroup", "0::/\n");
        tree.file("proc/7/cgroup", "0::/\n");
        tree.file("proc/8/cgroup", "0::/../other\n");
        tree.file("proc/9/cgroup", "0::/gone\n");
        tree.file("proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n");
        tree.file("sys/fs/cgroup/memory.max", "1000\n");
        tree.file("sys/fs/cgroup/memory.current", "10\n");
        let of = |pid: &str| cgroup_below(tree.0.path(), pid);
        assert_eq!((of("7"), of("8"), of("9")), ((Some(10), Some(1000)), (None, None), (None, None)));
    }

    #[test]
    fn ulimit_counts_too() {
        let tree = Tree::new(100_000);
        tree.file(
            "proc/self/limits",
            &format!("Max address space         {}            unlimited            bytes\n", 200 * MIB),
        );
        tree.file("proc/self/status", "Name: x\nVmSize:\t  102400 kB\n");
        let budget = tree.budget();
        assert_eq!((budget.available, budget.limit), (100 * MIB, Limit::AddressSpace { bytes: 200 * MIB }));
    }

    #[test]
    fn nothing_known_and_now() {
        let empty = tempfile::tempdir().expect("a directory");
        assert_eq!(Budget::below(empty.path()).limit, Limit::Unknown);
        assert!(Budget::now().available > 0);
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("123", 123),
            ("64MiB", 64 * MIB),
            ("64M", 64 * MIB),
            ("64mb", 64 * MIB),
            ("1g", 1 << 30),
            ("1.5G", 3 << 29),
            (" 2 KiB ", 2048),
            ("0", 0),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "-1", "1x", "1.", "1..2M", "99999999999999999999", "17179869184T", "٣"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
