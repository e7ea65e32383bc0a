//! A limit as people type it, `count(app.Session)>1000` → a [`Threshold`]; and in words that it was crossed. Measures nothing.

use regex::Regex;

use crate::analysis::Threshold;
use crate::analysis::select::{glob, types_called};
use crate::analysis::threshold::{Extent, Measure, Measured};
use crate::cli::quantity;
use crate::report::number::{counted, iec, thousands};

const GRAMMAR: &str = "expected WORD > NUMBER or WORD(TYPE) > NUMBER, > or >=; WORD is one of bytes, count (growth), bytes_after, \
                       count_after (in all), bytes_new, count_new (with --since-fork); TYPE is a name or a glob: \
                       bytes>64MiB, count(app.Session)>1000, bytes_after(app.*)>=1GiB";

const WORDS: [(&str, Measure, Extent); 6] = [
    ("bytes", Measure::Bytes, Extent::Growth),
    ("count", Measure::Count, Extent::Growth),
    ("bytes_after", Measure::Bytes, Extent::After),
    ("count_after", Measure::Count, Extent::After),
    ("bytes_new", Measure::Bytes, Extent::New),
    ("count_new", Measure::Count, Extent::New),
];

/// A name without a dot has no module: it is meant in any.
fn pattern(name: &str) -> Option<Regex> {
    if name.contains('.') { glob(name) } else { types_called(name) }
}

/// Reads `bytes>64MiB`, `count(app.Session) >= 1000`, `bytes_after(app.*)>1g`.
///
/// # Errors
/// What was expected instead.
pub fn parse(text: &str) -> Result<Threshold, String> {
    let wrong = |why: &str| if why.is_empty() { GRAMMAR.to_owned() } else { format!("{why}; {GRAMMAR}") };
    // The names of types may hold a > themselves: app.make.<locals>.Page.
    let (left, limit) = text.rsplit_once('>').ok_or_else(|| wrong(""))?;
    let (reached, limit) = limit.strip_prefix('=').map_or((false, limit), |limit| (true, limit));
    let (left, limit) = (left.trim(), limit.trim());
    let (word, types) = match left.split_once('(') {
        None => (left, None),
        Some((word, rest)) => {
            let name = rest.strip_suffix(')').map(str::trim).filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| wrong("what stands in the brackets is no type"))?;
            (word.trim_end(), Some(pattern(name).ok_or_else(|| wrong("the name of the type is too long"))?))
        }
    };
    let known = WORDS.iter().find(|known| known.0 == word);
    let &(_, measure, extent) = known.ok_or_else(|| wrong(&format!("{word:?} is not known")))?;
    // A size cannot be 0, but a limit can.
    let limit = match (limit.parse::<u64>(), measure) {
        (Ok(number), _) => number,
        (Err(_), Measure::Bytes) => quantity::size(limit).map_err(|why| wrong(&why))?,
        (Err(_), Measure::Count) => return Err(wrong(&format!("{limit:?} is not a number of objects"))),
    };
    Ok(Threshold { text: text.to_owned(), measure, extent, types, limit, reached })
}

/// That a limit was crossed, and with which number; `since` is what growth is measured from.
#[must_use]
pub fn crossed(threshold: &Threshold, measured: Measured, since: &str) -> String {
    let value = measured.value.unsigned_abs();
    let amount = match threshold.measure {
        Measure::Bytes if value < 1024 => format!("{} bytes", thousands(value)),
        Measure::Bytes => format!("{} ({} bytes)", iec(value), thousands(value)),
        Measure::Count => counted(value, "object"),
    };
    let found = match threshold.extent {
        Extent::Growth => format!("{amount} more than {since}"),
        Extent::After => format!("{amount} in all"),
        Extent::New => format!("{amount} new since the fork"),
    };
    format!("over the limit {}: {found}", threshold.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_words_types_and_numbers() {
        let read = |text: &str| {
            let threshold = parse(text).expect(text);
            let types = threshold.types.as_ref().map(|types| types.as_str().to_owned());
            (threshold.measure, threshold.extent, types, threshold.limit, threshold.reached)
        };
        assert_eq!(read("bytes>64MiB"), (Measure::Bytes, Extent::Growth, None, 64 << 20, false));
        assert_eq!(read(" count >= 1000 "), (Measure::Count, Extent::Growth, None, 1000, true));
        assert_eq!(read("bytes > 0"), (Measure::Bytes, Extent::Growth, None, 0, false));
        let session = Some("(?s)^app\\.Session$".to_owned());
        assert_eq!(read("count_after(app.Session)>7"), (Measure::Count, Extent::After, session, 7, false));
        let any = read("count(Session)>7").2.expect("a type");
        assert!(Regex::new(&any).expect("a pattern").is_match("app.Session"), "{any}");
        let local = Some("(?s)^app\\.make\\.<locals>\\.P.*$".to_owned());
        assert_eq!(read("bytes_new(app.make.<locals>.P*)>=1k"), (Measure::Bytes, Extent::New, local, 1024, true));
    }

    #[test]
    fn what_is_no_limit_is_told_how_to_write_one() {
        for (text, why) in [
            ("", "expected WORD"),
            ("bytes", "expected WORD"),
            ("bytes<3", "expected WORD"),
            ("rss>3", "\"rss\" is not known"),
            ("count()>3", "no type"),
            ("count(a.B>3", "no type"),
            ("count>1MiB", "not a number of objects"),
            ("count>-1", "not a number of objects"),
            ("bytes>much", "expected a number of bytes"),
            ("bytes>=", "expected a number of bytes"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(why) && error.contains("count(app.Session)>1000"), "{text}: {error}");
        }
    }

    #[test]
    fn a_crossed_limit_is_told_with_its_number() {
        let told =
            |text, value| crossed(&parse(text).expect("good"), Measured { value, types: 1 }, "at the first look");
        assert_eq!(
            told("bytes>64MiB", 70 << 20),
            "over the limit bytes>64MiB: 70.0 MiB (73,400,320 bytes) more than at the first look"
        );
        assert_eq!(told("count_after(a.B)>=1", 1), "over the limit count_after(a.B)>=1: 1 object in all");
    }
}
