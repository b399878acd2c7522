//! A search expression as an indented tree, for `--explain`.

use super::{PatternForm, SearchExpr};
use std::fmt::{self, Write};

/// Columns by which operands stand further in than their operator.
const INDENT: usize = 2;

impl SearchExpr {
    /// One line for each node, operands below their operator; each line begins with `margin` and ends with a line feed.
    ///
    /// ```
    /// let pipeline = trawl_query::parse("(timeout OR refused) NOT level=INFO")?;
    /// let outline = pipeline.search.expect("a search").outline("  ");
    /// assert_eq!(
    ///     outline,
    ///     "  and\n    or\n      word timeout\n      word refused\n    not\n      field level=INFO\n"
    /// );
    /// # Ok::<(), trawl_query::error::QueryError>(())
    /// ```
    pub fn outline(&self, margin: &str) -> String {
        let mut lines = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_outline(&mut lines, margin, 0);
        lines
    }

    fn write_outline(&self, lines: &mut String, margin: &str, depth: usize) -> fmt::Result {
        let width = depth * INDENT;
        let name = self.kind_name();
        let operands: &[SearchExpr] = match self {
            SearchExpr::And(operands) | SearchExpr::Or(operands) => operands,
            SearchExpr::Not(operand) => std::slice::from_ref(operand),
            leaf => return writeln!(lines, "{margin}{:width$}{name} {leaf}", ""),
        };
        writeln!(lines, "{margin}{:width$}{name}", "")?;
        operands.iter().try_for_each(|operand| operand.write_outline(lines, margin, depth + 1))
    }

    fn kind_name(&self) -> &'static str {
        match self {
            SearchExpr::All => "all",
            SearchExpr::And(_) => "and",
            SearchExpr::Or(_) => "or",
            SearchExpr::Not(_) => "not",
            SearchExpr::Pattern(pattern) => match pattern.form {
                PatternForm::Bare | PatternForm::Term => "word",
                PatternForm::Quoted => "phrase",
            },
            SearchExpr::Subsearch(_) => "subsearch",
            SearchExpr::Compare(_) | SearchExpr::In(_) | SearchExpr::Exists { .. } => "field",
        }
    }
}
