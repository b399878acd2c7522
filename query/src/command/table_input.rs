//! What `inputlookup` and `inputcsv` have in common: the rows of a table.

use super::args::{boolean, count};
use super::generate::{Generate, GenerateOperator};
use super::{Args, Command, CommandKind, Operator};
use crate::ast::TimeModifiers;
use crate::batch::Batch;
use crate::context::{Context, Warning};
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::lookup::Naming;
use crate::search::{Filter, RowView, SearchExpr, parse_search};
use crate::subsearch::{Place, Subsearch};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// Rows of one batch.
const BATCH_ROWS: usize = 4096;

/// The parsed form of `inputlookup` and `inputcsv`.
#[derive(Clone, Debug)]
pub struct TableInput {
    /// `inputcsv`: the name is that of a file, whatever is defined.
    pub is_file: bool,
    /// The table.
    pub table: String,
    /// Whether the rows come after those that are there already.
    pub append: bool,
    /// How many rows are left out at the beginning.
    pub start: usize,
    /// Most rows.
    pub max_rows: Option<usize>,
    /// Which rows.
    pub condition: Option<SearchExpr>,
    /// Time modifiers in the condition, which have no effect.
    pub late_times: TimeModifiers,
}

/// Reads the arguments of both commands.
pub(super) fn parse(mut args: Args<'_>, is_file: bool) -> Result<Box<dyn Command>, QueryError> {
    let mut command = TableInput {
        is_file,
        table: String::new(),
        append: false,
        start: 0,
        max_rows: None,
        condition: None,
        late_times: TimeModifiers::default(),
    };
    parse_options(&mut args, &mut command)?;
    command.table = args.expect_table()?.value;
    parse_options(&mut args, &mut command)?;
    if args.keyword("WHERE") {
        if args.cursor.at_end() {
            return Err(args.cursor.expected("a condition"));
        }
        let (condition, late_times) = parse_search(args.cursor)?;
        command.condition = Some(condition);
        command.late_times = late_times;
        return Ok(Box::new(command));
    }
    args.finish()?;
    Ok(Box::new(command))
}

fn parse_options(args: &mut Args<'_>, command: &mut TableInput) -> Result<(), QueryError> {
    let options: &[&str] = match command.is_file {
        false => &["append", "start", "max", "strict"],
        true => &["append", "start", "max", "strict", "dispatch", "events"],
    };
    while let Some((option, value)) = args.option(options)? {
        match option {
            "append" => command.append = boolean(&value)?,
            "start" => command.start = count(&value)?,
            "max" => command.max_rows = Some(count(&value)?),
            _ => {
                boolean(&value)?;
            }
        }
    }
    Ok(())
}

impl TableInput {
    fn name(&self) -> &'static str {
        if self.is_file { "inputcsv" } else { "inputlookup" }
    }

    fn naming(&self) -> Naming {
        if self.is_file { Naming::File } else { Naming::Lookup }
    }
}

impl fmt::Display for TableInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if self.append {
            f.write_str(" append=t")?;
        }
        if self.start > 0 {
            write!(f, " start={}", self.start)?;
        }
        if let Some(max_rows) = self.max_rows {
            write!(f, " max={max_rows}")?;
        }
        write!(f, " {}", quote_name(&self.table))?;
        match &self.condition {
            Some(condition) => write!(f, " WHERE {condition}{}", self.late_times),
            None => Ok(()),
        }
    }
}

impl Command for TableInput {
    fn kind(&self) -> CommandKind {
        if self.append { CommandKind::Ordered } else { CommandKind::Generating }
    }

    fn can_begin(&self) -> bool {
        true
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        if self.append { downstream.clone() } else { Wanted::none() }
    }

    fn inline_subsearches(&self) -> Vec<(&Subsearch, Place)> {
        let mut found = Vec::new();
        if let Some(condition) = &self.condition {
            condition.visit(&mut |leaf| {
                if let SearchExpr::Subsearch(subsearch) = leaf {
                    found.push((subsearch, Place::Search));
                }
            });
        }
        found
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        if !self.late_times.is_empty() {
            ctx.warn(Warning::LateTimeModifier);
        }
        Box::new(GenerateOperator(TableRows { command: self.clone(), ctx: Arc::clone(ctx) }))
    }
}

struct TableRows {
    command: TableInput,
    ctx: Arc<Context>,
}

impl Generate for TableRows {
    fn generate(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        // Only now: a command before this one may have written the table.
        let Self { command, ctx } = self;
        let table = ctx.tables().table(ctx, command.name(), command.naming(), &command.table);
        let table = table.map_err(|error| error.of(command.name()))?;
        let rows = table.rows();
        let filter = command.condition.as_ref().map(Filter::new);
        let is_kept = |row: &usize| filter.as_ref().is_none_or(|filter| filter.matches(&RowView::new(rows, *row)));
        let kept = (0..rows.len()).filter(is_kept).skip(command.start);
        let kept: Vec<usize> = kept.take(command.max_rows.unwrap_or(usize::MAX)).collect();
        if kept.is_empty() {
            // A table without rows still has its columns.
            out(copy_rows(rows, &[]));
        }
        for part in kept.chunks(BATCH_ROWS) {
            ctx.cancel.check()?;
            out(copy_rows(rows, part));
        }
        Ok(())
    }
}

fn copy_rows(rows: &Batch, kept: &[usize]) -> Batch {
    let copy = |cells: &[Value]| kept.iter().map(|row| cells[*row].clone()).collect();
    let columns = rows.iter().map(|(_, cells)| copy(cells)).collect();
    Batch::new(Arc::clone(rows.fields()), columns, kept.len(), None)
}
