//! Makes a table of the listed fields.
//!
//! **Syntax**
//!
//! `table <list>`
//!
//! **Semantics**
//!
//! The result has exactly these columns in this order, also those that no row has. Names may hold wildcards, which stand
//! for the matching fields that exist and do not match internal fields, whose names begin with `_`; name these. A row
//! that has none of the fields stays as an empty row.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! _time=5 host=a status=200
//! user=x
//! > table status host
//! status=200 host=a
//! -
//! ```

use super::fields::{intersect, write_globs};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::{Batch, Fields};
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::glob::Glob;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Table {
    /// The columns, at least one.
    pub list: Vec<Glob>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let list = args.expect_globs()?;
    args.finish()?;
    Ok(Box::new(Table { list }))
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("table ")?;
        write_globs(f, &self.list)
    }
}

impl Command for Table {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn makes_table(&self) -> bool {
        true
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        intersect(downstream, &self.list)
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(TableOperator { list: self.list.clone(), is_empty: true })
    }
}

struct TableOperator {
    list: Vec<Glob>,
    is_empty: bool,
}

impl TableOperator {
    fn select(&self, batch: &mut Batch) {
        let names = self.list.iter().flat_map(|glob| {
            let exact = (!glob.has_wildcard()).then(|| glob.to_string());
            let matching = batch.fields().iter().filter(|name| glob.has_wildcard() && glob.matches_field(name));
            exact.into_iter().chain(matching.map(str::to_owned)).collect::<Vec<_>>()
        });
        let names = Arc::new(Fields::new(names));
        batch.select_columns(&names);
    }
}

impl Operator for TableOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.select(&mut batch);
        self.is_empty = false;
        out(batch);
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        // Without any row the result still has its columns.
        if self.is_empty {
            let mut batch = Batch::default();
            self.select(&mut batch);
            out(batch);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_columns, check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[("table a b, c*", "table a, b, c*"), ("table \"x y\"", "table \"x y\"")]);
    }

    #[test]
    fn refused() {
        check_refused("table", "", "expected the name of a field, found the end");
    }

    #[test]
    fn rows() {
        check_rows("a=1 b=2 _raw=x\nc=3", "table b a", "b=2 a=1\n-");
        check_rows("x1=1 x2=2 _x=3", "table x* _x", "x1=1 x2=2 _x=3");
        check_columns("a=1", "table b a c", "b a c");
        check_columns("", "table b a", "b a");
        check_columns("_time=1 a=2", "table *", "a");
    }

    #[test]
    fn fields_read() {
        check_fields_read("table a b*", &["*"], "a b*");
        check_fields_read("table a b", &["b", "c"], "b");
        check_fields_read("table a b | stats count BY a", &["*"], "a");
    }
}
