//! `top` without a screen: a block, a line of JSON or rows of CSV after each round of looks.

use std::collections::BTreeSet;

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
    // Rounds in which nobody could be looked at, and whose last look failed.
    let mut blind = 0;
    let mut failing = BTreeSet::new();
    let done = |rounds: u64| args.iterations.is_some_and(|most| rounds >= most);
    while let Ok(news) = wires.news.recv() {
        let event = match news {
            News::Event(event) => event,
            News::Blind(refusal) => {
                blind += 1;
                match state.board.rounds {
                    0 if done(blind) => return Err(refusal.into()),
                    seen if done(seen + blind) => return Ok(Exit::Partial),
                    _ => continue,
                }
            }
            News::Over => break,
            _ => continue,
        };
        let round = matches!(event, Event::Round(_));
        match &event {
            Event::Left(pid) if state.board.member(*pid).is_some_and(|member| !member.ended) => {
                ui.say(&format!("process {pid} ended"));
            }
            // Once, however often it fails.
            Event::Failed(pid, why) if failing.insert(*pid) => ui.warn(&format!("process {pid}: {why}")),
            Event::Saw(glance) => _ = failing.remove(&glance.pid),
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
        if done(state.board.rounds + blind) {
            return Ok(if blind == 0 { Exit::Done } else { Exit::Partial });
        }
    }
    Ok(Exit::Gone)
}
