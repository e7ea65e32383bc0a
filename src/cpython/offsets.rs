//! The registry of layouts: a version → its file of `python_offsets/`, or the user's own. Believes nothing yet: the
//! checks against the target are in `runtime`.

use std::path::Path;

use super::debug_offsets;
use super::layout::Layout;
use super::version::PyVersion;

/// The files built into leakspy, by series.
const BUILT_IN: [(&str, &str); 9] = [
    ("2.7", include_str!("../../python_offsets/2.7.toml")),
    ("3.6", include_str!("../../python_offsets/3.6.toml")),
    ("3.7", include_str!("../../python_offsets/3.7.toml")),
    ("3.8", include_str!("../../python_offsets/3.8.toml")),
    ("3.9", include_str!("../../python_offsets/3.9.toml")),
    ("3.10", include_str!("../../python_offsets/3.10.toml")),
    ("3.11", include_str!("../../python_offsets/3.11.toml")),
    ("3.12", include_str!("../../python_offsets/3.12.toml")),
    ("3.13", include_str!("../../python_offsets/3.13.toml")),
];

/// A layout and where each part of it came from.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The layout.
    pub layout: Layout,
    /// The file's own table of `_Py_DebugOffsets`, where it has one.
    pub debug_offsets: Option<debug_offsets::Table>,
    /// Where each table came from, in words: `python_offsets/3.11.toml (built in, from dwarf of 3.11.7)`.
    pub sources: Vec<TableSource>,
}

/// Where one table of a layout came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSource {
    /// The section of the layout file.
    pub section: String,
    /// In words.
    pub source: String,
}

/// Why there is no layout.
#[derive(Debug, thiserror::Error)]
pub enum OffsetsError {
    /// No file for this series.
    #[error("Python {version} has no layout here; known: {known}")]
    Unknown {
        /// What the target is.
        version: PyVersion,
        /// What is known, `2.7, 3.6, …`.
        known: String,
    },
    /// The user's file could not be read.
    #[error("cannot read the layout {path}: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// What went wrong.
        why: String,
    },
    /// A file that is no layout.
    #[error("{path} is no layout: {why}")]
    Malformed {
        /// The file.
        path: String,
        /// Where and what.
        why: String,
    },
}

/// The series for which there is a built-in file.
#[must_use]
pub fn known() -> String {
    BUILT_IN.map(|(series, _)| series).join(", ")
}

/// The layout for a version: the user's file where one is given, else the built-in one.
///
/// # Errors
/// Where there is none, or it does not parse.
pub fn choose(version: PyVersion, own: Option<&Path>) -> Result<Chosen, OffsetsError> {
    if let Some(path) = own {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| OffsetsError::Unreadable { path: name.clone(), why: e.to_string() })?;
        return parse(&text, &name, "--offsets");
    }
    let series = version.series();
    match BUILT_IN.iter().find(|(known, _)| *known == series) {
        Some((_, text)) => parse(text, &format!("python_offsets/{series}.toml"), "built in"),
        None => Err(OffsetsError::Unknown { version, known: known() }),
    }
}

fn parse(text: &str, path: &str, how: &str) -> Result<Chosen, OffsetsError> {
    let malformed = |why: String| OffsetsError::Malformed { path: path.to_owned(), why };
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| malformed(e.to_string()))?;
    inside(&table).map_err(malformed)?;
    let layout: Layout = table.clone().try_into().map_err(|e: toml::de::Error| malformed(e.to_string()))?;
    let source = format!("{path} ({how}, from {} of {})", layout.source.from, layout.source.cpython);
    let tables =
        table.iter().filter(|(name, section)| name.as_str() != "debug_offsets" && section.get("size").is_some());
    let sources = tables.map(|(name, _)| TableSource { section: name.clone(), source: source.clone() }).collect();
    Ok(Chosen { layout, debug_offsets: debug_offsets::Table::of(&table), sources })
}

/// Does every member end inside its struct?
fn inside(table: &toml::Table) -> Result<(), String> {
    for (name, section) in table {
        let Some(size) = section.get("size").and_then(toml::Value::as_integer) else { continue };
        for (member, place) in section.as_table().into_iter().flatten() {
            let Some([at, bytes]) = place.as_array().map(Vec::as_slice) else { continue };
            let end = at.as_integer().zip(bytes.as_integer()).and_then(|(at, bytes)| at.checked_add(bytes));
            if end.is_none_or(|end| end > size || size > 1 << 24) || at.as_integer().is_none_or(|at| at < 0) {
                return Err(format!("[{name}] {member} ends outside its struct of {size} bytes"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_file_parses() {
        for (series, text) in BUILT_IN {
            let chosen = parse(text, series, "built in").unwrap_or_else(|e| panic!("{series}: {e}"));
            assert!(chosen.layout.source.cpython.starts_with(series));
            assert!(chosen.layout.object.size == 16 && chosen.layout.type_.size > 300);
        }
    }

    #[test]
    fn a_member_outside_its_struct_is_refused() {
        let text = BUILT_IN[0].1.replacen("ob_type = [8, 8]", "ob_type = [12, 8]", 1);
        let refused = parse(&text, "x.toml", "--offsets");
        assert!(matches!(refused, Err(OffsetsError::Malformed { .. })), "{refused:?}");
    }

    #[test]
    fn an_unknown_series_names_the_known_ones() {
        let version = PyVersion { major: 3, minor: 99, micro: 0 };
        let refused = choose(version, None).map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(
            refused,
            Err("Python 3.99.0 has no layout here; known: 2.7, 3.6, 3.7, 3.8, 3.9, 3.10, 3.11, 3.12, 3.13".into())
        );
    }
}
