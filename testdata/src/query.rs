//! Searches with exact answers: `testdata/queries/*.toml`.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::micros;

/// A search over one corpus and its exact answer.
///
/// To run it: index all files of the corpus in one index ([`LogFile::host`](crate::LogFile) as host, zone UTC), search with
/// the zone UTC and the clock [`now`](Self::now), compare all result rows.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "CaseForm")]
pub struct QueryCase {
    /// File of `testdata/queries/` without its suffix.
    pub topic: String,
    /// Name of the corpus.
    pub corpus: String,
    /// Text of the search.
    pub query: String,
    /// The caller's range, as `--earliest` takes it; inclusive.
    pub earliest: Option<String>,
    /// The caller's range, as `--latest` takes it; exclusive.
    pub latest: Option<String>,
    /// The clock of the search, RFC 3339.
    pub now: String,
    /// The answer.
    pub expect: Expect,
}

impl QueryCase {
    /// Returns the clock of the search in microseconds since 1970.
    pub fn now_us(&self) -> i64 {
        micros(&self.now).expect("checked when it was loaded")
    }
}

/// What a search must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// So many rows (events).
    Count(u64),
    /// Exactly these rows in this order.
    Rows {
        /// Names of the columns in order.
        columns: Vec<String>,
        /// The cells of each row, one for each column.
        rows: Vec<Vec<Cell>>,
    },
}

/// One expected cell: the printed value, or several for a multivalue. `""` stands for an absent value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// One value, or none if it is empty.
    One(String),
    /// Several values in order.
    Many(Vec<String>),
}

impl Cell {
    /// Tells whether the values a search printed in `column` are the expected ones; an absent cell is an empty slice.
    ///
    /// Times (column `_time`) compare as instants, so that the zone they are printed in does not matter. Numbers compare as
    /// numbers within one part in 10⁹, because the order in which parts of an average are added is free. The rest compares
    /// as text.
    pub fn agrees_with(&self, column: &str, values: &[impl AsRef<str>]) -> bool {
        let expected: &[String] = match self {
            Self::One(value) if value.is_empty() => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        };
        expected.len() == values.len()
            && expected.iter().zip(values).all(|(expected, value)| agree(column, expected, value.as_ref()))
    }
}

fn agree(column: &str, expected: &str, actual: &str) -> bool {
    if column == "_time" {
        return micros(expected).is_some() && micros(expected) == micros(actual);
    }
    match (expected.parse::<f64>(), actual.parse::<f64>()) {
        (Ok(expected), Ok(actual)) => (expected - actual).abs() <= 1e-9 * expected.abs(),
        _ => expected == actual,
    }
}

/// Returns all cases, by topic.
///
/// # Panics
/// If a file of `testdata/queries/` below the source tree cannot be read or is malformed.
pub fn queries() -> &'static [QueryCase] {
    static QUERIES: LazyLock<Vec<QueryCase>> = LazyLock::new(load);
    &QUERIES
}

fn load() -> Vec<QueryCase> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("the folder is readable").path()).collect();
    files.sort();
    files.iter().flat_map(|file| load_file(file)).collect()
}

fn load_file(file: &Path) -> Vec<QueryCase> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Cases {
        case: Vec<QueryCase>,
    }

    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let Cases { case: mut cases } = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let topic = file.file_stem().unwrap_or_default().to_string_lossy();
    for case in &mut cases {
        case.topic = topic.clone().into_owned();
    }
    cases
}

/// A case as it stands in the file: `count`, or `columns` and `rows`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseForm {
    corpus: String,
    query: String,
    earliest: Option<String>,
    latest: Option<String>,
    now: String,
    count: Option<u64>,
    columns: Option<Vec<String>>,
    rows: Option<Vec<Vec<Cell>>>,
}

impl TryFrom<CaseForm> for QueryCase {
    type Error = String;

    fn try_from(form: CaseForm) -> Result<Self, String> {
        let expect = match (form.count, form.columns, form.rows) {
            (Some(count), None, None) => Expect::Count(count),
            (None, Some(columns), Some(rows)) => Expect::Rows { columns, rows },
            _ => {
                return Err(format!("`{}`: give `count`, or `columns` and `rows`", form.query));
            }
        };
        if let Expect::Rows { columns, rows } = &expect
            && rows.iter().any(|row| row.len() != columns.len())
        {
            return Err(format!("`{}`: a row has not {} cells", form.query, columns.len()));
        }
        if micros(&form.now).is_none() {
            return Err(format!("`{}` is no RFC 3339 time", form.now));
        }
        Ok(Self {
            topic: String::new(),
            corpus: form.corpus,
            query: form.query,
            earliest: form.earliest,
            latest: form.latest,
            now: form.now,
            expect,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn cases_are_many_and_differ() {
        let distinct: BTreeSet<_> =
            queries().iter().map(|case| (&case.corpus, &case.query, &case.earliest, &case.latest)).collect();
        assert_eq!(distinct.len(), queries().len());
        assert!(queries().len() >= 200);
    }

    #[test]
    fn cases_name_a_corpus() {
        for case in queries() {
            crate::corpus(&case.corpus);
        }
    }

    #[test]
    fn cells_compare_by_meaning() {
        let check = |column, expected: &str, actual: &[&str], agrees| {
            assert_eq!(
                Cell::One(expected.into()).agrees_with(column, actual),
                agrees,
                "{column} {expected} {actual:?}"
            );
        };
        check("host", "web-01", &["web-01"], true);
        check("host", "web-01", &["WEB-01"], false);
        check("host", "", &[], true);
        check("host", "", &["web-01"], false);
        check("avg(ms)", "203.3125", &["203.31250000000003"], true);
        check("count", "40", &["41"], false);
        check("_time", "2026-11-20T14:05:00Z", &["2026-11-20T19:35:00.000000+05:30"], true);
        check("_time", "2026-11-20T14:05:00Z", &["2026-11-20T14:05:01Z"], false);
        assert!(Cell::Many(vec!["200".into(), "404".into()]).agrees_with("values(status)", &["200", "404"]));
    }
}
