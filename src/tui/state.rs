//! Events (looks, keys, answers) → what is known and shown, and what is wished for in return. Knows no terminal, no process and
//! no clock.

use std::time::Duration;

use regex::{Regex, RegexBuilder};

use crate::analysis::{Board, Glance, Paths, Subject, Tempo, Trend, TrendSort, trend};
use crate::report::text::visible;

/// Rows that a page key moves by.
const PAGE: usize = 10;

/// Intervals that `+` and `-` step through, in milliseconds.
const INTERVALS: [u64; 10] = [250, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 300_000];

/// A filter larger than this when compiled is refused: it is typed by hand.
const FILTER_BYTES: usize = 1 << 20;

/// The orders, by the digit that picks them.
pub(super) const SORTS: [(TrendSort, &str); 6] = [
    (TrendSort::Growth, "growth"),
    (TrendSort::Since, "bytes since the baseline"),
    (TrendSort::Last, "bytes since the last look"),
    (TrendSort::Bytes, "bytes"),
    (TrendSort::Count, "count"),
    (TrendSort::Type, "type"),
];

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Key {
    Char(char),
    Enter,
    Escape,
    Backspace,
    Tab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
    /// Ctrl-L.
    Redraw,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A process is watched from now on.
    Joined(Subject),
    /// A process ended, or runs another program now.
    Left(i32),
    /// A process was looked at.
    Saw(Box<Glance>),
    /// A process could not be looked at this time, or not at all: why.
    Failed(i32, String),
    /// All processes were looked at.
    Round(Tempo),
    /// A key was pressed.
    Key(Key),
    /// It was found out who holds objects.
    Answered(Box<Answer>),
}

/// Who holds the objects of a type, or why that is not known.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The number of the question.
    pub ticket: u64,
    /// What was found, or why nothing was; raw text.
    pub outcome: Result<Findings, String>,
}

/// Who holds the objects of a type.
#[derive(Debug, Clone)]
pub struct Findings {
    /// The ways to them.
    pub paths: Paths,
    /// The address of one object of each way.
    pub examples: Vec<String>,
    /// For how long the process was held still to find out, in milliseconds.
    pub pause_ms: f64,
}

/// What is to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Leave.
    Quit,
    /// Leave, as on an interrupt.
    Interrupt,
    /// Stop, as on Ctrl-Z.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Look now.
    Refresh,
    /// Look this often.
    Interval(Duration),
    /// Do not look; or look again.
    Pause(bool),
    /// Find out who holds the objects of this type in this process.
    Holders {
        /// The number of the question.
        ticket: u64,
        /// The process.
        pid: i32,
        /// The type's name.
        of: String,
    },
    /// No answer to any question is wanted any more.
    Forget,
}

/// What fills the screen below the header.
#[derive(Debug, Clone)]
pub enum View {
    /// The types.
    Table,
    /// Who holds the objects of one type.
    Detail(Box<Detail>),
    /// What the keys and columns mean; and what was shown before.
    Help(Box<View>),
}

/// The question of who holds the objects of a type.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The type's name; raw text of the target.
    pub of: String,
    /// The process.
    pub pid: i32,
    /// The answer, once it is there.
    pub answer: Option<Result<Findings, String>>,
    /// Lines that are scrolled past.
    pub scroll: usize,
    ticket: u64,
}

/// A filter that is being typed.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// As typed so far.
    pub text: String,
    /// Does it make no regular expression as it stands?
    pub bad: bool,
    before: Option<Regex>,
}

/// What is known and shown.
#[derive(Debug, Clone)]
pub struct State {
    /// The processes.
    pub board: Board,
    /// What fills the screen.
    pub view: View,
    /// The types, sorted and filtered.
    pub rows: Vec<Trend>,
    /// How many types there are.
    pub types: usize,
    /// The filter that is being typed.
    pub edit: Option<Edit>,
    /// The filter.
    pub filter: Option<Regex>,
    /// The order.
    pub sort: TrendSort,
    /// The process whose types are shown; `None` for all together.
    pub focus: Option<i32>,
    /// Are looks put off?
    pub paused: bool,
    /// May colours, bold and dim text be used?
    pub colour: bool,
    /// Something to be told once.
    pub notice: Option<String>,
    selected: Option<String>,
    wanted: Duration,
    ticket: u64,
}

impl State {
    /// Nothing is known yet. `wanted` is the interval that was asked for.
    #[must_use]
    pub fn new(wanted: Duration, sort: TrendSort, filter: Option<Regex>, colour: bool) -> State {
        State {
            board: Board::default(),
            view: View::Table,
            rows: Vec::new(),
            types: 0,
            edit: None,
            filter,
            sort,
            focus: None,
            paused: false,
            colour,
            notice: None,
            selected: None,
            wanted,
            ticket: 0,
        }
    }

    /// Takes in what happened.
    pub fn on(&mut self, event: Event) -> Option<Wish> {
        match event {
            Event::Joined(subject) => self.board.joined(subject),
            Event::Left(pid) => {
                self.board.left(pid);
                self.arrange();
            }
            Event::Saw(glance) => self.board.saw(&glance),
            Event::Failed(pid, why) => {
                self.notice = Some(format!("process {pid}: {why}"));
                self.board.failed(pid, why);
            }
            Event::Round(tempo) => {
                self.board.round(tempo);
                self.arrange();
            }
            Event::Answered(answer) => self.answered(*answer),
            Event::Key(key) => return self.key(key),
        }
        None
    }

    /// The place of the selected row.
    #[must_use]
    pub fn cursor(&self) -> usize {
        let selected = self.selected.as_deref();
        selected.and_then(|name| self.rows.iter().position(|row| row.name == name)).unwrap_or(0)
    }

    /// What the order is called.
    #[must_use]
    pub fn sorted_by(&self) -> &'static str {
        SORTS.iter().find(|(sort, _)| *sort == self.sort).map_or("", |(_, name)| name)
    }

    fn arrange(&mut self) {
        if self.focus.is_some_and(|pid| self.board.member(pid).is_none()) {
            self.focus = None;
        }
        let mut rows = self.board.types(self.focus);
        self.types = rows.len();
        if let Some(filter) = &self.filter {
            rows.retain(|row| filter.is_match(&row.name));
        }
        trend::order(&mut rows, self.sort);
        self.rows = rows;
    }

    fn answered(&mut self, answer: Answer) {
        let view = match &mut self.view {
            View::Help(before) => &mut **before,
            view => view,
        };
        if let View::Detail(detail) = view
            && detail.ticket == answer.ticket
        {
            detail.answer = Some(answer.outcome);
        }
    }

    fn key(&mut self, key: Key) -> Option<Wish> {
        match key {
            Key::Interrupt => return Some(Wish::Interrupt),
            Key::Suspend => return Some(Wish::Suspend),
            Key::Redraw => return Some(Wish::Redraw),
            _ => {}
        }
        if self.edit.is_some() {
            self.type_filter(key);
            return None;
        }
        self.notice = None;
        if key == Key::Char('q') {
            return Some(Wish::Quit);
        }
        match &mut self.view {
            View::Help(before) => {
                self.view = std::mem::replace(&mut **before, View::Table);
                None
            }
            View::Detail(_) => self.detail_key(key),
            View::Table => self.table_key(key),
        }
    }

    /// Keys that mean the same over the table and over the detail.
    fn common_key(&mut self, key: Key) -> Option<Wish> {
        match key {
            Key::Char('?' | 'h') => {
                let before = std::mem::replace(&mut self.view, View::Table);
                self.view = View::Help(Box::new(before));
                None
            }
            // What ended stays as it was seen last.
            _ if self.board.is_over() => None,
            Key::Char('p' | ' ') => {
                self.paused = !self.paused;
                Some(Wish::Pause(self.paused))
            }
            Key::Char('b' | 'r') => {
                self.board.rebase();
                self.arrange();
                self.notice = Some("the last look is the baseline now".to_owned());
                None
            }
            Key::Char('u') => {
                self.notice = Some("looking".to_owned());
                Some(Wish::Refresh)
            }
            Key::Char('+' | '=') => self.step(|now| INTERVALS.iter().copied().find(|ms| *ms > now)),
            Key::Char('-') => self.step(|now| INTERVALS.iter().rev().copied().find(|ms| *ms < now)),
            _ => None,
        }
    }

    fn step(&mut self, to: impl Fn(u64) -> Option<u64>) -> Option<Wish> {
        let now = u64::try_from(self.wanted.as_millis()).unwrap_or(u64::MAX);
        self.wanted = Duration::from_millis(to(now)?);
        self.notice = Some(format!("a look every {}, from the next one on", super::number::interval(self.wanted)));
        Some(Wish::Interval(self.wanted))
    }

    fn table_key(&mut self, key: Key) -> Option<Wish> {
        let last = self.rows.len().saturating_sub(1);
        match key {
            Key::Down | Key::Char('j') => self.select(self.cursor().saturating_add(1).min(last)),
            Key::Up | Key::Char('k') => self.select(self.cursor().saturating_sub(1)),
            Key::PageDown => self.select(self.cursor().saturating_add(PAGE).min(last)),
            Key::PageUp => self.select(self.cursor().saturating_sub(PAGE)),
            Key::End | Key::Char('G') => self.select(last),
            // From here on whoever comes first is selected.
            Key::Home | Key::Char('g') => self.selected = None,
            Key::Char('s' | '>') | Key::Right => self.resort(1),
            Key::Char('S' | '<') | Key::Left => self.resort(SORTS.len().saturating_sub(1)),
            Key::Char(digit @ '1'..='6') => {
                let place = digit.to_digit(10).map_or(0, |digit| digit as usize).saturating_sub(1);
                self.sort = SORTS.get(place).map_or(self.sort, |(sort, _)| *sort);
                self.arrange();
            }
            Key::Char('/') => {
                let text = self.filter.as_ref().map(|filter| filter.as_str().to_owned()).unwrap_or_default();
                self.edit = Some(Edit { text, bad: false, before: self.filter.clone() });
            }
            Key::Escape => {
                self.filter = None;
                self.arrange();
            }
            Key::Tab => self.next_focus(),
            Key::Enter => return self.ask(),
            _ => return self.common_key(key),
        }
        None
    }

    fn detail_key(&mut self, key: Key) -> Option<Wish> {
        let View::Detail(detail) = &mut self.view else { return None };
        match key {
            Key::Escape | Key::Backspace | Key::Left => {
                self.view = View::Table;
                self.ticket = self.ticket.saturating_add(1);
                return Some(Wish::Forget);
            }
            Key::Enter => {
                let of = detail.of.clone();
                return self.ask_for(of);
            }
            Key::Down | Key::Char('j') => detail.scroll = detail.scroll.saturating_add(1),
            Key::Up | Key::Char('k') => detail.scroll = detail.scroll.saturating_sub(1),
            Key::PageDown => detail.scroll = detail.scroll.saturating_add(PAGE),
            Key::PageUp => detail.scroll = detail.scroll.saturating_sub(PAGE),
            Key::Home | Key::Char('g') => detail.scroll = 0,
            _ => return self.common_key(key),
        }
        // Not past what can ever be there; the picture stops at its own end.
        detail.scroll = detail.scroll.min(10_000);
        None
    }

    fn select(&mut self, place: usize) {
        self.selected = self.rows.get(place).map(|row| row.name.clone());
    }

    fn resort(&mut self, steps: usize) {
        let place = SORTS.iter().position(|(sort, _)| *sort == self.sort).unwrap_or(0);
        let next = place.saturating_add(steps).checked_rem(SORTS.len()).unwrap_or(0);
        self.sort = SORTS.get(next).map_or(self.sort, |(sort, _)| *sort);
        self.arrange();
    }

    fn next_focus(&mut self) {
        if self.board.len() < 2 {
            return;
        }
        let mut pids = self.board.members().map(|member| member.subject.pid);
        self.focus = match self.focus {
            None => pids.next(),
            Some(now) => pids.find(|pid| *pid > now),
        };
        drop(pids);
        self.arrange();
    }

    fn ask(&mut self) -> Option<Wish> {
        let of = self.rows.get(self.cursor())?.name.clone();
        self.ask_for(of)
    }

    fn ask_for(&mut self, of: String) -> Option<Wish> {
        self.ticket = self.ticket.saturating_add(1);
        let ticket = self.ticket;
        let alive = |pid: &i32| self.board.member(*pid).is_some_and(|member| !member.ended);
        let pid = self.focus.filter(alive).or_else(|| self.board.most(&of));
        let Some(pid) = pid else {
            let none = if self.board.is_over() {
                "it has ended: its references cannot be read any more"
            } else {
                "no object of this type is alive"
            };
            let pid = self.focus.or_else(|| self.board.members().next().map(|m| m.subject.pid)).unwrap_or(0);
            let answer = Some(Err(none.to_owned()));
            self.view = View::Detail(Box::new(Detail { of, pid, answer, scroll: 0, ticket }));
            return None;
        };
        self.view = View::Detail(Box::new(Detail { of: of.clone(), pid, answer: None, scroll: 0, ticket }));
        Some(Wish::Holders { ticket, pid, of })
    }

    fn type_filter(&mut self, key: Key) {
        let Some(edit) = &mut self.edit else { return };
        match key {
            Key::Enter => {
                self.edit = None;
                return;
            }
            Key::Escape => {
                self.filter = edit.before.take();
                self.edit = None;
                return self.arrange();
            }
            Key::Backspace => drop(edit.text.pop()),
            Key::Char(c) => edit.text.push(c),
            _ => return,
        }
        match RegexBuilder::new(&edit.text).size_limit(FILTER_BYTES).build() {
            Ok(filter) => {
                edit.bad = false;
                self.filter = Some(filter).filter(|_| !edit.text.is_empty());
            }
            Err(_) => edit.bad = true,
        }
        self.arrange();
    }

    /// What stands above the table: the order, the filter, what is paused or has ended.
    #[must_use]
    pub fn status(&self) -> String {
        if let Some(edit) = &self.edit {
            let bad = if edit.bad { "   (no regular expression yet)" } else { "" };
            return format!("filter: {}_{bad}   Enter keeps it, Esc takes it back", visible(&edit.text));
        }
        let mut said = vec![format!("by {}", self.sorted_by())];
        if let Some(pid) = self.focus {
            said.push(format!("only process {pid}"));
        }
        let types = crate::report::number::counted(self.types as u64, "type");
        said.push(match &self.filter {
            Some(filter) => format!("/{}/: {} of {types}", visible(filter.as_str()), self.rows.len()),
            None => types,
        });
        if self.paused {
            said.push("PAUSED: p goes on".to_owned());
        }
        if let Some(notice) = &self.notice {
            said.push(visible(notice).into_owned());
        }
        said.join("   ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::{Census, TypeTally, Usage};
    use crate::report::json::tests::capture;

    fn look(state: &mut State, pid: i32, second: u64, of: &[(&str, u64)]) {
        let tally = |(name, count): &(&str, u64)| TypeTally {
            name: (*name).to_owned(),
            count: *count,
            bytes: 50 * count,
            ..TypeTally::default()
        };
        let glance = Glance {
            pid,
            at: Duration::from_secs(second),
            at_ms: 1000 * second as i64,
            usage: Usage { rss_bytes: 1 << 20, ..Usage::default() },
            census: Census { types: of.iter().map(tally).collect() },
            capture: capture(),
        };
        assert_eq!(state.on(Event::Saw(Box::new(glance))), None);
        assert_eq!(state.on(Event::Round(Tempo::default())), None);
    }

    fn state() -> State {
        let mut state = State::new(Duration::from_secs(2), TrendSort::Growth, None, false);
        state.on(Event::Joined(Subject { pid: 7, ..Subject::default() }));
        look(&mut state, 7, 0, &[("app.A", 10), ("app.B", 5), ("builtins.str", 100)]);
        look(&mut state, 7, 2, &[("app.A", 10), ("app.B", 9), ("builtins.str", 110)]);
        state
    }

    fn press(state: &mut State, keys: &str) -> Vec<Wish> {
        keys.chars().filter_map(|c| state.on(Event::Key(Key::Char(c)))).collect()
    }

    fn names(state: &State) -> Vec<&str> {
        state.rows.iter().map(|row| row.name.as_str()).collect()
    }

    #[test]
    fn what_grows_stands_first_and_keys_sort() {
        let mut state = state();
        assert_eq!(names(&state), ["app.B", "builtins.str", "app.A"]);
        press(&mut state, "4");
        assert_eq!((names(&state), state.sorted_by()), (vec!["builtins.str", "app.A", "app.B"], "bytes"));
        press(&mut state, "ss");
        assert_eq!((names(&state), state.sorted_by()), (vec!["app.A", "app.B", "builtins.str"], "type"));
        press(&mut state, "s");
        assert_eq!(state.sorted_by(), "growth");
        state.on(Event::Key(Key::Left));
        assert_eq!(state.sorted_by(), "type");
    }

    #[test]
    fn the_selection_follows_its_type() {
        let mut state = state();
        assert_eq!(state.cursor(), 0);
        press(&mut state, "j");
        assert_eq!(state.cursor(), 1);
        press(&mut state, "6");
        assert_eq!(state.cursor(), 2, "builtins.str is last by name");
        state.on(Event::Key(Key::PageUp));
        assert_eq!(state.cursor(), 0);
        press(&mut state, "Gjj");
        assert_eq!(state.cursor(), 2);
        press(&mut state, "gk1");
        assert_eq!(names(&state)[state.cursor()], "app.A", "k selected the first by name");
    }

    #[test]
    fn a_filter_works_while_it_is_typed() {
        let mut state = state();
        press(&mut state, "/app.[");
        assert_eq!(state.rows.len(), 2, "the last good one holds");
        assert!(state.status().contains("no regular expression"), "{}", state.status());
        press(&mut state, "B]q");
        assert_eq!(state.rows.len(), 0, "q is a letter here");
        state.on(Event::Key(Key::Backspace));
        state.on(Event::Key(Key::Enter));
        assert_eq!((names(&state), state.edit.is_none()), (vec!["app.B"], true));
        press(&mut state, "/x");
        state.on(Event::Key(Key::Escape));
        assert_eq!(names(&state), ["app.B"], "Esc takes back what was typed");
        state.on(Event::Key(Key::Escape));
        assert_eq!(state.rows.len(), 3);
    }

    #[test]
    fn baseline_pause_interval_and_leaving() {
        let mut state = state();
        press(&mut state, "b");
        assert!(state.rows.iter().all(|row| row.since.count == 0));
        assert_eq!(press(&mut state, "p"), [Wish::Pause(true)]);
        assert!(state.status().contains("PAUSED"));
        assert_eq!(press(&mut state, "p"), [Wish::Pause(false)]);
        let ms = Duration::from_millis;
        assert_eq!(
            press(&mut state, "+--u"),
            [Wish::Interval(ms(5000)), Wish::Interval(ms(2000)), Wish::Interval(ms(1000)), Wish::Refresh]
        );
        assert_eq!(press(&mut state, "q"), [Wish::Quit]);
        assert_eq!(state.on(Event::Key(Key::Interrupt)), Some(Wish::Interrupt));
        press(&mut state, "/");
        assert_eq!(state.on(Event::Key(Key::Interrupt)), Some(Wish::Interrupt), "also while typing");
    }

    #[test]
    fn an_answer_comes_when_it_comes_and_a_stale_one_is_dropped() {
        let mut state = state();
        let asked = state.on(Event::Key(Key::Enter));
        assert_eq!(asked, Some(Wish::Holders { ticket: 1, pid: 7, of: "app.B".into() }));
        look(&mut state, 7, 4, &[("app.B", 11)]);
        assert!(matches!(&state.view, View::Detail(detail) if detail.answer.is_none()));
        assert_eq!(state.on(Event::Key(Key::Escape)), Some(Wish::Forget));
        state.on(Event::Key(Key::Enter));
        let answer = |ticket, why: &str| Event::Answered(Box::new(Answer { ticket, outcome: Err(why.into()) }));
        state.on(answer(1, "stale"));
        assert!(matches!(&state.view, View::Detail(detail) if detail.answer.is_none()));
        press(&mut state, "?");
        state.on(answer(3, "fresh"));
        press(&mut state, "x");
        assert!(
            matches!(&state.view, View::Detail(detail) if matches!(&detail.answer, Some(Err(why)) if why == "fresh"))
        );
    }

    #[test]
    fn one_that_ended_is_not_asked() {
        let mut state = state();
        state.on(Event::Left(7));
        assert_eq!(state.rows.len(), 3, "its last look stays");
        assert_eq!(press(&mut state, "bpu+"), []);
        assert_eq!(state.rows[0].since.count, 4);
        assert_eq!(state.on(Event::Key(Key::Enter)), None);
        assert!(matches!(&state.view, View::Detail(detail) if matches!(detail.answer, Some(Err(_)))));
    }

    #[test]
    fn the_worker_that_grew_most_is_asked() {
        let mut state = state();
        state.on(Event::Joined(Subject { pid: 8, ..Subject::default() }));
        look(&mut state, 8, 4, &[("app.B", 100)]);
        look(&mut state, 8, 6, &[("app.B", 120)]);
        assert!(matches!(state.on(Event::Key(Key::Enter)), Some(Wish::Holders { pid: 8, .. })));
        state.on(Event::Key(Key::Escape));
        state.on(Event::Key(Key::Tab));
        assert_eq!((state.focus, names(&state).len()), (Some(7), 3));
        assert!(matches!(state.on(Event::Key(Key::Enter)), Some(Wish::Holders { pid: 7, .. })));
        state.on(Event::Key(Key::Escape));
        state.on(Event::Key(Key::Tab));
        state.on(Event::Key(Key::Tab));
        assert_eq!(state.focus, None);
    }
}
