//! Rows as the content of a block.
//!
//! ```text
//! rows := names:list n_rows place* cell*       cells by column
//! ```

use super::{Damaged, Wire, encode_text};
use crate::batch::{Batch, Fields, OrderKey};
use crate::value::Value;
use compact_str::CompactString;
use std::sync::Arc;

/// How many rows to write into one block, so that it takes `block_bytes` of memory when it is read back.
pub(crate) fn rows_per_block(block_bytes: usize, n_rows: usize, n_bytes: usize) -> usize {
    (block_bytes.saturating_mul(n_rows) / n_bytes.max(1)).clamp(1, n_rows.max(1))
}

/// Writes the given rows of a batch, each with its place.
pub(crate) fn encode_rows(batch: &Batch, rows: &[u32], place: impl Fn(u32) -> OrderKey, out: &mut Vec<u8>) {
    batch.fields().len().encode(out);
    batch.fields().iter().for_each(|name| encode_text(name, out));
    rows.len().encode(out);
    rows.iter().for_each(|row| place(*row).encode(out));
    for (_, column) in batch.iter() {
        rows.iter().for_each(|row| column[*row as usize].encode(out));
    }
}

/// Rows as they were written; their places are their order keys.
///
/// # Errors
/// If the bytes were not written by [`encode_rows`].
pub(crate) fn decode_rows(mut input: &[u8]) -> Result<Batch, Damaged> {
    let names = Vec::<CompactString>::decode(&mut input)?;
    let order = Vec::<OrderKey>::decode(&mut input)?;
    let fields = Fields::new(names.iter().cloned());
    if fields.len() != names.len() {
        return Err(Damaged);
    }
    let mut column = |_| order.iter().map(|_| Value::decode(&mut input)).collect();
    let columns = (0..names.len()).map(&mut column).collect::<Result<Vec<Vec<Value>>, Damaged>>()?;
    Ok(Batch::new(Arc::new(fields), columns, order.len(), Some(order)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spill::wire::tests::{any_value, is_same};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_come_back_as_they_were(
            cells in proptest::collection::vec((any_value(), any_value()), 1..9),
            picked in proptest::collection::vec(any::<prop::sample::Index>(), 0..9),
        ) {
            let (a, b): (Vec<Value>, Vec<Value>) = cells.into_iter().unzip();
            let batch = Batch::from_columns(a.len(), [("a", a), ("_b", b)]);
            let rows: Vec<u32> = picked.iter().map(|index| index.index(batch.len()) as u32).collect();
            let mut bytes = Vec::new();
            encode_rows(&batch, &rows, |row| OrderKey::sequence(row.into()), &mut bytes);
            let back = decode_rows(&bytes).unwrap();
            prop_assert_eq!(back.fields(), batch.fields());
            prop_assert_eq!(back.len(), rows.len());
            for (index, row) in rows.iter().enumerate() {
                prop_assert_eq!(back.order().unwrap()[index], OrderKey::sequence((*row).into()));
                for column in 0..2 {
                    prop_assert!(is_same(&back.column_at(column)[index], &batch.column_at(column)[*row as usize]));
                }
            }
        }

        #[test]
        fn any_bytes_are_rows_or_damaged(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode_rows(&bytes);
        }
    }
}
