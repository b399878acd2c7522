//! Which incident: the flags that `changes` and `timeline` share.

use super::inquiry::RcaFlags;
use super::window;
use crate::config::{Config, Timeout};
use anyhow::Context;
use trawl_query::rca::changes::ChangesOptions;

/// Which incident, and how far to look.
#[derive(Debug, clap::Args)]
pub struct IncidentFlags {
    /// When it was: `14:00..14:25`, `'2026-11-20 14:00..14:25'`, `-2h..`, `14:05..`
    #[arg(long, value_name = "A..B", allow_hyphen_values = true)]
    pub incident: String,

    /// When it began [default: when the failures rise, from shortly before A on]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub onset: Option<String>,

    /// How long before it to look for changes, such as `90m` or `1d` [default: 6h]
    #[arg(long, value_name = "TIME")]
    pub before: Option<Timeout>,
}

impl IncidentFlags {
    /// The incident that is meant.
    ///
    /// # Errors
    /// If a time cannot be read.
    pub fn options(&self, flags: &RcaFlags, config: &Config) -> anyhow::Result<ChangesOptions> {
        let (now_us, zone) = (flags.now_us(config)?, config.zone.value);
        let window = window::parse("--incident", &self.incident, now_us, zone)?;
        let onset = self.onset.as_deref().map(|onset| window::parse_moment("--onset", onset, now_us, zone));
        let mut options = ChangesOptions::new(window.from_us);
        options.until_us = window.until_us;
        options.onset_us = onset.transpose()?;
        if let Some(before) = self.before.and_then(|before| before.0) {
            options.before_us = i64::try_from(before.as_micros()).context("--before is beyond what a time can be")?;
        }
        Ok(options)
    }
}
