//! `[[input]]`: what `trawl run` follows. As written, then checked and turned into routes of the tailer.

use super::definitions::ShownDefinition;
use super::raw::Input as RawInput;
use super::{File, Origin};
use crate::error::Advice;
use std::path::PathBuf;
use toml::Spanned;
use trawl_formats::{IndexName, Zone};
use trawl_indexer::tail::Route;
use trawl_indexer::{Input, Options};

/// Characters that make a path a pattern.
const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];
/// Index of inputs that name none.
const DEFAULT_INDEX: &str = "main";

/// One `[[input]]`, checked.
#[derive(Clone, Debug)]
pub struct InputSetting {
    /// How its files are followed; zone and present are those of the run.
    route: Route,
    /// Zone of time stamps without one, if the input names it.
    zone: Option<Zone>,
}

impl InputSetting {
    /// The route of the tailer. Time stamps without a zone are in `zone`, if the input does not name another.
    pub fn route(&self, zone: Zone) -> Route {
        let mut route = self.route.clone();
        route.options.zone = self.zone.unwrap_or(zone);
        route
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
    if paths.is_empty() {
        return Err(wrong("an input names no files".to_owned(), "write paths = [\"/var/log/app/*.log\"]"));
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
        exclude: input.exclude.map(Spanned::into_inner).unwrap_or_default(),
        // The present is asked of the clock whenever it is needed.
        ..Options::new(index, Zone::UTC, 0)
    };
    let ignore_older = input.ignore_older.and_then(|limit| limit.into_inner().0);
    let inputs = paths.into_iter().map(|path| input_of(folder.join(path))).collect();
    Ok(InputSetting { route: Route { inputs, options, ignore_older }, zone })
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
