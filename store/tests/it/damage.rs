//! A flipped byte anywhere is found, and never changes an answer silently.

use crate::helpers::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use trawl_formats::Registry;
use trawl_store::verify::verify;
use trawl_store::{BlockReader, Reader, Result};

/// Everything that a reader can learn of a store: events with time and level, and the postings of every term.
#[derive(Debug, PartialEq)]
struct Contents {
    events: Vec<(i64, u32, Vec<u8>)>,
    terms: BTreeMap<Vec<u8>, Vec<u32>>,
}

fn read_all(data: &Path) -> Result<Contents> {
    let reader = Reader::open(data)?;
    let mut contents = Contents { events: Vec::new(), terms: BTreeMap::new() };
    let mut blocks = BlockReader::new()?;
    for row in reader.snapshot()?.buckets {
        let bucket = reader.bucket(&row)?;
        let (mut raw, mut ends, mut times, mut levels) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for block in bucket.blocks() {
            bucket.read_block(&mut blocks, block, &mut raw)?;
            bucket.event_ends(block, &raw, &mut ends)?;
            bucket.times_us(block, &mut times)?;
            bucket.levels(block, &mut levels)?;
            let mut start = 0;
            for i in 0..ends.len() {
                contents.events.push((times[i], levels[i], raw[start..ends[i] as usize].to_vec()));
                start = ends[i] as usize;
            }
        }
        let segment = bucket.segment()?;
        let mut terms = segment.terms(b"")?;
        let mut found = Vec::new();
        while let Some((term, info)) = terms.next() {
            found.push((term.to_vec(), info.clone()));
        }
        for (term, info) in found {
            let mut docs = Vec::new();
            segment.read_docs(&info, &mut docs)?;
            contents.terms.insert(term, docs);
        }
    }
    Ok(contents)
}

fn files_of(data: &Path) -> Vec<PathBuf> {
    let reader = Reader::open(data).expect("reader");
    let row = reader.snapshot().expect("snapshot").buckets.remove(0);
    let mut files: Vec<PathBuf> =
        fs::read_dir(data.join(row.dir)).expect("list").map(|entry| entry.expect("entry").path()).collect();
    files.sort_unstable();
    files
}

#[test]
fn every_file_of_a_bucket_is_covered() {
    let dir = tempfile::tempdir().expect("temporary directory");
    index(dir.path(), &[("/a.log", &log("alpha", 300))]);
    let (whole, registry) = (read_all(dir.path()).expect("whole"), Registry::builtin());
    for file in files_of(dir.path()) {
        let bytes = fs::read(&file).expect("read");
        // The first, the last and some bytes between, so that header, body and trailer of each file are hit.
        for at in (0..bytes.len()).step_by(bytes.len().div_ceil(12).max(1)).chain([bytes.len() - 1]) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x04;
            fs::write(&file, &damaged).expect("damage");
            let report = verify(dir.path(), &registry).expect("verify runs");
            assert!(!report.problems.is_empty(), "verify misses byte {at} of {}", file.display());
            if let Ok(answer) = read_all(dir.path()) {
                assert_eq!(answer, whole, "a wrong answer after byte {at} of {}", file.display());
            }
        }
        fs::write(&file, &bytes).expect("mend");
    }
    assert!(verify(dir.path(), &registry).expect("verify").problems.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_flip_is_found(file: proptest::sample::Index, at: proptest::sample::Index, bit in 0..8_u32) {
        let dir = tempfile::tempdir().expect("temporary directory");
        index(dir.path(), &[("/a.log", &log("alpha", 120))]);
        let whole = read_all(dir.path()).expect("whole");
        let files = files_of(dir.path());
        let file = file.get(&files);
        let mut bytes = fs::read(file).expect("read");
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(file, &bytes).expect("damage");
        let report = verify(dir.path(), &Registry::builtin()).expect("verify runs");
        prop_assert!(!report.problems.is_empty(), "verify misses byte {} of {}", at, file.display());
        if let Ok(answer) = read_all(dir.path()) {
            prop_assert_eq!(answer, whole);
        }
    }

    #[test]
    fn a_torn_live_log_yields_its_whole_batches(cut: proptest::sample::Index) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let text = log("alpha", 30);
        let writer = trawl_store::Writer::open(&dir.path().join("data")).expect("writer");
        let source = register(&writer, "/a.log", text.as_bytes());
        let mut log = writer.begin_live_log(&main_index()).expect("create");
        let mut ends = vec![log.durable_len()];
        for (offset, parsed) in blocks(text.as_bytes(), 256) {
            let bytes = &text.as_bytes()[offset..];
            let block = trawl_store::BlockInput { source: &source, offset: offset as u64, bytes, parsed: &parsed };
            writer.append(&mut log, &[trawl_store::Record::Events(block)]).expect("append");
            ends.push(log.durable_len());
        }
        let path = log.path().to_owned();
        let bytes = fs::read(&path).expect("read");
        let cut = ends[0] as usize + cut.index(bytes.len() - ends[0] as usize + 1);
        fs::write(&path, &bytes[..cut]).expect("tear");
        let read = trawl_store::live::read(&path, &main_index(), None).expect("a torn end is no error").blocks;
        let n_whole = ends[1..].iter().filter(|end| **end <= cut as u64).count();
        prop_assert_eq!(read.len(), n_whole);
    }
}
