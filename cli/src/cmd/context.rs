//! `trawl context`: an event with what stands around it in its file, or around its time on its host.

use super::{CANNOT_PRINT, ask, now_us, print_rows};
use crate::args::ContextArgs;
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Format, Look, Theme, notes, visible, write_visible};
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use trawl_formats::{IndexName, Zone};
use trawl_query::engine::address::Address;
use trawl_query::engine::bytes;
use trawl_query::engine::event::{EventError, EventReader, EventRecord};
use trawl_query::time::{TimeFormat, from_seconds};
use trawl_query::{Engine, Flow, RunError, Search, SearchOptions, Value, Wanted};

/// Columns of the formats for programs.
const COLUMNS: [&str; 8] = ["position", "_time", "host", "source", "sourcetype", "index", "_raw", "_addr"];
/// The columns that are read of the events of a host.
const READ: [&str; 8] = ["_addr", "_bytes", "_raw", "_time", "host", "index", "source", "sourcetype"];

/// An event as it is printed.
struct Shown {
    address: Address,
    time_us: i64,
    host: String,
    sourcetype: String,
    index: String,
    bytes: Vec<u8>,
    text: Vec<u8>,
}

impl From<EventRecord> for Shown {
    fn from(event: EventRecord) -> Self {
        let text = event.text();
        let EventRecord { address, time_us, host, sourcetype, index, bytes, .. } = event;
        Self { address, time_us, host, sourcetype, index, bytes, text }
    }
}

/// Prints the event and those around it, in the order of the file or of time.
pub fn run(args: &ContextArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let registry = config.load_registry()?;
    let engine = Engine::of_folders(config.data.value.clone(), args.archive.clone(), registry).at_one_moment();
    let (events, position) = match args.host {
        true => around_time(args, config, &engine)?,
        false => around_place(args, config, &engine)?,
    };
    let look = Look { terminal, zone: config.zone.value };
    match args.output {
        Format::Table => print_text(args, &events, position, &look)?,
        Format::Raw => print_bytes(&events)?,
        Format::Json | Format::Ndjson | Format::Csv => {
            let rows = (0_i64..).zip(&events).map(|(at, event)| row(at - position as i64, event)).collect();
            return print_rows(&look, args.output, &COLUMNS, rows);
        }
    }
    Ok(ExitCode::Success)
}

/// The event with its neighbours in the file, and its position among them.
fn around_place(args: &ContextArgs, config: &Config, engine: &Engine) -> anyhow::Result<(Vec<Shown>, usize)> {
    let n_before = args.before_context.unwrap_or(args.context);
    let n_after = args.after_context.unwrap_or(args.context);
    let mut reader = EventReader::new(engine).map_err(|error| explained(error.into(), config))?;
    let found = reader.around(&args.address, n_before, n_after).map_err(|error| explained(error, config))?;
    Ok((found.0.into_iter().map(Shown::from).collect(), found.1))
}

/// The event with all events of its host around its time, and its position among them.
fn around_time(args: &ContextArgs, config: &Config, engine: &Engine) -> anyhow::Result<(Vec<Shown>, usize)> {
    let Some(window) = args.window.0 else {
        bail!(Advice::new("a window needs an end", "write for example --window 10s"));
    };
    let mut reader = EventReader::new(engine).map_err(|error| explained(error.into(), config))?;
    let event = reader.event(&args.address).map_err(|error| explained(error, config))?;
    let window_us = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
    let epoch = |time_us: i64| format!("{}.{:06}", time_us.div_euclid(1_000_000), time_us.rem_euclid(1_000_000));
    let mut options = SearchOptions {
        earliest: Some(epoch(event.time_us.saturating_sub(window_us))),
        latest: Some(epoch(event.time_us.saturating_add(window_us).saturating_add(1))),
        indexes: indexes(engine).map_err(|error| explained(error.into(), config))?,
        event_fields: Wanted::of(READ),
        with_bytes: true,
        limits: config.limits(),
        spill_folder: Some(config.spill_folder.value.clone()),
        ..SearchOptions::new(now_us()?)
    };
    options.zone = Zone::UTC;
    // Case does not matter to a search, and a `*` in the name would stand for anything: what comes is compared once more.
    let query = format!("host=\"{}\"", event.host.replace('\\', r"\\").replace('"', "\\\""));
    let search = Search::prepare(&query, &options).context("the search for the host")?;
    let mut events = Vec::new();
    let summary = search.run(engine, &mut |batch| {
        for row in 0..batch.len() {
            let value = |name: &str| batch.value(row, name);
            let text = |name: &str| value(name).to_string();
            let address = text("_addr").parse::<Address>();
            let (Ok(address), true) = (address, text("host") == event.host) else { continue };
            events.push(Shown {
                address,
                time_us: value("_time").as_number().and_then(from_seconds).unwrap_or(event.time_us),
                host: text("host"),
                sourcetype: text("sourcetype"),
                index: text("index"),
                bytes: bytes::from_value(value("_bytes")).map(|bytes| bytes.into_owned()).unwrap_or_default(),
                text: text("_raw").into_bytes(),
            });
        }
        Ok(Flow::More)
    })?;
    if let Some(why) = summary.incomplete {
        bail!(Advice::new(format!("the context is incomplete: {why}"), "`trawl verify` names what is damaged"));
    }
    // The documented order of events, turned around: in a file, later bytes come later.
    events.reverse();
    let position = events.iter().position(|near| near.address == event.address);
    let position = position.context("the event itself is not among those of its host and time")?;
    Ok((events, position))
}

/// All indexes that there are.
fn indexes(engine: &Engine) -> Result<Vec<IndexName>, RunError> {
    let snapshot = engine.snapshot()?;
    let sealed = snapshot.buckets.iter().map(|bucket| &bucket.index);
    let names: BTreeSet<&IndexName> = sealed.chain(snapshot.live.iter().map(|block| &block.source.index)).collect();
    Ok(names.into_iter().cloned().collect())
}

/// The error as people see it.
fn explained(error: EventError, config: &Config) -> anyhow::Error {
    let hint = match &error {
        EventError::UnknownSource { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
        EventError::UnknownSource { .. } => format!(
            "`trawl sources` lists those of {} ({}); another data folder is named with --data",
            config.data.value.display(),
            config.data.origin
        ),
        EventError::UnknownGeneration { .. } => "`trawl sources --generations` lists them".to_owned(),
        EventError::NotIndexed { .. } => {
            "`trawl sources` tells what is indexed, `trawl verify` what is damaged".to_owned()
        }
        EventError::AgedOut { index, .. } => aged_out_hint(index, config),
        EventError::NotAnEvent { holding, .. } => format!("the event that holds this byte is at {holding}"),
        _ => String::new(),
    };
    match error {
        EventError::Run(error) => ask::explained(config, error),
        error => Advice::new(error.to_string(), hint).into(),
    }
}

fn aged_out_hint(index: &str, config: &Config) -> String {
    let archive = config.retention.iter().find(|(name, _)| name.as_str() == index);
    match archive.and_then(|(_, policy)| policy.archive.as_deref()).map(Path::display) {
        Some(folder) => format!("it may lie in the archive: --archive {folder}"),
        None => "if its bucket was archived, name the folder with --archive".to_owned(),
    }
}

/// The event as a row for programs.
fn row(position: i64, event: &Shown) -> Vec<Value> {
    let time = trawl_query::time::to_value(event.time_us);
    vec![
        Value::Number(position as f64),
        time,
        event.host.as_str().into(),
        event.address.source.as_str().into(),
        event.sourcetype.as_str().into(),
        event.index.as_str().into(),
        Value::from(String::from_utf8_lossy(&event.text)),
        event.address.to_string().as_str().into(),
    ]
}

/// Prints the exact bytes.
fn print_bytes(events: &[Shown]) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut print = |event: &Shown| {
        out.write_all(&event.bytes)?;
        if event.bytes.ends_with(b"\n") { Ok(()) } else { out.write_all(b"\n") }
    };
    let printed: io::Result<()> = events.iter().try_for_each(&mut print);
    printed.and_then(|()| out.flush()).context(CANNOT_PRINT)
}

/// Prints text for people.
fn print_text(args: &ContextArgs, events: &[Shown], position: usize, look: &Look) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let theme = look.theme();
    let printed = write_text(&mut out, events, position, args.host, look.zone, &theme).and_then(|()| out.flush());
    printed.context(CANNOT_PRINT)?;
    if !args.host {
        let quoted = visible(&args.address.to_string()).replace('\'', r"'\''");
        let hint = format!("trawl context --host '{quoted}' shows what else its host logged then");
        notes::hint(&mut io::stderr(), &Theme::new(look.terminal.color_stderr), &hint)?;
    }
    Ok(())
}

fn write_text(
    out: &mut dyn Write,
    events: &[Shown],
    position: usize,
    is_merged: bool,
    zone: Zone,
    theme: &Theme,
) -> io::Result<()> {
    let event = &events[position];
    let title = theme.title;
    let place = if is_merged { String::new() } else { format!("  {}", visible(&event.address.source)) };
    writeln!(
        out,
        "{title}{}  host {}{place}{title:#}",
        CellPrinter::new(zone).time(event.time_us),
        visible(&event.host)
    )?;
    let names = short_names(events);
    let width = names.values().map(|name| name.chars().count()).max().unwrap_or(0);
    let clock = TimeFormat::new("%H:%M:%S.%3N");
    for (at, near) in events.iter().enumerate() {
        let prefix = match is_merged {
            false => String::new(),
            true => {
                let time = clock.format(near.time_us, zone).unwrap_or_default();
                let name = names.get(near.address.source.as_str()).map_or("", String::as_str);
                format!("{time} {:>9}  {name:<width$}  ", offset(near.time_us - event.time_us))
            }
        };
        write_event(out, near, at == position, &prefix, theme)?;
    }
    Ok(())
}

/// Writes an event behind a mark; further lines of it are indented as the first.
fn write_event(out: &mut dyn Write, event: &Shown, is_it: bool, prefix: &str, theme: &Theme) -> io::Result<()> {
    let faint = if is_it { theme.matched } else { theme.faint };
    let mark = if is_it { '>' } else { ' ' };
    let indent = " ".repeat(prefix.chars().count());
    for (n, line) in event.text.split(|byte| *byte == b'\n').enumerate() {
        let prefix = if n == 0 { prefix } else { &indent };
        write!(out, "{faint}{mark} {prefix}{faint:#}")?;
        write_visible(out, line, theme)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// A time apart: `-0.250 s`.
fn offset(us: i64) -> String {
    format!("{:+.3} s", us as f64 / 1e6)
}

/// Names of files as short as tells them apart.
fn short_names(events: &[Shown]) -> BTreeMap<&str, String> {
    let sources: BTreeSet<&str> = events.iter().map(|event| event.address.source.as_str()).collect();
    let last = |source: &str, n: usize| {
        let parts: Vec<&str> = source.rsplit('/').take(n).collect();
        parts.into_iter().rev().collect::<Vec<_>>().join("/")
    };
    let deepest = sources.iter().map(|source| source.split('/').count()).max().unwrap_or(1);
    let tells_apart =
        |n: &usize| sources.iter().map(|source| last(source, *n)).collect::<BTreeSet<_>>().len() == sources.len();
    let n = (1..=deepest).find(tells_apart).unwrap_or(deepest);
    sources.iter().map(|source| (*source, visible(&last(source, n)).into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str, offset: u64, time_us: i64, text: &str) -> Shown {
        Shown {
            address: Address { source: source.to_owned(), generation: 0, offset, len: text.len() as u32 },
            time_us,
            host: "web\x1b01".to_owned(),
            sourcetype: "generic".to_owned(),
            index: "main".to_owned(),
            bytes: text.as_bytes().to_vec(),
            text: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn names_are_as_short_as_tells_them_apart() {
        let events = ["/var/log/a/app.log", "/var/log/b/app.log", "x"].map(|source| shown(source, 0, 0, ""));
        let names: Vec<String> = short_names(&events).into_values().collect();
        assert_eq!(names, ["a/app.log", "b/app.log", "x"]);
        assert_eq!(short_names(&events[..1]).into_values().collect::<Vec<_>>(), ["app.log"]);
    }

    #[test]
    fn a_merged_context_is_aligned_and_safe() {
        let us = 1_795_183_500_000_000;
        let events = [
            shown("/l/pay.log", 0, us - 250_000, "before\r\x1b[31m"),
            shown("/l/gateway.log", 5, us, "ERROR it\n\tat x"),
            shown("/l/pay.log", 9, us + 1_500_000, "after"),
        ];
        let printed = |events: &[Shown], position, is_merged| {
            let mut out = Vec::new();
            write_text(&mut out, events, position, is_merged, Zone::UTC, &Theme::plain()).unwrap();
            String::from_utf8(out).unwrap()
        };
        let indent = " ".repeat(37);
        assert_eq!(
            printed(&events, 1, true),
            format!(
                "2026-11-20T14:05:00.000000+00:00  host web\\x1b01\n\
                 \x20 14:04:59.750  -0.250 s  pay.log      before\\r\\x1b[31m\n\
                 > 14:05:00.000  +0.000 s  gateway.log  ERROR it\n\
                 > {indent}\tat x\n\
                 \x20 14:05:01.500  +1.500 s  pay.log      after\n"
            )
        );
        assert_eq!(
            printed(&events[1..2], 0, false),
            "2026-11-20T14:05:00.000000+00:00  host web\\x1b01  /l/gateway.log\n> ERROR it\n> \tat x\n"
        );
    }
}
