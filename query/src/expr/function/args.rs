//! What the compiler of a call has to work with.

use super::super::compile::{Code, Compiler, TruthFn, ValueFn, literal_text};
use super::super::{Expr, Node};
use crate::error::{QueryError, QueryErrorKind};
use crate::regex_dialect::{self, Regex};
use crate::span::{Span, Spanned};
use crate::value::Value;
use std::sync::Mutex;

/// The arguments of one call; their number is already checked.
pub(in crate::expr) struct CallArgs<'c, 'e> {
    pub compiler: &'c mut Compiler,
    pub args: &'e [Node],
    /// Where the call stands.
    pub span: Span,
}

impl CallArgs<'_, '_> {
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// The argument at `index`, which must be a value.
    pub fn value(&mut self, index: usize) -> Result<ValueFn, QueryError> {
        self.compiler.value(&self.args[index])
    }

    /// All arguments, which must be values.
    pub fn values(&mut self) -> Result<Vec<ValueFn>, QueryError> {
        self.args.iter().map(|arg| self.compiler.value(arg)).collect()
    }

    /// The argument at `index`, if it is given; must be a value.
    pub fn optional_value(&mut self, index: usize) -> Result<Option<ValueFn>, QueryError> {
        self.args.get(index).map(|arg| self.compiler.value(arg)).transpose()
    }

    /// The argument at `index`, which must be a condition.
    pub fn condition(&mut self, index: usize) -> Result<TruthFn, QueryError> {
        self.compiler.condition(&self.args[index])
    }

    /// The argument at `index`, of either type.
    pub fn any(&mut self, index: usize) -> Result<Code, QueryError> {
        self.compiler.compile(&self.args[index])
    }

    /// The text of the argument at `index`, if it is a literal in double quotes.
    pub fn literal(&self, index: usize) -> Option<Spanned<String>> {
        self.args.get(index).and_then(literal_text)
    }

    /// The number of the argument at `index`, if it is a literal.
    pub fn literal_number(&self, index: usize) -> Option<Spanned<f64>> {
        let arg = self.args.get(index)?;
        match &arg.value {
            Expr::Number(number) => Some(Spanned::new(*number, arg.span)),
            Expr::Negate(operand) => match operand.value {
                Expr::Number(number) => Some(Spanned::new(-number, arg.span)),
                _ => None,
            },
            _ => None,
        }
    }

    /// A call that turns the text of its first argument into something, each of several values for itself.
    pub fn map_text(&mut self, f: impl Fn(&str) -> Value + Send + Sync + 'static) -> Result<Code, QueryError> {
        let value = self.value(0)?;
        Ok(Code::value(move |row| match &*value(row) {
            Value::Multi(values) => Value::multi(values.iter().map(|value| value.with_text(&f))),
            Value::Null => Value::Null,
            single => single.with_text(&f),
        }))
    }

    /// A call that turns the number of its first argument into another; what is not numeric gives null.
    pub fn map_number(&mut self, f: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Result<Code, QueryError> {
        let value = self.value(0)?;
        Ok(Code::value(move |row| value(row).as_number().map_or(Value::Null, |number| Value::number(f(number)))))
    }

    /// The regular expression at `index`: compiled now if it is a literal, else for each row.
    pub fn regex(&mut self, index: usize) -> Result<RegexArg, QueryError> {
        match self.literal(index) {
            Some(pattern) => Ok(RegexArg::Literal(regex_dialect::compile(&pattern.value, pattern.span)?)),
            None => Ok(RegexArg::Data { pattern: self.value(index)?, last: Mutex::default() }),
        }
    }
}

/// The error that a literal argument is not what it must be.
pub(super) fn bad_literal(literal: &Spanned<String>, expected: &str) -> QueryError {
    let kind = QueryErrorKind::BadValue { value: literal.value.clone(), expected: expected.to_owned() };
    QueryError::new(kind, literal.span)
}

/// A regular expression as an argument.
pub(in crate::expr) enum RegexArg {
    Literal(Regex),
    /// From the row. The last one stays compiled, for rows tend to repeat it.
    Data {
        pattern: ValueFn,
        last: Mutex<Option<(String, Option<Regex>)>>,
    },
}

impl RegexArg {
    /// Calls `f` with the expression for a row; `None` if the row holds none.
    pub fn with<R>(&self, row: &super::super::compile::Row<'_>, f: impl FnOnce(&Regex) -> R) -> Option<R> {
        match self {
            RegexArg::Literal(regex) => Some(f(regex)),
            RegexArg::Data { pattern, last } => {
                let value = pattern(row);
                let pattern = value.as_text()?;
                let mut last = last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if last.as_ref().is_none_or(|(known, _)| *known != pattern) {
                    *last = Some((pattern.clone().into_owned(), regex_dialect::compile_data(&pattern)));
                }
                last.as_ref()?.1.as_ref().map(f)
            }
        }
    }
}
