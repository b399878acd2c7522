//! Comparing a bundle with the logs that its events came from, under whatever names they are now.
//!
//! A file is taken for one of the bundle's if it begins as that one did (the hash of its head), or, where no head is known, if it
//! has its path. Then each event has to stand at its offset. Events that were not met so are looked for anywhere in the file: a
//! log that was copied and truncated, or put together with others, still holds their bytes at another place. Where some of a log's
//! events are found so at their own offsets, it is that log, edited at its head perhaps, and the others should be there, too.
//!
//! Files are read from the beginning to the end, as a stream, once or twice. Memory: a few MiB, and four times the longest event.

use super::{Record, Verified};
use aho_corasick::AhoCorasick;
use std::io::{self, Read};
use trawl_store::Fingerprint;

/// Bytes that are looked at together.
const WINDOW: usize = 4 << 20;
/// Bytes of an event that are looked for; the others are compared where these are found.
const NEEDLE: usize = 64;
/// Shorter pieces are found everywhere, and prove nothing.
const MIN_NEEDLE: usize = 12;

/// What became of an event in the files that were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was not found.
    Absent,
    /// Its file holds something else in its place.
    Differs {
        /// The file.
        file: String,
    },
    /// Its bytes stand in a file, though at another place.
    Elsewhere {
        /// The file.
        file: String,
        /// The place.
        offset: u64,
    },
    /// It stands where it stood.
    InPlace {
        /// The file.
        file: String,
    },
}

impl Verdict {
    /// The more of the event is left, the higher.
    fn rank(&self) -> u8 {
        match self {
            Self::Absent => 0,
            Self::Differs { .. } => 1,
            Self::Elsewhere { .. } => 2,
            Self::InPlace { .. } => 3,
        }
    }
}

/// A comparison on its way through files.
pub struct Comparison<'v> {
    verified: &'v Verified,
    verdicts: Vec<Verdict>,
}

/// Bytes of an event of which parts may be unknown.
struct Shape<'v> {
    bytes: &'v [u8],
    /// Unknown parts: first byte and first behind.
    unknown: Vec<(usize, usize)>,
}

impl Shape<'_> {
    fn fits(&self, found: &[u8]) -> bool {
        let mut at = 0;
        let known =
            self.unknown.iter().map(|(start, end)| (*start, *end)).chain([(self.bytes.len(), self.bytes.len())]);
        found.len() == self.bytes.len()
            && known.into_iter().all(|(start, end)| {
                let part = at..start;
                at = end;
                self.bytes[part.clone()] == found[part]
            })
    }

    /// The beginning of the longest known part, and where it stands in the event; `None` if it is too short to be looked for.
    fn needle(&self) -> Option<(usize, &[u8])> {
        let starts = std::iter::once(0).chain(self.unknown.iter().map(|(_, end)| *end));
        let ends = self.unknown.iter().map(|(start, _)| *start).chain([self.bytes.len()]);
        let longest = starts.zip(ends).max_by_key(|(start, end)| end.saturating_sub(*start))?;
        let needle = self.bytes.get(longest.0..longest.1.min(longest.0 + NEEDLE))?;
        (needle.len() >= MIN_NEEDLE).then_some((longest.0, needle))
    }
}

impl<'v> Comparison<'v> {
    /// Of a bundle that was found to be whole.
    pub fn new(verified: &'v Verified) -> Self {
        Self { verified, verdicts: vec![Verdict::Absent; verified.records.len()] }
    }

    /// What became of each event.
    pub fn verdicts(&self) -> impl Iterator<Item = (&'v Record, &Verdict)> {
        self.verified.records.iter().zip(&self.verdicts)
    }

    /// Looks at a file: `open` gives its content, decompressed, from the beginning; it is called once or twice. Returns for how many
    /// events something new was learned.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn look_at<'f>(
        &mut self,
        name: &str,
        open: &mut dyn FnMut() -> io::Result<Box<dyn Read + Send + 'f>>,
    ) -> io::Result<usize> {
        let before = self.verdicts.clone();
        let mut input = open()?;
        let mut head = Vec::new();
        (&mut input).take(Fingerprint::MAX_HEAD_LEN as u64).read_to_end(&mut head)?;
        let is_it: Vec<bool> =
            (0..self.verified.manifest.sources.len()).map(|source| self.is_it(source, name, &head)).collect();
        let mut expected: Vec<usize> =
            (0..self.verified.records.len()).filter(|at| is_it[self.verified.records[*at].source]).collect();
        expected.sort_by_key(|at| self.verified.records[*at].offset);
        if !expected.is_empty() {
            self.compare_in_place(name, &expected, &mut io::Cursor::new(head).chain(input))?;
        }
        let is_open = |verdict: &Verdict| matches!(verdict, Verdict::Absent | Verdict::Differs { .. });
        let missing: Vec<usize> = (0..self.verdicts.len()).filter(|at| is_open(&self.verdicts[*at])).collect();
        if !missing.is_empty() {
            let len = self.search(name, &missing, &mut *open()?)?;
            self.miss(name, &missing, len);
        }
        Ok(before.iter().zip(&self.verdicts).filter(|(before, now)| before != now).count())
    }

    /// Whether a file is one of the bundle's.
    fn is_it(&self, source: usize, name: &str, head: &[u8]) -> bool {
        let source = &self.verified.manifest.sources[source];
        match source.head_sha256_16.as_ref().and_then(|hash| hash.parse().ok()) {
            Some(hash) => Fingerprint { head_len: source.head_len, head: hash, dev: 0, ino: 0 }.matches(head),
            None => source.path == name,
        }
    }

    fn shape(&self, at: usize) -> Shape<'v> {
        let record = &self.verified.records[at];
        let masks = self.verified.masked.get(&record.n).into_iter().flatten();
        let unknown = masks.map(|mask| (mask.at as usize, (mask.at + mask.len) as usize)).collect();
        Shape { bytes: self.verified.bytes(record), unknown }
    }

    fn learn(&mut self, at: usize, verdict: Verdict) {
        if self.verdicts[at].rank() < verdict.rank() {
            self.verdicts[at] = verdict;
        }
    }

    /// Compares the events `expected`, by offset, with what stands there.
    fn compare_in_place(&mut self, name: &str, expected: &[usize], input: &mut dyn Read) -> io::Result<()> {
        // What has been read and may still be asked for; events of two sources may overlap.
        let (mut held, mut held_from) = (Vec::new(), 0_u64);
        for &at in expected {
            let record = &self.verified.records[at];
            let end = record.offset + record.len;
            if held_from < record.offset {
                let n_past = (record.offset - held_from).min(held.len() as u64);
                held.drain(..n_past as usize);
                held_from += n_past;
            }
            if held.is_empty() && held_from < record.offset {
                held_from += io::copy(&mut (&mut *input).take(record.offset - held_from), &mut io::sink())?;
            }
            let have = held_from + held.len() as u64;
            if have < end {
                (&mut *input).take(end - have).read_to_end(&mut held)?;
            }
            let start = record.offset.checked_sub(held_from).map(|start| start as usize);
            let found = start.and_then(|start| held.get(start..start + record.len as usize));
            let verdict = match found {
                // It ends before: it may have been cut, or be the younger part of a log that was copied and truncated.
                None => Verdict::Absent,
                Some(found) if self.shape(at).fits(found) => Verdict::InPlace { file: name.to_owned() },
                Some(_) => Verdict::Differs { file: name.to_owned() },
            };
            self.learn(at, verdict);
        }
        Ok(())
    }

    /// Events that should be in a file of `len` bytes because others of their log are, and are not.
    fn miss(&mut self, name: &str, missing: &[usize], len: u64) {
        let is_here = |verdict: &Verdict| matches!(verdict, Verdict::InPlace { file } if file == name);
        let records = &self.verified.records;
        let here: Vec<usize> =
            missing.iter().filter(|at| is_here(&self.verdicts[**at])).map(|at| records[*at].source).collect();
        for &at in missing {
            if here.contains(&records[at].source) && records[at].offset + records[at].len <= len {
                self.learn(at, Verdict::Differs { file: name.to_owned() });
            }
        }
    }

    /// Looks for events anywhere; returns the length of the file, or less if there is nothing to look for.
    fn search(&mut self, name: &str, missing: &[usize], input: &mut dyn Read) -> io::Result<u64> {
        let shapes: Vec<(usize, Shape<'v>)> = missing.iter().map(|at| (*at, self.shape(*at))).collect();
        let needles: Vec<(usize, &Shape<'v>, usize, &[u8])> = shapes
            .iter()
            .filter_map(|(at, shape)| shape.needle().map(|(place, needle)| (*at, shape, place, needle)))
            .collect();
        if needles.is_empty() {
            return Ok(0);
        }
        let longest = needles.iter().map(|(_, shape, ..)| shape.bytes.len()).max().unwrap_or(0);
        let patterns = needles.iter().map(|(.., needle)| *needle);
        let automaton = AhoCorasick::new(patterns).map_err(io::Error::other)?;
        let window = WINDOW.max(4 * longest);
        let (mut held, mut held_from) = (Vec::new(), 0_u64);
        loop {
            let n_wanted = (window - held.len()) as u64;
            let n_read = (&mut *input).take(n_wanted).read_to_end(&mut held)?;
            for found in automaton.find_overlapping_iter(&held) {
                let (at, shape, place, _) = &needles[found.pattern().as_usize()];
                let Some(start) = found.start().checked_sub(*place) else { continue };
                if held.get(start..start + shape.bytes.len()).is_some_and(|bytes| shape.fits(bytes)) {
                    let (file, offset) = (name.to_owned(), held_from + start as u64);
                    let is_in_place = offset == self.verified.records[*at].offset;
                    self.learn(
                        *at,
                        if is_in_place { Verdict::InPlace { file } } else { Verdict::Elsewhere { file, offset } },
                    );
                }
            }
            if (n_read as u64) < n_wanted {
                return Ok(held_from + held.len() as u64);
            }
            // An event may begin in this window and end in the next one.
            let n_past = held.len() - longest;
            held.drain(..n_past);
            held_from += n_past as u64;
        }
    }
}
