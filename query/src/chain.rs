//! Commands at work, one behind the other.

use crate::batch::Batch;
use crate::command::{Command, Flow, Operator};
use crate::context::Context;
use crate::error::Result;
use std::sync::Arc;

/// The operators of consecutive commands.
pub struct Chain {
    operators: Vec<Box<dyn Operator>>,
}

impl Chain {
    /// Fresh operators for `commands`.
    pub fn start(commands: &[Box<dyn Command>], ctx: &Arc<Context>) -> Self {
        Self { operators: commands.iter().map(|command| command.start(ctx)).collect() }
    }

    /// The same with an operator behind the last one.
    pub fn then(mut self, operator: Box<dyn Operator>) -> Self {
        self.operators.push(operator);
        self
    }

    /// An operator that has taken its rows, and fresh ones for the commands behind it.
    pub fn resume(first: Box<dyn Operator>, behind: &[Box<dyn Command>], ctx: &Arc<Context>) -> Self {
        let rest = behind.iter().map(|command| command.start(ctx));
        Self { operators: std::iter::once(first).chain(rest).collect() }
    }

    /// Sends rows through; what comes out at the end goes to `sink`.
    ///
    /// # Errors
    /// The first error of an operator.
    pub fn push(&mut self, batch: Batch, sink: &mut dyn FnMut(Batch) -> Result<Flow>) -> Result<Flow> {
        push_through(&mut self.operators, batch, sink)
    }

    /// Sends rows, each of which stands for as many equal events as `counts` says, to the only operator.
    ///
    /// # Errors
    /// If a limit is reached.
    ///
    /// # Panics
    /// If there is not exactly one operator, or it does not only count rows.
    pub fn push_counted(&mut self, batch: Batch, counts: &[u64]) -> Result<()> {
        let [operator] = &mut self.operators[..] else { panic!("counted rows go to a single operator") };
        operator.push_counted(batch, counts)
    }

    /// Closes the operators one after the other; what they pass on goes through those behind them.
    ///
    /// # Errors
    /// The first error of an operator.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Batch) -> Result<Flow>) -> Result<()> {
        for i in 0..self.operators.len() {
            let (operator, behind) = self.operators[i..].split_first_mut().expect("the index is in range");
            let mut flow = Flow::More;
            while flow == Flow::More {
                let mut passed = Vec::new();
                flow = operator.drain(&mut |batch| passed.push(batch))?;
                for batch in passed {
                    if push_through(behind, batch, sink)? == Flow::Done {
                        flow = Flow::Done;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// A copy of the operator at `index`, if it can be copied.
    pub fn snapshot(&self, index: usize) -> Option<Box<dyn Operator>> {
        self.operators[index].snapshot()
    }

    /// Merges the last operators of chains of the same commands. The others hold no state.
    ///
    /// # Errors
    /// If a limit is reached.
    ///
    /// # Panics
    /// If there is no chain.
    pub fn merged(chains: impl IntoIterator<Item = Self>) -> Result<Self> {
        let mut chains = chains.into_iter();
        let mut merged = chains.next().expect("there is a chain");
        chains.try_for_each(|chain| merged.merge_last(chain))?;
        Ok(merged)
    }

    /// Merges the last operator of another chain of the same commands into this one's. The others hold no state.
    ///
    /// # Errors
    /// If a limit is reached.
    pub fn merge_last(&mut self, mut other: Self) -> Result<()> {
        match (self.operators.last_mut(), other.operators.pop()) {
            (Some(operator), Some(other)) => operator.merge(other),
            _ => Ok(()),
        }
    }
}

fn push_through(
    operators: &mut [Box<dyn Operator>],
    batch: Batch,
    sink: &mut dyn FnMut(Batch) -> Result<Flow>,
) -> Result<Flow> {
    let Some((first, behind)) = operators.split_first_mut() else { return sink(batch) };
    let mut passed = Vec::new();
    let mut flow = first.push(batch, &mut |batch| passed.push(batch))?;
    for batch in passed {
        // A command behind that has enough makes those before it work for nothing.
        if push_through(behind, batch, sink)? == Flow::Done {
            flow = Flow::Done;
        }
    }
    Ok(flow)
}
