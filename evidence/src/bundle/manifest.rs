//! What a bundle says of itself: `manifest.json`, and a line of `events.jsonl` for each event.

use crate::Moment;
use crate::exhibit::Exhibit;
use crate::merkle::{Digest, MerkleTree};
use crate::source::SourceIdentity;
use serde::{Deserialize, Serialize};

/// Name of the format.
pub const FORMAT: &str = "trawl-evidence/1";

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// What the bundle is about.
    pub title: String,
    /// When it was made, by the clock of the machine that made it.
    pub made: Moment,
    /// The zone in which people read its times.
    pub zone: String,
    /// Version of trawl that made it.
    pub trawl_version: String,
    /// Format of the index that the events were read from.
    pub index_format: u32,
    /// How many events were to be taken along before each cited one.
    pub n_before: usize,
    /// How many behind it.
    pub n_after: usize,
    /// How many lines `events.jsonl` has.
    pub n_records: u64,
    /// The files that events came from; records name them by their place here, from 0.
    pub sources: Vec<SourceIdentity>,
    /// What people wrote about the case, as Markdown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<SectionText>,
    /// What was done and what came of it: queries with what they covered, tables, notes. Their events stand in `citations`.
    pub exhibits: Vec<Exhibit>,
    /// Which events are cited, by which exhibit, and why.
    pub citations: Vec<CitedRecord>,
    /// Files of the case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<BundledFile>,
    /// What a reader should know, such as context that was no longer there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// How many parts are masked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n_masked: u64,
    /// SHA-256 of `README.md`.
    pub readme_sha256: Digest,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A section of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionText {
    /// Its name.
    pub name: String,
    /// What it says.
    pub markdown: String,
}

/// A citation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CitedRecord {
    /// The exhibit, by its place in `exhibits`, from 0.
    pub exhibit: usize,
    /// Number of the record.
    pub record: u64,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// A file of the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundledFile {
    /// Name in the archive.
    pub path: String,
    /// The exhibit, by its place in `exhibits`, from 0.
    pub exhibit: usize,
    /// Length in bytes.
    pub len: u64,
    /// SHA-256 of the bytes in the archive.
    pub sha256: Digest,
    /// Parts that are masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<Mask>,
}

/// What an event is in a bundle for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It stands near one that is cited.
    Context,
    /// It is cited.
    Cited,
}

/// A line of `events.jsonl`: an event. Without its line feed, it is a leaf of the Merkle tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its number, from 1.
    pub n: u64,
    /// What it is for.
    pub role: Role,
    /// The file it came from, by its place in `sources`, from 0.
    pub source: usize,
    /// Byte offset in that file (in its decompressed content).
    pub offset: u64,
    /// Bytes, line end included.
    pub len: u64,
    /// `_time`, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Moment>,
    /// SHA-256 of its bytes as they are in the archive.
    pub sha256: Digest,
    /// The member of the archive that holds them.
    pub file: String,
    /// Byte offset in that member.
    pub at: u64,
    /// Parts that are masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<Mask>,
}

/// A part that is masked: its bytes are [`MASK_BYTE`](super::redact::MASK_BYTE) each, and what they were is committed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// First byte in the event or file.
    pub at: u64,
    /// Bytes.
    pub len: u64,
    /// The commitment: see [`redact`](super::redact).
    pub commitment: Digest,
}

impl Record {
    /// Its line, without a line feed.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("a record has string keys only")
    }
}

impl Manifest {
    /// The bytes of `manifest.json`.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest has string keys only");
        text.push(b'\n');
        text
    }
}

/// The tree over a manifest and the lines of events: its root pins down everything in a bundle.
pub fn tree<'l>(manifest: &[u8], lines: impl IntoIterator<Item = &'l [u8]>) -> MerkleTree {
    let mut tree = MerkleTree::default();
    tree.push(manifest);
    lines.into_iter().for_each(|line| tree.push(line));
    tree
}
