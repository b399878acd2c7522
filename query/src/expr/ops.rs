//! What operators do with values.

use super::BinaryOp;
use crate::search::CompareOp;
use crate::value::{Value, parse_number};
use compact_str::CompactString;
use std::cmp::Ordering;

/// Compares numbers by size; zero has no sign.
pub(super) fn compare_numbers(left: f64, right: f64) -> Ordering {
    (left + 0.0).total_cmp(&(right + 0.0))
}

/// Compares two single values: as numbers if both are numeric, else as text by bytes. `None` if one is null or several.
fn compare_values(left: &Value, right: &Value) -> Option<Ordering> {
    if !matches!((left, right), (Value::Text(_) | Value::Number(_), Value::Text(_) | Value::Number(_))) {
        return None;
    }
    Some(match (left.as_number(), right.as_number()) {
        (Some(left), Some(right)) => compare_numbers(left, right),
        _ => left.with_text(|left| right.with_text(|right| left.as_bytes().cmp(right.as_bytes()))),
    })
}

/// Whether two values are equal for `=`. Null is equal to nothing; of several values one that is equal is enough.
pub(crate) fn values_equal(left: &Value, right: &Value) -> bool {
    compare(CompareOp::Eq, left, right) == Some(true)
}

/// A comparison in three-valued logic. Of several values one for which it holds is enough.
pub(super) fn compare(op: CompareOp, left: &Value, right: &Value) -> Option<bool> {
    if left.is_null() || right.is_null() {
        return None;
    }
    let mut pairs = left.each().iter().flat_map(|left| right.each().iter().map(move |right| (left, right)));
    Some(pairs.any(|(left, right)| compare_values(left, right).is_some_and(|ordering| op.holds(ordering))))
}

/// A comparison with a constant on the right side, which is looked at once.
pub(super) enum Test {
    /// With a single value.
    Single { op: CompareOp, text: CompactString, number: Option<f64> },
    /// With null or several values.
    Other { op: CompareOp, right: Value },
}

impl Test {
    pub fn new(op: CompareOp, right: &Value) -> Self {
        match right.as_text() {
            Some(text) => Test::Single { op, text: text.into(), number: right.as_number() },
            None => Test::Other { op, right: right.clone() },
        }
    }

    /// As [`compare`].
    pub fn of(&self, left: &Value) -> Option<bool> {
        let (op, text, number) = match self {
            Test::Single { op, text, number } => (*op, text, *number),
            Test::Other { op, right } => return compare(*op, left, right),
        };
        let of_text = |left: &str| {
            op.holds(match number.and_then(|number| Some((parse_number(left)?, number))) {
                Some((left, right)) => compare_numbers(left, right),
                None => left.as_bytes().cmp(text.as_bytes()),
            })
        };
        let of_single = |left: &Value| match (left, number) {
            (Value::Number(left), Some(right)) => op.holds(compare_numbers(*left, right)),
            _ => left.with_text(of_text),
        };
        match left {
            Value::Null => None,
            Value::Text(left) => Some(of_text(left)),
            left => Some(left.each().iter().any(of_single)),
        }
    }
}

/// What an operator does that knows numbers only.
pub(super) fn arithmetic(op: BinaryOp) -> Option<fn(f64, f64) -> f64> {
    Some(match op {
        BinaryOp::Subtract => |left, right| left - right,
        BinaryOp::Multiply => |left, right| left * right,
        BinaryOp::Divide => |left, right| left / right,
        BinaryOp::Remainder => |left, right| left % right,
        BinaryOp::Add | BinaryOp::Concatenate => return None,
    })
}

/// `+`: the sum of two numbers; if one is none they are joined as text.
pub(super) fn add(left: &Value, right: &Value) -> Value {
    match (left.as_number(), right.as_number()) {
        (Some(left), Some(right)) => Value::number(left + right),
        _ => concatenate(left, right),
    }
}

/// `.`: both texts joined. Null and several values give null.
pub(super) fn concatenate(left: &Value, right: &Value) -> Value {
    match (left.as_text(), right.as_text()) {
        (Some(left), Some(right)) => {
            let mut text = CompactString::with_capacity(left.len() + right.len());
            text.push_str(&left);
            text.push_str(&right);
            Value::Text(text)
        }
        _ => Value::Null,
    }
}
