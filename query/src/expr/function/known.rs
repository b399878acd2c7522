//! Functions of Splunk that trawl does not have: their names get an answer of their own.

use super::{FUNCTIONS, Function};
use crate::error::{QueryError, QueryErrorKind};
use crate::span::Span;

const UNSUPPORTED: [&str; 96] = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "bit_and",
    "bit_not",
    "bit_or",
    "bit_shift_left",
    "bit_shift_right",
    "bit_xor",
    "commands",
    "cos",
    "cosh",
    "exact",
    "exp",
    "getfields",
    "hypot",
    "ipmask",
    "isarray",
    "isbool",
    "isdouble",
    "isint",
    "ismv",
    "isnum",
    "isobject",
    "isstr",
    "json",
    "json_append",
    "json_array",
    "json_array_to_mv",
    "json_delete",
    "json_entries",
    "json_extend",
    "json_extract",
    "json_extract_exact",
    "json_has_key_exact",
    "json_keys",
    "json_object",
    "json_set",
    "json_set_exact",
    "json_valid",
    "ln",
    "log",
    "lookup",
    "map",
    "md5",
    "mvappend",
    "mvdedup",
    "mvfilter",
    "mvfind",
    "mvmap",
    "mvrange",
    "mvreverse",
    "mvsort",
    "mvzip",
    "mv_to_json_array",
    "object_to_array",
    "pi",
    "pow",
    "printf",
    "random",
    "reduce",
    "searchmatch",
    "sha1",
    "sha256",
    "sha512",
    "sigfig",
    "sin",
    "sinh",
    "spath",
    "sqrt",
    "stdev",
    "sum",
    "tan",
    "tanh",
    "toarray",
    "tobool",
    "todouble",
    "toint",
    "tojson",
    "tomv",
    "toobject",
    "trunc",
    "typeof",
    "urldecode",
    "urlencode",
    "validate",
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
