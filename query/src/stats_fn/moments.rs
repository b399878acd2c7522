//! Number, sum and sum of squares: what variance and its kin are made of.

use super::exact_sum::ExactSum;
use crate::spill::wire_struct;

/// The moments of a set of numbers. Both sums are exact, so that neither order nor parts matter and nothing is lost where
/// the numbers are large and close together.
#[derive(Clone, Debug, Default)]
pub(super) struct Moments {
    pub n: u64,
    pub sum: ExactSum,
    pub squares: ExactSum,
}

wire_struct!(Moments { n, sum, squares });

impl Moments {
    pub fn update(&mut self, number: f64) -> usize {
        self.n += 1;
        let square = number * number;
        let rest = number.mul_add(number, -square);
        self.sum.add(number) + self.squares.add(square) + self.squares.add(rest)
    }

    pub fn merge(&mut self, other: Self) {
        self.n += other.n;
        self.sum.merge(other.sum);
        self.squares.merge(other.squares);
    }

    /// The sum of squared distances from the mean, divided by `n - lost`. One number varies by 0.
    pub fn variance(&self, lost: u64) -> Option<f64> {
        match self.n {
            0 => None,
            1 => Some(0.0),
            n => {
                let distances = self.n_squares_minus_squared_sum() / n as f64;
                Some((distances / (n - lost) as f64).max(0.0))
            }
        }
    }

    /// `n·Σx² − (Σx)²` in doubled precision: the two are nearly equal where the numbers are close together.
    fn n_squares_minus_squared_sum(&self) -> f64 {
        let n = self.n as f64;
        let (squares, squares_rest) = self.squares.total_and_rest();
        let (sum, sum_rest) = self.sum.total_and_rest();
        let (left, right) = (n * squares, sum * sum);
        let left_rest = n.mul_add(squares, -left) + n * squares_rest;
        let right_rest = sum.mul_add(sum, -right) + 2.0 * sum * sum_rest;
        (left - right) + (left_rest - right_rest)
    }
}
