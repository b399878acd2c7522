//! One writer of events per data directory.

use crate::clock;
use crate::disk;
use crate::error::{IoContext, Result, StoreError};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// Name of the lock file.
pub const LOCK_FILE: &str = "lock";

const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Held for as long as the value lives; the operating system lets go of it when the process dies.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock of the data directory and writes into it who holds it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] with process id, command and start time of the holder.
    pub fn take(data: &Path) -> Result<Self> {
        disk::create_dir_all(data)?;
        let path = data.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(&path)
            .at("open", &path)?;
        match try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder is told for information; whoever may not read it still learns that there is one.
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                let holder = if holder.is_empty() { "unknown process" } else { holder }.to_owned();
                return Err(StoreError::Locked { path: data.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(error).at("lock", &path),
        }
        file.set_len(0).at("write", &path)?;
        file.write_all(holder_text().as_bytes()).at("write", &path)?;
        Ok(Self { _file: file })
    }
}

/// Tries for a moment: a program that the holder starts shares its lock between fork and exec, even after the holder let
/// go of it.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            answer => return answer,
        }
    }
    file.try_lock()
}

fn holder_text() -> String {
    let command: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let since = chrono::DateTime::from_timestamp_micros(clock::now_us()).unwrap_or_default();
    format!(
        "process {}, `{}`, since {}\n",
        std::process::id(),
        command.join(" "),
        since.format("%Y-%m-%d %H:%M:%S UTC")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let held = StoreLock::take(dir.path()).expect("free");
        let error = StoreLock::take(dir.path()).expect_err("held");
        let StoreError::Locked { holder, .. } = &error else { panic!("{error}") };
        assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
        drop(held);
        StoreLock::take(dir.path()).expect("free again");
    }
}
