//! Runs commands over the rows that came so far and adds their result at the end.
//!
//! **Syntax**
//!
//! `appendpipe [command | command …]`
//!
//! **Semantics**
//!
//! The rows themselves pass unchanged. `run_in_preview` is accepted and has no effect.
//!
//! **Kind** ordered.
//!
//! **Memory** what the commands keep.
//!
//! **Examples**
//!
//! ```example
//! host=a count=3
//! host=b count=4
//! > appendpipe [stats sum(count) AS count | eval host="all"]
//! host=a count=3
//! host=b count=4
//! host=all count=7
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::chain::Chain;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::subsearch::{Place, Subpipeline, Subsearch, SubsearchArgument};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Appendpipe {
    /// The commands.
    pub pipeline: Subpipeline,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    while args.option(&["run_in_preview"])?.is_some() {}
    let pipeline = Subpipeline::expect(&mut args.cursor)?;
    args.finish()?;
    Ok(Box::new(Appendpipe { pipeline }))
}

impl fmt::Display for Appendpipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "appendpipe {}", self.pipeline)
    }
}

impl Command for Appendpipe {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn writes_tables(&self) -> bool {
        self.pipeline.commands.iter().any(|command| command.writes_tables())
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = self.pipeline.fields_read(downstream);
        wanted.add_all(downstream);
        wanted
    }

    fn can_preview(&self) -> bool {
        self.pipeline.commands.iter().all(|command| command.can_preview())
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(AppendpipeOperator { chain: Chain::start(&self.pipeline.commands, ctx), passed: Vec::new() })
    }

    fn inline_subsearches(&self) -> Vec<(&Subsearch, Place)> {
        self.pipeline.inline_subsearches()
    }

    fn subsearches(&self) -> Vec<SubsearchArgument<'_>> {
        self.pipeline.subsearches()
    }
}

struct AppendpipeOperator {
    chain: Chain,
    /// What the commands have said before the end.
    passed: Vec<Batch>,
}

impl Operator for AppendpipeOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let passed = &mut self.passed;
        self.chain.push(batch.clone(), &mut |batch| {
            passed.push(batch);
            Ok(Flow::More)
        })?;
        batch.clear_order();
        out(batch);
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let passed = &mut self.passed;
        self.chain.finish(&mut |batch| {
            passed.push(batch);
            Ok(Flow::More)
        })?;
        for mut batch in self.passed.drain(..) {
            batch.clear_order();
            out(batch);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("appendpipe [stats count | eval a=1]", "appendpipe [stats count | eval a=1]"),
            ("appendpipe run_in_preview=f [ | stats count ]", "appendpipe [stats count]"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("appendpipe", "", "expected commands in brackets, found the end");
        check_refused("appendpipe [stast]", "stast", "unknown command `stast`");
        check_refused("appendpipe [makeresults]", "makeresults", "a command that makes its own rows cannot stand here");
        check_refused("appendpipe []", "[", "a command is missing here");
    }

    /// spl.md §13.20.
    #[test]
    fn trap_20_a_leading_pipe() {
        check_rows("x=1\nx=2", "appendpipe [| stats sum(x) AS x]", "x=1\nx=2\nx=3");
    }

    #[test]
    fn rows_are_added() {
        check_rows("x=1\nx=2", "appendpipe [where x=2 | eval y=1]", "x=1\nx=2\nx=2 y=1");
        check_rows("", "appendpipe [stats count | where count=0]", "count=0");
        check_rows("x=1", "appendpipe [append [| makeresults | eval x=9 | table x]]", "x=1\nx=1\nx=9");
    }

    #[test]
    fn fields_read() {
        check_fields_read("appendpipe [stats sum(x) BY h]", &["a"], "a h x");
    }
}
