//! Making a bundle from exhibits.

use super::archive::{self, Member};
use super::collect::{Collected, Events, Nowhere};
use super::manifest::{BundledFile, CitedRecord, FORMAT, Manifest, Record, Role, SectionText, tree};
use super::redact::{RedactError, Redactor, Reveal};
use super::{EVENTS, MANIFEST, README, ROOT, SIGNATURE, SUMS, readme, sums_of};
use crate::Moment;
use crate::events::EventStore;
use crate::exhibit::Exhibit;
use crate::merkle::Digest;
use crate::source::SourceIdentity;
use std::collections::BTreeMap;
use std::io::Write;
use trawl_formats::Encoding;
use trawl_query::engine::address::Address;
use trawl_query::error::RunError;
use trawl_store::bucket::meta::FORMAT_VERSION;

/// What goes into a bundle.
pub struct Contents {
    /// What it is about.
    pub title: String,
    /// What people wrote.
    pub sections: Vec<SectionText>,
    /// What was done, with the events that are cited.
    pub exhibits: Vec<Exhibit>,
    /// Files of exhibits: place of the exhibit, name and bytes.
    pub files: Vec<(usize, String, Vec<u8>)>,
}

/// How a bundle is made.
pub struct MakeOptions<'s> {
    /// How many events are taken along before each cited one.
    pub n_before: usize,
    /// How many behind it.
    pub n_after: usize,
    /// The clock.
    pub now: Moment,
    /// The zone in which its readers read times.
    pub zone: String,
    /// Patterns of what is masked.
    pub redact: Vec<String>,
    /// Signs `SHA256SUMS`, given that and the root; returns the file beside it.
    #[expect(clippy::type_complexity, reason = "it is named once")]
    pub sign: Option<&'s dyn Fn(&[u8], &Digest) -> Result<Vec<u8>, super::sign::SignError>>,
}

/// A bundle, made but not yet written.
#[derive(Debug)]
pub struct Bundle {
    /// The root that pins it down.
    pub root: Digest,
    /// What opens what is masked; `None` if nothing was to be masked.
    pub reveal: Option<Reveal>,
    /// Events in it.
    pub n_events: u64,
    /// Of them, events that are cited.
    pub n_cited: u64,
    /// What a reader should know.
    pub remarks: Vec<String>,
    members: Vec<Member>,
    time_s: u64,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MakeError {
    /// There is nothing to prove.
    #[error("there is nothing in it: no event is cited, and there is no query, note or file")]
    Empty,
    /// The case does not agree with itself.
    #[error(
        "the bytes that exhibit `{exhibit}` holds for {address} are not those that were laid into it: their SHA-256 is another one"
    )]
    Changed {
        /// The exhibit.
        exhibit: String,
        /// The event.
        address: Address,
    },
    /// The case does not agree with the index.
    #[error("exhibit `{exhibit}` holds other bytes for {address} than the index")]
    Differs {
        /// The exhibit.
        exhibit: String,
        /// The event.
        address: Address,
    },
    /// It is not known which file an event came from.
    #[error("nothing is known of the file that {0} came from")]
    NoSource(Address),
    /// Too much.
    #[error("the events and files are more than {} MiB: cite fewer, or take less context along", archive::MAX_BYTES >> 20)]
    TooLarge,
    /// Parts cannot be masked.
    #[error(transparent)]
    Redact(#[from] RedactError),
    /// It cannot be signed.
    #[error(transparent)]
    Sign(#[from] super::sign::SignError),
    /// The store cannot be read.
    #[error("cannot read the context of the events")]
    Store(#[source] Box<RunError>),
}

/// Makes a bundle. Where `store` still has the cited events, their context comes along, and their bytes are compared.
///
/// # Errors
/// If the exhibits do not agree with themselves or the store, or there is too much.
pub fn make(
    contents: Contents,
    store: Option<&mut dyn EventStore>,
    options: &MakeOptions<'_>,
) -> Result<Bundle, MakeError> {
    let Contents { mut title, mut sections, mut exhibits, files } = contents;
    let is_empty = |exhibit: &Exhibit| {
        exhibit.events.is_empty() && exhibit.queries.is_empty() && exhibit.text.is_empty() && exhibit.files.is_empty()
    };
    if exhibits.iter().all(is_empty) && sections.is_empty() {
        return Err(MakeError::Empty);
    }
    let mut collected = Collected::default();
    let mut no_store = Nowhere;
    let store = store.unwrap_or(&mut no_store);
    for (place, exhibit) in exhibits.iter_mut().enumerate() {
        collected.take(place, exhibit, store, options)?;
    }
    let Collected { mut sources, mut events, cited, mut remarks } = collected;

    let mut redactor = (!options.redact.is_empty()).then(|| Redactor::new(&options.redact)).transpose()?;
    let (bundled_files, file_members) = bundled(files, &mut exhibits, &mut redactor)?;
    if let Some(redactor) = &mut redactor {
        redactor.text(&mut title)?;
        sections.iter_mut().try_for_each(|section| redactor.text(&mut section.markdown))?;
        exhibits.iter_mut().try_for_each(|exhibit| redactor.exhibit(exhibit))?;
        remarks.iter_mut().try_for_each(|remark| redactor.text(remark))?;
    }
    let (mut members, mut records) = (Vec::new(), Vec::new());
    lay_out(&mut events, &mut sources, &mut redactor, &mut records, &mut members)?;
    if let Some(redactor) = &mut redactor {
        for source in &mut sources {
            [&mut source.source, &mut source.path, &mut source.host]
                .into_iter()
                .try_for_each(|text| redactor.text(text))?;
        }
    }
    let number: BTreeMap<(usize, u64), u64> =
        records.iter().map(|record: &Record| ((record.source, record.offset), record.n)).collect();
    let mut citations = Vec::new();
    for (exhibit, key, mut why) in cited {
        if let Some(redactor) = &mut redactor {
            redactor.text(&mut why)?;
        }
        citations.push(CitedRecord { exhibit, record: number[&key], why });
    }
    members.extend(file_members);
    let total: u64 = members.iter().map(|member| member.bytes.len() as u64).sum();
    if total > archive::MAX_BYTES / 2 || members.len() > archive::MAX_MEMBERS / 2 {
        return Err(MakeError::TooLarge);
    }
    let mut manifest = Manifest {
        format: FORMAT.to_owned(),
        title,
        made: options.now,
        zone: options.zone.clone(),
        trawl_version: env!("CARGO_PKG_VERSION").to_owned(),
        index_format: FORMAT_VERSION,
        n_before: options.n_before,
        n_after: options.n_after,
        n_records: records.len() as u64,
        sources,
        sections,
        exhibits,
        citations,
        files: bundled_files,
        remarks: remarks.clone(),
        n_masked: redactor.as_ref().map_or(0, |redactor| redactor.n_masked() as u64),
        readme_sha256: Digest::of(b""),
    };
    let readme = readme::text(&manifest, options.sign.is_some()).into_bytes();
    manifest.readme_sha256 = Digest::of(&readme);
    let n_cited = records.iter().filter(|record| record.role == Role::Cited).count() as u64;
    let (members, root) = finished(&manifest, readme, &records, members, options)?;
    Ok(Bundle {
        root,
        reveal: redactor.map(|redactor| Reveal::new(root, redactor.into_openings())),
        n_events: records.len() as u64,
        n_cited,
        remarks,
        members,
        time_s: u64::try_from(options.now.0.div_euclid(1_000_000)).unwrap_or(0),
    })
}

impl Bundle {
    /// Writes the archive.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write(&self, out: impl Write) -> std::io::Result<()> {
        archive::write(&self.members, self.time_s, out)
    }
}

/// Files of exhibits as a bundle has them.
fn bundled(
    files: Vec<(usize, String, Vec<u8>)>,
    exhibits: &mut [Exhibit],
    redactor: &mut Option<Redactor>,
) -> Result<(Vec<BundledFile>, Vec<Member>), MakeError> {
    let (mut bundled, mut members) = (Vec::new(), Vec::new());
    for (exhibit, name, mut bytes) in files {
        let (mut masks, mut shown) = (Vec::new(), name.clone());
        if let Some(redactor) = redactor {
            masks = redactor.bytes(&mut bytes)?;
            redactor.text(&mut shown)?;
        }
        let path = format!("files/{:02}-{}", bundled.len() + 1, plain_name(&shown));
        let (len, sha256) = (bytes.len() as u64, Digest::of(&bytes));
        // From the sum of what it was, what is masked could be guessed.
        let copied = exhibits.get_mut(exhibit).into_iter().flat_map(|exhibit| &mut exhibit.files);
        copied.filter(|file| file.name == name && !masks.is_empty()).for_each(|file| file.sha256 = sha256);
        bundled.push(BundledFile { path: path.clone(), exhibit, len, sha256, masks });
        members.push(Member { name: path, bytes });
    }
    Ok((bundled, members))
}

/// All members in their order, and the root.
fn finished(
    manifest: &Manifest,
    readme: Vec<u8>,
    records: &[Record],
    data: Vec<Member>,
    options: &MakeOptions<'_>,
) -> Result<(Vec<Member>, Digest), MakeError> {
    let manifest = manifest.encode();
    let lines: Vec<String> = records.iter().map(Record::line).collect();
    let root = tree(&manifest, lines.iter().map(String::as_bytes)).root();
    let mut events = lines.join("\n").into_bytes();
    if !lines.is_empty() {
        events.push(b'\n');
    }
    let member = |name: &str, bytes: Vec<u8>| Member { name: name.to_owned(), bytes };
    let mut members = vec![member(README, readme), member(MANIFEST, manifest), member(EVENTS, events)];
    members.extend(data);
    members.push(member(ROOT, format!("{root}\n").into_bytes()));
    let sums = sums_of(&members).into_bytes();
    let signature = options.sign.map(|sign| sign(&sums, &root)).transpose()?;
    members.push(member(SUMS, sums));
    members.extend(signature.map(|signature| member(SIGNATURE, signature)));
    Ok((members, root))
}

/// Makes records of the events, and data files of stretches in which they follow each other; masks them.
fn lay_out(
    events: &mut Events,
    sources: &mut [SourceIdentity],
    redactor: &mut Option<Redactor>,
    records: &mut Vec<Record>,
    members: &mut Vec<Member>,
) -> Result<(), MakeError> {
    let mut end: Option<(usize, u64)> = None;
    for ((source, offset), event) in events.iter_mut() {
        let mut masks = Vec::new();
        if let Some(redactor) = redactor {
            let identity = &mut sources[*source];
            if matches!(identity.decoding().encoding, Encoding::Utf16Le | Encoding::Utf16Be) {
                return Err(RedactError::Encoding(identity.source.clone()).into());
            }
            masks = redactor.bytes(&mut event.bytes)?;
            // The hash of the head is without salt: with it, what is masked there could be guessed.
            if !masks.is_empty() && *offset < u64::from(identity.head_len) {
                identity.head_sha256_16 = None;
            }
        }
        let len = event.bytes.len() as u64;
        if end != Some((*source, *offset)) {
            members.push(Member { name: format!("data/{:05}.log", members.len() + 1), bytes: Vec::new() });
        }
        end = Some((*source, offset + len));
        let member = members.last_mut().expect("one was begun");
        records.push(Record {
            n: records.len() as u64 + 1,
            role: event.role,
            source: *source,
            offset: *offset,
            len,
            time: event.time,
            sha256: Digest::of(&event.bytes),
            file: member.name.clone(),
            at: member.bytes.len() as u64,
            masks,
        });
        member.bytes.append(&mut event.bytes);
    }
    Ok(())
}

/// A name that a member may have, made of one that a file has.
fn plain_name(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let tail: String = plain.chars().skip(plain.chars().count().saturating_sub(60)).collect();
    if tail.starts_with(|c: char| c.is_ascii_alphanumeric()) { tail } else { format!("_{tail}") }
}
