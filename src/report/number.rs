//! Numbers as people read them: thousands set apart, bytes in IEC units, parts in percent.

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `2513325` → `2,513,325`.
#[must_use]
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let lead = digits.len() % 3;
    let mut out = String::with_capacity(digits.len().saturating_add(8));
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 3 == lead {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of things by their name in the singular: `1 type`, `2,000 types`, `3 processes`.
#[must_use]
pub fn counted(n: u64, noun: &str) -> String {
    let ending = match (n, noun.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {noun}{ending}", thousands(n))
}

/// Bytes with one decimal in the unit that keeps them below 1,024: `131000000` → `124.9 MiB`.
#[must_use]
pub fn iec(bytes: u64) -> String {
    iec_average(bytes as f64)
}

/// As [`iec`], for an average that need not be whole.
#[must_use]
pub fn iec_average(bytes: f64) -> String {
    let mut value = bytes;
    let mut unit = 0;
    // What would be rounded up to 1024.0 belongs to the next unit.
    while unit < UNITS.len() - 1 && value >= if unit == 0 { 1023.5 } else { 1023.95 } {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0);
    format!("{value:.decimals$} {}", UNITS.get(unit).copied().unwrap_or_default())
}

/// A difference, with its sign: `+5,000`, `-12`, `0`.
#[must_use]
pub fn signed(n: i64) -> String {
    format!("{}{}", sign(n), thousands(n.unsigned_abs()))
}

/// A difference in bytes, with its sign: `+1.1 MiB`, `-12 B`, `0 B`.
#[must_use]
pub fn signed_iec(bytes: i64) -> String {
    format!("{}{}", sign(bytes), iec(bytes.unsigned_abs()))
}

fn sign(n: i64) -> &'static str {
    match n {
        0 => "",
        1.. => "+",
        _ => "-",
    }
}

/// A part of a whole, 0 to 1, as `31.2%`; what is there but would be rounded away is `<0.1%`.
#[must_use]
pub fn percent(part: f64) -> String {
    if part > 0.0 && part < 0.0005 { "<0.1%".to_owned() } else { format!("{:.1}%", part * 100.0) }
}

/// Rounds to so many decimals, for numbers that would else pretend to a precision that they do not have.
#[must_use]
pub fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1000), "1,000");
        assert_eq!(thousands(21_784), "21,784");
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(counted(1, "type"), "1 type");
        assert_eq!(counted(2000, "type"), "2,000 types");
        assert_eq!(counted(3, "process"), "3 processes");
    }

    #[test]
    fn bytes_stay_below_1024_of_their_unit() {
        assert_eq!(iec(0), "0 B");
        assert_eq!(iec(1023), "1023 B");
        assert_eq!(iec(1024), "1.0 KiB");
        assert_eq!(iec(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(iec(131_000_000), "124.9 MiB");
        assert_eq!(iec(u64::MAX), "16.0 EiB");
        assert_eq!(iec_average(71.4), "71 B");
    }

    #[test]
    fn differences_have_a_sign() {
        assert_eq!([0, 5000, -12, i64::MIN].map(signed), ["0", "+5,000", "-12", "-9,223,372,036,854,775,808"]);
        assert_eq!([0, 1 << 20, -12].map(signed_iec), ["0 B", "+1.0 MiB", "-12 B"]);
    }

    #[test]
    fn small_parts_are_not_nothing() {
        assert_eq!(percent(0.0), "0.0%");
        assert_eq!(percent(0.000_1), "<0.1%");
        assert_eq!(percent(0.312), "31.2%");
        assert_eq!(percent(1.0), "100.0%");
    }
}
