//! Keeps the last rows, the last one first.
//!
//! **Syntax**
//!
//! `tail [N]`
//!
//! **Arguments**
//!
//! - `N`: how many rows, 10 by default.
//!
//! **Semantics**
//!
//! The rows come out in reverse order. Over events, which come newest first, these are the oldest, from old to new.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** twice N rows; beyond `max_memory_bytes` they go to disk.
//!
//! **Examples**
//!
//! ```example
//! x=1
//! x=2
//! x=3
//! > tail 2
//! x=3
//! x=2
//! ```

use super::rows::{CollectOperator, SortedRows, Ties};
use super::{Args, Command, CommandKind, Operator};
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Tail {
    /// How many rows.
    pub limit: usize,
}

const DEFAULT_LIMIT: usize = 10;

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let limit = args.number()?.unwrap_or(DEFAULT_LIMIT);
    args.finish()?;
    Ok(Box::new(Tail { limit }))
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tail {}", self.limit)
    }
}

impl Command for Tail {
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
        reversed(ctx, "tail", Some(self.limit))
    }
}

/// Collects rows and passes them on from the last to the first, at most `limit` of them.
pub(super) fn reversed(ctx: &Arc<Context>, command: &'static str, limit: Option<usize>) -> Box<dyn Operator> {
    let rows = SortedRows::new(ctx, command, Arc::default(), Ties::Reversed, limit).spilling();
    Box::new(CollectOperator::new(rows, SortedRows::into_stream))
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[("tail", "tail 10"), ("TAIL 3", "tail 3")]);
    }

    #[test]
    fn refused() {
        check_refused("tail x", "x", "expected the end of the command, found `x`");
        check_refused("tail -3", "-3", "expected the end of the command, found `-3`");
    }

    /// spl.md §13.8.
    #[test]
    fn trap_8_tail_reverses() {
        check_rows("x=1\nx=2\nx=3", "tail", "x=3\nx=2\nx=1");
        check_rows("x=1\nx=2\nx=3", "tail 0", "");
        check_rows("x=1\nx=2\nx=3", "tail 2 | head 1", "x=3");
    }

    #[test]
    fn fields_read() {
        check_fields_read("tail 5", &["a"], "a");
    }
}
