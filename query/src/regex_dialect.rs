//! Regular expressions as Splunk users write them.

use crate::error::{QueryError, QueryErrorKind};
use crate::span::Span;
use regex::{Regex, RegexBuilder};

/// Most memory that one compiled expression may take, in bytes.
const SIZE_LIMIT_BYTES: usize = 10 << 20;

/// Compiles a regular expression from the query text at `span`.
pub(crate) fn compile(pattern: &str, span: Span) -> Result<Regex, QueryError> {
    build(pattern).map_err(|error| {
        let reason = match &error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            // The library draws a caret of its own under the pattern; its last line says what is wrong.
            other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        };
        QueryError::new(QueryErrorKind::Regex(reason), span)
    })
}

/// Compiles a regular expression that came with the data; `None` if it is none.
pub(crate) fn compile_data(pattern: &str) -> Option<Regex> {
    build(pattern).ok()
}

fn build(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(SIZE_LIMIT_BYTES).build()
}
