//! Token classification, 64 bytes at a time.
//!
//! The one module of the crate with SIMD code. [`TokenMask::detect`] picks the AVX2 routine where the processor has it
//! and its scalar twin elsewhere; a property test holds them equal.

use trawl_formats::token::is_token_byte;

/// Bytes classified per step; buffers are padded by as much.
pub const WINDOW: usize = 64;

/// Classifies a window of [`WINDOW`] bytes: bit *i* is set if byte *i* belongs to a token.
#[derive(Clone, Copy)]
pub struct TokenMask(fn(&[u8; WINDOW]) -> u64);

impl TokenMask {
    /// The fastest routine that this processor runs.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the routine needs AVX2, which was detected on the line above.
            return Self(|window| unsafe { avx2::token_mask(window) });
        }
        Self(scalar)
    }

    /// The mask of one window.
    #[inline(always)]
    pub fn of(self, window: &[u8; WINDOW]) -> u64 {
        (self.0)(window)
    }
}

/// The definition, byte by byte.
fn scalar(window: &[u8; WINDOW]) -> u64 {
    window.iter().enumerate().fold(0, |mask, (i, &byte)| mask | (u64::from(is_token_byte(byte)) << i))
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::WINDOW;
    use std::arch::x86_64::*;

    /// Letters, digits and bytes from 0x80 on, by three range comparisons of signed bytes.
    ///
    /// # Safety
    /// The processor must support AVX2.
    #[target_feature(enable = "avx2")]
    pub unsafe fn token_mask(window: &[u8; WINDOW]) -> u64 {
        let (low, high) = window.split_at(WINDOW / 2);
        // SAFETY: both halves are 32 readable bytes and the loads are unaligned ones.
        let (low, high) =
            unsafe { (_mm256_loadu_si256(low.as_ptr().cast()), _mm256_loadu_si256(high.as_ptr().cast())) };
        u64::from(half(low)) | (u64::from(half(high)) << 32)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn half(bytes: __m256i) -> u32 {
        // `x - first < n` unsigned becomes a signed comparison after moving `first` to -128.
        let in_range = |bytes, first: u8, n: i8| {
            let moved = _mm256_add_epi8(bytes, _mm256_set1_epi8((0x80_u8.wrapping_sub(first)) as i8));
            _mm256_cmpgt_epi8(_mm256_set1_epi8(i8::MIN + n), moved)
        };
        let folded = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
        let token = _mm256_or_si256(in_range(folded, b'a', 26), in_range(bytes, b'0', 10));
        // The top bit of `bytes` itself marks 0x80 and above; movemask reads top bits only.
        _mm256_movemask_epi8(_mm256_or_si256(token, bytes)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_value_is_classified_alike() {
        for start in (0..=255_u16).step_by(WINDOW) {
            let window: [u8; WINDOW] = std::array::from_fn(|i| start as u8 + i as u8);
            assert_eq!(TokenMask::detect().of(&window), scalar(&window));
        }
    }

    proptest! {
        #[test]
        fn simd_equals_scalar(bytes in proptest::collection::vec(any::<u8>(), WINDOW)) {
            let window: [u8; WINDOW] = bytes.try_into().expect("the vector has WINDOW bytes");
            prop_assert_eq!(TokenMask::detect().of(&window), scalar(&window));
        }
    }
}
