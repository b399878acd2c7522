//! Converts values between notations: times, durations, sizes, numbers with commas or units.
//!
//! **Syntax**
//!
//! `convert [timeformat="<format>"] <function>(<field>) [AS <name>] …`
//!
//! **Arguments**
//!
//! - `timeformat`: how `ctime` writes and `mktime` reads times, as in `strftime`; `%m/%d/%Y %H:%M:%S` by default. May stand
//!   anywhere.
//! - field: a name or a pattern with wildcards, which then must agree in number with those of the new name.
//! - new name: where the result goes; without it the field is replaced.
//!
//! | function | converts |
//! | --- | --- |
//! | `auto(x)` | to a number what is one in any of the notations below |
//! | `num(x)` | as `auto`, and what is none is removed |
//! | `ctime(x)` | a time in seconds to text |
//! | `mktime(x)` | text to a time in seconds |
//! | `dur2sec(x)` | `D+HH:MM:SS` to seconds; days, hours and fractions may be missing |
//! | `mstime(x)` | `MM:SS.sss` to seconds |
//! | `memk(x)` | a size with `k`, `m` or `g` behind it, in any case, to kilobytes |
//! | `rmcomma(x)` | a number with commas to one without |
//! | `rmunit(x)` | text that begins with a number to that number |
//! | `none(x)` | nothing: fields that a pattern of this command would match stay as they are |
//!
//! **Semantics**
//!
//! Functions run from left to right. What cannot be converted stays as it is, but with `num`. Of several values each is
//! converted. Numbers keep their text.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! took=1+02:00:05 size=2m price=1,200.50
//! > convert dur2sec(took) memk(size) AS kb rmcomma(price)
//! took=93605 size=2m price=1200.50 kb=2048
//! ```
//!
//! ```example
//! _time=0
//! > convert timeformat="%Y-%m-%d" ctime(_time) AS day
//! _time=0 day=1970-01-01
//! ```

use super::args::write_option;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::glob::Glob;
use crate::lexer::quote_name;
use crate::time::{TimeFormat, from_seconds, to_value};
use crate::value::{Value, parse_number};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Convert {
    /// How times are written.
    pub time_format: String,
    /// The conversions, in order.
    pub conversions: Vec<Conversion>,
}

/// One function on one field, or on those that match a pattern.
#[derive(Clone, Debug)]
pub struct Conversion {
    function: Function,
    /// The field.
    pub field: Glob,
    /// Where the result goes, if not to the field itself.
    pub name: Option<Glob>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Auto,
    Num,
    Ctime,
    Mktime,
    Dur2sec,
    Mstime,
    Memk,
    Rmcomma,
    Rmunit,
    None,
}

impl Function {
    const ALL: [(&'static str, Self); 10] = [
        ("auto", Self::Auto),
        ("num", Self::Num),
        ("ctime", Self::Ctime),
        ("mktime", Self::Mktime),
        ("dur2sec", Self::Dur2sec),
        ("mstime", Self::Mstime),
        ("memk", Self::Memk),
        ("rmcomma", Self::Rmcomma),
        ("rmunit", Self::Rmunit),
        ("none", Self::None),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }

    /// What a single value becomes; `None` if it cannot be converted.
    fn convert(self, value: &Value, format: &TimeFormat, ctx: &Context) -> Option<Value> {
        let read = |parse: fn(&str) -> Option<f64>| value.with_text(parse).map(Value::number);
        match self {
            Function::Auto | Function::Num => match value.as_number() {
                Some(_) => Some(value.clone()),
                None => Self::NOTATIONS.iter().find_map(|function| function.convert(value, format, ctx)),
            },
            Function::Ctime => format.format(from_seconds(value.as_number()?)?, ctx.zone).map(Value::from),
            Function::Mktime => value.with_text(|text| format.parse(text, ctx.zone, ctx.now_us)).map(to_value),
            Function::Dur2sec => read(parse_duration),
            Function::Mstime => read(parse_minutes),
            Function::Memk => read(parse_kilobytes),
            Function::Rmcomma => value.with_text(|text| {
                let number = text.replace(',', "");
                parse_number(&number).map(|_| Value::from(number))
            }),
            Function::Rmunit => value.with_text(|text| leading_number(text).map(Value::from)),
            Function::None => Some(value.clone()),
        }
    }

    /// What `auto` tries, in this order.
    const NOTATIONS: [Self; 4] = [Self::Rmcomma, Self::Dur2sec, Self::Memk, Self::Rmunit];
}

/// Reads `[D+][HH:]MM:SS[.sss]`.
fn parse_duration(text: &str) -> Option<f64> {
    let (days, clock) = match text.split_once('+') {
        Some((days, clock)) => (parse_digits(days)?, clock),
        None => (0.0, text),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes, seconds] => (parse_digits(hours)?, parse_digits(minutes)?, seconds),
        [minutes, seconds] => (0.0, parse_digits(minutes)?, seconds),
        _ => return None,
    };
    let seconds = parse_number(seconds).filter(|_| seconds.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(((days * 24.0 + hours) * 60.0 + minutes) * 60.0 + seconds)
}

/// Reads `[MM:]SS[.sss]`.
fn parse_minutes(text: &str) -> Option<f64> {
    match text.split_once(':') {
        Some((_, seconds)) if seconds.contains(':') => None,
        Some(_) => parse_duration(text),
        None => parse_number(text),
    }
}

/// Reads a number and a unit; kilobytes without one.
fn parse_kilobytes(text: &str) -> Option<f64> {
    let (number, factor) = match text.char_indices().next_back()? {
        (at, 'k' | 'K') => (&text[..at], 1.0),
        (at, 'm' | 'M') => (&text[..at], 1024.0),
        (at, 'g' | 'G') => (&text[..at], 1024.0 * 1024.0),
        _ => (text, 1.0),
    };
    parse_number(number).map(|number| number * factor)
}

fn parse_digits(text: &str) -> Option<f64> {
    parse_number(text).filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The longest number that a text begins with.
fn leading_number(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(text.len());
    (1..=end).rev().map(|len| &text[..len]).find(|number| parse_number(number).is_some())
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut convert = Convert { time_format: DEFAULT_FORMAT.to_owned(), conversions: Vec::new() };
    loop {
        args.cursor.skip_separators();
        if args.cursor.at_end() {
            break;
        }
        match args.option(&["timeformat"])? {
            Some((_, value)) => convert.time_format = value.value,
            None => convert.conversions.push(parse_conversion(&mut args)?),
        }
    }
    if convert.conversions.is_empty() {
        return Err(args.cursor.expected("a function, as in ctime(x)"));
    }
    Ok(Box::new(convert))
}

const DEFAULT_FORMAT: &str = "%m/%d/%Y %H:%M:%S";

fn parse_conversion(args: &mut Args<'_>) -> Result<Conversion, QueryError> {
    let start = args.cursor.pos();
    let written = args.cursor.take_while(|c| c.is_alphanumeric() || c == '_');
    let span = args.cursor.span_from(start);
    if written.is_empty() {
        return Err(args.cursor.expected("a function, as in ctime(x)"));
    }
    let Some((_, function)) = Function::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(written)) else {
        let names = Function::ALL.map(|(name, _)| name);
        let error = QueryError::new(QueryErrorKind::UnknownFunction(written.to_owned()), span);
        return Err(match crate::error::nearest(written, names) {
            Some(_) => error.with_nearest(written, names),
            None => error.with_hint(format!("convert has {}", names.join(", "))),
        });
    };
    args.cursor.expect("(")?;
    let field = Glob::new(&args.expect_name()?.value);
    args.cursor.expect(")")?;
    let name = match args.keyword("AS") {
        true => {
            let name = args.expect_name()?;
            let glob = Glob::new(&name.value);
            if glob.n_wildcards() != field.n_wildcards() {
                return Err(QueryError::rule("the new name needs as many wildcards as the old", name.span));
            }
            Some(glob)
        }
        false => None,
    };
    Ok(Conversion { function: *function, field, name })
}

impl fmt::Display for Convert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("convert")?;
        if self.time_format != DEFAULT_FORMAT {
            write_option(f, "timeformat", &self.time_format)?;
        }
        self.conversions.iter().try_for_each(|Conversion { function, field, name }| {
            write!(f, " {}({})", function.name(), quote_name(&field.to_string()))?;
            name.as_ref().map_or(Ok(()), |name| write!(f, " AS {}", quote_name(&name.to_string())))
        })
    }
}

impl Command for Convert {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        for Conversion { field, name, .. } in self.conversions.iter().rev() {
            match name {
                Some(name) if !name.has_wildcard() => {
                    let name = name.to_string();
                    if wanted.contains(&name) {
                        wanted.remove(&name);
                        wanted.add_glob(field);
                    }
                }
                Some(_) => wanted.add_glob(field),
                None => {}
            }
        }
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let format = TimeFormat::new(&self.time_format);
        Box::new(ConvertOperator { ctx: Arc::clone(ctx), convert: self.clone(), format })
    }
}

struct ConvertOperator {
    ctx: Arc<Context>,
    convert: Convert,
    format: TimeFormat,
}

impl ConvertOperator {
    fn converted(&self, function: Function, cell: &Value) -> Value {
        let single = |value: &Value| match function.convert(value, &self.format, &self.ctx) {
            Some(converted) => converted,
            None if function == Function::Num => Value::Null,
            None => value.clone(),
        };
        match cell {
            Value::Null => Value::Null,
            Value::Multi(values) => Value::multi(values.iter().map(single)),
            value => single(value),
        }
    }

    /// The fields of a batch that a conversion is about, with the names of the results.
    fn targets(&self, batch: &Batch, conversion: &Conversion) -> Vec<(String, String)> {
        let Conversion { field, name, .. } = conversion;
        if !field.has_wildcard() {
            let from = field.to_string();
            return vec![(from.clone(), name.as_ref().map_or(from, Glob::to_string))];
        }
        let is_exempt = |candidate: &str| {
            let exempts = |other: &&Conversion| other.function == Function::None;
            self.convert.conversions.iter().filter(exempts).any(|other| other.field.matches_field(candidate))
        };
        let matching =
            batch.fields().iter().filter(|candidate| field.matches_field(candidate) && !is_exempt(candidate));
        let new_name = |old: &str| match name {
            Some(name) => field.capture(old).map(|captured| name.fill(&captured)),
            None => Some(old.to_owned()),
        };
        matching.filter_map(|old| Some((old.to_owned(), new_name(old)?))).collect()
    }
}

impl Operator for ConvertOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        for conversion in self.convert.conversions.iter().filter(|conversion| conversion.function != Function::None) {
            for (from, to) in self.targets(&batch, conversion) {
                let cells = match batch.column(&from) {
                    Some(column) => column.iter().map(|cell| self.converted(conversion.function, cell)).collect(),
                    None if from == to => continue,
                    None => vec![Value::Null; batch.len()],
                };
                batch.set_column(&to, cells);
            }
        }
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("convert auto(x)", "convert auto(x)"),
            ("CONVERT CTIME( _time ) as t, num(\"a b\")", "convert ctime(_time) AS t num(\"a b\")"),
            ("convert num(*_ms) AS *_n timeformat=\"%H:%M\"", "convert timeformat=\"%H:%M\" num(*_ms) AS *_n"),
            ("convert timeformat=%s none(x) auto(*)", "convert timeformat=\"%s\" none(x) auto(*)"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("convert", "", "expected a function, as in ctime(x), found the end");
        check_refused("convert ctme(x)", "ctme", "unknown function `ctme`");
        check_refused("convert ctime x", "x", "expected `(`, found `x`");
        check_refused("convert ctime(x", "", "expected `)`, found the end");
        check_refused("convert num(a*) AS b", "b", "the new name needs as many wildcards as the old");
        check_refused("convert format=x num(a)", "format", "`convert` has no option `format`");
    }

    #[test]
    fn notations() {
        for (text, expected) in [
            ("00:01:05", Some(65.0)),
            ("2+00:00:01", Some(172_801.0)),
            ("01:05.5", Some(65.5)),
            ("5", None),
            ("a:b", None),
            ("1:-5", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
        for (text, expected) in [("02:01.250", Some(121.25)), ("3.5", Some(3.5)), ("1:2:3", None)] {
            assert_eq!(parse_minutes(text), expected, "{text}");
        }
        for (text, expected) in
            [("5", Some(5.0)), ("2K", Some(2.0)), ("1.5g", Some(1_572_864.0)), ("m", None), ("", None)]
        {
            assert_eq!(parse_kilobytes(text), expected, "{text}");
        }
        for (text, expected) in
            [("12ms", Some("12")), ("-1.5e3x", Some("-1.5e3")), ("5e", Some("5")), ("ms", None), ("3..4", Some("3"))]
        {
            assert_eq!(leading_number(text), expected, "{text}");
        }
    }

    #[test]
    fn rows() {
        check_rows("x=1,000 y=up\nx=7 y=5s", "convert auto(x) auto(y)", "x=1000 y=up\nx=7 y=5");
        check_rows("x=1 y=up\nx=up y=2", "convert num(x) num(y) AS n", "x=1 y=up\ny=2 n=2");
        check_rows("a=1s b=2s _c=3s", "convert rmunit(*) none(b)", "a=1 b=2s _c=3s");
        check_rows("a_ms=1s b=2s", "convert rmunit(*_ms) AS *_n", "a_ms=1s b=2s a_n=1");
        check_rows("x=[1s,y]", "convert rmunit(x)", "x=[1,y]");
        check_rows("x=007", "convert num(x)", "x=007");
        check_rows("y=1", "convert num(x)", "y=1");
        check_rows("t=60 u=x", "convert ctime(t) ctime(u)", "t=\"01/01/1970 00:01:00\" u=x");
        check_rows("t=1970-01-02", "convert timeformat=\"%Y-%m-%d\" mktime(t)", "t=86400");
        check_rows("t=02:01.5", "convert mstime(t)", "t=121.5");
    }

    #[test]
    fn fields_read() {
        check_fields_read("convert num(x) AS y", &["y", "z"], "x z");
        check_fields_read("convert num(x) AS y", &["z"], "z");
        check_fields_read("convert num(x)", &["x"], "x");
        check_fields_read("convert num(*_ms) AS *_n", &["a_n"], "a_n *_ms");
    }
}
