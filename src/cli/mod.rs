//! The command line: what was typed → a look at a process → bytes on standard output and an exit code. Analyses nothing.

pub mod args;
pub mod choice;
pub mod commands;
pub mod exit;
pub mod failure;
pub mod hints;
pub mod interrupt;
pub mod output;
pub mod pause;
pub mod quantity;
pub mod source;
pub mod threshold;
pub mod ui;

pub use args::Args;
pub use exit::Exit;
pub use failure::{Failure, Refusal};
pub use ui::Ui;

/// Runs the command that was typed.
///
/// # Errors
/// Why it could not do what it was asked.
pub fn run(args: &Args, ui: &mut Ui) -> Result<Exit, Failure> {
    match &args.command {
        args::Command::Types(args) => commands::types::run(args, ui),
        args::Command::Top(args) => commands::top::run(args, ui),
        args::Command::Ps(args) => commands::ps::run(args, ui),
        args::Command::Info(args) => commands::info::run(args, ui),
        args::Command::Growth(args) => commands::growth::run(args, ui),
        args::Command::Snapshot(args) => commands::snapshot::run(args, ui),
        args::Command::Diff(args) => commands::diff::run(args, ui),
        args::Command::Find(args) => commands::find::run(args, ui),
        args::Command::Show(args) => commands::show::run(args, ui),
        args::Command::Referrers(args) => commands::referrers::run(args, ui),
        args::Command::Paths(args) => commands::paths::run(args, ui),
        args::Command::Record(args) => commands::record::run(args, ui),
        args::Command::Plot(args) => commands::plot::run(args, ui),
        args::Command::Audit(args) => commands::audit::run(args, ui),
    }
}
