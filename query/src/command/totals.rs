//! Sums of rows and columns: what `addtotals` and `addcoltotals` share.

use super::args::boolean;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::glob::Glob;
use crate::lexer::{quote, quote_name};
use crate::stats_fn::ExactSum;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Whether it was written as `addcoltotals`.
    pub is_addcoltotals: bool,
    /// Whether each row gets its sum.
    pub row: bool,
    /// Whether a last line has the sums of the columns.
    pub column: bool,
    /// The field of the sum of a row.
    pub field_name: String,
    /// The field that holds the label of the last line.
    pub label_field: Option<String>,
    /// The label.
    pub label: String,
    /// The fields that are added; none for all that are numeric.
    pub fields: Vec<Glob>,
}

const ROW_OPTIONS: [&str; 5] = ["row", "col", "labelfield", "label", "fieldname"];
const COLUMN_OPTIONS: [&str; 2] = ["labelfield", "label"];
const DEFAULT_LABEL: &str = "Total";

pub(super) fn parse(mut args: Args<'_>, is_addcoltotals: bool) -> Result<Box<dyn Command>, QueryError> {
    let mut totals = Totals {
        is_addcoltotals,
        row: !is_addcoltotals,
        column: is_addcoltotals,
        field_name: DEFAULT_LABEL.to_owned(),
        label_field: None,
        label: DEFAULT_LABEL.to_owned(),
        fields: Vec::new(),
    };
    let options: &[&str] = if is_addcoltotals { &COLUMN_OPTIONS } else { &ROW_OPTIONS };
    loop {
        while let Some((option, value)) = args.option(options)? {
            match option {
                "row" => totals.row = boolean(&value)?,
                "col" => totals.column = boolean(&value)?,
                "labelfield" => totals.label_field = Some(value.value),
                "label" => totals.label = value.value,
                _ => totals.field_name = value.value,
            }
        }
        if args.cursor.at_end() {
            return Ok(Box::new(totals));
        }
        totals.fields.extend(args.expect_globs()?);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_addcoltotals { "addcoltotals" } else { "addtotals" })?;
        if !self.is_addcoltotals {
            f.write_str(if self.row { "" } else { " row=f" })?;
            f.write_str(if self.column { " col=t" } else { "" })?;
        }
        self.label_field.iter().try_for_each(|field| write!(f, " labelfield={}", quote(field)))?;
        if self.label != DEFAULT_LABEL {
            write!(f, " label={}", quote(&self.label))?;
        }
        if self.field_name != DEFAULT_LABEL {
            write!(f, " fieldname={}", quote(&self.field_name))?;
        }
        self.fields
            .iter()
            .enumerate()
            .try_for_each(|(i, glob)| write!(f, "{}{}", if i == 0 { " " } else { ", " }, quote_name(&glob.to_string())))
    }
}

impl Totals {
    fn adds(&self, field: &str) -> bool {
        match self.fields.is_empty() {
            true => !field.starts_with('_'),
            false => self.fields.iter().any(|glob| glob.matches_field(field)),
        }
    }
}

impl Command for Totals {
    fn kind(&self) -> CommandKind {
        if self.column { CommandKind::Ordered } else { CommandKind::Streaming }
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        if self.fields.is_empty() {
            return Wanted::All;
        }
        let mut wanted = downstream.clone();
        wanted.remove(&self.field_name);
        self.fields.iter().for_each(|glob| wanted.add_glob(glob));
        wanted
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(TotalsOperator { totals: self.clone(), sums: Vec::new() })
    }
}

struct TotalsOperator {
    totals: Totals,
    /// The sums of the columns that had a number, in their order.
    sums: Vec<(String, Option<ExactSum>)>,
}

fn numbers(cell: &Value) -> impl Iterator<Item = f64> {
    cell.each().iter().filter_map(Value::as_number)
}

impl TotalsOperator {
    fn add_to_columns(&mut self, batch: &Batch) {
        for (name, column) in batch.iter() {
            let index = self.sums.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                self.sums.push((name.to_owned(), None));
                self.sums.len() - 1
            });
            let is_added = self.totals.adds(name) || (self.totals.row && name == self.totals.field_name);
            if is_added && self.totals.label_field.as_deref() != Some(name) {
                for number in column.iter().flat_map(numbers) {
                    self.sums[index].1.get_or_insert_default().add(number);
                }
            }
        }
    }
}

impl Operator for TotalsOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        if self.totals.row {
            let mut sums = vec![ExactSum::default(); batch.len()];
            for (_, column) in batch.iter().filter(|(name, _)| self.totals.adds(name)) {
                for (sum, cell) in sums.iter_mut().zip(column) {
                    numbers(cell).for_each(|number| {
                        sum.add(number);
                    });
                }
            }
            batch.set_column(&self.totals.field_name, sums.iter().map(|sum| Value::number(sum.total())).collect());
        }
        if self.totals.column {
            self.add_to_columns(&batch);
            // The line that follows has no place in the order of events.
            batch.clear_order();
        }
        out(batch);
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        if !self.totals.column {
            return Ok(());
        }
        let sums = std::mem::take(&mut self.sums).into_iter();
        let cell = |sum: Option<ExactSum>| sum.map_or(Value::Null, |sum| Value::number(sum.total()));
        let mut line = Batch::from_columns(1, sums.map(|(name, sum)| (name, vec![cell(sum)])));
        if let Some(field) = &self.totals.label_field {
            line.set_column(field, vec![Value::from(self.totals.label.as_str())]);
        }
        out(line);
        Ok(())
    }
}
