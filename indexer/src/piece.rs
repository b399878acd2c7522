//! Pieces of large files, and what a piece must know of what stands before it.

use crate::read::read_at_most;
use std::fs::File;
use std::io;
use std::ops::Range;
use trawl_formats::parse::{ParsedBlock, Parser, ParserOptions, Step};

/// How far behind a place where a file is to be cut an event start is looked for: at first, and at most.
const SEARCH_LEN: Range<usize> = 64 << 10..4 << 20;
/// How many cuts may fail before a file counts as one that cannot be cut.
const MAX_FAILED_CUTS: usize = 2;
/// How many bytes around the place where reading goes on are parsed to find out what stands before it.
const LOOK_LEN: u64 = 64 << 10;
/// A rest shorter than this part of a piece is not cut off.
const MIN_REST: u64 = 4;

/// Cuts `range` of a file into pieces of about `piece_bytes` that can be parsed independently of each other: each but the
/// first begins with an event that has a time stamp. Together they are the range.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn cut(file: &File, parser: &Parser, range: Range<u64>, piece_bytes: u64) -> io::Result<Vec<Range<u64>>> {
    let mut pieces = Vec::new();
    let mut start = range.start;
    let mut target = start + piece_bytes;
    let mut n_failed = 0;
    while n_failed < MAX_FAILED_CUTS && target + piece_bytes / MIN_REST < range.end {
        match find_cut(file, parser, target, range.end)? {
            Some(cut) => {
                pieces.push(start..cut);
                start = cut;
                n_failed = 0;
                target = start.max(target) + piece_bytes;
            }
            None => {
                n_failed += 1;
                target += piece_bytes;
            }
        }
    }
    pieces.push(start..range.end);
    Ok(pieces)
}

/// First place from `target` on, and before `end`, where an event with a stamp begins.
fn find_cut(file: &File, parser: &Parser, target: u64, end: u64) -> io::Result<Option<u64>> {
    let mut window = vec![0; SEARCH_LEN.start];
    loop {
        let wanted = window.len().min(usize::try_from(end - target).unwrap_or(usize::MAX));
        let n_read = read_at_most(file, &mut window[..wanted], target)?;
        if let Some(at) = parser.find_piece_start(&window[..n_read], 0) {
            return Ok(Some(target + at as u64));
        }
        if n_read < window.len() || window.len() >= SEARCH_LEN.end {
            return Ok(None);
        }
        window.resize(window.len() * 4, 0);
    }
}

/// What the events before a place say about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Before {
    /// Time of the last event that begins before.
    pub(crate) time_us: Option<i64>,
    /// That event goes on behind the place: it was closed before its end was known.
    pub(crate) is_continued: bool,
}

/// The stretch around `at` that [`look_back`] wants to see.
pub(crate) fn around(at: u64) -> Range<u64> {
    at.saturating_sub(LOOK_LEN)..at + LOOK_LEN
}

/// Parses `bytes` around the place `at` in them as if nothing had been read before. `at_end`: the source ends with them.
///
/// Nothing is found where events depend on what stands before them, or begin too far away.
pub(crate) fn look_back(options: &ParserOptions, bytes: &[u8], at: usize, at_end: bool) -> Before {
    let mut parser = Parser::new(options.clone());
    let mut before = Before::default();
    let Some(mut start) = parser.find_piece_start(bytes, 0) else { return before };
    let mut block = ParsedBlock::default();
    while start < at {
        match parser.next_block(&bytes[start..], at_end, &mut block) {
            Step::Block => {}
            Step::Gap { len } => {
                start += len;
                continue;
            }
            Step::NeedMore => break,
        }
        for event in &block.events {
            if start >= at {
                break;
            }
            start += event.len as usize;
            before = Before { time_us: Some(event.time_us), is_continued: start > at };
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use trawl_formats::Registry;

    fn options() -> ParserOptions {
        ParserOptions::new(Registry::builtin().generic())
    }

    const LOG: &str = "2026-11-20 14:05:00 INFO one\n2026-11-20 14:05:01 ERROR two\n  at a.b.C\n  at d.e.F\n\
                       2026-11-20 14:05:02 INFO three\n";

    #[test]
    fn pieces_begin_with_stamped_events_and_cover_the_range() {
        let log = LOG.repeat(40);
        let mut file = tempfile::tempfile().expect("temporary file");
        file.write_all(log.as_bytes()).expect("write");
        for piece_bytes in [1, 10, 100, 1000, 10_000] {
            let range = 0..log.len() as u64;
            let pieces = cut(&file, &Parser::new(options()), range.clone(), piece_bytes).expect("readable");
            assert_eq!(pieces.first().map(|piece| piece.start), Some(0));
            assert_eq!(pieces.last().map(|piece| piece.end), Some(range.end));
            assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(pieces.iter().all(|piece| log[piece.start as usize..].starts_with("2026")));
            assert!(pieces.len() as u64 >= range.end / piece_bytes.max(90) / 2, "{}", pieces.len());
        }
    }

    #[test]
    fn a_file_without_stamps_is_one_piece() {
        let log = "no time here\n".repeat(100_000);
        let mut file = tempfile::tempfile().expect("temporary file");
        file.write_all(log.as_bytes()).expect("write");
        let range = 0..log.len() as u64;
        let pieces = cut(&file, &Parser::new(options()), range.clone(), 100_000).expect("readable");
        assert_eq!(pieces, std::slice::from_ref(&range));
    }

    #[test]
    fn the_event_before_is_found_and_whether_it_goes_on() {
        let log = LOG.repeat(2);
        let third = LOG.find("2026-11-20 14:05:02").expect("in the log");
        let trace = LOG.find("  at d").expect("in the log");
        let check = |at: usize, time: &str, is_continued: bool| {
            let before = look_back(&options(), log.as_bytes(), LOG.len() + at, true);
            let time: i64 = time.parse::<i64>().expect("seconds") + 1_795_183_500;
            assert_eq!(before, Before { time_us: Some(time * 1_000_000), is_continued }, "{at}");
        };
        check(0, "2", false);
        check(third, "1", false);
        check(trace, "1", true);
        check(trace + 3, "1", true);
        assert_eq!(look_back(&options(), log.as_bytes(), 0, true), Before::default());
    }
}
