//! From an expression to closures that compute it for a row.

use super::function::CallArgs;
use super::{BinaryOp, Expr, Node, ops, parse};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, QueryErrorKind, RunError};
use crate::lexer::Cursor;
use crate::lookup::Naming;
use crate::search::{CompareOp, RowView};
use crate::span::Spanned;
use crate::subsearch::Subsearch;
use crate::value::Value;
use crate::wanted::Wanted;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// One row, as compiled code sees it.
#[derive(Clone, Copy)]
pub(crate) struct Row<'b> {
    batch: &'b Batch,
    /// For each field of the expression its column in the batch, if there is one.
    columns: &'b [Option<usize>],
    constants: &'b [Value],
    /// The innermost value that stands for a field.
    local: Option<&'b Local<'b>>,
    index: usize,
    /// Absent while constants are folded.
    ctx: Option<&'b Context>,
}

/// One value of a field, in the place of all its values: what `mvfilter` and `mvmap` bind.
struct Local<'b> {
    value: &'b Value,
    outer: Option<&'b Local<'b>>,
}

impl<'b> Row<'b> {
    fn field(&self, slot: usize) -> &'b Value {
        self.columns[slot].map_or(&Value::Null, |column| &self.batch.column_at(column)[self.index])
    }

    fn local(&self, n_outwards: usize) -> &'b Value {
        let locals = std::iter::successors(self.local, |local| local.outer);
        locals.map(|local| local.value).nth(n_outwards).unwrap_or(&Value::Null)
    }

    /// The surroundings of the search.
    ///
    /// # Panics
    /// In code that did not say [`Compiler::varies`]: that is a bug of the function.
    pub fn ctx(&self) -> &'b Context {
        self.ctx.expect("code that asks for the context is not folded")
    }

    /// The row as the `search` command sees it.
    pub fn view(&self) -> RowView<'b> {
        RowView::new(self.batch, self.index)
    }

    /// Calls `f` with a row in which `value` stands for the field that [`CallArgs::with_local`] named.
    pub fn with_local<R>(&self, value: &Value, f: impl FnOnce(&Row<'_>) -> R) -> R {
        let local = Local { value, outer: self.local };
        f(&Row { local: Some(&local), ..*self })
    }
}

/// Computes a value for a row.
pub(crate) type ValueFn = Box<dyn for<'b> Fn(&Row<'b>) -> Cow<'b, Value> + Send + Sync>;

/// Computes a finite number for a row; `None` is null.
pub(crate) type NumberFn = Box<dyn Fn(&Row<'_>) -> Option<f64> + Send + Sync>;

/// Decides a condition for a row; `None` is unknown.
pub(crate) type TruthFn = Box<dyn Fn(&Row<'_>) -> Option<bool> + Send + Sync>;

/// Compiled code of one of the two types.
pub(crate) enum Code {
    Value(ValueCode),
    Truth(TruthFn),
}

/// Code of a value.
pub(crate) enum ValueCode {
    Cell(ValueFn),
    /// The value is a number or null, and needs no cell until somebody wants one.
    Number(NumberFn),
    /// The same for all rows.
    Constant(Value),
}

impl Code {
    /// Code that makes a new value.
    pub fn value(compute: impl Fn(&Row<'_>) -> Value + Send + Sync + 'static) -> Self {
        Self::cell(move |row| Cow::Owned(compute(row)))
    }

    /// Code that makes a value or hands on one that there is.
    pub fn cell(compute: impl for<'b> Fn(&Row<'b>) -> Cow<'b, Value> + Send + Sync + 'static) -> Self {
        Code::Value(ValueCode::Cell(Box::new(compute)))
    }

    /// Code that makes a number. One that is not finite is null.
    pub fn number(compute: impl Fn(&Row<'_>) -> Option<f64> + Send + Sync + 'static) -> Self {
        Code::Value(ValueCode::Number(Box::new(move |row| compute(row).filter(|number| number.is_finite()))))
    }

    /// A value that is the same for all rows.
    pub fn constant(value: Value) -> Self {
        Code::Value(ValueCode::Constant(value))
    }

    /// Code that decides a condition.
    pub fn truth(decide: impl Fn(&Row<'_>) -> Option<bool> + Send + Sync + 'static) -> Self {
        Code::Truth(Box::new(decide))
    }
}

/// An operand or argument that may be of either type.
pub(crate) enum Operand {
    Value(ValueFn),
    Truth(TruthFn),
}

/// Gives each field of an expression a number, and each constant.
#[derive(Default)]
pub(crate) struct Compiler {
    fields: Vec<String>,
    reads_all_fields: bool,
    constants: Vec<Value>,
    /// The fields that stand for one value, innermost last.
    locals: Vec<String>,
    /// The lookup tables that are read.
    tables: Vec<String>,
    /// Whether what was compiled since the last look depends on the row or on the context.
    varies: bool,
}

impl Compiler {
    /// Says that the code at hand is not the same for all rows and searches.
    pub fn varies(&mut self) {
        self.varies = true;
    }

    /// Notes that the code at hand reads the lookup table `name`.
    pub fn read_table(&mut self, name: &str) {
        self.varies();
        self.tables.push(name.to_owned());
    }

    /// Notes that the code at hand reads `field`, and where it will be found.
    pub fn read_field(&mut self, field: &str) -> usize {
        self.varies();
        self.fields.iter().position(|known| known == field).unwrap_or_else(|| {
            self.fields.push(field.to_owned());
            self.fields.len() - 1
        })
    }

    /// Notes that the code at hand reads whatever fields there are.
    pub fn read_all_fields(&mut self) {
        self.varies();
        self.reads_all_fields = true;
    }

    /// From here on `field` stands for one value: see [`Row::with_local`].
    pub fn push_local(&mut self, field: &str) {
        self.locals.push(field.to_owned());
    }

    /// The innermost local value is left.
    pub fn pop_local(&mut self) {
        self.locals.pop();
    }

    /// Compiles what must be a value.
    pub fn value(&mut self, node: &Node) -> Result<ValueFn, QueryError> {
        match self.compile(node)? {
            Code::Value(code) => Ok(self.cell(code)),
            Code::Truth(_) => Err(not_a_value(node)),
        }
    }

    /// Compiles what must be a value of which only the number is wanted.
    pub fn number(&mut self, node: &Node) -> Result<NumberFn, QueryError> {
        Ok(match self.compile(node)? {
            Code::Value(ValueCode::Number(number)) => number,
            Code::Value(ValueCode::Cell(cell)) => Box::new(move |row| cell(row).as_number()),
            Code::Value(ValueCode::Constant(value)) => {
                let number = value.as_number();
                Box::new(move |_| number)
            }
            Code::Truth(_) => return Err(not_a_value(node)),
        })
    }

    /// Compiles what must be a condition.
    pub fn condition(&mut self, node: &Node) -> Result<TruthFn, QueryError> {
        match self.compile(node)? {
            Code::Truth(truth) => Ok(truth),
            Code::Value(_) => Err(not_a_condition(node)),
        }
    }

    /// Compiles either.
    pub fn operand(&mut self, node: &Node) -> Result<Operand, QueryError> {
        Ok(match self.compile(node)? {
            Code::Value(code) => Operand::Value(self.cell(code)),
            Code::Truth(truth) => Operand::Truth(truth),
        })
    }

    /// Compiles either, and computes at once what is the same for all rows.
    pub fn compile(&mut self, node: &Node) -> Result<Code, QueryError> {
        let outer_varies = std::mem::take(&mut self.varies);
        let code = self.compile_node(node)?;
        let varies = self.varies;
        self.varies |= outer_varies;
        Ok(match code {
            Code::Value(code) if !varies => {
                let cell = self.cell(code);
                Code::constant(self.fold(|row| cell(row).into_owned()))
            }
            code => code,
        })
    }

    fn cell(&mut self, code: ValueCode) -> ValueFn {
        match code {
            ValueCode::Cell(cell) => cell,
            ValueCode::Number(number) => {
                Box::new(move |row| Cow::Owned(number(row).map_or(Value::Null, Value::Number)))
            }
            ValueCode::Constant(value) => {
                self.constants.push(value);
                let slot = self.constants.len() - 1;
                Box::new(move |row| Cow::Borrowed(&row.constants[slot]))
            }
        }
    }

    /// Computes what needs no row.
    fn fold<R>(&self, compute: impl FnOnce(&Row<'_>) -> R) -> R {
        let (batch, constants) = (&Batch::default(), &self.constants);
        compute(&Row { batch, columns: &[], constants, local: None, index: 0, ctx: None })
    }

    fn compile_node(&mut self, node: &Node) -> Result<Code, QueryError> {
        Ok(match &node.value {
            Expr::Number(numeral) => Code::constant(Value::Number(numeral.value)),
            Expr::Text(text) => Code::constant(Value::from(text.as_str())),
            Expr::Field(name) => Code::Value(ValueCode::Cell(self.field(name))),
            Expr::Negate(operand) => {
                let operand = self.number(operand)?;
                Code::number(move |row| operand(row).map(|number| -number))
            }
            Expr::Binary(op, left, right) => self.binary(*op, left, right)?,
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

    /// Compiles the reading of a field.
    pub fn field(&mut self, name: &str) -> ValueFn {
        match self.locals.iter().rev().position(|local| local == name) {
            Some(n_outwards) => {
                self.varies();
                Box::new(move |row| Cow::Borrowed(row.local(n_outwards)))
            }
            None => {
                let slot = self.read_field(name);
                Box::new(move |row| Cow::Borrowed(row.field(slot)))
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &Node, right: &Node) -> Result<Code, QueryError> {
        let Some(compute) = ops::arithmetic(op) else {
            let (left, right) = (self.value(left)?, self.value(right)?);
            return Ok(match op {
                BinaryOp::Add => Code::value(move |row| ops::add(&left(row), &right(row))),
                _ => Code::value(move |row| ops::concatenate(&left(row), &right(row))),
            });
        };
        let (left, right) = (self.number(left)?, self.number(right)?);
        Ok(Code::number(move |row| Some(compute(left(row)?, right(row)?))))
    }

    fn comparison(&mut self, op: CompareOp, left: &Node, right: &Node) -> Result<Code, QueryError> {
        let (left, right) = match (self.compile(left)?, self.compile(right)?) {
            (Code::Value(left), Code::Value(right)) => (left, right),
            // `isnull(x)=true()`
            (Code::Truth(left), Code::Truth(right)) if matches!(op, CompareOp::Eq | CompareOp::Ne) => {
                return Ok(Code::truth(move |row| Some((left(row)? == right(row)?) == (op == CompareOp::Eq))));
            }
            (Code::Truth(_), _) => return Err(not_a_value(left)),
            (_, Code::Truth(_)) => return Err(not_a_value(right)),
        };
        Ok(match (left, right) {
            (left, ValueCode::Constant(constant)) => self.comparison_with(op, left, &constant),
            (ValueCode::Constant(constant), right) => self.comparison_with(op.mirrored(), right, &constant),
            (ValueCode::Number(left), ValueCode::Number(right)) => {
                Code::truth(move |row| Some(op.holds(ops::compare_numbers(left(row)?, right(row)?))))
            }
            (left, right) => {
                let (left, right) = (self.cell(left), self.cell(right));
                Code::truth(move |row| ops::compare(op, &left(row), &right(row)))
            }
        })
    }

    fn comparison_with(&mut self, op: CompareOp, code: ValueCode, constant: &Value) -> Code {
        match (code, constant.as_number()) {
            (ValueCode::Number(number), Some(constant)) => {
                Code::truth(move |row| Some(op.holds(ops::compare_numbers(number(row)?, constant))))
            }
            (code, _) => {
                let (test, cell) = (ops::Test::new(op, constant), self.cell(code));
                Code::truth(move |row| test.of(&cell(row)))
            }
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

fn not_a_value(node: &Node) -> QueryError {
    QueryError::new(QueryErrorKind::NotAValue, node.span)
        .with_hint("turn a condition into a value with if(…, \"true\", \"false\") or tostring(…)")
}

fn not_a_condition(node: &Node) -> QueryError {
    QueryError::new(QueryErrorKind::NotACondition, node.span)
        .with_hint("compare it with something, as in x=1 or isnotnull(x)")
}

fn refused(subsearch: &Subsearch) -> QueryError {
    QueryError::rule("a subsearch cannot stand here", subsearch.span).with_hint("it can in `eval` and `where`")
}

/// An expression that was checked, ready to be computed.
#[derive(Clone)]
pub struct Expression {
    node: Node,
    fields: Arc<[String]>,
    reads_all_fields: bool,
    constants: Arc<[Value]>,
    /// The lookup tables that it reads.
    tables: Arc<[String]>,
    code: Arc<Operand>,
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
            let code: ValueFn = Box::new(|_| unreachable!("subsearches are replaced before a search is planned"));
            let code = Arc::new(Operand::Value(code));
            let (fields, constants, tables) = Default::default();
            return Ok(Self { node, fields, reads_all_fields: true, constants, tables, code });
        }
        let mut compiler = Compiler::default();
        let code = Arc::new(compiler.operand(&node)?);
        let Compiler { fields, reads_all_fields, constants, tables, .. } = compiler;
        let (fields, constants, tables) = (fields.into(), constants.into(), tables.into());
        Ok(Self { node, fields, reads_all_fields, constants, tables, code })
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
            Operand::Value(_) => Ok(expression),
            Operand::Truth(_) => Err(QueryError::new(QueryErrorKind::NotAValue, expression.node.span)
                .with_hint("a condition cannot be stored; write if(…, \"true\", \"false\")")),
        }
    }

    /// Reads an expression that must be a condition.
    pub(crate) fn parse_condition(cursor: &mut Cursor<'_>) -> Result<Self, QueryError> {
        let expression = Self::parse_any(cursor)?;
        match *expression.code {
            Operand::Value(_) if !expression.subsearches().is_empty() => Ok(expression),
            Operand::Truth(_) => Ok(expression),
            Operand::Value(_) => Err(not_a_condition(&expression.node)),
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
        matches!(*self.code, Operand::Truth(_))
    }

    /// The fields it reads by name. It may read more, with `searchmatch`: to decide what to extract ask
    /// [`Expression::add_fields_read`].
    pub fn fields_read(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(String::as_str)
    }

    /// Reads the lookup tables that it needs, on behalf of `command`.
    ///
    /// # Errors
    /// If there is no such table or it cannot be read.
    pub(crate) fn prepare(&self, ctx: &Context, command: &'static str) -> Result<(), RunError> {
        self.tables.iter().try_for_each(|table| match ctx.tables().table(ctx, command, Naming::Lookup, table) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.of(command)),
        })
    }

    /// Adds the fields it reads.
    pub fn add_fields_read(&self, wanted: &mut Wanted) {
        if self.reads_all_fields {
            *wanted = Wanted::All;
        }
        self.fields.iter().for_each(|field| wanted.add(field));
    }

    /// Looks up the expression's fields in a batch, once for all its rows.
    pub fn bind<'b>(&'b self, batch: &'b Batch, ctx: &'b Context) -> Bound<'b> {
        let columns = self.fields.iter().map(|field| batch.fields().index_of(field)).collect();
        Bound { code: &self.code, constants: &self.constants, batch, ctx, columns }
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
    code: &'b Operand,
    constants: &'b [Value],
    batch: &'b Batch,
    ctx: &'b Context,
    columns: Vec<Option<usize>>,
}

impl Bound<'_> {
    fn row(&self, index: usize) -> Row<'_> {
        let Self { constants, batch, ctx, ref columns, .. } = *self;
        Row { batch, columns, constants, local: None, index, ctx: Some(ctx) }
    }

    /// The value for a row; a condition gives 1 where it is true and null elsewhere, which is what `count(eval(…))` counts.
    pub fn value(&self, index: usize) -> Cow<'_, Value> {
        let row = self.row(index);
        match self.code {
            Operand::Value(value) => value(&row),
            Operand::Truth(truth) if truth(&row) == Some(true) => Cow::Owned(Value::Number(1.0)),
            Operand::Truth(_) => Cow::Owned(Value::Null),
        }
    }

    /// Whether the condition is true for a row; false where it is unknown.
    pub fn is_true(&self, index: usize) -> bool {
        self.truth(index) == Some(true)
    }

    /// The truth of the condition for a row; `None` where it is unknown, and for a value.
    pub fn truth(&self, index: usize) -> Option<bool> {
        match self.code {
            Operand::Truth(truth) => truth(&self.row(index)),
            Operand::Value(_) => None,
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
