//! Charts of reports: bars over time, as an SVG that needs nothing else, and as a line of text.

use super::prose::escape_html;
use crate::Moment;
use crate::exhibit::{Chart, Series};
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;
use trawl_formats::Zone;

/// Size of a chart, and of the part of it that holds bars.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 22.0;
/// Height of a line of the legend; the first one has room above the bars.
const LEGEND_LINE: f64 = 16.0;
/// Longest name in a legend, in characters; its end tells more than its beginning.
const MAX_LEGEND_CHARS: usize = 40;
const BOTTOM: f64 = 26.0;
/// Most bars; more steps are put together.
const MAX_BARS: usize = 140;
/// Most series with a colour of their own.
const MAX_SERIES: usize = 7;
/// Most labels that the axis of time has.
const MAX_TIME_LABELS: i64 = 7;
/// Width of a bar that leaves a gap to the next.
const FILLED: f64 = 0.86;

const TEMPLATE: &str = include_str!("chart.svg.jinja");

#[derive(Serialize)]
struct Bar {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    class: usize,
    title: String,
}

#[derive(Serialize)]
struct Label {
    at: f64,
    text: String,
}

#[derive(Serialize)]
struct Legend {
    class: usize,
    name: String,
    x: f64,
    y: f64,
}

/// What the template draws.
#[derive(Serialize)]
struct Drawing<'c> {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    title: &'c str,
    bars: Vec<Bar>,
    ticks: Vec<Label>,
    times: Vec<Label>,
    marks: Vec<Label>,
    legends: Vec<Legend>,
}

/// A chart as SVG; its colours are those of the page around it.
pub fn svg(chart: &Chart, zone: Zone) -> String {
    let (series, step_s) = condensed(chart);
    let n_bars = series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    let legends = if series.len() > 1 { legends(&series) } else { Vec::new() };
    let above = legends.last().map_or(0.0, |last| last.y);
    let (plot_width, plot_height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let first_y = TOP + above;
    let totals = |at: usize| series.iter().filter_map(|series| series.values.get(at)).sum::<f64>();
    let highest = (0..n_bars).map(totals).fold(0.0, f64::max);
    let is_whole = series.iter().flat_map(|series| &series.values).all(|value| value.fract() == 0.0);
    let (top, tick) = scale(highest, is_whole);
    let x_of = |step: f64| LEFT + plot_width * step / n_bars.max(1) as f64;
    let y_of = |value: f64| first_y + plot_height * (1.0 - value / top);
    let start_of = |at: usize| Moment(chart.start.0.saturating_add((at as f64 * step_s * 1e6) as i64));
    let mut bars = Vec::new();
    for at in 0..n_bars {
        let mut below = 0.0;
        for (class, series) in series.iter().enumerate() {
            let value = series.values.get(at).copied().unwrap_or(0.0);
            if value > 0.0 {
                let (x, width) = (x_of(at as f64), plot_width / n_bars as f64 * FILLED);
                let y = y_of(below + value);
                let title =
                    format!("{} {}: {} {}", start_of(at).to_second(zone), series.name, number(value), chart.unit);
                bars.push(Bar {
                    x: tenth(x),
                    y: tenth(y),
                    width: tenth(width),
                    height: tenth(y_of(below) - y),
                    class,
                    title,
                });
            }
            below += value.max(0.0);
        }
    }
    let ticks: Vec<Label> = (0..)
        .map(|n| f64::from(n) * tick)
        .take_while(|value| *value <= top * 1.001)
        .map(|value| Label { at: tenth(y_of(value)), text: number(value) })
        .collect();
    let times: Vec<Label> = time_ticks(chart.start, step_s * n_bars as f64, zone)
        .into_iter()
        .map(|(behind_s, text)| Label { at: tenth(x_of(behind_s / step_s)), text })
        .collect();
    let marks: Vec<Label> = chart
        .marks
        .iter()
        .map(|mark| (mark, (mark.at.0 - chart.start.0) as f64 / 1e6 / step_s))
        .filter(|(_, step)| (0.0..=n_bars as f64).contains(step))
        .map(|(mark, step)| Label { at: tenth(x_of(step)), text: mark.label.clone() })
        .collect();
    let drawing = Drawing {
        width: WIDTH,
        height: HEIGHT + above,
        left: LEFT,
        right: WIDTH - RIGHT,
        top: first_y,
        bottom: HEIGHT + above - BOTTOM,
        title: &chart.title,
        bars,
        ticks,
        times,
        marks,
        legends,
    };
    let mut environment = Environment::new();
    environment.set_formatter(|out, _, value| Ok(out.write_str(&escape_html(&value.to_string()))?));
    let rendered = environment.template_from_str(TEMPLATE).and_then(|template| template.render(Serde(&drawing)));
    rendered.expect("the template asks for what it is given")
}

/// The legend, in as many lines as it needs.
fn legends(series: &[Series]) -> Vec<Legend> {
    let (mut x, mut y) = (LEFT, 0.0);
    let mut legends = Vec::new();
    for (class, Series { name, .. }) in series.iter().enumerate() {
        let n_chars = name.chars().count();
        let name = match n_chars > MAX_LEGEND_CHARS {
            true => "…".chars().chain(name.chars().skip(n_chars - MAX_LEGEND_CHARS)).collect(),
            false => name.clone(),
        };
        // About as wide as its letters are.
        let width = 28.0 + 6.2 * n_chars.min(MAX_LEGEND_CHARS + 1) as f64;
        if x > LEFT && x + width > WIDTH {
            (x, y) = (LEFT, y + LEGEND_LINE);
        }
        legends.push(Legend { class, name, x: tenth(x), y });
        x += width;
    }
    legends
}

/// A number without a long tail.
fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// A value for people.
fn number(value: f64) -> String {
    let value = if value.abs() < 10.0 { (value * 100.0).round() / 100.0 } else { tenth(value) };
    value.to_string()
}

/// Where the axis of time is marked, in seconds behind `start`, and how: at times that clocks of the zone show in round numbers.
fn time_ticks(start: Moment, length_s: f64, zone: Zone) -> Vec<(f64, String)> {
    const STEPS_S: [i64; 20] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800,
        604_800,
    ];
    let length_s = if length_s.is_finite() { length_s.clamp(0.0, 1e11) as i64 } else { 0 };
    let enough = |step_s: &i64| length_s / step_s < MAX_TIME_LABELS;
    let step_s = STEPS_S.into_iter().find(enough).unwrap_or(length_s / MAX_TIME_LABELS + 1);
    let format = match (step_s, length_s) {
        (86_400.., _) => "%m-%d",
        (_, 86_401..) => "%m-%d %H:%M",
        (60.., _) => "%H:%M",
        _ => "%H:%M:%S",
    };
    let offset = start.formatted("%z", zone);
    let (hours, minutes) =
        (offset.get(1..3).and_then(|h| h.parse().ok()), offset.get(3..5).and_then(|m| m.parse().ok()));
    let offset_s: i64 = hours.unwrap_or(0) * 3_600 + minutes.unwrap_or(0) * 60;
    let offset_s = if offset.starts_with('-') { -offset_s } else { offset_s };
    let step_us = step_s.saturating_mul(1_000_000);
    let past_us = start.0.saturating_add(offset_s * 1_000_000).rem_euclid(step_us);
    let first_us = if past_us == 0 { 0 } else { step_us - past_us };
    (0..=MAX_TIME_LABELS)
        .map(|n| first_us.saturating_add(n.saturating_mul(step_us)))
        .take_while(|behind_us| *behind_us < length_s.saturating_mul(1_000_000))
        .map(|behind_us| (behind_us as f64 / 1e6, start.plus(behind_us).formatted(format, zone)))
        .collect()
}

/// The end of an axis for values up to `highest`, and how far its ticks are apart: 1, 2 or 5 times a power of ten, three to six
/// of them. Where all values are whole, ticks are, too.
fn scale(highest: f64, is_whole: bool) -> (f64, f64) {
    if !(highest > 0.0 && highest.is_finite()) {
        return (1.0, 1.0);
    }
    let rough = highest / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let tick = [1.0, 2.0, 5.0, 10.0].iter().map(|factor| factor * power).find(|tick| *tick >= rough).unwrap_or(rough);
    let tick = if is_whole { tick.max(1.0) } else { tick };
    ((highest / tick).ceil() * tick, tick)
}

/// The series with as many steps as there is room for, and the length of a step; small series are put together.
fn condensed(chart: &Chart) -> (Vec<Series>, f64) {
    let n_steps = chart.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    let together = n_steps.div_ceil(MAX_BARS).max(1);
    let finite = |value: &f64| if value.is_finite() { value.max(0.0) } else { 0.0 };
    let mut series: Vec<Series> = chart
        .series
        .iter()
        .map(|series| Series {
            name: series.name.clone(),
            values: series.values.chunks(together).map(|chunk| chunk.iter().map(finite).sum()).collect(),
        })
        .collect();
    if series.len() > MAX_SERIES {
        let total = |series: &Series| series.values.iter().sum::<f64>();
        series.sort_by(|a, b| total(b).total_cmp(&total(a)));
        let others = series.split_off(MAX_SERIES - 1);
        let sum = |at: usize| others.iter().filter_map(|series| series.values.get(at)).sum();
        let n_bars = n_steps.div_ceil(together);
        series.push(Series { name: format!("{} others", others.len()), values: (0..n_bars).map(sum).collect() });
    }
    (series, if chart.step_s > 0.0 { chart.step_s * together as f64 } else { 1.0 })
}

/// A chart as text: a line of bars for each series.
pub fn sparklines(chart: &Chart, zone: Zone) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let (series, step_s) = condensed(chart);
    let highest = series.iter().flat_map(|series| &series.values).copied().fold(0.0, f64::max);
    let width = series.iter().map(|series| series.name.chars().count()).max().unwrap_or(0);
    let n_bars = series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    let end = Moment(chart.start.0.saturating_add((n_bars as f64 * step_s * 1e6) as i64));
    let mut text = format!(
        "{} ({}, {} to {}, {} s each)\n",
        chart.title,
        chart.unit,
        chart.start.to_second(zone),
        end.to_second(zone),
        number(step_s)
    );
    for Series { name, values } in &series {
        let bar = |value: &f64| {
            let level = if highest > 0.0 { (value / highest * 8.0).ceil() } else { 0.0 };
            BARS[(level as usize).min(8)]
        };
        let bars: String = values.iter().map(bar).collect();
        let (total, most) = (values.iter().sum::<f64>(), values.iter().copied().fold(0.0, f64::max));
        text.push_str(&format!("{name:width$} |{bars}| {} in all, at most {}\n", number(total), number(most)));
    }
    for mark in &chart.marks {
        text.push_str(&format!("{} {}\n", mark.at.to_second(zone), mark.label));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exhibit::Mark;
    use crate::report::tests::assert_well_formed;

    fn chart(series: Vec<Series>) -> Chart {
        Chart {
            title: "Errors <per> minute".to_owned(),
            unit: "events".to_owned(),
            start: Moment(1_795_183_500_000_000),
            step_s: 60.0,
            series,
            marks: vec![Mark { at: Moment(1_795_183_560_000_000), label: "<deploy>".to_owned() }],
        }
    }

    fn series(name: &str, values: &[f64]) -> Series {
        Series { name: name.to_owned(), values: values.to_vec() }
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (highest, expected) in [
            (0.0, (1.0, 1.0)),
            (1.0, (1.0, 0.5)),
            (9.0, (10.0, 5.0)),
            (37.0, (40.0, 10.0)),
            (1_234.0, (1_500.0, 500.0)),
        ] {
            assert_eq!(scale(highest, false), expected, "{highest}");
        }
        assert_eq!(scale(f64::NAN, false), (1.0, 1.0));
        assert_eq!(scale(1.0, true), (1.0, 1.0));
        assert_eq!(scale(2.0, true), (2.0, 1.0));
    }

    #[test]
    fn times_are_marked_where_clocks_are_round() {
        // 2026-11-20 14:05:00 UTC
        let start = Moment(1_795_183_500_000_000);
        let ticks = |length_s: f64, zone: &str| -> Vec<String> {
            let ticks = time_ticks(start, length_s, zone.parse().unwrap());
            ticks.into_iter().map(|(behind_s, text)| format!("{behind_s} {text}")).collect()
        };
        assert_eq!(ticks(3_000.0, "UTC"), ["300 14:10", "900 14:20", "1500 14:30", "2100 14:40", "2700 14:50"]);
        assert_eq!(ticks(20.0, "UTC"), ["0 14:05:00", "5 14:05:05", "10 14:05:10", "15 14:05:15"]);
        assert_eq!(ticks(4.0 * 3_600.0, "Asia/Kolkata"), ["1500 20:00", "5100 21:00", "8700 22:00", "12300 23:00"]);
        assert_eq!(ticks(3.0 * 86_400.0, "UTC")[..2], ["35700 11-21 00:00", "78900 11-21 12:00"]);
        assert!((1..=7).contains(&ticks(1e12, "UTC").len()) && ticks(f64::NAN, "UTC").is_empty());
    }

    #[test]
    fn a_chart_is_an_svg() {
        let svg = svg(&chart(vec![series("a", &[0.0, 4.0]), series("<b>", &[1.0, 0.0])]), Zone::UTC);
        assert_well_formed(&svg);
        assert_eq!(svg.matches("class=\"bar s0\"").count(), 1, "{svg}");
        assert_eq!(svg.matches("class=\"bar s1\"").count(), 1, "{svg}");
        assert!(svg.contains("2026-11-20 14:06:00 a: 4 events") && svg.contains("&lt;deploy&gt;"), "{svg}");
    }

    #[test]
    fn marks_at_the_end_are_named_within_the_chart() {
        let minute = |at: i64| Mark { at: Moment(1_795_183_500_000_000 + at * 60_000_000), label: "end".to_owned() };
        let marks = vec![minute(1), minute(29)];
        let svg = svg(&Chart { marks, ..chart(vec![series("a", &[1.0; 30])]) }, Zone::UTC);
        let labels: Vec<&str> = svg.lines().filter(|line| line.contains("mark-label")).collect();
        assert!(
            matches!(labels[..], [first, last] if !first.contains("anchor") && last.contains("text-anchor=\"end\"")),
            "{labels:?}"
        );
    }

    #[test]
    fn whatever_the_numbers_are_there_is_a_chart() {
        let many: Vec<Series> = (0..20).map(|n| series(&format!("s{n}"), &vec![f64::from(n); 3_000])).collect();
        for chart in [chart(many), chart(Vec::new()), chart(vec![series("x", &[f64::NAN, -1.0, f64::INFINITY])])] {
            let text = svg(&chart, Zone::UTC);
            assert_well_formed(&text);
            assert!(text.matches("class=\"bar").count() <= MAX_BARS * MAX_SERIES);
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }

    #[test]
    fn legends_stay_within_the_chart() {
        let names: Vec<Series> =
            (0..7).map(|n| series(&format!("/var/log/{}/{n}.log", "x".repeat(n * 20)), &[1.0])).collect();
        let legends = legends(&names);
        assert_eq!(legends.len(), 7);
        assert!(legends.iter().all(|legend| legend.name.chars().count() <= MAX_LEGEND_CHARS + 1));
        assert!(legends.windows(2).all(|pair| pair[0].y < pair[1].y || pair[0].x < pair[1].x));
        assert!(legends.last().unwrap().y > 0.0);
        assert!(legends.iter().all(|legend| legend.x + 6.2 * (legend.name.chars().count() as f64) < WIDTH));
    }

    #[test]
    fn small_series_are_put_together() {
        let many: Vec<Series> = (0..9).map(|n| series(&format!("s{n}"), &[f64::from(n)])).collect();
        let (series, _) = condensed(&chart(many));
        assert_eq!(series.len(), MAX_SERIES);
        assert_eq!((&*series[6].name, series[6].values[0]), ("3 others", 3.0));
    }

    #[test]
    fn text_has_a_line_for_each_series() {
        let text = sparklines(&chart(vec![series("pay-01", &[0.0, 4.0, 8.0]), series("b", &[1.0, 0.0])]), Zone::UTC);
        insta::assert_snapshot!(text, @r"
        Errors <per> minute (events, 2026-11-20 14:05:00 to 2026-11-20 14:08:00, 60 s each)
        pay-01 | ▄█| 12 in all, at most 8
        b      |▁ | 1 in all, at most 1
        2026-11-20 14:06:00 <deploy>
        ");
    }
}
