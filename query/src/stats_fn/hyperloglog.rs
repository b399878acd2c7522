//! An estimate of the number of distinct texts that needs little memory.
//!
//! HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, 2007) with the estimator of Ertl, *New cardinality estimation algorithms
//! for HyperLogLog sketches*, 2017, which needs no correction tables. Few texts are kept as their hashes, so that many small
//! groups stay small. What is kept depends on the set of texts alone, neither on their order nor on the parts they came in.

use crate::spill::wire_enum;
use hashbrown::HashSet;
use std::hash::{DefaultHasher, Hasher};

/// Bits of a hash that choose the register: 16,384 registers of one byte.
const PRECISION: u32 = 14;
const N_REGISTERS: usize = 1 << PRECISION;
/// Hashes that are kept before registers take over.
const MAX_HASHES: usize = 1024;

/// The standard error of an estimate, relative to the number: 1.04 / √16384.
pub(super) const RELATIVE_ERROR: f64 = 0.008_125;

/// A set of texts of which only the size can be told, roughly.
#[derive(Clone, Debug)]
pub(super) enum HyperLogLog {
    Hashes(HashSet<u64>),
    Registers(Vec<u8>),
}

wire_enum!(HyperLogLog { Hashes, Registers });

impl Default for HyperLogLog {
    fn default() -> Self {
        HyperLogLog::Hashes(HashSet::new())
    }
}

impl HyperLogLog {
    /// Adds a text; tells how many bytes the set holds more than before.
    pub fn add(&mut self, text: &str) -> usize {
        // SipHash with fixed keys: parts of a search, and searches, agree about it.
        let mut hasher = DefaultHasher::new();
        hasher.write(text.as_bytes());
        self.add_hash(hasher.finish())
    }

    fn add_hash(&mut self, hash: u64) -> usize {
        match self {
            HyperLogLog::Hashes(hashes) => {
                let grown = if hashes.insert(hash) { size_of::<u64>() } else { 0 };
                if hashes.len() <= MAX_HASHES {
                    return grown;
                }
                let mut registers = vec![0; N_REGISTERS];
                hashes.iter().for_each(|hash| set_register(&mut registers, *hash));
                *self = HyperLogLog::Registers(registers);
                N_REGISTERS
            }
            HyperLogLog::Registers(registers) => {
                set_register(registers, hash);
                0
            }
        }
    }

    /// Adds all texts of another set.
    pub fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (_, HyperLogLog::Hashes(hashes)) => {
                for hash in hashes {
                    self.add_hash(hash);
                }
            }
            (HyperLogLog::Registers(registers), HyperLogLog::Registers(more)) => {
                registers.iter_mut().zip(more).for_each(|(register, other)| *register = other.max(*register));
            }
            (HyperLogLog::Hashes(hashes), HyperLogLog::Registers(mut registers)) => {
                hashes.iter().for_each(|hash| set_register(&mut registers, *hash));
                *self = HyperLogLog::Registers(registers);
            }
        }
    }

    /// The number of distinct texts, rounded.
    pub fn estimate(&self) -> u64 {
        match self {
            HyperLogLog::Hashes(hashes) => hashes.len() as u64,
            HyperLogLog::Registers(registers) => estimate(registers).round() as u64,
        }
    }
}

fn set_register(registers: &mut [u8], hash: u64) {
    let rank = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() as u8 + 1;
    let register = &mut registers[(hash >> (64 - PRECISION)) as usize];
    *register = rank.max(*register);
}

/// Algorithm 6 of Ertl's paper.
fn estimate(registers: &[u8]) -> f64 {
    const MAX_RANK: usize = (64 - PRECISION) as usize;
    let mut counts = [0.0; MAX_RANK + 2];
    registers.iter().for_each(|rank| counts[usize::from(*rank).min(MAX_RANK + 1)] += 1.0);
    let m = N_REGISTERS as f64;
    let mut z = m * tau(1.0 - counts[MAX_RANK + 1] / m);
    for count in counts[1..=MAX_RANK].iter().rev() {
        z = 0.5 * (z + count);
    }
    z += m * sigma(counts[0] / m);
    m * m / (2.0 * std::f64::consts::LN_2 * z)
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_close() {
        let mut set = HyperLogLog::default();
        let mut n = 0_u32;
        for limit in [1, 1000, 1024, 1025, 5_000, 50_000, 200_000] {
            while n < limit {
                set.add(&format!("user{n}"));
                set.add(&format!("user{n}"));
                n += 1;
            }
            let error = (set.estimate() as f64 - f64::from(n)).abs() / f64::from(n);
            assert!(error <= if n <= 1024 { 0.0 } else { 3.0 * RELATIVE_ERROR }, "{n}: {}", set.estimate());
        }
    }

    #[test]
    fn parts_do_not_matter() {
        let of = |range: std::ops::Range<u32>| {
            let mut set = HyperLogLog::default();
            range.for_each(|n| {
                set.add(&n.to_string());
            });
            set
        };
        for cut in [0, 500, 1500, 1999] {
            let mut parts = of(0..cut);
            parts.merge(of(cut..2000));
            assert_eq!(parts.estimate(), of(0..2000).estimate());
        }
    }
}
