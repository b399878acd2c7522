//! Counts what is compared: a command that is appended to the searches of a comparison, and its state.

use super::report::Line;
use super::values::FieldValues;
use super::windows::Windows;
use crate::batch::Batch;
use crate::command::{Command, CommandKind, Flow, Operator};
use crate::context::{Context, Memory, lock};
use crate::error::Result;
use crate::pattern::{Miner, Pattern, Tally};
use crate::time::from_seconds;
use crate::value::Value;
use crate::wanted::Wanted;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};

/// Most hosts that are told apart in a pattern, the first ones by name.
const MAX_HOSTS: usize = 200;
/// Most sources that are remembered of a pattern, the first ones by name.
const MAX_SOURCES: usize = 20;
/// Bytes of a line.
const MAX_LINE_BYTES: usize = 2_000;

/// Events by stretch, 0 for those of the incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts(Vec<(i64, u64)>);

impl Counts {
    pub fn add(&mut self, stretch: i64, n: u64) {
        // Events come in the order of time, more or less.
        match self.0.binary_search_by_key(&stretch, |(known, _)| *known) {
            Ok(at) => self.0[at].1 += n,
            Err(at) => self.0.insert(at, (stretch, n)),
        }
    }

    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(stretch, n)| self.add(*stretch, *n));
    }

    pub fn of(&self, stretch: i64) -> u64 {
        self.0.binary_search_by_key(&stretch, |(known, _)| *known).map_or(0, |at| self.0[at].1)
    }

    /// Those of the incident and those of the baseline.
    pub fn sides(&self) -> (u64, u64) {
        let total: u64 = self.0.iter().map(|(_, n)| n).sum();
        (self.of(0), total - self.of(0))
    }

    /// Those of some stretches.
    pub fn within(&self, holds: impl Fn(i64) -> bool) -> u64 {
        self.0.iter().filter(|(stretch, _)| holds(*stretch)).map(|(_, n)| n).sum()
    }

    fn n_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(i64, u64)>()
    }
}

/// Events of a pattern.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windowed {
    pub counts: Counts,
    pub hosts: BTreeMap<String, (u64, u64)>,
    pub sources: BTreeSet<String>,
    pub last_us: Option<i64>,
    /// The first line of the incident and of the baseline.
    pub first: [Option<Line>; 2],
}

impl Windowed {
    fn add(&mut self, stretch: i64, event: &Event<'_>) -> usize {
        let n_before = self.counts.n_bytes();
        self.counts.add(stretch, 1);
        let mut n_bytes = self.counts.n_bytes() - n_before;
        let side = usize::from(stretch != 0);
        if let Some(host) = event.host {
            let counts = match self.hosts.get_mut(host) {
                Some(counts) => counts,
                None => {
                    n_bytes += 2 * host.len() + 64;
                    self.hosts.entry(host.to_owned()).or_default()
                }
            };
            if side == 0 { counts.0 += 1 } else { counts.1 += 1 }
        }
        if let Some(source) = event.source.filter(|source| !self.sources.contains(*source)) {
            n_bytes += 2 * source.len() + 64;
            self.sources.insert(source.to_owned());
        }
        self.bound();
        self.last_us = self.last_us.max(Some(event.time_us));
        let first = &mut self.first[side];
        let is_earlier = first
            .as_ref()
            .is_none_or(|first| (Some(event.time_us), event.line()) < (first.time_us, first.text.as_str()));
        if is_earlier {
            n_bytes += if first.is_none() { event.line().len() + 256 } else { 0 };
            let owned = |text: Option<&str>| text.map(str::to_owned);
            *first = Some(Line {
                time_us: Some(event.time_us),
                text: event.line().to_owned(),
                source: owned(event.source),
                host: owned(event.host),
                level: owned(event.level),
                address: None,
            });
        }
        n_bytes
    }

    fn bound(&mut self) {
        while self.hosts.len() > MAX_HOSTS {
            self.hosts.pop_last();
        }
        while self.sources.len() > MAX_SOURCES {
            self.sources.pop_last();
        }
    }
}

impl Tally for Windowed {
    fn merge(&mut self, other: Self) {
        self.counts.merge(&other.counts);
        for (host, counts) in other.hosts {
            let known = self.hosts.entry(host).or_default();
            *known = (known.0 + counts.0, known.1 + counts.1);
        }
        self.sources.extend(other.sources);
        self.bound();
        self.last_us = self.last_us.max(other.last_us);
        for (first, other) in self.first.iter_mut().zip(other.first) {
            *first = [first.take(), other].into_iter().flatten().min();
        }
    }

    fn n_lines(&self) -> u64 {
        let (incident, baseline) = self.counts.sides();
        incident + baseline
    }
}

/// What is counted of an event.
struct Event<'a> {
    time_us: i64,
    text: &'a str,
    host: Option<&'a str>,
    source: Option<&'a str>,
    level: Option<&'a str>,
}

impl Event<'_> {
    fn line(&self) -> &str {
        let mut end = MAX_LINE_BYTES.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.text[..end]
    }
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    miner: Miner<Windowed>,
    pub(super) fields: BTreeMap<String, FieldValues>,
    pub(super) events: Counts,
    /// Times of the first and the last event.
    pub seen_us: Option<(i64, i64)>,
}

impl Gathered {
    pub fn merge(&mut self, other: Self) {
        self.miner.merge(other.miner);
        for (field, values) in other.fields {
            match self.fields.get_mut(&field) {
                Some(known) => known.merge(values),
                None => {
                    self.fields.insert(field, values);
                }
            }
        }
        self.events.merge(&other.events);
        self.seen_us = match (self.seen_us, other.seen_us) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
    }

    /// Events of the incident and of the baseline.
    pub fn n_events(&self) -> (u64, u64) {
        self.events.sides()
    }

    pub fn into_patterns(self) -> Vec<Pattern<Windowed>> {
        self.miner.into_patterns()
    }

    /// Counts a batch in; how many bytes more it holds.
    pub fn take<'b>(&mut self, batch: &'b Batch, windows: &Windows, field: &str, what: What) -> usize {
        let n_before = self.miner.n_bytes();
        let mut n_bytes = 0;
        let Some(times) = batch.column("_time") else { return 0 };
        let stretch = |row: usize| {
            let time_us = times[row].as_number().and_then(from_seconds)?;
            Some((time_us, windows.stretch(time_us)?))
        };
        let stretches: Vec<Option<(i64, i64)>> = (0..batch.len()).map(stretch).collect();
        for (time_us, stretch) in stretches.iter().flatten() {
            self.events.add(*stretch, 1);
            let (first, last) = self.seen_us.unwrap_or((*time_us, *time_us));
            self.seen_us = Some((first.min(*time_us), last.max(*time_us)));
        }
        if what == What::Patterns
            && let Some(texts) = batch.column(field)
        {
            let [host, source, level] = ["host", "source", "level"].map(|name| batch.column(name));
            for (row, time) in stretches.iter().enumerate() {
                let Some((time_us, stretch)) = *time else { continue };
                let text_of = |column: Option<&'b [Value]>| match column.map(|column| &column[row]) {
                    Some(Value::Text(text)) => Some(text.as_str()),
                    _ => None,
                };
                let (host, source, level) = (text_of(host), text_of(source), text_of(level));
                for text in texts[row].each() {
                    n_bytes += text.with_text(|text| {
                        let event = Event { time_us, text, host, source, level };
                        self.miner.push(text).add(stretch, &event)
                    });
                }
            }
        }
        if what == What::Values {
            for (name, cells) in batch.iter().filter(|(name, _)| super::values::is_compared(name)) {
                if cells.iter().all(Value::is_null) {
                    continue;
                }
                if !self.fields.contains_key(name) {
                    self.fields.insert(name.to_owned(), FieldValues::default());
                    n_bytes += name.len() + 128;
                }
                let Some(values) = self.fields.get_mut(name) else { continue };
                for (cell, time) in cells.iter().zip(&stretches) {
                    if let Some((_, stretch)) = time {
                        n_bytes += cell.each().iter().map(|value| values.add(value, *stretch)).sum::<usize>();
                    }
                }
            }
        }
        n_bytes + self.miner.n_bytes().saturating_sub(n_before)
    }
}

/// What is to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Patterns,
    Values,
}

/// The command that is appended: it takes events and leaves what it counted for whoever made it.
#[derive(Clone, Debug)]
pub(crate) struct Gather {
    what: What,
    windows: Arc<Windows>,
    result: Handover,
}

/// Where the result of a [`Gather`] is left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handover(Arc<Mutex<Gathered>>);

impl Handover {
    pub fn take(&self) -> Gathered {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl Gather {
    pub fn patterns(windows: &Arc<Windows>) -> Self {
        Self { what: What::Patterns, windows: Arc::clone(windows), result: Handover::default() }
    }

    pub fn values(windows: &Arc<Windows>) -> Self {
        Self { what: What::Values, windows: Arc::clone(windows), result: Handover::default() }
    }

    /// Where the result will be once the search has run.
    pub fn result(&self) -> Handover {
        self.result.clone()
    }
}

impl fmt::Display for Gather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("diffpatterns")
    }
}

impl Command for Gather {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: false }
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        match self.what {
            What::Patterns => Wanted::of(["_raw", "_time", "host", "source", "level"].map(str::to_owned)),
            What::Values => Wanted::All,
        }
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(GatherOperator {
            command: self.clone(),
            gathered: Gathered::default(),
            memory: Memory::new(ctx, "diffpatterns"),
            ctx: Arc::clone(ctx),
        })
    }
}

struct GatherOperator {
    command: Gather,
    gathered: Gathered,
    memory: Memory,
    ctx: Arc<Context>,
}

impl Operator for GatherOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.ctx.cancel.check()?;
        let n_bytes = self.gathered.take(&batch, &self.command.windows, "_raw", self.command.what);
        self.memory.grow(n_bytes)?;
        Ok(Flow::More)
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let other: Box<dyn Any> = other;
        let other: Self = *other.downcast().expect("operators of one command are merged");
        self.memory.absorb(other.memory);
        self.gathered.merge(other.gathered);
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn FnMut(Batch)) -> Result<()> {
        *lock(&self.command.result.0) = std::mem::take(&mut self.gathered);
        Ok(())
    }
}
