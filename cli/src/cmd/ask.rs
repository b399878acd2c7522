//! What the verbs that search have in common: of which time, over what, until when, and what is said if it cannot be done.

use super::{cannot_open, now_us};
use crate::config::Config;
use crate::error::Advice;
use anyhow::Context;
use std::sync::Arc;
use std::time::Instant;
use trawl_formats::{IndexName, Zone};
use trawl_query::context::Cancel;
use trawl_query::time::TimeSpec;
use trawl_query::{RunError, SearchOptions};

/// Of which time the events are.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RangeFlags {
    /// Start of the time range: `-15m`, `-1d@d`, `2026-11-20`, `2026-11-20T14:00:00+01:00`, epoch seconds
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub earliest: Option<String>,

    /// End of the time range, itself not included [default: no end]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub latest: Option<String>,
}

impl RangeFlags {
    /// The options of a search over this time.
    ///
    /// # Errors
    /// If one of its ends is not a time: the error names the option.
    pub fn of(&self, options: SearchOptions) -> anyhow::Result<SearchOptions> {
        for (option, text) in [("--earliest", &self.earliest), ("--latest", &self.latest)] {
            text.as_deref().map(|text| parse_time(option, text)).transpose()?;
        }
        Ok(SearchOptions { earliest: self.earliest.clone(), latest: self.latest.clone(), ..options })
    }
}

/// What a search runs with that somebody has typed at `now_us`: over `indexes`, or those of the configuration if there are none.
/// The deadline of the configuration begins.
pub fn options(config: &Config, indexes: &[IndexName], now_us: i64) -> SearchOptions {
    let cancel = match config.deadline.value.0 {
        Some(deadline) => Cancel::with_deadline(Instant::now() + deadline),
        None => Cancel::default(),
    };
    let mut options = SearchOptions {
        now_us,
        // A clock before 1970 was an error when the present was asked for.
        clock: Some(|| super::now_us().unwrap_or_default()),
        spill_folder: Some(config.spill_folder.value.clone()),
        cancel: Arc::new(cancel),
        ..config.search_options()
    };
    if !indexes.is_empty() {
        options.indexes = indexes.to_vec();
    }
    options
}

/// The present in microseconds since 1970: that of the clock, unless `--now` names another one.
///
/// # Errors
/// If that is not a time, or the clock stands before 1970.
pub fn present_us(now: Option<&str>, zone: Zone) -> anyhow::Result<i64> {
    let clock_us = now_us()?;
    now.map_or(Ok(clock_us), |now| moment_us("--now", now, clock_us, zone))
}

/// The moment that the value of an option names, in microseconds since 1970.
///
/// # Errors
/// If it is not a time: the error names the option.
pub fn moment_us(option: &str, text: &str, now_us: i64, zone: Zone) -> anyhow::Result<i64> {
    let moment_us = parse_time(option, text)?.resolve(now_us, zone);
    moment_us.with_context(|| format!("`{text}` is beyond what a time can be ({option})"))
}

/// The value of an option that takes a time.
///
/// # Errors
/// If it is not a time: the error names the option.
pub fn parse_time(option: &str, text: &str) -> anyhow::Result<TimeSpec> {
    TimeSpec::parse(text).ok_or_else(|| {
        let hint = "write for example -15m, -1d@d, 2026-11-20, 2026-11-20T14:00:00+01:00 or an epoch second";
        Advice::new(format!("`{text}` is not a time ({option})"), hint).into()
    })
}

/// The error of a search as people see it.
pub fn explained(config: &Config, error: RunError) -> anyhow::Error {
    match error {
        RunError::Open(error) => cannot_open(config, *error),
        error => error.into(),
    }
}
