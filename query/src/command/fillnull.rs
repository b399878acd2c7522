//! Gives missing values a value.
//!
//! **Syntax**
//!
//! `fillnull [value=<text>] [<list>]`
//!
//! **Arguments**
//!
//! - `value`: what to write, `0` by default. May stand before or behind the list.
//! - list: the fields to fill; a field that no row has is made. Names may hold wildcards, which match fields that exist.
//!
//! **Semantics**
//!
//! Without a list every field that has a value in some row is filled in all the others. Empty text is a value and stays.
//!
//! **Kind** streaming with a list of plain names; else transforming, for all rows decide which fields there are.
//!
//! **Memory** none with a list of plain names; else all rows.
//!
//! **Examples**
//!
//! ```example
//! host=a errors=2
//! host=b
//! > fillnull errors
//! host=a errors=2
//! host=b errors=0
//! ```
//!
//! ```example
//! host=a
//! user=x
//! > fillnull value=-
//! host=a user=-
//! host=- user=x
//! ```

use super::args::write_option;
use super::fields::write_globs;
use super::rows::change_all_rows;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::glob::Glob;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Fillnull {
    /// What is written.
    pub value: String,
    /// The fields; none for all.
    pub list: Vec<Glob>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut fillnull = Fillnull { value: "0".to_owned(), list: Vec::new() };
    while !args.cursor.at_end() {
        if let Some((_, value)) = args.option(&["value"])? {
            fillnull.value = value.value;
            continue;
        }
        let names = args.names(&[])?;
        if names.is_empty() {
            args.finish()?;
        }
        fillnull.list.extend(names.iter().map(|name| Glob::new(&name.value)));
    }
    Ok(Box::new(fillnull))
}

impl fmt::Display for Fillnull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fillnull")?;
        if self.value != "0" {
            write_option(f, "value", &self.value)?;
        }
        f.write_str(if self.list.is_empty() { "" } else { " " })?;
        write_globs(f, &self.list)
    }
}

impl Fillnull {
    /// Whether it is known beforehand which fields are filled.
    fn is_by_name(&self) -> bool {
        !self.list.is_empty() && !self.list.iter().any(Glob::has_wildcard)
    }

    fn fill(&self, batch: &mut Batch) {
        let value = Value::from(self.value.as_str());
        let fill = |cells: &mut [Value]| {
            cells.iter_mut().filter(|cell| cell.is_null()).for_each(|cell| *cell = value.clone());
        };
        for glob in self.list.iter().filter(|glob| !glob.has_wildcard()) {
            fill(batch.column_or_new(&glob.to_string()));
        }
        for (name, cells) in batch.iter_mut() {
            let is_named = match self.list.is_empty() {
                true => cells.iter().any(|cell| !cell.is_null()),
                false => self.list.iter().any(|glob| glob.has_wildcard() && glob.matches_field(name)),
            };
            if is_named {
                fill(cells);
            }
        }
    }
}

impl Command for Fillnull {
    fn kind(&self) -> CommandKind {
        match self.is_by_name() {
            true => CommandKind::Streaming,
            false => CommandKind::Transforming { order_matters: true },
        }
    }

    fn makes_table(&self) -> bool {
        false
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        downstream.clone()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let fillnull = self.clone();
        if self.is_by_name() {
            return Box::new(FillnullOperator { fillnull });
        }
        change_all_rows(ctx, "fillnull", move |rows| {
            fillnull.fill(rows);
            Ok(())
        })
    }
}

struct FillnullOperator {
    fillnull: Fillnull,
}

impl Operator for FillnullOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.fillnull.fill(&mut batch);
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("fillnull", "fillnull"),
            ("FILLNULL value=0 a,b", "fillnull a, b"),
            ("fillnull a value=\"not set\" b", "fillnull value=\"not set\" a, b"),
            ("fillnull value=\"\" x*", "fillnull value=\"\" x*"),
            ("fillnull value=N/A \"a b\"", "fillnull value=N/A \"a b\""),
            ("fillnull value = - a", "fillnull value=- a"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("fillnull with=1", "with", "`fillnull` has no option `with`");
        check_refused("fillnull a (b)", "(", "expected the end of the command, found `(`");
    }

    #[test]
    fn trap_13_all_fields_need_all_rows_and_a_list_makes_columns() {
        check_rows("a=1\nb=2\nc=3", "fillnull", "a=1 b=0 c=0\na=0 b=2 c=0\na=0 b=0 c=3");
        check_rows("a=1\na=2", "fillnull value=x c", "a=1 c=x\na=2 c=x");
        check_rows("a=1\nb=2", "eval c=null() | fillnull", "a=1 b=0\na=0 b=2");
    }

    #[test]
    fn rows() {
        check_rows("a=\"\" b=[1,2]\nb=3", "fillnull value=- a b", "a=\"\" b=[1,2]\na=- b=3");
        check_rows("x1=1\nx2=2\n_x=3 y=4", "fillnull x*", "x1=1 x2=0\nx1=0 x2=2\nx1=0 x2=0 _x=3 y=4");
        check_rows("a=1\na=2", "fillnull a* z", "a=1 z=0\na=2 z=0");
        check_rows("a=1\nb=2", "fillnull b | stats sum(b)", "sum(b)=2");
        check_rows("", "fillnull", "");
    }

    #[test]
    fn fields_read() {
        check_fields_read("fillnull a", &["b"], "b");
        check_fields_read("fillnull", &["*"], "*");
    }
}
