//! Reading the text of a query piece by piece.
//!
//! SPL has no single set of tokens: `a-b` is one term in `search`, one field in `table` and a subtraction in `eval`. So
//! there is no token stream; each grammar reads from a [`Cursor`] with its own idea of a word. What is the same
//! everywhere — comments, quotes, where a stage ends — is here.

use crate::error::{Found, QueryError, QueryErrorKind};
use crate::knowledge::Knowledge;
use crate::span::{Span, Spanned};
use std::borrow::Cow;

/// A position in one stage of the query.
///
/// Cheap to copy: a grammar that must look ahead copies the cursor and assigns it back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'q> {
    text: &'q str,
    pos: usize,
    end: usize,
    knowledge: &'q Knowledge,
    depth: usize,
}

impl<'q> Cursor<'q> {
    /// Reads `span` of `text`.
    pub fn new(text: &'q str, span: Span) -> Self {
        Self { text, pos: span.start, end: span.end, knowledge: Knowledge::none(), depth: 0 }
    }

    /// The same place in a text that may use the names of `knowledge` and stands in `depth` brackets.
    pub fn within(self, knowledge: &'q Knowledge, depth: usize) -> Self {
        Self { knowledge, depth, ..self }
    }

    /// Another piece of the same text.
    pub fn of(self, span: Span) -> Self {
        Self { pos: span.start, end: span.end, ..self }
    }

    /// The names that the configuration defines.
    pub fn knowledge(&self) -> &'q Knowledge {
        self.knowledge
    }

    /// The number of brackets around the text.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// A piece of the text.
    pub fn text_of(&self, span: Span) -> &'q str {
        &self.text[span.range()]
    }

    pub fn pos(&self) -> usize {
        self.pos
    }

    /// What is still to read.
    pub fn rest(&self) -> &'q str {
        &self.text[self.pos..self.end]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Moves over white space.
    pub fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// Moves over white space and commas, which divide the items of a list.
    pub fn skip_separators(&mut self) {
        self.take_while(|c| c == ',' || c.is_whitespace());
    }

    /// Moves over white space and tells whether nothing follows.
    pub fn at_end(&mut self) -> bool {
        self.skip_space();
        self.pos == self.end
    }

    /// Moves by `n_bytes`, which must end at a character boundary of the rest.
    pub fn advance(&mut self, n_bytes: usize) {
        self.pos = (self.pos + n_bytes).min(self.end);
    }

    /// The longest run of characters that satisfy `accept`; may be empty.
    pub fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'q str {
        let rest = self.rest();
        let len = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.pos += len;
        &rest[..len]
    }

    /// Moves over `text` if it comes next.
    pub fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.pos += text.len();
        }
        found
    }

    /// Moves over the word `keyword`, in any case, if it comes next and ends there.
    pub fn eat_keyword(&mut self, keyword: &str) -> bool {
        let rest = self.rest();
        let found = rest.get(..keyword.len()).is_some_and(|start| start.eq_ignore_ascii_case(keyword))
            && !rest[keyword.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if found {
            self.pos += keyword.len();
        }
        found
    }

    /// The text between double quotes, if a quote comes next, with its escapes resolved: `\"`, `\\` and `\|` lose the
    /// backslash, any other pair stays as it is.
    pub fn eat_quoted(&mut self) -> Result<Option<Spanned<String>>, QueryError> {
        let start = self.pos;
        if !self.eat("\"") {
            return Ok(None);
        }
        let mut text = String::new();
        let mut chars = self.rest().char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.pos += at + 1;
                    return Ok(Some(Spanned::new(text, self.span_from(start))));
                }
                '\\' => match chars.peek() {
                    Some((_, next @ ('"' | '\\' | '|'))) => {
                        text.push(*next);
                        chars.next();
                    }
                    _ => text.push('\\'),
                },
                other => text.push(other),
            }
        }
        Err(QueryError::new(QueryErrorKind::Unbalanced('"'), Span::new(start, start + 1)))
    }

    /// If an opening bracket comes next, moves behind the one that closes it: the span of what is between them, and of all.
    pub fn eat_bracketed(&mut self) -> Result<Option<(Span, Span)>, QueryError> {
        let start = self.pos;
        if !self.rest().starts_with('[') {
            return Ok(None);
        }
        let mut depth = 0_usize;
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.eat_quoted()?;
                    continue;
                }
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            self.advance(c.len_utf8());
            if depth == 0 {
                return Ok(Some((Span::new(start + 1, self.pos - 1), self.span_from(start))));
            }
        }
        Err(QueryError::new(QueryErrorKind::Unbalanced('['), Span::new(start, start + 1)))
    }

    /// From `start` to here.
    pub fn span_from(&self, start: usize) -> Span {
        Span::new(start, self.pos)
    }

    /// From `start` to here, without the white space and commas before this place.
    pub fn trimmed_span_from(&self, start: usize) -> Span {
        let written = self.text[start..self.pos].trim_end_matches(|c: char| c == ',' || c.is_whitespace());
        Span::new(start, start + written.len())
    }

    /// The error that something else stands here than what is wanted.
    pub fn expected(&self, expected: impl Into<String>) -> QueryError {
        let mut ahead = *self;
        ahead.skip_space();
        let start = ahead.pos;
        let word = ahead.take_while(|c| !c.is_whitespace() && !"()[],|\"".contains(c));
        let word = match (word, ahead.peek()) {
            ("", Some(c)) => {
                ahead.advance(c.len_utf8());
                &self.text[start..ahead.pos]
            }
            (word, _) => word,
        };
        let found = if word.is_empty() { Found::End } else { Found::Text(word.to_owned()) };
        QueryError::new(QueryErrorKind::Unexpected { expected: expected.into(), found }, ahead.span_from(start))
    }

    /// Moves over `text` or says that it is missing.
    pub fn expect(&mut self, text: &str) -> Result<(), QueryError> {
        self.skip_space();
        if self.eat(text) { Ok(()) } else { Err(self.expected(format!("`{text}`"))) }
    }
}

/// Whether `c` may stand in the name of a field without quotes, in commands that take lists of fields.
pub(crate) fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || "_.-:{}@#/*".contains(c)
}

/// Writes `text` in double quotes so that it reads back as the same text.
pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A field name for lists of fields: in quotes only where it needs them.
pub(crate) fn quote_name(name: &str) -> Cow<'_, str> {
    let is_plain = !name.is_empty()
        && name.chars().all(is_name_char)
        && !name.starts_with(['-', '+'])
        && !["as", "by", "over", "with", "in", "where", "sortby", "output", "outputnew"]
            .contains(&name.to_ascii_lowercase().as_str());
    if is_plain { Cow::Borrowed(name) } else { Cow::Owned(quote(name)) }
}

/// The text with each comment ` ```…``` ` outside of quotes replaced by as many spaces, so that every other byte keeps its
/// place.
pub(crate) fn blank_comments(text: &str) -> Result<Cow<'_, str>, QueryError> {
    let mut blanked = Cow::Borrowed(text);
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(comment) = rest.strip_prefix("```") {
            let Some(len) = comment.find("```").map(|len| len + 6) else {
                return Err(QueryError::new(QueryErrorKind::Unbalanced('`'), Span::new(at, at + 3))
                    .with_hint("a comment is written between ``` and ```"));
            };
            // Four or five backticks at the end: the comment's text may end in one or two.
            let len = len + rest[len..].bytes().take(2).take_while(|byte| *byte == b'`').count();
            blanked.to_mut().replace_range(at..at + len, &" ".repeat(len));
            at += len;
        } else if rest.starts_with('"') {
            at += quoted_len(rest)
                .ok_or_else(|| QueryError::new(QueryErrorKind::Unbalanced('"'), Span::new(at, at + 1)))?;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Ok(blanked)
}

/// The length of the quoted text at the start of `text`, both quotes included; `None` if it never ends.
pub(crate) fn quoted_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return Some(at + 1),
            b'\\' if matches!(bytes.get(at + 1), Some(b'"' | b'\\' | b'|')) => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// The stages of what stands in brackets. A pipe may stand before the first.
pub(crate) fn split_bracketed_stages(text: &str) -> Result<Vec<Span>, QueryError> {
    let mut stages = split_stages(text)?;
    if stages.len() > 1 && text[stages[0].range()].trim().is_empty() {
        stages.remove(0);
    }
    Ok(stages)
}

/// Cuts a query without comments into its stages at each `|` that is not in quotes, not in brackets and not written
/// `\|`. The first span is what stands before the first pipe.
pub(crate) fn split_stages(text: &str) -> Result<Vec<Span>, QueryError> {
    let bytes = text.as_bytes();
    let mut stages = Vec::new();
    let mut brackets: Vec<usize> = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += quoted_len(&text[at..])
                    .ok_or_else(|| QueryError::new(QueryErrorKind::Unbalanced('"'), Span::new(at, at + 1)))?;
                continue;
            }
            b'\\' if bytes.get(at + 1) == Some(&b'|') => at += 1,
            b'[' => brackets.push(at),
            b']' if brackets.pop().is_none() => {
                return Err(QueryError::new(QueryErrorKind::Unbalanced(']'), Span::new(at, at + 1)));
            }
            b'|' if brackets.is_empty() => {
                stages.push(Span::new(start, at));
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if let Some(at) = brackets.pop() {
        return Err(QueryError::new(QueryErrorKind::Unbalanced('['), Span::new(at, at + 1)));
    }
    stages.push(Span::new(start, text.len()));
    Ok(stages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stages(text: &str) -> Vec<&str> {
        split_stages(text).unwrap().into_iter().map(|span| text[span.range()].trim()).collect()
    }

    #[test]
    fn pipes_divide_stages() {
        let cases: [(&str, &[&str]); 6] = [
            ("error | stats count", &["error", "stats count"]),
            ("a|b", &["a", "b"]),
            (r#""a|b" | c"#, &[r#""a|b""#, "c"]),
            (r#""a\"|" | c"#, &[r#""a\"|""#, "c"]),
            (r"a\|b | c", &[r"a\|b", "c"]),
            ("x [search a | b] | c", &["x [search a | b]", "c"]),
        ];
        for (text, expected) in cases {
            assert_eq!(stages(text), expected, "{text}");
        }
    }

    #[test]
    fn comments_become_spaces() {
        let cases = [
            ("a ```x | \" ` `` y``` b", "a                    b"),
            ("```c```a", "       a"),
            ("\"```no```\"", "\"```no```\""),
        ];
        for (text, expected) in cases {
            let blanked = blank_comments(text).unwrap();
            assert_eq!(blanked, expected);
            assert_eq!(blanked.len(), text.len());
        }
    }

    #[test]
    fn unbalanced_text_is_refused() {
        for (text, mark) in [("\"a", '"'), ("[a", '['), ("a]", ']')] {
            assert_eq!(split_stages(text).unwrap_err().kind, QueryErrorKind::Unbalanced(mark));
        }
        assert_eq!(blank_comments("a ```b").unwrap_err().kind, QueryErrorKind::Unbalanced('`'));
    }

    #[test]
    fn escapes_in_quotes() {
        let cases = [
            (r#""a""#, "a"),
            (r#""\d+""#, r"\d+"),
            (r#""C:\Temp""#, r"C:\Temp"),
            (r#""a\"b""#, "a\"b"),
            (r#""a\\""#, "a\\"),
            (r#""a\|b""#, "a|b"),
        ];
        for (text, expected) in cases {
            let mut cursor = Cursor::new(text, Span::new(0, text.len()));
            assert_eq!(cursor.eat_quoted().unwrap().unwrap().value, expected, "{text}");
            assert!(cursor.at_end());
        }
    }

    proptest! {
        #[test]
        fn quoting_reads_back(text in "\\PC{0,12}") {
            let quoted = quote(&text);
            let mut cursor = Cursor::new(&quoted, Span::new(0, quoted.len()));
            prop_assert_eq!(cursor.eat_quoted().unwrap().unwrap().value, text);
            prop_assert!(cursor.at_end());
            prop_assert_eq!(split_stages(&quoted).unwrap().len(), 1);
        }

        #[test]
        fn any_text_is_cut_without_panic(text in "[\\[\\]|\"\\\\`aé ]{0,16}") {
            if let Ok(blanked) = blank_comments(&text) {
                prop_assert_eq!(blanked.len(), text.len());
                let _ = split_stages(&blanked);
            }
        }
    }
}
