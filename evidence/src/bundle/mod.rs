//! Bundles of evidence: one archive with the exact bytes of cited events, what they mean, and what proves that nothing in it was
//! changed.
//!
//! [`make`] puts together the files of a bundle, in this order: `README.md`, `manifest.json` ([`Manifest`]), `events.jsonl` (a
//! [`Record`] a line), `data/` (stretches of logs), `files/`, `MERKLE-ROOT`, `SHA256SUMS` and, if it is signed,
//! `SHA256SUMS.minisig`. [`verify`] takes an [`archive`] apart and believes nothing; what it found to be whole is a [`Verified`],
//! which [`against`] compares with the logs themselves.
//!
//! What holds what: `SHA256SUMS` holds every file before it. The [Merkle root](crate::merkle) holds the manifest and the records,
//! in their order and number; the manifest holds the README and the files, the records hold the bytes in `data/`. So the root
//! alone pins down the whole. The signature signs the sums, and names the root.

pub mod against;
pub mod archive;
mod collect;
mod finding;
mod make;
pub mod manifest;
mod readme;
pub mod redact;
pub mod sign;
#[cfg(test)]
mod tests;
mod verify;

pub use finding::Finding;
pub use make::{Bundle, Contents, MakeError, MakeOptions, make};
pub use manifest::{Manifest, Record};
pub use verify::{SignatureState, Verified, VerifyOptions, verify, verify_tar};

use crate::merkle::Digest;
use archive::Member;
use std::fmt::Write;

/// What the bundle is, for people.
const README: &str = "README.md";
/// What it holds.
const MANIFEST: &str = "manifest.json";
/// A line for each event.
const EVENTS: &str = "events.jsonl";
/// The Merkle root.
const ROOT: &str = "MERKLE-ROOT";
/// The sums of all files before it.
const SUMS: &str = "SHA256SUMS";
/// The signature of the sums.
const SIGNATURE: &str = "SHA256SUMS.minisig";

/// `SHA256SUMS` as `sha256sum` reads it.
fn sums_of(members: &[Member]) -> String {
    let mut text = String::new();
    for Member { name, bytes } in members {
        writeln!(text, "{}  {name}", Digest::of(bytes)).expect("writing to a string does not fail");
    }
    text
}
