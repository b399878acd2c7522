//! The functions of expressions.
//!
//! A function is one file: its `//!` text is the manual page, then comes its line for the table and the compiler of its
//! calls. The examples of the manual run as tests: left of the last ` = ` an expression, right of it what it prints, where
//! `null` is nothing.

mod abs;
mod args;
mod case;
mod ceil;
mod cidrmatch;
mod coalesce;
mod r#false;
mod floor;
mod r#if;
mod r#in;
mod isnotnull;
mod isnull;
mod known;
mod len;
mod like;
mod lower;
mod ltrim;
mod r#match;
mod max;
mod min;
mod mvcount;
mod mvindex;
mod mvjoin;
mod now;
mod null;
mod nullif;
mod relative_time;
mod replace;
mod round;
mod rtrim;
mod split;
mod strftime;
mod strptime;
mod substr;
mod time;
mod tonumber;
mod tostring;
mod trim;
mod r#true;
mod upper;

pub(super) use args::CallArgs;
pub(super) use known::find;
pub(super) use {r#in::FUNCTION as IN, like::FUNCTION as LIKE};

use super::compile::Code;
use crate::error::QueryError;
use crate::manual::Manual;
use std::fmt;

/// A line of the table of functions.
pub struct Function {
    /// The name.
    pub name: &'static str,
    /// Other names for the same function.
    pub aliases: &'static [&'static str],
    /// How a call looks: `substr(x, start[, length])`.
    pub usage: &'static str,
    /// How many arguments a call has.
    pub arity: Arity,
    /// The manual page.
    pub manual: Manual,
    pub(super) compile: fn(&mut CallArgs<'_, '_>) -> Result<Code, QueryError>,
}

/// Every function there is, by name.
pub static FUNCTIONS: &[Function] = &[
    abs::FUNCTION,
    case::FUNCTION,
    ceil::FUNCTION,
    cidrmatch::FUNCTION,
    coalesce::FUNCTION,
    r#false::FUNCTION,
    floor::FUNCTION,
    r#if::FUNCTION,
    r#in::FUNCTION,
    isnotnull::FUNCTION,
    isnull::FUNCTION,
    len::FUNCTION,
    like::FUNCTION,
    lower::FUNCTION,
    ltrim::FUNCTION,
    r#match::FUNCTION,
    max::FUNCTION,
    min::FUNCTION,
    mvcount::FUNCTION,
    mvindex::FUNCTION,
    mvjoin::FUNCTION,
    now::FUNCTION,
    null::FUNCTION,
    nullif::FUNCTION,
    relative_time::FUNCTION,
    replace::FUNCTION,
    round::FUNCTION,
    rtrim::FUNCTION,
    split::FUNCTION,
    strftime::FUNCTION,
    strptime::FUNCTION,
    substr::FUNCTION,
    time::FUNCTION,
    tonumber::FUNCTION,
    tostring::FUNCTION,
    trim::FUNCTION,
    r#true::FUNCTION,
    upper::FUNCTION,
];

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// How many arguments a function takes.
#[derive(Clone, Copy, Debug)]
pub struct Arity {
    min: usize,
    max: Option<usize>,
}

impl Arity {
    const fn exactly(n: usize) -> Self {
        Self { min: n, max: Some(n) }
    }

    const fn between(min: usize, max: usize) -> Self {
        Self { min, max: Some(max) }
    }

    const fn at_least(min: usize) -> Self {
        Self { min, max: None }
    }

    pub(super) fn allows(self, n: usize) -> bool {
        n >= self.min && self.max.is_none_or(|max| n <= max)
    }
}

impl fmt::Display for Arity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize| if n == 1 { "argument" } else { "arguments" };
        match (self.min, self.max) {
            (0, Some(0)) => f.write_str("no arguments"),
            (min, Some(max)) if min == max => write!(f, "{min} {}", plural(min)),
            (min, Some(max)) => write!(f, "{min} to {max} arguments"),
            (min, None) => write!(f, "at least {min} {}", plural(min)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_eval;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique() {
        let mut seen = BTreeSet::new();
        for function in FUNCTIONS {
            for name in [function.name].iter().chain(function.aliases) {
                assert!(seen.insert(*name), "{name} stands twice");
                assert_eq!(*name, name.to_ascii_lowercase());
            }
            assert!(function.usage.starts_with(function.name), "{}", function.name);
        }
    }

    #[test]
    fn the_examples_of_the_manual_hold() {
        for function in FUNCTIONS {
            let examples = function.manual.examples();
            assert!(!examples.is_empty(), "{} has no example", function.name);
            for line in examples.iter().flat_map(|example| example.lines()) {
                let (expr, expected) = line.rsplit_once(" = ").unwrap_or_else(|| panic!("{line}"));
                check_eval("", expr, expected);
            }
        }
    }
}
