//! What `outputlookup` and `outputcsv` have in common: rows written to a table.

use super::args::{boolean, count};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::lookup::{LookupError, Naming};
use crate::value::Value;
use crate::wanted::Wanted;
use compact_str::CompactString;
use hashbrown::HashMap;
use std::fmt;
use std::sync::Arc;

/// The parsed form of `outputlookup` and `outputcsv`.
#[derive(Clone, Debug, PartialEq)]
pub struct TableOutput {
    /// `outputcsv`: the name is that of a file, whatever is defined.
    pub is_file: bool,
    /// The table.
    pub table: String,
    /// Whether rows are added to those of the table.
    pub append: bool,
    /// Whether a table without rows is written where there is nothing to write.
    pub create_empty: bool,
    /// Whether a table that exists is given up where there is nothing to write.
    pub override_if_empty: bool,
    /// Most rows that are written.
    pub max_rows: Option<usize>,
    /// The column by which rows replace those of the table.
    pub key: Option<String>,
}

/// Reads the arguments of both commands.
pub(super) fn parse(mut args: Args<'_>, is_file: bool) -> Result<Box<dyn Command>, QueryError> {
    let mut command = TableOutput {
        is_file,
        table: String::new(),
        append: false,
        create_empty: true,
        override_if_empty: true,
        max_rows: None,
        key: None,
    };
    parse_options(&mut args, &mut command)?;
    command.table = args.expect_table()?.value;
    parse_options(&mut args, &mut command)?;
    args.finish()?;
    Ok(Box::new(command))
}

fn parse_options(args: &mut Args<'_>, command: &mut TableOutput) -> Result<(), QueryError> {
    let options: &[&str] = match command.is_file {
        false => &["append", "create_empty", "override_if_empty", "max", "key_field", "createinapp", "create_context"],
        true => &["append", "create_empty", "override_if_empty", "max", "dispatch", "singlefile"],
    };
    while let Some((option, value)) = args.option(options)? {
        match option {
            "append" => command.append = boolean(&value)?,
            "create_empty" => command.create_empty = boolean(&value)?,
            "override_if_empty" => command.override_if_empty = boolean(&value)?,
            "max" => command.max_rows = Some(count(&value)?),
            "key_field" => command.key = Some(value.value),
            _ => {}
        }
    }
    Ok(())
}

impl TableOutput {
    fn name(&self) -> &'static str {
        if self.is_file { "outputcsv" } else { "outputlookup" }
    }

    fn naming(&self) -> Naming {
        if self.is_file { Naming::File } else { Naming::Lookup }
    }
}

impl fmt::Display for TableOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if self.append {
            f.write_str(" append=t")?;
        }
        if !self.create_empty {
            f.write_str(" create_empty=f")?;
        }
        if !self.override_if_empty {
            f.write_str(" override_if_empty=f")?;
        }
        if let Some(max_rows) = self.max_rows {
            write!(f, " max={max_rows}")?;
        }
        if let Some(key) = &self.key {
            write!(f, " key_field={}", quote_name(key))?;
        }
        write!(f, " {}", quote_name(&self.table))
    }
}

impl Command for TableOutput {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn writes_tables(&self) -> bool {
        true
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::All
    }

    fn can_preview(&self) -> bool {
        false
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(TableOutputOperator {
            command: self.clone(),
            rows: Batch::default(),
            memory: Memory::new(ctx, self.name()),
            ctx: Arc::clone(ctx),
        })
    }
}

/// Passes rows on only when the table is written: a command behind that has enough, such as `head`, would otherwise end the
/// search before all rows are here.
struct TableOutputOperator {
    command: TableOutput,
    rows: Batch,
    memory: Memory,
    ctx: Arc<Context>,
}

impl Operator for TableOutputOperator {
    fn push(&mut self, mut batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        self.memory.grow(batch.bytes())?;
        batch.clear_order();
        self.rows.append(batch);
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        self.write().map_err(|error| error.of(self.command.name()))?;
        out(std::mem::take(&mut self.rows));
        Ok(())
    }
}

impl TableOutputOperator {
    fn write(&mut self) -> Result<(), LookupError> {
        let Self { command, ctx, rows, memory } = self;
        let tables = ctx.tables();
        let path = tables.path_to_write(ctx, command.naming(), &command.table)?;
        let n_rows = rows.len().min(command.max_rows.unwrap_or(usize::MAX));
        let keeps_lines = command.append || command.key.is_some();
        if n_rows == 0 || rows.fields().iter().all(|name| name.starts_with('_')) {
            return match path.exists() {
                true if keeps_lines || !command.override_if_empty => Ok(()),
                true if !command.create_empty => tables.remove(&path),
                false if !command.create_empty => Ok(()),
                _ => tables.write(&path, rows, 0),
            };
        }
        if !keeps_lines || !path.exists() {
            return tables.write(&path, rows, n_rows);
        }
        let table = tables.table(ctx, command.name(), command.naming(), &command.table)?;
        let (mut lines, mut added) = (table.rows().clone(), rows.clone());
        memory.grow(lines.bytes() + added.bytes())?;
        added.truncate(n_rows);
        if let Some(key) = &command.key {
            replace_by_key(&mut lines, &mut added, key);
        }
        lines.append(added);
        tables.write(&path, &lines, lines.len())
    }
}

/// Takes out of `lines` those whose key one of `added` has, and out of `added` those whose key a later one has.
fn replace_by_key(lines: &mut Batch, added: &mut Batch, key: &str) {
    let Some(keys) = added.column(key) else { return };
    let texts: Vec<Option<CompactString>> = keys.iter().map(key_text).collect();
    let last: HashMap<&str, usize> =
        texts.iter().enumerate().filter_map(|(row, text)| Some((text.as_deref()?, row))).collect();
    added.retain_rows(|row| texts[row].as_deref().is_none_or(|text| last[text] == row));
    if let Some(keys) = lines.column(key) {
        let kept: Vec<bool> =
            keys.iter().map(|cell| key_text(cell).is_none_or(|text| !last.contains_key(text.as_str()))).collect();
        lines.retain_rows(|row| kept[row]);
    }
}

/// The text of a key; a row without one replaces nothing and is not replaced.
fn key_text(cell: &Value) -> Option<CompactString> {
    (!cell.is_null()).then(|| cell.with_text(|text| text.into()))
}
