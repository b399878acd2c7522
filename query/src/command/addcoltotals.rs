//! Adds a last line with the sums of the columns.
//!
//! **Syntax**
//!
//! `addcoltotals [labelfield=<field>] [label=Total] [list]`
//!
//! **Arguments**
//!
//! - `labelfield=`: the field in which the line has the `label=`; without it there is no label.
//! - list: the fields that are added, with wildcards; without it all but the internal ones.
//!
//! **Semantics**
//!
//! As `addtotals row=f col=t`. Columns without numbers are absent from the line.
//!
//! **Kind** ordered.
//!
//! **Memory** one sum for each column.
//!
//! **Examples**
//!
//! ```example
//! host=a count=3
//! host=b count=4
//! > addcoltotals labelfield=host label=All
//! host=a count=3
//! host=b count=4
//! host=All count=7
//! ```

use super::{Args, Command, totals};
use crate::error::QueryError;

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    totals::parse(args, true)
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("addcoltotals", "addcoltotals"),
            ("ADDCOLTOTALS a b labelfield=h", "addcoltotals labelfield=\"h\" a, b"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("addcoltotals row=t", "row", "`addcoltotals` has no option `row`");
    }

    #[test]
    fn rows() {
        check_rows("a=1 b=2\na=x b=5", "addcoltotals", "a=1 b=2\na=x b=5\na=1 b=7");
        check_rows("a=1 b=2", "addcoltotals a labelfield=l", "a=1 b=2\na=1 l=Total");
    }

    #[test]
    fn the_line_stays_the_last() {
        check_rows("x=1\nx=2", "addcoltotals | tail 1", "x=3");
        check_rows("x=1\nx=2", "addcoltotals | reverse", "x=3\nx=2\nx=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("addcoltotals a", &["c"], "a c");
    }
}
