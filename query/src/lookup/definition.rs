//! What the configuration says about lookup tables.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Most lines of a table that a row is completed from, where no definition says otherwise. spl.md §12.
const DEFAULT_MAX_MATCHES: usize = 100;

/// Where tables are, and which of them are matched in a way of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lookups {
    /// The folder of the tables. Without one there are none.
    pub dir: Option<PathBuf>,
    /// Definitions by name. A definition wins over a file of the same name.
    pub definitions: BTreeMap<String, LookupDefinition>,
}

/// How a table is matched.
#[derive(Clone, Debug, PartialEq)]
pub struct LookupDefinition {
    /// The file in the folder of lookup tables, with or without `.csv`.
    pub file: String,
    /// Whether letters must agree in case.
    pub case_sensitive: bool,
    /// Columns that are not compared for equality.
    pub matches: BTreeMap<String, MatchKind>,
    /// Most lines that a row is completed from. Default: 100, or with `time` 1.
    pub max_matches: Option<usize>,
    /// Lines that a row is completed from at least: `default` stands for those that are missing.
    pub min_matches: usize,
    /// What stands for a line that is missing.
    pub default: String,
    /// The column that says from when on a line holds, if lines hold for some time only.
    pub time: Option<TimeMatch>,
}

/// How the cells of one column are compared with the value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchKind {
    /// As text.
    Exact,
    /// The cell is a pattern in which `*` is any run of characters.
    Wildcard,
    /// The cell is a network, such as `10.0.0.0/8`, or an address.
    Cidr,
}

/// Lines that hold from a time on: of those that match, the latest ones before the row's `_time` count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeMatch {
    /// The column with the time.
    pub column: String,
    /// How the time is written, in the variables of `strptime`. `None`: seconds since 1970.
    pub format: Option<String>,
    /// A row may be at most that much later than the line, in seconds.
    pub max_offset_secs: u64,
    /// A row must be at least that much later than the line, in seconds.
    pub min_offset_secs: u64,
}

impl Lookups {
    /// No folder and no definitions.
    pub const NONE: Self = Self { dir: None, definitions: BTreeMap::new() };

    /// The name of the file that a table's name stands for.
    pub(super) fn file_of<'n>(&'n self, name: &'n str) -> &'n str {
        self.definitions.get(name).map_or(name, |definition| &definition.file)
    }

    /// Whether matching the table needs the time of the row.
    pub(crate) fn reads_time(&self, name: &str) -> bool {
        self.definitions.get(name).is_some_and(|definition| definition.time.is_some())
    }
}

impl LookupDefinition {
    /// A table that is matched as a file without a definition.
    pub fn of_file(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            case_sensitive: true,
            matches: BTreeMap::new(),
            max_matches: None,
            min_matches: 0,
            default: String::new(),
            time: None,
        }
    }

    /// Most lines that a row is completed from.
    pub fn max_matches(&self) -> usize {
        self.max_matches.unwrap_or(if self.time.is_some() { 1 } else { DEFAULT_MAX_MATCHES })
    }

    /// Whether more matches than that are worth a warning: nobody asked for the bound.
    pub(super) fn warns_when_cut(&self) -> bool {
        self.max_matches.is_none() && self.time.is_none()
    }

    /// How the cells of a column are compared.
    pub(super) fn match_kind(&self, column: &str) -> MatchKind {
        self.matches.get(column).copied().unwrap_or(MatchKind::Exact)
    }
}
