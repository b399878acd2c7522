//! Makes one row of the rows that differ in one field only; the field gets the values of all.
//!
//! **Syntax**
//!
//! `mvcombine [delim=<text>] <field>`
//!
//! **Arguments**
//!
//! - `delim`: what `nomv` puts between the values later, a space by default.
//!
//! **Semantics**
//!
//! Rows are compared in all other fields, internal ones such as `_time` and `_raw` too: remove with `fields` what is not to
//! count. Values stand in the order in which they came, duplicates too. The new row stands where the first of its rows
//! stood. Rows without the field stay as they are.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** all rows.
//!
//! **Examples**
//!
//! ```example
//! host=a user=x
//! host=b user=x
//! host=c user=y
//! > mvcombine host
//! host=[a,b] user=x
//! host=c user=y
//! ```

use super::args::write_option;
use super::group::Groups;
use super::rows::change_all_rows;
use super::{Args, Command, CommandKind, Operator};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Mvcombine {
    /// The field.
    pub field: String,
    /// What is put between the values when they become one text.
    pub delimiter: String,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut delimiter = " ".to_owned();
    let mut field = None;
    while !args.cursor.at_end() {
        if let Some((_, value)) = args.option(&["delim"])? {
            delimiter = value.value;
        } else if field.is_none() {
            field = Some(args.expect_plain_name()?.value);
        } else {
            args.finish()?;
        }
    }
    let Some(field) = field else { return Err(args.cursor.expected("the name of a field")) };
    Ok(Box::new(Mvcombine { field, delimiter }))
}

impl fmt::Display for Mvcombine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mvcombine")?;
        if self.delimiter != " " {
            write_option(f, "delim", &self.delimiter)?;
        }
        write!(f, " {}", quote_name(&self.field))
    }
}

impl Command for Mvcombine {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: true }
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::All
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let field = self.field.clone();
        let mut memory = Memory::new(ctx, "mvcombine");
        let cancel = Arc::clone(&ctx.cancel);
        change_all_rows(ctx, "mvcombine", move |rows| {
            cancel.check()?;
            combine(rows, &field, &mut memory)
        })
    }
}

fn combine(rows: &mut Batch, field: &str, memory: &mut Memory) -> Result<()> {
    let Some(own) = rows.column(field) else { return Ok(()) };
    let others: Vec<&[Value]> = rows.iter().filter(|(name, _)| *name != field).map(|(_, cells)| cells).collect();
    let mut groups = Groups::new(others.len());
    // For each group its first row, and the values of all.
    let mut combined: Vec<(usize, Vec<Value>)> = Vec::new();
    let mut key: Vec<&Value> = Vec::with_capacity(others.len());
    let mut bytes = 0;
    for (row, cell) in own.iter().enumerate().filter(|(_, cell)| !cell.is_null()) {
        key.clear();
        key.extend(others.iter().map(|column| &column[row]));
        let (group, grown) = groups.find_or_add(&key);
        if group as usize == combined.len() {
            combined.push((row, Vec::new()));
        }
        combined[group as usize].1.extend(cell.each().iter().cloned());
        bytes += grown + size_of_val(cell) + cell.heap_bytes();
    }
    memory.grow(bytes)?;
    let mut kept: Vec<bool> = own.iter().map(Value::is_null).collect();
    let mut cells = vec![Value::Null; rows.len()];
    for (first, values) in combined {
        kept[first] = true;
        cells[first] = Value::multi(values);
    }
    rows.set_column(field, cells);
    rows.retain_rows(|row| kept[row]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("mvcombine x", "mvcombine x"),
            ("MVCOMBINE delim=\", \" x", "mvcombine delim=\", \" x"),
            ("mvcombine \"a b\" delim=:", "mvcombine delim=: \"a b\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("mvcombine", "", "expected the name of a field, found the end");
        check_refused("mvcombine x y", "y", "expected the end of the command, found `y`");
        check_refused("mvcombine dlm=x y", "dlm", "`mvcombine` has no option `dlm`");
    }

    #[test]
    fn rows() {
        check_rows("x=1 k=a\nx=2 k=b\nx=3 k=a\nx=1 k=a", "mvcombine x", "x=[1,3,1] k=a\nx=2 k=b");
        check_rows("x=1\nx=2\nk=a\nk=a", "mvcombine x", "x=[1,2]\nk=a\nk=a");
        check_rows("x=1 k=\"\"\nx=2", "mvcombine x", "x=1 k=\"\"\nx=2");
        check_rows("x=[1,2] k=a\nx=3 k=a", "mvcombine x", "x=[1,2,3] k=a");
        check_rows("x=1 _time=5\nx=2 _time=6", "mvcombine x", "x=1 _time=5\nx=2 _time=6");
        check_rows("x=1 k=5\nx=2 k=5", "eval k=k*1 | mvcombine x", "x=[1,2] k=5");
        check_rows("k=a", "mvcombine x", "k=a");
    }

    #[test]
    fn fields_read() {
        check_fields_read("mvcombine x", &["x"], "*");
    }
}
