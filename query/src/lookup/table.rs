//! A lookup table in memory.

use super::error::{Listed, LookupError};
use super::folder;
use crate::batch::{Batch, Fields};
use crate::context::Context;
use crate::value::Value;
use csv::{ByteRecord, ReaderBuilder, Writer};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Lines that are read before their memory is counted.
const LINES_PER_COUNT: usize = 1024;

/// The lines of a CSV file. The first line names the columns; an empty cell is null. Cells beyond the named columns, and
/// columns without a name, are left out; bytes that are no UTF-8 become replacement characters.
#[derive(Debug)]
pub(crate) struct Table {
    path: PathBuf,
    rows: Batch,
}

impl Table {
    /// Reads a file, plain or compressed. Its memory counts against the search's limit.
    pub fn read(path: &Path, command: &'static str, ctx: &Context) -> Result<Self, LookupError> {
        let limit = ctx.limits.max_memory_bytes;
        let text = folder::open(path).map_err(LookupError::io("read", path))?;
        // A small file may decompress to any size, and one line may be all of it.
        let mut text = text.take(limit as u64 + 1);
        let rows = read_rows(&mut text, path, command, ctx)?;
        if text.limit() == 0 {
            return Err(LookupError::TooLarge { path: path.to_owned(), limit });
        }
        Ok(Self { path: path.to_owned(), rows })
    }

    /// Replaces the file by the first `n_rows` of these rows, or creates it. Internal fields are not written; of several values
    /// of a cell each is a line of its own within the cell.
    pub fn write(path: &Path, rows: &Batch, n_rows: usize) -> Result<(), LookupError> {
        let columns: Vec<(&str, &[Value])> = rows.iter().filter(|(name, _)| !name.starts_with('_')).collect();
        folder::replace(path, |out| {
            if columns.is_empty() {
                return Ok(());
            }
            let mut writer = Writer::from_writer(out);
            writer.write_record(columns.iter().map(|(name, _)| name))?;
            for row in 0..n_rows {
                for (_, cells) in &columns {
                    cells[row].with_text(|text| writer.write_field(text))?;
                }
                writer.write_record(None::<&[u8]>)?;
            }
            writer.flush()
        })
        .map_err(LookupError::io("write", path))
    }

    /// The lines.
    pub fn rows(&self) -> &Batch {
        &self.rows
    }

    /// The place of a column.
    pub fn column(&self, name: &str) -> Result<usize, LookupError> {
        let fields = self.rows.fields();
        fields.index_of(name).ok_or_else(|| LookupError::NoColumn {
            column: name.to_owned(),
            path: self.path.clone(),
            there: Listed::new(fields.iter().map(str::to_owned).collect(), name, |name| name),
        })
    }
}

fn read_rows(text: &mut impl Read, path: &Path, command: &'static str, ctx: &Context) -> Result<Batch, LookupError> {
    let wrong = |error: csv::Error| LookupError::io("read", path)(error.into());
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text);
    let header = reader.byte_headers().map_err(wrong)?.clone();
    let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let mut columns: Vec<Vec<Value>> = vec![Vec::new(); names.len()];
    let (mut n_rows, mut n_bytes) = (0, 0);
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(wrong)? {
        for (column, cells) in columns.iter_mut().enumerate() {
            let cell = match record.get(column).unwrap_or_default() {
                [] => Value::Null,
                bytes => Value::from(String::from_utf8_lossy(bytes)),
            };
            n_bytes += size_of::<Value>() + cell.heap_bytes();
            cells.push(cell);
        }
        n_rows += 1;
        if n_rows % LINES_PER_COUNT == 0 {
            ctx.cancel.check()?;
            ctx.hold(command, std::mem::take(&mut n_bytes))?;
        }
    }
    ctx.hold(command, n_bytes)?;
    // Of two columns of one name the first counts.
    let fields = Fields::new(names.iter().filter(|name| !name.is_empty()).map(String::as_str));
    let columns = fields.iter().filter_map(|field| {
        let index = names.iter().position(|name| name == field)?;
        Some(std::mem::take(&mut columns[index]))
    });
    let columns = columns.collect();
    Ok(Batch::new(Arc::new(fields), columns, n_rows, None))
}
