//! `leakspy growth`: what grew between looks at one process, or since it was forked.

mod series;
mod since_fork;

use crate::analysis::Threshold;
use crate::analysis::comparison::Changed;
use crate::analysis::threshold::Extent;
use crate::cli::args::{Format, GrowthArgs};
use crate::cli::output::Stream;
use crate::cli::{Exit, Failure, Refusal, Ui, choice, threshold};
use crate::heap::Capture;
use crate::report::json::Crossed;

/// Runs it.
///
/// # Errors
/// Why there is no answer, or no further one.
pub fn run(args: &GrowthArgs, ui: &mut Ui) -> Result<Exit, Failure> {
    check(args)?;
    let to = Stream::of(args.output.file.as_deref())?;
    if args.since_fork { since_fork::run(args, to, ui) } else { series::run(args, to, ui) }
}

fn check(args: &GrowthArgs) -> Result<(), Refusal> {
    let refused = |wanted: &str, why: &str| Err(Refusal::new(Exit::Usage, wanted, why));
    if args.source.snapshot.is_some() {
        let source = choice::same_source(&args.source);
        return refused(
            "cannot tell what grew in a file",
            "growth looks at a process twice, and a file stays as it is",
        )
        .map_err(|refusal| refusal.help("leakspy diff A B   (compares files)").help(format!("leakspy types{source}")));
    }
    if args.paths.is_some() && args.output.format() == Format::Csv {
        return refused("cannot write holders as CSV", "its rows are types, with no place for a path")
            .map_err(|refusal| refusal.help("--json, or the table"));
    }
    if let Some(limit) = args.fail_on.iter().find(|limit| limit.extent == Extent::New && !args.since_fork) {
        return refused(
            &format!("cannot hold {} against anything", limit.text),
            "new objects are told apart by a fork alone",
        )
        .map_err(|refusal| refusal.help("--since-fork, or count and bytes for growth"));
    }
    Ok(())
}

/// Limits that were crossed, in words and for programs.
#[derive(Default)]
struct Verdict {
    words: Vec<String>,
    crossed: Vec<Crossed>,
    /// Types that were named and of which there is none.
    unmet: Vec<String>,
}

impl Verdict {
    /// Holds every type, changed or not, against the limits; `since` is what growth is measured from.
    fn of(limits: &[Threshold], all: &[Changed], since: &str) -> Verdict {
        let mut verdict = Verdict::default();
        for limit in limits {
            let measured = limit.measure(all);
            if measured.types == 0 {
                verdict.unmet.push(format!("{} names no type that is there: it cannot be crossed", limit.text));
            } else if limit.is_crossed(measured) {
                verdict.words.push(threshold::crossed(limit, measured, since));
                verdict.crossed.push(Crossed { limit: limit.text.clone(), value: measured.value });
            }
        }
        verdict
    }

    fn exit(&self) -> Exit {
        if self.crossed.is_empty() { Exit::Done } else { Exit::Threshold }
    }

    /// Says at the end what was crossed, or could not be.
    fn tell(&self, ui: &mut Ui) {
        self.unmet.iter().for_each(|unmet| ui.warn(unmet));
        self.words.iter().for_each(|words| ui.say(words));
    }
}

/// Warnings of looks, each said once.
#[derive(Default)]
struct Warned(Vec<String>);

impl Warned {
    fn tell(&mut self, capture: &Capture, ui: &mut Ui) {
        for warning in &capture.warnings {
            if !self.0.contains(warning) {
                ui.warn(warning);
                self.0.push(warning.clone());
            }
        }
    }
}
