//! Adds rows where a field skips bins.
//!
//! **Syntax**
//!
//! `makecontinuous [options] [field] [options]`
//!
//! **Arguments**
//!
//! - field: times or numbers; `_time` by default.
//! - `span=`, `bins=`, `minspan=`, `start=`, `end=`, `aligntime=`: as in `bin`.
//!
//! **Semantics**
//!
//! The values of the field become the starts of their bins, rows are sorted by it, and each bin between the first and the
//! last (or `start=` and `end=`) that has no row gets one with nothing but the field. Rows without a number in the field come
//! last.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** all rows.
//!
//! **Examples**
//!
//! ```example
//! _time=130 count=5
//! _time=10 count=2
//! > makecontinuous _time span=1m
//! _time=0 count=2
//! _time=60
//! _time=120 count=5
//! ```

use super::binning::{Binner, Binning, Extent};
use super::grouping::check_groups;
use super::rows::change_all_rows;
use super::{Args, Command, CommandKind, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Makecontinuous {
    /// The field.
    pub field: String,
    /// Its bins.
    pub binning: Binning,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut command = Makecontinuous { field: "_time".to_owned(), binning: Binning::default() };
    args.cursor.skip_space();
    let start = args.cursor.pos();
    parse_options(&mut args, &mut command.binning)?;
    if !args.cursor.at_end() {
        command.field = args.expect_plain_name()?.value;
        parse_options(&mut args, &mut command.binning)?;
    }
    args.finish()?;
    let written = args.cursor.trimmed_span_from(start);
    command
        .binning
        .span
        .iter()
        .chain(&command.binning.min_span)
        .try_for_each(|span| span.check(&command.field, written))?;
    Ok(Box::new(command))
}

fn parse_options(args: &mut Args<'_>, binning: &mut Binning) -> Result<(), QueryError> {
    while let Some((option, value)) = args.option(&Binning::OPTIONS)? {
        binning.set(option, &value)?;
    }
    Ok(())
}

impl fmt::Display for Makecontinuous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "makecontinuous{} {}", self.binning, quote_name(&self.field))
    }
}

impl Command for Makecontinuous {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: true }
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        wanted.add(&self.field);
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let filler = Filler { ctx: Arc::clone(ctx), command: self.clone() };
        change_all_rows(ctx, "makecontinuous", move |rows| filler.fill(rows))
    }
}

struct Filler {
    ctx: Arc<Context>,
    command: Makecontinuous,
}

impl Filler {
    /// The bins that have no row but should.
    fn missing(&self, bins: &Binner, present: &[f64]) -> Result<Vec<f64>> {
        let Binning { start, end, .. } = self.command.binning;
        let first = start.and_then(|start| bins.start_of(start)).or(present.first().copied());
        let last = end.and_then(|end| bins.start_of(end)).or(present.last().copied());
        let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
        let mut missing = Vec::new();
        let mut bin = first;
        while bin <= last {
            if present.binary_search_by(|known| known.total_cmp(&bin)).is_err() {
                missing.push(bin);
                check_groups(&self.ctx, "makecontinuous", missing.len())?;
            }
            bin = bins.next(bin);
        }
        Ok(missing)
    }

    /// Cuts the values and adds the rows that are missing.
    fn fill(&self, batch: &mut Batch) -> Result<()> {
        let field = &self.command.field;
        let Some(column) = batch.column(field) else { return Ok(()) };
        let bins = self.command.binning.bins(field, &self.ctx, &Extent::of(column));
        let starts = bins.start_column(column);
        let mut present: Vec<f64> = starts.iter().filter_map(Value::as_number).collect();
        present.sort_by(f64::total_cmp);
        batch.set_column(field, starts);
        let missing = self.missing(&bins, &present)?;
        let cells = missing.iter().map(|start| Value::number(*start)).collect();
        batch.append(Batch::from_columns(missing.len(), [(field, cells)]));
        let place = |row: u32| batch.value(row as usize, field).as_number().unwrap_or(f64::INFINITY);
        let mut order: Vec<u32> = (0..batch.len() as u32).collect();
        order.sort_by(|a, b| place(*a).total_cmp(&place(*b)));
        *batch = std::mem::take(batch).take_rows(&order);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("MAKECONTINUOUS", "makecontinuous _time"),
            ("makecontinuous x span=10 start=0", "makecontinuous span=10 start=0 x"),
            ("makecontinuous span=1h _time", "makecontinuous span=1h _time"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("makecontinuous x spn=1", "spn", "`makecontinuous` has no option `spn`");
        check_refused("makecontinuous x y", "y", "expected the end of the command, found `y`");
    }

    #[test]
    fn rows() {
        check_rows("x=31 a=1\na=2\nx=5 a=3", "makecontinuous x span=10", "x=0 a=3\nx=10\nx=20\nx=30 a=1\na=2");
        check_rows("x=11 a=1", "makecontinuous x span=10 start=0 end=25", "x=0\nx=10 a=1\nx=20");
        check_rows("a=1", "makecontinuous x span=10", "a=1");
        check_rows("", "makecontinuous span=1h", "");
    }

    #[test]
    fn fields_read() {
        check_fields_read("makecontinuous x span=1", &["a"], "a x");
    }
}
