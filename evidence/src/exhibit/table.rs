//! Tables of exhibits.

use serde::{Deserialize, Serialize};

/// Rows of text under names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// What it shows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// What the columns hold; where it is not said, their cells tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<ColumnKind>,
    /// Rows with one cell for each column.
    pub rows: Vec<Vec<String>>,
    /// How many rows there were, where not all are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_rows_in_all: Option<u64>,
}

/// What a column holds, which decides how it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Text that may need several lines.
    #[default]
    Text,
    /// A time or a word: on one line.
    Short,
    /// A number: on one line, at the right.
    Number,
    /// A line of a log, or a pattern of lines: in letters of one width, and as wide as there is room.
    Line,
}

impl Table {
    /// A table of these columns and rows.
    pub fn new<C: Into<String>>(
        title: impl Into<String>,
        columns: impl IntoIterator<Item = C>,
        rows: Vec<Vec<String>>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self { title: title.into(), columns, rows, ..Self::default() }
    }

    /// A table of which it is known what its columns hold.
    pub fn of_kinds(title: &str, columns: &[(&str, ColumnKind)], rows: Vec<Vec<String>>) -> Self {
        let kinds = columns.iter().map(|(_, kind)| *kind).collect();
        Self { kinds, ..Self::new(title, columns.iter().map(|(name, _)| *name), rows) }
    }

    /// What a column holds: what was said, or what its name and its cells tell.
    pub fn kind(&self, column: usize) -> ColumnKind {
        if let Some(kind) = self.kinds.get(column) {
            return *kind;
        }
        let cells = || self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty());
        match self.columns.get(column).map(String::as_str) {
            Some("_time") => ColumnKind::Short,
            Some("_raw") => ColumnKind::Line,
            _ if cells().next().is_some() && cells().all(|cell| is_number(cell)) => ColumnKind::Number,
            _ => ColumnKind::Text,
        }
    }
}

/// Whether a cell is a number as results write it.
fn is_number(cell: &str) -> bool {
    cell.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) && cell.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_said_or_seen() {
        let rows = vec![vec!["7".into(), "-1.5e3".into(), "10.0.0.1".into(), String::new(), "x".into()]];
        let table = Table::new("", ["a", "b", "c", "d", "_raw"], rows);
        let kinds = |table: &Table| (0..table.columns.len()).map(|column| table.kind(column)).collect::<Vec<_>>();
        use ColumnKind::{Line, Number, Text};
        assert_eq!(kinds(&table), [Number, Number, Text, Text, Line]);
        let said = Table::of_kinds("", &[("a", Text)], vec![vec!["7".into()]]);
        assert_eq!(kinds(&said), [Text]);
        // As it was before kinds were kept.
        let old: Table = serde_json::from_str(r#"{"columns":["a"],"rows":[["7"]]}"#).unwrap();
        assert_eq!(kinds(&old), [Number]);
        let again: Table = serde_json::from_str(&serde_json::to_string(&said).unwrap()).unwrap();
        assert_eq!(again, said);
    }
}
