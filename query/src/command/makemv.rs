//! Cuts the text of a field into several values.
//!
//! **Syntax**
//!
//! `makemv [delim=<text>] [allowempty=f] [setsv=f] <field>`
//!
//! `makemv tokenizer="<regex with a group>" [allowempty=f] <field>`
//!
//! Options may also stand behind the field.
//!
//! **Arguments**
//!
//! - `delim`: the text between the values, a space by default; `\n`, `\r` and `\t` are a line break, a carriage return and a
//!   tab.
//! - `tokenizer`: a regular expression; what its first group holds in each match is a value.
//! - `allowempty=t`: keep empty values.
//! - `setsv`: has no effect, for a field always prints as one text where that is asked for.
//!
//! **Semantics**
//!
//! A field with several values has each of them cut. If nothing is left the field is missing from that row. `nomv` joins the
//! values again with the delimiter.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! to=a@x;b@y;;c@z
//! > makemv delim=";" to
//! to=[a@x,b@y,c@z]
//! ```
//!
//! ```example
//! text="id=5, id=77"
//! > makemv tokenizer="id=(\d+)" text
//! text=[5,77]
//! ```

use super::args::{boolean, write_option};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::{quote, quote_name};
use crate::regex_dialect::{self, Continue, Groups, Regex};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Makemv {
    /// The field.
    pub field: String,
    /// Whether empty values are kept.
    pub allow_empty: bool,
    cut: Cut,
}

#[derive(Clone, Debug)]
enum Cut {
    /// At each occurrence of a text, as written in the query.
    Delimiter(String),
    /// Into the first groups of the matches.
    Tokenizer(Regex),
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut cut = Cut::Delimiter(" ".to_owned());
    let mut allow_empty = false;
    let mut field = None;
    while !args.cursor.at_end() {
        if let Some((option, value)) = args.option(&["delim", "tokenizer", "allowempty", "setsv"])? {
            match option {
                "delim" if value.value.is_empty() => {
                    return Err(QueryError::rule("the delimiter cannot be empty", value.span)
                        .with_hint("to cut into characters write tokenizer=\"(.)\""));
                }
                "delim" => cut = Cut::Delimiter(value.value),
                "tokenizer" => {
                    let regex = regex_dialect::compile(&value.value, value.span)?;
                    if regex.group_names().len() < 2 {
                        return Err(QueryError::rule("the tokenizer has no group", value.span)
                            .with_hint("put what is to become a value in parentheses"));
                    }
                    cut = Cut::Tokenizer(regex);
                }
                "allowempty" => allow_empty = boolean(&value)?,
                _ => {
                    boolean(&value)?;
                }
            }
        } else if field.is_none() {
            field = Some(args.expect_plain_name()?.value);
        } else {
            args.finish()?;
        }
    }
    let Some(field) = field else { return Err(args.cursor.expected("the name of a field")) };
    Ok(Box::new(Makemv { field, allow_empty, cut }))
}

impl fmt::Display for Makemv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("makemv")?;
        match &self.cut {
            Cut::Delimiter(delimiter) if delimiter == " " => {}
            Cut::Delimiter(delimiter) => write_option(f, "delim", delimiter)?,
            Cut::Tokenizer(regex) => write!(f, " tokenizer={}", quote(regex.as_str()))?,
        }
        f.write_str(if self.allow_empty { " allowempty=t " } else { " " })?;
        f.write_str(&quote_name(&self.field))
    }
}

/// Reads `\n`, `\r` and `\t` as the characters they stand for.
fn unescape(delimiter: &str) -> String {
    delimiter.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")
}

impl Makemv {
    /// The text between the values, if it is always the same.
    pub(super) fn delimiter(&self) -> Option<String> {
        match &self.cut {
            Cut::Delimiter(delimiter) => Some(unescape(delimiter)),
            Cut::Tokenizer(_) => None,
        }
    }
}

impl Command for Makemv {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        downstream.clone()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let delimiter = self.delimiter().unwrap_or_default();
        Box::new(MakemvOperator { ctx: Arc::clone(ctx), makemv: self.clone(), delimiter, groups: Groups::default() })
    }
}

struct MakemvOperator {
    ctx: Arc<Context>,
    makemv: Makemv,
    delimiter: String,
    groups: Groups,
}

impl MakemvOperator {
    /// Adds the values that `text` consists of.
    fn cut(&mut self, text: &str, values: &mut Vec<Value>) {
        let allow_empty = self.makemv.allow_empty;
        let mut push = |value: &str| {
            if allow_empty || !value.is_empty() {
                values.push(Value::from(value));
            }
        };
        match &self.makemv.cut {
            Cut::Delimiter(_) => text.split(self.delimiter.as_str()).for_each(push),
            Cut::Tokenizer(regex) => regex.for_each_match(text, &mut self.groups, &self.ctx, |groups| {
                if let Some(range) = groups.get(1) {
                    push(&text[range]);
                }
                Continue::Yes
            }),
        }
    }
}

impl Operator for MakemvOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let mut values = Vec::new();
        let field = self.makemv.field.clone();
        for cell in batch.column_mut(&field).unwrap_or_default().iter_mut().filter(|cell| !cell.is_null()) {
            for value in cell.each() {
                value.with_text(|text| self.cut(text, &mut values));
            }
            *cell = Value::multi(values.drain(..));
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
            ("makemv x", "makemv x"),
            ("makemv delim=\",\" allowempty=true setsv=t x", "makemv delim=\",\" allowempty=t x"),
            ("MAKEMV x delim=;", "makemv delim=\";\" x"),
            ("makemv tokenizer=\"([^,]+),?\" \"a b\"", "makemv tokenizer=\"([^,]+),?\" \"a b\""),
            ("makemv delim=\"\\n\" a.b{}", "makemv delim=\"\\\\n\" a.b{}"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("makemv", "", "expected the name of a field, found the end");
        check_refused("makemv delim=\"\" x", "\"\"", "the delimiter cannot be empty");
        check_refused("makemv tokenizer=\"a\" x", "\"a\"", "the tokenizer has no group");
        check_refused("makemv tokenizer=\"(\" x", "\"(\"", "invalid regular expression: unclosed group");
        check_refused("makemv dlim=, x", "dlim", "`makemv` has no option `dlim`");
        check_refused("makemv x y", "y", "expected the end of the command, found `y`");
        check_refused("makemv x*", "x*", "wildcards are not allowed here");
    }

    #[test]
    fn rows() {
        check_rows("x=\"a b  c\"\ny=1", "makemv x", "x=[a,b,c]\ny=1");
        check_rows("x=a,b,,c", "makemv delim=\",\" allowempty=t x | eval n=mvcount(x)", "x=[a,b,,c] n=4");
        check_rows("x=a::b:c", "makemv delim=\"::\" x", "x=[a,b:c]");
        check_rows("x=[a;b,c]", "makemv delim=\";\" x", "x=[a,b,c]");
        check_rows("x=, y=1", "makemv delim=\",\" x", "y=1");
        check_rows("x=\"no digits\" y=1", "makemv tokenizer=\"(\\d+)\" x", "y=1");
        check_rows("x=a1b2", "makemv tokenizer=\"(?:[a-z])(\\d)?\" x", "x=[1,2]");
        check_rows("x=12", "eval x=x/5 | makemv delim=. x", "x=[2,4]");
        check_rows("x=a", "makemv delim=\"\\n\" x", "x=a");
    }

    #[test]
    fn fields_read() {
        check_fields_read("makemv x", &["x"], "x");
        check_fields_read("makemv x", &["y"], "y");
    }
}
