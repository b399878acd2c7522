//! Makes the derived parts of a store anew: a bucket's index from its journal, the catalog from the buckets.

use crate::bucket::blocks::BLOCKS_FILE;
use crate::bucket::builder::{BUILDING_PREFIX, SealedBucket, WRITTEN_BY, finish_dir};
use crate::bucket::columns::COLUMNS_FILE;
use crate::bucket::journal::JOURNAL_FILE;
use crate::bucket::meta::{BucketMeta, META_FILE};
use crate::bucket::reader::Bucket;
use crate::catalog::{BucketRow, CATALOG_FILE, Catalog};
use crate::clock;
use crate::disk;
use crate::error::{IoContext, Result, StoreError};
use crate::live::{self, LiveBlock};
use crate::lock::StoreLock;
use crate::retention::aged_out::AgedOutFile;
use crate::segment;
use crate::store::{Writer, bucket_dirs, index_dir, indexes, live_logs};
use crate::verify::{Reindexer, rules_of};
use hashbrown::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use trawl_formats::event::IndexName;
use trawl_formats::sourcetype::Registry;

impl Writer {
    /// Builds the index of a bucket again from its journal; the new bucket takes the old one's place in one transaction.
    ///
    /// # Errors
    /// If journal, columns or block directory are damaged, or the disk refuses the new bucket. The old one then stays.
    pub fn rebuild_index(&self, row: &BucketRow, registry: &Registry) -> Result<()> {
        let old_dir = self.data().join(&row.dir);
        let buckets_dir = old_dir.parent().unwrap_or(self.data());
        let bucket = Bucket::open(&old_dir)?;
        let rules = rules_of(&bucket, registry);
        let mut indexer = Reindexer::new(&bucket)?;
        for block in bucket.blocks() {
            indexer.add(block, &rules[block.source as usize])?;
        }

        let id = clock::unique_id();
        let dir = buckets_dir.join(format!("{BUILDING_PREFIX}{id}"));
        disk::create_dir(&dir)?;
        for name in [JOURNAL_FILE, COLUMNS_FILE] {
            let (old, new) = (old_dir.join(name), dir.join(name));
            fs::hard_link(&old, &new).at("link", &new)?;
        }
        let mut directory = bucket.directory().clone();
        for (source, rules) in directory.sources.iter_mut().zip(&rules) {
            source.rules_hash = rules.hash();
        }
        disk::write_file(&dir.join(BLOCKS_FILE), &directory.encode())?;
        segment::write(&dir, &mut indexer.terms, bucket.n_events())?;
        let mut meta = BucketMeta {
            id,
            replaces: vec![row.id.clone()],
            written_by: WRITTEN_BY.to_owned(),
            sealed_at_us: clock::now_us(),
            ..bucket.meta()?
        };
        for (source, rules) in meta.sources.iter_mut().zip(&rules) {
            source.entry.rules_hash = rules.hash();
        }
        let disk_bytes = finish_dir(&dir, &meta)?;
        let final_dir = buckets_dir.join(meta.dir_name());
        fs::rename(&dir, &final_dir).at("rename", &dir)?;
        disk::sync_dir(buckets_dir)?;
        self.catalog().replace_bucket(self.data(), &row.id, &SealedBucket { dir: final_dir, meta, disk_bytes })
    }
}

/// Replaces the catalog of the store in `data` by one made from the `bucket.json` files and `sources.json`. Returns the number of buckets.
///
/// # Errors
/// If another process writes to the store, or a bucket's metadata is damaged.
pub fn rebuild_catalog(data: &Path) -> Result<usize> {
    let _lock = StoreLock::take(data)?;
    let mut sealed = Vec::new();
    for dir in bucket_dirs(data)? {
        let path = dir.join(META_FILE);
        let meta = BucketMeta::decode(&fs::read(&path).at("read", &path)?, &path)?;
        let disk_bytes = disk_usage(&dir)?;
        sealed.push(SealedBucket { dir, meta, disk_bytes });
    }
    let aged = AgedOutFile::read(data)?;
    let logs = leftover_logs(data, &mut sealed, &aged)?;
    let replaced: HashSet<String> = sealed.iter().flat_map(|bucket| bucket.meta.replaces.iter().cloned()).collect();
    sealed.retain(|bucket| !replaced.contains(&bucket.meta.id));
    sealed.sort_by(|a, b| a.meta.sealed_at_us.cmp(&b.meta.sealed_at_us).then_with(|| a.meta.id.cmp(&b.meta.id)));
    for suffix in ["", "-wal", "-shm"] {
        let path = data.join(format!("{CATALOG_FILE}{suffix}"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::Io { action: "remove", path, source: error });
            }
            _ => {}
        }
    }
    Catalog::open_writer(data)?.rebuild(data, &sealed, &logs, &aged)?;
    Ok(sealed.len())
}

/// The live logs that no bucket has taken over. Where a seal was interrupted between two of its buckets, the logs are in
/// force, and the buckets are taken out of `sealed`.
fn leftover_logs(data: &Path, sealed: &mut Vec<SealedBucket>, aged: &AgedOutFile) -> Result<Vec<(String, IndexName)>> {
    let mut logs = Vec::new();
    for index in indexes(data)? {
        for id in live_logs(data, &index)? {
            let takes_over = |bucket: &SealedBucket| bucket.meta.replaces.contains(&id);
            let records = live::read(&live::log_path(&index_dir(data, &index), &id), &index, None)?;
            let is_held = |block: &LiveBlock| {
                let key = (block.source.id, block.source.generation);
                let in_buckets = sealed.iter().flat_map(|bucket| &bucket.meta.sources);
                let in_buckets = in_buckets.map(|source| (source.entry.key(), &source.ranges));
                let aged_out = aged.aged_out.iter().map(|aged| (aged.entry.key(), &aged.ranges));
                in_buckets.chain(aged_out).any(|(of, ranges)| of == key && ranges.contains(block.offset))
            };
            let mut whole = records.blocks.iter().filter(|block| !block.is_open).peekable();
            let has_events = whole.peek().is_some();
            let is_sealed = whole.all(is_held);
            // A log without whole events was not sealed, unless a bucket says so.
            if is_sealed && (has_events || sealed.iter().any(takes_over)) {
                continue;
            }
            sealed.retain(|bucket| !takes_over(bucket));
            logs.push((id, index.clone()));
        }
    }
    logs.sort_unstable();
    Ok(logs)
}

fn disk_usage(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).at("read", dir)? {
        bytes += entry.and_then(|entry| entry.metadata()).at("read", dir)?.len();
    }
    Ok(bytes)
}
