//! The table of `leakspy ps`.

use std::io::{self, Write};

use crate::report::grid::{Column, Give, Grid, Weight, styled};
use crate::report::number::{counted, iec};
use crate::report::text::visible;
use crate::report::{Look, ProcessRow};

const COLUMNS: [Column; 6] = [
    Column { title: "PID", right: true, give: Give::Never },
    Column { title: "PYTHON", right: false, give: Give::Never },
    Column { title: "RSS", right: true, give: Give::Never },
    Column { title: "ROLE", right: false, give: Give::Whole },
    Column { title: "INSPECT", right: false, give: Give::Never },
    Column { title: "COMMAND", right: false, give: Give::End },
];

/// Writes a line for each process, and one for the `hidden` that a limit cut off.
///
/// # Errors
/// What `out` says.
pub fn processes(out: &mut dyn Write, rows: &[ProcessRow], hidden: u64, look: Look) -> io::Result<()> {
    let mut grid = Grid::new(&COLUMNS);
    for row in rows {
        let inspect = match (&row.why, row.inspectable) {
            (_, true) => "yes".to_owned(),
            (Some(why), false) => format!("no: {}", visible(why)),
            (None, false) => "no".to_owned(),
        };
        let python = row.python.as_deref().unwrap_or("?");
        let role = row.role.as_deref().unwrap_or("-");
        grid.push(
            Weight::Plain,
            vec![
                row.pid.to_string(),
                visible(python).into_owned(),
                iec(row.rss_bytes),
                visible(role).into_owned(),
                inspect,
                visible(&row.command).into_owned(),
            ],
        );
    }
    out.write_all(grid.render(look).as_bytes())?;
    if hidden > 0 {
        let more = counted(hidden, "more process");
        out.write_all(styled(Weight::Dim, &more, look.colour).as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pid: i32, why: Option<&str>) -> ProcessRow {
        ProcessRow {
            pid,
            python: why.is_none().then(|| "3.11.7".to_owned()),
            rss_bytes: 80 << 20,
            command: "python3 /srv/app.py\x1b[31m --name worker --and more".to_owned(),
            role: None,
            inspectable: why.is_none(),
            why: why.map(str::to_owned),
        }
    }

    #[test]
    fn commands_are_cut_to_the_terminal() {
        let mut out = Vec::new();
        let rows = [row(25867, None), row(7, Some("other user"))];
        processes(&mut out, &rows, 2, Look { width: Some(62), colour: false }).expect("a Vec takes all");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "  PID  PYTHON       RSS  ROLE  INSPECT         COMMAND
25867  3.11.7  80.0 MiB  -     yes             python3 /srv/a…
    7  ?       80.0 MiB  -     no: other user  python3 /srv/a…
2 more processes
"
        );
    }
}
