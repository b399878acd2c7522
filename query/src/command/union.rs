//! Puts the rows of several subsearches one after the other.
//!
//! **Syntax**
//!
//! `| union [subsearch] [subsearch] …`, or later: `… | union [subsearch] …`
//!
//! **Semantics**
//!
//! Later in the pipeline the rows that came before stand first. `maxout` is the most rows of each subsearch (50,000 by
//! default, 0 is all); `maxtime` and `timeout` are accepted and have no effect.
//!
//! **Kind** generating as the first command, ordered later.
//!
//! **Memory** the rows of the subsearches.
//!
//! **Examples**
//!
//! ```example
//! > | union [| makeresults | eval x=1] [| makeresults | eval x=2] | table x
//! x=1
//! x=2
//! ```

use super::args::count;
use super::generate::GenerateOperator;
use super::{Args, Command, CommandKind, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::subsearch::{Subsearch, SubsearchArgument};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// Most rows of a subsearch. spl.md §12.
const DEFAULT_MAX_ROWS: usize = 50_000;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Union {
    /// Where the rows come from, in order.
    pub subsearches: Vec<Subsearch>,
    /// Most rows of each; 0 is all.
    pub max_rows: usize,
    /// Whether it is the first command.
    pub is_first: bool,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut max_rows = DEFAULT_MAX_ROWS;
    while let Some((name, value)) = args.option(&["maxout", "maxtime", "timeout"])? {
        if name == "maxout" {
            max_rows = count(&value)?;
        }
    }
    let mut subsearches = vec![Subsearch::expect(&mut args.cursor)?];
    args.cursor.skip_separators();
    while let Some(next) = Subsearch::parse(&mut args.cursor)? {
        subsearches.push(next);
        args.cursor.skip_separators();
    }
    args.finish()?;
    Ok(Box::new(Union { subsearches, max_rows, is_first: args.is_first() }))
}

impl fmt::Display for Union {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("union")?;
        if self.max_rows != DEFAULT_MAX_ROWS {
            write!(f, " maxout={}", self.max_rows)?;
        }
        self.subsearches.iter().try_for_each(|subsearch| write!(f, " {subsearch}"))
    }
}

impl Command for Union {
    fn kind(&self) -> CommandKind {
        if self.is_first { CommandKind::Generating } else { CommandKind::Ordered }
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        downstream.clone()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let parts: Vec<Arc<Batch>> = self.subsearches.iter().map(|subsearch| ctx.rows_of(subsearch)).collect();
        Box::new(GenerateOperator(parts))
    }

    fn subsearches(&self) -> Vec<SubsearchArgument<'_>> {
        let max_rows = if self.max_rows == 0 { usize::MAX } else { self.max_rows };
        let argument = |subsearch| SubsearchArgument { command: "union", subsearch, max_rows };
        self.subsearches.iter().map(argument).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{
        check_fields_read, check_generated, check_generates_prints, check_prints, check_refused, check_rows,
    };

    #[test]
    fn parses_and_prints() {
        check_prints(&[("union maxout=5 [search a], [search b]", "union maxout=5 [search a] [search b]")]);
        check_generates_prints(&[("union [search a] [b]", "union [search a] [search b]")]);
    }

    #[test]
    fn refused() {
        check_refused("union", "", "expected a subsearch in brackets, found the end");
        check_refused("union [a] b", "b", "expected the end of the command, found `b`");
    }

    #[test]
    fn rows_follow_each_other() {
        check_rows("x=0", "union [| makeresults | eval x=1 | table x]", "x=0\nx=1");
        check_generated(
            "| union [| makeresults | table _time] [| makeresults | eval b=1 | table b]",
            "_time=1772725653\nb=1",
        );
    }

    #[test]
    fn fields_read() {
        check_fields_read("union [search x]", &["a"], "a");
    }
}
