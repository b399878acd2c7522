//! Extracts `key=value` pairs from the text of events, again or in another notation.
//!
//! **Syntax**
//!
//! `extract [pairdelim="<characters>"] [kvdelim="<characters>"] [limit=<n>] [maxchars=<n>] [mv_add=f] [clean_keys=t]`
//!
//! Also called `kv`.
//!
//! **Arguments**
//!
//! - `pairdelim`: the characters that divide pairs; blanks, line breaks and `,;|&` by default.
//! - `kvdelim`: the characters that divide a key from its value, `=` by default.
//! - `limit`: most keys of a row; all by default.
//! - `maxchars`: how many characters are looked at; all by default.
//! - `mv_add=t`: a key that repeats has several values; else the first one counts.
//! - `clean_keys=f`: keep keys as they are. Else every character that is not a letter, digit or `_` becomes `_`, and leading
//!   digits and underscores go.
//! - `auto`, `reload`, `segment`: accepted, without effect.
//!
//! **Semantics**
//!
//! Reads `_raw`. Without `pairdelim`, `kvdelim` and `mv_add` it does what is done with events of unknown format: JSON objects
//! become fields too. A value in double quotes may hold delimiters. What is found replaces fields of the same name.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! _raw="login user=ann ms=12"
//! > extract
//! _raw="login user=ann ms=12" user=ann ms=12
//! ```
//!
//! ```example
//! _raw="user:ann|roles:admin, ops"
//! > kv pairdelim="|" kvdelim=":"
//! _raw="user:ann|roles:admin, ops" user=ann roles="admin, ops"
//! ```
//!
//! **Differences** Splunk looks at 10,240 characters and takes 50 keys unless told otherwise. Extractions by name, which Splunk
//! keeps in `transforms.conf`, do not exist here: write a sourcetype, or use `rex`.

use super::args::{boolean, count};
use super::found::FoundFields;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote;
use crate::wanted::Wanted;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use trawl_formats::Extractor;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Extract {
    /// The characters that divide pairs, if they are given.
    pub pair_delimiters: Option<String>,
    /// The characters that divide a key from its value, if they are given.
    pub key_delimiters: Option<String>,
    /// Most keys of a row.
    pub limit: Option<usize>,
    /// How many characters are looked at.
    pub max_chars: Option<usize>,
    /// Whether a key that repeats has several values.
    pub keeps_all_values: bool,
    /// Whether keys are cleaned.
    pub cleans_keys: bool,
}

const OPTIONS: [&str; 9] =
    ["pairdelim", "kvdelim", "limit", "maxchars", "mv_add", "clean_keys", "auto", "reload", "segment"];

const DEFAULT_PAIR_DELIMITERS: &str = " \t\r\n,;|&";
const DEFAULT_KEY_DELIMITERS: &str = "=";

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut extract = Extract {
        pair_delimiters: None,
        key_delimiters: None,
        limit: None,
        max_chars: None,
        keeps_all_values: false,
        cleans_keys: true,
    };
    while let Some((option, value)) = args.option(&OPTIONS)? {
        match option {
            "pairdelim" | "kvdelim" if value.value.is_empty() => {
                return Err(QueryError::rule("at least one character must divide", value.span));
            }
            "pairdelim" => extract.pair_delimiters = Some(value.value),
            "kvdelim" => extract.key_delimiters = Some(value.value),
            "limit" => extract.limit = Some(count(&value)?).filter(|limit| *limit > 0),
            "maxchars" => extract.max_chars = Some(count(&value)?),
            "mv_add" => extract.keeps_all_values = boolean(&value)?,
            "clean_keys" => extract.cleans_keys = boolean(&value)?,
            _ => {
                boolean(&value)?;
            }
        }
    }
    if let Some(name) = args.name()? {
        return Err(QueryError::rule(format!("there is no extraction called `{}`", name.value), name.span)
            .with_hint("extract pairs with pairdelim= and kvdelim=, or use rex"));
    }
    args.finish()?;
    Ok(Box::new(extract))
}

impl fmt::Display for Extract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("extract")?;
        for (option, value) in [("pairdelim", &self.pair_delimiters), ("kvdelim", &self.key_delimiters)] {
            if let Some(value) = value {
                write!(f, " {option}={}", quote(value))?;
            }
        }
        for (option, value) in [("limit", self.limit), ("maxchars", self.max_chars)] {
            if let Some(value) = value {
                write!(f, " {option}={value}")?;
            }
        }
        f.write_str(if self.keeps_all_values { " mv_add=t" } else { "" })?;
        f.write_str(if self.cleans_keys { "" } else { " clean_keys=f" })
    }
}

impl Command for Extract {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        wanted.add("_raw");
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let is_automatic = self.pair_delimiters.is_none()
            && self.key_delimiters.is_none()
            && !self.keeps_all_values
            && self.cleans_keys;
        let automatic = is_automatic.then(|| Extractor::automatic(trawl_formats::Wanted::All));
        Box::new(ExtractOperator {
            ctx: Arc::clone(ctx),
            extract: self.clone(),
            automatic,
            fields: trawl_formats::Fields::default(),
        })
    }
}

struct ExtractOperator {
    ctx: Arc<Context>,
    extract: Extract,
    /// What extracts where no delimiters are given.
    automatic: Option<Extractor>,
    fields: trawl_formats::Fields,
}

impl ExtractOperator {
    fn extract(&mut self, text: &str, found: &mut FoundFields) {
        let text = match self.extract.max_chars {
            Some(n_chars) => text.char_indices().nth(n_chars).map_or(text, |(end, _)| &text[..end]),
            None => text,
        };
        let limit = self.extract.limit.unwrap_or(usize::MAX);
        if let Some(extractor) = &mut self.automatic {
            extractor.extract(text.as_bytes(), None, &mut self.fields);
            for (name, value) in self.fields.iter() {
                // The extractor has already decided which names repeat.
                found.add_within(limit, name, value, true);
            }
            return;
        }
        let Extract { pair_delimiters, key_delimiters, keeps_all_values, cleans_keys, .. } = &self.extract;
        let pairs = Pairs {
            rest: text,
            pair_delimiters: pair_delimiters.as_deref().unwrap_or(DEFAULT_PAIR_DELIMITERS),
            key_delimiters: key_delimiters.as_deref().unwrap_or(DEFAULT_KEY_DELIMITERS),
        };
        for (key, value) in pairs {
            let key = if *cleans_keys { clean(key) } else { Cow::Borrowed(key) };
            if !key.is_empty() && !value.is_empty() {
                found.add_within(limit, &key, &value, *keeps_all_values);
            }
        }
    }
}

impl Operator for ExtractOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let mut found = FoundFields::new(batch.len());
        for (row, raw) in batch.column("_raw").unwrap_or_default().iter().enumerate() {
            for value in raw.each() {
                value.with_text(|text| self.extract(text, &mut found));
            }
            found.end_row(row);
        }
        found.write(&mut batch);
        out(batch);
        Ok(Flow::More)
    }
}

/// Cleans a key as automatic extraction does.
fn clean(key: &str) -> Cow<'_, str> {
    let is_name_char = |c: char| c.is_alphanumeric() || c == '_';
    let key = key.trim_start_matches(|c: char| !c.is_alphabetic());
    match key.chars().all(is_name_char) {
        true => Cow::Borrowed(key),
        false => Cow::Owned(key.chars().map(|c| if is_name_char(c) { c } else { '_' }).collect()),
    }
}

/// The pairs of a text, from left to right.
struct Pairs<'t> {
    rest: &'t str,
    pair_delimiters: &'t str,
    key_delimiters: &'t str,
}

impl<'t> Iterator for Pairs<'t> {
    type Item = (&'t str, Cow<'t, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let divides_pairs = |c: char| self.pair_delimiters.contains(c);
        let divides_key = |c: char| self.key_delimiters.contains(c);
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| divides_pairs(c) || c.is_whitespace());
            if self.rest.is_empty() {
                return None;
            }
            let key_end = self.rest.find(|c| divides_key(c) || divides_pairs(c)).unwrap_or(self.rest.len());
            let (key, rest) = self.rest.split_at(key_end);
            // A character that divides both ways divides the key: `pairdelim=" " kvdelim=": "`.
            if !rest.starts_with(divides_key) {
                self.rest = rest;
                continue;
            }
            let rest = rest.trim_start_matches(divides_key);
            let quoted = rest.strip_prefix('"').and_then(|inside| Some((inside, closing_quote(inside)?)));
            let value = match quoted {
                Some((inside, end)) => {
                    self.rest = &inside[end + 1..];
                    unquote(&inside[..end])
                }
                None => {
                    let end = rest.find(divides_pairs).unwrap_or(rest.len());
                    self.rest = &rest[end..];
                    Cow::Borrowed(rest[..end].trim())
                }
            };
            return Some((key.trim(), value));
        }
    }
}

/// Where the quote is that no backslash stands before.
fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        closes
    })
}

fn unquote(text: &str) -> Cow<'_, str> {
    match text.contains('\\') {
        true => Cow::Owned(text.replace("\\\"", "\"").replace("\\\\", "\\")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("extract", "extract"),
            ("KV pairdelim=\",\" kvdelim=\":=\"", "extract pairdelim=\",\" kvdelim=\":=\""),
            (
                "extract limit=5 maxchars=100 mv_add=t clean_keys=f auto=t",
                "extract limit=5 maxchars=100 mv_add=t clean_keys=f",
            ),
            ("kv reload=true pairdelim=\"\\\"{|}\"", "extract pairdelim=\"\\\"{|}\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused(
            "extract access-extractions",
            "access-extractions",
            "there is no extraction called `access-extractions`",
        );
        check_refused("kv kvdelim=\"\"", "\"\"", "at least one character must divide");
        check_refused("kv limit=x", "x", "`x` is not a whole number");
        check_refused("kv delim=x", "delim", "`extract` has no option `delim`");
    }

    #[test]
    fn pairs() {
        let pairs = |text: &'static str, pair_delimiters, key_delimiters| -> Vec<String> {
            let pairs = Pairs { rest: text, pair_delimiters, key_delimiters };
            pairs.map(|(key, value)| format!("{key}>{value}")).collect()
        };
        assert_eq!(pairs("a=1;b = 2 ;c", ";", "="), ["a>1", "b>2"]);
        assert_eq!(pairs("a: 1, b: \"x, \\\"y\\\"\"", ",", ": "), ["a>1", "b>x, \"y\""]);
        assert_eq!(pairs("a=1 b c=2", " ", "="), ["a>1", "c>2"]);
        assert_eq!(pairs("a=\"open b=2", " ", "="), ["a>\"open", "b>2"]);
        assert_eq!(pairs("a==1", " ", "="), ["a>1"]);
    }

    #[test]
    fn rows() {
        check_rows("_raw=a=1;a=2;b.c=3", "kv pairdelim=\";\"", "_raw=a=1;a=2;b.c=3 a=1 b_c=3");
        check_rows("_raw=a=1;a=2;b.c=3", "kv mv_add=t clean_keys=f", "_raw=a=1;a=2;b.c=3 a=[1,2] b.c=3");
        check_rows("_raw=a=1;b=2;c=3", "kv limit=2", "_raw=a=1;b=2;c=3 a=1 b=2");
        check_rows("_raw=a=1;b=2;c=3", "kv maxchars=7", "_raw=a=1;b=2;c=3 a=1 b=2");
        check_rows("_raw=a=1 a=0\na=5", "kv", "_raw=a=1 a=1\na=5");
        check_rows("_raw=\"2026 9x=1 y=\"", "kv kvdelim=\"=\"", "_raw=\"2026 9x=1 y=\" x=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("kv", &["a"], "_raw a");
    }
}
