//! `table`: aligned columns for people.
//!
//! On a terminal the table fits its width: long cells wrap and, past a few lines, are cut with `…`; if there are too
//! many columns, each row becomes a small table of names and values. In a pipe nothing is wrapped or cut. Columns of
//! numbers are aligned at the right. Hostile characters are always shown as escapes.

use super::cell::CellPrinter;
use super::columns::Columns;
use super::layout::{self, GAP, Wish};
use super::spool::Spool;
use super::theme::Theme;
use super::{ADDRESS_COLUMN, Render, Trailer};
use std::io::{self, Write};
use trawl_query::batch::Batch;
use trawl_query::value::Value;
use unicode_width::UnicodeWidthStr;

/// Widest that a column gets in a pipe. A longer cell is printed whole and pushes the rest of its line aside.
const MAX_PIPE_WIDTH: usize = 100;

/// Prints rows as a table.
pub struct Table {
    cells: CellPrinter,
    theme: Theme,
    terminal_width: Option<usize>,
    columns: Columns,
    rows: Spool,
}

/// What a column needs and how it is aligned.
#[derive(Clone, Copy)]
struct Column {
    width: usize,
    /// Every cell so far is a number.
    is_numeric: bool,
}

impl Table {
    /// Prints times with `cells`; fits into `terminal_width` columns if that is given.
    pub fn new(cells: CellPrinter, theme: Theme, terminal_width: Option<usize>) -> Self {
        Self { cells, theme, terminal_width, columns: Columns::default(), rows: Spool::default() }
    }

    /// Names of the columns to print: all, but not the address of an event that is printed anyway.
    fn visible_names(&self) -> Vec<String> {
        let names = self.columns.names();
        let has_raw = names.iter().any(|name| name == "_raw");
        names.iter().filter(|name| !(has_raw && *name == ADDRESS_COLUMN)).cloned().collect()
    }

    fn write_columns(
        &self,
        out: &mut dyn Write,
        names: &[String],
        columns: &[Column],
        rows: &mut Spool,
    ) -> io::Result<()> {
        let title = self.theme.title;
        let lines = |text: &str, column: &Column| match self.terminal_width {
            Some(_) => layout::wrapped(text, column.width),
            None => layout::lines(text),
        };
        let titles: Vec<Vec<String>> = names.iter().zip(columns).map(|(name, column)| lines(name, column)).collect();
        write!(out, "{title}")?;
        write_row(out, &titles, columns)?;
        write!(out, "{title:#}")?;
        let rules: Vec<Vec<String>> = columns.iter().map(|column| vec!["-".repeat(column.width)]).collect();
        write_row(out, &rules, columns)?;
        rows.drain(|batch| {
            for_each_row(&batch, names, |values| {
                let cells = names.iter().zip(values).zip(columns);
                let cells: Vec<Vec<String>> =
                    cells.map(|((name, value), column)| lines(&self.cells.shown(name, value), column)).collect();
                write_row(out, &cells, columns)
            })
        })
    }

    /// One line for each field: for more columns than fit beside each other.
    fn write_records(
        &self,
        out: &mut dyn Write,
        names: &[String],
        available: usize,
        rows: &mut Spool,
    ) -> io::Result<()> {
        let Theme { title, faint, .. } = self.theme;
        let name_width = names.iter().map(|name| widest(name)).max().unwrap_or(0).min(available / 3).max(1);
        let value_width = available.saturating_sub(name_width + GAP).max(2);
        let mut row_number = 0;
        rows.drain(|batch| {
            for_each_row(&batch, names, |values| {
                row_number += 1;
                let rule = format!("--- row {row_number} ");
                writeln!(out, "{faint}{rule:-<available$}{faint:#}")?;
                for (name, value) in names.iter().zip(values).filter(|(_, value)| !value.is_null()) {
                    let shown = layout::cut(name, name_width);
                    let padding = (name_width + GAP).saturating_sub(shown.width());
                    write!(out, "{title}{shown}{title:#}{:padding$}", "")?;
                    let lines = layout::wrapped(&self.cells.shown(name, value), value_width);
                    let indent = format!("\n{:1$}", "", name_width + GAP);
                    writeln!(out, "{}", lines.join(&indent))?;
                }
                Ok(())
            })
        })
    }
}

impl Render for Table {
    fn rows(&mut self, batch: Batch, _: &mut dyn Write) -> io::Result<()> {
        self.columns.add(&batch);
        self.rows.push(batch)
    }

    fn finish(&mut self, _: &Trailer, out: &mut dyn Write) -> io::Result<()> {
        let names = self.visible_names();
        if names.is_empty() {
            return Ok(());
        }
        // Two passes: one to measure, one to print.
        let mut columns: Vec<Column> =
            names.iter().map(|name| Column { width: widest(name), is_numeric: true }).collect();
        let mut rows = Spool::default();
        std::mem::take(&mut self.rows).drain(|batch| {
            for_each_row(&batch, &names, |values| {
                for ((name, value), column) in names.iter().zip(values).zip(&mut columns) {
                    column.width = column.width.max(widest(&self.cells.shown(name, value)));
                    column.is_numeric &= value.is_null() || (name != "_time" && value.as_number().is_some());
                }
                Ok(())
            })?;
            rows.push(batch)
        })?;
        let Some(available) = self.terminal_width else {
            columns.iter_mut().for_each(|column| column.width = column.width.min(MAX_PIPE_WIDTH));
            return self.write_columns(out, &names, &columns, &mut rows);
        };
        let wish = |(column, name): (&Column, &String)| Wish {
            width: column.width,
            is_rigid: column.is_numeric || name == "_time",
        };
        let wishes: Vec<Wish> = columns.iter().zip(&names).map(wish).collect();
        match layout::widths(&wishes, available) {
            Some(widths) => {
                columns.iter_mut().zip(widths).for_each(|(column, width)| column.width = width);
                self.write_columns(out, &names, &columns, &mut rows)
            }
            None => self.write_records(out, &names, available, &mut rows),
        }
    }
}

fn widest(text: &str) -> usize {
    layout::lines(text).iter().map(|line| line.width()).max().unwrap_or(0)
}

/// Calls `f` with the cells of each row, in the order of `names`.
fn for_each_row(batch: &Batch, names: &[String], mut f: impl FnMut(&[&Value]) -> io::Result<()>) -> io::Result<()> {
    let columns: Vec<Option<&[Value]>> = names.iter().map(|name| batch.column(name)).collect();
    (0..batch.len()).try_for_each(|row| {
        let cells: Vec<&Value> =
            columns.iter().map(|column| column.map_or(&Value::Null, |column| &column[row])).collect();
        f(&cells)
    })
}

/// Writes the lines of the cells beside each other, without spaces at the ends of lines.
fn write_row(out: &mut dyn Write, cells: &[Vec<String>], columns: &[Column]) -> io::Result<()> {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut line = String::new();
    for at in 0..height {
        line.clear();
        for (i, (cell, column)) in cells.iter().zip(columns).enumerate() {
            let text = cell.get(at).map_or("", String::as_str);
            let padding = " ".repeat(column.width.saturating_sub(text.width()));
            let (left, right) = if column.is_numeric { (padding.as_str(), "") } else { ("", padding.as_str()) };
            line.extend([if i > 0 { "  " } else { "" }, left, text, right]);
        }
        writeln!(out, "{}", line.trim_end_matches(' '))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{batch, printed};
    use proptest::prelude::*;
    use trawl_formats::Zone;

    fn table(width: Option<usize>) -> Table {
        Table::new(CellPrinter::new(Zone::UTC), Theme::plain(), width)
    }

    #[test]
    fn numbers_stand_at_the_right() {
        let rows = || {
            [batch(
                &["host", "count", "avg"],
                &[&["web-01".into(), 1234.0.into(), Value::Null], &["pay-01".into(), 7.0.into(), "0.5".into()]],
            )]
        };
        insta::assert_snapshot!(printed(&mut table(None), rows()), @r"
        host    count  avg
        ------  -----  ---
        web-01   1234
        pay-01      7  0.5
        ");
        assert_eq!(printed(&mut table(Some(80)), rows()), printed(&mut table(None), rows()));
        assert_eq!(printed(&mut table(None), []), "");
    }

    #[test]
    fn long_cells_wrap_on_a_terminal_and_stay_whole_in_a_pipe() {
        let raw = "2026-11-20 14:05:01,123 [pay-worker-7] ERROR: PaymentService failed to connect to DB";
        let rows = || {
            [batch(
                &["_time", "_raw", "_addr"],
                &[
                    &[1_795_183_501.123.into(), raw.into(), "/x@0:0+84".into()],
                    &[Value::Null, "a\nb\x1b[2J".into(), Value::Null],
                ],
            )]
        };
        insta::assert_snapshot!(printed(&mut table(Some(64)), rows()), @r"
        _time                             _raw
        --------------------------------  ------------------------------
        2026-11-20T14:05:01.123000+00:00  2026-11-20 14:05:01,123
                                          [pay-worker-7] ERROR:
                                          PaymentService failed to
                                          connect to DB
                                          a
                                          b\x1b[2J
        ");
        insta::assert_snapshot!(printed(&mut table(None), rows()), @r"
        _time                             _raw
        --------------------------------  ------------------------------------------------------------------------------------
        2026-11-20T14:05:01.123000+00:00  2026-11-20 14:05:01,123 [pay-worker-7] ERROR: PaymentService failed to connect to DB
                                          a
                                          b\x1b[2J
        ");
    }

    #[test]
    fn too_many_columns_become_records() {
        let rows = [batch(
            &["_time", "a_rather_long_name", "c", "d", "e"],
            &[
                &[
                    1_795_183_501.123.into(),
                    "some text that is too long for the line".into(),
                    "1234567890".into(),
                    "1234567890".into(),
                    Value::Null,
                ],
                &[1_795_183_502.0.into(), "x".into(), Value::multi(["p".into(), "q".into()]), Value::Null, "y".into()],
            ],
        )];
        insta::assert_snapshot!(printed(&mut table(Some(40)), rows), @r"
        --- row 1 ------------------------------
        _time          2026-11-20T14:05:01.12300
                       0+00:00
        a_rather_lon…  some text that is too
                       long for the line
        c              1234567890
        d              1234567890
        --- row 2 ------------------------------
        _time          2026-11-20T14:05:02.00000
                       0+00:00
        a_rather_lon…  x
        c              p
                       q
        e              y
        ");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            cells in proptest::collection::vec(proptest::collection::vec("[ -~é日\\n]{0,30}", 4), 0..5),
            width in 20..120_usize,
        ) {
            let rows: Vec<Vec<Value>> = cells.iter().map(|row| row.iter().map(|cell| Value::from(cell.as_str())).collect()).collect();
            let rows: Vec<&[Value]> = rows.iter().map(Vec::as_slice).collect();
            let text = printed(&mut table(Some(width)), [batch(&["alpha", "b", "c", "d"], &rows)]);
            prop_assert!(text.lines().all(|line| line.width() <= width), "{}", text);
        }
    }
}
