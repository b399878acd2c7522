//! Sets of byte ranges: the progress of a source.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use std::ops::Range;

/// Disjoint, non-adjacent, ascending half-open ranges of bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RangeSet {
    #[serde(deserialize_with = "ascending")]
    ranges: Vec<(u64, u64)>,
}

/// Reads ranges back and refuses what [`RangeSet::insert`] would not have made.
fn ascending<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(u64, u64)>, D::Error> {
    let ranges = Vec::<(u64, u64)>::deserialize(deserializer)?;
    let right = ranges.iter().all(|(start, end)| start < end) && ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
    right.then_some(ranges).ok_or_else(|| D::Error::custom("byte ranges are not disjoint and ascending"))
}

impl RangeSet {
    /// Adds a range; joins it with those it overlaps or touches.
    pub fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.ranges.partition_point(|&(_, end)| end < range.start);
        let behind = self.ranges.partition_point(|&(start, _)| start <= range.end);
        let joined = self.ranges[first..behind]
            .iter()
            .fold((range.start, range.end), |(start, end), next| (start.min(next.0), end.max(next.1)));
        self.ranges.splice(first..behind, [joined]);
    }

    /// Whether byte `at` lies in the set.
    pub fn contains(&self, at: u64) -> bool {
        let next = self.ranges.partition_point(|&(_, end)| end <= at);
        self.ranges.get(next).is_some_and(|&(start, _)| start <= at)
    }

    /// First byte at or after `from` that lies in no range.
    pub fn first_gap(&self, from: u64) -> u64 {
        let next = self.ranges.partition_point(|&(_, end)| end <= from);
        match self.ranges.get(next) {
            Some(&(start, end)) if start <= from => end,
            _ => from,
        }
    }

    /// The parts of `0..len` that lie in no range, ascending.
    pub fn holes(&self, len: u64) -> Vec<Range<u64>> {
        let mut holes = Vec::new();
        let mut at = 0;
        for &(start, end) in &self.ranges {
            if start >= len {
                break;
            }
            if at < start {
                holes.push(at..start);
            }
            at = end;
        }
        if at < len {
            holes.push(at..len);
        }
        holes
    }

    /// End of the last range; 0 if the set is empty.
    pub fn end(&self) -> u64 {
        self.ranges.last().map_or(0, |&(_, end)| end)
    }

    /// Number of bytes in the set.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|(start, end)| end - start).sum()
    }

    /// Whether no byte lies in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.ranges.iter().map(|&(start, end)| start..end)
    }
}

impl FromIterator<Range<u64>> for RangeSet {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut set = Self::default();
        for range in ranges {
            set.insert(range);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_disjoint_ascending_ranges_are_read_back() {
        let read = |text: &str| serde_json::from_str::<RangeSet>(text);
        assert_eq!(read("[[1,2],[4,9]]").expect("right ranges").len(), 6);
        for wrong in ["[[2,1]]", "[[1,1]]", "[[1,2],[2,3]]", "[[4,9],[1,2]]"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn equals_a_bit_per_byte(ranges in proptest::collection::vec((0..60_u64, 0..12_u64), 0..20), len in 0..80_u64) {
            let mut bits = [false; 100];
            let mut set = RangeSet::default();
            for &(start, n) in &ranges {
                set.insert(start..start + n);
                bits[start as usize..(start + n) as usize].fill(true);
            }
            for (at, &bit) in bits.iter().enumerate() {
                prop_assert_eq!(set.contains(at as u64), bit);
                let gap = (at..).find(|&at| bits.get(at).is_none_or(|bit| !bit)).expect("infinite");
                prop_assert_eq!(set.first_gap(at as u64), gap as u64);
            }
            prop_assert_eq!(set.len(), bits.iter().filter(|&&bit| bit).count() as u64);
            let mut covered = bits;
            for hole in set.holes(len) {
                prop_assert!(!hole.is_empty() && hole.end <= len);
                for at in hole {
                    prop_assert!(!covered[at as usize]);
                    covered[at as usize] = true;
                }
            }
            prop_assert!(covered[..len as usize].iter().all(|&bit| bit));
            prop_assert!(set.ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "disjoint and not adjacent");
        }
    }
}
