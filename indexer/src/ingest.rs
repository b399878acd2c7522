//! From the bytes of a file into a bucket.

use crate::compression::Compression;
use crate::job::{FileJob, PlainAccess};
use crate::look::is_untouched;
use crate::options::Options;
use crate::progress::Progress;
use crate::provisional::Provisional;
use crate::read::BufferedWindow;
use crate::stretch::{Sink, StretchReader};
use std::io::Read;
use std::ops::Range;
use std::sync::atomic::Ordering;
use trawl_store::{BlockInput, BucketBuilder, FinishedFile, Result, SourceHandle, Writer};

/// What all threads of a run share.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'r> {
    pub(crate) writer: &'r Writer,
    pub(crate) options: &'r Options,
    pub(crate) progress: &'r Progress,
}

impl Shared<'_> {
    pub(crate) fn is_cancelled(&self) -> bool {
        // Nothing else is communicated by the flag.
        self.options.cancel.load(Ordering::Relaxed)
    }
}

/// Reads files into buckets, one after the other; each thread has one.
pub(crate) struct Worker<'r>(StretchReader<'r, Buckets<'r>>);

/// Buckets that fill.
struct Buckets<'r> {
    shared: Shared<'r>,
    builder: BucketBuilder,
    provisional: Vec<Provisional>,
}

impl<'r> Worker<'r> {
    pub(crate) fn new(shared: Shared<'r>) -> Result<Self> {
        let builder = shared.writer.bucket_builder(&shared.options.index)?;
        let buckets = Buckets { shared, builder, provisional: Vec::new() };
        Ok(Self(StretchReader::new(buckets, shared.progress)))
    }

    /// Seals and commits what has been collected; the provisional events, which are not part of it.
    pub(crate) fn finish(mut self) -> Result<Vec<Provisional>> {
        self.0.sink.seal()?;
        Ok(self.0.sink.provisional)
    }

    /// Reads a range of a plain file.
    pub(crate) fn read_range(&mut self, job: &FileJob, access: PlainAccess, range: Range<u64>) -> Result<()> {
        self.0.read_range(job, access, range)
    }

    /// Reads a compressed file.
    pub(crate) fn read_compressed(&mut self, job: &FileJob, compression: Compression) -> Result<()> {
        let content_len = self.0.read_compressed(job, compression)?;
        let shared = self.0.sink.shared;
        // Of the file that was looked at and is the same still, everything is known once this is committed.
        if let Some(content_len) = content_len
            && !job.tally.has_errors()
            && !shared.is_cancelled()
            && is_untouched(&job.path, &job.meta)
        {
            let SourceHandle { id: source, generation, .. } = *job.handle;
            let file = FinishedFile { stamp: (&job.meta).into(), source, generation, content_len };
            let Options { index, now_us, .. } = shared.options;
            shared.writer.catalog().note_finished(index, &[file], *now_us)?;
        }
        Ok(())
    }

    /// Reads what was not read before of a stream.
    pub(crate) fn read_stream<R: Read>(&mut self, job: &FileJob, window: &mut BufferedWindow<'_, R>) -> Result<()> {
        self.0.read_stream(job, window)
    }
}

impl Buckets<'_> {
    fn seal(&mut self) -> Result<()> {
        if let Some(sealed) = self.builder.seal()? {
            self.shared.writer.commit(&[sealed])?;
            self.shared.progress.add_buckets(1);
        }
        Ok(())
    }
}

impl Sink for Buckets<'_> {
    fn is_done(&self) -> bool {
        self.shared.is_cancelled()
    }

    fn push(&mut self, _: &FileJob, block: &BlockInput<'_>) -> Result<()> {
        self.builder.push(block)?;
        self.shared.progress.add_events(block.parsed.events.len() as u64);
        self.shared.progress.add_content_bytes(block.parsed.len as u64);
        if self.builder.is_full() || self.builder.raw_bytes() >= self.shared.options.bucket_bytes {
            self.seal()?;
        }
        Ok(())
    }

    fn push_gap(&mut self, job: &FileJob, offset: u64, len: u64) -> Result<()> {
        self.builder.push_gap(&job.handle, offset, len)
    }

    fn push_open(&mut self, end: Provisional) {
        self.provisional.push(end);
    }
}
