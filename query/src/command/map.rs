//! Runs a search for each row, with the row's values in its text.
//!
//! **Syntax**
//!
//! `map search="… $field$ …" [maxsearches=10]`, `map [search … $field$ …] [maxsearches=10]` or `map name [maxsearches=10]`
//!
//! **Arguments**
//!
//! - `search`: the text of the search. `$field$` is the value of a field of the row; outside of quotes it is put in quotes
//!   where it needs them. `$_serial_id$` is the number of the row, from 1.
//! - `name`: a saved search.
//! - `maxsearches`: rows after these have no search, and that is a warning.
//!
//! **Semantics**
//!
//! The results come one after the other; the rows themselves are gone. A row that lacks a field of the text has no
//! search.
//!
//! **Kind** ordered; its searches run at the end.
//!
//! **Memory** the first rows, and the result of one search.
//!
//! **Examples**
//!
//! ```example
//! x=1
//! x=2
//! > map search="| makeresults | eval y=$x$ * 10 | table y"
//! y=10
//! y=20
//! ```

use super::args::count;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::{Context, Warning};
use crate::error::{QueryError, Result};
use crate::lexer::{is_name_char, quote};
use crate::subsearch::run_text;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// Rows that get a search, if nothing else is said.
const DEFAULT_MAX_SEARCHES: usize = 10;
/// Most rows of one search's result.
const MAX_ROWS: usize = 50_000;

/// The parsed command.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// The text of the search, with `$field$` in it.
    pub search: String,
    /// Rows that get a search.
    pub max_searches: usize,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let (mut search, mut max_searches) = (None, DEFAULT_MAX_SEARCHES);
    loop {
        args.cursor.skip_separators();
        if let Some((inside, _)) = args.cursor.eat_bracketed()? {
            search = Some(args.cursor.text_of(inside).trim().to_owned());
        } else if let Some((name, value)) = args.option(&["search", "maxsearches"])? {
            match name {
                "search" => search = Some(value.value.trim().to_owned()),
                _ => max_searches = count(&value)?,
            }
        } else if let Some(name) = args.name()? {
            let saved = args.cursor.knowledge().saved_searches.get(&name.value);
            search = Some(saved.map(|saved| saved.search.clone()).ok_or_else(|| {
                let names = args.cursor.knowledge().saved_searches.keys().map(String::as_str);
                QueryError::rule(format!("there is no saved search `{}`", name.value), name.span)
                    .with_nearest(&name.value, names)
            })?);
        } else {
            break;
        }
    }
    let search = search.ok_or_else(|| args.cursor.expected("search=\"…\""))?;
    args.finish()?;
    Ok(Box::new(Map { search, max_searches }))
}

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "map search={}", quote(&self.search))?;
        if self.max_searches != DEFAULT_MAX_SEARCHES { write!(f, " maxsearches={}", self.max_searches) } else { Ok(()) }
    }
}

/// A piece of the text: as written, or a field's value.
enum Piece<'t> {
    Text(&'t str),
    Value { field: &'t str, in_quotes: bool },
}

impl Map {
    fn pieces(&self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut rest = self.search.as_str();
        let mut in_quotes = false;
        let mut at = 0;
        while let Some(c) = rest[at..].chars().next() {
            let after = at + c.len_utf8();
            match c {
                '\\' => {
                    at = after + rest[after..].chars().next().map_or(0, char::len_utf8);
                    continue;
                }
                '"' => in_quotes = !in_quotes,
                '$' => {
                    let field = rest[after..].split('$').next().unwrap_or_default();
                    let is_token = !field.is_empty()
                        && field.chars().all(|c| is_name_char(c) && c != '*')
                        && rest[after + field.len()..].starts_with('$');
                    if is_token {
                        pieces.push(Piece::Text(&rest[..at]));
                        pieces.push(Piece::Value { field, in_quotes });
                        rest = &rest[after + field.len() + 1..];
                        at = 0;
                        continue;
                    }
                }
                _ => {}
            }
            at = after;
        }
        pieces.push(Piece::Text(rest));
        pieces
    }

    /// The search for one row; `None` if the row lacks a field.
    fn text_for(&self, rows: &Batch, row: usize) -> Option<String> {
        let mut text = String::new();
        for piece in self.pieces() {
            match piece {
                Piece::Text(written) => text.push_str(written),
                Piece::Value { field: "_serial_id", .. } => text.push_str(&(row + 1).to_string()),
                Piece::Value { field, in_quotes } => {
                    let value = rows.value(row, field);
                    if value.is_null() {
                        return None;
                    }
                    let quoted = value.with_text(quote);
                    let bare = &quoted[1..quoted.len() - 1];
                    let needs_quotes = !in_quotes && !bare.chars().all(|c| c.is_alphanumeric() || "_.-:/@".contains(c));
                    text.push_str(if needs_quotes || bare.is_empty() { &quoted } else { bare });
                }
            }
        }
        Some(text)
    }
}

impl Command for Map {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::of(self.pieces().into_iter().filter_map(|piece| match piece {
            Piece::Value { field, .. } if field != "_serial_id" => Some(field.to_owned()),
            _ => None,
        }))
    }

    fn makes_table(&self) -> bool {
        true
    }

    fn can_preview(&self) -> bool {
        false
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(MapOperator { command: self.clone(), ctx: Arc::clone(ctx), rows: Batch::default() })
    }
}

struct MapOperator {
    command: Map,
    ctx: Arc<Context>,
    rows: Batch,
}

impl Operator for MapOperator {
    fn push(&mut self, mut batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let n_free = self.command.max_searches - self.rows.len();
        let is_cut = batch.len() > n_free;
        batch.truncate(n_free);
        self.rows.append(batch);
        if is_cut {
            self.ctx.warn(Warning::MapCut { kept: self.command.max_searches });
            return Ok(Flow::Done);
        }
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        for row in 0..self.rows.len() {
            self.ctx.cancel.check()?;
            if let Some(text) = self.command.text_for(&self.rows, row) {
                out(run_text(&text, &self.ctx, "map", MAX_ROWS)?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        check_fields_read, check_prints, check_refused, check_rows, commands, context, execute, rows,
    };

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("map search=\"search x=$x$\"", "map search=\"search x=$x$\""),
            (
                "map maxsearches=3 [search user=$user$ | head 1]",
                "map search=\"search user=$user$ | head 1\" maxsearches=3",
            ),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("map", "", "expected search=\"…\", found the end");
        check_refused("map nothing", "nothing", "there is no saved search `nothing`");
        check_refused("map searches=1", "searches", "`map` has no option `searches`");
    }

    #[test]
    fn values_are_quoted_where_they_need_it() {
        let map = |search: &str| Map { search: search.to_owned(), max_searches: 10 };
        let row = crate::testing::row("u=ann m=\"a b\" e=x\"y");
        for (search, expected) in [
            ("u=$u$ m=$m$", Some("u=ann m=\"a b\"")),
            ("m=\"$m$\"", Some("m=\"a b\"")),
            ("costs 5$ or $u$", Some("costs 5$ or ann")),
            ("n=$_serial_id$", Some("n=1")),
            ("$missing$", None),
        ] {
            assert_eq!(map(search).text_for(&row, 0).as_deref(), expected, "{search}");
        }
    }

    #[test]
    fn a_search_for_each_row() {
        check_rows("x=1\ny=1\nx=3", "map search=\"| makeresults | eval n=$x$ | table n\"", "n=1\nn=3");
        check_rows("", "map search=\"| makeresults\"", "");
    }

    #[test]
    fn rows_beyond_the_limit_are_a_warning() {
        let ctx = Arc::new(context());
        let query = commands("map maxsearches=1 search=\"| makeresults | eval n=$x$ | table n\"");
        let result = execute(&ctx, &query, &rows("x=1\nx=2"), 1, 1).unwrap();
        assert_eq!(result.len(), 1);
        assert_eq!(ctx.warnings(), [Warning::MapCut { kept: 1 }]);
    }

    #[test]
    fn a_wrong_search_is_an_error() {
        let result = execute(&Arc::new(context()), &commands("map search=\"| stast\""), &rows("x=1"), 1, 1);
        assert_eq!(result.unwrap_err().to_string(), "the subsearch of `map` is wrong: unknown command `stast`");
    }

    #[test]
    fn fields_read() {
        check_fields_read("map search=\"search u=$u$ x=$x$\"", &["a"], "u x");
    }
}
