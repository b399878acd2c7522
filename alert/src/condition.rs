//! When what a search found is worth telling.
//!
//! A condition is an expression as in `where`, over the rows of the search. A search that finds events counts as the table
//! of their numbers: a row for each group, with the fields of the group and `count`. Each row has `rows`, the number of rows of
//! its group, too, and `baseline` where the rule has one. `absent` holds where there is nothing.

use std::fmt;
use std::sync::Arc;
use trawl_query::context::Context;
use trawl_query::error::QueryErrorKind;
use trawl_query::span::Span;
use trawl_query::{Batch, Pipeline, QueryError, RunError, Value};

/// A condition.
#[derive(Clone, Debug)]
pub struct Condition {
    text: String,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Absent,
    Where(Arc<Pipeline>),
}

/// A condition that cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct BadCondition {
    /// What was written.
    pub text: String,
    /// What is wrong; its span is of `text`.
    pub error: Box<QueryError>,
}

/// A column that no search can have: which row it is.
const ROW_FIELD: &str = "\u{1}row";
/// What makes a pipeline of a condition.
const PREFIX: &str = "* | where ";

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// If it is neither `absent` nor an expression that `where` takes.
    pub fn parse(text: &str) -> Result<Self, BadCondition> {
        if text.trim().eq_ignore_ascii_case("absent") {
            return Ok(Self { text: "absent".to_owned(), form: Form::Absent });
        }
        let bad = |error| BadCondition { text: text.to_owned(), error: Box::new(error) };
        let pipeline = trawl_query::parse(&format!("{PREFIX}{text}")).map_err(|mut error| {
            let shift = |at: usize| at.saturating_sub(PREFIX.len()).min(text.len());
            error.span = Span::new(shift(error.span.start), shift(error.span.end));
            if error.hint.is_none() {
                error.hint = Some(
                    "write for example `count > 5`, `rows > 0`, `avg_ms >= 250 AND count > 10` or `absent`".into(),
                );
            }
            bad(error)
        })?;
        if pipeline.commands.len() != 1 {
            let rule = QueryErrorKind::Rule("a condition is one expression, without `|`".to_owned());
            let at = text.find('|').unwrap_or(0);
            return Err(bad(QueryError::new(rule, Span::new(at, at + 1)).with_hint("let the search do it")));
        }
        Ok(Self { text: text.trim().to_owned(), form: Form::Where(Arc::new(pipeline)) })
    }

    /// Whether it holds where there is nothing.
    pub fn is_absent(&self) -> bool {
        matches!(self.form, Form::Absent)
    }

    /// The rows for which it holds. [`Condition::is_absent`] holds for none: it is not about rows.
    ///
    /// # Errors
    /// If the expression reaches a limit of the context.
    pub fn rows_that_hold(&self, rows: &Batch, ctx: &Arc<Context>) -> Result<Vec<usize>, RunError> {
        let Form::Where(pipeline) = &self.form else { return Ok(Vec::new()) };
        let mut numbered = rows.clone();
        numbered.set_column(ROW_FIELD, (0..rows.len()).map(|row| Value::count(row as u64)).collect());
        let kept = pipeline.run_over(vec![numbered], 1, ctx)?;
        let numbers = kept.column(ROW_FIELD).unwrap_or_default();
        Ok(numbers.iter().filter_map(Value::as_number).map(|row| row as usize).collect())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trawl_formats::Zone;
    use trawl_query::time::TimeRange;

    fn holding(condition: &str) -> Vec<usize> {
        let rows = Batch::from_columns(
            3,
            [
                ("host", vec!["a".into(), "b".into(), "c".into()]),
                ("count", vec![Value::from(1.0), Value::from(7.0), Value::Null]),
            ],
        );
        let ctx = Arc::new(Context::new(0, Zone::UTC, TimeRange::ALL));
        Condition::parse(condition).unwrap().rows_that_hold(&rows, &ctx).unwrap()
    }

    #[test]
    fn an_expression_holds_for_rows() {
        assert_eq!(holding("count > 5"), [1]);
        assert_eq!(holding("count > 0 AND like(host, \"a%\")"), [0]);
        assert_eq!(holding("isnull(count)"), [2]);
        assert_eq!(holding("nothing = 1"), [0usize; 0]);
        assert_eq!(holding("absent"), [0usize; 0]);
    }

    #[test]
    fn what_is_no_condition_is_pointed_at() {
        let error = Condition::parse("count >").unwrap_err();
        insta::assert_snapshot!(error.error.render(&error.text, false), @r"
        error: expected an expression, found the end
          |
        1 | count >
          |        ^
          |
          = hint: write for example `count > 5`, `rows > 0`, `avg_ms >= 250 AND count > 10` or `absent`
        ");
        let error = Condition::parse("count > 5 | head 1").unwrap_err();
        insta::assert_snapshot!(error.error.render(&error.text, false), @r"
        error: a condition is one expression, without `|`
          |
        1 | count > 5 | head 1
          |           ^
          |
          = hint: let the search do it
        ");
        assert!(Condition::parse("").is_err());
    }
}
