//! Standard input and FIFOs: a thread reads each, the tailer makes records of what comes.
//!
//! What has been read of a stream exists nowhere else: it is kept in memory until it is durable. Beyond [`MAX_WAITING`] bytes
//! the stream is not read on, and its writer waits. What is not durable when the process is killed is lost; a clean stop
//! loses nothing. A stream is never known again.

use super::Moment;
use super::batch::Pending;
use super::feed::{Desk, Feed};
use super::pipes::{Chunk, News};
use crate::error::IndexError;
use crate::format::DETECT_LEN;
use crate::options::Options;
use crate::provisional::Provisional;
use crate::stretch::next_block;
use crossbeam_channel::Sender;
use std::mem;
use std::path::PathBuf;
use std::time::Duration;
use trawl_formats::parse::{EventFlags, ParsedBlock, Parser, Step};

/// A stream of which so much is not durable is not read on.
const MAX_WAITING: usize = 4 << 20;
/// A stream that is read for as long as there is something in it.
#[derive(Clone, Debug)]
pub struct StreamInput {
    /// Where it comes from.
    pub origin: StreamOrigin,
    /// How its events are described.
    pub options: Options,
}

/// Where a stream comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamOrigin {
    /// Standard input of this process, up to its end.
    Stdin,
    /// A named pipe. When its writers have closed it, it waits for others.
    Fifo(PathBuf),
}

impl StreamOrigin {
    /// How it is named.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdin => crate::STDIN_NAME.to_owned(),
            Self::Fifo(path) => trawl_store::source::path_text::to_text(path),
        }
    }
}

/// A place in a stream, and what is known there.
#[derive(Clone, Default)]
struct Place {
    /// `None` before the first byte.
    parser: Option<Parser>,
    /// The next event goes on with one that was taken for whole.
    is_continued: bool,
    /// Some event before it has a time of its own.
    has_stamps: bool,
}

/// A stream, as the tailer knows it.
pub(super) struct Stream {
    pub(super) input: StreamInput,
    pub(super) name: String,
    pub(super) lane: usize,
    feed: Option<Feed>,
    /// Bytes that are durable.
    offset: u64,
    /// What is known there.
    durable: Place,
    /// What came and is not durable.
    bytes: Vec<u8>,
    /// How many of them are in records.
    n_parsed: usize,
    /// What is known behind those.
    place: Place,
    /// Something came, or is to be given again.
    has_news: bool,
    open_is_noted: bool,
    last_growth: Duration,
    room: Option<Sender<()>>,
    pub(super) has_ended: bool,
    /// What is wrong with it, and since when.
    pub(super) trouble: Option<(String, Duration)>,
}

impl Stream {
    pub(super) fn new(input: StreamInput, lane: usize) -> Self {
        Self {
            name: input.origin.name(),
            input,
            lane,
            feed: None,
            offset: 0,
            durable: Place::default(),
            bytes: Vec::new(),
            n_parsed: 0,
            place: Place::default(),
            has_news: false,
            open_is_noted: true,
            last_growth: Duration::ZERO,
            room: None,
            has_ended: false,
            trouble: None,
        }
    }

    /// Takes what came.
    pub(super) fn take(&mut self, chunk: Chunk, now: Duration) {
        match chunk.news {
            News::Bytes(bytes) => {
                self.bytes.extend_from_slice(&bytes);
                self.has_news = true;
                self.open_is_noted = false;
                self.last_growth = now;
                self.trouble = None;
            }
            News::Failed(error) => {
                let since = self.trouble.take().map_or(now, |(_, since)| since);
                self.trouble = Some((format!("cannot be read: {error}"), since));
            }
            News::End => (self.has_ended, self.has_news) = (true, true),
        }
        self.room = Some(chunk.room);
        self.make_room();
    }

    fn make_room(&mut self) {
        if self.bytes.len() <= MAX_WAITING
            && let Some(room) = self.room.take()
        {
            // Its thread may have ended.
            let _ = room.try_send(());
        }
    }

    /// Whether nothing of it is left to do.
    pub(super) fn is_over(&self) -> bool {
        self.has_ended && self.bytes.is_empty()
    }

    /// When its last event counts as whole, if nothing comes.
    pub(super) fn quiet_at(&self, event_timeout: Duration) -> Option<Duration> {
        (self.n_parsed < self.bytes.len()).then(|| self.last_growth + event_timeout)
    }

    /// Records of what came. With `at_end`, or after a pause, the last event counts as whole.
    ///
    /// # Errors
    /// If the catalog fails.
    pub(super) fn records(
        &mut self,
        desk: Desk<'_>,
        now: Moment,
        event_timeout: Duration,
        at_end: bool,
    ) -> Result<Vec<Pending>, IndexError> {
        let is_whole = at_end || self.has_ended || self.quiet_at(event_timeout).is_some_and(|quiet| quiet <= now.at);
        let has_rest = self.n_parsed < self.bytes.len();
        if !has_rest || !(mem::take(&mut self.has_news) || is_whole) {
            return Ok(Vec::new());
        }
        if self.feed.is_none() {
            if !is_whole && self.bytes.len() < DETECT_LEN && !self.bytes.contains(&b'\n') {
                self.has_news = true;
                return Ok(Vec::new());
            }
            let head = &self.bytes[..self.bytes.len().min(DETECT_LEN)];
            let file_name = self.name.rsplit('/').next().unwrap_or_default().to_owned();
            self.feed = Feed::enter(desk, &self.input.options, &self.name, &file_name, head)?;
        }
        let Some(feed) = &self.feed else {
            self.trouble.get_or_insert(("is not text".to_owned(), now.at));
            self.bytes.clear();
            self.make_room();
            return Ok(Vec::new());
        };
        let mut records = Vec::new();
        let outcome =
            Self::parse(feed, &mut self.place, &self.bytes, &mut self.n_parsed, self.offset, now, &mut records)
                .and_then(|()| {
                    let rest = &self.bytes[self.n_parsed..];
                    let at = self.offset + self.n_parsed as u64;
                    let Some(parser) = self.place.parser.as_mut().filter(|_| !rest.is_empty()) else { return Ok(()) };
                    if is_whole {
                        let last = Provisional::parse(&feed.handle, at, rest, parser, self.place.is_continued)?;
                        for (offset, bytes, mut parsed) in last.into_iter().flat_map(Provisional::into_blocks) {
                            date(&mut parsed, &mut self.place.has_stamps, now);
                            records.push(Pending::events(&feed.handle, offset, bytes, parsed));
                        }
                        self.place.is_continued = !rest.ends_with(b"\n");
                        self.place.parser = Some(feed.parser_after(parser, now.wall_us));
                        self.n_parsed = self.bytes.len();
                    } else if !mem::replace(&mut self.open_is_noted, true) {
                        // The parser itself must not learn that the event is taken for whole.
                        let mut parser = parser.clone();
                        let mut has_stamps = self.place.has_stamps;
                        let open = Provisional::parse(&feed.handle, at, rest, &mut parser, self.place.is_continued)?;
                        for (offset, bytes, mut parsed) in open.into_iter().flat_map(Provisional::into_blocks) {
                            date(&mut parsed, &mut has_stamps, now);
                            records.push(Pending::open(&feed.handle, offset, bytes, parsed));
                        }
                    }
                    Ok(())
                });
        if let Err(message) = outcome {
            // The same bytes would break it again. They are not kept; what comes after them is.
            let lost = self.bytes.len() - self.n_parsed;
            let text = format!("internal error, please report it; {lost} bytes could not be parsed: {message}");
            self.trouble = Some((text, now.at));
            self.n_parsed = self.bytes.len();
            self.place.parser = Some(feed.parser(now.wall_us));
        }
        if records.is_empty() && self.n_parsed == self.bytes.len() {
            self.note_durable();
        }
        Ok(records)
    }

    fn parse(
        feed: &Feed,
        place: &mut Place,
        bytes: &[u8],
        n_parsed: &mut usize,
        offset: u64,
        now: Moment,
        records: &mut Vec<Pending>,
    ) -> Result<(), String> {
        let parser = place.parser.get_or_insert_with(|| feed.parser(now.wall_us));
        parser.set_time(feed.time_at(now.wall_us));
        loop {
            let mut block = ParsedBlock::default();
            let at = offset + *n_parsed as u64;
            match next_block(parser, &bytes[*n_parsed..], false, &mut block)? {
                Step::Block => {
                    if mem::take(&mut place.is_continued) {
                        block.events[0].flags.insert(EventFlags::CONTINUED);
                    }
                    date(&mut block, &mut place.has_stamps, now);
                    let end = *n_parsed + block.len;
                    records.push(Pending::events(&feed.handle, at, bytes[*n_parsed..end].to_vec(), block));
                    *n_parsed = end;
                }
                Step::Gap { len } => {
                    records.push(Pending::gap(&feed.handle, at, len as u64));
                    *n_parsed += len;
                }
                Step::NeedMore => return Ok(()),
            }
        }
    }

    /// What is in records is durable.
    pub(super) fn note_durable(&mut self) {
        self.bytes.drain(..self.n_parsed);
        self.offset += mem::take(&mut self.n_parsed) as u64;
        self.durable.clone_from(&self.place);
        self.make_room();
    }

    /// The disk has refused what is in records: they are made again.
    pub(super) fn roll_back(&mut self) {
        self.place.clone_from(&self.durable);
        self.n_parsed = 0;
        self.has_news = true;
        self.open_is_noted = false;
    }

    /// Lets go of the thread that reads.
    pub(super) fn disconnect(&mut self) {
        self.room = None;
    }
}

/// Gives the present to events of a stream in which none has a time of its own.
fn date(block: &mut ParsedBlock, has_stamps: &mut bool, now: Moment) {
    for event in &mut block.events {
        let has_stamp = !event.flags.contains(EventFlags::NO_STAMP) && !event.flags.contains(EventFlags::BAD_TIME);
        *has_stamps |= has_stamp;
        if !*has_stamps {
            event.time_us = now.wall_us;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trawl_formats::event::IndexName;
    use trawl_formats::sourcetype::Registry;
    use trawl_formats::timestamp::Zone;
    use trawl_store::Writer;

    const TIMEOUT: Duration = Duration::from_secs(5);

    fn moment(seconds: u64) -> Moment {
        Moment { at: Duration::from_secs(seconds), wall_us: 1_795_348_800_000_000 + seconds as i64 * 1_000_000 }
    }

    /// A stream that has brought `bytes`.
    fn give(stream: &mut Stream, bytes: &[u8], now: Moment) -> bool {
        let (room, has_room) = crossbeam_channel::bounded(1);
        stream.take(Chunk { stream: 0, news: News::Bytes(bytes.to_vec()), room }, now.at);
        has_room.try_recv().is_ok()
    }

    /// Offset, bytes, times and whether it is open, of each record.
    fn show(records: &[Pending]) -> Vec<(u64, String, Vec<i64>, bool)> {
        let show = |record: &Pending| match record {
            Pending::Block { offset, bytes, parsed, is_open, .. } => {
                let times = parsed.events.iter().map(|event| (event.time_us - moment(0).wall_us) / 1_000_000);
                (*offset, String::from_utf8_lossy(bytes).into_owned(), times.collect(), *is_open)
            }
            Pending::Gap { .. } => panic!("there are no NULs"),
        };
        records.iter().map(show).collect()
    }

    fn with_stream(scene: impl FnOnce(&mut Stream, Desk<'_>)) {
        let data = tempfile::tempdir().expect("temporary directory");
        let writer = Writer::open(data.path()).expect("store");
        let registry = Registry::builtin();
        let options = Options::new(IndexName::new("main").expect("valid"), Zone::UTC, 0);
        let input = StreamInput { origin: StreamOrigin::Fifo("/run/app.fifo".into()), options };
        scene(&mut Stream::new(input, 0), Desk { writer: &writer, registry: &registry });
    }

    #[test]
    fn what_the_disk_refuses_is_given_again() {
        with_stream(|stream, desk| {
            give(stream, b"one\ntwo\nthr", moment(1));
            let first = show(&stream.records(desk, moment(1), TIMEOUT, false).expect("catalog"));
            stream.roll_back();
            give(stream, b"ee\n", moment(2));
            let again = show(&stream.records(desk, moment(2), TIMEOUT, false).expect("catalog"));
            assert_eq!(first[0].0, 0);
            assert_eq!(again[0].0, 0);
            let all: String = again.iter().map(|(_, text, _, _)| &**text).collect();
            assert_eq!(all, "one\ntwo\nthree\n");
            stream.note_durable();
            // The last line may have been open; after a pause it is whole, and nothing remains.
            let rest = show(&stream.records(desk, moment(9), TIMEOUT, false).expect("catalog"));
            assert!(rest.iter().all(|(_, _, _, is_open)| !is_open), "{rest:?}");
            stream.note_durable();
            assert_eq!(stream.offset, 14);
            assert!(stream.bytes.is_empty() && stream.quiet_at(TIMEOUT).is_none());
        });
    }

    #[test]
    fn without_stamps_the_time_is_that_of_arrival() {
        with_stream(|stream, desk| {
            for second in [1, 7] {
                give(stream, b"tick\n", moment(second));
                let records = show(&stream.records(desk, moment(second), TIMEOUT, true).expect("catalog"));
                assert_eq!(records, [((second - 1) / 6 * 5, "tick\n".to_owned(), vec![second as i64], false)]);
                stream.note_durable();
            }
        });
    }

    #[test]
    fn a_stream_that_is_not_durable_waits() {
        with_stream(|stream, desk| {
            let line = [b'x'; 1023].into_iter().chain([b'\n']).collect::<Vec<u8>>();
            assert!(give(stream, &line.repeat(4096), moment(1)));
            assert!(!give(stream, &line, moment(1)));
            assert!(stream.room.is_some());
            stream.records(desk, moment(1), TIMEOUT, true).expect("catalog");
            stream.note_durable();
            assert!(stream.room.is_none());
        });
    }
}
