//! `trawl saved`: searches that have a name.

use super::{ask, print_rows, search};
use crate::args::{SavedAddArgs, SavedListArgs, SavedName, SavedRunArgs, SavedVerb};
use crate::config::{Config, Origin, SavedSetting, saved_folder};
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{Look, visible};
use crate::terminal::Terminal;
use crate::words;
use anyhow::{Context, bail};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use trawl_query::error::nearest;
use trawl_query::value::Value;
use trawl_query::{SavedSearch, SearchOptions};

const COLUMNS: [&str; 7] = ["name", "description", "arguments", "range", "tags", "owner", "search"];
/// Longest name of a search that is added: that of a file, with room for its suffix.
const MAX_NAME_BYTES: usize = 200;

/// Does what was asked.
pub fn run(verb: &SavedVerb, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match verb {
        SavedVerb::List(args) => list(args, config, terminal),
        SavedVerb::Show(args) => show(args, config),
        SavedVerb::Run(args) => run_one(args, config, terminal),
        SavedVerb::Add(args) => add(args, config, terminal),
        SavedVerb::Rm(args) => remove(args, config),
    }
}

/// A row for each.
fn list(args: &SavedListArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let has_tags = |saved: &SavedSetting| args.tag.iter().all(|tag| saved.tags.contains(tag));
    let saved = config.definitions.saved.iter().filter(|(_, saved)| has_tags(saved));
    let text = |text: String| if text.is_empty() { Value::Null } else { text.into() };
    let rows = saved.map(|(name, saved)| {
        vec![
            name.as_str().into(),
            text(saved.description.clone().unwrap_or_default()),
            text(arguments(&saved.search).join(" ")),
            text(range(&saved.search).unwrap_or_default()),
            text(saved.tags.join(", ")),
            text(saved.owner.clone().unwrap_or_default()),
            saved.search.search.as_str().into(),
        ]
    });
    print_rows(&Look { terminal, zone: config.zone.value }, args.output, &COLUMNS, rows.collect())
}

/// `host=*` for one with a default, `host=` for one without.
fn arguments(search: &SavedSearch) -> Vec<String> {
    let default = |name: &str| search.defaults.get(name).map_or("", String::as_str).to_owned();
    search.arguments().into_iter().map(|name| format!("{name}={}", default(name))).collect()
}

/// The range of time, as it is written.
fn range(search: &SavedSearch) -> Option<String> {
    match (&search.earliest, &search.latest) {
        (None, None) => None,
        (Some(earliest), latest) => Some(format!("{earliest} to {}", latest.as_deref().unwrap_or("now"))),
        (None, Some(latest)) => Some(format!("to {latest}")),
    }
}

/// One, for people.
fn show(args: &SavedName, config: &Config) -> anyhow::Result<ExitCode> {
    let (name, saved) = named(&args.name, config)?;
    let canonical = saved.search.canonical(&config.search_options());
    let lines = [
        ("name", Some(name.to_owned())),
        ("description", saved.description.clone()),
        ("owner", saved.owner.clone()),
        ("tags", (!saved.tags.is_empty()).then(|| saved.tags.join(", "))),
        ("runbook", saved.runbook.clone()),
        ("arguments", Some(arguments(&saved.search).join(" ")).filter(|text| !text.is_empty())),
        ("range", range(&saved.search)),
        ("written in", Some(saved.origin.to_string())),
        ("search", Some(canonical.unwrap_or_else(|| saved.search.search.clone()))),
    ];
    let mut stdout = io::stdout().lock();
    for (title, text) in lines {
        if let Some(text) = text {
            writeln!(stdout, "{title:<12} {}", visible(&text))?;
        }
    }
    Ok(ExitCode::Success)
}

/// Runs one with values of its arguments.
fn run_one(args: &SavedRunArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let (name, saved) = named(&args.name, config)?;
    let known = saved.search.arguments();
    if let Some((unknown, _)) = args.values.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        let hint = match (nearest(unknown, known.iter().copied()), known.as_slice()) {
            (Some(known), _) => format!("did you mean `{known}`?"),
            (None, []) => "it has none".to_owned(),
            (None, known) => format!("its arguments are {}", known.join(", ")),
        };
        bail!(Advice::new(format!("the saved search `{name}` has no argument `{unknown}`"), hint));
    }
    let values = args.values.iter().map(|(name, value)| format!(" {name}={}", quoted(value)));
    let query = format!("| savedsearch {}{}", quoted(name), values.collect::<String>());
    search::run_text(&query, &args.flags, config, terminal)
}

/// A text as a string of the language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Checks a query and writes it into a file of its own.
fn add(args: &SavedAddArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let path = path_of(&args.name, config)?;
    let is_replaced = match config.definitions.saved.get(&args.name) {
        None => false,
        Some(saved) if is_own(saved, &path, config) && args.force => true,
        Some(saved) => {
            let what = format!("there is a saved search `{}` already ({})", args.name, saved.origin);
            let is_own = is_own(saved, &path, config);
            let hint = if is_own { "--force replaces it" } else { "change it there, or choose another name" };
            bail!(Advice::new(what, hint));
        }
    };
    for (option, time) in [("--earliest", &args.earliest), ("--latest", &args.latest)] {
        time.as_deref().map(|time| ask::parse_time(option, time)).transpose()?;
    }
    let search = SavedSearch {
        search: words::join(&args.query),
        defaults: args.arg.iter().cloned().collect(),
        earliest: args.earliest.clone(),
        latest: args.latest.clone(),
    };
    let known = search.arguments();
    if let Some(unknown) = search.defaults.keys().find(|name| !known.contains(&name.as_str())) {
        let hint = format!("write ${unknown}$ where it belongs");
        bail!(Advice::new(format!("`${unknown}$` does not stand in the query (--arg)"), hint));
    }
    let options = SearchOptions { now_us: super::now_us()?, ..config.search_options() };
    if let Err(error) = search.check(&options) {
        writeln!(io::stderr(), "{}", error.render(&search.search, terminal.color_stderr))?;
        return Ok(ExitCode::Error);
    }
    write(&path, &file_text(args, search)).with_context(|| format!("cannot write {}", path.display()))?;
    let what = if is_replaced { "replaced" } else { "saved" };
    writeln!(io::stderr(), "{what} {} in {}", args.name, path.display())?;
    Ok(ExitCode::Success)
}

/// The content of the file of one search.
fn file_text(args: &SavedAddArgs, search: SavedSearch) -> String {
    let mut saved = toml::Table::new();
    let mut set = |key: &str, value: Option<toml::Value>| {
        saved.extend(value.map(|value| (key.to_owned(), value)));
    };
    set("search", Some(search.search.into()));
    set("description", args.description.clone().map(Into::into));
    set("owner", args.owner.clone().map(Into::into));
    set("tags", (!args.tag.is_empty()).then(|| args.tag.clone().into()));
    set("runbook", args.runbook.clone().map(Into::into));
    set("earliest", search.earliest.map(Into::into));
    set("latest", search.latest.map(Into::into));
    let defaults: toml::Table = search.defaults.into_iter().map(|(name, value)| (name, value.into())).collect();
    set("args", (!defaults.is_empty()).then(|| defaults.into()));
    let by_name = toml::Table::from_iter([(args.name.clone(), saved.into())]);
    toml::Table::from_iter([("saved".to_owned(), by_name.into())]).to_string()
}

/// Writes a file as a whole or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
    // Not named as those that are read.
    let mut file = tempfile::Builder::new().prefix(".new-").suffix(".tmp").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(0o640))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

/// Removes one that was added by [`add`].
fn remove(args: &SavedName, config: &Config) -> anyhow::Result<ExitCode> {
    let (name, saved) = named(&args.name, config)?;
    let path = path_of(name, config).ok().filter(|path| is_own(saved, path, config));
    let Some(path) = path else {
        let what = format!("`{name}` was not added by `trawl saved add`: it is written in {}", saved.origin);
        bail!(Advice::new(what, "remove it there"));
    };
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", path.display()));
        }
        _ => {}
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("cannot sync {}", folder.display()))?;
    writeln!(io::stderr(), "removed {name}")?;
    Ok(ExitCode::Success)
}

/// Where a search of that name is added.
fn path_of(name: &str, config: &Config) -> anyhow::Result<PathBuf> {
    let is_file_name = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        && name.len() <= MAX_NAME_BYTES;
    if !is_file_name {
        let hint = "write letters, digits, `_`, `-` and `.`, for example `errors-by-host`";
        bail!(Advice::new(format!("`{name}` cannot be the name of a saved search"), hint));
    }
    Ok(saved_folder(&config.data.value).join(format!("{name}.toml")))
}

/// Whether a search stands in a file of its own, as [`add`] writes them.
fn is_own(saved: &SavedSetting, path: &Path, config: &Config) -> bool {
    let stands_in = |saved: &SavedSetting| match &saved.origin {
        Origin::File { path: at, .. } => at == path,
        _ => false,
    };
    stands_in(saved) && config.definitions.saved.values().filter(|saved| stands_in(saved)).count() == 1
}

/// The saved search of a name.
fn named<'c>(name: &str, config: &'c Config) -> anyhow::Result<(&'c str, &'c SavedSetting)> {
    let saved = &config.definitions.saved;
    if let Some((name, saved)) = saved.get_key_value(name) {
        return Ok((name, saved));
    }
    let hint = match nearest(name, saved.keys().map(String::as_str)) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "`trawl saved list` names them, `trawl saved add NAME QUERY` adds one".to_owned(),
    };
    Err(Advice::new(format!("there is no saved search `{name}`"), hint).into())
}
