//! What can be wrong with a query, before and while it runs.
//!
//! A [`QueryError`] belongs to the text: it knows the bytes it is about and renders them with a caret and a hint. A
//! [`RunError`] belongs to the execution: a limit, a cancelled search, a damaged store.

use crate::span::Span;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::fmt;
use std::path::PathBuf;

/// The text of a query cannot be understood, or asks for something that does not exist.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{kind}")]
pub struct QueryError {
    /// What is wrong.
    pub kind: QueryErrorKind,
    /// The bytes of the query text it is about.
    pub span: Span,
    /// What to write instead, if that can be said.
    pub hint: Option<String>,
}

/// The ways in which a query text can be wrong. Texts are complete without the caret: lower case, no full stop.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryErrorKind {
    /// Something stands where something else is needed.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What would be right here, in words.
        expected: String,
        /// What is there.
        found: Found,
    },
    /// A quote, parenthesis or bracket is never closed, or closed without being opened.
    #[error("unbalanced `{0}`")]
    Unbalanced(char),
    /// Two pipes with nothing between them, or one at the end.
    #[error("a command is missing here")]
    EmptyStage,
    /// No command of that name exists anywhere.
    #[error("unknown command `{0}`")]
    UnknownCommand(String),
    /// Splunk has this command, trawl does not.
    #[error("unsupported command: `{0}`")]
    UnsupportedCommand(String),
    /// No function of that name exists anywhere.
    #[error("unknown function `{0}`")]
    UnknownFunction(String),
    /// Splunk has this function, trawl does not.
    #[error("unsupported function: `{0}`")]
    UnsupportedFunction(String),
    /// The command has no option of that name.
    #[error("`{command}` has no option `{option}`")]
    UnknownOption {
        /// The command.
        command: &'static str,
        /// The name as written.
        option: String,
        /// The options that it has.
        options: Vec<&'static str>,
    },
    /// A value that the option, argument or function cannot take.
    #[error("`{value}` is not {expected}")]
    BadValue {
        /// The value as written.
        value: String,
        /// What it must be, with its article: "a number of rows".
        expected: String,
    },
    /// A function got too few or too many arguments.
    #[error("`{function}` takes {takes}, not {found}")]
    Arity {
        /// The function.
        function: &'static str,
        /// The right number, in words.
        takes: String,
        /// The number written.
        found: usize,
    },
    /// A condition is needed where a value is written.
    #[error("expected a condition, found a value")]
    NotACondition,
    /// A value is needed where a condition is written.
    #[error("expected a value, found a condition")]
    NotAValue,
    /// A regular expression that does not compile.
    #[error("invalid regular expression: {0}")]
    Regex(String),
    /// A time that cannot be understood.
    #[error("`{0}` is not a time")]
    Time(String),
    /// A span of time that cannot be understood.
    #[error("`{0}` is not a span of time")]
    TimeSpan(String),
    /// `$token$` of a Splunk dashboard that nobody replaced.
    #[error("`{0}` is a dashboard token without a value")]
    DashboardToken(String),
    /// The grammar nests more deeply than the parser follows.
    #[error("nested too deeply")]
    TooDeep,
    /// A rule of the language is broken that needs its own sentence.
    #[error("{0}")]
    Rule(String),
}

/// What the parser met instead of what it wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The end of the stage or of the query.
    End,
    /// A piece of text.
    Text(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::End => f.write_str("the end"),
            Found::Text(text) => write!(f, "`{text}`"),
        }
    }
}

impl QueryError {
    /// An error about `span`, without a hint.
    pub fn new(kind: QueryErrorKind, span: Span) -> Self {
        Self { kind, span, hint: None }
    }

    /// A broken rule of the language, in a sentence of its own.
    pub fn rule(text: impl Into<String>, span: Span) -> Self {
        Self::new(QueryErrorKind::Rule(text.into()), span)
    }

    /// The same error with advice.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with `did you mean …`, if one of `names` is close to `written`.
    pub fn with_nearest<'n>(self, written: &str, names: impl IntoIterator<Item = &'n str>) -> Self {
        match nearest(written, names) {
            Some(name) => self.with_hint(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// The error as people see it: the message, the line of `query` with the place marked, the hint.
    ///
    /// `query` must be the text that was parsed. Without `styled` the result holds no escape sequences.
    pub fn render(&self, query: &str, styled: bool) -> String {
        let title = self.kind.to_string();
        let start = floor_char_boundary(query, self.span.start);
        let end = floor_char_boundary(query, self.span.end.max(start));
        let snippet = Snippet::source(query).fold(true).annotation(AnnotationKind::Primary.span(start..end));
        let mut group = Level::ERROR.primary_title(&title).element(snippet);
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.with_name("hint").message(hint));
        }
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The name closest to `written`, if it is close enough to be what was meant: at most one edit in three letters, case
/// ignored. An exchange of neighbours counts as one edit.
pub fn nearest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let written = written.to_ascii_lowercase();
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|name| (edit_distance(&written, &name.to_ascii_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// Optimal string alignment distance (Damerau–Levenshtein without repeated edits).
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// A query that was understood stopped while it ran.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Somebody asked for it, for example with Ctrl-C.
    #[error("the search was cancelled")]
    Cancelled,
    /// The search ran longer than it was allowed to.
    #[error("the search exceeded its deadline")]
    Deadline,
    /// A command would keep more state than a limit allows.
    #[error("`{command}` exceeds the limit {limit} = {value}")]
    Limit {
        /// The command whose state grew.
        command: &'static str,
        /// The limit's name in the configuration.
        limit: &'static str,
        /// Its value.
        value: u64,
    },
    /// What does not fit in memory cannot be kept on disk either: the disk is full, or the folder cannot be written.
    #[error(
        "`{command}` needs more memory than it may take and cannot write to the folder {} instead",
        folder.display()
    )]
    Spill {
        /// The command whose state grew.
        command: &'static str,
        /// The folder for temporary files.
        folder: PathBuf,
        /// What is wrong with it.
        #[source]
        error: std::io::Error,
    },
    /// A search in brackets cannot be run.
    #[error("the subsearch of `{command}` is wrong: {message}")]
    Subsearch {
        /// The command it is an argument of.
        command: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A command cannot do its work: a file is missing, a name is not defined.
    #[error("`{command}`: {message}")]
    Command {
        /// The command.
        command: &'static str,
        /// What is wrong, in words that say what to do.
        message: String,
    },
    /// The template of `foreach` does not fit a field.
    #[error("the template of `foreach` cannot be read for the field `{field}`")]
    Template {
        /// The field.
        field: String,
        /// What is wrong with the text that results.
        #[source]
        error: Box<QueryError>,
    },
    /// The search reads events, but their store cannot be opened.
    #[error("cannot open the data")]
    Open(#[source] Box<trawl_store::StoreError>),
    /// The search needs a store, but its events are read from files.
    #[error("events are read from files: there is no data folder to look into")]
    NoStore,
    /// What is searched cannot be read once more for a subsearch.
    #[error("the standard input can be read only once, and a search in brackets reads it, too")]
    ReadOnce,
    /// The rows come from a store that failed.
    #[error("cannot read events")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RunError {
    /// What to do about it, if that can be said.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            RunError::Limit { limit: "max_memory_bytes", .. } => Some(
                "raise max_memory_bytes under [limits] in trawl.toml, or keep fewer rows, fields or groups before it",
            ),
            RunError::Limit { limit: "max_spill_bytes", .. } => {
                Some("raise max_spill_bytes under [limits] in trawl.toml, or search a shorter time")
            }
            RunError::Limit { limit: "max_groups", .. } => {
                Some("raise max_groups under [limits] in trawl.toml, or group by fewer values")
            }
            RunError::ReadOnce => Some("write it to a file, and scan that"),
            RunError::Spill { .. } => {
                Some("make room there, or name another folder: spill_folder under [limits] in trawl.toml, or TMPDIR")
            }
            _ => None,
        }
    }
}

/// Result of executing something.
pub type Result<T, E = RunError> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names() {
        let names = ["stats", "sort", "search", "table", "timechart"];
        let cases = [
            ("stast", Some("stats")),
            ("STAT", Some("stats")),
            ("serach", Some("search")),
            ("timecahrt", Some("timechart")),
            ("xyz", None),
            ("", None),
        ];
        for (written, expected) in cases {
            assert_eq!(nearest(written, names), expected, "{written}");
        }
    }

    #[test]
    fn rendering_points_at_the_text() {
        let query = "error | stast count";
        let error = QueryError::new(QueryErrorKind::UnknownCommand("stast".into()), Span::new(8, 13))
            .with_nearest("stast", ["stats"]);
        insta::assert_snapshot!(error.render(query, false), @r"
        error: unknown command `stast`
          |
        1 | error | stast count
          |         ^^^^^
          |
          = hint: did you mean `stats`?
        ");
    }

    #[test]
    fn rendering_survives_spans_outside_the_text() {
        let error = QueryError::new(QueryErrorKind::EmptyStage, Span::new(50, 60));
        assert!(error.render("ä|", false).contains("a command is missing here"));
    }
}
