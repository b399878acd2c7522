//! A check as JUnit's XML, as build servers read it: an expectation that fails is a failure, one that cannot be judged an error.

use super::{basis_lines, evidence_lines};
use crate::output::CellPrinter;
use std::fmt::{self, Write};
use trawl_alert::check::{Judged, Outcome, Report};
use trawl_alert::text::{html, one_line};

/// The page.
pub fn page(reports: &[Report], cells: &CellPrinter) -> String {
    let sum = |of: &dyn Fn(&Report) -> usize| reports.iter().map(of).sum::<usize>();
    let seconds: f64 = reports.iter().map(|report| report.took.as_secs_f64()).sum();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"trawl check\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{seconds:.3}\">\n",
        sum(&|report| report.judged.len()),
        sum(&|report| report.counts().n_failed),
        sum(&|report| report.counts().n_not_judged),
    );
    for report in reports {
        suite(&mut out, report, cells).expect("writing to a string does not fail");
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, report: &Report, cells: &CellPrinter) -> fmt::Result {
    let counts = report.counts();
    writeln!(
        out,
        "  <testsuite name=\"{}\" timestamp=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\" time=\"{:.3}\">",
        xml(&one_line(&report.check)),
        xml(&cells.time(report.at_us)),
        report.judged.len(),
        counts.n_failed,
        counts.n_not_judged,
        report.took.as_secs_f64(),
    )?;
    report.judged.iter().try_for_each(|judged| case(out, report, judged, cells))?;
    writeln!(out, "  </testsuite>")
}

fn case(out: &mut String, report: &Report, judged: &Judged, cells: &CellPrinter) -> fmt::Result {
    write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">",
        xml(&one_line(&report.check)),
        xml(&one_line(&judged.title)),
        judged.took.as_secs_f64(),
    )?;
    let mut lines = evidence_lines(judged, cells);
    lines.extend(basis_lines(judged, cells));
    lines.extend(judged.runbook.iter().map(|runbook| format!("runbook: {}", one_line(runbook))));
    let text = xml(&lines.join("\n"));
    let element = match judged.outcome {
        Outcome::Passed => return writeln!(out, "<system-out>{text}</system-out></testcase>"),
        Outcome::Failed => "failure",
        Outcome::NotJudged => "error",
    };
    let message = xml(&one_line(judged.reason.as_deref().unwrap_or_default()));
    writeln!(out, "<{element} type=\"{}\" message=\"{message}\">{text}</{element}></testcase>", judged.severity)
}

/// Text for XML: what it cannot hold is replaced.
fn xml(text: &str) -> String {
    html(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cells, hostile};
    use super::*;

    #[test]
    fn every_value_is_text() {
        let page = page(&[hostile()], &cells());
        let is_allowed = |c: char| c == '\n' || c == '\t' || (c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}');
        assert!(page.chars().all(is_allowed) && !page.contains("<script") && !page.contains("]]>"), "{page}");
        assert!(page.contains("tests=\"3\" failures=\"1\" errors=\"1\""), "{page}");
        for tag in ["testsuites", "testsuite", "testcase", "failure", "error", "system-out"] {
            let n_open = page.matches(&format!("<{tag} ")).count() + page.matches(&format!("<{tag}>")).count();
            assert_eq!(n_open, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}
