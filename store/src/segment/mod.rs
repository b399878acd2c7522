//! The inverted index of a bucket: a tantivy segment that is built without tantivy's `IndexWriter`.
//!
//! Tokens go through [`terms::TermTable`] straight into tantivy's serializers. Against the best use of the stock writer
//! this takes 2.5 times less processor time for the same files, because no token is copied, hashed twice or sent to
//! another thread. The segment has one field, `_raw`, indexed without positions or frequencies; the document store is
//! empty (the journal is the store), and so are its columns (see [`crate::bucket::columns`]).

mod directory;
mod edges;
pub mod terms;
mod tokenize;

pub use tokenize::Tokenizer;

use crate::error::Result;
use crate::sums::BucketFiles;
use directory::{BuildDirectory, SealedDirectory, segment_error};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::columnar::ColumnarWriter;
use tantivy::directory::{Directory, TerminatingWrite};
use tantivy::fieldnorm::FieldNormsSerializer;
use tantivy::index::{InvertedIndexReader, SegmentComponent};
use tantivy::postings::{BlockSegmentPostings, InvertedIndexSerializer, TermInfo};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::store::{Compressor, StoreWriter};
use tantivy::termdict::TermStreamer;
use tantivy::{Index, IndexSettings, SegmentReader};
use terms::{Doc, TermTable};

/// Name under which the tokenizer is recorded in the segment's schema.
const TOKENIZER: &str = "trawl";

fn schema() -> (Schema, Field) {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false);
    let mut schema = Schema::builder();
    let raw = schema.add_text_field("_raw", TextOptions::default().set_indexing_options(indexing));
    (schema.build(), raw)
}

/// Writes the terms of `n_docs` documents as a tantivy segment into `dir`.
///
/// # Errors
/// If a file cannot be written.
pub fn write(dir: &Path, terms: &mut TermTable, n_docs: u32) -> Result<()> {
    write_segment(dir, terms, n_docs).map_err(|error| segment_error(dir, error))
}

fn write_segment(dir: &Path, terms: &mut TermTable, n_docs: u32) -> tantivy::Result<()> {
    let (schema, raw) = schema();
    let settings = IndexSettings {
        docstore_compression: Compressor::None,
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    };
    let index = Index::create(BuildDirectory::new(dir), schema, settings)?;
    let segment = index.new_segment();

    let mut serializer = InvertedIndexSerializer::open(&segment)?;
    let mut field = serializer.new_field(raw, terms.n_tokens(), None)?;
    terms.for_each_term(n_docs, |term, docs| -> std::io::Result<()> {
        field.new_term_without_freq(term)?;
        for &doc in docs {
            field.write_doc(doc, 0, &[]);
        }
        field.close_term()
    })?;
    field.close()?;
    serializer.close()?;

    // A segment reader wants every component to be there, so the unused ones are written empty.
    let mut columns = segment.open_write(SegmentComponent::FastFields)?;
    ColumnarWriter::default().serialize(n_docs, None, &mut columns)?;
    columns.terminate()?;
    FieldNormsSerializer::from_write(segment.open_write(SegmentComponent::FieldNorms)?)?.close()?;
    StoreWriter::new(segment.open_write(SegmentComponent::Store)?, Compressor::None, 16 << 10, false)?.close()?;

    let segment = segment.with_max_doc(n_docs);
    let mut meta = index.load_metas()?;
    meta.segments = vec![segment.meta().clone()];
    index.directory().atomic_write(Path::new("meta.json"), &serde_json::to_vec_pretty(&meta)?)?;
    Ok(())
}

/// The inverted index of a sealed bucket.
pub struct Segment {
    dir: PathBuf,
    index: Arc<InvertedIndexReader>,
    n_docs: u32,
}

impl Segment {
    /// Opens the segment among `files`.
    ///
    /// # Errors
    /// If a component is missing, damaged, or written by an incompatible build.
    pub fn open(files: &Arc<BucketFiles>) -> Result<Self> {
        let dir = files.dir().to_owned();
        let open = || -> tantivy::Result<(Arc<InvertedIndexReader>, u32)> {
            let index = Index::open(SealedDirectory::new(Arc::clone(files)))?;
            let raw = index.schema().get_field("_raw")?;
            let segment = index
                .searchable_segments()?
                .pop()
                .ok_or_else(|| tantivy::TantivyError::SystemError("the segment list is empty".to_owned()))?;
            let reader = SegmentReader::open(&segment)?;
            Ok((reader.inverted_index(raw)?, reader.max_doc()))
        };
        let (index, n_docs) = open().map_err(|error| segment_error(&dir, error))?;
        Ok(Self { dir, index, n_docs })
    }

    /// Number of documents, one per event.
    pub fn n_docs(&self) -> u32 {
        self.n_docs
    }

    fn checked<T>(&self, answer: std::io::Result<T>) -> Result<T> {
        answer.map_err(|error| segment_error(&self.dir, error))
    }

    /// Number of documents that hold `term`.
    ///
    /// # Errors
    /// If the dictionary is damaged.
    pub fn doc_freq(&self, term: &[u8]) -> Result<u32> {
        Ok(self.term_info(term)?.map_or(0, |info| info.doc_freq))
    }

    /// Where the postings of `term` lie; `None` if no document holds it. `term` is lower case.
    ///
    /// # Errors
    /// If the dictionary is damaged.
    pub fn term_info(&self, term: &[u8]) -> Result<Option<TermInfo>> {
        self.checked(self.index.terms().get(term))
    }

    /// The documents of a term, ascending, in blocks.
    ///
    /// # Errors
    /// If the postings are damaged.
    pub fn postings(&self, info: &TermInfo) -> Result<BlockSegmentPostings> {
        self.checked(self.index.read_block_postings_from_terminfo(info, IndexRecordOption::Basic))
    }

    /// Appends the documents of a term to `docs`, ascending.
    ///
    /// # Errors
    /// If the postings are damaged.
    pub fn read_docs(&self, info: &TermInfo, docs: &mut Vec<Doc>) -> Result<()> {
        let mut postings = self.postings(info)?;
        docs.reserve(info.doc_freq as usize);
        while !postings.docs().is_empty() {
            docs.extend_from_slice(postings.docs());
            postings.advance();
        }
        Ok(())
    }

    /// The terms that begin with `prefix` (all of them if it is empty), in byte order.
    ///
    /// # Errors
    /// If the dictionary is damaged.
    pub fn terms(&self, prefix: &[u8]) -> Result<Terms<'_>> {
        let range = self.index.terms().range().ge(prefix);
        let range = match successor(prefix) {
            Some(end) => range.lt(end),
            None => range,
        };
        Ok(Terms { stream: self.checked(range.into_stream())? })
    }
}

/// A walk over the term dictionary.
pub struct Terms<'a> {
    stream: TermStreamer<'a>,
}

impl Terms<'_> {
    /// The next term and where its postings lie; `None` at the end.
    #[expect(clippy::should_implement_trait, reason = "it lends the term: an iterator cannot")]
    pub fn next(&mut self) -> Option<(&[u8], &TermInfo)> {
        self.stream.next()
    }
}

/// The smallest byte string above all that begin with `prefix`.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte < 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}
