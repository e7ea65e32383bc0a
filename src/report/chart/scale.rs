//! A range of bytes or of time → round marks and their texts. Draws nothing.

use jiff::Timestamp;

/// Units of bytes, each 1,024 times the one before.
const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/// Steps between marks of time, in seconds.
const STEPS: [f64; 26] = [
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    7200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    1_209_600.0,
    2_592_000.0,
    7_776_000.0,
];

/// Marks of bytes stand no closer than this part of the upper end: what differs by less is flat.
const FINEST: f64 = 1e-4;

/// A range, and where its marks stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Values and texts, rising.
    pub marks: Vec<(f64, String)>,
}

impl Axis {
    /// Where a value lies, 0 at the lower end and 1 at the upper.
    #[must_use]
    pub fn part(&self, value: f64) -> f64 {
        if self.high > self.low { (value - self.low) / (self.high - self.low) } else { 0.0 }
    }
}

/// An axis of bytes from `low` to `high` or a little beyond, with about so many marks.
#[must_use]
pub fn bytes(low: f64, high: f64, marks: usize) -> Axis {
    let high = high.max(low + 1.0);
    let mut unit = 0;
    while unit + 1 < UNITS.len() && high >= 1024.0_f64.powi(unit as i32 + 1) {
        unit += 1;
    }
    let scale = 1024.0_f64.powi(unit as i32);
    let (low, high) = (low / scale, high / scale);
    let rough = ((high - low) / marks.max(1) as f64).max(high * FINEST);
    let power = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|by| by * power).into_iter().find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(rough).max(if unit == 0 { 1.0 } else { 0.0 });
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let first = (low / step).floor();
    let last = (high / step - 1e-9).ceil().max(first + 1.0);
    let marks = (0..=(last - first) as usize)
        .map(|at| (first + at as f64) * step)
        .map(|value| (value * scale, format!("{value:.decimals$} {}", UNITS[unit])))
        .collect();
    Axis { low: first * step * scale, high: last * step * scale, marks }
}

/// An axis of time (seconds since 1970) from `from` to `to`, with at most so many marks; UTC.
#[must_use]
pub fn time(from: f64, to: f64, marks: usize) -> Axis {
    let long = (to - from).max(0.1);
    let fits = |step: &&f64| long / **step <= marks.max(1) as f64;
    let step = STEPS.iter().find(fits).copied().unwrap_or(long / marks.max(1) as f64);
    let days = step >= 86_400.0 || (from / 86_400.0).floor() < (to / 86_400.0).floor();
    let mut found = Vec::new();
    let mut value = (from / step - 1e-9).ceil() * step;
    while value <= to + step * 1e-9 && found.len() <= marks {
        found.push((value, clock(value, step, days)));
        value += step;
    }
    Axis { low: from, high: from + long, marks: found }
}

fn clock(seconds: f64, step: f64, days: bool) -> String {
    let format = match step {
        ..1.0 => "%H:%M:%S%.1f",
        ..60.0 => "%H:%M:%S",
        86_400.0.. => "%m-%d",
        _ if days => "%m-%d %H:%M",
        _ => "%H:%M",
    };
    moment(seconds, format)
}

/// A moment in UTC.
#[must_use]
pub fn moment(seconds: f64, format: &str) -> String {
    match Timestamp::from_millisecond((seconds * 1000.0).round() as i64) {
        Ok(at) => at.strftime(format).to_string(),
        Err(_) => format!("{seconds:.0}"),
    }
}

/// `3 h 20 min`, `12 s`, `4.2 years`: a duration in seconds in its two largest units.
#[must_use]
pub fn lasting(seconds: f64) -> String {
    let whole = seconds.round();
    let two = |large: f64, small: f64, names: (&str, &str)| {
        let (a, b) = ((whole / large).floor(), ((whole % large) / small).floor());
        if b > 0.0 { format!("{a} {} {b} {}", names.0, names.1) } else { format!("{a} {}", names.0) }
    };
    match whole {
        _ if seconds < 10.0 => format!("{:.1} s", seconds.max(0.0)),
        ..60.0 => format!("{whole} s"),
        ..3600.0 => two(60.0, 1.0, ("min", "s")),
        ..86_400.0 => two(3600.0, 60.0, ("h", "min")),
        ..31_557_600.0 => two(86_400.0, 3600.0, ("d", "h")),
        _ => format!("{:.1} years", whole / 31_557_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.marks.iter().map(|mark| mark.1.as_str()).collect()
    }

    #[test]
    fn marks_are_round_in_their_unit() {
        let mib = 1024.0 * 1024.0;
        assert_eq!(texts(&bytes(0.0, 230.0 * mib, 5)), ["0 MiB", "50 MiB", "100 MiB", "150 MiB", "200 MiB", "250 MiB"]);
        assert_eq!(texts(&bytes(0.0, 1100.0 * mib, 3)), ["0.0 GiB", "0.5 GiB", "1.0 GiB", "1.5 GiB"]);
        assert_eq!(
            texts(&bytes(99.2 * mib, 101.0 * mib, 4)),
            ["99.0 MiB", "99.5 MiB", "100.0 MiB", "100.5 MiB", "101.0 MiB"]
        );
        let none = bytes(0.0, 0.0, 4);
        assert!(none.high > none.low && none.marks.len() >= 2);
    }

    #[test]
    fn what_does_not_change_is_marked_with_few_decimals() {
        let mib = 1024.0 * 1024.0;
        assert_eq!(texts(&bytes(100.0 * mib, 100.0 * mib, 4)), ["100.00 MiB", "100.01 MiB"]);
        for bytes_at in [1.0, 4096.0, 100.0 * mib + 1.0, 2.0_f64.powi(53) - 1.0, 2.0_f64.powi(53), 2.0_f64.powi(65)] {
            for below in [0.0, 1.0, 4096.0, bytes_at / 1e5] {
                let axis = bytes((bytes_at - below).max(0.0), bytes_at, 5);
                assert!(axis.low < axis.high && (2..=7).contains(&axis.marks.len()), "{axis:?}");
                assert!((0.0..=1.0).contains(&axis.part(bytes_at)), "{axis:?}");
                assert!(texts(&axis).iter().all(|text| text.len() <= 13), "{axis:?}");
            }
        }
    }

    #[test]
    fn time_is_marked_at_full_minutes_hours_and_days() {
        let noon = 1_795_262_400.0; // 2026-11-21T12:00:00Z
        assert_eq!(texts(&time(noon + 7.0, noon + 7200.0, 5)), ["12:30", "13:00", "13:30", "14:00"]);
        assert_eq!(texts(&time(noon, noon + 30.0, 4)), ["12:00:00", "12:00:10", "12:00:20", "12:00:30"]);
        assert_eq!(texts(&time(noon, noon + 5.0 * 86_400.0, 3)), ["11-23", "11-25"].as_slice());
        assert_eq!(time(noon, noon, 5).part(noon), 0.0);
    }

    #[test]
    fn durations_are_said_in_two_units() {
        let said: Vec<String> = [0.3, 12.0, 80.0, 12_000.0, 200_000.0, 1e9].map(lasting).into();
        assert_eq!(said, ["0.3 s", "12 s", "1 min 20 s", "3 h 20 min", "2 d 7 h", "31.7 years"]);
    }
}
