//! A search from its text to its rows.

use crate::ast::{Pipeline, TimeModifier};
use crate::batch::Batch;
use crate::chain::Chain;
use crate::collector::Collector;
use crate::command::{Command, CommandKind, FieldFormats, Flow, events_in_order};
use crate::context::{Cancel, Context, Limits, Progress, lock};
use crate::engine::bytes;
use crate::engine::coverage::Coverage;
use crate::engine::{Engine, Scan, TermDiagnosis};
use crate::error::{QueryError, QueryErrorKind, Result, RunError};
use crate::expand::{DefaultRange, Expanded};
use crate::glob::Glob;
use crate::knowledge::Knowledge;
use crate::lookup::Tables;
use crate::parser::parse_expanded;
use crate::plan::{Caller, Cut, Plan};
use crate::preview::{Previewer, Stage};
use crate::search::{CompareOp, PatternForm, SearchExpr};
use crate::span::Span;
use crate::spill::Spilled;
use crate::subsearch::{resolve, run_arguments, wrong_text};
use crate::time::TimeSpec;
use crate::wanted::Wanted;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use trawl_formats::Zone;
use trawl_formats::event::IndexName;

/// What a search is run with, besides its text.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// Start of the range, where the query names none: any time modifier. Default: open.
    pub earliest: Option<String>,
    /// End of the range, excluded, where the query names none. Default: open.
    pub latest: Option<String>,
    /// Only events that were indexed before this moment, in microseconds UTC: the answer as it was then. Default: all.
    pub indexed_before_us: Option<i64>,
    /// Indexes, where the query names none. Empty: those that do not begin with `_`.
    pub indexes: Vec<IndexName>,
    /// Most rows of the result; of events the newest. `None`: all.
    pub limit: Option<usize>,
    /// Fields wanted of events that reach the end of the pipeline as events.
    pub event_fields: Wanted,
    /// Whether event rows carry the column `_bytes`, see [`crate::engine::bytes`].
    pub with_bytes: bool,
    /// Whether an answer without events comes with [`Summary::diagnosis`].
    pub diagnose: bool,
    /// Now, microseconds since the epoch.
    pub now_us: i64,
    /// The clock on the wall in microseconds UTC, for `time()`. Without it that clock stands still at `now_us`.
    pub clock: Option<fn() -> i64>,
    /// The zone of snapped times and of time bins.
    pub zone: Zone,
    /// What the configuration adds to the language.
    pub knowledge: Arc<Knowledge>,
    /// Bounds of the state that commands keep.
    pub limits: Limits,
    /// Where commands keep what does not fit in memory. `None`: the system's folder for temporary files.
    pub spill_folder: Option<PathBuf>,
    /// Where `collect` brings its events. Without it the command is refused.
    pub collector: Option<Arc<dyn Collector>>,
    /// Name of the search, if it was saved under one.
    pub search_name: Option<String>,
    /// Asks the search to stop.
    pub cancel: Arc<Cancel>,
    /// Tells how far the search has come.
    pub progress: Arc<Progress>,
}

impl SearchOptions {
    /// All time, all rows, every field, at `now_us`, UTC.
    pub fn new(now_us: i64) -> Self {
        Self {
            earliest: None,
            latest: None,
            indexed_before_us: None,
            indexes: Vec::new(),
            limit: None,
            event_fields: Wanted::All,
            with_bytes: false,
            diagnose: false,
            now_us,
            clock: None,
            zone: Zone::UTC,
            knowledge: Arc::default(),
            limits: Limits::default(),
            spill_folder: None,
            collector: None,
            search_name: None,
            cancel: Arc::default(),
            progress: Arc::default(),
        }
    }
}

/// A parsed and planned search.
///
/// ```no_run
/// use trawl_query::{Engine, Flow, Search, SearchOptions};
///
/// let engine = Engine::new(trawl_store::Reader::open("data".as_ref())?, trawl_formats::Registry::builtin());
/// let search = Search::prepare("ERROR PaymentService | stats count by host", &SearchOptions::new(0))?;
/// let summary = search.run(&engine, &mut |batch| {
///     println!("{} rows", batch.len());
///     Ok(Flow::More)
/// })?;
/// println!("{}", summary.coverage);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Search {
    plan: Plan,
    options: SearchOptions,
    canonical: String,
    /// The text without macros, if it holds subsearches that must run before the plan is known.
    unresolved: Option<Arc<str>>,
    /// Whether its text has `earliest` or `latest`.
    names_range: bool,
    /// The lookup tables of the search that this one is a part of.
    tables: Option<Arc<Tables>>,
}

/// What is to be said about a search that has run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Rows that were handed out.
    pub n_rows: u64,
    /// Events that matched the search expression. More than the rows where a limit cut them.
    pub n_matched: u64,
    /// What the answer rests on.
    pub coverage: Coverage,
    /// What a person should know about an answer that is otherwise right.
    pub warnings: Vec<String>,
    /// Why the answer is not whole, if it is not: cancelled, past its deadline, or parts that could not be read.
    pub incomplete: Option<String>,
    /// What did not fit in memory, by command.
    pub spilled: Vec<Spilled>,
    /// Where no event matched and [`SearchOptions::diagnose`] is set: what each word for itself would have found.
    pub diagnosis: Vec<TermDiagnosis>,
}

/// A literal to be highlighted in the text of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Highlight {
    /// The text, in any case unless it is case-sensitive.
    pub literal: String,
    /// Whether case matters.
    pub case_sensitive: bool,
    /// Whether it stands at the beginning of a word. False after a wildcard.
    pub begins_word: bool,
    /// Whether it stands at the end of a word. False before a wildcard.
    pub ends_word: bool,
}

impl Highlight {
    /// The literals of a pattern.
    fn of(glob: &Glob, case_sensitive: bool) -> impl Iterator<Item = Self> {
        let last = glob.literals().len() - 1;
        let literals = glob.literals().iter().enumerate().filter(|(_, literal)| !literal.is_empty());
        literals.map(move |(i, literal)| Self {
            literal: literal.to_string(),
            case_sensitive,
            begins_word: i == 0,
            ends_word: i == last,
        })
    }
}

impl Search {
    /// Parses and plans a query.
    ///
    /// # Errors
    /// If the text or a time option cannot be understood.
    pub fn prepare(text: &str, options: &SearchOptions) -> Result<Self, QueryError> {
        let expanded = Expanded::new(text, &options.knowledge)?;
        let prepared = parse_expanded(&expanded.text, &options.knowledge, 0)
            .and_then(|pipeline| Self::of_pipeline(pipeline, options, expanded.default_range.as_ref()));
        prepared.map_err(|error| expanded.locate(error))
    }

    /// Parses and plans a query whose rows all go into one more command.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare); also if the query has a subsearch in an expression, as its text is not known yet.
    pub(crate) fn prepare_into(
        text: &str,
        options: &SearchOptions,
        command: Box<dyn Command>,
    ) -> Result<Self, QueryError> {
        let expanded = Expanded::new(text, &options.knowledge)?;
        let prepared = parse_expanded(&expanded.text, &options.knowledge, 0).and_then(|mut pipeline| {
            if !pipeline.inline_subsearches().is_empty() {
                let span = Span::new(0, expanded.text.len());
                return Err(QueryError::rule("a subsearch cannot be a part of what is compared", span)
                    .with_hint("run it first, and write its result into the query"));
            }
            pipeline.commands.push(command);
            Self::of_pipeline(pipeline, options, None)
        });
        prepared.map_err(|error| expanded.locate(error))
    }

    /// Parses and plans a query without macros.
    pub(crate) fn prepare_expanded(text: &str, options: &SearchOptions) -> Result<Self, QueryError> {
        Self::of_pipeline(parse_expanded(text, &options.knowledge, 0)?, options, None)
    }

    /// Plans a query. `default_range` is that of the saved search that it begins with.
    fn of_pipeline(
        mut pipeline: Pipeline,
        options: &SearchOptions,
        default_range: Option<&DefaultRange>,
    ) -> Result<Self, QueryError> {
        let mut options = options.clone();
        let named = [TimeModifier::Earliest, TimeModifier::Latest];
        let names_range = named.iter().any(|modifier| pipeline.times.get(*modifier).is_some());
        if let Some(DefaultRange { earliest, latest }) = default_range
            && !names_range
            && options.earliest.is_none()
            && options.latest.is_none()
        {
            // Its subsearches have the range, too; and the canonical text says what was searched.
            (options.earliest, options.latest) = (earliest.clone(), latest.clone());
            if pipeline.search.is_some() {
                for (modifier, text) in named.into_iter().zip([earliest, latest]) {
                    if let Some(text) = text {
                        pipeline.times.set(modifier, parse_time(text)?, Span::new(0, 0))?;
                    }
                }
            }
        }
        let canonical = pipeline.to_string();
        let unresolved = (!pipeline.inline_subsearches().is_empty()).then(|| Arc::clone(&pipeline.text));
        let time = |option: &Option<String>| option.as_deref().map(parse_time).transpose();
        let caller = Caller {
            earliest: time(&options.earliest)?,
            latest: time(&options.latest)?,
            indexed_before_us: options.indexed_before_us,
            indexes: options.indexes.clone(),
            event_fields: options.event_fields.clone(),
            now_us: options.now_us,
            zone: options.zone,
        };
        let plan = Plan::new(pipeline, &caller)?;
        Ok(Self { plan, options, canonical, unresolved, names_range, tables: None })
    }

    /// Makes the search a part of the one that runs in `ctx`.
    pub(crate) fn within(self, ctx: &Context) -> Self {
        Self { tables: Some(Arc::clone(ctx.tables())), ..self }
    }

    /// Whether the result is a table rather than events.
    pub fn is_transforming(&self) -> bool {
        self.plan.is_transforming()
    }

    /// Whether the rows of the result are events: then the column with their bytes comes through all commands.
    pub fn yields_events(&self) -> bool {
        let event = Wanted::of([bytes::FIELD]);
        let read = self.plan.commands.iter().rfold(event, |wanted, command| command.fields_read(&wanted));
        !self.is_transforming() && read.contains(bytes::FIELD)
    }

    /// Whether its text itself says which range of time it covers.
    pub fn names_range(&self) -> bool {
        self.names_range
    }

    /// Whether the events that its first stage selects are all that it reads of the store: there are no subsearches, and no
    /// command makes rows of its own. Without such events it comes to the same whatever else the store holds.
    pub fn reads_only_its_events(&self) -> bool {
        self.plan.search.is_some()
            && self.unresolved.is_none()
            && self.plan.commands.iter().all(|command| {
                command.kind() != CommandKind::Generating
                    && command.subsearches().is_empty()
                    && command.inline_subsearches().is_empty()
            })
    }

    /// What it is run with.
    pub(crate) fn options(&self) -> &SearchOptions {
        &self.options
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The query in its canonical form.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Runs the search; rows go to `sink` as they come.
    ///
    /// # Errors
    /// If a command reaches a limit, the store cannot be opened, or `sink` fails. A deadline, a cancelled search or damaged
    /// parts are no error: the summary says that the answer is incomplete.
    pub fn run(&self, engine: &Engine, sink: &mut dyn FnMut(Batch) -> Result<Flow>) -> Result<Summary> {
        self.run_in(Some(engine), None, sink)
    }

    /// As [`run`](Self::run); `previewer` sees what a table will be while its events are still read.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_watched(
        &self,
        engine: &Engine,
        previewer: &Previewer<'_>,
        sink: &mut dyn FnMut(Batch) -> Result<Flow>,
    ) -> Result<Summary> {
        self.run_in(Some(engine), Some(previewer), sink)
    }

    /// As [`run`](Self::run); without an engine there are no events.
    pub(crate) fn run_in(
        &self,
        engine: Option<&Engine>,
        previewer: Option<&Previewer<'_>>,
        sink: &mut dyn FnMut(Batch) -> Result<Flow>,
    ) -> Result<Summary> {
        let ctx = self.context(engine);
        if let Some(resolved) = self.resolved(&ctx)? {
            let mut summary = resolved.run_in(engine, previewer, sink)?;
            summary.incomplete = ctx.incomplete().or(summary.incomplete);
            summary.warnings.splice(0..0, ctx.warnings().iter().map(ToString::to_string));
            return Ok(summary);
        }
        let mut summary = Summary::default();
        if let Some(why) = stopped(run_arguments(&self.plan.commands, &ctx))? {
            summary.incomplete = Some(why);
            return Ok(summary);
        }
        let formats = FieldFormats::of(&self.plan.commands);
        let mut output = Output { n_rows: 0, limit: self.options.limit, formats, ctx: &ctx, sink };
        let scan = match (&self.plan.search, engine) {
            (Some(expr), Some(engine)) => match Scan::open(&self.plan, expr, &ctx, engine, self.options.with_bytes) {
                Ok(scan) => {
                    summary.incomplete = stopped(self.run_scan(&scan, &ctx, previewer, &mut output))?;
                    Some((scan, expr))
                }
                Err(error) => {
                    summary.incomplete = stopped(Err(error))?;
                    None
                }
            },
            _ => {
                let mut chain = Chain::start(&self.plan.commands, &ctx);
                summary.incomplete = stopped(chain.finish(&mut |batch| output.take(batch)))?;
                None
            }
        };
        summary.n_rows = output.n_rows;
        if let (Some((scan, expr)), Some(engine)) = (scan, engine) {
            summary.n_matched = scan.n_matched();
            let cut = self.options.limit.is_some_and(|limit| summary.n_rows >= limit as u64);
            if cut && self.plan.commands.is_empty() && summary.incomplete.is_none() {
                match scan.count_all() {
                    Ok(n_matched) => summary.n_matched = n_matched,
                    Err(error) => summary.incomplete = stopped(Err(error))?,
                }
            }
            if self.options.diagnose && summary.n_matched == 0 && summary.incomplete.is_none() && !scan.is_fed() {
                summary.diagnosis = TermDiagnosis::of(expr, &self.plan, engine, scan.buckets()).unwrap_or_default();
            }
            summary.coverage = scan.coverage();
            if !summary.coverage.is_complete() && summary.incomplete.is_none() {
                let what =
                    if scan.is_fed() { "some files could not be read" } else { "parts of the store could not be read" };
                summary.incomplete = Some(what.to_owned());
            }
        }
        summary.incomplete = summary.incomplete.or_else(|| ctx.incomplete());
        summary.spilled = ctx.spilled();
        summary.warnings = ctx.warnings().iter().map(ToString::to_string).collect();
        Ok(summary)
    }

    fn context(&self, engine: Option<&Engine>) -> Arc<Context> {
        let ctx = Context::of_search(&self.options, self.plan.times, engine);
        Arc::new(match &self.tables {
            Some(tables) => ctx.sharing(tables),
            None => ctx,
        })
    }

    /// The search with its inline subsearches replaced by their results; `None` if it has none.
    pub(crate) fn resolved(&self, ctx: &Arc<Context>) -> Result<Option<Self>> {
        let Some(unresolved) = &self.unresolved else { return Ok(None) };
        let pipeline = parse_expanded(unresolved, &self.options.knowledge, 0).map_err(wrong_text)?;
        let text = resolve(&pipeline, ctx)?;
        let resolved = Self::prepare_expanded(&text, &self.options).map_err(wrong_text)?;
        Ok(Some(resolved.within(ctx)))
    }

    fn run_scan(
        &self,
        scan: &Scan<'_>,
        ctx: &Arc<Context>,
        previewer: Option<&Previewer<'_>>,
        output: &mut Output<'_>,
    ) -> Result<()> {
        let Plan { commands, n_map, .. } = &self.plan;
        let watch = |chains: &[Mutex<Chain>], scan: &mut dyn FnMut() -> Result<()>| {
            let stage = Stage::new(&self.plan, chains, ctx, self.options.limit);
            match (previewer, stage) {
                (Some(previewer), Some(stage)) => stage.watch(previewer, scan),
                _ => scan(),
            }
        };
        match self.plan.cut() {
            Cut::Merge => {
                let (parallel, rest) = commands.split_at(n_map + 1);
                let only_counts = self.plan.only_counts();
                let chains: Vec<_> =
                    (0..rayon::current_num_threads()).map(|_| Mutex::new(Chain::start(parallel, ctx))).collect();
                watch(&chains, &mut || scan.run_merged(self.plan.order_matters(), only_counts, &chains))?;
                let mut merged = Chain::merged(chains.into_iter().map(unlocked))?;
                let mut rest = Chain::start(rest, ctx);
                merged.finish(&mut |batch| rest.push(batch, &mut |batch| output.take(batch)))?;
                rest.finish(&mut |batch| output.take(batch))
            }
            // In no order: they are put in order behind the commands that do not ask for it.
            Cut::Order if scan.is_fed() => {
                let (map, rest) = commands.split_at(*n_map);
                let limit = self.plan.n_taken(self.options.limit);
                let start = |_| Mutex::new(Chain::start(map, ctx).then(events_in_order(ctx, limit)));
                let chains: Vec<_> = (0..rayon::current_num_threads()).map(start).collect();
                scan.run_merged(true, false, &chains)?;
                let mut merged = Chain::merged(chains.into_iter().map(unlocked))?;
                let mut rest = Chain::start(rest, ctx);
                merged.finish(&mut |batch| rest.push(batch, &mut |batch| output.take(batch)))?;
                rest.finish(&mut |batch| output.take(batch))
            }
            Cut::Order => {
                let chain = Mutex::new(Chain::start(commands, ctx));
                let first_chunk = if commands.is_empty() { self.options.limit } else { None };
                let mut take = |batch: Batch| lock(&chain).push(batch, &mut |batch| output.take(batch));
                watch(std::slice::from_ref(&chain), &mut || scan.run_ordered(first_chunk, &mut take))?;
                unlocked(chain).finish(&mut |batch| output.take(batch))
            }
        }
    }

    /// Explains how the search would be run: the canonical text, the plan, terms, and what is pruned.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn explain(&self, engine: &Engine) -> Result<String> {
        let ctx = self.context(Some(engine));
        if let Some(resolved) = self.resolved(&ctx)? {
            return Ok(format!("written {}\n{}", self.canonical, resolved.explain(engine)?));
        }
        let mut text = format!("query   {}\n", self.canonical);
        if let Some(expr) = &self.plan.search {
            text.push_str("search\n");
            text.push_str(&expr.outline("        "));
        }
        text.push_str(&self.plan.to_string());
        let Some(expr) = &self.plan.search else { return Ok(text) };
        if let Some(feed) = engine.feed() {
            text.push_str(&format!("open    {}: read from beginning to end, without an index\n", feed.describe()?));
            return Ok(text);
        }
        let scan = Scan::open(&self.plan, expr, &ctx, engine, self.options.with_bytes)?;
        let coverage = scan.coverage();
        let (certain, possible) = scan.n_candidates();
        let written = || -> std::fmt::Result {
            for term in TermDiagnosis::of(expr, &self.plan, engine, scan.buckets()).unwrap_or_default() {
                writeln!(
                    text,
                    "term    {}: at most {} events in range, {} in all",
                    term.term, term.n_in_range, term.n_total
                )?;
            }
            writeln!(
                text,
                "buckets {} in these indexes, {} outside the range of time, {} unreadable",
                coverage.n_buckets, coverage.n_buckets_pruned, coverage.n_buckets_failed
            )?;
            writeln!(text, "events  {} in the rest, {} live", coverage.n_events, coverage.n_events_live)?;
            writeln!(
                text,
                "match   {certain} certain by the index, {} to be verified on the text",
                possible - certain
            )?;
            let is_merged = self.plan.cut() == Cut::Merge;
            let with_order = !is_merged || self.plan.order_matters();
            writeln!(text, "open    {}", scan.access(with_order, is_merged && self.plan.only_counts()))
        };
        let mut written = written;
        written().map_err(|error| RunError::Source(Box::new(error)))?;
        Ok(text)
    }

    /// What to highlight in the text of events: the literals that the search looks for, not those it excludes.
    pub fn highlights(&self) -> Vec<Highlight> {
        let mut highlights = Vec::new();
        if let Some(search) = &self.plan.search {
            collect_highlights(search, &mut highlights);
        }
        highlights
    }
}

/// Reads a time option; the error names the option's text.
fn parse_time(text: &str) -> Result<TimeSpec, QueryError> {
    TimeSpec::parse(text).ok_or_else(|| {
        QueryError::new(QueryErrorKind::Time(text.to_owned()), Span::default())
            .with_hint("write for example -15m, -1d@d, 2026-11-20T14:00:00 or an epoch second")
    })
}

/// What a mutex holds that nobody shares any more.
fn unlocked(chain: Mutex<Chain>) -> Chain {
    chain.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A search that was stopped has an answer all the same; other errors stay errors.
fn stopped(result: Result<()>) -> Result<Option<String>> {
    match result {
        Ok(()) => Ok(None),
        Err(error @ (RunError::Cancelled | RunError::Deadline)) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

fn collect_highlights(expr: &SearchExpr, highlights: &mut Vec<Highlight>) {
    match expr {
        SearchExpr::And(operands) | SearchExpr::Or(operands) => {
            operands.iter().for_each(|operand| collect_highlights(operand, highlights));
        }
        SearchExpr::Pattern(pattern) => {
            let case_sensitive = pattern.case_sensitive && pattern.form != PatternForm::Term;
            highlights.extend(Highlight::of(&pattern.glob, case_sensitive));
        }
        SearchExpr::Compare(compare) if compare.op == CompareOp::Eq => {
            highlights.extend(Highlight::of(&compare.value.glob, false));
        }
        _ => {}
    }
}

/// The end of the pipeline: counts rows, cuts at the limit, and writes values as `fieldformat` says.
struct Output<'s> {
    n_rows: u64,
    limit: Option<usize>,
    formats: FieldFormats<'s>,
    ctx: &'s Context,
    sink: &'s mut dyn FnMut(Batch) -> Result<Flow>,
}

impl Output<'_> {
    fn take(&mut self, mut batch: Batch) -> Result<Flow> {
        if let Some(limit) = self.limit {
            batch.truncate(limit.saturating_sub(self.n_rows as usize));
        }
        self.n_rows += batch.len() as u64;
        self.ctx.progress().set_rows(self.n_rows);
        self.formats.apply(&mut batch, self.ctx);
        // A table without rows still has its columns.
        let says_nothing = batch.is_empty() && batch.fields().is_empty();
        let flow = if says_nothing { Flow::More } else { (self.sink)(batch)? };
        let full = self.limit.is_some_and(|limit| self.n_rows >= limit as u64);
        Ok(if full { Flow::Done } else { flow })
    }
}
