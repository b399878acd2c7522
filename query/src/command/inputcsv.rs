//! Reads the rows of a CSV file.
//!
//! **Syntax**
//!
//! `| inputcsv [append=f] [start=0] [max=n] <file> [WHERE <search expression>]`
//!
//! **Semantics**
//!
//! As `inputlookup`, but the name is always that of a file in the folder of lookup tables, with or without `.csv`, whatever
//! definitions there are. `dispatch`, `events` and `strict` are accepted, without effect.
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
//! > | inputcsv hosts.csv WHERE room=* | fields host room
//! host=db-01 room=A1
//! host=db-02 room=B2
//! ```
//!
//! **Differences** The folder is that of the lookup tables; Splunk has one of its own for such files.

use super::{Args, Command, table_input};
use crate::error::QueryError;

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    table_input::parse(args, true)
}

#[cfg(test)]
mod tests {
    use crate::lookup::{LookupDefinition, Lookups};
    use crate::testing::*;
    use crate::{Knowledge, SearchOptions};
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_generates_prints(&[("inputcsv dispatch=f events=t hosts max=1", "inputcsv max=1 hosts")]);
        check_prints(&[("inputcsv append=1 hosts where a=1", "inputcsv append=t hosts WHERE a=1")]);
    }

    #[test]
    fn refused() {
        let error = crate::parse("| inputcsv ../x").unwrap_err();
        assert!(error.to_string().starts_with("`../x` leaves the folder"), "{error}");
    }

    #[test]
    fn the_name_is_that_of_a_file() {
        let lookups = lookups();
        write_table(lookups.dir.as_deref().unwrap(), "other.csv", "x\n1\n");
        let definitions = [("hosts".to_owned(), LookupDefinition::of_file("other"))].into();
        let knowledge = Knowledge { lookups: Lookups { definitions, ..lookups }, ..Knowledge::default() };
        let options = SearchOptions { knowledge: Arc::new(knowledge), ..SearchOptions::new(NOW_US) };
        for (query, expected) in [("| inputcsv hosts | stats count", "count=3"), ("| inputlookup hosts", "x=1")] {
            assert_eq!(print(&generated_with(query, &options).unwrap()), expected, "{query}");
        }
    }
}
