//! Runs several event searches as one: their events in the order of time.
//!
//! **Syntax**
//!
//! `| multisearch [search …] [search …] …`
//!
//! **Semantics**
//!
//! The searches may have commands that look at one row at a time, such as `eval`, `rex`, `where` and `fields`, so that each
//! search can mark or shape its events. An event that two searches find is there twice.
//!
//! **Kind** generating; stands first.
//!
//! **Memory** all rows.
//!
//! **Examples**
//!
//! ```example
//! > | multisearch [search error | eval kind="error"] [search slow | eval kind="slow"] | stats count
//! count=0
//! ```

use super::generate::{Generate, GenerateOperator};
use super::{Args, Command, CommandKind, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::subsearch::{Subsearch, SubsearchArgument};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Multisearch {
    /// The searches; at least two.
    pub subsearches: Vec<Subsearch>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut subsearches = Vec::new();
    while subsearches.len() < 2 || !args.cursor.at_end() {
        let subsearch = Subsearch::expect(&mut args.cursor)?;
        if subsearch.pipeline.search.is_none() {
            return Err(QueryError::rule("`multisearch` takes event searches", subsearch.span)
                .with_hint("`union` takes searches that make their own rows"));
        }
        let mut others = subsearch.pipeline.commands.iter().filter(|command| command.kind() != CommandKind::Streaming);
        if let Some(other) = others.next() {
            let text = other.to_string();
            let name = text.split(' ').next().unwrap_or_default();
            return Err(QueryError::rule(
                format!("`{name}` cannot stand in a search of `multisearch`"),
                subsearch.span,
            )
            .with_hint("write it after `multisearch`, or use `append`"));
        }
        subsearches.push(subsearch);
    }
    Ok(Box::new(Multisearch { subsearches }))
}

impl fmt::Display for Multisearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("multisearch")?;
        self.subsearches.iter().try_for_each(|subsearch| write!(f, " {subsearch}"))
    }
}

impl Command for Multisearch {
    fn kind(&self) -> CommandKind {
        CommandKind::Generating
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::none()
    }

    fn makes_table(&self) -> bool {
        false
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(GenerateOperator(Interleaved {
            parts: self.subsearches.iter().map(|part| ctx.rows_of(part)).collect(),
        }))
    }

    fn subsearches(&self) -> Vec<SubsearchArgument<'_>> {
        let argument = |subsearch| SubsearchArgument { command: "multisearch", subsearch, max_rows: usize::MAX };
        self.subsearches.iter().map(argument).collect()
    }
}

struct Interleaved {
    parts: Vec<Arc<Batch>>,
}

impl Generate for Interleaved {
    fn generate(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let mut rows = Batch::default();
        self.parts.drain(..).for_each(|part| rows.append(Arc::unwrap_or_clone(part)));
        let times: Vec<f64> =
            (0..rows.len()).map(|row| rows.value(row, "_time").as_number().unwrap_or(f64::NEG_INFINITY)).collect();
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        // Stable: events of one time stay in the order of the searches.
        order.sort_by(|a, b| times[*b as usize].total_cmp(&times[*a as usize]));
        out(rows.take_rows(&order));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_generates_prints;

    #[test]
    fn parses_and_prints() {
        check_generates_prints(&[(
            "multisearch [search a | eval x=1] [b]",
            "multisearch [search a | eval x=1] [search b]",
        )]);
    }

    #[test]
    fn refused() {
        for (query, marked, message) in [
            ("| multisearch [search a]", "", "expected a subsearch in brackets, found the end"),
            (
                "| multisearch [search a | stats count] [b]",
                "[search a | stats count]",
                "`stats` cannot stand in a search of `multisearch`",
            ),
            ("| multisearch [| makeresults] [b]", "[| makeresults]", "`multisearch` takes event searches"),
        ] {
            let error = crate::parse(query).expect_err(query);
            assert_eq!((&query[error.span.range()], error.to_string().as_str()), (marked, message), "{query}");
        }
    }
}
