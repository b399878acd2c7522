//! Shows the rarest values of fields.
//!
//! **Syntax**
//!
//! `rare [N] [options] <list> [BY <list>] [options]`
//!
//! **Semantics**
//!
//! As `top`, with all its options, but the lowest count comes first.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** as `top`.
//!
//! **Examples**
//!
//! ```example
//! status=200
//! status=404
//! status=200
//! > rare status
//! status=404 count=1 percent=33.333333
//! status=200 count=2 percent=66.666667
//! ```

use super::{Args, Command, frequency};
use crate::error::QueryError;

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    frequency::parse(args, true)
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[("rare 3 a by b", "rare limit=3 a BY b")]);
    }

    #[test]
    fn refused() {
        check_refused("rare", "", "expected the name of a field, found the end");
    }

    #[test]
    fn rows() {
        check_rows("a=x\na=y\na=x\na=z", "rare 2 a showperc=f", "a=z count=1\na=y count=1");
        check_rows("", "rare a", "");
    }

    #[test]
    fn fields_read() {
        check_fields_read("rare a", &["*"], "a");
    }
}
