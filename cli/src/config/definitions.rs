//! Names that the configuration defines for queries: macros, event types, tags, saved searches, lookups. As written, then
//! checked and turned into [`Knowledge`].

use super::raw::{Lookup, RawConfig, Tag};
use super::saved::{self, SavedSettings};
use super::{File, Origin, Setting};
use crate::error::Advice;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::Spanned;
use trawl_query::Knowledge;
use trawl_query::knowledge::{self, Macro};
use trawl_query::lookup::{LookupDefinition, MatchKind, TimeMatch, check_name};

/// How much later than a line of a time-based lookup a row may be if nothing is said. Splunk's value: longer than any log.
const DEFAULT_MAX_OFFSET_SECS: u64 = 2_000_000_000;

/// What the configuration defines.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// For queries. The folder of lookup tables is a setting of its own and not in here.
    pub knowledge: Knowledge,
    /// Saved searches, with what people should know of them.
    pub saved: SavedSettings,
    /// For `config show`, in the order of the sections.
    pub shown: Vec<ShownDefinition>,
}

/// One line of a definition as it is printed.
#[derive(Clone, Debug)]
pub struct ShownDefinition {
    /// The header of the section it stands in, with its brackets. Equal neighbours share one, but for `[[tags]]`.
    pub section: String,
    /// The key, as TOML.
    pub key: String,
    /// The value, as TOML.
    pub value: String,
    /// Where it is written.
    pub origin: Origin,
    /// Whether a new section begins.
    pub begins_section: bool,
}

/// Checks and collects definitions.
struct Reader<'f> {
    file: &'f File<'f>,
    definitions: Definitions,
}

/// What is wrong with a definition, and what to write instead.
pub(super) struct Wrong(pub(super) String, pub(super) &'static str);

impl Wrong {
    pub(super) fn at(self, key: &str, origin: &Origin) -> anyhow::Error {
        Advice::new(format!("cannot use `{key}` of {origin}: {}", self.0), self.1).into()
    }
}

impl Definitions {
    /// Takes the definitions out of a configuration file.
    ///
    /// # Errors
    /// The first definition that makes no sense: the error names its place and key.
    pub(super) fn read(raw: &mut RawConfig, file: &File<'_>) -> anyhow::Result<Self> {
        let mut reader = Reader { file, definitions: Self::default() };
        reader.macros(std::mem::take(&mut raw.macros))?;
        let eventtypes = reader.texts("eventtypes", std::mem::take(&mut raw.eventtypes))?;
        reader.tags(std::mem::take(&mut raw.tags))?;
        let Self { saved, shown, .. } = &mut reader.definitions;
        saved::read(std::mem::take(&mut raw.saved), file, saved, shown)?;
        reader.definitions.knowledge.event_types = values(&eventtypes);
        // Event types may use macros and each other.
        reader.check_event_types(&eventtypes)?;
        reader.lookups(std::mem::take(&mut raw.lookup))?;
        reader.definitions.learn_saved();
        Ok(reader.definitions)
    }

    /// Adds the searches of the folders `saved.d`.
    ///
    /// # Errors
    /// If a file cannot be read, or a search of it makes no sense or has the name of another one.
    pub(super) fn read_saved_folders(&mut self, beside: Option<&Path>, data: &Path) -> anyhow::Result<()> {
        saved::read_folders(beside, data, &mut self.saved, &mut self.shown)?;
        self.learn_saved();
        Ok(())
    }

    /// Makes the saved searches known to queries.
    fn learn_saved(&mut self) {
        let searches = self.saved.iter().map(|(name, saved)| (name.clone(), saved.search.clone()));
        self.knowledge.saved_searches = searches.collect();
    }
}

fn values(settings: &BTreeMap<String, Setting<String>>) -> BTreeMap<String, String> {
    settings.iter().map(|(name, text)| (name.clone(), text.value.clone())).collect()
}

impl Reader<'_> {
    fn show(&mut self, section: &str, begins_section: bool, key: &str, value: impl Into<toml::Value>, origin: &Origin) {
        self.definitions.shown.push(ShownDefinition {
            section: section.to_owned(),
            key: toml_key(key),
            value: value.into().to_string(),
            origin: origin.clone(),
            begins_section,
        });
    }

    /// A section of texts by name.
    fn texts(
        &mut self,
        section: &str,
        texts: BTreeMap<String, Spanned<String>>,
    ) -> anyhow::Result<BTreeMap<String, Setting<String>>> {
        let header = format!("[{section}]");
        let mut settings = BTreeMap::new();
        for (at, (name, text)) in texts.into_iter().enumerate() {
            let text = self.file.setting(text);
            if text.value.trim().is_empty() {
                return Err(Wrong("it is empty".to_owned(), "write the text of a search").at(&name, &text.origin));
            }
            self.show(&header, at == 0, &name, text.value.clone(), &text.origin);
            settings.insert(name, text);
        }
        Ok(settings)
    }

    fn macros(&mut self, macros: BTreeMap<String, Spanned<String>>) -> anyhow::Result<()> {
        for (at, (key, definition)) in macros.into_iter().enumerate() {
            let Setting { value: definition, origin } = self.file.setting(definition);
            let (name, parameters) = parse_macro_key(&key).map_err(|wrong| wrong.at(&key, &origin))?;
            self.show("[macros]", at == 0, &key, definition.clone(), &origin);
            let n_parameters = parameters.len();
            let known = &mut self.definitions.knowledge.macros;
            if known.insert((name.clone(), n_parameters), Macro { parameters, definition }).is_some() {
                let text = format!("another macro `{name}` has as many arguments");
                return Err(Wrong(text, "macros of one name differ in the number of their arguments").at(&key, &origin));
            }
        }
        Ok(())
    }

    fn check_event_types(&self, event_types: &BTreeMap<String, Setting<String>>) -> anyhow::Result<()> {
        for (name, text) in event_types {
            let wrong = match trawl_query::parse_with(&text.value, &self.definitions.knowledge) {
                Ok(pipeline) if pipeline.search.is_some() && pipeline.commands.is_empty() => continue,
                Ok(_) => "it has commands".to_owned(),
                Err(error) => error.to_string(),
            };
            return Err(Wrong(wrong, "an event type is a search expression, such as `sshd \"Failed password\"`")
                .at(name, &text.origin));
        }
        Ok(())
    }

    fn tags(&mut self, tags: Vec<Spanned<Tag>>) -> anyhow::Result<()> {
        for tag in tags {
            let Setting { value: tag, origin } = self.file.setting(tag);
            let mut parts = Vec::new();
            for (at, (key, part)) in
                [("name", tag.name), ("field", tag.field), ("value", tag.value)].into_iter().enumerate()
            {
                let hint = "a tag has a name, a field and a value: name = \"prod\", field = \"host\", value = \"db-*\"";
                let missing = || Wrong(format!("it has no `{key}`"), hint).at("tags", &origin);
                let part = self.file.setting(part.ok_or_else(missing)?);
                if part.value.is_empty() {
                    return Err(Wrong("it is empty".to_owned(), hint).at(key, &part.origin));
                }
                self.show("[[tags]]", at == 0, key, part.value.clone(), &part.origin);
                parts.push(part.value);
            }
            let [name, field, value] = <[String; 3]>::try_from(parts).expect("three parts were pushed");
            self.definitions.knowledge.tags.push(knowledge::Tag { name, field, value });
        }
        Ok(())
    }

    fn lookups(&mut self, lookups: BTreeMap<String, Spanned<Lookup>>) -> anyhow::Result<()> {
        for (name, lookup) in lookups {
            let Setting { value: lookup, origin } = self.file.setting(lookup);
            let definition = self.lookup(&name, lookup, &origin)?;
            self.definitions.knowledge.lookups.definitions.insert(name, definition);
        }
        Ok(())
    }

    fn lookup(&mut self, name: &str, raw: Lookup, origin: &Origin) -> anyhow::Result<LookupDefinition> {
        let section = format!("[lookup.{}]", toml_key(name));
        let filename = match raw.filename {
            Some(filename) => self.file.setting(filename),
            None => Setting::new(name.to_owned(), Origin::Default),
        };
        check_name(&filename.value).map_err(|why| {
            let origin = if filename.origin == Origin::Default { origin } else { &filename.origin };
            let text = format!("`{}` {why}", filename.value);
            Wrong(text, "name a file of the folder of lookup tables").at("filename", origin)
        })?;
        self.show(&section, true, "filename", filename.value.clone(), &filename.origin);
        let mut definition = LookupDefinition::of_file(filename.value);
        if let Some(case_sensitive) = self.take(&section, "case_sensitive_match", raw.case_sensitive_match) {
            definition.case_sensitive = case_sensitive.value;
        }
        if let Some(match_type) = self.take(&section, "match_type", raw.match_type) {
            let matches = parse_match_type(&match_type.value);
            definition.matches = matches.map_err(|wrong| wrong.at("match_type", &match_type.origin))?;
        }
        if let Some(max_matches) = self.take(&section, "max_matches", raw.max_matches) {
            if max_matches.value == 0 {
                let wrong = Wrong("0 lines are none".to_owned(), "write a number from 1 on");
                return Err(wrong.at("max_matches", &max_matches.origin));
            }
            definition.max_matches = Some(max_matches.value as usize);
        }
        let time_field = self.take(&section, "time_field", raw.time_field);
        let format = self.take(&section, "time_format", raw.time_format);
        let max_offset = self.take(&section, "max_offset_secs", raw.max_offset_secs);
        let min_offset = self.take(&section, "min_offset_secs", raw.min_offset_secs);
        definition.time = time_match(time_field, format, max_offset, min_offset)?;
        if let Some(default) = self.take(&section, "default_match", raw.default_match) {
            definition.default = default.value;
            definition.min_matches = 1;
        }
        if let Some(min_matches) = self.take(&section, "min_matches", raw.min_matches) {
            let n_lines = min_matches.value as usize;
            let wrong = match (definition.min_matches, definition.max_matches()) {
                (0, _) => {
                    let text = "there is no `default_match` to make up for missing lines".to_owned();
                    Some(Wrong(text, "add default_match = \"…\""))
                }
                (_, max) if n_lines > max => {
                    Some(Wrong(format!("{n_lines} is more than max_matches, {max}"), "write a smaller number"))
                }
                _ => None,
            };
            if let Some(wrong) = wrong {
                return Err(wrong.at("min_matches", &min_matches.origin));
            }
            definition.min_matches = n_lines;
        }
        Ok(definition)
    }

    /// A key of a section as it is written, if it is; it is shown.
    fn take<T>(&mut self, section: &str, key: &str, value: Option<Spanned<T>>) -> Option<Setting<T>>
    where
        T: Clone + Into<toml::Value>,
    {
        let setting = self.file.setting(value?);
        self.show(section, false, key, setting.value.clone(), &setting.origin);
        Some(setting)
    }
}

/// The time-based match that the keys of a lookup describe, if they do.
fn time_match(
    time_field: Option<Setting<String>>,
    format: Option<Setting<String>>,
    max_offset: Option<Setting<u32>>,
    min_offset: Option<Setting<u32>>,
) -> anyhow::Result<Option<TimeMatch>> {
    let Some(time_field) = time_field else {
        let origins = [
            ("time_format", format.map(|setting| setting.origin)),
            ("max_offset_secs", max_offset.map(|setting| setting.origin)),
            ("min_offset_secs", min_offset.map(|setting| setting.origin)),
        ];
        return match origins.into_iter().find_map(|(key, origin)| Some((key, origin?))) {
            Some((key, origin)) => {
                let text = "it says something about the time of lines, but there is no `time_field`".to_owned();
                Err(Wrong(text, "add time_field = \"…\", the column with the time").at(key, &origin))
            }
            None => Ok(None),
        };
    };
    let max_offset_secs = max_offset.map_or(DEFAULT_MAX_OFFSET_SECS, |setting| setting.value.into());
    let mut min_offset_secs = 0;
    if let Some(min_offset) = min_offset {
        min_offset_secs = min_offset.value.into();
        if min_offset_secs > max_offset_secs {
            let text = format!("{min_offset_secs} is more than max_offset_secs, {max_offset_secs}");
            return Err(Wrong(text, "no row could match").at("min_offset_secs", &min_offset.origin));
        }
    }
    let format = format.map(|format| format.value);
    Ok(Some(TimeMatch { column: time_field.value, format, max_offset_secs, min_offset_secs }))
}

/// A key as TOML: in quotes only where it needs them.
pub(super) fn toml_key(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if is_bare { key.to_owned() } else { toml::Value::String(key.to_owned()).to_string() }
}

/// `name` or `name(a, b)`.
fn parse_macro_key(key: &str) -> Result<(String, Vec<String>), Wrong> {
    const HINT: &str = "write `name` or `name(first, second)`";
    let (name, parameters) = match key.split_once('(') {
        None => (key.trim(), Vec::new()),
        Some((name, rest)) => {
            let Some(list) = rest.trim_end().strip_suffix(')') else {
                return Err(Wrong("its parameters do not end with `)`".to_owned(), HINT));
            };
            let list = list.split(',').map(|name| name.trim().to_owned());
            (name.trim(), list.filter(|name| !name.is_empty()).collect::<Vec<_>>())
        }
    };
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "`),|\"".contains(c)) {
        return Err(Wrong(format!("`{name}` is not the name of a macro"), HINT));
    }
    let mut seen = BTreeSet::new();
    for parameter in &parameters {
        let is_name = parameter.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && parameter.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_name {
            let hint = "name the parameters, for example `errors(service)`; the definition uses them as $service$";
            return Err(Wrong(format!("`{parameter}` is not the name of a parameter"), hint));
        }
        if !seen.insert(parameter) {
            return Err(Wrong(format!("the parameter `{parameter}` stands twice"), HINT));
        }
    }
    Ok((name.to_owned(), parameters))
}

/// `WILDCARD(column), CIDR(column)`.
fn parse_match_type(text: &str) -> Result<BTreeMap<String, MatchKind>, Wrong> {
    const HINT: &str = "write for example \"WILDCARD(path), CIDR(net)\"";
    let mut matches = BTreeMap::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let parts = item.strip_suffix(')').and_then(|item| item.split_once('('));
        let Some((kind, column)) = parts.map(|(kind, column)| (kind.trim(), column.trim())) else {
            return Err(Wrong(format!("`{item}` is no kind of match with a column in parentheses"), HINT));
        };
        let kind = match kind.to_ascii_uppercase().as_str() {
            "WILDCARD" => MatchKind::Wildcard,
            "CIDR" => MatchKind::Cidr,
            "EXACT" => MatchKind::Exact,
            _ => return Err(Wrong(format!("`{kind}` is none of WILDCARD, CIDR and EXACT"), HINT)),
        };
        if column.is_empty() {
            return Err(Wrong(format!("`{item}` names no column"), HINT));
        }
        if matches.insert(column.to_owned(), kind).is_some() {
            return Err(Wrong(format!("the column `{column}` stands twice"), HINT));
        }
    }
    Ok(matches)
}
