//! An estimate of percentiles that needs little memory.
//!
//! DDSketch (Masson, Rim, Lee, *DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees*,
//! 2019): numbers are counted in buckets whose edges are powers of one base, so that the middle of a bucket is near all
//! numbers in it. What is kept depends on the numbers alone, neither on their order nor on the parts they came in.

use crate::spill::wire_struct;
use std::collections::BTreeMap;

/// How far the middle of a bucket is at most from a number in it, relative to the number.
pub(super) const RELATIVE_ERROR: f64 = 0.001;
const BASE: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);

/// Numbers, roughly.
#[derive(Clone, Debug, Default)]
pub(super) struct DdSketch {
    /// By the exponent of the bucket's upper edge.
    positive: BTreeMap<i32, u64>,
    /// The same for the numbers without their sign.
    negative: BTreeMap<i32, u64>,
    n_zeros: u64,
    n: u64,
    limits: Option<(f64, f64)>,
}

wire_struct!(DdSketch { positive, negative, n_zeros, n, limits });

/// Which number stands for those of a bucket.
#[derive(Clone, Copy)]
pub(super) enum BucketValue {
    /// The one that is nearest to all of them.
    Middle,
    /// The largest that can be in it.
    Upper,
}

impl DdSketch {
    pub fn add(&mut self, number: f64) {
        self.n += 1;
        let (low, high) = self.limits.unwrap_or((number, number));
        self.limits = Some((low.min(number), high.max(number)));
        let exponent = || (number.abs().ln() / BASE.ln()).ceil() as i32;
        if number == 0.0 {
            self.n_zeros += 1;
        } else if number > 0.0 {
            *self.positive.entry(exponent()).or_default() += 1;
        } else {
            *self.negative.entry(exponent()).or_default() += 1;
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (buckets, more) in [(&mut self.positive, other.positive), (&mut self.negative, other.negative)] {
            more.into_iter().for_each(|(exponent, n)| *buckets.entry(exponent).or_default() += n);
        }
        self.n_zeros += other.n_zeros;
        self.n += other.n;
        self.limits = match (self.limits, other.limits) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (limits, None) | (None, limits) => limits,
        };
    }

    pub fn len(&self) -> u64 {
        self.n
    }

    /// Roughly the `n`th number from below, counted from 0.
    pub fn nth(&self, n: u64, which: BucketValue) -> Option<f64> {
        let (low, high) = self.limits?;
        let edge = |exponent: i32| BASE.powi(exponent);
        let middle = |exponent: i32| 2.0 * edge(exponent) / (BASE + 1.0);
        let negative = self.negative.iter().rev().map(|(exponent, n)| match which {
            BucketValue::Middle => (-middle(*exponent), *n),
            BucketValue::Upper => (-edge(*exponent - 1), *n),
        });
        let positive = self.positive.iter().map(|(exponent, n)| match which {
            BucketValue::Middle => (middle(*exponent), *n),
            BucketValue::Upper => (edge(*exponent), *n),
        });
        let mut passed = 0;
        let mut buckets = negative.chain([(0.0, self.n_zeros)]).chain(positive);
        let (number, _) = buckets.find(|(_, in_bucket)| {
            passed += in_bucket;
            n < passed
        })?;
        Some(number.clamp(low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn near_the_number_of_that_rank(
            mut numbers in proptest::collection::vec(prop_oneof![-1e9..1e9_f64, Just(0.0), 1e-6..1e-3_f64], 1..200),
            cut in 0..200_usize,
        ) {
            let of = |numbers: &[f64]| {
                let mut sketch = DdSketch::default();
                numbers.iter().for_each(|number| sketch.add(*number));
                sketch
            };
            let (left, right) = numbers.split_at(cut.min(numbers.len()));
            let (mut parts, whole) = (of(left), of(&numbers));
            parts.merge(of(right));
            numbers.sort_by(f64::total_cmp);
            for (n, number) in numbers.iter().enumerate() {
                let near = whole.nth(n as u64, BucketValue::Middle).unwrap();
                prop_assert!((near - number).abs() <= number.abs() * RELATIVE_ERROR * 1.000_001, "{} {}", near, number);
                prop_assert!(whole.nth(n as u64, BucketValue::Upper).unwrap() >= number - number.abs() * 1e-9);
                prop_assert_eq!(parts.nth(n as u64, BucketValue::Middle), Some(near));
            }
        }
    }
}
