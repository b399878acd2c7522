//! Extracts the elements of XML in the text of events: `<user>ann</user>` gives `user=ann`.
//!
//! **Syntax**
//!
//! `xmlkv [maxinputs=<n>]`
//!
//! **Arguments**
//!
//! - `maxinputs`: accepted, without effect.
//!
//! **Semantics**
//!
//! Reads `_raw`. Each element without children becomes a field named by its tag, each attribute one named `tag{@attribute}`;
//! what stands around the elements is passed over. Elements that repeat give several values. What is found replaces fields
//! of the same name. For paths see `spath`.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! _raw="login <user>ann</user><ms>12</ms>"
//! > xmlkv | fields user ms | fields - _raw
//! user=ann ms=12
//! ```

use super::args::count;
use super::found::FoundFields;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;
use trawl_formats::Extractor;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Xmlkv;

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    while let Some((_, value)) = args.option(&["maxinputs"])? {
        count(&value)?;
    }
    args.finish()?;
    Ok(Box::new(Xmlkv))
}

impl fmt::Display for Xmlkv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("xmlkv")
    }
}

impl Command for Xmlkv {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        wanted.add("_raw");
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(XmlkvOperator {
            ctx: Arc::clone(ctx),
            extractor: Extractor::xml(trawl_formats::Wanted::All),
            fields: trawl_formats::Fields::default(),
        })
    }
}

struct XmlkvOperator {
    ctx: Arc<Context>,
    extractor: Extractor,
    fields: trawl_formats::Fields,
}

impl Operator for XmlkvOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let mut found = FoundFields::new(batch.len());
        for (row, raw) in batch.column("_raw").unwrap_or_default().iter().enumerate() {
            raw.with_text(|text| self.extractor.extract(text.as_bytes(), None, &mut self.fields));
            self.fields.iter().for_each(|(name, value)| found.add(name, value, true));
            found.end_row(row);
        }
        found.write(&mut batch);
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[("XMLKV", "xmlkv"), ("xmlkv maxinputs=10000", "xmlkv")]);
    }

    #[test]
    fn refused() {
        check_refused("xmlkv x", "x", "expected the end of the command, found `x`");
        check_refused("xmlkv max=5", "max", "`xmlkv` has no option `max`");
    }

    #[test]
    fn rows() {
        check_rows("_raw=<a><b>1</b><b>2</b></a> b=old", "xmlkv", "_raw=<a><b>1</b><b>2</b></a> b=[1,2]");
        check_rows("_raw=plain b=old", "xmlkv", "_raw=plain b=old");
        check_rows("x=1", "xmlkv", "x=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("xmlkv", &["a"], "_raw a");
    }
}
