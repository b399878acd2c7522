//! Corpora and what is expected of each of their files: `testdata/corpora/expected.toml`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Deserializer};

use crate::now_us;

/// Several logs that are indexed together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corpus {
    /// Name, and folder under `testdata/corpora/`.
    pub name: String,
    /// One sentence for people.
    pub about: String,
    #[serde(rename = "file")]
    files: Vec<LogFile>,
}

impl Corpus {
    /// Returns the folder that holds the files, below the source tree this crate was built from.
    pub fn path(&self) -> PathBuf {
        folder().join(&self.name)
    }

    /// Returns the files in the order of the table; together they are all files of the folder.
    pub fn files(&self) -> &[LogFile] {
        &self.files
    }

    /// Returns the file of that relative path.
    ///
    /// # Panics
    /// If there is none: the name is a literal of a test.
    pub fn file(&self, path: &str) -> &LogFile {
        self.files
            .iter()
            .find(|file| file.path == path)
            .unwrap_or_else(|| panic!("corpus {} has no file {path}", self.name))
    }

    /// Returns where that file lies on disk.
    pub fn path_of(&self, file: &LogFile) -> PathBuf {
        self.path().join(&file.path)
    }

    /// Copies all files below `target`, keeping relative paths, and sets their modification times to the expected ones.
    ///
    /// A checkout gives every file the time of the checkout, which is no good where a stamp has no year.
    ///
    /// # Errors
    /// The first failure to create a folder, to copy or to set a time.
    pub fn copy_to(&self, target: &Path) -> io::Result<()> {
        for file in &self.files {
            let copy = target.join(&file.path);
            if let Some(folder) = copy.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::copy(self.path_of(file), &copy)?;
            let modified = UNIX_EPOCH + Duration::from_micros(file.mtime_us().unsigned_abs());
            File::options().write(true).open(&copy)?.set_modified(modified)?;
        }
        Ok(())
    }
}

/// One file of a corpus and what a reader must find in it.
///
/// An expectation that is absent is not known or not settled by the rules; [`remarks`](Self::remarks) says why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// Path relative to the corpus, with `/`.
    pub path: String,
    /// Host to index the file under; lines of a relay carry their own, see [`hosts`](Self::hosts).
    pub host: String,
    /// Sourcetype that detection must find. Absent: not a log, or nothing to detect from.
    pub sourcetype: Option<String>,
    /// Number of events; header lines of tables are not events.
    pub n_events: Option<u64>,
    /// How many of the events have no stamp, or an absurd one, and take another event's time.
    pub n_unstamped: Option<u64>,
    /// Earliest time of an event, in microseconds since 1970.
    #[serde(rename = "first", default, deserialize_with = "time_us")]
    pub first_us: Option<i64>,
    /// Latest time of an event, in microseconds since 1970; inclusive.
    #[serde(rename = "last", default, deserialize_with = "time_us")]
    pub last_us: Option<i64>,
    /// Events for each level, the level as written. Empty: not counted. Events without a level are left out.
    #[serde(default)]
    pub levels: BTreeMap<String, u64>,
    /// Events for each host, where the lines name theirs. Empty: all belong to [`host`](Self::host).
    #[serde(default)]
    pub hosts: BTreeMap<String, u64>,
    /// Encoding the program wrote in.
    #[serde(default)]
    pub encoding: Encoding,
    /// Compression of the whole file.
    pub compression: Option<Compression>,
    /// Whether the file is no text at all and must be skipped.
    #[serde(default)]
    pub binary: bool,
    /// Another file of the corpus with the same log; indexed after that one it must add nothing.
    pub duplicate_of: Option<String>,
    /// What is odd about the file.
    pub remarks: Option<String>,
    #[serde(rename = "mtime", default, deserialize_with = "time_us")]
    mtime_us: Option<i64>,
}

impl LogFile {
    /// Returns the modification time that the expectations assume, in microseconds since 1970.
    pub fn mtime_us(&self) -> i64 {
        self.mtime_us.unwrap_or_else(now_us)
    }
}

/// Encoding of a log's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Encoding {
    /// UTF-8, valid or not, with or without BOM.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16, little endian, with BOM.
    #[serde(rename = "utf-16-le")]
    Utf16Le,
    /// UTF-16, big endian, with BOM.
    #[serde(rename = "utf-16-be")]
    Utf16Be,
    /// ISO 8859-1; nothing in a file says so, it has to be configured.
    #[serde(rename = "latin-1")]
    Latin1,
}

/// Compression of a file, to be recognised by content.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// gzip, one or more members.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

/// Returns all corpora.
pub fn corpora() -> &'static [Corpus] {
    &expected().corpora
}

/// Returns the corpus of that name.
///
/// # Panics
/// If there is none: the name is a literal of a test.
pub fn corpus(name: &str) -> &'static Corpus {
    corpora().iter().find(|corpus| corpus.name == name).unwrap_or_else(|| panic!("no corpus {name}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[cfg_attr(not(test), expect(dead_code, reason = "a test compares it with NOW"))]
    now: String,
    #[serde(rename = "corpus")]
    corpora: Vec<Corpus>,
}

fn expected() -> &'static Expected {
    static EXPECTED: LazyLock<Expected> = LazyLock::new(|| {
        toml::from_str(include_str!("../corpora/expected.toml")).expect("expected.toml is well formed")
    });
    &EXPECTED
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora")
}

fn time_us<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    crate::micros(&text).map(Some).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no RFC 3339 time")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_names_every_file_and_no_other() {
        let listed: BTreeSet<_> =
            corpora().iter().flat_map(|corpus| corpus.files().iter().map(|file| corpus.path_of(file))).collect();
        let on_disk: BTreeSet<_> = walkdir::WalkDir::new(folder())
            .min_depth(2)
            .into_iter()
            .map(|entry| entry.expect("the corpora are readable"))
            .filter(|entry| entry.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
            .collect();
        assert_eq!(listed, on_disk);
    }

    #[test]
    fn the_corpora_stay_small() {
        let bytes: u64 = corpora()
            .iter()
            .flat_map(|corpus| corpus.files().iter().map(|file| corpus.path_of(file)))
            .map(|path| fs::metadata(path).expect("the file exists").len())
            .sum();
        assert!(bytes <= 1_500_000, "{bytes} bytes");
    }

    #[test]
    fn the_table_and_the_crate_share_a_clock() {
        assert_eq!(expected().now, crate::NOW);
    }

    #[test]
    fn duplicates_name_a_file_of_their_corpus() {
        for corpus in corpora() {
            for original in corpus.files().iter().filter_map(|file| file.duplicate_of.as_deref()) {
                corpus.file(original);
            }
        }
    }

    #[test]
    fn a_copy_has_the_expected_times() {
        let target = tempfile::tempdir().expect("a temporary folder");
        let edge = corpus("edge");
        edge.copy_to(target.path()).expect("the corpus can be copied");
        for file in edge.files() {
            let modified = fs::metadata(target.path().join(&file.path))
                .and_then(|metadata| metadata.modified())
                .expect("a copy of the file");
            let micros = modified.duration_since(UNIX_EPOCH).expect("after 1970").as_micros();
            assert_eq!(micros, u128::from(file.mtime_us().unsigned_abs()), "{}", file.path);
        }
    }
}
