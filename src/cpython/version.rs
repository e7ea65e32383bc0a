//! Which CPython a target is. The only file that compares versions; behaviour hangs on `[shape]` words instead.

use std::fmt;

/// A CPython release, `3.11.7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PyVersion {
    /// 2 or 3.
    pub major: u8,
    /// The feature release.
    pub minor: u8,
    /// The bug-fix release.
    pub micro: u8,
}

impl PyVersion {
    /// From `PY_VERSION_HEX` (`Include/patchlevel.h`): one byte each for major, minor, micro, then level and serial.
    #[must_use]
    pub fn from_hex(hex: u32) -> Option<Self> {
        let [major, minor, micro, _level] = hex.to_be_bytes();
        Self::plausible(major, minor, micro)
    }

    /// From the start of `Py_GetVersion()`'s text: `3.8.18 (default, May …`. The space and the bracket must follow, so
    /// that a bare number in a binary is not taken for it.
    #[must_use]
    pub fn from_banner(text: &[u8]) -> Option<Self> {
        let head = text.get(..text.len().min(24))?;
        let end = head.windows(2).position(|w| w == b" (")?;
        let mut parts = std::str::from_utf8(head.get(..end)?).ok()?.splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        // `18`, `18+`, `0rc2`, `0a1`
        let micro = parts.next()?;
        let digits = micro.find(|c: char| !c.is_ascii_digit()).unwrap_or(micro.len());
        let (micro, tail) = micro.split_at_checked(digits)?;
        let tail_known = ["", "+", "a", "b", "rc"]
            .iter()
            .any(|t| tail.trim_end_matches(|c: char| c.is_ascii_digit() || c == '+') == t.trim_end_matches('+'));
        tail_known.then(|| Self::plausible(major, minor, micro.parse().ok()?)).flatten()
    }

    fn plausible(major: u8, minor: u8, micro: u8) -> Option<Self> {
        (matches!(major, 2 | 3) && minor < 40 && micro < 100).then_some(PyVersion { major, minor, micro })
    }

    /// `3.11`: the name of its layout file.
    #[must_use]
    pub fn series(self) -> String {
        format!("{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for PyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banners() {
        let v = |t: &str| PyVersion::from_banner(t.as_bytes()).map(|v| v.to_string());
        assert_eq!(v("3.8.18 (default, May  9 2026, 10:00:00)"), Some("3.8.18".into()));
        assert_eq!(v("2.7.18 (default"), Some("2.7.18".into()));
        assert_eq!(v("3.11.2+ (main"), Some("3.11.2".into()));
        assert_eq!(v("3.15.0rc2 (main"), Some("3.15.0".into()));
        assert_eq!(v("3.8.18"), None);
        assert_eq!(v("7.8.18 (default"), None);
        assert_eq!(v("3.8.x (default"), None);
    }

    #[test]
    fn hex() {
        assert_eq!(PyVersion::from_hex(0x030b_07f0).map(|v| v.to_string()), Some("3.11.7".into()));
        assert_eq!(PyVersion::from_hex(0), None);
    }
}
