//! From the text of a query to a [`Pipeline`].

use crate::ast::{Pipeline, TimeModifiers};
use crate::command::{self, Args, CommandKind};
use crate::error::{QueryError, QueryErrorKind};
use crate::lexer::{Cursor, blank_comments, split_stages};
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
    let text = blank_comments(text)?;
    let stages = split_stages(&text)?;
    let (&first, rest) = stages.split_first().unwrap_or((&Span::new(0, 0), &[]));
    // `| search …` as the first command is the same as an implied search.
    let begins_with_pipe = !rest.is_empty() && text[first.range()].trim().is_empty();
    let (leading, rest) = match rest.split_first() {
        Some((second, after)) if begins_with_pipe && begins_with_search(&text, *second) => (Some(*second), after),
        _ if begins_with_pipe => (None, rest),
        _ => (Some(first), rest),
    };
    let (search, times) = match leading {
        Some(stage) => {
            refuse_replaced_syntax(&text, stage)?;
            let mut cursor = Cursor::new(&text, stage);
            cursor.skip_space();
            if begins_with_search(&text, stage) {
                cursor.eat_keyword("search");
            }
            let (expr, times) = parse_search(cursor)?;
            (Some(expr), times)
        }
        None => (None, TimeModifiers::default()),
    };
    let mut commands = Vec::with_capacity(rest.len());
    for stage in rest {
        let (command, name_span) = parse_command(&text, *stage)?;
        if search.is_none() && commands.is_empty() && !can_begin(command.kind()) {
            let name = &text[name_span.range()];
            return Err(QueryError::rule(format!("`{name}` cannot begin a search: it needs rows"), name_span)
                .with_hint(format!("write a search before it, for example `* | {name} …`")));
        }
        commands.push(command);
    }
    command::find_delimiters(&mut commands);
    Ok(Pipeline { search, times, commands })
}

/// A transforming command has a result over no rows too: `| stats count` is 0.
fn can_begin(kind: CommandKind) -> bool {
    matches!(kind, CommandKind::Generating | CommandKind::Transforming { .. })
}

fn begins_with_search(text: &str, stage: Span) -> bool {
    let mut cursor = Cursor::new(text, stage);
    cursor.skip_space();
    cursor.eat_keyword("search") && cursor.peek().is_none_or(|c| c.is_whitespace() || c == '(' || c == '"')
}

fn parse_command(text: &str, stage: Span) -> Result<(Box<dyn command::Command>, Span), QueryError> {
    let mut cursor = Cursor::new(text, stage);
    if cursor.at_end() {
        // Point at the pipe before the hole.
        return Err(QueryError::new(QueryErrorKind::EmptyStage, Span::new(stage.start - 1, stage.start)));
    }
    let start = cursor.pos();
    let name = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
    let name_span = cursor.span_from(start);
    if name.is_empty() {
        refuse_replaced_syntax(text, stage)?;
        return Err(cursor.expected("a command"));
    }
    let spec = command::find(name, name_span)?;
    // What `foreach` has in brackets is no subsearch.
    let is_foreach = spec.name == "foreach";
    let template = text[stage.range()].find('[').filter(|_| is_foreach).map(|at| stage.start + at);
    refuse_replaced_syntax(text, Span::new(stage.start, template.unwrap_or(stage.end)))?;
    let command = (spec.parse)(Args::new(cursor, spec.name))?;
    Ok((command, name_span))
}

/// Refuses what Splunk replaces by other text before it parses a query: macros, subsearches, dashboard tokens. Within
/// quotes these characters mean themselves.
fn refuse_replaced_syntax(text: &str, stage: Span) -> Result<(), QueryError> {
    let mut cursor = Cursor::new(text, stage);
    while let Some(c) = cursor.peek() {
        let start = cursor.pos();
        match c {
            '"' => {
                cursor.eat_quoted()?;
                continue;
            }
            '`' => {
                let len = cursor.rest()[1..].find('`').map_or(1, |at| at + 2);
                return Err(QueryError::new(QueryErrorKind::Macro, Span::new(start, start + len))
                    .with_hint("put the macro's text in its place"));
            }
            '[' => {
                let len = cursor.rest().rfind(']').map_or(1, |at| at + 1);
                return Err(QueryError::new(QueryErrorKind::Subsearch, Span::new(start, start + len))
                    .with_hint("run the inner search first and put its result in its place"));
            }
            '$' => {
                if let Some(token) = dashboard_token(cursor.rest()) {
                    let span = Span::new(start, start + token.len());
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
        insta::assert_snapshot!(refusal("index=a [search index=b | fields user] | head"), @r#"
        error: subsearches are not supported yet
          |
        1 | index=a [search index=b | fields user] | head
          |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = hint: run the inner search first and put its result in its place
        "#);
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
