//! What the keys and the columns mean; fits 80 columns and 24 lines.

use super::draw::{Page, Weight};

const LINES: &[&str] = &[
    "s S ← →   another order; 1 growth  2 bytes since the baseline",
    "          3 bytes since the last look  4 bytes  5 count  6 type",
    "/         filter by a regular expression; Esc takes it away",
    "Enter     who holds the objects of the selected type; Esc back",
    "↑ ↓ j k   select; g Home: whoever is first    Tab  one process, the next, all",
    "b r       the last look is the baseline       u    look now, if 1% allows it",
    "p Space   pause, go on                        + -  look less, more often",
    "q Ctrl-C  leave     Ctrl-Z  stop, fg goes on     Ctrl-L  draw anew",
    "",
    "growth    what came since the baseline and stayed: the least gain in the later",
    "          half of the looks. An object of a class weighs 1 KiB at least: what it",
    "          holds counts as dict, str, float; a class shall outrank its innards",
    "^         more than at the baseline, and never fell at a look since",
    "*         tp_basicsize and items only: a type of a C extension",
    "[##++..]  # PSS of what is watched, + the rest of its cgroup, . free below limit",
    "pause     it is held still while it is copied: less than 1% of the time, and the",
    "          interval is stretched for that. K M G: 1,024s (of counts: 1,000s)",
];

/// Columns that it takes.
#[cfg(test)]
const COLUMNS: usize = 80;

/// Writes it.
pub(super) fn help(page: &mut Page<'_, '_>) {
    for line in LINES {
        page.line(Weight::Plain, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_the_smallest_usual_terminal() {
        for line in LINES {
            assert!(crate::report::text::columns(line) <= COLUMNS, "{line}");
        }
        // The header takes 5 lines, the keys one.
        assert!(LINES.len() <= 24 - 6);
    }
}
