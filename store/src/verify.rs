//! Checks a whole store: checksums, catalog against disk, journal against index.

use crate::bucket::blocks::Block;
use crate::bucket::journal::BlockReader;
use crate::bucket::reader::Bucket;
use crate::catalog::BucketRow;
use crate::error::{Result, StoreError};
use crate::segment::{Tokenizer, terms::TermTable};
use crate::store::{Reader, bucket_dirs};
use hashbrown::HashSet;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trawl_formats::parse::{EventFlags, EventMeta, ParsedBlock};
use trawl_formats::sourcetype::{Registry, Rules};
use trawl_formats::text::text;

/// What [`verify`] found.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// Buckets that were checked.
    pub n_buckets: usize,
    /// Events in them.
    pub n_events: u64,
    /// Raw bytes that were read back.
    pub raw_bytes: u64,
    /// Everything that is not as it should be.
    pub problems: Vec<Problem>,
    /// What could not be checked, and why, though nothing is known to be wrong.
    pub notes: Vec<String>,
}

/// Something wrong in a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A file is missing or damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalog names a bucket that is not on disk.
    #[error("the catalog names bucket {id}, but there is no {}", dir.display())]
    Missing {
        /// The bucket.
        id: String,
        /// Where it should be.
        dir: PathBuf,
    },
    /// A bucket on disk that the catalog does not name: what an interrupted `trawl index` leaves, removed by the next.
    #[error("{} is not in the catalog", dir.display())]
    Unknown {
        /// The bucket directory.
        dir: PathBuf,
    },
    /// Catalog and bucket disagree.
    #[error("the catalog says {what} of {} is {catalog}, the bucket says {bucket}", dir.display())]
    Disagree {
        /// The bucket directory.
        dir: PathBuf,
        /// Which figure.
        what: &'static str,
        /// The catalog's.
        catalog: i64,
        /// The bucket's.
        bucket: i64,
    },
    /// Index and journal disagree.
    #[error("the index of {} does not hold what its journal holds: {what}; rebuild it with `trawl verify --repair`", dir.display())]
    Index {
        /// The bucket directory.
        dir: PathBuf,
        /// The first difference.
        what: String,
    },
}

/// Checks every bucket of the store in `data`.
///
/// # Errors
/// If there is no store or its catalog cannot be read. Damage of buckets is no error but part of the report.
pub fn verify(data: &Path, registry: &Registry) -> Result<VerifyReport> {
    let reader = Reader::open(data)?;
    let snapshot = reader.snapshot()?;
    let mut report = VerifyReport { n_buckets: snapshot.buckets.len(), ..VerifyReport::default() };
    let known: HashSet<PathBuf> = snapshot.buckets.iter().map(|row| data.join(&row.dir)).collect();
    for dir in bucket_dirs(data)?.into_iter().filter(|dir| !known.contains(dir)) {
        report.problems.push(Problem::Unknown { dir });
    }
    let checked: Vec<BucketReport> =
        snapshot.buckets.par_iter().map(|row| BucketReport::of(&reader, row, registry)).collect();
    for bucket in checked {
        report.n_events += bucket.n_events;
        report.raw_bytes += bucket.raw_bytes;
        report.problems.extend(bucket.problems);
        report.notes.extend(bucket.notes);
    }
    Ok(report)
}

#[derive(Default)]
struct BucketReport {
    n_events: u64,
    raw_bytes: u64,
    problems: Vec<Problem>,
    notes: Vec<String>,
}

impl BucketReport {
    fn of(reader: &Reader, row: &BucketRow, registry: &Registry) -> Self {
        let mut report = Self::default();
        let dir = reader.data().join(&row.dir);
        match report.check(&dir, row, registry) {
            Err(StoreError::BucketGone { .. }) => match reader.has_aged_out(row) {
                Ok(true) => {}
                Ok(false) => report.problems.push(Problem::Missing { id: row.id.clone(), dir }),
                Err(error) => report.problems.push(error.into()),
            },
            Err(error) => report.problems.push(error.into()),
            Ok(()) => {}
        }
        report
    }

    fn check(&mut self, dir: &Path, row: &BucketRow, registry: &Registry) -> Result<()> {
        let bucket = Bucket::open(dir)?;
        let damaged = bucket.files().check_all();
        let whole = damaged.is_empty();
        self.problems.extend(damaged.into_iter().map(Problem::from));
        if !whole {
            return Ok(());
        }
        let meta = bucket.meta()?;
        for (what, catalog, bucket) in [
            ("the number of events", row.n_events as i64, i64::from(meta.n_events)),
            ("the number of blocks", row.n_blocks as i64, i64::from(meta.n_blocks)),
            ("the number of raw bytes", row.raw_bytes as i64, meta.raw_bytes as i64),
            ("the earliest time", row.min_time_us, meta.min_time_us),
            ("the latest time", row.max_time_us, meta.max_time_us),
        ] {
            if catalog != bucket {
                self.problems.push(Problem::Disagree { dir: dir.to_owned(), what, catalog, bucket });
            }
        }

        let rules = rules_of(&bucket, registry);
        let changed =
            rules.iter().zip(&bucket.directory().sources).find(|(rules, source)| rules.hash() != source.rules_hash);
        let mut indexer = Reindexer::new(&bucket)?;
        for block in bucket.blocks() {
            indexer.add(block, &rules[block.source as usize])?;
        }
        self.n_events = u64::from(bucket.n_events());
        self.raw_bytes = indexer.raw_bytes;
        if let Some((_, source)) = changed {
            let note = format!(
                "the rules of sourcetype {} changed since {} was indexed; its index was not compared",
                source.sourcetype,
                dir.display()
            );
            self.notes.push(note);
        } else if let Some(what) = first_difference(&bucket, &mut indexer.terms)? {
            self.problems.push(Problem::Index { dir: dir.to_owned(), what });
        }
        Ok(())
    }
}

/// The rules of each source of a bucket; those of the generic sourcetype where there are none of that name any more.
pub(crate) fn rules_of(bucket: &Bucket, registry: &Registry) -> Vec<Arc<Rules>> {
    let sources = &bucket.directory().sources;
    sources
        .iter()
        .map(|source| registry.get(source.sourcetype.as_str()).unwrap_or_else(|| registry.generic()))
        .collect()
}

/// Tokenizes the journal of a sealed bucket again.
pub(crate) struct Reindexer<'a> {
    bucket: &'a Bucket,
    reader: BlockReader,
    tokenizer: Tokenizer,
    /// Terms of the blocks added so far.
    pub terms: TermTable,
    /// Raw bytes of the blocks added so far.
    pub raw_bytes: u64,
    raw: Vec<u8>,
    ends: Vec<u32>,
    parsed: ParsedBlock,
}

impl<'a> Reindexer<'a> {
    pub fn new(bucket: &'a Bucket) -> Result<Self> {
        Ok(Self {
            bucket,
            reader: BlockReader::new()?,
            tokenizer: Tokenizer::default(),
            terms: TermTable::default(),
            raw_bytes: 0,
            raw: Vec::new(),
            ends: Vec::new(),
            parsed: ParsedBlock::default(),
        })
    }

    /// Reads one block and enters its terms; blocks come in journal order.
    pub fn add(&mut self, block: &Block, rules: &Rules) -> Result<()> {
        let decoding = self.bucket.source_of(block).decoding;
        self.bucket.read_block(&mut self.reader, block, &mut self.raw)?;
        self.bucket.event_ends(block, &self.raw, &mut self.ends)?;
        self.parsed.events.clear();
        let mut start = 0;
        for &end in &self.ends {
            let text = text(&self.raw[start as usize..end as usize], decoding);
            self.parsed.events.push(EventMeta {
                len: end - start,
                time_us: 0,
                stamp: rules.stamp_span(&text, block.hint),
                level: 0,
                host: 0,
                flags: EventFlags::default(),
            });
            start = end;
        }
        self.bucket.flags(block, |event_idx, flags| {
            if let Some(event) = self.parsed.events.get_mut(event_idx as usize) {
                event.flags = EventFlags(flags);
            }
        })?;
        self.tokenizer.add_block(&self.raw, &self.parsed, decoding, block.first_doc, &mut self.terms);
        self.raw_bytes += self.raw.len() as u64;
        Ok(())
    }
}

/// Compares the segment of a bucket with terms that were collected anew.
fn first_difference(bucket: &Bucket, terms: &mut TermTable) -> Result<Option<String>> {
    /// Ends the walk: either at a difference or at an error.
    enum Stop {
        Difference(String),
        Error(StoreError),
    }
    let segment = bucket.segment()?;
    let mut indexed = segment.terms(b"")?;
    let mut docs = Vec::new();
    let walk = terms.for_each_term(bucket.n_events(), |term, expected| {
        let printable = String::from_utf8_lossy(term);
        match indexed.next() {
            Some((found, info)) if found == term => {
                docs.clear();
                segment.read_docs(info, &mut docs).map_err(Stop::Error)?;
                let same = docs == expected;
                if same { Ok(()) } else { Err(Stop::Difference(format!("other events for `{printable}`"))) }
            }
            _ => Err(Stop::Difference(format!("`{printable}` is not where it should be"))),
        }
    });
    match walk {
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::Difference(what)) => Ok(Some(what)),
        Ok(()) => Ok(indexed.next().map(|(term, _)| format!("`{}` is in no event", String::from_utf8_lossy(term)))),
    }
}
