//! What all functions of numbers have in common: values that are not numeric are skipped.

use super::{Parameters, Position, State};
use crate::spill::{Damaged, Wire};
use crate::value::Value;

/// A [`State`] that takes numbers alone.
pub(super) trait NumericState: Wire + Clone + Default + Send + 'static {
    /// Takes a number in; tells how many bytes of heap the state holds more than before.
    fn update(&mut self, number: f64) -> usize;

    /// As [`State::merge`].
    fn merge(&mut self, other: Self);

    /// As [`State::finish`]; `None` if there was no number, or not enough of them.
    fn finish(self, parameters: &Parameters<'_>) -> Option<f64>;
}

/// Makes a [`State`] of a [`NumericState`].
#[derive(Clone, Default)]
pub(super) struct Numeric<N> {
    state: N,
    has_text: bool,
}

impl<N: NumericState> Wire for Numeric<N> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.state.encode(out);
        self.has_text.encode(out);
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        Ok(Self { state: Wire::decode(input)?, has_text: Wire::decode(input)? })
    }

    fn heap_bytes(&self) -> usize {
        self.state.heap_bytes()
    }
}

impl<N: NumericState> State for Numeric<N> {
    fn update(&mut self, value: &Value, _: &Position<'_>) -> usize {
        match value.as_number() {
            Some(number) => self.state.update(number),
            None => {
                self.has_text = true;
                0
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.state.merge(other.state);
        self.has_text |= other.has_text;
    }

    fn finish(self, parameters: &Parameters<'_>) -> Value {
        if parameters.all_numeric && self.has_text {
            return Value::Null;
        }
        self.state.finish(parameters).map_or(Value::Null, Value::number)
    }
}
