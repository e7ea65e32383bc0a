//! What is known → a picture of it, at any size: what there is no room for is left out, the least telling first. Changes nothing
//! and never fails.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::state::{State, View};
use super::{detail, fleet, header, help, table};
use crate::report::text::{columns, shorten_end};

const KEYS: [&str; 9] =
    ["Enter holders", "s sort", "/ filter", "b baseline", "p pause", "? help", "q quit", "u look now", "+ - interval"];
const DETAIL_KEYS: [&str; 5] = ["Esc back", "↑ ↓ scroll", "Enter ask again", "? help", "q quit"];
const HELP_KEYS: [&str; 2] = ["any key: back", "q quit"];

/// The weight of a text; it never carries a meaning of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Plain,
    Bold,
    Dim,
    /// A row under the cursor, a bar, a heading.
    Reversed,
    /// What asks for attention.
    Alarm,
}

/// A part of the frame that is filled line by line, from the top.
pub(super) struct Page<'a, 'b> {
    frame: &'a mut Frame<'b>,
    left: Rect,
    colour: bool,
}

impl<'a, 'b> Page<'a, 'b> {
    fn new(frame: &'a mut Frame<'b>, colour: bool) -> Self {
        let left = frame.area();
        Page { frame, left, colour }
    }

    pub(super) fn width(&self) -> usize {
        usize::from(self.left.width)
    }

    /// Lines that are left.
    pub(super) fn height(&self) -> usize {
        usize::from(self.left.height)
    }

    /// Writes a line as far as it fits.
    pub(super) fn line(&mut self, weight: Weight, text: &str) {
        self.spans(&[(weight, text)]);
    }

    /// Writes a line of several weights.
    pub(super) fn spans(&mut self, of: &[(Weight, &str)]) {
        if self.left.height == 0 {
            return;
        }
        let spans: Vec<Span<'_>> = of.iter().map(|(weight, text)| Span::styled(*text, self.style(*weight))).collect();
        let row = Rect { height: 1, ..self.left };
        self.frame.render_widget(Line::from(spans), row);
        self.left.y = self.left.y.saturating_add(1);
        self.left.height = self.left.height.saturating_sub(1);
    }

    fn style(&self, weight: Weight) -> Style {
        let style = Style::default();
        match weight {
            _ if !self.colour => style,
            Weight::Plain => style,
            Weight::Bold => style.add_modifier(Modifier::BOLD),
            Weight::Dim => style.add_modifier(Modifier::DIM),
            Weight::Reversed => style.add_modifier(Modifier::REVERSED),
            Weight::Alarm => style.add_modifier(Modifier::BOLD).fg(Color::Red),
        }
    }

    /// Keeps so many lines at the bottom for later.
    fn reserve(&mut self, lines: u16) -> Rect {
        let lines = lines.min(self.left.height);
        self.left.height = self.left.height.saturating_sub(lines);
        Rect { y: self.left.bottom(), height: lines, ..self.left }
    }
}

/// Draws all of it.
pub fn draw(state: &State, frame: &mut Frame<'_>) {
    let mut page = Page::new(frame, state.colour);
    let height = page.height();
    let footer = page.reserve(u16::from(height >= 8));
    header::header(state, &mut page, height);
    if let Some(banner) = banner(state) {
        page.line(Weight::Alarm, &shorten_end(&banner, page.width()));
    }
    match &state.view {
        View::Table => {
            fleet::fleet(state, &mut page, height);
            if height >= 4 {
                page.line(Weight::Bold, &shorten_end(&state.status(), page.width()));
            }
            table::table(state, &mut page);
        }
        View::Detail(detail) => detail::detail(state, detail, &mut page),
        View::Help(_) => help::help(&mut page),
    }
    page.left = footer;
    let keys: &[&str] = match &state.view {
        View::Table => &KEYS,
        View::Detail(_) => &DETAIL_KEYS,
        View::Help(_) => &HELP_KEYS,
    };
    let keys = fields(page.width(), keys.iter().map(|key| (*key).to_owned()));
    let keys = format!("{keys:width$}", width = page.width());
    page.line(Weight::Reversed, &keys);
}

/// What has ended or went wrong.
fn banner(state: &State) -> Option<String> {
    let board = &state.board;
    if board.is_over() {
        let who = match board.members().next() {
            Some(member) if board.len() == 1 => format!("process {}", member.subject.pid),
            _ => "all processes".to_owned(),
        };
        let have = if board.len() == 1 { "has" } else { "have" };
        return Some(format!("!! {who} {have} ended; this is the last look. q leaves"));
    }
    let doubtful =
        |found: fn(&crate::heap::Capture) -> bool| board.shown().filter_map(|m| m.capture.as_ref()).any(found);
    if doubtful(|capture| !capture.consistent) {
        return Some("! lists of the collector or object headers did not hold together".to_owned());
    }
    if doubtful(|capture| !capture.frozen) {
        return Some("! not held still: the numbers may be torn".to_owned());
    }
    None
}

/// As many of the fields as fit, two columns apart; the one that does not fit any more is left out, and the rest too.
pub(super) fn fields(width: usize, of: impl IntoIterator<Item = String>) -> String {
    let mut line = String::new();
    for field in of {
        let gap = if line.is_empty() { 0 } else { 2 };
        if columns(&line).saturating_add(gap).saturating_add(columns(&field)) > width {
            if line.is_empty() {
                return shorten_end(&field, width).into_owned();
            }
            break;
        }
        line.extend(std::iter::repeat_n(' ', gap));
        line.push_str(&field);
    }
    line
}

/// `text` in exactly `width` columns, as long as it is not wider, at the left or the right end of them.
pub(super) fn padded(text: &str, width: usize, right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(columns(text)));
    if right { space + text } else { text.to_owned() + &space }
}
