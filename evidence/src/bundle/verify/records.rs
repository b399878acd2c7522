//! The events of a bundle, and what the manifest says of them and of files.

use super::super::finding::Finding;
use super::super::manifest::{Manifest, Mask, Record, Role};
use super::super::redact::MASK_BYTE;
use super::super::{EVENTS, MANIFEST};
use super::Check;
use crate::merkle::Digest;
use std::collections::{BTreeMap, HashMap};

impl Check {
    /// The lines of `events.jsonl`.
    pub(super) fn lines(&mut self, bytes: &[u8]) -> Vec<String> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            self.nonsense(EVENTS, "it is not text");
            return Vec::new();
        };
        if !text.is_empty() && !text.ends_with('\n') {
            self.nonsense(EVENTS, "its last line has no end");
        }
        text.strip_suffix('\n').map_or_else(Vec::new, |text| text.split('\n').map(str::to_owned).collect())
    }

    /// The records: written as records are, numbered, in order.
    pub(super) fn records(&mut self, lines: &[String], manifest: &Manifest) -> Vec<Record> {
        let mut records: Vec<Record> = Vec::new();
        for (i, line) in lines.iter().enumerate() {
            let record: Record = match serde_json::from_str(line) {
                Ok(record) => record,
                Err(error) => {
                    self.nonsense(EVENTS, format!("line {}: {error}", i + 1));
                    continue;
                }
            };
            if record.line() != *line {
                self.record(&record, "it is not written as records are");
            }
            if record.n != i as u64 + 1 {
                self.record(&record, format!("it is number {} of the file", i + 1));
            }
            if record.source >= manifest.sources.len() {
                self.record(&record, "the manifest knows no such source");
                continue;
            }
            if record.offset.checked_add(record.len).is_none() || record.at.checked_add(record.len).is_none() {
                self.record(&record, "it ends beyond all numbers");
                continue;
            }
            let is_behind = |last: &Record| {
                (last.source, last.offset + last.len) <= (record.source, record.offset) || last.source < record.source
            };
            if !records.last().is_none_or(is_behind) {
                self.record(&record, "it is not behind the one before it");
            }
            records.push(record);
        }
        if lines.len() as u64 != manifest.n_records {
            let what = format!("it has {} events, and the manifest says {}", lines.len(), manifest.n_records);
            self.nonsense(EVENTS, what);
        }
        records
    }

    /// The bytes of the events are those of their records, and fill the data files.
    pub(super) fn events(&mut self, manifest: &Manifest, records: &[Record], by_name: &BTreeMap<&str, &[u8]>) {
        let mut filled: BTreeMap<&str, (u64, &Record)> = BTreeMap::new();
        for record in records {
            let Some(data) = by_name.get(&*record.file).filter(|_| record.file.starts_with("data/")) else {
                self.record(record, "there are no bytes of it");
                continue;
            };
            let (at, follows) = match filled.get(&*record.file) {
                Some((at, last)) => (*at, (last.source, last.offset + last.len) == (record.source, record.offset)),
                None => (0, true),
            };
            if record.at != at || !follows {
                self.record(record, "it does not follow the one before it in its file");
            }
            filled.insert(&record.file, (record.at + record.len, record));
            let Some(bytes) = data.get(record.at as usize..(record.at + record.len) as usize) else {
                self.record(record, "its bytes are not all there");
                continue;
            };
            if Digest::of(bytes) != record.sha256 {
                let source_name = manifest.sources[record.source].source.clone();
                self.add(Finding::Event { n: record.n, source_name, offset: record.offset });
            }
            if let Some(what) = wrong_mask(bytes, &record.masks) {
                self.record(record, what);
            }
        }
        for (name, data) in by_name.iter().filter(|(name, _)| name.starts_with("data/")) {
            if filled.get(name).is_some_and(|(end, _)| *end != data.len() as u64) {
                self.nonsense(name, "there is more in it than its events");
            }
        }
    }

    /// Each citation is of a cited event, and each cited event is cited.
    pub(super) fn citations(&mut self, manifest: &Manifest, records: &[Record]) {
        let mut is_cited: HashMap<u64, bool> =
            records.iter().filter(|record| record.role == Role::Cited).map(|record| (record.n, false)).collect();
        for cited in &manifest.citations {
            match is_cited.get_mut(&cited.record) {
                Some(is_cited) if cited.exhibit < manifest.exhibits.len() => *is_cited = true,
                _ => {
                    self.nonsense(MANIFEST, format!("it cites event {}, which is not there to be cited", cited.record))
                }
            }
        }
        for record in records.iter().filter(|record| is_cited.get(&record.n) == Some(&false)) {
            self.record(record, "nothing cites it");
        }
    }

    pub(super) fn files(&mut self, manifest: &Manifest, by_name: &BTreeMap<&str, &[u8]>) {
        for file in &manifest.files {
            let Some(bytes) = by_name.get(&*file.path) else { continue };
            if bytes.len() as u64 != file.len || Digest::of(bytes) != file.sha256 {
                self.nonsense(&file.path, "it is not the one of the manifest");
            }
            if let Some(what) = wrong_mask(bytes, &file.masks) {
                self.nonsense(&file.path, what);
            }
        }
    }
}

/// What is wrong with masks: they lie within the bytes, in order, and hide what they cover.
fn wrong_mask(bytes: &[u8], masks: &[Mask]) -> Option<&'static str> {
    let mut end = 0;
    for mask in masks {
        let Some(next) = mask.at.checked_add(mask.len).filter(|_| mask.at >= end && mask.len > 0) else {
            return Some("its masks overlap");
        };
        match bytes.get(mask.at as usize..next as usize) {
            None => return Some("a mask reaches beyond it"),
            Some(covered) if covered.iter().any(|byte| *byte != MASK_BYTE) => {
                return Some("a mask does not cover what it should");
            }
            Some(_) => end = next,
        }
    }
    None
}
