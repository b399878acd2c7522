//! Writes all rows as one search condition, in the field `search`.
//!
//! **Syntax**
//!
//! `format [mvsep="OR"] [maxresults=0] ["row open" "column open" "column join" "column close" "row join" "row close"] [emptystr="NOT( )"]`
//!
//! **Arguments**
//!
//! - `mvsep`: the word between the values of one field.
//! - `maxresults`: most rows to use; 0 is all.
//! - six strings, all or none: what opens the whole, opens a row, joins columns, closes a row, joins rows, closes the
//!   whole. By default `"(" "(" "AND" ")" "OR" ")"`.
//! - `emptystr`: the text if there are no rows.
//!
//! **Semantics**
//!
//! Every subsearch that becomes a condition ends with this command, unless it ends with `return` or has a single column
//! `search` or `query`. Fields stand in the order of their names, values in quotes; null values and fields that begin
//! with `_` are left out.
//!
//! **Kind** ordered; one row at the end.
//!
//! **Memory** the text.
//!
//! **Examples**
//!
//! ```example
//! a=1 b=x
//! a=2 b=y
//! > format | eval search=replace(search, "\"", "'")
//! search="( ( a='1' AND b='x' ) OR ( a='2' AND b='y' ) )"
//! ```

use super::args::count;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::lexer::{quote, quote_name};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    /// Between the values of one field.
    pub value_separator: String,
    /// Most rows; 0 is all.
    pub max_rows: usize,
    /// Open the whole, open a row, join columns, close a row, join rows, close the whole.
    pub strings: [String; 6],
    /// The text for no rows.
    pub empty: String,
}

impl Default for Format {
    fn default() -> Self {
        Self {
            value_separator: "OR".to_owned(),
            max_rows: 0,
            strings: ["(", "(", "AND", ")", "OR", ")"].map(str::to_owned),
            empty: "NOT ( )".to_owned(),
        }
    }
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut format = Format::default();
    let mut strings = Vec::new();
    args.cursor.skip_space();
    let start = args.cursor.pos();
    loop {
        if let Some((name, value)) = args.option(&["mvsep", "maxresults", "emptystr"])? {
            match name {
                "mvsep" => format.value_separator = value.value,
                "maxresults" => format.max_rows = count(&value)?,
                _ => format.empty = value.value,
            }
        } else if let Some(quoted) = args.cursor.eat_quoted()? {
            strings.push(quoted.value);
        } else {
            break;
        }
    }
    args.finish()?;
    match <[String; 6]>::try_from(strings) {
        Ok(six) => format.strings = six,
        Err(strings) if strings.is_empty() => {}
        Err(_) => {
            return Err(QueryError::rule("`format` takes six strings or none", args.cursor.trimmed_span_from(start))
                .with_hint("open, open a row, join columns, close a row, join rows, close"));
        }
    }
    Ok(Box::new(format))
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Self::default();
        f.write_str("format")?;
        if self.value_separator != default.value_separator {
            write!(f, " mvsep={}", quote(&self.value_separator))?;
        }
        if self.max_rows > 0 {
            write!(f, " maxresults={}", self.max_rows)?;
        }
        if self.strings != default.strings {
            self.strings.iter().try_for_each(|string| write!(f, " {}", quote(string)))?;
        }
        if self.empty != default.empty {
            write!(f, " emptystr={}", quote(&self.empty))?;
        }
        Ok(())
    }
}

impl Format {
    /// The rows as a condition.
    pub(crate) fn text(&self, rows: &Batch) -> String {
        let [open, row_open, join, row_close, row_join, close] = &self.strings;
        let mut columns: Vec<(&str, &[Value])> = rows.iter().filter(|(name, _)| !name.starts_with('_')).collect();
        columns.sort_unstable_by_key(|(name, _)| *name);
        let n_rows = if self.max_rows == 0 { rows.len() } else { rows.len().min(self.max_rows) };
        let row_text = |row: usize| {
            let cells = columns.iter().filter(|(_, column)| !column[row].is_null());
            let cells: Vec<String> = cells.map(|(name, column)| self.cell(name, &column[row])).collect();
            (!cells.is_empty()).then(|| format!("{row_open} {} {row_close}", cells.join(&format!(" {join} "))))
        };
        let texts: Vec<String> = (0..n_rows).filter_map(row_text).collect();
        if texts.is_empty() {
            return self.empty.clone();
        }
        format!("{open} {} {close}", texts.join(&format!(" {row_join} ")))
    }

    fn cell(&self, name: &str, value: &Value) -> String {
        let name = quote_name(name);
        let tests: Vec<String> =
            value.each().iter().map(|value| format!("{name}={}", value.with_text(quote))).collect();
        match &tests[..] {
            [test] => test.clone(),
            tests => format!("( {} )", tests.join(&format!(" {} ", self.value_separator))),
        }
    }
}

impl Command for Format {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::All
    }

    fn makes_table(&self) -> bool {
        true
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(FormatOperator { format: self.clone(), rows: Batch::default(), memory: Memory::new(ctx, "format") })
    }
}

struct FormatOperator {
    format: Format,
    rows: Batch,
    memory: Memory,
}

impl Operator for FormatOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.memory.grow(batch.bytes())?;
        self.rows.append(batch);
        let is_full = self.format.max_rows > 0 && self.rows.len() >= self.format.max_rows;
        Ok(if is_full { Flow::Done } else { Flow::More })
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        out(Batch::from_columns(1, [("search", vec![Value::from(self.format.text(&self.rows))])]));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, commands, context, execute, rows};
    use std::sync::Arc;

    fn formatted(input: &str, query: &str) -> String {
        let result = execute(&Arc::new(context()), &commands(query), &rows(input), 2, 1).unwrap();
        assert_eq!(result.len(), 1);
        result.value(0, "search").to_string()
    }

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("format", "format"),
            (r#"FORMAT maxresults=3 mvsep="AND""#, r#"format mvsep="AND" maxresults=3"#),
            (r#"format "[" "(" "&" ")" "|" "]" emptystr="none""#, r#"format "[" "(" "&" ")" "|" "]" emptystr="none""#),
        ]);
    }

    #[test]
    fn refused() {
        check_refused(r#"format "a" "b""#, r#""a" "b""#, "`format` takes six strings or none");
        check_refused("format x", "x", "expected the end of the command, found `x`");
    }

    #[test]
    fn rows_become_a_condition() {
        for (input, query, expected) in [
            ("b=x a=1\na=2", "format", r#"( ( a="1" AND b="x" ) OR ( a="2" ) )"#),
            ("a=[1,2]", "format", r#"( ( ( a="1" OR a="2" ) ) )"#),
            ("_time=1 a=1\n_raw=x", "format", r#"( ( a="1" ) )"#),
            ("", "format", "NOT ( )"),
            ("", "format emptystr=none", "none"),
            ("a=1\na=2", "format maxresults=1", r#"( ( a="1" ) )"#),
            ("a=1\na=2", r#"format "" "" "" "" "," """#, r#"  a="1"  ,  a="2"  "#),
        ] {
            assert_eq!(formatted(input, query), expected, "{query} over {input}");
        }
    }

    /// spl.md §13.23.
    #[test]
    fn trap_23_quotes_and_backslashes_are_escaped() {
        let query = r#"eval a="x\"y\\z" | format"#;
        assert_eq!(formatted("b=1", query), r#"( ( a="x\"y\\z" AND b="1" ) )"#);
    }

    #[test]
    fn fields_read() {
        check_fields_read("format", &["search"], "*");
    }
}
