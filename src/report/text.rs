//! Text of the target made safe to print, and made to fit. Names of types and commands come from a process that may
//! be hostile: nothing of them may move a cursor or turn the line around.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `text` with what cannot be seen or changes the direction of writing written out: `\x1b`, `\u202e`.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().saturating_mul(2));
    for c in text.chars() {
        let code = u32::from(c);
        // Writing to a String cannot fail.
        let _ = match code {
            _ if !is_hidden(c) => write!(out, "{c}"),
            0..=0xff => write!(out, "\\x{code:02x}"),
            0x100..=0xffff => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    Cow::Owned(out)
}

/// Controls, line and paragraph separators, zero-width and directional marks, tags, and what no XML may hold.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff
            | 0xfff9..=0xfffb | 0xfffe | 0xffff | 0xe0000..=0xe007f)
}

/// Columns that `text` takes up on a terminal.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// `text` in at most `width` columns, with `…` for what was taken out of its middle: both the module and the end of a
/// long type name tell it from others.
#[must_use]
pub fn shorten_middle(text: &str, width: usize) -> Cow<'_, str> {
    if columns(text) <= width {
        return Cow::Borrowed(text);
    }
    let room = width.saturating_sub(1);
    let head = room / 2;
    let tail: String = fitting(text.chars().rev(), room.saturating_sub(head)).chars().rev().collect();
    Cow::Owned(format!("{}{}{tail}", fitting(text.chars(), head), if width == 0 { "" } else { "…" }))
}

/// `text` in at most `width` columns, with `…` for what was taken off its end.
#[must_use]
pub fn shorten_end(text: &str, width: usize) -> Cow<'_, str> {
    if columns(text) <= width {
        return Cow::Borrowed(text);
    }
    let head = fitting(text.chars(), width.saturating_sub(1));
    Cow::Owned(format!("{head}{}", if width == 0 { "" } else { "…" }))
}

/// As many of `chars` as fit into `room` columns.
fn fitting(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut used = 0_usize;
    chars
        .take_while(|c| {
            used = used.saturating_add(c.width().unwrap_or(0));
            used <= room
        })
        .collect()
}

/// `text` broken between words into lines of at most `width` columns; further lines are indented by `indent`. A word
/// that is longer than a line stays whole.
#[must_use]
pub fn wrapped(text: &str, width: Option<usize>, indent: &str) -> String {
    let Some(width) = width else { return text.to_owned() };
    let mut out = String::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let used = columns(&line);
        if used > columns(indent) && used.saturating_add(1).saturating_add(columns(word)) > width {
            out.push_str(line.trim_end());
            out.push('\n');
            line = indent.to_owned();
        } else if !line.is_empty() && line != indent {
            line.push(' ');
        }
        line.push_str(word);
    }
    out + &line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_written_out() {
        assert_eq!(visible("app.Timing"), "app.Timing");
        assert_eq!(visible("a\x1b[2Jb\n\u{9b}c\u{7f}"), "a\\x1b[2Jb\\x0a\\x9bc\\x7f");
        assert_eq!(visible("x\u{202e}y\u{2066}z\u{e0041}"), "x\\u202ey\\u2066z\\U000e0041");
        assert_eq!(visible("x\u{fffe}y\u{ffff}z\u{fffd}"), "x\\ufffey\\uffffz\u{fffd}");
        assert_eq!(visible("модуль.Тип"), "модуль.Тип");
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shorten_middle("short", 5), "short");
        assert_eq!(shorten_middle("django.db.models.QuerySet", 11), "djang…rySet");
        assert_eq!(shorten_middle("漢字漢字漢字", 7), "漢…字");
        assert_eq!(shorten_middle("abc", 1), "…");
        assert_eq!(shorten_middle("abc", 0), "");
    }

    #[test]
    fn long_commands_lose_their_end() {
        assert_eq!(shorten_end("python3 app.py --workers 4", 12), "python3 app…");
        assert_eq!(shorten_end("same", 4), "same");
    }

    #[test]
    fn prose_breaks_between_words() {
        assert_eq!(wrapped("one two three", Some(8), "  "), "one two\n  three");
        assert_eq!(wrapped("unbreakable", Some(4), "  "), "unbreakable");
        assert_eq!(wrapped("one two", None, "  "), "one two");
    }
}
