//! What `fieldsummary` knows of the values of a field.

use super::MAX_EXACT_VALUES;
use super::hyperloglog::HyperLogLog;
use super::moments::Moments;
use crate::value::Value;
use compact_str::CompactString;
use hashbrown::HashMap;
use std::cmp::Reverse;

/// Number, distinct values and moments of the values of a field.
#[derive(Clone, Default)]
pub(crate) struct ValueSummary {
    n: u64,
    counts: Counts,
    moments: Moments,
    limits: Option<(f64, f64)>,
}

#[derive(Clone)]
enum Counts {
    Exact(HashMap<CompactString, u64>),
    Estimated(HyperLogLog),
}

impl Default for Counts {
    fn default() -> Self {
        Counts::Exact(HashMap::new())
    }
}

impl Counts {
    fn add(&mut self, text: &str, n: u64) -> usize {
        let counts = match self {
            Counts::Estimated(estimate) => return estimate.add(text),
            Counts::Exact(counts) => counts,
        };
        if let Some(known) = counts.get_mut(text) {
            *known += n;
            return 0;
        }
        counts.insert(text.into(), n);
        if counts.len() > MAX_EXACT_VALUES {
            let mut estimate = HyperLogLog::default();
            counts.keys().for_each(|text| {
                estimate.add(text);
            });
            *self = Counts::Estimated(estimate);
        }
        size_of::<(CompactString, u64)>() + text.len()
    }
}

impl ValueSummary {
    /// Takes a value in; tells by how many bytes it grew.
    pub fn add(&mut self, value: &Value) -> usize {
        self.n += 1;
        let mut bytes = 0;
        if let Some(number) = value.as_number() {
            bytes += self.moments.update(number);
            let (low, high) = self.limits.unwrap_or((number, number));
            self.limits = Some((low.min(number), high.max(number)));
        }
        bytes + value.with_text(|text| self.counts.add(text, 1))
    }

    /// Takes over the values of another part of the rows.
    pub fn merge(&mut self, other: Self) {
        self.n += other.n;
        self.moments.merge(other.moments);
        self.limits = match (self.limits, other.limits) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (limits, None) | (None, limits) => limits,
        };
        match (&mut self.counts, other.counts) {
            (counts, Counts::Exact(more)) => more.iter().for_each(|(text, n)| {
                counts.add(text, *n);
            }),
            (Counts::Estimated(estimate), Counts::Estimated(more)) => estimate.merge(more),
            (counts, estimated) => {
                if let Counts::Exact(texts) = std::mem::replace(counts, estimated) {
                    texts.iter().for_each(|(text, n)| {
                        counts.add(text, *n);
                    });
                }
            }
        }
    }

    /// The number of values.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The number of distinct values, and whether it is exact.
    pub fn distinct(&self) -> (u64, bool) {
        match &self.counts {
            Counts::Exact(counts) => (counts.len() as u64, true),
            Counts::Estimated(estimate) => (estimate.estimate(), false),
        }
    }

    /// The number of numeric values.
    pub fn n_numeric(&self) -> u64 {
        self.moments.n
    }

    /// The smallest and the largest number.
    pub fn numbers(&self) -> Option<(f64, f64)> {
        self.limits
    }

    /// The mean of the numbers.
    pub fn mean(&self) -> Option<f64> {
        (self.moments.n > 0).then(|| self.moments.sum.total() / self.moments.n as f64)
    }

    /// The sample standard deviation of the numbers.
    pub fn stdev(&self) -> Option<f64> {
        self.moments.variance(1).map(f64::sqrt)
    }

    /// The most frequent values with their counts; of equally frequent ones the first in mixed order. None if there are too
    /// many values to know.
    pub fn most_frequent(&self, n: usize) -> Vec<(CompactString, u64)> {
        let Counts::Exact(counts) = &self.counts else { return Vec::new() };
        let mut values: Vec<(Reverse<u64>, Value)> =
            counts.iter().map(|(text, n)| (Reverse(*n), Value::Text(text.clone()))).collect();
        values.sort_by(|(a, a_value), (b, b_value)| a.cmp(b).then_with(|| a_value.cmp_mixed(b_value)));
        values.truncate(n);
        let text = |value: Value| match value {
            Value::Text(text) => text,
            other => CompactString::from(other.to_string()),
        };
        values.into_iter().map(|(Reverse(n), value)| (text(value), n)).collect()
    }
}
