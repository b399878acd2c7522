//! Verifying a bundle: everything that it says of itself is computed anew.

mod members;
mod records;
mod vouching;

use super::archive::{self, Member};
use super::finding::Finding;
use super::manifest::{FORMAT, Manifest, Mask, Record, Role, tree};
use super::redact::Reveal;
use super::sign::PublicKey;
use super::{EVENTS, MANIFEST, README, ROOT, SUMS};
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
}
