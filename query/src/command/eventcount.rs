//! Counts the events of indexes.
//!
//! **Syntax**
//!
//! `| eventcount [summarize=t] [index=name] … [report_size=f]`
//!
//! **Arguments**
//!
//! - `summarize=f`: a row for each index instead of one number.
//! - `index`: which index, `*` allowed; may be given several times. By default all that do not begin with `_`.
//! - `report_size`, `list_vix` are accepted and have no effect; `trawl status` shows sizes.
//!
//! **Kind** generating; stands first.
//!
//! **Memory** one row for each index.
//!
//! **Examples**
//!
//! ```example
//! > | eventcount
//! count=0
//! ```

use super::args::boolean;
use super::generate::{GenerateOperator, Rewritten};
use super::metadata::index_condition;
use super::{Args, Command, CommandKind, Operator};
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eventcount {
    /// Whether all indexes make one number.
    pub summarize: bool,
    /// Which indexes; none for the default ones.
    pub indexes: Vec<String>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let (mut summarize, mut indexes) = (true, Vec::new());
    while let Some((name, value)) = args.option(&["summarize", "index", "report_size", "list_vix"])? {
        match name {
            "summarize" => summarize = boolean(&value)?,
            "index" => indexes.push(value.value),
            _ => {}
        }
    }
    args.finish()?;
    Ok(Box::new(Eventcount { summarize, indexes }))
}

impl fmt::Display for Eventcount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.summarize { "eventcount" } else { "eventcount summarize=f" })?;
        self.indexes.iter().try_for_each(|index| write!(f, " index={}", quote_name(index)))
    }
}

impl Command for Eventcount {
    fn kind(&self) -> CommandKind {
        CommandKind::Generating
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::none()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let by = if self.summarize { "" } else { " BY index" };
        let text = format!("search {} | stats count{by}", index_condition(&self.indexes));
        Box::new(GenerateOperator(Rewritten { command: "eventcount", text, ctx: Arc::clone(ctx) }))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_generated, check_generates_prints};

    #[test]
    fn parses_and_prints() {
        check_generates_prints(&[("eventcount summarize=false index=a*", "eventcount summarize=f index=a*")]);
    }

    #[test]
    fn refused() {
        let query = "| eventcount indx=a";
        let error = crate::parse(query).unwrap_err();
        assert_eq!(
            (&query[error.span.range()], error.to_string().as_str()),
            ("indx", "`eventcount` has no option `indx`")
        );
    }

    #[test]
    fn what_it_stands_for_can_be_run() {
        check_generated("| eventcount index=a", "count=0");
        check_generated("| eventcount summarize=f", "");
    }
}
