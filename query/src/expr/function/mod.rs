//! The functions of expressions.
//!
//! A function is one file: its `//!` text is the manual page, then comes its line for the table and the compiler of its
//! calls. The examples of the manual run as tests: left of the last ` = ` an expression, right of it what it prints, where
//! `null` is nothing; left of ` => ` the fields of the row, if it needs some.

mod abs;
mod acos;
mod acosh;
mod args;
mod asin;
mod asinh;
mod atan;
mod atan2;
mod atanh;
mod avg;
mod bit_and;
mod bit_not;
mod bit_or;
mod bit_shift_left;
mod bit_shift_right;
mod bit_xor;
mod case;
mod ceil;
mod cidrmatch;
mod coalesce;
mod cos;
mod cosh;
mod exact;
mod exp;
mod r#false;
mod floor;
mod hypot;
mod r#if;
mod r#in;
mod ipmask;
mod isbool;
mod isint;
mod ismv;
mod isnotnull;
mod isnull;
mod isnum;
mod isstr;
mod json;
mod json_append;
mod json_args;
mod json_array;
mod json_array_to_mv;
mod json_delete;
mod json_entries;
mod json_extend;
mod json_extract;
mod json_extract_exact;
mod json_has_key_exact;
mod json_keys;
mod json_object;
mod json_set;
mod json_set_exact;
mod json_valid;
mod known;
mod len;
mod like;
mod ln;
mod log;
mod lookup;
mod lower;
mod ltrim;
mod r#match;
mod max;
mod md5;
mod min;
mod mv_to_json_array;
mod mvappend;
mod mvcount;
mod mvdedup;
mod mvfilter;
mod mvfind;
mod mvindex;
mod mvjoin;
mod mvmap;
mod mvrange;
mod mvreverse;
mod mvsort;
mod mvzip;
mod now;
mod null;
mod nullif;
mod pi;
mod pow;
mod printf;
mod random;
mod relative_time;
mod replace;
mod round;
mod rtrim;
mod searchmatch;
mod sha1;
mod sha256;
mod sha512;
mod sigfig;
mod sin;
mod sinh;
mod spath;
mod split;
mod sqrt;
mod strftime;
mod strptime;
mod substr;
mod sum;
mod tan;
mod tanh;
mod time;
mod toarray;
mod tobool;
mod todouble;
mod toint;
mod tojson;
mod tomv;
mod tonumber;
mod toobject;
mod tostring;
mod trim;
mod r#true;
mod r#typeof;
mod upper;
mod urldecode;
mod urlencode;
mod validate;

pub(super) use args::CallArgs;
pub(crate) use known::find;
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
    acos::FUNCTION,
    acosh::FUNCTION,
    asin::FUNCTION,
    asinh::FUNCTION,
    atan::FUNCTION,
    atan2::FUNCTION,
    atanh::FUNCTION,
    avg::FUNCTION,
    bit_and::FUNCTION,
    bit_not::FUNCTION,
    bit_or::FUNCTION,
    bit_shift_left::FUNCTION,
    bit_shift_right::FUNCTION,
    bit_xor::FUNCTION,
    case::FUNCTION,
    ceil::FUNCTION,
    cidrmatch::FUNCTION,
    coalesce::FUNCTION,
    cos::FUNCTION,
    cosh::FUNCTION,
    exact::FUNCTION,
    exp::FUNCTION,
    r#false::FUNCTION,
    floor::FUNCTION,
    hypot::FUNCTION,
    r#if::FUNCTION,
    r#in::FUNCTION,
    ipmask::FUNCTION,
    isbool::FUNCTION,
    isint::FUNCTION,
    ismv::FUNCTION,
    isnotnull::FUNCTION,
    isnull::FUNCTION,
    isnum::FUNCTION,
    isstr::FUNCTION,
    json::FUNCTION,
    json_append::FUNCTION,
    json_array::FUNCTION,
    json_array_to_mv::FUNCTION,
    json_delete::FUNCTION,
    json_entries::FUNCTION,
    json_extend::FUNCTION,
    json_extract::FUNCTION,
    json_extract_exact::FUNCTION,
    json_has_key_exact::FUNCTION,
    json_keys::FUNCTION,
    json_object::FUNCTION,
    json_set::FUNCTION,
    json_set_exact::FUNCTION,
    json_valid::FUNCTION,
    len::FUNCTION,
    like::FUNCTION,
    ln::FUNCTION,
    log::FUNCTION,
    lookup::FUNCTION,
    lower::FUNCTION,
    ltrim::FUNCTION,
    r#match::FUNCTION,
    max::FUNCTION,
    md5::FUNCTION,
    min::FUNCTION,
    mv_to_json_array::FUNCTION,
    mvappend::FUNCTION,
    mvcount::FUNCTION,
    mvdedup::FUNCTION,
    mvfilter::FUNCTION,
    mvfind::FUNCTION,
    mvindex::FUNCTION,
    mvjoin::FUNCTION,
    mvmap::FUNCTION,
    mvrange::FUNCTION,
    mvreverse::FUNCTION,
    mvsort::FUNCTION,
    mvzip::FUNCTION,
    now::FUNCTION,
    null::FUNCTION,
    nullif::FUNCTION,
    pi::FUNCTION,
    pow::FUNCTION,
    printf::FUNCTION,
    random::FUNCTION,
    relative_time::FUNCTION,
    replace::FUNCTION,
    round::FUNCTION,
    rtrim::FUNCTION,
    searchmatch::FUNCTION,
    sha1::FUNCTION,
    sha256::FUNCTION,
    sha512::FUNCTION,
    sigfig::FUNCTION,
    sin::FUNCTION,
    sinh::FUNCTION,
    spath::FUNCTION,
    split::FUNCTION,
    sqrt::FUNCTION,
    strftime::FUNCTION,
    strptime::FUNCTION,
    substr::FUNCTION,
    sum::FUNCTION,
    tan::FUNCTION,
    tanh::FUNCTION,
    time::FUNCTION,
    toarray::FUNCTION,
    tobool::FUNCTION,
    todouble::FUNCTION,
    toint::FUNCTION,
    tojson::FUNCTION,
    tomv::FUNCTION,
    tonumber::FUNCTION,
    toobject::FUNCTION,
    tostring::FUNCTION,
    trim::FUNCTION,
    r#true::FUNCTION,
    r#typeof::FUNCTION,
    upper::FUNCTION,
    urldecode::FUNCTION,
    urlencode::FUNCTION,
    validate::FUNCTION,
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
                let (row, line) = line.split_once(" => ").unwrap_or(("", line));
                let (expr, expected) = line.rsplit_once(" = ").unwrap_or_else(|| panic!("{line}"));
                check_eval(row, expr, expected);
            }
        }
    }
}
