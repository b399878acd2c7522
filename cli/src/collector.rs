//! Where `collect` brings its events: into the store, or to whoever writes it.

use crate::cmd::index::{Surroundings, perform};
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::spool::{Answer, Errand, IndexWork, InputPath, Request, Stdin, Work};
use anyhow::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use trawl_formats::sourcetype::Registry;
use trawl_indexer::Progress;
use trawl_query::{Cancel, CollectedEvents, Collector};
use trawl_store::Writer;

/// How often it is asked whether the search was cancelled.
const POLL: Duration = Duration::from_millis(20);

/// Writes events into the store of a configuration, by itself or through whoever holds it.
#[derive(Debug)]
pub struct StoreCollector {
    config: Config,
    registry: Arc<Registry>,
    cancel: Arc<Cancel>,
}

impl StoreCollector {
    /// Opens nothing yet.
    pub fn new(config: &Config, registry: Arc<Registry>, cancel: Arc<Cancel>) -> Self {
        Self { config: config.clone(), registry, cancel }
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.check().is_err()
    }

    fn index(&self, events: &CollectedEvents) -> anyhow::Result<Answer> {
        let work = IndexWork {
            inputs: vec![InputPath::Stdin],
            zone: self.config.zone.value.to_string(),
            index: events.index.to_string(),
            sourcetype: Some(events.sourcetype.clone()),
            host: events.host.clone(),
            source: Some(events.source.clone()),
            exclude: Vec::new(),
            is_verbose: false,
        };
        let request = Request { work: Work::Index(work.clone()), has_color: false };
        let errand = Errand {
            config: &self.config,
            request: &request,
            stdin: Some(Box::new(events.text.as_bytes())),
            is_cancelled: &|| self.is_cancelled(),
            is_shown: false,
        };
        let answer = errand.run(|writer, stdin| self.index_here(writer, &work, stdin))?;
        answer.context("the search was cancelled; nothing was written")
    }

    fn index_here(&self, writer: &Writer, work: &IndexWork, stdin: Stdin<'_>) -> anyhow::Result<Answer> {
        let cancel = Arc::new(AtomicBool::new(false));
        let is_done = AtomicBool::new(false);
        let surroundings = Surroundings {
            registry: &self.registry,
            progress: &Progress::default(),
            custody: Arc::default(),
            cancel: Arc::clone(&cancel),
            has_color: false,
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    cancel.fetch_or(self.is_cancelled(), Ordering::Relaxed);
                    thread::sleep(POLL);
                }
            });
            let answer = perform(writer, work, &surroundings, stdin);
            is_done.store(true, Ordering::Relaxed);
            answer
        })
    }
}

impl Collector for StoreCollector {
    fn collect(&self, events: &CollectedEvents) -> Result<u64, String> {
        match self.index(events) {
            Ok(answer) if answer.code == ExitCode::Success.as_u8() => Ok(answer.n_events),
            Ok(answer) => Err(answer.stderr.trim().to_owned()),
            Err(error) => Err(format!("{error:#}")),
        }
    }
}
