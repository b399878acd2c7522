//! `trawl index`: loads files, and says what became of them.

use super::{has_lost_catalog, lost_catalog, now_us};
use crate::args::IndexArgs;
use crate::config::{Config, input_of};
use crate::exit_code::ExitCode;
use crate::output::progress::ProgressDisplay;
use crate::output::{CellPrinter, Theme, human, notes, visible};
use crate::signals::Interrupted;
use crate::spool::{Answer, Errand, IndexWork, InputPath, Request, Stdin, Work};
use crate::terminal::Terminal;
use anyhow::Context;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use trawl_formats::{Encoding, EventFlags, IndexName, Registry, Zone};
use trawl_indexer::{
    Custody, FileReport, Input, Options, Outcome, Preview, PreviewEvent, Progress, Report, SkipReason, dry_run,
    index_with_stdin,
};
use trawl_store::{Reader, Writer};

/// Events of each file that `--dry-run` shows.
const PREVIEW_EVENTS: usize = 3;
/// Columns of an event's text in a preview that goes to no terminal.
const PREVIEW_WIDTH: usize = 120;

/// Indexes the files, or shows what would be indexed. Where `trawl run` writes the store, it does the work.
pub fn run(args: &IndexArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    if args.dry_run {
        let options = Options {
            sourcetype: args.files.sourcetype.as_deref().map(Into::into),
            exclude: args.files.exclude.clone(),
            ..Options::new(args.index.clone(), config.zone.value, now_us()?)
        };
        let inputs: Vec<Input> = args.paths.iter().map(|path| input(path)).collect();
        let previews = dry_run(&*config.load_registry()?, &inputs, &options, PREVIEW_EVENTS)?;
        return print_previews(&previews, config, terminal);
    }
    let cancel = Arc::new(AtomicBool::new(false));
    let interrupted = Interrupted::watch({
        let cancel = Arc::clone(&cancel);
        move || cancel.store(true, Ordering::Relaxed)
    })?;
    let request = Request { work: Work::Index(work(args, config)?), has_color: terminal.color_stderr };
    let errand = Errand {
        config,
        request: &request,
        stdin: request.reads_stdin().then(|| Box::new(io::stdin()) as Box<dyn Read + Send>),
        is_cancelled: &|| cancel.load(Ordering::Relaxed),
        is_shown: terminal.stderr_is_terminal,
    };
    let answer = errand.run(|writer, stdin| {
        let Work::Index(work) = &request.work else { unreachable!("it is what was asked for above") };
        let progress = Arc::new(Progress::default());
        let _display = ProgressDisplay::of_index(Arc::clone(&progress), terminal.stderr_is_terminal)?;
        let surroundings = Surroundings {
            registry: &*config.load_registry()?,
            progress: &progress,
            custody: Arc::default(),
            cancel: Arc::clone(&cancel),
            has_color: terminal.color_stderr,
        };
        perform(writer, work, &surroundings, stdin)
    })?;
    let Some(answer) = answer else {
        writeln!(io::stderr(), "nothing was indexed: stopped before `trawl run` had begun")?;
        return Ok(ExitCode::Interrupted);
    };
    io::stderr().write_all(answer.stderr.as_bytes())?;
    Ok(match answer.code {
        _ if interrupted.happened() => ExitCode::Interrupted,
        0 => ExitCode::Success,
        _ => ExitCode::Error,
    })
}

/// What the arguments ask for, in absolute terms.
fn work(args: &IndexArgs, config: &Config) -> anyhow::Result<IndexWork> {
    let absolute = |path: &Path| std::path::absolute(path).context("cannot find out the working directory");
    let input = |path: &PathBuf| {
        Ok(match input(path) {
            Input::Stdin => InputPath::Stdin,
            Input::Path(path) => InputPath::Path(absolute(&path)?),
            Input::Glob(typed) => InputPath::Glob { pattern: path_text(&absolute(Path::new(&typed))?), typed },
        })
    };
    let exclude = |pattern: &String| {
        // A pattern without a slash is compared with names alone.
        let is_name = !pattern.contains('/');
        Ok(if is_name { pattern.clone() } else { path_text(&absolute(Path::new(pattern))?) })
    };
    Ok(IndexWork {
        inputs: args.paths.iter().map(input).collect::<anyhow::Result<_>>()?,
        zone: config.zone.value.to_string(),
        index: args.index.as_str().to_owned(),
        sourcetype: args.files.sourcetype.clone(),
        host: args.files.host.clone(),
        source: args.files.source.clone(),
        exclude: args.files.exclude.iter().map(exclude).collect::<anyhow::Result<_>>()?,
        is_verbose: args.verbose,
    })
}

/// A pattern is text: what is not is replaced, and matches nothing.
fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What work is done with.
pub struct Surroundings<'a> {
    /// Log formats.
    pub registry: &'a Registry,
    /// How far it has come.
    pub progress: &'a Progress,
    /// Who reads which file in this process.
    pub custody: Arc<Custody>,
    /// Ends it early.
    pub cancel: Arc<AtomicBool>,
    /// Whether the report has colours.
    pub has_color: bool,
}

/// Indexes, and reports as text.
///
/// # Errors
/// If the store fails, or the work makes no sense.
pub fn perform(
    writer: &Writer,
    work: &IndexWork,
    surroundings: &Surroundings<'_>,
    stdin: Stdin<'_>,
) -> anyhow::Result<Answer> {
    let started = Instant::now();
    let (stdin, stdin_id): (Box<dyn Read + Send + '_>, _) = match stdin {
        Stdin::Stream(stream) => (stream, None),
        Stdin::Copy(copy, id) => (Box::new(copy), Some(id)),
        Stdin::None => (Box::new(io::empty()), None),
    };
    let zone: Zone = work.zone.parse()?;
    let options = Options {
        sourcetype: work.sourcetype.as_deref().map(Into::into),
        host: work.host.as_deref().map(Into::into),
        source: work.source.as_deref().map(Into::into),
        stdin_id,
        exclude: work.exclude.clone(),
        custody: Arc::clone(&surroundings.custody),
        cancel: Arc::clone(&surroundings.cancel),
        ..Options::new(IndexName::new(work.index.as_str())?, zone, now_us()?)
    };
    let input = |input: &InputPath| match input {
        InputPath::Path(path) => Input::Path(path.clone()),
        InputPath::Glob { pattern, .. } => Input::Glob(pattern.clone()),
        InputPath::Stdin => Input::Stdin,
    };
    let inputs: Vec<Input> = work.inputs.iter().map(input).collect();
    let mut report =
        index_with_stdin(writer, surroundings.registry, &inputs, &options, surroundings.progress, || stdin)
            .with_context(|| format!("cannot index into {}", writer.data().display()))?;
    for input in &work.inputs {
        // A pattern that nothing matches is named as it was typed.
        if let InputPath::Glob { pattern, typed } = input {
            report.files.iter_mut().filter(|file| file.path == *pattern).for_each(|file| file.path = typed.into());
        }
    }
    let mut text = Vec::new();
    let theme = Theme::new(surroundings.has_color);
    print_report(&mut text, &report, work.is_verbose, started.elapsed(), &theme)?;
    let is_whole = !report.has_errors() && !report.cancelled;
    Ok(Answer {
        stderr: String::from_utf8_lossy(&text).into_owned(),
        code: if is_whole { ExitCode::Success } else { ExitCode::Error }.as_u8(),
        n_events: report.totals.events + report.totals.provisional_events,
        ..Answer::default()
    })
}

/// Opens the data folder for writing. A writer takes buckets that the catalog does not name for the remains of an
/// interrupted run and removes them, so where the catalog itself is gone it must not start.
pub fn open_writer(config: &Config) -> anyhow::Result<Writer> {
    let data = &config.data.value;
    let writer = match Reader::open(data) {
        Err(error) if has_lost_catalog(data, &error) => return Err(lost_catalog(data, error)),
        _ => Writer::open(data)?,
    };
    writer.set_retention(config.retention.clone());
    Ok(writer)
}

/// What a path argument stands for.
fn input(path: &Path) -> Input {
    if path == "-" { Input::Stdin } else { input_of(path.to_owned()) }
}

fn print_report(
    err: &mut dyn Write,
    report: &Report,
    is_verbose: bool,
    took: Duration,
    theme: &Theme,
) -> io::Result<()> {
    for file in &report.files {
        if is_verbose && file.errors.is_empty() {
            writeln!(err, "{}: {}", visible(&file.path.display().to_string()), outcome(file))?;
        }
        for error in &file.errors {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            notes::warning(err, theme, &format!("{}: {error}{cause}", file.path.display()))?;
        }
    }
    for skipped in report.skipped.iter().filter(|_| is_verbose) {
        writeln!(err, "{}: left out, {}", visible(&skipped.path.display().to_string()), skip_reason(&skipped.reason))?;
    }
    let totals = &report.totals;
    let n_events = human::plural(totals.events + totals.provisional_events, "event");
    let took_text = human::duration(took);
    match report.files.iter().filter(|file| has_news(file)).count() as u64 {
        0 => write!(err, "nothing new in {}", human::plural(report.files.len() as u64, "file"))?,
        // Only provisional events, whose bytes are not counted yet.
        n_files if totals.bytes == 0 => {
            write!(err, "indexed {n_events} from {} in {took_text}", human::plural(n_files, "file"))?;
        }
        n_files => write!(
            err,
            "indexed {n_events} ({}) from {} in {took_text}, {}/s",
            human::bytes(totals.bytes),
            human::plural(n_files, "file"),
            human::bytes((totals.bytes as f64 / took.as_secs_f64().max(1e-6)) as u64),
        )?,
    }
    let mut remark =
        |n: usize, what: &str| if n > 0 { write!(err, "; {} {what}", human::count(n as u64)) } else { Ok(()) };
    remark(report.files.iter().filter(|file| file.outcome == Outcome::Unchanged).count(), "unchanged")?;
    remark(
        report.files.iter().filter(|file| file.outcome == Outcome::Followed).count(),
        "followed by `trawl run`, which reads on",
    )?;
    remark(report.files.iter().filter(|file| !file.errors.is_empty()).count(), "with errors")?;
    remark(report.skipped.len(), "left out")?;
    if report.cancelled {
        write!(err, "; stopped early, run again to go on")?;
    }
    writeln!(err)
}

/// Whether something new was found in the file.
fn has_news(file: &FileReport) -> bool {
    matches!(file.outcome, Outcome::New | Outcome::NewGeneration | Outcome::Appended | Outcome::Continued { .. })
}

fn outcome(file: &FileReport) -> String {
    let what = match &file.outcome {
        Outcome::New => "new".to_owned(),
        Outcome::NewGeneration => "new content under a known name".to_owned(),
        Outcome::Appended => "more".to_owned(),
        Outcome::Continued { source } => format!("continues {}", visible(source.as_str())),
        Outcome::Unchanged => return "unchanged".to_owned(),
        Outcome::Followed => return "followed by `trawl run`".to_owned(),
        Outcome::Empty => return "empty".to_owned(),
        Outcome::Failed => return "failed".to_owned(),
        Outcome::NotReached => return "not reached".to_owned(),
    };
    let sourcetype = file.sourcetype.as_ref().map_or("", |sourcetype| sourcetype.as_str());
    format!("{what}, {sourcetype}, {} ({})", human::plural(file.events, "event"), human::bytes(file.bytes))
}

fn skip_reason(reason: &SkipReason) -> String {
    match reason {
        SkipReason::Binary => "not text".to_owned(),
        SkipReason::NotRegular => "not a regular file".to_owned(),
        SkipReason::SameFile { path } => format!("the same file as {}", visible(&path.display().to_string())),
        SkipReason::LinkLoop => "a link to a folder above it".to_owned(),
        SkipReason::OwnData => "the data folder itself".to_owned(),
    }
}

/// Prints format and first events of each file.
fn print_previews(previews: &[Preview], config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(io::stdout().lock());
    let title = Theme::new(terminal.color_stdout).title;
    let cells = CellPrinter::new(config.zone.value);
    let width = terminal.width.unwrap_or(PREVIEW_WIDTH);
    for Preview { path, compression, format } in previews {
        let path = path.display().to_string();
        write!(out, "{title}{}{title:#}: ", visible(&path))?;
        match format {
            Ok(format) => {
                let compression = compression.map(|compression| format!(", {compression}")).unwrap_or_default();
                writeln!(out, "{}, {}{compression}", format.sourcetype, encoding_name(format.decoding.encoding))?;
                for event in &format.events {
                    let line = preview_line(event, &cells);
                    writeln!(out, "  {}", line.chars().take(width.saturating_sub(2)).collect::<String>())?;
                }
            }
            Err(error) => writeln!(out, "{:#}", anyhow::Error::msg(error.to_string()))?,
        }
    }
    out.flush()?;
    let has_failed = |preview: &Preview| matches!(preview.format, Err(trawl_indexer::PreviewError::File(_)));
    Ok(if previews.iter().any(has_failed) { ExitCode::Error } else { ExitCode::Success })
}

fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16Le => "UTF-16LE",
        Encoding::Utf16Be => "UTF-16BE",
        Encoding::Latin1 => "windows-1252",
    }
}

fn preview_line(event: &PreviewEvent, cells: &CellPrinter) -> String {
    let remark = if event.flags.contains(EventFlags::NO_STAMP) {
        " (no time stamp)"
    } else if event.flags.contains(EventFlags::BAD_TIME) {
        " (absurd time stamp)"
    } else {
        ""
    };
    let level = event.level.as_deref().unwrap_or("-");
    let text = event.text.lines().next().unwrap_or_default();
    format!("{}{remark}  {}  {}", cells.time(event.time_us), visible(level), visible(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_inputs() {
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("odd[1].log");
        std::fs::write(&odd, "").unwrap();
        assert_eq!(input(Path::new("-")), Input::Stdin);
        assert_eq!(input(Path::new("/var/log")), Input::Path("/var/log".into()));
        assert_eq!(input(Path::new("/var/*.log")), Input::Glob("/var/*.log".to_owned()));
        assert_eq!(input(&odd), Input::Path(odd.clone()));
    }
}
