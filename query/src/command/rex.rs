//! Extracts fields with a regular expression, or rewrites a field as `sed` does.
//!
//! **Syntax**
//!
//! `rex [field=<field>] [max_match=<n>] [offset_field=<name>] "…(?<name>…)…"`
//!
//! `rex [field=<field>] mode=sed "s/<regex>/<with>/<flags>" | "y/<from>/<to>/"`
//!
//! Options may also stand behind the expression.
//!
//! **Arguments**
//!
//! - `field`: where to look, `_raw` by default.
//! - expression: a regular expression in the dialect of PCRE, not anchored. Each of its named groups, `(?<name>…)` or
//!   `(?P<name>…)`, becomes a field; at least one is needed.
//! - `max_match`: how many matches of each value to take, 1 by default, 0 for all. Several matches give several values.
//! - `offset_field`: a field for the places of the groups, as `name=first-last`, characters counted from 0.
//! - `mode=sed`: `s` replaces the first match by text in which `\1` … `\9` stand for groups and `\0` for the match. Flags: `g`
//!   for every match, a number for that match alone, `i` to ignore case. `y` replaces characters one by one. Any other
//!   character may stand for `/`. Several expressions are divided by spaces or `;`.
//!
//! **Semantics**
//!
//! A row without a match stays as it is. A group that took no part leaves its field as it was; one that matched nothing
//! gives empty text. Of several values each is searched. `rex` does not look at what a field is called: groups overwrite.
//!
//! Inside the quotes `\"` is a quote and `\\` a backslash; every other backslash stays, so `"\d+"` needs no doubling.
//!
//! An expression with look-around or back references that takes too many steps on some text counts as no match there, with
//! a warning.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! _raw="took 12 ms for alice"
//! _raw="nothing here"
//! > rex "took (?<ms>\d+) ms for (?<user>\w+)"
//! _raw="took 12 ms for alice" ms=12 user=alice
//! _raw="nothing here"
//! ```
//!
//! ```example
//! ids=a1,b22,c3
//! > rex field=ids max_match=0 "(?<number>\d+)" offset_field=at
//! ids=a1,b22,c3 number=[1,22,3] at=number=1-1,number=4-5,number=8-8
//! ```
//!
//! ```example
//! card=4111-1111-1111-1234
//! > rex field=card mode=sed "s/\d{4}-/XXXX-/g"
//! card=XXXX-XXXX-XXXX-1234
//! ```
//!
//! **Differences** In the replacement of `s`, `\n`, `\r` and `\t` are a line break, a carriage return and a tab. `\d`, `\w` and
//! `\b` know all of Unicode.

use super::args::{bad_value, count, write_option};
use super::sed::Script;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::quote;
use crate::regex_dialect::{self, Continue, Groups, Regex};
use crate::span::Spanned;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt::{self, Write};
use std::ops::Range;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Rex {
    /// The field that is read.
    pub field: String,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Extract(Extraction),
    Rewrite(Script),
}

#[derive(Clone, Debug)]
struct Extraction {
    regex: Regex,
    /// Matches taken of each value; `None` for all.
    max_match: Option<usize>,
    offset_field: Option<String>,
}

const OPTIONS: [&str; 4] = ["field", "mode", "max_match", "offset_field"];

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut field = "_raw".to_owned();
    let mut is_sed = false;
    let mut max_match = None;
    let mut offset_field = None;
    let mut expression: Option<Spanned<String>> = None;
    while !args.cursor.at_end() {
        if let Some((option, value)) = args.option(&OPTIONS)? {
            match option {
                "field" => field = value.value,
                "mode" if value.value.eq_ignore_ascii_case("sed") => is_sed = true,
                "mode" => return Err(bad_value(&value, "a mode of rex: the only one is sed")),
                "max_match" => max_match = Some(Spanned::new(count(&value)?, value.span)),
                _ => offset_field = Some(value),
            }
        } else if expression.is_none() {
            expression = args.text()?;
        } else {
            args.finish()?;
        }
    }
    let Some(expression) = expression else { return Err(args.cursor.expected("a regular expression in quotes")) };
    let action = if is_sed {
        let misplaced = max_match.map(|option| option.span).or(offset_field.map(|option| option.span));
        if let Some(span) = misplaced {
            return Err(QueryError::rule("mode=sed takes no option but field", span)
                .with_hint("how many matches are replaced is said by the flags, as in \"s/a/b/g\""));
        }
        Action::Rewrite(Script::parse(&expression)?)
    } else {
        let regex = regex_dialect::compile(&expression.value, expression.span)?;
        if regex.group_names().iter().all(Option::is_none) {
            return Err(QueryError::rule("the regular expression has no named group", expression.span)
                .with_hint("name what is to become a field, as in (?<user>\\w+)"));
        }
        let max_match = Some(max_match.map_or(1, |max_match| max_match.value)).filter(|n| *n > 0);
        Action::Extract(Extraction { regex, max_match, offset_field: offset_field.map(|option| option.value) })
    };
    Ok(Box::new(Rex { field, action }))
}

impl fmt::Display for Rex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rex")?;
        if self.field != "_raw" {
            write_option(f, "field", &self.field)?;
        }
        match &self.action {
            Action::Rewrite(script) => write!(f, " mode=sed {}", quote(script.text())),
            Action::Extract(Extraction { regex, max_match, offset_field }) => {
                if *max_match != Some(1) {
                    write!(f, " max_match={}", max_match.unwrap_or(0))?;
                }
                if let Some(offset_field) = offset_field {
                    write_option(f, "offset_field", offset_field)?;
                }
                write!(f, " {}", quote(regex.as_str()))
            }
        }
    }
}

impl Command for Rex {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        if let Action::Extract(extraction) = &self.action {
            let names = extraction.regex.group_names();
            let written = names.iter().flatten().copied().chain(extraction.offset_field.as_deref());
            // A field keeps its value where there is no match, so that it is still read.
            if written.into_iter().any(|name| downstream.contains(name)) {
                wanted.add(&self.field);
            }
        }
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let ctx = Arc::clone(ctx);
        match &self.action {
            Action::Extract(extraction) => Box::new(ExtractOperator::new(ctx, self.field.clone(), extraction)),
            Action::Rewrite(script) => {
                Box::new(RewriteOperator { ctx, field: self.field.clone(), script: script.clone() })
            }
        }
    }
}

struct ExtractOperator {
    ctx: Arc<Context>,
    field: String,
    regex: Regex,
    max_match: Option<usize>,
    offset_field: Option<String>,
    /// The named groups and their fields.
    named: Vec<(usize, String)>,
    groups: Groups,
}

impl ExtractOperator {
    fn new(ctx: Arc<Context>, field: String, extraction: &Extraction) -> Self {
        let Extraction { regex, max_match, offset_field } = extraction.clone();
        let names = regex.group_names();
        let named = names.iter().enumerate().filter_map(|(group, name)| Some((group, (*name)?.to_owned()))).collect();
        Self { ctx, field, regex, max_match, offset_field, named, groups: Groups::default() }
    }

    /// Adds what is found in `text` to the values of each named group and to the list of places.
    fn search(&mut self, text: &str, found: &mut [Vec<Value>], offsets: &mut String) {
        let Self { ctx, regex, max_match, offset_field, named, groups, .. } = self;
        let mut n_matches = 0;
        regex.for_each_match(text, groups, ctx, |groups| {
            for ((group, name), values) in named.iter().zip(&mut *found) {
                let Some(range) = groups.get(*group) else { continue };
                values.push(Value::from(&text[range.clone()]));
                if offset_field.is_some() && !range.is_empty() {
                    write_offset(offsets, name, text, range);
                }
            }
            n_matches += 1;
            if *max_match == Some(n_matches) { Continue::No } else { Continue::Yes }
        });
    }
}

/// Adds `name=first-last`, counted in characters.
fn write_offset(offsets: &mut String, name: &str, text: &str, range: Range<usize>) {
    let first = text[..range.start].chars().count();
    let last = first + text[range].chars().count() - 1;
    let separator = if offsets.is_empty() { "" } else { "," };
    let _ = write!(offsets, "{separator}{name}={first}-{last}");
}

impl Operator for ExtractOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let mut columns: Vec<Vec<Value>> = vec![vec![Value::Null; batch.len()]; self.named.len()];
        let mut places = vec![Value::Null; if self.offset_field.is_some() { batch.len() } else { 0 }];
        let mut found: Vec<Vec<Value>> = vec![Vec::new(); self.named.len()];
        for (row, cell) in batch.column(&self.field).unwrap_or_default().iter().enumerate() {
            let mut offsets = String::new();
            for value in cell.each() {
                value.with_text(|text| self.search(text, &mut found, &mut offsets));
            }
            for (column, values) in columns.iter_mut().zip(&mut found) {
                column[row] = match values.len() {
                    1 => values.pop().unwrap_or_default(),
                    _ => Value::multi(values.drain(..)),
                };
            }
            if !offsets.is_empty() {
                places[row] = Value::from(offsets);
            }
        }
        for ((_, name), cells) in self.named.iter().zip(columns) {
            write_found(&mut batch, name, cells);
        }
        if let Some(offset_field) = &self.offset_field {
            write_found(&mut batch, offset_field, places);
        }
        out(batch);
        Ok(Flow::More)
    }
}

/// Writes the cells that are not null into the column `name`.
pub(super) fn write_found(batch: &mut Batch, name: &str, cells: Vec<Value>) {
    match batch.column_mut(name) {
        None => batch.set_column(name, cells),
        Some(column) => column.iter_mut().zip(cells).filter(|(_, found)| !found.is_null()).for_each(|(cell, found)| {
            *cell = found;
        }),
    }
}

struct RewriteOperator {
    ctx: Arc<Context>,
    field: String,
    script: Script,
}

impl Operator for RewriteOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        for cell in batch.column_mut(&self.field).unwrap_or_default() {
            let rewritten = |value: &Value| value.with_text(|text| self.script.run(text, &self.ctx).map(Value::from));
            match cell {
                Value::Null => {}
                Value::Multi(values) => {
                    *cell = Value::multi(values.iter().map(|value| rewritten(value).unwrap_or_else(|| value.clone())));
                }
                single => {
                    if let Some(value) = rewritten(single) {
                        *single = value;
                    }
                }
            }
        }
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::context::Warning;
    use crate::testing::{
        check_columns, check_fields_read, check_prints, check_refused, check_rows, commands, context, execute, rows,
    };
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            (r#"rex "(?<a>\d+)""#, r#"rex "(?<a>\\d+)""#),
            (r#"REX field=x "(?P<a>.)" max_match=0"#, r#"rex field=x max_match=0 "(?P<a>.)""#),
            (r#"rex max_match=1 field="my field" "(?<a>\"x)""#, r#"rex field="my field" "(?<a>\"x)""#),
            (r#"rex "(?<a>.)" offset_field=at max_match = 3"#, r#"rex max_match=3 offset_field=at "(?<a>.)""#),
            (r#"rex mode=sed "s/a/b/g" field=x"#, r#"rex field=x mode=sed "s/a/b/g""#),
            ("rex mode=SED s/a/b/", r#"rex mode=sed "s/a/b/""#),
            (r#"rex field=x.y{} "{\"a\":(?<a>\d+)}""#, r#"rex field=x.y{} "{\"a\":(?<a>\\d+)}""#),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("rex", "", "expected a regular expression in quotes, found the end");
        check_refused("rex \"(?<a>x\"", "\"(?<a>x\"", "invalid regular expression: unclosed group");
        check_refused("rex \"(?<a>x)\" \"y\"", "\"", "expected the end of the command, found `\"`");
        check_refused("rex mode=awk \"x\"", "awk", "`awk` is not a mode of rex: the only one is sed");
        check_refused("rex max=3 \"(?<a>x)\"", "max", "`rex` has no option `max`");
        check_refused("rex max_match=x \"(?<a>x)\"", "x", "`x` is not a whole number");
        check_refused("rex mode=sed max_match=3 \"s/a/b/\"", "3", "mode=sed takes no option but field");
    }

    #[test]
    fn trap_12_a_named_group_is_needed_and_the_first_match_counts() {
        check_refused("rex \"(x)\"", "\"(x)\"", "the regular expression has no named group");
        check_rows("x=a1b2", "rex field=x \"(?<n>\\d)\"", "x=a1b2 n=1");
        check_rows("x=a1b2", "rex field=x \"(?<n>(?<=b)\\d)\"", "x=a1b2 n=2");
        check_rows("x=aab", r#"rex field=x "(?<n>(\w)\2)""#, "x=aab n=aa");
    }

    #[test]
    fn rows_of_extraction() {
        check_rows("x=a1b2", "rex field=x max_match=0 \"(?<l>[a-z])(?<n>\\d)\"", "x=a1b2 l=[a,b] n=[1,2]");
        check_rows("x=a1b2c3", "rex field=x max_match=2 \"(?<n>\\d)\"", "x=a1b2c3 n=[1,2]");
        check_rows("x=1 n=old\nx=a n=old\nn=old", "rex field=x \"(?<n>\\d)\"", "x=1 n=1\nx=a n=old\nn=old");
        check_rows("x=ab b=old\nx=a b=old", "rex field=x \"(?<a>a)(?<b>b)?\"", "x=ab b=b a=a\nx=a b=old a=a");
        check_rows("x=[a1,b,c3]", "rex field=x \"(?<n>\\d)\"", "x=[a1,b,c3] n=[1,3]");
        check_rows("x=a", "rex field=x \"a(?<n>.*)\"", "x=a n=\"\"");
        check_rows("x=12", "rex field=x \"(?<x>\\d)\"", "x=1");
        check_rows("x=a", "rex field=missing \"(?<n>.)\"", "x=a");
        check_rows("x=12", "eval y=x*2 | rex field=y \"(?<n>.)$\"", "x=12 y=24 n=4");
        check_columns("x=a", "rex field=x \"(?<b>1)(?<a>2)\"", "x b a");
    }

    #[test]
    fn offsets_count_characters() {
        check_rows("x=éa1", "rex field=x offset_field=o \"(?<l>a)(?<n>\\d)\"", "x=éa1 l=a n=1 o=l=1-1,n=2-2");
        check_rows("x=a o=old", "rex field=x offset_field=o \"(?<n>\\d)\"", "x=a o=old");
    }

    #[test]
    fn rows_of_sed() {
        check_rows("x=aXbX\ny=1", "rex field=x mode=sed \"s/X/-/\"", "x=a-bX\ny=1");
        check_rows("x=[aX,b,cX]", "rex field=x mode=sed \"s/X/-/\"", "x=[a-,b,c-]");
        check_rows("x=abcabc", "rex field=x mode=sed \"y/abc/xyz/\"", "x=xyzxyz");
        check_rows("_raw=\"pw=secret user=a\"", "rex mode=sed \"s/pw=\\S+/pw=***/\"", "_raw=\"pw=*** user=a\"");
        check_rows("x=5", "eval x=x*2 | rex field=x mode=sed \"s/0/1/\" | eval y=x+1", "x=11 y=12");
    }

    #[test]
    fn a_hostile_expression_is_stopped() {
        let ctx = Arc::new(context());
        let commands = commands("rex field=x \"(?<a>(a|aa)+$(?!b))\"");
        let result = execute(&ctx, &commands, &rows(&format!("x={}b", "a".repeat(120))), 1, 1).unwrap();
        assert!(result.value(0, "a").is_null());
        assert!(matches!(ctx.warnings()[..], [Warning::RegexGaveUp { .. }]));
    }

    #[test]
    fn fields_read() {
        check_fields_read("rex \"(?<a>x)\"", &["a", "b"], "_raw a b");
        check_fields_read("rex \"(?<a>x)\"", &["b"], "b");
        check_fields_read("rex field=x offset_field=o \"(?<a>x)\"", &["o"], "o x");
        check_fields_read("rex field=x mode=sed \"s/a/b/\"", &["b"], "b");
    }
}
