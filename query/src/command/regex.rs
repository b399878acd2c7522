//! Keeps the rows in which a regular expression occurs, or does not.
//!
//! **Syntax**
//!
//! `regex [<field> (= | !=)] "<regex>"`
//!
//! **Arguments**
//!
//! - field: where to look, `_raw` by default.
//! - `!=`: keep the rows in which it does not occur.
//!
//! **Semantics**
//!
//! The expression is in the dialect of PCRE, not anchored, and case matters: write `(?i)` in front to ignore it. Of several
//! values one is enough for `=`, and `!=` keeps rows in which no value matches. Rows without the field do not match, so
//! that `!=` keeps them.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! host=web-1
//! host=db-1
//! x=1
//! > regex host="^web-\d+$"
//! host=web-1
//! ```
//!
//! ```example
//! host=web-1
//! host=db-1
//! x=1
//! > regex host!="^web-"
//! host=db-1
//! x=1
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::{quote, quote_name};
use crate::regex_dialect;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Regex {
    /// The field that is read.
    pub field: String,
    /// Whether rows are kept that do not match.
    pub negated: bool,
    regex: regex_dialect::Regex,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let (field, negated) = parse_field(&mut args)?.unwrap_or_else(|| ("_raw".to_owned(), false));
    let Some(pattern) = args.text()? else { return Err(args.cursor.expected("a regular expression in quotes")) };
    let regex = regex_dialect::compile(&pattern.value, pattern.span)?;
    args.finish()?;
    Ok(Box::new(Regex { field, negated, regex }))
}

/// Reads `field=` or `field!=`, if that comes next.
fn parse_field(args: &mut Args<'_>) -> Result<Option<(String, bool)>, QueryError> {
    let start = args.cursor;
    if let Some(name) = args.name()? {
        args.cursor.skip_space();
        for (operator, negated) in [("!=", true), ("==", false), ("=", false)] {
            if args.cursor.eat(operator) {
                return Ok(Some((name.value, negated)));
            }
        }
    }
    args.cursor = start;
    Ok(None)
}

impl fmt::Display for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("regex ")?;
        if self.negated || self.field != "_raw" {
            write!(f, "{}{}", quote_name(&self.field), if self.negated { "!=" } else { "=" })?;
        }
        f.write_str(&quote(self.regex.as_str()))
    }
}

impl Command for Regex {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn keeps_rows(&self) -> bool {
        true
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        wanted.add(&self.field);
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(RegexOperator { ctx: Arc::clone(ctx), regex: self.clone() })
    }
}

struct RegexOperator {
    ctx: Arc<Context>,
    regex: Regex,
}

impl Operator for RegexOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let Regex { field, negated, regex } = &self.regex;
        let mut kept = vec![*negated; batch.len()];
        for (kept, cell) in kept.iter_mut().zip(batch.column(field).unwrap_or_default()) {
            let matches = cell.each().iter().any(|value| value.with_text(|text| regex.is_match(text, &self.ctx)));
            *kept = matches != *negated;
        }
        batch.retain_rows(|row| kept[row]);
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("regex \"a b\"", "regex \"a b\""),
            ("regex _raw=\"a\"", "regex \"a\""),
            ("REGEX x = \"a\"", "regex x=\"a\""),
            ("regex _raw!=\"a\"", "regex _raw!=\"a\""),
            ("regex \"my field\"!=\"a=b\"", "regex \"my field\"!=\"a=b\""),
            ("regex x=(?<!\\d)10\\.", "regex x=\"(?<!\\\\d)10\\\\.\""),
            ("regex a.b{}=\"x\"", "regex a.b{}=\"x\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("regex", "", "expected a regular expression in quotes, found the end");
        check_refused("regex x=", "", "expected a regular expression in quotes, found the end");
        check_refused("regex x=\"(a\"", "\"(a\"", "invalid regular expression: unclosed group");
        check_refused("regex \"a\" \"b\"", "\"", "expected the end of the command, found `\"`");
    }

    #[test]
    fn rows() {
        check_rows("_raw=abc\n_raw=ABC", "regex \"b\"", "_raw=abc");
        check_rows("_raw=abc\n_raw=ABC", "regex \"(?i)b\"", "_raw=abc\n_raw=ABC");
        check_rows("x=[a,b]\nx=c\ny=1", "regex x=\"b\"", "x=[a,b]");
        check_rows("x=[a,b]\nx=c\ny=1", "regex x!=\"b\"", "x=c\ny=1");
        check_rows("x=10.1\nx=110.1", "regex x=\"(?<!\\d)10\\.\"", "x=10.1");
        check_rows("x=5", "eval x=x*2 | regex x=\"^10$\"", "x=10");
    }

    #[test]
    fn fields_read() {
        check_fields_read("regex x=\"a\"", &["b"], "b x");
        check_fields_read("regex \"a\"", &["b"], "_raw b");
    }
}
