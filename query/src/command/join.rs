//! Adds the fields of a subsearch's rows to the rows that agree with them in some fields.
//!
//! **Syntax**
//!
//! `join [type=inner|left|outer] [max=1] [overwrite=t] [usetime=f] [earlier=t] [fields] [subsearch]`
//!
//! `join [options] left=<name> right=<name> WHERE <left>.<field>=<right>.<field> … [subsearch]`
//!
//! **Arguments**
//!
//! - `type=inner`: rows without a match go. `left` and `outer` are the same: all rows stay.
//! - `max`: how many matching rows of the subsearch are used for each row; 0 is all. Several make a row each.
//! - `overwrite=f`: fields that both sides have keep their value.
//! - `usetime=t`: only rows of the subsearch that are earlier (`earlier=f`: later) count as matches.
//! - fields: those that must agree; by default all in which both sides have values, without those that begin with `_`.
//! - `left`, `right`: names for the two sides. With them the sides may call differently what must agree, and keep all their
//!   fields apart: `name.field`. Fields that begin with `_` are those of the left side, under their own names.
//!
//! **Semantics**
//!
//! Values agree if their texts do, case included. A row in which one of the fields is null has no match. Options may
//! also follow the fields. The subsearch has at most 50,000 rows.
//!
//! **Kind** streaming; ordered where no fields are named.
//!
//! **Memory** the rows of the subsearch, and all rows where no fields are named.
//!
//! **Examples**
//!
//! ```example
//! id=1 user=ann
//! id=2 user=bob
//! > join type=left id [| makeresults | eval id=2, city="Bern" | fields id city]
//! id=1 user=ann
//! id=2 user=bob city=Bern _time=1772725653
//! ```
//!
//! ```example
//! user=1 name=login
//! user=3 name=logout
//! > join left=event right=person WHERE event.user=person.id [| makeresults | eval id=1, name="ann" | fields id name]
//! event.user=1 event.name=login person.id=1 person.name=ann
//! ```

use super::args::{bad_value, boolean, count};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::subsearch::{Subsearch, SubsearchArgument};
use crate::value::Value;
use crate::wanted::Wanted;
use hashbrown::HashMap;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Most rows of the subsearch. spl.md §11.4.
const MAX_ROWS: usize = 50_000;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Join {
    /// Whether rows without a match stay.
    pub keeps_all: bool,
    /// Matches used for each row; 0 is all.
    pub max_matches: usize,
    /// Whether the subsearch's fields replace those of the same name.
    pub overwrite: bool,
    /// Which matches count by their time.
    pub times: Times,
    /// Fields that must agree; none for all that both sides have.
    pub fields: Vec<String>,
    /// The names of the sides, if they have some; then `fields` is empty.
    pub sides: Option<Sides>,
    /// The other rows.
    pub subsearch: Subsearch,
}

/// `left=… right=… WHERE …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    /// What the rows before the command are called.
    pub left: String,
    /// What the rows of the subsearch are called.
    pub right: String,
    /// The fields of the left and of the right side that must agree; at least one pair.
    pub pairs: Vec<(String, String)>,
}

impl Sides {
    /// Reads the conditions, up to the subsearch.
    fn parse(args: &mut Args<'_>, left: String, right: String) -> Result<Self, QueryError> {
        if !args.keyword("WHERE") {
            return Err(args.cursor.expected("WHERE"));
        }
        let mut pairs = Vec::new();
        loop {
            args.cursor.skip_separators();
            if args.cursor.peek() == Some('[') && !pairs.is_empty() {
                return Ok(Self { left, right, pairs });
            }
            if !pairs.is_empty() {
                args.keyword("AND");
            }
            let first = args.expect_plain_name()?;
            args.cursor.expect("=")?;
            args.cursor.eat("=");
            let second = args.expect_plain_name()?;
            let of = |side: &str, name: &str| {
                name.strip_prefix(side).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned)
            };
            let pair = of(&left, &first.value).zip(of(&right, &second.value));
            let pair = pair.or_else(|| of(&left, &second.value).zip(of(&right, &first.value)));
            pairs.push(pair.ok_or_else(|| {
                QueryError::rule("a condition compares a field of each side", first.span.to(second.span))
                    .with_hint(format!("write {left}.field={right}.field"))
            })?);
        }
    }
}

/// Which rows of the subsearch count as matches by their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// All.
    Any,
    /// Those not later than the row.
    Earlier,
    /// Those not earlier than the row.
    Later,
}

const OPTIONS: [&str; 7] = ["type", "max", "overwrite", "usetime", "earlier", "left", "right"];

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let (mut keeps_all, mut max_matches, mut overwrite) = (false, 1, true);
    let (mut use_time, mut earlier) = (false, true);
    let (mut left, mut right, mut sides) = (None, None, None);
    let mut fields = Vec::new();
    loop {
        if let Some((name, value)) = args.option(&OPTIONS)? {
            match name {
                "type" => {
                    keeps_all = match value.value.to_ascii_lowercase().as_str() {
                        "inner" => false,
                        "left" | "outer" => true,
                        _ => return Err(bad_value(&value, "inner, left or outer")),
                    }
                }
                "max" => max_matches = count(&value)?,
                "overwrite" => overwrite = boolean(&value)?,
                "usetime" => use_time = boolean(&value)?,
                "earlier" => earlier = boolean(&value)?,
                "left" => left = Some(value.value),
                _ => right = Some(value.value),
            }
            continue;
        }
        args.cursor.skip_separators();
        if (left.is_some() || right.is_some()) && fields.is_empty() && sides.is_none() {
            match (left.take(), right.take()) {
                (Some(left), Some(right)) => sides = Some(Sides::parse(&mut args, left, right)?),
                (None, _) => return Err(args.cursor.expected("left=")),
                (_, None) => return Err(args.cursor.expected("right=")),
            }
            continue;
        }
        if args.cursor.peek() == Some('[') || args.cursor.peek().is_none() {
            break;
        }
        fields.push(args.expect_plain_name()?.value);
    }
    let subsearch = Subsearch::expect(&mut args.cursor)?;
    args.finish()?;
    if left.is_some() || right.is_some() {
        return Err(QueryError::rule("the sides are named before the fields that must agree", subsearch.span)
            .with_hint("write left=L right=R WHERE L.field=R.field"));
    }
    let times = match (use_time, earlier) {
        (false, _) => Times::Any,
        (true, true) => Times::Earlier,
        (true, false) => Times::Later,
    };
    Ok(Box::new(Join { keeps_all, max_matches, overwrite, times, fields, sides, subsearch }))
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("join ")?;
        f.write_str(if self.keeps_all { "type=left " } else { "" })?;
        if self.max_matches != 1 {
            write!(f, "max={} ", self.max_matches)?;
        }
        f.write_str(if self.overwrite { "" } else { "overwrite=f " })?;
        f.write_str(match self.times {
            Times::Any => "",
            Times::Earlier => "usetime=t ",
            Times::Later => "usetime=t earlier=f ",
        })?;
        self.fields.iter().try_for_each(|field| write!(f, "{} ", quote_name(field)))?;
        if let Some(Sides { left, right, pairs }) = &self.sides {
            write!(f, "left={} right={} WHERE ", quote_name(left), quote_name(right))?;
            for (mine, theirs) in pairs {
                let (mine, theirs) = (format!("{left}.{mine}"), format!("{right}.{theirs}"));
                write!(f, "{}={} ", quote_name(&mine), quote_name(&theirs))?;
            }
        }
        self.subsearch.fmt(f)
    }
}

impl Command for Join {
    fn kind(&self) -> CommandKind {
        if self.keys().is_some() { CommandKind::Streaming } else { CommandKind::Ordered }
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        // Names of sides become parts of the names of all fields.
        if self.fields.is_empty() {
            return Wanted::All;
        }
        let mut wanted = downstream.clone();
        self.fields.iter().for_each(|field| wanted.add(field));
        if self.times != Times::Any {
            wanted.add("_time");
        }
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let table = self.keys().map(|keys| Table::new(self, keys, ctx.rows_of(&self.subsearch)));
        Box::new(JoinOperator {
            command: self.clone(),
            table,
            kept: Batch::default(),
            memory: Memory::new(ctx, "join"),
            ctx: Arc::clone(ctx),
        })
    }

    fn subsearches(&self) -> Vec<SubsearchArgument<'_>> {
        vec![SubsearchArgument { command: "join", subsearch: &self.subsearch, max_rows: MAX_ROWS }]
    }
}

/// The fields that must agree, on each side.
struct Keys {
    left: Vec<String>,
    right: Vec<String>,
}

impl Keys {
    fn same(fields: &[String]) -> Self {
        Self { left: fields.to_vec(), right: fields.to_vec() }
    }
}

impl Join {
    /// What must agree; `None` if the rows decide.
    fn keys(&self) -> Option<Keys> {
        match &self.sides {
            Some(sides) => {
                let (left, right) = sides.pairs.iter().cloned().unzip();
                Some(Keys { left, right })
            }
            None => (!self.fields.is_empty()).then(|| Keys::same(&self.fields)),
        }
    }
}

/// The rows of the subsearch by their key.
struct Table {
    keeps_all: bool,
    max_matches: usize,
    overwrite: bool,
    times: Times,
    keys: Keys,
    sides: Option<Sides>,
    rows: Arc<Batch>,
    by_key: HashMap<Vec<u8>, Vec<u32>>,
}

impl Table {
    fn new(command: &Join, keys: Keys, rows: Arc<Batch>) -> Self {
        let mut by_key: HashMap<Vec<u8>, Vec<u32>> = HashMap::new();
        let columns = columns_of(&rows, &keys.right);
        let mut key = Vec::new();
        for row in 0..rows.len() {
            if read_key(&columns, row, &mut key) {
                by_key.entry_ref(&key[..]).or_default().push(row as u32);
            }
        }
        Self {
            keeps_all: command.keeps_all,
            max_matches: if command.max_matches == 0 { usize::MAX } else { command.max_matches },
            overwrite: command.overwrite,
            times: command.times,
            keys,
            sides: command.sides.clone(),
            rows,
            by_key,
        }
    }

    fn join(&self, batch: &Batch) -> Batch {
        /// A row without a match.
        const NONE: u32 = u32::MAX;
        let columns = columns_of(batch, &self.keys.left);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let mut key = Vec::new();
        for row in 0..batch.len() {
            let found = if read_key(&columns, row, &mut key) { self.by_key.get(&key) } else { None };
            let n_before = right.len();
            let matches = found.into_iter().flatten().filter(|other| self.is_in_time(batch, row, **other as usize));
            right.extend(matches.take(self.max_matches));
            if right.len() == n_before && self.keeps_all {
                right.push(NONE);
            }
            left.resize(right.len(), row as u32);
        }
        let mut joined = batch.copy_rows(&left);
        if let Some(sides) = &self.sides {
            for name in batch.fields().iter().filter(|name| !name.starts_with('_')) {
                joined.rename_column(name, &format!("{}.{name}", sides.left));
            }
        }
        for (name, theirs) in self.rows.iter() {
            let name = match &self.sides {
                Some(_) if name.starts_with('_') => continue,
                Some(sides) => Cow::Owned(format!("{}.{name}", sides.right)),
                None if self.keys.right.iter().any(|field| field == name) => continue,
                None => Cow::Borrowed(name),
            };
            let name = &*name;
            let mut cells = joined.column(name).map_or_else(|| vec![Value::Null; joined.len()], <[Value]>::to_vec);
            for (cell, other) in cells.iter_mut().zip(&right).filter(|(_, other)| **other != NONE) {
                let value = &theirs[*other as usize];
                if !value.is_null() && (self.overwrite || cell.is_null()) {
                    *cell = value.clone();
                }
            }
            joined.set_column(name, cells);
        }
        joined
    }

    fn is_in_time(&self, batch: &Batch, row: usize, other: usize) -> bool {
        if self.times == Times::Any {
            return true;
        }
        let (mine, theirs) = (batch.value(row, "_time").as_number(), self.rows.value(other, "_time").as_number());
        mine.zip(theirs).is_some_and(|(mine, theirs)| match self.times {
            Times::Any => true,
            Times::Earlier => theirs <= mine,
            Times::Later => theirs >= mine,
        })
    }
}

fn columns_of<'b>(batch: &'b Batch, fields: &[String]) -> Vec<Option<&'b [Value]>> {
    fields.iter().map(|field| batch.column(field)).collect()
}

/// Writes the key of a row to `key`; false if a cell of it is null.
fn read_key(columns: &[Option<&[Value]>], row: usize, key: &mut Vec<u8>) -> bool {
    key.clear();
    columns.iter().all(|column| match column.map(|column| &column[row]) {
        None | Some(Value::Null) => false,
        Some(value) => {
            value.with_text(|text| key.extend_from_slice(text.as_bytes()));
            // Keeps ("ab", "c") and ("a", "bc") apart.
            key.push(0xff);
            true
        }
    })
}

struct JoinOperator {
    command: Join,
    /// `None` as long as the fields are not known.
    table: Option<Table>,
    /// Rows that wait for that.
    kept: Batch,
    memory: Memory,
    ctx: Arc<Context>,
}

impl Operator for JoinOperator {
    fn push(&mut self, batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        match &self.table {
            Some(table) => {
                out(table.join(&batch));
            }
            None => {
                self.memory.grow(batch.bytes())?;
                self.kept.append(batch);
            }
        }
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        if self.table.is_some() {
            return Ok(());
        }
        let rows = self.ctx.rows_of(&self.command.subsearch);
        // Whether a side has a column without any value must not show.
        let has_values = |column: &[Value]| column.iter().any(|cell| !cell.is_null());
        let is_common = |name: &str, theirs: &[Value]| {
            !name.starts_with('_') && has_values(theirs) && self.kept.column(name).is_some_and(has_values)
        };
        let fields = rows.iter().filter(|(name, theirs)| is_common(name, theirs));
        let fields: Vec<String> = fields.map(|(name, _)| name.to_owned()).collect();
        if !fields.is_empty() {
            out(Table::new(&self.command, Keys::same(&fields), rows).join(&self.kept));
        } else if self.command.keeps_all {
            out(std::mem::take(&mut self.kept));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    const CITIES: &str = "[| makeresults format=csv data=\"id,city\n1,Bern\n1,Biel\n2,\" | fields - _time]";

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("join id [search x]", "join id [search x]"),
            ("join type=outer max=0 a, b overwrite=f [search x]", "join type=left max=0 overwrite=f a b [search x]"),
            ("JOIN usetime=t earlier=f [search x]", "join usetime=t earlier=f [search x]"),
            (
                "join max=0 left=L right=\"the other\" where \"the other.b\"==L.a, L.c=\"the other.d\" [search x]",
                "join max=0 left=L right=\"the other\" WHERE L.a=\"the other.b\" L.c=\"the other.d\" [search x]",
            ),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("join id", "", "expected a subsearch in brackets, found the end");
        check_refused("join type=full id [x]", "full", "`full` is not inner, left or outer");
        check_refused("join left=L where L.a=R.a [x]", "where", "expected right=, found `where`");
        check_refused("join left=L right=R [x]", "[", "expected WHERE, found `[`");
        check_refused("join a left=L right=R [x]", "[x]", "the sides are named before the fields that must agree");
        check_refused("join left=L right=R where L.a=b [x]", "L.a=b", "a condition compares a field of each side");
        check_refused("join id* [x]", "id*", "wildcards are not allowed here");
    }

    #[test]
    fn rows_are_joined() {
        let input = "id=1 u=a\nid=2 u=b\nid=3 u=c\nu=d";
        check_rows(input, &format!("join id {CITIES}"), "id=1 u=a city=Bern\nid=2 u=b");
        check_rows(input, &format!("join type=left id {CITIES}"), "id=1 u=a city=Bern\nid=2 u=b\nid=3 u=c\nu=d");
        check_rows(input, &format!("join max=0 id {CITIES}"), "id=1 u=a city=Bern\nid=1 u=a city=Biel\nid=2 u=b");
        check_rows(input, &format!("join {CITIES}"), "id=1 u=a city=Bern\nid=2 u=b");
    }

    #[test]
    fn fields_of_the_subsearch_win_unless_told_otherwise() {
        let input = "id=1 city=Rom";
        check_rows(input, &format!("join id {CITIES}"), "id=1 city=Bern");
        check_rows(input, &format!("join overwrite=f id {CITIES}"), "id=1 city=Rom");
    }

    #[test]
    fn values_agree_as_text() {
        check_rows("id=1.0", &format!("join id {CITIES}"), "");
        check_rows("a=ab b=c\na=a b=bc", "join a b [| makeresults | eval a=\"a\", b=\"bc\" | table a b]", "a=a b=bc");
    }

    #[test]
    fn times_decide_on_request() {
        let other = "[| makeresults | eval _time=5, id=1, y=1 | table _time id y]";
        let input = "_time=4 id=1\n_time=6 id=1";
        check_rows(input, &format!("join usetime=t overwrite=f id {other}"), "_time=6 id=1 y=1");
        check_rows(input, &format!("join usetime=t earlier=f overwrite=f id {other}"), "_time=4 id=1 y=1");
    }

    #[test]
    fn fields_read() {
        check_fields_read("join id [search x]", &["a"], "a id");
        check_fields_read("join [search x]", &["a"], "*");
    }
}
