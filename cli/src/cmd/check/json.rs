//! A check as one object of JSON. Every key is always there; what is not known is null.

use super::{Evidence, Judged, Report};
use crate::output::CellPrinter;
use serde_json::{Value, json};
use std::time::Duration;
use trawl_alert::check::job::JobReport;

/// The page.
pub fn page(reports: &[Report], cells: &CellPrinter) -> String {
    let checks: Vec<Value> = reports.iter().map(|report| object(report, cells)).collect();
    let text = serde_json::to_string_pretty(&json!({ "checks": checks })).expect("values are JSON");
    text + "\n"
}

fn ms(duration: Duration) -> Value {
    json!((duration.as_secs_f64() * 1e6).round() / 1e3)
}

fn object(report: &Report, cells: &CellPrinter) -> Value {
    let counts = report.counts();
    json!({
        "check": report.check,
        "description": report.description,
        "owner": report.owner,
        "tags": report.tags,
        "runbook": report.runbook,
        "at": cells.time(report.at_us),
        "outcome": report.outcome().as_str(),
        "passed": counts.n_passed,
        "failed": counts.n_failed,
        "not_judged": counts.n_not_judged,
        "duration_ms": ms(report.took),
        "expectations": report.judged.iter().map(|judged| expectation(judged, cells)).collect::<Vec<_>>(),
    })
}

fn expectation(judged: &Judged, cells: &CellPrinter) -> Value {
    let time = |us: Option<i64>| us.map(|us| cells.time(us));
    let evidence = judged.evidence.iter().map(|evidence| match evidence {
        Evidence::Event(event) => json!({
            "time": cells.time(event.time_us),
            "host": event.host,
            "source": event.source,
            "address": event.address,
            "raw": event.raw,
        }),
        Evidence::Row(fields) => {
            let fields = fields.iter().map(|(field, value)| (field.clone(), json!(value)));
            json!({ "row": Value::Object(fields.collect()) })
        }
    });
    let basis = judged.basis.as_ref().map(|basis| {
        json!({
            "searched": basis.searched,
            "events": basis.n_events,
            "sources": basis.n_sources,
            "silent": basis.silent,
            "warnings": basis.warnings,
        })
    });
    json!({
        "title": judged.title,
        "kind": judged.question.kind,
        "outcome": judged.outcome.as_str(),
        "severity": judged.severity.as_str(),
        "reason": judged.reason,
        "runbook": judged.runbook,
        "subject": judged.question.subject,
        "want": judged.question.want,
        "earliest": time(judged.question.range_us.0),
        "latest": time(judged.question.range_us.1),
        "count": judged.count,
        "evidence": evidence.collect::<Vec<_>>(),
        "coverage": basis,
        "job": judged.job.as_ref().map(|job| self::job(job, cells)),
        "duration_ms": ms(judged.took),
    })
}

fn job(job: &JobReport, cells: &CellPrinter) -> Value {
    let time = |us: Option<i64>| us.map(|us| cells.time(us));
    let seconds = |us: i64| us as f64 / 1e6;
    let run = job.run.as_ref();
    json!({
        "job": job.job,
        "status": job.status.as_str(),
        "run_state": run.map(|run| run.state.as_str()),
        "start": time(run.and_then(|run| run.start_us)),
        "end": time(run.and_then(|run| run.end_us)),
        "runtime_s": job.runtime_us.map(seconds),
        "usual_runtime_s": job.usual_us.map(|(us, _)| seconds(us)),
        "usual_runs": job.usual_us.map(|(_, n)| n),
        "by": time(job.by_us),
        "start_by": time(job.start_by_us),
        "machine": run.and_then(|run| run.machine.clone()),
        "exit_code": run.and_then(|run| run.exit_code),
        "run": run.and_then(|run| run.run.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cells, hostile};
    use super::*;

    #[test]
    fn every_key_is_always_there() {
        let value: Value = serde_json::from_str(&page(&[hostile()], &cells())).unwrap();
        let expectations = value["checks"][0]["expectations"].as_array().unwrap();
        assert_eq!(expectations.len(), 3);
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert!(expectations.iter().all(|one| keys(one) == keys(&expectations[0])));
        assert_eq!(value["checks"][0]["outcome"], "not_judged");
        assert_eq!(expectations[1]["evidence"][0]["source"], "/a&b");
    }
}
