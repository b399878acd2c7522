//! Which moment belongs to the incident, which to the baseline.

use crate::time::TimeRange;

/// Most stretches that the scatter of counts is measured over.
const MAX_STRETCHES: i64 = 64;

/// The incident and its baseline. Both are cut into stretches as long as the incident, numbered from its beginning.
#[derive(Clone, Debug)]
pub struct Windows {
    incident_us: (i64, i64),
    /// Ascending, without overlaps; `None`: everything that is not the incident.
    baseline: Option<Vec<(i64, i64)>>,
}

impl Windows {
    /// Windows of half open ranges in microseconds UTC. Without a baseline it is everything else.
    pub fn new(incident_us: (i64, i64), baseline: Option<Vec<(i64, i64)>>) -> Self {
        let baseline = baseline.map(|mut ranges| {
            ranges.sort_unstable();
            ranges
        });
        Self { incident_us, baseline }
    }

    /// The incident.
    pub fn incident_us(&self) -> (i64, i64) {
        self.incident_us
    }

    fn length_us(&self) -> i64 {
        (self.incident_us.1 - self.incident_us.0).max(1)
    }

    /// The stretch of a moment: 0 for the incident, `None` if it belongs to neither.
    pub fn stretch(&self, time_us: i64) -> Option<i64> {
        let (from_us, to_us) = self.incident_us;
        if from_us <= time_us && time_us < to_us {
            return Some(0);
        }
        if let Some(ranges) = &self.baseline {
            let next = ranges.partition_point(|(start, _)| *start <= time_us);
            if next == 0 || time_us >= ranges[next - 1].1 {
                return None;
            }
        }
        Some(time_us.saturating_sub(from_us).div_euclid(self.length_us()))
    }

    /// The ranges of the baseline within a searched range and times that were seen.
    fn ranges(&self, searched: TimeRange, seen_us: (i64, i64)) -> Vec<(i64, i64)> {
        if let Some(ranges) = &self.baseline {
            return ranges.clone();
        }
        let first = searched.earliest.unwrap_or(seen_us.0);
        let end = searched.latest.unwrap_or(seen_us.1.saturating_add(1));
        let (from_us, to_us) = self.incident_us;
        [(first, end.min(from_us)), (first.max(to_us), end)].into_iter().filter(|(start, end)| start < end).collect()
    }

    /// Lengths of incident and baseline in seconds, and the stretches that lie whole in the baseline, at most 64 of them, the
    /// nearest ones.
    pub(super) fn exposure(&self, searched: TimeRange, seen_us: (i64, i64)) -> Exposure {
        let ranges = self.ranges(searched, seen_us);
        let length_us = self.length_us();
        let seconds = |us: i64| us as f64 / 1e6;
        let mut stretches: Vec<i64> = Vec::new();
        for (start, end) in &ranges {
            let offset = |time_us: i64| time_us.saturating_sub(self.incident_us.0);
            let first = offset(*start).div_euclid(length_us) + i64::from(offset(*start).rem_euclid(length_us) > 0);
            let after_last = offset(*end).div_euclid(length_us);
            // A long range need not be listed as a whole.
            let near = if *end <= self.incident_us.0 {
                first.max(after_last - MAX_STRETCHES)..after_last
            } else {
                first..after_last.min(first + MAX_STRETCHES)
            };
            stretches.extend(near);
        }
        stretches.sort_by_key(|stretch| stretch.abs());
        stretches.truncate(MAX_STRETCHES as usize);
        Exposure {
            incident: seconds(length_us),
            baseline: ranges.iter().map(|(start, end)| seconds(end - start)).sum(),
            stretches,
        }
    }
}

/// How long was looked at.
#[derive(Clone, Debug)]
pub(super) struct Exposure {
    /// Seconds.
    pub incident: f64,
    /// Seconds.
    pub baseline: f64,
    /// The stretches of the baseline whose counts are compared with each other.
    pub stretches: Vec<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_belong_to_stretches() {
        let windows = Windows::new((100, 110), Some(vec![(50, 100), (0, 10)]));
        for (time_us, expected) in
            [(100, Some(0)), (109, Some(0)), (110, None), (99, Some(-1)), (50, Some(-5)), (49, None), (5, Some(-10))]
        {
            assert_eq!(windows.stretch(time_us), expected, "{time_us}");
        }
        let exposure = windows.exposure(TimeRange::ALL, (0, 200));
        assert_eq!(exposure.stretches, [-1, -2, -3, -4, -5, -10]);
        assert!((exposure.baseline - 60e-6).abs() < 1e-9);
    }

    #[test]
    fn without_a_baseline_all_else_is_one() {
        let windows = Windows::new((100, 110), None);
        assert_eq!((windows.stretch(95), windows.stretch(110), windows.stretch(125)), (Some(-1), Some(1), Some(2)));
        assert_eq!(windows.exposure(TimeRange::ALL, (85, 124)).stretches, [-1, 1]);
        let searched = TimeRange { earliest: Some(80), latest: Some(130) };
        assert_eq!(windows.exposure(searched, (85, 124)).stretches, [-1, 1, -2, 2]);
    }
}
