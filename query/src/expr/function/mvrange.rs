//! `mvrange(start, end[, step])`: the numbers from start on, by step, which is 1 unless given; end is not among them.
//!
//! The step is a number or a span of time such as `"7d"`: then start and end are times, and days, weeks and months are those of the
//! calendar in the zone of the search. A negative step counts down. A step of nothing gives null. A cell holds at most 100,000
//! values: more are cut, with a warning.
//!
//! ```example
//! mvjoin(mvrange(1, 5), " ") = 1 2 3 4
//! mvjoin(mvrange(1, 11, 3), " ") = 1 4 7 10
//! mvjoin(mvrange(5, 1, -2), " ") = 5 3
//! mvcount(mvrange(relative_time(now(), "@y"), relative_time(now(), "+1y@y"), "1mon")) = 12
//! mvrange(5, 1) = null
//! mvrange(1, 5, 0) = null
//! ```

use super::super::compile::Code;
use super::args::bad_literal;
use super::{Arity, CallArgs, Function};
use crate::context::{Context, Warning};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::time::{SECOND_US, TimeSpec, from_seconds};
use crate::value::Value;
use std::iter;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "mvrange",
    aliases: &[],
    usage: "mvrange(start, end[, step])",
    arity: Arity::between(2, 3),
    manual: Manual::of(include_str!("mvrange.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    if let Some(literal) = args.literal(2)
        && Step::parse(&Value::from(literal.value.as_str())).is_none()
    {
        return Err(bad_literal(&literal, "a number or a span of time"));
    }
    args.compiler.varies();
    let (start, end) = (args.number(0)?, args.number(1)?);
    let step = args.optional_value(2)?;
    Ok(Code::value(move |row| {
        let step = step.as_ref().map_or(Some(Step::Number(1.0)), |step| Step::parse(&step(row)));
        let (Some(start), Some(end), Some(step)) = (start(row), end(row), step) else { return Value::Null };
        let ctx = row.ctx();
        let mut numbers = step.count(start, end, ctx);
        let kept: Vec<Value> = numbers.by_ref().take(MAX_VALUES).map(Value::Number).collect();
        if numbers.next().is_some() {
            ctx.warn(Warning::RangeCut { kept: MAX_VALUES });
        }
        Value::multi(kept)
    }))
}

/// Most values of a cell: a hundred thousand are more than anybody reads, and a cell of them is a few megabytes.
const MAX_VALUES: usize = 100_000;

/// What lies between two numbers.
enum Step {
    Number(f64),
    Time(TimeSpec),
}

impl Step {
    /// A number or a span of time; `None` for anything else, and for a step that leads nowhere.
    fn parse(value: &Value) -> Option<Self> {
        if let Some(number) = value.as_number() {
            return (number != 0.0).then_some(Step::Number(number));
        }
        let text = value.as_text()?;
        let signed = if text.starts_with(['+', '-']) { text.into_owned() } else { format!("+{text}") };
        let spec = TimeSpec::parse(&signed).filter(|spec| matches!(spec, TimeSpec::Relative(_)))?;
        Some(Step::Time(spec))
    }

    /// The numbers from `start` until `end`, in the direction of the step; none if that leads away from `end`.
    fn count<'s>(&'s self, start: f64, end: f64, ctx: &'s Context) -> Box<dyn Iterator<Item = f64> + 's> {
        match self {
            Step::Number(step) => {
                let is_before = move |number: &f64| if *step > 0.0 { *number < end } else { *number > end };
                // By multiplication, for the errors of repeated addition add up.
                Box::new((0..=MAX_VALUES).map(move |n| start + n as f64 * step).take_while(is_before))
            }
            Step::Time(spec) => {
                let next = move |time_us: &i64| spec.resolve(*time_us, ctx.zone).filter(|next| next != time_us);
                let start_us = from_seconds(start);
                let forwards = start_us.and_then(|start_us| next(&start_us)).is_some_and(|next| Some(next) > start_us);
                let times = iter::successors(start_us, next).map(|time_us| time_us as f64 / SECOND_US as f64);
                Box::new(times.take_while(move |time| if forwards { *time < end } else { *time > end }))
            }
        }
    }
}
