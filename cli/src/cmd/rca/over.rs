//! Over what a search of a case runs: options that it shares with `trawl search`.

use super::scope::ScopeFlags;
use crate::cmd::ask::RangeFlags;
use crate::config::Config;
use crate::signals::Interrupted;
use trawl_query::SearchOptions;

/// Over what to search.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Over {
    /// Which time.
    #[command(flatten)]
    pub range: RangeFlags,

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
        let (options, interrupted) = self.scope.options(config, self.scope.now_us(config)?)?;
        Ok((self.range.of(options)?, interrupted))
    }
}
