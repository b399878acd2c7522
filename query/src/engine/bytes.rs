//! The exact bytes of an event as a cell.
//!
//! Cells hold text, events hold any bytes. Valid UTF-8 travels as it is behind a `u`; other bytes travel one character each
//! (U+0000 to U+00FF) behind a `b`. The column is called `_bytes` and is made only on request.

use crate::value::Value;
use std::borrow::Cow;

/// Name of the column.
pub const FIELD: &str = "_bytes";

/// Packs bytes into a cell.
pub fn to_value(bytes: &[u8]) -> Value {
    let packed: String = match std::str::from_utf8(bytes) {
        Ok(text) => ["u", text].concat(),
        Err(_) => std::iter::once('b').chain(bytes.iter().map(|&byte| char::from(byte))).collect(),
    };
    Value::from(packed)
}

/// Unpacks what [`to_value`] packed; `None` for any other cell.
pub fn from_value(value: &Value) -> Option<Cow<'_, [u8]>> {
    let Value::Text(packed) = value else { return None };
    if let Some(text) = packed.strip_prefix('u') {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let bytes = packed.strip_prefix('b')?.chars().map(|c| u8::try_from(u32::from(c)).ok());
    bytes.collect::<Option<Vec<u8>>>().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_survive(bytes: Vec<u8>) {
            let value = to_value(&bytes);
            let unpacked = from_value(&value).map(Cow::into_owned);
            prop_assert_eq!(unpacked, Some(bytes));
        }
    }
}
