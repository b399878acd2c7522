//! Verifying a bundle: everything that it says of itself is computed anew.

use super::archive::{self, Member};
use super::finding::Finding;
use super::manifest::{FORMAT, Manifest, Mask, Record, Role, tree};
use super::redact::{MASK_BYTE, Reveal};
use super::sign::{self, PublicKey};
use super::{EVENTS, MANIFEST, README, ROOT, SIGNATURE, SUMS, sums_of};
use crate::merkle::Digest;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;

/// Most findings that are told.
const MAX_FINDINGS: usize = 100;

/// What a bundle is held against.
#[derive(Default)]
pub struct VerifyOptions<'o> {
    /// The root that was noted when it was made.
    pub root: Option<Digest>,
    /// The key of who is said to have signed it.
    pub key: Option<&'o PublicKey>,
    /// What opens masked parts.
    pub reveal: Option<&'o Reveal>,
}

/// What is known of who vouches for a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureState {
    /// Nobody.
    None,
    /// Somebody with the key of this id; it was not checked, for no key was given.
    Unchecked(String),
    /// The owner of the given key.
    Good {
        /// Its id.
        key_id: String,
        /// What was signed along with it.
        comment: String,
    },
}

/// What was found in a bundle.
#[derive(Debug)]
pub struct Verified {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its events, in their order.
    pub records: Vec<Record>,
    /// The root of its content.
    pub root: Digest,
    /// Who vouches for it.
    pub signature: SignatureState,
    /// How many masked parts were opened.
    pub n_opened: u64,
    /// All files in their order; events as they were before anything was masked, where that could be opened.
    pub(super) data: BTreeMap<String, Vec<u8>>,
    /// Parts of events that are still masked, by number of the record.
    pub(super) masked: HashMap<u64, Vec<Mask>>,
    members: Vec<Member>,
}

impl Verified {
    /// The bytes of an event; parts that could not be opened are masked.
    pub fn bytes(&self, record: &Record) -> &[u8] {
        let part = record.at as usize..(record.at + record.len) as usize;
        self.data.get(&record.file).and_then(|data| data.get(part)).unwrap_or_default()
    }

    /// How many events are cited.
    pub fn n_cited(&self) -> usize {
        self.records.iter().filter(|record| record.role == Role::Cited).count()
    }

    /// Writes the files of the bundle, as they are in it, into a folder that is not there yet.
    ///
    /// # Errors
    /// If there is such a folder, or a file cannot be written.
    pub fn extract(&self, folder: &std::path::Path) -> std::io::Result<()> {
        std::fs::create_dir(folder)?;
        for Member { name, bytes } in &self.members {
            // One part, or a folder of ours and one part: the archive was refused otherwise.
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::File::create_new(path).and_then(|mut file| std::io::Write::write_all(&mut file, bytes))?;
        }
        Ok(())
    }
}

/// Verifies a bundle alone. What comes back is whole, or there are findings; of one that cannot even be read, only findings.
pub fn verify(input: impl Read, options: &VerifyOptions<'_>) -> (Option<Verified>, Vec<Finding>) {
    match archive::decompress(input) {
        Ok(tar) => verify_tar(&tar, options),
        Err(error) => (None, vec![error.into()]),
    }
}

/// As [`verify`], of the tar in the archive.
pub fn verify_tar(tar: &[u8], options: &VerifyOptions<'_>) -> (Option<Verified>, Vec<Finding>) {
    let mut check = Check { findings: Vec::new() };
    let verified = match archive::from_tar(tar) {
        Ok((members, time_s)) => check.members(members, time_s, options),
        Err(error) => {
            check.add(error.into());
            None
        }
    };
    (verified, check.findings)
}

struct Check {
    findings: Vec<Finding>,
}

impl Check {
    fn add(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    fn nonsense(&mut self, file: &str, what: impl Into<String>) {
        self.add(Finding::Nonsense { file: file.to_owned(), what: what.into() });
    }

    fn record(&mut self, record: &Record, what: impl Into<String>) {
        self.add(Finding::Record { n: record.n, what: what.into() });
    }

    fn members(&mut self, members: Vec<Member>, time_s: u64, options: &VerifyOptions<'_>) -> Option<Verified> {
        let by_name: BTreeMap<&str, &[u8]> =
            members.iter().map(|member| (member.name.as_str(), &member.bytes[..])).collect();
        for name in [README, MANIFEST, EVENTS, ROOT, SUMS] {
            if !by_name.contains_key(name) {
                self.add(Finding::Missing(name.to_owned()));
            }
        }
        self.sums(&members, by_name.get(SUMS).copied().unwrap_or_default());
        let manifest_bytes = by_name.get(MANIFEST)?;
        let manifest = self.manifest(manifest_bytes)?;
        if u64::try_from(manifest.made.0.div_euclid(1_000_000)).unwrap_or(0) != time_s {
            self.nonsense(MANIFEST, "it was made at another time than its files");
        }
        let lines = self.lines(by_name.get(EVENTS)?);
        let root = tree(manifest_bytes, lines.iter().map(|line| line.as_bytes())).root();
        if by_name.get(ROOT).is_some_and(|text| *text != format!("{root}\n").as_bytes()) {
            self.add(Finding::Root(root));
        }
        if let Some(expected) = options.root.filter(|expected| *expected != root) {
            self.add(Finding::OtherRoot { expected, found: root });
        }
        let records = self.records(&lines, &manifest);
        if Digest::of(by_name.get(README).copied().unwrap_or_default()) != manifest.readme_sha256 {
            self.nonsense(README, "it is not the one of the manifest");
        }
        self.names(&members, &manifest, &records);
        self.events(&manifest, &records, &by_name);
        self.citations(&manifest, &records);
        self.files(&manifest, &by_name);
        let signature = self.signature(&by_name, &root, options);
        let mut verified = Verified {
            root,
            signature,
            n_opened: 0,
            data: by_name.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect(),
            masked: records.iter().map(|record| (record.n, record.masks.clone())).collect(),
            manifest,
            records,
            members,
        };
        if let Some(reveal) = options.reveal {
            self.open(&mut verified, reveal);
        }
        Some(verified)
    }

    /// Every file has the sum that the list says, and the list is one of these files.
    fn sums(&mut self, members: &[Member], list: &[u8]) {
        let listed: Vec<Member> =
            members.iter().filter(|member| ![SUMS, SIGNATURE].contains(&&*member.name)).cloned().collect();
        let expected = sums_of(&listed);
        if expected.as_bytes() == list {
            return;
        }
        let list = String::from_utf8_lossy(list);
        let said: HashMap<&str, &str> =
            list.lines().filter_map(|line| line.split_once("  ")).map(|(sum, name)| (name, sum)).collect();
        let n_before = self.findings.len();
        for line in expected.lines() {
            let (sum, name) = line.split_once("  ").expect("it was made so");
            match said.get(name) {
                None => self.add(Finding::Unexpected(name.to_owned())),
                Some(said) if *said != sum => self.add(Finding::Sum(name.to_owned())),
                Some(_) => {}
            }
        }
        for name in said.keys().filter(|name| !listed.iter().any(|member| member.name == **name)) {
            self.add(Finding::Missing((*name).to_owned()));
        }
        if self.findings.len() == n_before {
            self.add(Finding::Sums);
        }
    }

    fn manifest(&mut self, bytes: &[u8]) -> Option<Manifest> {
        #[derive(serde::Deserialize)]
        struct Version {
            format: String,
        }
        match serde_json::from_slice::<Version>(bytes) {
            Ok(Version { format }) if format != FORMAT => {
                self.add(Finding::Format(format));
                return None;
            }
            _ => {}
        }
        let manifest = serde_json::from_slice(bytes);
        manifest.map_err(|error| self.nonsense(MANIFEST, error.to_string())).ok()
    }

    /// The lines of `events.jsonl`.
    fn lines(&mut self, bytes: &[u8]) -> Vec<String> {
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
    fn records(&mut self, lines: &[String], manifest: &Manifest) -> Vec<Record> {
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

    /// The files are those that the manifest and the records name, in their order.
    fn names(&mut self, members: &[Member], manifest: &Manifest, records: &[Record]) {
        let mut expected = vec![README, MANIFEST, EVENTS];
        for record in records {
            if expected.last() != Some(&&*record.file) {
                expected.push(&record.file);
            }
        }
        expected.extend(manifest.files.iter().map(|file| &*file.path));
        expected.extend([ROOT, SUMS]);
        let found: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        let found = found.strip_suffix(&[SIGNATURE]).unwrap_or(&found);
        if found == expected {
            return;
        }
        let n_before = self.findings.len();
        for name in found.iter().filter(|name| !expected.contains(name)) {
            self.add(Finding::Unexpected((*name).to_owned()));
        }
        for name in expected.iter().filter(|name| !found.contains(name)) {
            self.add(Finding::Missing((*name).to_owned()));
        }
        if self.findings.len() == n_before {
            let moved = found.iter().zip(&expected).find(|(found, expected)| found != expected);
            self.add(Finding::Unexpected(moved.map_or(EVENTS, |(found, _)| *found).to_owned()));
        }
    }

    /// The bytes of the events are those of their records, and fill the data files.
    fn events(&mut self, manifest: &Manifest, records: &[Record], by_name: &BTreeMap<&str, &[u8]>) {
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
    fn citations(&mut self, manifest: &Manifest, records: &[Record]) {
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

    fn files(&mut self, manifest: &Manifest, by_name: &BTreeMap<&str, &[u8]>) {
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

    fn signature(
        &mut self,
        by_name: &BTreeMap<&str, &[u8]>,
        root: &Digest,
        options: &VerifyOptions<'_>,
    ) -> SignatureState {
        let refused = |check: &mut Self, what: String| {
            check.add(Finding::Signature(what));
            SignatureState::None
        };
        let Some(signature) = by_name.get(SIGNATURE) else {
            return match options.key {
                Some(_) => refused(self, "there is none, though a key was given".to_owned()),
                None => SignatureState::None,
            };
        };
        match sign::check(signature, by_name.get(SUMS).copied().unwrap_or_default(), root, options.key) {
            Ok(state) => state,
            Err(error) => refused(self, error.to_string()),
        }
    }

    /// Puts back what is masked in events.
    fn open(&mut self, verified: &mut Verified, reveal: &Reveal) {
        if reveal.root != verified.root {
            self.add(Finding::Reveal(format!("it belongs to the bundle with the root {}", reveal.root)));
            return;
        }
        let opened = reveal.by_commitment();
        let Verified { records, data, masked, n_opened, .. } = verified;
        for record in records.iter() {
            let Some(data) = data.get_mut(&record.file) else { continue };
            let left = masked.entry(record.n).or_default();
            left.retain(|mask| {
                let start = (record.at + mask.at) as usize;
                let place = start.checked_add(mask.len as usize).and_then(|end| data.get_mut(start..end));
                let (Some(bytes), Some(place)) = (opened.get(&mask.commitment), place) else { return true };
                if bytes.len() != place.len() {
                    return true;
                }
                place.copy_from_slice(bytes);
                *n_opened += 1;
                false
            });
            if let Some(mask) = left.iter().find(|mask| opened.contains_key(&mask.commitment)) {
                let what = format!("what opens {} does not fit event {}", mask.commitment, record.n);
                self.add(Finding::Reveal(what));
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
