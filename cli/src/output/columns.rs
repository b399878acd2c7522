//! The columns of a whole answer, whose batches may each have others.

use super::{ADDRESS_COLUMN, BYTES_COLUMN};
use trawl_query::batch::Batch;
use trawl_query::value::Value;

/// The names of the columns seen so far.
///
/// The order does not depend on where the stream was cut into batches: a new name stands behind the column that it
/// follows in its batch and, since extracted fields come in alphabetical order, behind the names after that one that
/// sort before it. Names that follow no known column stand at the end.
///
/// Events have the fields that some event of the answer has; the columns of a table are there even if they are empty.
#[derive(Debug, Default)]
pub struct Columns(Vec<String>);

impl Columns {
    /// Takes in the columns of a batch.
    pub fn add(&mut self, batch: &Batch) {
        let Self(names) = self;
        let mut place = names.len();
        let is_events = batch.fields().index_of(ADDRESS_COLUMN).is_some();
        let is_shown =
            |name: &str, column: &[Value]| name != BYTES_COLUMN && !(is_events && column.iter().all(Value::is_null));
        for (name, _) in batch.iter().filter(|(name, column)| is_shown(name, column)) {
            place = match names.iter().position(|known| known == name) {
                Some(at) => at + 1,
                None => {
                    let at = place + names[place..].iter().take_while(|known| known.as_str() < name).count();
                    names.insert(at, name.to_owned());
                    at + 1
                }
            };
        }
    }

    /// The names in order.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::batch;

    #[test]
    fn the_order_does_not_depend_on_the_cuts() {
        let cases: [(&[&[&str]], &[&str]); 5] = [
            (&[&["_time", "_raw", "a", "c"], &["_time", "_raw", "b", "d"]], &["_time", "_raw", "a", "b", "c", "d"]),
            (&[&["_time", "_raw", "b", "d"], &["_time", "_raw", "a", "c"]], &["_time", "_raw", "a", "b", "c", "d"]),
            (&[&["_time", "_raw"], &["_time", "_raw", "z"], &["_time", "_raw", "a"]], &["_time", "_raw", "a", "z"]),
            (&[&["user", "n"], &["host", "count"]], &["user", "n", "host", "count"]),
            (&[&["z", "_bytes", "a"]], &["z", "a"]),
        ];
        for (batches, expected) in cases {
            let mut columns = Columns::default();
            batches.iter().for_each(|names| columns.add(&batch(names, &[])));
            assert_eq!(columns.names(), expected);
        }
    }
    #[test]
    fn events_have_the_fields_that_some_event_has() {
        let mut columns = Columns::default();
        columns.add(&batch(&["_raw", "_addr", "a", "b"], &[&["x".into(), "/x@0:0+1".into(), Value::Null, "1".into()]]));
        assert_eq!(columns.names(), ["_raw", "_addr", "b"]);
        columns.add(&batch(&["c", "d"], &[&[Value::Null, Value::Null]]));
        assert_eq!(columns.names(), ["_raw", "_addr", "b", "c", "d"]);
    }
}
