//! Writes the rows to a CSV file, and passes them on.
//!
//! **Syntax**
//!
//! `outputcsv [append=f] [create_empty=t] [override_if_empty=t] [max=n] <file>`
//!
//! **Semantics**
//!
//! As `outputlookup`, but the name is always that of a file in the folder of lookup tables, whatever definitions there are.
//! `dispatch` and `singlefile` are accepted, without effect.
//!
//! **Kind** ordered.
//!
//! **Memory** all rows.
//!
//! **Examples**
//!
//! ```example
//! user=anna n=3
//! > outputcsv users | inputcsv append=t users
//! user=anna n=3
//! user=anna n=3
//! ```
//!
//! **Differences** The folder is that of the lookup tables; Splunk has one of its own for such files.

use super::{Args, Command, table_output};
use crate::error::QueryError;

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    table_output::parse(args, true)
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_generated, check_prints, check_refused};

    #[test]
    fn parses_and_prints() {
        check_prints(&[("outputcsv singlefile=t users append=t", "outputcsv append=t users")]);
    }

    #[test]
    fn refused() {
        check_refused("outputcsv key_field=a x", "key_field", "`outputcsv` has no option `key_field`");
        check_refused("outputcsv", "", "expected the name of a lookup table, found the end");
    }

    #[test]
    fn compressed_files() {
        for name in ["u.csv.gz", "u2.csv.zst", "u3.gz"] {
            check_generated(
                &format!("| inputlookup hosts | outputcsv {name} | inputcsv append=t {name} | stats count"),
                "count=6",
            );
        }
    }

    #[test]
    fn fields_read() {
        check_fields_read("outputcsv t", &["a"], "*");
    }
}
