//! From the text of a query to a [`Pipeline`].

use crate::ast::{Pipeline, TimeModifiers};
use crate::command::{self, Args, CommandKind};
use crate::error::{QueryError, QueryErrorKind};
use crate::expand::Expanded;
use crate::knowledge::Knowledge;
use crate::lexer::{Cursor, split_stages};
use crate::search::parse_search;
use crate::span::Span;

/// Parses a query.
///
/// # Errors
/// The first thing that is wrong with it, with the bytes of `text` it is about.
///
/// # Example
/// ```
/// let pipeline = trawl_query::parse("ERROR PaymentService earliest=-1h | stats count BY host")?;
/// assert_eq!(pipeline.to_string(), "search ERROR PaymentService earliest=-1h | stats count BY host");
/// # Ok::<(), trawl_query::error::QueryError>(())
/// ```
pub fn parse(text: &str) -> Result<Pipeline, QueryError> {
    parse_with(text, Knowledge::none())
}

/// Parses a query that may use macros, event types, tags and saved searches.
///
/// # Errors
/// As [`parse`]. What is wrong within a macro is said of the macro's call.
pub fn parse_with(text: &str, knowledge: &Knowledge) -> Result<Pipeline, QueryError> {
    let expanded = Expanded::new(text, knowledge)?;
    parse_expanded(&expanded.text, knowledge, 0).map_err(|error| expanded.locate(error))
}

/// Parses a query without comments and macros that stands in `depth` brackets.
pub(crate) fn parse_expanded(text: &str, knowledge: &Knowledge, depth: usize) -> Result<Pipeline, QueryError> {
    let cursor_at = |stage: Span| Cursor::new(text, stage).within(knowledge, depth);
    let stages = split_stages(text)?;
    let (&first, rest) = stages.split_first().unwrap_or((&Span::new(0, 0), &[]));
    // `| search …` as the first command is the same as an implied search.
    let begins_with_pipe = !rest.is_empty() && text[first.range()].trim().is_empty();
    let (leading, rest) = match rest.split_first() {
        Some((second, after)) if begins_with_pipe && begins_with_search(text, *second) => (Some(*second), after),
        _ if begins_with_pipe => (None, rest),
        _ => (Some(first), rest),
    };
    let (search, times) = match leading {
        Some(stage) => {
            refuse_dashboard_tokens(cursor_at(stage))?;
            let mut cursor = cursor_at(stage);
            cursor.skip_space();
            if begins_with_search(text, stage) {
                cursor.eat_keyword("search");
            }
            let (expr, times) = parse_search(cursor)?;
            (Some(expr), times)
        }
        None => (None, TimeModifiers::default()),
    };
    let mut commands = Vec::with_capacity(rest.len());
    for stage in rest {
        let is_first = search.is_none() && commands.is_empty();
        let (command, name_span) = parse_command(cursor_at(*stage), is_first)?;
        let name = &text[name_span.range()];
        if !is_first && command.kind() == CommandKind::Generating {
            return Err(QueryError::rule(format!("`{name}` makes its own rows and must stand first"), name_span)
                .with_hint(format!("write `| {name} …` at the beginning, or within `append [| {name} …]`")));
        }
        if is_first && !command.can_begin() {
            return Err(QueryError::rule(format!("`{name}` cannot begin a search: it needs rows"), name_span)
                .with_hint(format!("write a search before it, for example `* | {name} …`")));
        }
        commands.push(command);
    }
    command::find_delimiters(&mut commands);
    Ok(Pipeline { search, times, commands, text: text.into() })
}

fn begins_with_search(text: &str, stage: Span) -> bool {
    let mut cursor = Cursor::new(text, stage);
    cursor.skip_space();
    cursor.eat_keyword("search") && cursor.peek().is_none_or(|c| c.is_whitespace() || c == '(' || c == '"')
}

/// Parses the command that the cursor's text is; `is_first` if a search begins with it.
pub(crate) fn parse_command(
    mut cursor: Cursor<'_>,
    is_first: bool,
) -> Result<(Box<dyn command::Command>, Span), QueryError> {
    let stage_start = cursor.pos();
    if cursor.at_end() {
        // Point at the pipe before the hole.
        let pipe = stage_start.saturating_sub(1);
        return Err(QueryError::new(QueryErrorKind::EmptyStage, Span::new(pipe, stage_start)));
    }
    let (stage, start) = (cursor, cursor.pos());
    let name = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
    let name_span = cursor.span_from(start);
    if name.is_empty() {
        refuse_dashboard_tokens(stage)?;
        return Err(cursor.expected("a command"));
    }
    let spec = command::find(name, name_span)?;
    refuse_dashboard_tokens(stage)?;
    let command = (spec.parse)(Args::new(cursor, spec.name, is_first))?;
    Ok((command, name_span))
}

/// Refuses what Splunk's dashboards replace before a query is parsed. Within quotes these characters mean themselves, and
/// `map` and `foreach` have tokens of their own.
fn refuse_dashboard_tokens(mut cursor: Cursor<'_>) -> Result<(), QueryError> {
    while let Some(c) = cursor.peek() {
        match c {
            '"' => {
                cursor.eat_quoted()?;
                continue;
            }
            '[' => {
                cursor.eat_bracketed()?;
                continue;
            }
            '$' => {
                if let Some(token) = dashboard_token(cursor.rest()) {
                    let span = Span::new(cursor.pos(), cursor.pos() + token.len());
                    return Err(QueryError::new(QueryErrorKind::DashboardToken(token.to_owned()), span)
                        .with_hint("put the value in its place"));
                }
            }
            _ => {}
        }
        cursor.advance(c.len_utf8());
    }
    Ok(())
}

/// The `$token$` at the start of `text`.
fn dashboard_token(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    let len = name.find(|c: char| !(c.is_alphanumeric() || "_.:|-".contains(c)))?;
    (name.starts_with(|c: char| c.is_alphabetic()) && name[len..].starts_with('$')).then(|| &text[..len + 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text).unwrap_err().render(text, false)
    }

    #[test]
    fn refusals_show_where_and_what_to_write() {
        insta::assert_snapshot!(refusal("error | stast count"), @r"
        error: unknown command `stast`
          |
        1 | error | stast count
          |         ^^^^^
          |
          = hint: did you mean `stats`?
        ");
        insta::assert_snapshot!(refusal("error | predict x"), @r#"
        error: unsupported command: `predict`
          |
        1 | error | predict x
          |         ^^^^^^^
        "#);
        insta::assert_snapshot!(refusal("error | dedup host keepevent=t"), @r#"
        error: `dedup` has no option `keepevent`
          |
        1 | error | dedup host keepevent=t
          |                    ^^^^^^^^^
          |
          = hint: did you mean `keepevents`? its options are keepevents, keepempty, consecutive
        "#);
        insta::assert_snapshot!(refusal("status=404 AND"), @r#"
        error: expected a search term, found the end
          |
        1 | status=404 AND
          |               ^
        "#);
        insta::assert_snapshot!(refusal("host=a\n| stats count BY $field$\n| head"), @r#"
        error: `$field$` is a dashboard token without a value
          |
        2 | | stats count BY $field$
          |                  ^^^^^^^
          |
          = hint: put the value in its place
        "#);
        insta::assert_snapshot!(refusal("index=a [search index=b | feilds user] | head"), @r"
        error: unknown command `feilds`
          |
        1 | index=a [search index=b | feilds user] | head
          |                           ^^^^^^
          |
          = hint: did you mean `fields`?
        ");
        insta::assert_snapshot!(refusal("earliest=yesterday \"näher\""), @r#"
        error: `yesterday` is not a time
          |
        1 | earliest=yesterday "näher"
          |          ^^^^^^^^^
          |
          = hint: times look like -15m, -1d@d, @w1, now, 1709625600 or "03/05/2024:08:00:00"
        "#);
        insta::assert_snapshot!(refusal("| where a=1"), @r#"
        error: `where` cannot begin a search: it needs rows
          |
        1 | | where a=1
          |   ^^^^^
          |
          = hint: write a search before it, for example `* | where …`
        "#);
    }

    #[test]
    fn where_a_query_begins() {
        for (text, has_search, n_commands) in [
            ("", true, 0),
            ("  ", true, 0),
            ("error", true, 0),
            ("search error | head", true, 1),
            ("| search error | head", true, 1),
            ("| stats count", false, 1),
        ] {
            let pipeline = parse(text).unwrap();
            assert_eq!((pipeline.search.is_some(), pipeline.commands.len()), (has_search, n_commands), "{text}");
        }
    }
}
