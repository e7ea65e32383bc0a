//! Answers over heaps that are written by hand, against files that show what people and programs get to see. A change there is
//! meant to be looked at: `LEAKSPY_BLESS=1` writes the files anew.

mod changes;
mod holders;
mod plot;
mod top;

use std::fs;
use std::path::Path;

/// Compares with `tests/golden/NAME`.
fn assert_golden(name: &str, answer: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let answer = std::str::from_utf8(answer).expect("answers are text");
    if std::env::var_os("LEAKSPY_BLESS").is_some() {
        fs::write(&path, answer).expect("written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}; LEAKSPY_BLESS=1 writes it"));
    assert!(expected == answer, "{name} differs; expected:\n{expected}\ngot:\n{answer}");
}
