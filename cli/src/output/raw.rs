//! `raw`: events as they were written.
//!
//! In a pipe: the exact bytes of each event, line end included (one is added where the event has none). On a terminal:
//! its text with matches and level in colour and hostile characters visible. A row without `_raw`, such as those of
//! `stats`, prints as its values with tabs between them.

use super::cell::CellPrinter;
use super::highlight::{Marks, write_event};
use super::theme::Theme;
use super::{BYTES_COLUMN, Render, Trailer, sanitize};
use std::borrow::Cow;
use std::io::{self, Write};
use trawl_query::batch::Batch;
use trawl_query::engine::bytes;
use trawl_query::value::Value;
use trawl_query::wanted::Wanted;

/// Prints events for a program: their bytes.
pub struct RawBytes {
    cells: CellPrinter,
}

/// Prints events for people.
pub struct RawText {
    cells: CellPrinter,
    theme: Theme,
    marks: Marks,
}

impl RawBytes {
    /// Prints times, where there are any beside the events, with `cells`.
    pub fn new(cells: CellPrinter) -> Self {
        Self { cells }
    }
}

impl Render for RawBytes {
    fn fields(&self, are_whole: bool) -> Wanted {
        // The text stands in for the bytes of rows that a command has made.
        Wanted::of([BYTES_COLUMN].into_iter().chain((!are_whole).then_some("_raw")))
    }

    fn rows(&mut self, batch: Batch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.len() {
            let raw = batch.value(row, "_raw");
            let bytes = match (bytes::from_value(batch.value(row, BYTES_COLUMN)), raw) {
                (Some(bytes), _) => bytes,
                (None, Value::Null) => Cow::Owned(values(&batch, row, &self.cells).into_bytes()),
                (None, raw) => Cow::Owned(raw.to_string().into_bytes()),
            };
            write_line(out, &bytes, |out, line| out.write_all(line))?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &Trailer, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

impl RawText {
    /// Colours what `marks` says.
    pub fn new(cells: CellPrinter, theme: Theme, marks: Marks) -> Self {
        Self { cells, theme, marks }
    }
}

impl Render for RawText {
    fn fields(&self, _: bool) -> Wanted {
        // Sourcetype and level decide about the colour.
        Wanted::of(["_raw", "sourcetype", "level"])
    }

    fn rows(&mut self, batch: Batch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.len() {
            let raw = batch.value(row, "_raw");
            if raw.is_null() {
                let text = values(&batch, row, &self.cells);
                write_line(out, text.as_bytes(), |out, line| sanitize::write(out, line, &self.theme))?;
                continue;
            }
            let sourcetype = batch.value(row, "sourcetype").as_text().unwrap_or_default();
            let level = batch.value(row, "level").as_text();
            let level = level.as_deref().and_then(|level| Some((level, self.marks.severity(&sourcetype, level)?)));
            raw.with_text(|text| {
                write_line(out, text.as_bytes(), |out, line| {
                    write_event(out, line, level, &self.marks.highlighter, &self.theme)
                })
            })?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &Trailer, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Writes `text` with `write`, and a line feed if it does not end with one.
fn write_line(
    out: &mut dyn Write,
    text: &[u8],
    write: impl FnOnce(&mut dyn Write, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    write(out, text)?;
    if text.ends_with(b"\n") { Ok(()) } else { out.write_all(b"\n") }
}

/// The values of a row with tabs between them.
fn values(batch: &Batch, row: usize, cells: &CellPrinter) -> String {
    let cell = |(name, column): (&str, &[Value])| cells.text(name, &column[row]).into_owned();
    batch.iter().filter(|(name, _)| *name != BYTES_COLUMN).map(cell).collect::<Vec<_>>().join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{batch, printed_bytes};
    use trawl_formats::{Registry, Zone};

    fn events() -> [Batch; 1] {
        let event = |bytes: &[u8]| {
            [String::from_utf8_lossy(bytes).trim_end().into(), bytes::to_value(bytes), "ERROR".into(), "log4j".into()]
        };
        let rows = [event(b"ERROR caf\xe9\r\n"), event(b"\x1b[31mERROR")];
        batch_of(&rows)
    }

    fn batch_of(rows: &[[Value; 4]]) -> [Batch; 1] {
        let rows: Vec<&[Value]> = rows.iter().map(|row| &row[..]).collect();
        [batch(&["_raw", BYTES_COLUMN, "level", "sourcetype"], &rows)]
    }

    #[test]
    fn a_pipe_gets_the_exact_bytes() {
        let printed = printed_bytes(&mut RawBytes::new(CellPrinter::new(Zone::UTC)), events());
        assert_eq!(printed, b"ERROR caf\xe9\r\n\x1b[31mERROR\n");
    }

    #[test]
    fn a_pipe_needs_the_text_only_where_bytes_may_be_missing() {
        let pipe = RawBytes::new(CellPrinter::new(Zone::UTC));
        assert_eq!(pipe.fields(true), Wanted::of([BYTES_COLUMN]));
        assert_eq!(pipe.fields(false), Wanted::of([BYTES_COLUMN, "_raw"]));
    }

    #[test]
    fn a_terminal_gets_safe_text() {
        let cells = CellPrinter::new(Zone::UTC);
        let mut plain = RawText::new(cells.clone(), Theme::plain(), Marks::default());
        assert_eq!(printed_bytes(&mut plain, events()), "ERROR caf\u{fffd}\n\\x1b[31mERROR\n".as_bytes());
        let mut colored =
            RawText::new(cells, Theme::colored(), Marks { registry: Some(Registry::builtin()), ..Marks::default() });
        let text = String::from_utf8(printed_bytes(&mut colored, events())).unwrap();
        assert!(text.starts_with("\x1b[1m\x1b[31mERROR\x1b[0m caf"), "{text:?}");
    }

    #[test]
    fn rows_that_are_no_events_print_their_values() {
        let rows = || [batch(&["host", "count"], &[&["web".into(), 3.0.into()], &[Value::Null, "\x07".into()]])];
        let cells = CellPrinter::new(Zone::UTC);
        assert_eq!(printed_bytes(&mut RawBytes::new(cells.clone()), rows()), b"web\t3\n\t\x07\n");
        let mut text = RawText::new(cells, Theme::plain(), Marks::default());
        assert_eq!(printed_bytes(&mut text, rows()), b"web\t3\n\t\\x07\n");
    }
}
