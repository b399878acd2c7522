//! Keeps the rows that satisfy a search expression.
//!
//! **Syntax**
//!
//! `search <search expression>`
//!
//! **Semantics**
//!
//! The language is that of the first search: words and phrases, `field=value` with wildcards and without case, `IN`,
//! `AND`, `OR`, `NOT`. `OR` binds more tightly than `AND`. The right side of a comparison is a literal, never a field: to
//! compare fields use `where`.
//!
//! Words are looked for in `_raw`; in rows that have no `_raw`, such as those of `stats`, in the values of all fields.
//!
//! `field!=value` keeps only rows that have the field; `NOT field=value` also those without. A multivalue field matches
//! if one of its values does.
//!
//! `earliest=` and `latest=` have no effect here, for the events are already read; a warning says so.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! status=404 host=a
//! status=500 host=b
//! host=c
//! > search status=4* OR status=5* host!=b
//! status=404 host=a
//! ```
//!
//! ```example
//! host=a
//! user=Alice host=b
//! > search NOT user=alice
//! host=a
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::ast::TimeModifiers;
use crate::batch::Batch;
use crate::context::{Context, Warning};
use crate::error::{QueryError, Result};
use crate::search::{Filter, RowView, SearchExpr, parse_search};
use crate::subsearch::{Place, Subsearch};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Debug)]
pub struct Search {
    /// The condition.
    pub expr: SearchExpr,
    /// Time modifiers that came too late to have an effect.
    pub late_times: TimeModifiers,
}

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let (expr, late_times) = parse_search(args.cursor)?;
    Ok(Box::new(Search { expr, late_times }))
}

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "search {}{}", self.expr, self.late_times)
    }
}

impl Command for Search {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn keeps_rows(&self) -> bool {
        true
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        // Whether the rows will have a `_raw` is not known here; without one a word may be in any field.
        if self.expr.reads_text() {
            return Wanted::All;
        }
        let mut wanted = downstream.clone();
        self.expr.fields_read().into_iter().for_each(|field| wanted.add(field));
        wanted
    }

    fn inline_subsearches(&self) -> Vec<(&Subsearch, Place)> {
        self.expr.subsearches().into_iter().map(|subsearch| (subsearch, Place::Search)).collect()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        if !self.late_times.is_empty() {
            ctx.warn(Warning::LateTimeModifier);
        }
        Box::new(SearchOperator { filter: Filter::new(&self.expr) })
    }

    fn as_filter(&self) -> Option<&SearchExpr> {
        // The warning about late modifiers comes from the operator.
        self.late_times.is_empty().then_some(&self.expr)
    }
}

struct SearchOperator {
    filter: Filter,
}

impl Operator for SearchOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let kept: Vec<bool> = (0..batch.len()).map(|row| self.filter.matches(&RowView::new(&batch, row))).collect();
        batch.retain_rows(|row| kept[row]);
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::context::Warning;
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows, commands, context, execute};
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("search foo", "search foo"),
            ("SEARCH a  AND b", "search a b"),
            ("search", "search *"),
            ("search a=1 earliest=-1h", "search a=1 earliest=-1h"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("search a AND", "", "expected a search term, found the end");
        check_refused("search (a", "(", "unbalanced `(`");
    }

    #[test]
    fn rows() {
        check_rows("a=1\na=2\na=3", "search a!=2", "a=1\na=3");
        check_rows("_raw=\"x y\"\n_raw=z", "search y", "_raw=\"x y\"");
        check_rows("a=foo\na=bar", "search b*r", "a=bar");
        check_rows("a=1", "search b=1", "");
    }

    #[test]
    fn late_time_modifiers_warn() {
        for (query, warnings) in [("search a=1 earliest=-1h", vec![Warning::LateTimeModifier]), ("search a=1", vec![])]
        {
            let ctx = Arc::new(context());
            let result = execute(&ctx, &commands(query), &crate::testing::rows("a=1"), 1, 1).unwrap();
            assert_eq!((result.len(), ctx.warnings()), (1, warnings));
            assert_eq!(commands(query)[0].as_filter().is_some(), ctx.warnings().is_empty());
        }
    }

    #[test]
    fn fields_read() {
        check_fields_read("search a=1 NOT b=*", &["c"], "a b c");
        check_fields_read("search word", &["c"], "*");
    }
}
