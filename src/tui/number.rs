//! Numbers for narrow columns and changing headers: signs, short units, spans of time. What fits a wide table says
//! `report::number`.

use std::time::Duration;

use crate::report::number::{iec, thousands};

/// `1204` → `+1,204`; nothing that changed is `0`.
#[must_use]
pub fn signed(n: i64) -> String {
    with_sign(n, thousands)
}

/// `1258291` → `+1.2 MiB`.
#[must_use]
pub fn signed_iec(bytes: i64) -> String {
    with_sign(bytes, iec)
}

/// As [`signed`], in eight columns.
#[must_use]
pub fn signed_short(n: i64) -> String {
    with_sign(n, short)
}

/// As [`signed_iec`], in six columns: `+1.2M`.
#[must_use]
pub fn signed_short_iec(bytes: i64) -> String {
    with_sign(bytes, short_iec)
}

/// As [`thousands`], in seven columns: from a million on `12.3M`.
#[must_use]
pub fn short(n: u64) -> String {
    if n < 1_000_000 { thousands(n) } else { scaled(n as f64, 1000.0, &["", "k", "M", "G", "T", "P", "E"]) }
}

/// As [`iec`], in five columns: `1023B`, `1.2K`, `123M`.
#[must_use]
pub fn short_iec(bytes: u64) -> String {
    if bytes < 1000 { format!("{bytes}B") } else { scaled(bytes as f64, 1024.0, &["B", "K", "M", "G", "T", "P", "E"]) }
}

fn with_sign(n: i64, text: fn(u64) -> String) -> String {
    let sign = match n {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", text(n.unsigned_abs()))
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut unit = 0;
    // What would be written with four digits belongs to the next unit.
    while unit + 1 < units.len() && value >= 999.5 {
        value /= step;
        unit += 1;
    }
    let decimals = usize::from(value < 99.95);
    format!("{value:.decimals$}{}", units.get(unit).copied().unwrap_or_default())
}

/// `42 s` → `0:42`, `3:12:44`, `2d 03:12`.
#[must_use]
pub fn span(of: Duration) -> String {
    let seconds = of.as_secs();
    let (minutes, hours, days) = (seconds / 60 % 60, seconds / 3600 % 24, seconds / 86_400);
    match (days, seconds / 3600) {
        (0, 0) => format!("{minutes}:{:02}", seconds % 60),
        (0, _) => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
        _ => format!("{days}d {hours:02}:{minutes:02}"),
    }
}

/// An interval: `500 ms`, `2 s`, `2.5 s`.
#[must_use]
pub fn interval(of: Duration) -> String {
    match of.as_secs_f64() {
        s if s < 1.0 => format!("{} ms", of.as_millis()),
        s if (s - s.round()).abs() < 0.05 || s >= 100.0 => format!("{s:.0} s"),
        s => format!("{s:.1} s"),
    }
}

/// Heights of a course, newest right, in at most `width` columns: the least is the lowest bar.
#[must_use]
pub fn sparkline(course: &[u64], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = course.get(course.len().saturating_sub(width)..).unwrap_or_default();
    let (least, most) = (shown.iter().min().copied().unwrap_or(0), shown.iter().max().copied().unwrap_or(0));
    let bar = |n: &u64| {
        let part = n.saturating_sub(least) as f64 / most.saturating_sub(least).max(1) as f64;
        BARS.get((part * 7.0).round() as usize).copied().unwrap_or('█')
    };
    shown.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::columns;

    #[test]
    fn signs_are_written() {
        assert_eq!([signed(0), signed(1204), signed(-5)], ["0", "+1,204", "-5"]);
        assert_eq!([signed_iec(0), signed_iec(1_258_291), signed_iec(-3)], ["0 B", "+1.2 MiB", "-3 B"]);
        assert_eq!(signed(i64::MIN), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn short_numbers_are_short() {
        for (n, text) in [(999_999, "999,999"), (1_000_000, "1.0M"), (99_960_000, "100M"), (999_600_000, "1.0G")] {
            assert_eq!(short(n), text);
        }
        for (n, text) in [(0, "0B"), (999, "999B"), (1000, "1.0K"), (1_048_000, "1.0M"), (131_000_000, "125M")] {
            assert_eq!(short_iec(n), text);
        }
        let mut n = 1_u64;
        while let Some(next) = n.checked_mul(3) {
            assert!(columns(&short(n)) <= 7 && columns(&short_iec(n)) <= 5, "{n}: {} {}", short(n), short_iec(n));
            n = next;
        }
    }

    #[test]
    fn spans_and_intervals() {
        let s = Duration::from_secs;
        assert_eq!([span(s(42)), span(s(11_564)), span(s(184_320))], ["0:42", "3:12:44", "2d 03:12"]);
        let ms = Duration::from_millis;
        assert_eq!([interval(ms(500)), interval(ms(2010)), interval(ms(5100))], ["500 ms", "2 s", "5.1 s"]);
    }

    #[test]
    fn a_course_rises_from_left_to_right() {
        assert_eq!(sparkline(&[1, 2, 3, 4, 5, 6, 7, 8], 8), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[9, 9, 9], 2), "▁▁");
        assert_eq!((sparkline(&[], 5), sparkline(&[1, 2], 0)), (String::new(), String::new()));
        assert_eq!(sparkline(&[0, u64::MAX], 2), "▁█");
    }
}
