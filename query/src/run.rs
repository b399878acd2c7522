//! A search from its text to its rows.

use crate::ast::Pipeline;
use crate::batch::Batch;
use crate::chain::Chain;
use crate::command::{FieldFormats, Flow};
use crate::context::{Cancel, Context, Limits};
use crate::engine::coverage::Coverage;
use crate::engine::{Scan, TermDiagnosis};
use crate::error::{QueryError, QueryErrorKind, Result, RunError};
use crate::parser::parse;
use crate::plan::{Caller, Cut, Plan};
use crate::search::{PatternForm, SearchExpr};
use crate::span::Span;
use crate::time::TimeSpec;
use crate::wanted::Wanted;
use std::fmt::Write;
use std::sync::Arc;
use trawl_formats::Zone;
use trawl_formats::event::IndexName;
use trawl_formats::sourcetype::Registry;
use trawl_store::Reader;

/// What a search is run with, besides its text.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// Start of the range, where the query names none: any time modifier. Default: open.
    pub earliest: Option<String>,
    /// End of the range, excluded, where the query names none. Default: open.
    pub latest: Option<String>,
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
    /// The zone of snapped times and of time bins.
    pub zone: Zone,
    /// Bounds of the state that commands keep.
    pub limits: Limits,
    /// Asks the search to stop.
    pub cancel: Arc<Cancel>,
}

impl SearchOptions {
    /// All time, all rows, every field, at `now_us`, UTC.
    pub fn new(now_us: i64) -> Self {
        Self {
            earliest: None,
            latest: None,
            indexes: Vec::new(),
            limit: None,
            event_fields: Wanted::All,
            with_bytes: false,
            diagnose: false,
            now_us,
            zone: Zone::UTC,
            limits: Limits::default(),
            cancel: Arc::default(),
        }
    }
}

/// A parsed and planned search.
///
/// ```no_run
/// use trawl_query::{Flow, Search, SearchOptions};
///
/// let reader = trawl_store::Reader::open("data".as_ref())?;
/// let registry = trawl_formats::Registry::builtin();
/// let search = Search::prepare("ERROR PaymentService | stats count by host", &SearchOptions::new(0))?;
/// let summary = search.run(&reader, &registry, &mut |batch| {
///     println!("{} rows", batch.len());
///     Ok(Flow::More)
/// })?;
/// println!("{}", summary.coverage);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Search {
    plan: Plan,
    ctx: Arc<Context>,
    limit: Option<usize>,
    with_bytes: bool,
    diagnose: bool,
    canonical: String,
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
}

impl Search {
    /// Parses and plans a query.
    ///
    /// # Errors
    /// If the text or a time option cannot be understood.
    pub fn prepare(text: &str, options: &SearchOptions) -> Result<Self, QueryError> {
        let pipeline: Pipeline = parse(text)?;
        let canonical = pipeline.to_string();
        let time = |option: &Option<String>| option.as_deref().map(parse_time).transpose();
        let caller = Caller {
            earliest: time(&options.earliest)?,
            latest: time(&options.latest)?,
            indexes: options.indexes.clone(),
            event_fields: options.event_fields.clone(),
            now_us: options.now_us,
            zone: options.zone,
        };
        let plan = Plan::new(pipeline, &caller)?;
        let mut ctx = Context::new(options.now_us, options.zone, plan.times);
        ctx.limits = options.limits.clone();
        ctx.cancel = Arc::clone(&options.cancel);
        Ok(Self {
            plan,
            ctx: Arc::new(ctx),
            limit: options.limit,
            with_bytes: options.with_bytes,
            diagnose: options.diagnose,
            canonical,
        })
    }

    /// Whether the result is a table rather than events.
    pub fn is_transforming(&self) -> bool {
        self.plan.is_transforming()
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
    pub fn run(
        &self,
        reader: &Reader,
        registry: &Registry,
        sink: &mut dyn FnMut(Batch) -> Result<Flow>,
    ) -> Result<Summary> {
        let formats = FieldFormats::of(&self.plan.commands);
        let mut output = Output { n_rows: 0, limit: self.limit, formats, ctx: &self.ctx, sink };
        let mut summary = Summary::default();
        let scan = match &self.plan.search {
            None => {
                let mut chain = Chain::start(&self.plan.commands, &self.ctx);
                chain.finish(&mut |batch| output.take(batch))?;
                None
            }
            Some(expr) => match Scan::open(&self.plan, expr, &self.ctx, reader, registry, self.with_bytes) {
                Ok(scan) => {
                    summary.incomplete = stopped(self.run_scan(&scan, &mut output))?;
                    Some((scan, expr))
                }
                Err(error) => {
                    summary.incomplete = stopped(Err(error))?;
                    None
                }
            },
        };
        summary.n_rows = output.n_rows;
        if let Some((scan, expr)) = scan {
            summary.n_matched = scan.n_matched();
            let cut = self.limit.is_some_and(|limit| summary.n_rows >= limit as u64);
            if cut && self.plan.commands.is_empty() && summary.incomplete.is_none() {
                match scan.count_all() {
                    Ok(n_matched) => summary.n_matched = n_matched,
                    Err(error) => summary.incomplete = stopped(Err(error))?,
                }
            }
            if self.diagnose && summary.n_matched == 0 && summary.incomplete.is_none() {
                summary.diagnosis = TermDiagnosis::of(expr, &self.plan, reader, registry).unwrap_or_default();
            }
            summary.coverage = scan.coverage();
            if !summary.coverage.is_complete() && summary.incomplete.is_none() {
                summary.incomplete = Some("parts of the store could not be read".to_owned());
            }
        }
        summary.warnings = self.ctx.warnings().iter().map(ToString::to_string).collect();
        Ok(summary)
    }

    fn run_scan(&self, scan: &Scan<'_>, output: &mut Output<'_>) -> Result<()> {
        let Plan { commands, n_map, .. } = &self.plan;
        match self.plan.cut() {
            Cut::Merge => {
                let (parallel, rest) = commands.split_at(n_map + 1);
                let only_counts = self.plan.only_counts();
                let mut merged =
                    scan.run_merged(self.plan.order_matters(), only_counts, || Chain::start(parallel, &self.ctx))?;
                let mut rest = Chain::start(rest, &self.ctx);
                merged.finish(&mut |batch| rest.push(batch, &mut |batch| output.take(batch)))?;
                rest.finish(&mut |batch| output.take(batch))
            }
            Cut::Order => {
                let mut chain = Chain::start(commands, &self.ctx);
                let first_chunk = if commands.is_empty() { self.limit } else { None };
                let mut take = |batch: Batch| chain.push(batch, &mut |batch| output.take(batch));
                scan.run_ordered(first_chunk, &mut take)?;
                chain.finish(&mut |batch| output.take(batch))
            }
        }
    }

    /// Explains how the search would be run: the canonical text, the plan, terms, and what is pruned.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn explain(&self, reader: &Reader, registry: &Registry) -> Result<String> {
        let mut text = format!("query   {}\n{}", self.canonical, self.plan);
        let Some(expr) = &self.plan.search else { return Ok(text) };
        let scan = Scan::open(&self.plan, expr, &self.ctx, reader, registry, self.with_bytes)?;
        let coverage = scan.coverage();
        let (certain, possible) = scan.n_candidates();
        let written = || -> std::fmt::Result {
            for term in TermDiagnosis::of(expr, &self.plan, reader, registry).unwrap_or_default() {
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
            writeln!(text, "match   {certain} certain by the index, {} to be verified on the text", possible - certain)
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
            let literals = pattern.glob.literals().iter().filter(|literal| !literal.is_empty());
            highlights.extend(literals.map(|literal| Highlight {
                literal: literal.to_string(),
                case_sensitive: pattern.case_sensitive && pattern.form != PatternForm::Term,
            }));
        }
        SearchExpr::Compare(compare) if compare.op == crate::search::CompareOp::Eq => {
            let literals = compare.value.glob.literals().iter().filter(|literal| !literal.is_empty());
            highlights
                .extend(literals.map(|literal| Highlight { literal: literal.to_string(), case_sensitive: false }));
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
        self.formats.apply(&mut batch, self.ctx);
        let flow = if batch.is_empty() { Flow::More } else { (self.sink)(batch)? };
        let full = self.limit.is_some_and(|limit| self.n_rows >= limit as u64);
        Ok(if full { Flow::Done } else { flow })
    }
}
