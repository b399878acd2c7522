//! Gets events in: files, directories, compressed files, standard input.
//!
//! [`index`] loads what is there into sealed buckets, once. It runs in rounds of four steps:
//!
//! 1. **Discovery** finds the files that the [`Input`]s stand for.
//! 2. **Planning** looks at each file: compressed or not, known or new ([`identity`]), its format, and which of its bytes
//!    were not read before. Large files are cut into pieces.
//! 3. The **pipeline** gives the pieces to threads. Each reads with a view that moves over the piece, has the parser of
//!    `trawl-formats` cut it into events, and pushes blocks of them into a bucket of its own. A full bucket is sealed and
//!    committed with the byte ranges it gained: whatever happens, data and progress agree.
//! 4. Last events that may still grow go to the live log as **provisional** ones.
//!
//! A file that could be the same as another one of the round (a log and its compressed copy) waits for the next round, when
//! the catalog knows what the other one held.
//!
//! ```no_run
//! use std::path::{Path, PathBuf};
//! use trawl_formats::event::IndexName;
//! use trawl_formats::sourcetype::Registry;
//! use trawl_formats::timestamp::Zone;
//! use trawl_indexer::{Input, Options, Progress, index};
//! use trawl_store::Writer;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let writer = Writer::open(Path::new("/var/lib/trawl"))?;
//! let now_us = 1_795_183_500_000_000;
//! let options = Options::new(IndexName::new("main")?, Zone::UTC, now_us);
//! let inputs = [Input::Path(PathBuf::from("/var/log")), Input::Glob("/srv/*/logs/**/*.log".to_owned())];
//! let report = index(&writer, &Registry::builtin(), &inputs, &options, &Progress::default())?;
//! println!("{} events from {} files", report.totals.events, report.files.len());
//! # Ok(())
//! # }
//! ```
//!
//! # Untrusted input
//!
//! Whatever a file holds, memory is bounded: events are cut at 1 MiB, decoders are bounded by their windows, and files are
//! read through buffers that are used again. A file that is damaged, truncated while it is read, or makes the parser panic
//! is reported and costs no other file.

mod claims;
mod command;
mod compression;
mod content;
mod copies;
mod custody;
mod discovery;
mod dry_run;
mod error;
mod file_system;
mod format;
mod host;
pub mod identity;
mod ingest;
mod job;
mod look;
mod options;
mod piece;
mod pipeline;
mod plan;
mod progress;
mod provisional;
mod read;
mod report;
mod scan;
mod stored;
mod stretch;
pub mod tail;

pub use compression::Compression;
pub use custody::Custody;
pub use discovery::{Input, Survey, survey};
pub use dry_run::{Preview, PreviewError, PreviewEvent, PreviewFormat, dry_run};
pub use error::{FileError, IndexError};
pub use file_system::FileSystem;
pub use host::local_host;
pub use options::Options;
pub use progress::Progress;
pub use report::{FileReport, Outcome, Report, SkipReason, Skipped, Totals};
pub use scan::FileScan;

use custody::Reading;
use discovery::{Discovery, Found, discover};
use format::DETECT_LEN;
use ingest::{Shared, Worker};
use look::KnownAs;
use pipeline::Work;
use plan::{Candidate, Planner, Verdict};
use provisional::{OpenEnds, Provisional};
use rayon::ThreadPoolBuilder;
use read::BufferedWindow;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use trawl_formats::sourcetype::Registry;
use trawl_store::{BlockInput, Writer};

/// How long files that another run reads wait for it before they are looked at again.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// Path and source of standard input.
pub(crate) const STDIN_NAME: &str = "stdin";

/// Indexes what `inputs` stand for, each byte once however often it is called.
///
/// Durable when it returns, and bucket by bucket before: after a crash or [`Options::cancel`] the next call goes on where
/// this one ended. Standard input alone is known again only by a number ([`Options::stdin_id`]); without one, what was committed
/// of it before a crash stays, and it is stored again.
///
/// # Errors
/// If the store fails, or the options or inputs make no sense. What is wrong with single files is part of the [`Report`].
pub fn index(
    writer: &Writer,
    registry: &Registry,
    inputs: &[Input],
    options: &Options,
    progress: &Progress,
) -> Result<Report, IndexError> {
    index_with_stdin(writer, registry, inputs, options, progress, std::io::stdin)
}

/// As [`index`], with another stream for standard input.
///
/// # Errors
/// As [`index`].
pub fn index_with_stdin<R: Read + Send>(
    writer: &Writer,
    registry: &Registry,
    inputs: &[Input],
    options: &Options,
    progress: &Progress,
    stdin: impl FnOnce() -> R,
) -> Result<Report, IndexError> {
    let shared = Shared { writer, options, progress };
    let Discovery { files, skipped, errors, stdin: has_stdin, .. } =
        discover(inputs, &options.exclude, Some(writer.data()))?;
    progress.add_total_files(files.len() as u64);
    let held = Held { custody: &options.custody, reading: options.custody.next_run() };
    let mut run = Run {
        shared,
        planner: Planner::new(shared, registry, held.reading)?,
        reports: files.iter().map(|found| Some(FileReport::new(found.path.clone()))).collect(),
        skipped,
        open_ends: OpenEnds::default(),
    };
    run.read_files(files)?;
    if has_stdin && !shared.is_cancelled() {
        run.read_stdin(stdin())?;
    }
    run.set_provisional()?;
    Ok(run.report(errors))
}

/// Loads files that were found before into sealed buckets. What may still grow at their ends is left out.
///
/// # Errors
/// As [`index`].
pub(crate) fn load(
    writer: &Writer,
    registry: &Registry,
    files: Vec<Found>,
    options: &Options,
    progress: &Progress,
) -> Result<Report, IndexError> {
    let shared = Shared { writer, options, progress };
    let reports = files.iter().map(|found| Some(FileReport::new(found.path.clone()))).collect();
    let planner = Planner::new(shared, registry, Reading::Loader)?;
    let mut run = Run { shared, planner, reports, skipped: Vec::new(), open_ends: OpenEnds::default() };
    run.read_files(files)?;
    Ok(run.report(Vec::new()))
}

/// What a run holds, until it is over and all of it is known.
struct Held<'c> {
    custody: &'c Custody,
    reading: Reading,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.custody.end(self.reading);
    }
}

struct Run<'r> {
    shared: Shared<'r>,
    planner: Planner<'r>,
    /// By position in discovery; `None` once a file turned out not to be text.
    reports: Vec<Option<FileReport>>,
    skipped: Vec<Skipped>,
    open_ends: OpenEnds,
}

impl Run<'_> {
    fn read_files(&mut self, files: Vec<Found>) -> Result<(), IndexError> {
        let jobs = self.shared.options.n_jobs();
        let pool = ThreadPoolBuilder::new()
            .num_threads(jobs)
            .build()
            .map_err(|source| IndexError::Threads { jobs, source: Box::new(source) })?;
        let mut waiting: Vec<Candidate> = files
            .into_iter()
            .enumerate()
            .map(|(report_idx, found)| Candidate { report_idx, found, known_as: KnownAs::Any })
            .collect();
        while !waiting.is_empty() && !self.shared.is_cancelled() {
            let plan = pool.install(|| self.planner.plan(waiting))?;
            if plan.verdicts.is_empty() {
                // All wait for somebody else.
                thread::sleep(BUSY_PAUSE);
            }
            waiting = plan.deferred;
            self.shared.progress.add_total_bytes(plan.work.iter().map(Work::n_bytes).sum());
            pipeline::run(self.shared, plan.work)?.into_iter().for_each(|end| self.open_ends.add(end));
            self.shared.progress.add_done_files(plan.verdicts.len() as u64);
            for (report_idx, verdict) in plan.verdicts {
                self.note(report_idx, verdict);
            }
        }
        Ok(())
    }

    fn note(&mut self, report_idx: usize, verdict: Verdict) {
        let slot = &mut self.reports[report_idx];
        let Some(report) = slot else { return };
        match verdict {
            Verdict::Done { outcome, error } => {
                report.outcome = outcome;
                report.errors.extend(error);
            }
            Verdict::Binary => {
                self.skipped.push(Skipped { path: report.path.clone(), reason: SkipReason::Binary });
                *slot = None;
            }
            Verdict::Job { outcome, job } => {
                report.outcome = outcome;
                report.sourcetype = Some(job.handle.sourcetype.clone());
                (report.events, report.bytes, report.errors) = job.tally.take();
            }
        }
    }

    fn read_stdin<R: Read + Send>(&mut self, stdin: R) -> Result<(), IndexError> {
        let report_idx = self.reports.len();
        self.reports.push(Some(FileReport::new(PathBuf::from(STDIN_NAME))));
        self.shared.progress.add_total_files(1);
        let mut buffer = Vec::new();
        let unreadable = |error| Verdict::Done { outcome: Outcome::Failed, error: Some(FileError::Unreadable(error)) };
        let verdict = match content::unpack(stdin) {
            Err(error) => unreadable(error),
            Ok((compression, stream)) => {
                let mut window = BufferedWindow::new(stream, &mut buffer, 0);
                match content::peek_head(&mut window, DETECT_LEN) {
                    Err(error) => unreadable(error),
                    Ok([]) => Verdict::Done { outcome: Outcome::Empty, error: None },
                    Ok(head) => match self.planner.admit_stdin(compression, head)? {
                        None => Verdict::Binary,
                        Some(job) => {
                            let mut worker = Worker::new(self.shared)?;
                            worker.read_stream(&job, &mut window)?;
                            worker.finish()?.into_iter().for_each(|end| self.open_ends.add(end));
                            Verdict::Job { outcome: Outcome::New, job: Arc::new(job) }
                        }
                    },
                }
            }
        };
        self.note(report_idx, verdict);
        self.shared.progress.add_done_files(1);
        Ok(())
    }

    /// Hands the last events that may still grow to the live log, and drops from it what has been committed.
    fn set_provisional(&self) -> Result<(), IndexError> {
        let open_ends = self.open_ends.sorted();
        if open_ends.is_empty() && self.shared.progress.buckets() == 0 {
            return Ok(());
        }
        let blocks: Vec<BlockInput<'_>> = open_ends.into_iter().flat_map(Provisional::as_inputs).collect();
        self.shared.writer.set_provisional(&self.shared.options.index, &blocks)?;
        Ok(())
    }

    fn report(self, errors: Vec<(PathBuf, FileError)>) -> Report {
        let cancelled = self.shared.is_cancelled();
        let failed = errors.into_iter().map(|(path, error)| FileReport {
            outcome: Outcome::Failed,
            errors: vec![error],
            ..FileReport::new(path)
        });
        let files: Vec<FileReport> = self.reports.into_iter().flatten().chain(failed).collect();
        let totals = Totals {
            events: files.iter().map(|file| file.events).sum(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            provisional_events: self.open_ends.sorted().into_iter().map(Provisional::n_events).sum(),
            buckets: self.shared.progress.buckets(),
        };
        Report { files, skipped: self.skipped, totals, cancelled }
    }
}
