//! The side that asks.

use super::request::{Answer, Request};
use super::{Folder, POLL, create_file, is_locked, own_name, stdin_id};
use anyhow::Context;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::num::NonZeroU64;
use std::path::Path;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of standard input that are copied at once.
const COPY_BYTES: usize = 1 << 20;

/// One who asks. Its files go when it is dropped.
pub struct Client {
    folder: Folder,
    id: String,
    _lock: File,
}

/// How waiting ended.
#[derive(Debug)]
pub enum Waited {
    /// With an answer.
    Answered(Answer),
    /// The request was taken back before anybody had begun with it.
    TakenBack,
    /// Nobody serves any more: the request is back.
    Unserved,
}

impl Client {
    /// Somebody who may ask for something, if there is one who serves.
    ///
    /// # Errors
    /// If there is, but nothing can be handed to it.
    pub fn of(data: &Path) -> anyhow::Result<Option<Self>> {
        let folder = Folder::of(data);
        let is_served = File::open(folder.serving()).is_ok_and(|file| is_locked(&file));
        if !is_served {
            return Ok(None);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let id = format!("{now:016x}-{:x}", std::process::id());
        let (path, new) = (folder.file(&id, "client"), folder.file(&id, "client-new"));
        let create = || -> io::Result<File> {
            let mut lock = create_file(&new)?;
            lock.lock()?;
            writeln!(lock, "{}", own_name())?;
            // Whoever sees it under this name sees it locked.
            fs::rename(&new, &path)?;
            Ok(lock)
        };
        let lock = create().with_context(|| {
            format!("`trawl run` holds the store, and nothing can be handed to it: cannot write {}", path.display())
        })?;
        Ok(Some(Self { folder, id, _lock: lock }))
    }

    /// Copies a stream for a request that reads the standard input, until its end or `is_cancelled`.
    ///
    /// # Errors
    /// If it cannot be read, or the copy cannot be written.
    pub fn copy_stdin(&self, mut stdin: impl Read, is_cancelled: &dyn Fn() -> bool) -> anyhow::Result<()> {
        let path = self.folder.file(&self.id, "stdin");
        let at = || format!("cannot write {}", path.display());
        let mut file = create_file(&path).with_context(at)?;
        let mut buffer = vec![0; COPY_BYTES];
        while !is_cancelled() {
            let n_read = match stdin.read(&mut buffer) {
                Ok(0) => break,
                Ok(n_read) => n_read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("cannot read the standard input"),
            };
            file.write_all(&buffer[..n_read]).with_context(at)?;
        }
        file.sync_all().with_context(at)
    }

    /// Hands over the request and waits until it is answered. Asks for it to be ended early once it `is_cancelled`.
    ///
    /// # Errors
    /// If the request cannot be written.
    pub fn ask(&self, request: &Request, is_cancelled: &dyn Fn() -> bool) -> anyhow::Result<Waited> {
        let Self { folder, id, .. } = self;
        folder.write(id, "request", request)?;
        let mut has_cancelled = false;
        loop {
            let serving = File::open(folder.serving());
            // Asked before the answer is looked for: one that is given before the end is found.
            let is_served = serving.is_ok_and(|file| is_locked(&file));
            let path = folder.file(id, "answer");
            match fs::read(&path) {
                Ok(text) => {
                    let answer = serde_json::from_slice(&text);
                    return Ok(Waited::Answered(answer.with_context(|| format!("cannot use {}", path.display()))?));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
            }
            if !is_served {
                if self.take_back() {
                    return Ok(Waited::Unserved);
                }
                if fs::remove_file(folder.file(id, "active")).is_ok() {
                    return Ok(Waited::Unserved);
                }
                // It was answered just now, or the next one who serves has it.
            }
            if is_cancelled() && !has_cancelled {
                if self.take_back() {
                    return Ok(Waited::TakenBack);
                }
                let path = folder.file(id, "cancel");
                create_file(&path).with_context(|| format!("cannot write {}", path.display()))?;
                has_cancelled = true;
            }
            thread::sleep(POLL);
        }
    }

    /// What was copied of the standard input, and the number that it is known by.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn stdin(&self) -> anyhow::Result<(File, NonZeroU64)> {
        let path = self.folder.file(&self.id, "stdin");
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((file, stdin_id(&self.id)))
    }

    /// Who serves, as text.
    pub fn server(&self) -> String {
        fs::read_to_string(self.folder.serving()).map_or_else(|_| "trawl run".to_owned(), |name| name.trim().to_owned())
    }

    /// Takes the request back, unless somebody has begun with it.
    fn take_back(&self) -> bool {
        fs::remove_file(self.folder.file(&self.id, "request")).is_ok()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.folder.remove(&self.id);
    }
}
