//! Exhibits: what is laid into a case, one folder each.
//!
//! An [`Exhibit`] says what was done (command line, queries and what they covered) and what came of it: text, tables, charts, and
//! events by their addresses with their exact bytes. Whatever makes results can make one; [`Exhibit::new`] and the methods that
//! take `self` are meant for that:
//!
//! ```
//! use trawl_evidence::{Exhibit, Kind, Moment, Table};
//!
//! let table = Table::new("Patterns that are new", ["pattern", "count"], vec![vec!["DB timeout".into(), "17".into()]]);
//! let exhibit = Exhibit::new(Kind::Diff, "What the incident brought", Moment(0))
//!     .of_command("trawl rca diff --incident 14:00..14:25")
//!     .with_table(table);
//! assert_eq!(exhibit.tables[0].rows[0][1], "17");
//! ```

use crate::Moment;
mod chart;
mod citation;
mod table;

pub use chart::{Chart, Mark, Series};
pub use citation::{Citation, RawBytes};
pub use table::{ColumnKind, Table};

use crate::merkle::Digest;
use crate::source::SourceIdentity;
use serde::{Deserialize, Serialize};
use std::fmt;
use trawl_formats::IndexName;
use trawl_query::engine::coverage::Coverage;

/// What made an exhibit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A search.
    Search,
    /// What somebody wrote.
    Note,
    /// A file.
    File,
    /// `trawl patterns`.
    Patterns,
    /// `trawl rca diff`.
    Diff,
    /// `trawl rca changes`.
    Changes,
    /// `trawl rca trace`.
    Trace,
    /// `trawl rca timeline`.
    Timeline,
    /// `trawl rca coverage`.
    Coverage,
}

impl Kind {
    /// As it is written in names of folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Note => "note",
            Self::File => "file",
            Self::Patterns => "patterns",
            Self::Diff => "diff",
            Self::Changes => "changes",
            Self::Trace => "trace",
            Self::Timeline => "timeline",
            Self::Coverage => "coverage",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that is laid into a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exhibit {
    /// What made it.
    pub kind: Kind,
    /// What it shows, in a few words.
    pub title: String,
    /// When it was added.
    pub added: Moment,
    /// When that happened which it is about, if it is one moment: it then stands in the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// The command line that made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The range of time that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// The queries that it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<QueryRun>,
    /// Text, as Markdown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// Charts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Chart>,
    /// Moments that it tells of and that no event of it stands for, such as an onset: they stand in the timeline. One that begins
    /// with a word and a colon (`onset: …`) is marked by that word in charts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moments: Vec<Mark>,
    /// Files that were copied or made, beside it in the same folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<CopiedFile>,
    /// Events, each with why it is cited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Citation>,
    /// The files that these events came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceIdentity>,
}

impl Exhibit {
    /// An exhibit with nothing in it yet.
    pub fn new(kind: Kind, title: impl Into<String>, added: Moment) -> Self {
        Self {
            kind,
            title: title.into(),
            added,
            at: None,
            command: String::new(),
            range: None,
            queries: Vec::new(),
            text: String::new(),
            tables: Vec::new(),
            charts: Vec::new(),
            moments: Vec::new(),
            files: Vec::new(),
            events: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// The same, made by this command line.
    pub fn of_command(self, command: impl Into<String>) -> Self {
        Self { command: command.into(), ..self }
    }

    /// The same, about this range of time.
    pub fn about(self, range: Range) -> Self {
        Self { range: Some(range), ..self }
    }

    /// The same with a query.
    pub fn with_query(mut self, query: QueryRun) -> Self {
        self.queries.push(query);
        self
    }

    /// The same with this Markdown behind what is there.
    pub fn with_text(mut self, text: &str) -> Self {
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.text.push_str(text);
        self
    }

    /// An event that it cites as text for people, without a line end. It may hold anything that a log may.
    pub fn text_of(&self, citation: &Citation) -> String {
        let source = self.sources.iter().find(|source| source.is_of(&citation.address));
        let decoding = source.map(SourceIdentity::decoding).unwrap_or_default();
        String::from_utf8_lossy(&trawl_formats::text(&citation.bytes.0, decoding)).into_owned()
    }

    /// The same with a table.
    pub fn with_table(mut self, table: Table) -> Self {
        self.tables.push(table);
        self
    }

    /// The same with a chart.
    pub fn with_chart(mut self, chart: Chart) -> Self {
        self.charts.push(chart);
        self
    }
}

/// A half-open range of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// First instant, if there is a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<Moment>,
    /// First instant behind it, if there is a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Moment>,
}

/// A query, what it was run with, and what its answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryRun {
    /// As it was written.
    pub query: String,
    /// The range that was searched.
    #[serde(flatten)]
    pub range: Range,
    /// What `now` was.
    pub now: Moment,
    /// The indexes that were asked for; empty: those of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexName>,
    /// Events that matched.
    pub n_matched: u64,
    /// Rows of its answer, which may be more than are kept.
    pub n_rows: u64,
    /// What a person should know about the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why the answer is not whole, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// What was searched.
    pub coverage: Coverage,
}

/// A file that was laid into the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedFile {
    /// Its name beside the exhibit.
    pub name: String,
    /// Where it lay; empty for one that was made for the exhibit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Length in bytes.
    pub len: u64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}
