//! The side that serves.

use super::request::{Answer, Request};
use super::{Folder, POLL, create_file, own_name, stdin_id};
use crate::error::{self, Advice};
use crate::exit_code::ExitCode;
use crate::output::Theme;
use anyhow::Context;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long is rested after the folder could not be read or written.
const FAILED_PAUSE: Duration = Duration::from_secs(1);

/// Serves the requests of one store, in their order, until it is dropped.
pub struct Server {
    folder: Folder,
    _lock: File,
}

/// What whoever does the work gets beside the request.
pub struct Asked {
    /// What the one who asks got from its standard input, if it has sent that, and the number that it is known by.
    pub stdin: Option<(File, NonZeroU64)>,
    /// Set when the work is to be ended early: the one who asked does not want it any more, or the server ends.
    pub cancel: Arc<AtomicBool>,
}

impl Server {
    /// Begins to serve: from now on others find somebody to ask. Removes what those have left who have died.
    ///
    /// # Errors
    /// If the folder cannot be made or locked.
    pub fn begin(data: &Path) -> anyhow::Result<Self> {
        let folder = Folder::of(data);
        folder.create()?;
        remove_abandoned(&folder).with_context(|| format!("cannot read {}", folder.0.display()))?;
        let path = folder.serving();
        let lock = || -> io::Result<File> {
            let mut file = create_file(&path)?;
            // Others hold it for a moment only, to see whether somebody serves.
            file.lock()?;
            writeln!(file, "{}", own_name())?;
            Ok(file)
        };
        let lock = lock().with_context(|| format!("cannot lock {}", path.display()))?;
        take_over(&folder)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Does the `work` of each request that comes, until `stop` is set.
    pub fn serve(&self, stop: &AtomicBool, work: &dyn Fn(&Request, Asked) -> anyhow::Result<Answer>) {
        while !stop.load(Ordering::Relaxed) {
            // What cannot be read or written now is tried again: who asks sees that it waits.
            let pause = match self.next() {
                Ok(Some(id)) if self.answer(&id, stop, work).is_ok() => continue,
                Ok(None) => POLL,
                Ok(Some(_)) | Err(_) => FAILED_PAUSE,
            };
            thread::sleep(pause);
        }
    }

    /// Begins with the oldest request.
    fn next(&self) -> io::Result<Option<String>> {
        for id in self.folder.ids("request")? {
            if self.folder.is_abandoned(&id) {
                self.folder.remove(&id);
            } else if fs::rename(self.folder.file(&id, "request"), self.folder.file(&id, "active")).is_ok() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn answer(
        &self,
        id: &str,
        stop: &AtomicBool,
        work: &dyn Fn(&Request, Asked) -> anyhow::Result<Answer>,
    ) -> anyhow::Result<()> {
        let cancel = Arc::new(AtomicBool::new(false));
        let is_done = AtomicBool::new(false);
        let answer = thread::scope(|scope| {
            scope.spawn(|| {
                let cancelled = self.folder.file(id, "cancel");
                while !is_done.load(Ordering::Relaxed) {
                    if stop.load(Ordering::Relaxed) || cancelled.exists() {
                        cancel.store(true, Ordering::Relaxed);
                    }
                    thread::sleep(POLL);
                }
            });
            let answer = self.work_on(id, &cancel, work);
            is_done.store(true, Ordering::Relaxed);
            answer
        });
        if self.folder.is_abandoned(id) {
            self.folder.remove(id);
            return Ok(());
        }
        self.folder.write(id, "answer", &answer)?;
        fs::remove_file(self.folder.file(id, "active")).context("cannot remove a request that is done")
    }

    fn work_on(
        &self,
        id: &str,
        cancel: &Arc<AtomicBool>,
        work: &dyn Fn(&Request, Asked) -> anyhow::Result<Answer>,
    ) -> Answer {
        let path = self.folder.file(id, "active");
        let request = fs::read(&path)
            .context("`trawl run` cannot read the request")
            .and_then(|text| serde_json::from_slice(&text).context("`trawl run` does not understand the request"));
        let request: Request = match request {
            Ok(request) => request,
            Err(error) => return failed(&error, false),
        };
        let stdin = File::open(self.folder.file(id, "stdin")).ok().map(|file| (file, stdin_id(id)));
        let asked = Asked { stdin, cancel: Arc::clone(cancel) };
        work(&request, asked).unwrap_or_else(|error| failed(&error, request.has_color))
    }
}

/// Begins once more with the requests that a process had begun with that is gone now; once, because they may be why it is.
fn take_over(folder: &Folder) -> anyhow::Result<()> {
    let active = folder.ids("active").with_context(|| format!("cannot read {}", folder.0.display()))?;
    for id in active {
        if OpenOptions::new().write(true).create_new(true).mode(0o640).open(folder.file(&id, "again")).is_ok() {
            // Who asks may take it back at the same moment.
            let _ = fs::rename(folder.file(&id, "active"), folder.file(&id, "request"));
            continue;
        }
        let error = Advice::new(
            "`trawl run` has ended twice at this work before it had answered; what it had committed is kept",
            "see why, `journalctl -u trawl`; then run the command again: what is stored already is not stored twice, but for \
             standard input",
        );
        folder.write(&id, "answer", &failed(&error.into(), false))?;
        let _ = fs::remove_file(folder.file(&id, "active"));
    }
    Ok(())
}

/// Removes the files of those who have died.
fn remove_abandoned(folder: &Folder) -> io::Result<()> {
    for kind in ["client", "request", "active", "again", "answer", "stdin", "request-new", "answer-new", "cancel"] {
        for id in folder.ids(kind)? {
            if folder.is_abandoned(&id) {
                folder.remove(&id);
            }
        }
    }
    Ok(())
}

/// The answer that says what went wrong.
fn failed(error: &anyhow::Error, has_color: bool) -> Answer {
    let mut text = Vec::new();
    // Memory takes it.
    let _ = error::write(&mut text, &Theme::new(has_color), error);
    Answer { stderr: String::from_utf8_lossy(&text).into_owned(), code: ExitCode::Error.as_u8(), ..Answer::default() }
}
