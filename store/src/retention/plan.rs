//! Which buckets are to go: a pure function of what there is, what is wanted, the time and the disk.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use trawl_formats::event::IndexName;

/// Millionths in a whole.
const PPM: u64 = 1_000_000;

/// How long, and in how much space, an index keeps its buckets. By default for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// A bucket goes when its newest event is older.
    pub max_age: Option<Duration>,
    /// Bytes on disk that buckets and live logs may take; the oldest buckets go. Restored ones do not count: what comes back
    /// from an archive must not push out what is newer.
    pub max_size: Option<u64>,
    /// What is kept free of the file system; the oldest buckets go, and if that is not enough, nothing is added.
    pub min_free: Option<MinFree>,
    /// Folder that buckets are moved to instead of being deleted.
    pub archive: Option<PathBuf>,
    /// Nothing is ever removed (legal hold).
    pub protected: bool,
}

/// Policies by index; an index that is not named keeps everything.
pub type Policies = BTreeMap<IndexName, Policy>;

/// What is to be kept free of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MinFree {
    /// So many bytes.
    Bytes(u64),
    /// So many millionths of the file system.
    Ppm(u32),
}

impl MinFree {
    /// In bytes, of a file system of `total` bytes.
    pub fn bytes(self, total: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Ppm(ppm) => (u128::from(total) * u128::from(ppm) / u128::from(PPM)) as u64,
        }
    }
}

/// A sealed bucket, as far as retention is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketUse {
    /// Unique name.
    pub id: String,
    /// Index it belongs to.
    pub index: IndexName,
    /// `_time` of its newest event, microseconds.
    pub newest_us: i64,
    /// Bytes that it really takes on disk.
    pub bytes: u64,
    /// It was restored from an archive and not released yet: it stays.
    pub is_restored: bool,
}

/// What is used of the disk beside the buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// Bytes that are free.
    pub free: u64,
    /// Bytes that the file system has.
    pub total: u64,
    /// Bytes of live logs, and of what is about to be added, by index.
    pub live: BTreeMap<IndexName, u64>,
}

/// Why a bucket goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// `max_age`
    Age,
    /// `max_size`
    Size,
    /// `min_free`
    Free,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Age => "max_age",
            Self::Size => "max_size",
            Self::Free => "min_free",
        })
    }
}

/// A bucket that is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The bucket.
    pub id: String,
    /// Why.
    pub reason: Reason,
}

/// Chooses the buckets that are to go, those with the oldest newest event first.
///
/// Age and size are looked at for each index by itself. What these free counts before anything goes for the sake of free
/// space; then the index that wants most kept free gives first, and of indexes that want the same, the oldest bucket.
/// Nothing goes that need not, given that order; nothing ever goes of a protected index, nor a restored bucket.
pub fn plan(buckets: &[BucketUse], policies: &Policies, now_us: i64, disk: &DiskUse) -> Vec<Removal> {
    let mut sorted: Vec<&BucketUse> = buckets.iter().collect();
    sorted.sort_by(|a, b| (a.newest_us, &a.id).cmp(&(b.newest_us, &b.id)));
    let policy_of =
        |bucket: &BucketUse| policies.get(&bucket.index).filter(|policy| !policy.protected && !bucket.is_restored);
    // By place in `sorted`.
    let mut going: BTreeMap<usize, Reason> = BTreeMap::new();

    for (at, bucket) in sorted.iter().enumerate() {
        let is_old = |max_age: Duration| {
            i128::from(now_us) - i128::from(bucket.newest_us) > i128::try_from(max_age.as_micros()).unwrap_or(i128::MAX)
        };
        if policy_of(bucket).and_then(|policy| policy.max_age).is_some_and(is_old) {
            going.insert(at, Reason::Age);
        }
    }

    for (index, max_size) in policies.iter().filter_map(|(index, policy)| Some((index, policy.max_size?))) {
        let staying = sorted
            .iter()
            .enumerate()
            .filter(|(at, bucket)| bucket.index == *index && !bucket.is_restored && !going.contains_key(at));
        let mut used = staying
            .map(|(_, bucket)| bucket.bytes)
            .fold(disk.live.get(index).copied().unwrap_or(0), u64::saturating_add);
        for (at, bucket) in sorted.iter().enumerate() {
            if used <= max_size {
                break;
            }
            if bucket.index == *index && !going.contains_key(&at) && policy_of(bucket).is_some() {
                going.insert(at, Reason::Size);
                used = used.saturating_sub(bucket.bytes);
            }
        }
    }

    let mut free = going.keys().map(|&at| sorted[at].bytes).fold(disk.free, u64::saturating_add);
    let wanted = |policy: &Policy| policy.min_free.map(|min_free| min_free.bytes(disk.total));
    let wants: BTreeSet<u64> = policies.values().filter_map(wanted).collect();
    for want in wants.into_iter().rev() {
        for (at, bucket) in sorted.iter().enumerate() {
            if free >= want {
                break;
            }
            if !going.contains_key(&at) && policy_of(bucket).and_then(wanted) == Some(want) {
                going.insert(at, Reason::Free);
                free = free.saturating_add(bucket.bytes);
            }
        }
    }
    going.into_iter().map(|(at, reason)| Removal { id: sorted[at].id.clone(), reason }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY_US: i64 = 24 * 3600 * 1_000_000;
    const NOW_US: i64 = 1_000 * DAY_US;

    fn index(n: usize) -> IndexName {
        IndexName::new(["app", "sys", "web"][n]).expect("a valid name")
    }

    fn bucket(id: usize, (index_no, days, bytes, is_restored): (usize, i64, u64, bool)) -> BucketUse {
        BucketUse {
            id: format!("{id:03}"),
            index: index(index_no),
            newest_us: NOW_US - days * DAY_US,
            bytes,
            is_restored,
        }
    }

    fn days(n: u64) -> Option<Duration> {
        Some(Duration::from_secs(n * 24 * 3600))
    }

    fn policy() -> impl Strategy<Value = Policy> {
        let min_free = prop_oneof![
            Just(None),
            (0..3_000_u64).prop_map(|bytes| Some(MinFree::Bytes(bytes))),
            (0..400_000_u32).prop_map(|ppm| Some(MinFree::Ppm(ppm))),
        ];
        let max_age = proptest::option::of(0..40_u64).prop_map(|age| age.and_then(days));
        let max_size = proptest::option::of(0..2_000_u64);
        (max_age, max_size, min_free, proptest::bool::weighted(0.2)).prop_map(
            |(max_age, max_size, min_free, protected)| Policy { max_age, max_size, min_free, archive: None, protected },
        )
    }

    #[test]
    fn the_oldest_go_first_and_no_more_than_needed() {
        let buckets: Vec<BucketUse> =
            [(0, 40, 10, false), (0, 3, 10, false), (0, 2, 10, false), (0, 1, 10, false), (1, 90, 10, false)]
                .into_iter()
                .enumerate()
                .map(|(id, bucket_use)| bucket(id, bucket_use))
                .collect();
        let check = |policy: Policy, free: u64, expected: &str| {
            let disk = DiskUse { free, total: 1_000, live: BTreeMap::from([(index(0), 5)]) };
            let gone: Vec<String> = plan(&buckets, &Policies::from([(index(0), policy)]), NOW_US, &disk)
                .iter()
                .map(|removal| format!("{} {}", removal.id, removal.reason))
                .collect();
            assert_eq!(gone.join(", "), expected);
        };
        let none = Policy::default;
        check(none(), 0, "");
        check(Policy { max_age: days(3), ..none() }, 0, "000 max_age");
        check(Policy { max_size: Some(45), ..none() }, 0, "");
        check(Policy { max_size: Some(44), ..none() }, 0, "000 max_size");
        check(Policy { max_size: Some(4), ..none() }, 0, "000 max_size, 001 max_size, 002 max_size, 003 max_size");
        check(Policy { min_free: Some(MinFree::Bytes(120)), ..none() }, 100, "000 min_free, 001 min_free");
        check(Policy { min_free: Some(MinFree::Ppm(110_000)), ..none() }, 100, "000 min_free");
        check(Policy { max_age: days(3), min_free: Some(MinFree::Bytes(110)), ..none() }, 100, "000 max_age");
        check(Policy { max_age: days(3), max_size: Some(1), protected: true, ..none() }, 0, "");
    }

    proptest! {
        #[test]
        fn limits_hold_and_nothing_goes_without_need(
            uses in proptest::collection::vec((0..3_usize, -2..60_i64, 0..500_u64, proptest::bool::weighted(0.1)), 0..30),
            policies in proptest::collection::vec(proptest::option::of(policy()), 3),
            live in proptest::collection::vec(0..300_u64, 3),
            free in 0..3_000_u64,
        ) {
            let buckets: Vec<BucketUse> = uses.into_iter().enumerate().map(|(id, bucket_use)| bucket(id, bucket_use)).collect();
            let policies: Policies =
                policies.into_iter().enumerate().filter_map(|(n, policy)| Some((index(n), policy?))).collect();
            let disk = DiskUse { free, total: 8_000, live: live.into_iter().enumerate().map(|(n, bytes)| (index(n), bytes)).collect() };
            let removals = plan(&buckets, &policies, NOW_US, &disk);
            let reason = |bucket: &BucketUse| removals.iter().find(|removal| removal.id == bucket.id).map(|removal| removal.reason);
            let may_go = |bucket: &BucketUse| !bucket.is_restored && policies.get(&bucket.index).is_some_and(|policy| !policy.protected);
            let find = |id: &str| buckets.iter().find(|bucket| bucket.id == id).expect("a bucket that there is");

            // Each once, in order, and none that must stay.
            let keys: Vec<(i64, &str)> = removals.iter().map(|removal| (find(&removal.id).newest_us, &*removal.id)).collect();
            prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
            prop_assert!(removals.iter().all(|removal| may_go(find(&removal.id))));

            for (name, policy) in &policies {
                let own: Vec<&BucketUse> = buckets.iter().filter(|bucket| bucket.index == *name).collect();
                for bucket in own.iter().filter(|bucket| may_go(bucket)) {
                    let age_us = (NOW_US - bucket.newest_us) as i128;
                    let is_old = policy.max_age.is_some_and(|max| age_us > max.as_micros() as i128);
                    prop_assert_eq!(reason(bucket) == Some(Reason::Age), is_old);
                }
                if let Some(max_size) = policy.max_size {
                    // For free space more may have gone.
                    let staying = own.iter().filter(|bucket| !bucket.is_restored && !matches!(reason(bucket), Some(Reason::Age | Reason::Size)));
                    let used = staying.map(|bucket| bucket.bytes).sum::<u64>() + disk.live[name];
                    let by_size: Vec<_> = own.iter().filter(|bucket| reason(bucket) == Some(Reason::Size)).collect();
                    let can_go = own.iter().any(|bucket| may_go(bucket) && !matches!(reason(bucket), Some(Reason::Age | Reason::Size)));
                    prop_assert!(used <= max_size || !can_go, "{used} bytes are used");
                    if let Some(last) = by_size.iter().max_by_key(|bucket| (bucket.newest_us, &bucket.id)) {
                        prop_assert!(used + last.bytes > max_size, "the last one went without need");
                    }
                }
            }

            let freed = |reasons: &dyn Fn(&BucketUse) -> bool| {
                buckets.iter().filter(|bucket| reasons(bucket)).map(|bucket| bucket.bytes).sum::<u64>()
            };
            let free_in_the_end = free + freed(&|bucket| reason(bucket).is_some());
            let want = |bucket: &BucketUse| policies.get(&bucket.index)?.min_free.map(|min| min.bytes(disk.total));
            for (name, policy) in &policies {
                let Some(min_free) = policy.min_free.map(|min| min.bytes(disk.total)) else { continue };
                let can_go = buckets.iter().any(|bucket| bucket.index == *name && may_go(bucket) && reason(bucket).is_none());
                prop_assert!(free_in_the_end >= min_free || !can_go, "{free_in_the_end} bytes are free");
                // What went before it: other reasons, and indexes that want as much or more.
                let of_group: Vec<&BucketUse> = buckets.iter()
                    .filter(|bucket| reason(bucket) == Some(Reason::Free) && want(bucket) == Some(min_free)).collect();
                if let Some(last) = of_group.iter().max_by_key(|bucket| (bucket.newest_us, &bucket.id)) {
                    let before = free + freed(&|bucket| match reason(bucket) {
                        Some(Reason::Free) => want(bucket) >= Some(min_free) && bucket.id != last.id,
                        other => other.is_some(),
                    });
                    prop_assert!(before < min_free, "the last one went without need");
                }
            }
        }
    }
}
