//! Summarises each field: how often it is there, what values it has.
//!
//! **Syntax**
//!
//! `fieldsummary [maxvals=100] [list]`
//!
//! **Arguments**
//!
//! - `maxvals=`: how many values are listed for each field, the most frequent first; 0 for all.
//! - list: fields, with wildcards; all but the internal ones by default.
//!
//! **Semantics**
//!
//! One line for each field, by name: `field`, `count` (values), `distinct_count`, `is_exact` (1, or 0 where the distinct count
//! is estimated), `max`, `mean`, `min`, `numeric_count`, `stdev` of the numeric values, and `values`, a JSON list of values with
//! their counts.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** grows with the distinct values. A field with more than a million of them is estimated and lists no values.
//!
//! **Examples**
//!
//! ```example
//! x=1 host=a
//! x=3 host=a
//! host=b
//! > fieldsummary | fields - values
//! field=host count=3 distinct_count=2 is_exact=1 numeric_count=0
//! field=x count=2 distinct_count=2 is_exact=1 max=3 mean=2 min=1 numeric_count=2 stdev=1.4142135623730951
//! ```

use super::args::count;
use super::{Args, Command, CommandKind, Flow, Operator, same_operator};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::glob::Glob;
use crate::lexer::quote_name;
use crate::stats_fn::ValueSummary;
use crate::value::Value;
use crate::wanted::Wanted;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Fieldsummary {
    /// How many values are listed; `None` for all.
    pub max_values: Option<usize>,
    /// The fields; none for all.
    pub fields: Vec<Glob>,
}

const DEFAULT_MAX_VALUES: usize = 100;

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut summary = Fieldsummary { max_values: Some(DEFAULT_MAX_VALUES), fields: Vec::new() };
    loop {
        while let Some((_, value)) = args.option(&["maxvals"])? {
            summary.max_values = Some(count(&value)?).filter(|n| *n > 0);
        }
        if args.cursor.at_end() {
            return Ok(Box::new(summary));
        }
        summary.fields.extend(args.expect_globs()?);
    }
}

impl fmt::Display for Fieldsummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fieldsummary")?;
        match self.max_values {
            Some(DEFAULT_MAX_VALUES) => {}
            max_values => write!(f, " maxvals={}", max_values.unwrap_or(0))?,
        }
        self.fields
            .iter()
            .enumerate()
            .try_for_each(|(i, glob)| write!(f, "{}{}", if i == 0 { " " } else { ", " }, quote_name(&glob.to_string())))
    }
}

impl Fieldsummary {
    fn takes(&self, field: &str) -> bool {
        match self.fields.is_empty() {
            true => !field.starts_with('_'),
            false => self.fields.iter().any(|glob| glob.matches_field(field)),
        }
    }
}

impl Command for Fieldsummary {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: false }
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        if self.fields.is_empty() {
            return Wanted::All;
        }
        let mut wanted = Wanted::none();
        self.fields.iter().for_each(|glob| wanted.add_glob(glob));
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(FieldsummaryOperator {
            ctx: Arc::clone(ctx),
            summary: self.clone(),
            fields: BTreeMap::new(),
            memory: Memory::new(ctx, "fieldsummary"),
        })
    }
}

struct FieldsummaryOperator {
    ctx: Arc<Context>,
    summary: Fieldsummary,
    fields: BTreeMap<String, ValueSummary>,
    memory: Memory,
}

impl Operator for FieldsummaryOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let mut bytes = 0;
        for (name, column) in batch.iter().filter(|(name, _)| self.summary.takes(name)) {
            let values = column.iter().flat_map(Value::each);
            // A column may be there without a value in it; that makes no line, wherever the stream is cut.
            let mut values = values.peekable();
            if values.peek().is_none() {
                continue;
            }
            if !self.fields.contains_key(name) {
                self.fields.insert(name.to_owned(), ValueSummary::default());
                bytes += name.len() + size_of::<ValueSummary>();
            }
            if let Some(summary) = self.fields.get_mut(name) {
                bytes += values.map(|value| summary.add(value)).sum::<usize>();
            }
        }
        self.memory.grow(bytes)?;
        Ok(Flow::More)
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let other: Self = same_operator(other);
        self.memory.absorb(other.memory);
        for (name, summary) in other.fields {
            self.fields.entry(name).or_default().merge(summary);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let fields = std::mem::take(&mut self.fields);
        let number = |number: Option<f64>| number.map_or(Value::Null, Value::number);
        let names = fields.keys().map(|name| Value::from(name.as_str())).collect();
        let column = |cell: &dyn Fn(&ValueSummary) -> Value| fields.values().map(cell).collect::<Vec<Value>>();
        let table = [
            ("field", names),
            ("count", column(&|summary| Value::count(summary.n()))),
            ("distinct_count", column(&|summary| Value::count(summary.distinct().0))),
            ("is_exact", column(&|summary| Value::Number(if summary.distinct().1 { 1.0 } else { 0.0 }))),
            ("max", column(&|summary| number(summary.numbers().map(|(_, high)| high)))),
            ("mean", column(&|summary| number(summary.mean()))),
            ("min", column(&|summary| number(summary.numbers().map(|(low, _)| low)))),
            ("numeric_count", column(&|summary| Value::count(summary.n_numeric()))),
            ("stdev", column(&|summary| number(summary.stdev()))),
            ("values", column(&|summary| values_json(summary, self.summary.max_values))),
        ];
        out(Batch::from_columns(fields.len(), table));
        Ok(())
    }
}

/// `[{"value":"a","count":2},…]`, the most frequent first, of equally frequent ones the first in mixed order.
fn values_json(summary: &ValueSummary, max_values: Option<usize>) -> Value {
    let values = summary.most_frequent(max_values.unwrap_or(usize::MAX));
    let items: Vec<String> = values
        .into_iter()
        .map(|(value, n)| format!("{{\"value\":{},\"count\":{n}}}", serde_json::Value::from(value.as_str())))
        .collect();
    Value::from(format!("[{}]", items.join(",")))
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_columns, check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("FIELDSUMMARY", "fieldsummary"),
            ("fieldsummary maxvals=5 a b*", "fieldsummary maxvals=5 a, b*"),
            ("fieldsummary a maxvals=0", "fieldsummary maxvals=0 a"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("fieldsummary max=5", "max", "`fieldsummary` has no option `max`");
        check_refused("fieldsummary maxvals=x", "x", "`x` is not a whole number");
    }

    #[test]
    fn rows() {
        check_columns(
            "",
            "fieldsummary",
            "field count distinct_count is_exact max mean min numeric_count stdev values",
        );
        check_rows(
            "x=b y=1\nx=a y=[2,a]\nx=b _z=1",
            "fieldsummary maxvals=1 | fields field count distinct_count numeric_count values",
            "field=x count=3 distinct_count=2 numeric_count=0 values=[{\"value\":\"b\",\"count\":2}]\nfield=y count=3 distinct_count=3 numeric_count=2 values=[{\"value\":\"1\",\"count\":1}]",
        );
        check_rows("x=1 _z=1", "fieldsummary _z | fields field", "field=_z");
        check_rows("x=\"a b\"", "fieldsummary | eval v=len(values) | fields v", "v=27");
    }

    #[test]
    fn fields_read() {
        check_fields_read("fieldsummary", &["field"], "*");
        check_fields_read("fieldsummary a b*", &["field"], "a b*");
    }
}
