//! Gives fields other names.
//!
//! **Syntax**
//!
//! `rename <old> AS <new> [, <old> AS <new> …]`
//!
//! **Arguments**
//!
//! - old, new: names, in double quotes if they hold spaces, or patterns with the same number of wildcards on both sides:
//!   `rename in_* AS out_*`.
//!
//! **Semantics**
//!
//! The column keeps its place. A field that was called `new` before goes away, also in rows that have no `old`. Renames
//! run from left to right. Two fields renamed to one name: the last wins. With wildcards a row that has no `old` keeps its
//! `new`.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! src_ip=1.2.3.4 user.name=x
//! > rename src_ip AS "source address", user.* AS *
//! source address=1.2.3.4 name=x
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::glob::Glob;
use crate::lexer::quote_name;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Rename {
    /// Old and new names, in order.
    pub renames: Vec<(Glob, Glob)>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut renames: Vec<(Glob, Glob)> = Vec::new();
    loop {
        args.cursor.skip_separators();
        if !renames.is_empty() && args.cursor.at_end() {
            return Ok(Box::new(Rename { renames }));
        }
        let old = args.expect_name()?;
        if !args.keyword("AS") {
            return Err(args.cursor.expected("`AS`"));
        }
        let new = args.expect_name()?;
        let (from, to) = (Glob::new(&old.value), Glob::new(&new.value));
        if from.n_wildcards() != to.n_wildcards() {
            return Err(QueryError::rule("the new name needs as many wildcards as the old", new.span));
        }
        if renames.iter().any(|(other, _)| *other == from) {
            return Err(QueryError::rule(format!("`{from}` cannot get two names"), old.span)
                .with_hint("copy the field with eval"));
        }
        renames.push((from, to));
    }
}

impl fmt::Display for Rename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.renames.iter().enumerate().try_for_each(|(i, (from, to))| {
            let before = if i == 0 { "rename " } else { ", " };
            let (from, to) = (from.to_string(), to.to_string());
            write!(f, "{before}{} AS {}", quote_name(&from), quote_name(&to))
        })
    }
}

impl Command for Rename {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        for (from, to) in self.renames.iter().rev() {
            let Wanted::Only { names, globs } = &mut wanted else { return Wanted::All };
            if !globs.is_empty() {
                return Wanted::All;
            }
            if from.has_wildcard() {
                let old: Vec<String> = names.iter().filter_map(|name| Some(from.fill(&to.capture(name)?))).collect();
                names.extend(old);
                continue;
            }
            let (from, to) = (from.to_string(), to.to_string());
            if names.remove(&to) {
                names.insert(from);
            } else {
                names.remove(&from);
            }
        }
        wanted
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(RenameOperator { renames: self.renames.clone() })
    }
}

struct RenameOperator {
    renames: Vec<(Glob, Glob)>,
}

impl Operator for RenameOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        for (from, to) in &self.renames {
            if from.has_wildcard() {
                rename_matching(&mut batch, from, to);
            } else {
                batch.rename_column(&from.to_string(), &to.to_string());
            }
        }
        out(batch);
        Ok(Flow::More)
    }
}

fn rename_matching(batch: &mut Batch, from: &Glob, to: &Glob) {
    let matching: Vec<String> =
        batch.fields().iter().filter(|name| from.matches_field(name)).map(str::to_owned).collect();
    for old in matching {
        let Some(new) = from.capture(&old).map(|captured| to.fill(&captured)) else { continue };
        if old == new {
            continue;
        }
        // Which rows share a batch must not matter, so each row decides for itself.
        let existing = batch.column(&new).map(<[Value]>::to_vec);
        batch.rename_column(&old, &new);
        if let Some(existing) = existing {
            let renamed = batch.column(&new).into_iter().flatten();
            let cells = renamed.zip(existing).map(|(new, old)| if new.is_null() { old } else { new.clone() }).collect();
            batch.set_column(&new, cells);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("rename a as b", "rename a AS b"),
            ("rename a AS \"x y\", \"c d\" AS e", "rename a AS \"x y\", \"c d\" AS e"),
            ("rename a AS b c AS d", "rename a AS b, c AS d"),
            ("rename f{} AS f x.y.* AS *", "rename f{} AS f, x.y.* AS *"),
            ("rename count(x) AS n, avg(eval(a=1)) AS m", "rename \"count(x)\" AS n, \"avg(eval(a=1))\" AS m"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("rename", "", "expected the name of a field, found the end");
        check_refused("rename a", "", "expected `AS`, found the end");
        check_refused("rename a b", "b", "expected `AS`, found `b`");
        check_refused("rename a AS", "", "expected the name of a field, found the end");
        check_refused("rename a* AS b", "b", "the new name needs as many wildcards as the old");
        check_refused("rename a AS b, a AS c", "a", "`a` cannot get two names");
    }

    #[test]
    fn rows() {
        check_rows("a=1 b=2", "rename a AS c", "c=1 b=2");
        check_rows("a=1 b=2", "rename a AS b", "b=1");
        check_rows("b=2\na=1 b=3", "rename a AS b", "-\nb=1");
        check_rows("a=1 b=2", "rename a AS c, b AS c", "c=2");
        check_rows("a=1 b=2", "rename a AS b, b AS c", "c=1");
        check_rows("in_x=1 in_y=2", "rename in_* AS out_*", "out_x=1 out_y=2");
        check_rows("in_x=1 out_x=5\nout_x=6", "rename in_* AS out_*", "out_x=1\nout_x=6");
        check_rows("x=1", "rename missing AS y", "x=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("rename a AS b", &["b", "c"], "a c");
        check_fields_read("rename a AS b", &["a"], "");
        check_fields_read("rename a AS b, b AS c", &["c"], "a");
        check_fields_read("rename in_* AS *", &["x"], "in_x x");
        check_fields_read("rename a AS b", &["*"], "*");
    }
}
