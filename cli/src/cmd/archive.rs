//! `trawl archive`: what lies in archives, and whether it is sound.

use super::print_rows;
use super::retention::chain;
use crate::args::{ArchiveFolders, ArchiveListArgs, ArchiveVerb};
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{CellPrinter, Look, Theme, human, notes, visible};
use crate::terminal::Terminal;
use anyhow::bail;
use std::collections::{BTreeSet, HashSet};
use std::io::{self, Write};
use std::path::PathBuf;
use trawl_query::value::Value;
use trawl_store::archive::{self, ArchivedBucket};
use trawl_store::{Reader, StoreError};

const COLUMNS: [&str; 9] =
    ["index", "id", "earliest", "latest", "events", "raw_bytes", "file_bytes", "in_store", "file"];

/// Lists or checks archived buckets.
pub fn run(verb: &ArchiveVerb, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match verb {
        ArchiveVerb::List(args) => list(args, config, terminal),
        ArchiveVerb::Verify(folders) => verify(folders, config, terminal),
    }
}

/// The archive folders that are asked for, or those of the configuration.
fn folders(args: &ArchiveFolders, config: &Config) -> anyhow::Result<Vec<PathBuf>> {
    if !args.archive.is_empty() {
        return Ok(args.archive.clone());
    }
    let configured: BTreeSet<&PathBuf> =
        config.retention.values().filter_map(|policy| policy.archive.as_ref()).collect();
    if configured.is_empty() {
        let hint = "name a folder with --archive, or write `archive` into an [index.NAME] of the configuration";
        bail!(Advice::new("no index has an archive", hint));
    }
    Ok(configured.into_iter().cloned().collect())
}

/// The buckets in the archives, by index and time, and what is wrong with other files there.
pub(super) fn find(args: &ArchiveFolders, config: &Config) -> anyhow::Result<(Vec<ArchivedBucket>, Vec<StoreError>)> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for folder in folders(args, config)? {
        let (buckets, wrong) = archive::list(&folder)?;
        found.extend(buckets);
        problems.extend(wrong);
    }
    found.sort_by(|a, b| {
        let key =
            |bucket: &ArchivedBucket| (bucket.meta.index.clone(), bucket.meta.min_time_us, bucket.meta.id.clone());
        key(a).cmp(&key(b))
    });
    Ok((found, problems))
}

fn list(args: &ArchiveListArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let look = Look { terminal, zone: config.zone.value };
    let cells = CellPrinter::new(look.zone);
    let (found, problems) = find(&args.folders, config)?;
    // An archive can be looked at where there is no store.
    let in_store: HashSet<String> = match Reader::open(&config.data.value).and_then(|reader| reader.snapshot()) {
        Ok(snapshot) => snapshot.buckets.into_iter().map(|row| row.id).collect(),
        Err(_) => HashSet::new(),
    };
    let row = |bucket: &ArchivedBucket| {
        let meta = &bucket.meta;
        vec![
            meta.index.as_str().into(),
            meta.id.as_str().into(),
            cells.time(meta.min_time_us).into(),
            cells.time(meta.max_time_us).into(),
            Value::count(meta.n_events.into()),
            Value::count(meta.raw_bytes),
            Value::count(bucket.file_bytes),
            if in_store.contains(&meta.id) { "yes" } else { "no" }.into(),
            bucket.path.display().to_string().as_str().into(),
        ]
    };
    let code = print_rows(&look, args.output, &COLUMNS, found.iter().map(row).collect())?;
    let problems: Vec<String> = problems.iter().map(|problem| chain(problem)).collect();
    Ok(if warn(&problems, terminal)? { ExitCode::Error } else { code })
}

fn verify(args: &ArchiveFolders, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let (found, mut problems) = find(args, config)?;
    problems.extend(found.iter().filter_map(|bucket| bucket.verify().err()));
    let Theme { error: style, .. } = Theme::new(terminal.color_stdout);
    let mut out = io::stdout().lock();
    for problem in &problems {
        writeln!(out, "{style}damaged:{style:#} {}", visible(&chain(problem)))?;
    }
    writeln!(
        out,
        "checked {}, {}, {} of log: {}",
        human::plural(found.len() as u64, "archived bucket"),
        human::plural(found.iter().map(|bucket| u64::from(bucket.meta.n_events)).sum(), "event"),
        human::bytes(found.iter().map(|bucket| bucket.meta.raw_bytes).sum()),
        match problems.len() {
            0 => "sound".to_owned(),
            n => human::plural(n as u64, "problem"),
        },
    )?;
    Ok(match (problems.len(), found.len()) {
        (0, 0) => ExitCode::NothingFound,
        (0, _) => ExitCode::Success,
        _ => ExitCode::Error,
    })
}

/// Names what is wrong; whether anything is.
pub(super) fn warn(problems: &[String], terminal: Terminal) -> io::Result<bool> {
    let theme = Theme::new(terminal.color_stderr);
    problems.iter().try_for_each(|problem| notes::warning(&mut io::stderr(), &theme, problem))?;
    Ok(!problems.is_empty())
}
