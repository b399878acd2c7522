//! How values and states are written as bytes.
//!
//! ```text
//! n, usize := LEB128              f64, i64, i128 := little endian
//! text     := n bytes             list, set, map := n item*
//! option   := 0 | 1 item          value := 0 | 1 text | 2 f64 | 3 n value*       null, text, number, several
//! ```
//!
//! Blocks live as long as one search, so nothing has a version. Their checksums are verified before they are decoded; what is
//! wrong all the same is [`Damaged`], never a panic.

use crate::batch::OrderKey;
use crate::value::Value;
use compact_str::CompactString;
use hashbrown::{HashMap, HashSet};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::Hash;

/// The bytes are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// What has a form as bytes. `decode` reads exactly what `encode` wrote and takes it off `input`.
pub(crate) trait Wire: Sized {
    fn encode(&self, out: &mut Vec<u8>);

    /// # Errors
    /// If the bytes were not written by `encode`.
    fn decode(input: &mut &[u8]) -> Result<Self, Damaged>;

    /// Bytes of heap that the value holds, roughly.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// Gives a struct the wire form of its fields, one behind the other.
macro_rules! wire_struct {
    ($name:ty { $($field:tt),* }) => {
        impl crate::spill::Wire for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                let _ = &out;
                $(crate::spill::Wire::encode(&self.$field, out);)*
            }

            fn decode(input: &mut &[u8]) -> Result<Self, crate::spill::Damaged> {
                let _ = &input;
                Ok(Self { $($field: crate::spill::Wire::decode(input)?),* })
            }

            fn heap_bytes(&self) -> usize {
                0 $(+ crate::spill::Wire::heap_bytes(&self.$field))*
            }
        }
    };
}

/// Gives an enum of two variants with one field each a wire form: which variant it is, then the field.
macro_rules! wire_enum {
    ($name:ident { $first:ident, $second:ident }) => {
        impl crate::spill::Wire for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $name::$first(field) => {
                        crate::spill::Wire::encode(&false, out);
                        crate::spill::Wire::encode(field, out);
                    }
                    $name::$second(field) => {
                        crate::spill::Wire::encode(&true, out);
                        crate::spill::Wire::encode(field, out);
                    }
                }
            }

            fn decode(input: &mut &[u8]) -> Result<Self, crate::spill::Damaged> {
                Ok(match crate::spill::Wire::decode(input)? {
                    false => $name::$first(crate::spill::Wire::decode(input)?),
                    true => $name::$second(crate::spill::Wire::decode(input)?),
                })
            }

            fn heap_bytes(&self) -> usize {
                match self {
                    $name::$first(field) => crate::spill::Wire::heap_bytes(field),
                    $name::$second(field) => crate::spill::Wire::heap_bytes(field),
                }
            }
        }
    };
}

pub(crate) use {wire_enum, wire_struct};

fn take<'i>(input: &mut &'i [u8], n: usize) -> Result<&'i [u8], Damaged> {
    let (taken, rest) = input.split_at_checked(n).ok_or(Damaged)?;
    *input = rest;
    Ok(taken)
}

fn take_array<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], Damaged> {
    let (taken, rest) = input.split_first_chunk().ok_or(Damaged)?;
    *input = rest;
    Ok(*taken)
}

impl Wire for u64 {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = take_array(input)?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Damaged)
    }
}

/// Types that are written as another one.
macro_rules! wire_as_u64 {
    ($($name:ty),*) => {
        $(impl Wire for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                (*self as u64).encode(out);
            }

            fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
                u64::decode(input)?.try_into().map_err(|_| Damaged)
            }
        })*
    };
}

/// Types of fixed width.
macro_rules! wire_fixed {
    ($($name:ty),*) => {
        $(impl Wire for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
                take_array(input).map(Self::from_le_bytes)
            }
        })*
    };
}

wire_as_u64!(usize, u32);
wire_fixed!(u8, i32, i64, i128, f64);

impl Wire for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        match take_array(input)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Damaged),
        }
    }
}

impl Wire for CompactString {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_text(self, out);
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        let len = usize::decode(input)?;
        CompactString::from_utf8(take(input, len)?).map_err(|_| Damaged)
    }

    fn heap_bytes(&self) -> usize {
        if self.is_heap_allocated() { self.capacity() } else { 0 }
    }
}

/// Writes a text as [`CompactString`] reads it.
pub(crate) fn encode_text(text: &str, out: &mut Vec<u8>) {
    text.len().encode(out);
    out.extend_from_slice(text.as_bytes());
}

impl Wire for Value {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.push(0),
            Value::Text(text) => {
                out.push(1);
                text.encode(out);
            }
            Value::Number(number) => {
                out.push(2);
                number.encode(out);
            }
            Value::Multi(values) => {
                out.push(3);
                values.len().encode(out);
                values.iter().for_each(|value| value.encode(out));
            }
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        match take_array(input)? {
            [0] => Ok(Value::Null),
            [1] => CompactString::decode(input).map(Value::Text),
            [2] => f64::decode(input).map(Value::number),
            [3] => decode_items(input, |input| match input.first() {
                // Several values are single ones: this also bounds how deep a hostile block can nest.
                Some(1 | 2) => Value::decode(input),
                _ => Err(Damaged),
            })
            .map(|values: Vec<Value>| Value::multi(values)),
            _ => Err(Damaged),
        }
    }

    fn heap_bytes(&self) -> usize {
        Value::heap_bytes(self)
    }
}

impl Wire for OrderKey {
    fn encode(&self, out: &mut Vec<u8>) {
        self.time_us.0.encode(out);
        self.source_rank.encode(out);
        self.generation.0.encode(out);
        self.offset.0.encode(out);
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        Ok(Self {
            time_us: Reverse(Wire::decode(input)?),
            source_rank: Wire::decode(input)?,
            generation: Reverse(Wire::decode(input)?),
            offset: Reverse(Wire::decode(input)?),
        })
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        Ok((A::decode(input)?, B::decode(input)?))
    }

    fn heap_bytes(&self) -> usize {
        self.0.heap_bytes() + self.1.heap_bytes()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        self.iter().for_each(|item| item.encode(out));
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        bool::decode(input)?.then(|| T::decode(input)).transpose()
    }

    fn heap_bytes(&self) -> usize {
        self.as_ref().map_or(0, T::heap_bytes)
    }
}

fn decode_items<T, C: FromIterator<T>>(
    input: &mut &[u8],
    mut decode: impl FnMut(&mut &[u8]) -> Result<T, Damaged>,
) -> Result<C, Damaged> {
    let n = usize::decode(input)?;
    (0..n).map(|_| decode(input)).collect()
}

impl<T: Wire> Wire for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.len().encode(out);
        self.iter().for_each(|item| item.encode(out));
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        decode_items(input, T::decode)
    }

    fn heap_bytes(&self) -> usize {
        self.capacity() * size_of::<T>() + self.iter().map(T::heap_bytes).sum::<usize>()
    }
}

impl<T: Wire + Eq + Hash> Wire for HashSet<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.len().encode(out);
        self.iter().for_each(|item| item.encode(out));
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        decode_items(input, T::decode)
    }

    fn heap_bytes(&self) -> usize {
        self.len() * size_of::<T>() + self.iter().map(T::heap_bytes).sum::<usize>()
    }
}

impl<K: Wire + Eq + Hash, V: Wire> Wire for HashMap<K, V> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.len().encode(out);
        self.iter().for_each(|(key, value)| {
            key.encode(out);
            value.encode(out);
        });
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        decode_items(input, <(K, V)>::decode)
    }

    fn heap_bytes(&self) -> usize {
        self.len() * size_of::<(K, V)>()
            + self.iter().map(|(key, value)| key.heap_bytes() + value.heap_bytes()).sum::<usize>()
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.len().encode(out);
        self.iter().for_each(|(key, value)| {
            key.encode(out);
            value.encode(out);
        });
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Damaged> {
        decode_items(input, <(K, V)>::decode)
    }

    fn heap_bytes(&self) -> usize {
        self.len() * size_of::<(K, V)>()
            + self.iter().map(|(key, value)| key.heap_bytes() + value.heap_bytes()).sum::<usize>()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cells of every kind.
    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let single = prop_oneof![
            any::<String>().prop_map(Value::from),
            "-?[0-9]{1,18}(\\.[0-9]{1,3})?".prop_map(Value::from),
            (proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO)
                .prop_map(Value::Number),
        ];
        let several = proptest::collection::vec(single.clone(), 2..5).prop_map(Value::multi);
        prop_oneof![Just(Value::Null), single, several]
    }

    /// Whether a cell is the other one to the last bit: number or text, and printed alike.
    pub(crate) fn is_same(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => a.to_bits() == b.to_bits(),
            (Value::Multi(a), Value::Multi(b)) => a.len() == b.len() && a.iter().zip(&**b).all(|(a, b)| is_same(a, b)),
            _ => a == b && a.to_string() == b.to_string(),
        }
    }

    proptest! {
        #[test]
        fn a_value_comes_back_as_it_was(values in proptest::collection::vec(any_value(), 0..8)) {
            let mut bytes = Vec::new();
            values.encode(&mut bytes);
            let mut input = &bytes[..];
            let back = Vec::<Value>::decode(&mut input).unwrap();
            prop_assert!(input.is_empty());
            prop_assert_eq!(back.len(), values.len());
            prop_assert!(back.iter().zip(&values).all(|(a, b)| is_same(a, b)), "{:?} {:?}", back, values);
        }

        #[test]
        fn numbers_and_collections_come_back(
            n in any::<u64>(), whole in any::<i128>(), optional in any::<Option<u32>>(),
            map in proptest::collection::btree_map(any::<i32>(), any::<u64>(), 0..5),
        ) {
            let all = ((n, whole), (optional, map));
            let mut bytes = Vec::new();
            all.encode(&mut bytes);
            let mut input = &bytes[..];
            prop_assert_eq!(Wire::decode(&mut input), Ok(all));
            prop_assert!(input.is_empty());
        }

        #[test]
        fn any_bytes_are_decoded_or_damaged(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Vec::<Value>::decode(&mut &bytes[..]);
            let _ = HashMap::<CompactString, u64>::decode(&mut &bytes[..]);
        }
    }
}
