//! Expressions of `eval`, `where` and the like.
//!
//! [`Expr`] is the syntax as data. [`Expression`] is an expression together with its compiled form, a tree of
//! closures over rows; compiling finds what is wrong with types, numbers of arguments and literals before anything
//! runs. There are two types: a *value* (text, number, several values, null) and a *condition* (true, false, unknown),
//! which cannot be stored. `AND` binds more tightly than `OR` here — the reverse of [`crate::search`].

mod compile;
pub mod function;
mod ops;
mod parse;

pub use compile::{Bound, Expression};
pub(crate) use ops::values_equal;

use crate::lexer::quote;
use crate::search::CompareOp;
use crate::span::Spanned;
use crate::subsearch::Subsearch;
use crate::value::format_number;
use function::Function;
use std::collections::BTreeSet;
use std::fmt;

/// An expression as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A number; not negative.
    Number(Numeral),
    /// `"text"`.
    Text(String),
    /// A field, bare or in single quotes.
    Field(String),
    /// `-x`.
    Negate(Box<Node>),
    /// An arithmetic operator or concatenation.
    Binary(BinaryOp, Box<Node>, Box<Node>),
    /// A comparison.
    Compare(CompareOp, Box<Node>, Box<Node>),
    /// `NOT x`.
    Not(Box<Node>),
    /// `a AND b …`, at least two, none of them an `And`.
    And(Vec<Node>),
    /// `a OR b …`, at least two, none of them an `Or`.
    Or(Vec<Node>),
    /// `a XOR b`.
    Xor(Box<Node>, Box<Node>),
    /// `[ … ]`: replaced by its result before the search runs.
    Subsearch(Subsearch),
    /// A function with its arguments. `x IN (…)` and `x LIKE y` are the functions `in` and `like`.
    Call(&'static Function, Vec<Node>),
}

/// A number as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numeral {
    /// The number.
    pub value: f64,
    /// Digits behind the point: `sigfig(1.50)` knows how exact a number claims to be.
    pub n_decimals: u8,
}

impl fmt::Display for Numeral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shortest = format_number(self.value);
        f.write_str(&shortest)?;
        let n_zeros = usize::from(self.n_decimals).saturating_sub(shortest.split_once('.').map_or(0, |(_, d)| d.len()));
        if n_zeros > 0 && !shortest.contains('e') {
            let point = if shortest.contains('.') { "" } else { "." };
            write!(f, "{point}{:0<n_zeros$}", "")?;
        }
        Ok(())
    }
}

/// An expression with the place where it stood in the query.
pub type Node = Spanned<Expr>;

/// An operator that makes a value of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Concatenate,
}

impl BinaryOp {
    fn symbol(self) -> char {
        match self {
            BinaryOp::Add => '+',
            BinaryOp::Subtract => '-',
            BinaryOp::Multiply => '*',
            BinaryOp::Divide => '/',
            BinaryOp::Remainder => '%',
            BinaryOp::Concatenate => '.',
        }
    }

    fn level(self) -> Level {
        match self {
            BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Concatenate => Level::Add,
            BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder => Level::Multiply,
        }
    }
}

/// How tightly an expression binds, loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Xor,
    Or,
    And,
    Not,
    Compare,
    Add,
    Multiply,
    Unary,
    Primary,
}

impl Level {
    /// The next tighter level: that of operands which may not be of this level without parentheses.
    fn tighter(self) -> Self {
        match self {
            Level::Xor => Level::Or,
            Level::Or => Level::And,
            Level::And => Level::Not,
            Level::Not => Level::Compare,
            Level::Compare => Level::Add,
            Level::Add => Level::Multiply,
            Level::Multiply => Level::Unary,
            Level::Unary | Level::Primary => Level::Primary,
        }
    }
}

impl Expr {
    /// Adds the fields that the expression reads.
    pub fn collect_fields<'e>(&'e self, fields: &mut BTreeSet<&'e str>) {
        match self {
            Expr::Number(_) | Expr::Text(_) | Expr::Subsearch(_) => {}
            Expr::Field(name) => {
                fields.insert(name);
            }
            Expr::Negate(operand) | Expr::Not(operand) => operand.value.collect_fields(fields),
            Expr::Binary(_, left, right) | Expr::Compare(_, left, right) | Expr::Xor(left, right) => {
                left.value.collect_fields(fields);
                right.value.collect_fields(fields);
            }
            Expr::And(operands) | Expr::Or(operands) | Expr::Call(_, operands) => {
                operands.iter().for_each(|operand| operand.value.collect_fields(fields));
            }
        }
    }

    /// Adds the subsearches of the expression, from left to right.
    pub(crate) fn collect_subsearches<'e>(&'e self, found: &mut Vec<&'e Subsearch>) {
        match self {
            Expr::Number(_) | Expr::Text(_) | Expr::Field(_) => {}
            Expr::Subsearch(subsearch) => found.push(subsearch),
            Expr::Negate(operand) | Expr::Not(operand) => operand.value.collect_subsearches(found),
            Expr::Binary(_, left, right) | Expr::Compare(_, left, right) | Expr::Xor(left, right) => {
                left.value.collect_subsearches(found);
                right.value.collect_subsearches(found);
            }
            Expr::And(operands) | Expr::Or(operands) | Expr::Call(_, operands) => {
                operands.iter().for_each(|operand| operand.value.collect_subsearches(found));
            }
        }
    }

    fn level(&self) -> Level {
        match self {
            Expr::Number(_) | Expr::Text(_) | Expr::Field(_) | Expr::Subsearch(_) | Expr::Call(..) => Level::Primary,
            Expr::Negate(_) => Level::Unary,
            Expr::Binary(op, ..) => op.level(),
            Expr::Compare(..) => Level::Compare,
            Expr::Not(_) => Level::Not,
            Expr::And(_) => Level::And,
            Expr::Or(_) => Level::Or,
            Expr::Xor(..) => Level::Xor,
        }
    }

    /// Prints the expression where one of at least `level` is needed.
    fn print_at(&self, level: Level, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.level() < level { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

/// The canonical text; reading it gives the same expression.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = self.level();
        let join = |f: &mut fmt::Formatter<'_>, operands: &[Node], word: &str| {
            operands.iter().enumerate().try_for_each(|(i, operand)| {
                f.write_str(if i > 0 { word } else { "" })?;
                operand.value.print_at(level.tighter(), f)
            })
        };
        match self {
            Expr::Number(numeral) => numeral.fmt(f),
            Expr::Text(text) => f.write_str(&quote(text)),
            Expr::Subsearch(subsearch) => subsearch.fmt(f),
            Expr::Field(name) => f.write_str(&quote_field(name)),
            Expr::Negate(operand) => {
                f.write_str("-")?;
                operand.value.print_at(Level::Unary, f)
            }
            Expr::Binary(op, left, right) => {
                left.value.print_at(level, f)?;
                write!(f, " {} ", op.symbol())?;
                right.value.print_at(level.tighter(), f)
            }
            Expr::Compare(op, left, right) => {
                left.value.print_at(level.tighter(), f)?;
                f.write_str(op.symbol())?;
                right.value.print_at(level.tighter(), f)
            }
            Expr::Not(operand) => {
                f.write_str("NOT ")?;
                operand.value.print_at(Level::Not, f)
            }
            Expr::And(operands) => join(f, operands, " AND "),
            Expr::Or(operands) => join(f, operands, " OR "),
            Expr::Xor(left, right) => {
                left.value.print_at(level, f)?;
                f.write_str(" XOR ")?;
                right.value.print_at(level.tighter(), f)
            }
            Expr::Call(function, args) => {
                write!(f, "{}(", function.name)?;
                for (i, arg) in args.iter().enumerate() {
                    write!(f, "{}{}", if i > 0 { ", " } else { "" }, arg.value)?;
                }
                f.write_str(")")
            }
        }
    }
}

/// Words that are operators, in any case.
const OPERATOR_WORDS: [&str; 6] = ["and", "or", "xor", "not", "in", "like"];

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A field in an expression: in single quotes where it needs them.
pub(crate) fn quote_field(name: &str) -> String {
    let is_plain = name.starts_with(is_name_start)
        && name.chars().all(is_name_char)
        && !OPERATOR_WORDS.contains(&name.to_ascii_lowercase().as_str());
    if is_plain { name.to_owned() } else { format!("'{}'", name.replace('\\', "\\\\").replace('\'', "\\'")) }
}
