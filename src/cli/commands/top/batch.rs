//! `top` without a screen: a block, a line of JSON or rows of CSV after each round of looks.

use super::{News, Wires};
use crate::cli::args::{Format, TopArgs};
use crate::cli::output::Stream;
use crate::cli::{Exit, Failure, Refusal, Ui};
use crate::report::{csv, json, table};
use crate::tui::{Event, State};

/// Runs until so many looks were printed, until all processes have ended, or until nobody reads any more.
pub(super) fn run(
    args: &TopArgs,
    mut state: State,
    wires: &Wires,
    together: bool,
    mut to: Stream,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let format = args.output.format();
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
        let shown = args.rows.limit(format).unwrap_or(state.rows.len()).min(state.rows.len());
        let (rows, hidden) = state.rows.split_at(shown);
        let mut data = Vec::new();
        match format {
            Format::Table => {
                table::top(&mut data, &state.board, rows, hidden.len(), state.sorted_by(), ui.look(to.to()))
            }
            Format::Json => json::top(&mut data, &state.board, rows, together),
            Format::Csv => csv::top(&mut data, &state.board, rows),
        }
        .map_err(Refusal::of_rendering)?;
        to.deliver(&data, ui)?;
        if args.iterations.is_some_and(|most| state.board.rounds >= most) {
            return Ok(Exit::Done);
        }
    }
    Ok(Exit::Gone)
}
