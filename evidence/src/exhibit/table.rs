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
    /// Rows with one cell for each column.
    pub rows: Vec<Vec<String>>,
    /// How many rows there were, where not all are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_rows_in_all: Option<u64>,
}

impl Table {
    /// A table of these columns and rows.
    pub fn new<C: Into<String>>(
        title: impl Into<String>,
        columns: impl IntoIterator<Item = C>,
        rows: Vec<Vec<String>>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self { title: title.into(), columns, rows, n_rows_in_all: None }
    }
}
