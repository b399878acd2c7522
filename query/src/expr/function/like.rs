//! `like(x, "a%_")`, also `x LIKE "a%_"`: whether the whole value matches, where `%` is any run of characters and `_` one
//! character. Case matters.
//!
//! Of several values one that matches is enough. Unknown if x or the pattern is null.
//!
//! ```example
//! like("abc", "a%") = true
//! if("abc" LIKE "a_c", 1, 0) = 1
//! like("abc", "b") = false
//! like("ABC", "abc") = false
//! like(null(), "%") = null
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "like",
    aliases: &[],
    usage: "like(x, pattern)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("like.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let (value, pattern) = (args.value(0)?, args.value(1)?);
    Ok(Code::truth(move |row| {
        let (value, pattern) = (value(row), pattern(row));
        if value.is_null() {
            return None;
        }
        let pattern = pattern.as_text()?;
        Some(value.each().iter().any(|value| value.with_text(|text| is_like(text, &pattern))))
    }))
}

/// Greedy with one step back: a later `%` makes an earlier one's choice final, so only the last needs to be retried.
fn is_like(text: &str, pattern: &str) -> bool {
    let (mut text_left, mut pattern_left) = (text.chars(), pattern.chars());
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let mut after = pattern_left.clone();
        let matched = match after.next() {
            Some('%') => {
                retry = Some((text_left.clone(), after.clone()));
                pattern_left = after;
                continue;
            }
            None => text_left.as_str().is_empty(),
            Some(wanted) => text_left.next().is_some_and(|found| wanted == '_' || wanted == found),
        };
        if matched {
            if pattern_left.as_str().is_empty() {
                return true;
            }
            pattern_left = after;
            continue;
        }
        // Let the last `%` take one character more.
        let Some((mut text_from, pattern_from)) = retry.take() else { return false };
        if text_from.next().is_none() {
            return false;
        }
        text_left = text_from.clone();
        pattern_left = pattern_from.clone();
        retry = Some((text_from, pattern_from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_regex(text in "[abé]{0,8}", pattern in "[ab%_]{0,6}") {
            let regex = format!("^{}$", pattern.replace('%', ".*").replace('_', "."));
            prop_assert_eq!(is_like(&text, &pattern), regex::Regex::new(&regex).unwrap().is_match(&text));
        }
    }
}
