//! Cutting numbers and times into bins: what `bin`, `chart` and `makecontinuous` share.

use super::args::{bad_value, count, decimal};
use crate::context::Context;
use crate::error::{QueryError, QueryErrorKind};
use crate::span::Spanned;
use crate::time::{Bins, TimeSpan, TimeSpec, from_seconds, to_value};
use crate::value::{Value, format_number, parse_number};
use compact_str::{CompactString, format_compact};
use std::fmt;

/// How the values of a field are cut into bins, as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Binning {
    /// Length of a bin; `None` if the values decide.
    pub span: Option<BinSpan>,
    /// Most bins when the values decide; `None` for 100.
    pub max_bins: Option<u32>,
    /// The shortest length when the values decide.
    pub min_span: Option<BinSpan>,
    /// Where the values are taken to begin when they decide.
    pub start: Option<f64>,
    /// Where the values are taken to end when they decide.
    pub end: Option<f64>,
    /// An instant at which a bin of time starts.
    pub align: Option<Align>,
}

/// The length of a bin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BinSpan {
    /// A difference of numbers; of times, seconds.
    Number(f64),
    /// A span of time.
    Time(TimeSpan),
    /// `2log10`: bins end at the coefficient times the powers of the base.
    Log {
        /// At least 1, below the base.
        coefficient: f64,
        /// Above 1.
        base: f64,
    },
}

/// An instant at which a bin starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Align {
    /// The start of the searched range.
    Earliest,
    /// Its end.
    Latest,
    /// This one.
    At(TimeSpec),
}

const DEFAULT_MAX_BINS: u32 = 100;

impl Binning {
    /// The names of the options.
    pub(super) const OPTIONS: [&str; 6] = ["span", "bins", "minspan", "start", "end", "aligntime"];

    /// Whether nothing is said: the values stay as they are.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes an option in; `false` if it is none of [`Binning::OPTIONS`].
    pub(super) fn set(&mut self, option: &str, value: &Spanned<String>) -> Result<bool, QueryError> {
        match option {
            "span" => self.span = Some(BinSpan::parse(value)?),
            "bins" => match count(value)? {
                n @ 2.. => self.max_bins = Some(u32::try_from(n).unwrap_or(u32::MAX)),
                _ => return Err(bad_value(value, "2 or more")),
            },
            "minspan" => self.min_span = Some(BinSpan::parse(value)?),
            "start" => self.start = Some(decimal(value)?),
            "end" => self.end = Some(decimal(value)?),
            "aligntime" => self.align = Some(Align::parse(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether the bins of `field` are bins of time.
    pub(super) fn is_time(&self, field: &str) -> bool {
        let is_time = |span: &Option<BinSpan>| matches!(span, Some(BinSpan::Time(_)));
        is_time(&self.span) || is_time(&self.min_span) || (field == "_time" && self.log().is_none())
    }

    fn log(&self) -> Option<(f64, f64)> {
        match self.span? {
            BinSpan::Log { coefficient, base } => Some((coefficient, base)),
            _ => None,
        }
    }

    /// The bins of `field`, if they can be told without its values.
    pub(super) fn fixed_bins(&self, field: &str, ctx: &Context) -> Option<Binner> {
        self.span.map(|_| self.bins(field, ctx, &Extent::default()))
    }

    /// The bins of `field`, whose values have the given extent.
    pub(super) fn bins(&self, field: &str, ctx: &Context, extent: &Extent) -> Binner {
        let max_bins = self.max_bins.unwrap_or(DEFAULT_MAX_BINS);
        let (low, high) = extent.limits.unwrap_or((0.0, 0.0));
        let (low, high) = (self.start.unwrap_or(low), self.end.unwrap_or(high));
        if self.is_time(field) {
            let length_us = from_seconds(high - low).unwrap_or(i64::MAX);
            let time_span = |span: BinSpan| span.as_time();
            let minimum = self.min_span.and_then(time_span);
            let span = self.span.and_then(time_span);
            let span = span.unwrap_or_else(|| TimeSpan::automatic(length_us, max_bins, minimum));
            let align_us = self.align.as_ref().and_then(|align| align.resolve(ctx));
            return Binner::Time(Bins { span, zone: ctx.zone, align_us });
        }
        match self.span {
            Some(BinSpan::Log { coefficient, base }) => Binner::Log { coefficient, base },
            Some(BinSpan::Number(span)) => Binner::numbers(span),
            _ => {
                let minimum = match self.min_span {
                    Some(BinSpan::Number(span)) => span,
                    _ if extent.has_fractions => 0.0,
                    _ => 1.0,
                };
                Binner::numbers(round_span(low, high.max(low), max_bins, minimum))
            }
        }
    }
}

/// The shortest span of the form 1, 2 or 5 times a power of ten that is not below `minimum` and cuts `low..=high` into at
/// most `max_bins` bins; 1 or more where all values are the same and nothing tells how fine they are.
fn round_span(low: f64, high: f64, max_bins: u32, minimum: f64) -> f64 {
    let minimum = if minimum == 0.0 && low == high { 1.0 } else { minimum };
    let at_least = ((high - low) / f64::from(max_bins)).max(minimum).clamp(1e-12, 1e300);
    let mut exponent = at_least.log10().floor() as i32 - 1;
    loop {
        for digit in [1.0, 2.0, 5.0] {
            let span = if exponent < 0 { digit / 10_f64.powi(-exponent) } else { digit * 10_f64.powi(exponent) };
            let n_bins = (high / span).floor() - (low / span).floor() + 1.0;
            if span >= minimum && span >= at_least && n_bins <= f64::from(max_bins) {
                return span;
            }
        }
        exponent += 1;
        if exponent > 305 {
            return 1e305;
        }
    }
}

impl BinSpan {
    fn parse(value: &Spanned<String>) -> Result<Self, QueryError> {
        let text = value.value.to_ascii_lowercase();
        let positive = |number: &f64| *number > 0.0;
        let span = match text.split_once("log") {
            Some((coefficient, base)) => {
                let part = |text: &str, default| if text.is_empty() { Some(default) } else { parse_number(text) };
                part(coefficient, 1.0)
                    .zip(part(base, 10.0))
                    .filter(|(coefficient, base)| *coefficient >= 1.0 && coefficient < base && *base > 1.0)
                    .map(|(coefficient, base)| BinSpan::Log { coefficient, base })
            }
            None => match parse_number(&text) {
                Some(number) => Some(number).filter(positive).map(BinSpan::Number),
                // Units of spans know capitals as little as those of times.
                None => TimeSpan::parse(&value.value).map(BinSpan::Time),
            },
        };
        span.ok_or_else(|| {
            QueryError::new(QueryErrorKind::TimeSpan(value.value.clone()), value.span)
                .with_hint("spans look like 5m, 1h, 1d@d, 100, 0.5, log or 2log5")
        })
    }

    /// The span as one of time; a number is seconds.
    fn as_time(self) -> Option<TimeSpan> {
        match self {
            BinSpan::Time(span) => Some(span),
            BinSpan::Number(seconds) if seconds.fract() == 0.0 => TimeSpan::parse(&format_number(seconds)),
            BinSpan::Number(seconds) => TimeSpan::parse(&format!("{}us", (seconds * 1e6).round())),
            BinSpan::Log { .. } => None,
        }
    }

    /// Refuses a span that cannot cut `_time`.
    pub(super) fn check(&self, field: &str, value_span: crate::span::Span) -> Result<(), QueryError> {
        if field == "_time" && self.as_time().is_none() && !matches!(self, BinSpan::Log { .. }) {
            return Err(QueryError::new(QueryErrorKind::TimeSpan(self.to_string()), value_span)
                .with_hint("spans below a second must divide one second"));
        }
        Ok(())
    }
}

impl Align {
    pub(super) fn parse(value: &Spanned<String>) -> Result<Self, QueryError> {
        match value.value.to_ascii_lowercase().as_str() {
            "earliest" => Ok(Align::Earliest),
            "latest" => Ok(Align::Latest),
            _ => TimeSpec::parse(&value.value)
                .map(Align::At)
                .ok_or_else(|| bad_value(value, "earliest, latest, epoch seconds or a time such as @d+3h")),
        }
    }

    /// The instant, in microseconds; `None` if the searched range is open there.
    pub(super) fn resolve(&self, ctx: &Context) -> Option<i64> {
        match self {
            Align::Earliest => ctx.range.earliest,
            Align::Latest => ctx.range.latest,
            Align::At(spec) => spec.resolve(ctx.now_us, ctx.zone),
        }
    }
}

impl fmt::Display for Align {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Align::Earliest => f.write_str("earliest"),
            Align::Latest => f.write_str("latest"),
            Align::At(spec) => spec.fmt(f),
        }
    }
}

impl fmt::Display for BinSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BinSpan::Number(number) => f.write_str(&format_number(*number)),
            BinSpan::Time(span) => span.fmt(f),
            BinSpan::Log { coefficient, base } => {
                write!(f, "{}log{}", format_number(*coefficient), format_number(*base))
            }
        }
    }
}

/// The options that were given, each with a space before it.
impl fmt::Display for Binning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.span.iter().try_for_each(|span| write!(f, " span={span}"))?;
        self.max_bins.iter().try_for_each(|n| write!(f, " bins={n}"))?;
        self.min_span.iter().try_for_each(|span| write!(f, " minspan={span}"))?;
        self.start.iter().try_for_each(|number| write!(f, " start={}", format_number(*number)))?;
        self.end.iter().try_for_each(|number| write!(f, " end={}", format_number(*number)))?;
        self.align.iter().try_for_each(|align| write!(f, " aligntime={align}"))
    }
}

/// The smallest and the largest number of a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Extent {
    limits: Option<(f64, f64)>,
    has_fractions: bool,
}

impl Extent {
    /// That of some cells.
    pub fn of(cells: &[Value]) -> Self {
        let mut extent = Self::default();
        cells.iter().for_each(|cell| extent.add(cell));
        extent
    }

    fn add(&mut self, cell: &Value) {
        for number in cell.each().iter().filter_map(Value::as_number) {
            let (low, high) = self.limits.unwrap_or((number, number));
            self.limits = Some((low.min(number), high.max(number)));
            self.has_fractions |= number.fract() != 0.0;
        }
    }
}

/// Bins of numbers or of times.
#[derive(Clone, Copy, Debug)]
pub(super) enum Binner {
    /// Of times, in seconds.
    Time(Bins),
    /// Multiples of `span`.
    Numbers {
        span: f64,
        /// Ten to the number of decimals that multiples of the span have.
        scale: f64,
    },
    /// Between `coefficient` times neighbouring powers of `base`.
    Log { coefficient: f64, base: f64 },
}

impl Binner {
    fn numbers(span: f64) -> Self {
        let printed = format!("{span}");
        let n_decimals = printed.split_once('.').map_or(0, |(_, decimals)| decimals.len().min(15));
        Binner::Numbers { span, scale: 10_f64.powi(n_decimals as i32) }
    }

    /// The `n`th edge. Multiples of 0.1 are what people write, not what adding 0.1 yields.
    fn edge(&self, n: f64) -> f64 {
        match self {
            Binner::Time(_) => n,
            Binner::Numbers { span, scale } if *scale > 1.0 => (n * span * scale).round() / scale,
            Binner::Numbers { span, .. } => n * span,
            Binner::Log { coefficient, base } => coefficient * base.powf(n),
        }
    }

    /// The start of the bin that holds `number`; `None` if no bin does: logarithms end above zero.
    pub fn start_of(&self, number: f64) -> Option<f64> {
        let n = match self {
            Binner::Time(bins) => return to_value(bins.start_of(from_seconds(number)?)).as_number(),
            Binner::Numbers { span, .. } => (number / span).floor(),
            Binner::Log { .. } if number <= 0.0 => return None,
            Binner::Log { coefficient, base } => ((number / coefficient).ln() / base.ln()).floor(),
        };
        // The division may have rounded over an edge.
        let n = if self.edge(n) > number { n - 1.0 } else { n };
        let n = if self.edge(n + 1.0) <= number { n + 1.0 } else { n };
        Some(self.edge(n) + 0.0).filter(|edge| edge.is_finite())
    }

    /// The start of the bin after the one that starts at `start`.
    pub fn next(&self, start: f64) -> f64 {
        match self {
            Binner::Time(bins) => {
                let next = from_seconds(start).map(|start| bins.next(start));
                next.and_then(|next| to_value(next).as_number()).unwrap_or(f64::INFINITY)
            }
            Binner::Numbers { span, .. } => self.edge((start / span).round() + 1.0),
            Binner::Log { coefficient, base } => self.edge(((start / coefficient).ln() / base.ln()).round() + 1.0),
        }
    }

    /// What stands for the bin that starts at `start`: an instant, or `0-25`.
    pub fn label(&self, start: f64) -> Value {
        match self {
            Binner::Time(_) => Value::number(start),
            _ => Value::Text(self.range(start)),
        }
    }

    fn range(&self, start: f64) -> CompactString {
        format_compact!("{}-{}", format_number(start), format_number(self.next(start)))
    }

    /// The column with every number replaced by `name` of the start of its bin; null and text stay.
    fn map_column(&self, column: &[Value], name: impl Fn(f64) -> Value) -> Vec<Value> {
        // Rows that follow one another often share their bin.
        let mut last: Option<(std::ops::Range<f64>, Value)> = None;
        let mut bin = |cell: &Value| {
            let Some(number) = cell.as_number() else { return cell.clone() };
            if let Some((range, label)) = &last
                && range.contains(&number)
            {
                return label.clone();
            }
            let Some(start) = self.start_of(number) else { return cell.clone() };
            let label = name(start);
            last = Some((start..self.next(start), label.clone()));
            label
        };
        let bin_cell = |cell: &Value| match cell {
            Value::Multi(values) => Value::multi(values.iter().map(&mut bin)),
            single => bin(single),
        };
        column.iter().map(bin_cell).collect()
    }

    /// The column with every number replaced by the label of its bin.
    pub fn label_column(&self, column: &[Value]) -> Vec<Value> {
        self.map_column(column, |start| self.label(start))
    }

    /// The column with every number replaced by the start of its bin.
    pub fn start_column(&self, column: &[Value]) -> Vec<Value> {
        self.map_column(column, Value::number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn round_spans() {
        for (low, high, max_bins, minimum, expected) in [
            (0.0, 1000.0, 10, 1.0, 200.0),
            (0.0, 999.0, 10, 1.0, 100.0),
            (0.0, 25.0, 100, 1.0, 1.0),
            (0.0, 1.0, 4, 0.0, 0.5),
            (5.0, 5.0, 100, 1.0, 1.0),
            (0.25, 0.25, 100, 0.0, 1.0),
            (-50.0, 49.0, 2, 1.0, 50.0),
            (0.0, 100.0, 100, 30.0, 50.0),
        ] {
            assert_eq!(round_span(low, high, max_bins, minimum), expected, "{low}..{high}");
        }
    }

    #[test]
    fn edges_are_what_people_write() {
        let bins = Binner::numbers(0.1);
        for (number, label) in [(0.3, "0.3-0.4"), (0.29, "0.2-0.3"), (0.7, "0.7-0.8"), (-0.05, "-0.1-0")] {
            assert_eq!(bins.label(bins.start_of(number).unwrap()).to_string(), label);
        }
        let bins = Binner::Log { coefficient: 2.0, base: 10.0 };
        for (number, label) in [(1.0, "0.2-2"), (2.0, "2-20"), (1999.0, "200-2000"), (2000.0, "2000-20000")] {
            assert_eq!(bins.label(bins.start_of(number).unwrap()).to_string(), label);
        }
        assert_eq!(bins.start_of(0.0), None);
    }

    proptest! {
        #[test]
        fn bins_tile_numbers(number in -1e6..1e6_f64, span in proptest::sample::select(vec![0.1, 0.25, 1.0, 7.0, 1000.0])) {
            let bins = Binner::numbers(span);
            let start = bins.start_of(number).unwrap();
            prop_assert!(start <= number && number < bins.next(start), "{} in {}..{}", number, start, bins.next(start));
            prop_assert_eq!(bins.start_of(start), Some(start));
        }
    }
}
