//! Puts the rows of a subsearch after the rows that came before.
//!
//! **Syntax**
//!
//! `append [maxout=50000] [subsearch]`
//!
//! **Arguments**
//!
//! - `maxout`: most rows of the subsearch; 0 is all.
//! - the subsearch, in brackets: `[search …]` or `[| makeresults …]`. Its range of time is the caller's, or its own.
//!
//! **Semantics**
//!
//! A column that only one side has is null on the other. `maxtime`, `timeout`, `extendtimerange` and `run_in_preview` are
//! accepted and have no effect.
//!
//! **Kind** ordered.
//!
//! **Memory** the rows of the subsearch.
//!
//! **Examples**
//!
//! ```example
//! x=1
//! > append [| makeresults | eval x=2 | fields - _time]
//! x=1
//! x=2
//! ```

use super::args::count;
use super::generate::GenerateOperator;
use super::{Args, Command, CommandKind, Operator};
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::subsearch::{Subsearch, SubsearchArgument};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// Most rows of the subsearch. spl.md §11.4.
const DEFAULT_MAX_ROWS: usize = 50_000;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Append {
    /// Where the rows come from.
    pub subsearch: Subsearch,
    /// Most rows of it; 0 is all.
    pub max_rows: usize,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut max_rows = DEFAULT_MAX_ROWS;
    let options = ["maxout", "maxtime", "timeout", "extendtimerange", "run_in_preview"];
    while let Some((name, value)) = args.option(&options)? {
        if name == "maxout" {
            max_rows = count(&value)?;
        }
    }
    let subsearch = Subsearch::expect(&mut args.cursor)?;
    args.finish()?;
    Ok(Box::new(Append { subsearch, max_rows }))
}

impl fmt::Display for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("append ")?;
        if self.max_rows != DEFAULT_MAX_ROWS {
            write!(f, "maxout={} ", self.max_rows)?;
        }
        self.subsearch.fmt(f)
    }
}

impl Command for Append {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        downstream.clone()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(GenerateOperator(vec![ctx.rows_of(&self.subsearch)]))
    }

    fn subsearches(&self) -> Vec<SubsearchArgument<'_>> {
        let max_rows = if self.max_rows == 0 { usize::MAX } else { self.max_rows };
        vec![SubsearchArgument { command: "append", subsearch: &self.subsearch, max_rows }]
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("append [search x | head 1]", "append [search x | head 1]"),
            ("append maxtime=60 maxout=10 [x]", "append maxout=10 [search x]"),
            ("append [| makeresults]", "append [| makeresults]"),
            ("append [makeresults count=2]", "append [| makeresults count=2]"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("append", "", "expected a subsearch in brackets, found the end");
        check_refused("append [search x | stast]", "stast", "unknown command `stast`");
        check_refused("append [makeresults | stast]", "stast", "unknown command `stast`");
        check_refused("append [x] y", "y", "expected the end of the command, found `y`");
        check_refused("append [x", "[", "unbalanced `[`");
    }

    #[test]
    fn rows_follow() {
        check_rows("x=1\nx=2", "append [| makeresults count=2 | eval y=3 | table y]", "x=1\nx=2\ny=3\ny=3");
        check_rows("x=1", "append maxout=1 [| makeresults count=5 | table _time]", "x=1\n_time=1772725653");
        check_rows("x=1", "append [search x=1] | stats count", "count=1");
    }

    #[test]
    fn subsearches_nest() {
        check_rows(
            "x=1",
            "append [| makeresults | eval x=2 | append [| makeresults | eval x=3] | table x]",
            "x=1\nx=2\nx=3",
        );
    }

    #[test]
    fn fields_read() {
        check_fields_read("append [search x]", &["a"], "a");
    }
}
