//! Blocks in temporary files.

use super::Spilled;
use crate::context::Context;
use crate::error::{Result, RunError};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Least and most memory that a block takes when it is read back. Larger ones compress better; one of each run, or of each
/// partition, is in memory at a time.
const BLOCK_BYTES: std::ops::RangeInclusive<usize> = 1 << 10..=256 << 10;

/// Which part of the memory limit a block may take: with 64 runs to be merged all blocks together take a sixteenth.
const BLOCKS_IN_LIMIT: usize = 1 << 10;

/// Blocks are written and read once, soon: speed counts, not size.
const ZSTD_LEVEL: i32 = 1;

/// Writes what an operator gives away. The file is made with the first block.
pub(crate) struct Spill {
    ctx: Arc<Context>,
    command: &'static str,
    file: Option<Arc<SpillFile>>,
    /// Where the next block goes.
    offset: u64,
}

/// A file without a name. Its space is free again when the last of its blocks is dropped.
struct SpillFile {
    ctx: Arc<Context>,
    command: &'static str,
    file: File,
    n_bytes: AtomicU64,
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        self.ctx.release_disk(self.n_bytes.load(Ordering::Relaxed));
    }
}

/// Where a block lies. A run is a list of them.
#[derive(Clone)]
pub(crate) struct Block {
    file: Arc<SpillFile>,
    offset: u64,
    /// Bytes on disk.
    len: u32,
    crc: u32,
    /// Bytes before compression.
    content_len: usize,
}

impl Spill {
    /// Nothing yet, on behalf of `command`.
    pub fn new(ctx: &Arc<Context>, command: &'static str) -> Self {
        Self { ctx: Arc::clone(ctx), command, file: None, offset: 0 }
    }

    /// How much memory the content of a block should take.
    pub fn block_bytes(&self) -> usize {
        (self.ctx.limits.max_memory_bytes / BLOCKS_IN_LIMIT).clamp(*BLOCK_BYTES.start(), *BLOCK_BYTES.end())
    }

    /// Puts the next block into a file of its own, so that the space of those before it can be freed on its own.
    pub fn begin_file(&mut self) {
        self.file = None;
    }

    /// Says that state was given away once more.
    pub fn count_run(&self) {
        self.ctx.note_spilled(Spilled { command: self.command, n_runs: 1, n_bytes: 0 });
    }

    /// Writes a block.
    ///
    /// # Errors
    /// [`RunError::Spill`] if the folder cannot take it, [`RunError::Limit`] if the search may not write more, or the search is
    /// cancelled.
    pub fn write(&mut self, content: &[u8]) -> Result<Block> {
        self.ctx.cancel.check()?;
        let compressed = zstd::bulk::compress(content, ZSTD_LEVEL).map_err(|error| self.failed(error))?;
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => {
                let file = tempfile::tempfile_in(self.ctx.spill_folder()).map_err(|error| self.failed(error))?;
                self.begin_in(file)
            }
        };
        let n_bytes = compressed.len() as u64;
        self.ctx.take_disk(self.command, n_bytes)?;
        file.n_bytes.fetch_add(n_bytes, Ordering::Relaxed);
        let offset = self.offset;
        file.file.write_all_at(&compressed, offset).map_err(|error| self.failed(error))?;
        self.offset += n_bytes;
        self.ctx.note_spilled(Spilled { command: self.command, n_runs: 0, n_bytes });
        let crc = crc32c::crc32c(&compressed);
        let len = u32::try_from(compressed.len()).map_err(|_| self.failed(io::ErrorKind::FileTooLarge.into()))?;
        Ok(Block { file, offset, len, crc, content_len: content.len() })
    }

    fn begin_in(&mut self, file: File) -> Arc<SpillFile> {
        let file = SpillFile { ctx: Arc::clone(&self.ctx), command: self.command, file, n_bytes: AtomicU64::new(0) };
        let file = Arc::new(file);
        self.offset = 0;
        self.file = Some(Arc::clone(&file));
        file
    }

    fn failed(&self, error: io::Error) -> RunError {
        spill_error(&self.ctx, self.command, error)
    }
}

impl Block {
    /// The content as it was written.
    ///
    /// # Errors
    /// If the file cannot be read or holds something else, or the search is cancelled.
    pub fn read(&self) -> Result<Vec<u8>> {
        let SpillFile { ctx, command, file, .. } = &*self.file;
        ctx.cancel.check()?;
        let failed = |error| spill_error(ctx, command, error);
        let mut compressed = vec![0; self.len as usize];
        file.read_exact_at(&mut compressed, self.offset).map_err(failed)?;
        if crc32c::crc32c(&compressed) != self.crc {
            return Err(self.damaged());
        }
        zstd::bulk::decompress(&compressed, self.content_len).map_err(failed)
    }

    /// The error of a block that cannot be decoded.
    pub fn damaged(&self) -> RunError {
        let error = io::Error::new(io::ErrorKind::InvalidData, "a block is damaged");
        spill_error(&self.file.ctx, self.file.command, error)
    }
}

fn spill_error(ctx: &Context, command: &'static str, error: io::Error) -> RunError {
    RunError::Spill { command, folder: ctx.spill_folder(), error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::context;

    fn spill(ctx: &Arc<Context>) -> Spill {
        Spill::new(ctx, "sort")
    }

    #[test]
    fn blocks_come_back_and_free_their_space() {
        let ctx = Arc::new(context());
        let mut spill = spill(&ctx);
        let contents: Vec<Vec<u8>> = (0..5).map(|n: u8| vec![n; 1000 * usize::from(n)]).collect();
        let blocks: Vec<Block> = contents.iter().map(|content| spill.write(content).unwrap()).collect();
        for (block, content) in blocks.iter().zip(&contents) {
            assert_eq!(&block.read().unwrap(), content);
        }
        assert!(ctx.disk_bytes() > 0);
        drop((spill, blocks));
        assert_eq!(ctx.disk_bytes(), 0);
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let ctx = Arc::new(context());
        let block = spill(&ctx).write(b"content").unwrap();
        block.file.file.write_all_at(b"x", 5).unwrap();
        let error = block.read().unwrap_err();
        assert!(matches!(error, RunError::Spill { .. }), "{error}");
    }

    /// `/dev/full` is a disk without space.
    #[test]
    fn a_full_disk_is_an_error_that_names_the_folder() {
        let ctx = Arc::new(context());
        let mut spill = spill(&ctx);
        spill.begin_in(File::options().write(true).open("/dev/full").unwrap());
        let Err(error) = spill.write(b"content") else { panic!("nothing can be written there") };
        let expected = format!(
            "`sort` needs more memory than it may take and cannot write to the folder {} instead",
            std::env::temp_dir().display()
        );
        assert_eq!(error.to_string(), expected);
        let RunError::Spill { error, .. } = error else { panic!("{error}") };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
