//! One cell of a row.

use compact_str::CompactString;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The content of one field in one row.
///
/// Text that looks like a decimal number acts as a number wherever a number is wanted and prints as it came: see
/// [`Value::as_number`]. There is one kind of number, a double: integers are exact to 2^53.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// The field is absent from this row.
    #[default]
    Null,
    /// Text, also text that looks like a number. May be empty: that is a value, not [`Value::Null`].
    Text(CompactString),
    /// A number that something computed. Always finite.
    Number(f64),
    /// Two or more values in order; none of them null or again several. Made by [`Value::multi`] only.
    Multi(Arc<[Value]>),
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<CompactString>) -> Self {
        Value::Text(text.into())
    }

    /// A number, or null if `number` is infinite or not a number: what division by zero yields.
    pub fn number(number: f64) -> Self {
        if number.is_finite() { Value::Number(number) } else { Value::Null }
    }

    /// A number of rows, bytes or characters.
    pub fn count(n: u64) -> Self {
        Value::Number(n as f64)
    }

    /// Several values as one cell: nulls are dropped, nested values flattened, none becomes null and one stands alone.
    pub fn multi(values: impl IntoIterator<Item = Value>) -> Self {
        // Most cells turn out to hold one value, which needs no vector.
        let mut first = Value::Null;
        let mut flat: Vec<Value> = Vec::new();
        for value in values.into_iter().filter(|value| !value.is_null()) {
            if first.is_null() && flat.is_empty() {
                first = value;
                continue;
            }
            for value in [std::mem::take(&mut first), value] {
                match value {
                    Value::Null => {}
                    Value::Multi(inner) => flat.extend(inner.iter().cloned()),
                    single => flat.push(single),
                }
            }
        }
        if flat.is_empty() { first } else { Value::Multi(flat.into()) }
    }

    /// Whether the field is absent.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The single values of the cell, in order: none for null.
    pub fn each(&self) -> &[Value] {
        match self {
            Value::Null => &[],
            Value::Multi(values) => values,
            single => std::slice::from_ref(single),
        }
    }

    /// The number this is or looks like. Null, several values and other text have none.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Text(text) => parse_number(text),
            Value::Null | Value::Multi(_) => None,
        }
    }

    /// The text of a single value; `None` for null and for several values.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Value::Text(text) => Some(Cow::Borrowed(text)),
            Value::Number(number) => Some(Cow::Owned(format_number(*number).into_string())),
            Value::Null | Value::Multi(_) => None,
        }
    }

    /// Calls `f` with the text of a single value (several are joined by line breaks, null is empty), without
    /// allocating for text.
    pub fn with_text<R>(&self, f: impl FnOnce(&str) -> R) -> R {
        match self {
            Value::Null => f(""),
            Value::Text(text) => f(text),
            Value::Number(number) => f(&format_number(*number)),
            Value::Multi(_) => f(&self.to_string()),
        }
    }

    /// Whether both print alike. This is the equality of BY clauses: text `5` and number 5 are one group.
    pub fn same_text(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::Null, Value::Null) => true,
            (Value::Null, _) | (_, Value::Null) => false,
            (a, b) => a.with_text(|a| b.with_text(|b| a == b)),
        }
    }

    /// Order of mixed values: numbers by size, then text by bytes, then null. Equal numbers written differently are
    /// ordered by their text, so that the order is total.
    pub fn cmp_mixed(&self, other: &Value) -> Ordering {
        match (self.is_null(), other.is_null()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        let by_kind = match (self.as_number(), other.as_number()) {
            // Adding zero turns -0 into 0.
            (Some(a), Some(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        by_kind.then_with(|| self.with_text(|a| other.with_text(|b| a.as_bytes().cmp(b.as_bytes()))))
    }

    /// Bytes of heap that the value holds on to, for the memory limit. Shared parts count in full.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Value::Null | Value::Number(_) => 0,
            Value::Text(text) if text.is_heap_allocated() => text.capacity(),
            Value::Text(_) => 0,
            Value::Multi(values) => {
                size_of_val::<[Value]>(values) + values.iter().map(Value::heap_bytes).sum::<usize>()
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text.into())
    }
}

impl From<CompactString> for Value {
    fn from(text: CompactString) -> Self {
        Value::Text(text)
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(text: Cow<'_, str>) -> Self {
        Value::Text(text.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::number(number)
    }
}

/// Several values are joined by line breaks; null prints as nothing.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Text(text) => f.write_str(text),
            Value::Number(number) => f.write_str(&format_number(*number)),
            Value::Multi(values) => {
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        f.write_str("\n")?;
                    }
                    value.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

/// Reads `[+-]digits[.digits][e±n]`, and nothing else: no white space, no hexadecimal, no `inf`.
pub fn parse_number(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let unsigned = match bytes.first()? {
        b'+' | b'-' => &bytes[1..],
        _ => bytes,
    };
    if !unsigned.first()?.is_ascii_digit() {
        return None;
    }
    if unsigned.len() <= 15 && unsigned.iter().all(u8::is_ascii_digit) {
        let magnitude = unsigned.iter().fold(0_u64, |n, digit| n * 10 + u64::from(digit - b'0')) as f64;
        return Some(if bytes[0] == b'-' { -magnitude } else { magnitude });
    }
    let rest = skip_digits(unsigned);
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) if fraction.first()?.is_ascii_digit() => skip_digits(fraction),
        Some(_) => return None,
        None => rest,
    };
    if let [b'e' | b'E', exponent @ ..] = rest {
        let digits = exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
        if digits.is_empty() || !skip_digits(digits).is_empty() {
            return None;
        }
    } else if !rest.is_empty() {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn skip_digits(bytes: &[u8]) -> &[u8] {
    let n_digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    &bytes[n_digits..]
}

/// Prints a computed number: integers without a fraction, others with as many digits as it takes to read the same
/// number back, very large and very small ones with an exponent.
pub fn format_number(number: f64) -> CompactString {
    use compact_str::format_compact;
    let magnitude = number.abs();
    if number == 0.0 {
        CompactString::const_new("0")
    } else if number.fract() == 0.0 && magnitude < 1e15 {
        format_compact!("{}", number as i64)
    } else if (1e-5..1e17).contains(&magnitude) {
        format_compact!("{number}")
    } else {
        format_compact!("{number:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numeric_text() {
        let cases = [
            ("0", Some(0.0)),
            ("007", Some(7.0)),
            ("-12", Some(-12.0)),
            ("+3.50", Some(3.5)),
            ("1e3", Some(1000.0)),
            ("2.5E-1", Some(0.25)),
            ("123456789012345678", Some(123456789012345678.0)),
            ("", None),
            ("-", None),
            (".5", None),
            ("5.", None),
            ("1e", None),
            (" 1", None),
            ("1 ", None),
            ("0x10", None),
            ("inf", None),
            ("NaN", None),
            ("1e999", None),
            ("1.2.3", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_number(text), expected, "{text}");
        }
    }

    #[test]
    fn printed_numbers() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (5.0, "5"),
            (-5.5, "-5.5"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.3333333333333333"),
            (1709625600.123456, "1709625600.123456"),
            (9007199254740992.0, "9007199254740992"),
            (1e20, "1e20"),
            (1.5e-7, "1.5e-7"),
        ];
        for (number, expected) in cases {
            assert_eq!(format_number(number), expected);
        }
    }

    #[test]
    fn mixed_order_is_numbers_by_size_then_text_by_bytes() {
        let mut values: Vec<Value> =
            ["b", "10", "B", "9", "-1", ""].into_iter().map(Value::from).chain([Value::Null]).collect();
        values.sort_by(Value::cmp_mixed);
        let printed: Vec<String> = values.iter().map(Value::to_string).collect();
        assert_eq!(printed, ["-1", "9", "10", "", "B", "b", ""]);
        assert!(values.last().is_some_and(Value::is_null));
    }

    #[test]
    fn several_values_are_flat_and_not_null() {
        assert_eq!(Value::multi([Value::Null]), Value::Null);
        assert_eq!(Value::multi([Value::Null, "a".into()]), Value::from("a"));
        let nested = Value::multi([Value::multi(["a".into(), "b".into()]), "c".into()]);
        assert_eq!(nested.each().len(), 3);
        assert_eq!(nested.to_string(), "a\nb\nc");
    }

    proptest! {
        #[test]
        fn a_printed_number_reads_back(number in proptest::num::f64::NORMAL | proptest::num::f64::ZERO) {
            prop_assert_eq!(parse_number(&format_number(number)), Some(number));
        }

        #[test]
        fn mixed_order_is_total(texts in proptest::collection::vec("[-+0-9a.e]{0,4}", 3)) {
            let [a, b, c] = [0, 1, 2].map(|i| Value::from(texts[i].as_str()));
            prop_assert_eq!(a.cmp_mixed(&b), b.cmp_mixed(&a).reverse());
            if a.cmp_mixed(&b).is_le() && b.cmp_mixed(&c).is_le() {
                prop_assert!(a.cmp_mixed(&c).is_le());
            }
        }
    }
}
