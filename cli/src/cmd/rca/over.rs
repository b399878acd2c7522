//! Over what a search of a case runs: options that it shares with `trawl search`.

use super::scope::ScopeFlags;
use crate::cmd::search::parse_time;
use crate::config::Config;
use crate::signals::Interrupted;
use trawl_query::SearchOptions;

/// Over what to search.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Over {
    /// Start of the time range: `-15m`, `-1d@d`, `2026-11-20`, `2026-11-20T14:00:00+01:00`, epoch seconds
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub earliest: Option<String>,

    /// End of the time range, itself not included [default: no end]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub latest: Option<String>,

    /// As of when, and where.
    #[command(flatten)]
    pub scope: ScopeFlags,

    /// Most events or rows to keep of what is found, the newest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

impl Over {
    /// What searches run with, and what ends them at Ctrl-C as long as it is kept.
    pub fn options(&self, config: &Config) -> anyhow::Result<(SearchOptions, Interrupted)> {
        for (option, value) in [("--earliest", &self.earliest), ("--latest", &self.latest)] {
            value.as_ref().map(|value| parse_time(option, value)).transpose()?;
        }
        let (options, interrupted) = self.scope.options(config, self.scope.now_us(config)?)?;
        let options = SearchOptions { earliest: self.earliest.clone(), latest: self.latest.clone(), ..options };
        Ok((options, interrupted))
    }
}
