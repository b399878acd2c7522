//! Replaces values by other values.
//!
//! **Syntax**
//!
//! `replace <old> WITH <new> [, <old> WITH <new> …] [IN <list>]`
//!
//! **Arguments**
//!
//! - old: a whole value, in double quotes if it holds spaces or commas; `*` stands for any run of characters. Case does not
//!   matter.
//! - new: what it becomes. Its stars, if it has any, are as many as in old and stand for the same texts.
//! - list: the fields in which values are replaced, wildcards allowed. Without it all but internal fields.
//!
//! **Semantics**
//!
//! Of several replacements the first that matches counts, and a value is replaced once. Of several values each. To replace
//! a part of a value, see the function `replace` and `rex mode=sed`.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! level=0 host=web.local
//! level=1 host=db.local
//! > replace 0 WITH critical, 1 WITH error IN level
//! level=critical host=web.local
//! level=error host=db.local
//! ```
//!
//! ```example
//! host="web localhost"
//! > replace "* localhost" WITH "localhost *"
//! host="localhost web"
//! ```

use super::fields::write_globs;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::glob::Glob;
use crate::lexer::{is_name_char, quote};
use crate::span::Spanned;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Replace {
    /// Old and new values, in order.
    pub replacements: Vec<(Glob, Glob)>,
    /// The fields; none for all.
    pub list: Vec<Glob>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut replacements = Vec::new();
    let mut list = Vec::new();
    loop {
        args.cursor.skip_separators();
        if !replacements.is_empty() {
            if args.cursor.at_end() {
                break;
            }
            if args.keyword("IN") {
                list = args.expect_globs()?;
                args.finish()?;
                break;
            }
        }
        let old = parse_value(&mut args)?;
        if !args.keyword("WITH") {
            return Err(args.cursor.expected("`WITH`"));
        }
        let new = parse_value(&mut args)?;
        let (from, to) = (Glob::new(&old.value), Glob::new(&new.value));
        if to.has_wildcard() && from.n_wildcards() != to.n_wildcards() {
            return Err(QueryError::rule("the new value needs no wildcards, or as many as the old", new.span));
        }
        replacements.push((from, to));
    }
    Ok(Box::new(Replace { replacements, list }))
}

/// A value in quotes, or a run of characters up to white space or a comma.
fn parse_value(args: &mut Args<'_>) -> Result<Spanned<String>, QueryError> {
    args.cursor.skip_space();
    if let Some(quoted) = args.cursor.eat_quoted()? {
        return Ok(quoted);
    }
    let start = args.cursor.pos();
    let run = args.cursor.take_while(|c| !c.is_whitespace() && c != ',' && c != '"');
    match run.is_empty() {
        true => Err(args.cursor.expected("a value")),
        false => Ok(Spanned::new(run.to_owned(), args.cursor.span_from(start))),
    }
}

impl fmt::Display for Replace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |glob: &Glob| {
            let text = glob.to_string();
            let is_plain = !text.is_empty() && text.chars().all(is_name_char);
            if is_plain { text } else { quote(&text) }
        };
        for (index, (old, new)) in self.replacements.iter().enumerate() {
            write!(f, "{}{} WITH {}", if index == 0 { "replace " } else { ", " }, value(old), value(new))?;
        }
        if self.list.is_empty() {
            return Ok(());
        }
        f.write_str(" IN ")?;
        write_globs(f, &self.list)
    }
}

impl Command for Replace {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        downstream.clone()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(ReplaceOperator { ctx: Arc::clone(ctx), replace: self.clone() })
    }
}

struct ReplaceOperator {
    ctx: Arc<Context>,
    replace: Replace,
}

impl Replace {
    fn acts_on(&self, field: &str) -> bool {
        match self.list.is_empty() {
            true => !field.starts_with('_'),
            false => self.list.iter().any(|glob| glob.matches_field(field)),
        }
    }

    /// What a single value becomes; `None` if it stays.
    fn replaced(&self, value: &Value) -> Option<Value> {
        value.with_text(|text| {
            let (old, new) = self.replacements.iter().find(|(old, _)| old.matches_ignoring_case(text))?;
            Some(Value::from(match new.has_wildcard() {
                true => new.fill(&old.capture_ignoring_case(text)?),
                false => new.to_string(),
            }))
        })
    }
}

impl Operator for ReplaceOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        for (_, cells) in batch.iter_mut().filter(|(name, _)| self.replace.acts_on(name)) {
            for cell in cells {
                let changed = match &*cell {
                    Value::Null => None,
                    Value::Multi(values) if values.iter().any(|value| self.replace.replaced(value).is_some()) => {
                        let each = |value: &Value| self.replace.replaced(value).unwrap_or_else(|| value.clone());
                        Some(Value::multi(values.iter().map(each)))
                    }
                    Value::Multi(_) => None,
                    single => self.replace.replaced(single),
                };
                if let Some(changed) = changed {
                    *cell = changed;
                }
            }
        }
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
            ("replace a with b", "replace a WITH b"),
            ("REPLACE a WITH b, \"c d\" WITH \"\" in x,y*", "replace a WITH b, \"c d\" WITH \"\" IN x, y*"),
            ("replace 127.0.0.1 WITH localhost IN host", "replace 127.0.0.1 WITH localhost IN host"),
            ("replace * WITH x* IN \"a b\"", "replace * WITH x* IN \"a b\""),
            ("replace \"in\" WITH \"with\"", "replace in WITH with"),
            ("replace a=1 WITH (b)", "replace \"a=1\" WITH \"(b)\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("replace", "", "expected a value, found the end");
        check_refused("replace a", "", "expected `WITH`, found the end");
        check_refused("replace a b", "b", "expected `WITH`, found `b`");
        check_refused("replace a WITH", "", "expected a value, found the end");
        check_refused("replace a WITH b*", "b*", "the new value needs no wildcards, or as many as the old");
        check_refused("replace a WITH b IN", "", "expected the name of a field, found the end");
    }

    #[test]
    fn rows() {
        check_rows("x=a y=A z=ab _z=a\nx=b", "replace a WITH 1", "x=1 y=1 z=ab _z=a\nx=b");
        check_rows("x=a y=a", "replace a WITH 1 IN y", "x=a y=1");
        check_rows("x=a _x=a", "replace a WITH 1 IN _x", "x=a _x=1");
        check_rows("x=a", "replace a WITH b, b WITH c", "x=b");
        check_rows("x=[a,b,A]", "replace a WITH \"\" IN x", "x=[,b,]");
        check_rows("x=Foo-Bar-baz", "replace foo-*-* WITH *_*", "x=Bar_baz");
        check_rows("x=abc", "replace a* WITH x", "x=x");
        check_rows("x=5", "eval x=x*2 | replace 10 WITH ten", "x=ten");
        check_rows("y=1", "replace a WITH b IN x", "y=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("replace a WITH b IN x", &["y"], "y");
    }
}
