//! `leakspy snapshot`: a heap into a file, for every analysis later or elsewhere.

use std::fs;
use std::path::Path;

use crate::capture::Values;
use crate::cli::args::SnapshotArgs;
use crate::cli::output::Destination;
use crate::cli::source::{self, Opened};
use crate::cli::{Exit, Failure, Refusal, Ui};
use crate::report::number::{counted, iec};
use crate::snapshot::{self, Error, Written};

/// Runs it.
///
/// # Errors
/// Why there is no file; what stood in its place then still does.
pub fn run(args: &SnapshotArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    let to = Destination::of(Some(&args.file))?;
    if to == Destination::Stdout && ui.pour().is_none() {
        let refusal = Refusal::new(Exit::Usage, "cannot write the snapshot", "standard output is a terminal");
        return Err(refusal.help("give --output a file, or standard output a pipe").into());
    }
    let opened = source::comparable(&args.source, "snapshot", Values::All, ui)?;
    opened.tell(ui);
    let written = save(&opened, &to, ui).map_err(|e| failure(e, &args.file))?;

    let place = if to == Destination::Stdout { "standard output".into() } else { args.file.display().to_string() };
    ui.say(&format!(
        "wrote {place}: {}, {}, {}",
        iec(written.bytes),
        counted(written.objects, "object"),
        counted(written.references, "reference")
    ));
    Ok(Exit::Done)
}

fn save(opened: &Opened, to: &Destination, ui: &mut Ui) -> Result<Written, Error> {
    let Opened { heap, capture, .. } = opened;
    let out = if *to == Destination::Stdout { ui.pour() } else { None };
    ui.working("writing the snapshot", || match (to, out) {
        (Destination::File(path), _) => snapshot::save(path, heap, capture),
        (Destination::Device(path), _) => {
            let device = fs::OpenOptions::new().write(true).open(path).map_err(Error::Unwritable)?;
            snapshot::write(device, heap, capture)
        }
        (Destination::Stdout, Some(out)) => snapshot::write(out, heap, capture),
        (Destination::Stdout, None) => Err(Error::Unwritable(std::io::ErrorKind::Unsupported.into())),
    })
}

fn failure(error: Error, path: &Path) -> Failure {
    match error {
        Error::Unwritable(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Failure::Pipe,
        other => Refusal::new(Exit::Usage, format!("cannot write {}", path.display()), other.to_string()).into(),
    }
}
