//! `trawl search`: from the words of the command line to printed rows.

use super::{CANNOT_PRINT, ask};
use crate::args::{SearchArgs, SearchFlags};
use crate::collector::StoreCollector;
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::progress::{EndsProgress, PreviewText, ProgressDisplay};
use crate::output::{
    AfterAll, BYTES_COLUMN, CellPrinter, Format, Highlighter, Look, Marks, Render, Theme, Trailer, WithContext, human,
    notes,
};
use crate::signals::Interrupted;
use crate::terminal::Terminal;
use crate::words;
use anyhow::{Context, bail};
use std::cell::OnceCell;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};
use trawl_query::batch::{Batch, Fields};
use trawl_query::context::Cancel;
use trawl_query::{Engine, Flow, Previewer, RunError, Search, SearchOptions, Summary};

/// Bytes of rows that are collected before they are written.
const OUTPUT_BUFFER_BYTES: usize = 64 << 10;
/// How often a table is shown as it would be by now.
const PREVIEW_INTERVAL: Duration = Duration::from_millis(500);
/// Most events whose fields are extracted only to know their names.
const MAX_LEARNT: usize = 1_000;

/// Runs the search, or checks or explains it.
pub fn run(args: &SearchArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    run_text(&words::join(&args.query), &args.flags, config, terminal)
}

/// Runs the text of a query as `trawl search` does.
pub(super) fn run_text(
    query: &str,
    flags: &SearchFlags,
    config: &Config,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let session = Session::new(flags, config, terminal);
    let on_start = |cancel: Arc<Cancel>| Interrupted::watch(move || cancel.request());
    session.run(query, &on_start, None)
}

/// What the searches of one run of the program share: the options, the data, and where the rows go.
pub struct Session<'a> {
    args: &'a SearchFlags,
    config: &'a Config,
    terminal: Terminal,
    engine: OnceCell<Engine>,
    /// How far files are read, where they are read rather than a store.
    reading: Option<Arc<trawl_indexer::Progress>>,
}

impl<'a> Session<'a> {
    /// Opens nothing yet: whether a query is valid can be said without data.
    pub fn new(args: &'a SearchFlags, config: &'a Config, terminal: Terminal) -> Self {
        Self { args, config, terminal, engine: OnceCell::new(), reading: None }
    }

    /// Searches files, which `engine` reads as far as `progress` tells.
    pub fn of_files(
        args: &'a SearchFlags,
        config: &'a Config,
        terminal: Terminal,
        engine: Engine,
        progress: Arc<trawl_indexer::Progress>,
    ) -> Self {
        Self { engine: OnceCell::from(engine), reading: Some(progress), ..Self::new(args, config, terminal) }
    }

    /// What searches run on. The data is opened by the first search that reads events, for those that make their own rows
    /// need none.
    ///
    /// # Errors
    /// If a log format of the user is not valid.
    pub fn engine(&self) -> anyhow::Result<&Engine> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        let registry = self.config.load_registry()?;
        let (data, archives) = (self.config.data.value.clone(), self.args.archive.clone());
        Ok(self.engine.get_or_init(|| Engine::of_folders(data, archives, registry)))
    }

    /// The error of a search as people see it.
    pub fn explained(&self, error: RunError) -> anyhow::Error {
        ask::explained(self.config, error)
    }

    /// Runs a query and prints its answer; says what is wrong with a query that is not valid.
    ///
    /// `on_start` makes Ctrl-C stop the search, which then begins. `on_fields` gets the columns of the answer.
    ///
    /// # Errors
    /// If the query cannot be run to its end, or its rows cannot be printed.
    pub fn run(
        &self,
        query: &str,
        on_start: &dyn Fn(Arc<Cancel>) -> io::Result<Interrupted>,
        on_fields: Option<&mut dyn FnMut(&Fields)>,
    ) -> anyhow::Result<ExitCode> {
        let Self { args, config, terminal, .. } = *self;
        let mut options = options(args, config)?;
        let cancel = Arc::clone(&options.cancel);
        // The text decides whether rows are events, and that decides how they are printed and how many.
        let search = match Search::prepare(query, &options) {
            Ok(search) => search,
            Err(error) => {
                writeln!(io::stderr(), "{}", error.render(query, terminal.color_stderr))?;
                return Ok(ExitCode::Error);
            }
        };
        if args.answer.check {
            return Ok(ExitCode::Success);
        }
        let look = Look { terminal, zone: config.zone.value };
        let engine = self.engine()?;
        // What is read from files is kept nowhere.
        if self.reading.is_none() {
            let registry = Arc::clone(&engine.registry);
            options.collector = Some(Arc::new(StoreCollector::new(config, registry, Arc::clone(&cancel))));
        }
        if args.answer.explain {
            let explained = search.explain(engine).map_err(|error| self.explained(error))?;
            write!(io::stdout(), "{explained}")?;
            return Ok(ExitCode::Success);
        }
        let has_events = search.yields_events();
        let format = args.answer.output.unwrap_or(if has_events { Format::Raw } else { Format::Table });
        let context = context_lines(args, has_events && format == Format::Raw)?;
        options.limit = limit(args, config, &terminal, has_events);
        options.diagnose = true;
        let registry = Some(Arc::clone(&engine.registry));
        let marks = Marks { highlighter: Highlighter::new(search.highlights()), registry };
        let mut renderer: Box<dyn Render + '_> = match context {
            (0, 0) => look.renderer(format, marks),
            n_around => {
                let text = look.is_for_people().then(|| (look.theme(), marks));
                match self.reading {
                    Some(_) => Box::new(AfterAll::new(engine, n_around, text, Arc::clone(&cancel))),
                    None => {
                        let reader = engine.reader().map_err(|error| self.explained(error))?;
                        Box::new(WithContext::new(reader, n_around, text)?)
                    }
                }
            }
        };
        let printed = renderer.fields(search.plan().keeps_rows());
        options.with_bytes = printed.exact_names().is_some_and(|names| names.contains(BYTES_COLUMN));
        // What is not printed need not be extracted, unless somebody wants to know what there is.
        let is_short = options.limit.is_some_and(|limit| limit <= MAX_LEARNT) && search.plan().commands.is_empty();
        if has_events && !(is_short && on_fields.is_some()) {
            options.event_fields = printed;
        }
        let search = Search::prepare(query, &options).context("the query was valid a moment ago")?;

        let interrupted = on_start(cancel)?;
        let started = Instant::now();
        let preview = PreviewText::default();
        let is_shown = terminal.stderr_is_terminal;
        let display = match &self.reading {
            Some(reading) => {
                ProgressDisplay::of_scan(Arc::clone(reading), options.progress, preview.clone(), is_shown)?
            }
            None => ProgressDisplay::of_search(options.progress, preview.clone(), is_shown)?,
        };
        let is_seen = terminal.stdout_is_terminal() && terminal.stderr_is_terminal && format == Format::Table;
        let summary = self.print(&search, display, is_seen.then_some(preview), &mut *renderer, on_fields)?;
        let notes = Notes { args, config, terminal, search: &search, limit: options.limit, took: started.elapsed() };
        notes.write(&summary, &mut io::stderr().lock())?;
        Ok(ExitCode::of_answer(summary.n_rows, summary.incomplete.is_some(), &interrupted))
    }

    /// Runs the search and prints its rows as they come.
    fn print(
        &self,
        search: &Search,
        display: ProgressDisplay,
        preview: Option<PreviewText>,
        renderer: &mut (dyn Render + '_),
        mut on_fields: Option<&mut dyn FnMut(&Fields)>,
    ) -> anyhow::Result<Summary> {
        let (engine, terminal) = (self.engine()?, self.terminal);
        let (before_rows, _until_the_end) = match terminal.stdout_is_terminal() {
            true => (display, ProgressDisplay::default()),
            false => (ProgressDisplay::default(), display),
        };
        let mut out =
            BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, EndsProgress::new(io::stdout().lock(), before_rows));
        let mut written = Ok(());
        let mut take = |batch: Batch| {
            if let Some(on_fields) = &mut on_fields {
                on_fields(batch.fields());
            }
            written = renderer
                .rows(batch, &mut out)
                .and_then(|()| if terminal.stdout_is_terminal() { out.flush() } else { Ok(()) });
            Ok(if written.is_ok() { Flow::More } else { Flow::Done })
        };
        let summary = match preview {
            Some(preview) => {
                let look = Look { terminal, zone: self.config.zone.value };
                let show = |rows| preview.set(&first_rows(look, rows), look.terminal.height);
                search.run_watched(engine, &Previewer { interval: PREVIEW_INTERVAL, show: &show }, &mut take)
            }
            None => search.run(engine, &mut take),
        };
        written.map_err(|error| self.not_printed(error))?;
        let summary = summary.map_err(|error| self.explained(error))?;
        let trailer =
            Trailer { warnings: all_warnings(&summary), coverage: Some(serde_json::to_value(&summary.coverage)?) };
        match renderer.finish(&trailer, &mut out).and_then(|()| out.flush()).map_err(|error| self.not_printed(error)) {
            // What stands around the matches is not looked for any longer.
            Err(error) if matches!(error.downcast_ref(), Some(RunError::Cancelled)) => Ok(summary),
            printed => printed.map(|()| summary),
        }
    }

    /// Why rows do not reach the standard output: it cannot be written, or what stands around them not be read.
    fn not_printed(&self, error: io::Error) -> anyhow::Error {
        match error.downcast::<RunError>() {
            Ok(error) => self.explained(error),
            Err(error) => anyhow::Error::from(error).context(CANNOT_PRINT),
        }
    }
}

/// What a search runs with.
pub(super) fn options(args: &SearchFlags, config: &Config) -> anyhow::Result<SearchOptions> {
    let now_us = ask::present_us(args.answer.now.as_deref(), config.zone.value)?;
    args.answer.range.of(ask::options(config, &args.index, now_us))
}

/// Most rows to print: a terminal shows the first screens of events, everything else gets all.
fn limit(args: &SearchFlags, config: &Config, terminal: &Terminal, has_events: bool) -> Option<usize> {
    let is_looked_at = terminal.stdout_is_terminal() && has_events;
    let limit = args.answer.limit.unwrap_or(if is_looked_at { config.limit.value } else { 0 });
    (limit > 0).then_some(limit)
}

/// How many events to print before and after each match.
fn context_lines(args: &SearchFlags, is_possible: bool) -> anyhow::Result<(usize, usize)> {
    let lines = args.answer.n_around();
    if lines != (0, 0) && !is_possible {
        bail!(Advice::new(
            "-A, -B and -C need events printed as they are",
            "leave out --output, and commands such as stats or table",
        ));
    }
    Ok(lines)
}

/// The first rows of a table, as they would be printed.
fn first_rows(look: Look, mut rows: Batch) -> String {
    rows.truncate(look.terminal.height);
    let mut text = Vec::new();
    let mut renderer = look.renderer(Format::Table, Marks::default());
    let printed = renderer.rows(rows, &mut text).and_then(|()| renderer.finish(&Trailer::default(), &mut text));
    printed.map_or_else(|_| String::new(), |()| String::from_utf8_lossy(&text).into_owned())
}

/// Why the answer may not be what was expected.
fn all_warnings(summary: &Summary) -> Vec<String> {
    let incomplete = summary.incomplete.iter().map(|why| format!("the answer is incomplete: {why}"));
    incomplete.chain(summary.warnings.iter().cloned()).collect()
}

/// What is said on the standard error after the rows.
struct Notes<'a> {
    args: &'a SearchFlags,
    config: &'a Config,
    terminal: Terminal,
    search: &'a Search,
    limit: Option<usize>,
    took: Duration,
}

impl Notes<'_> {
    fn write(&self, summary: &Summary, err: &mut dyn Write) -> anyhow::Result<()> {
        let theme = Theme::new(self.terminal.color_stderr);
        all_warnings(summary).iter().try_for_each(|text| notes::warning(err, &theme, text))?;
        if self.args.answer.limit.is_none() && self.limit.is_some_and(|limit| summary.n_rows >= limit as u64) {
            self.write_cut(summary, err, &theme)?;
        }
        if self.search.plan().search.is_none() {
            return Ok(());
        }
        if summary.n_rows == 0 && summary.incomplete.is_none() {
            match summary.n_matched {
                0 => {
                    notes::diagnosis(err, &theme, summary, self.config)?;
                    self.write_index_hint(summary, err, &theme)?;
                }
                n => writeln!(err, "{} matched, but no row is left at the end", human::plural(n, "event"))?,
            }
        }
        let is_wanted = self.args.answer.stats || self.terminal.stderr_is_terminal;
        if is_wanted || summary.n_rows == 0 || summary.incomplete.is_some() {
            let cells = CellPrinter::new(self.config.zone.value);
            notes::coverage(err, &theme, &summary.coverage, &cells, self.took)?;
        }
        if self.args.answer.stats {
            notes::cost(err, summary)?;
        }
        Ok(())
    }

    /// A query that was written for a store may name an index, of which files know nothing.
    fn write_index_hint(&self, summary: &Summary, err: &mut dyn Write, theme: &Theme) -> io::Result<()> {
        let names_index = self.search.plan().search.as_ref().is_some_and(|expr| expr.fields_read().contains("index"));
        if summary.coverage.n_files.is_none() || !names_index {
            return Ok(());
        }
        let index = self.args.index.first().map_or("main", |index| index.as_str());
        notes::hint(err, theme, &format!("the events of files have index={index}; --index gives them another one"))
    }

    /// A terminal shows only the first rows: says how many there are.
    fn write_cut(&self, summary: &Summary, err: &mut dyn Write, theme: &Theme) -> io::Result<()> {
        let shown = human::count(summary.n_rows);
        if !self.search.plan().commands.is_empty() {
            writeln!(err, "the newest {shown} rows")?;
        } else if summary.n_matched > summary.n_rows {
            writeln!(err, "the newest {shown} of {}", human::plural(summary.n_matched, "event"))?;
        } else {
            return Ok(());
        }
        notes::hint(err, theme, "-n 0 prints all")
    }
}
