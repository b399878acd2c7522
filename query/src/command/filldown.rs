//! Gives missing values the last value above them.
//!
//! **Syntax**
//!
//! `filldown [<list>]`
//!
//! **Arguments**
//!
//! - list: the fields to fill, wildcards allowed; all but internal ones by default.
//!
//! **Semantics**
//!
//! Rows above the first value stay without one. Empty text is a value.
//!
//! **Kind** ordered.
//!
//! **Memory** one value for each field.
//!
//! **Examples**
//!
//! ```example
//! group=a n=1
//! n=2
//! group=b
//! > filldown group
//! group=a n=1
//! group=a n=2
//! group=b
//! ```

use super::fields::write_globs;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::glob::Glob;
use crate::value::Value;
use crate::wanted::Wanted;
use compact_str::CompactString;
use hashbrown::HashMap;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Filldown {
    /// The fields; none for all.
    pub list: Vec<Glob>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let names = args.names(&[])?;
    args.finish()?;
    Ok(Box::new(Filldown { list: names.iter().map(|name| Glob::new(&name.value)).collect() }))
}

impl fmt::Display for Filldown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.list.is_empty() { "filldown" } else { "filldown " })?;
        write_globs(f, &self.list)
    }
}

impl Command for Filldown {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        downstream.clone()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(FilldownOperator { ctx: Arc::clone(ctx), filldown: self.clone(), last: HashMap::new() })
    }
}

struct FilldownOperator {
    ctx: Arc<Context>,
    filldown: Filldown,
    /// The last value of each field.
    last: HashMap<CompactString, Value>,
}

impl FilldownOperator {
    fn acts_on(&self, field: &str) -> bool {
        match self.filldown.list.is_empty() {
            true => !field.starts_with('_'),
            false => self.filldown.list.iter().any(|glob| glob.matches_field(field)),
        }
    }
}

impl Operator for FilldownOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let is_missing = |name: &&CompactString| batch.fields().index_of(name).is_none();
        let mut missing: Vec<CompactString> = self.last.keys().filter(is_missing).cloned().collect();
        missing.sort_unstable();
        missing.iter().for_each(|name| {
            batch.column_or_new(name);
        });
        let named: Vec<CompactString> =
            batch.fields().iter().filter(|name| self.acts_on(name)).map(CompactString::from).collect();
        for name in named {
            let last = self.last.entry(name);
            let name = last.key().clone();
            let last = last.or_default();
            for cell in batch.column_or_new(&name) {
                if cell.is_null() {
                    cell.clone_from(last);
                } else {
                    last.clone_from(cell);
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
            ("filldown", "filldown"),
            ("FILLDOWN a b*", "filldown a, b*"),
            ("filldown *", "filldown *"),
            ("filldown \"a b\"", "filldown \"a b\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("filldown a=1", "a=1", "expected the end of the command, found `a=1`");
    }

    #[test]
    fn rows() {
        let input = "a=1 b=1 _c=1\nb=2\na=3\n-";
        check_rows(input, "filldown", "a=1 b=1 _c=1\na=1 b=2\na=3 b=2\na=3 b=2");
        check_rows(input, "filldown a", "a=1 b=1 _c=1\na=1 b=2\na=3\na=3");
        check_rows(input, "filldown _c", "a=1 b=1 _c=1\nb=2 _c=1\na=3 _c=1\n_c=1");
        check_rows("b=1\na=\"\" b=2\nb=3", "filldown a", "b=1\nb=2 a=\"\"\nb=3 a=\"\"");
    }

    #[test]
    fn fields_read() {
        check_fields_read("filldown a", &["b"], "b");
    }
}
