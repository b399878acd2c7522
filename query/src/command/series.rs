//! Fields whose values become columns: what `chart` and `timechart` share.

use super::aggregate::{self, Aggregates, Aggregation};
use super::args::{Args, bad_value, boolean};
use super::binning::Binner;
use super::group::Groups;
use super::grouping::check_groups;
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::lexer::quote;
use crate::search::CompareOp;
use crate::span::Spanned;
use crate::stats_fn::{self, GroupStates, Parameters, Rows, StatsFunction, Target};
use crate::value::{Value, format_number};
use crate::wanted::Wanted;
use hashbrown::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// Which values of a field become columns, and what the columns are called; as written.
#[derive(Clone, Debug)]
pub struct SeriesOptions {
    /// How many columns; `None` if nothing is said about it.
    pub limit: Option<SeriesLimit>,
    /// What the limit goes by; `None` for the sum of the first result.
    pub score: Option<Score>,
    /// Whether the other values have a column together, and what it is called.
    pub use_other: bool,
    /// The name of that column.
    pub other: String,
    /// Whether rows without the field have a column.
    pub use_null: bool,
    /// The name of that column.
    pub null: String,
    /// What joins the name of a result and a value where there are several results.
    pub separator: String,
    /// How the two are joined: `$AGG$` and `$VAL$` stand for them.
    pub format: Option<String>,
    /// The clause `WHERE` after the field.
    pub condition: Option<SeriesCondition>,
}

/// How many values of a field become columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesLimit {
    /// How many; 0 for all.
    pub n: usize,
    /// Those with the smallest scores rather than the largest.
    pub smallest: bool,
}

/// A number for each value of the field, by which it is chosen.
#[derive(Clone, Debug)]
pub enum Score {
    /// A function over the cells of the first result, as in `WHERE avg > 10`.
    Cells {
        /// The function.
        function: &'static StatsFunction,
        /// The number in `perc95`.
        percentile: f64,
        /// Its name as written.
        written: String,
    },
    /// A function over the rows, as in `WHERE count in top5`.
    Rows(Aggregation),
}

/// What a value must satisfy to become a column.
#[derive(Clone, Debug)]
pub struct SeriesCondition {
    /// The number that is looked at.
    pub score: Score,
    /// What is asked of it.
    pub test: ScoreTest,
}

/// What is asked of a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScoreTest {
    /// `in top5`: to be among these.
    In(SeriesLimit),
    /// `notin top5`: not to be among these.
    NotIn(SeriesLimit),
    /// `> 10`.
    Compare(CompareOp, f64),
}

const DEFAULT_LIMIT: SeriesLimit = SeriesLimit { n: 10, smallest: false };
const DEFAULT_OTHER: &str = "OTHER";
const DEFAULT_NULL: &str = "NULL";
const DEFAULT_SEPARATOR: &str = ": ";

impl Default for SeriesOptions {
    fn default() -> Self {
        Self {
            limit: None,
            score: None,
            use_other: true,
            other: DEFAULT_OTHER.to_owned(),
            use_null: true,
            null: DEFAULT_NULL.to_owned(),
            separator: DEFAULT_SEPARATOR.to_owned(),
            format: None,
            condition: None,
        }
    }
}

impl SeriesOptions {
    /// The names of the options.
    pub(super) const OPTIONS: [&str; 8] =
        ["limit", "agg", "useother", "otherstr", "usenull", "nullstr", "sep", "format"];

    /// Reads the value of an option; `false` if it is none of [`SeriesOptions::OPTIONS`].
    pub(super) fn parse_option(&mut self, args: &mut Args<'_>, option: &str) -> Result<bool, QueryError> {
        if option == "agg" {
            self.score = Some(Score::parse(args)?);
            return Ok(true);
        }
        if !Self::OPTIONS.contains(&option) {
            return Ok(false);
        }
        let value = args.option_value(option)?;
        match option {
            "limit" => self.limit = Some(SeriesLimit::parse(&value)?),
            "useother" => self.use_other = boolean(&value)?,
            "otherstr" => self.other = value.value,
            "usenull" => self.use_null = boolean(&value)?,
            "nullstr" => self.null = value.value,
            "sep" => self.separator = value.value,
            _ => self.format = Some(value.value),
        }
        Ok(true)
    }

    /// Reads `WHERE …`, if that comes next.
    pub(super) fn parse_condition(&mut self, args: &mut Args<'_>) -> Result<(), QueryError> {
        if args.keyword("WHERE") {
            let score = Score::parse(args)?;
            self.condition = Some(SeriesCondition { score, test: ScoreTest::parse(args)? });
        }
        Ok(())
    }

    /// Adds what the scores read.
    pub(super) fn add_fields_read(&self, wanted: &mut Wanted) {
        for score in self.score.iter().chain(self.condition.iter().map(|condition| &condition.score)) {
            if let Score::Rows(aggregation) = score {
                aggregate::add_fields_read(std::slice::from_ref(aggregation), wanted);
            }
        }
    }

    /// Whether nothing but the number of rows is looked at.
    pub(super) fn counts_rows_only(&self) -> bool {
        let scores = self.score.iter().chain(self.condition.iter().map(|condition| &condition.score));
        scores.into_iter().all(|score| match score {
            Score::Cells { .. } => true,
            Score::Rows(aggregation) => aggregation.counts_rows(),
        })
    }

    /// The clause `WHERE` with a space before it, or nothing.
    pub(super) fn write_condition(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(SeriesCondition { score, test }) = &self.condition else { return Ok(()) };
        write!(f, " WHERE {score} {test}")
    }

    fn column_name(&self, result: &str, value: &str) -> String {
        match &self.format {
            Some(format) => format.replace("$AGG$", result).replace("$VAL$", value),
            None => format!("{result}{}{value}", self.separator),
        }
    }
}

/// The options that were given, each with a space before it; without the clause `WHERE`.
impl fmt::Display for SeriesOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.limit.iter().try_for_each(|limit| write!(f, " limit={limit}"))?;
        self.score.iter().try_for_each(|score| write!(f, " agg={score}"))?;
        f.write_str(if self.use_other { "" } else { " useother=f" })?;
        if self.other != DEFAULT_OTHER {
            write!(f, " otherstr={}", quote(&self.other))?;
        }
        f.write_str(if self.use_null { "" } else { " usenull=f" })?;
        if self.null != DEFAULT_NULL {
            write!(f, " nullstr={}", quote(&self.null))?;
        }
        if self.separator != DEFAULT_SEPARATOR {
            write!(f, " sep={}", quote(&self.separator))?;
        }
        self.format.iter().try_for_each(|format| write!(f, " format={}", quote(format)))
    }
}

impl SeriesLimit {
    fn parse(value: &Spanned<String>) -> Result<Self, QueryError> {
        let text = value.value.to_ascii_lowercase();
        let (digits, smallest) = match (text.strip_prefix("top"), text.strip_prefix("bottom")) {
            (Some(digits), _) => (digits, false),
            (_, Some(digits)) => (digits, true),
            _ => (text.as_str(), false),
        };
        let n = digits.parse::<u32>().map_err(|_| bad_value(value, "a number, topN or bottomN"))? as usize;
        Ok(Self { n, smallest })
    }
}

impl fmt::Display for SeriesLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.smallest { "bottom" } else { "" }, self.n)
    }
}

impl Score {
    /// Reads `count`, `avg` or `avg(field)`.
    fn parse(args: &mut Args<'_>) -> Result<Self, QueryError> {
        args.cursor.skip_space();
        let mut ahead = args.cursor;
        let start = ahead.pos();
        let written = ahead.take_while(|c| c.is_alphanumeric() || "_.".contains(c)).to_ascii_lowercase();
        let span = ahead.span_from(start);
        ahead.skip_space();
        if written.is_empty() || ahead.peek() == Some('(') {
            return Ok(Score::Rows(aggregate::parse_call(args)?));
        }
        let (function, percentile) = stats_fn::find(&written, span)?;
        if function.name == "count" {
            return Ok(Score::Rows(aggregate::parse_call(args)?));
        }
        args.cursor = ahead;
        Ok(Score::Cells { function, percentile, written })
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Score::Cells { written, .. } => f.write_str(written),
            Score::Rows(aggregation) => aggregation.fmt(f),
        }
    }
}

/// Comparisons of a clause `WHERE`, longer ones before those they begin with.
const COMPARISONS: [(&str, CompareOp); 7] = [
    (">=", CompareOp::Ge),
    ("<=", CompareOp::Le),
    ("!=", CompareOp::Ne),
    ("==", CompareOp::Eq),
    ("=", CompareOp::Eq),
    (">", CompareOp::Gt),
    ("<", CompareOp::Lt),
];

impl ScoreTest {
    fn parse(args: &mut Args<'_>) -> Result<Self, QueryError> {
        let is_in = args.keyword("in");
        if is_in || args.keyword("notin") {
            let limit = SeriesLimit::parse(&args.option_value("in")?)?;
            return Ok(if is_in { ScoreTest::In(limit) } else { ScoreTest::NotIn(limit) });
        }
        args.cursor.skip_space();
        let Some((_, op)) = COMPARISONS.into_iter().find(|(text, _)| args.cursor.eat(text)) else {
            return Err(args
                .cursor
                .expected("`in`, `notin` or a comparison")
                .with_hint("write WHERE avg > 10 or WHERE count in top5"));
        };
        Ok(ScoreTest::Compare(op, super::args::decimal(&args.option_value(op.symbol())?)?))
    }
}

impl fmt::Display for ScoreTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rank = |limit: &SeriesLimit| if limit.smallest { "bottom" } else { "top" };
        match self {
            ScoreTest::In(limit) => write!(f, "in {}{}", rank(limit), limit.n),
            ScoreTest::NotIn(limit) => write!(f, "notin {}{}", rank(limit), limit.n),
            ScoreTest::Compare(op, number) => write!(f, "{} {}", op.symbol(), format_number(*number)),
        }
    }
}

/// What a row of the chart is known by: the start of a bin, the number of a group.
pub(super) type Line = i64;

/// A value of the field, or none.
type Series = Option<u32>;

/// Statistics by lines and columns.
#[derive(Clone)]
pub(super) struct Pivot {
    ctx: Arc<Context>,
    command: &'static str,
    options: SeriesOptions,
    /// Whether a field becomes columns; otherwise results do.
    is_split: bool,
    /// The bins of the field that becomes columns: its values are their starts. Such columns stand in the order of the
    /// bins, others in that of their text.
    pub series_bins: Option<Binner>,
    /// The name of a column that no series may have.
    pub taken_name: Option<String>,
    series: Groups,
    index: HashMap<(Line, Series), u32>,
    /// Which line and series each group of the aggregates stands for.
    places: Vec<(Line, Series)>,
    aggregates: Aggregates,
    /// States of scores over rows, by series: of the limit and of the condition.
    scores: [Option<Aggregates>; 2],
    memory: Memory,
    n_rows: u64,
    targets: Vec<Target>,
    series_targets: Vec<Target>,
}

impl Pivot {
    pub fn new(
        ctx: &Arc<Context>,
        command: &'static str,
        options: &SeriesOptions,
        is_split: bool,
        aggregations: &[Aggregation],
    ) -> Self {
        let over_rows = |score: Option<&Score>| match score? {
            Score::Rows(aggregation) => Some(Aggregates::new(std::slice::from_ref(aggregation), false, ctx)),
            Score::Cells { .. } => None,
        };
        let condition = options.condition.as_ref().map(|condition| &condition.score);
        Self {
            ctx: Arc::clone(ctx),
            command,
            options: options.clone(),
            is_split,
            series_bins: None,
            taken_name: None,
            series: Groups::new(1),
            index: HashMap::new(),
            places: Vec::new(),
            aggregates: Aggregates::new(aggregations, false, ctx),
            scores: [over_rows(options.score.as_ref()), over_rows(condition)],
            memory: Memory::new(ctx, command),
            n_rows: 0,
            targets: Vec::new(),
            series_targets: Vec::new(),
        }
    }

    fn find_or_add(&mut self, line: Line, series: Series) -> u32 {
        *self.index.entry((line, series)).or_insert_with(|| {
            self.places.push((line, series));
            self.places.len() as u32 - 1
        })
    }

    /// The lines that have rows, each at least once.
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        self.places.iter().map(|(line, _)| *line)
    }

    /// Takes in the rows of a batch: `lines_of` names the lines of a row, and `split` has its values of the field that
    /// becomes columns.
    pub fn take(
        &mut self,
        batch: &Batch,
        split: Option<&[Value]>,
        counts: Option<&[u64]>,
        mut lines_of: impl FnMut(usize, &mut dyn FnMut(Line)),
    ) -> Result<()> {
        self.ctx.cancel.check()?;
        let first_row = self.n_rows;
        self.n_rows += batch.len() as u64;
        let n_places = self.places.len();
        let mut bytes = 0;
        self.targets.clear();
        self.series_targets.clear();
        let has_scores = self.scores.iter().any(Option::is_some);
        // The groups of a row that has several.
        let mut seen = HashSet::new();
        for row in 0..batch.len() {
            seen.clear();
            let first = self.targets.len();
            let values = split.and_then(|column| column.get(row)).map_or(&[][..], Value::each);
            lines_of(row, &mut |line| {
                // Without a value in the series of null.
                for at in 0..values.len().max(1) {
                    let series = values.get(at).map(|value| {
                        let (series, grown) = self.series.find_or_add(&[value]);
                        bytes += grown;
                        series
                    });
                    let group = self.find_or_add(line, series);
                    // A value that a field has twice counts once.
                    if let Some(target) = self.targets.get(first) {
                        seen.insert(target.group);
                        if !seen.insert(group) {
                            continue;
                        }
                    }
                    self.targets.push(Target { row: row as u32, group });
                    if let Some(series) = series.filter(|_| has_scores) {
                        self.series_targets.push(Target { row: row as u32, group: series });
                    }
                }
            });
        }
        bytes += (self.places.len() - n_places) * 2 * size_of::<(Line, Series, u32)>();
        self.memory.grow(bytes)?;
        check_groups(&self.ctx, self.command, self.places.len())?;
        let rows = Rows::new(batch, first_row, counts);
        let mut bytes = self.aggregates.update(batch, &self.ctx, &self.targets, &rows, self.places.len());
        for score in self.scores.iter_mut().flatten() {
            bytes += score.update(batch, &self.ctx, &self.series_targets, &rows, self.series.len());
        }
        self.memory.grow(bytes)
    }

    /// Gives the lines other names; those that get one in common are merged. A group keeps its number or gets a smaller one.
    pub fn rename_lines(&mut self, mut rename: impl FnMut(Line) -> Line) {
        self.rename(|(line, series)| (rename(line), series));
    }

    fn rename(&mut self, mut rename: impl FnMut((Line, Series)) -> (Line, Series)) {
        self.index.clear();
        let before = std::mem::take(&mut self.places);
        for (group, place) in before.iter().enumerate() {
            let (line, series) = rename(*place);
            let renamed = self.find_or_add(line, series);
            if renamed != group as u32 {
                self.aggregates.merge_group(group as u32, renamed, before.len());
            }
        }
    }

    /// The values that are series.
    pub fn series_values(&self) -> impl Iterator<Item = &Value> {
        (0..self.series.len() as u32).map(|series| &self.series.key(series)[0])
    }

    /// Replaces the values that are series; those that become one are merged.
    pub fn rename_series(&mut self, values: &[Value]) {
        let mut renamed = Groups::new(1);
        let names: Vec<u32> = values.iter().map(|value| renamed.find_or_add(&[value]).0).collect();
        let n_series = self.series.len();
        self.series = renamed;
        self.rename(|(line, series)| (line, series.map(|series| names[series as usize])));
        for score in self.scores.iter_mut().flatten() {
            for (series, renamed) in names.iter().enumerate() {
                if *renamed != series as u32 {
                    score.merge_group(series as u32, *renamed, n_series);
                }
            }
        }
    }

    /// Takes over another part of the rows, whose line `line` is called `rename(line)` here.
    pub fn merge(&mut self, other: Self, mut rename: impl FnMut(Line) -> Line) -> Result<()> {
        self.memory.absorb(other.memory);
        let (series, bytes) = self.series.merge(&other.series);
        self.memory.grow(bytes)?;
        let place = |(line, place): (Line, Series)| {
            let place = place.map(|place| series[place as usize]);
            self.find_or_add(rename(line), place)
        };
        let groups: Vec<u32> = other.places.into_iter().map(place).collect();
        check_groups(&self.ctx, self.command, self.places.len())?;
        self.aggregates.merge(other.aggregates, &self.ctx, &groups, self.places.len());
        for (score, other) in self.scores.iter_mut().zip(other.scores) {
            if let (Some(score), Some(other)) = (score, other) {
                score.merge(other, &self.ctx, &series, self.series.len());
            }
        }
        Ok(())
    }

    /// The score of each series.
    fn scores(&self, score: Option<&Score>, over_rows: Option<&Aggregates>) -> Vec<f64> {
        let series = 0..self.series.len() as u32;
        if let Some(aggregates) = over_rows {
            return series.map(|series| aggregates.first_number(&self.ctx, series).unwrap_or(f64::NAN)).collect();
        }
        let (function, percentile) = match score {
            Some(Score::Cells { function, percentile, .. }) => (*function, *percentile),
            _ => (stats_fn::sum(), 0.0),
        };
        let mut cells = Vec::with_capacity(self.places.len());
        let mut targets = Vec::with_capacity(self.places.len());
        for (group, (_, series)) in self.places.iter().enumerate() {
            if let (Some(series), Some(number)) = (series, self.aggregates.first_number(&self.ctx, group as u32)) {
                targets.push(Target { row: cells.len() as u32, group: *series });
                cells.push(Value::number(number));
            }
        }
        let mut states = (function.start)();
        states.update(Some(&cells), &targets, &Rows::new(&Batch::default(), 0, None), self.series.len());
        let parameters = Parameters { percentile, all_numeric: false, ctx: &self.ctx };
        let score = |series| GroupStates::finish(&mut *states, series, &parameters).as_number().unwrap_or(f64::NAN);
        series.map(score).collect()
    }

    /// The first series by a score; one without a score comes last either way.
    fn first_series(&self, series: Vec<u32>, scores: &[f64], limit: SeriesLimit) -> HashSet<u32> {
        let mut ranked = series;
        ranked.sort_by(|a, b| {
            let (a, b) = (scores[*a as usize], scores[*b as usize]);
            let by_score = if limit.smallest { a.total_cmp(&b) } else { b.total_cmp(&a) };
            a.is_nan().cmp(&b.is_nan()).then(by_score)
        });
        ranked.truncate(limit.n);
        ranked.into_iter().collect()
    }

    /// The series that get a column of their own.
    fn chosen(&self) -> HashSet<u32> {
        let options = &self.options;
        let mut chosen = self.series.sorted();
        if let Some(SeriesCondition { score, test }) = &options.condition {
            let scores = self.scores(Some(score), self.scores[1].as_ref());
            let among = |limit: &SeriesLimit| self.first_series(chosen.clone(), &scores, *limit);
            let keep: Box<dyn Fn(&u32) -> bool> = match test {
                ScoreTest::In(limit) => {
                    let among = among(limit);
                    Box::new(move |series| among.contains(series))
                }
                ScoreTest::NotIn(limit) => {
                    let among = among(limit);
                    Box::new(move |series| !among.contains(series))
                }
                ScoreTest::Compare(op, number) => Box::new(|series| {
                    let score = scores[*series as usize];
                    score.partial_cmp(number).is_some_and(|ordering| op.holds(ordering))
                }),
            };
            chosen.retain(|series| keep(series));
        }
        // A condition takes the place of the limit that holds if nothing is said.
        let default = if options.condition.is_some() { SeriesLimit { n: 0, smallest: false } } else { DEFAULT_LIMIT };
        let limit = options.limit.unwrap_or(default);
        if limit.n == 0 || limit.n >= chosen.len() {
            return chosen.into_iter().collect();
        }
        let scores = self.scores(options.score.as_ref(), self.scores[0].as_ref());
        self.first_series(chosen, &scores, limit)
    }

    fn has_null(&self) -> bool {
        self.is_split && self.places.iter().any(|(_, series)| series.is_none())
    }

    /// The columns by series: those of the values in their order, then OTHER, then NULL.
    fn columns(&self) -> (Vec<String>, HashMap<Series, usize>) {
        let options = &self.options;
        let chosen = self.chosen();
        let has_other = chosen.len() < self.series.len();
        let mut named: Vec<(String, u32)> = Vec::new();
        let (mut in_other, mut in_null) = (Vec::new(), Vec::new());
        for series in self.series.sorted() {
            let name = match (&self.series.key(series)[0], &self.series_bins) {
                (Value::Number(start), Some(bins)) => bins.label(*start).to_string(),
                (value, _) => value.to_string(),
            };
            // A value that is called like one of the two columns belongs to it.
            if !chosen.contains(&series) || (has_other && options.use_other && options.other == name) {
                in_other.push(Some(series));
            } else if self.has_null() && options.use_null && options.null == name {
                in_null.push(Some(series));
            } else {
                let is_taken = name.starts_with('_') || self.taken_name.as_ref() == Some(&name);
                named.push((if is_taken { format!("VALUE{name}") } else { name }, series));
            }
        }
        if self.has_null() {
            in_null.push(None);
        }
        if self.series_bins.is_none() {
            named.sort_by(|a, b| a.0.cmp(&b.0));
        }
        let mut columns: Vec<(String, Vec<Series>)> = Vec::new();
        for (name, series) in named {
            match columns.iter_mut().rev().take(1).find(|(last, _)| *last == name) {
                Some((_, of_column)) => of_column.push(Some(series)),
                None => columns.push((name, vec![Some(series)])),
            }
        }
        if options.use_other && !in_other.is_empty() {
            columns.push((options.other.clone(), in_other));
        }
        if options.use_null && !in_null.is_empty() {
            columns.push((options.null.clone(), in_null));
        }
        let places = columns.iter().enumerate();
        let places =
            places.flat_map(|(column, (_, series))| series.iter().map(move |series| (*series, column))).collect();
        (columns.into_iter().map(|(name, _)| name).collect(), places)
    }

    /// The columns of the chart over the given lines. `line_seconds` is the length of a line, for sums per unit of time.
    pub fn finish(&mut self, lines: &[Line], line_seconds: impl Fn(Line) -> f64) -> Result<Vec<(String, Vec<Value>)>> {
        let (names, places) = match self.is_split {
            true => self.columns(),
            false => (vec![String::new()], HashMap::from([(None, 0)])),
        };
        check_groups(&self.ctx, self.command, lines.len().saturating_mul(names.len()))?;
        // All series of a column in one group.
        let mut groups: HashMap<(Line, usize), u32> = HashMap::new();
        for (group, (line, series)) in self.places.iter().enumerate() {
            let Some(column) = places.get(series) else { continue };
            let group = group as u32;
            let first = *groups.entry((*line, *column)).or_insert(group);
            if first != group {
                self.aggregates.merge_group(group, first, self.places.len());
            }
        }
        let filled: Vec<(usize, usize, u32)> = (lines.iter().enumerate())
            .flat_map(|(index, line)| (0..names.len()).map(move |column| (index, column, *line)))
            .filter_map(|(index, column, line)| Some((index, column, *groups.get(&(line, column))?)))
            .collect();
        let filled_groups: Vec<u32> = filled.iter().map(|(_, _, group)| *group).collect();
        let results = std::mem::take(&mut self.aggregates).finish(&self.ctx, &filled_groups);
        let has_one_result = results.len() == 1;
        let mut table = Vec::with_capacity(results.len() * names.len());
        for result in results {
            let mut columns = vec![vec![result.empty.clone(); lines.len()]; names.len()];
            for ((index, column, _), mut cell) in filled.iter().zip(result.cells) {
                if let (Some(unit_s), Some(sum)) = (result.function.rate_unit_s, cell.as_number()) {
                    cell = Value::number(sum * unit_s / line_seconds(lines[*index]));
                }
                columns[*column][*index] = cell;
            }
            for (name, cells) in names.iter().zip(columns) {
                let name = match (self.is_split, has_one_result) {
                    (false, _) => result.name.clone(),
                    (true, true) => name.clone(),
                    (true, false) => self.options.column_name(&result.name, name),
                };
                table.push((name, cells));
            }
        }
        Ok(table)
    }
}
