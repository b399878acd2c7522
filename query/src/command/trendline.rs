//! Computes moving averages.
//!
//! **Syntax**
//!
//! `trendline (sma | ema | wma)<n>(<field>) [AS name] …`
//!
//! **Arguments**
//!
//! - `sma5(x)`: the simple average of the last 5 values.
//! - `wma5(x)`: the average with the weights 1 to 5, the last value having the largest.
//! - `ema5(x)`: the exponential average with the weight 2/(n+1) for each new value, beginning with the simple average of the
//!   first n.
//! - `AS name`: the result's name; as written by default.
//!
//! **Semantics**
//!
//! There is no result before n values. A row without a number gets none and does not count.
//!
//! **Kind** ordered.
//!
//! **Memory** n values for each average; n is 2 to 10,000.
//!
//! **Examples**
//!
//! ```example
//! x=1
//! x=3
//! x=8
//! > trendline sma2(x) wma2(x) AS weighted ema2(x)
//! x=1
//! x=3 sma2(x)=2 weighted=2.3333333333333335 ema2(x)=2
//! x=8 sma2(x)=5.5 weighted=6.333333333333333 ema2(x)=6
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::lexer::quote_name;
use crate::stats_fn::ExactSum;
use crate::value::Value;
use crate::wanted::Wanted;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Trendline {
    /// The averages, at least one.
    pub averages: Vec<MovingAverage>,
}

/// A moving average.
#[derive(Clone, Debug, PartialEq)]
pub struct MovingAverage {
    /// Its weights.
    pub kind: AverageKind,
    /// How many values.
    pub n: usize,
    /// Of what.
    pub field: String,
    /// The result's name, if one is given.
    pub alias: Option<String>,
}

/// How a moving average weighs values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AverageKind {
    /// All alike.
    Simple,
    /// Less and less with each new value.
    Exponential,
    /// By their place.
    Weighted,
}

const KINDS: [(&str, AverageKind); 3] =
    [("sma", AverageKind::Simple), ("ema", AverageKind::Exponential), ("wma", AverageKind::Weighted)];

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut averages = Vec::new();
    loop {
        args.cursor.skip_separators();
        if args.cursor.at_end() && !averages.is_empty() {
            return Ok(Box::new(Trendline { averages }));
        }
        averages.push(parse_average(&mut args)?);
    }
}

fn parse_average(args: &mut Args<'_>) -> Result<MovingAverage, QueryError> {
    let start = args.cursor.pos();
    let written = args.cursor.take_while(char::is_alphanumeric);
    if written.is_empty() {
        return Err(args.cursor.expected("sma, ema or wma"));
    }
    let span = args.cursor.span_from(start);
    let lower = written.to_ascii_lowercase();
    let (name, digits) = lower.split_at(lower.find(|c: char| c.is_ascii_digit()).unwrap_or(lower.len()));
    let Some((_, kind)) = KINDS.into_iter().find(|(known, _)| *known == name) else {
        return Err(QueryError::new(QueryErrorKind::UnknownFunction(written.to_owned()), span)
            .with_hint("write sma5(field), ema5(field) or wma5(field)"));
    };
    let n = digits.parse().ok().filter(|n| (2..=10_000).contains(n)).ok_or_else(|| {
        QueryError::rule(format!("`{written}` needs a number of values from 2 to 10000"), span)
            .with_hint(format!("write it as in {name}5(field)"))
    })?;
    args.cursor.expect("(")?;
    let field = args.expect_plain_name()?.value;
    args.cursor.expect(")")?;
    let alias = if args.keyword("AS") { Some(args.expect_plain_name()?.value) } else { None };
    Ok(MovingAverage { kind, n, field, alias })
}

impl MovingAverage {
    fn name(&self) -> String {
        self.alias.clone().unwrap_or_else(|| format!("{}{}({})", self.kind.name(), self.n, self.field))
    }
}

impl AverageKind {
    fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

impl fmt::Display for Trendline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("trendline")?;
        self.averages.iter().try_for_each(|MovingAverage { kind, n, field, alias }| {
            write!(f, " {}{n}({})", kind.name(), quote_name(field))?;
            alias.iter().try_for_each(|alias| write!(f, " AS {}", quote_name(alias)))
        })
    }
}

impl Command for Trendline {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        self.averages.iter().for_each(|average| wanted.remove(&average.name()));
        self.averages.iter().for_each(|average| wanted.add(&average.field));
        wanted
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        let averages = self.averages.iter().map(|average| (average.clone(), Trend::default())).collect();
        Box::new(TrendlineOperator { averages })
    }
}

/// The state of a moving average.
#[derive(Default)]
struct Trend {
    /// The last values, the oldest first; of an exponential average those before the first result.
    values: VecDeque<f64>,
    sum: ExactSum,
    /// The sum of the values times their weights.
    weighted: ExactSum,
    exponential: Option<f64>,
}

impl Trend {
    fn next(&mut self, average: &MovingAverage, number: f64) -> Option<f64> {
        let n = average.n as f64;
        if let Some(before) = self.exponential {
            let weight = 2.0 / (n + 1.0);
            let next = number * weight + before * (1.0 - weight);
            self.exponential = Some(next);
            return Some(next);
        }
        if average.kind == AverageKind::Weighted {
            // Every value so far moves one place back, which takes their sum away.
            if self.values.len() == average.n {
                self.weighted.merge(self.sum.clone().negated());
            }
            let weight = (self.values.len() + 1).min(average.n) as f64;
            let product = number * weight;
            self.weighted.add(product);
            self.weighted.add(number.mul_add(weight, -product));
        }
        self.values.push_back(number);
        self.sum.add(number);
        if self.values.len() > average.n
            && let Some(oldest) = self.values.pop_front()
        {
            self.sum.add(-oldest);
        }
        if self.values.len() < average.n {
            return None;
        }
        match average.kind {
            AverageKind::Simple => Some(self.sum.total() / n),
            AverageKind::Weighted => Some(self.weighted.total() / (n * (n + 1.0) / 2.0)),
            AverageKind::Exponential => {
                self.exponential = Some(self.sum.total() / n);
                self.exponential
            }
        }
    }
}

struct TrendlineOperator {
    averages: Vec<(MovingAverage, Trend)>,
}

impl Operator for TrendlineOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        // All averages see the rows as they came.
        let results: Vec<(String, Vec<Value>)> = (self.averages.iter_mut())
            .map(|(average, trend)| {
                let column = batch.column(&average.field);
                let cell = |row: usize| {
                    let number = column.and_then(|column| column[row].as_number());
                    let result = number.and_then(|number| trend.next(average, number));
                    result.map_or(Value::Null, Value::number)
                };
                (average.name(), (0..batch.len()).map(cell).collect())
            })
            .collect();
        results.into_iter().for_each(|(name, cells)| batch.set_column(&name, cells));
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("TRENDLINE SMA5(x)", "trendline sma5(x)"),
            ("trendline ema10( x ) as e, wma3(\"a b\")", "trendline ema10(x) AS e wma3(\"a b\")"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("trendline", "", "expected sma, ema or wma, found the end");
        check_refused("trendline sma(x)", "sma", "`sma` needs a number of values from 2 to 10000");
        check_refused("trendline sma1(x)", "sma1", "`sma1` needs a number of values from 2 to 10000");
        check_refused("trendline avg5(x)", "avg5", "unknown function `avg5`");
        check_refused("trendline sma5", "", "expected `(`, found the end");
    }

    #[test]
    fn rows() {
        check_rows(
            "x=1\nx=a\nx=2\nx=6\nx=7",
            "trendline sma3(x) AS s wma3(x) AS w ema3(x) AS e",
            "x=1\nx=a\nx=2\nx=6 s=3 w=3.8333333333333335 e=3\nx=7 s=5 w=5.833333333333333 e=5",
        );
    }

    #[test]
    fn fields_read() {
        check_fields_read("trendline sma5(x) AS t", &["t", "z"], "x z");
    }
}
