//! Completes rows from a lookup table: a CSV file beside the events.
//!
//! **Syntax**
//!
//! `lookup [local=b] [update=b] <table> <column> [AS <field>] … [(OUTPUT | OUTPUTNEW) <column> [AS <field>] …]`
//!
//! **Arguments**
//!
//! - table: a definition of the configuration, or a file of the folder of lookup tables, with or without `.csv`. The file may
//!   be compressed with gzip or zstd.
//! - column `AS` field: a column of the table and the field of the row that must have its value. Without `AS` both have the
//!   same name. All of them must agree.
//! - `OUTPUT`: columns to take, and the fields to put them in. `OUTPUTNEW` only where the row does not have the field.
//!   Without either, all columns that are not compared are taken.
//! - `local`, `update`: accepted, without effect.
//!
//! **Semantics**
//!
//! Values are compared as text, with case. A definition may say otherwise: without case, with `*` in the cells of the table, by
//! the networks in the cells, or by time. An empty cell matches nothing, and neither does a field that is missing. Of a
//! multivalue field each value may match.
//!
//! A row that matches several lines gets the values of all of them, in the order of the table, up to 100 lines; a definition
//! may set another bound. Lines that hold from a time on are used the latest first, and only the latest one unless the
//! definition says otherwise.
//!
//! A row that matches nothing stays as it is, unless the definition has a default. A row that matches an empty cell loses the
//! field.
//!
//! **Kind** streaming.
//!
//! **Memory** the table and an index of it, once for all workers.
//!
//! **Examples**
//!
//! With the table `hosts.csv`
//!
//! ```text
//! host,owner,room
//! db-01,anna,A1
//! db-02,ben,
//! db-02,carla,B2
//! ```
//!
//! ```example
//! host=db-01 owner=nobody
//! host=db-02
//! host=web-01 owner=nobody
//! > lookup hosts host OUTPUT owner
//! host=db-01 owner=anna
//! host=db-02 owner=[ben,carla]
//! host=web-01 owner=nobody
//! ```
//!
//! ```example
//! server=db-01 owner=nobody
//! > lookup hosts.csv host AS server OUTPUTNEW owner room AS place
//! server=db-01 owner=nobody place=A1
//! ```
//!
//! **Differences** A definition may set any bound of lines; more lines than the bound that nobody set are a warning.

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::{Context, Warning};
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::lookup::{LookupError, Matcher};
use crate::time::from_seconds;
use crate::value::Value;
use crate::wanted::Wanted;
use hashbrown::HashMap;
use std::fmt;
use std::sync::Arc;

const NAME: &str = "lookup";

/// The parsed command.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// The table.
    pub table: String,
    /// The columns that are compared; at least one.
    pub inputs: Vec<TableField>,
    /// What is taken; `None` for all other columns.
    pub outputs: Option<Outputs>,
    /// Whether the time of the row decides which lines match.
    pub reads_time: bool,
}

/// A column of a table and the field of a row that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct TableField {
    /// The column.
    pub column: String,
    /// The field.
    pub field: String,
}

/// What a lookup takes from the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    /// The columns; at least one.
    pub fields: Vec<TableField>,
    /// `OUTPUTNEW`: only where the field is null.
    pub only_new: bool,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    while args.option(&["local", "update"])?.is_some() {}
    let table = args.expect_table()?.value;
    let inputs = table_fields(&mut args, &["OUTPUT", "OUTPUTNEW"])?;
    let only_new = args.keyword("OUTPUTNEW");
    let outputs = match only_new || args.keyword("OUTPUT") {
        true => Some(Outputs { fields: table_fields(&mut args, &[])?, only_new }),
        false => None,
    };
    args.finish()?;
    let reads_time = args.cursor.knowledge().lookups.reads_time(&table);
    Ok(Box::new(Lookup { table, inputs, outputs, reads_time }))
}

/// `column [AS field] …`, at least one.
fn table_fields(args: &mut Args<'_>, until: &[&str]) -> Result<Vec<TableField>, QueryError> {
    let mut fields: Vec<TableField> = Vec::new();
    loop {
        args.cursor.skip_separators();
        if !fields.is_empty() && (args.cursor.at_end() || args.at_keyword(until)) {
            return Ok(fields);
        }
        if args.at_keyword(until) {
            return Err(args.cursor.expected("the name of a column"));
        }
        let column = args.expect_plain_name()?;
        let field = if args.keyword("AS") { args.expect_plain_name()? } else { column.clone() };
        if fields.iter().any(|other| other.field == field.value) {
            return Err(QueryError::rule(format!("`{}` is named twice", field.value), field.span));
        }
        fields.push(TableField { column: column.value, field: field.value });
    }
}

impl fmt::Display for TableField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}", quote_name(&self.column))?;
        if self.field == self.column { Ok(()) } else { write!(f, " AS {}", quote_name(&self.field)) }
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME} {}", quote_name(&self.table))?;
        self.inputs.iter().try_for_each(|input| input.fmt(f))?;
        match &self.outputs {
            Some(outputs) => {
                f.write_str(if outputs.only_new { " OUTPUTNEW" } else { " OUTPUT" })?;
                outputs.fields.iter().try_for_each(|output| output.fmt(f))
            }
            None => Ok(()),
        }
    }
}

impl Command for Lookup {
    fn kind(&self) -> CommandKind {
        CommandKind::Streaming
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        // Also what is put out: a row that matches nothing keeps what it has.
        let mut wanted = downstream.clone();
        self.inputs.iter().for_each(|input| wanted.add(&input.field));
        if self.reads_time {
            wanted.add("_time");
        }
        wanted
    }

    fn prepare(&self, ctx: &Arc<Context>) -> Result<()> {
        Prepared::new(self, ctx).map(drop)
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(LookupOperator { command: self.clone(), ctx: Arc::clone(ctx), prepared: None })
    }
}

struct LookupOperator {
    command: Lookup,
    ctx: Arc<Context>,
    /// From the first rows on.
    prepared: Option<Prepared>,
}

/// The command with its table.
struct Prepared {
    matcher: Arc<Matcher>,
    /// The place of each column that is taken, and its field.
    outputs: Vec<(usize, String)>,
    only_new: bool,
    memo: Memo,
}

impl Prepared {
    fn new(command: &Lookup, ctx: &Context) -> Result<Self> {
        let prepared = || -> Result<Self, LookupError> {
            let columns: Vec<String> = command.inputs.iter().map(|input| input.column.clone()).collect();
            let matcher = ctx.tables().matcher(ctx, NAME, &command.table, &columns)?;
            let table = matcher.table();
            let outputs = match &command.outputs {
                _ if matcher.is_void() => Vec::new(),
                Some(outputs) => {
                    let place = |output: &TableField| Ok((table.column(&output.column)?, output.field.clone()));
                    outputs.fields.iter().map(place).collect::<Result<_, LookupError>>()?
                }
                None => {
                    let all = table.rows().fields().iter().enumerate();
                    let taken = all.filter(|(_, name)| !columns.iter().any(|column| column == name));
                    taken.map(|(place, name)| (place, name.to_owned())).collect()
                }
            };
            let only_new = command.outputs.as_ref().is_some_and(|outputs| outputs.only_new);
            Ok(Self { matcher, outputs, only_new, memo: Memo::default() })
        };
        prepared().map_err(|error| error.of(NAME))
    }
}

impl Operator for LookupOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let prepared = match &mut self.prepared {
            Some(prepared) => prepared,
            none => none.insert(Prepared::new(&self.command, &self.ctx)?),
        };
        let mut found = Found::default();
        let inputs = self.command.inputs.iter().map(|input| batch.column(&input.field)).collect::<Option<Vec<_>>>();
        let is_cut = match inputs {
            Some(inputs) => prepared.find(&batch, &inputs, &mut found),
            None => false,
        };
        if is_cut && prepared.matcher.warns_when_cut() {
            let kept = prepared.matcher.max_matches();
            self.ctx.warn(Warning::LookupCut { table: self.command.table.clone(), kept });
        }
        for (column, field) in &prepared.outputs {
            let present = batch.column(field);
            let cells = (0..batch.len()).map(|row| {
                let present = present.map_or(&Value::Null, |cells| &cells[row]);
                if prepared.only_new && !present.is_null() {
                    return present.clone();
                }
                let output = found.of(row).and_then(|lines| prepared.matcher.output(lines, *column));
                output.unwrap_or_else(|| present.clone())
            });
            let cells = cells.collect();
            batch.set_column(field, cells);
        }
        out(batch);
        Ok(Flow::More)
    }
}

impl Prepared {
    /// Finds the lines for each row; true if there are more than are used for some row.
    fn find(&mut self, batch: &Batch, inputs: &[&[Value]], found: &mut Found) -> bool {
        let times = batch.column("_time");
        let mut row_inputs: Vec<&Value> = Vec::with_capacity(inputs.len());
        let mut lines = Vec::new();
        let mut is_cut = false;
        for row in 0..batch.len() {
            row_inputs.clear();
            row_inputs.extend(inputs.iter().map(|cells| &cells[row]));
            if row_inputs.iter().any(|input| input.is_null()) {
                found.skip();
                continue;
            }
            let time_us = times.and_then(|times| times[row].as_number()).and_then(from_seconds);
            is_cut |= if self.matcher.is_slow() {
                self.memo.find(&self.matcher, &row_inputs, &mut lines)
            } else {
                self.matcher.find(&row_inputs, time_us, &mut lines)
            };
            found.add(&lines);
        }
        is_cut
    }
}

/// The lines found for each row.
#[derive(Default)]
struct Found {
    lines: Vec<u32>,
    /// For each row where its lines stand; `None` if it had nothing to look for.
    rows: Vec<Option<(usize, usize)>>,
}

impl Found {
    fn add(&mut self, lines: &[u32]) {
        let start = self.lines.len();
        self.lines.extend_from_slice(lines);
        self.rows.push(Some((start, self.lines.len())));
    }

    fn skip(&mut self) {
        self.rows.push(None);
    }

    fn of(&self, row: usize) -> Option<&[u32]> {
        let (start, end) = (*self.rows.get(row)?)?;
        Some(&self.lines[start..end])
    }
}

/// What was found before, for tables in which finding means trying many patterns: fields of events have few values that come
/// again and again.
#[derive(Default)]
struct Memo {
    answers: HashMap<Box<[u8]>, Answer>,
    n_bytes: usize,
    key: Vec<u8>,
}

struct Answer {
    lines: Box<[u32]>,
    is_cut: bool,
}

impl Memo {
    /// Most bytes that one worker remembers.
    const MAX_BYTES: usize = 4 << 20;

    fn find(&mut self, matcher: &Matcher, inputs: &[&Value], lines: &mut Vec<u32>) -> bool {
        self.key.clear();
        for input in inputs {
            let values = input.each();
            self.key.extend_from_slice(&values.len().to_le_bytes());
            for value in values {
                value.with_text(|text| {
                    self.key.extend_from_slice(&text.len().to_le_bytes());
                    self.key.extend_from_slice(text.as_bytes());
                });
            }
        }
        if let Some(known) = self.answers.get(self.key.as_slice()) {
            lines.clear();
            lines.extend_from_slice(&known.lines);
            return known.is_cut;
        }
        let is_cut = matcher.find(inputs, None, lines);
        if self.n_bytes > Self::MAX_BYTES {
            self.answers.clear();
            self.n_bytes = 0;
        }
        self.n_bytes += self.key.len() + size_of_val(lines.as_slice()) + size_of::<(Box<[u8]>, Answer)>();
        self.answers.insert(self.key.as_slice().into(), Answer { lines: lines.as_slice().into(), is_cut });
        is_cut
    }
}

#[cfg(test)]
mod tests {
    use crate::context::Warning;
    use crate::lookup::{LookupDefinition, Lookups, MatchKind, TimeMatch};
    use crate::testing::*;
    use crate::{Knowledge, SearchOptions};
    use std::sync::Arc;

    /// Options with one table `t`, defined so.
    fn options_with(csv: &str, definition: LookupDefinition) -> SearchOptions {
        let lookups = lookups();
        write_table(lookups.dir.as_deref().unwrap(), "t.csv", csv);
        let definitions = [("t".to_owned(), definition)].into();
        let knowledge = Knowledge { lookups: Lookups { definitions, ..lookups }, ..Knowledge::default() };
        SearchOptions { knowledge: Arc::new(knowledge), ..options() }
    }

    #[track_caller]
    fn check(csv: &str, definition: &LookupDefinition, input: &str, query: &str, expected: &str) {
        check_rows_in(|| context_with(options_with(csv, definition.clone())), input, query, expected);
    }

    fn plain() -> LookupDefinition {
        LookupDefinition::of_file("t.csv")
    }

    #[track_caller]
    fn check_fails(query: &str, message: &str) {
        let ctx = Arc::new(context());
        let folder = ctx.caller().knowledge.lookups.dir.clone().unwrap();
        let error = execute(&ctx, &commands(query), &rows("host=a"), 1, 1).unwrap_err().to_string();
        assert_eq!(error.replace(folder.to_str().unwrap(), "DIR"), message, "{query}");
    }

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("lookup local=t update=f hosts host", "lookup hosts host"),
            (
                "lookup hosts.csv host as h, ip OUTPUT owner as o, room",
                "lookup hosts.csv host AS h ip OUTPUT owner AS o room",
            ),
            ("LOOKUP \"my hosts\" host outputnew \"a b\"", "lookup \"my hosts\" host OUTPUTNEW \"a b\""),
            ("lookup t \"output\" AS \"as\"", "lookup t \"output\" AS \"as\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("lookup", "", "expected the name of a lookup table, found the end");
        check_refused("lookup hosts", "", "expected the name of a field, found the end");
        check_refused("lookup hosts OUTPUT x", "OUTPUT", "expected the name of a column, found `OUTPUT`");
        check_refused("lookup hosts host OUTPUT", "", "expected the name of a field, found the end");
        check_refused("lookup hosts ho*", "ho*", "wildcards are not allowed here");
        check_refused("lookup hosts host OUTPUT a AS x b AS x", "x", "`x` is named twice");
        check_refused("lookup lcal=t hosts host", "lcal", "`lookup` has no option `lcal`");
        check_refused(
            "lookup ../hosts host",
            "../hosts",
            "`../hosts` leaves the folder of lookup tables: a table is named without its folder",
        );
    }

    #[test]
    fn fields_read() {
        check_fields_read("lookup hosts host AS h OUTPUT owner", &["owner"], "h owner");
        let mut options = options_with("", plain());
        let lookups = &mut Arc::make_mut(&mut options.knowledge).lookups;
        lookups.definitions.get_mut("t").unwrap().time = Some(since());
        let pipeline = crate::parse_with("* | lookup t x", &options.knowledge).unwrap();
        let read = pipeline.commands[0].fields_read(&crate::Wanted::of(["a"]));
        assert_eq!(read, crate::Wanted::of(["_time", "a", "x"]));
    }

    #[test]
    fn what_is_missing_is_named() {
        check_fails(
            "lookup hsots host",
            "`lookup`: there is no lookup table `hsots`; DIR has hosts.csv; did you mean `hosts`?",
        );
        check_fails(
            "lookup hosts server AS host",
            "`lookup`: the lookup table DIR/hosts.csv has no column `server`; it has host, owner, room",
        );
        check_fails(
            "stats count AS host | lookup hosts host OUTPUT onwer",
            "`lookup`: the lookup table DIR/hosts.csv has no column `onwer`; it has host, owner, room; did you mean `owner`?",
        );
        let none = Arc::new(context_with(SearchOptions::new(NOW_US)));
        let error = execute(&none, &commands("lookup hosts host"), &[], 1, 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`lookup`: there is no lookup table `hosts`, for no folder of lookup tables is configured"
        );
        let mut definition = plain();
        definition.matches.insert("nett".into(), MatchKind::Cidr);
        let ctx = Arc::new(context_with(options_with("net,x\n", definition)));
        let error = execute(&ctx, &commands("lookup t net"), &[], 1, 1).unwrap_err().to_string();
        assert!(error.ends_with("has no column `nett`; it has net, x; did you mean `net`?"), "{error}");
    }

    #[test]
    fn without_output_all_other_columns_are_taken() {
        check_rows("host=db-01 room=x", "lookup hosts host", "host=db-01 room=A1 owner=anna");
        check_rows("h=db-01", "lookup hosts host AS h", "h=db-01 owner=anna room=A1");
        check_columns("h=web", "lookup hosts host AS h", "h owner room");
    }

    #[test]
    fn several_columns_must_agree() {
        check_rows(
            "host=db-02 owner=carla\nhost=db-01 owner=carla\nhost=db-02",
            "lookup hosts host owner OUTPUT room",
            "host=db-02 owner=carla room=B2\nhost=db-01 owner=carla\nhost=db-02",
        );
    }

    #[test]
    fn matched_empty_cells_take_the_field_away() {
        let csv = "k,v\n1,\n,x\n";
        check(
            csv,
            &plain(),
            "k=1 v=old\nk=2 v=old\nv=old\nk=\"\" v=old",
            "lookup t k",
            "k=1\nk=2 v=old\nv=old\nk=\"\" v=old",
        );
        check(csv, &plain(), "k=1 v=old", "lookup t k OUTPUTNEW v", "k=1 v=old");
    }

    #[test]
    fn trap_15_several_matches_are_several_values() {
        check_rows("host=db-02", "lookup hosts host OUTPUT owner room", "host=db-02 owner=[ben,carla] room=B2");
        check_rows(
            "host=[db-01,x,db-02]",
            "lookup hosts host OUTPUT owner",
            "host=[db-01,x,db-02] owner=[anna,ben,carla]",
        );
        check_rows("host=[db-01,db-01]", "lookup hosts host OUTPUT owner", "host=[db-01,db-01] owner=anna");
    }

    #[test]
    fn numbers_are_compared_as_text() {
        let csv = "code,text\n404,missing\n7,seven\n";
        check(csv, &plain(), "code=404", "eval code=code+0 | lookup t code", "code=404 text=missing");
        check(csv, &plain(), "code=7.0\ncode=07", "lookup t code", "code=7.0\ncode=07");
    }

    #[test]
    fn case_counts_unless_defined() {
        let csv = "k,v\nAlpha,1\nÄ,2\n";
        check(csv, &plain(), "k=alpha\nk=Alpha", "lookup t k", "k=alpha\nk=Alpha v=1");
        let definition = LookupDefinition { case_sensitive: false, ..plain() };
        check(csv, &definition, "k=alpha\nk=ALPHA\nk=ä", "lookup t k", "k=alpha v=1\nk=ALPHA v=1\nk=ä v=2");
    }

    #[test]
    fn patterns() {
        let csv = "path,kind,n\n/api/*,api,1\n*.css,static,2\n*,any,3\n,none,4\n";
        let definition = LookupDefinition { matches: [("path".to_owned(), MatchKind::Wildcard)].into(), ..plain() };
        let input = "path=/api/x.css\npath=/API/\npath=x\npath=x\nother=1";
        check(
            csv,
            &definition,
            input,
            "lookup t path OUTPUT kind",
            "path=/api/x.css kind=[api,static,any]\npath=/API/ kind=any\npath=x kind=any\npath=x kind=any\nother=1",
        );
        let definition = LookupDefinition { case_sensitive: false, max_matches: Some(1), ..definition };
        check(csv, &definition, "path=/API/", "lookup t path OUTPUT kind", "path=/API/ kind=api");
        check(
            csv,
            &definition,
            "path=/api/x.css n=2",
            "lookup t path n OUTPUT kind",
            "path=/api/x.css n=2 kind=static",
        );
    }

    #[test]
    fn networks() {
        let csv = "net,zone\n10.0.0.0/8,inside\n10.1.0.0/16,office\n10.1.2.3,printer\n2001:db8::/32,v6\nbad,bad\n0.0.0.0/0,all\n";
        let definition = LookupDefinition { matches: [("net".to_owned(), MatchKind::Cidr)].into(), ..plain() };
        check(
            csv,
            &definition,
            "ip=10.1.2.3\nip=10.9.9.9\nip=8.8.8.8\nip=2001:db8::1\nip=bad\nip=::1",
            "lookup t net AS ip",
            "ip=10.1.2.3 zone=[inside,office,printer,all]\nip=10.9.9.9 zone=[inside,all]\nip=8.8.8.8 zone=all\n\
             ip=2001:db8::1 zone=v6\nip=bad\nip=::1",
        );
    }

    #[test]
    fn defaults_stand_for_missing_lines() {
        let definition = LookupDefinition { min_matches: 1, default: "unknown".into(), ..plain() };
        let csv = "k,v\na,1\n";
        check(csv, &definition, "k=a\nk=b v=old\nv=old", "lookup t k", "k=a v=1\nk=b v=unknown\nv=old");
        check(csv, &definition, "k=b v=old", "lookup t k OUTPUTNEW v", "k=b v=old");
        let definition = LookupDefinition { min_matches: 2, ..definition };
        check(csv, &definition, "k=a", "lookup t k", "k=a v=[1,unknown]");
    }

    fn since() -> TimeMatch {
        TimeMatch { column: "since".into(), format: None, max_offset_secs: 100, min_offset_secs: 0 }
    }

    #[test]
    fn the_latest_line_before_the_row_counts() {
        let csv = "ip,since,user\na,100,anna\na,150,ben\na,?,nobody\na,150,carla\nb,100,dora\n";
        let definition = LookupDefinition { time: Some(since()), ..plain() };
        let input = "_time=99 ip=a\n_time=100 ip=a\n_time=160 ip=a\n_time=250.5 ip=a\n_time=200 ip=b\nip=a";
        check(
            csv,
            &definition,
            input,
            "lookup t ip OUTPUT user",
            "_time=99 ip=a\n_time=100 ip=a user=anna\n_time=160 ip=a user=ben\n_time=250.5 ip=a\n_time=200 ip=b user=dora\nip=a",
        );
        let several = LookupDefinition { max_matches: Some(5), ..definition.clone() };
        check(csv, &several, "_time=160 ip=a", "lookup t ip OUTPUT user", "_time=160 ip=a user=[ben,carla,anna]");
        let late = TimeMatch { min_offset_secs: 20, ..since() };
        let late = LookupDefinition { time: Some(late), ..plain() };
        check(csv, &late, "_time=160 ip=a", "lookup t ip OUTPUT user", "_time=160 ip=a user=anna");
        let format = TimeMatch { format: Some("%Y-%m-%d %H:%M".into()), max_offset_secs: 86_400, ..since() };
        let dated = LookupDefinition { time: Some(format), ..plain() };
        let csv = "ip,since,user\na,2024-03-05 08:00,anna\n";
        check(
            csv,
            &dated,
            "_time=1709625600 ip=a\n_time=1709625599 ip=a",
            "lookup t ip OUTPUT user",
            "_time=1709625600 ip=a user=anna\n_time=1709625599 ip=a",
        );
    }

    #[test]
    fn a_cut_at_the_bound_nobody_set_is_a_warning() {
        let csv: String = std::iter::once("k,v\n".to_owned()).chain((0..150).map(|n| format!("a,{n}\n"))).collect();
        for (max_matches, kept, warnings) in [
            (None, 100, vec![Warning::LookupCut { table: "t".into(), kept: 100 }]),
            (Some(3), 3, vec![]),
            (Some(1000), 150, vec![]),
        ] {
            let ctx = Arc::new(context_with(options_with(&csv, LookupDefinition { max_matches, ..plain() })));
            let found = execute(&ctx, &commands("lookup t k"), &rows("k=a"), 1, 1).unwrap();
            assert_eq!((found.value(0, "v").each().len(), ctx.warnings()), (kept, warnings));
        }
    }

    #[test]
    fn an_empty_table_matches_nothing() {
        for csv in ["", "k,v\n"] {
            check(csv, &plain(), "k=a v=1", "lookup t k OUTPUT v", "k=a v=1");
        }
    }

    #[test]
    fn memory_is_limited() {
        let csv: String = std::iter::once("k,v\n".to_owned()).chain((0..5000).map(|n| format!("{n},x\n"))).collect();
        let mut options = options_with(&csv, plain());
        options.limits.max_memory_bytes = 100_000;
        let ctx = Arc::new(context_with(options.clone()));
        let error = execute(&ctx, &commands("lookup t k"), &rows("k=1"), 1, 1).unwrap_err();
        assert_eq!(error.to_string(), "`lookup` exceeds the limit max_memory_bytes = 100000");
        options.limits.max_memory_bytes = 10_000;
        let ctx = Arc::new(context_with(options));
        let error = execute(&ctx, &commands("lookup t k"), &rows("k=1"), 1, 1).unwrap_err().to_string();
        assert!(error.contains("max_memory_bytes = 10000"), "{error}");
    }
}
