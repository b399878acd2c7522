//! `trawl tail`: matching events as they arrive.

use super::{CANNOT_PRINT, ask, now_us};
use crate::args::TailArgs;
use crate::config::{Config, input_of};
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{BYTES_COLUMN, Format, Highlighter, Look, Marks, Render, Theme, Trailer, notes};
use crate::signals::Interrupted;
use crate::terminal::Terminal;
use crate::words;
use anyhow::{Context, bail};
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use trawl_formats::event::IndexName;
use trawl_indexer::Options;
use trawl_indexer::tail::{Control, Route, TailOptions, run as follow_files};
use trawl_query::batch::Batch;
use trawl_query::{Engine, Flow, RunError, Search, SearchOptions};
use trawl_store::{LiveTail, Writer};

/// How long files that are followed directly are given to be read for the first time, so that the last lines are the last.
const FIRST_LOOK: Duration = Duration::from_millis(300);
/// How often the live logs are asked for more.
const POLL: Duration = Duration::from_millis(50);

/// Shows the last matches, and those that come.
pub fn run(args: &TailArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    if args.files.is_empty() {
        let engine = Engine::of_folder(config.data.value.clone(), config.load_registry()?);
        let interrupted = Interrupted::watch(|| ())?;
        return show(args, config, terminal, &engine, &interrupted);
    }
    // A store of its own that nobody keeps: the files are followed as `trawl run` follows them.
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (writer, registry) = (Writer::open(folder.path())?, config.load_registry()?);
    let control = Arc::new(Control::default());
    let interrupted = Interrupted::watch({
        let control = Arc::clone(&control);
        move || control.stop()
    })?;
    let routes = vec![Route {
        inputs: args.files.iter().cloned().map(input_of).collect(),
        options: Options::new(IndexName::new("main")?, config.zone.value, now_us()?),
        ignore_older: None,
    }];
    let options = TailOptions { from_last_bytes: Some(last_bytes(args.lines)), ..TailOptions::default() };
    let engine = Engine::of_folder(folder.path().to_owned(), Arc::clone(&registry));
    thread::scope(|scope| {
        let follower = scope.spawn(|| {
            let theme = Theme::new(terminal.color_stderr);
            let mut is_first = true;
            follow_files(&writer, &registry, routes, options, &control, |status| {
                // What is wrong at the start is worth a word; later changes are those of files that come and go.
                if std::mem::replace(&mut is_first, false) {
                    for (path, why) in &status.unlisted {
                        let _ = notes::warning(&mut io::stderr(), &theme, &format!("{}: {why}", path.display()));
                    }
                }
            })
        });
        thread::sleep(FIRST_LOOK);
        let shown = show(args, config, terminal, &engine, &interrupted);
        control.stop();
        let followed = follower.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        followed?;
        shown
    })
}

/// How much of the end of each file is read for the last lines.
fn last_bytes(n_lines: usize) -> u64 {
    /// Longer than lines usually are; where they are longer still, fewer are shown.
    const LINE_BYTES: u64 = 1024;
    n_lines as u64 * LINE_BYTES
}

fn show(
    args: &TailArgs,
    config: &Config,
    terminal: Terminal,
    engine: &Engine,
    interrupted: &Interrupted,
) -> anyhow::Result<ExitCode> {
    if !matches!(args.output, Format::Raw | Format::Ndjson | Format::Csv) {
        bail!(Advice::new("tables and json have an end, but what is followed has none", "use --output ndjson or csv"));
    }
    let query = words::join(&args.query);
    let query = if query.trim().is_empty() { "*".to_owned() } else { query };
    let look = Look { terminal, zone: config.zone.value };
    // It goes on until somebody ends it: the deadline of searches is not for it.
    let mut options = SearchOptions { cancel: Arc::default(), ..ask::options(config, &args.index, now_us()?) };
    let search = match Search::prepare(&query, &options) {
        Ok(search) => search,
        Err(error) => {
            writeln!(io::stderr(), "{}", error.render(&query, terminal.color_stderr))?;
            return Ok(ExitCode::Error);
        }
    };
    if let Some(command) = search.unfollowable() {
        bail!(Advice::new(
            format!("`{command}` says nothing before it has seen all events, and what is followed has no end"),
            "follow with search, where, regex, rex, eval, fields, rename or dedup; or use `trawl search`",
        ));
    }
    let marks =
        Marks { highlighter: Highlighter::new(search.highlights()), registry: Some(Arc::clone(&engine.registry)) };
    let mut renderer = look.renderer(args.output, marks);
    options.event_fields = renderer.fields(search.plan().keeps_rows());
    options.with_bytes = options.event_fields.exact_names().is_some_and(|names| names.contains(BYTES_COLUMN));
    let search = Search::prepare(&query, &options).context("the query was valid a moment ago")?;
    let first = Search::prepare(&query, &SearchOptions { limit: Some(args.lines), ..options })
        .context("the query was valid a moment ago")?;

    let mut out = BufWriter::new(io::stdout().lock());
    let explained = |error: RunError| ask::explained(config, error);
    let snapshot = engine.snapshot().map_err(explained)?;
    let mut tail = LiveTail::after(engine.reader().map_err(explained)?, &snapshot)?;
    let mut printer = Printer { renderer: &mut *renderer, out: &mut out, n_rows: 0, failure: None };
    if args.lines > 0 {
        let mut rows = Vec::new();
        first.run(&engine.at(Arc::clone(&snapshot)), &mut |batch| {
            rows.push(batch);
            Ok(Flow::More)
        })?;
        printer.print_oldest_first(rows)?;
    }
    let started = Instant::now();
    let search = search.settled(engine).map_err(explained)?;
    let mut follow = search.follow(engine, &snapshot)?;
    drop(snapshot);
    while !interrupted.happened() {
        let blocks = tail.poll(engine.reader().map_err(explained)?)?;
        let flow = follow.take(blocks, started.elapsed(), &mut |batch| printer.take(batch))?;
        printer.flush()?;
        if flow == Flow::Done {
            break;
        }
        thread::sleep(POLL);
    }
    let n_rows = printer.n_rows;
    renderer.finish(&Trailer::default(), &mut out).and_then(|()| out.flush()).context(CANNOT_PRINT)?;
    let theme = Theme::new(terminal.color_stderr);
    follow.warnings().iter().try_for_each(|text| notes::warning(&mut io::stderr(), &theme, text))?;
    Ok(ExitCode::of_rows(n_rows))
}

/// Prints rows as they come.
struct Printer<'p> {
    renderer: &'p mut dyn Render,
    out: &'p mut dyn Write,
    n_rows: u64,
    failure: Option<io::Error>,
}

impl Printer<'_> {
    fn take(&mut self, batch: Batch) -> Result<Flow, RunError> {
        self.n_rows += batch.len() as u64;
        self.failure = self.renderer.rows(batch, self.out).err();
        Ok(if self.failure.is_none() { Flow::More } else { Flow::Done })
    }

    /// Searches hand out the newest rows first.
    fn print_oldest_first(&mut self, batches: Vec<Batch>) -> anyhow::Result<()> {
        for batch in batches.into_iter().rev() {
            let rows: Vec<u32> = (0..batch.len() as u32).rev().collect();
            self.take(batch.take_rows(&rows))?;
        }
        self.flush()
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        match self.failure.take() {
            Some(error) => Err(error).context(CANNOT_PRINT),
            None => self.out.flush().context(CANNOT_PRINT),
        }
    }
}
