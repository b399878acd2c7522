//! Turns rows into columns and columns into rows.
//!
//! **Syntax**
//!
//! `transpose [N] [column_name=column] [header_field=<field>] [include_empty=t]`
//!
//! **Arguments**
//!
//! - `N`: how many rows become columns, 5 by default; 0 for all.
//! - `column_name=`: the field that holds the names of the old columns.
//! - `header_field=`: the field whose values are the names of the new columns, which are `row 1`, `row 2` … without it. It
//!   makes no line of its own.
//! - `include_empty=f`: leave out lines without any value.
//!
//! **Semantics**
//!
//! Lines stand in the order of the old columns. A warning says if rows were cut. Without rows there are no lines.
//!
//! **Kind** ordered.
//!
//! **Memory** the rows that become columns.
//!
//! **Examples**
//!
//! ```example
//! host=a count=1
//! host=b count=2
//! > transpose
//! column=host row 1=a row 2=b
//! column=count row 1=1 row 2=2
//! ```
//!
//! ```example
//! host=a count=1 max=5
//! host=b count=2
//! > transpose 0 header_field=host column_name=what
//! what=count a=1 b=2
//! what=max a=5
//! ```

use super::args::{boolean, count};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::{Context, Memory, Warning};
use crate::error::{QueryError, Result};
use crate::lexer::quote;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Transpose {
    /// How many rows become columns; `None` for all.
    pub limit: Option<usize>,
    /// The field with the names of the old columns.
    pub column_name: String,
    /// The field with the names of the new ones.
    pub header_field: Option<String>,
    /// Whether lines without any value stay.
    pub include_empty: bool,
}

const OPTIONS: [&str; 3] = ["column_name", "header_field", "include_empty"];
const DEFAULT_LIMIT: usize = 5;
const DEFAULT_COLUMN_NAME: &str = "column";

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut transpose = Transpose {
        limit: Some(DEFAULT_LIMIT),
        column_name: DEFAULT_COLUMN_NAME.to_owned(),
        header_field: None,
        include_empty: true,
    };
    parse_options(&mut args, &mut transpose)?;
    if let Some(n) = args.number()? {
        transpose.limit = Some(n).filter(|n| *n > 0);
        parse_options(&mut args, &mut transpose)?;
    }
    args.finish()?;
    Ok(Box::new(transpose))
}

fn parse_options(args: &mut Args<'_>, transpose: &mut Transpose) -> Result<(), QueryError> {
    while let Some((option, value)) = args.option(&["int", "column_name", "header_field", "include_empty"])? {
        match option {
            "int" => transpose.limit = Some(count(&value)?).filter(|n| *n > 0),
            "column_name" => transpose.column_name = value.value,
            "header_field" => transpose.header_field = Some(value.value),
            _ => transpose.include_empty = boolean(&value)?,
        }
    }
    Ok(())
}

impl fmt::Display for Transpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("transpose")?;
        match self.limit {
            Some(DEFAULT_LIMIT) => {}
            limit => write!(f, " {}", limit.unwrap_or(0))?,
        }
        let [column_name, header_field, include_empty] = OPTIONS;
        if self.column_name != DEFAULT_COLUMN_NAME {
            write!(f, " {column_name}={}", quote(&self.column_name))?;
        }
        self.header_field.iter().try_for_each(|field| write!(f, " {header_field}={}", quote(field)))?;
        if self.include_empty { Ok(()) } else { write!(f, " {include_empty}=f") }
    }
}

impl Command for Transpose {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn makes_table(&self) -> bool {
        true
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::All
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(TransposeOperator {
            ctx: Arc::clone(ctx),
            transpose: self.clone(),
            rows: Batch::default(),
            memory: Memory::new(ctx, "transpose"),
        })
    }
}

struct TransposeOperator {
    ctx: Arc<Context>,
    transpose: Transpose,
    rows: Batch,
    memory: Memory,
}

impl Operator for TransposeOperator {
    fn push(&mut self, mut batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let room = self.transpose.limit.map_or(usize::MAX, |limit| limit - self.rows.len());
        let is_cut = batch.len() > room;
        batch.truncate(room);
        self.memory.grow(batch.bytes())?;
        self.rows.append(batch);
        if is_cut {
            self.ctx.warn(Warning::TransposeCut { kept: self.rows.len() });
            return Ok(Flow::Done);
        }
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            // Columns may be known or not where no row came: that must not show.
            return Ok(());
        }
        let header = self.transpose.header_field.as_deref();
        let headers = header.and_then(|field| rows.column(field));
        let lines: Vec<(&str, &[Value])> = rows
            .iter()
            .filter(|(name, _)| Some(*name) != header)
            .filter(|(_, column)| {
                let is_empty = |cell: &Value| cell.is_null() || cell.as_text().is_some_and(|text| text.is_empty());
                self.transpose.include_empty || !column.iter().all(is_empty)
            })
            .collect();
        let names = lines.iter().map(|(name, _)| Value::from(*name)).collect();
        let columns = (0..rows.len()).map(|row| {
            let name = match headers.map(|headers| headers[row].to_string()) {
                Some(name) if !name.is_empty() => name,
                _ => format!("row {}", row + 1),
            };
            (name, lines.iter().map(|(_, column)| column[row].clone()).collect())
        });
        let first = (self.transpose.column_name.clone(), names);
        out(Batch::from_columns(lines.len(), std::iter::once(first).chain(columns)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::context::Warning;
    use crate::testing::{
        check_columns, check_fields_read, check_prints, check_refused, check_rows, commands, context, execute, rows,
    };
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("TRANSPOSE", "transpose"),
            ("transpose 0 column_name=c header_field=h", "transpose 0 column_name=\"c\" header_field=\"h\""),
            ("transpose include_empty=f 20", "transpose 20 include_empty=f"),
            ("transpose 5", "transpose"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("transpose x", "x", "expected the end of the command, found `x`");
        check_refused("transpose header=x", "header", "`transpose` has no option `header`");
    }

    #[test]
    fn lines() {
        check_rows("a=1 b=2\nb=3", "transpose | fields - column", "row 1=1\nrow 1=2 row 2=3");
        check_columns("a=1 b=2\nb=3", "transpose", "column row 1 row 2");
        check_rows("a=\"\" b=2", "transpose include_empty=f | fields column", "column=b");
        check_rows("h=x a=1\na=2", "transpose header_field=h", "column=a x=1 row 2=2");
        check_rows("", "transpose", "");
    }

    #[test]
    fn no_rows_give_no_lines() {
        check_rows("a=1\nb=2", "where a=5 | table a b | transpose", "");
    }

    /// spl.md §13.5.
    #[test]
    fn trap_5_five_rows_by_default() {
        let input: String = (1..=7).map(|x| format!("x={x}\n")).collect();
        let ctx = Arc::new(context());
        let result = execute(&ctx, &commands("transpose"), &rows(&input), 2, 1).unwrap();
        assert_eq!((result.fields().len(), ctx.warnings()), (6, vec![Warning::TransposeCut { kept: 5 }]));
        let ctx = Arc::new(context());
        let result = execute(&ctx, &commands("transpose 7"), &rows(&input), 2, 1).unwrap();
        assert_eq!((result.fields().len(), ctx.warnings()), (8, vec![]));
    }

    #[test]
    fn fields_read() {
        check_fields_read("transpose", &["column"], "*");
    }
}
