//! Fields of tables: rows whose columns a header line names (CSV, TSV, W3C extended log format, what programs print).

use std::borrow::Cow;

use super::Kind;
use super::fields::{Names, Sink};

/// A header line, taken apart.
#[derive(Debug, Default)]
pub(super) struct Header {
    line: String,
    separator: Separator,
    /// The last column takes the rest of the row, a date is one cell.
    is_printed: bool,
    /// The name of each column, `None` if it is not wanted.
    columns: Vec<Option<String>>,
}

/// What divides columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    /// This byte, each one.
    Byte(u8),
    /// A run of blanks or tabs, and `-` stands for nothing.
    Blanks,
}

impl Default for Separator {
    fn default() -> Self {
        Self::Byte(b',')
    }
}

impl Header {
    /// Takes a header line apart, unless it is the one already known.
    pub(super) fn set(&mut self, line: &str, kind: Kind, names: &Names) {
        if self.line == line {
            return;
        }
        self.line = line.to_owned();
        let (separator, columns) = match kind {
            Kind::Csv { delimiter } => (Separator::Byte(delimiter.unwrap_or_else(|| find_delimiter(line))), line),
            _ => (Separator::Blanks, line.strip_prefix("#Fields:").unwrap_or(line).trim_start()),
        };
        self.separator = separator;
        self.is_printed = kind == Kind::Columns;
        if self.is_printed {
            self.columns =
                printed_columns(line).into_iter().map(|name| names.contains(&name).then_some(name)).collect();
            return;
        }
        let columns = Cells::new(columns, separator).map(|cell| {
            let name = clean(cell.text().as_ref());
            (!name.is_empty() && names.contains(&name)).then_some(name)
        });
        self.columns = columns.collect();
    }

    /// Extracts the cells of a row that a program has printed.
    fn extract_printed(&self, row: &str, sink: &mut Sink<'_>) {
        let mut rest = row;
        // A name in front of the row, where the header begins with blanks: `Mem:`.
        if self.line.starts_with([' ', '\t'])
            && let Some(name) = row.split_ascii_whitespace().next().and_then(|word| word.strip_suffix(':'))
        {
            sink.add(ROW, name);
            take_printed(&mut rest);
        }
        let Some((last, columns)) = self.columns.split_last() else { return };
        let mut add = |name: &Option<String>, value: &str| {
            if let Some(name) = name.as_ref().filter(|_| value != "-") {
                sink.add(name, value);
            }
        };
        for name in columns {
            let Some(cell) = take_printed(&mut rest) else { return };
            add(name, cell);
        }
        let rest = rest.trim_ascii();
        if !rest.is_empty() {
            add(last, rest);
        }
    }

    /// Extracts the cells of a row; an empty cell is no value.
    pub(super) fn extract(&self, row: &str, sink: &mut Sink<'_>) {
        if self.is_printed {
            return self.extract_printed(row, sink);
        }
        if self.separator == Separator::Blanks && row.starts_with('#') {
            return;
        }
        for (cell, name) in Cells::new(row, self.separator).zip(&self.columns) {
            let Some(name) = name else { continue };
            let value = cell.text();
            let is_absent = value.is_empty() || (self.separator == Separator::Blanks && value == "-");
            if !is_absent {
                sink.add(name, &value);
            }
        }
    }
}

/// The name of the first column where the header has none above it.
const ROW: &str = "row";

/// The names of columns as programs print them: lower-cased, `%` as `pct`, a second of the same name with a number.
fn printed_columns(line: &str) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for word in line.split_ascii_whitespace() {
        let spelled = match (word.strip_prefix('%'), word.strip_suffix('%')) {
            (Some(rest), _) => format!("pct_{rest}"),
            (None, Some(rest)) => format!("{rest}_pct"),
            (None, None) => word.to_owned(),
        };
        let name = clean(&spelled).to_lowercase();
        let n_before = columns.iter().filter(|known| **known == name).count();
        columns.push(if n_before == 0 { name } else { format!("{name}_{}", n_before + 1) });
    }
    columns
}

/// Takes the next cell off the front of a row. A date as `ctime` writes it is one cell: `Fri Nov 20 14:05:00 2026`.
fn take_printed<'r>(row: &mut &'r str) -> Option<&'r str> {
    *row = row.trim_ascii_start();
    if row.is_empty() {
        return None;
    }
    let word_end = |from: usize| row[from..].find([' ', '\t']).map_or(row.len(), |len| from + len);
    let mut end = word_end(0);
    if is_weekday(&row[..end])
        && let Some((date_end, last)) = (0..4).try_fold((end, ""), |(end, _), _| {
            let next = end + row[end..].len() - row[end..].trim_ascii_start().len();
            let next_end = word_end(next);
            (next < next_end).then_some((next_end, &row[next..next_end]))
        })
        && last.len() == 4
        && last.bytes().all(|b| b.is_ascii_digit())
    {
        end = date_end;
    }
    let (cell, rest) = row.split_at(end);
    *row = rest;
    Some(cell)
}

fn is_weekday(word: &str) -> bool {
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&word)
}

/// Returns the separator that a header line holds most often.
pub(crate) fn find_delimiter(line: &str) -> u8 {
    let count = |delimiter: u8| line.bytes().filter(|b| *b == delimiter).count();
    // The last of equals wins, so the most common separator stands last.
    [b'|', b';', b'\t', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// Makes a field name of a column name: what is no letter, digit or `_` becomes `_`, at the end it goes.
fn clean(column: &str) -> String {
    let cleaned: String =
        column.trim().chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    cleaned.trim_end_matches('_').to_owned()
}

/// Returns whether a quoted field is open after `line`. A quote opens a field only at its beginning (RFC 4180 §2.5); one
/// in the middle of a bare field is a character like any other.
pub(crate) fn leaves_quote_open(line: &[u8], mut open: bool) -> bool {
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'"', &line[at..]) {
        let quote = at + next;
        at = quote + 1;
        if open {
            if line.get(at) == Some(&b'"') {
                at += 1;
            } else {
                open = false;
            }
        } else {
            open = quote == 0 || matches!(line[quote - 1], b',' | b';' | b'\t' | b'|');
        }
    }
    open
}

/// Returns the number of columns of a row.
pub(crate) fn n_columns(row: &str, delimiter: u8) -> usize {
    Cells::new(row, Separator::Byte(delimiter)).count()
}

/// Returns the columns of a header line.
pub(crate) fn columns(line: &str, delimiter: u8) -> Vec<String> {
    Cells::new(line, Separator::Byte(delimiter)).map(|cell| cell.text().into_owned()).collect()
}

/// One column of a row.
struct Cell<'r> {
    raw: &'r str,
    quoted: bool,
}

impl<'r> Cell<'r> {
    /// The text of the cell; `""` in a quoted one is a quote (RFC 4180 §2.7).
    fn text(&self) -> Cow<'r, str> {
        if self.quoted && self.raw.contains("\"\"") {
            Cow::Owned(self.raw.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(self.raw)
        }
    }
}

/// The columns of a row in order.
struct Cells<'r> {
    rest: Option<&'r str>,
    separator: Separator,
}

impl<'r> Cells<'r> {
    fn new(row: &'r str, separator: Separator) -> Self {
        Self { rest: Some(row), separator }
    }

    /// Takes the text in quotes off the front of `rest`; returns it and what follows the closing quote.
    fn quoted(rest: &'r str) -> Option<(&'r str, &'r str)> {
        let body = rest.strip_prefix('"')?;
        let mut from = 0;
        loop {
            let quote = from + body[from..].find('"')?;
            if body[quote + 1..].starts_with('"') {
                from = quote + 2;
            } else {
                return Some((&body[..quote], &body[quote + 1..]));
            }
        }
    }

    fn is_separator(&self, b: u8) -> bool {
        match self.separator {
            Separator::Byte(separator) => b == separator,
            Separator::Blanks => matches!(b, b' ' | b'\t'),
        }
    }
}

impl<'r> Iterator for Cells<'r> {
    type Item = Cell<'r>;

    fn next(&mut self) -> Option<Cell<'r>> {
        let rest = self.rest.take()?;
        let quoted = Self::quoted(rest).filter(|(_, after)| after.bytes().next().is_none_or(|b| self.is_separator(b)));
        let (raw, after) = quoted.unwrap_or_else(|| {
            let end = rest.bytes().position(|b| self.is_separator(b)).unwrap_or(rest.len());
            rest.split_at(end)
        });
        if !after.is_empty() {
            // A separator is one ASCII byte.
            let after = &after[1..];
            self.rest = match self.separator {
                Separator::Byte(_) => Some(after),
                Separator::Blanks => Some(after.trim_start_matches([' ', '\t'])).filter(|after| !after.is_empty()),
            };
        }
        Some(Cell { raw, quoted: quoted.is_some() })
    }
}

#[cfg(test)]
mod tests {
    use super::leaves_quote_open;
    use crate::extract::{Extractor, Fields, Kind, Patterns, Wanted};
    use std::sync::Arc;

    fn check(kind: Kind, header: &str, row: &str, expected: &[(&str, &str)]) {
        let patterns = Arc::new(Patterns::new(Vec::new(), Vec::new()));
        let mut fields = Fields::default();
        Extractor::new(kind, patterns, Wanted::All).extract(row.as_bytes(), Some(header), &mut fields);
        assert_eq!(fields.iter().collect::<Vec<_>>(), expected, "{row}");
    }

    #[test]
    fn csv() {
        let csv = Kind::Csv { delimiter: None };
        check(csv, "a,b,c", "1,\"x, \"\"y\"\"\nz\",3", &[("a", "1"), ("b", "x, \"y\"\nz"), ("c", "3")]);
        check(csv, "a,b,c", "1,,3,4", &[("a", "1"), ("c", "3")]);
        check(csv, "a,b,c", "1", &[("a", "1")]);
        check(csv, "a\tb c", "1\t2", &[("a", "1"), ("b_c", "2")]);
        check(csv, "a;b", "5\" disk;\"open", &[("a", "5\" disk"), ("b", "\"open")]);
        check(csv, "a,b", "a,b", &[]);
        check(csv, "Größe (cm),_time", "5,6", &[("Größe__cm", "5"), ("_time", "6")]);
    }

    #[test]
    fn w3c() {
        let header = "#Fields: date cs(User-Agent) sc-status cs-uri";
        check(
            Kind::W3c,
            header,
            "2026-11-20 Mozilla/5.0+(X11) 500 -",
            &[("date", "2026-11-20"), ("cs_User_Agent", "Mozilla/5.0+(X11)"), ("sc_status", "500")],
        );
        check(
            Kind::W3c,
            header,
            "2026-11-20\t\"a b\"\t7",
            &[("date", "2026-11-20"), ("cs_User_Agent", "a b"), ("sc_status", "7")],
        );
        check(Kind::W3c, header, "#Date: 2026-11-20", &[]);
    }

    #[test]
    fn printed_tables() {
        let ps = "  PID USER     %CPU STARTED                  COMMAND         COMMAND";
        check(
            Kind::Columns,
            ps,
            "    1 root      0.3 Fri Nov 20 14:05:00 2026 init            /sbin/init  splash -",
            &[
                ("pid", "1"),
                ("user", "root"),
                ("pct_cpu", "0.3"),
                ("started", "Fri Nov 20 14:05:00 2026"),
                ("command", "init"),
                ("command_2", "/sbin/init  splash -"),
            ],
        );
        check(Kind::Columns, "A B", "Fri x", &[("a", "Fri"), ("b", "x")]);
        check(Kind::Columns, "A B C", "- \t 2", &[("b", "2")]);
        let free = "               total        used   buff/cache";
        check(
            Kind::Columns,
            free,
            "Swap:              7          0",
            &[("row", "Swap"), ("total", "7"), ("used", "0")],
        );
        check(Kind::Columns, "Use% x", "7 8", &[("use_pct", "7"), ("x", "8")]);
    }

    #[test]
    fn quotes_open_and_close() {
        for (line, before, after) in [
            ("a,b", false, false),
            ("a,\"b", false, true),
            ("b\"\",c", true, true),
            ("b\",c", true, false),
            ("5\" disk,x", false, false),
            ("\"a\",\"b", false, true),
        ] {
            assert_eq!(leaves_quote_open(line.as_bytes(), before), after, "{line}");
        }
    }
}
