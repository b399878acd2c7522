//! Files as a source of events for searches, without a store between them.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use trawl_formats::Registry;
use trawl_formats::event::Source;
use trawl_indexer::{FileScan, Input, Options, Progress, SkipReason};
use trawl_query::engine::feed::{Feed, Outcome, Reading};
use trawl_query::{Flow, RunError};
use trawl_store::LiveBlock;

/// Files, read anew by each search.
pub struct FileFeed {
    registry: Arc<Registry>,
    inputs: Vec<Input>,
    options: Options,
    progress: Arc<Progress>,
    is_stdin_taken: AtomicBool,
}

impl FileFeed {
    /// The files that `inputs` stand for when somebody searches.
    pub fn new(registry: Arc<Registry>, inputs: Vec<Input>, options: Options, progress: Arc<Progress>) -> Self {
        Self { registry, inputs, options, progress, is_stdin_taken: AtomicBool::new(false) }
    }
}

impl Feed for FileFeed {
    fn open(&self) -> Result<Box<dyn Reading>, RunError> {
        // Nothing else is communicated by the flag.
        if self.inputs.contains(&Input::Stdin) && self.is_stdin_taken.swap(true, Ordering::Relaxed) {
            return Err(RunError::ReadOnce);
        }
        let stdin = || Box::new(io::stdin()) as Box<dyn io::Read + Send>;
        let scan = FileScan::open(&self.registry, &self.inputs, &self.options, stdin, Arc::clone(&self.progress));
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

struct FileReading {
    scan: FileScan,
    damaged: Mutex<Vec<String>>,
}

impl Reading for FileReading {
    fn sources(&self) -> Vec<Source> {
        self.scan.sources()
    }

    fn read_part(&self, take: &mut dyn FnMut(LiveBlock) -> Result<Flow, RunError>) -> Result<bool, RunError> {
        let mut outcome = Ok(());
        let is_read = self.scan.read_part(&mut |block| match take(block) {
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
        Outcome { n_files: self.scan.n_files(), left_out: left_out.collect(), damaged: damaged.clone() }
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
