//! `trawl config show`: the settings in force, as a configuration file with the origin of each value beside it.

use super::{Config, Origin, Setting};
use std::fmt::{self, Display};

/// One setting as it is printed.
pub struct Shown<'a> {
    /// The table of the configuration file; empty before the first table.
    pub table: &'static str,
    /// The key.
    pub key: &'static str,
    /// The value as TOML.
    pub value: String,
    /// Who set it.
    pub origin: &'a Origin,
}

impl Config {
    /// Every setting that a configuration file can hold.
    pub fn settings(&self) -> Vec<Shown<'_>> {
        vec![
            shown("", "data", &self.data, |path| text(path.display())),
            shown("", "lookups", &self.lookups, |path| text(path.display())),
            shown("", "tz", &self.zone, |zone| text(zone)),
            shown("search", "default_indexes", &self.default_indexes, |names| {
                format!("[{}]", names.iter().map(text).collect::<Vec<_>>().join(", "))
            }),
            shown("search", "deadline", &self.deadline, |timeout| text(timeout)),
            shown("search", "limit", &self.limit, ToString::to_string),
            shown("limits", "max_groups", &self.max_groups, ToString::to_string),
            shown("limits", "max_memory_bytes", &self.max_memory_bytes, |size| text(size)),
            shown("limits", "max_spill_bytes", &self.max_spill_bytes, |size| text(size)),
            shown("limits", "spill_folder", &self.spill_folder, |path| text(path.display())),
        ]
    }
}

fn shown<'a, T>(
    table: &'static str,
    key: &'static str,
    setting: &'a Setting<T>,
    print: impl FnOnce(&T) -> String,
) -> Shown<'a> {
    Shown { table, key, value: print(&setting.value), origin: &setting.origin }
}

/// A TOML string.
fn text(value: impl Display) -> String {
    toml::Value::String(value.to_string()).to_string()
}

impl Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => writeln!(f, "# {} (from {})", file.value.display(), file.origin)?,
            None => writeln!(f, "# no configuration file")?,
        }
        for path in &self.sourcetype_files {
            writeln!(f, "# {}", path.display())?;
        }
        for concern in self.actions.concerns() {
            writeln!(f, "# warning: {concern}")?;
        }
        let settings = self.settings();
        let width = settings.iter().map(|shown| shown.key.len() + shown.value.len()).max().unwrap_or(0);
        let mut table = "";
        for shown in settings {
            if shown.table != table {
                table = shown.table;
                writeln!(f, "\n[{table}]")?;
            }
            let padding = width - shown.key.len() - shown.value.len();
            writeln!(f, "{} = {}{:padding$}  # {}", shown.key, shown.value, "", shown.origin)?;
        }
        for shown in &self.definitions.shown {
            if shown.begins_section {
                writeln!(f, "\n{}", shown.section)?;
            }
            writeln!(f, "{} = {}  # {}", shown.key, shown.value, shown.origin)?;
        }
        Ok(())
    }
}
