//! The table of `leakspy types`.

use std::io::{self, Write};

use crate::analysis::{Histogram, Totals, average};
use crate::heap::{Capture, SizeBasis};
use crate::report::Look;
use crate::report::grid::{Column, Give, Grid, Weight, styled};
use crate::report::number::{counted, iec, iec_average, percent, rounded, thousands};
use crate::report::text::{visible, wrapped};

const COLUMNS: [Column; 5] = [
    Column { title: "TYPE", right: false, give: Give::Middle },
    Column { title: "COUNT", right: true, give: Give::Never },
    Column { title: "BYTES", right: true, give: Give::Never },
    Column { title: "SHARE", right: true, give: Give::Whole },
    Column { title: "AVERAGE", right: true, give: Give::Whole },
];

const LEGEND: &str = "* tp_basicsize and items only: a type of a C extension, or one with a __sizeof__ of its own";

/// Writes the histogram: its rows, what the limit cut off, the sums, and how far they can be trusted.
///
/// # Errors
/// What `out` says.
pub fn types(out: &mut dyn Write, found: &Histogram, capture: &Capture, look: Look) -> io::Result<()> {
    let marks = found.totals.basic > 0;
    let mark = |basic: bool, size: String| match (marks, basic) {
        (false, _) => size,
        (true, false) => size + " ",
        (true, true) => size + "*",
    };
    let mut grid = Grid::new(&COLUMNS);
    for row in &found.rows {
        let basic = row.basis == SizeBasis::Basic;
        let name = visible(&row.name).into_owned();
        let share = percent(found.totals.share(row.bytes));
        let size = mark(basic, iec(row.bytes));
        let each = mark(basic, iec_average(average(row)));
        grid.push(Weight::Plain, vec![name, thousands(row.count), size, share, each]);
    }
    let mut sum = |weight: Weight, label: String, of: &Totals| {
        let basic = of.basic > 0;
        let share = percent(found.totals.share(of.bytes));
        let size = mark(basic, iec(of.bytes));
        grid.push(weight, vec![label, thousands(of.objects), size, share, mark(basic, iec_average(of.average()))]);
    };
    if found.hidden.types > 0 {
        sum(Weight::Dim, counted(found.hidden.types, "more type"), &found.hidden);
    }
    if let Some(matched) = &found.matched {
        sum(Weight::Bold, format!("{} matched", counted(matched.types, "type")), matched);
    }
    sum(Weight::Bold, format!("{} in all", counted(found.totals.types, "type")), &found.totals);
    out.write_all(grid.render(look).as_bytes())?;

    out.write_all(b"\n")?;
    for line in trust(capture).into_iter().chain(marks.then(|| LEGEND.to_owned())) {
        out.write_all(styled(Weight::Dim, &wrapped(&line, look.width, "  "), look.colour).as_bytes())?;
    }
    Ok(())
}

/// How far the numbers can be trusted, a sentence each.
pub(super) fn trust(capture: &Capture) -> Vec<String> {
    let coverage = &capture.coverage;
    let (explained, used) = (iec(coverage.explained_bytes), iec(coverage.used_bytes));
    let mut lines = vec![match coverage.ratio {
        Some(ratio) => format!(
            "coverage {:.2}%: objects and their buffers explain {explained} of the {used} that the allocator handed out",
            rounded(ratio * 100.0, 2)
        ),
        None => "coverage unknown: no small-object allocator to compare with".to_owned(),
    }];
    if !capture.frozen {
        lines.push("not frozen: the target ran on while it was read, so numbers may be torn".to_owned());
    } else if !capture.one_instant {
        lines.push("not one instant: the heap was read in pieces, between which the target ran on".to_owned());
    }
    if !capture.consistent {
        lines.push("not consistent: lists of the collector or object headers did not hold together".to_owned());
    }
    if capture.skipped > 0 {
        lines.push(format!("{} left out as damaged", counted(capture.skipped, "object")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{HistogramOptions, histogram};
    use crate::heap::{Census, TypeTally};
    use crate::report::json::tests::capture;

    fn tally(name: &str, count: u64, bytes: u64, basis: SizeBasis) -> TypeTally {
        TypeTally { name: name.to_owned(), count, bytes, tracked: 0, basis }
    }

    fn census(basis: SizeBasis) -> Census {
        Census {
            types: vec![
                tally("foo_module.Timing", 60_631, 12_911_803, SizeBasis::Exact),
                tally("builtins.dict", 21_784, 4_636_032, SizeBasis::Exact),
                tally("evil.\u{1b}[2J\u{202e}Name", 3, 4_000, basis),
                tally("builtins.NoneType", 1, 16, SizeBasis::Exact),
            ],
        }
    }

    fn rendered(census: &Census, options: &HistogramOptions, capture: &Capture, width: Option<usize>) -> String {
        let mut out = Vec::new();
        types(&mut out, &histogram(census, options), capture, Look { width, colour: false }).expect("a Vec takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_table_for_people() {
        let options = HistogramOptions { limit: Some(3), ..Default::default() };
        assert_eq!(
            rendered(&census(SizeBasis::Basic), &options, &capture(), None),
            "\
TYPE                     COUNT      BYTES   SHARE   AVERAGE
foo_module.Timing       60,631  12.3 MiB    73.6%    213 B
builtins.dict           21,784   4.4 MiB    26.4%    213 B
evil.\\x1b[2J\\u202eName       3   3.9 KiB*   <0.1%  1.3 KiB*
1 more type                  1      16 B    <0.1%     16 B
4 types in all          82,419  16.7 MiB*  100.0%    213 B*

coverage 99.54%: objects and their buffers explain 152.7 MiB of the 153.4 MiB that the allocator handed out
* tp_basicsize and items only: a type of a C extension, or one with a __sizeof__ of its own
"
        );
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let filter = Some(regex::Regex::new("T|evil").expect("a good regex"));
        let torn = Capture { frozen: false, consistent: false, skipped: 1, ..capture() };
        let text =
            rendered(&census(SizeBasis::Exact), &HistogramOptions { filter, ..Default::default() }, &torn, Some(44));
        assert_eq!(
            text,
            "\
TYPE                 COUNT     BYTES   SHARE
foo_module.Timing   60,631  12.3 MiB   73.6%
evil.\\x1…u202eName       3   3.9 KiB   <0.1%
builtins.NoneType        1      16 B   <0.1%
3 types matched     60,635  12.3 MiB   73.6%
4 types in all      82,419  16.7 MiB  100.0%

coverage 99.54%: objects and their buffers
  explain 152.7 MiB of the 153.4 MiB that
  the allocator handed out
not frozen: the target ran on while it was
  read, so numbers may be torn
not consistent: lists of the collector or
  object headers did not hold together
1 object left out as damaged
"
        );
    }
}
