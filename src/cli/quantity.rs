//! Sizes, durations and addresses as people type them: `64MiB`, `1.5s`, `0x7f01104e72c0`.

use std::time::Duration;

use crate::addr::Addr;

/// Reads `500ms`, `2s`, `1.5s`, `250us`, `10m`, `8h`, `7d`.
///
/// # Errors
/// What was expected instead.
pub fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a number and its unit: 500ms, 2s, 1.5s, 10m, 8h".to_owned();
    let (number, unit) = split(text).ok_or_else(expected)?;
    let seconds = match unit.as_str() {
        "us" | "µs" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        "d" => number * 86400.0,
        _ => return Err(expected()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| "too long".to_owned())
}

/// Reads `64MiB`, `64M`, `1g`, `1.5GB`, `67108864`: all units are powers of 1024, as with container limits.
///
/// # Errors
/// What was expected instead.
pub fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected a number of bytes: 64MiB, 64M, 1g, 67108864".to_owned();
    let (number, unit) = split(text).ok_or_else(expected)?;
    let power = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" if unit != "i" && unit != "ib" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(expected()),
    };
    let bytes = (number * 1024_f64.powi(power)).round();
    match bytes {
        _ if bytes < 1.0 => Err("must be more than 0".to_owned()),
        // The first number that an u64 does not hold.
        _ if bytes >= 18_446_744_073_709_551_616.0 => Err("too large".to_owned()),
        _ => Ok(bytes as u64),
    }
}

/// Reads `0x7f01104e72c0`, and `139642271694528`, as Python's `id()` gives it.
///
/// # Errors
/// What was expected instead.
pub fn address(text: &str) -> Result<Addr, String> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        // from_str_radix would take a sign.
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok().filter(|_| !text.starts_with('+')),
    };
    number.map(Addr).ok_or_else(|| "expected an address: 0x7f01104e72c0, or the number that id() gives".to_owned())
}

/// A plain decimal number and what follows it, in lower case.
fn split(text: &str) -> Option<(f64, String)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start().to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2 S"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("36h"), duration("1.5d"));
        for bad in ["", "500", "ms", "-1s", "1.2.3s", "infs", "NaNs", "1w", "99999999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_hexadecimal_or_what_id_gives() {
        assert_eq!(address("0x7f01104e72c0"), Ok(Addr(0x7f01_104e_72c0)));
        assert_eq!(address("139642271694528"), Ok(Addr(139_642_271_694_528)));
        for bad in ["", "0x", "7f01", "-1", "+1", "0x+1", "0x10000000000000000"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        for same in ["64MiB", "64M", "64m", "64 MB", "67108864", "65536k", "67108864b"] {
            assert_eq!(size(same), Ok(64 << 20), "{same}");
        }
        assert_eq!(size("1g"), Ok(1 << 30));
        assert_eq!(size("1.5G"), Ok(3 << 29));
        for bad in ["", "M", "0", "-1", "12x", "1ib", "1i", "1e9", "99999999999T", "64MiBB7"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
