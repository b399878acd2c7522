//! The one place of the store that reads the clock.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in microseconds since the epoch.
pub fn now_us() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}

/// A name that no other bucket or log has: the time in hexadecimal, so that names sort by age, and 64 random bits.
pub fn unique_id() -> String {
    format!("{:013x}{:016x}", now_us(), RandomState::new().hash_one(()))
}
