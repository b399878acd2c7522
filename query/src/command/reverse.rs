//! Turns the order of the rows round.
//!
//! **Syntax**
//!
//! `reverse`
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** all rows; beyond `max_memory_bytes` they go to disk.
//!
//! **Examples**
//!
//! ```example
//! x=1
//! x=2
//! > reverse
//! x=2
//! x=1
//! ```

use super::tail::reversed;
use super::{Args, Command, CommandKind, Operator};
use crate::context::Context;
use crate::error::QueryError;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Reverse;

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    args.finish()?;
    Ok(Box::new(Reverse))
}

impl fmt::Display for Reverse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reverse")
    }
}

impl Command for Reverse {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: true }
    }

    fn makes_table(&self) -> bool {
        false
    }

    fn keeps_rows(&self) -> bool {
        true
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        downstream.clone()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        reversed(ctx, "reverse", None)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[("REVERSE", "reverse")]);
    }

    #[test]
    fn refused() {
        check_refused("reverse 5", "5", "expected the end of the command, found `5`");
    }

    #[test]
    fn rows() {
        check_rows("x=1\nx=2\nx=3", "reverse", "x=3\nx=2\nx=1");
        check_rows("x=1\nx=2\nx=3", "reverse | reverse", "x=1\nx=2\nx=3");
        check_rows("x=1\nx=2\nx=3", "reverse | stats first(x)", "first(x)=3");
    }

    #[test]
    fn fields_read() {
        check_fields_read("reverse", &["a"], "a");
    }
}
