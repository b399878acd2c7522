//! `[saved.NAME]`: searches by name, of the configuration file and of the files in the folders `saved.d`.

use super::alerts::Lines;
use super::brief::Brief;
use super::definitions::{ShownDefinition, Wrong, toml_key};
use super::raw::{self, Saved as RawSaved, SavedFile};
use super::{File, Origin, Setting, toml_files};
use crate::error::Advice;
use anyhow::Context;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use toml::Spanned;
use trawl_query::SavedSearch;
use trawl_query::error::nearest;
use trawl_query::time::TimeSpec;

/// Name of the folders of files with saved searches.
const FOLDER_NAME: &str = "saved.d";

/// One saved search.
#[derive(Clone, Debug)]
pub struct SavedSetting {
    /// Where it is written.
    pub origin: Origin,
    /// What it is for.
    pub description: Option<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Where it is written what to do about what it finds.
    pub runbook: Option<String>,
    /// Its text, arguments and range of time.
    pub search: SavedSearch,
}

/// Saved searches by name.
pub type SavedSettings = BTreeMap<String, SavedSetting>;

/// The folder of a data folder that `trawl saved add` writes to.
pub fn folder_of(data: &Path) -> PathBuf {
    data.join(FOLDER_NAME)
}

/// Adds the searches of one file to `settings`, and what `config show` prints of them to `shown`.
///
/// # Errors
/// The first that makes no sense, or has the name of another one.
pub(super) fn read(
    saved: BTreeMap<String, Spanned<Brief<RawSaved>>>,
    file: &File<'_>,
    settings: &mut SavedSettings,
    shown: &mut Vec<ShownDefinition>,
) -> anyhow::Result<()> {
    // Those that are a text alone share a section, which can be printed once only.
    let has_section = shown.iter().any(|line| line.section == "[saved]");
    let (mut texts, mut tables) = (Vec::new(), Vec::new());
    for (name, saved) in saved {
        let Setting { value: Brief(raw), origin } = file.setting(saved);
        let mut lines = show(&name, &raw, file, &origin);
        if let ([line], true) =
            (lines.as_mut_slice(), raw.search.as_ref().is_some_and(|search| search.span() == (0..0)))
        {
            // A text alone does not know where it stands.
            line.origin = origin.clone();
        }
        match lines.as_mut_slice() {
            [line] if line.key == "search" && !has_section => {
                let section = "[saved]".to_owned();
                let begins_section = texts.is_empty();
                let (key, origin) = (toml_key(&name), origin.clone());
                texts.push(ShownDefinition { section, key, begins_section, origin, ..line.clone() });
            }
            _ => tables.append(&mut lines),
        }
        let setting = read_one(&name, raw, file, &origin)?;
        if let Some(other) = settings.get(&name) {
            let what = format!("there is another one of that name ({})", other.origin);
            return Err(Wrong(what, "give each saved search a name of its own").at(&name, &origin));
        }
        settings.insert(name, setting);
    }
    shown.append(&mut texts);
    shown.append(&mut tables);
    Ok(())
}

/// Adds the searches of the folders `saved.d` beside a configuration file and in a data folder.
///
/// # Errors
/// If a file cannot be read, or as [`read`].
pub(super) fn read_folders(
    beside: Option<&Path>,
    data: &Path,
    settings: &mut SavedSettings,
    shown: &mut Vec<ShownDefinition>,
) -> anyhow::Result<()> {
    let data = folder_of(data);
    let beside = beside.map(|folder| folder.join(FOLDER_NAME)).filter(|beside| {
        // The configuration file may stand in the data folder.
        !matches!((fs::canonicalize(beside), fs::canonicalize(&data)), (Ok(beside), Ok(data)) if beside == data)
    });
    let mut files = match beside {
        Some(folder) => toml_files(&folder).with_context(|| format!("cannot list {}", folder.display()))?,
        None => Vec::new(),
    };
    match toml_files(&data) {
        Ok(of_data) => files.extend(of_data),
        // Whoever may not look into the data folder has no searches there; what needs the data says so.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        Err(error) => return Err(error).with_context(|| format!("cannot list {}", data.display())),
    }
    for path in files {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let raw: SavedFile = raw::parse(&text, &path)?;
        read(raw.saved, &File { path: &path, text: &text }, settings, shown)?;
    }
    Ok(())
}

fn read_one(name: &str, raw: RawSaved, file: &File<'_>, origin: &Origin) -> anyhow::Result<SavedSetting> {
    fn value<T>(value: Option<Spanned<T>>) -> Option<T> {
        value.map(Spanned::into_inner)
    }
    let time = |key: &str, time: Option<Spanned<String>>| -> anyhow::Result<Option<String>> {
        let Some(time) = time.map(|time| file.setting(time)) else { return Ok(None) };
        if TimeSpec::parse(&time.value).is_none() {
            let what = format!("`{}` is not a time", time.value);
            return Err(Wrong(what, "write for example \"-24h\", \"-1d@d\" or \"2026-11-20\"").at(key, &time.origin));
        }
        Ok(Some(time.value))
    };
    let search = value(raw.search).filter(|search| !search.trim().is_empty());
    let search =
        search.ok_or_else(|| Wrong("it is empty".to_owned(), "write the text of a search").at(name, origin))?;
    let search = SavedSearch {
        search,
        defaults: raw.args.as_ref().map(|args| args.get_ref().clone()).unwrap_or_default(),
        earliest: time("earliest", raw.earliest)?,
        latest: time("latest", raw.latest)?,
    };
    let known = search.arguments();
    if let (Some(unknown), Some(args)) = (search.defaults.keys().find(|name| !known.contains(&name.as_str())), raw.args)
    {
        let hint = match nearest(unknown, known.iter().copied()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("write ${unknown}$ where it belongs"),
        };
        let Setting { origin, .. } = file.setting(args);
        let what = format!("cannot use `args` of {origin}: `${unknown}$` does not stand in the search");
        return Err(Advice::new(what, hint).into());
    }
    Ok(SavedSetting {
        origin: origin.clone(),
        description: value(raw.description),
        owner: value(raw.owner),
        tags: value(raw.tags).unwrap_or_default(),
        runbook: value(raw.runbook),
        search,
    })
}

/// The lines of `config show`.
fn show(name: &str, raw: &RawSaved, file: &File<'_>, origin: &Origin) -> Vec<ShownDefinition> {
    let mut lines = Lines::new(file, origin, format!("[saved.{}]", toml_key(name)));
    lines.text("search", &raw.search);
    lines.text("description", &raw.description);
    lines.text("owner", &raw.owner);
    lines.texts("tags", &raw.tags);
    lines.text("runbook", &raw.runbook);
    lines.text("earliest", &raw.earliest);
    lines.text("latest", &raw.latest);
    lines.add("args", &raw.args, |args| {
        toml::Value::Table(args.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect())
    });
    lines.shown
}
