//! Contents out of memory that lies.

use std::collections::BTreeMap;

use super::*;
use crate::cpython::offsets;
use crate::cpython::version::PyVersion;
use crate::heap::{Label, Sketch};
use crate::memory::{Fault, FaultKind};

/// Bytes at some addresses, and nothing elsewhere.
#[derive(Default)]
struct Bytes(BTreeMap<u64, u8>);

impl Bytes {
    fn put(&mut self, at: u64, bytes: &[u8]) {
        self.0.extend((at..).zip(bytes.iter().copied()));
    }

    fn put_word(&mut self, at: u64, word: u64) {
        self.put(at, &word.to_le_bytes());
    }
}

impl Memory for Bytes {
    fn read(&self, at: Addr, out: &mut [u8]) -> Result<(), Fault> {
        let len = out.len();
        for (at, byte) in (at.0..).zip(out) {
            *byte = *self.0.get(&at).ok_or_else(|| Fault::new(Addr(at), len, FaultKind::Unmapped))?;
        }
        Ok(())
    }
}

fn layout() -> Layout {
    let version = PyVersion::from_banner(b"3.11.7 (main, ").expect("a version");
    offsets::choose(version, None).expect("a layout").layout
}

/// What one object of this kind holds whose words from the header on are these, with `more` behind them.
fn told(kind: Kind, words: &[u64], more: &[u8]) -> Option<String> {
    let mut sketch = Sketch::new();
    let id = sketch.object("app.Thing", 48);
    let heap = sketch.heap();
    let at = heap.objects.addr(id).0;
    let mut mem = Bytes::default();
    (0u64..).zip(words).for_each(|(i, word)| mem.put_word(at + 8 * i, *word));
    mem.put(at + 8 * words.len() as u64, more);
    let layout = layout();
    let styles = vec![Some(Style { kind, around: None })];
    Renderer { mem: &mem, layout: &layout, heap: &heap, styles }.value(id).map(String::from)
}

#[test]
fn lengths_that_lie_end_in_nothing_or_in_what_is_there() {
    let text = Kind::Text(Prefix::None);
    // refcount, type, length, hash, state (compact, ASCII, one byte each), wstr: then the text
    let state = |kind: u64| 1 << 5 | 1 << 6 | kind << 2;
    assert_eq!(told(text, &[1, 1, 3, 0, state(1), 0], b"abc").as_deref(), Some("'abc'"));
    assert_eq!(told(text, &[1, 1, i64::MAX as u64, 0, state(1), 0], b"abc"), None, "it ends before");
    let long = told(text, &[1, 1, i64::MAX as u64, 0, state(1), 0], &[b'a'; 200]).expect("there is some");
    assert!(long.ends_with("… 9,223,372,036,854,775,807 characters") && length(&long) == WIDEST, "{long}");
    assert_eq!(told(text, &[1, 1, u64::MAX, 0, state(1), 0], b"abc").as_deref(), Some("''"));
    for kind in [0, 3, 5, 7] {
        assert_eq!(told(text, &[1, 1, 3, 0, state(kind), 0], b"abcabcabcabc"), None, "no such width: {kind}");
    }
    let bytes = Kind::Bytes(Prefix::B);
    assert_eq!(told(bytes, &[1, 1, 2, 0], b"\x1b["), Some("b'\\x1b['".into()));
    assert_eq!(told(bytes, &[1, 1, u64::MAX, 0], b"ab"), None);
    assert_eq!(told(Kind::Long, &[1, 1, 1 << 62], b"ab"), None);
    assert_eq!(told(Kind::Long, &[1, 1, (-2i64) as u64], &[7, 0, 0, 0, 1, 0, 0, 0]), Some("-1073741831".into()));
    assert_eq!(told(Kind::Float, &[1, 1], b"ab"), None);
}

#[test]
fn containers_hold_themselves_and_lie_about_their_length() {
    let mut sketch = Sketch::new();
    let list = sketch.object("builtins.list", 56);
    let evil = sketch.object("app\u{1b}[2J.Evil\u{202e}", 48);
    sketch.edge(list, Label::Item(0), list);
    sketch.edge(list, Label::Item(1), evil);
    let heap = sketch.heap();
    let layout = layout();
    let said = |length: u64| {
        let mut mem = Bytes::default();
        let at = heap.objects.addr(list).0;
        [1, 1, length, 0, 0].into_iter().zip(0u64..).for_each(|(word, i)| mem.put_word(at + 8 * i, word));
        let styles = vec![Some(Style { kind: Kind::List, around: None }), None];
        Renderer { mem: &mem, layout: &layout, heap: &heap, styles }.value(list).map(String::from)
    };
    let evil = format!("<app\\x1b[2J.Evil\\u202e at {}>", heap.objects.addr(evil));
    assert_eq!(said(2), Some(format!("[<list of 2 items>, {evil}]")));
    assert_eq!(said(0), Some("[]".into()));
    assert_eq!(said(1), Some("[<list of 1 item>]".into()));
    assert_eq!(said(60_631), Some(format!("[<list of 60,631 items>, {evil}, … 60,631 items]")));
    assert_eq!(said(u64::MAX), None);
}
