//! Logs of `testdata`, repeated to a size at which caches no longer help.

use std::fs;
use std::path::Path;

/// Bytes that a repeated log has at least: more than the second-level cache, less than a bucket.
pub const MIN_BYTES: usize = 8 << 20;

/// One log of a known kind.
#[derive(Clone, Debug)]
pub struct Log {
    /// Short name, for the ids of benches.
    pub name: &'static str,
    /// Name of the file, which takes part in detection.
    pub file_name: &'static str,
    /// The log, several times over.
    pub bytes: Vec<u8>,
}

/// The logs that stand for the kinds that are met most: single lines, lines of JSON, stack traces.
///
/// # Panics
/// If the testdata of this repository is incomplete.
pub fn logs() -> Vec<Log> {
    [
        ("access", "shop", "web-01/access.log", "access.log"),
        ("java", "shop", "pay-01/payment-service.log", "payment-service.log"),
        ("json", "shop", "order-01/order-service.json", "order-service.json"),
        ("syslog", "shop", "db-01/syslog", "syslog"),
    ]
    .into_iter()
    .map(|(name, corpus, path, file_name)| {
        let corpus = trawl_testdata::corpus(corpus);
        let bytes = fs::read(corpus.path_of(corpus.file(path))).expect("the log is part of the repository");
        Log { name, file_name, bytes: bytes.repeat(MIN_BYTES.div_ceil(bytes.len())) }
    })
    .collect()
}

/// Writes all logs into a folder; their size together.
///
/// # Panics
/// If the folder cannot be written.
pub fn write_all(dir: &Path) -> u64 {
    logs()
        .iter()
        .map(|log| {
            fs::write(dir.join(log.file_name), &log.bytes).expect("the folder is writable");
            log.bytes.len() as u64
        })
        .sum()
}
