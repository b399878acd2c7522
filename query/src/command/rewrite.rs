//! Commands that are another way of writing a search: they run that search and pass its rows on.

use super::{Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::Result;
use crate::subsearch::run_text;
use std::sync::Arc;

/// Runs a search when the pipeline starts.
pub(super) struct RewriteOperator {
    pub command: &'static str,
    /// The search.
    pub text: String,
    pub ctx: Arc<Context>,
}

impl Operator for RewriteOperator {
    fn push(&mut self, _: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        unreachable!("a generating command stands first")
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        // The rows of a table are bounded by the limits of the commands that make it.
        out(run_text(&self.text, &self.ctx, self.command, usize::MAX)?);
        Ok(())
    }
}
