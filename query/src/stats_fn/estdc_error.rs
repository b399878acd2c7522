//! `estdc_error(x)`: how far `estdc(x)` is off, as a share of the number: 0 where it is exact, else its standard error.
//!
//! ```example
//! x=a
//! x=b
//! > stats estdc_error(x)
//! estdc_error(x)=0
//! ```

use super::hyperloglog::{HyperLogLog, RELATIVE_ERROR};
use super::{Parameters, Position, State, States, StatsFunction};
use crate::spill::wire_struct;
use crate::value::Value;

pub(super) const FUNCTION: StatsFunction =
    StatsFunction::new("estdc_error", include_str!("estdc_error.rs"), States::<EstimateError>::start);

#[derive(Clone, Default)]
struct EstimateError(HyperLogLog);

wire_struct!(EstimateError { 0 });

impl State for EstimateError {
    fn update(&mut self, value: &Value, _: &Position<'_>) -> usize {
        value.with_text(|text| self.0.add(text))
    }

    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    fn finish(self, _: &Parameters<'_>) -> Value {
        Value::Number(match self.0 {
            HyperLogLog::Hashes(_) => 0.0,
            HyperLogLog::Registers(_) => RELATIVE_ERROR,
        })
    }
}
