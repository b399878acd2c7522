//! Commands that make their own rows.

use super::{Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::Result;
use crate::subsearch::run_text;
use std::sync::Arc;

/// Makes rows when the pipeline starts.
pub(super) trait Generate: Send + 'static {
    /// Passes on all rows.
    ///
    /// # Errors
    /// If they cannot be made, a limit is reached or the search is cancelled.
    fn generate(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()>;
}

/// Passes on what came before, then rows of its own. A command that stands first has nothing before it.
pub(super) struct GenerateOperator<G>(pub G);

impl<G: Generate> Operator for GenerateOperator<G> {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        // The rows that follow have no place in the order of events.
        batch.clear_order();
        out(batch);
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        self.0.generate(out)
    }
}

/// The rows of subsearches, one after the other.
impl Generate for Vec<Arc<Batch>> {
    fn generate(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        self.drain(..).for_each(|part| out(Arc::unwrap_or_clone(part)));
        Ok(())
    }
}

/// Runs a search, of which a command is another way of writing.
pub(super) struct Rewritten {
    pub command: &'static str,
    /// The search.
    pub text: String,
    pub ctx: Arc<Context>,
}

impl Generate for Rewritten {
    fn generate(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        // The rows of a table are bounded by the limits of the commands that make it.
        out(run_text(&self.text, &self.ctx, self.command, usize::MAX)?);
        Ok(())
    }
}
