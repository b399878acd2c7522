//! A check as a page that needs no other file, runs nothing and loads nothing.

use super::{basis_lines, counted, counts_text, evidence_lines};
use crate::output::{CellPrinter, human};
use std::fmt::{self, Write};
use trawl_alert::check::{Judged, Outcome, Report};
use trawl_alert::text::{html, one_line};

const HEAD: &str = "\
<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">
<title>trawl check</title>
<style>
body { font: 15px/1.4 sans-serif; margin: 2em; color: #222 }
table { border-collapse: collapse; width: 100% }
td { padding: .4em .8em; border-top: 1px solid #ddd; vertical-align: top }
pre { margin: .3em 0; font-size: 12px; white-space: pre-wrap; overflow-wrap: anywhere; color: #444 }
.passed { color: #1a7f37 } .failed { color: #cf222e; font-weight: bold } .not_judged { color: #9a6700; font-weight: bold }
.number { text-align: right; white-space: nowrap }
</style>
</head>
<body>
";

/// The page.
pub fn page(reports: &[Report], cells: &CellPrinter) -> String {
    let mut out = HEAD.to_owned();
    for report in reports {
        section(&mut out, report, cells).expect("writing to a string does not fail");
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn section(out: &mut String, report: &Report, cells: &CellPrinter) -> fmt::Result {
    writeln!(out, "<h1>{}</h1>", html(&one_line(&report.check)))?;
    let about = [&report.description, &report.owner].into_iter().flatten();
    let mut about: Vec<String> = about.map(|text| html(&one_line(text))).collect();
    about.push(format!("as of {}", html(&cells.time(report.at_us))));
    about.extend(report.runbook.as_deref().map(|runbook| format!("runbook: {}", link(runbook))));
    writeln!(out, "<p>{}</p>\n<table>", about.join("<br>\n"))?;
    report.judged.iter().try_for_each(|judged| row(out, judged, cells))?;
    writeln!(out, "</table>\n<p>{}, in {}</p>", counts_text(report), human::duration(report.took))
}

fn row(out: &mut String, judged: &Judged, cells: &CellPrinter) -> fmt::Result {
    let (mark, word) = match judged.outcome {
        Outcome::Passed => ("&#10003;", "passed".to_owned()),
        Outcome::Failed => ("&#10007;", format!("failed, {}", judged.severity)),
        Outcome::NotJudged => ("?", "not judged".to_owned()),
    };
    let class = judged.outcome.as_str();
    write!(out, "<tr><td class=\"{class}\">{mark} {word}</td><td>{}", html(&one_line(&judged.title)))?;
    let mut lines: Vec<String> = judged.reason.iter().map(|reason| one_line(reason)).collect();
    lines.extend(evidence_lines(judged, cells));
    lines.extend(basis_lines(judged, cells));
    if !lines.is_empty() {
        write!(out, "<pre>{}</pre>", html(&lines.join("\n")))?;
    }
    if let (Some(runbook), true) = (&judged.runbook, judged.outcome != Outcome::Passed) {
        write!(out, "runbook: {}", link(runbook))?;
    }
    let count = counted(judged).unwrap_or_default();
    writeln!(
        out,
        "</td><td class=\"number\">{count}</td><td class=\"number\">{}</td></tr>",
        human::duration(judged.took)
    )
}

/// An address that can be followed, if it is one of the web; else its text.
fn link(address: &str) -> String {
    let text = html(&one_line(address));
    let is_web = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
    if is_web { format!("<a href=\"{text}\" rel=\"noreferrer\">{text}</a>") } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cells, hostile};
    use super::*;

    #[test]
    fn every_value_is_text() {
        let page = page(&[hostile()], &cells());
        assert!(!page.contains("<script") && !page.contains("<host>") && !page.contains("href=\"javascript"), "{page}");
        assert!(page.contains("href=\"https://wiki/sod?a=1&amp;b=&quot;2&quot;\""), "{page}");
        assert!(!page.contains(['\u{1b}', '\u{202e}', '\r']));
        // The tags are ours, and each is closed.
        for tag in ["table", "tr", "td", "pre", "p", "h1", "a", "body", "html"] {
            let n_open = page.matches(&format!("<{tag} ")).count() + page.matches(&format!("<{tag}>")).count();
            assert_eq!(n_open, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}
