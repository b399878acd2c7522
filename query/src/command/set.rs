//! Unites, subtracts or intersects the rows of two subsearches.
//!
//! **Syntax**
//!
//! `| set union|diff|intersect [subsearch] [subsearch]`
//!
//! **Semantics**
//!
//! Two rows are the same if all their fields have the same texts. Each row comes once, in the order of the first search,
//! then the second. `diff` gives the rows that are in exactly one of the two.
//!
//! **Kind** generating; stands first.
//!
//! **Memory** the rows of both subsearches, at most 50,000 each.
//!
//! **Examples**
//!
//! ```example
//! > | set diff [| makeresults | eval x=1 | table x] [| makeresults | eval x=2 | table x]
//! x=1
//! x=2
//! ```

use super::generate::{Generate, GenerateOperator};
use super::{Args, Command, CommandKind, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::subsearch::{Subsearch, SubsearchArgument};
use crate::wanted::Wanted;
use hashbrown::HashSet;
use std::fmt;
use std::sync::Arc;

/// Most rows of a subsearch. spl.md §12.
const MAX_ROWS: usize = 50_000;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Set {
    /// What is computed.
    pub operation: SetOperation,
    /// The two sides.
    pub sides: [Subsearch; 2],
}

/// What is computed of two sets of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum SetOperation {
    Union,
    Diff,
    Intersect,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    args.cursor.skip_space();
    let operations =
        [("union", SetOperation::Union), ("diff", SetOperation::Diff), ("intersect", SetOperation::Intersect)];
    let Some((_, operation)) = operations.into_iter().find(|(name, _)| args.cursor.eat_keyword(name)) else {
        return Err(args.cursor.expected("union, diff or intersect"));
    };
    let sides = [Subsearch::expect(&mut args.cursor)?, Subsearch::expect(&mut args.cursor)?];
    args.finish()?;
    Ok(Box::new(Set { operation, sides }))
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = match self.operation {
            SetOperation::Union => "union",
            SetOperation::Diff => "diff",
            SetOperation::Intersect => "intersect",
        };
        write!(f, "set {operation} {} {}", self.sides[0], self.sides[1])
    }
}

impl Command for Set {
    fn kind(&self) -> CommandKind {
        CommandKind::Generating
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::none()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let sides = [ctx.rows_of(&self.sides[0]), ctx.rows_of(&self.sides[1])];
        Box::new(GenerateOperator(Sides { operation: self.operation, sides }))
    }

    fn subsearches(&self) -> Vec<SubsearchArgument<'_>> {
        let argument = |subsearch| SubsearchArgument { command: "set", subsearch, max_rows: MAX_ROWS };
        self.sides.iter().map(argument).collect()
    }
}

struct Sides {
    operation: SetOperation,
    sides: [Arc<Batch>; 2],
}

/// What makes two rows the same: names and texts of all cells that are not null, in the order of the names.
fn keys(rows: &Batch) -> Vec<String> {
    let mut columns: Vec<_> = rows.iter().collect();
    columns.sort_unstable_by_key(|(name, _)| *name);
    let key = |row: usize| {
        let cells = columns.iter().filter(|(_, column)| !column[row].is_null());
        cells.map(|(name, column)| format!("{name}\0{}\0", column[row])).collect()
    };
    (0..rows.len()).map(key).collect()
}

impl Generate for Sides {
    fn generate(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let both = [keys(&self.sides[0]), keys(&self.sides[1])];
        let known: [HashSet<&str>; 2] =
            [0, 1].map(|side: usize| both[side].iter().map(String::as_str).collect::<HashSet<_>>());
        let mut seen: HashSet<&str> = HashSet::new();
        for side in 0..2 {
            let is_kept = |key: &str| match self.operation {
                SetOperation::Union => true,
                SetOperation::Diff => !known[1 - side].contains(key),
                SetOperation::Intersect => known[1 - side].contains(key),
            };
            let kept: Vec<bool> = both[side].iter().map(|key| is_kept(key) && seen.insert(key)).collect();
            let mut rows = (*self.sides[side]).clone();
            rows.retain_rows(|row| kept[row]);
            out(rows);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_generated, check_generates_prints};

    #[test]
    fn parses_and_prints() {
        check_generates_prints(&[("set UNION [search a] [search b]", "set union [search a] [search b]")]);
    }

    #[test]
    fn refused() {
        for (query, marked, message) in [
            ("| set minus [a] [b]", "minus", "expected union, diff or intersect, found `minus`"),
            ("| set diff [search a]", "", "expected a subsearch in brackets, found the end"),
        ] {
            let error = crate::parse(query).expect_err(query);
            assert_eq!((&query[error.span.range()], error.to_string().as_str()), (marked, message), "{query}");
        }
    }

    #[test]
    fn sets_of_rows() {
        let side = |data: &str| format!("[| makeresults format=csv data=\"x,y\n{data}\" | fields - _time]");
        let (a, b) = (side("1,a\n1,a\n2,b"), side("2,b\n3,c"));
        for (operation, expected) in
            [("union", "x=1 y=a\nx=2 y=b\nx=3 y=c"), ("diff", "x=1 y=a\nx=3 y=c"), ("intersect", "x=2 y=b")]
        {
            check_generated(&format!("| set {operation} {a} {b}"), expected);
        }
    }
}
