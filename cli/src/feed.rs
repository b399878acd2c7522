//! Files as a source of events for searches, without a store between them.

use anyhow::Context;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use trawl_formats::Registry;
use trawl_formats::event::Source;
use trawl_indexer::{FileScan, Input, Options, Progress, SkipReason};
use trawl_query::engine::feed::{Feed, Outcome, Reading, Wanted};
use trawl_query::{Flow, RunError};
use trawl_store::LiveBlock;

/// Files, read anew by each search.
pub struct FileFeed {
    registry: Arc<Registry>,
    inputs: Vec<Input>,
    options: Options,
    progress: Arc<Progress>,
    is_stdin_taken: AtomicBool,
    /// What was read of the standard input, if it is to be read again.
    stdin_copy: Option<File>,
}

impl FileFeed {
    /// The files that `inputs` stand for when somebody searches.
    pub fn new(registry: Arc<Registry>, inputs: Vec<Input>, options: Options, progress: Arc<Progress>) -> Self {
        Self { registry, inputs, options, progress, is_stdin_taken: AtomicBool::new(false), stdin_copy: None }
    }

    /// The same, that can be read more than once, the standard input too: what is read of it is kept in a file of `folder`, which has
    /// no name.
    ///
    /// # Errors
    /// If there can be no file.
    pub fn again(self, folder: &Path) -> anyhow::Result<Self> {
        if !self.inputs.contains(&Input::Stdin) {
            return Ok(self);
        }
        let copy = tempfile::tempfile_in(folder);
        let copy = copy.with_context(|| format!("cannot keep the standard input in {}", folder.display()))?;
        Ok(Self { stdin_copy: Some(copy), ..self })
    }

    /// The standard input.
    fn stdin(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.stdin_copy {
            None => Box::new(io::stdin()),
            Some(copy) => Box::new(Copied { stdin: io::stdin(), copy: copy.try_clone()?, at: 0 }),
        })
    }
}

impl Feed for FileFeed {
    fn open(&self) -> Result<Box<dyn Reading>, RunError> {
        // Nothing else is communicated by the flag.
        let is_taken = self.inputs.contains(&Input::Stdin) && self.is_stdin_taken.swap(true, Ordering::Relaxed);
        if is_taken && self.stdin_copy.is_none() {
            return Err(RunError::ReadOnce);
        }
        let stdin = self.stdin().map_err(|error| RunError::Source(Box::new(error)))?;
        let scan = FileScan::open(&self.registry, &self.inputs, &self.options, || stdin, Arc::clone(&self.progress));
        let scan = scan.map_err(|error| RunError::Source(Box::new(error)))?;
        Ok(Box::new(FileReading { scan, damaged: Mutex::default() }))
    }

    fn describe(&self) -> Result<String, RunError> {
        let inputs: Vec<String> = self.inputs.iter().map(name).collect();
        Ok(inputs.join(", "))
    }
}

/// An input as it was typed.
fn name(input: &Input) -> String {
    match input {
        Input::Path(path) => path.display().to_string(),
        Input::Glob(pattern) => pattern.clone(),
        Input::Stdin => "the standard input".to_owned(),
    }
}

/// The standard input from its beginning: what others have read of it is in a copy, and what is read now goes there, too.
struct Copied {
    stdin: io::Stdin,
    copy: File,
    at: u64,
}

impl Read for Copied {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut n_read = self.copy.read_at(buffer, self.at)?;
        if n_read == 0 {
            n_read = self.stdin.read(buffer)?;
            self.copy.write_all_at(&buffer[..n_read], self.at)?;
        }
        self.at += n_read as u64;
        Ok(n_read)
    }
}

struct FileReading {
    scan: FileScan,
    damaged: Mutex<Vec<String>>,
}

impl Reading for FileReading {
    fn sources(&self) -> Vec<Source> {
        self.scan.sources()
    }

    fn keep_sources(&mut self, keeps: &dyn Fn(&Source) -> bool) {
        self.scan.keep_sources(keeps);
    }

    fn read_part(
        &self,
        wanted: Wanted<'_>,
        take: &mut dyn FnMut(LiveBlock) -> Result<Flow, RunError>,
    ) -> Result<bool, RunError> {
        let mut outcome = Ok(());
        let is_read = self.scan.read_part(wanted, &mut |block| match take(block) {
            Ok(Flow::More) => ControlFlow::Continue(()),
            Ok(Flow::Done) => ControlFlow::Break(()),
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        });
        outcome.map(|()| is_read)
    }

    fn outcome(&self) -> Outcome {
        let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.extend(self.scan.failed().into_iter().map(|(path, error)| with_causes(&path, &error)));
        let left_out = self.scan.skipped().iter().filter_map(|skipped| {
            let why = match skipped.reason {
                SkipReason::Binary => "is not text",
                SkipReason::NotRegular => "is not a file",
                // Its content is read under another name.
                _ => return None,
            };
            Some(format!("{} {why}", skipped.path.display()))
        });
        Outcome {
            n_files: self.scan.n_files(),
            left_out: left_out.collect(),
            n_skipped_bytes: self.scan.n_skipped_bytes(),
            damaged: damaged.clone(),
        }
    }
}

/// An error of a file with its causes in one line.
fn with_causes(path: &Path, error: &dyn std::error::Error) -> String {
    let mut text = format!("{}: {error}", path.display());
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
