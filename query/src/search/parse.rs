//! The grammar of search expressions.
//!
//! ```text
//! search   = and-expr
//! and-expr = or-expr { [AND] or-expr }
//! or-expr  = not-expr { OR not-expr }
//! not-expr = { NOT } atom
//! atom     = ( search ) | word | "phrase" | field op value | field IN ( v, … ) | field::value | TERM(x) | CASE(x)
//!          | time-modifier | [ subsearch ]
//! op       = "=" | "==" | "!=" | "<" | "<=" | ">" | ">="
//! ```

use super::{Compare, CompareOp, In, Pattern, PatternForm, SearchExpr, ValuePattern};
use crate::ast::{TimeModifier, TimeModifiers};
use crate::error::{QueryError, QueryErrorKind};
use crate::expand::Expanded;
use crate::glob::Glob;
use crate::lexer::{Cursor, quote};
use crate::span::{Span, Spanned};
use crate::subsearch::Subsearch;
use crate::time::TimeSpec;
use std::borrow::Cow;
use trawl_formats::token::is_major_breaker;

/// How deep parentheses may nest. Bounds the stack of everything that walks the tree.
const MAX_DEPTH: usize = 100;

/// How deep event types may stand within event types.
const MAX_EVENT_TYPE_DEPTH: usize = 10;

/// Ways of writing times that Splunk kept from its early days.
const OLD_TIME_MODIFIERS: [&str; 17] = [
    "starttime",
    "endtime",
    "timeformat",
    "starttimeu",
    "endtimeu",
    "daysago",
    "hoursago",
    "minutesago",
    "monthsago",
    "startdaysago",
    "starthoursago",
    "startminutesago",
    "startmonthsago",
    "enddaysago",
    "endhoursago",
    "endminutesago",
    "endmonthsago",
];

/// Reads a whole search expression. Time modifiers in it, wherever they stand, come back beside it.
pub(crate) fn parse_search(cursor: Cursor<'_>) -> Result<(SearchExpr, TimeModifiers), QueryError> {
    let mut parser = Parser { cursor, times: TimeModifiers::default(), depth: 0 };
    if parser.cursor.at_end() {
        return Ok((SearchExpr::All, parser.times));
    }
    let expr = parser.and_expr()?.unwrap_or(SearchExpr::All);
    if parser.cursor.at_end() {
        return Ok((expr, parser.times));
    }
    let at = parser.cursor.pos();
    Err(match parser.cursor.peek() {
        Some(')') => QueryError::new(QueryErrorKind::Unbalanced(')'), Span::new(at, at + 1)),
        _ => parser.cursor.expected("a search term"),
    })
}

/// Whether `c` may stand in a word or value without quotes.
pub(crate) fn is_word_char(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !"()[]|\",`".contains(c)
}

/// The length of the word that the text begins with. A pipe with a backslash before it does not end a stage: it belongs to
/// the word, without the backslash.
fn word_len(text: &str) -> usize {
    let mut len = 0;
    loop {
        len += text[len..].find(|c| !is_word_char(c)).unwrap_or(text.len() - len);
        if !(text[..len].ends_with('\\') && text[len..].starts_with('|')) {
            return len;
        }
        len += 1;
    }
}

fn without_escapes(word: &str) -> Cow<'_, str> {
    if word.contains("\\|") { Cow::Owned(word.replace("\\|", "|")) } else { Cow::Borrowed(word) }
}

/// Words that are operators.
pub(super) fn is_reserved(word: &str) -> bool {
    matches!(word, "AND" | "OR" | "NOT")
}

/// Whether a field of that name can be written without quotes on the left of an operator.
pub(super) fn is_plain_field(field: &str) -> bool {
    !field.is_empty()
        && field.chars().all(|c| is_word_char(c) && !"=<>!*$".contains(c))
        && !field.contains("::")
        && !is_reserved(field)
        && TimeModifier::from_name(field).is_none()
        && !OLD_TIME_MODIFIERS.contains(&field)
}

struct Parser<'q> {
    cursor: Cursor<'q>,
    times: TimeModifiers,
    depth: usize,
}

impl Parser<'_> {
    /// `None` where there are only time modifiers, which are no condition.
    fn and_expr(&mut self) -> Result<Option<SearchExpr>, QueryError> {
        let mut operands = vec![self.or_expr()?];
        loop {
            self.cursor.skip_separators();
            let explicit = self.eat_operator("AND");
            if !explicit && matches!(self.cursor.peek(), None | Some(')')) {
                break;
            }
            operands.push(self.or_expr()?);
        }
        Ok(combine(operands, SearchExpr::and))
    }

    fn or_expr(&mut self) -> Result<Option<SearchExpr>, QueryError> {
        let mut operands = vec![self.not_expr()?];
        loop {
            self.cursor.skip_space();
            if !self.eat_operator("OR") {
                return Ok(combine(operands, SearchExpr::or));
            }
            operands.push(self.not_expr()?);
        }
    }

    fn not_expr(&mut self) -> Result<Option<SearchExpr>, QueryError> {
        let start = self.cursor.pos();
        let mut negated = false;
        loop {
            self.cursor.skip_separators();
            if !self.eat_operator("NOT") {
                break;
            }
            negated = !negated;
        }
        match self.atom()? {
            Some(atom) if negated => Ok(Some(SearchExpr::not(atom))),
            None if negated => {
                Err(QueryError::rule("NOT cannot be applied to a time modifier", self.cursor.span_from(start)))
            }
            atom => Ok(atom),
        }
    }

    /// Operators must be capitals; in lower case they are words to look for.
    fn eat_operator(&mut self, operator: &str) -> bool {
        let rest = self.cursor.rest();
        let found =
            rest.strip_prefix(operator).is_some_and(|after| after.chars().next().is_none_or(|c| !is_word_char(c)));
        if found {
            self.cursor.advance(operator.len());
        }
        found
    }

    fn atom(&mut self) -> Result<Option<SearchExpr>, QueryError> {
        let start = self.cursor.pos();
        match self.cursor.peek() {
            Some('(') => self.group(),
            Some('[') => Ok(Subsearch::parse(&mut self.cursor)?.map(SearchExpr::Subsearch)),
            Some('"') => {
                let quoted = self.cursor.eat_quoted()?.map(|quoted| quoted.value).unwrap_or_default();
                if let Some(op) = self.eat_compare_op() {
                    return self.comparison(quoted, op, start).map(Some);
                }
                if self.eat_in() {
                    return self.in_list(quoted, start).map(Some);
                }
                self.pattern(&quoted, PatternForm::Quoted, false, self.cursor.span_from(start)).map(Some)
            }
            Some(_) => self.word(start),
            None => Err(self.cursor.expected("a search term")),
        }
    }

    fn group(&mut self) -> Result<Option<SearchExpr>, QueryError> {
        let start = self.cursor.pos();
        self.cursor.advance(1);
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(QueryError::new(QueryErrorKind::TooDeep, Span::new(start, start + 1)));
        }
        self.cursor.skip_separators();
        // `()` selects everything, as an empty search does.
        let inner = if self.cursor.peek() == Some(')') { Some(SearchExpr::All) } else { self.and_expr()? };
        self.cursor.skip_space();
        if !self.cursor.eat(")") {
            return Err(match self.cursor.peek() {
                None => QueryError::new(QueryErrorKind::Unbalanced('('), Span::new(start, start + 1)),
                Some(_) => self.cursor.expected("`)`"),
            });
        }
        self.depth -= 1;
        Ok(inner)
    }

    /// A word: a term, or the field on the left of an operator.
    fn word(&mut self, start: usize) -> Result<Option<SearchExpr>, QueryError> {
        let rest = self.cursor.rest();
        let word_len = word_len(rest);
        let word = &rest[..word_len];
        if word.is_empty() {
            return Err(self.cursor.expected("a search term"));
        }
        let op_at = word
            .char_indices()
            .find(|(at, c)| "=<>".contains(*c) || word[*at..].starts_with("!=") || word[*at..].starts_with("::"))
            .map(|(at, _)| at);
        let name = &word[..op_at.unwrap_or(word.len())];
        if is_reserved(name) {
            self.cursor.advance(name.len());
            return Err(QueryError::rule(format!("`{name}` has nothing on its left"), self.cursor.span_from(start))
                .with_hint(format!("to look for the word, write {}", quote(name))));
        }
        if op_at.is_none() && rest[word_len..].starts_with('(') && matches!(name, "TERM" | "CASE") {
            return self.directive(start).map(Some);
        }
        self.cursor.advance(name.len());
        let mut spaced = self.cursor;
        if let Some(op) = self.eat_compare_op() {
            if name.is_empty() {
                let symbol = self.cursor.span_from(start);
                return Err(QueryError::rule("an operator needs a field on its left", symbol)
                    .with_hint("to look for the text itself, write it in quotes"));
            }
            return self.field_condition(name, op, start);
        }
        if spaced.eat("::") {
            self.cursor = spaced;
            if name == "tag" {
                // `tag::field=label`
                let field = self.cursor.take_while(|c| is_word_char(c) && c != '=');
                self.cursor.expect("=")?;
                return self.comparison(format!("tag::{field}"), CompareOp::Eq, start).map(Some);
            }
            return self.comparison(name.to_owned(), CompareOp::Eq, start).map(Some);
        }
        if self.eat_in() {
            check_field(name, self.cursor.span_from(start))?;
            return self.in_list(name.to_owned(), start).map(Some);
        }
        self.pattern(&without_escapes(name), PatternForm::Bare, false, self.cursor.span_from(start)).map(Some)
    }

    /// `TERM(x)` or `CASE(x)`.
    fn directive(&mut self, start: usize) -> Result<SearchExpr, QueryError> {
        let (text, form, case_sensitive) = self.directive_parts()?;
        let span = self.cursor.span_from(start);
        if form == PatternForm::Term && text.bytes().any(|byte| byte != b'*' && is_major_breaker(byte)) {
            return Err(QueryError::rule("TERM() takes one word without breakers", span)
                .with_hint(format!("a text with spaces or punctuation is a phrase: {}", quote(&text))));
        }
        self.pattern(&text, form, case_sensitive, span)
    }

    /// The inside of a directive, its form, and whether it heeds case. Nothing else may be nested in it.
    fn directive_parts(&mut self) -> Result<(String, PatternForm, bool), QueryError> {
        let start = self.cursor.pos();
        let is_case = self.cursor.eat("CASE");
        if !is_case {
            self.cursor.eat("TERM");
        }
        self.cursor.expect("(")?;
        self.cursor.skip_space();
        let (text, quoted) = match self.cursor.eat_quoted()? {
            Some(quoted) => (quoted.value, true),
            None => (self.cursor.take_while(|c| c != ')' && c != '(').trim_end().to_owned(), false),
        };
        if text.is_empty() {
            return Err(self.cursor.expected("a word"));
        }
        self.cursor.expect(")")?;
        check_dashboard_token(&text, self.cursor.span_from(start))?;
        let form = match (is_case, quoted) {
            (false, _) => PatternForm::Term,
            (true, true) => PatternForm::Quoted,
            (true, false) => PatternForm::Bare,
        };
        Ok((text, form, is_case))
    }

    fn pattern(
        &self,
        text: &str,
        form: PatternForm,
        case_sensitive: bool,
        span: Span,
    ) -> Result<SearchExpr, QueryError> {
        if text.is_empty() {
            return Err(QueryError::rule("an empty phrase matches nothing", span).with_hint("`*` matches every event"));
        }
        let glob = Glob::new(text);
        if glob.matches_everything() {
            return Ok(SearchExpr::All);
        }
        // Bare words with breakers in them, such as `don't` or `a;b`, are phrases.
        let has_major = glob.literals().iter().any(|literal| literal.bytes().any(is_major_breaker));
        let form = if form == PatternForm::Bare && has_major { PatternForm::Quoted } else { form };
        Ok(SearchExpr::Pattern(Pattern { glob, form, case_sensitive, span }))
    }

    fn eat_compare_op(&mut self) -> Option<CompareOp> {
        let mut ahead = self.cursor;
        ahead.skip_space();
        let ops = [
            ("==", CompareOp::Eq),
            ("=", CompareOp::Eq),
            ("!=", CompareOp::Ne),
            ("<=", CompareOp::Le),
            ("<", CompareOp::Lt),
            (">=", CompareOp::Ge),
            (">", CompareOp::Gt),
        ];
        let (_, op) = ops.into_iter().find(|(symbol, _)| ahead.eat(symbol))?;
        self.cursor = ahead;
        Some(op)
    }

    /// The word `IN` in any case, if an opening parenthesis follows.
    fn eat_in(&mut self) -> bool {
        let mut ahead = self.cursor;
        ahead.skip_space();
        let spaced = ahead.pos() > self.cursor.pos();
        let found = spaced && ahead.eat_keyword("IN") && {
            ahead.skip_space();
            ahead.eat("(")
        };
        if found {
            self.cursor = ahead;
        }
        found
    }

    /// What follows an unquoted name and an operator: a time modifier or a comparison.
    fn field_condition(&mut self, name: &str, op: CompareOp, start: usize) -> Result<Option<SearchExpr>, QueryError> {
        if op == CompareOp::Eq {
            if let Some(modifier) = TimeModifier::from_name(name) {
                return self.time_modifier(modifier, start).map(|()| None);
            }
            if OLD_TIME_MODIFIERS.contains(&name) {
                let span = self.cursor.span_from(start);
                return Err(QueryError::rule(format!("the time modifier `{name}` is not supported"), span)
                    .with_hint("write earliest= and latest=, or quote the name to compare a field"));
            }
        }
        self.comparison(name.to_owned(), op, start).map(Some)
    }

    fn time_modifier(&mut self, modifier: TimeModifier, start: usize) -> Result<(), QueryError> {
        let value = self.value_text()?;
        // `now()`
        let called = value.value.eq_ignore_ascii_case("now") && self.cursor.eat("()");
        let value_span = if called { self.cursor.span_from(value.span.start) } else { value.span };
        let span = self.cursor.span_from(start);
        let Some(spec) = TimeSpec::parse(&value.value) else {
            let hint = match value.value.starts_with("rt") {
                true => "real-time searches are `trawl tail`",
                false => "times look like -15m, -1d@d, @w1, now, 1709625600 or \"03/05/2024:08:00:00\"",
            };
            return Err(QueryError::new(QueryErrorKind::Time(value.value), value_span).with_hint(hint));
        };
        self.times.set(modifier, spec, span)
    }

    fn comparison(&mut self, field: String, op: CompareOp, start: usize) -> Result<SearchExpr, QueryError> {
        check_field(&field, self.cursor.span_from(start))?;
        let value = self.value()?;
        let span = self.cursor.span_from(start);
        if let Some(defined) = self.defined(&field, &value, span)? {
            return match op {
                CompareOp::Eq => Ok(defined),
                CompareOp::Ne => Ok(SearchExpr::not(defined)),
                _ => Err(QueryError::rule(format!("`{field}` can only be compared with = and !="), span)),
            };
        }
        Ok(match op {
            CompareOp::Eq if value.glob.matches_everything() => SearchExpr::Exists { field, span },
            // A present value always matches `*`.
            CompareOp::Ne if value.glob.matches_everything() => SearchExpr::not(SearchExpr::All),
            _ => SearchExpr::Compare(Compare { field, op, value, span }),
        })
    }

    /// What `eventtype=` and `tag=` stand for, where the configuration defines such names.
    fn defined(&self, field: &str, value: &ValuePattern, span: Span) -> Result<Option<SearchExpr>, QueryError> {
        let knowledge = self.cursor.knowledge();
        let is_named = |name: &str| value.glob.matches_ignoring_case(name);
        if field == "eventtype" {
            let found = knowledge.event_types.iter().filter(|(name, _)| is_named(name));
            let definitions: Vec<SearchExpr> =
                found.map(|(name, text)| self.event_type(name, text, span)).collect::<Result<_, _>>()?;
            return Ok((!definitions.is_empty()).then(|| SearchExpr::or(definitions)));
        }
        let of_field = match field.strip_prefix("tag") {
            Some("") => None,
            Some(rest) if rest.starts_with("::") => Some(&rest[2..]),
            _ => return Ok(None),
        };
        let found = knowledge.tags.iter().filter(|tag| is_named(&tag.name));
        let found = found.filter(|tag| of_field.is_none_or(|field| tag.field == field));
        let labelled: Vec<SearchExpr> = found
            .map(|tag| {
                let value = ValuePattern { glob: Glob::new(&tag.value), case_sensitive: false };
                SearchExpr::Compare(Compare { field: tag.field.clone(), op: CompareOp::Eq, value, span })
            })
            .collect();
        Ok((!labelled.is_empty()).then(|| SearchExpr::or(labelled)))
    }

    /// The definition of an event type. What is wrong with it is said of the place where it is used.
    fn event_type(&self, name: &str, text: &str, span: Span) -> Result<SearchExpr, QueryError> {
        let wrong = |error: QueryError| {
            let text = format!("the definition of the event type `{name}` is wrong: {error}");
            QueryError { hint: error.hint, ..QueryError::rule(text, span) }
        };
        if self.cursor.depth() >= MAX_EVENT_TYPE_DEPTH {
            return Err(QueryError::rule(format!("the event type `{name}` contains itself"), span));
        }
        let knowledge = self.cursor.knowledge();
        let expanded = Expanded::new(text, knowledge).map_err(wrong)?;
        let cursor = Cursor::new(&expanded.text, Span::new(0, expanded.text.len()));
        let (expr, times) = parse_search(cursor.within(knowledge, self.cursor.depth() + 1)).map_err(wrong)?;
        if !times.is_empty() {
            return Err(QueryError::rule(format!("the event type `{name}` has a range of time"), span));
        }
        Ok(expr)
    }

    fn in_list(&mut self, field: String, start: usize) -> Result<SearchExpr, QueryError> {
        let mut values = Vec::new();
        loop {
            self.cursor.skip_separators();
            if self.cursor.eat(")") {
                break;
            }
            values.push(self.value()?);
        }
        let span = self.cursor.span_from(start);
        if values.is_empty() {
            return Err(QueryError::rule("IN needs at least one value", span));
        }
        Ok(SearchExpr::In(In { field, values, span }))
    }

    fn value(&mut self) -> Result<ValuePattern, QueryError> {
        self.cursor.skip_space();
        let rest = self.cursor.rest();
        if rest.starts_with("TERM(") || rest.starts_with("CASE(") {
            // A value is compared as a whole, so TERM() adds nothing to it.
            let (text, _, case_sensitive) = self.directive_parts()?;
            return Ok(ValuePattern { glob: Glob::new(&text), case_sensitive });
        }
        let text = self.value_text()?;
        Ok(ValuePattern { glob: Glob::new(&text.value), case_sensitive: false })
    }

    fn value_text(&mut self) -> Result<Spanned<String>, QueryError> {
        self.cursor.skip_space();
        if let Some(quoted) = self.cursor.eat_quoted()? {
            check_dashboard_token(&quoted.value, quoted.span)?;
            return Ok(quoted);
        }
        let start = self.cursor.pos();
        if let Some((_, span)) = self.cursor.eat_bracketed()? {
            return Err(QueryError::rule("a subsearch cannot be a value", span)
                .with_hint("write it alone, and end it with `return name=field`"));
        }
        let word = &self.cursor.rest()[..word_len(self.cursor.rest())];
        self.cursor.advance(word.len());
        let span = self.cursor.span_from(start);
        if word.is_empty() {
            return Err(self.cursor.expected("a value"));
        }
        if is_reserved(word) {
            return Err(QueryError::rule(format!("the word `{word}` as a value needs quotes"), span)
                .with_hint(format!("write {}", quote(word))));
        }
        check_dashboard_token(word, span)?;
        Ok(Spanned::new(without_escapes(word).into_owned(), span))
    }
}

fn combine(operands: Vec<Option<SearchExpr>>, join: impl FnOnce(Vec<SearchExpr>) -> SearchExpr) -> Option<SearchExpr> {
    let operands: Vec<SearchExpr> = operands.into_iter().flatten().collect();
    (!operands.is_empty()).then(|| join(operands))
}

fn check_field(field: &str, span: Span) -> Result<(), QueryError> {
    if field.contains('*') {
        return Err(QueryError::rule("the name of a field cannot hold a wildcard here", span));
    }
    if field.is_empty() {
        return Err(QueryError::rule("the name of a field is missing", span));
    }
    Ok(())
}

/// Refuses `$token$`, which a Splunk dashboard would have replaced.
fn check_dashboard_token(text: &str, span: Span) -> Result<(), QueryError> {
    let name = text.strip_prefix('$').and_then(|rest| rest.strip_suffix('$'));
    match name {
        Some(name) if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_.:|-".contains(c)) => {
            Err(QueryError::new(QueryErrorKind::DashboardToken(text.to_owned()), span)
                .with_hint("put the value in its place"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::Pipeline;
    use crate::knowledge::{Knowledge, Tag};
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Pipeline, QueryError> {
        crate::parse(text)
    }

    #[test]
    fn canonical_text() {
        for (text, expected) in [
            ("", "*"),
            ("*", "*"),
            ("ERROR PaymentService", "ERROR PaymentService"),
            ("a OR b c", "(a OR b) c"),
            ("a AND b OR c", "a (b OR c)"),
            ("(a b) OR c", "(a b) OR c"),
            ("a, b,c", "a b c"),
            ("NOT a OR b", "NOT a OR b"),
            ("NOT (a b)", "NOT (a b)"),
            ("NOT NOT a", "a"),
            ("a and b or not c", "a and b or not c"),
            ("status=404", "status=404"),
            ("status = 404", "status=404"),
            ("status==404", "status=404"),
            ("a!=b c<=5 d>1", "a!=b c<=5 d>1"),
            ("field=*", "field=*"),
            ("field!=*", "NOT *"),
            ("msg=\"*time out*\"", "msg=\"*time out*\""),
            ("path=\"C:\\Temp\"", "path=C:\\Temp"),
            (r"a\|b x=c\|d\|", "\"a|b\" x=\"c|d|\""),
            ("\"my field\"=x", "\"my field\"=x"),
            ("\"a b\"", "\"a b\""),
            ("status IN (404, \"5*\",500)", "status IN (404, 5*, 500)"),
            ("status in (404)", "status IN (404)"),
            ("TERM(10.0.0.1)", "TERM(10.0.0.1)"),
            ("CASE(Abc) CASE(\"a b\")", "CASE(Abc) CASE(\"a b\")"),
            ("host=TERM(a.b) host=CASE(A)", "host=a.b host=CASE(A)"),
            ("source::/var/log/x", "source=/var/log/x"),
            ("don't", "\"don't\""),
            ("a;b", "\"a;b\""),
            ("state=\"AND\"", "state=\"AND\""),
            ("x=\"\"", "x=\"\""),
            ("foo (in) (a OR b)", "foo (in) (a OR b)"),
            ("url=/a?x=1&y=2", "url=/a?x=1&y=2"),
            ("a** *", "a*"),
            ("earliest=-15m@m error", "error earliest=-15m@m"),
            ("(index=a earliest=-1h) latest=now()", "index=a earliest=-1h latest=now"),
            ("(earliest=0) OR x", "x earliest=0"),
            ("earliest=\"03/05/2024:08:00:00\"", "* earliest=2024-03-05T08:00:00"),
            ("_index_earliest=-1d", "* _index_earliest=-1d"),
            ("\"earliest\"=5", "\"earliest\"=5"),
            ("()", "*"),
            ("search", "*"),
            ("search search", "search"),
            ("| search a", "a"),
            ("searching", "searching"),
        ] {
            let pipeline = parse(text).unwrap_or_else(|error| panic!("{}", error.render(text, false)));
            assert_eq!(pipeline.to_string(), format!("search {expected}"), "{text}");
        }
    }

    #[test]
    fn names_of_the_configuration() {
        let mut knowledge = Knowledge::default();
        knowledge.event_types.insert("failed_login".into(), "sshd \"Failed password\"".into());
        knowledge.event_types.insert("failed_job".into(), "eventtype=late OR status=FAILURE".into());
        knowledge.event_types.insert("late".into(), "alarm=late".into());
        knowledge.event_types.insert("loop".into(), "eventtype=loop".into());
        let tag = |name: &str, field: &str, value: &str| Tag {
            name: name.to_owned(),
            field: field.to_owned(),
            value: value.to_owned(),
        };
        knowledge.tags = vec![tag("prod", "host", "pay-*"), tag("prod", "app", "shop"), tag("dmz", "host", "web-1")];
        for (text, expected) in [
            ("eventtype=failed_login", "sshd \"Failed password\""),
            ("eventtype=failed_* x", "(alarm=late OR status=FAILURE OR (sshd \"Failed password\")) x"),
            ("eventtype!=late", "NOT alarm=late"),
            ("eventtype=other", "eventtype=other"),
            ("tag=prod", "host=pay-* OR app=shop"),
            ("tag::host=prod", "host=pay-*"),
            ("tag=other", "tag=other"),
        ] {
            let pipeline = crate::parse_with(text, &knowledge).unwrap();
            assert_eq!(pipeline.search.unwrap().to_string(), expected, "{text}");
        }
        let error = crate::parse_with("x eventtype=loop", &knowledge).unwrap_err();
        assert!(error.to_string().ends_with("the event type `loop` contains itself"), "{error}");
    }

    #[test]
    fn refused() {
        for (text, marked, message) in [
            ("a AND", "", "expected a search term, found the end"),
            ("OR b", "OR", "`OR` has nothing on its left"),
            ("a OR OR b", "OR", "`OR` has nothing on its left"),
            ("NOT", "", "expected a search term, found the end"),
            ("field=", "", "expected a value, found the end"),
            ("=x", "=", "an operator needs a field on its left"),
            ("\"a", "\"", "unbalanced `\"`"),
            ("(a", "(", "unbalanced `(`"),
            ("a)", ")", "unbalanced `)`"),
            ("a]", "]", "unbalanced `]`"),
            ("[search x", "[", "unbalanced `[`"),
            ("x=[search x] y", "[search x]", "a subsearch cannot be a value"),
            ("`my_macro(1)` a", "`my_macro(1)`", "there is no macro `my_macro`"),
            ("host=$host$", "$host$", "`$host$` is a dashboard token without a value"),
            ("host=\"$host$\"", "\"$host$\"", "`$host$` is a dashboard token without a value"),
            ("state=AND", "AND", "the word `AND` as a value needs quotes"),
            ("earliest=yesterday", "yesterday", "`yesterday` is not a time"),
            ("earliest=-1x", "-1x", "`-1x` is not a time"),
            ("earliest=-1h (latest=0 OR earliest=-2h)", "earliest=-2h", "`earliest` is given twice"),
            ("NOT earliest=-1h", "NOT earliest=-1h", "NOT cannot be applied to a time modifier"),
            ("daysago=3", "daysago=", "the time modifier `daysago` is not supported"),
            ("TERM(\"a b\")", "TERM(\"a b\")", "TERM() takes one word without breakers"),
            ("\"\"", "\"\"", "an empty phrase matches nothing"),
            ("f*=1", "f*=", "the name of a field cannot hold a wildcard here"),
            ("x IN ()", "x IN ()", "IN needs at least one value"),
            ("a | | b", "|", "a command is missing here"),
            ("a |", "|", "a command is missing here"),
            ("a | stast count", "stast", "unknown command `stast`"),
            ("a | sendemail x", "sendemail", "unsupported command: `sendemail`"),
            ("| where a=1", "where", "`where` cannot begin a search: it needs rows"),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!((&text[error.span.range()], error.to_string().as_str()), (marked, message), "{text}");
        }
        let deep = "(".repeat(5000);
        assert_eq!(parse(&deep).unwrap_err().kind, QueryErrorKind::TooDeep);
    }

    fn any_pattern() -> impl Strategy<Value = SearchExpr> {
        let pattern = |glob: String, form, case_sensitive| {
            SearchExpr::Pattern(Pattern { glob: Glob::new(&glob), form, case_sensitive, span: Span::default() })
        };
        prop_oneof![
            ("[a-z]{1,3}\\*?|in|\\*[a-z0-9._-]{1,4}", any::<bool>()).prop_map(move |(glob, case)| pattern(
                glob,
                PatternForm::Bare,
                case
            )),
            ("[a-z=|\"\\\\ ]{0,4}[a-z]", any::<bool>()).prop_map(move |(glob, case)| pattern(
                glob,
                PatternForm::Quoted,
                case
            )),
            "[a-z=.]{1,5}".prop_map(move |glob| pattern(glob, PatternForm::Term, false)),
        ]
    }

    fn any_value() -> impl Strategy<Value = ValuePattern> {
        ("[a-z0-9=*|\"\\\\ (]{0,4}[a-z]|AND|in", any::<bool>())
            .prop_map(|(glob, case_sensitive)| ValuePattern { glob: Glob::new(&glob), case_sensitive })
    }

    fn any_leaf() -> impl Strategy<Value = SearchExpr> {
        let span = Span::default();
        let op = proptest::sample::select(vec![
            CompareOp::Eq,
            CompareOp::Ne,
            CompareOp::Lt,
            CompareOp::Le,
            CompareOp::Gt,
            CompareOp::Ge,
        ]);
        let field = "[a-z_.]{1,3}|a b|earliest|OR|in|x=y";
        prop_oneof![
            any_pattern(),
            (field, op, any_value()).prop_map(move |(field, op, value)| SearchExpr::Compare(Compare {
                field,
                op,
                value,
                span
            })),
            (field, proptest::collection::vec(any_value(), 1..3)).prop_map(move |(field, values)| SearchExpr::In(In {
                field,
                values,
                span
            })),
            field.prop_map(move |field| SearchExpr::Exists { field, span }),
            Just(SearchExpr::All),
        ]
    }

    fn any_expr() -> impl Strategy<Value = SearchExpr> {
        any_leaf().prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..4).prop_map(SearchExpr::and),
                proptest::collection::vec(inner.clone(), 1..4).prop_map(SearchExpr::or),
                inner.prop_map(SearchExpr::not),
            ]
        })
    }

    proptest! {
        #[test]
        fn printing_reads_back(expr in any_expr()) {
            let text = expr.to_string();
            let again = parse(&format!("search {text}"))
                .map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
            prop_assert_eq!(again.search, Some(expr), "{}", text);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[a-zA-Z()\\[\\]|`$\"\\\\=<>!*,: ]{0,24}") {
            if let Ok(pipeline) = parse(&text) {
                let printed = pipeline.to_string();
                let again = parse(&printed).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
                prop_assert_eq!(again.to_string(), printed);
            }
        }
    }
}
