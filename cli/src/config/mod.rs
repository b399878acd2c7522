//! The configuration in force: options, environment, file and defaults, resolved once.
//!
//! [`Config::resolve`] turns what was typed ([`GlobalArgs`]), the environment ([`Surroundings`]) and the configuration
//! file ([`raw`]) into one [`Config`], in which every value knows its [`Origin`]. The rest of the program sees `Config`
//! alone.

mod actions;
mod alerts;
mod brief;
mod checks;
mod definitions;
#[cfg(test)]
mod docs;
mod inputs;
mod raw;
mod retention;
mod rule_tests;
mod saved;
mod setting;
mod show;
mod units;

pub use actions::Actions;
pub use alerts::{AlertSetting, CalendarSetting, RuleContext};
pub use checks::CheckSetting;
pub use inputs::{InputKind, InputSetting, input_of};
pub use rule_tests::TestSetting;
pub use saved::{SavedSetting, folder_of as saved_folder};
pub use setting::{Origin, Setting};

use crate::args::GlobalArgs;
use crate::error::Advice;
use anyhow::{Context, bail};
use definitions::Definitions;
use raw::RawConfig;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;
use trawl_alert::check::{CHECK_PREFIX, Check};
use trawl_alert::rule::Rule;
use trawl_formats::{IndexName, Registry, Zone};
use trawl_query::context::Limits;
use trawl_query::lookup::Lookups;
use trawl_query::{Knowledge, SearchOptions};
use trawl_store::retention::Policies;
pub use units::{ByteSize, Share, SizeLimit, Timeout};

/// Name of a configuration file, and of our folder in the folders of the user and of the machine.
const FILE_NAME: &str = "trawl.toml";
const FOLDER_NAME: &str = "trawl";
/// Events that a terminal shows: a few screens, and few enough to be there at once.
const DEFAULT_LIMIT: usize = 100;

/// What the process was started in. A value, so that look-up can be tested.
pub struct Surroundings<'a> {
    /// The working directory.
    pub cwd: PathBuf,
    /// The root of the file system.
    pub root: PathBuf,
    /// Reads an environment variable.
    pub var: &'a dyn Fn(&str) -> Option<OsString>,
    /// The machine's time zone, if it is known.
    pub machine_zone: Option<Zone>,
}

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The configuration file in force, if there is one.
    pub file: Option<Setting<PathBuf>>,
    /// Folder of the indexed data.
    pub data: Setting<PathBuf>,
    /// Folder of lookup tables.
    pub lookups: Setting<PathBuf>,
    /// The time zone.
    pub zone: Setting<Zone>,
    /// Indexes of a search that names none; if empty, all that do not begin with `_`.
    pub default_indexes: Setting<Vec<IndexName>>,
    /// Longest time of a search.
    pub deadline: Setting<Timeout>,
    /// Events that a terminal shows without `-n`; 0 is all.
    pub limit: Setting<usize>,
    /// Most groups of a command.
    pub max_groups: Setting<usize>,
    /// Most memory of a search.
    pub max_memory_bytes: Setting<ByteSize>,
    /// Most bytes of the temporary files of a search.
    pub max_spill_bytes: Setting<SizeLimit>,
    /// Folder of the temporary files of searches.
    pub spill_folder: Setting<PathBuf>,
    /// Macros, event types, tags, saved searches and lookups.
    pub definitions: Definitions,
    /// What `trawl run` follows.
    pub inputs: Vec<InputSetting>,
    /// How long indexes keep their events.
    pub retention: Policies,
    /// What is evaluated by itself.
    pub alerts: Vec<AlertSetting>,
    /// What is expected, by name.
    pub checks: Vec<CheckSetting>,
    /// Times that alerts and checks name.
    pub calendars: BTreeMap<String, CalendarSetting>,
    /// Where notifications of alerts go.
    pub actions: Actions,
    /// The user's folder for what the program remembers from run to run, if there is a home.
    pub state: Option<PathBuf>,
    /// The user's own log formats: `sourcetypes/*.toml` beside the configuration file, sorted.
    pub sourcetype_files: Vec<PathBuf>,
}

impl Surroundings<'_> {
    fn env(&self, name: &'static str) -> Option<Setting<PathBuf>> {
        let value = (self.var)(name).filter(|value| !value.is_empty())?;
        Some(Setting::new(self.cwd.join(value), Origin::Env(name)))
    }

    /// The user's folder of the XDG base directory specification: `variable`, or `fallback` in the home directory.
    fn user_folder(&self, variable: &'static str, fallback: &str) -> Option<PathBuf> {
        let base = self.env(variable).or_else(|| self.env("HOME").map(|home| home.map(|home| home.join(fallback))));
        base.map(|base| base.value.join(FOLDER_NAME))
    }

    /// The configuration file to use. One that was asked for by name must exist, the others may.
    fn find_file(&self, flag: Option<&Path>) -> Option<Setting<PathBuf>> {
        let flag = flag.map(|path| Setting::new(self.cwd.join(path), Origin::Flag("--config")));
        flag.or_else(|| self.env("TRAWL_CONFIG")).or_else(|| {
            let user = self.user_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join(FILE_NAME));
            [Some(self.cwd.join(FILE_NAME)), user, Some(self.root.join("etc").join(FOLDER_NAME).join(FILE_NAME))]
                .into_iter()
                .flatten()
                .find(|path| path.is_file())
                .map(|path| Setting::new(path, Origin::Machine))
        })
    }

    fn temporary_folder(&self) -> Setting<PathBuf> {
        self.env("TMPDIR").unwrap_or_else(|| Setting::new(PathBuf::from("/tmp"), Origin::Default))
    }

    fn default_data(&self) -> anyhow::Result<Setting<PathBuf>> {
        let machine = self.root.join("var/lib").join(FOLDER_NAME);
        if machine.is_dir() {
            return Ok(Setting::new(machine, Origin::Machine));
        }
        match self.user_folder("XDG_DATA_HOME", ".local/share") {
            Some(folder) => Ok(Setting::new(folder, Origin::Default)),
            None => bail!(Advice::new("no data folder: $HOME is not set", "name a folder with --data")),
        }
    }
}

/// The configuration file, read: gives its values their origins.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    /// Number of the line that holds byte `at`.
    fn line_at(&self, at: usize) -> usize {
        1 + self.text[..at].matches('\n').count()
    }

    fn setting<T>(&self, value: Spanned<T>) -> Setting<T> {
        let line = self.line_at(value.span().start);
        Setting::new(value.into_inner(), Origin::File { path: self.path.to_owned(), line })
    }

    fn path(&self, value: Option<Spanned<PathBuf>>) -> Option<Setting<PathBuf>> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        value.map(|value| self.setting(value).map(|path| folder.join(path)))
    }

    fn or_default<T>(&self, value: Option<Spanned<T>>, default: T) -> Setting<T> {
        value.map_or(Setting::new(default, Origin::Default), |value| self.setting(value))
    }
}

impl Config {
    /// Resolves every setting: option, then environment, then file, then default.
    ///
    /// # Errors
    /// If a configuration file that was asked for is missing, or the file in force is not valid.
    pub fn resolve(args: &GlobalArgs, surroundings: &Surroundings<'_>) -> anyhow::Result<Self> {
        let file = surroundings.find_file(args.config.as_deref());
        let path = file.as_ref().map_or(Path::new(""), |file| &file.value);
        let text = match &file {
            Some(file) => fs::read_to_string(path)
                .with_context(|| format!("cannot read configuration {} (from {})", path.display(), file.origin))?,
            None => String::new(),
        };
        let mut raw = RawConfig::parse(&text, path)?;
        let source = File { path, text: &text };
        let mut definitions = Definitions::read(&mut raw, &source)?;
        let (inputs, shown_inputs) = inputs::read(raw.input, &source)?;
        let (retention, shown_retention) = retention::read(raw.index, &source)?;
        let (alerts, shown_alerts) = alerts::read(raw.alert, &source)?;
        let (checks, shown_checks) = checks::read(raw.check, &source)?;
        let (calendars, shown_calendars) = alerts::read_calendars(raw.calendar, &source);
        let (actions, shown_actions) = actions::read(raw.action, raw.actions, &source)?;
        definitions.shown.splice(0..0, shown_inputs.into_iter().chain(shown_retention).chain(shown_actions));
        definitions.shown.extend(shown_alerts.into_iter().chain(shown_checks).chain(shown_calendars));
        let flag = |path: &Option<PathBuf>, name| {
            path.as_ref().map(|path| Setting::new(surroundings.cwd.join(path), Origin::Flag(name)))
        };

        let data =
            flag(&args.data, "--data").or_else(|| surroundings.env("TRAWL_DATA")).or_else(|| source.path(raw.data));
        let data = data.map_or_else(|| surroundings.default_data(), Ok)?;
        definitions.read_saved_folders(path.parent(), &data.value)?;
        let lookups = flag(&args.lookups, "--lookups")
            .or_else(|| surroundings.env("TRAWL_LOOKUPS"))
            .or_else(|| source.path(raw.lookups));
        let limits = Limits::default();
        Ok(Self {
            lookups: lookups.unwrap_or_else(|| Setting::new(data.value.join("lookups"), Origin::Default)),
            data,
            zone: resolve_zone(args, surroundings, raw.tz.map(|tz| source.setting(tz)))?,
            default_indexes: source.or_default(raw.search.default_indexes, Vec::new()),
            deadline: source.or_default(raw.search.deadline, Timeout(None)),
            limit: source.or_default(raw.search.limit, DEFAULT_LIMIT),
            max_groups: source.or_default(raw.limits.max_groups, limits.max_groups),
            max_memory_bytes: source.or_default(raw.limits.max_memory_bytes, ByteSize(limits.max_memory_bytes as u64)),
            max_spill_bytes: source.or_default(raw.limits.max_spill_bytes, SizeLimit(limits.max_spill_bytes)),
            spill_folder: source.path(raw.limits.spill_folder).unwrap_or_else(|| surroundings.temporary_folder()),
            definitions,
            inputs,
            retention,
            alerts,
            checks,
            calendars,
            actions,
            state: surroundings.user_folder("XDG_STATE_HOME", ".local/state"),
            sourcetype_files: sourcetype_files(path.parent())?,
            file,
        })
    }

    /// The log formats: the built-in ones and the user's.
    ///
    /// # Errors
    /// If one of the user's is not valid.
    pub fn load_registry(&self) -> anyhow::Result<Arc<Registry>> {
        Ok(Registry::with_user_files(&self.sourcetype_files)?)
    }

    /// The names that queries may use.
    pub fn knowledge(&self) -> Knowledge {
        let knowledge = self.definitions.knowledge.clone();
        let lookups = Lookups { dir: Some(self.lookups.value.clone()), ..knowledge.lookups };
        Knowledge { lookups, ..knowledge }
    }

    /// The rules of all alerts.
    ///
    /// # Errors
    /// The first that makes no sense: the error names its place and what to write instead.
    pub fn rules(&self) -> anyhow::Result<Vec<Rule>> {
        self.each_rule().into_iter().map(|(_, rule)| rule).collect()
    }

    /// All alerts, and the rule of each.
    pub fn each_rule(&self) -> Vec<(&AlertSetting, anyhow::Result<Rule>)> {
        let options = self.search_options();
        let context = self.rule_context(&options);
        self.alerts.iter().map(|alert| (alert, alert.rule(&context))).collect()
    }

    /// All checks.
    ///
    /// # Errors
    /// The first that makes no sense: the error names its place and what to write instead.
    pub fn all_checks(&self) -> anyhow::Result<Vec<Check>> {
        self.each_check().into_iter().map(|(_, check)| check).collect()
    }

    /// All checks as they are declared, and what each is.
    pub fn each_check(&self) -> Vec<(&CheckSetting, anyhow::Result<Check>)> {
        let options = self.search_options();
        let context = self.rule_context(&options);
        self.checks.iter().map(|check| (check, check.check(&context, &|| self.rules()))).collect()
    }

    /// What is declared and has states in the book, by the names that it has there: alerts and checks.
    pub fn names_in_book(&self) -> impl Iterator<Item = String> {
        let alerts = self.alerts.iter().map(|alert| alert.name.clone());
        alerts.chain(self.checks.iter().map(|check| format!("{CHECK_PREFIX}{}", check.name)))
    }

    fn rule_context<'a>(&'a self, options: &'a SearchOptions) -> RuleContext<'a> {
        let actions = self.actions.by_name.keys().map(String::as_str).collect();
        RuleContext { calendars: &self.calendars, actions, zone: self.zone.value, options }
    }

    /// What searches that nobody types are run with.
    pub fn search_options(&self) -> SearchOptions {
        SearchOptions {
            indexes: self.default_indexes.value.clone(),
            zone: self.zone.value,
            knowledge: Arc::new(self.knowledge()),
            limits: self.limits(),
            ..SearchOptions::new(0)
        }
    }

    /// The bounds of a search.
    pub fn limits(&self) -> Limits {
        Limits {
            max_groups: self.max_groups.value,
            max_memory_bytes: usize::try_from(self.max_memory_bytes.value.0).unwrap_or(usize::MAX),
            max_spill_bytes: self.max_spill_bytes.value.0,
        }
    }
}

fn resolve_zone(
    args: &GlobalArgs,
    surroundings: &Surroundings<'_>,
    file: Option<Setting<String>>,
) -> anyhow::Result<Setting<Zone>> {
    if let Some(zone) = args.tz {
        return Ok(Setting::new(zone, Origin::Flag("--tz")));
    }
    if let Some(tz) = file {
        let zone = tz.value.parse().with_context(|| format!("cannot use `tz` of {}", tz.origin))?;
        return Ok(Setting::new(zone, tz.origin));
    }
    // A TZ such as `CET-1CEST` or `:/path` is legal but names no zone that we know.
    let tz = (surroundings.var)("TZ").and_then(|tz| tz.to_str()?.trim_start_matches(':').parse().ok());
    Ok(match (tz, surroundings.machine_zone) {
        (Some(zone), _) => Setting::new(zone, Origin::Env("TZ")),
        (None, Some(zone)) => Setting::new(zone, Origin::Machine),
        (None, None) => Setting::new(Zone::UTC, Origin::Default),
    })
}

/// `sourcetypes/*.toml` in the folder of the configuration file.
fn sourcetype_files(folder: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    let Some(folder) = folder.map(|folder| folder.join("sourcetypes")) else { return Ok(Vec::new()) };
    toml_files(&folder).with_context(|| format!("cannot list {}", folder.display()))
}

/// The files `*.toml` of a folder, sorted; none where it does not exist.
///
/// # Errors
/// If the folder cannot be listed.
fn toml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let listing = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        listing => listing.and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect()),
    };
    let mut files: Vec<PathBuf> = listing?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
