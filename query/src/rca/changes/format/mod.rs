//! Sources whose lines are laid out otherwise since a moment, though no line says so: text that became JSON, a prefix more or
//! less, a time that is written another way or is not read any more.
//!
//! Lines of each source are read at places that are spread evenly over the time that is looked at, some hundred of them (`read`), each
//! with its layout (`layout`); whether, and at which moment, these became others is decided by `split`. The moment is then found
//! to the line by halving. A source with so few lines that nothing can be told is left alone, and so is one whose formats
//! are mixed.
//!
//! Lines that trawl does not know to begin an event, because no time is found in them, hang on the event before. They are told
//! apart again here: that they do so is part of what changed.

mod layout;
mod read;
mod split;

use super::super::event::{Event, Moment};
use super::super::inquiry::{Inquiry, RcaError};
use hashbrown::HashMap;
use layout::{Layout, Read};
use rayon::prelude::*;
use read::{Line, LineReader, Piece, SourceLines, Wanted, sources};
use serde::{Deserialize, Serialize};
use split::{Mark, Split, boundary, split};
use std::ops::Range;
use trawl_formats::Severity;

/// Lines of a source that are read.
const SAMPLE: usize = 256;
/// Blocks that are read of all sources together, of one source at most and at least. Each takes about 0.2 ms.
const BLOCKS: usize = 1_024;
const BLOCKS_OF_SOURCE: Range<usize> = 2..16;
/// Most sources that are looked at; those with the most events.
const MAX_SOURCES: usize = 2_000;
/// Blocks with fewer events on average are read more of.
const SMALL_BLOCK: u64 = 32;
/// Fewest events that tell a source's format.
const MIN_EVENTS: u64 = 10;
/// A layout that did not last so long, and was not there to the end, is no change: microseconds.
const MIN_LASTED_US: i64 = 300_000_000;
/// Lines of a block that are read while halving, and to learn what was there earlier.
const FEW: usize = 16;
/// How long before the time that is looked at a layout may have been seen: microseconds. And in how many blocks that is looked up.
const EARLIER_US: i64 = 7 * 86_400_000_000;
const EARLIER_BLOCKS: usize = 8;

/// Lines of a source are laid out otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormatChange {
    /// What is different, in few words. May hold log text: hostile.
    pub difference: String,
    /// The level whose lines it is about, if those of others are as before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level: Option<String>,
    /// The layout of the example before, and of the one since, as they were compared.
    pub former_layout: String,
    /// See there.
    pub layout: String,
    /// The last line before.
    pub last_before: Event,
    /// The first line since. If it hangs on an event, that one's address and time.
    pub first_since: Event,
    /// When lines were as before again, if they were: about.
    pub until: Option<Moment>,
    /// Lines that hang on the event before because they have no time that is read.
    pub n_unread: u64,
    /// Total variation distance of the layouts before and since, 0 to 1.
    pub distance: f64,
    /// Log-likelihood ratio of them, in the sample.
    pub g: f64,
    /// In how many of eight blocks of the week before such lines were found.
    pub n_earlier: usize,
}

impl FormatChange {
    /// What changed, in few words. May hold log text.
    pub(super) fn summary(&self, file: &str) -> String {
        let of_level = self.level.as_ref().map_or(String::new(), |level| format!(" of level {level}"));
        let mut text = format!("{file} writes its lines{of_level} otherwise: {}", self.difference);
        if self.n_unread > 0 {
            let noun = if self.n_unread == 1 { "line hangs" } else { "lines hang" };
            text.push_str(&format!(
                "; {} {noun} on the event before, as no time is found where {} has it",
                self.n_unread, self.first_since.sourcetype
            ));
        }
        if let Some(until) = self.until {
            let minutes = until.since(self.first_since.time) / 60_000_000;
            text.push_str(&format!("; as before again after about {minutes} min"));
        }
        text
    }
}

/// A change of a source's format.
pub(super) struct Found {
    pub source: String,
    pub time: Moment,
    pub change: FormatChange,
}

/// A line of the sample.
struct Sample {
    piece: usize,
    event: u32,
    line: u32,
    time_us: i64,
    mark: Mark,
}

impl Sample {
    fn place(&self) -> (usize, u32, u32) {
        (self.piece, self.event, self.line)
    }
}

/// Layouts as small numbers.
#[derive(Default)]
struct Layouts {
    numbers: HashMap<Layout, usize>,
    all: Vec<Layout>,
}

impl Layouts {
    fn number(&mut self, layout: Layout) -> usize {
        let next = self.all.len();
        *self.numbers.entry(layout).or_insert_with_key(|layout| {
            self.all.push(layout.clone());
            next
        })
    }
}

/// The changes of format in a range, half open, microseconds.
///
/// # Errors
/// If the store cannot be opened, or the search is cancelled.
pub(super) fn find(inquiry: &Inquiry, range: Range<i64>) -> Result<Vec<Found>, RcaError> {
    let options = inquiry.within(Some(range.start), Some(range.end));
    let search = inquiry.everything(&options)?;
    let plan = search.plan();
    let mut all = sources(inquiry, plan, range.clone())?;
    let n_events = |source: &SourceLines| source.pieces.iter().map(|piece| piece.n_events).sum::<u64>();
    all.retain(|source| n_events(source) >= MIN_EVENTS);
    all.sort_by_key(|source| std::cmp::Reverse(n_events(source)));
    all.truncate(MAX_SOURCES);
    let n_blocks = (BLOCKS / all.len().max(1)).clamp(BLOCKS_OF_SOURCE.start, BLOCKS_OF_SOURCE.end);
    let cancel = inquiry.options().cancel.clone();
    let mut found: Vec<Found> = all
        .par_iter()
        .map_init(LineReader::new, |reader, source| {
            cancel.check()?;
            // Without memory for a reader nothing is found, and the searches say so.
            let Ok(reader) = reader else { return Ok(None) };
            Ok(Look { source, range: &range, reader }.change(n_blocks))
        })
        .collect::<crate::error::Result<Vec<Option<Found>>>>()?
        .into_iter()
        .flatten()
        .collect();
    if !found.is_empty() {
        earlier(inquiry, range.start, &mut found)?;
    }
    Ok(found)
}

/// Finds out in how many blocks before `start_us` lines were laid out as they are since the changes.
fn earlier(inquiry: &Inquiry, start_us: i64, found: &mut [Found]) -> Result<(), RcaError> {
    let range = start_us.saturating_sub(EARLIER_US)..start_us;
    let options = inquiry.within(Some(range.start), Some(range.end));
    let search = inquiry.everything(&options)?;
    let sources = sources(inquiry, search.plan(), range.clone())?;
    let Ok(mut reader) = LineReader::new() else { return Ok(()) };
    for found in found {
        let Some(source) =
            sources.iter().find(|s| s.source == found.source && s.index == found.change.first_since.index)
        else {
            continue;
        };
        let mut is_it = |piece: &Piece| {
            let (mut n, mut n_new) = (0, 0);
            let count = |line: Line<'_>| {
                n += 1;
                n_new += usize::from(Read::of_line(&line, &source.rules).layout.text() == found.change.layout);
            };
            reader.lines(piece, &range, Wanted::Some(FEW), count).is_ok() && n_new * 4 > n
        };
        found.change.n_earlier =
            spread(source.pieces.len(), EARLIER_BLOCKS).filter(|at| is_it(&source.pieces[*at])).count();
    }
    Ok(())
}

/// So many of `n` places, spread evenly, the first and the last among them.
fn spread(n: usize, n_wanted: usize) -> Box<dyn Iterator<Item = usize>> {
    if n <= n_wanted || n_wanted < 2 {
        return Box::new(0..n.min(n_wanted.max(n.min(1))));
    }
    Box::new((0..n_wanted).map(move |at| at * (n - 1) / (n_wanted - 1)))
}

/// Looks at one source.
struct Look<'s> {
    source: &'s SourceLines,
    range: &'s Range<i64>,
    reader: &'s mut LineReader,
}

impl Look<'_> {
    /// The change of its format, if there is one.
    fn change(mut self, n_blocks: usize) -> Option<Found> {
        let mut layouts = Layouts::default();
        let samples = self.sample(n_blocks, &mut layouts);
        let of = |severity: Option<Severity>| -> Vec<&Sample> {
            let is_of = |sample: &&Sample| severity.is_none() || sample.mark.severity == severity;
            samples.iter().filter(is_of).collect()
        };
        let find = |severity: Option<Severity>| {
            let samples = of(severity);
            let split = split(&samples.iter().map(|sample| sample.mark).collect::<Vec<_>>())?;
            Some((severity, samples, split))
        };
        // What is normal is told apart by its level; of what is not, a single statement may be most.
        let (severity, samples, split) =
            [None, Some(Severity::Info), Some(Severity::Debug)].into_iter().find_map(find)?;
        let until = (split.end < samples.len()).then(|| Moment(samples[split.end].time_us));
        if until.is_some_and(|until| until.since(Moment(samples[split.begin].time_us)) < MIN_LASTED_US) {
            return None;
        }
        self.found(severity, &samples, &split, until, &layouts)
    }

    /// Lines that are spread over the range, in the order of the files.
    fn sample(&mut self, n_blocks: usize, layouts: &mut Layouts) -> Vec<Sample> {
        let pieces = &self.source.pieces;
        let n_events: u64 = pieces.iter().map(|piece| piece.n_events).sum();
        let n_blocks = if n_events / (pieces.len() as u64).max(1) < SMALL_BLOCK { 4 * n_blocks } else { n_blocks };
        let chosen: Vec<usize> = spread(pieces.len(), n_blocks).collect();
        let n_lines = SAMPLE.div_ceil(chosen.len().max(1));
        let mut samples = Vec::new();
        for at in chosen {
            let rules = &self.source.rules;
            let add = |line: Line<'_>| {
                let read = Read::of_line(&line, rules);
                let mark = Mark { layout: layouts.number(read.layout), severity: read.severity };
                samples.push(Sample { piece: at, event: line.event, line: line.line, time_us: line.time_us, mark });
            };
            // What is damaged is named by the searches.
            let _ = self.reader.lines(&pieces[at], self.range, Wanted::Some(n_lines), add);
        }
        samples
    }

    fn found(
        &mut self,
        severity: Option<Severity>,
        samples: &[&Sample],
        split: &Split,
        until: Option<Moment>,
        layouts: &Layouts,
    ) -> Option<Found> {
        let mut shares: HashMap<&Layout, f64> = HashMap::new();
        let n_inside = (split.end - split.begin) as f64;
        let n_outside = samples.len() as f64 - n_inside;
        for (at, sample) in samples.iter().enumerate() {
            let is_inside = (split.begin..split.end).contains(&at);
            let share = if is_inside { 1.0 / n_inside } else { -1.0 / n_outside };
            *shares.entry(&layouts.all[sample.mark.layout]).or_default() += share;
        }
        // Whether a line is one of those since the change; `None` for what says nothing.
        let is_new = |read: &Read| {
            let is_of = severity.is_none() || read.severity == severity;
            shares.get(&read.layout).filter(|_| is_of).map(|share| *share > 0.0)
        };
        let (before, since) = self.locate(samples[split.begin - 1], samples[split.begin], &is_new);
        let (before, since) = (self.line(before)?, self.line(since)?);
        let stamp_of = |line: &Located| line.event.text[..line.read.stamp.map_or(0, |(start, _)| start)].to_owned();
        let difference = since.read.layout.difference(&before.read.layout, &stamp_of(&since), &stamp_of(&before));
        let change = FormatChange {
            difference,
            level: severity.and_then(|_| since.event.level.clone()),
            former_layout: before.read.layout.text(),
            layout: since.read.layout.text(),
            until,
            n_unread: if since.line > 0 { u64::from(since.n_lines - since.line) } else { 0 },
            distance: super::regime::rounded(split.distance),
            g: super::regime::rounded(split.g),
            n_earlier: 0,
            last_before: before.event,
            first_since: since.event,
        };
        Some(Found { source: self.source.source.clone(), time: change.first_since.time, change })
    }

    /// The places of the last line of before and of the first since, between two lines of the sample.
    fn locate(
        &mut self,
        before: &Sample,
        since: &Sample,
        is_new: &dyn Fn(&Read) -> Option<bool>,
    ) -> ((usize, u32, u32), (usize, u32, u32)) {
        let (mut low, mut high) = (before.place(), since.place());
        while high.0 - low.0 > 1 {
            let at = low.0 + (high.0 - low.0) / 2;
            let n_new: i64 =
                self.judged(at, Wanted::Some(FEW), is_new).iter().map(|(.., new)| if *new { 1 } else { -1 }).sum();
            if n_new > 0 { high = (at, 0, 0) } else { low = (at, 0, 0) }
        }
        let mut judged = self.judged(low.0, Wanted::All, is_new);
        if high.0 > low.0 {
            judged.extend(self.judged(high.0, Wanted::All, is_new));
        }
        // A block that was found by halving is looked at as a whole.
        let last = if high == since.place() { high } else { (high.0, u32::MAX, u32::MAX) };
        judged.retain(|(place, _)| (low..=last).contains(place));
        let marks: Vec<Mark> =
            judged.iter().map(|(_, new)| Mark { layout: usize::from(*new), severity: None }).collect();
        let at = boundary(&marks, 0..marks.len(), |layout| layout == 1);
        let last_old = judged[..at].iter().rev().find(|(_, new)| !new);
        let first_new = judged[at..].iter().find(|(_, new)| *new);
        (last_old.map_or(before.place(), |(place, _)| *place), first_new.map_or(since.place(), |(place, _)| *place))
    }

    /// Lines of a block that say something, each with whether it is one of those since the change.
    fn judged(
        &mut self,
        piece: usize,
        wanted: Wanted,
        is_new: &dyn Fn(&Read) -> Option<bool>,
    ) -> Vec<((usize, u32, u32), bool)> {
        let mut judged = Vec::new();
        let rules = &self.source.rules;
        let _ = self.reader.lines(&self.source.pieces[piece], self.range, wanted, |line| {
            if let Some(new) = is_new(&Read::of_line(&line, rules)) {
                judged.push(((piece, line.event, line.line), new));
            }
        });
        judged
    }

    /// A line as an event.
    fn line(&mut self, (at, event, line_number): (usize, u32, u32)) -> Option<Located> {
        let piece = &self.source.pieces[at];
        let mut found = None;
        let source = self.source;
        let take = |line: Line<'_>| {
            if (line.event, line.line) != (event, line_number) {
                return;
            }
            let read = Read::of_line(&line, &source.rules);
            let host = source.rules.host(line.text.as_bytes(), None).map(|host| host.into_owned());
            // Of an event that is many, the line alone.
            let text = if line.n_lines > 1 { line.text } else { line.event_text };
            let event = Event {
                time: Moment(line.time_us),
                index: source.index.clone(),
                source: source.source.clone(),
                sourcetype: source.sourcetype.clone(),
                host: host.unwrap_or_else(|| source.host.clone()),
                level: read.level.clone(),
                is_error: read.severity.is_some_and(|severity| severity >= Severity::Error),
                text: text.to_owned(),
                addr: String::new(),
            };
            found = Some(Located { event, read, line: line.line, n_lines: line.n_lines });
        };
        self.reader.lines(piece, self.range, Wanted::All, take).ok()?;
        let mut found = found?;
        found.event.addr = self.reader.address(&source.source, piece, event).to_string();
        Some(found)
    }
}

/// A line that was looked up.
struct Located {
    event: Event,
    read: Read,
    /// Its place among the lines of its event.
    line: u32,
    n_lines: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_from_end_to_end() {
        let spread = |n, n_wanted| spread(n, n_wanted).collect::<Vec<_>>();
        assert_eq!(spread(3, 16), [0, 1, 2]);
        assert_eq!(spread(100, 4), [0, 33, 66, 99]);
        assert_eq!(spread(0, 4), [0; 0]);
        assert_eq!(spread(5, 2), [0, 4]);
    }
}
