//! Values of fields that are over-represented in the incident.

use super::SIGNIFICANT;
use super::gather::{Counts, Gathered};
use super::report::ValueChange;
use super::statistics::{adjust, dispersion, g_of_table, p_value};
use super::windows::{ExposurePart, Windows};
use crate::time::TimeRange;
use crate::value::Value;
use hashbrown::HashMap;

/// A field with more values than this says who or when, not what.
const MAX_VALUES: usize = 5_000;
/// Longer values are messages.
const MAX_VALUE_BYTES: usize = 200;
/// Values that fewer events of the incident have are not tested.
const MIN_COUNT: u64 = 5;
/// Fields that say when, or where an event lies.
const SKIPPED: [&str; 5] = ["linecount", "timestartpos", "timeendpos", "splunk_server", "index"];

/// Whether a field is looked at.
pub(super) fn is_compared(field: &str) -> bool {
    !field.starts_with('_') && !field.starts_with("date_") && !SKIPPED.contains(&field)
}

/// The values of a field; `None` once there are too many.
#[derive(Clone, Debug)]
pub(crate) struct FieldValues(Option<HashMap<String, Counts>>);

impl Default for FieldValues {
    fn default() -> Self {
        Self(Some(HashMap::new()))
    }
}

impl FieldValues {
    /// Counts a value; how many bytes more are held.
    pub fn add(&mut self, value: &Value, stretch: i64) -> usize {
        let Some(values) = &mut self.0 else { return 0 };
        let n_bytes = value.with_text(|text| {
            if text.len() > MAX_VALUE_BYTES || text.is_empty() {
                return 0;
            }
            if let Some(counts) = values.get_mut(text) {
                counts.add(stretch, 1);
                return 0;
            }
            let mut counts = Counts::default();
            counts.add(stretch, 1);
            values.insert(text.to_owned(), counts);
            text.len() + 128
        });
        self.bound();
        n_bytes
    }

    /// Drops all values if there are too many.
    fn bound(&mut self) {
        if self.0.as_ref().is_some_and(|values| values.len() > MAX_VALUES) {
            self.0 = None;
        }
    }

    pub fn merge(&mut self, other: Self) {
        match (&mut self.0, other.0) {
            (Some(values), Some(others)) => {
                for (value, counts) in others {
                    values.entry(value).or_default().merge(&counts);
                }
                self.bound();
            }
            _ => self.0 = None,
        }
    }
}

/// The values that are significantly over-represented, and how many were tested.
///
/// Values of some fields come and go, as addresses of clients do. A value that is not in the baseline therefore counts only as far as it
/// exceeds the most frequent one of those values of its field that were seen in a single stretch of the baseline.
pub(super) fn decide(gathered: Gathered, windows: &Windows) -> (Vec<ValueChange>, usize) {
    let (n_incident, n_baseline) = gathered.n_events();
    if n_incident == 0 || n_baseline == 0 {
        return (Vec::new(), 0);
    }
    let exposure = windows.exposure(TimeRange::ALL, gathered.seen_us.unwrap_or_default());
    let n_within: Vec<u64> =
        exposure.parts.iter().map(|part| gathered.events.within(|stretch| part.holds(stretch))).collect();
    let mut changes: Vec<ValueChange> = Vec::new();
    for (field, values) in gathered.fields {
        let Some(values) = values.0 else { continue };
        let all = || exposure.parts.iter().flat_map(|part| &part.stretches);
        let usual = most_of_fleeting(
            values.values().map(|counts| (counts.of(0), all().map(|stretch| counts.of(*stretch)).collect())),
        );
        for (value, counts) in values {
            let (count, baseline_count) = counts.sides();
            if count < MIN_COUNT {
                continue;
            }
            let share = count as f64 / n_incident as f64;
            let baseline_share = baseline_count as f64 / n_baseline as f64;
            let g = if baseline_count == 0 {
                let excess = count.saturating_sub(usual);
                g_of_table(&[(excess, 0), (n_incident.saturating_sub(excess), n_baseline)])
            } else {
                // Over-represented is what is so against the time before and against the same time of other days.
                let of_part = |(part, n): (&ExposurePart, &u64)| {
                    let in_part = counts.within(|stretch| part.holds(stretch));
                    let stretches: Vec<u64> = part.stretches.iter().map(|stretch| counts.of(*stretch)).collect();
                    let others = (n_incident.saturating_sub(count), n.saturating_sub(in_part));
                    let is_over = share > in_part as f64 / (*n).max(1) as f64;
                    if is_over { g_of_table(&[(count, in_part), others]) / dispersion(&stretches) } else { 0.0 }
                };
                // A part without events says nothing.
                let parts = exposure.parts.iter().zip(&n_within).filter(|(_, n)| **n > 0);
                parts.map(of_part).fold(f64::INFINITY, f64::min)
            };
            let field = field.clone();
            changes.push(ValueChange { field, value, count, baseline_count, share, baseline_share, g, q: 1.0 });
        }
    }
    let p_values: Vec<f64> = changes.iter().map(|change| p_value(change.g, 1)).collect();
    let n_tests = changes.len();
    for (change, q) in changes.iter_mut().zip(adjust(&p_values)) {
        change.q = q;
    }
    changes.retain(|change| change.q <= SIGNIFICANT && change.share > change.baseline_share);
    changes.sort_by(|a, b| b.g.total_cmp(&a.g).then_with(|| (&a.field, &a.value).cmp(&(&b.field, &b.value))));
    (changes, n_tests)
}

/// The count of the most frequent value that is not in the incident and in one stretch only; each value by its count in the incident and those
/// in the stretches.
fn most_of_fleeting(values: impl Iterator<Item = (u64, Vec<u64>)>) -> u64 {
    let fleeting = values
        .filter(|(incident, stretches)| *incident == 0 && stretches.iter().filter(|count| **count > 0).count() == 1);
    fleeting.map(|(_, stretches)| stretches.iter().sum()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_only_so_many_values() {
        let value = |n: usize| Value::from(format!("v{n}"));
        let mut few = FieldValues::default();
        for n in 0..MAX_VALUES {
            few.add(&value(n), 0);
        }
        let mut many = FieldValues::default();
        many.add(&value(MAX_VALUES), 1);
        assert!(few.0.is_some() && many.0.is_some());
        few.merge(many);
        assert!(few.0.is_none(), "both together have too many");
        assert_eq!(few.add(&value(0), 0), 0);
        let mut long = FieldValues::default();
        assert_eq!(long.add(&Value::from("x".repeat(MAX_VALUE_BYTES + 1)), 0), 0);
    }

    #[test]
    fn values_that_come_and_go_set_the_mark() {
        let of = |values: &[(u64, [u64; 3])]| {
            most_of_fleeting(values.iter().map(|(incident, stretches)| (*incident, stretches.to_vec())))
        };
        assert_eq!(of(&[(0, [0, 30, 0]), (0, [4, 0, 0]), (9, [0, 0, 50]), (0, [90, 0, 60])]), 30);
        assert_eq!(of(&[(7, [0, 0, 0])]), 0);
    }
}
