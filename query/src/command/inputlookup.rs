//! Reads the rows of a lookup table.
//!
//! **Syntax**
//!
//! `| inputlookup [append=f] [start=0] [max=n] <table> [WHERE <search expression>]`
//!
//! **Arguments**
//!
//! - table: a definition of the configuration, or a file of the folder of lookup tables, with or without `.csv`. The file may
//!   be compressed with gzip or zstd.
//! - `WHERE`: which rows, as in `search`: `field=value` with wildcards and without case, `AND`, `OR`, `NOT`. A word is looked
//!   for in all fields.
//! - `start`, `max`: the rows, of those that satisfy the condition: from `start` on, counted from 0, at most `max`.
//! - `append=t`: puts the rows after those that are there already. Only so can it stand later in the search.
//! - `strict`: accepted; a table that does not exist is always an error.
//!
//! **Semantics**
//!
//! The first line of the file names the columns; an empty cell is null. Cells beyond the named columns are left out.
//!
//! **Kind** generating; with `append=t` ordered.
//!
//! **Memory** the table.
//!
//! **Examples**
//!
//! With the table `hosts.csv` of the manual of `lookup`:
//!
//! ```example
//! > | inputlookup hosts WHERE host=db* NOT owner=anna
//! host=db-02 owner=ben
//! host=db-02 owner=carla room=B2
//! ```
//!
//! ```example
//! host=web-01
//! > inputlookup append=t max=1 hosts.csv
//! host=web-01
//! host=db-01 owner=anna room=A1
//! ```

use super::{Args, Command, table_input};
use crate::error::QueryError;

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    table_input::parse(args, false)
}

#[cfg(test)]
mod tests {
    use crate::context::Warning;
    use crate::testing::*;
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_generates_prints(&[
            ("inputlookup hosts", "inputlookup hosts"),
            ("inputlookup max=2 hosts.csv start=1", "inputlookup start=1 max=2 hosts.csv"),
            ("inputlookup hosts where a=1 OR b=2 c", "inputlookup hosts WHERE (a=1 OR b=2) c"),
            ("inputlookup append=true \"my hosts\"", "inputlookup append=t \"my hosts\""),
        ]);
        check_prints(&[("inputlookup append=t strict=t hosts", "inputlookup append=t hosts")]);
    }

    #[test]
    fn refused() {
        for (query, marked, message) in [
            ("| inputlookup", "", "expected the name of a lookup table, found the end"),
            ("| inputlookup maxx=1 hosts", "maxx", "`inputlookup` has no option `maxx`"),
            ("| inputlookup hosts WHERE", "", "expected a condition, found the end"),
            ("| inputlookup hosts rooms", "rooms", "expected the end of the command, found `rooms`"),
            ("| inputlookup hosts WHERE (a=1", "(", "unbalanced `(`"),
            ("| inputlookup .hosts", ".hosts", "`.hosts` is hidden: the name of a table does not begin with a dot"),
            ("x | inputlookup hosts", "inputlookup", "`inputlookup` makes its own rows and must stand first"),
        ] {
            let error = crate::parse(query).expect_err(query);
            assert_eq!((&query[error.span.range()], error.to_string().as_str()), (marked, message), "{query}");
        }
    }

    #[test]
    fn rows() {
        check_generated("| inputlookup hosts.csv start=1 max=1", "host=db-02 owner=ben");
        check_generated("| inputlookup hosts WHERE OWNER=x", "");
        check_generated("| inputlookup hosts WHERE owner IN (ann*, CARLA) | table room", "room=A1\nroom=B2");
        check_generated("| inputlookup hosts WHERE host=db* start", "");
        check_generated("| inputlookup hosts WHERE ben | stats count", "count=1");
        check_generated("| inputlookup append=t hosts | stats count", "count=3");
        check_generated("| inputlookup hosts | search *arl* | table host", "host=db-02");
        check_generated(
            "| inputlookup hosts max=1 | inputlookup append=t hosts | stats count BY host",
            "host=db-01 count=2\nhost=db-02 count=2",
        );
        check_rows(
            "x=1",
            "inputlookup append=t hosts WHERE room=*",
            "x=1\nhost=db-01 owner=anna room=A1\nhost=db-02 owner=carla room=B2",
        );
    }

    #[test]
    fn in_subsearches_and_with_them() {
        check_generated(
            "| inputlookup hosts WHERE [inputlookup hosts max=1 | fields owner] | table host",
            "host=db-01",
        );
        let data = "| makeresults format=csv data=\"owner\nanna\nx\" | table owner";
        check_generated(&format!("{data} | search [| inputlookup hosts | fields owner]"), "owner=anna");
    }

    #[test]
    fn an_empty_table_has_its_columns() {
        let rows = generated("| inputlookup hosts WHERE host=x").unwrap();
        assert_eq!(rows.fields().iter().collect::<Vec<_>>(), ["host", "owner", "room"]);
    }

    #[test]
    fn a_table_is_read_as_it_is_written() {
        let options = options();
        let folder = options.knowledge.lookups.dir.clone().unwrap();
        let text = "\u{feff}a,b,,b,\"c \"\"d\"\"\"\r\n1,2,3,4,\"x,\ny\"\r\n\r\n5\r\n6,7,8,9,10,11,12\r\n";
        write_table(&folder, "odd.csv", text);
        let rows = generated_with("| inputlookup odd", &options).unwrap();
        assert_eq!(rows.fields().iter().collect::<Vec<_>>(), ["a", "b", "c \"d\""]);
        assert_eq!(print(&rows), "a=1 b=2 c \"d\"=x,\ny\na=5\na=6 b=7 c \"d\"=10");
    }

    #[test]
    fn a_missing_table_is_named() {
        let options = options();
        let folder = options.knowledge.lookups.dir.clone().unwrap();
        let error = generated_with("| inputlookup host", &options).unwrap_err().to_string();
        let expected = "`inputlookup`: there is no lookup table `host`; DIR has hosts.csv; did you mean `hosts`?";
        assert_eq!(error.replace(folder.to_str().unwrap(), "DIR"), expected);
    }

    #[test]
    fn late_time_modifiers_warn() {
        let ctx = Arc::new(context());
        execute(&ctx, &commands("inputlookup append=t hosts WHERE earliest=-1d"), &[], 1, 1).unwrap();
        assert_eq!(ctx.warnings(), [Warning::LateTimeModifier]);
    }

    #[test]
    fn fields_read() {
        check_fields_read("inputlookup append=t hosts", &["a"], "a");
    }
}
