//! Finding a statistical function by the name that was written.

use super::{STATS_FUNCTIONS, StatsFunction};
use crate::error::{QueryError, QueryErrorKind};
use crate::span::Span;

/// Functions of Splunk that trawl does not have, with what to use instead.
const UNSUPPORTED: [(&str, &str); 2] = [("rate_avg", "rate"), ("rate_sum", "rate")];

/// The function of that name, in any case, and the percentile that may be part of the name.
///
/// # Errors
/// If there is none, or a percentile is missing or beyond 0 to 100.
pub(crate) fn find(written: &str, span: Span) -> Result<(&'static StatsFunction, f64), QueryError> {
    let lower = written.to_ascii_lowercase();
    let by_name =
        |name: &str| STATS_FUNCTIONS.iter().find(|function| function.name == name || function.aliases.contains(&name));
    let (letters, digits) = lower.split_at(lower.find(|c: char| c.is_ascii_digit()).unwrap_or(lower.len()));
    if let Some(function) = by_name(letters).filter(|function| function.takes_percentile) {
        return match digits.parse() {
            Ok(percentile) if (0.0..=100.0).contains(&percentile) => Ok((function, percentile)),
            _ => Err(QueryError::rule(format!("`{written}` needs a percentile from 0 to 100"), span)
                .with_hint("write it as in perc95(x) or p99.9(x)")),
        };
    }
    if let Some(function) = by_name(&lower) {
        return Ok((function, function.default_percentile));
    }
    if let Some((name, instead)) = UNSUPPORTED.iter().find(|(name, _)| *name == lower) {
        return Err(QueryError::new(QueryErrorKind::UnsupportedFunction((*name).to_owned()), span)
            .with_hint(format!("the nearest way is {instead}")));
    }
    let names = STATS_FUNCTIONS.iter().flat_map(|function| std::iter::once(&function.name).chain(function.aliases));
    Err(QueryError::new(QueryErrorKind::UnknownFunction(written.to_owned()), span).with_nearest(&lower, names.copied()))
}
