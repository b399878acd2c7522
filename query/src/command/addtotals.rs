//! Adds the sum of each row, and perhaps a last line with the sums of the columns.
//!
//! **Syntax**
//!
//! `addtotals [row=t] [col=f] [labelfield=<field>] [label=Total] [fieldname=Total] [list]`
//!
//! **Arguments**
//!
//! - `row=f`: no sums of rows. `fieldname=Total`: the field that holds the sum of a row.
//! - `col=t`: a last line with the sums of the columns. `labelfield=`: the field in which that line has the `label=`.
//! - list: the fields that are added, with wildcards; without it all but the internal ones.
//!
//! **Semantics**
//!
//! Values that are not numeric are skipped, each value of a multivalue field is added. The sum of a row without numbers is 0,
//! that of a column without numbers is absent.
//!
//! **Kind** streaming; with `col=t` ordered.
//!
//! **Memory** one sum for each column.
//!
//! **Examples**
//!
//! ```example
//! host=a get=1 post=2
//! host=b get=3
//! > addtotals col=t labelfield=host
//! host=a get=1 post=2 Total=3
//! host=b get=3 Total=3
//! host=Total get=4 post=2 Total=6
//! ```

use super::{Args, Command, totals};
use crate::error::QueryError;

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    totals::parse(args, false)
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("addtotals", "addtotals"),
            (
                "ADDTOTALS col=t labelfield=host label=All a b*",
                "addtotals col=t labelfield=\"host\" label=\"All\" a, b*",
            ),
            ("addtotals a, b fieldname=sum row=f", "addtotals row=f fieldname=\"sum\" a, b"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("addtotals rows=t", "rows", "`addtotals` has no option `rows`");
        check_refused("addtotals col=x", "x", "`x` is not true or false");
    }

    #[test]
    fn rows() {
        check_rows("a=0.5 b=2 c=x\nc=y", "addtotals", "a=0.5 b=2 c=x Total=2.5\nc=y Total=0");
        check_rows("a=1 b=2 _c=5", "addtotals fieldname=s a", "a=1 b=2 _c=5 s=1");
        check_rows("a=1\na=2", "addtotals row=f col=t", "a=1\na=2\na=3");
        check_rows("", "addtotals col=t", "-");
        check_rows("t=[1,2]", "addtotals", "t=[1,2] Total=3");
    }

    #[test]
    fn fields_read() {
        check_fields_read("addtotals", &["Total"], "*");
        check_fields_read("addtotals a b*", &["Total", "c"], "a c b*");
    }
}
