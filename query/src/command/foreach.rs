//! Runs `eval` for each of several fields, or for each value of one field.
//!
//! **Syntax**
//!
//! `foreach <list> [fieldstr=<text>] [matchstr=<text>] [matchseg1=<text>] … [ eval … ]`
//!
//! `foreach mode=multivalue|json_array|auto_collections <field> [itemstr=<text>] [ eval … ]`
//!
//! The last pair of brackets is written; it holds one or more `eval` commands, divided by `|`.
//!
//! **Arguments**
//!
//! - list: names, also with wildcards. They are taken in the order of the list, those of a wildcard in the order of the
//!   columns; a field that several names mean is taken once.
//! - in brackets: `eval` commands, in which `<<FIELD>>` stands for the name of the field, `<<MATCHSTR>>` for what the wildcards
//!   stand for (with what is between them), `<<MATCHSEG1>>`, `<<MATCHSEG2>>` … for what each one stands for. Names are put in as
//!   text: write `'<<FIELD>>'` where the value is meant, so that names with dots and spaces work.
//! - `mode=multivalue`: run it for each value of a field, in order; `<<ITEM>>` is the value. `mode=json_array`: for each element
//!   of the JSON array in a field. `mode=auto_collections`: either.
//! - `fieldstr`, `matchstr`, `matchseg1` …, `itemstr`: other texts to be replaced instead.
//!
//! **Semantics**
//!
//! Without wildcards it runs for every name, whether a row has the field or not. With wildcards it runs for the fields that
//! exist in some row. Each run sees what the one before computed.
//!
//! **Kind** streaming; with wildcards transforming, for all rows decide which fields there are.
//!
//! **Memory** none; with wildcards all rows.
//!
//! **Examples**
//!
//! ```example
//! a_ms=10 b_ms=32
//! > eval total=0 | foreach *_ms [eval total=total+'<<FIELD>>', <<MATCHSTR>>='<<FIELD>>'/1000]
//! a_ms=10 b_ms=32 total=42 a=0.01 b=0.032
//! ```
//!
//! ```example
//! x=[3,9,5]
//! > eval large=0 | foreach mode=multivalue x [eval large=if(<<ITEM>> > 4, large+1, large)]
//! x=[3,9,5] large=2
//! ```

use super::args::write_option;
use super::eval::{EvalOperator, Names};
use super::fields::write_globs;
use super::rows::change_all_rows;
use super::{Args, Command, CommandKind, Eval, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result, RunError};
use crate::glob::Glob;
use crate::lexer::{Cursor, quote, quote_name, split_bracketed_stages};
use crate::span::{Span, Spanned};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;
use trawl_formats::extract::json;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Foreach {
    over: Over,
    /// Options that name other placeholders, as written.
    placeholders: Vec<(&'static str, String)>,
    /// The text in the brackets.
    pub template: String,
}

/// What the template runs over.
#[derive(Clone, Debug)]
enum Over {
    /// Fields of these names; the evals are those of all names, one behind the other.
    Names { names: Vec<Glob>, evals: Vec<Eval> },
    /// Fields that match.
    Patterns(Vec<Glob>),
    /// The items of one field.
    Items { mode: Mode, field: String, evals: Vec<Eval> },
}

/// What the items of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Multivalue,
    JsonArray,
    AutoCollections,
}

impl Mode {
    const ALL: [(&'static str, Self); 3] = [
        ("multivalue", Self::Multivalue),
        ("json_array", Self::JsonArray),
        ("auto_collections", Self::AutoCollections),
    ];

    fn items(self, cell: &Value) -> Vec<Value> {
        let mut items = Vec::new();
        for value in cell.each() {
            let is_array = |text: &str| self != Mode::Multivalue && text.trim_start().starts_with('[');
            if value.with_text(is_array) {
                value.with_text(|text| {
                    let start = text.len() - text.trim_start().len();
                    json::select(text, start, &[json::Step::Each], &mut |item| items.push(Value::from(item)));
                });
            } else if self != Mode::JsonArray {
                items.push(value.clone());
            }
        }
        items
    }
}

const OPTIONS: [&str; 7] = ["mode", "fieldstr", "matchstr", "matchseg1", "matchseg2", "matchseg3", "itemstr"];

/// The column that holds the present item. No text of a query can name it by accident.
const ITEM: &str = "<<ITEM>>";

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut mode = None;
    let mut placeholders: Vec<(&'static str, String)> = Vec::new();
    let mut names: Vec<Spanned<String>> = Vec::new();
    let mut template: Option<Spanned<String>> = None;
    loop {
        args.cursor.skip_separators();
        if args.cursor.at_end() {
            break;
        }
        let mut ahead = args.cursor;
        if let Some((inside, all)) = ahead.eat_bracketed()? {
            if template.is_some() {
                return Err(QueryError::rule("foreach has one template", all));
            }
            let length = inside.end - inside.start;
            template = Some(Spanned::new(args.cursor.rest()[1..=length].trim().to_owned(), all));
            args.cursor = ahead;
        } else if let Some((option, value)) = args.option(&OPTIONS)? {
            match option {
                "mode" if value.value.eq_ignore_ascii_case("multifield") => {}
                "mode" => {
                    let known = Mode::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(&value.value));
                    let Some((_, known)) = known else {
                        let names = Mode::ALL.map(|(name, _)| name).join(", ");
                        return Err(QueryError::rule(format!("foreach has no mode `{}`", value.value), value.span)
                            .with_hint(format!("its modes are multifield, {names}")));
                    };
                    mode = Some(*known);
                }
                option => {
                    placeholders.retain(|(known, _)| *known != option);
                    placeholders.push((option, value.value));
                }
            }
        } else {
            names.push(args.expect_name()?);
        }
    }
    let Some(template) = template else { return Err(args.cursor.expected("`[`")) };
    let Some(first) = names.first() else {
        return Err(QueryError::rule("foreach needs the names of fields", template.span));
    };
    let mut foreach = Foreach { over: Over::Patterns(Vec::new()), placeholders, template: template.value };
    let located = |error: QueryError| QueryError { span: template.span, ..error };
    foreach.over = match mode {
        Some(_) if names.len() > 1 => {
            return Err(QueryError::rule("this mode takes one field", names[1].span));
        }
        Some(mode) => {
            Over::Items { mode, field: first.value.clone(), evals: parse_evals(&foreach.item_text()).map_err(located)? }
        }
        None => {
            let globs: Vec<Glob> = names.iter().map(|name| Glob::new(&name.value)).collect();
            let mut evals = Vec::new();
            for glob in &globs {
                // With wildcards this only finds out early what is wrong.
                let sample = glob.fill(&vec!["x"; glob.n_wildcards()]);
                evals.extend(foreach.evals(&sample, glob).map_err(located)?);
            }
            match globs.iter().any(Glob::has_wildcard) {
                true => Over::Patterns(globs),
                false => Over::Names { names: globs, evals },
            }
        }
    };
    Ok(Box::new(foreach))
}

/// Reads `eval … | eval …`.
fn parse_evals(text: &str) -> Result<Vec<Eval>, QueryError> {
    let parse_stage = |stage: Span| {
        let mut cursor = Cursor::new(text, stage);
        cursor.skip_space();
        if !cursor.eat_keyword("eval") {
            return Err(cursor.expected("`eval`").with_hint("foreach runs eval commands only"));
        }
        Eval::parse(cursor, Names::Filled)
    };
    split_bracketed_stages(text)?.into_iter().map(parse_stage).collect()
}

impl Foreach {
    /// The text that stands for something in the template.
    fn placeholder<'p>(&'p self, option: &str, default: &'p str) -> &'p str {
        self.placeholders.iter().find(|(known, _)| *known == option).map_or(default, |(_, text)| text)
    }

    /// The template for one field.
    fn evals(&self, field: &str, glob: &Glob) -> Result<Vec<Eval>, QueryError> {
        let segments = glob.capture(field).unwrap_or_default();
        let literals = glob.literals();
        let matched = match literals {
            [first, .., last] => &field[first.len()..field.len() - last.len()],
            _ => "",
        };
        let mut text = self.template.replace(self.placeholder("fieldstr", "<<FIELD>>"), field);
        text = text.replace(self.placeholder("matchstr", "<<MATCHSTR>>"), matched);
        for (index, segment) in segments.iter().enumerate() {
            let default = format!("<<MATCHSEG{}>>", index + 1);
            text = text.replace(self.placeholder(&format!("matchseg{}", index + 1), &default), segment);
        }
        parse_evals(&text)
    }

    /// The template with each mention of the item as a field, so that it is read once and not for each value.
    fn item_text(&self) -> String {
        let token = self.placeholder("itemstr", ITEM);
        let as_field = format!("'{ITEM}'");
        let mut text = String::with_capacity(self.template.len());
        let mut cursor = Cursor::new(&self.template, Span::new(0, self.template.len()));
        while let Some(c) = cursor.peek() {
            let rest = cursor.rest();
            if let Ok(Some(quoted)) = cursor.eat_quoted() {
                let parts: Vec<&str> = quoted.value.split(token).collect();
                if parts.len() == 1 {
                    text.push_str(&rest[..rest.len() - cursor.rest().len()]);
                    continue;
                }
                // "a <<ITEM>> b" is a text around the item.
                let mut pieces: Vec<String> = Vec::new();
                for (index, part) in parts.iter().enumerate() {
                    pieces.extend((index > 0).then(|| as_field.clone()));
                    pieces.extend((!part.is_empty()).then(|| quote(part)));
                }
                text.push_str(&format!("({})", pieces.join(" . ")));
            } else if let Some(at) = rest.strip_prefix(token) {
                text.push_str(&as_field);
                cursor.advance(rest.len() - at.len());
            } else if rest.strip_prefix('\'').is_some_and(|inside| inside.starts_with(token)) {
                text.push_str(&as_field);
                cursor.advance(1 + token.len());
                cursor.eat("'");
            } else {
                text.push(c);
                cursor.advance(c.len_utf8());
            }
        }
        text
    }

    /// Runs the template for the fields of these rows that match.
    fn run_for_patterns(&self, rows: &mut Batch, patterns: &[Glob], ctx: &Context) -> Result<()> {
        let mut matching: Vec<(String, &Glob)> = Vec::new();
        for glob in patterns {
            for name in rows.fields().iter().filter(|name| glob.matches_field(name)) {
                if !matching.iter().any(|(known, _)| known == name) {
                    matching.push((name.to_owned(), glob));
                }
            }
        }
        for (field, glob) in matching {
            ctx.cancel.check()?;
            let evals = self.evals(&field, glob);
            let evals = evals.map_err(|error| RunError::Template { field: field.clone(), error: Box::new(error) })?;
            evals.iter().for_each(|eval| eval.apply(rows, ctx));
        }
        Ok(())
    }
}

impl fmt::Display for Foreach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("foreach ")?;
        match &self.over {
            Over::Names { names, .. } | Over::Patterns(names) => write_globs(f, names)?,
            Over::Items { mode, field, .. } => {
                let name = Mode::ALL.iter().find(|(_, known)| known == mode).map_or("", |(name, _)| name);
                write!(f, "mode={name} {}", quote_name(field))?;
            }
        }
        self.placeholders.iter().try_for_each(|(option, text)| write_option(f, option, text))?;
        write!(f, " [{}]", self.template)
    }
}

impl Command for Foreach {
    fn kind(&self) -> CommandKind {
        match self.over {
            Over::Patterns(_) => CommandKind::Transforming { order_matters: true },
            Over::Names { .. } | Over::Items { .. } => CommandKind::Streaming,
        }
    }

    fn makes_table(&self) -> bool {
        false
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        match &self.over {
            Over::Patterns(_) => Wanted::All,
            Over::Names { evals, .. } => {
                evals.iter().rev().fold(downstream.clone(), |wanted, eval| eval.fields_read(&wanted))
            }
            Over::Items { field, evals, .. } => {
                // A row without items keeps what it has, so nothing is taken out.
                let mut wanted = downstream.clone();
                let expressions = evals.iter().flat_map(|eval| &eval.assignments).map(|(_, expression)| expression);
                expressions.for_each(|expression| expression.add_fields_read(&mut wanted));
                evals.iter().for_each(|eval| wanted.add_all(&eval.fields_read(&Wanted::none())));
                wanted.remove(ITEM);
                wanted.add(field);
                wanted
            }
        }
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let own_ctx = Arc::clone(ctx);
        match &self.over {
            Over::Names { evals, .. } => Box::new(EvalOperator { ctx: own_ctx, evals: evals.clone() }),
            Over::Items { mode, field, evals } => {
                Box::new(ItemsOperator { ctx: own_ctx, mode: *mode, field: field.clone(), evals: evals.clone() })
            }
            Over::Patterns(patterns) => {
                let (foreach, patterns) = (self.clone(), patterns.clone());
                change_all_rows(ctx, "foreach", move |rows| foreach.run_for_patterns(rows, &patterns, &own_ctx))
            }
        }
    }
}

struct ItemsOperator {
    ctx: Arc<Context>,
    mode: Mode,
    field: String,
    evals: Vec<Eval>,
}

impl Operator for ItemsOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let items: Vec<Vec<Value>> =
            batch.column(&self.field).unwrap_or_default().iter().map(|cell| self.mode.items(cell)).collect();
        let mut rows: Vec<usize> = (0..items.len()).collect();
        for index in 0.. {
            rows.retain(|row| index < items[*row].len());
            if rows.is_empty() {
                break;
            }
            self.ctx.cancel.check()?;
            let column = batch.column_or_new(ITEM);
            rows.iter().for_each(|row| column[*row].clone_from(&items[*row][index]));
            self.evals.iter().for_each(|eval| eval.apply_to(&mut batch, &rows, &self.ctx));
        }
        batch.remove_column(ITEM);
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{
        check_columns, check_fields_read, check_prints, check_refused, check_rows, commands, context, execute, rows,
    };
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("foreach a b [eval <<FIELD>>=1]", "foreach a, b [eval <<FIELD>>=1]"),
            ("FOREACH x* fieldstr=F [ eval 'F'=1 ]", "foreach x* fieldstr=F [eval 'F'=1]"),
            (
                "foreach mode=JSON_array itemstr=\"#I#\" x [| eval y=1]",
                "foreach mode=json_array x itemstr=#I# [| eval y=1]",
            ),
            ("foreach \"a b\" [eval x=\"]\" | eval y=2]", "foreach \"a b\" [eval x=\"]\" | eval y=2]"),
            ("foreach mode=multifield a [eval b=1]", "foreach a [eval b=1]"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("foreach a", "", "expected `[`, found the end");
        check_refused("foreach [eval a=1]", "[eval a=1]", "foreach needs the names of fields");
        check_refused("foreach a [stats count]", "[stats count]", "expected `eval`, found `stats`");
        check_refused("foreach a* [eval x=]", "[eval x=]", "expected an expression, found the end");
        check_refused("foreach a [eval x=1] [eval x=1]", "[eval x=1]", "foreach has one template");
        check_refused("foreach mode=x a [eval x=1]", "x", "foreach has no mode `x`");
        check_refused("foreach mode=multivalue a b [eval x=1]", "b", "this mode takes one field");
        check_refused("foreach field=a [eval x=1]", "field", "`foreach` has no option `field`");
    }

    #[test]
    fn fields_by_name() {
        check_rows("a=1 b=2", "foreach b a [eval '<<FIELD>>'='<<FIELD>>'*10, n=<<FIELD>>]", "a=10 b=20 n=10");
        check_rows("a=1\na=2", "foreach a c [eval <<FIELD>>=if(isnull(<<FIELD>>), 0, <<FIELD>>)]", "a=1 c=0\na=2 c=0");
        check_rows("a.b=1", "foreach a.b [eval '<<FIELD>>'='<<FIELD>>'+1 | eval c=1]", "a.b=2 c=1");
        check_rows("a=1", "foreach a fieldstr=F [eval F_x=F+1]", "a=1 a_x=2");
    }

    #[test]
    fn fields_by_pattern() {
        check_rows("a=1 b=2\nc=3", "foreach * [eval <<FIELD>>=coalesce(<<FIELD>>, 0)]", "a=1 b=2 c=0\na=0 b=0 c=3");
        check_rows("x_1=5 _x=1", "foreach x_* [eval n_<<MATCHSTR>>='<<FIELD>>']", "x_1=5 _x=1 n_1=5");
        check_rows(
            "in_a_ms=5",
            "foreach *_*_ms [eval <<MATCHSEG2>>_<<MATCHSEG1>>=1, m=\"<<MATCHSTR>>\"]",
            "in_a_ms=5 a_in=1 m=in_a",
        );
        check_rows("a=1 ab=2", "eval t=0 | foreach a* ab [eval t=t+'<<FIELD>>']", "a=1 ab=2 t=3");
        check_rows("x=1", "foreach nothing* [eval x=2]", "x=1");
    }

    #[test]
    fn a_template_that_does_not_fit_a_field_is_an_error() {
        let commands = commands("rename x AS \"x y\" | foreach x* [eval <<FIELD>>=1]");
        let error = execute(&Arc::new(context()), &commands, &rows("x=1"), 1, 1).unwrap_err();
        assert_eq!(error.to_string(), "the template of `foreach` cannot be read for the field `x y`");
    }

    #[test]
    fn items() {
        check_rows(
            "x=[a,b]\nx=c\ny=1",
            "eval l=\"\" | foreach mode=multivalue x [eval l=l.\"<\".<<ITEM>>.\">\"] | table l",
            "l=<a><b>\nl=<c>\nl=\"\"",
        );
        check_rows("x=[a,b]", "foreach mode=multivalue x [eval l=\"i <<ITEM>>\"]", "x=[a,b] l=\"i b\"");
        check_rows("x=[a,b]", "foreach mode=multivalue x [eval n=if(\"<<ITEM>>\"=\"b\", 1, n)]", "x=[a,b] n=1");
        check_rows("x=[1,2]", "foreach mode=multivalue x itemstr=I [eval n=coalesce(n, 0)+I]", "x=[1,2] n=3");
        check_rows("x=5", "eval x=\"[1, 2, 4]\", s=0 | foreach mode=json_array x [eval s=s+<<ITEM>>] | table s", "s=7");
        check_rows("x=5 n=old", "foreach mode=json_array x [eval n=1]", "x=5 n=old");
        check_columns("x=5", "foreach mode=multivalue x [eval n=1]", "x n");
    }

    #[test]
    fn fields_read() {
        check_fields_read("foreach a b [eval t=t+'<<FIELD>>']", &["t"], "a b t");
        check_fields_read("foreach a [eval b='<<FIELD>>']", &["c"], "c");
        check_fields_read("foreach a* [eval t=1]", &["t"], "*");
        check_fields_read("foreach mode=multivalue x [eval t=t+<<ITEM>>]", &["t"], "t x");
    }
}
