//! A look of `leakspy top` as a block of plain text, for where there is no terminal.

use std::io::{self, Write};

use crate::analysis::{Board, Delta, Member, Trend};
use crate::heap::SizeBasis;
use crate::report::Look;
use crate::report::grid::{Column, Give, Grid, Weight};
use crate::report::number::{counted, iec, percent, thousands};
use crate::report::text::visible;

const fn number(title: &'static str) -> Column {
    Column { title, right: true, give: Give::Never }
}

const PROCESSES: [Column; 9] = [
    number("PID"),
    number("RSS"),
    number("PSS"),
    number("OBJECTS"),
    number("BYTES"),
    number("+OBJECTS"),
    number("+BYTES"),
    number("PAUSE"),
    Column { title: "WHO", right: false, give: Give::End },
];

const TYPES: [Column; 10] = [
    Column { title: "TYPE", right: false, give: Give::Middle },
    Column { title: "", right: false, give: Give::Never },
    number("COUNT"),
    number("BYTES"),
    Column { title: "LAST", right: true, give: Give::Whole },
    Column { title: "LAST BYTES", right: true, give: Give::Whole },
    number("SINCE"),
    number("SINCE BYTES"),
    Column { title: "/MIN", right: true, give: Give::Whole },
    Column { title: "BYTES/MIN", right: true, give: Give::Whole },
];

/// Writes one block: the processes, their sums, the types, and an empty line. `sorted` says by what, `hidden` how many types
/// were left out.
///
/// # Errors
/// What `out` says.
pub fn top(
    out: &mut dyn Write,
    board: &Board,
    rows: &[Trend],
    hidden: usize,
    sorted: &str,
    look: Look,
) -> io::Result<()> {
    let total = board.total();
    let since = board.shown().map(|member| member.trends.since()).max().unwrap_or_default();
    let (asked, every) =
        (board.tempo.wanted.as_secs_f64(), board.tempo.interval.as_secs_f64().max(board.tempo.wanted.as_secs_f64()));
    let stretched = if board.tempo.is_stretched() { format!(" (stretched from {asked:.1} s)") } else { String::new() };
    writeln!(
        out,
        "leakspy top  look {}  {}  baseline {:.1} s ago  held still {} of the time, a look every {every:.1} s{stretched}",
        board.rounds,
        board.taken_at().unwrap_or_default(),
        since.as_secs_f64(),
        percent(board.tempo.share),
    )?;
    writeln!(
        out,
        "objects {} ({})  heap {} ({})  by {sorted}",
        thousands(total.count),
        signed(total.since.count, thousands),
        iec(total.bytes),
        signed(total.since.bytes, iec)
    )?;
    let mut grid = Grid::new(&PROCESSES);
    board.members().for_each(|member| grid.push(Weight::Plain, process(member)));
    out.write_all(grid.render(look).as_bytes())?;
    out.write_all(b"\n")?;
    let mut grid = Grid::new(&TYPES);
    rows.iter().for_each(|trend| grid.push(Weight::Plain, of_type(trend)));
    if hidden > 0 {
        let mut cells = vec![String::new(); TYPES.len()];
        if let Some(first) = cells.first_mut() {
            *first = counted(hidden as u64, "more type");
        }
        grid.push(Weight::Dim, cells);
    }
    out.write_all(grid.render(look).as_bytes())?;
    out.write_all(b"\n")
}

fn process(member: &Member) -> Vec<String> {
    let who = match (&member.trouble, member.ended) {
        (_, true) => "ended".to_owned(),
        (Some(why), _) => visible(why).into_owned(),
        (None, _) => {
            let role = member.subject.role.as_deref().unwrap_or_default();
            visible(&format!("{role} {}", member.subject.command)).trim().to_owned()
        }
    };
    let usage = &member.usage;
    vec![
        member.subject.pid.to_string(),
        iec(usage.rss_bytes),
        usage.pss_bytes.map_or_else(|| "?".to_owned(), iec),
        thousands(member.total.count),
        iec(member.total.bytes),
        signed(member.total.since.count, thousands),
        signed(member.total.since.bytes, iec),
        member.capture.as_ref().map_or_else(String::new, |capture| format!("{:.1} ms", capture.pause_ms)),
        who,
    ]
}

fn of_type(of: &Trend) -> Vec<String> {
    let basic = if of.basis == SizeBasis::Basic { "*" } else { "" };
    let whole = |n: f64| n.round() as i64;
    let Delta { count, bytes } = of.last;
    vec![
        visible(&of.name).into_owned(),
        if of.steady { "^" } else { "" }.to_owned(),
        thousands(of.count),
        format!("{}{basic}", iec(of.bytes)),
        signed(count, thousands),
        signed(bytes, iec),
        signed(of.since.count, thousands),
        signed(of.since.bytes, iec),
        signed(whole(of.count_per_minute), thousands),
        signed(whole(of.bytes_per_minute), iec),
    ]
}

fn signed(n: i64, text: fn(u64) -> String) -> String {
    let sign = match n {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", text(n.unsigned_abs()))
}
