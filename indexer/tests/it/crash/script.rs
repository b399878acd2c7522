//! What happens in a recorded run: other programs write logs, and the store is opened, fed, sealed, aged and closed.
//!
//! A script is a function of its seed. So is what stands in the logs at each step, which a check compares with the store.

use crate::lab::gzip;
use std::collections::BTreeMap;
use std::fmt::Write;

/// 2021-06-01 00:00 UTC, where the clock of a recorded process begins.
pub const BEGIN_US: i64 = 1_622_505_600_000_000;

/// The three indexes: followed, aged into an archive, aged out for good.
pub const MAIN: &str = "main";
pub const KEPT: &str = "kept";
pub const GONE: &str = "gone";

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// Another program does something to the logs.
    Source(Change),
    /// The store is opened for writing.
    Open,
    /// A file is loaded in bulk, before the tailer begins.
    Load { file: &'static str, index: &'static str },
    /// The tailer begins.
    Follow,
    /// The tailer looks, and makes durable what it sees.
    See,
    /// As long until last events are closed.
    Settle,
    /// Whatever fails, fails no more; and the tailer catches up. Before what was written goes away.
    CatchUp,
    /// Ended live logs become buckets.
    Seal,
    /// Retention is enforced: one index is archived, one deleted.
    Retain,
    /// Hours pass, and what was moved aside is deleted.
    Sweep,
    /// The tailer and the store end, cleanly or not.
    Close { is_clean: bool },
}

/// What another program does.
#[derive(Clone, Debug)]
pub enum Change {
    Append {
        name: &'static str,
        text: String,
    },
    Rename {
        from: &'static str,
        to: &'static str,
    },
    Truncate {
        name: &'static str,
    },
    /// Compresses a file and removes it.
    Compress {
        from: &'static str,
        to: &'static str,
    },
    /// A compressed file that was never there before.
    Arrive {
        name: &'static str,
        text: String,
    },
}

/// A log file.
#[derive(Clone, Debug, Default)]
pub struct LogFile {
    pub bytes: Vec<u8>,
    /// Position of what was written to it since it was last empty, in [`World::streams`].
    pub stream: usize,
    /// Microseconds since the epoch.
    pub mtime_us: i64,
}

/// All logs at a moment.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Every file that there ever was, by number.
    pub files: Vec<LogFile>,
    /// Names that lead to one, with its number.
    pub names: BTreeMap<String, usize>,
    /// Everything that was ever written, whether it can still be read or not.
    pub streams: Vec<Vec<u8>>,
}

impl World {
    /// The number of the file with a name; a new one if there is none.
    pub fn file(&mut self, name: &str) -> usize {
        if let Some(&file) = self.names.get(name) {
            return file;
        }
        self.files.push(LogFile { stream: self.streams.len(), ..LogFile::default() });
        self.streams.push(Vec::new());
        self.names.insert(name.to_owned(), self.files.len() - 1);
        self.files.len() - 1
    }

    pub fn change(&mut self, change: &Change, now_us: i64) {
        match change {
            Change::Append { name, text } => {
                let number = self.file(name);
                let file = &mut self.files[number];
                file.bytes.extend_from_slice(text.as_bytes());
                file.mtime_us = now_us;
                self.streams[file.stream].extend_from_slice(text.as_bytes());
            }
            Change::Rename { from, to } => {
                let file = self.names.remove(*from).expect("the script knows its files");
                self.names.insert((*to).to_owned(), file);
            }
            Change::Truncate { name } => {
                let number = self.file(name);
                let stream = self.streams.len();
                self.streams.push(Vec::new());
                self.files[number] = LogFile { bytes: Vec::new(), stream, mtime_us: now_us };
            }
            Change::Compress { from, to } => {
                let old = self.names.remove(*from).expect("the script knows its files");
                let LogFile { bytes, stream, mtime_us } = self.files[old].clone();
                self.names.insert((*to).to_owned(), self.files.len());
                self.files.push(LogFile { bytes: gzip(&bytes), stream, mtime_us });
            }
            Change::Arrive { name, text } => {
                let number = self.file(name);
                let stream = self.files[number].stream;
                self.files[number] = LogFile { bytes: gzip(text.as_bytes()), stream, mtime_us: now_us };
                self.streams[stream].extend_from_slice(text.as_bytes());
            }
        }
    }

    /// The events of each stream, in order of streams.
    pub fn events(&self) -> Vec<Vec<&[u8]>> {
        self.streams.iter().filter(|stream| !stream.is_empty()).map(|stream| split_events(stream)).collect()
    }
}

/// Cuts a log of [`Lines`] into its events.
pub fn split_events(log: &[u8]) -> Vec<&[u8]> {
    let is_start = |line: &[u8]| line.starts_with(b"2021-");
    let (mut events, mut start, mut at) = (Vec::new(), 0, 0);
    for line in log.split_inclusive(|&byte| byte == b'\n') {
        if is_start(line) && at > start {
            events.push(&log[start..at]);
            start = at;
        }
        at += line.len();
    }
    events.push(&log[start..]);
    events
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// Writes events, each of them different.
struct Lines {
    rng: Rng,
    n: u32,
}

impl Lines {
    fn events(&mut self, n: usize) -> String {
        (0..n).map(|_| self.event()).collect()
    }

    fn event(&mut self) -> String {
        self.n += 1;
        let n = self.n;
        let level = ["INFO", "WARN", "ERROR"][self.rng.below(3)];
        let padding = "x".repeat(self.rng.below(40));
        let mut text =
            format!("2021-05-31 {:02}:{:02}:{:02} {level} event {n} {padding}\n", n / 3600, n / 60 % 60, n % 60);
        for frame in 0..[0, 0, 0, 1, 3][self.rng.below(5)] {
            writeln!(text, "\tat a.b.C{n}.d(C.java:{frame})").expect("to memory");
        }
        text
    }

    /// An event of several lines, cut somewhere.
    fn in_two(&mut self) -> (String, String) {
        let mut text = self.event();
        let n = self.n;
        for frame in 0..4 {
            writeln!(text, "\tat e.f.G{n}.h(G.java:{frame})").expect("to memory");
        }
        let cut = 24 + self.rng.below(text.len() - 25);
        let rest = text.split_off(cut);
        (text, rest)
    }
}

/// The logs as they are during each step, and behind the last one.
pub fn worlds(steps: &[Step]) -> Vec<World> {
    let mut world = World::default();
    let mut worlds: Vec<World> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        if let Step::Source(change) = step {
            world.change(change, BEGIN_US + number as i64 * 1_000_000);
        }
        worlds.push(world.clone());
    }
    worlds.push(world);
    worlds
}

/// The steps of a run, which are the same for the same seed.
pub fn script(seed: u64) -> Vec<Step> {
    let mut lines = Lines { rng: Rng(seed), n: 0 };
    let mut steps = Vec::new();
    let append = |steps: &mut Vec<Step>, name, text| steps.push(Step::Source(Change::Append { name, text }));

    // Loaded in bulk, of which two will age.
    append(&mut steps, "old-gone.log", lines.events(10));
    append(&mut steps, "old-kept.log", lines.events(10));
    append(&mut steps, "big.log", lines.events(90));
    steps.push(Step::Open);
    steps.push(Step::Load { file: "old-gone.log", index: GONE });
    steps.push(Step::Load { file: "old-kept.log", index: KEPT });
    steps.push(Step::Load { file: "big.log", index: MAIN });
    steps.push(Step::Close { is_clean: true });

    // Followed: events in pieces, several files, rotation, truncation, compression.
    append(&mut steps, "app.log", lines.events(6));
    steps.extend([Step::Open, Step::Follow, Step::See]);
    let (head, rest) = lines.in_two();
    append(&mut steps, "app.log", lines.events(2) + &head);
    steps.push(Step::See);
    append(&mut steps, "svc.log", lines.events(4));
    append(&mut steps, "app.log", rest + &lines.events(3));
    steps.push(Step::See);
    append(&mut steps, "svc.log", lines.events(2));
    steps.push(Step::See);
    steps.push(Step::Settle);
    append(&mut steps, "app.log", lines.events(8));
    steps.push(Step::Source(Change::Rename { from: "app.log", to: "app.log.1" }));
    append(&mut steps, "app.log.1", lines.events(2));
    append(&mut steps, "app.log", lines.events(5));
    steps.extend([Step::See, Step::Seal]);
    append(&mut steps, "svc.log", lines.events(12));
    steps.push(Step::See);
    append(&mut steps, "app.log", lines.events(10));
    steps.extend([Step::See, Step::CatchUp]);
    steps.push(Step::Source(Change::Truncate { name: "svc.log" }));
    append(&mut steps, "svc.log", lines.events(3));
    steps.extend([Step::See, Step::Settle]);
    steps.push(Step::Source(Change::Compress { from: "app.log.1", to: "app.log.2.gz" }));
    steps.extend([Step::See, Step::Seal]);
    steps.push(Step::Close { is_clean: true });

    // Rotated while nobody looked; then killed.
    append(&mut steps, "app.log", lines.events(4));
    steps.push(Step::Source(Change::Rename { from: "app.log", to: "app.log.1" }));
    append(&mut steps, "app.log", lines.events(4));
    steps.extend([Step::Open, Step::Follow, Step::See, Step::Seal, Step::Retain]);
    let (head, rest) = lines.in_two();
    append(&mut steps, "svc.log", lines.events(6) + &head);
    steps.push(Step::See);
    steps.push(Step::Close { is_clean: false });

    // And once more, with a compressed file, and the deletion of what was replaced.
    append(&mut steps, "svc.log", rest);
    steps.extend([Step::Open, Step::Follow]);
    steps.push(Step::Source(Change::Arrive { name: "other.log.1.gz", text: lines.events(15) }));
    steps.extend([Step::See, Step::Seal, Step::Settle, Step::Sweep]);
    append(&mut steps, "app.log", lines.events(20));
    steps.extend([Step::See, Step::Seal, Step::Settle]);
    steps.push(Step::Close { is_clean: true });
    steps
}
