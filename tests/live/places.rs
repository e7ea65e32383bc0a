//! Where the interpreter lies: a binary that is no more, another root, another mount namespace.

use std::path::Path;
use std::process::Command;

use super::support::*;

/// Does this process map a file of this folder?
fn maps(pid: u32, folder: &Path) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap().contains(folder.to_str().unwrap())
}

fn assert_read(target: &mut Target) {
    let truth = target.ask("tracked");
    assert_tracked(&target.look(&[]), &truth);
}

/// A copy of an interpreter in a folder of its own: the program, and libpython where it is a library.
fn copy_of(python: &Python, folder: &Path) -> Command {
    let real = std::fs::canonicalize(&python.path).unwrap();
    let program = folder.join("python");
    std::fs::copy(&real, &program).unwrap();
    let prefix = real.parent().unwrap().parent().unwrap();
    let mut command = Command::new(program);
    command.env("PYTHONHOME", prefix);
    if let Ok(entries) = std::fs::read_dir(prefix.join("lib")) {
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.starts_with("libpython") && name.contains(".so.1") {
                std::fs::copy(&path, folder.join(name)).unwrap();
                // Before whatever run path the program has.
                command.env("LD_PRELOAD", folder.join(name));
            }
        }
    }
    command.arg(fixture("heap.py")).arg("1000");
    command
}

#[test]
fn a_binary_that_was_deleted_since() {
    each_python(|python| {
        let folder = tempfile::tempdir().unwrap();
        let mut target = Target::run(copy_of(python, folder.path()));
        assert!(maps(target.pid, folder.path()));
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        assert_read(&mut target);
    });
}

#[test]
fn a_binary_that_was_replaced_since() {
    each_python(|python| {
        let folder = tempfile::tempdir().unwrap();
        let mut target = Target::run(copy_of(python, folder.path()));
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            // As a package manager does it: another file under the old name.
            let path = entry.unwrap().path();
            let other = path.with_extension("new");
            std::fs::copy("/bin/true", &other).unwrap();
            std::fs::rename(&other, &path).unwrap();
        }
        assert_read(&mut target);
    });
}

#[test]
fn another_root() {
    if !am_root() || !on_path("unshare") {
        skip("not root, or no unshare: other roots are not tested");
        return;
    }
    each_python(|python| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--",
                "sh",
                "-c",
                "mount --rbind / \"$1\" && exec chroot \"$1\" \"$2\" \"$3\" 1000",
                "sh",
            ])
            .arg(folder.path())
            .arg(&python.path)
            .arg(fixture("heap.py"));
        assert_read(&mut Target::run(command));
    });
}

#[test]
fn a_mount_namespace_whose_files_are_not_here() {
    if !am_root() || !on_path("unshare") {
        skip("not root, or no unshare: mount namespaces are not tested");
        return;
    }
    each_python(|python| {
        // The interpreter lies on a tmpfs that only the target's namespace has.
        let (stage, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let copied = copy_of(python, stage.path());
        let mut command = Command::new("unshare");
        for (name, value) in copied.get_envs() {
            if name == "LD_PRELOAD" {
                let file = Path::new(value.unwrap()).file_name().unwrap();
                command.env("LEAKSPY_PRELOAD", folder.path().join(file));
            } else {
                command.env(name, value.unwrap());
            }
        }
        let script = "mount -t tmpfs tmpfs \"$2\" && cp \"$1\"/* \"$2\" && rm \"$1\"/* && \
                      if [ -n \"$LEAKSPY_PRELOAD\" ]; then export LD_PRELOAD=\"$LEAKSPY_PRELOAD\"; fi && exec \"$2/python\" \"$3\" 1000";
        command
            .args(["--mount", "--", "sh", "-c", script, "sh"])
            .arg(stage.path())
            .arg(folder.path())
            .arg(fixture("heap.py"));
        let mut target = Target::run(command);
        assert!(!folder.path().join("python").exists());
        assert_read(&mut target);
    });
}

#[test]
fn a_pid_namespace() {
    if !am_root() || !on_path("unshare") {
        skip("not root, or no unshare: PID namespaces are not tested");
        return;
    }
    let python = pythons().last().expect("an interpreter");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]).arg(&python.path);
    command.arg(fixture("heap.py")).arg("1000");
    let mut target = Target::run(command);
    assert_eq!(target.ready["pid"], 1);
    let children = format!("/proc/{0}/task/{0}/children", target.started());
    target.pid = std::fs::read_to_string(children).unwrap().trim().parse().unwrap();
    assert_read(&mut target);
}
