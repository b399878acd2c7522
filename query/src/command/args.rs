//! Reading the arguments of a command: options, names of fields, lists, numbers.

use crate::error::{QueryError, QueryErrorKind, nearest};
use crate::glob::Glob;
use crate::lexer::{Cursor, is_name_char, quote};
use crate::lookup::check_name;
use crate::span::{Span, Spanned};
use crate::time::TimeSpan;
use std::fmt;

/// The text after a command's name.
#[derive(Debug)]
pub(crate) struct Args<'q> {
    pub cursor: Cursor<'q>,
    command: &'static str,
    is_first: bool,
}

impl<'q> Args<'q> {
    pub fn new(cursor: Cursor<'q>, command: &'static str, is_first: bool) -> Self {
        Self { cursor, command, is_first }
    }

    /// Whether the command stands at the beginning of a search.
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// Reads `name=value` if that comes next, with `name` one of `options` in any case.
    ///
    /// # Errors
    /// If another name stands before the `=`.
    pub fn option(&mut self, options: &[&'static str]) -> Result<Option<(&'static str, Spanned<String>)>, QueryError> {
        let Some(option) = self.option_name(options)? else { return Ok(None) };
        Ok(Some((option, self.option_value(option)?)))
    }

    /// Reads `name=` if that comes next, for options whose value has a grammar of its own.
    ///
    /// # Errors
    /// As [`Args::option`].
    pub fn option_name(&mut self, options: &[&'static str]) -> Result<Option<&'static str>, QueryError> {
        self.cursor.skip_separators();
        let mut ahead = self.cursor;
        let start = ahead.pos();
        let written = ahead.take_while(|c| c.is_alphanumeric() || c == '_');
        let span = ahead.span_from(start);
        ahead.skip_space();
        if written.is_empty() || !ahead.eat("=") {
            return Ok(None);
        }
        let Some(option) = options.iter().find(|option| option.eq_ignore_ascii_case(written)) else {
            let error = QueryErrorKind::UnknownOption {
                command: self.command,
                option: written.to_owned(),
                options: options.to_vec(),
            };
            let hint = match options {
                [] => "it has no options".to_owned(),
                _ => {
                    let nearest = nearest(written, options.iter().copied());
                    let nearest = nearest.map_or(String::new(), |name| format!("did you mean `{name}`? "));
                    format!("{nearest}its options are {}", options.join(", "))
                }
            };
            return Err(QueryError::new(error, span).with_hint(hint));
        };
        self.cursor = ahead;
        Ok(Some(option))
    }

    /// Reads the value of an option, in quotes or a run of characters.
    pub fn option_value(&mut self, option: &str) -> Result<Spanned<String>, QueryError> {
        self.cursor.skip_space();
        if let Some(quoted) = self.cursor.eat_quoted()? {
            return Ok(quoted);
        }
        let start = self.cursor.pos();
        let value = self.cursor.take_while(|c| !c.is_whitespace() && !",()|\"".contains(c));
        if value.is_empty() {
            return Err(self.cursor.expected(format!("a value for `{option}`")));
        }
        Ok(Spanned::new(value.to_owned(), self.cursor.span_from(start)))
    }

    /// The command whose arguments these are.
    pub fn command(&self) -> &'static str {
        self.command
    }

    /// Reads the name of a field: in quotes, or a run of characters that names may hold, followed perhaps by something in
    /// parentheses, as in `count(x)`. `None` if neither comes next.
    pub fn name(&mut self) -> Result<Option<Spanned<String>>, QueryError> {
        self.cursor.skip_space();
        if let Some(quoted) = self.cursor.eat_quoted()? {
            return match quoted.value.is_empty() {
                true => Err(QueryError::rule("the name of a field cannot be empty", quoted.span)),
                false => Ok(Some(quoted)),
            };
        }
        let start = self.cursor.pos();
        let word = self.cursor.take_while(is_name_char);
        if word.is_empty() {
            return Ok(None);
        }
        let mut name = word.to_owned();
        if self.cursor.peek() == Some('(') {
            name.push_str(self.parenthesised()?);
        }
        Ok(Some(Spanned::new(name, self.cursor.span_from(start))))
    }

    /// Reads a text in double quotes, or else a run of characters up to white space. `None` at the end.
    pub fn text(&mut self) -> Result<Option<Spanned<String>>, QueryError> {
        self.cursor.skip_space();
        if let Some(quoted) = self.cursor.eat_quoted()? {
            return Ok(Some(quoted));
        }
        let start = self.cursor.pos();
        let run = self.cursor.take_while(|c| !c.is_whitespace());
        Ok((!run.is_empty()).then(|| Spanned::new(run.to_owned(), self.cursor.span_from(start))))
    }

    /// The name of a field, which must come next.
    pub fn expect_name(&mut self) -> Result<Spanned<String>, QueryError> {
        self.name()?.ok_or_else(|| self.cursor.expected("the name of a field"))
    }

    /// As [`Args::expect_name`], without wildcards.
    pub fn expect_plain_name(&mut self) -> Result<Spanned<String>, QueryError> {
        let name = self.expect_name()?;
        match name.value.contains('*') {
            true => Err(QueryError::rule("wildcards are not allowed here", name.span)),
            false => Ok(name),
        }
    }

    /// The name of a lookup table, which must come next.
    pub fn expect_table(&mut self) -> Result<Spanned<String>, QueryError> {
        self.cursor.skip_separators();
        let name = self.name()?.ok_or_else(|| self.cursor.expected("the name of a lookup table"))?;
        match check_name(&name.value) {
            Ok(()) => Ok(name),
            Err(why) => Err(QueryError::rule(format!("`{}` {why}", name.value), name.span)),
        }
    }

    /// Text from an opening parenthesis to the one that closes it.
    fn parenthesised(&mut self) -> Result<&'q str, QueryError> {
        let start = self.cursor.pos();
        let rest = self.cursor.rest();
        let mut depth = 0;
        for (at, c) in rest.char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.cursor.advance(at + 1);
                return Ok(&rest[..=at]);
            }
        }
        self.cursor.advance(1);
        Err(QueryError::new(QueryErrorKind::Unbalanced('('), self.cursor.span_from(start)))
    }

    /// What stands between an opening parenthesis, which comes next, and the one that closes it. Parentheses in quotes do
    /// not count.
    pub fn parenthesised_cursor(&mut self) -> Result<Cursor<'q>, QueryError> {
        let start = self.cursor.pos();
        let mut depth = 0;
        while let Some(c) = self.cursor.peek() {
            if c == '"' {
                self.cursor.eat_quoted()?;
                continue;
            }
            self.cursor.advance(c.len_utf8());
            match c {
                '(' => depth += 1,
                ')' if depth == 1 => return Ok(self.cursor.of(Span::new(start + 1, self.cursor.pos() - 1))),
                ')' => depth -= 1,
                _ => {}
            }
        }
        Err(QueryError::new(QueryErrorKind::Unbalanced('('), Span::new(start, start + 1)))
    }

    /// Reads names, with wildcards or not, until something else comes: the end, one of the words `until`, an option.
    pub fn names(&mut self, until: &[&str]) -> Result<Vec<Spanned<String>>, QueryError> {
        let mut names = Vec::new();
        loop {
            self.cursor.skip_separators();
            if self.at_keyword(until) || self.at_option() {
                return Ok(names);
            }
            match self.name()? {
                Some(name) => names.push(name),
                None => return Ok(names),
            }
        }
    }

    /// A list of patterns of field names; at least one.
    pub fn expect_globs(&mut self) -> Result<Vec<Glob>, QueryError> {
        let names = self.names(&[])?;
        if names.is_empty() {
            return Err(self.cursor.expected("the name of a field"));
        }
        Ok(names.iter().map(|name| Glob::new(&name.value)).collect())
    }

    /// A list of names without wildcards, of which none repeats; at least one.
    pub fn expect_plain_names(&mut self, until: &[&str]) -> Result<Vec<String>, QueryError> {
        let mut plain: Vec<String> = Vec::new();
        for name in self.names(until)? {
            if name.value.contains('*') {
                return Err(QueryError::rule("wildcards are not allowed here", name.span));
            }
            if plain.contains(&name.value) {
                return Err(QueryError::rule(format!("`{}` is named twice", name.value), name.span));
            }
            plain.push(name.value);
        }
        if plain.is_empty() {
            return Err(self.cursor.expected("the name of a field"));
        }
        Ok(plain)
    }

    /// Whether one of the words comes next.
    pub fn at_keyword(&self, words: &[&str]) -> bool {
        words.iter().any(|word| {
            let mut ahead = self.cursor;
            ahead.eat_keyword(word) && !ahead.peek().is_some_and(is_name_char)
        })
    }

    /// Moves over the word, in any case, if it comes next.
    pub fn keyword(&mut self, word: &str) -> bool {
        self.cursor.skip_separators();
        let found = self.at_keyword(&[word]);
        if found {
            self.cursor.eat_keyword(word);
        }
        found
    }

    /// Whether `name=` comes next.
    pub fn at_option(&self) -> bool {
        let mut ahead = self.cursor;
        let name = ahead.take_while(|c| c.is_alphanumeric() || c == '_');
        ahead.skip_space();
        !name.is_empty() && ahead.eat("=")
    }

    /// A whole number, if one comes next and ends there.
    pub fn number(&mut self) -> Result<Option<usize>, QueryError> {
        self.cursor.skip_separators();
        let mut ahead = self.cursor;
        let start = ahead.pos();
        let digits = ahead.take_while(|c| c.is_ascii_digit());
        if digits.is_empty() || ahead.peek().is_some_and(is_name_char) {
            return Ok(None);
        }
        let number = count(&Spanned::new(digits.to_owned(), ahead.span_from(start)))?;
        self.cursor = ahead;
        Ok(Some(number))
    }

    /// Nothing may be left.
    pub fn finish(&mut self) -> Result<(), QueryError> {
        if self.cursor.at_end() { Ok(()) } else { Err(self.cursor.expected("the end of the command")) }
    }
}

/// Three different names of fields.
pub(crate) fn three_names(args: &mut Args<'_>) -> Result<[String; 3], QueryError> {
    let mut names: [String; 3] = Default::default();
    for index in 0..names.len() {
        args.cursor.skip_separators();
        let name = args.expect_plain_name()?;
        if names[..index].contains(&name.value) {
            return Err(QueryError::rule(format!("`{}` is named twice", name.value), name.span));
        }
        names[index] = name.value;
    }
    Ok(names)
}

/// A whole number of rows, values or bins.
pub(crate) fn count(value: &Spanned<String>) -> Result<usize, QueryError> {
    value.value.parse::<u32>().map(|count| count as usize).map_err(|_| bad_value(value, "a whole number"))
}

/// A number, whole or not.
pub(crate) fn decimal(value: &Spanned<String>) -> Result<f64, QueryError> {
    crate::value::parse_number(&value.value).ok_or_else(|| bad_value(value, "a number"))
}

/// A span of time.
pub(crate) fn time_span(value: &Spanned<String>) -> Result<TimeSpan, QueryError> {
    TimeSpan::parse(&value.value).ok_or_else(|| {
        QueryError::new(QueryErrorKind::TimeSpan(value.value.clone()), value.span)
            .with_hint("spans look like 30s, 5m, 1h, 1d, 1w@w1, 1mon")
    })
}

/// `t`, `true`, `yes`, `1` or the opposite.
pub(crate) fn boolean(value: &Spanned<String>) -> Result<bool, QueryError> {
    match value.value.to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "1" => Ok(true),
        "f" | "false" | "no" | "0" => Ok(false),
        _ => Err(bad_value(value, "true or false")),
    }
}

/// Writes ` name=value`, with quotes where the value needs them to be read back.
pub(crate) fn write_option(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    let is_plain = !value.is_empty() && value.chars().all(is_name_char);
    if is_plain { write!(f, " {name}={value}") } else { write!(f, " {name}={}", quote(value)) }
}

/// The error that an option cannot take this value.
pub(crate) fn bad_value(value: &Spanned<String>, expected: &str) -> QueryError {
    let kind = QueryErrorKind::BadValue { value: value.value.clone(), expected: expected.to_owned() };
    QueryError::new(kind, value.span)
}
