//! Functions of Splunk that trawl does not have: their names get an answer of their own.

use super::{FUNCTIONS, Function};
use crate::error::{QueryError, QueryErrorKind};
use crate::span::Span;

const UNSUPPORTED: [&str; 15] = [
    "commands",
    "getfields",
    "isarray",
    "isdouble",
    "isobject",
    "map",
    "object_to_array",
    "reduce",
    "stdev",
    "trunc",
    "var",
    "variance",
    "filter",
    "all",
    "any",
];

/// The function of that name, in any case.
///
/// # Errors
/// If there is none: Splunk's functions are told apart from names that nobody knows.
pub(crate) fn find(name: &str, span: Span) -> Result<&'static Function, QueryError> {
    let lower = name.to_ascii_lowercase();
    let found = FUNCTIONS.iter().find(|function| function.name == lower || function.aliases.contains(&lower.as_str()));
    if let Some(function) = found {
        return Ok(function);
    }
    if UNSUPPORTED.contains(&lower.as_str()) {
        return Err(QueryError::new(QueryErrorKind::UnsupportedFunction(lower), span));
    }
    let names = FUNCTIONS.iter().flat_map(|function| std::iter::once(&function.name).chain(function.aliases));
    Err(QueryError::new(QueryErrorKind::UnknownFunction(name.to_owned()), span)
        .with_nearest(&lower, names.chain(&UNSUPPORTED).copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsupported_functions_are_not_supported() {
        for name in UNSUPPORTED {
            assert!(
                FUNCTIONS.iter().all(|function| function.name != name && !function.aliases.contains(&name)),
                "{name}"
            );
        }
    }
}
