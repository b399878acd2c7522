//! Text that stands for other text: macros and saved searches, replaced before a query is parsed.

use crate::error::{QueryError, QueryErrorKind};
use crate::knowledge::Knowledge;
use crate::lexer::{Cursor, blank_comments, quoted_len, split_stages};
use crate::span::Span;
use std::collections::BTreeMap;

/// How deep macros may stand within macros.
const MAX_DEPTH: usize = 20;

/// Most bytes of a query with all its macros replaced.
const MAX_BYTES: usize = 1 << 20;

/// A query without comments and macros, and where its text comes from.
pub(crate) struct Expanded {
    pub text: String,
    /// The range of time of the saved search that it begins with, if that has one.
    pub default_range: Option<DefaultRange>,
    /// What was put in, in order.
    insertions: Vec<Insertion>,
}

/// The range of time of a search that names none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DefaultRange {
    pub earliest: Option<String>,
    pub latest: Option<String>,
}

struct Insertion {
    /// Where in the expanded text.
    at: Span,
    /// What stood there before.
    original: Span,
}

impl Expanded {
    /// Replaces comments by spaces, macros and a leading `| savedsearch` by their text.
    pub fn new(text: &str, knowledge: &Knowledge) -> Result<Self, QueryError> {
        let text = blank_comments(text)?;
        let expanded = Self::macros(&text, knowledge)?;
        expanded.saved_search(knowledge)
    }

    fn macros(text: &str, knowledge: &Knowledge) -> Result<Self, QueryError> {
        let mut expanded =
            Self { text: String::with_capacity(text.len()), default_range: None, insertions: Vec::new() };
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            if rest.starts_with('"') {
                let len = quoted_len(rest)
                    .ok_or_else(|| QueryError::new(QueryErrorKind::Unbalanced('"'), Span::new(at, at + 1)))?;
                expanded.text.push_str(&rest[..len]);
                at += len;
            } else if rest.starts_with('`') {
                let call = Call::parse(text, at)?;
                let start = expanded.text.len();
                expanded.text.push_str(&call.expand(knowledge, 0)?);
                let insertion = Insertion { at: Span::new(start, expanded.text.len()), original: call.span };
                check_size(expanded.text.len(), call.span)?;
                expanded.insertions.push(insertion);
                at = call.span.end;
            } else {
                let len = rest.find(['"', '`']).unwrap_or(rest.len());
                expanded.text.push_str(&rest[..len]);
                at += len;
            }
        }
        Ok(expanded)
    }

    /// Puts the text of a saved search in the place of `| savedsearch name token=value …` at the beginning.
    fn saved_search(mut self, knowledge: &Knowledge) -> Result<Self, QueryError> {
        let Some(stage) = leading_saved_search(&self.text)? else { return Ok(self) };
        let located = |error| self.locate(error);
        let mut cursor = Cursor::new(&self.text, stage);
        cursor.skip_space();
        let start = cursor.pos();
        cursor.eat_keyword("savedsearch");
        let (name, mut tokens) = saved_search_arguments(cursor).map_err(located)?;
        let saved = knowledge.saved_searches.get(&name).ok_or_else(|| {
            let error = QueryError::rule(format!("there is no saved search `{name}`"), Span::new(start, stage.end));
            located(error.with_nearest(&name, knowledge.saved_searches.keys().map(String::as_str)))
        })?;
        let call = Span::new(start, stage.end);
        let text = match call_options(&mut tokens, call).map_err(located)? {
            true => saved.fill(&name, &tokens, call).map_err(located)?,
            false => saved.search.clone(),
        };
        if saved.earliest.is_some() || saved.latest.is_some() {
            let latest = saved.latest.clone().or_else(|| saved.earliest.as_ref().map(|_| "now".to_owned()));
            self.default_range = Some(DefaultRange { earliest: saved.earliest.clone(), latest });
        }
        let located = |error| self.locate(error);
        let inner =
            Self::macros(&blank_comments(&text)?, knowledge).map_err(|error| located(shifted_to(error, stage)))?;
        // The pipe before it stays where the saved search begins with a command, and goes where it begins with words.
        let pipe = self.text[..stage.start].rfind('|').unwrap_or(stage.start);
        let replaced = Span::new(pipe, stage.end);
        let original = self.original(replaced);
        self.text.replace_range(replaced.range(), &inner.text);
        let moved = |at: usize| at - replaced.end + pipe + inner.text.len();
        self.insertions.retain(|insertion| insertion.at.start >= replaced.end);
        for insertion in &mut self.insertions {
            insertion.at = Span::new(moved(insertion.at.start), moved(insertion.at.end));
        }
        self.insertions.insert(0, Insertion { at: Span::new(pipe, pipe + inner.text.len()), original });
        Ok(self)
    }

    /// Where a piece of the expanded text comes from: what is inside an insertion comes from the whole of it.
    fn original(&self, span: Span) -> Span {
        let place = |at: usize, is_end: bool| {
            let mut shift = 0_isize;
            for Insertion { at: inserted, original } in &self.insertions {
                if at < inserted.start || (is_end && at == inserted.start) {
                    break;
                }
                if at < inserted.end || (is_end && at == inserted.end) {
                    return if is_end { original.end } else { original.start };
                }
                shift = original.end as isize - inserted.end as isize;
            }
            at.saturating_add_signed(shift)
        };
        let start = place(span.start, false);
        Span::new(start, place(span.end, span.end > span.start).max(start))
    }

    /// The error, about the text as it was written.
    pub fn locate(&self, error: QueryError) -> QueryError {
        QueryError { span: self.original(error.span), ..error }
    }
}

fn shifted_to(error: QueryError, span: Span) -> QueryError {
    QueryError { span, ..error }
}

fn check_size(n_bytes: usize, span: Span) -> Result<(), QueryError> {
    if n_bytes > MAX_BYTES {
        return Err(QueryError::rule("the query with its macros is too long", span));
    }
    Ok(())
}

/// The stage of a leading `| savedsearch`.
fn leading_saved_search(text: &str) -> Result<Option<Span>, QueryError> {
    let stages = split_stages(text)?;
    let [before, stage, ..] = stages[..] else { return Ok(None) };
    let mut cursor = Cursor::new(text, stage);
    cursor.skip_space();
    let is_leading = text[before.range()].trim().is_empty();
    Ok((is_leading && cursor.eat_keyword("savedsearch")).then_some(stage))
}

/// The name of the saved search and the values of its tokens.
fn saved_search_arguments(mut cursor: Cursor<'_>) -> Result<(String, BTreeMap<String, String>), QueryError> {
    let word = |cursor: &mut Cursor<'_>| -> Result<String, QueryError> {
        cursor.skip_space();
        Ok(match cursor.eat_quoted()? {
            Some(quoted) => quoted.value,
            None => cursor.take_while(|c| !c.is_whitespace() && c != '=' && c != '"').to_owned(),
        })
    };
    let name = word(&mut cursor)?;
    if name.is_empty() {
        return Err(cursor.expected("the name of a saved search"));
    }
    let mut tokens = BTreeMap::new();
    while !cursor.at_end() {
        let token = word(&mut cursor)?;
        cursor.expect("=")?;
        tokens.insert(token, word(&mut cursor)?);
    }
    Ok((name, tokens))
}

/// Takes the options of `savedsearch` out of what stands behind the name: whether tokens are replaced.
fn call_options(tokens: &mut BTreeMap<String, String>, span: Span) -> Result<bool, QueryError> {
    let Some(value) = tokens.remove("nosubstitution") else { return Ok(true) };
    match value.to_ascii_lowercase().as_str() {
        "t" | "true" | "1" => Ok(false),
        "f" | "false" | "0" => Ok(true),
        _ => Err(QueryError::rule(format!("`{value}` is neither true nor false (`nosubstitution`)"), span)),
    }
}

/// `` `name(argument, …)` ``
struct Call {
    name: String,
    arguments: Vec<String>,
    span: Span,
}

impl Call {
    /// Reads the call whose first backtick stands at `start`.
    fn parse(text: &str, start: usize) -> Result<Self, QueryError> {
        let inside = &text[start + 1..];
        let len = inside
            .find('`')
            .ok_or_else(|| QueryError::new(QueryErrorKind::Unbalanced('`'), Span::new(start, start + 1)))?;
        let inside = inside[..len].trim();
        let span = Span::new(start, start + len + 2);
        let (name, arguments) = match inside.split_once('(') {
            None => (inside, Vec::new()),
            Some((name, rest)) => {
                let list = rest
                    .strip_suffix(')')
                    .ok_or_else(|| QueryError::rule("the arguments of a macro stand between parentheses", span))?;
                (name.trim_end(), split_arguments(list))
            }
        };
        Ok(Self { name: name.to_owned(), arguments, span })
    }

    /// The text that stands for the call, macros in it replaced.
    fn expand(&self, knowledge: &Knowledge, depth: usize) -> Result<String, QueryError> {
        if depth >= MAX_DEPTH {
            return Err(QueryError::rule(format!("the macro `{}` contains itself", self.name), self.span));
        }
        let found = knowledge.macros.get(&(self.name.clone(), self.arguments.len()));
        let definition = found.ok_or_else(|| self.undefined(knowledge))?.expand(&self.arguments);
        let at_call = |error| shifted_to(error, self.span);
        let definition = blank_comments(&definition).map_err(at_call)?;
        let mut text = String::new();
        let mut rest = &definition[..];
        while let Some(at) = rest.find('`') {
            text.push_str(&rest[..at]);
            let call = Self::parse(rest, at).map_err(at_call)?;
            rest = &rest[call.span.end..];
            let call = Self { span: self.span, ..call };
            text.push_str(&call.expand(knowledge, depth + 1)?);
            check_size(text.len(), self.span)?;
        }
        text.push_str(rest);
        Ok(text)
    }

    fn undefined(&self, knowledge: &Knowledge) -> QueryError {
        let Self { name, arguments, span } = self;
        let others: Vec<usize> =
            knowledge.macros.keys().filter(|(known, _)| known == name).map(|(_, n_arguments)| *n_arguments).collect();
        match others.first() {
            Some(n) => {
                QueryError::rule(format!("the macro `{name}` takes {n} arguments, not {}", arguments.len()), *span)
            }
            None => QueryError::rule(format!("there is no macro `{name}`"), *span)
                .with_hint("macros are defined in the section [macros] of the configuration")
                .with_nearest(name, knowledge.macros.keys().map(|(name, _)| name.as_str())),
        }
    }
}

/// Cuts at commas outside of quotes; quotes around an argument are not part of it.
fn split_arguments(list: &str) -> Vec<String> {
    if list.trim().is_empty() {
        return Vec::new();
    }
    let mut arguments = vec![String::new()];
    let mut in_quotes = false;
    for c in list.chars() {
        match c {
            '"' => in_quotes = !in_quotes,
            ',' if !in_quotes => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        arguments.last_mut().expect("there is one").push(c);
    }
    let unquoted = |argument: &str| {
        let argument = argument.trim();
        argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(argument).to_owned()
    };
    arguments.iter().map(|argument| unquoted(argument)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Macro;
    use crate::saved::SavedSearch;

    fn knowledge() -> Knowledge {
        let mut knowledge = Knowledge::default();
        let mut define = |name: &str, parameters: &[&str], definition: &str| {
            let parameters: Vec<String> = parameters.iter().map(|name| (*name).to_owned()).collect();
            let key = (name.to_owned(), parameters.len());
            knowledge.macros.insert(key, Macro { parameters, definition: definition.to_owned() });
        };
        define("bad", &[], "level IN (ERROR, FATAL)");
        define("of", &["service"], "service=\"$service$\" `bad`");
        define("both", &["a", "b"], "($a$ OR $b$)");
        define("loop", &[], "x `loop`");
        knowledge.saved_searches.insert("errors".into(), SavedSearch::new("error host=$host$ | head 5"));
        knowledge.saved_searches.insert("one".into(), SavedSearch::new("| stats count"));
        knowledge
    }

    fn expanded(text: &str) -> String {
        Expanded::new(text, &knowledge()).unwrap_or_else(|error| panic!("{}", error.render(text, false))).text
    }

    fn refused(text: &str) -> (String, String) {
        let Err(error) = Expanded::new(text, &knowledge()) else { panic!("{text} is right") };
        (text[error.span.range()].to_owned(), error.to_string())
    }

    #[test]
    fn macros_are_replaced() {
        for (text, expected) in [
            ("`bad` | head", "level IN (ERROR, FATAL) | head"),
            ("x `of(pay)`", "x service=\"pay\" level IN (ERROR, FATAL)"),
            ("`both(a, \"b, c\")`", "(a OR b, c)"),
            ("\"`bad`\"", "\"`bad`\""),
            ("```bad``` x", "          x"),
        ] {
            assert_eq!(expanded(text), expected, "{text}");
        }
    }

    #[test]
    fn saved_searches_stand_at_the_beginning() {
        for (text, expected) in [
            ("| savedsearch errors host=a | stats count", "error host=a | head 5| stats count"),
            ("|savedsearch \"one\"", "| stats count"),
            ("savedsearch errors", "savedsearch errors"),
        ] {
            assert_eq!(expanded(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_refused() {
        for (text, marked, message) in [
            ("a `bda`", "`bda`", "there is no macro `bda`"),
            ("a `of`", "`of`", "the macro `of` takes 1 arguments, not 0"),
            ("a `loop` b", "`loop`", "the macro `loop` contains itself"),
            ("a `bad", "`", "unbalanced ```"),
            ("a `of(x`", "`of(x`", "the arguments of a macro stand between parentheses"),
            ("| savedsearch erors", "savedsearch erors", "there is no saved search `erors`"),
            ("| savedsearch errors", "savedsearch errors", "the saved search `errors` needs the argument `host`"),
        ] {
            assert_eq!(refused(text), (marked.to_owned(), message.to_owned()), "{text}");
        }
    }

    #[test]
    fn errors_point_at_the_text_as_it_was_written() {
        let knowledge = knowledge();
        for (text, marked) in [
            ("`bad` | stast count", "stast"),
            ("x `bad` `of(a)` | head 5 | stast", "stast"),
            ("`both(a OR, b)` | head", "`both(a OR, b)`"),
            ("| savedsearch errors host=a | stast", "stast"),
        ] {
            let error = crate::parse_with(text, &knowledge).expect_err(text);
            assert_eq!(&text[error.span.range()], marked, "{text}");
        }
    }
}
