//! What operators do with values.

use super::BinaryOp;
use crate::search::CompareOp;
use crate::value::Value;
use compact_str::CompactString;
use std::cmp::Ordering;

/// Compares two single values: as numbers if both are numeric, else as text by bytes. `None` if one is null or several.
fn compare_values(left: &Value, right: &Value) -> Option<Ordering> {
    if !matches!((left, right), (Value::Text(_) | Value::Number(_), Value::Text(_) | Value::Number(_))) {
        return None;
    }
    Some(match (left.as_number(), right.as_number()) {
        (Some(left), Some(right)) => (left + 0.0).total_cmp(&(right + 0.0)),
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
    let holds = |ordering| op.holds(ordering);
    let mut pairs = left.each().iter().flat_map(|left| right.each().iter().map(move |right| (left, right)));
    Some(pairs.any(|(left, right)| compare_values(left, right).is_some_and(holds)))
}

/// An arithmetic operator or concatenation. Null and several values give null; so does arithmetic on text, but for `+`,
/// which then joins.
pub(super) fn binary(op: BinaryOp, left: &Value, right: &Value) -> Value {
    let numbers = left.as_number().zip(right.as_number());
    match (op, numbers) {
        (BinaryOp::Concatenate, _) | (BinaryOp::Add, None) => concatenate(left, right),
        (BinaryOp::Add, Some((left, right))) => Value::number(left + right),
        (BinaryOp::Subtract, Some((left, right))) => Value::number(left - right),
        (BinaryOp::Multiply, Some((left, right))) => Value::number(left * right),
        (BinaryOp::Divide, Some((left, right))) => Value::number(left / right),
        (BinaryOp::Remainder, Some((left, right))) => Value::number(left % right),
        (_, None) => Value::Null,
    }
}

fn concatenate(left: &Value, right: &Value) -> Value {
    match (left.as_text(), right.as_text()) {
        (Some(left), Some(right)) => {
            let mut text = CompactString::from(left);
            text.push_str(&right);
            Value::Text(text)
        }
        _ => Value::Null,
    }
}
