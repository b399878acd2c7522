//! What the compiler of a call has to work with.

use super::super::compile::{Code, Compiler, NumberFn, Operand, Row, TruthFn, ValueCode, ValueFn, literal_text};
use super::super::{Expr, Node, ops};
use crate::error::{QueryError, QueryErrorKind};
use crate::regex_dialect::{self, Regex};
use crate::search::CompareOp;
use crate::span::{Span, Spanned};
use crate::value::{Value, parse_number};
use compact_str::CompactString;
use std::borrow::Cow;
use std::collections::BTreeSet;
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

    /// The argument at `index`, which must be a value, as a number.
    pub fn number(&mut self, index: usize) -> Result<NumberFn, QueryError> {
        self.compiler.number(&self.args[index])
    }

    /// The argument at `index` as a number, if it is given; must be a value.
    pub fn optional_number(&mut self, index: usize) -> Result<Option<NumberFn>, QueryError> {
        self.args.get(index).map(|arg| self.compiler.number(arg)).transpose()
    }

    /// All arguments as numbers; they must be values.
    pub fn numbers(&mut self) -> Result<Vec<NumberFn>, QueryError> {
        self.args.iter().map(|arg| self.compiler.number(arg)).collect()
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

    /// The argument at `index`, if it is given; must be a condition.
    pub fn optional_condition(&mut self, index: usize) -> Result<Option<TruthFn>, QueryError> {
        self.args.get(index).map(|arg| self.compiler.condition(arg)).transpose()
    }

    /// The argument at `index`, of either type.
    pub fn operand(&mut self, index: usize) -> Result<Operand, QueryError> {
        self.compiler.operand(&self.args[index])
    }

    /// The argument at `index`, which must be a value, as the right side of `=`.
    pub fn equality(&mut self, index: usize) -> Result<Equality, QueryError> {
        Ok(match self.compiler.compile(&self.args[index])? {
            Code::Value(ValueCode::Constant(value)) => Equality::Constant(ops::Test::new(CompareOp::Eq, &value)),
            _ => Equality::Data(self.value(index)?),
        })
    }

    /// The arguments in pairs of a condition and what belongs to it.
    pub fn cases(&mut self, function: &str) -> Result<Vec<(TruthFn, Operand)>, QueryError> {
        if self.len() % 2 == 1 {
            let message = format!("{function}() needs a value for each condition");
            return Err(
                QueryError::rule(message, self.span).with_hint("for a default write true() before the last value")
            );
        }
        (0..self.len() / 2).map(|case| Ok((self.condition(2 * case)?, self.operand(2 * case + 1)?))).collect()
    }

    /// The name of the only field that the argument at `index` reads.
    pub fn only_field(&self, index: usize) -> Result<String, QueryError> {
        let arg = &self.args[index];
        let mut fields = BTreeSet::new();
        arg.value.collect_fields(&mut fields);
        match (fields.pop_first(), fields.is_empty()) {
            (Some(field), true) => Ok(field.to_owned()),
            _ => Err(QueryError::rule("this must read exactly one field", arg.span)),
        }
    }

    /// The values of a field.
    pub fn field(&mut self, name: &str) -> ValueFn {
        self.compiler.field(name)
    }

    /// Compiles arguments in which `field` stands for one value: see [`Row::with_local`].
    pub fn with_local<T>(&mut self, field: &str, compile: impl FnOnce(&mut Self) -> T) -> T {
        self.compiler.push_local(field);
        let compiled = compile(self);
        self.compiler.pop_local();
        compiled
    }

    /// A call that gives the best of all its values, or null if one of them is; `is_better` compares a later one with the
    /// best so far.
    pub fn choose(&mut self, is_better: fn(&Value, &Value) -> bool) -> Result<Code, QueryError> {
        let values = self.values()?;
        Ok(Code::cell(move |row| {
            let mut best: Cow<'_, Value> = Cow::Owned(Value::Null);
            for value in &values {
                let value = value(row);
                let candidate = match &*value {
                    Value::Null => return value,
                    Value::Multi(values) => {
                        let best =
                            values.iter().reduce(|best, value| if is_better(value, best) { value } else { best });
                        Cow::Owned(best.cloned().unwrap_or_default())
                    }
                    _ => value,
                };
                if best.is_null() || is_better(&candidate, &best) {
                    best = candidate;
                }
            }
            best
        }))
    }

    /// All arguments, of which only the numbers count; text in double quotes must be one.
    pub fn numeric_values(&mut self) -> Result<NumericValues, QueryError> {
        for literal in (0..self.len()).filter_map(|index| self.literal(index)) {
            if parse_number(&literal.value).is_none() {
                return Err(bad_literal(&literal, "a number"));
            }
        }
        Ok(NumericValues(self.values()?))
    }

    /// The text of the argument at `index`, if it is a literal in double quotes.
    pub fn literal(&self, index: usize) -> Option<Spanned<String>> {
        self.args.get(index).and_then(literal_text)
    }

    /// The number of the argument at `index`, if it is a literal.
    pub fn literal_number(&self, index: usize) -> Option<Spanned<f64>> {
        let arg = self.args.get(index)?;
        match &arg.value {
            Expr::Number(numeral) => Some(Spanned::new(numeral.value, arg.span)),
            Expr::Negate(operand) => match operand.value {
                Expr::Number(numeral) => Some(Spanned::new(-numeral.value, arg.span)),
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
        let number = self.number(0)?;
        Ok(Code::number(move |row| number(row).map(&f)))
    }

    /// The regular expression at `index`: compiled now if it is a literal, else for each row.
    pub fn regex(&mut self, index: usize) -> Result<RegexArg, QueryError> {
        // Whoever matches needs the context, to warn of an expression that takes too long.
        self.compiler.varies();
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

/// The right side of `=` as an argument.
pub(in crate::expr) enum Equality {
    Constant(ops::Test),
    Data(ValueFn),
}

impl Equality {
    /// Whether the value is equal to it in a row.
    pub fn of(&self, value: &Value, row: &Row<'_>) -> Option<bool> {
        match self {
            Equality::Constant(test) => test.of(value),
            Equality::Data(right) => ops::compare(CompareOp::Eq, value, &right(row)),
        }
    }
}

/// Values of which only the numbers count, each of several values for itself.
pub(in crate::expr) struct NumericValues(Vec<ValueFn>);

impl NumericValues {
    /// Calls `f` for each number of a row.
    pub fn each(&self, row: &Row<'_>, mut f: impl FnMut(f64)) {
        for value in &self.0 {
            value(row).each().iter().filter_map(Value::as_number).for_each(&mut f);
        }
    }
}

/// Bytes in lower-case hexadecimal.
pub(super) fn to_hex(bytes: &[u8]) -> CompactString {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// The 53 bits of numbers that are exact.
pub(super) const ALL_BITS: u64 = (1 << 53) - 1;

/// The bits of a number, if it is whole, not negative and exact.
pub(super) fn to_bits(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..=ALL_BITS as f64).contains(&number)).then_some(number as u64)
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
    pub fn with<R>(&self, row: &Row<'_>, f: impl FnOnce(&Regex) -> R) -> Option<R> {
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
