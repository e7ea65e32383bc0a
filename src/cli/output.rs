//! Where an answer goes: standard output, or a file that appears all at once.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::cli::{Exit, Failure, Refusal, Ui};

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file, replaced in one step once the answer is complete.
    File(PathBuf),
    /// A device or pipe, which can only be written to as it is.
    Device(PathBuf),
}

/// Where answers go that come one after the other: a file is replaced by the first of them in one step and grows by the
/// others, so that it is as whole as the stream whenever somebody reads it.
#[derive(Debug)]
pub struct Stream {
    to: Destination,
    begun: bool,
}

impl Stream {
    /// As [`Destination::of`].
    ///
    /// # Errors
    /// What cannot be written to, and why.
    pub fn of(path: Option<&Path>) -> Result<Stream, Refusal> {
        Ok(Stream { to: Destination::of(path)?, begun: false })
    }

    /// Where the next one goes.
    #[must_use]
    pub fn to(&self) -> &Destination {
        &self.to
    }

    /// Gives one out.
    ///
    /// # Errors
    /// As [`Ui::deliver`].
    pub fn deliver(&mut self, data: &[u8], ui: &mut Ui) -> Result<(), Failure> {
        match &self.to {
            Destination::File(path) if self.begun => add(path, data).map_err(unwritten),
            to => {
                self.begun = true;
                ui.deliver(to, data)
            }
        }
    }
}

impl Destination {
    /// The destination that `--output` names, checked before any process is disturbed for an answer that nothing could
    /// take. `-` is standard output.
    ///
    /// # Errors
    /// What cannot be written to, and why.
    pub fn of(path: Option<&Path>) -> Result<Destination, Refusal> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else { return Ok(Destination::Stdout) };
        let refused = |why: String| {
            Refusal::new(Exit::Usage, format!("cannot write to {}", path.display()), why)
                .help("give --output a file in a directory that you may write to")
        };
        // A link stays a link: what it points to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => return Err(refused("it is a directory".to_owned())),
            Ok(found) if !found.is_file() => return Ok(Destination::Device(path)),
            _ => {}
        }
        access(folder(&path), AccessFlags::W_OK | AccessFlags::X_OK)
            .map_err(|e| refused(format!("its directory: {}", e.desc())))?;
        Ok(Destination::File(path))
    }

    /// Writes all of `data` to a file or device; standard output is the [`Ui`]'s.
    ///
    /// # Errors
    /// What the file system says; a file that is replaced is then as it was before.
    pub fn write(&self, data: &[u8]) -> io::Result<()> {
        match self {
            Destination::Stdout => Ok(()),
            Destination::Device(path) => fs::OpenOptions::new().write(true).open(path)?.write_all(data),
            Destination::File(path) => {
                let mode = fs::metadata(path).map_or(0o666, |found| found.permissions().mode() & 0o777);
                let mut file = tempfile::Builder::new()
                    .prefix(".leakspy-")
                    .permissions(Permissions::from_mode(mode))
                    .tempfile_in(folder(path))?;
                file.write_all(data)?;
                file.persist(path)?;
                Ok(())
            }
        }
    }
}

fn add(path: &Path, data: &[u8]) -> io::Result<()> {
    fs::OpenOptions::new().append(true).create(true).open(path)?.write_all(data)
}

/// Why an answer was not written: [`Failure::Pipe`] where nobody reads any more.
pub fn unwritten(why: io::Error) -> Failure {
    match why.kind() {
        io::ErrorKind::BrokenPipe => Failure::Pipe,
        _ => Refusal::new(Exit::Usage, "cannot write the answer", why.to_string()).into(),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("answer.json");
        let to = Destination::of(Some(&path)).expect("a new file");
        to.write(b"first").expect("written");
        to.write(b"second").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"second");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_link_and_a_device_stay_what_they_are() {
        let folder = tempfile::tempdir().expect("a directory");
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").expect("written");
        std::os::unix::fs::symlink(&real, &link).expect("linked");
        Destination::of(Some(&link)).expect("a file").write(b"new").expect("written");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read(&real).expect("there"), b"new");

        let null = Destination::of(Some(Path::new("/dev/null"))).expect("a device");
        assert_eq!(null, Destination::Device("/dev/null".into()));
    }

    #[test]
    fn what_cannot_be_written_is_said_before_the_look() {
        for path in ["/", "/no/such/folder/answer"] {
            let refusal = Destination::of(Some(Path::new(path))).expect_err(path);
            assert_eq!(refusal.exit, Exit::Usage);
        }
        assert_eq!(Destination::of(Some(Path::new("-"))), Ok(Destination::Stdout));
    }
}
