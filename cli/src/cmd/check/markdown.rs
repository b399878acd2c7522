//! A check as Markdown, for tickets and chats.

use super::{basis_lines, counted, counts_text, evidence_lines};
use crate::output::{CellPrinter, human};
use std::fmt::{self, Write};
use trawl_alert::check::{Judged, Outcome, Report};
use trawl_alert::text::one_line;
use trawl_evidence::report::code_block;

/// The page.
pub fn page(reports: &[Report], cells: &CellPrinter) -> String {
    let mut out = String::new();
    for (at, report) in reports.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        section(&mut out, report, cells).expect("writing to a string does not fail");
    }
    out
}

fn section(out: &mut String, report: &Report, cells: &CellPrinter) -> fmt::Result {
    writeln!(out, "# {}\n", escaped(&report.check))?;
    let about = [&report.description, &report.owner].into_iter().flatten();
    let mut about: Vec<String> = about.map(|text| escaped(text)).collect();
    about.push(format!("as of {}", escaped(&cells.time(report.at_us))));
    about.extend(report.runbook.as_deref().map(|runbook| format!("runbook: {}", escaped(runbook))));
    writeln!(out, "{}\n", about.join(" · "))?;
    report.judged.iter().try_for_each(|judged| item(out, judged, cells))?;
    writeln!(out, "\n{}, in {}", counts_text(report), human::duration(report.took))
}

fn item(out: &mut String, judged: &Judged, cells: &CellPrinter) -> fmt::Result {
    let (mark, word) = match judged.outcome {
        Outcome::Passed => ("x", "passed".to_owned()),
        Outcome::Failed => (" ", format!("**failed**, {}", judged.severity)),
        Outcome::NotJudged => (" ", "**not judged**".to_owned()),
    };
    let count = counted(judged).map(|count| format!(" ({count})")).unwrap_or_default();
    write!(out, "- [{mark}] {}: {word}{count}", escaped(&judged.title))?;
    if let (Some(runbook), true) = (&judged.runbook, judged.outcome != Outcome::Passed) {
        write!(out, "; runbook: {}", escaped(runbook))?;
    }
    out.push('\n');
    let mut lines: Vec<String> = judged.reason.iter().map(|reason| one_line(reason)).collect();
    lines.extend(evidence_lines(judged, cells));
    lines.extend(basis_lines(judged, cells));
    if lines.is_empty() {
        return Ok(());
    }
    out.push('\n');
    code_block(&lines.join("\n")).lines().try_for_each(|line| writeln!(out, "  {line}"))?;
    out.push('\n');
    Ok(())
}

/// Text on one line in which nothing means anything to Markdown or to HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in one_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Within words these mean nothing, and escapes would only be in the way.
            '-' | '.' | ':' | '/' | '=' | ',' | ';' | '%' | '?' | '+' | '@' => out.push(c),
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cells, hostile};
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        let page = page(&[hostile()], &cells());
        assert!(!page.contains(['\u{1b}', '\u{202e}', '\r']));
        let mut is_code = false;
        for line in page.lines() {
            // The text holds a run of four backticks.
            if line.trim_start().starts_with("`````") {
                is_code = !is_code;
            } else if !is_code {
                assert!(!line.contains('<') && !line.contains("**b**") && !line.contains("| `"), "{line}");
            }
        }
        assert!(!is_code && page.matches("- [x] ").count() == 1 && page.matches("- [ ] ").count() == 2, "{page}");
    }
}
