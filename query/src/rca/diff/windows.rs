//! Which moment belongs to the incident, which to the baseline.

use crate::time::TimeRange;

/// Most stretches that the scatter of counts is measured over, of one part of the baseline.
const MAX_STRETCHES: i64 = 64;
/// Numbers of stretches of one range of the baseline; the next range has the next so many.
const STRETCHES_OF_RANGE: i64 = 1 << 32;

/// What a range of the baseline is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is just before the incident, or was named.
    Before,
    /// It is the same time of another day.
    SameTime,
}

/// A range of the baseline: half open, microseconds UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub from_us: i64,
    pub to_us: i64,
    pub kind: Kind,
}

/// The incident and its baseline. Both are cut into stretches as long as the incident: number 0 is the incident. Each range of the baseline is
/// cut by itself, from its end on, so that the same time of a day is one stretch whatever the clocks did in between.
#[derive(Clone, Debug)]
pub struct Windows {
    incident_us: (i64, i64),
    /// Ascending, without overlaps; `None`: everything that is not the incident.
    baseline: Option<Vec<Part>>,
}

impl Windows {
    /// Windows of half open ranges in microseconds UTC. Without a baseline it is everything else.
    pub fn new(incident_us: (i64, i64), baseline: Option<(i64, i64)>) -> Self {
        let part = |(from_us, to_us)| Part { from_us, to_us, kind: Kind::Before };
        Self { incident_us, baseline: baseline.map(|range| vec![part(range)]) }
    }

    /// With a baseline of several ranges, which do not overlap.
    pub(super) fn of_parts(incident_us: (i64, i64), mut parts: Vec<Part>) -> Self {
        parts.sort_unstable_by_key(|part| part.from_us);
        Self { incident_us, baseline: Some(parts) }
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
        let Some(parts) = &self.baseline else {
            return Some(time_us.saturating_sub(from_us).div_euclid(self.length_us()));
        };
        let at = parts.partition_point(|part| part.from_us <= time_us).checked_sub(1)?;
        let part = &parts[at];
        let from_end = (time_us < part.to_us).then(|| (part.to_us - 1 - time_us) / self.length_us())?;
        Some(number_of(at, from_end))
    }

    /// Lengths of incident and baseline in seconds, and the stretches that lie whole in the baseline, at most 64 of each part of it, the
    /// nearest ones.
    pub(super) fn exposure(&self, searched: TimeRange, seen_us: (i64, i64)) -> Exposure {
        let seconds = |us: i64| us as f64 / 1e6;
        let incident = seconds(self.length_us());
        let parts = match &self.baseline {
            Some(parts) => {
                let of = |kind: Kind| self.of_kind(parts, kind);
                [of(Kind::Before), of(Kind::SameTime)].into_iter().filter(|part| part.seconds > 0.0).collect()
            }
            None => vec![self.everything_else(searched, seen_us)],
        };
        Exposure { incident, parts }
    }

    fn of_kind(&self, parts: &[Part], kind: Kind) -> ExposurePart {
        let mut stretches = Vec::new();
        let mut length_us = 0;
        let ranges: Vec<usize> = (0..parts.len()).rev().filter(|at| parts[*at].kind == kind).collect();
        for at in &ranges {
            let part = &parts[*at];
            length_us += part.to_us - part.from_us;
            let n_whole = (part.to_us - part.from_us) / self.length_us();
            let room = MAX_STRETCHES - stretches.len() as i64;
            stretches.extend((0..n_whole.min(room)).map(|from_end| number_of(*at, from_end)));
        }
        let of_range = |at: &usize| (number_of(*at, STRETCHES_OF_RANGE - 1), number_of(*at, 0));
        ExposurePart {
            kind,
            seconds: length_us as f64 / 1e6,
            stretches,
            numbers: ranges.iter().map(of_range).collect(),
        }
    }

    /// The ranges on both sides of the incident, within a searched range and times that were seen.
    fn everything_else(&self, searched: TimeRange, seen_us: (i64, i64)) -> ExposurePart {
        let first = searched.earliest.unwrap_or(seen_us.0);
        let end = searched.latest.unwrap_or(seen_us.1.saturating_add(1));
        let (from_us, to_us) = self.incident_us;
        let ranges = [(first, end.min(from_us)), (first.max(to_us), end)];
        let ranges = || ranges.iter().filter(|(start, end)| start < end);
        let length_us = self.length_us();
        let mut stretches: Vec<i64> = Vec::new();
        for (start, end) in ranges() {
            let offset = |time_us: i64| time_us.saturating_sub(from_us);
            let first = offset(*start).div_euclid(length_us) + i64::from(offset(*start).rem_euclid(length_us) > 0);
            let after_last = offset(*end).div_euclid(length_us);
            // A long range need not be listed as a whole.
            let near = if *end <= from_us {
                first.max(after_last - MAX_STRETCHES)..after_last
            } else {
                first..after_last.min(first + MAX_STRETCHES)
            };
            stretches.extend(near);
        }
        stretches.sort_by_key(|stretch| stretch.abs());
        stretches.truncate(MAX_STRETCHES as usize);
        let seconds = ranges().map(|(start, end)| (end - start) as f64 / 1e6).sum();
        ExposurePart { kind: Kind::Before, seconds, stretches, numbers: vec![(i64::MIN, -1), (1, i64::MAX)] }
    }
}

/// The number of a stretch: of the range at a place, counted from its end.
fn number_of(range: usize, from_end: i64) -> i64 {
    -1 - (range as i64 * STRETCHES_OF_RANGE + from_end.min(STRETCHES_OF_RANGE - 1))
}

/// How long was looked at.
#[derive(Clone, Debug)]
pub(super) struct Exposure {
    /// Seconds.
    pub incident: f64,
    /// The baseline: the time before the incident, the same time of other days, or both.
    pub parts: Vec<ExposurePart>,
}

impl Exposure {
    /// Seconds of the baseline.
    pub fn baseline(&self) -> f64 {
        self.parts.iter().map(|part| part.seconds).sum()
    }
}

/// A part of the baseline whose stretches are like each other.
#[derive(Clone, Debug)]
pub(super) struct ExposurePart {
    /// What its ranges are like.
    pub kind: Kind,
    /// Seconds.
    pub seconds: f64,
    /// The stretches whose counts are compared with each other.
    pub stretches: Vec<i64>,
    /// Numbers of all of its stretches, both ends included.
    numbers: Vec<(i64, i64)>,
}

impl ExposurePart {
    /// Whether a stretch belongs to it.
    pub fn holds(&self, stretch: i64) -> bool {
        self.numbers.iter().any(|(first, last)| (*first..=*last).contains(&stretch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(from_us: i64, to_us: i64, kind: Kind) -> Part {
        Part { from_us, to_us, kind }
    }

    #[test]
    fn moments_belong_to_stretches() {
        let parts = vec![part(50, 100, Kind::Before), part(3, 13, Kind::SameTime)];
        let windows = Windows::of_parts((100, 110), parts);
        let near = |from_end| Some(number_of(1, from_end));
        for (time_us, expected) in [
            (100, Some(0)),
            (109, Some(0)),
            (110, None),
            (99, near(0)),
            (90, near(0)),
            (89, near(1)),
            (50, near(4)),
            (49, None),
            (13, None),
            (12, Some(number_of(0, 0))),
            (3, Some(number_of(0, 0))),
            (2, None),
        ] {
            assert_eq!(windows.stretch(time_us), expected, "{time_us}");
        }
        let exposure = windows.exposure(TimeRange::ALL, (0, 200));
        assert!((exposure.baseline() - 60e-6).abs() < 1e-12);
        let [before, same_time] = exposure.parts.as_slice() else { panic!("two parts") };
        assert_eq!(before.stretches, [0, 1, 2, 3, 4].map(|from_end| number_of(1, from_end)));
        // Whatever the clocks did: the same time of a day is one stretch.
        assert_eq!(same_time.stretches, [number_of(0, 0)]);
        assert!(same_time.holds(number_of(0, 0)) && !same_time.holds(number_of(1, 0)) && !before.holds(0));
    }

    #[test]
    fn without_a_baseline_all_else_is_one() {
        let windows = Windows::new((100, 110), None);
        assert_eq!((windows.stretch(95), windows.stretch(110), windows.stretch(125)), (Some(-1), Some(1), Some(2)));
        let stretches = |searched| windows.exposure(searched, (85, 124)).parts[0].stretches.clone();
        assert_eq!(stretches(TimeRange::ALL), [-1, 1]);
        assert_eq!(stretches(TimeRange { earliest: Some(80), latest: Some(130) }), [-1, 1, -2, 2]);
    }
}
