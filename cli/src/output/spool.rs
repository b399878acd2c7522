//! Rows that wait until the last one has come: in memory while they are few, in a temporary file beyond.
//!
//! `csv` and `table` print the columns first, but which columns there are is known only at the end.
//!
//! ```text
//! spool := batch*                         in a file without a name, gone with the process
//! batch := n_columns:u32 n_rows:u32 (name:text)* cell*      cells by column
//! cell  := 0 | 1 text | 2 number:f64 | 3 n:u32 cell*        null, text, number, several values
//! text  := len:u32 bytes                  all numbers little endian
//! ```

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::sync::Arc;
use trawl_query::batch::{Batch, Fields};
use trawl_query::value::Value;

/// Bytes of rows that are kept in memory.
const MAX_MEMORY_BYTES: usize = 64 << 20;

/// Collects batches and gives them back in order.
pub struct Spool {
    max_memory_bytes: usize,
    batches: Vec<Batch>,
    bytes: usize,
    /// The batches that came before those in memory.
    file: Option<BufWriter<File>>,
}

impl Default for Spool {
    fn default() -> Self {
        Self::with_memory(MAX_MEMORY_BYTES)
    }
}

impl Spool {
    /// A spool that writes to a file once its batches take more than `max_memory_bytes`.
    fn with_memory(max_memory_bytes: usize) -> Self {
        Self { max_memory_bytes, batches: Vec::new(), bytes: 0, file: None }
    }

    /// Adds a batch.
    pub fn push(&mut self, batch: Batch) -> io::Result<()> {
        self.bytes += batch.bytes();
        self.batches.push(batch);
        if self.bytes <= self.max_memory_bytes {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            file => file.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        self.bytes = 0;
        self.batches.drain(..).try_for_each(|batch| write_batch(file, &batch))
    }

    /// Calls `f` with every batch, in order.
    pub fn drain(&mut self, mut f: impl FnMut(Batch) -> io::Result<()>) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.rewind()?;
            let mut file = BufReader::new(file);
            while let Some(batch) = read_batch(&mut file)? {
                f(batch)?;
            }
        }
        self.bytes = 0;
        self.batches.drain(..).try_for_each(f)
    }
}

fn write_batch(out: &mut impl Write, batch: &Batch) -> io::Result<()> {
    write_len(out, batch.fields().len())?;
    write_len(out, batch.len())?;
    batch.fields().iter().try_for_each(|name| write_text(out, name))?;
    batch.iter().flat_map(|(_, column)| column).try_for_each(|cell| write_cell(out, cell))
}

fn write_cell(out: &mut impl Write, cell: &Value) -> io::Result<()> {
    match cell {
        Value::Null => out.write_all(&[0]),
        Value::Text(text) => {
            out.write_all(&[1])?;
            write_text(out, text)
        }
        Value::Number(number) => {
            out.write_all(&[2])?;
            out.write_all(&number.to_le_bytes())
        }
        Value::Multi(values) => {
            out.write_all(&[3])?;
            write_len(out, values.len())?;
            values.iter().try_for_each(|value| write_cell(out, value))
        }
    }
}

fn write_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    write_len(out, text.len())?;
    out.write_all(text.as_bytes())
}

fn write_len(out: &mut impl Write, len: usize) -> io::Result<()> {
    let len =
        u32::try_from(len).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a cell is larger than 4 GiB"))?;
    out.write_all(&len.to_le_bytes())
}

/// The next batch; `None` at the end of the file.
fn read_batch(input: &mut BufReader<File>) -> io::Result<Option<Batch>> {
    use io::BufRead;
    if input.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let n_columns = read_len(input)?;
    let n_rows = read_len(input)?;
    let names = (0..n_columns).map(|_| read_text(input)).collect::<io::Result<Vec<_>>>()?;
    let column = |_| (0..n_rows).map(|_| read_cell(input)).collect();
    let columns = (0..n_columns).map(column).collect::<io::Result<Vec<Vec<Value>>>>()?;
    Ok(Some(Batch::new(Arc::new(Fields::new(names)), columns, n_rows, None)))
}

fn read_cell(input: &mut impl Read) -> io::Result<Value> {
    match read_array(input)? {
        [0] => Ok(Value::Null),
        [1] => read_text(input).map(Value::from),
        [2] => Ok(Value::Number(f64::from_le_bytes(read_array(input)?))),
        _ => Ok(Value::multi((0..read_len(input)?).map(|_| read_cell(input)).collect::<io::Result<Vec<_>>>()?)),
    }
}

fn read_text(input: &mut impl Read) -> io::Result<String> {
    let mut bytes = vec![0; read_len(input)?];
    input.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn read_len(input: &mut impl Read) -> io::Result<usize> {
    Ok(u32::from_le_bytes(read_array(input)?) as usize)
}

fn read_array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let single = prop_oneof![
            Just(Value::Null),
            "\\PC{0,8}".prop_map(Value::from),
            proptest::num::f64::NORMAL.prop_map(Value::Number),
        ];
        proptest::collection::vec(single, 0..4).prop_map(Value::multi)
    }

    fn any_batch() -> impl Strategy<Value = Batch> {
        (0..4_usize, 0..5_usize).prop_flat_map(|(n_columns, n_rows)| {
            proptest::collection::vec(proptest::collection::vec(value(), n_rows), n_columns).prop_map(move |columns| {
                let names = (0..columns.len()).map(|i| format!("c{i}"));
                Batch::new(Arc::new(Fields::new(names)), columns, n_rows, None)
            })
        })
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(batches in proptest::collection::vec(any_batch(), 0..6), max_memory_bytes in 0..400_usize) {
            let mut spool = Spool::with_memory(max_memory_bytes);
            batches.iter().try_for_each(|batch| spool.push(batch.clone())).unwrap();
            let mut out = Vec::new();
            spool.drain(|batch| { out.push(batch); Ok(()) }).unwrap();
            prop_assert_eq!(out, batches);
        }
    }
}
