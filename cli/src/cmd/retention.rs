//! `trawl retention`: what each index keeps, what would go now, and letting it go.

use super::restore::{have_done, refused};
use super::{open_reader, print_rows};
use crate::args::RetentionArgs;
use crate::config::{ByteSize, Config, Share, Timeout};
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Look, Theme, human, notes};
use crate::spool::{Answer, BucketOutcome, Work};
use crate::terminal::Terminal;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use trawl_formats::IndexName;
use trawl_query::value::Value;
use trawl_store::Writer;
use trawl_store::retention::{Planned, Policy, Removed};

const COLUMNS: [&str; 11] = [
    "index",
    "max_age",
    "max_size",
    "min_free",
    "archive",
    "protected",
    "buckets",
    "disk_bytes",
    "restored",
    "goes",
    "goes_bytes",
];
const REMOVED_COLUMNS: [&str; 8] = ["index", "id", "earliest", "latest", "events", "disk_bytes", "reason", "archived"];

/// Prints a row for each index, or lets buckets go and prints a row for each.
pub fn run(args: &RetentionArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let look = Look { terminal, zone: config.zone.value };
    if args.apply {
        return apply(args, config, &look);
    }
    let planned = open_reader(config)?.plan_retention(&config.retention)?;
    let going: Vec<&Planned> = planned.iter().filter(|planned| planned.reason.is_some()).collect();
    let mut by_index: BTreeMap<&IndexName, Vec<&Planned>> =
        config.retention.keys().map(|index| (index, Vec::new())).collect();
    for planned in &planned {
        by_index.entry(&planned.bucket.index).or_default().push(planned);
    }
    let rows = by_index.iter().map(|(index, planned)| row(index, config.retention.get(*index), planned)).collect();
    let code = print_rows(&look, args.output, &COLUMNS, rows)?;
    match going.len() as u64 {
        0 => writeln!(io::stderr(), "nothing would go now")?,
        n_going => writeln!(
            io::stderr(),
            "{} ({}) would go now; `trawl run` sees to it, or `trawl retention --apply`",
            human::plural(n_going, "bucket"),
            human::bytes(going.iter().map(|planned| planned.bytes).sum()),
        )?,
    }
    Ok(code)
}

fn row(index: &IndexName, policy: Option<&Policy>, planned: &[&Planned]) -> Vec<Value> {
    fn text(value: Option<String>) -> Value {
        value.map_or(Value::Null, |value| value.as_str().into())
    }
    let policy = policy.cloned().unwrap_or_default();
    let going = || planned.iter().filter(|planned| planned.reason.is_some());
    vec![
        index.as_str().into(),
        text(policy.max_age.map(|age| Timeout(Some(age)).to_string())),
        text(policy.max_size.map(|size| ByteSize(size).to_string())),
        text(policy.min_free.map(|share| Share(share).to_string())),
        text(policy.archive.map(|archive| archive.display().to_string())),
        if policy.protected { "yes" } else { "no" }.into(),
        Value::count(planned.len() as u64),
        Value::count(planned.iter().map(|planned| planned.bytes).sum()),
        Value::count(planned.iter().filter(|planned| planned.bucket.is_restored).count() as u64),
        Value::count(going().count() as u64),
        Value::count(going().map(|planned| planned.bytes).sum()),
    ]
}

fn apply(args: &RetentionArgs, config: &Config, look: &Look) -> anyhow::Result<ExitCode> {
    // So that a folder without data is named, and not created.
    drop(open_reader(config)?);
    let work = Work::Retention { policies: config.retention.clone() };
    let here = |writer: &Writer, _: &Work| perform(writer, &|| false);
    let answer = have_done(work, config, look.terminal, here)?;
    let Some(removed) = answer.buckets else { return refused(&answer) };
    let cells = CellPrinter::new(look.zone);
    let rows = removed.iter().map(|bucket| removed_row(bucket, &cells)).collect();
    print_rows(look, args.output, &REMOVED_COLUMNS, rows)?;
    let theme = Theme::new(look.terminal.color_stderr);
    answer.problems.iter().try_for_each(|problem| notes::warning(&mut io::stderr(), &theme, problem))?;
    match removed.len() as u64 {
        0 => writeln!(io::stderr(), "nothing went")?,
        n_removed => writeln!(
            io::stderr(),
            "{} ({}) went",
            human::plural(n_removed, "bucket"),
            human::bytes(removed.iter().map(|bucket| bucket.bytes).sum()),
        )?,
    }
    Ok(if answer.problems.is_empty() { ExitCode::Success } else { ExitCode::Error })
}

/// Lets go what has to.
///
/// # Errors
/// If the catalog or the disk refuses it. That a bucket cannot be archived is part of the answer.
pub fn perform(writer: &Writer, is_cancelled: &dyn Fn() -> bool) -> anyhow::Result<Answer> {
    let report = writer.enforce_retention(is_cancelled)?;
    let outcome = |removed: &Removed| BucketOutcome {
        bytes: removed.bytes,
        archived: removed.archived.as_ref().map(|path| path.display().to_string()),
        ..BucketOutcome::of_row(&removed.bucket, removed.reason.to_string())
    };
    // Buckets of one index often have one problem.
    let problems: BTreeSet<String> = report.problems.iter().map(|error| chain(error)).collect();
    Ok(Answer {
        buckets: Some(report.removed.iter().map(outcome).collect()),
        problems: problems.into_iter().collect(),
        ..Answer::default()
    })
}

fn removed_row(bucket: &BucketOutcome, cells: &CellPrinter) -> Vec<Value> {
    vec![
        bucket.index.as_str().into(),
        bucket.id.as_str().into(),
        cells.time(bucket.min_time_us).into(),
        cells.time(bucket.max_time_us).into(),
        Value::count(bucket.n_events),
        Value::count(bucket.bytes),
        bucket.outcome.as_str().into(),
        bucket.archived.as_deref().map_or(Value::Null, Into::into),
    ]
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
