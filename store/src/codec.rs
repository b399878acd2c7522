//! Little-endian numbers, varints and bit packing: the alphabet of the files in a bucket.

/// Appends numbers and byte strings to a buffer.
pub trait Put {
    /// Appends four bytes, little endian.
    fn put_u32(&mut self, value: u32);
    /// Appends eight bytes, little endian.
    fn put_u64(&mut self, value: u64);
    /// Appends a LEB128 varint.
    fn put_varint(&mut self, value: u64);
    /// Appends a varint length and the bytes.
    fn put_bytes(&mut self, bytes: &[u8]);
}

impl Put for Vec<u8> {
    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_varint(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }
}

/// Reads what [`Put`] wrote. Every method answers `None` at the end of the bytes.
pub struct Take<'a> {
    rest: &'a [u8],
}

impl<'a> Take<'a> {
    /// A reader over `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    /// Four bytes, little endian.
    pub fn u32(&mut self) -> Option<u32> {
        self.bytes(4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")))
    }

    /// Eight bytes, little endian.
    pub fn u64(&mut self) -> Option<u64> {
        self.bytes(8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
    }

    /// A LEB128 varint of at most 64 bits.
    pub fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A varint length and that many bytes.
    pub fn prefixed(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        self.bytes(len)
    }

    /// A length-prefixed UTF-8 string.
    pub fn str(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.prefixed()?).ok()
    }

    /// What is left, without taking it.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Maps signed to unsigned so that small magnitudes stay small.
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Undoes [`zigzag`].
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Bits needed for every value up to `max`.
pub fn width_of(max: u64) -> u32 {
    u64::BITS - max.leading_zeros()
}

/// Widest value that [`pack`] takes, in bits: one value plus a bit offset of up to 7 fits one unaligned 64-bit read.
pub const MAX_PACKED_WIDTH: u32 = 57;

/// Bytes that `n` packed values of `width` bits take.
pub fn packed_len(n: usize, width: u32) -> usize {
    (n * width as usize).div_ceil(8)
}

/// Appends `values` with `width` bits each, the lowest bit first.
pub fn pack(values: impl IntoIterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    debug_assert!(width <= MAX_PACKED_WIDTH);
    let (mut pending, mut n_pending) = (0_u64, 0);
    for value in values {
        pending |= value << n_pending;
        n_pending += width;
        while n_pending >= 8 {
            out.push(pending as u8);
            pending >>= 8;
            n_pending -= 8;
        }
    }
    if n_pending > 0 {
        out.push(pending as u8);
    }
}

/// Hands out `n` values that [`pack`] wrote; `None` if `bytes` is too short.
pub fn unpack(bytes: &[u8], n: usize, width: u32, mut each: impl FnMut(u64)) -> Option<()> {
    if width > MAX_PACKED_WIDTH || bytes.len() < packed_len(n, width) {
        return None;
    }
    let mask = (1_u64 << width) - 1;
    // The last values may lie too near the end for an eight-byte read.
    let n_fast = if width == 0 { n } else { (bytes.len().saturating_sub(8) * 8 / width as usize).min(n) };
    for i in 0..n_fast {
        each(if width == 0 { 0 } else { read_word(bytes, i * width as usize) & mask });
    }
    if n_fast < n {
        let start = n_fast * width as usize / 8;
        let mut tail = [0; 24];
        let rest = &bytes[start..packed_len(n, width)];
        for i in n_fast..n {
            let bit = i * width as usize - start * 8;
            let byte = bit / 8;
            let available = &rest[byte..(byte + 8).min(rest.len())];
            tail[..8].fill(0);
            tail[..available.len()].copy_from_slice(available);
            each(read_word(&tail, bit % 8) & mask);
        }
    }
    Some(())
}

fn read_word(bytes: &[u8], bit: usize) -> u64 {
    let word = &bytes[bit / 8..bit / 8 + 8];
    u64::from_le_bytes(word.try_into().expect("eight bytes")) >> (bit % 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packing_round_trips(
            (width, values) in (0..=MAX_PACKED_WIDTH).prop_flat_map(|width| {
                (Just(width), proptest::collection::vec(0..(1_u64 << width), 0..200))
            })
        ) {
            let mut bytes = Vec::new();
            pack(values.iter().copied(), width, &mut bytes);
            prop_assert_eq!(bytes.len(), packed_len(values.len(), width));
            let mut back = Vec::new();
            unpack(&bytes, values.len(), width, |value| back.push(value)).expect("long enough");
            prop_assert_eq!(back, values);
        }

        #[test]
        fn numbers_round_trip(number: u64, signed: i64, bytes: Vec<u8>) {
            let mut out = Vec::new();
            out.put_varint(number);
            out.put_varint(zigzag(signed));
            out.put_bytes(&bytes);
            out.put_u32(number as u32);
            out.put_u64(number);
            let mut take = Take::new(&out);
            prop_assert_eq!(take.varint(), Some(number));
            prop_assert_eq!(take.varint().map(unzigzag), Some(signed));
            prop_assert_eq!(take.prefixed(), Some(&bytes[..]));
            prop_assert_eq!(take.u32(), Some(number as u32));
            prop_assert_eq!(take.u64(), Some(number));
            prop_assert!(take.is_empty());
            prop_assert_eq!(take.u8(), None);
        }

        #[test]
        fn short_input_is_refused(bytes: Vec<u8>, n in 0_usize..100, width in 0..=64_u32) {
            let mut n_values = 0;
            let answer = unpack(&bytes, n, width, |_| n_values += 1);
            prop_assert_eq!(answer.is_some(), width <= MAX_PACKED_WIDTH && bytes.len() >= packed_len(n, width));
            prop_assert_eq!(n_values, if answer.is_some() { n } else { 0 });
        }
    }
}
