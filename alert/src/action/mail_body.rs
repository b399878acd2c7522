//! What stands in a mail if no template says it: as text, and as HTML.

use super::facts::{MAX_FIELDS, MAX_VALUE_CHARS};
use crate::notification::{Notification, SampleEvent};
use crate::severity::Severity;
use crate::text::{clip, html, moment, one_line, visible};

/// Height of the chart, in pixels.
const CHART_PX: u64 = 48;
/// Most bars of the chart.
const MAX_BARS: usize = 60;

/// What stands above the evidence, as names and values.
fn summary(n: &Notification) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("state", format!("{}, {} (before: {})", n.happening.as_str(), n.severity, n.severity_before)),
        ("since", moment(n.since_us)),
        ("count", n.count.to_string()),
        ("window", format!("{} to {}", moment(n.window_us.0), moment(n.window_us.1))),
        ("condition", n.condition.clone()),
        ("search", n.search.clone()),
    ];
    if !n.group.0.is_empty() {
        lines.push(("group", n.group.to_string()));
    }
    let optional = [("owner", &n.owner), ("acknowledged by", &n.acknowledged_by), ("assigned to", &n.assigned_to)];
    lines.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    if !n.tags.is_empty() {
        lines.push(("tags", n.tags.join(", ")));
    }
    lines.push(("from", n.node.clone()));
    lines
}

/// The bars of the chart: neighbours are joined where there are too many.
fn bars(n: &Notification) -> Vec<u64> {
    let per_bar = n.series.len().div_ceil(MAX_BARS).max(1);
    n.series.chunks(per_bar).map(|bins| bins.iter().map(|(_, count)| *count).fold(0, u64::saturating_add)).collect()
}

/// A value on one line, cut where it is long.
fn line(text: &str) -> String {
    one_line(&clip(text, MAX_VALUE_CHARS))
}

/// A chart of one line of text.
fn sparkline(counts: &[u64]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let max = counts.iter().copied().max().unwrap_or(0).max(1);
    let level = |count: &u64| match count {
        0 => ' ',
        count => LEVELS[(u128::from(*count) * 7 / u128::from(max)) as usize],
    };
    counts.iter().map(level).collect()
}

pub(super) fn text_body(n: &Notification) -> String {
    let mut out = format!("{}\n\n", line(&n.title()));
    let mut say = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    for text in [&n.reason, &n.description].into_iter().flatten() {
        say(&format!("{}\n", visible(text)));
    }
    if let Some(runbook) = &n.runbook {
        say(&format!("runbook: {}\n", one_line(runbook)));
    }
    for (name, value) in summary(n) {
        say(&format!("{name:<16}{}", line(&value)));
    }
    let bars = bars(n);
    if bars.iter().any(|count| *count > 0) {
        say(&format!("\n|{}| at most {}", sparkline(&bars), bars.iter().max().unwrap_or(&0)));
    }
    for row in &n.rows {
        let pairs: Vec<String> =
            row.iter().take(MAX_FIELDS).map(|(field, value)| format!("{}={}", line(field), line(value))).collect();
        say(&format!("\n{}", pairs.join("  ")));
    }
    for event in &n.events {
        say(&format!("\n{}  {}  {}", moment(event.time_us), line(&event.host), line(&event.source)));
        say(&visible(&clip(&event.raw, SampleEvent::MAX_BYTES)));
    }
    say(&format!("\ntransition {}", n.id));
    out
}

pub(super) fn html_body(n: &Notification) -> String {
    let colour = match n.severity {
        Severity::Ok => "#2e7d32",
        Severity::Warning => "#b26a00",
        Severity::Critical => "#b00020",
    };
    let mut out = format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body style=\"font-family:sans-serif;font-size:14px\">\n\
         <h2 style=\"margin:0;padding:8px 12px;color:#fff;background:{colour};font-size:16px\">{}</h2>\n",
        html(&line(&n.title()))
    );
    let mut say = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    for text in [&n.reason, &n.description].into_iter().flatten() {
        say(&format!("<p>{}</p>", html(text)));
    }
    if let Some(runbook) = &n.runbook {
        let is_link = runbook.starts_with("https://") || runbook.starts_with("http://");
        match is_link {
            true => say(&format!("<p>runbook: <a href=\"{0}\">{0}</a></p>", html(&one_line(runbook)))),
            false => say(&format!("<p>runbook: {}</p>", html(runbook))),
        }
    }
    say("<table style=\"border-collapse:collapse\">");
    for (name, value) in summary(n) {
        say(&format!(
            "<tr><td style=\"padding:1px 12px 1px 0;color:#666\">{name}</td><td>{}</td></tr>",
            html(&line(&value))
        ));
    }
    say("</table>");
    say(&html_chart(&bars(n), colour));
    if let Some(first) = n.rows.first() {
        let cell = |name: &str, text: &str| {
            format!("<{name} style=\"border:1px solid #ccc;padding:2px 8px\">{}</{name}>", html(text))
        };
        let head: String = first.iter().take(MAX_FIELDS).map(|(field, _)| cell("th", field)).collect();
        say(&format!("<table style=\"border-collapse:collapse;margin-top:12px\"><tr>{head}</tr>"));
        for row in &n.rows {
            let cells: String = row.iter().take(MAX_FIELDS).map(|(_, value)| cell("td", value)).collect();
            say(&format!("<tr>{cells}</tr>"));
        }
        say("</table>");
    }
    for event in &n.events {
        let about = format!("{}  {}  {}", moment(event.time_us), event.host, event.source);
        say(&format!(
            "<div style=\"margin-top:12px;color:#666\">{}</div>\n\
             <pre style=\"margin:0;padding:6px;background:#f4f4f4;white-space:pre-wrap;word-break:break-all\">{}</pre>",
            html(&line(&about)),
            html(&clip(&event.raw, SampleEvent::MAX_BYTES))
        ));
    }
    say(&format!("<p style=\"color:#999;font-size:12px\">transition {}</p>\n</body></html>", n.id));
    out
}

/// The chart, of cells with a height: mail programs show neither scripts nor, many of them, drawings.
fn html_chart(counts: &[u64], colour: &str) -> String {
    let max = counts.iter().copied().max().unwrap_or(0);
    if max == 0 {
        return String::new();
    }
    let bar = |count: &u64| {
        let px = (u128::from(*count) * u128::from(CHART_PX)).div_ceil(u128::from(max));
        format!(
            "<td style=\"vertical-align:bottom;padding:0 1px 0 0\"><div title=\"{count}\" style=\"width:8px;height:{px}px;background:{colour}\"></div></td>"
        )
    };
    let bars: String = counts.iter().map(bar).collect();
    format!(
        "<table style=\"border-collapse:collapse;margin-top:12px;border-bottom:1px solid #999\"><tr style=\"height:{CHART_PX}px\">{bars}</tr></table>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::sample;

    #[test]
    fn charts_reach_from_nothing_to_the_most() {
        assert_eq!(sparkline(&[0, 1, 4, 8]), " ▁▄█");
        assert_eq!(sparkline(&[u64::MAX, 1]), "█▁");
        assert_eq!(html_chart(&[0, 0], "#000"), "");
        assert!(html_chart(&[1, 2], "#000").contains("height:24px"));
        let n = Notification { series: (0..1000).map(|at| (at, 1)).collect(), ..sample() };
        assert!(bars(&n).len() <= MAX_BARS);
        assert_eq!(bars(&n).iter().sum::<u64>(), 1000);
    }

    #[test]
    fn the_text_says_it_all() {
        insta::assert_snapshot!(text_body(&sample()));
    }
}
