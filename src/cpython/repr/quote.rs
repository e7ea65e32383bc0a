//! Strings and bytes → a literal on one line: what cannot be seen, or changes what is seen around it, is written out. Ends
//! after some dozen characters, and then says how many there are.

use std::fmt::Write as _;

use super::number::thousands;
use super::{ITEM, ob_size};
use crate::addr::Addr;
use crate::cpython::layout::Layout;
use crate::cpython::text;
use crate::memory::Memory;

/// What stands before the quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    None,
    B,
    U,
}

impl Prefix {
    fn text(self) -> &'static str {
        match self {
            Prefix::None => "",
            Prefix::B => "b",
            Prefix::U => "u",
        }
    }
}

/// A `str` (`unicode` in 2.7).
pub(super) fn text<M: Memory + ?Sized>(
    mem: &M,
    layout: &Layout,
    at: Addr,
    prefix: Prefix,
    room: usize,
) -> Option<String> {
    let (points, total) = text::code_points(mem, layout, at, room as u64)?;
    Some(literal(&points, total, "character", prefix, room))
}

/// The name of a key, as a label bears it.
pub(super) fn key(name: &str) -> String {
    let points: Vec<u32> = name.chars().take(ITEM).map(u32::from).collect();
    literal(&points, name.chars().count() as u64, "character", Prefix::None, ITEM)
}

/// A `bytes` (`str` in 2.7).
pub(super) fn bytes<M: Memory + ?Sized>(
    mem: &M,
    layout: &Layout,
    at: Addr,
    prefix: Prefix,
    room: usize,
) -> Option<String> {
    let first = at.up(layout.bytes.ob_sval.at as u64)?;
    stretch(mem, first, ob_size(mem, layout, at)?, prefix, room)
}

/// What a `bytearray` holds.
pub(super) fn bytearray<M: Memory + ?Sized>(mem: &M, layout: &Layout, at: Addr, room: usize) -> Option<String> {
    let l = &layout.bytearray;
    let total = ob_size(mem, layout, at)?;
    let view = mem.view(at, l.size).ok()?;
    // What is deleted at the front stays in the block (3.x).
    let first = view.get(l.ob_start.unwrap_or(l.ob_bytes))?;
    stretch(mem, first, total, Prefix::B, room)
}

fn stretch<M: Memory + ?Sized>(mem: &M, first: Addr, total: u64, prefix: Prefix, room: usize) -> Option<String> {
    let most = usize::try_from(total).unwrap_or(usize::MAX).min(room);
    let points: Vec<u32> = match most {
        0 => Vec::new(),
        _ => mem.view(first, most).ok()?.bytes().iter().map(|byte| u32::from(*byte)).collect(),
    };
    // Bytes are no text: of these above ASCII none is shown as a letter.
    let points: Vec<u32> = points.into_iter().map(|byte| if byte > 0x7e { byte | RAW } else { byte }).collect();
    Some(literal(&points, total, "byte", prefix, room))
}

/// Marks a byte that stands for itself and not for a character.
const RAW: u32 = 1 << 31;

/// The literal of what begins with these characters and has so many in all.
fn literal(points: &[u32], total: u64, noun: &str, prefix: Prefix, room: usize) -> String {
    let single = u32::from('\'');
    let quote = if points.contains(&single) && !points.contains(&u32::from('"')) { '"' } else { '\'' };
    let whole = points.len() as u64 == total;
    let around = prefix.text().len().saturating_add(2);
    let mut body = String::new();
    if !whole || !fill(&mut body, points, quote, room.saturating_sub(around)) {
        let tail = if room <= ITEM { "…".to_owned() } else { format!("… {} {noun}s", thousands(total)) };
        body.clear();
        fill(&mut body, points, quote, room.saturating_sub(around).saturating_sub(super::length(&tail)));
        return format!("{}{quote}{body}{quote}{tail}", prefix.text());
    }
    format!("{}{quote}{body}{quote}", prefix.text())
}

/// Writes as many as there is room for; `false` if these are not all.
fn fill(out: &mut String, points: &[u32], quote: char, room: usize) -> bool {
    let mut used = 0usize;
    let mut one = String::new();
    for point in points {
        one.clear();
        escape(*point, Some(quote), &mut one);
        used = used.saturating_add(super::length(&one));
        if used > room {
            return false;
        }
        out.push_str(&one);
    }
    true
}

/// Writes one character, inside of quotes or none.
pub(super) fn escape(point: u32, quote: Option<char>, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match (point, char::from_u32(point)) {
        (0x09, _) => write!(out, "\\t"),
        (0x0a, _) => write!(out, "\\n"),
        (0x0d, _) => write!(out, "\\r"),
        (0x5c, _) if quote.is_some() => write!(out, "\\\\"),
        (0x20..=0x7e, Some(c)) if Some(c) == quote => write!(out, "\\{c}"),
        (0x20..=0x7e, Some(c)) => write!(out, "{c}"),
        (0x80.., Some(c)) if is_printable(c) => write!(out, "{c}"),
        (RAW.., _) => write!(out, "\\x{:02x}", point & 0xff),
        (0..=0xff, _) => write!(out, "\\x{point:02x}"),
        (0x100..=0xffff, _) => write!(out, "\\u{point:04x}"),
        _ => write!(out, "\\U{point:08x}"),
    };
}

/// Can it be seen? As `str.isprintable()`: no controls, separators, marks of direction, surrogates, private or unassigned ones.
fn is_printable(c: char) -> bool {
    // Behind a letter the standard library writes out what is not printable, and no more.
    let both: String = ['a', c].iter().collect();
    both.escape_debug().nth(1) != Some('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str, room: usize) -> String {
        let points: Vec<u32> = text.chars().map(u32::from).collect();
        literal(&points, points.len() as u64, "character", Prefix::None, room)
    }

    #[test]
    fn quotes_are_chosen_as_python_does() {
        assert_eq!(short("it's", 100), "\"it's\"");
        assert_eq!(short("say \"it's\"", 100), "'say \"it\\'s\"'");
        assert_eq!(short("C:\\new", 100), "'C:\\\\new'");
    }

    #[test]
    fn nothing_moves_a_cursor_or_turns_a_line_around() {
        let said = short("\u{1b}]0;title\u{7}\u{9b}2J\u{202e}\u{200b}\r\n\t\0\u{e0041}\u{2028}\u{feff}", 200);
        assert_eq!(said, "'\\x1b]0;title\\x07\\x9b2J\\u202e\\u200b\\r\\n\\t\\x00\\U000e0041\\u2028\\ufeff'");
        assert_eq!(short("é 日本 e\u{301} 🐍", 100), "'é 日本 e\u{301} 🐍'");
        let mut out = String::new();
        escape(0xd800, Some('\''), &mut out);
        escape(u32::MAX, Some('\''), &mut out);
        assert_eq!(out, "\\ud800\\xff");
    }

    #[test]
    fn what_is_long_is_cut_and_says_how_long_it_is() {
        let long = short(&"x".repeat(1000), 100);
        assert_eq!(super::super::length(&long), 100);
        assert!(long.ends_with("xxx'… 1,000 characters"), "{long}");
        let brief = short(&"\u{1}".repeat(30), 40);
        assert_eq!(brief, format!("'{}'…", "\\x01".repeat(9)));
        let lying = literal(&[97; 10], u64::MAX, "byte", Prefix::B, 60);
        assert_eq!(lying, "b'aaaaaaaaaa'… 18,446,744,073,709,551,615 bytes");
    }
}
