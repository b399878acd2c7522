//! Lists the hosts, sources or sourcetypes that there are, with their first and last events.
//!
//! **Syntax**
//!
//! `| metadata type=hosts|sources|sourcetypes [index=name] …`
//!
//! **Arguments**
//!
//! - `index`: which index, `*` allowed; may be given several times. By default all that do not begin with `_`.
//! - `splunk_server`, `datatype` are accepted and have no effect.
//!
//! **Semantics**
//!
//! One row for each: `type`, the name, `firstTime` and `lastTime` of its events, `recentTime` of the newest indexing,
//! `totalCount` of events, within the range of the search.
//!
//! **Kind** generating; stands first.
//!
//! **Memory** one row for each name.
//!
//! **Examples**
//!
//! ```example
//! > | metadata type=hosts | stats count
//! count=0
//! ```
//!
//! **Differences** exact, where Splunk answers by whole buckets.

use super::args::bad_value;
use super::generate::{GenerateOperator, Rewritten};
use super::{Args, Command, CommandKind, Operator};
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::{quote, quote_name};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// `hosts`, `sources` or `sourcetypes`.
    pub kind: &'static str,
    /// Which indexes; none for the default ones.
    pub indexes: Vec<String>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let (mut kind, mut indexes) = (None, Vec::new());
    while let Some((name, value)) = args.option(&["type", "index", "splunk_server", "datatype"])? {
        match name {
            "type" => {
                let known = ["hosts", "sources", "sourcetypes"];
                let found = known.into_iter().find(|known| known.eq_ignore_ascii_case(&value.value));
                kind = Some(found.ok_or_else(|| bad_value(&value, "hosts, sources or sourcetypes"))?);
            }
            "index" => indexes.push(value.value),
            _ => {}
        }
    }
    args.finish()?;
    let kind = kind.ok_or_else(|| args.cursor.expected("type=hosts, type=sources or type=sourcetypes"))?;
    Ok(Box::new(Metadata { kind, indexes }))
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metadata type={}", self.kind)?;
        self.indexes.iter().try_for_each(|index| write!(f, " index={}", quote_name(index)))
    }
}

/// The condition that selects indexes; everything if none is named.
pub(super) fn index_condition(indexes: &[String]) -> String {
    match indexes {
        [] => "*".to_owned(),
        indexes => format!("index IN ({})", indexes.iter().map(|index| quote(index)).collect::<Vec<_>>().join(", ")),
    }
}

impl Metadata {
    fn rewritten(&self) -> String {
        let (kind, name) = (self.kind, &self.kind[..self.kind.len() - 1]);
        format!(
            "search {} | stats min(_time) AS firstTime max(_time) AS lastTime max(_indextime) AS recentTime count AS \
             totalCount BY {name} | eval type=\"{kind}\" | table type {name} firstTime lastTime recentTime totalCount",
            index_condition(&self.indexes)
        )
    }
}

impl Command for Metadata {
    fn kind(&self) -> CommandKind {
        CommandKind::Generating
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::none()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(GenerateOperator(Rewritten { command: "metadata", text: self.rewritten(), ctx: Arc::clone(ctx) }))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_generated, check_generates_prints};

    #[test]
    fn parses_and_prints() {
        check_generates_prints(&[("metadata index=a type=Hosts index=_*", "metadata type=hosts index=a index=_*")]);
    }

    #[test]
    fn refused() {
        for (query, marked, message) in [
            ("| metadata", "", "expected type=hosts, type=sources or type=sourcetypes, found the end"),
            ("| metadata type=users", "users", "`users` is not hosts, sources or sourcetypes"),
        ] {
            let error = crate::parse(query).expect_err(query);
            assert_eq!((&query[error.span.range()], error.to_string().as_str()), (marked, message), "{query}");
        }
    }

    #[test]
    fn what_it_stands_for_can_be_run() {
        check_generated("| metadata type=sourcetypes index=a index=\"b c\"", "");
    }
}
