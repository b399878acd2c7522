//! `csv`: RFC 4180, with a header line and line feeds.
//!
//! As most programs on Unix do, lines end with LF where the RFC has CR LF. Several values of a cell are joined by line
//! feeds. A field that a row does not have is empty, an empty text is `""`. `_time` is ISO 8601. On a terminal, hostile
//! characters are shown as escapes.

use super::cell::CellPrinter;
use super::columns::Columns;
use super::sanitize::visible;
use super::spool::Spool;
use super::{Render, Trailer};
use std::io::{self, Write};
use trawl_query::batch::Batch;
use trawl_query::value::Value;

/// Prints rows as comma-separated values.
pub struct Csv {
    cells: CellPrinter,
    is_terminal: bool,
    columns: Columns,
    rows: Spool,
}

impl Csv {
    /// Prints times with `cells`; makes hostile characters visible if the output is a terminal.
    pub fn new(cells: CellPrinter, is_terminal: bool) -> Self {
        Self { cells, is_terminal, columns: Columns::default(), rows: Spool::default() }
    }

    fn write_text(&self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        if self.is_terminal { write_field(out, &visible(text)) } else { write_field(out, text) }
    }
}

impl Render for Csv {
    fn rows(&mut self, batch: Batch, _: &mut dyn Write) -> io::Result<()> {
        self.columns.add(&batch);
        self.rows.push(batch)
    }

    fn finish(&mut self, _: &Trailer, out: &mut dyn Write) -> io::Result<()> {
        let mut rows = std::mem::take(&mut self.rows);
        let names = self.columns.names();
        if names.is_empty() {
            return Ok(());
        }
        write_record(out, names, |out, name| self.write_text(out, name))?;
        rows.drain(|batch| {
            let columns: Vec<Option<&[Value]>> = names.iter().map(|name| batch.column(name)).collect();
            (0..batch.len()).try_for_each(|row| {
                write_record(out, names.iter().zip(&columns), |out, (name, column)| {
                    match column.map_or(&Value::Null, |column| &column[row]) {
                        Value::Null => Ok(()),
                        value => self.write_text(out, &self.cells.text(name, value)),
                    }
                })
            })
        })
    }
}

fn write_record<T>(
    out: &mut dyn Write,
    fields: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut dyn Write, T) -> io::Result<()>,
) -> io::Result<()> {
    for (i, field) in fields.into_iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        write(out, field)?;
    }
    out.write_all(b"\n")
}

fn write_field(out: &mut dyn Write, text: &str) -> io::Result<()> {
    if !text.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        return out.write_all(text.as_bytes());
    }
    write!(out, "\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{batch, printed};
    use proptest::prelude::*;
    use trawl_formats::Zone;

    fn csv(is_terminal: bool) -> Csv {
        Csv::new(CellPrinter::new(Zone::UTC), is_terminal)
    }

    #[test]
    fn rows_of_all_batches_have_all_columns() {
        let rows = [
            batch(&["_time", "a"], &[&[1_795_183_500.5.into(), "x,y".into()]]),
            batch(&["_time", "b"], &[&[Value::Null, "say \"hi\"\nthere".into()], &[Value::Null, "".into()]]),
        ];
        assert_eq!(
            printed(&mut csv(false), rows),
            "_time,a,b\n2026-11-20T14:05:00.500000+00:00,\"x,y\",\n,,\"say \"\"hi\"\"\nthere\"\n,,\"\"\n"
        );
        assert_eq!(printed(&mut csv(false), []), "");
    }

    #[test]
    fn bytes_stay_in_a_pipe_and_are_visible_on_a_terminal() {
        let rows = || [batch(&["a"], &[&["\x1b[31m".into()]])];
        assert_eq!(printed(&mut csv(false), rows()), "a\n\x1b[31m\n");
        assert_eq!(printed(&mut csv(true), rows()), "a\n\\x1b[31m\n");
    }

    /// Reads RFC 4180 with LF or CR LF; an absent field is `None`.
    fn parse(text: &str) -> Vec<Vec<Option<String>>> {
        let mut records = Vec::new();
        let mut chars = text.chars().peekable();
        while chars.peek().is_some() {
            let mut record = Vec::new();
            loop {
                let mut field = None;
                if chars.next_if_eq(&'"').is_some() {
                    let mut quoted = String::new();
                    while let Some(c) = chars.next() {
                        if c == '"' && chars.next_if_eq(&'"').is_none() {
                            break;
                        }
                        quoted.push(c);
                    }
                    field = Some(quoted);
                } else {
                    while let Some(c) = chars.next_if(|c| *c != ',' && *c != '\n') {
                        field.get_or_insert_with(String::new).push(c);
                    }
                }
                record.push(field);
                if chars.next() != Some(',') {
                    break;
                }
            }
            records.push(record);
        }
        records
    }

    proptest! {
        #[test]
        fn fields_read_back(rows in proptest::collection::vec(proptest::collection::vec(proptest::option::of("[a\",\\r\\n é]{0,5}"), 3), 1..5)) {
            let cells = |row: &Vec<Option<String>>| -> Vec<Value> {
                row.iter().map(|cell| cell.as_deref().map_or(Value::Null, Value::from)).collect()
            };
            let values: Vec<Vec<Value>> = rows.iter().map(cells).collect();
            let values: Vec<&[Value]> = values.iter().map(Vec::as_slice).collect();
            let text = printed(&mut csv(false), [batch(&["a", "b", "c"], &values)]);
            prop_assert_eq!(&parse(&text)[1..], &rows[..]);
        }
    }
}
