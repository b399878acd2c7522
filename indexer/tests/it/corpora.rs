//! Real logs: what the store gives back is what the files hold, byte for byte.
//!
//! Runs over the folders that `TRAWL_CORPORA` names, divided by `:`.

use crate::lab::{AN_HOUR, open_writer, options};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use trawl_formats::sourcetype::Registry;
use trawl_indexer::{Input, Progress, index};
use trawl_store::{BlockReader, Reader};

#[test]
fn every_byte_of_real_logs_comes_back() {
    let Some(folders) = std::env::var_os("TRAWL_CORPORA") else { return };
    for folder in std::env::split_paths(&folders) {
        check(folder);
    }
}

fn check(folder: PathBuf) {
    let data = tempfile::tempdir().expect("temporary directory");
    let mut options = options();
    // After all of them were written.
    options.now_us = i64::try_from(
        (std::time::SystemTime::now() + AN_HOUR).duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros(),
    )
    .expect("before 294,000");
    options.piece_bytes = 1 << 20;
    options.bucket_bytes = 8 << 20;
    let inputs = [Input::Path(folder)];
    let report =
        index(&open_writer(data.path()), &Registry::builtin(), &inputs, &options, &Progress::default()).expect("run");
    assert!(!report.has_errors(), "{report:?}");

    let reader = Reader::open(data.path()).expect("store");
    let sources = reader.sources().expect("sources");
    let paths: BTreeMap<u64, &PathBuf> = sources.iter().map(|source| (source.id.0, &source.path)).collect();
    let mut n_bytes: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut block_reader, mut raw) = (BlockReader::new().expect("memory"), Vec::new());
    let mut open: Option<(u64, Vec<u8>)> = None;
    for row in &reader.snapshot().expect("snapshot").buckets {
        let bucket = reader.bucket(row).expect("bucket");
        for block in bucket.blocks() {
            let id = bucket.source_of(block).id;
            if open.as_ref().is_none_or(|(open_id, _)| *open_id != id) {
                open = Some((id, content_of(paths[&id])));
            }
            let (_, content) = open.as_ref().expect("just opened");
            bucket.read_block(&mut block_reader, block, &mut raw).expect("block");
            let start = block.source_offset as usize;
            assert!(content[start..start + raw.len()] == raw, "{} at {start}", paths[&id].display());
            *n_bytes.entry(id).or_default() += raw.len() as u64;
        }
    }
    for source in &sources {
        let content = content_of(&source.path);
        let [generation] = &source.generations[..] else { panic!("{}: several generations", source.path.display()) };
        assert_eq!(generation.committed.holes(content.len() as u64), [], "{}", source.path.display());
        assert_eq!(generation.committed.end(), content.len() as u64, "{}", source.path.display());
        // Ranges do not overlap if the blocks in them have no more bytes than the file; NUL runs are not stored.
        let n_nuls = content.iter().filter(|&&byte| byte == 0).count() as u64;
        let stored = n_bytes.get(&source.id.0).copied().unwrap_or(0);
        assert!((content.len() as u64 - n_nuls..=content.len() as u64).contains(&stored), "{}", source.path.display());
    }
}

fn content_of(path: &PathBuf) -> Vec<u8> {
    let bytes = fs::read(path).expect("read");
    match path.extension().map(OsStrExt::as_bytes) {
        Some(b"gz") => {
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&bytes[..]), &mut content)
                .expect("whole");
            content
        }
        _ => bytes,
    }
}
