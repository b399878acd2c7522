//! A pipeline over rows in memory.

use crate::ast::Pipeline;
use crate::batch::{Batch, OrderKey};
use crate::chain::Chain;
use crate::command::{Command, CommandKind, Flow};
use crate::context::Context;
use crate::error::Result;
use crate::parser::parse_expanded;
use crate::search::{Filter, RowView};
use crate::subsearch::{resolve, run_arguments, wrong_text};
use std::sync::Arc;

impl Pipeline {
    /// Runs the pipeline over rows in memory, in the place of the events of an index: the leading search keeps those that
    /// satisfy it, then the commands follow. Time modifiers have no effect.
    ///
    /// The result depends neither on where the rows are cut into batches nor on `n_workers`: the batches are dealt out to
    /// so many operators of the first transforming command, which are then merged. They run one after the other.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use trawl_query::context::Context;
    /// use trawl_query::time::TimeRange;
    /// use trawl_query::{Batch, Value};
    ///
    /// let pipeline = trawl_query::parse("host=a* | stats sum(n) AS n")?;
    /// let hosts = vec!["a".into(), "b".into(), "ab".into()];
    /// let numbers = vec![Value::from(1.0), Value::from(2.0), Value::from(4.0)];
    /// let rows = Batch::from_columns(3, [("host", hosts), ("n", numbers)]);
    /// let ctx = Arc::new(Context::new(0, trawl_formats::Zone::UTC, TimeRange::ALL));
    /// assert_eq!(pipeline.run_over(vec![rows], 1, &ctx)?.value(0, "n").to_string(), "5");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a limit of the context is reached, it says to stop, or a subsearch fails.
    ///
    /// # Panics
    /// If there is no worker.
    pub fn run_over(&self, batches: Vec<Batch>, n_workers: usize, ctx: &Arc<Context>) -> Result<Batch> {
        if !self.inline_subsearches().is_empty() {
            let text = resolve(self, ctx)?;
            let resolved = parse_expanded(&text, &ctx.caller().knowledge, 0).map_err(wrong_text)?;
            return resolved.run_over(batches, n_workers, ctx);
        }
        let filter = self.search.as_ref().map(Filter::new);
        let mut n_rows = 0;
        let events = batches.into_iter().map(|mut batch| {
            batch.set_order((n_rows..).take(batch.len()).map(OrderKey::sequence).collect());
            n_rows += batch.len() as u64;
            match &filter {
                Some(filter) => {
                    let kept: Vec<bool> =
                        (0..batch.len()).map(|row| filter.matches(&RowView::new(&batch, row))).collect();
                    batch.retain_rows(|row| kept[row]);
                }
                None => batch.truncate(0),
            }
            batch
        });
        run_commands(&self.commands, events, n_workers, ctx)
    }
}

/// Runs commands over batches that carry order keys.
pub(crate) fn run_commands(
    commands: &[Box<dyn Command>],
    batches: impl Iterator<Item = Batch>,
    n_workers: usize,
    ctx: &Arc<Context>,
) -> Result<Batch> {
    run_arguments(commands, ctx)?;
    let n_parallel = match commands.iter().position(|command| command.kind() != CommandKind::Streaming) {
        Some(at) if matches!(commands[at].kind(), CommandKind::Transforming { .. }) => at + 1,
        _ => 0,
    };
    let (parallel, serial) = commands.split_at(n_parallel);
    let mut rest = Chain::start(serial, ctx);
    let mut result = Batch::default();
    let mut collect = |batch: Batch| {
        result.append(batch);
        Ok(Flow::More)
    };
    if parallel.is_empty() {
        for batch in batches {
            if rest.push(batch, &mut collect)? == Flow::Done {
                break;
            }
        }
    } else {
        let mut workers: Vec<Chain> = (0..n_workers).map(|_| Chain::start(parallel, ctx)).collect();
        for (index, batch) in batches.enumerate() {
            workers[index % n_workers].push(batch, &mut |batch| rest.push(batch, &mut collect))?;
        }
        // The last one first, for no order of merging may matter.
        let mut merged = workers.pop().expect("there is a worker");
        while let Some(worker) = workers.pop() {
            merged.merge_last(worker)?;
        }
        merged.finish(&mut |batch| rest.push(batch, &mut collect))?;
    }
    rest.finish(&mut collect)?;
    Ok(result)
}
