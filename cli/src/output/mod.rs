//! Everything that is printed: rows to the standard output ([`Render`]), notes and progress to the standard error.
//!
//! Each output format is one file with one renderer. A renderer takes batches as they come and writes through a handle;
//! nothing in here knows what a standard stream is.

mod cell;
mod columns;
mod context;
mod csv;
mod highlight;
pub mod human;
mod json;
mod layout;
mod ndjson;
pub mod notes;
pub mod progress;
mod raw;
mod sanitize;
mod spool;
mod table;
mod theme;

pub use cell::CellPrinter;
pub use context::{AfterAll, WithContext};
pub use highlight::{Highlighter, Marks, write_event};
pub use sanitize::{visible, write as write_visible};
pub use theme::Theme;

use crate::terminal::Terminal;
use std::io::{self, Write};
use std::sync::Arc;
use trawl_formats::Zone;
use trawl_query::batch::{Batch, Fields};
use trawl_query::value::Value;
use trawl_query::wanted::Wanted;

/// The column that carries the exact bytes of an event; for `raw` only, never shown as a field.
pub use trawl_query::engine::bytes::FIELD as BYTES_COLUMN;

/// The column that says where the bytes of an event lie: rows that have it are events.
const ADDRESS_COLUMN: &str = "_addr";

/// The output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The events as they were written: exact bytes in a pipe, coloured and escape-safe on a terminal
    Raw,
    /// Aligned columns that fit the terminal
    Table,
    /// One object: results, fields, warnings, coverage
    Json,
    /// One JSON object for each row
    Ndjson,
    /// Comma-separated values (RFC 4180) with a header line
    Csv,
}

/// What follows after the last row.
#[derive(Clone, Debug, Default)]
pub struct Trailer {
    /// What a person should know about the answer.
    pub warnings: Vec<String>,
    /// What was searched, if anything was.
    pub coverage: Option<serde_json::Value>,
}

/// Prints rows in one format.
pub trait Render {
    /// The fields of events that it prints. `are_whole` tells that rows come out of the pipeline as they went in, so that each
    /// event still has its bytes.
    fn fields(&self, are_whole: bool) -> Wanted {
        let _ = are_whole;
        Wanted::All
    }

    /// Takes the next rows of the answer. They may be printed now or in [`finish`](Self::finish).
    ///
    /// # Errors
    /// If `out` cannot be written.
    fn rows(&mut self, batch: Batch, out: &mut dyn Write) -> io::Result<()>;

    /// All rows have come: prints what is left. Called once.
    ///
    /// # Errors
    /// If `out` cannot be written.
    fn finish(&mut self, trailer: &Trailer, out: &mut dyn Write) -> io::Result<()>;
}

/// What renderers need to know of the world.
#[derive(Clone, Copy)]
pub struct Look {
    /// Where the rows go.
    pub terminal: Terminal,
    /// The zone in which times are printed.
    pub zone: Zone,
}

/// A batch of rows that a verb has made itself.
///
/// # Panics
/// If a row has not one cell for each name.
pub fn batch_of(names: &[&str], rows: Vec<Vec<Value>>) -> Batch {
    let n_rows = rows.len();
    let mut columns: Vec<Vec<Value>> = names.iter().map(|_| Vec::with_capacity(n_rows)).collect();
    for row in rows {
        assert_eq!(row.len(), names.len(), "one cell for each name");
        columns.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
    }
    Batch::new(Arc::new(Fields::new(names.iter().copied())), columns, n_rows, None)
}

impl Look {
    /// The colours of the standard output.
    pub fn theme(&self) -> Theme {
        Theme::new(self.terminal.color_stdout)
    }

    /// Whether `raw` prints coloured, safe text for people rather than exact bytes.
    pub fn is_for_people(&self) -> bool {
        self.terminal.stdout_is_terminal() || self.terminal.color_stdout
    }

    /// A renderer of `format` that colours events as `marks` says.
    pub fn renderer(&self, format: Format, marks: Marks) -> Box<dyn Render> {
        let cells = CellPrinter::new(self.zone);
        match format {
            Format::Raw if self.is_for_people() => Box::new(raw::RawText::new(cells, self.theme(), marks)),
            Format::Raw => Box::new(raw::RawBytes::new(cells)),
            Format::Table => Box::new(table::Table::new(cells, self.theme(), self.terminal.width)),
            Format::Json => Box::new(json::Json::new(cells)),
            Format::Ndjson => Box::new(ndjson::Ndjson::new(cells)),
            Format::Csv => Box::new(csv::Csv::new(cells, self.terminal.stdout_is_terminal())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch of rows.
    pub fn batch(names: &[&str], rows: &[&[Value]]) -> Batch {
        batch_of(names, rows.iter().map(|row| row.to_vec()).collect())
    }

    /// What a renderer prints.
    pub fn printed(render: &mut dyn Render, batches: impl IntoIterator<Item = Batch>) -> String {
        printed_with(render, batches, &Trailer::default())
    }

    /// What a renderer prints, with a trailer.
    pub fn printed_with(
        render: &mut dyn Render,
        batches: impl IntoIterator<Item = Batch>,
        trailer: &Trailer,
    ) -> String {
        let mut out = Vec::new();
        batches.into_iter().for_each(|batch| render.rows(batch, &mut out).unwrap());
        render.finish(trailer, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// What a renderer prints, as bytes.
    pub fn printed_bytes(render: &mut dyn Render, batches: impl IntoIterator<Item = Batch>) -> Vec<u8> {
        let mut out = Vec::new();
        batches.into_iter().for_each(|batch| render.rows(batch, &mut out).unwrap());
        render.finish(&Trailer::default(), &mut out).unwrap();
        out
    }
}
