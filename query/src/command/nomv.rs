//! Joins the values of a field into one text.
//!
//! **Syntax**
//!
//! `nomv <field>`
//!
//! **Semantics**
//!
//! Between the values stands the delimiter that the last `makemv` or `mvcombine` of this field named, or else a line break.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! to=a,b
//! > makemv delim="," to | nomv to
//! to=a,b
//! ```
//!
//! ```example
//! user=x host=a
//! user=x host=b
//! > mvcombine delim="+" host | nomv host
//! user=x host=a+b
//! ```

use super::{Args, Command, CommandKind, Flow, Makemv, Mvcombine, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::value::Value;
use crate::wanted::Wanted;
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Nomv {
    /// The field.
    pub field: String,
    /// What stands between the values; [`find_delimiters`] finds it in the commands before.
    delimiter: String,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let field = args.expect_plain_name()?.value;
    args.finish()?;
    Ok(Box::new(Nomv { field, delimiter: "\n".to_owned() }))
}

/// Tells each `nomv` of a pipeline the delimiter of its field.
pub(crate) fn find_delimiters(commands: &mut [Box<dyn Command>]) {
    for index in 0..commands.len() {
        let (before, rest) = commands.split_at_mut(index);
        let command: &mut dyn Any = rest[0].as_mut();
        if let Some(nomv) = command.downcast_mut::<Nomv>()
            && let Some(delimiter) = before.iter().rev().find_map(|command| delimiter_of(&**command, &nomv.field))
        {
            nomv.delimiter = delimiter;
        }
    }
}

fn delimiter_of(command: &dyn Any, field: &str) -> Option<String> {
    if let Some(makemv) = command.downcast_ref::<Makemv>() {
        return (makemv.field == field).then(|| makemv.delimiter()).flatten();
    }
    let mvcombine = command.downcast_ref::<Mvcombine>()?;
    (mvcombine.field == field).then(|| mvcombine.delimiter.clone())
}

impl fmt::Display for Nomv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nomv {}", quote_name(&self.field))
    }
}

impl Command for Nomv {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        downstream.clone()
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(NomvOperator { nomv: self.clone() })
    }
}

struct NomvOperator {
    nomv: Nomv,
}

impl Operator for NomvOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        for cell in batch.column_mut(&self.nomv.field).unwrap_or_default() {
            if let Value::Multi(values) = cell {
                *cell = Value::from(join(values, &self.nomv.delimiter));
            }
        }
        out(batch);
        Ok(Flow::More)
    }
}

fn join(values: &[Value], delimiter: &str) -> String {
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        text.push_str(if index > 0 { delimiter } else { "" });
        value.with_text(|value| text.push_str(value));
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[("NOMV x", "nomv x"), ("nomv \"a b\"", "nomv \"a b\"")]);
    }

    #[test]
    fn refused() {
        check_refused("nomv", "", "expected the name of a field, found the end");
        check_refused("nomv x y", "y", "expected the end of the command, found `y`");
        check_refused("nomv x*", "x*", "wildcards are not allowed here");
    }

    #[test]
    fn rows() {
        check_rows("x=[a,b] y=[1,2]\nx=c\ny=1", "nomv x | eval n=len(x)", "x=a\nb y=[1,2] n=3\nx=c n=1\ny=1");
        check_rows("x=a;b", "makemv delim=\";\" x | nomv x", "x=a;b");
        check_rows("x=a;b y=c,d", "makemv delim=\";\" x | makemv delim=\",\" y | nomv x | nomv y", "x=a;b y=c,d");
        check_rows("x=a1b2", "makemv tokenizer=\"(\\d)\" x | nomv x | eval n=len(x)", "x=1\n2 n=3");
    }

    #[test]
    fn fields_read() {
        check_fields_read("nomv x", &["x", "y"], "x y");
    }
}
