//! `trawl check`: lists checks, makes them, and prints what they came to, one file for each form.

mod html;
mod json;
mod junit;
mod markdown;
mod text;

use super::{CANNOT_PRINT, now_us, open_reader, print_rows};
use crate::args::{CheckArgs, CheckFormat};
use crate::cmd::ask::moment_us;
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Format, Look, Theme, human, visible};
use crate::terminal::{Terminal, speaks_utf8};
use anyhow::Context;
use std::env;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;
use trawl_alert::book::Book;
use trawl_alert::check::{Bench, Check, Evidence, Judged, Outcome, Report, judge};
use trawl_alert::evaluate::Evaluator;
use trawl_alert::text::one_line;
use trawl_query::context::Cancel;
use trawl_query::error::nearest;
use trawl_query::value::Value;
use trawl_query::{Engine, SearchOptions};

const COLUMNS: [&str; 6] = ["check", "description", "owner", "expectations", "schedule", "last"];

/// Makes the checks that are named, or lists them all.
pub fn run(args: &CheckArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let checks = config.all_checks()?;
    if args.names.is_empty() {
        return list(args, &checks, config, terminal);
    }
    let chosen = args.names.iter().map(|name| named(&checks, name, config)).collect::<anyhow::Result<Vec<_>>>()?;
    let now_us = now_us()?;
    let at_us = match &args.at {
        None => now_us,
        Some(text) => moment_us("--at", text, now_us, config.zone.value)?,
    };
    let engine = Engine::new(open_reader(config)?, config.load_registry()?);
    let cells = CellPrinter::new(config.zone.value);
    let book = Book::open_to_read(&config.data.value)?;
    let begun = Instant::now();
    let mut reports = Vec::new();
    for check in chosen {
        if !args.anyway && !check.is_active(at_us) {
            let name = visible(&check.name);
            writeln!(
                io::stderr(),
                "trawl: {name} is not made at {}, see its calendar; --anyway makes it",
                cells.time(at_us)
            )?;
            continue;
        }
        let cancel = config.deadline.value.0.map(|deadline| Cancel::with_deadline(Instant::now() + deadline));
        let options = SearchOptions { cancel: Arc::new(cancel.unwrap_or_default()), ..config.search_options() };
        let evaluator = Evaluator::new(&engine, options);
        let bench = Bench { evaluator: &evaluator, book: book.as_ref(), seen_us: None, clock: &|| begun.elapsed() };
        reports.push(judge(check, &bench, at_us));
    }
    let page = match args.output {
        CheckFormat::Text => {
            let style = text::Style {
                theme: Theme::new(terminal.color_stdout),
                is_utf8: speaks_utf8(&|name| env::var_os(name)),
            };
            text::page(&reports, &cells, &style)
        }
        CheckFormat::Json => json::page(&reports, &cells),
        CheckFormat::Html => html::page(&reports, &cells),
        CheckFormat::Markdown => markdown::page(&reports, &cells),
        CheckFormat::Junit => junit::page(&reports, &cells),
    };
    let mut out = io::stdout().lock();
    out.write_all(page.as_bytes()).and_then(|()| out.flush()).context(CANNOT_PRINT)?;
    Ok(exit_code(&reports))
}

fn exit_code(reports: &[Report]) -> ExitCode {
    let outcomes: Vec<Outcome> = reports.iter().map(Report::outcome).collect();
    if outcomes.contains(&Outcome::NotJudged) {
        ExitCode::Error
    } else if outcomes.contains(&Outcome::Failed) {
        ExitCode::NothingFound
    } else {
        ExitCode::Success
    }
}

fn named<'c>(checks: &'c [Check], name: &str, config: &Config) -> anyhow::Result<&'c Check> {
    checks.iter().find(|check| check.name == name).ok_or_else(|| {
        let place = config.file.as_ref().map_or("trawl.toml".to_owned(), |file| file.value.display().to_string());
        let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        let hint = match (nearest(name, names.iter().copied()), names.as_slice()) {
            (Some(known), _) => format!("did you mean `{known}`?"),
            (None, []) => format!("write a [[check]] into {place}"),
            (None, names) => format!("the checks of {place} are {}", names.join(", ")),
        };
        Advice::new(format!("there is no check `{name}`"), hint).into()
    })
}

/// A row for each check.
fn list(args: &CheckArgs, checks: &[Check], config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let format = match args.output {
        CheckFormat::Text => Format::Table,
        CheckFormat::Json => Format::Json,
        _ => {
            let hint = "name a check, or leave out --output";
            return Err(Advice::new("the list of checks has no such form", hint).into());
        }
    };
    let look = Look { terminal, zone: config.zone.value };
    let cells = CellPrinter::new(look.zone);
    let progress = match Book::open_to_read(&config.data.value)? {
        Some(book) => book.progress()?,
        None => Default::default(),
    };
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Into::into);
    let row = |check: &Check| {
        let last = progress.get(&check.book_name()).filter(|_| check.schedule.is_some());
        vec![
            check.name.as_str().into(),
            text(&check.description),
            text(&check.owner),
            Value::count(check.expectations.len() as u64),
            check.schedule.as_ref().map_or(Value::Null, |schedule| schedule.to_string().into()),
            last.map_or(Value::Null, |progress| cells.time(progress.tick_us).into()),
        ]
    };
    print_rows(&look, format, &COLUMNS, checks.iter().map(row).collect())
}

/// `3 events`, `1 row`; nothing where nothing was counted.
fn counted(judged: &Judged) -> Option<String> {
    let is_table = judged.evidence.iter().any(|evidence| matches!(evidence, Evidence::Row(_)));
    let noun = match judged.question.kind {
        "open_alerts" => "open alert",
        "job" => "run",
        _ if is_table => "row",
        _ => "event",
    };
    judged.count.map(|n| human::plural(n, noun))
}

/// Each piece of evidence as a line, as it stands in the log or in the table; control characters made visible.
fn evidence_lines(judged: &Judged, cells: &CellPrinter) -> Vec<String> {
    let line = |evidence: &Evidence| match evidence {
        Evidence::Event(event) => one_line(&event.raw),
        Evidence::Row(fields) => {
            let field = |(name, value): &(String, String)| {
                let value = match (name.as_str(), value.parse::<f64>()) {
                    ("_time", Ok(seconds)) => cells.time((seconds * 1e6).round() as i64),
                    _ => value.clone(),
                };
                format!("{name}={value}")
            };
            one_line(&fields.iter().map(field).collect::<Vec<_>>().join(" "))
        }
    };
    let job = judged.job.as_ref().map(|job| {
        let fields = job.fields(&|us| cells.time(us));
        let known = fields.iter().filter(|(field, _)| !["job", "by", "start_by"].contains(&field.as_str()));
        one_line(&known.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    });
    job.into_iter().chain(judged.evidence.iter().map(line)).collect()
}

/// What the answer rests on, where nothing was found; and that nothing arrived at all.
fn basis_lines(judged: &Judged, cells: &CellPrinter) -> Vec<String> {
    let Some(basis) = &judged.basis else { return Vec::new() };
    let mut lines: Vec<String> = basis.silent.iter().map(|silent| format!("note: {silent}")).collect();
    lines.extend(basis.warnings.iter().map(|warning| format!("note: {warning}")));
    let needs_proof = judged.count == Some(0) || judged.outcome == Outcome::NotJudged;
    if needs_proof {
        // The runs of jobs are looked for further back than the one that is judged.
        let range = judged.job.is_none().then(|| format!("; {}", range_text(judged, cells)));
        lines.push(format!("{}{}", basis.searched, range.unwrap_or_default()));
    }
    lines.iter().map(|line| one_line(line)).collect()
}

fn range_text(judged: &Judged, cells: &CellPrinter) -> String {
    match judged.question.range_us {
        (None, None) => "all time".to_owned(),
        (Some(from), None) => format!("from {}", cells.time(from)),
        (None, Some(until)) => format!("before {}", cells.time(until)),
        (Some(from), Some(until)) => format!("{} to {}", cells.time(from), cells.time(until)),
    }
}

/// `2 passed, 1 failed, 0 not judged`.
fn counts_text(report: &Report) -> String {
    let counts = report.counts();
    format!("{} passed, {} failed, {} not judged", counts.n_passed, counts.n_failed, counts.n_not_judged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use trawl_alert::check::{Basis, Question};
    use trawl_alert::{SampleEvent, Severity};
    use trawl_formats::Zone;

    /// A report with an expectation of each outcome, and everything in it that could do harm.
    pub fn hostile() -> Report {
        let raw = "</pre><script>alert(1)</script> ]]> ```` | `x` \u{1b}[2J \u{202e} \u{ffff}\r\n# **b** & \"q\" 'q'";
        let judged = |title: &str, outcome, reason: Option<&str>, count| Judged {
            title: title.to_owned(),
            severity: Severity::Critical,
            runbook: Some("javascript:alert(1)".to_owned()),
            question: Question {
                kind: "search",
                subject: raw.to_owned(),
                want: "count >= 1".to_owned(),
                range_us: (Some(0), Some(1_000_000)),
            },
            outcome,
            reason: reason.map(str::to_owned),
            count: Some(count),
            evidence: vec![
                Evidence::Event(SampleEvent {
                    time_us: 1,
                    host: "<host>".to_owned(),
                    source: "/a&b".to_owned(),
                    address: "1".to_owned(),
                    raw: raw.to_owned(),
                }),
                Evidence::Row(vec![("a<b".to_owned(), raw.to_owned())]),
            ],
            basis: Some(Basis {
                searched: "searched 1 event".to_owned(),
                n_events: 1,
                n_sources: 1,
                ..Basis::default()
            }),
            job: None,
            took: Duration::from_millis(3),
        };
        Report {
            check: "s<o>d".to_owned(),
            description: Some(raw.to_owned()),
            owner: Some("a|b".to_owned()),
            tags: vec!["t".to_owned()],
            runbook: Some("https://wiki/sod?a=1&b=\"2\"".to_owned()),
            at_us: 1_795_183_200_000_000,
            judged: vec![
                judged("well & good", Outcome::Passed, None, 2),
                judged(raw, Outcome::Failed, Some(raw), 0),
                judged("?", Outcome::NotJudged, Some("the search failed"), 0),
            ],
            took: Duration::from_millis(12),
        }
    }

    pub fn cells() -> CellPrinter {
        CellPrinter::new(Zone::UTC)
    }

    #[test]
    fn what_cannot_be_judged_weighs_most() {
        let report = hostile();
        let only = |outcomes: &[Outcome]| Report {
            judged: report.judged.iter().filter(|judged| outcomes.contains(&judged.outcome)).cloned().collect(),
            ..report.clone()
        };
        use Outcome::{Failed, NotJudged, Passed};
        assert_eq!(exit_code(&[only(&[Passed])]), ExitCode::Success);
        assert_eq!(exit_code(&[only(&[Passed]), only(&[Passed, Failed])]), ExitCode::NothingFound);
        assert_eq!(exit_code(&[only(&[Failed]), only(&[NotJudged])]), ExitCode::Error);
    }
}
