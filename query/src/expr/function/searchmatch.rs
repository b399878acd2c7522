//! `searchmatch("search")`: whether the row satisfies a search expression, as with the `search` command.
//!
//! The argument is text in double quotes; quotes in it are written `\"`. Words are looked for in `_raw`, or in all fields of rows that
//! have none.
//!
//! ```example
//! status=404 user=Alice => searchmatch("status=4* user=alice") = true
//! status=200 => searchmatch("status=4* OR status=5*") = false
//! _raw="disk error on a" => searchmatch("error NOT warning") = true
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::lexer::Cursor;
use crate::manual::Manual;
use crate::search::{Filter, parse_search};
use crate::span::Span;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "searchmatch",
    aliases: &[],
    usage: "searchmatch(\"search\")",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("searchmatch.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let Some(literal) = args.literal(0) else {
        return Err(QueryError::rule("the argument of searchmatch() must be in double quotes", args.span));
    };
    let cursor = Cursor::new(&literal.value, Span::new(0, literal.value.len()));
    // What is wrong stands somewhere inside of the quotes, where escapes may have moved it.
    let (search, _) = parse_search(cursor).map_err(|error| QueryError { span: literal.span, ..error })?;
    match search.reads_text() {
        true => args.compiler.read_all_fields(),
        false => search.fields_read().into_iter().for_each(|field| {
            args.compiler.read_field(field);
        }),
    }
    args.compiler.varies();
    let filter = Filter::new(&search);
    Ok(Code::truth(move |row| Some(filter.matches(&row.view()))))
}
