//! Shows the most frequent values of fields.
//!
//! **Syntax**
//!
//! `top [N] [options] <list> [BY <list>] [options]`
//!
//! **Arguments**
//!
//! - `N`, `limit=N`: how many lines, for each BY group; 10 by default, 0 for all.
//! - list: fields whose combinations are counted.
//! - `BY`: count for each combination of these fields by itself.
//! - `countfield=count`, `percentfield=percent`: names of the columns. `showcount=f`, `showperc=f`: leave them out.
//! - `useother=t`: a last line for all other values, called `otherstr=OTHER`.
//!
//! **Semantics**
//!
//! Columns: the BY fields, the fields, count, percent. The highest count comes first; of equal ones the value whose text
//! is later. `percent` is the share of the rows of the BY group that have the fields, with six decimals. Rows in which a
//! field is null do not count; a multivalue field counts once for each value.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** one entry for each combination, bounded by `max_groups` and `max_memory_bytes`.
//!
//! **Examples**
//!
//! ```example
//! status=200
//! status=404
//! status=200
//! user=x
//! > top limit=1 status
//! status=200 count=2 percent=66.666667
//! ```
//!
//! **Differences** there is no limit of 50,000 distinct values.

use super::{Args, Command, frequency};
use crate::error::QueryError;

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    frequency::parse(args, false)
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_columns, check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("top status", "top status"),
            ("TOP 5 a, b by host", "top limit=5 a, b BY host"),
            ("top a limit=0 showperc=f", "top limit=0 showperc=f a"),
            ("top limit=20 a by b useother=t otherstr=rest", "top limit=20 useother=t otherstr=\"rest\" a BY b"),
            ("top countfield=n percentfield=\"per cent\" a", "top countfield=n percentfield=\"per cent\" a"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("top", "", "expected the name of a field, found the end");
        check_refused("top count", "count", "two columns are called `count`");
        check_refused("top a BY a", "a", "two columns are called `a`");
        check_refused("top lmit=3 a", "lmit", "`top` has no option `lmit`");
        check_refused("top a*", "a*", "wildcards are not allowed here");
    }

    #[test]
    fn rows() {
        let input = "h=a s=1\nh=a s=2\nh=b s=1\nh=b s=1\ns=3\nh=a";
        check_rows(
            input,
            "top s",
            "s=1 count=3 percent=60.000000\ns=3 count=1 percent=20.000000\ns=2 count=1 percent=20.000000",
        );
        check_rows(input, "top 1 s useother=t", "s=1 count=3 percent=60.000000\ns=OTHER count=2 percent=40.000000");
        check_rows(input, "top 1 s BY h showperc=f", "h=a s=2 count=1\nh=b s=1 count=2");
        check_rows(input, "top h s showperc=f limit=1", "h=b s=1 count=2");
        check_rows("t=[a,b]\nt=a", "top t showperc=f", "t=a count=2\nt=b count=1");
        check_columns("", "top s BY h", "h s count percent");
    }

    #[test]
    fn trap_5_ten_by_default() {
        let input: String = (0..12).map(|x| format!("x={x}\n")).collect();
        check_rows(&input, "top x | stats count", "count=10");
        check_rows(&input, "top 0 x | stats count", "count=12");
    }

    #[test]
    fn fields_read() {
        check_fields_read("top a b BY c", &["*"], "a b c");
    }
}
