//! Work for the process that writes the store: `<data>/spool/`.
//!
//! One process adds events. While that is `trawl run`, other commands hand it their work as files and wait for its answer:
//!
//! ```text
//! serving        locked by the process that serves
//! <id>.client    locked by the one who asks, for as long as it waits; holds who that is
//! <id>.stdin     what it got from its standard input
//! <id>.request   what is to be done: a Request
//! <id>.active    the request, once it has been begun
//! <id>.again     it had been begun by a process that is gone, and was begun once more
//! <id>.cancel    the one who asked has changed its mind
//! <id>.answer    how it ended: an Answer
//! ```
//!
//! Ids ascend with time. Requests and answers are written under another name, made durable, and renamed: they are there as a
//! whole or not at all. Whose lock is free has died; what it left is removed.
//!
//! **A request may be done twice, and counts once.** If the one who serves dies at work, the next one begins again, or who asks
//! does the work itself: files are known by what was read of them, and what came from a standard input by the id of the request,
//! which is committed with the events ([`stdin_id`]).

mod client;
mod errand;
mod request;
mod server;

pub use errand::{Errand, Stdin};
pub use request::{Answer, BucketOutcome, IndexWork, InputPath, Request, Work, files};
pub use server::{Asked, Server};

use anyhow::Context;
use serde::Serialize;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use trawl_store::source::Hash16;

/// How often both sides look for what the other has written.
const POLL: Duration = Duration::from_millis(20);

/// The folder of requests of one store.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// That of the data folder `data`; it may not be there yet.
    pub fn of(data: &Path) -> Self {
        Self(data.join("spool"))
    }

    /// Makes the folder, if it is not there.
    fn create(&self) -> anyhow::Result<()> {
        let created = DirBuilder::new().recursive(true).mode(0o750).create(&self.0);
        created.with_context(|| format!("cannot create {}", self.0.display()))
    }

    fn serving(&self) -> PathBuf {
        self.0.join("serving")
    }

    /// The file of an id.
    fn file(&self, id: &str, kind: &str) -> PathBuf {
        self.0.join(format!("{id}.{kind}"))
    }

    /// Ids of the files of a kind, the oldest first.
    fn ids(&self, kind: &str) -> io::Result<Vec<String>> {
        let mut ids: Vec<String> = fs::read_dir(&self.0)?
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let is_of_kind = path.extension() == Some(OsStr::new(kind));
                is_of_kind.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
            })
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Removes all files of an id.
    fn remove(&self, id: &str) {
        for kind in [
            "request",
            "request-new",
            "active",
            "again",
            "cancel",
            "answer",
            "answer-new",
            "stdin",
            "client",
            "client-new",
        ] {
            // Most of them are not there.
            let _ = fs::remove_file(self.file(id, kind));
        }
    }

    /// Whether the one who asked waits no more.
    fn is_abandoned(&self, id: &str) -> bool {
        !File::open(self.file(id, "client")).is_ok_and(|file| is_locked(&file))
    }

    /// Writes a value so that it is there as a whole or not at all, and durable.
    fn write(&self, id: &str, kind: &str, value: &impl Serialize) -> anyhow::Result<()> {
        let (path, new) = (self.file(id, kind), self.file(id, &format!("{kind}-new")));
        let write = || -> io::Result<()> {
            let mut file = create_file(&new)?;
            file.write_all(&serde_json::to_vec(value)?)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Creates a file, or empties the one that is there, with the store's permissions.
fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(path)
}

/// The number that the standard input of a request is known by in the store.
fn stdin_id(id: &str) -> NonZeroU64 {
    let digest = Hash16::of(id.as_bytes()).0;
    // The catalog's numbers have 63 bits.
    let number = digest[..8].iter().fold(0, |number, &byte| number << 8 | u64::from(byte)) >> 1;
    NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN)
}

/// This process, as others name it.
fn own_name() -> String {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    format!("process {}, `{}`", std::process::id(), words.join(" "))
}

/// Whether there is a process that writes the store of a data folder and does the work of others.
pub fn is_served(data: &Path) -> bool {
    File::open(Folder::of(data).serving()).is_ok_and(|file| is_locked(&file))
}

/// Whether somebody else holds the lock of a file.
fn is_locked(file: &File) -> bool {
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}
