//! Over what a search of a case runs: options that it shares with `trawl search`.

use crate::args::{AnswerFlags, SearchFlags};
use crate::config::Config;
use crate::signals::Interrupted;
use clap::ValueHint;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use trawl_formats::IndexName;
use trawl_query::{Cancel, Engine, SearchOptions};

/// Over what to search.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Over {
    /// Start of the time range: `-15m`, `-1d@d`, `2026-11-20`, `2026-11-20T14:00:00+01:00`, epoch seconds
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub earliest: Option<String>,

    /// End of the time range, itself not included [default: no end]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub latest: Option<String>,

    /// Search as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,

    /// Index to search; may be repeated [default: the configuration's `default_indexes`]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub index: Vec<IndexName>,

    /// Also search the buckets in this archive folder, where they lie; may be repeated
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub archive: Vec<PathBuf>,

    /// Most events or rows to keep of what is found, the newest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

impl Over {
    /// What searches run on.
    pub fn engine(&self, config: &Config) -> anyhow::Result<Engine> {
        Ok(Engine::of_folders(config.data.value.clone(), self.archive.clone(), config.load_registry()?))
    }

    /// What searches run with, and what ends them at Ctrl-C as long as it is kept.
    pub fn options(&self, config: &Config) -> anyhow::Result<(SearchOptions, Interrupted)> {
        let cancel = Arc::new(match config.deadline.value.0 {
            Some(deadline) => Cancel::with_deadline(Instant::now() + deadline),
            None => Cancel::default(),
        });
        let flags = SearchFlags {
            answer: AnswerFlags {
                earliest: self.earliest.clone(),
                latest: self.latest.clone(),
                now: self.now.clone(),
                ..AnswerFlags::default()
            },
            index: self.index.clone(),
            ..SearchFlags::default()
        };
        let options = crate::cmd::search::options(&flags, config, Arc::clone(&cancel))?;
        Ok((options, Interrupted::watch(move || cancel.request())?))
    }
}
