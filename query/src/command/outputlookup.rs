//! Writes the rows to a lookup table, and passes them on.
//!
//! **Syntax**
//!
//! `outputlookup [append=f] [create_empty=t] [override_if_empty=t] [max=n] [key_field=field] [createinapp=b] <table>`
//!
//! **Arguments**
//!
//! - table: a definition of the configuration, or a file of the folder of lookup tables. A table that does not exist is
//!   created as `<table>.csv`. A name that ends with `.gz` or `.zst` makes a compressed file.
//! - `append=t`: adds the rows to those of the table. Columns that only one side has are empty on the other.
//! - `key_field`: rows take the place of those rows of the table that have the same value in this column; all other rows
//!   of the table stay. Of several rows with the same value the last one counts. They come at the end.
//! - `max`: most rows that are written. Default: all.
//! - `create_empty`, `override_if_empty`: what happens if there is no row. A table that exists becomes empty, or with
//!   `create_empty=f` is removed, or with `override_if_empty=f` stays. A table that does not exist is created empty, or
//!   with `create_empty=f` not at all.
//! - `createinapp`, `create_context`: accepted, without effect.
//!
//! **Semantics**
//!
//! Internal fields, whose names begin with `_`, are not written: `eval time=_time` keeps the time. Several values of a field
//! are written to one cell, one on each line, and read back as one value.
//!
//! The table is replaced in one step when all rows are there: whoever reads it sees all of the old table or all of the new
//! one, also after a crash, and a search that is cancelled changes nothing. Only then do the rows go on to the next command.
//!
//! **Kind** ordered.
//!
//! **Memory** all rows.
//!
//! **Examples**
//!
//! ```example
//! user=anna n=3
//! user=ben n=1
//! > outputlookup seen.csv | where n>2
//! user=anna n=3
//! ```
//!
//! ```example
//! host=db-01 owner=dora
//! > outputlookup key_field=host hosts | inputlookup append=t hosts
//! host=db-01 owner=dora
//! host=db-02 owner=ben
//! host=db-02 owner=carla room=B2
//! host=db-01 owner=dora
//! ```
//!
//! **Differences** An appended row may bring new columns. Without `max` all rows are written. `key_field` works on files.

use super::{Args, Command, table_output};
use crate::error::QueryError;

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    table_output::parse(args, false)
}

#[cfg(test)]
mod tests {
    use crate::SearchOptions;
    use crate::testing::*;
    use std::path::PathBuf;
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("outputlookup hosts", "outputlookup hosts"),
            (
                "outputlookup max=5 hosts.csv append=t createinapp=t key_field=a create_empty=f override_if_empty=f",
                "outputlookup append=t create_empty=f override_if_empty=f max=5 key_field=a hosts.csv",
            ),
            ("outputlookup key_field=\"a b\" \"my hosts\"", "outputlookup key_field=\"a b\" \"my hosts\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("outputlookup", "", "expected the name of a lookup table, found the end");
        check_refused("outputlookup apend=t x", "apend", "`outputlookup` has no option `apend`");
        check_refused("outputlookup append=maybe x", "maybe", "`maybe` is not true or false");
        check_refused("outputlookup x y", "y", "expected the end of the command, found `y`");
        for name in ["../x", "/tmp/x", "a/../../x", "x\\y"] {
            let message = format!("`{name}` leaves the folder of lookup tables: a table is named without its folder");
            let text = format!("* | outputlookup \"{}\"", name.replace('\\', "\\\\"));
            assert_eq!(crate::parse(&text).unwrap_err().to_string(), message);
        }
    }

    /// Runs queries one after the other in one folder; what is in the file `t.csv` then, and whether it exists.
    fn written(queries: &[&str]) -> Option<String> {
        let options = options();
        let path = folder(&options).join("t.csv");
        queries.iter().for_each(|query| drop(generated_with(query, &options).unwrap()));
        read(path)
    }

    fn folder(options: &SearchOptions) -> PathBuf {
        options.knowledge.lookups.dir.clone().unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "tests look at the files that were written")]
    fn read(path: PathBuf) -> Option<String> {
        std::fs::read_to_string(path).ok()
    }

    const ROWS: &str = "| makeresults format=csv data=\"a,b\n1,x\n2,\"";
    const NONE: &str = "| makeresults count=0 | table a b";

    #[test]
    fn rows_are_written() {
        assert_eq!(written(&[&format!("{ROWS} | outputlookup t")]).unwrap(), "a,b\n1,x\n2,\n");
        assert_eq!(written(&[&format!("{ROWS} | outputlookup max=1 t.csv")]).unwrap(), "a,b\n1,x\n");
        let several = "| makeresults | eval a=split(\"x y\", \" \"), b=\"q\\\"\", _c=1 | outputlookup t";
        assert_eq!(written(&[several]).unwrap(), "a,b\n\"x\ny\",\"q\"\"\"\n");
    }

    #[test]
    fn a_command_that_has_enough_does_not_cut_the_table() {
        let query = format!("{ROWS} | outputlookup t | head 1");
        assert_eq!(written(&[&query]).unwrap(), "a,b\n1,x\n2,\n");
        let limited = SearchOptions { limit: Some(1), ..options() };
        let rows = generated_with(&format!("{ROWS} | outputlookup t"), &limited).unwrap();
        assert_eq!((rows.len(), read(folder(&limited).join("t.csv")).unwrap().as_str()), (1, "a,b\n1,x\n2,\n"));
    }

    #[test]
    fn rows_are_added() {
        let added = "| makeresults format=csv data=\"b,c\ny,3\" | outputlookup append=t t";
        let first = format!("{ROWS} | outputlookup t");
        assert_eq!(written(&[&first, added]).unwrap(), "a,b,c\n1,x,\n2,,\n,y,3\n");
        let remove = format!("{NONE} | outputlookup create_empty=f t");
        assert_eq!(written(&[&remove, added]).unwrap(), "b,c\ny,3\n");
    }

    #[test]
    fn rows_replace_those_of_the_same_key() {
        let first = format!("{ROWS} | outputlookup t");
        let data = "a,b\n2,y\n3,z\n2,last\n,null";
        let second = format!("| makeresults format=csv data=\"{data}\" | outputlookup key_field=a t");
        assert_eq!(written(&[&first, &second]).unwrap(), "a,b\n1,x\n3,z\n2,last\n,null\n");
        let no_key = "| makeresults format=csv data=\"b\nq\" | outputlookup key_field=a t";
        assert_eq!(written(&[&first, no_key]).unwrap(), "a,b\n1,x\n2,\n,q\n");
    }

    #[test]
    fn nothing_to_write() {
        let first = format!("{ROWS} | outputlookup t");
        let kept = Some("a,b\n1,x\n2,\n");
        for (options, with_table, without) in [
            ("", Some("a,b\n"), Some("a,b\n")),
            ("create_empty=f", None, None),
            ("override_if_empty=f", kept, Some("a,b\n")),
            ("create_empty=f override_if_empty=f", kept, None),
            ("append=t", kept, Some("a,b\n")),
            ("key_field=a", kept, Some("a,b\n")),
        ] {
            let query = format!("{NONE} | outputlookup {options} t");
            assert_eq!(written(&[&first, &query]).as_deref(), with_table, "{options}");
            let remove = format!("{NONE} | outputlookup create_empty=f t");
            assert_eq!(written(&[&remove, &query]).as_deref(), without, "{options}");
        }
        assert_eq!(written(&["| makeresults | outputlookup t"]).as_deref(), Some(""), "only internal fields");
    }

    #[test]
    fn a_search_sees_what_it_wrote() {
        check_generated(
            "| inputlookup hosts max=1 | lookup hosts host OUTPUT room | eval room=\"new\" | outputlookup hosts \
             | lookup hosts host OUTPUT room AS now | table room now",
            "room=new now=new",
        );
    }

    #[test]
    fn a_failed_search_leaves_the_table() {
        let options = options();
        options.cancel.request();
        let ctx = Arc::new(context_with(options.clone()));
        assert!(execute(&ctx, &commands("outputlookup hosts"), &rows("host=x"), 1, 1).is_err());
        assert!(read(folder(&options).join("hosts.csv")).unwrap().starts_with("host,owner"));
        let mut options = self::options();
        options.limits.max_memory_bytes = 10;
        let ctx = Arc::new(context_with(options.clone()));
        assert!(execute(&ctx, &commands("outputlookup hosts"), &rows("host=x"), 1, 1).is_err());
        assert!(read(folder(&options).join("hosts.csv")).unwrap().starts_with("host,owner"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let mut options = options();
        let file = folder(&options).join("hosts.csv");
        Arc::make_mut(&mut options.knowledge).lookups.dir = Some(file.join("below"));
        let error = generated_with(&format!("{ROWS} | outputlookup t"), &options).unwrap_err().to_string();
        let expected = format!("`outputlookup`: cannot write the lookup table {}", file.join("below/t.csv").display());
        assert!(error.starts_with(&expected), "{error}");
    }

    #[test]
    fn fields_read() {
        check_fields_read("outputlookup t", &["a"], "*");
    }
}
