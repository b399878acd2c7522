//! From an expression to closures that compute it for a row.

use super::function::CallArgs;
use super::{Expr, Node, ops, parse};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, QueryErrorKind};
use crate::lexer::Cursor;
use crate::search::CompareOp;
use crate::span::Spanned;
use crate::subsearch::Subsearch;
use crate::value::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// One row, as compiled code sees it.
#[derive(Clone, Copy)]
pub(crate) struct Row<'b> {
    batch: &'b Batch,
    /// For each field of the expression its column in the batch, if there is one.
    columns: &'b [Option<usize>],
    index: usize,
    pub ctx: &'b Context,
}

impl<'b> Row<'b> {
    fn field(&self, slot: usize) -> &'b Value {
        self.columns[slot].map_or(&Value::Null, |column| &self.batch.column_at(column)[self.index])
    }
}

/// Computes a value for a row.
pub(crate) type ValueFn = Box<dyn for<'b> Fn(&Row<'b>) -> Cow<'b, Value> + Send + Sync>;

/// Decides a condition for a row; `None` is unknown.
pub(crate) type TruthFn = Box<dyn Fn(&Row<'_>) -> Option<bool> + Send + Sync>;

/// Compiled code of one of the two types.
pub(crate) enum Code {
    Value(ValueFn),
    Truth(TruthFn),
}

impl Code {
    /// Code that makes a new value.
    pub fn value(compute: impl Fn(&Row<'_>) -> Value + Send + Sync + 'static) -> Self {
        Code::Value(Box::new(move |row| Cow::Owned(compute(row))))
    }

    /// Code that decides a condition.
    pub fn truth(decide: impl Fn(&Row<'_>) -> Option<bool> + Send + Sync + 'static) -> Self {
        Code::Truth(Box::new(decide))
    }
}

/// Gives each field of an expression a number.
#[derive(Default)]
pub(crate) struct Compiler {
    fields: Vec<String>,
}

impl Compiler {
    fn slot(&mut self, field: &str) -> usize {
        self.fields.iter().position(|known| known == field).unwrap_or_else(|| {
            self.fields.push(field.to_owned());
            self.fields.len() - 1
        })
    }

    /// Compiles what must be a value.
    pub fn value(&mut self, node: &Node) -> Result<ValueFn, QueryError> {
        match self.compile(node)? {
            Code::Value(value) => Ok(value),
            Code::Truth(_) => Err(QueryError::new(QueryErrorKind::NotAValue, node.span)
                .with_hint("turn a condition into a value with if(…, \"true\", \"false\") or tostring(…)")),
        }
    }

    /// Compiles what must be a condition.
    pub fn condition(&mut self, node: &Node) -> Result<TruthFn, QueryError> {
        match self.compile(node)? {
            Code::Truth(truth) => Ok(truth),
            Code::Value(_) => Err(QueryError::new(QueryErrorKind::NotACondition, node.span)
                .with_hint("compare it with something, as in x=1 or isnotnull(x)")),
        }
    }

    /// Compiles either.
    pub fn compile(&mut self, node: &Node) -> Result<Code, QueryError> {
        Ok(match &node.value {
            Expr::Number(number) => constant(Value::Number(*number)),
            Expr::Text(text) => constant(Value::from(text.as_str())),
            Expr::Field(name) => {
                let slot = self.slot(name);
                Code::Value(Box::new(move |row| Cow::Borrowed(row.field(slot))))
            }
            Expr::Negate(operand) => {
                let operand = self.value(operand)?;
                Code::value(move |row| operand(row).as_number().map_or(Value::Null, |number| Value::number(-number)))
            }
            Expr::Binary(op, left, right) => {
                let (op, left, right) = (*op, self.value(left)?, self.value(right)?);
                Code::value(move |row| ops::binary(op, &left(row), &right(row)))
            }
            Expr::Compare(op, left, right) => self.comparison(*op, left, right)?,
            Expr::Not(operand) => {
                let operand = self.condition(operand)?;
                Code::truth(move |row| operand(row).map(|truth| !truth))
            }
            Expr::And(operands) => self.connective(operands, false)?,
            Expr::Or(operands) => self.connective(operands, true)?,
            Expr::Xor(left, right) => {
                let (left, right) = (self.condition(left)?, self.condition(right)?);
                Code::truth(move |row| Some(left(row)? != right(row)?))
            }
            Expr::Subsearch(_) => unreachable!("subsearches are replaced before expressions are compiled"),
            Expr::Call(function, args) => (function.compile)(&mut CallArgs { compiler: self, args, span: node.span })?,
        })
    }

    fn comparison(&mut self, op: CompareOp, left: &Node, right: &Node) -> Result<Code, QueryError> {
        match (self.compile(left)?, self.compile(right)?) {
            (Code::Value(left), Code::Value(right)) => {
                Ok(Code::truth(move |row| ops::compare(op, &left(row), &right(row))))
            }
            // `isnull(x)=true()`
            (Code::Truth(left), Code::Truth(right)) if matches!(op, CompareOp::Eq | CompareOp::Ne) => {
                Ok(Code::truth(move |row| Some((left(row)? == right(row)?) == (op == CompareOp::Eq))))
            }
            (Code::Truth(_), _) => Err(QueryError::new(QueryErrorKind::NotAValue, left.span)),
            (_, Code::Truth(_)) => Err(QueryError::new(QueryErrorKind::NotAValue, right.span)),
        }
    }

    /// AND and OR of three-valued logic: `decisive` decides, whatever the others are.
    fn connective(&mut self, operands: &[Node], decisive: bool) -> Result<Code, QueryError> {
        let operands: Vec<TruthFn> =
            operands.iter().map(|operand| self.condition(operand)).collect::<Result<_, _>>()?;
        Ok(Code::truth(move |row| {
            let mut known = true;
            for operand in &operands {
                match operand(row) {
                    Some(truth) if truth == decisive => return Some(decisive),
                    Some(_) => {}
                    None => known = false,
                }
            }
            known.then_some(!decisive)
        }))
    }
}

fn constant(value: Value) -> Code {
    Code::Value(Box::new(move |_| Cow::Owned(value.clone())))
}

fn refused(subsearch: &Subsearch) -> QueryError {
    QueryError::rule("a subsearch cannot stand here", subsearch.span).with_hint("it can in `eval` and `where`")
}

/// An expression that was checked, ready to be computed.
#[derive(Clone)]
pub struct Expression {
    node: Node,
    fields: Arc<[String]>,
    code: Arc<Code>,
}

impl Expression {
    /// Reads the longest expression at the cursor and compiles it; of either type.
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, QueryError> {
        let expression = Self::parse_any(cursor)?;
        match expression.subsearches().first() {
            Some(subsearch) => Err(refused(subsearch)),
            None => Ok(expression),
        }
    }

    /// As [`parse`](Self::parse), perhaps with subsearches in it. Then there is no code yet: the search is parsed once more
    /// when their results are known.
    fn parse_any(cursor: &mut Cursor<'_>) -> Result<Self, QueryError> {
        let node = parse::parse_expr(cursor)?;
        let mut subsearches = Vec::new();
        node.value.collect_subsearches(&mut subsearches);
        if !subsearches.is_empty() {
            let code = Code::value(|_| unreachable!("subsearches are replaced before a search is planned"));
            return Ok(Self { node, fields: Arc::default(), code: Arc::new(code) });
        }
        let mut compiler = Compiler::default();
        let code = Arc::new(compiler.compile(&node)?);
        Ok(Self { node, fields: compiler.fields.into(), code })
    }

    /// The subsearches in the expression, from left to right.
    pub(crate) fn subsearches(&self) -> Vec<&Subsearch> {
        let mut found = Vec::new();
        self.node.value.collect_subsearches(&mut found);
        found
    }

    /// Reads an expression that must be a value.
    pub(crate) fn parse_value(cursor: &mut Cursor<'_>) -> Result<Self, QueryError> {
        let expression = Self::parse_any(cursor)?;
        match *expression.code {
            Code::Value(_) => Ok(expression),
            Code::Truth(_) => Err(QueryError::new(QueryErrorKind::NotAValue, expression.node.span)
                .with_hint("a condition cannot be stored; write if(…, \"true\", \"false\")")),
        }
    }

    /// Reads an expression that must be a condition.
    pub(crate) fn parse_condition(cursor: &mut Cursor<'_>) -> Result<Self, QueryError> {
        let expression = Self::parse_any(cursor)?;
        match *expression.code {
            Code::Value(_) if !expression.subsearches().is_empty() => Ok(expression),
            Code::Truth(_) => Ok(expression),
            Code::Value(_) => Err(QueryError::new(QueryErrorKind::NotACondition, expression.node.span)
                .with_hint("compare it with something, as in x=1 or isnotnull(x)")),
        }
    }

    /// As [`parse_condition`](Self::parse_condition), without subsearches.
    pub(crate) fn parse_plain_condition(cursor: &mut Cursor<'_>) -> Result<Self, QueryError> {
        let expression = Self::parse_condition(cursor)?;
        match expression.subsearches().first() {
            Some(subsearch) => Err(refused(subsearch)),
            None => Ok(expression),
        }
    }

    /// What must come after an expression, if not `expected`, is an error about the text at the cursor.
    pub(crate) fn unexpected_after(cursor: Cursor<'_>, expected: &str) -> QueryError {
        parse::unexpected(cursor, expected)
    }

    /// The expression as data.
    pub fn expr(&self) -> &Expr {
        &self.node.value
    }

    /// Whether it is a condition rather than a value.
    pub fn is_condition(&self) -> bool {
        matches!(*self.code, Code::Truth(_))
    }

    /// The fields it reads.
    pub fn fields_read(&self) -> BTreeSet<&str> {
        let mut fields = BTreeSet::new();
        self.node.value.collect_fields(&mut fields);
        fields
    }

    /// Looks up the expression's fields in a batch, once for all its rows.
    pub fn bind<'b>(&'b self, batch: &'b Batch, ctx: &'b Context) -> Bound<'b> {
        let columns = self.fields.iter().map(|field| batch.fields().index_of(field)).collect();
        Bound { code: &self.code, batch, ctx, columns }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.value.fmt(f)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// An expression over the rows of one batch.
pub struct Bound<'b> {
    code: &'b Code,
    batch: &'b Batch,
    ctx: &'b Context,
    columns: Vec<Option<usize>>,
}

impl Bound<'_> {
    fn row(&self, index: usize) -> Row<'_> {
        Row { batch: self.batch, columns: &self.columns, index, ctx: self.ctx }
    }

    /// The value for a row; a condition gives 1 where it is true and null elsewhere, which is what `count(eval(…))` counts.
    pub fn value(&self, index: usize) -> Cow<'_, Value> {
        let row = self.row(index);
        match self.code {
            Code::Value(value) => value(&row),
            Code::Truth(truth) if truth(&row) == Some(true) => Cow::Owned(Value::Number(1.0)),
            Code::Truth(_) => Cow::Owned(Value::Null),
        }
    }

    /// Whether the condition is true for a row; false where it is unknown.
    pub fn is_true(&self, index: usize) -> bool {
        self.truth(index) == Some(true)
    }

    /// The truth of the condition for a row; `None` where it is unknown, and for a value.
    pub fn truth(&self, index: usize) -> Option<bool> {
        match self.code {
            Code::Truth(truth) => truth(&self.row(index)),
            Code::Value(_) => None,
        }
    }
}

/// A literal argument: known before any row is.
pub(super) fn literal_text(node: &Node) -> Option<Spanned<String>> {
    match &node.value {
        Expr::Text(text) => Some(Spanned::new(text.clone(), node.span)),
        _ => None,
    }
}
