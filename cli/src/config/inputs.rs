//! `[[input]]`: what `trawl run` gets events from. As written, then checked and turned into inputs of the tailer.

use super::definitions::ShownDefinition;
use super::raw::Input as RawInput;
use super::{File, Origin};
use crate::error::Advice;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;
use trawl_formats::{IndexName, Zone};
use trawl_indexer::tail::{CommandInput, Route, StreamInput, StreamOrigin};
use trawl_indexer::{Input, Options};

/// Characters that make a path a pattern.
const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];
/// Index of inputs that name none.
const DEFAULT_INDEX: &str = "main";

/// Shortest interval of a command.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// One `[[input]]`, checked.
#[derive(Clone, Debug)]
pub struct InputSetting {
    /// What it is; zone and present are those of the run.
    kind: InputKind,
    /// Zone of time stamps without one, if the input names it.
    zone: Option<Zone>,
    /// Where it is written.
    pub origin: Origin,
}

/// What an input gets events from.
#[derive(Clone, Debug)]
pub enum InputKind {
    /// Files.
    Files(Route),
    /// A program.
    Command(CommandInput),
    /// Named pipes.
    Fifos(Vec<StreamInput>),
}

impl InputSetting {
    /// What it gets events from. Time stamps without a zone are in `zone`, if the input does not name another.
    pub fn kind(&self, zone: Zone) -> InputKind {
        let mut kind = self.kind.clone();
        let zone = self.zone.unwrap_or(zone);
        match &mut kind {
            InputKind::Files(route) => route.options.zone = zone,
            InputKind::Command(command) => command.options.zone = zone,
            InputKind::Fifos(fifos) => fifos.iter_mut().for_each(|fifo| fifo.options.zone = zone),
        }
        kind
    }
}

/// Reads the inputs of a configuration file.
///
/// # Errors
/// The first input that makes no sense.
pub(super) fn read(
    inputs: Vec<Spanned<RawInput>>,
    file: &File<'_>,
) -> anyhow::Result<(Vec<InputSetting>, Vec<ShownDefinition>)> {
    let (mut settings, mut shown) = (Vec::new(), Vec::new());
    for input in inputs {
        let setting = file.setting(input);
        let origin = setting.origin;
        shown.extend(show(&setting.value, file, &origin));
        settings.push(check(setting.value, file, &origin)?);
    }
    Ok((settings, shown))
}

fn check(input: RawInput, file: &File<'_>, origin: &Origin) -> anyhow::Result<InputSetting> {
    let wrong = |what: String, hint: &str| anyhow::Error::from(Advice::new(format!("{what} ({origin})"), hint));
    let paths = input.paths.map(Spanned::into_inner).unwrap_or_default();
    let argv = input.command.map(Spanned::into_inner).unwrap_or_default();
    let interval = input.interval.and_then(|interval| interval.into_inner().0);
    let timeout = input.timeout.and_then(|timeout| timeout.into_inner().0);
    let is_fifo = input.fifo.is_some_and(Spanned::into_inner);
    let exclude = input.exclude.map(Spanned::into_inner).unwrap_or_default();
    let ignore_older = input.ignore_older.and_then(|limit| limit.into_inner().0);
    match (paths.is_empty(), argv.is_empty()) {
        (true, true) => {
            let hint = "write paths = [\"/var/log/app/*.log\"], or command = [\"df\", \"-P\"] and interval = \"60s\"";
            return Err(wrong("an input names neither files nor a command".to_owned(), hint));
        }
        (false, false) => {
            return Err(wrong("an input has both `paths` and `command`".to_owned(), "write an [[input]] for each"));
        }
        (false, true) if interval.is_some() || timeout.is_some() => {
            let hint = "leave them out: files are read whenever they grow";
            return Err(wrong("`interval` and `timeout` belong to `command`".to_owned(), hint));
        }
        (true, false) if is_fifo || !exclude.is_empty() || ignore_older.is_some() => {
            let what = "`fifo`, `exclude` and `ignore_older` belong to `paths`";
            return Err(wrong(what.to_owned(), "leave them out"));
        }
        (false, true) | (true, false) => {}
    }
    let zone = match input.tz.map(Spanned::into_inner) {
        Some(tz) => Some(tz.parse().map_err(|error| {
            wrong(
                format!("`tz` of an input: {error}"),
                "write a name such as Europe/Berlin, or an offset such as +05:30",
            )
        })?),
        None => None,
    };
    let default_index = || IndexName::new(DEFAULT_INDEX).expect("a valid name");
    let index = input.index.map_or_else(default_index, Spanned::into_inner);
    let text = |value: Option<Spanned<String>>| value.map(Spanned::into_inner);
    let folder = file.path.parent().map(std::path::Path::to_owned).unwrap_or_default();
    let options = Options {
        sourcetype: text(input.sourcetype).map(|name| name.as_str().into()),
        host: text(input.host).map(|name| name.as_str().into()),
        source: text(input.source).map(|name| name.as_str().into()),
        exclude,
        // The present is asked of the clock whenever it is needed.
        ..Options::new(index, Zone::UTC, 0)
    };
    let kind = if let Some(program) = argv.first() {
        if program.is_empty() {
            return Err(wrong("`command` names no program".to_owned(), "write command = [\"df\", \"-P\"]"));
        }
        let Some(interval) = interval.filter(|interval| *interval >= MIN_INTERVAL) else {
            let hint = "write interval = \"60s\": the time from one start to the next, at least 1s";
            return Err(wrong("`command` needs an `interval`".to_owned(), hint));
        };
        let program = if program.contains('/') { folder.join(program).into() } else { OsString::from(program) };
        let argv = std::iter::once(program).chain(argv.iter().skip(1).map(OsString::from)).collect();
        InputKind::Command(CommandInput { argv, interval, timeout: timeout.unwrap_or(interval), options })
    } else if is_fifo {
        let of_path = |path| StreamInput { origin: StreamOrigin::Fifo(folder.join(path)), options: options.clone() };
        InputKind::Fifos(paths.into_iter().map(of_path).collect())
    } else {
        let inputs = paths.into_iter().map(|path| input_of(folder.join(path))).collect();
        InputKind::Files(Route { inputs, options, ignore_older })
    };
    Ok(InputSetting { kind, zone, origin: origin.clone() })
}

/// What a path stands for. A file whose name looks like a pattern is a file.
pub fn input_of(path: PathBuf) -> Input {
    match path.to_str() {
        Some(pattern) if pattern.contains(WILDCARDS) && !path.exists() => Input::Glob(pattern.to_owned()),
        _ => Input::Path(path),
    }
}

/// The lines of `config show`.
fn show(input: &RawInput, file: &File<'_>, origin: &Origin) -> Vec<ShownDefinition> {
    let strings = |values: &[String]| toml::Value::from(values.to_vec());
    let mut lines: Vec<(&str, toml::Value, usize)> = Vec::new();
    let mut add = |key, value: Option<(toml::Value, usize)>| {
        lines.extend(value.map(|(value, at)| (key, value, at)));
    };
    fn text<T: ToString>(value: &Option<Spanned<T>>) -> Option<(toml::Value, usize)> {
        value.as_ref().map(|value| (toml::Value::from(value.get_ref().to_string()), value.span().start))
    }
    add("paths", input.paths.as_ref().map(|paths| (strings(paths.get_ref()), paths.span().start)));
    add("command", input.command.as_ref().map(|argv| (strings(argv.get_ref()), argv.span().start)));
    add("interval", text(&input.interval));
    add("timeout", text(&input.timeout));
    let fifo = input.fifo.as_ref().map(|fifo| (toml::Value::from(*fifo.get_ref()), fifo.span().start));
    add("fifo", fifo);
    add("exclude", input.exclude.as_ref().map(|globs| (strings(globs.get_ref()), globs.span().start)));
    add("index", text(&input.index));
    add("sourcetype", text(&input.sourcetype));
    add("host", text(&input.host));
    add("source", text(&input.source));
    add("tz", text(&input.tz));
    add("ignore_older", text(&input.ignore_older));
    let shown = |(at, (key, value, start)): (usize, (&str, toml::Value, usize))| ShownDefinition {
        section: "[[input]]".to_owned(),
        key: key.to_owned(),
        value: value.to_string(),
        origin: match origin {
            Origin::File { path, .. } => Origin::File { path: path.clone(), line: file.line_at(start) },
            other => other.clone(),
        },
        begins_section: at == 0,
    };
    lines.into_iter().enumerate().map(shown).collect()
}
