//! Sums that do not depend on the order of their terms.
//!
//! Adding doubles rounds, so a sum over parts would change its last digits with the parts. Here the exact sum is kept, as
//! an integer for the whole numbers and as doubles that do not overlap for the rest, and rounded once at the end
//! (Shewchuk, *Adaptive Precision Floating-Point Arithmetic*, 1997; the rounding is that of Python's `math.fsum`).

use crate::spill::wire_struct;

/// An exact sum of doubles.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExactSum {
    whole: i128,
    /// Ascending by size, without common bits; seldom more than three.
    partials: Vec<f64>,
}

wire_struct!(ExactSum { whole, partials });

/// Whole numbers below this size are added as integers.
const WHOLE_LIMIT: f64 = 9_223_372_036_854_775_808.0;

impl ExactSum {
    /// Adds a term; tells how many bytes of heap the sum holds more than before.
    pub fn add(&mut self, term: f64) -> usize {
        if term.fract() == 0.0 && term.abs() < WHOLE_LIMIT {
            self.whole += i128::from(term as i64);
            return 0;
        }
        let before = self.partials.capacity();
        add_partial(&mut self.partials, term);
        (self.partials.capacity() - before) * size_of::<f64>()
    }

    /// Adds all terms of another sum.
    pub fn merge(&mut self, other: Self) {
        self.whole += other.whole;
        for partial in other.partials {
            add_partial(&mut self.partials, partial);
        }
    }

    /// The sum with the other sign.
    pub fn negated(mut self) -> Self {
        self.whole = -self.whole;
        self.partials.iter_mut().for_each(|partial| *partial = -*partial);
        self
    }

    /// The sum, correctly rounded.
    pub fn total(&self) -> f64 {
        round(&self.all_partials())
    }

    /// The sum as a double and what that rounding left over.
    pub fn total_and_rest(&self) -> (f64, f64) {
        let mut partials = self.all_partials();
        let total = round(&partials);
        add_partial(&mut partials, -total);
        (total, round(&partials))
    }

    fn all_partials(&self) -> Vec<f64> {
        let mut partials = self.partials.clone();
        let mut whole = self.whole;
        while whole != 0 {
            let rounded = whole as f64;
            add_partial(&mut partials, rounded);
            whole -= rounded as i128;
        }
        partials
    }
}

fn add_partial(partials: &mut Vec<f64>, mut term: f64) {
    let mut kept = 0;
    for index in 0..partials.len() {
        let mut partial = partials[index];
        if term.abs() < partial.abs() {
            std::mem::swap(&mut term, &mut partial);
        }
        let sum = term + partial;
        let rest = partial - (sum - term);
        if rest != 0.0 {
            partials[kept] = rest;
            kept += 1;
        }
        term = sum;
    }
    partials.truncate(kept);
    partials.push(term);
}

/// Adds non-overlapping parts from the largest down until a part no longer fits, and rounds half to even.
fn round(partials: &[f64]) -> f64 {
    let mut parts = partials.iter().rev();
    let Some(mut total) = parts.next().copied() else { return 0.0 };
    let mut rest = 0.0;
    for part in parts.by_ref() {
        let sum = total + part;
        rest = part - (sum - total);
        total = sum;
        if rest != 0.0 {
            break;
        }
    }
    if let Some(next) = parts.next()
        && rest != 0.0
        && (rest < 0.0) == (*next < 0.0)
    {
        // Just half way, and what follows tips the balance.
        let twice = rest * 2.0;
        let sum = total + twice;
        if twice == sum - total {
            total = sum;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(terms: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        terms.iter().for_each(|term| {
            sum.add(*term);
        });
        sum
    }

    #[test]
    fn exact_where_doubles_are_not() {
        assert_eq!(sum(&[0.1; 10]).total(), 1.0);
        assert_eq!(sum(&[1e100, 1.0, -1e100]).total(), 1.0);
        assert_eq!(sum(&[9_007_199_254_740_992.0, 1.0, 1.0]).total(), 9_007_199_254_740_994.0);
        assert_eq!(sum(&[]).total(), 0.0);
        assert_eq!(sum(&[1e17, 1.0]).total_and_rest(), (1e17, 1.0));
    }

    proptest! {
        #[test]
        fn neither_order_nor_parts_matter(
            mut terms in proptest::collection::vec((-1e20..1e20_f64, -30..0_i32), 0..20),
            cut in 0..20_usize,
        ) {
            let scaled = |terms: &[(f64, i32)]| -> Vec<f64> {
                terms.iter().map(|(term, exponent)| term * 10_f64.powi(*exponent)).collect()
            };
            let whole = sum(&scaled(&terms));
            terms.reverse();
            let (left, right) = terms.split_at(cut.min(terms.len()));
            let mut parts = sum(&scaled(left));
            parts.merge(sum(&scaled(right)));
            prop_assert_eq!(parts.total().to_bits(), whole.total().to_bits());
            prop_assert_eq!(parts.total_and_rest(), whole.total_and_rest());
        }
    }
}
