//! Cells as text.

use std::borrow::Cow;
use trawl_formats::Zone;
use trawl_query::time::{TimeFormat, from_seconds};
use trawl_query::value::Value;

/// ISO 8601 with microseconds and offset: no information is lost, and it sorts as text within one offset.
const ISO_8601: &str = "%Y-%m-%dT%H:%M:%S.%6N%:z";

/// What the values of `sparkline()` begin with.
const SPARKLINE_MARK: &str = "##__SPARKLINE__##";

/// Prints cells: `_time` as a time in the zone, everything else as it is.
#[derive(Clone, Debug)]
pub struct CellPrinter {
    zone: Zone,
    format: TimeFormat,
}

impl CellPrinter {
    /// Prints times as clocks in `zone` show them.
    pub fn new(zone: Zone) -> Self {
        Self { zone, format: TimeFormat::new(ISO_8601) }
    }

    /// A time, microseconds since 1970 in UTC; as that number where no calendar reaches.
    pub fn time(&self, time_us: i64) -> String {
        self.format.format(time_us, self.zone).unwrap_or_else(|| time_us.to_string())
    }

    /// The time that a cell of the column `name` stands for, if it is one.
    pub fn as_time(&self, name: &str, value: &Value) -> Option<String> {
        let is_time = name == "_time";
        is_time.then(|| value.as_number()).flatten().and_then(from_seconds).map(|time_us| self.time(time_us))
    }

    /// The cell of the column `name` as text: several values on a line each, null as nothing.
    pub fn text<'a>(&self, name: &str, value: &'a Value) -> Cow<'a, str> {
        match value {
            _ if name == "_time"
                && let Some(time) = self.as_time(name, value) =>
            {
                Cow::Owned(time)
            }
            Value::Text(text) => Cow::Borrowed(text),
            value => Cow::Owned(value.to_string()),
        }
    }

    /// The cell as people see it: as [`text`](Self::text), but the values of `sparkline()` as a small graph.
    pub fn shown<'a>(&self, name: &str, value: &'a Value) -> Cow<'a, str> {
        match value.each() {
            [mark, numbers @ ..] if mark.with_text(|text| text == SPARKLINE_MARK) => Cow::Owned(sparkline(numbers)),
            _ => self.text(name, value),
        }
    }
}

/// The numbers as bars of eighths, the highest one full.
fn sparkline(numbers: &[Value]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let numbers = || numbers.iter().map(|number| number.as_number().unwrap_or(0.0).max(0.0));
    let highest = numbers().fold(0.0, f64::max);
    let bar = |number: f64| {
        let level = if highest > 0.0 { number / highest * (BARS.len() - 1) as f64 } else { 0.0 };
        BARS[level.round() as usize]
    };
    numbers().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparklines_are_graphs_for_people() {
        let printer = CellPrinter::new(Zone::UTC);
        let line = |numbers: &[f64]| {
            Value::multi(
                std::iter::once(Value::from(SPARKLINE_MARK)).chain(numbers.iter().map(|number| (*number).into())),
            )
        };
        assert_eq!(printer.shown("x", &line(&[0.0, 7.0, 3.0, 14.0])), "▁▅▃█");
        assert_eq!(printer.shown("x", &line(&[0.0, 0.0])), "▁▁");
        assert_eq!(printer.shown("x", &Value::from("a")), "a");
        assert!(printer.text("x", &line(&[1.0])).starts_with(SPARKLINE_MARK));
    }

    #[test]
    fn times_are_iso_8601_in_the_zone() {
        let time = Value::Number(1_795_183_500.123_456);
        let cases = [
            ("UTC", "2026-11-20T14:05:00.123456+00:00"),
            ("America/New_York", "2026-11-20T09:05:00.123456-05:00"),
            ("+05:30", "2026-11-20T19:35:00.123456+05:30"),
        ];
        for (zone, expected) in cases {
            let printer = CellPrinter::new(zone.parse().unwrap());
            assert_eq!(printer.text("_time", &time), expected);
            assert_eq!(printer.text("start", &time), "1795183500.123456");
            assert_eq!(printer.text("_time", &Value::from("today")), "today");
        }
    }
}
