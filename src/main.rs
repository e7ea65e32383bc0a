//! The `leakspy` command: parse → run → exit code. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use leakspy::cli::{self, Args, Exit, Failure, Ui};

fn main() -> ExitCode {
    cli::interrupt::end_with_exit_code();
    cli::interrupt::stop_between_freezes();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(usage) => return Ui::usage(&usage).into(),
    };
    let mut ui = Ui::new(&args.voice);
    let exit = match cli::run(&args, &mut ui) {
        Ok(exit) => exit,
        // Who closed the pipe has seen enough: `leakspy types … | head` is no error.
        Err(Failure::Pipe) => Exit::Done,
        Err(Failure::Refused(refusal)) => {
            ui.refuse(&refusal);
            refusal.exit
        }
    };
    exit.into()
}
