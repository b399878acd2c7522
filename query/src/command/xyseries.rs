//! Turns lines into columns: the reverse of `untable`.
//!
//! **Syntax**
//!
//! `xyseries [grouped=f] [sep=": "] [format=text] <x> <name> <value> … [sep=": "] [format=text]`
//!
//! **Arguments**
//!
//! - x: the field whose values are the lines.
//! - name: the field whose values are the columns.
//! - value: the fields whose values are the cells.
//! - `sep=`, `format="$AGG$: $VAL$"`: names of the columns where there are several value fields; `$AGG$` stands for the value
//!   field, `$VAL$` for the name.
//! - `grouped=`: accepted; lines are always put together.
//!
//! **Semantics**
//!
//! Lines are sorted by x: numbers by size, then text; columns by their text. Of several rows for one cell the last counts.
//! Rows without x or name do not count. A column that would be called like x gets the prefix `VALUE`.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** all cells. Bounded by `max_groups` and `max_memory_bytes`.
//!
//! **Examples**
//!
//! ```example
//! host=b method=get count=3
//! host=a method=post count=2
//! host=a method=get count=1
//! > xyseries host method count
//! host=a get=1 post=2
//! host=b get=3
//! ```

use super::args::boolean;
use super::group::Groups;
use super::grouping::check_groups;
use super::{Args, Command, CommandKind, Flow, Operator, same_operator};
use crate::batch::{Batch, OrderKey};
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::lexer::{quote, quote_name};
use crate::value::Value;
use crate::wanted::Wanted;
use hashbrown::HashMap;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Xyseries {
    /// The field whose values are lines.
    pub x: String,
    /// The field whose values are columns.
    pub name: String,
    /// The fields whose values are cells, at least one.
    pub values: Vec<String>,
    /// What stands between the value field and the name.
    pub separator: String,
    /// How the two are joined, if that is said.
    pub format: Option<String>,
}

const OPTIONS: [&str; 3] = ["grouped", "sep", "format"];
const DEFAULT_SEPARATOR: &str = ": ";

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut series = Xyseries {
        x: String::new(),
        name: String::new(),
        values: Vec::new(),
        separator: DEFAULT_SEPARATOR.to_owned(),
        format: None,
    };
    let mut fields = Vec::new();
    loop {
        while let Some((option, value)) = args.option(&OPTIONS)? {
            match option {
                "grouped" => {
                    boolean(&value)?;
                }
                "sep" => series.separator = value.value,
                _ => series.format = Some(value.value),
            }
        }
        if args.cursor.at_end() && fields.len() >= 3 {
            break;
        }
        let field = args.expect_plain_name()?;
        if fields.contains(&field.value) {
            return Err(QueryError::rule(format!("`{}` is named twice", field.value), field.span));
        }
        fields.push(field.value);
        args.cursor.skip_separators();
    }
    series.values = fields.split_off(2);
    series.name = fields.remove(1);
    series.x = fields.remove(0);
    Ok(Box::new(series))
}

impl Xyseries {
    fn column_name(&self, value: &str, name: &str) -> String {
        match &self.format {
            _ if self.values.len() == 1 => name.to_owned(),
            Some(format) => format.replace("$AGG$", value).replace("$VAL$", name),
            None => format!("{value}{}{name}", self.separator),
        }
    }
}

impl fmt::Display for Xyseries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("xyseries")?;
        if self.separator != DEFAULT_SEPARATOR {
            write!(f, " sep={}", quote(&self.separator))?;
        }
        self.format.iter().try_for_each(|format| write!(f, " format={}", quote(format)))?;
        [&self.x, &self.name].into_iter().chain(&self.values).try_for_each(|field| write!(f, " {}", quote_name(field)))
    }
}

impl Command for Xyseries {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: true }
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::of([&self.x, &self.name].into_iter().chain(&self.values).cloned())
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(XyseriesOperator {
            ctx: Arc::clone(ctx),
            series: self.clone(),
            lines: Groups::new(1),
            names: Groups::new(1),
            cells: HashMap::new(),
            n_rows: 0,
            memory: Memory::new(ctx, "xyseries"),
        })
    }
}

/// The values of one row, and its place.
struct Cell {
    order: OrderKey,
    values: Box<[Value]>,
}

struct XyseriesOperator {
    ctx: Arc<Context>,
    series: Xyseries,
    lines: Groups,
    names: Groups,
    /// The values of each line and name.
    cells: HashMap<(u32, u32), Cell>,
    n_rows: u64,
    memory: Memory,
}

impl XyseriesOperator {
    fn keep_last(&mut self, place: (u32, u32), cell: Cell) {
        match self.cells.get_mut(&place) {
            Some(known) if known.order > cell.order => {}
            Some(known) => *known = cell,
            None => {
                self.cells.insert(place, cell);
            }
        }
    }
}

impl Operator for XyseriesOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let first_row = self.n_rows;
        self.n_rows += batch.len() as u64;
        let (Some(xs), Some(names)) = (batch.column(&self.series.x), batch.column(&self.series.name)) else {
            return Ok(Flow::More);
        };
        let columns: Vec<Option<&[Value]>> = self.series.values.iter().map(|value| batch.column(value)).collect();
        let mut bytes = 0;
        for row in 0..batch.len() {
            if xs[row].is_null() || names[row].is_null() {
                continue;
            }
            let (line, line_bytes) = self.lines.find_or_add(&[&xs[row]]);
            let (name, name_bytes) = self.names.find_or_add(&[&names[row]]);
            let order = batch.order().map_or_else(|| OrderKey::sequence(first_row + row as u64), |order| order[row]);
            let values: Box<[Value]> =
                columns.iter().map(|column| column.map_or(Value::Null, |column| column[row].clone())).collect();
            bytes += line_bytes + name_bytes + size_of::<(u32, u32, Cell)>();
            bytes += values.iter().map(|value| size_of::<Value>() + value.heap_bytes()).sum::<usize>();
            self.keep_last((line, name), Cell { order, values });
        }
        self.memory.grow(bytes)?;
        check_groups(&self.ctx, "xyseries", self.cells.len())?;
        Ok(Flow::More)
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let other: Self = same_operator(other);
        self.memory.absorb(other.memory);
        let (lines, line_bytes) = self.lines.merge(&other.lines);
        let (names, name_bytes) = self.names.merge(&other.names);
        for ((line, name), cell) in other.cells {
            self.keep_last((lines[line as usize], names[name as usize]), cell);
        }
        check_groups(&self.ctx, "xyseries", self.cells.len())?;
        self.memory.grow(line_bytes + name_bytes)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let lines = self.lines.sorted();
        let mut names: Vec<(String, u32)> =
            (0..self.names.len() as u32).map(|name| (self.names.key(name)[0].to_string(), name)).collect();
        names.sort();
        check_groups(&self.ctx, "xyseries", lines.len().saturating_mul(names.len() * self.series.values.len()))?;
        let xs = lines.iter().map(|line| self.lines.key(*line)[0].clone()).collect();
        let mut table = vec![(self.series.x.clone(), xs)];
        for (index, value) in self.series.values.iter().enumerate() {
            for (name, group) in &names {
                let cell = |line: &u32| {
                    self.cells.get(&(*line, *group)).map_or(Value::Null, |cell| cell.values[index].clone())
                };
                let column = self.series.column_name(value, name);
                let column = if column == self.series.x { format!("VALUE{column}") } else { column };
                table.push((column, lines.iter().map(cell).collect()));
            }
        }
        out(Batch::from_columns(lines.len(), table));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_columns, check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("XYSERIES a, b, c", "xyseries a b c"),
            ("xyseries grouped=t a b c d sep=/", "xyseries sep=\"/\" a b c d"),
            ("xyseries a b c d format=\"$VAL$-$AGG$\"", "xyseries format=\"$VAL$-$AGG$\" a b c d"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("xyseries a b", "", "expected the name of a field, found the end");
        check_refused("xyseries a b a", "a", "`a` is named twice");
        check_refused("xyseries a b c* ", "c*", "wildcards are not allowed here");
    }

    #[test]
    fn rows() {
        check_rows(
            "x=10 k=b v=1\nx=9 k=a v=[2,3]\nx=10 k=b v=4\nk=a v=9\nx=8 v=7",
            "xyseries x k v",
            "x=9 a=[2,3]\nx=10 b=4",
        );
        check_columns("x=1 k=a v=1 w=2\nx=1 k=b v=3", "xyseries x k v w", "x v: a v: b w: a w: b");
        check_rows("x=1 a=2 b=3", "untable x k v | xyseries x k v", "x=1 a=2 b=3");
    }

    #[test]
    fn a_column_does_not_take_the_place_of_x() {
        check_rows("x=1 k=x v=5\nx=2 k=y v=6", "xyseries x k v", "x=1 VALUEx=5\nx=2 y=6");
    }

    #[test]
    fn fields_read() {
        check_fields_read("xyseries a b c", &["*"], "a b c");
    }
}
