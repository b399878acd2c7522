//! Compressed files in which nothing new was found: as long as the file system says that nobody has touched one, it need not
//! be decompressed again.
//!
//! Such a note only saves work. It says of *this* inode, in *this* state, that its content ends at a byte up to which all of
//! a generation was known. Whoever writes to a file changes its ctime, which nobody can set.

use super::{Catalog, unsigned};
use crate::error::Result;
use crate::source::SourceId;
use rusqlite::{OptionalExtension, params};
use trawl_formats::event::IndexName;

/// A note is good for so long; then the file is looked at once more. It also bounds how many there are.
const NOTE_LIFE_US: i64 = 30 * 24 * 3600 * 1_000_000;
/// A file that was touched so lately could be written again within the same tick of the file system's clock.
const SETTLED_US: i64 = 3_000_000;

/// What the file system says of a file. While it is the same, nobody has written to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    /// Device.
    pub dev: u64,
    /// Inode.
    pub ino: u64,
    /// Length in bytes.
    pub len: u64,
    /// Last write, microseconds since the epoch.
    pub mtime_us: i64,
    /// Last change of any kind, nanoseconds since the epoch.
    pub ctime_ns: i64,
}

/// A compressed file of which everything is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinishedFile {
    /// What it was like.
    pub stamp: FileStamp,
    /// Source that it is, or is a copy of the beginning of.
    pub source: SourceId,
    /// Generation of it.
    pub generation: u32,
    /// Length of its content after decompression.
    pub content_len: u64,
}

impl Catalog {
    /// Notes that everything in these files is known. Those that were touched a moment ago are left out.
    ///
    /// # Errors
    /// If the database fails.
    pub fn note_finished(&self, index: &IndexName, files: &[FinishedFile], now_us: i64) -> Result<()> {
        let is_settled = |file: &&FinishedFile| {
            let FileStamp { mtime_us, ctime_ns, .. } = file.stamp;
            mtime_us.max(ctime_ns / 1000) < now_us.saturating_sub(SETTLED_US)
        };
        let settled: Vec<&FinishedFile> = files.iter().filter(is_settled).collect();
        if settled.is_empty() {
            return Ok(());
        }
        self.run_lazily(|transaction| {
            let expired = now_us.saturating_sub(NOTE_LIFE_US);
            transaction.prepare_cached("DELETE FROM finished_file WHERE noted_at_us < ?")?.execute([expired])?;
            let mut insert = transaction
                .prepare_cached("INSERT OR REPLACE INTO finished_file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
            for FinishedFile { stamp, source, generation, content_len } in settled {
                insert.execute(params![
                    index.as_str(),
                    stamp.dev as i64,
                    stamp.ino as i64,
                    stamp.len as i64,
                    stamp.mtime_us,
                    stamp.ctime_ns,
                    source.0 as i64,
                    generation,
                    *content_len as i64,
                    now_us
                ])?;
            }
            Ok(())
        })
    }

    /// What was noted of the file that is like this, if it was not too long ago.
    ///
    /// # Errors
    /// If the database fails.
    pub fn finished_file(&self, index: &IndexName, stamp: &FileStamp, now_us: i64) -> Result<Option<FinishedFile>> {
        let connection = self.lock();
        let select = || {
            connection
                .prepare_cached(
                    "SELECT source_id, generation, content_len FROM finished_file
                     WHERE index_name = ? AND dev = ? AND ino = ? AND len = ? AND mtime_us = ? AND ctime_ns = ?
                     AND noted_at_us >= ?",
                )?
                .query_row(
                    params![
                        index.as_str(),
                        stamp.dev as i64,
                        stamp.ino as i64,
                        stamp.len as i64,
                        stamp.mtime_us,
                        stamp.ctime_ns,
                        now_us.saturating_sub(NOTE_LIFE_US)
                    ],
                    |row| {
                        Ok(FinishedFile {
                            stamp: *stamp,
                            source: SourceId(unsigned(row, "source_id")?),
                            generation: row.get("generation")?,
                            content_len: unsigned(row, "content_len")?,
                        })
                    },
                )
                .optional()
        };
        self.explained(select())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_US: i64 = 1_795_348_800_000_000;

    #[test]
    fn a_file_is_known_while_nobody_has_touched_it() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let catalog = Catalog::open_writer(dir.path()).expect("catalog");
        let (main, web) = (IndexName::new("main").expect("valid"), IndexName::new("web").expect("valid"));
        let us = NOON_US - 60_000_000;
        let stamp = FileStamp { dev: 1, ino: u64::MAX, len: 7, mtime_us: us, ctime_ns: us * 1000 };
        let file = FinishedFile { stamp, source: SourceId(3), generation: 2, content_len: 70 };
        let of = |index: &IndexName, stamp: FileStamp, now_us| {
            catalog.finished_file(index, &stamp, now_us).expect("the catalog answers")
        };
        assert_eq!(of(&main, stamp, NOON_US), None);
        catalog.note_finished(&main, &[file], NOON_US).expect("the catalog takes it");
        assert_eq!(of(&main, stamp, NOON_US), Some(file));
        assert_eq!(of(&web, stamp, NOON_US), None);
        let others = [
            FileStamp { dev: 2, ..stamp },
            FileStamp { ino: 2, ..stamp },
            FileStamp { len: 8, ..stamp },
            FileStamp { mtime_us: us + 1, ..stamp },
            FileStamp { ctime_ns: us * 1000 + 1, ..stamp },
        ];
        assert!(others.iter().all(|other| of(&main, *other, NOON_US).is_none()));
        assert_eq!(of(&main, stamp, NOON_US + 2 * NOTE_LIFE_US), None, "a note does not live for ever");
    }

    #[test]
    fn a_file_that_was_touched_a_moment_ago_is_not_noted() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let catalog = Catalog::open_writer(dir.path()).expect("catalog");
        let main = IndexName::new("main").expect("valid");
        let us = NOON_US - SETTLED_US;
        for (mtime_us, ctime_ns) in [(us, 0), (0, us * 1000)] {
            let stamp = FileStamp { dev: 1, ino: 2, len: 7, mtime_us, ctime_ns };
            let file = FinishedFile { stamp, source: SourceId(3), generation: 2, content_len: 70 };
            catalog.note_finished(&main, &[file], NOON_US).expect("the catalog takes it");
            assert_eq!(catalog.finished_file(&main, &stamp, NOON_US).expect("the catalog answers"), None);
        }
    }
}
