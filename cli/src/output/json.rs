//! `json`: one object for the whole answer, `{results, fields, warnings, coverage}`.
//!
//! `results` holds the rows as [`ndjson`](super::ndjson) writes them, `fields` the names of all columns in order,
//! `warnings` sentences for people, `coverage` what was searched (absent where nothing was searched).

use super::cell::CellPrinter;
use super::columns::Columns;
use super::ndjson::{write_json, write_row};
use super::{Render, Trailer};
use std::io::{self, Write};
use trawl_query::batch::Batch;

/// Prints the answer as one JSON object.
pub struct Json {
    cells: CellPrinter,
    columns: Columns,
    n_rows: u64,
}

impl Json {
    /// Prints times with `cells`.
    pub fn new(cells: CellPrinter) -> Self {
        Self { cells, columns: Columns::default(), n_rows: 0 }
    }
}

impl Render for Json {
    fn rows(&mut self, batch: Batch, out: &mut dyn Write) -> io::Result<()> {
        self.columns.add(&batch);
        for row in 0..batch.len() {
            out.write_all(if self.n_rows == 0 { b"{\"results\":[\n" } else { b",\n" })?;
            write_row(out, &batch, row, &self.cells)?;
            self.n_rows += 1;
        }
        Ok(())
    }

    fn finish(&mut self, trailer: &Trailer, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(if self.n_rows == 0 { b"{\"results\":[" } else { b"\n" })?;
        out.write_all(b"],\n\"fields\":")?;
        write_json(out, self.columns.names())?;
        out.write_all(b",\n\"warnings\":")?;
        write_json(out, &trailer.warnings)?;
        if let Some(coverage) = &trailer.coverage {
            out.write_all(b",\n\"coverage\":")?;
            write_json(out, coverage)?;
        }
        out.write_all(b"}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{batch, printed, printed_with};
    use serde_json::json;
    use trawl_formats::Zone;

    #[test]
    fn the_answer_is_one_object() {
        let rows = [batch(&["a"], &[&["1".into()]]), batch(&["b", "a"], &[&["2".into(), 3.0.into()]])];
        let trailer = Trailer { warnings: vec!["cut".into()], coverage: Some(json!({"n_buckets": 2})) };
        let text = printed_with(&mut Json::new(CellPrinter::new(Zone::UTC)), rows, &trailer);
        insta::assert_snapshot!(text, @r#"
        {"results":[
        {"a":"1"},
        {"b":"2","a":3}
        ],
        "fields":["a","b"],
        "warnings":["cut"],
        "coverage":{"n_buckets":2}}
        "#);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["results"][1], json!({"b": "2", "a": 3}));
    }

    #[test]
    fn an_empty_answer_is_an_object_too() {
        let text = printed(&mut Json::new(CellPrinter::new(Zone::UTC)), []);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            json!({"results": [], "fields": [], "warnings": []})
        );
    }
}
