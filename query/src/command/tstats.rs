//! Computes statistics over events, from the index alone where that is possible.
//!
//! **Syntax**
//!
//! `| tstats [options] <function> [AS name] … [WHERE search] [BY fields [span=5m] [options]]`
//!
//! **Arguments**
//!
//! - functions: those of `stats`.
//! - `PREFIX(text)`, in the place of a field: what follows the text in words that begin with it, in lower case. `PREFIX(user=)`
//!   is `ann` in the event `user=Ann id=7`. Its column is called like the text.
//! - `WHERE`: a search expression, with `earliest=` and `latest=`.
//! - `BY`: fields, `_time` among them with its span.
//! - `fillnull_value`: what stands for a field that an event lacks; without it the event is left out.
//! - `prestats`, `local`, `append`, `summariesonly`, `allow_old_summaries`, `include_reduced_buckets`, `chunk_size` are
//!   accepted and have no effect.
//!
//! **Semantics**
//!
//! The same as `search … | bin _time span=… | stats …`, which trawl answers from its index, too, as far as it goes.
//!
//! **Kind** generating; stands first.
//!
//! **Memory** as `stats`.
//!
//! **Examples**
//!
//! ```example
//! > | tstats count WHERE index=main error
//! count=0
//! ```
//!
//! **Differences** any field may be used, not only those known at index time. Data models (`FROM datamodel=…`) are not supported.
//! `PREFIX()` reads the text of the events, not the index.

use super::aggregate::{self, Aggregation, Argument};
use super::generate::{GenerateOperator, Rewritten};
use super::grouping::write_by;
use super::{Args, Command, CommandKind, Operator};
use crate::ast::TimeModifiers;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::{Cursor, quote, quote_name};
use crate::search::{SearchExpr, parse_search};
use crate::span::Span;
use crate::time::TimeSpan;
use crate::wanted::Wanted;
use compact_str::CompactString;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;
use trawl_formats::token::is_major_breaker;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Tstats {
    /// The calls, in order.
    pub aggregations: Vec<Aggregation>,
    /// Which events.
    pub search: SearchExpr,
    /// Time modifiers of the search.
    pub times: TimeModifiers,
    /// The fields to group by.
    pub by: Vec<String>,
    /// The width of bins of `_time`.
    pub span: Option<String>,
    /// What stands for a missing field.
    pub fill: Option<String>,
}

/// What ends words, as a class of regular expressions.
const MAJOR_BREAKERS: &str = r#"\s\[\]<>(){}|!;,'"*&?+"#;

/// The first one may stand after BY only.
const OPTIONS: [&str; 9] = [
    "span",
    "fillnull_value",
    "prestats",
    "local",
    "append",
    "summariesonly",
    "allow_old_summaries",
    "include_reduced_buckets",
    "chunk_size",
];

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut fill = None;
    while let Some((name, value)) = args.option(&OPTIONS[1..])? {
        if name == "fillnull_value" {
            fill = Some(value.value);
        }
    }
    let aggregations = aggregate::parse(&mut args, &["FROM", "WHERE", "BY"])?;
    if args.at_keyword(&["FROM"]) {
        return Err(args.cursor.expected("WHERE or BY").with_hint("data models are not supported; write a search"));
    }
    let (search, times) = match args.keyword("WHERE") {
        true => parse_search(up_to_by(&mut args.cursor)?)?,
        false => (SearchExpr::All, TimeModifiers::default()),
    };
    let (mut by, mut span) = (Vec::new(), None);
    if args.keyword("BY") {
        loop {
            if let Some((name, value)) = args.option(&OPTIONS)? {
                match name {
                    "span" if TimeSpan::parse(&value.value).is_none() => {
                        return Err(super::args::bad_value(&value, "a span of time such as 5m or 1d"));
                    }
                    "span" => span = Some(value.value),
                    "fillnull_value" => fill = Some(value.value),
                    _ => {}
                }
                continue;
            }
            if let Some(name) = eat_prefix(&mut args.cursor)? {
                by.push(name);
                continue;
            }
            let Some(name) = args.name()? else { break };
            if prefix_of(&name.value).is_none() && name.value.contains(['*', '(']) {
                return Err(QueryError::rule("only names of fields can stand here", name.span));
            }
            by.push(name.value);
        }
        if by.is_empty() {
            return Err(args.cursor.expected("the name of a field"));
        }
    }
    args.finish()?;
    Ok(Box::new(Tstats { aggregations, search, times, by, span, fill }))
}

/// The text in `PREFIX(text)`.
fn prefix_of(field: &str) -> Option<&str> {
    field.strip_prefix("PREFIX(")?.strip_suffix(')')
}

/// Reads `PREFIX(text)` if it comes next: the name of the field that stands for it.
pub(super) fn eat_prefix(cursor: &mut Cursor<'_>) -> Result<Option<String>, QueryError> {
    cursor.skip_separators();
    let start = cursor.pos();
    let mut ahead = *cursor;
    if !ahead.eat_keyword("PREFIX") || !ahead.eat("(") {
        return Ok(None);
    }
    let prefix = ahead.take_while(|c| !u8::try_from(c).is_ok_and(is_major_breaker));
    ahead.expect(")")?;
    *cursor = ahead;
    if prefix.is_empty() {
        return Err(QueryError::rule("PREFIX() needs the beginning of a word", cursor.span_from(start)));
    }
    Ok(Some(format!("PREFIX({prefix})")))
}

/// The text before the word `BY`; moves there.
fn up_to_by<'q>(cursor: &mut Cursor<'q>) -> Result<Cursor<'q>, QueryError> {
    cursor.skip_space();
    let whole = *cursor;
    loop {
        let mut ahead = *cursor;
        ahead.skip_space();
        if ahead.eat_keyword("BY") || ahead.at_end() {
            return Ok(whole.of(Span::new(whole.pos(), cursor.pos())));
        }
        *cursor = ahead;
        while let Some(c) = cursor.peek().filter(|c| !c.is_whitespace()) {
            if cursor.eat_quoted()?.is_none() {
                cursor.advance(c.len_utf8());
            }
        }
    }
}

impl fmt::Display for Tstats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tstats")?;
        if let Some(fill) = &self.fill {
            write!(f, " fillnull_value={}", quote(fill))?;
        }
        self.aggregations.iter().try_for_each(|call| write!(f, " {call}"))?;
        if self.search != SearchExpr::All || !self.times.is_empty() {
            write!(f, " WHERE {}{}", self.search, self.times)?;
        }
        write_by(f, &self.by)?;
        self.span.iter().try_for_each(|span| write!(f, " span={span}"))
    }
}

impl Tstats {
    /// The search that says the same.
    fn rewritten(&self) -> String {
        let mut text = format!("search {}{}", self.search, self.times);
        // Writing to a string cannot fail.
        for (index, (field, prefix)) in self.prefixes().into_iter().enumerate() {
            let begins = regex::escape(prefix);
            let pattern = format!("(?i)(?:^|[{MAJOR_BREAKERS}]){begins}(?<__prefix{index}>[^{MAJOR_BREAKERS}]+)");
            let _ = write!(text, " | rex max_match=0 {}", quote(&pattern));
            let _ = write!(text, " | eval {}=mvdedup(lower(__prefix{index}))", quote(field));
        }
        if let Some(span) = &self.span {
            let _ = write!(text, " | bin _time span={span}");
        }
        if let (Some(fill), false) = (&self.fill, self.by.is_empty()) {
            let fields: Vec<_> = self.by.iter().map(|field| quote_name(field)).collect();
            let _ = write!(text, " | fillnull value={} {}", quote(fill), fields.join(" "));
        }
        let calls: Vec<String> = self.aggregations.iter().map(ToString::to_string).collect();
        let _ = write!(text, " | stats {}", calls.join(" "));
        if !self.by.is_empty() {
            let fields: Vec<_> = self.by.iter().map(|field| quote_name(field)).collect();
            let _ = write!(text, " BY {}", fields.join(", "));
        }
        for (field, prefix) in self.by.iter().filter_map(|field| Some((field, prefix_of(field)?))) {
            let _ = write!(text, " | rename {} AS {}", quote(field), quote(prefix));
        }
        text
    }

    /// The fields that stand for beginnings of words, and those, each once.
    fn prefixes(&self) -> BTreeMap<&str, &str> {
        let arguments = self.aggregations.iter().filter_map(|call| match &call.argument {
            Argument::Field(glob) if !glob.has_wildcard() => glob.literals().first().map(CompactString::as_str),
            _ => None,
        });
        let fields = self.by.iter().map(String::as_str).chain(arguments);
        fields.filter_map(|field| Some((field, prefix_of(field)?))).collect()
    }
}

impl Command for Tstats {
    fn kind(&self) -> CommandKind {
        CommandKind::Generating
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::none()
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(GenerateOperator(Rewritten { command: "tstats", text: self.rewritten(), ctx: Arc::clone(ctx) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_generates_prints, check_rows};

    fn rewritten(query: &str) -> String {
        let mut commands = crate::parse(query).unwrap().commands;
        let command: Box<dyn std::any::Any> = commands.remove(0);
        command.downcast::<Tstats>().unwrap().rewritten()
    }

    #[test]
    fn parses_and_prints() {
        check_generates_prints(&[
            ("tstats count", "tstats count"),
            (
                "tstats sum(prefix(ms=)) AS s BY PREFIX(user=), host",
                "tstats sum(\"PREFIX(ms=)\") AS s BY \"PREFIX(user=)\", host",
            ),
            ("tstats count BY host fillnull_value=none chunk_size=9", "tstats fillnull_value=\"none\" count BY host"),
            (
                "tstats summariesonly=t count dc(host) AS n where index=main \"by the way\" earliest=-1h by host _time span=1h",
                "tstats count dc(host) AS n WHERE index=main \"by the way\" earliest=-1h BY host, _time span=1h",
            ),
        ]);
    }

    #[test]
    fn refused() {
        for (query, marked, message) in [
            ("| tstats count FROM datamodel=x", "FROM", "expected WHERE or BY, found `FROM`"),
            ("| tstats count BY f(a)", "f(a)", "only names of fields can stand here"),
            ("| tstats count BY PREFIX()", "PREFIX()", "PREFIX() needs the beginning of a word"),
            ("| tstats sum(PREFIX(a b))", "b", "expected `)`, found `b`"),
            ("| tstats count BY _time span=x", "x", "`x` is not a span of time such as 5m or 1d"),
            ("| tstats count WHERE a=1 BY", "", "expected the name of a field, found the end"),
        ] {
            let error = crate::parse(query).expect_err(query);
            assert_eq!((&query[error.span.range()], error.to_string().as_str()), (marked, message), "{query}");
        }
    }

    #[test]
    fn words_that_begin_so() {
        let text = rewritten("| tstats count sum(PREFIX(ms=)) AS ms WHERE a BY PREFIX(user=)");
        let commands = text.split_once(" | ").unwrap().1;
        let rows = "_raw=\"a user=Ann ms=5,ms=7\"\n_raw=\"x.user=ben ms=9\"\n_raw=\"user=ann user=ben ms=1\"";
        check_rows(rows, commands, "user==ann count=2 ms=13\nuser==ben count=1 ms=1");
    }

    #[test]
    fn it_is_a_search_with_stats() {
        for (query, expected) in [
            ("| tstats count", "search * | stats count"),
            (
                "| tstats fillnull_value=none count AS n WHERE (a OR b) BY host _time span=5m",
                "search a OR b | bin _time span=5m | fillnull value=\"none\" host _time | stats count AS n BY host, _time",
            ),
        ] {
            assert_eq!(rewritten(query), expected);
        }
    }
}
