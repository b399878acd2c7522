//! `trawl restore`: buckets come back from an archive, and are given back to retention.

use super::archive::{find, warn};
use super::ask::moment_us;
use super::retention::chain;
use super::{now_us, open_reader, print_rows};
use crate::args::RestoreArgs;
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Look, human};
use crate::spool::{Answer, BucketOutcome, Errand, Request, Work};
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use std::io::{self, Write};
use std::path::PathBuf;
use trawl_formats::IndexName;
use trawl_query::value::Value;
use trawl_store::Writer;
use trawl_store::archive::{ArchivedBucket, NotRestored};

const COLUMNS: [&str; 6] = ["index", "id", "earliest", "latest", "events", "outcome"];

/// Restores the chosen buckets, or releases them, and prints a row for each.
pub fn run(args: &RestoreArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let look = Look { terminal, zone: config.zone.value };
    let chosen = Chosen::new(args, config)?;
    if args.release {
        return release(args, &chosen, config, &look);
    }
    if args.ids.is_empty() && args.index.is_empty() && args.earliest.is_none() && args.latest.is_none() {
        let hint = "name buckets by id (see `trawl archive list`), or choose with --index, --earliest and --latest";
        bail!(Advice::new("what is to be restored?", hint));
    }
    let (mut found, mut problems) = find(&args.folders, config)?;
    found.retain(|bucket| {
        let meta = &bucket.meta;
        chosen.holds(&meta.id, &meta.index, meta.min_time_us, meta.max_time_us)
    });
    found.dedup_by(|a, b| a.meta.id == b.meta.id);
    // A file that cannot be read need not be one that was asked for, unless something is missing.
    let is_missing = found.is_empty() || found.len() < args.ids.len();
    if !is_missing {
        problems.clear();
    }
    let files = found.iter().map(|bucket| std::path::absolute(&bucket.path)).collect::<io::Result<Vec<PathBuf>>>();
    let files = files.context("cannot find out the working directory")?;
    let answer = if files.is_empty() {
        Answer { buckets: Some(Vec::new()), ..Answer::default() }
    } else {
        have_done(Work::Restore { files }, config, terminal, perform)?
    };
    let Some(buckets) = answer.buckets else { return refused(&answer) };
    let code = print_rows(&look, args.output, &COLUMNS, rows(&buckets, &look))?;
    if code == ExitCode::NothingFound {
        writeln!(io::stderr(), "there is no such bucket in the archive")?;
    }
    let problems: Vec<String> = problems.iter().map(|error| chain(error)).chain(answer.problems).collect();
    Ok(if warn(&problems, terminal)? { ExitCode::Error } else { code })
}

fn release(args: &RestoreArgs, chosen: &Chosen<'_>, config: &Config, look: &Look) -> anyhow::Result<ExitCode> {
    let mut restored = open_reader(config)?.snapshot()?.buckets;
    restored.retain(|row| row.is_restored && chosen.holds(&row.id, &row.index, row.min_time_us, row.max_time_us));
    let ids: Vec<String> = restored.iter().map(|row| row.id.clone()).collect();
    if !ids.is_empty() {
        let answer = have_done(Work::Release { ids }, config, look.terminal, perform)?;
        if answer.buckets.is_none() {
            return refused(&answer);
        }
    }
    let buckets: Vec<BucketOutcome> = restored.iter().map(|row| BucketOutcome::of_row(row, "released")).collect();
    let code = print_rows(look, args.output, &COLUMNS, rows(&buckets, look))?;
    writeln!(io::stderr(), "{} given back to retention", human::plural(buckets.len() as u64, "restored bucket"))?;
    Ok(code)
}

/// Has work done by whoever writes the store.
pub(super) fn have_done(
    work: Work,
    config: &Config,
    terminal: Terminal,
    here: impl FnOnce(&Writer, &Work) -> anyhow::Result<Answer>,
) -> anyhow::Result<Answer> {
    let request = Request { work, has_color: terminal.color_stderr };
    let errand = Errand {
        config,
        request: &request,
        stdin: None,
        is_cancelled: &|| false,
        is_shown: terminal.stderr_is_terminal,
    };
    let answer = errand.run(|writer, _| here(writer, &request.work))?;
    answer.context("nobody has cancelled it, but it was")
}

/// Says why work could not be begun.
pub(super) fn refused(answer: &Answer) -> anyhow::Result<ExitCode> {
    io::stderr().write_all(answer.stderr.as_bytes())?;
    Ok(ExitCode::Error)
}

/// Brings buckets back, or releases them.
///
/// # Errors
/// If the catalog fails. What is wrong with an archived bucket is part of the answer.
pub fn perform(writer: &Writer, work: &Work) -> anyhow::Result<Answer> {
    let mut answer = Answer::default();
    let buckets = answer.buckets.insert(Vec::new());
    match work {
        Work::Restore { files } => {
            for file in files {
                let restored = ArchivedBucket::open(file).map(|bucket| (writer.restore(&bucket), bucket));
                let (outcome, bucket) = match restored {
                    Ok((outcome, bucket)) => (outcome, bucket),
                    Err(error) => {
                        answer.problems.push(chain(&error));
                        continue;
                    }
                };
                let outcome = match outcome {
                    Ok(Ok(_)) => "restored",
                    Ok(Err(NotRestored::InStore)) => "already there",
                    Ok(Err(NotRestored::SameBytes)) => "already there, under another id",
                    Err(error) => {
                        answer.problems.push(chain(&error));
                        "failed"
                    }
                };
                buckets.push(BucketOutcome::of_meta(&bucket.meta, bucket.file_bytes, outcome));
            }
        }
        Work::Release { ids } => {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            writer.release(&ids)?;
        }
        Work::Index(_) | Work::Retention { .. } => bail!("this is not work of `trawl restore`"),
    }
    Ok(answer)
}

fn rows(buckets: &[BucketOutcome], look: &Look) -> Vec<Vec<Value>> {
    let cells = CellPrinter::new(look.zone);
    let row = |bucket: &BucketOutcome| {
        vec![
            bucket.index.as_str().into(),
            bucket.id.as_str().into(),
            cells.time(bucket.min_time_us).into(),
            cells.time(bucket.max_time_us).into(),
            Value::count(bucket.n_events),
            bucket.outcome.as_str().into(),
        ]
    };
    buckets.iter().map(row).collect()
}

/// Which buckets are meant.
struct Chosen<'a> {
    args: &'a RestoreArgs,
    earliest_us: Option<i64>,
    latest_us: Option<i64>,
}

impl<'a> Chosen<'a> {
    fn new(args: &'a RestoreArgs, config: &Config) -> anyhow::Result<Self> {
        let now_us = now_us()?;
        let resolve = |option: &str, text: &Option<String>| -> anyhow::Result<Option<i64>> {
            text.as_deref().map(|text| moment_us(option, text, now_us, config.zone.value)).transpose()
        };
        let earliest_us = resolve("--earliest", &args.earliest)?;
        let latest_us = resolve("--latest", &args.latest)?;
        Ok(Self { args, earliest_us, latest_us })
    }

    fn holds(&self, id: &str, index: &IndexName, min_time_us: i64, max_time_us: i64) -> bool {
        (self.args.ids.is_empty() || self.args.ids.iter().any(|wanted| wanted == id))
            && (self.args.index.is_empty() || self.args.index.contains(index))
            && self.earliest_us.is_none_or(|earliest| earliest <= max_time_us)
            && self.latest_us.is_none_or(|latest| min_time_us < latest)
    }
}
