//! Writes the rows as events to an index, and passes them on: a summary of today that is quickly searched next year.
//!
//! **Syntax**
//!
//! `collect index=<name> [source=s] [sourcetype=stash] [host=h] [marker="k=v, …"] [testmode=f] [addtime=t] [output_format=raw]`
//!
//! **Arguments**
//!
//! - `index`: the index that the events go to. It is made, if there is none of this name.
//! - `source`: their source. Default: the name of the search, or `collect` if it has none.
//! - `sourcetype`: their sourcetype. Default: `stash`, which knows how the events are written.
//! - `host`: their host. Default: this machine.
//! - `marker`: text that every event gets at its end: `marker="report=daily"` makes a field `report`.
//! - `testmode=t`: writes nothing.
//! - `addtime`, `output_format=raw`: accepted, without effect.
//!
//! **Semantics**
//!
//! An event is the row's time and its fields:
//!
//! ```text
//! 11/20/2026 14:05:00.000000 +0000, search_name="errors", orig_host="db-01", count="12"
//! ```
//!
//! The time is the row's `_time`; without one the start of the searched range, and where that is open, the start of the search.
//! Internal fields, whose names begin with `_`, and null values are left out; the text of an event is kept as `orig_raw`. What
//! every event has of its own is kept under another name: `host`, `source`, `sourcetype` and `index` as `orig_host` and so on.
//! Characters of a name other than letters, digits and `_` become `_`: `avg(x)` is found as `avg_x_`. Several values of a
//! field stand on lines of their own, and are read back as one value.
//!
//! All events are stored, and found by every search that begins from then on, before a row goes on to the next command. A
//! search that fails or is cancelled before that stores none.
//!
//! **Kind** ordered.
//!
//! **Memory** all rows.
//!
//! **Examples**
//!
//! ```example
//! host=db-01 count=12
//! host=db-02 count=3
//! > collect index=summary testmode=t | where count>10
//! host=db-01 count=12
//! ```
//!
//! **Differences** The index need not exist before. Every event begins with a time, whatever `addtime` says. Of events, too, the
//! fields are written, not the text alone.

use super::args::{bad_value, boolean, write_option};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::collector::{CollectedEvents, Collector};
use crate::context::{Context, Memory, Warning};
use crate::error::{QueryError, Result, RunError};
use crate::time::{TimeFormat, from_seconds};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt::{self, Write};
use std::sync::Arc;
use trawl_formats::event::IndexName;

const NAME: &str = "collect";
/// Sourcetype, where none is named.
const STASH: &str = "stash";
/// How the time of an event is written.
const TIME_FORMAT: &str = "%m/%d/%Y %H:%M:%S.%6N %z";
/// Fields that every event has of its own.
const OWN_FIELDS: [&str; 4] = ["host", "source", "sourcetype", "index"];
/// A longer event would be cut when it is stored.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// The parsed form.
#[derive(Clone, Debug, PartialEq)]
pub struct Collect {
    /// Where the events go.
    pub index: IndexName,
    /// Their source, if it is named.
    pub source: Option<String>,
    /// Their sourcetype, if it is named.
    pub sourcetype: Option<String>,
    /// Their host, if it is named.
    pub host: Option<String>,
    /// Text at the end of each event.
    pub marker: Option<String>,
    /// Whether nothing is written.
    pub is_test: bool,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut index = None;
    let (mut source, mut sourcetype, mut host, mut marker, mut is_test) = (None, None, None, None, false);
    let options = &["index", "source", "sourcetype", "host", "marker", "testmode", "addtime", "output_format"];
    while let Some((option, value)) = args.option(options)? {
        match option {
            "index" => {
                let name = IndexName::new(value.value.as_str());
                index =
                    Some(name.map_err(|_| {
                        bad_value(&value, "the name of an index: lower-case letters, digits, `_`, `-`")
                    })?);
            }
            "source" => source = Some(value.value),
            "sourcetype" => sourcetype = Some(value.value),
            "host" => host = Some(value.value),
            "marker" => marker = Some(value.value),
            "testmode" => is_test = boolean(&value)?,
            "addtime" => drop(boolean(&value)?),
            _ if value.value == "raw" => {}
            _ => return Err(bad_value(&value, "`raw`")),
        }
    }
    let index = index.ok_or_else(|| args.cursor.expected("index=<name>"))?;
    args.finish()?;
    Ok(Box::new(Collect { index, source, sourcetype, host, marker, is_test }))
}

impl fmt::Display for Collect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME} index={}", self.index)?;
        let texts = [
            ("source", &self.source),
            ("sourcetype", &self.sourcetype),
            ("host", &self.host),
            ("marker", &self.marker),
        ];
        for (name, text) in texts {
            text.iter().try_for_each(|text| write_option(f, name, text))?;
        }
        if self.is_test { f.write_str(" testmode=t") } else { Ok(()) }
    }
}

impl Command for Collect {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::All
    }

    fn can_preview(&self) -> bool {
        false
    }

    fn prepare(&self, ctx: &Arc<Context>) -> Result<()> {
        if self.is_test { Ok(()) } else { collector(ctx).map(|_| ()) }
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(CollectOperator {
            command: self.clone(),
            rows: Batch::default(),
            memory: Memory::new(ctx, NAME),
            ctx: Arc::clone(ctx),
        })
    }
}

fn error(message: impl Into<String>) -> RunError {
    RunError::Command { command: NAME, message: message.into() }
}

fn collector(ctx: &Context) -> Result<&Arc<dyn Collector>> {
    ctx.caller().collector.as_ref().ok_or_else(|| error("nothing can be written to an index here"))
}

/// Passes rows on only when their events are stored: a command behind that has enough, such as `head`, would otherwise end the
/// search before all rows are here.
struct CollectOperator {
    command: Collect,
    rows: Batch,
    memory: Memory,
    ctx: Arc<Context>,
}

impl Operator for CollectOperator {
    fn push(&mut self, mut batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        self.memory.grow(batch.bytes())?;
        batch.clear_order();
        self.rows.append(batch);
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        if !self.command.is_test {
            self.store()?;
        }
        out(std::mem::take(&mut self.rows));
        Ok(())
    }
}

impl CollectOperator {
    fn store(&mut self) -> Result<()> {
        let Self { command, rows, memory, ctx } = self;
        let collector = collector(ctx)?;
        let mut n_events = 0;
        if !rows.is_empty() {
            let search_name = ctx.caller().search_name.as_deref();
            let mut text = String::new();
            for row in 0..rows.len() {
                let start = text.len();
                write_event(&mut text, rows, row, command.marker.as_deref(), search_name, ctx)?;
                if text.len() - start > MAX_EVENT_BYTES {
                    return Err(error(format!("row {} is longer than an event may be, 1 MiB", row + 1)));
                }
            }
            memory.grow(text.len())?;
            ctx.cancel.check()?;
            let events = CollectedEvents {
                index: command.index.clone(),
                source: command.source.as_deref().or(search_name).unwrap_or(NAME).to_owned(),
                sourcetype: command.sourcetype.as_deref().unwrap_or(STASH).to_owned(),
                host: command.host.clone(),
                text,
            };
            n_events = collector.collect(&events).map_err(error)?;
        }
        ctx.warn(Warning::Collected { n: n_events, index: command.index.to_string() });
        Ok(())
    }
}

fn write_event(
    text: &mut String,
    rows: &Batch,
    row: usize,
    marker: Option<&str>,
    search_name: Option<&str>,
    ctx: &Context,
) -> Result<()> {
    let own_time = rows.value(row, "_time").as_number().and_then(from_seconds);
    let time_us = own_time.or(ctx.range.earliest).unwrap_or(ctx.now_us);
    let time = TimeFormat::new(TIME_FORMAT).format(time_us, ctx.zone);
    text.push_str(&time.ok_or_else(|| error("a row's time is beyond what can be written"))?);
    if let Some(name) = search_name {
        write_field(text, "search_name", &Value::text(name));
    }
    for (name, cells) in rows.iter() {
        let cell = &cells[row];
        match name {
            _ if cell.is_null() => {}
            "_raw" => write_field(text, "orig_raw", cell),
            _ if name.starts_with('_') => {}
            _ if OWN_FIELDS.contains(&name) => write_field(text, &format!("orig_{name}"), cell),
            _ => write_field(text, &plain_name(name), cell),
        }
    }
    if let Some(marker) = marker.filter(|marker| !marker.is_empty()) {
        text.push_str(", ");
        push_lines(text, marker);
    }
    text.push('\n');
    Ok(())
}

fn write_field(text: &mut String, name: &str, value: &Value) {
    // Writing to a string does not fail.
    let _ = write!(text, ", {name}=\"");
    for (at, value) in value.each().iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        value.with_text(|value| push_lines(text, &value.replace('\\', "\\\\").replace('"', "\\\"")));
    }
    text.push('"');
}

/// Adds text, of which no line may look like the beginning of an event.
fn push_lines(text: &mut String, lines: &str) {
    for (at, line) in lines.split('\n').enumerate() {
        if at > 0 {
            text.push('\n');
        }
        let is_like_stamp = line.as_bytes().get(..3).is_some_and(|start| start[0].is_ascii_digit() && start[2] == b'/');
        if is_like_stamp && text.ends_with('\n') {
            text.push(' ');
        }
        text.push_str(line);
    }
}

/// The name under which a field is found when it is read back.
fn plain_name(name: &str) -> String {
    let plain: String = name
        .trim_start_matches(|c: char| c.is_ascii_digit() || !is_name_char(c) || c == '_')
        .chars()
        .map(|c| if is_name_char(c) { c } else { '_' })
        .collect();
    if plain.is_empty() { "field".to_owned() } else { plain }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SearchOptions;
    use crate::testing::*;
    use std::sync::Mutex;

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<CollectedEvents>>);

    impl Collector for Kept {
        fn collect(&self, events: &CollectedEvents) -> Result<u64, String> {
            if events.host.as_deref() == Some("full") {
                return Err("the disk is full".to_owned());
            }
            self.0.lock().unwrap().push(events.clone());
            Ok(events.text.lines().filter(|line| line.contains(" +0000, ")).count() as u64)
        }
    }

    fn options_with(kept: &Arc<Kept>) -> SearchOptions {
        let collector: Arc<dyn Collector> = Arc::<Kept>::clone(kept);
        SearchOptions { collector: Some(collector), ..options() }
    }

    /// What the rows of a query become, and the rows that come out.
    fn collected(query: &str) -> (Vec<CollectedEvents>, String) {
        let kept = Arc::new(Kept::default());
        let rows = generated_with(query, &options_with(&kept)).unwrap();
        let events = kept.0.lock().unwrap().clone();
        (events, print(&rows))
    }

    fn text_of(query: &str) -> String {
        let (events, _) = collected(query);
        events.into_iter().map(|events| events.text).collect()
    }

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("collect index=summary", "collect index=summary"),
            (
                "collect testmode=true marker=\"a=b, c=d\" host=h source=\"my source\" addtime=f index=s sourcetype=kv output_format=raw",
                "collect index=s source=\"my source\" sourcetype=kv host=h marker=\"a=b, c=d\" testmode=t",
            ),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("collect", "", "expected index=<name>, found the end");
        check_refused(
            "collect index=Big",
            "Big",
            "`Big` is not the name of an index: lower-case letters, digits, `_`, `-`",
        );
        check_refused("collect index=s output_format=hec", "hec", "`hec` is not `raw`");
        check_refused("collect index=s spool=f", "spool", "`collect` has no option `spool`");
        check_refused("collect index=s x", "x", "expected the end of the command, found `x`");
    }

    const START: &str = "03/05/2026 15:47:33.000000 +0000, ";

    #[test]
    fn rows_become_events_and_pass() {
        let (events, rows) =
            collected("| makeresults format=csv data=\"n,host\n1,a\n2,\" | collect index=s marker=\"m=1\"");
        assert_eq!(rows.trim_end(), "n=1 host=a _time=1772725653\nn=2 _time=1772725653");
        assert_eq!(
            events,
            [CollectedEvents {
                index: IndexName::new("s").unwrap(),
                source: "collect".to_owned(),
                sourcetype: "stash".to_owned(),
                host: None,
                text: format!("{START}n=\"1\", orig_host=\"a\", m=1\n{START}n=\"2\", m=1\n"),
            }]
        );
    }

    #[test]
    fn times_and_names_and_values() {
        for (eval, expected) in [
            ("_time=1772000000.25, a=1", "02/25/2026 06:13:20.250000 +0000, a=\"1\"\n".to_owned()),
            ("a=\"x \\\"y\\\" \\\\ z\"", format!("{START}a=\"x \\\"y\\\" \\\\ z\"\n")),
            ("a=split(\"x y\", \" \")", format!("{START}a=\"x\ny\"\n")),
            ("'avg(x)'=1, '_b'=2, '9'=3, 'größe'=4", format!("{START}avg_x_=\"1\", field=\"3\", größe=\"4\"\n")),
            ("_raw=\"hello\", b=null()", format!("{START}orig_raw=\"hello\"\n")),
            ("a=\"x\n11/20/2026 14:05:00\"", format!("{START}a=\"x\n 11/20/2026 14:05:00\"\n")),
        ] {
            assert_eq!(text_of(&format!("| makeresults | eval {eval} | collect index=s")), expected, "{eval}");
        }
    }

    #[test]
    fn the_name_of_the_search_and_the_count() {
        let kept = Arc::new(Kept::default());
        let options = SearchOptions { search_name: Some("errors".to_owned()), ..options_with(&kept) };
        let ctx = Arc::new(context_with(options));
        execute(&ctx, &commands("collect index=s"), &rows("x=1\nx=2"), 1, 1).unwrap();
        let events = kept.0.lock().unwrap()[0].clone();
        assert_eq!(events.source, "errors");
        assert!(events.text.starts_with(&format!("{START}search_name=\"errors\", x=\"1\"\n")), "{}", events.text);
        assert_eq!(
            ctx.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["collect wrote 2 events to the index `s`"]
        );
    }

    #[test]
    fn a_command_that_has_enough_does_not_cut_the_events() {
        assert_eq!(text_of("| makeresults count=5 | eval a=1 | collect index=s | head 1").lines().count(), 5);
    }

    #[test]
    fn nothing_is_written() {
        assert_eq!(
            collected("| makeresults | eval a=1 | fields a | collect index=s testmode=t"),
            (vec![], "a=1 _time=1772725653".to_owned())
        );
        assert_eq!(collected("| makeresults count=0 | collect index=s").0, []);
        let error = generated("| makeresults | collect index=s").unwrap_err().to_string();
        assert_eq!(error, "`collect`: nothing can be written to an index here");
        let error =
            generated_with("| makeresults | collect index=s host=full", &options_with(&Arc::default())).unwrap_err();
        assert_eq!(error.to_string(), "`collect`: the disk is full");
        let long = "| makeresults | eval a=\"0123456789abcdef\" | eval a=replace(a, \".\", \"0123456789abcdef0123456789abcdef\") \
                    | eval a=replace(a, \".\", \"0123456789abcdef0123456789abcdef\") | eval a=a.a.a.a.a.a.a.a.a.a \
                    | eval a=a.a.a.a.a.a.a.a | collect index=s";
        let error = generated_with(long, &options_with(&Arc::default())).unwrap_err().to_string();
        assert_eq!(error, "`collect`: row 1 is longer than an event may be, 1 MiB");
    }

    #[test]
    fn fields_read() {
        check_fields_read("collect index=s", &["a"], "*");
    }
}
