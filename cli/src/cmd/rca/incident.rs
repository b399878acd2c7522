//! Which incident: the flags that `changes` and `timeline` share.

use super::scope::ScopeFlags;
use super::window;
use crate::config::{Config, Timeout};
use anyhow::Context;
use trawl_query::rca::changes::ChangesOptions;
use trawl_query::time::to_local;

/// Which incident, and how far to look.
#[derive(Debug, clap::Args)]
pub struct IncidentFlags {
    /// When it was: `14:00..14:25`, `'2026-11-20 14:00..14:25'`, `-2h..-1h`, `14:05..` [default of B: two hours after A, or now]
    #[arg(long, value_name = "A..B", allow_hyphen_values = true)]
    pub incident: String,

    /// When it began: a time, or one of the day of A [default: when the failures rise, from shortly before A on]
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
    pub fn options(&self, scope: &ScopeFlags, config: &Config) -> anyhow::Result<ChangesOptions> {
        let (now_us, zone) = (scope.now_us(config)?, config.zone.value);
        let (from_us, until_us) = window::parse("--incident", &self.incident, now_us, zone)?;
        let mut options = ChangesOptions::new(from_us);
        // Without an end it need not have gone on until now.
        options.until_us = (!self.incident.trim_end().ends_with("..")).then_some(until_us);
        if let Some(onset) = &self.onset {
            // A time of the day is one of the day of the incident.
            let is_clock = onset.contains(':') && onset.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '.'));
            let day = to_local(from_us, zone).filter(|_| is_clock).map(|local| local.format("%F ").to_string());
            let (onset_us, _) =
                window::parse("--onset", &format!("{}{onset}..", day.unwrap_or_default()), now_us, zone)?;
            options.onset_us = Some(onset_us);
        }
        if let Some(before) = self.before.and_then(|before| before.0) {
            options.before_us = i64::try_from(before.as_micros()).context("--before is beyond what a time can be")?;
        }
        Ok(options)
    }
}
