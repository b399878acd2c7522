//! Power cuts and system calls that fail, wherever they may come.
//!
//! A process that plays a [`script`] runs with a library between it and its disk (`shim.c`). **Power cuts** ([`power_cut`]): the
//! library writes down what the process asks of the disk; from each place in that trace, [`disk`] and [`variant`] make states that
//! a power cut there may leave, and each of them is opened, checked, and followed on. **Faults** ([`faults`]): the library lets one
//! call fail, or all from one on, for each call that there is.
//!
//! The ideas are those of ALICE (Pillai et al., *All file systems are not created equal*, OSDI 2014) and CrashMonkey (Mohan et
//! al., *Finding crash-consistency bugs with bounded black-box crash testing*, OSDI 2018).

mod check;
mod disk;
mod faults;
mod logs;
mod player;
mod power_cut;
mod same_disk;
mod script;
mod shim;
mod trace;
mod variant;

use std::path::{Path, PathBuf};

/// A folder in memory, where there is one: nothing in these tests gains by a real disk.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("trawl-crash-").tempdir_in(folder).expect("temporary directory")
}

/// The folder without symbolic links, as the tailer names it.
fn real(folder: &tempfile::TempDir) -> PathBuf {
    std::fs::canonicalize(folder.path()).expect("exists")
}

/// A number from the environment.
fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// A seed that differs from run to run, unless one is given.
fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    number("TRAWL_CRASH_SEED").unwrap_or(now.as_micros() as u64 % 1_000_000_007)
}

/// Says what was done, or can be done again.
#[expect(clippy::print_stderr, reason = "a run that cannot be had again proves little")]
fn note(what: &str) {
    eprintln!("note: {what}");
}
