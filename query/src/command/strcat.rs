//! Joins fields and texts into a field.
//!
//! **Syntax**
//!
//! `strcat [allrequired=f] <field or "text">… <destination>`
//!
//! **Arguments**
//!
//! - sources: names of fields, or text in double quotes.
//! - destination: the name of the field that is written, in double quotes if it needs them.
//! - `allrequired=t`: write nothing in rows that lack one of the fields.
//!
//! **Semantics**
//!
//! A missing field counts as empty text. Several values are joined by line breaks.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! host=a port=80
//! host=b
//! > strcat host ":" port address
//! host=a port=80 address=a:80
//! host=b address=b:
//! ```
//!
//! ```example
//! host=a port=80
//! host=b
//! > strcat allrequired=t host ":" port address
//! host=a port=80 address=a:80
//! host=b
//! ```

use super::args::boolean;
use super::rex::write_found;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::{quote, quote_name};
use crate::span::Spanned;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Strcat {
    /// What is joined.
    pub sources: Vec<Source>,
    /// The field that is written.
    pub destination: String,
    /// Whether a row without one of the fields is left alone.
    pub all_required: bool,
}

/// A part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The value of a field.
    Field(String),
    /// Text.
    Text(String),
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut all_required = false;
    let mut sources: Vec<Spanned<Source>> = Vec::new();
    while !args.cursor.at_end() {
        if let Some((_, value)) = args.option(&["allrequired"])? {
            all_required = boolean(&value)?;
            continue;
        }
        let start = args.cursor.pos();
        let source = match args.cursor.eat_quoted()? {
            Some(quoted) => Source::Text(quoted.value),
            None => Source::Field(args.expect_plain_name()?.value),
        };
        sources.push(Spanned::new(source, args.cursor.span_from(start)));
    }
    let destination = match sources.pop() {
        Some(Spanned { value: Source::Text(name), span }) if name.is_empty() => {
            return Err(QueryError::rule("the name of a field cannot be empty", span));
        }
        Some(Spanned { value: Source::Field(name) | Source::Text(name), span }) if sources.is_empty() => {
            return Err(QueryError::rule(format!("nothing is joined into `{name}`"), span)
                .with_hint("the last argument is the field that is written"));
        }
        Some(Spanned { value: Source::Field(name) | Source::Text(name), .. }) => name,
        None => return Err(args.cursor.expected("the name of a field")),
    };
    let sources = sources.into_iter().map(|source| source.value).collect();
    Ok(Box::new(Strcat { sources, destination, all_required }))
}

impl fmt::Display for Strcat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.all_required { "strcat allrequired=t" } else { "strcat" })?;
        for source in &self.sources {
            match source {
                // In quotes it would be text.
                Source::Field(name) => write!(f, " {name}")?,
                Source::Text(text) => write!(f, " {}", quote(text))?,
            }
        }
        write!(f, " {}", quote_name(&self.destination))
    }
}

impl Command for Strcat {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        if !downstream.contains(&self.destination) {
            return wanted;
        }
        if !self.all_required {
            wanted.remove(&self.destination);
        }
        for source in &self.sources {
            if let Source::Field(name) = source {
                wanted.add(name);
            }
        }
        wanted
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(StrcatOperator { strcat: self.clone() })
    }
}

struct StrcatOperator {
    strcat: Strcat,
}

/// A source in a batch; a field that the batch does not have is `None`.
enum Part<'b> {
    Column(Option<&'b [Value]>),
    Text(&'b str),
}

impl Operator for StrcatOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let Strcat { sources, destination, all_required } = &self.strcat;
        let parts: Vec<Part<'_>> = sources
            .iter()
            .map(|source| match source {
                Source::Field(name) => Part::Column(batch.column(name)),
                Source::Text(text) => Part::Text(text),
            })
            .collect();
        let mut joined = String::new();
        let cells = (0..batch.len())
            .map(|row| {
                joined.clear();
                for part in &parts {
                    match part {
                        Part::Text(text) => joined.push_str(text),
                        Part::Column(column) => match column.map_or(&Value::Null, |column| &column[row]) {
                            Value::Null if *all_required => return Value::Null,
                            value => value.with_text(|text| joined.push_str(text)),
                        },
                    }
                }
                Value::from(joined.as_str())
            })
            .collect();
        write_found(&mut batch, destination, cells);
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
            ("strcat a b c", "strcat a b c"),
            ("STRCAT allrequired=true a \"-\" b c", "strcat allrequired=t a \"-\" b c"),
            ("strcat a \" \\\" \" b \"x y\" allrequired=f", "strcat a \" \\\" \" b \"x y\""),
            ("strcat a, b, c", "strcat a b c"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("strcat", "", "expected the name of a field, found the end");
        check_refused("strcat a", "a", "nothing is joined into `a`");
        check_refused("strcat a \"\"", "\"\"", "the name of a field cannot be empty");
        check_refused("strcat all=t a b", "all", "`strcat` has no option `all`");
        check_refused("strcat a* b c", "a*", "wildcards are not allowed here");
    }

    #[test]
    fn rows() {
        check_rows("a=1 b=2 c=old\nb=3 c=old", "strcat a \"-\" b c", "a=1 b=2 c=1-2\nb=3 c=-3");
        check_rows("a=1 b=2 c=old\nb=3 c=old", "strcat allrequired=t a b c", "a=1 b=2 c=12\nb=3 c=old");
        check_rows("a=1", "strcat \"x\" \"y\" c", "a=1 c=xy");
        check_rows("a=1", "strcat a a a", "a=11");
        check_rows("a=1", "eval b=a/4 | strcat a b c", "a=1 b=0.25 c=10.25");
    }

    #[test]
    fn fields_read() {
        check_fields_read("strcat a \"-\" b c", &["c", "d"], "a b d");
        check_fields_read("strcat a b c allrequired=t", &["c"], "a b c");
        check_fields_read("strcat a b c", &["d"], "d");
    }
}
