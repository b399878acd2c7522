//! Computes fields.
//!
//! **Syntax**
//!
//! `eval name=expression [, name=expression …]`
//!
//! **Arguments**
//!
//! - name: letters, digits, `_`, `.` and `-`; any other name in quotes, single or double. What stands in `{field}` inside is
//!   replaced by that field's value for each row: `eval count_{host}=1`.
//! - expression: numbers, `"text"`, fields (`'in single quotes'` where the name holds more than letters, digits and `_`),
//!   the operators `+ - * / %`, `.` to join text, and functions.
//!
//! **Semantics**
//!
//! Assignments run from left to right; each sees the ones before it. A new field comes after the others, an existing one
//! keeps its place. Null removes the field from the row. Arithmetic with null or text gives null; `+` with text joins.
//! `a.b` joins two fields: a field of that name is `'a.b'`.
//!
//! A condition cannot be stored: write `if(condition, "true", "false")`.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! bytes=2048 host=a
//! host=b
//! > eval kb=round(bytes/1024, 1), label=host." ".coalesce(kb, "?")
//! bytes=2048 host=a kb=2 label="a 2"
//! host=b label="b ?"
//! ```
//!
//! ```example
//! host=a
//! host=b
//! > eval n_{host}=1
//! host=a n_a=1
//! host=b n_b=1
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::expr::Expression;
use crate::lexer::{Cursor, is_name_char, quote};
use crate::subsearch::{Place, Subsearch};
use crate::value::Value;
use crate::wanted::Wanted;
use hashbrown::HashMap;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Eval {
    /// The assignments, in order.
    pub assignments: Vec<(Target, Expression)>,
}

/// What an assignment writes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A field.
    Field(String),
    /// A field whose name depends on the row.
    Template(Vec<Part>),
}

/// A piece of a name that depends on the row.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text.
    Text(String),
    /// The value of a field.
    Field(String),
}

pub(super) fn parse(args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    Ok(Box::new(Eval::parse(args.cursor, Names::Written)?))
}

/// Who wrote the names on the left of assignments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// A person, who quotes what is no plain name.
    Written,
    /// `foreach`, which puts the names of fields there, whatever they hold.
    Filled,
}

/// Reads the name on the left of an assignment.
pub(super) fn parse_name(cursor: &mut Cursor<'_>, names: Names) -> Result<String, QueryError> {
    cursor.skip_space();
    let start = cursor.pos();
    let name = match cursor.eat_quoted()? {
        Some(quoted) => quoted.value,
        None if cursor.eat("'") => {
            let name = cursor.take_while(|c| c != '\'').to_owned();
            cursor.expect("'")?;
            name
        }
        None => {
            let name = cursor.take_while(|c| is_name_char(c) && c != '*').to_owned();
            if names == Names::Written && !name.is_empty() && !is_plain(&name) {
                return Err(QueryError::rule(format!("`{name}` is no plain name"), cursor.span_from(start))
                    .with_hint(format!("write '{name}'")));
            }
            name
        }
    };
    if name.is_empty() { Err(cursor.expected("the name of a field")) } else { Ok(name) }
}

/// Whether a name, maybe with `{field}` inside, needs no quotes on the left of an assignment.
pub(super) fn is_plain(name: &str) -> bool {
    let parts = Target::new(name.to_owned()).into_parts();
    let is_plain = |text: &str| text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    !name.starts_with(|c: char| c.is_ascii_digit())
        && parts.iter().all(|part| match part {
            Part::Text(text) => is_plain(text),
            Part::Field(field) => field.chars().all(|c| is_name_char(c) && c != '*'),
        })
}

impl Eval {
    /// Reads the assignments, which must be all that the cursor has.
    pub(super) fn parse(mut cursor: Cursor<'_>, names: Names) -> Result<Self, QueryError> {
        let mut assignments = Vec::new();
        loop {
            let target = Target::new(parse_name(&mut cursor, names)?);
            cursor.expect("=")?;
            // `==` is the same as `=`.
            cursor.eat("=");
            let expression = Expression::parse_value(&mut cursor)?;
            assignments.push((target, expression));
            cursor.skip_space();
            if !cursor.eat(",") {
                break;
            }
        }
        if !cursor.at_end() {
            return Err(Expression::unexpected_after(cursor, "an operator, `,` or the end"));
        }
        Ok(Self { assignments })
    }

    /// Runs the assignments on all rows.
    pub(super) fn apply(&self, batch: &mut Batch, ctx: &Context) {
        for (target, expression) in &self.assignments {
            let bound = expression.bind(batch, ctx);
            let cells = (0..batch.len()).map(|row| bound.value(row).into_owned());
            match target {
                Target::Field(name) => {
                    let cells = cells.collect();
                    batch.set_column(name, cells);
                }
                Target::Template(parts) => {
                    let cells = cells.enumerate().collect();
                    assign_by_row(batch, parts, cells);
                }
            }
        }
    }

    /// Runs the assignments on these rows.
    pub(super) fn apply_to(&self, batch: &mut Batch, rows: &[usize], ctx: &Context) {
        for (target, expression) in &self.assignments {
            let bound = expression.bind(batch, ctx);
            let cells: Vec<(usize, Value)> = rows.iter().map(|row| (*row, bound.value(*row).into_owned())).collect();
            match target {
                Target::Field(name) => {
                    let column = batch.column_or_new(name);
                    cells.into_iter().for_each(|(row, cell)| column[row] = cell);
                }
                Target::Template(parts) => assign_by_row(batch, parts, cells),
            }
        }
    }
}

impl Target {
    fn new(name: String) -> Self {
        let mut parts = Vec::new();
        let mut rest = name.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            match after.split_once('}') {
                Some((field, after)) if !field.is_empty() => {
                    if !before.is_empty() {
                        parts.push(Part::Text(before.to_owned()));
                    }
                    parts.push(Part::Field(field.to_owned()));
                    rest = after;
                }
                // `tags{}` is a name.
                _ => return Target::Field(name),
            }
        }
        if parts.is_empty() {
            return Target::Field(name);
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Target::Template(parts)
    }

    fn into_parts(self) -> Vec<Part> {
        match self {
            Target::Field(name) => vec![Part::Text(name)],
            Target::Template(parts) => parts,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Target::Field(name) => name.clone(),
            Target::Template(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.clone(),
                    Part::Field(field) => format!("{{{field}}}"),
                })
                .collect(),
        };
        f.write_str(&if is_plain(&name) { name } else { quote(&name) })
    }
}

impl fmt::Display for Eval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.assignments.iter().enumerate().try_for_each(|(i, (target, expression))| {
            write!(f, "{}{target}={expression}", if i == 0 { "eval " } else { ", " })
        })
    }
}

impl Command for Eval {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        for (target, expression) in self.assignments.iter().rev() {
            match target {
                Target::Field(name) if !wanted.contains(name) => continue,
                Target::Field(name) => wanted.remove(name),
                Target::Template(parts) => parts.iter().for_each(|part| {
                    if let Part::Field(field) = part {
                        wanted.add(field);
                    }
                }),
            }
            expression.add_fields_read(&mut wanted);
        }
        wanted
    }

    fn inline_subsearches(&self) -> Vec<(&Subsearch, Place)> {
        let found = self.assignments.iter().flat_map(|(_, expression)| expression.subsearches());
        found.map(|found| (found, Place::Expression)).collect()
    }

    fn prepare(&self, ctx: &Arc<Context>) -> Result<()> {
        self.assignments.iter().try_for_each(|(_, expression)| expression.prepare(ctx, "eval"))
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(EvalOperator { ctx: Arc::clone(ctx), evals: vec![self.clone()] })
    }
}

/// Runs one or more `eval`s, one behind the other.
pub(super) struct EvalOperator {
    pub ctx: Arc<Context>,
    pub evals: Vec<Eval>,
}

impl Operator for EvalOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        self.evals.iter().for_each(|eval| eval.apply(&mut batch, &self.ctx));
        out(batch);
        Ok(Flow::More)
    }
}

/// Writes each cell to the column that its row names. Rows that lack a part of the name are left as they are.
fn assign_by_row(batch: &mut Batch, parts: &[Part], cells: Vec<(usize, Value)>) {
    // The new columns in the order in which rows name them.
    let mut columns: Vec<(String, Vec<Value>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let sources: Vec<Option<&[Value]>> = parts
        .iter()
        .map(|part| match part {
            Part::Text(_) => None,
            Part::Field(field) => batch.column(field),
        })
        .collect();
    let mut name = String::new();
    for (row, cell) in cells {
        name.clear();
        let is_named = parts.iter().zip(&sources).all(|(part, source)| match (part, source) {
            (Part::Text(text), _) => {
                name.push_str(text);
                true
            }
            (Part::Field(_), Some(source)) if !source[row].is_null() => {
                source[row].with_text(|text| name.push_str(text));
                true
            }
            _ => false,
        });
        if !is_named {
            continue;
        }
        let place = places.get(&name).copied().unwrap_or_else(|| {
            let known = batch.column(&name).map(<[Value]>::to_vec);
            columns.push((name.clone(), known.unwrap_or_else(|| vec![Value::Null; batch.len()])));
            places.insert(name.clone(), columns.len() - 1);
            columns.len() - 1
        });
        columns[place].1[row] = cell;
    }
    for (name, column) in columns {
        batch.set_column(&name, column);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_columns, check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("eval a=1", "eval a=1"),
            ("EVAL a = b+1 , c=\"x\"", "eval a=b + 1, c=\"x\""),
            ("eval \"two words\"=1", "eval \"two words\"=1"),
            ("eval 'a.b'=1", "eval a.b=1"),
            ("eval n_{host}=1", "eval n_{host}=1"),
            ("eval 'tags{}'=1", "eval \"tags{}\"=1"),
            ("eval x==1", "eval x=1"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("eval a:b=1", "a:b", "`a:b` is no plain name");
        check_refused("eval 1a=1", "1a", "`1a` is no plain name");
        check_refused("eval", "", "expected the name of a field, found the end");
        check_refused("eval a", "", "expected `=`, found the end");
        check_refused("eval a=", "", "expected an expression, found the end");
        check_refused("eval x=(a=b)", "(a=b)", "expected a value, found a condition");
        check_refused("eval x=true()", "true()", "expected a value, found a condition");
        check_refused("eval a=1 b=2", "b=2", "expected an operator, `,` or the end, found `b=2`");
        check_refused("eval a=b{}", "{}", "expected an operator, `,` or the end, found `{}`");
        check_refused("eval a=1,", "", "expected the name of a field, found the end");
    }

    #[test]
    fn rows() {
        check_rows("a=1 b=2", "eval a=a+b, c=a*2", "a=3 b=2 c=6");
        check_rows("a=1 b=2", "eval a=null()", "b=2");
        check_rows("x.y=1 x=2 y=3", "eval r=x.y, s='x.y'", "x.y=1 x=2 y=3 r=23 s=1");
        check_rows("k=a v=1\nk=b v=2\nv=3", "eval {k}=v", "k=a v=1 a=1\nk=b v=2 b=2\nv=3");
        check_rows("x=5", "eval y=null", "x=5");
        check_rows("t=[A,b]", "eval t=lower(t)", "t=[a,b]");
        check_columns("a=1", "eval b=missing", "a b");
    }

    #[test]
    fn fields_read() {
        check_fields_read("eval a=b+c", &["a", "d"], "b c d");
        check_fields_read("eval a=b+c", &["d"], "d");
        check_fields_read("eval a=a+1", &["a"], "a");
        check_fields_read("eval x=y, a=x", &["a"], "y");
        check_fields_read("eval {k}=v", &["d"], "d k v");
        check_fields_read("eval a=b", &["*"], "*");
    }
}
