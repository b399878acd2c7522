//! Work that has to be done on the store, by whoever can: the process that writes it, or this one.

use super::client::{Client, Waited};
use super::{Answer, POLL, Request, is_served};
use crate::cmd::index::open_writer;
use crate::config::Config;
use crate::output::progress::ProgressDisplay;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroU64;
use std::thread;
use std::time::{Duration, Instant};
use trawl_store::{StoreError, Writer};

/// How long a process that has the store is waited for to serve: it has just begun, or another one does what this one wants to
/// do.
const TO_SERVE: Duration = Duration::from_secs(10);

/// Work to be done.
pub struct Errand<'a> {
    /// Where.
    pub config: &'a Config,
    /// What.
    pub request: &'a Request,
    /// What it reads, if it reads the standard input.
    pub stdin: Option<Box<dyn Read + Send + 'a>>,
    /// Whether somebody wants it to end early.
    pub is_cancelled: &'a (dyn Fn() -> bool + Sync),
    /// Whether it may say on the standard error whom it waits for.
    pub is_shown: bool,
}

/// The standard input of work that is done here.
pub enum Stdin<'a> {
    /// As it comes.
    Stream(Box<dyn Read + Send + 'a>),
    /// A copy of it, which others may have read and stored a part of under its number.
    Copy(File, NonZeroU64),
    /// The work reads none.
    None,
}

impl<'a> Errand<'a> {
    /// Has the work done by the process that writes the store; if there is none, or there is none any more, does it `here`.
    /// `None` if it was cancelled before anybody had begun.
    ///
    /// Whoever has begun with it and is gone: the work is done again, and nothing is stored twice.
    ///
    /// # Errors
    /// If the store is held by somebody who serves nobody, and if the work fails here.
    pub fn run(
        mut self,
        here: impl FnOnce(&Writer, Stdin<'a>) -> anyhow::Result<Answer>,
    ) -> anyhow::Result<Option<Answer>> {
        let data = &self.config.data.value;
        let mut client: Option<Client> = None;
        let mut refused_since: Option<Instant> = None;
        loop {
            if client.is_none() {
                client = Client::of(data)?;
                if let Some(client) = &client
                    && let Some(stdin) = self.stdin.take()
                {
                    client.copy_stdin(stdin, self.is_cancelled)?;
                }
                if client.is_some() && (self.is_cancelled)() {
                    return Ok(None);
                }
            }
            if let Some(client) = client.as_ref().filter(|_| is_served(data)) {
                let _display = ProgressDisplay::of_waiting(client.server(), self.is_shown)?;
                match client.ask(self.request, self.is_cancelled)? {
                    Waited::Answered(answer) => return Ok(Some(answer)),
                    Waited::TakenBack => return Ok(None),
                    Waited::Unserved => {}
                }
            }
            let writer = match open_writer(self.config) {
                Ok(writer) => writer,
                Err(error) if is_locked(&error) => {
                    let since = *refused_since.get_or_insert_with(Instant::now);
                    // Somebody who serves, or will in a moment. Others hold the store for as long as they like.
                    if is_served(data) || (client.is_some() && since.elapsed() < TO_SERVE) {
                        thread::sleep(POLL);
                        continue;
                    }
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            let stdin = match (&client, self.stdin.take()) {
                (_, Some(stdin)) => Stdin::Stream(stdin),
                (Some(client), None) if self.request.reads_stdin() => {
                    let (copy, id) = client.stdin()?;
                    Stdin::Copy(copy, id)
                }
                _ => Stdin::None,
            };
            return here(&writer, stdin).map(Some);
        }
    }
}

fn is_locked(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<StoreError>(), Some(StoreError::Locked { .. }))
}
