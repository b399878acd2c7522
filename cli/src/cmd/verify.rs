//! `trawl verify`: every byte against its checksum, the catalog against the disk, the index against the journal.

use super::{has_lost_catalog, lost_catalog};
use crate::args::VerifyArgs;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::output::{Theme, human, visible};
use crate::terminal::Terminal;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use trawl_formats::Registry;
use trawl_store::verify::{Problem, VerifyReport, verify};
use trawl_store::{Reader, StoreError, Writer, rebuild_catalog};

/// Checks the data folder, repairs what can be repaired if that is wanted, and prints each problem that is left.
pub fn run(args: &VerifyArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let data = &config.data.value;
    let registry = config.load_registry()?;
    let mut out = io::stdout().lock();
    let report = match verify(data, &registry) {
        Err(error) if args.repair && has_lost_catalog(data, &error) => {
            let n_buckets = rebuild_catalog(data)?;
            writeln!(out, "repaired: catalog made anew from {}", human::plural(n_buckets as u64, "bucket"))?;
            verify(data, &registry)?
        }
        Err(error) if has_lost_catalog(data, &error) => return Err(lost_catalog(data, error)),
        report => report?,
    };
    let report = if args.repair && !report.problems.is_empty() {
        repair(data, &registry, &report, &mut out)?;
        verify(data, &registry)?
    } else {
        report
    };
    let n_damaged = print_report(data, &report, terminal, &mut out)?;
    Ok(if n_damaged == 0 { ExitCode::Success } else { ExitCode::Error })
}

/// Makes the catalog anew where it disagrees with the buckets, and the indexes that are damaged.
fn repair(data: &Path, registry: &Registry, report: &VerifyReport, out: &mut dyn Write) -> anyhow::Result<()> {
    let is_catalog = |problem: &Problem| matches!(problem, Problem::Missing { .. } | Problem::Disagree { .. });
    if report.problems.iter().any(is_catalog) {
        let n_buckets = rebuild_catalog(data)?;
        writeln!(out, "repaired: catalog made anew from {}", human::plural(n_buckets as u64, "bucket"))?;
    }
    let damaged: BTreeSet<PathBuf> = report.problems.iter().filter_map(damaged_bucket).collect();
    if damaged.is_empty() {
        return Ok(());
    }
    let rows = Reader::open(data)?.snapshot()?.buckets;
    let writer = Writer::open(data)?;
    for row in rows.iter().filter(|row| damaged.contains(&data.join(&row.dir))) {
        // Where the journal itself is damaged this fails, and the bucket stays as it is.
        match writer.rebuild_index(row, registry) {
            Ok(()) => writeln!(out, "repaired: index of {} made anew", row.dir.display())?,
            Err(error) => writeln!(out, "cannot repair {}: {error}", row.dir.display())?,
        }
    }
    Ok(())
}

/// The directory of the bucket whose index may be made anew.
fn damaged_bucket(problem: &Problem) -> Option<PathBuf> {
    match problem {
        Problem::Index { dir, .. } => Some(dir.clone()),
        Problem::Store(StoreError::Damaged { path, .. } | StoreError::Io { path, .. }) => {
            path.parent().map(Path::to_owned)
        }
        _ => None,
    }
}

/// Prints what was found; returns the number of problems that are damage.
fn print_report(data: &Path, report: &VerifyReport, terminal: Terminal, out: &mut dyn Write) -> io::Result<usize> {
    let Theme { error: style, .. } = Theme::new(terminal.color_stdout);
    // What an interrupted run left, or what a repair replaced, holds nothing that is not elsewhere too.
    let (leftovers, damage): (Vec<&Problem>, Vec<&Problem>) =
        report.problems.iter().partition(|problem| matches!(problem, Problem::Unknown { .. }));
    for problem in &damage {
        let cause = std::error::Error::source(problem).map(|cause| format!(": {cause}")).unwrap_or_default();
        writeln!(out, "{style}damaged:{style:#} {}", visible(&format!("{problem}{cause}")))?;
    }
    for leftover in leftovers {
        writeln!(out, "note: {}; the next `trawl index` removes it", visible(&leftover.to_string()))?;
    }
    for note in &report.notes {
        writeln!(out, "note: {}", visible(note))?;
    }
    writeln!(
        out,
        "{}: checked {}, {}, {} of log: {}",
        data.display(),
        human::plural(report.n_buckets as u64, "bucket"),
        human::plural(report.n_events, "event"),
        human::bytes(report.raw_bytes),
        match damage.len() {
            0 => "sound".to_owned(),
            n => human::plural(n as u64, "problem"),
        },
    )?;
    Ok(damage.len())
}
