//! Tables as a report shows them: cells that are short enough to be read, with all of their text where a reader can get at it.

use crate::exhibit::{ColumnKind, Table};
use trawl_formats::visible::clip;

/// Most characters of a cell that stand in the table, by what the column holds: in a column of lines a third line helps nobody.
const MAX_CELL_CHARS: usize = 300;
const MAX_LINE_CHARS: usize = 160;
/// Most characters of a cell that a report holds at all.
const MAX_WHOLE_CHARS: usize = 2_000;

/// A table as a report shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShownTable {
    /// What it shows.
    pub title: String,
    /// Names of the columns, and what they hold.
    pub columns: Vec<(String, ColumnKind)>,
    /// Rows with one cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Text of which nothing is left out.
    Text(String),
    /// The beginning of a text, and the text: all of it, or as much as a report holds.
    Clipped {
        /// Its beginning.
        shown: String,
        /// The text.
        whole: String,
    },
    /// What a person or an analysis says, among lines of logs.
    Said(String),
    /// Exhibits by their numbers, to be linked.
    Exhibits(Vec<u32>),
}

impl Cell {
    /// A cell of a column with this text.
    pub fn of(text: &str, kind: ColumnKind) -> Self {
        // Of an event of several lines, the first one stands in the table.
        let (head, most) = match kind {
            ColumnKind::Line => (text.lines().next().unwrap_or_default(), MAX_LINE_CHARS),
            _ => (text, MAX_CELL_CHARS),
        };
        let shown = clip(head, most);
        if shown.len() >= text.trim_end().len() {
            return Self::Text(text.trim_end().to_owned());
        }
        let shown = if shown.len() == head.len() { format!("{shown} …") } else { shown.into_owned() };
        Self::Clipped { shown, whole: clip(text.trim_end(), MAX_WHOLE_CHARS).into_owned() }
    }

    /// A cell with what somebody says.
    pub fn said(text: &str) -> Self {
        Self::Said(clip(text.trim_end(), MAX_CELL_CHARS).into_owned())
    }

    /// What stands in the table, as text.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(shown) | Self::Said(shown) | Self::Clipped { shown, .. } => shown.clone(),
            Self::Exhibits(numbers) => {
                numbers.iter().map(|number| super::label(*number)).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

impl ShownTable {
    /// A table with the first rows of another.
    pub fn of(table: &Table, most: usize) -> Self {
        let columns: Vec<(String, ColumnKind)> =
            table.columns.iter().enumerate().map(|(at, name)| (name.clone(), table.kind(at))).collect();
        let row = |row: &Vec<String>| -> Vec<Cell> {
            // What a person edited may have too few.
            let cells = row.iter().map(String::as_str).chain(std::iter::repeat(""));
            columns.iter().zip(cells).map(|((_, kind), cell)| Cell::of(cell, *kind)).collect()
        };
        let rows = table.rows.iter().take(most).map(row).collect();
        Self { title: table.title.clone(), columns, rows }
    }

    /// Whether some text is left out of its cells.
    pub fn is_clipped(&self) -> bool {
        self.rows.iter().flatten().any(|cell| matches!(cell, Cell::Clipped { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_and_kept() {
        use ColumnKind::{Line, Text};
        assert_eq!(Cell::of("a\nb\n", Text), Cell::Text("a\nb".to_owned()));
        assert_eq!(Cell::of("ä\n", Line), Cell::Text("ä".to_owned()));
        let trace = "java.lang.NullPointerException\n\tat Pay.run(Pay.java:12)\n";
        let clipped = |shown: &str, whole: &str| Cell::Clipped { shown: shown.to_owned(), whole: whole.to_owned() };
        assert_eq!(Cell::of(trace, Line), clipped("java.lang.NullPointerException …", trace.trim_end()));
        let Cell::Clipped { shown, whole } = Cell::of(&"é".repeat(80_000), Line) else { panic!("it is long") };
        assert_eq!((shown.chars().count(), whole.chars().count()), (MAX_LINE_CHARS, MAX_WHOLE_CHARS));
        assert!(shown.ends_with("é…") && whole.ends_with("é…"));
    }

    #[test]
    fn rows_have_a_cell_for_each_column() {
        let table = Table::new("", ["a", "b"], vec![vec!["1".into()], vec!["2".into(), "x".into(), "y".into()]]);
        let shown = ShownTable::of(&table, 2);
        assert!(shown.rows.iter().all(|row| row.len() == 2), "{shown:?}");
        assert_eq!(ShownTable::of(&table, 1).rows.len(), 1);
    }
}
