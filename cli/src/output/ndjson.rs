//! `ndjson`: one JSON object for each row, on a line of its own.
//!
//! Keys stand in the order of the columns. Text stays text, also if it looks like a number (`"007"`); what a command
//! computed is a number; several values are an array; a field that a row does not have is left out. `_time` is ISO
//! 8601. Control characters and characters that steer a terminal are written as `\u` escapes, so that the output can
//! be printed anywhere and is the same on a terminal and in a pipe.

use super::cell::CellPrinter;
use super::sanitize::is_safe;
use super::{BYTES_COLUMN, Render, Trailer};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use std::io::{self, Write};
use trawl_query::batch::Batch;
use trawl_query::value::Value;

/// Prints rows as JSON lines.
pub struct Ndjson {
    cells: CellPrinter,
}

impl Ndjson {
    /// Prints times with `cells`.
    pub fn new(cells: CellPrinter) -> Self {
        Self { cells }
    }
}

impl Render for Ndjson {
    fn rows(&mut self, batch: Batch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.len() {
            write_row(out, &batch, row, &self.cells)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &Trailer, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Writes one row as a JSON object.
pub fn write_row(out: &mut dyn Write, batch: &Batch, row: usize, cells: &CellPrinter) -> io::Result<()> {
    let mut separator: &[u8] = b"{";
    for (name, column) in batch.iter().filter(|(name, _)| *name != BYTES_COLUMN) {
        let value = &column[row];
        if value.is_null() {
            continue;
        }
        out.write_all(separator)?;
        separator = b",";
        write_json(out, name)?;
        out.write_all(b":")?;
        match cells.as_time(name, value) {
            Some(time) => write_json(out, &time)?,
            None => write_value(out, value)?,
        }
    }
    out.write_all(if separator == b"{" { b"{}" } else { b"}" })
}

fn write_value(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    match value {
        Value::Null => out.write_all(b"null"),
        Value::Text(text) => write_json(out, text.as_str()),
        // A finite number prints as JSON wants it.
        Value::Number(_) => write!(out, "{value}"),
        Value::Multi(values) => {
            let mut separator: &[u8] = b"[";
            for value in values.iter() {
                out.write_all(separator)?;
                write_value(out, value)?;
                separator = b",";
            }
            out.write_all(b"]")
        }
    }
}

/// Writes anything as JSON that is safe to print.
pub fn write_json(out: &mut dyn Write, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(out, SafeFormatter(CompactFormatter)))?;
    Ok(())
}

/// Escapes what [`is_safe`] refuses, on top of what JSON demands.
struct SafeFormatter(CompactFormatter);

impl Formatter for SafeFormatter {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut written = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| !is_safe(*c)) {
            self.0.write_string_fragment(writer, &fragment[written..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            written = at + c.len_utf8();
        }
        self.0.write_string_fragment(writer, &fragment[written..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{batch, printed};
    use proptest::prelude::*;
    use trawl_formats::Zone;

    #[test]
    fn rows_are_objects_in_column_order() {
        let rows = batch(
            &["_time", "b", "a", "n", "m", "_bytes"],
            &[
                &[1_795_183_500.5.into(), "x\ty".into(), "007".into(), 7.0.into(), Value::Null, "usecret".into()],
                &[Value::Null, Value::Null, "".into(), 0.5.into(), Value::multi(["p".into(), 2.0.into()]), Value::Null],
                &[Value::Null, Value::Null, Value::Null, Value::Null, Value::Null, Value::Null],
            ],
        );
        let text = printed(&mut Ndjson::new(CellPrinter::new(Zone::UTC)), [rows]);
        assert_eq!(
            text,
            "{\"_time\":\"2026-11-20T14:05:00.500000+00:00\",\"b\":\"x\\ty\",\"a\":\"007\",\"n\":7}\n\
             {\"a\":\"\",\"n\":0.5,\"m\":[\"p\",2]}\n\
             {}\n"
        );
    }

    #[test]
    fn hostile_characters_are_escaped() {
        let mut out = Vec::new();
        write_json(&mut out, "\x1b[31m \u{9b} \u{202e} \u{e0041} é \"").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), r#""\u001b[31m \u009b \u202e \udb40\udc41 é \"""#);
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in "\\PC{0,20}|[\\x00-\\u{ffff}]{0,20}") {
            let mut out = Vec::new();
            write_json(&mut out, text.as_str()).unwrap();
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
