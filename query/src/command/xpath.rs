//! Extracts from XML what an XPath expression selects.
//!
//! **Syntax**
//!
//! `xpath [field=_raw] [outfield=xpath] [default=text] "<expression>"`
//!
//! **Arguments**
//!
//! - expression: steps from the document down, `/a/b`, `//b` at any depth, `*`, `@attribute`, `text()`, `.` and `..`; conditions in
//!   brackets: a place from 1, `last()`, a path that must exist, or a path compared with a text or number; `contains(path, 'x')`,
//!   `starts-with(path, 'x')`, `not(…)`, `and`, `or`; alternatives with `|`.
//! - `field`: the field that holds the document.
//! - `outfield`: where the result goes.
//! - `default`: what is written if nothing is selected. Without it the field stays as it was.
//!
//! **Semantics**
//!
//! Several nodes give several values: the text of attributes and of elements without children, the XML inside of other elements.
//! Prefixes of namespaces are part of the names. A document that is cut off counts as far as it goes. For simple paths see `spath`.
//!
//! **Kind** streaming.
//!
//! **Memory** one document.
//!
//! **Examples**
//!
//! ```example
//! _raw="<order><item n='2'>pen</item><item n='1'>ink</item></order>"
//! > xpath outfield=name "//item[@n>1]" | xpath "//item/@n" | fields name xpath | fields - _raw
//! name=pen xpath=[2,1]
//! ```
//!
//! **Differences** Other axes and functions of XPath are errors.

use super::args::write_option;
use super::rex::write_found;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::document::XPath;
use crate::error::{QueryError, Result};
use crate::lexer::quote;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Xpath {
    /// The expression as written.
    pub expression: String,
    xpath: XPath,
    /// The field with the documents.
    pub input: String,
    /// Where the result goes.
    pub output: String,
    /// What is written where nothing is selected.
    pub default: Option<String>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let (mut input, mut output, mut default) = ("_raw".to_owned(), "xpath".to_owned(), None);
    let mut found = None;
    loop {
        if let Some((option, value)) = args.option(&["field", "outfield", "default"])? {
            match option {
                "field" => input = value.value,
                "outfield" => output = value.value,
                _ => default = Some(value.value),
            }
        } else if found.is_some() {
            break;
        } else {
            found = Some(args.text()?.ok_or_else(|| args.cursor.expected("an expression in double quotes"))?);
        }
    }
    args.finish()?;
    let Some(expression) = found else { return Err(args.cursor.expected("an expression in double quotes")) };
    let xpath = XPath::parse(&expression.value).map_err(|message| QueryError::rule(message, expression.span))?;
    Ok(Box::new(Xpath { expression: expression.value, xpath, input, output, default }))
}

impl fmt::Display for Xpath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("xpath")?;
        if self.input != "_raw" {
            write_option(f, "field", &self.input)?;
        }
        if self.output != "xpath" {
            write_option(f, "outfield", &self.output)?;
        }
        if let Some(default) = &self.default {
            write_option(f, "default", default)?;
        }
        write!(f, " {}", quote(&self.expression))
    }
}

impl Command for Xpath {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        if downstream.contains(&self.output) {
            wanted.add(&self.input);
        }
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(XpathOperator { ctx: Arc::clone(ctx), command: self.clone() })
    }
}

struct XpathOperator {
    ctx: Arc<Context>,
    command: Xpath,
}

impl Operator for XpathOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let default = self.command.default.as_deref().map_or(Value::Null, Value::from);
        let mut cells = vec![default; batch.len()];
        let mut values = Vec::new();
        for (cell, document) in cells.iter_mut().zip(batch.column(&self.command.input).unwrap_or_default()) {
            for value in document.each() {
                value.with_text(|text| self.command.xpath.select(text, &mut |found| values.push(Value::from(found))));
            }
            if !values.is_empty() {
                *cell = Value::multi(values.drain(..));
            }
        }
        write_found(&mut batch, &self.command.output, cells);
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
            ("xpath \"//a/@b\"", "xpath \"//a/@b\""),
            ("XPATH \"//a\" field=x outfield=y default=z", "xpath field=x outfield=y default=z \"//a\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("xpath", "", "expected an expression in double quotes, found the end");
        check_refused("xpath \"//a[\"", "\"//a[\"", "expected the name of an element at the end");
        check_refused("xpath \"//a\" b", "b", "expected the end of the command, found `b`");
        check_refused("xpath out=x \"//a\"", "out", "`xpath` has no option `out`");
    }

    #[test]
    fn rows() {
        check_rows("d=<a>1</a> o=old\nd=x o=old", "xpath field=d outfield=o \"/a\" | fields o", "o=1\no=old");
        check_rows("d=<a>1</a>\nd=x", "xpath field=d default=none \"/a\" | fields xpath", "xpath=1\nxpath=none");
        check_rows("d=[<a>1</a>,<a>2</a>]", "xpath field=d \"/a\" | fields xpath", "xpath=[1,2]");
    }

    #[test]
    fn fields_read() {
        check_fields_read("xpath \"/a\"", &["xpath"], "_raw xpath");
        check_fields_read("xpath \"/a\"", &["a"], "a");
    }
}
