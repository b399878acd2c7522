//! Makes a row of each line of a table that stands in the text of an event, as `df`, `ps`, `top` and `netstat` print it.
//!
//! **Syntax**
//!
//! `multikv [fields <list>] [filter <terms>] [forceheader=<n>] [multitable=t] [noheader=f] [copyattrs=t] [rmorig=t]`
//!
//! **Arguments**
//!
//! - `fields`: the columns to take; all by default.
//! - `filter`: take only lines that hold one of these texts, in any case.
//! - `forceheader`: which line holds the names of the columns, counted from 1.
//! - `multitable=f`: stop after the first table. Else a blank line ends a table, and the next one has names of its own.
//! - `noheader=t`: there are no names; the columns are called `Column_1`, `Column_2`, ….
//! - `copyattrs=f`: do not copy the event's other fields to the new rows, but for `_time`.
//! - `rmorig=f`: keep the event itself, before its rows.
//!
//! **Semantics**
//!
//! Reads `_raw`. The header is the first line of two words or more, none of them a number, that is followed by a line of
//! two words or more. A character of a name that is not a letter, digit or `_` becomes `_`. Words are
//! cut at blanks; if a line has more of them than the header the last column takes the rest, and if it has fewer each goes
//! to the column under whose name it stands. Names that no line has a word for belong to the last column, as in `Mounted on`.
//!
//! `_raw` of a new row is its line. An event without a table stays as it is.
//!
//! **Kind** streaming.
//!
//! **Memory** none.
//!
//! **Examples**
//!
//! ```example
//! host=a _raw="PID USER COMMAND;7 root init;9 ann vi notes"
//! > rex mode=sed "s/;/\n/g" | multikv | fields - _raw
//! host=a PID=7 USER=root COMMAND=init
//! host=a PID=9 USER=ann COMMAND="vi notes"
//! ```

use super::args::{boolean, count};
use super::found::FoundFields;
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::{quote, quote_name};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Multikv {
    /// The columns to take; none for all.
    pub fields: Vec<String>,
    /// Texts of which a line must hold one; none for no condition.
    pub filter: Vec<String>,
    header: Header,
    /// Whether a blank line ends a table and another may follow.
    pub many_tables: bool,
    /// Whether the event's fields are copied.
    pub copies_fields: bool,
    /// Whether the event itself goes.
    pub removes_event: bool,
}

/// Where the names of the columns are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// In the first line that looks like it.
    Found,
    /// In the line of this number, from 1.
    Line(usize),
    /// Nowhere.
    None,
}

const OPTIONS: [&str; 5] = ["forceheader", "multitable", "noheader", "copyattrs", "rmorig"];
const LISTS: [&str; 2] = ["fields", "filter"];

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut multikv = Multikv {
        fields: Vec::new(),
        filter: Vec::new(),
        header: Header::Found,
        many_tables: true,
        copies_fields: true,
        removes_event: true,
    };
    loop {
        args.cursor.skip_separators();
        if args.cursor.at_end() {
            return Ok(Box::new(multikv));
        }
        if let Some((option, value)) = args.option(&OPTIONS)? {
            match option {
                "forceheader" => match count(&value)? {
                    0 => return Err(QueryError::rule("lines are counted from 1", value.span)),
                    line => multikv.header = Header::Line(line),
                },
                "noheader" if boolean(&value)? => multikv.header = Header::None,
                "noheader" => {}
                "multitable" => multikv.many_tables = boolean(&value)?,
                "copyattrs" => multikv.copies_fields = boolean(&value)?,
                _ => multikv.removes_event = boolean(&value)?,
            }
        } else if args.keyword("fields") {
            multikv.fields = args.expect_plain_names(&LISTS)?;
        } else if args.keyword("filter") {
            let terms = args.names(&LISTS)?;
            if terms.is_empty() {
                return Err(args.cursor.expected("a text"));
            }
            multikv.filter = terms.into_iter().map(|term| term.value).collect();
        } else {
            return Err(args.cursor.expected("`fields`, `filter` or an option"));
        }
    }
}

impl fmt::Display for Multikv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("multikv")?;
        if !self.fields.is_empty() {
            f.write_str(" fields")?;
            self.fields.iter().try_for_each(|field| write!(f, " {}", quote_name(field)))?;
        }
        if !self.filter.is_empty() {
            f.write_str(" filter")?;
            self.filter.iter().try_for_each(|term| write!(f, " {}", quote(term)))?;
        }
        match self.header {
            Header::Found => {}
            Header::Line(line) => write!(f, " forceheader={line}")?,
            Header::None => f.write_str(" noheader=t")?,
        }
        f.write_str(if self.many_tables { "" } else { " multitable=f" })?;
        f.write_str(if self.copies_fields { "" } else { " copyattrs=f" })?;
        f.write_str(if self.removes_event { "" } else { " rmorig=f" })
    }
}

impl Command for Multikv {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        wanted.add("_raw");
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let filter = self.filter.iter().map(|term| term.to_lowercase()).collect();
        Box::new(MultikvOperator { ctx: Arc::clone(ctx), multikv: self.clone(), filter })
    }
}

struct MultikvOperator {
    ctx: Arc<Context>,
    multikv: Multikv,
    /// The texts of `filter`, in lower case.
    filter: Vec<String>,
}

/// A line of a table, with the cells of its columns.
struct TableRow<'t> {
    line: &'t str,
    cells: Vec<(String, &'t str)>,
}

impl MultikvOperator {
    fn holds_a_term(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        self.filter.is_empty() || self.filter.iter().any(|term| line.contains(term))
    }

    /// The rows of all tables in a text.
    fn rows<'t>(&self, text: &'t str) -> Vec<TableRow<'t>> {
        let lines: Vec<&str> = text.lines().collect();
        let mut rows = Vec::new();
        let mut at = 0;
        loop {
            let header = match self.multikv.header {
                Header::Line(line) if at == 0 => Some(line - 1).filter(|line| *line < lines.len()),
                Header::None => None,
                _ => (at..lines.len()).find(|line| is_header(&lines[*line..])),
            };
            let first = match (header, self.multikv.header) {
                (Some(header), _) => header + 1,
                (None, Header::None) => {
                    lines[at..].iter().position(|line| !is_blank(line)).map_or(lines.len(), |n| at + n)
                }
                (None, _) => return rows,
            };
            let n_lines = lines[first..].iter().take_while(|line| !is_blank(line)).count();
            let body = &lines[first..first + n_lines];
            let columns = Columns::new(header.map(|header| lines[header]), body);
            for line in body.iter().filter(|line| self.holds_a_term(line)) {
                let mut cells = columns.cells(line);
                if !self.multikv.fields.is_empty() {
                    cells.retain(|(name, _)| self.multikv.fields.contains(name));
                }
                rows.push(TableRow { line, cells });
            }
            at = first + n_lines;
            if !self.multikv.many_tables || at >= lines.len() {
                return rows;
            }
        }
    }
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// Whether the first of these lines looks like the names above a table.
fn is_header(lines: &[&str]) -> bool {
    let n_words = |line: &str| line.split_whitespace().count();
    let is_name = |word: &str| !word.starts_with(|c: char| c.is_ascii_digit()) || word.contains(char::is_alphabetic);
    n_words(lines[0]) > 1
        && lines[0].split_whitespace().all(is_name)
        && lines.get(1).is_some_and(|next| n_words(next) > 1)
}

/// The words of a line, by their bytes.
fn words(line: &str) -> Vec<Range<usize>> {
    let start_of = |word: &str| word.as_ptr() as usize - line.as_ptr() as usize;
    line.split_whitespace().map(|word| start_of(word)..start_of(word) + word.len()).collect()
}

/// The names of a table's columns and where they stand.
struct Columns {
    names: Vec<String>,
    /// The characters under each name; empty if there is no header.
    places: Vec<Range<usize>>,
}

impl Columns {
    fn new(header: Option<&str>, body: &[&str]) -> Self {
        let most_words = body.iter().map(|line| line.split_whitespace().count()).max().unwrap_or(0);
        let Some(header) = header else {
            return Self { names: (1..=most_words).map(|n| format!("Column_{n}")).collect(), places: Vec::new() };
        };
        let mut places = words(header);
        if (1..places.len()).contains(&most_words) {
            // More names than any line has words: the last one has blanks in it.
            let end = places.last().map_or(0, |place| place.end);
            places.truncate(most_words);
            if let Some(last) = places.last_mut() {
                last.end = end;
            }
        }
        let names = places.iter().map(|place| clean(&header[place.clone()])).collect();
        Self { names, places: places.iter().map(|place| in_chars(header, place)).collect() }
    }

    fn cells<'t>(&self, line: &'t str) -> Vec<(String, &'t str)> {
        let words = words(line);
        let n_columns = self.names.len();
        let cell = |(column, word): (usize, &Range<usize>)| {
            // The last column takes the rest.
            let end = if column + 1 == n_columns { line.trim_end().len() } else { word.end };
            (self.names[column].clone(), &line[word.start..end])
        };
        if words.len() >= n_columns || self.places.is_empty() {
            return words.iter().take(n_columns).enumerate().map(cell).collect();
        }
        let mut next = 0;
        let mut cells = Vec::with_capacity(words.len());
        for (index, word) in words.iter().enumerate() {
            let place = in_chars(line, word);
            // Leave as many columns as there are words still to come.
            let candidates = next..n_columns - (words.len() - 1 - index);
            let distance = |column: &usize| {
                let name = &self.places[*column];
                place.start.saturating_sub(name.end.saturating_sub(1)).max(name.start.saturating_sub(place.end - 1))
            };
            let Some(column) = candidates.min_by_key(distance) else { break };
            cells.push((self.names[column].clone(), &line[word.clone()]));
            next = column + 1;
        }
        cells
    }
}

/// A range of bytes as a range of characters.
fn in_chars(line: &str, bytes: &Range<usize>) -> Range<usize> {
    let start = line[..bytes.start].chars().count();
    start..start + line[bytes.clone()].chars().count()
}

fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
}

impl Operator for MultikvOperator {
    fn push(&mut self, batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let Some(raw) = batch.column("_raw") else {
            out(batch);
            return Ok(Flow::More);
        };
        let mut sources: Vec<u32> = Vec::with_capacity(batch.len());
        // The row of a table that each new row is, or none for an event as it was.
        let mut lines: Vec<Option<TableRow<'_>>> = Vec::with_capacity(batch.len());
        for (row, raw) in raw.iter().enumerate() {
            let rows = match raw {
                Value::Text(text) => self.rows(text),
                _ => Vec::new(),
            };
            if rows.is_empty() || !self.multikv.removes_event {
                sources.push(row as u32);
                lines.push(None);
            }
            sources.resize(sources.len() + rows.len(), row as u32);
            lines.extend(rows.into_iter().map(Some));
        }
        let mut result = batch.copy_rows(&sources);
        let mut found = FoundFields::new(lines.len());
        for (row, line) in lines.iter().enumerate() {
            for (name, cell) in line.iter().flat_map(|line| &line.cells) {
                found.add(name, cell, false);
            }
            if let Some(line) = line {
                found.add("_raw", line.line, false);
            }
            found.end_row(row);
        }
        if !self.multikv.copies_fields {
            for (_, cells) in result.iter_mut().filter(|(name, _)| *name != "_time") {
                cells
                    .iter_mut()
                    .zip(&lines)
                    .filter(|(_, line)| line.is_some())
                    .for_each(|(cell, _)| *cell = Value::Null);
            }
        }
        found.write(&mut result);
        out(result);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, commands, context, execute, print};
    use crate::{Batch, Value};
    use std::sync::Arc;

    const PS: &str = "USER   PID %CPU COMMAND\nroot     1  0.0 /sbin/init splash\nann     77       vi\n";
    const DF: &str = "Filesystem 1K-blocks Used Mounted on\n/dev/sda1 100 50 /\ntmpfs 10 0 /run\n";

    /// Runs a query over events with these texts.
    fn check(events: &[&str], query: &str, expected: &str) {
        let row =
            |text: &&str| Batch::from_columns(1, [("host", vec!["h".into()]), ("_raw", vec![Value::from(*text)])]);
        let rows: Vec<Batch> = events.iter().map(row).collect();
        for batch_rows in [1, 2, rows.len()] {
            let result = execute(&Arc::new(context()), &commands(query), &rows, batch_rows, 2).unwrap();
            assert_eq!(print(&result), expected, "{query}");
        }
    }

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("multikv", "multikv"),
            ("MULTIKV fields A, B filter x \"y z\"", "multikv fields A B filter \"x\" \"y z\""),
            ("multikv filter x forceheader=2 fields A", "multikv fields A filter \"x\" forceheader=2"),
            (
                "multikv noheader=true multitable=f copyattrs=f rmorig=f",
                "multikv noheader=t multitable=f copyattrs=f rmorig=f",
            ),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("multikv a", "a", "expected `fields`, `filter` or an option, found `a`");
        check_refused("multikv fields", "", "expected the name of a field, found the end");
        check_refused("multikv filter", "", "expected a text, found the end");
        check_refused("multikv forceheader=0", "0", "lines are counted from 1");
        check_refused("multikv header=0", "header", "`multikv` has no option `header`");
    }

    #[test]
    fn words_go_to_their_columns() {
        check(
            &[PS],
            "multikv | fields - _raw",
            "host=h USER=root PID=1 _CPU=0.0 COMMAND=\"/sbin/init splash\"\nhost=h USER=ann PID=77 COMMAND=vi",
        );
        check(&[DF], "multikv filter SDA | table Used Mounted_on", "Used=50 Mounted_on=/");
    }

    #[test]
    fn headers() {
        check(&["x\n\nA B\n1 2\n\nC D\n3 4"], "multikv | table A D", "A=1\nD=4");
        check(&["A B\n1 2\n\nC D\n3 4"], "multikv multitable=f | table A D", "A=1");
        check(
            &["1 2\n3 4"],
            "multikv noheader=t | table Column_1 Column_2",
            "Column_1=1 Column_2=2\nColumn_1=3 Column_2=4",
        );
        check(&["junk junk\nA B\n1 2"], "multikv forceheader=2 | table A B", "A=1 B=2");
        check(&["top - 15:47 up\n\nPID  USER\n  1  root"], "multikv | table PID USER", "PID=1 USER=root");
    }

    #[test]
    fn events_and_their_fields() {
        check(&["A B\n1 2", "no table"], "multikv", "host=h _raw=\"1 2\" A=1 B=2\nhost=h _raw=\"no table\"");
        check(
            &["A B\n1 2"],
            "multikv rmorig=f fields B | eval n=len(_raw) | table host n B",
            "host=h n=7\nhost=h n=3 B=2",
        );
        check(&["A B\n1 2"], "multikv copyattrs=f fields A", "_raw=\"1 2\" A=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("multikv", &["a"], "_raw a");
    }
}
