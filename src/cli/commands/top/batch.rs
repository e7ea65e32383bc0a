//! `top` without a terminal: a block or a line of JSON after each round of looks.

use super::{News, Wires};
use crate::cli::args::TopArgs;
use crate::cli::output::Destination;
use crate::cli::{Exit, Failure, Refusal, Ui};
use crate::report::{json, table};
use crate::tui::{Event, State};

/// Runs until so many looks were printed, until all processes have ended, or until nobody reads any more.
pub(super) fn run(
    args: &TopArgs,
    mut state: State,
    wires: &Wires,
    together: bool,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let to = Destination::Stdout;
    while let Ok(news) = wires.news.recv() {
        let event = match news {
            News::Event(event) => event,
            News::Over => break,
            _ => continue,
        };
        let round = matches!(event, Event::Round(_));
        match &event {
            Event::Left(pid) if state.board.member(*pid).is_some_and(|member| !member.ended) => {
                ui.say(&format!("process {pid} ended"));
            }
            Event::Failed(pid, why) => ui.warn(&format!("process {pid}: {why}")),
            _ => {}
        }
        let _ = state.on(event);
        if !round {
            continue;
        }
        let shown = args.rows().unwrap_or(state.rows.len()).min(state.rows.len());
        let (rows, hidden) = state.rows.split_at(shown);
        let mut data = Vec::new();
        if args.json {
            json::top(&mut data, &state.board, rows, together)
        } else {
            table::top(&mut data, &state.board, rows, hidden.len(), state.sorted_by(), ui.look(&to))
        }
        .map_err(Refusal::of_rendering)?;
        ui.deliver(&to, &data)?;
        if args.iterations.is_some_and(|most| state.board.rounds >= most) {
            return Ok(Exit::Done);
        }
    }
    Ok(Exit::Gone)
}
