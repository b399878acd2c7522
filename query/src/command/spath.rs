//! Extracts values from JSON and XML.
//!
//! **Syntax**
//!
//! `spath [input=<field>]`
//!
//! `spath [input=<field>] [output=<field>] (path=<path> | <path>)`
//!
//! **Arguments**
//!
//! - `input`: the field that holds the document, `_raw` by default.
//! - path: what to extract; without it everything. In quotes if it holds spaces, commas or parentheses.
//! - `output`: the field that is written, named as the path by default.
//!
//! **Semantics**
//!
//! | document | path | is |
//! | --- | --- | --- |
//! | JSON | `a.b` | the member `b` of the object `a` |
//! | JSON | `a{}` · `a{0}` | each element of the array `a` · the first |
//! | XML | `a.b` · `a.b{2}` | each element `b` in the root `a` · the second |
//! | XML | `a.b{@id}` | the attribute `id` of each |
//!
//! Without a path each value becomes a field that is named by its path, as fields of JSON events are. With a path an object,
//! an array or an element with children gives its text. Several values found are several values of the field. Numbers keep
//! their text, null is no value. Where nothing is found a field stays as it was.
//!
//! A short prefix before the document is passed over. A document that is cut off gives what stands before the cut.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! id=1 _raw={'a':1}
//! > eval _raw=replace(_raw, "'", "\"") | spath | fields - _raw
//! id=1 a=1
//! ```
//!
//! ```example
//! order="<o><item id='7'>pen</item><item id='8'>ink</item></o>"
//! > spath input=order path=o.item{@id} output=ids | spath input=order o.item{2} | fields - order
//! ids=[7,8] o.item{2}=ink
//! ```
//!
//! **Differences** There is no limit on the length of the text.

use super::args::write_option;
use super::found::FoundFields;
use super::rex::write_found;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::document::{DocumentReader, Path};
use crate::error::{QueryError, Result};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Spath {
    /// The field that holds the document.
    pub input: String,
    /// What is extracted and the field it goes to; `None` for everything.
    pub selection: Option<Selection>,
}

/// One path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The path.
    pub path: String,
    /// The field that is written.
    pub output: String,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut input = "_raw".to_owned();
    let mut output = None;
    let mut path = None;
    while !args.cursor.at_end() {
        if let Some((option, value)) = args.option(&["input", "output", "path"])? {
            match option {
                "input" => input = value.value,
                "output" => output = Some(value),
                _ if path.is_some() => return Err(QueryError::rule("spath takes one path", value.span)),
                _ => path = Some(value.value),
            }
        } else if path.is_none() {
            path = Some(args.expect_name()?.value);
        } else {
            args.finish()?;
        }
    }
    let selection = match (path, output) {
        (Some(path), output) => {
            Some(Selection { output: output.map_or_else(|| path.clone(), |output| output.value), path })
        }
        (None, Some(output)) => {
            return Err(QueryError::rule("output= needs a path", output.span)
                .with_hint("say what to extract, as in path=a.b{}.c"));
        }
        (None, None) => None,
    };
    Ok(Box::new(Spath { input, selection }))
}

impl fmt::Display for Spath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("spath")?;
        if self.input != "_raw" {
            write_option(f, "input", &self.input)?;
        }
        let Some(Selection { path, output }) = &self.selection else { return Ok(()) };
        write_option(f, "path", path)?;
        if output == path { Ok(()) } else { write_option(f, "output", output) }
    }
}

impl Command for Spath {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        if self.selection.as_ref().is_none_or(|selection| downstream.contains(&selection.output)) {
            wanted.add(&self.input);
        }
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let path = self.selection.as_ref().map(|selection| Path::parse(&selection.path));
        Box::new(SpathOperator { ctx: Arc::clone(ctx), spath: self.clone(), path, reader: DocumentReader::default() })
    }
}

struct SpathOperator {
    ctx: Arc<Context>,
    spath: Spath,
    path: Option<Path>,
    reader: DocumentReader,
}

impl Operator for SpathOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let input = batch.column(&self.spath.input).unwrap_or_default();
        if let (Some(path), Some(Selection { output, .. })) = (&self.path, &self.spath.selection) {
            let mut cells = vec![Value::Null; batch.len()];
            let mut values = Vec::new();
            for (cell, document) in cells.iter_mut().zip(input) {
                for value in document.each() {
                    value.with_text(|text| path.select(text, &mut |found| values.push(Value::from(found))));
                }
                *cell = Value::multi(values.drain(..));
            }
            write_found(&mut batch, output, cells);
        } else {
            let mut found = FoundFields::new(batch.len());
            for (row, document) in input.iter().enumerate() {
                for value in document.each() {
                    value.with_text(|text| self.reader.read(text, &mut found));
                }
                found.end_row(row);
            }
            found.write(&mut batch);
        }
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{
        check_fields_read, check_prints, check_refused, check_rows, commands, context, execute, print,
    };
    use crate::{Batch, Value};
    use std::sync::Arc;

    /// Runs a query over rows whose only field is `doc`; leaves that out of the result.
    fn check_documents(documents: &[&str], query: &str, expected: &str) {
        let rows: Vec<Batch> =
            documents.iter().map(|text| Batch::from_columns(1, [("doc", vec![Value::from(*text)])])).collect();
        for batch_rows in [1, 2, rows.len()] {
            let commands = commands(&format!("{query} | fields - doc"));
            let result = execute(&Arc::new(context()), &commands, &rows, batch_rows, 2).unwrap();
            assert_eq!(print(&result), expected, "{query}");
        }
    }

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("spath", "spath"),
            ("SPATH input=x", "spath input=x"),
            ("spath a.b{}.c", "spath path=a.b{}.c"),
            ("spath output=o path=\"a b\" input=_raw", "spath path=\"a b\" output=o"),
            ("spath path=a{@id} output=a{@id}", "spath path=a{@id}"),
            ("spath \"a,b\" output=\"x y\"", "spath path=\"a,b\" output=\"x y\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("spath output=x", "x", "output= needs a path");
        check_refused("spath a b", "b", "expected the end of the command, found `b`");
        check_refused("spath a path=b", "b", "spath takes one path");
        check_refused("spath paht=b", "paht", "`spath` has no option `paht`");
    }

    #[test]
    fn json() {
        let documents = [r#"{"a":{"b":[{"c":1.50},{"c":"x y"}]},"n":null,"t":true}"#, "no json"];
        check_documents(&documents, "spath input=doc", "a.b{}.c=[1.50,x y] t=true\n-");
        check_documents(&documents, "spath input=doc path=a.b{}.c output=c", "c=[1.50,x y]\n-");
        check_documents(&documents, "spath input=doc a.b{1}.c", "a.b{1}.c=\"x y\"\n-");
        check_documents(&documents, "spath input=doc path=a.b{0} output=o", "o={\"c\":1.50}\n-");
        check_documents(&documents, "spath input=doc path=n", "-\n-");
        check_documents(&[r#"[{"a":1},{"a":2}]"#], "spath input=doc", "{}.a=[1,2]");
        check_documents(&[r#"{"a":1,"a":2}"#], "spath input=doc", "a=1");
        check_documents(&[r#"{"a":1,"b":"cut"#], "spath input=doc", "a=1");
    }

    #[test]
    fn xml() {
        let documents = ["<r><a id='1'>x</a><a id='2'>y</a></r>"];
        check_documents(&documents, "spath input=doc", "r.a{@id}=[1,2] r.a=[x,y]");
        check_documents(&documents, "spath input=doc path=r.a{2} output=a", "a=y");
        check_documents(&documents, "spath input=doc path=r.a{@id} output=id", "id=[1,2]");
    }

    #[test]
    fn fields_that_are_not_found_stay() {
        check_documents(&["{\"a\":1}", "{}"], "eval a=0 | spath input=doc", "a=1\na=0");
        check_documents(&["{\"a\":1}", "{}"], "eval o=0 | spath input=doc path=a output=o", "o=1\no=0");
        check_rows("x=1", "spath", "x=1");
        check_rows("x=1", "spath input=x path=a", "x=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("spath", &["a"], "_raw a");
        check_fields_read("spath input=x path=a output=o", &["o", "b"], "b o x");
        check_fields_read("spath input=x path=a output=o", &["b"], "b");
    }
}
