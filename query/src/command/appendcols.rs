//! Puts the columns of a subsearch beside the rows: its first row beside the first, and so on.
//!
//! **Syntax**
//!
//! `appendcols [override=f] [subsearch]`
//!
//! **Arguments**
//!
//! - `override=t`: where both sides have a field, that of the subsearch counts.
//!
//! **Semantics**
//!
//! Fields that begin with `_` are not taken. The rows of the longer side stay. `maxout`, `maxtime` and `timeout` are
//! accepted; the subsearch has at most 50,000 rows.
//!
//! **Kind** ordered.
//!
//! **Memory** the rows of the subsearch.
//!
//! **Examples**
//!
//! ```example
//! x=1
//! x=2
//! > appendcols [| makeresults | eval y=7]
//! x=1 y=7
//! x=2
//! ```

use super::args::boolean;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::subsearch::{Subsearch, SubsearchArgument};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// Most rows of the subsearch.
const MAX_ROWS: usize = 50_000;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Appendcols {
    /// Where the columns come from.
    pub subsearch: Subsearch,
    /// Whether they replace those of the same name.
    pub overrides: bool,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut overrides = false;
    while let Some((name, value)) = args.option(&["override", "maxout", "maxtime", "timeout", "extendtimerange"])? {
        if name == "override" {
            overrides = boolean(&value)?;
        }
    }
    let subsearch = Subsearch::expect(&mut args.cursor)?;
    args.finish()?;
    Ok(Box::new(Appendcols { subsearch, overrides }))
}

impl fmt::Display for Appendcols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "appendcols {}{}", if self.overrides { "override=t " } else { "" }, self.subsearch)
    }
}

impl Command for Appendcols {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        downstream.clone()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let mut rows = (*ctx.rows_of(&self.subsearch)).clone();
        rows.retain_columns(|name| !name.starts_with('_'));
        Box::new(AppendcolsOperator { rows, overrides: self.overrides, n_seen: 0 })
    }

    fn subsearches(&self) -> Vec<SubsearchArgument<'_>> {
        vec![SubsearchArgument { command: "appendcols", subsearch: &self.subsearch, max_rows: MAX_ROWS }]
    }
}

struct AppendcolsOperator {
    rows: Batch,
    overrides: bool,
    n_seen: usize,
}

impl Operator for AppendcolsOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        for (name, theirs) in self.rows.iter() {
            let mut cells = batch.column(name).map_or_else(|| vec![Value::Null; batch.len()], <[Value]>::to_vec);
            for (cell, other) in cells.iter_mut().zip(theirs.iter().skip(self.n_seen)) {
                if cell.is_null() || (self.overrides && !other.is_null()) {
                    *cell = other.clone();
                }
            }
            batch.set_column(name, cells);
        }
        self.n_seen += batch.len();
        batch.clear_order();
        out(batch);
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let n_seen = self.n_seen;
        let mut rest = std::mem::take(&mut self.rows);
        rest.retain_rows(|row| row >= n_seen);
        out(rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    const TWO: &str = "[| makeresults format=csv data=\"x,y\n8,a\n9,b\"]";

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("appendcols [search x]", "appendcols [search x]"),
            ("appendcols maxout=9 override=1 [search x]", "appendcols override=t [search x]"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("appendcols x", "x", "expected a subsearch in brackets, found `x`");
    }

    #[test]
    fn columns_stand_beside_the_rows() {
        check_rows("x=1\nx=2\nx=3", &format!("appendcols {TWO}"), "x=1 y=a\nx=2 y=b\nx=3");
        check_rows("x=1", &format!("appendcols {TWO}"), "x=1 y=a\nx=9 y=b");
        check_rows("z=1\nx=2", &format!("appendcols override=t {TWO} | table x y z"), "x=8 y=a z=1\nx=9 y=b");
        check_rows("", &format!("appendcols {TWO}"), "x=8 y=a\nx=9 y=b");
    }

    #[test]
    fn fields_read() {
        check_fields_read("appendcols [search x]", &["a"], "a");
    }
}
