//! Keeps or removes fields.
//!
//! **Syntax**
//!
//! `fields [+ | -] <list>`
//!
//! **Semantics**
//!
//! With `+`, the default, the listed fields are kept, in the order given, and after them the internal fields, whose names
//! begin with `_`. With `-` the listed fields are removed. Names may hold wildcards; a wildcard matches internal fields
//! only if the pattern itself begins with `_`, as in `fields - _*`.
//!
//! Fields that do not exist are not made: for that see `table`.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! _time=5 host=a status=200 user=x
//! > fields status host
//! status=200 host=a _time=5
//! ```
//!
//! ```example
//! _time=5 host=a http_code=200 http_url=x
//! > fields - http_* _time
//! host=a
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::{Batch, Fields as BatchFields};
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::glob::Glob;
use crate::lexer::quote_name;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Whether the listed fields are removed rather than kept.
    pub remove: bool,
    /// The list, at least one.
    pub list: Vec<Glob>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    args.cursor.skip_space();
    let remove = args.cursor.eat("-");
    if !remove {
        args.cursor.eat("+");
    }
    let list = args.expect_globs()?;
    args.finish()?;
    Ok(Box::new(Fields { remove, list }))
}

/// Writes `a, b*`.
pub(super) fn write_globs(f: &mut fmt::Formatter<'_>, globs: &[Glob]) -> fmt::Result {
    globs
        .iter()
        .enumerate()
        .try_for_each(|(i, glob)| write!(f, "{}{}", if i == 0 { "" } else { ", " }, quote_name(&glob.to_string())))
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.remove { "fields - " } else { "fields " })?;
        write_globs(f, &self.list)
    }
}

fn matches_any(list: &[Glob], name: &str) -> bool {
    list.iter().any(|glob| glob.matches_field(name))
}

/// The fields of `downstream` that a list lets through. Patterns are not cut with patterns: the result may be larger.
pub(super) fn intersect(downstream: &Wanted, list: &[Glob]) -> Wanted {
    let mut wanted = Wanted::none();
    match downstream.exact_names() {
        Some(names) => {
            names.iter().filter(|name| matches_any(list, name)).for_each(|name| wanted.add(name));
        }
        None => list.iter().for_each(|glob| wanted.add_glob(glob)),
    }
    wanted
}

impl Command for Fields {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        if self.remove {
            let mut wanted = downstream.clone();
            if let Wanted::Only { names, .. } = &mut wanted {
                names.retain(|name| !matches_any(&self.list, name));
            }
            return wanted;
        }
        let mut kept = self.list.clone();
        kept.push(Glob::new("_*"));
        intersect(downstream, &kept)
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(FieldsOperator { fields: self.clone() })
    }
}

struct FieldsOperator {
    fields: Fields,
}

impl Operator for FieldsOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let Fields { remove, list } = &self.fields;
        if *remove {
            batch.retain_columns(|name| !matches_any(list, name));
        } else {
            let listed = list.iter().flat_map(|glob| batch.fields().iter().filter(|name| glob.matches_field(name)));
            let internal = batch.fields().iter().filter(|name| name.starts_with('_'));
            let names = BatchFields::new(listed.chain(internal));
            batch.select_columns(&Arc::new(names));
        }
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_columns, check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("fields a b,c", "fields a, b, c"),
            ("fields + a", "fields a"),
            ("fields - a", "fields - a"),
            ("fields -a", "fields - a"),
            ("fields \"a b\" x*", "fields \"a b\", x*"),
            ("fields a.b{} as", "fields a.b{}, \"as\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("fields", "", "expected the name of a field, found the end");
        check_refused("fields a=1", "a=1", "expected the name of a field, found `a=1`");
        check_refused("fields a (b", "(", "expected the end of the command, found `(`");
    }

    #[test]
    fn rows() {
        check_rows("a=1 b=2 _raw=x", "fields b", "b=2 _raw=x");
        check_rows("a=1 b=2 _raw=x", "fields *", "a=1 b=2 _raw=x");
        check_rows("a=1 b=2 _raw=x", "fields - *", "_raw=x");
        check_rows("a=1 b=2 _raw=x", "fields - _*", "a=1 b=2");
        check_rows("a=1", "fields b", "-");
        check_columns("a=1 b=2", "fields b c", "b");
    }

    #[test]
    fn fields_read() {
        check_fields_read("fields a b*", &["*"], "a _* b*");
        check_fields_read("fields a b", &["a", "c", "_raw"], "_raw a");
        check_fields_read("fields - a", &["a", "b"], "b");
        check_fields_read("fields - a", &["*"], "*");
    }
}
