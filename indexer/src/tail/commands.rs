//! Programs that are run in intervals: a thread runs each, the tailer makes records of what they print.
//!
//! A run is one batch: its output and the event of sourcetype `trawl:command` that tells of it become durable together or
//! not at all. The next run begins only when the last one is durable; while the disk refuses it, it is kept and tried
//! again, and the intervals that pass are counted in the next `trawl:command` event (`n_skipped`). Only the end of the
//! process can take a run that was not durable. What a run has printed when it is ended, for whatever reason, is kept.

use super::batch::Pending;
use super::feed::{Desk, Feed};
use super::run::Fed;
use crate::command::{CommandInput, Reason, Run, run, sleep_until};
use crate::error::IndexError;
use crate::format::DETECT_LEN;
use crate::options::Options;
use crate::stretch::next_block;
use crossbeam_channel::Sender;
use std::io::PipeReader;
use std::mem;
use std::time::{Duration, Instant};
use trawl_formats::event::Sourcetype;
use trawl_formats::parse::{EventFlags, ParsedBlock, Step};

/// Sourcetype of the events that tell of runs.
const STATUS_SOURCETYPE: &str = "trawl:command";

/// A run that is to be kept.
pub(crate) struct Finished {
    /// Position of the command.
    pub(super) command: usize,
    run: Run,
    /// Told when it is durable.
    kept: Sender<()>,
}

/// Runs a command until `stop` is closed. Each run is given to `feeds`; the next one waits for it to be durable.
pub(super) fn run_all(input: &CommandInput, command: usize, stop: &PipeReader, feeds: &Sender<Fed>, wake: &Sender<()>) {
    let begun = Instant::now();
    let (mut tick, mut n_skipped) = (0, 0);
    loop {
        let run = run(input, n_skipped, stop);
        let is_stopped = run.ended_for == Some(Reason::Stop);
        let (kept, is_kept) = crossbeam_channel::bounded(1);
        if feeds.send(Fed::Run(Finished { command, run, kept })).is_err() {
            return;
        }
        // Full: the tailer is about to wake up.
        let _ = wake.try_send(());
        if is_kept.recv().is_err() || is_stopped {
            return;
        }
        let next = next_tick(begun.elapsed(), input.interval);
        n_skipped = u64::from(next - tick - 1);
        tick = next;
        if sleep_until(begun + input.interval * next, stop) {
            return;
        }
    }
}

/// The first interval, counted from 0, that begins later than after `elapsed`.
fn next_tick(elapsed: Duration, interval: Duration) -> u32 {
    let interval_ns = interval.as_nanos().max(1);
    u32::try_from(elapsed.as_nanos() / interval_ns + 1).unwrap_or(u32::MAX)
}

/// One of the two sources of a command.
#[derive(Default)]
struct Place {
    feed: Option<Feed>,
    /// Bytes that are durable.
    offset: u64,
    /// Bytes that wait for their batch.
    n_pending: u64,
}

/// A command, as the tailer knows it.
pub(super) struct CommandFeed {
    pub(super) input: CommandInput,
    pub(super) line: String,
    pub(super) lane: usize,
    output: Place,
    status: Place,
    finished: Option<Finished>,
    is_pending: bool,
    /// What was wrong with the last run, and since when.
    pub(super) trouble: Option<(String, Duration)>,
}

impl CommandFeed {
    pub(super) fn new(input: CommandInput, lane: usize) -> Self {
        Self {
            line: input.line(),
            input,
            lane,
            output: Place::default(),
            status: Place::default(),
            finished: None,
            is_pending: false,
            trouble: None,
        }
    }

    /// Takes a run. There is never more than one.
    pub(super) fn take(&mut self, finished: Finished) {
        self.finished = Some(finished);
    }

    /// Records of a run that none were made of yet.
    ///
    /// # Errors
    /// If the catalog fails.
    pub(super) fn records(&mut self, desk: Desk<'_>, now: Duration) -> Result<Vec<Pending>, IndexError> {
        let Some(Finished { run, .. }) = self.finished.as_ref().filter(|_| !self.is_pending) else {
            return Ok(Vec::new());
        };
        let mut text = run.output.clone();
        // The next run begins with a line of its own.
        if !text.is_empty() && !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        let (options, line) = (&self.input.options, &self.line);
        if self.output.feed.is_none() && !text.is_empty() {
            let head = &text[..text.len().min(DETECT_LEN)];
            self.output.feed = Feed::enter(desk, options, line, &self.input.program_name(), head)?;
        }
        let Parsed { mut records, n_events, error } = match &self.output.feed {
            _ if text.is_empty() => Parsed::default(),
            Some(feed) => parse(feed, self.output.offset, &text, run.begun_us),
            None => {
                text.clear();
                Parsed { error: Some("the output is not text".to_owned()), ..Parsed::default() }
            }
        };
        let event = run.to_event(line, n_events, error.as_deref()).into_bytes();
        let status = match &mut self.status.feed {
            Some(feed) => feed,
            none => {
                let options = Options { sourcetype: Some(Sourcetype::from(STATUS_SOURCETYPE)), ..options.clone() };
                match Feed::enter(desk, &options, line, "", &event)? {
                    Some(feed) => none.insert(feed),
                    None => unreachable!("the event is text"),
                }
            }
        };
        records.extend(parse(status, self.status.offset, &event, run.begun_us).records);
        (self.output.n_pending, self.status.n_pending) = (text.len() as u64, event.len() as u64);
        let since = self.trouble.take().map_or(now, |(_, since)| since);
        self.trouble = run.trouble(self.input.timeout).or(error).map(|trouble| (trouble, since));
        self.is_pending = true;
        Ok(records)
    }

    /// The run is durable: the next one may begin.
    pub(super) fn note_durable(&mut self) {
        self.is_pending = false;
        for place in [&mut self.output, &mut self.status] {
            place.offset += mem::take(&mut place.n_pending);
        }
        if let Some(Finished { kept, .. }) = self.finished.take() {
            // Its thread may have ended.
            let _ = kept.try_send(());
        }
    }

    /// The disk has refused the run: it is given again.
    pub(super) fn roll_back(&mut self) {
        self.is_pending = false;
    }

    /// Lets go of a run that is not durable, and of the thread that waits for it.
    pub(super) fn disconnect(&mut self) {
        self.finished = None;
    }
}

#[derive(Default)]
struct Parsed {
    records: Vec<Pending>,
    /// Header lines left out.
    n_events: u64,
    error: Option<String>,
}

/// Records of a text that has nothing to do with what came before. What has no time of its own has that of the run.
fn parse(feed: &Feed, offset: u64, text: &[u8], begun_us: i64) -> Parsed {
    let mut parser = feed.parser(begun_us);
    let mut parsed = Parsed::default();
    let mut at = 0;
    while at < text.len() {
        let mut block = ParsedBlock::default();
        match next_block(&mut parser, &text[at..], true, &mut block) {
            Ok(Step::Block) => {
                for event in &mut block.events {
                    if event.flags.contains(EventFlags::NO_STAMP) || event.flags.contains(EventFlags::BAD_TIME) {
                        event.time_us = begun_us;
                    }
                    parsed.n_events += u64::from(!event.flags.contains(EventFlags::HEADER));
                }
                let end = at + block.len;
                let bytes = text[at..end].to_vec();
                parsed.records.push(Pending::events(&feed.handle, offset + at as u64, bytes, block));
                at = end;
            }
            Ok(Step::Gap { len }) => {
                parsed.records.push(Pending::gap(&feed.handle, offset + at as u64, len as u64));
                at += len;
            }
            Ok(Step::NeedMore) => break,
            Err(message) => {
                parsed.error =
                    Some(format!("internal error while parsing from byte {at} on, please report it: {message}"));
                break;
            }
        }
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::next_tick;
    use std::time::Duration;

    #[test]
    fn runs_begin_at_multiples_of_the_interval() {
        let minute = Duration::from_secs(60);
        for (elapsed_s, expected) in [(0, 1), (59, 1), (60, 2), (185, 4)] {
            assert_eq!(next_tick(Duration::from_secs(elapsed_s), minute), expected, "{elapsed_s}");
        }
    }
}
