//! Cuts numbers or times into bins: each value becomes its bin.
//!
//! **Syntax**
//!
//! `bin [options] <field> [AS name] [options]`, also called `bucket`
//!
//! **Arguments**
//!
//! - field: numbers or times.
//! - `AS name`: the bin goes to this field, the old one stays.
//! - `span=`: length of a bin. A number and a unit (`us ms cs ds s m h d w mon q y`, as in `5m`) for times; a number for
//!   other fields, and seconds for `_time`; `log`, `log2`, `2log10` for bins that grow: their edges are the powers of the
//!   base (10), times the coefficient (1). Below a second a span must divide one second.
//! - `bins=100`: most bins when the span is chosen; at least 2. `minspan=`: the shortest span that may be chosen.
//! - `start=`, `end=`: taken for the smallest and largest value when the span is chosen.
//! - `aligntime=earliest|latest|<time>`: an instant at which a bin starts, such as `@d+3h`; only for spans below a month.
//!
//! **Semantics**
//!
//! A time becomes the start of its bin, a number. Bins of time follow the local clock as in `timechart`. Another number
//! becomes the text of its range, `0-25`, which holds 0 but not 25. Null and text stay, under the new
//! name too; a multivalue field is cut value by value. Values not above zero have no logarithm and stay.
//!
//! Without `span` all values are looked at first: the span is the shortest round one (1, 2 or 5 times a power of ten, at
//! least 1 for whole numbers; for times as in `timechart`) that needs no more bins than allowed.
//!
//! **Kind** streaming; without `span` transforming.
//!
//! **Memory** none; without `span` all rows.
//!
//! **Examples**
//!
//! ```example
//! _time=3725 ms=7
//! _time=3605 ms=25
//! ms=fast
//! > bin _time span=1m | bin ms span=25
//! _time=3720 ms=0-25
//! _time=3600 ms=25-50
//! ms=fast
//! ```
//!
//! ```example
//! ms=0.5
//! ms=7
//! ms=4000
//! > bin span=log ms AS size
//! ms=0.5 size=0.1-1
//! ms=7 size=1-10
//! ms=4000 size=1000-10000
//! ```
//!
//! **Differences** Splunk chooses among other round spans.

use super::binning::{Binner, Binning, Extent};
use super::rows::change_all_rows;
use super::{Args, Command, CommandKind, Flow, Operator};
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
pub struct Bin {
    /// How the values are cut.
    pub binning: Binning,
    /// The field.
    pub field: String,
    /// Where the bins go; `None` for the field itself.
    pub alias: Option<String>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut bin = Bin { binning: Binning::default(), field: String::new(), alias: None };
    args.cursor.skip_space();
    let start = args.cursor.pos();
    parse_options(&mut args, &mut bin.binning)?;
    bin.field = args.expect_plain_name()?.value;
    parse_options(&mut args, &mut bin.binning)?;
    if args.keyword("AS") {
        bin.alias = Some(args.expect_plain_name()?.value);
        parse_options(&mut args, &mut bin.binning)?;
    }
    args.finish()?;
    let written = args.cursor.trimmed_span_from(start);
    bin.binning.span.iter().chain(&bin.binning.min_span).try_for_each(|span| span.check(&bin.field, written))?;
    Ok(Box::new(bin))
}

fn parse_options(args: &mut Args<'_>, binning: &mut Binning) -> Result<(), QueryError> {
    while let Some((option, value)) = args.option(&Binning::OPTIONS)? {
        binning.set(option, &value)?;
    }
    Ok(())
}

impl Bin {
    fn target(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.field)
    }

    fn apply(&self, bins: &Binner, batch: &mut Batch) {
        // Whether a batch has a column without values must not show.
        let cells = batch.column(&self.field).map(|column| bins.label_column(column));
        if let Some(cells) = cells.or_else(|| self.alias.is_some().then(|| vec![Value::Null; batch.len()])) {
            batch.set_column(self.target(), cells);
        }
    }
}

impl fmt::Display for Bin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bin{} {}", self.binning, quote_name(&self.field))?;
        self.alias.iter().try_for_each(|alias| write!(f, " AS {}", quote_name(alias)))
    }
}

impl Command for Bin {
    fn kind(&self) -> CommandKind {
        match self.binning.span {
            Some(_) => CommandKind::Streaming,
            None => CommandKind::Transforming { order_matters: true },
        }
    }

    fn makes_table(&self) -> bool {
        false
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        wanted.remove(self.target());
        wanted.add(&self.field);
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        match self.binning.fixed_bins(&self.field, ctx) {
            Some(bins) => Box::new(FixedOperator { bin: self.clone(), bins }),
            // The values decide about the span.
            None => {
                let (bin, own_ctx) = (self.clone(), Arc::clone(ctx));
                change_all_rows(ctx, "bin", move |rows| {
                    let extent = Extent::of(rows.column(&bin.field).unwrap_or_default());
                    bin.apply(&bin.binning.bins(&bin.field, &own_ctx, &extent), rows);
                    Ok(())
                })
            }
        }
    }
}

struct FixedOperator {
    bin: Bin,
    bins: Binner,
}

impl Operator for FixedOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.bin.apply(&self.bins, &mut batch);
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::command::CommandKind;
    use crate::context::Context;
    use crate::testing::{
        check_fields_read, check_prints, check_refused, check_rows, check_rows_in, commands, context,
    };
    use crate::time::TimeRange;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("bin _time span=1h", "bin span=1h _time"),
            ("BUCKET span=5min _time as t", "bin span=5m _time AS t"),
            ("bin x bins=20 start=0 end=100", "bin bins=20 start=0 end=100 x"),
            ("bin span=2log5 x", "bin span=2log5 x"),
            ("bin span=log x", "bin span=1log10 x"),
            ("bin span=0.5 \"two words\"", "bin span=0.5 \"two words\""),
            ("bin _time span=1d aligntime=@d+3h", "bin span=1d aligntime=@d+3h _time"),
            ("bin _time aligntime=earliest minspan=1m", "bin minspan=1m aligntime=earliest _time"),
            ("bin _time span=1d@h", "bin span=1d _time"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("bin", "", "expected the name of a field, found the end");
        check_refused("bin x span=5x", "5x", "`5x` is not a span of time");
        check_refused("bin x span=0", "0", "`0` is not a span of time");
        check_refused("bin x span=10log5", "10log5", "`10log5` is not a span of time");
        check_refused("bin x bins=1", "1", "`1` is not 2 or more");
        check_refused("bin x sapn=5", "sapn", "`bin` has no option `sapn`");
        check_refused("bin x*", "x*", "wildcards are not allowed here");
        check_refused("bin _time span=0.3", "_time span=0.3", "`0.3` is not a span of time");
        check_refused("bin a b", "b", "expected the end of the command, found `b`");
        check_refused(
            "bin a aligntime=soon",
            "soon",
            "`soon` is not earliest, latest, epoch seconds or a time such as @d+3h",
        );
    }

    #[test]
    fn times() {
        check_rows("_time=3725.5\n_time=x\na=1", "bin _time span=1h", "_time=3600\n_time=x\na=1");
        check_rows("_time=3725.5", "bin _time span=500ms", "_time=3725.5");
        check_rows("_time=3725.5", "bin _time span=60 AS m", "_time=3725.5 m=3720");
        check_rows("t=3725", "bin t span=1h", "t=3600");
        check_rows("_time=3725", "bin _time span=1h aligntime=1800", "_time=1800");
        let searching = || {
            let mut ctx: Context = context();
            ctx.range = TimeRange { earliest: Some(100_000_000), latest: None };
            ctx
        };
        check_rows_in(searching, "_time=3725", "bin _time span=1h aligntime=earliest", "_time=3700");
    }

    #[test]
    fn numbers() {
        check_rows("x=0\nx=24.9\nx=25\nx=-1\nx=up", "bin x span=25", "x=0-25\nx=0-25\nx=25-50\nx=-25-0\nx=up");
        check_rows("x=[1,30]", "bin x span=25", "x=[0-25,25-50]");
        check_rows("x=0\nx=3", "bin x span=log2", "x=0\nx=2-4");
    }

    #[test]
    fn the_values_choose_the_span() {
        check_rows("x=0\nx=55\nx=99", "bin x bins=10", "x=0-10\nx=50-60\nx=90-100");
        check_rows("x=0\nx=55\nx=100", "bin x bins=10", "x=0-20\nx=40-60\nx=100-120");
        check_rows("x=3\nx=5", "bin x", "x=3-4\nx=5-6");
        check_rows("x=0.5\nx=1.5", "bin x bins=2", "x=0-1\nx=1-2");
        check_rows("x=1\nx=2", "bin x start=0 end=999 bins=10", "x=0-100\nx=0-100");
        check_rows("x=1\nx=2", "bin x minspan=7", "x=0-10\nx=0-10");
        check_rows("_time=0\n_time=3599", "bin _time", "_time=0\n_time=3540");
        check_rows("_time=0\n_time=3599", "bin _time bins=10", "_time=0\n_time=3000");
        check_rows("a=1", "bin x", "a=1");
    }

    /// spl.md §13.22.
    #[test]
    fn trap_22_binned_times_have_gaps() {
        check_rows(
            "_time=7300\n_time=10\n_time=20",
            "bin _time span=1h | stats count BY _time",
            "_time=0 count=2\n_time=7200 count=1",
        );
    }

    #[test]
    fn a_given_span_streams() {
        assert_eq!(commands("bin _time span=1h")[0].kind(), CommandKind::Streaming);
        assert_eq!(commands("bin _time")[0].kind(), CommandKind::Transforming { order_matters: true });
    }

    #[test]
    fn a_row_without_the_field_has_no_bin_under_another_name() {
        check_rows("x=7 y=old\ny=old", "bin span=5 x AS y", "x=7 y=5-10\n-");
    }

    #[test]
    fn fields_read() {
        check_fields_read("bin x span=1 AS y", &["y", "z"], "x z");
        check_fields_read("bin x span=1", &["x", "z"], "x z");
    }
}
