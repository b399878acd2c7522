//! Expectations of searches: the search is run, and what is wanted must hold of every row.

use super::report::{Basis, Evidence, Judged, Outcome, Question};
use super::run::Bench;
use super::{Check, DEFAULT_EARLIEST, DEFAULT_LATEST, Expectation, SearchExpectation};
use crate::condition::Condition;
use crate::evaluate::{EvaluateError, sample_events, seconds};
use crate::text;
use crate::watch::chain;
use std::sync::Arc;
use trawl_query::context::Context;
use trawl_query::search::{CompareOp, SearchExpr};
use trawl_query::time::TimeRange;
use trawl_query::{Batch, Flow, RunError, Search, SearchOptions, Summary, Value, Wanted};

/// How far before the range it is looked for what a search could have found something in, in microseconds.
const ORIGIN_US: i64 = 30 * 86_400_000_000;
/// Fields that say where events come from.
const ORIGIN_FIELDS: [&str; 4] = ["index", "source", "sourcetype", "host"];
/// The field with the number of events.
const COUNT: &str = "count";
/// The field with the number of rows.
const ROWS: &str = "rows";

/// Rows, and what the answer rests on.
pub(super) struct Answer {
    pub(super) rows: Batch,
    pub(super) summary: Summary,
}

/// Runs a search to its end.
pub(super) fn ask(bench: &Bench<'_>, text: &str, options: &SearchOptions) -> Result<Answer, EvaluateError> {
    let search = Search::prepare(text, options)?;
    let mut rows = Batch::default();
    let summary = search.run(bench.evaluator.engine(), &mut |batch| {
        rows.append(batch);
        Ok(Flow::More)
    })?;
    match summary.incomplete {
        Some(why) => Err(EvaluateError::Incomplete(why)),
        None => Ok(Answer { rows, summary }),
    }
}

/// What an answer rests on.
pub(super) fn basis(summary: &Summary) -> Basis {
    Basis {
        searched: summary.coverage.to_string(),
        n_events: summary.coverage.n_events,
        n_sources: summary.coverage.n_sources,
        silent: None,
        warnings: summary.warnings.clone(),
    }
}

/// Judges one expectation.
pub(super) fn judge(
    check: &Check,
    expectation: &Expectation,
    wanted: &SearchExpectation,
    bench: &Bench<'_>,
    now_us: i64,
) -> Judged {
    let question = Question {
        kind: "search",
        subject: wanted.search.clone(),
        want: wanted.want.to_string(),
        range_us: (None, Some(now_us)),
    };
    let mut judged = Judged::of(expectation, question);
    if let Err(error) = look(check, wanted, bench, now_us, &mut judged) {
        judged.outcome = Outcome::NotJudged;
        judged.reason = Some(chain(&error));
    }
    judged
}

/// Fills in what is found.
fn look(
    check: &Check,
    wanted: &SearchExpectation,
    bench: &Bench<'_>,
    now_us: i64,
    judged: &mut Judged,
) -> Result<(), EvaluateError> {
    let mut options = SearchOptions {
        event_fields: Wanted::of(["_time", "host", "source", "_addr", "_raw"]),
        ..bench.options(check, now_us)
    };
    if Search::prepare(&wanted.search, &options)?.plan().times.is_all() {
        options.earliest = Some(wanted.earliest.clone().unwrap_or_else(|| DEFAULT_EARLIEST.to_owned()));
        options.latest = Some(wanted.latest.clone().unwrap_or_else(|| DEFAULT_LATEST.to_owned()));
    }
    let search = Search::prepare(&wanted.search, &options)?;
    let range = search.plan().times;
    judged.question.range_us = (range.earliest, range.latest);
    let reads_events = search.plan().search.is_some();
    let is_table = search.is_transforming() || !reads_events;
    let text = if is_table { wanted.search.clone() } else { format!("{} | stats count AS {COUNT}", wanted.search) };
    let answer = ask(bench, &text, &options)?;
    let ctx = Arc::new(Context::new(now_us, check.zone, TimeRange::ALL));
    let Verdict { n_found, rows_against } = decide(&answer.rows, is_table, &wanted.want, &ctx)?;
    let mut basis = basis(&answer.summary);
    judged.count = Some(n_found);
    judged.evidence = if is_table {
        let shown =
            rows_against.iter().copied().chain((0..answer.rows.len()).filter(|row| !rows_against.contains(row)));
        shown.filter(|row| *row < answer.rows.len()).take(Evidence::MAX).map(|row| cells(&answer.rows, row)).collect()
    } else if n_found > 0 {
        let newest = ask(bench, &format!("{} | head {}", wanted.search, Evidence::MAX), &options)?;
        sample_events(&newest.rows).into_iter().map(Evidence::Event).collect()
    } else {
        Vec::new()
    };
    if n_found == 0 && reads_events {
        basis.silent = silence(&search, range, bench, &options)?;
    }
    let holds = rows_against.is_empty();
    let nothing_there = reads_events && basis.n_events == 0;
    judged.outcome = match (holds, nothing_there) {
        (true, false) => Outcome::Passed,
        (true, true) => Outcome::NotJudged,
        (false, _) => Outcome::Failed,
    };
    judged.reason = match judged.outcome {
        Outcome::Passed => None,
        Outcome::NotJudged => Some("there are no events at all in this range of time".to_owned()),
        Outcome::Failed => {
            let of = if is_table { "row" } else { "event" };
            Some(format!("{n_found} {of}{}, wanted {}", if n_found == 1 { "" } else { "s" }, wanted.want))
        }
    };
    judged.basis = Some(basis);
    Ok(())
}

/// What a condition says of an answer.
struct Verdict {
    /// Events; of a table rows.
    n_found: u64,
    /// Rows for which it does not hold.
    rows_against: Vec<usize>,
}

/// Judges rows as the condition of an alert does, but that it must hold of each of them.
fn decide(answer: &Batch, is_table: bool, want: &Condition, ctx: &Arc<Context>) -> Result<Verdict, RunError> {
    let n_found = match is_table {
        true => answer.len() as u64,
        false if answer.is_empty() => 0,
        false => answer.value(0, COUNT).as_number().unwrap_or(0.0) as u64,
    };
    let mut rows = answer.clone();
    if rows.is_empty() {
        // Nothing was found, and what is wanted may be just that.
        rows = Batch::from_columns(1, [(COUNT, vec![Value::count(0)])]);
    }
    for field in [COUNT, ROWS] {
        if rows.column(field).is_none() {
            rows.set_column(field, vec![Value::count(n_found); rows.len()]);
        }
    }
    let holding = match want.is_absent() {
        true if n_found == 0 => (0..rows.len()).collect(),
        true => Vec::new(),
        false => want.rows_that_hold(&rows, ctx)?,
    };
    Ok(Verdict { n_found, rows_against: (0..rows.len()).filter(|row| !holding.contains(row)).collect() })
}

fn cells(rows: &Batch, row: usize) -> Evidence {
    let cells = rows.iter().map(|(field, cells)| (field, &cells[row])).filter(|(_, cell)| !cell.is_null());
    Evidence::Row(cells.map(|(field, cell)| (field.to_owned(), cell.to_string())).collect())
}

/// Where a search found nothing: that nothing arrived from where it looks either, in words.
fn silence(
    search: &Search,
    range: TimeRange,
    bench: &Bench<'_>,
    options: &SearchOptions,
) -> Result<Option<String>, EvaluateError> {
    let Some(origin) =
        trawl_query::parse(search.canonical()).ok().and_then(|pipeline| origin(pipeline.search.as_ref()?))
    else {
        return Ok(None);
    };
    let longer = SearchOptions {
        earliest: range.earliest.map(|earliest| seconds(earliest.saturating_sub(ORIGIN_US))),
        latest: range.latest.map(seconds),
        ..options.clone()
    };
    let answer = ask(bench, &format!("{origin} | stats max(_time) AS newest"), &longer)?.rows;
    let newest = if answer.is_empty() { None } else { answer.value(0, "newest").as_number() };
    let newest_us = newest.map(|seconds| (seconds * 1e6).round() as i64);
    Ok(match (newest_us, range.earliest) {
        (Some(newest_us), Some(earliest)) if newest_us < earliest => Some(format!(
            "nothing of {origin} arrived in this range; the newest before it is of {}",
            text::moment(newest_us)
        )),
        (Some(_), _) => None,
        (None, Some(_)) => Some(format!("nothing of {origin} arrived in this range, nor in the 30 days before it")),
        (None, None) => Some(format!("nothing of {origin} ever arrived")),
    })
}

/// The conditions of a search that say where its events come from.
fn origin(expr: &SearchExpr) -> Option<String> {
    let operands = match expr {
        SearchExpr::And(operands) => operands.as_slice(),
        one => std::slice::from_ref(one),
    };
    let is_origin = |operand: &&SearchExpr| match operand {
        SearchExpr::Compare(compare) => compare.op == CompareOp::Eq && ORIGIN_FIELDS.contains(&compare.field.as_str()),
        SearchExpr::In(within) => ORIGIN_FIELDS.contains(&within.field.as_str()),
        _ => false,
    };
    let parts: Vec<String> = operands.iter().filter(is_origin).map(ToString::to_string).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trawl_formats::Zone;

    fn against(rows: Batch, is_table: bool, want: &str) -> (u64, Vec<usize>) {
        let ctx = Arc::new(Context::new(0, Zone::UTC, TimeRange::ALL));
        let verdict = decide(&rows, is_table, &Condition::parse(want).unwrap(), &ctx).unwrap();
        (verdict.n_found, verdict.rows_against)
    }

    fn counted(n: u64) -> Batch {
        Batch::from_columns(1, [(COUNT, vec![Value::count(n)])])
    }

    #[test]
    fn what_is_wanted_must_hold_of_every_row() {
        assert_eq!(against(counted(3), false, "count >= 1"), (3, vec![]));
        assert_eq!(against(counted(0), false, "count >= 1"), (0, vec![0]));
        assert_eq!(against(counted(0), false, "absent"), (0, vec![]));
        assert_eq!(against(counted(2), false, "absent"), (2, vec![0]));
        assert_eq!(against(counted(2), false, "rows == 0"), (2, vec![0]));
        let disks = || Batch::from_columns(3, [("used", vec![Value::from(10.0), Value::from(91.0), Value::Null])]);
        assert_eq!(against(disks(), true, "used < 80"), (3, vec![1, 2]));
        assert_eq!(against(disks(), true, "rows == 3"), (3, vec![]));
        assert_eq!(against(Batch::default(), true, "rows == 0"), (0, vec![]));
        assert_eq!(against(Batch::default(), true, "used < 80"), (0, vec![0]), "nothing is not well");
    }

    #[test]
    fn the_origin_is_what_says_where_events_come_from() {
        let of = |text: &str| origin(trawl_query::parse(text).unwrap().search.as_ref().unwrap());
        assert_eq!(of("sourcetype=autosys_event_demon job=A").as_deref(), Some("sourcetype=autosys_event_demon"));
        assert_eq!(of("index=web host IN (a, b) error").as_deref(), Some("index=web host IN (a, b)"));
        assert_eq!(of("error"), None);
        assert_eq!(of("NOT sourcetype=autosys_event_demon x"), None);
    }
}
