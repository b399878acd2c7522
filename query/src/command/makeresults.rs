//! Makes rows out of nothing: to try a command, or as data written in the query.
//!
//! **Syntax**
//!
//! `| makeresults [count=1] [annotate=f] [format=csv|json data="…"]`
//!
//! **Arguments**
//!
//! - `count`: how many rows. Each has the field `_time`, the start of the search.
//! - `annotate=t`: with the fields `_raw`, `host`, `source`, `sourcetype` and `splunk_server` as well, empty but for the
//!   first and last.
//! - `format` and `data`: rows written as comma-separated values, the first line being the names, or as a JSON array of
//!   objects. Then there is no `count`.
//!
//! **Kind** generating; stands first.
//!
//! **Memory** its rows.
//!
//! **Examples**
//!
//! ```example
//! > | makeresults count=2 | eval x=1 | table x
//! x=1
//! x=1
//! ```

use super::args::{bad_value, boolean, count};
use super::generate::{Generate, GenerateOperator};
use super::{Args, Command, CommandKind, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote;
use crate::span::Spanned;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// Rows of one batch.
const BATCH_ROWS: usize = 4096;

/// The parsed command.
#[derive(Clone, Debug, PartialEq)]
pub enum Makeresults {
    /// So many rows with the present time.
    Count {
        /// How many.
        n_rows: usize,
        /// Whether with the default fields.
        annotate: bool,
    },
    /// Rows written in the query.
    Data {
        /// How they are written.
        format: DataFormat,
        /// The text.
        text: String,
        /// The rows it holds.
        rows: Batch,
    },
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// A JSON array of objects.
    Json,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let (mut n_rows, mut annotate, mut format, mut data) = (1, false, None, None);
    while let Some((name, value)) = args.option(&["count", "annotate", "format", "data", "splunk_server"])? {
        match name {
            "count" => n_rows = count(&value)?,
            "annotate" => annotate = boolean(&value)?,
            "format" => {
                format = Some(match value.value.to_ascii_lowercase().as_str() {
                    "csv" => DataFormat::Csv,
                    "json" => DataFormat::Json,
                    _ => return Err(bad_value(&value, "csv or json")),
                });
            }
            "data" => data = Some(value),
            _ => {}
        }
    }
    args.finish()?;
    Ok(Box::new(match (format, data) {
        (Some(format), Some(text)) => {
            let rows = match format {
                DataFormat::Csv => csv_rows(&text)?,
                DataFormat::Json => json_rows(&text)?,
            };
            Makeresults::Data { format, text: text.value, rows }
        }
        (None, None) => Makeresults::Count { n_rows, annotate },
        (None, Some(text)) => {
            return Err(QueryError::rule("`data` needs `format=csv` or `format=json`", text.span));
        }
        (Some(_), None) => return Err(args.cursor.expected("data=\"…\"")),
    }))
}

/// Rows of comma-separated values; an empty cell is null.
fn csv_rows(text: &Spanned<String>) -> Result<Batch, QueryError> {
    let wrong = |error: csv::Error| QueryError::rule(format!("the data is no CSV: {error}"), text.span);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.value.as_bytes());
    let names: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    let mut columns: Vec<Vec<Value>> = vec![Vec::new(); names.len()];
    let mut n_rows = 0;
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        for (i, column) in columns.iter_mut().enumerate() {
            column.push(record.get(i).filter(|cell| !cell.is_empty()).map_or(Value::Null, Value::from));
        }
        n_rows += 1;
    }
    Ok(Batch::from_columns(n_rows, names.into_iter().zip(columns)))
}

/// Rows of a JSON array of objects. Nested values keep their JSON text.
fn json_rows(text: &Spanned<String>) -> Result<Batch, QueryError> {
    type Object = serde_json::Map<String, serde_json::Value>;
    let objects: Vec<Object> = serde_json::from_str(&text.value).map_err(|error| {
        QueryError::rule(format!("the data is no JSON array of objects: {error}"), text.span)
            .with_hint("write for example data=\"[{\\\"a\\\": 1}]\"")
    })?;
    let mut rows = Batch::default();
    for object in objects {
        let cell = |value: serde_json::Value| match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::String(text) => Value::from(text),
            other => Value::from(other.to_string()),
        };
        rows.append(Batch::from_columns(1, object.into_iter().map(|(name, value)| (name, vec![cell(value)]))));
    }
    Ok(rows)
}

impl fmt::Display for Makeresults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("makeresults")?;
        match self {
            Makeresults::Count { n_rows, annotate } => {
                if *n_rows != 1 {
                    write!(f, " count={n_rows}")?;
                }
                if *annotate { f.write_str(" annotate=t") } else { Ok(()) }
            }
            Makeresults::Data { format, text, .. } => {
                let format = match format {
                    DataFormat::Csv => "csv",
                    DataFormat::Json => "json",
                };
                write!(f, " format={format} data={}", quote(text))
            }
        }
    }
}

impl Command for Makeresults {
    fn kind(&self) -> CommandKind {
        CommandKind::Generating
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::none()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(GenerateOperator(Maker { command: self.clone(), ctx: Arc::clone(ctx) }))
    }
}

struct Maker {
    command: Makeresults,
    ctx: Arc<Context>,
}

impl Generate for Maker {
    fn generate(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let now = Value::Number((self.ctx.now_us.div_euclid(1_000_000)) as f64);
        match &mut self.command {
            Makeresults::Data { rows, .. } => {
                let mut rows = std::mem::take(rows);
                rows.set_column("_time", vec![now; rows.len()]);
                out(rows);
            }
            Makeresults::Count { n_rows, annotate } => {
                let mut n_left = *n_rows;
                while n_left > 0 {
                    self.ctx.cancel.check()?;
                    let n = n_left.min(BATCH_ROWS);
                    let mut rows = Batch::from_columns(n, [("_time", vec![now.clone(); n])]);
                    if *annotate {
                        rows.set_column("_raw", vec![Value::from("makeresults"); n]);
                        ["host", "source", "sourcetype"]
                            .iter()
                            .for_each(|name| rows.set_column(name, vec![Value::Null; n]));
                        rows.set_column("splunk_server", vec![Value::from("trawl"); n]);
                    }
                    out(rows);
                    n_left -= n;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_generated, check_generates_prints};

    #[test]
    fn parses_and_prints() {
        check_generates_prints(&[
            ("makeresults", "makeresults"),
            ("makeresults count=3 annotate=true", "makeresults count=3 annotate=t"),
            ("makeresults format=CSV data=\"a\n1\"", "makeresults format=csv data=\"a\n1\""),
        ]);
    }

    #[test]
    fn refused() {
        for (query, marked, message) in [
            ("| makeresults cnt=1", "cnt", "`makeresults` has no option `cnt`"),
            ("| makeresults data=\"a\"", "\"a\"", "`data` needs `format=csv` or `format=json`"),
            ("| makeresults format=xml data=\"a\"", "xml", "`xml` is not csv or json"),
            ("x | makeresults", "makeresults", "`makeresults` makes its own rows and must stand first"),
        ] {
            let error = crate::parse(query).expect_err(query);
            assert_eq!((&query[error.span.range()], error.to_string().as_str()), (marked, message), "{query}");
        }
        let query = "| makeresults format=json data=\"{}\"";
        assert!(crate::parse(query).unwrap_err().to_string().starts_with("the data is no JSON array of objects"));
    }

    #[test]
    fn makes_rows() {
        check_generated("| makeresults count=2", "_time=1772725653\n_time=1772725653");
        check_generated("| makeresults count=0", "");
        check_generated("| makeresults count=5000 | stats count", "count=5000");
        check_generated(
            "| makeresults format=csv data=\"a, b\n1,\n2,\\\"x y\\\"\" | fields - _time",
            "a=1\na=2 b=\"x y\"",
        );
        check_generated(
            "| makeresults format=json data=\"[{\\\"a\\\": 1, \\\"b\\\": null}, {\\\"c\\\": [1,2]}]\" | table a c",
            "a=1\nc=[1,2]",
        );
    }
}
