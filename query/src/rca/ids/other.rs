//! What a word is that looks like an id and is none: its key says so, or its parts do.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::LazyLock;

/// What a value is that is no id of a request, though it may look like one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotAnId {
    /// A machine, a program, a job, a file.
    Place,
    /// A person, or the name that one logs in with.
    User,
    /// A thread or worker.
    Thread,
    /// A time or a duration.
    Time,
    /// A version or a build.
    Version,
    /// An address of the network, a port, a program that calls.
    Address,
    /// A number of something, a state, a place in code.
    Measure,
}

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotAnId::Place => "names a machine, program or job",
            NotAnId::User => "names a user",
            NotAnId::Thread => "names a thread",
            NotAnId::Time => "is a time",
            NotAnId::Version => "is a version",
            NotAnId::Address => "is an address",
            NotAnId::Measure => "is a measure or state",
        })
    }
}

/// Keys that name something else, in lower case without `_`, `-` and `.`.
const OTHER_KEYS: [(NotAnId, &str); 7] = [
    (
        NotAnId::Place,
        "host hostname server servername node nodename machine instance pod podname container containerid upstream backend pid ppid \
         process processid cluster zone region datacenter rack mac device deviceid volume file filename path dir partition service app \
         application job jobname queue topic table schema database component module",
    ),
    (NotAnId::User, "user username userid usr login uid gid operator author owner ruser euid"),
    (NotAnId::Thread, "thread threadname threadid tid thr worker executor pool"),
    (NotAnId::Time, "time timestamp ts date datetime at start end begin took timeout uptime expires expiry"),
    (NotAnId::Version, "version ver build release agent useragent ua revision rev commit image tag"),
    (
        NotAnId::Address,
        "ip client clientip remote remoteip remoteaddr addr address port url uri referer referrer endpoint src dst rhost peer email vpa",
    ),
    (
        NotAnId::Measure,
        "amount amt count bytes size len length rows score status code statuscode exitcode errorcode errcode level severity class logger \
         method line offset total active idle limit max min rate percent currency ccy channel pri priority tty function signal",
    ),
];

/// Beginnings and ends of keys of times.
const TIME_BEGINNINGS: [&str; 3] = ["duration", "elapsed", "latency"];
const TIME_ENDS: [&str; 4] = ["ms", "millis", "seconds", "time"];

/// What the keys of [`OTHER_KEYS`] say.
static BY_KEY: LazyLock<HashMap<&str, NotAnId>> = LazyLock::new(|| {
    let keys = OTHER_KEYS.iter().flat_map(|(is_not, keys)| keys.split_whitespace().map(|key| (key, *is_not)));
    keys.collect()
});

/// Parts of words that name threads: `http-nio-8080-exec-9`, `pool-3-thread-7`.
const THREAD_PARTS: [&str; 12] = [
    "exec",
    "thread",
    "worker",
    "executor",
    "nio",
    "eventloop",
    "dispatcher",
    "scheduler",
    "forkjoinpool",
    "pool",
    "consumer",
    "timer",
];

/// A key without case and punctuation; of dotted names the last part.
pub fn normal_key(key: &str) -> String {
    let last = key.rsplit('.').next().unwrap_or(key);
    last.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// Why a word is no id, if its key or its parts say so.
pub fn is_not(word: &str, key: Option<&str>) -> Option<NotAnId> {
    if word.split(['-', '_']).any(|part| THREAD_PARTS.contains(&part.to_ascii_lowercase().as_str())) {
        return Some(NotAnId::Thread);
    }
    let key = normal_key(key?);
    let is_time =
        TIME_BEGINNINGS.iter().any(|begin| key.starts_with(begin)) || TIME_ENDS.iter().any(|end| key.ends_with(end));
    BY_KEY.get(key.as_str()).copied().or(is_time.then_some(NotAnId::Time))
}
