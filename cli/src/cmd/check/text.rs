//! A check as a checklist for people.

use super::{basis_lines, counted, counts_text, evidence_lines};
use crate::output::{CellPrinter, Theme, human, visible};
use std::fmt::{self, Write};
use trawl_alert::check::{Judged, Outcome, Report};
use trawl_alert::text::one_line;
use unicode_width::UnicodeWidthStr;

/// Evidence that is shown of what passed.
const N_SHOWN_PASSED: usize = 1;

/// How it is printed.
pub struct Style {
    /// The colours.
    pub theme: Theme,
    /// Whether marks beyond ASCII can be shown.
    pub is_utf8: bool,
}

impl Style {
    fn mark(&self, outcome: Outcome) -> (&'static str, anstyle::Style) {
        let (mark, plain, style) = match outcome {
            Outcome::Passed => ("✓", "[ok]  ", self.theme.faint),
            Outcome::Failed => ("✗", "[FAIL]", self.theme.error),
            Outcome::NotJudged => ("?", "[?]   ", self.theme.warning),
        };
        (if self.is_utf8 { mark } else { plain }, style)
    }
}

/// The page.
pub fn page(reports: &[Report], cells: &CellPrinter, style: &Style) -> String {
    let mut out = String::new();
    for (at, report) in reports.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        section(&mut out, report, cells, style).expect("writing to a string does not fail");
    }
    out
}

fn section(out: &mut String, report: &Report, cells: &CellPrinter, style: &Style) -> fmt::Result {
    let about = report.description.iter().map(|text| format!(": {}", one_line(text))).collect::<String>();
    let owner = report.owner.iter().map(|text| format!(" ({})", one_line(text))).collect::<String>();
    writeln!(out, "{}{about}{owner}, as of {}", visible(&one_line(&report.check)), cells.time(report.at_us))?;
    let title = |judged: &Judged| visible(&one_line(&judged.title)).into_owned();
    let width = report.judged.iter().map(|judged| title(judged).width()).max().unwrap_or(0).min(60);
    for judged in &report.judged {
        let (mark, colour) = style.mark(judged.outcome);
        let (title, pad) = (title(judged), width.saturating_sub(title(judged).width()));
        let severity = if judged.outcome == Outcome::Failed { judged.severity.as_str() } else { "" };
        let took = human::duration(judged.took);
        let count = counted(judged).unwrap_or_default();
        writeln!(out, "{colour}{mark}{colour:#} {title}{:pad$}  {severity:<8}  {count}, in {took}", "")?;
        let mut lines: Vec<String> = judged.reason.iter().map(|reason| one_line(reason)).collect();
        let n_shown = if judged.outcome == Outcome::Passed { N_SHOWN_PASSED } else { usize::MAX };
        lines.extend(evidence_lines(judged, cells).into_iter().take(n_shown));
        lines.extend(basis_lines(judged, cells));
        if judged.outcome != Outcome::Passed {
            lines.extend(judged.runbook.iter().map(|runbook| format!("runbook: {}", one_line(runbook))));
        }
        let indent = if style.is_utf8 { 4 } else { 9 };
        for line in lines {
            writeln!(out, "{:indent$}{}", "", visible(&line))?;
        }
    }
    writeln!(out, "{}, in {}", counts_text(report), human::duration(report.took))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cells, hostile};
    use super::*;

    #[test]
    fn a_checklist_is_safe_on_a_terminal() {
        let style = Style { theme: Theme::plain(), is_utf8: false };
        let text = page(&[hostile()], &cells(), &style);
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\r']), "{text}");
        insta::assert_snapshot!(text.replace(&text[text.find("</pre>").unwrap()..text.find(", as of").unwrap()], "…"));
    }
}
